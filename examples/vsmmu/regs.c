/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The register file: which write becomes which call. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "regs.h"

void vsmmu_note(const struct vsmmu *vsmmu, const char *format, ...)
{
	char text[256];
	va_list args;

	if (!vsmmu->config.note)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	vsmmu->config.note(vsmmu->config.user, text);
}

/* ---- The command queue ---- */

static bool is_error_shown(const struct vsmmu *vsmmu)
{
	return (vsmmu_get32(vsmmu, REG_GERROR) ^
		vsmmu_get32(vsmmu, REG_GERRORN)) &
	       IOMMUNEST_SMMUV3_GERROR_CMDQ;
}

static void note_error(const struct vsmmu *vsmmu,
		       const struct iommunest_smmuv3_cmdq_result *result)
{
	const unsigned int cerror =
		(result->cons & IOMMUNEST_SMMUV3_CMDQ_CONS_ERR) >>
		IOMMUNEST_SMMUV3_CMDQ_CONS_ERR_SHIFT;

	vsmmu_note(vsmmu, "the queue halts at slot %u: %s, %s",
		   result->index, iommunest_smmuv3_cerror_name(cerror),
		   result->reason ? iommunest_smmuv3_cmd_reason_text(
					    result->reason)
				  : strerror(-result->error));
}

/*
 * Stores what the engine did in the registers that the guest reads: all of
 * it, and then the interrupt, if there is one.  What is left where the
 * budget ended the run is the main loop's: the vCPU goes on meanwhile, and
 * so do others that wait for the VMM's lock.
 *
 * What the guest sees is no error of the VMM; a queue that halts and shows
 * nothing is, and the guest has to be stopped, because it takes for done
 * what is not.
 */
static int show_result(struct vsmmu *vsmmu, int ret,
		       const struct iommunest_smmuv3_cmdq_result *result)
{
	vsmmu_put32(vsmmu, REG_CMDQ_CONS, result->cons);
	vsmmu_show_errors(vsmmu, result->gerror);
	if (ret > 0) {
		vsmmu->config.schedule(vsmmu->config.user);
		return 0;
	}
	if (!is_error_shown(vsmmu))
		return ret;
	if (result->gerror_changed & IOMMUNEST_SMMUV3_GERROR_CMDQ)
		note_error(vsmmu, result);
	return 0;
}

/* It may come late, when there is nothing to do any more. */
int vsmmu_work(struct vsmmu *vsmmu)
{
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(
							       result) };
	int ret = iommunest_smmuv3_cmdq_run(vsmmu->cmdq, &result);

	return show_result(vsmmu, ret, &result);
}

static int wrote_cmdq_base(struct vsmmu *vsmmu)
{
	return iommunest_smmuv3_cmdq_write_base(
		vsmmu->cmdq, vsmmu_get64(vsmmu, REG_CMDQ_BASE));
}

static int wrote_cmdq_cons(struct vsmmu *vsmmu)
{
	return iommunest_smmuv3_cmdq_write_cons(
		vsmmu->cmdq, vsmmu_get32(vsmmu, REG_CMDQ_CONS));
}

/* With the queue disabled, the engine remembers it and does nothing. */
static int wrote_cmdq_prod(struct vsmmu *vsmmu)
{
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(
							       result) };
	int ret = iommunest_smmuv3_cmdq_write_prod(
		vsmmu->cmdq, vsmmu_get32(vsmmu, REG_CMDQ_PROD), &result);

	return show_result(vsmmu, ret, &result);
}

/* The queue goes on where the guest has seen its error, before the guest
 * does.
 */
static int wrote_gerrorn(struct vsmmu *vsmmu)
{
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(
							       result) };
	int ret = iommunest_smmuv3_cmdq_write_gerrorn(
		vsmmu->cmdq, vsmmu_get32(vsmmu, REG_GERRORN), &result);

	return show_result(vsmmu, ret, &result);
}

/* ---- Control ---- */

static int enable_cmdq(struct vsmmu *vsmmu)
{
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(
							       result) };
	int ret = iommunest_smmuv3_cmdq_write_cr0(
		vsmmu->cmdq, vsmmu_get32(vsmmu, REG_CR0), &result);

	return show_result(vsmmu, ret, &result);
}

/* All of it takes effect now, whatever differs from before. */
static int wrote_cr0(struct vsmmu *vsmmu)
{
	const uint32_t cr0 = vsmmu_get32(vsmmu, REG_CR0);
	const uint32_t changed = cr0 ^ vsmmu_get32(vsmmu, REG_CR0ACK);
	int ret = 0;

	vsmmu_put32(vsmmu, REG_CR0ACK, cr0);
	if (changed & CR0_SMMUEN)
		ret = vsmmu_nest_update(vsmmu, false);
	if (!ret && changed & CR0_CMDQEN)
		ret = enable_cmdq(vsmmu);
	return ret;
}

static int wrote_irq_ctrl(struct vsmmu *vsmmu)
{
	vsmmu_put32(vsmmu, REG_IRQ_CTRLACK,
		    vsmmu_get32(vsmmu, REG_IRQ_CTRL));
	return 0;
}

/* ---- MMIO ---- */

/*
 * What a write does to the 32 bits at an offset, and which function it
 * calls. Registers and bits that are not listed are read-only, or do not
 * exist.
 */
static const struct reg {
	/* Bits that become what is written. */
	uint32_t write;
	/* While a bit of these is set in CR0, a write is ignored. */
	uint32_t locked_by;
	/* The lower half of a register of 64 bits. */
	bool wide;
	int (*wrote)(struct vsmmu *vsmmu);
} regs[REG_END / 4] = {
	[REG_CR0 / 4] = { .write = CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN |
				   CR0_ATSCHK,
			  .wrote = wrote_cr0 },
	[REG_CR1 / 4] = { .write = 0xfff },
	[REG_CR2 / 4] = { .write = CR2_RECINVSID },
	[REG_IRQ_CTRL / 4] = { .write = IRQ_CTRL_GERROR | IRQ_CTRL_EVENTQ,
			       .wrote = wrote_irq_ctrl },
	[REG_GERRORN / 4] = { .write = GERROR_QUEUE | GERROR_OWN,
			      .wrote = wrote_gerrorn },
	[REG_GERROR_IRQ_CFG0 / 4] = { .write = 0xfffffffc, .wide = true },
	[REG_GERROR_IRQ_CFG0 / 4 + 1] = { .write = 0x000fffff },
	[REG_GERROR_IRQ_CFG1 / 4] = { .write = 0xffffffff },
	[REG_STRTAB_BASE / 4] = { .write = 0xffffffc0,
				  .locked_by = CR0_SMMUEN,
				  .wide = true },
	[REG_STRTAB_BASE / 4 + 1] = { .write = 0x400fffff,
				      .locked_by = CR0_SMMUEN },
	[REG_STRTAB_BASE_CFG / 4] = { .write = 0x000307ff,
				      .locked_by = CR0_SMMUEN },
	[REG_CMDQ_BASE / 4] = { .write = 0xffffffff,
				.locked_by = CR0_CMDQEN,
				.wide = true,
				.wrote = wrote_cmdq_base },
	[REG_CMDQ_BASE / 4 + 1] = { .write = 0x400fffff,
				    .locked_by = CR0_CMDQEN,
				    .wrote = wrote_cmdq_base },
	[REG_CMDQ_PROD / 4] = { .write = IOMMUNEST_SMMUV3_CMDQ_POSITION,
				.wrote = wrote_cmdq_prod },
	[REG_CMDQ_CONS / 4] = { .write = 0x7f0fffff,
				.locked_by = CR0_CMDQEN,
				.wrote = wrote_cmdq_cons },
	[REG_EVENTQ_BASE / 4] = { .write = 0xffffffff,
				  .locked_by = CR0_EVENTQEN,
				  .wide = true },
	[REG_EVENTQ_BASE / 4 + 1] = { .write = 0x400fffff,
				      .locked_by = CR0_EVENTQEN },
	[REG_EVENTQ_PROD / 4] = { .write = 0x800fffff,
				  .locked_by = CR0_EVENTQEN },
	[REG_EVENTQ_CONS / 4] = { .write = 0x800fffff },
	[REG_EVENTQ_IRQ_CFG0 / 4] = { .write = 0xfffffffc, .wide = true },
	[REG_EVENTQ_IRQ_CFG0 / 4 + 1] = { .write = 0x000fffff },
	[REG_EVENTQ_IRQ_CFG1 / 4] = { .write = 0xffffffff },
};

static bool is_event_position(uint64_t offset)
{
	return offset == REG_EVENTQ_PROD || offset == REG_EVENTQ_CONS;
}

/* Where it is in the array; REG_END: there is no such register. */
static uint32_t find_reg(uint64_t offset, unsigned int size)
{
	if (offset >= REG_PAGE1 && is_event_position(offset - REG_PAGE1))
		offset -= REG_PAGE1;
	else if (is_event_position(offset))
		return REG_END;
	if ((size != 4 && size != 8) || offset % size || offset >= REG_END)
		return REG_END;
	if (size == 8 && !regs[offset / 4].wide)
		return REG_END;
	return (uint32_t)offset;
}

static void store(struct vsmmu *vsmmu, uint32_t at, uint32_t value)
{
	const uint32_t bits = regs[at / 4].write;

	vsmmu_put32(vsmmu, at,
		    (vsmmu_get32(vsmmu, at) & ~bits) | (value & bits));
}

/* Attributes are not kept, and without UPDATE it is not written. */
static int write_gbpa(struct vsmmu *vsmmu, uint32_t value)
{
	if (!(value & GBPA_UPDATE))
		return 0;
	vsmmu_put32(vsmmu, REG_GBPA, value & GBPA_ABORT);
	return vsmmu_nest_update(vsmmu, false);
}

uint64_t vsmmu_read(const struct vsmmu *vsmmu, uint64_t offset,
		    unsigned int size)
{
	const uint32_t at = find_reg(offset, size);

	if (at == REG_END)
		return 0;
	return size == 4 ? vsmmu_get32(vsmmu, at) : vsmmu_get64(vsmmu, at);
}

int vsmmu_write(struct vsmmu *vsmmu, uint64_t offset, uint64_t value,
		unsigned int size)
{
	const uint32_t at = find_reg(offset, size);
	const struct reg *reg = &regs[at / 4];

	if (at == REG_GBPA)
		return write_gbpa(vsmmu, (uint32_t)value);
	if (at == REG_END || vsmmu_is_set(vsmmu, REG_CR0, reg->locked_by))
		return 0;
	store(vsmmu, at, (uint32_t)value);
	if (size == 8)
		store(vsmmu, at + 4, (uint32_t)(value >> 32));
	return reg->wrote ? reg->wrote(vsmmu) : 0;
}

/* ---- Life cycle ---- */

#define IDR0_S1P (1u << 1)
#define IDR0_COHACC (1u << 4)
#define IDR0_MSI (1u << 13)
#define IDR0_ST_2LEVEL (1u << 27)
/* Terminates, and never stalls: nobody would answer. */
#define IDR0_NO_STALLS (1u << 24)
#define IDR5_OAS_40 2u
#define AIDR_3_2 2u

/* What the engine takes for legal is what the guest is shown. */
static void set_id_registers(struct vsmmu *vsmmu)
{
	const struct iommunest_smmuv3_caps *caps = &vsmmu->config.caps;

	vsmmu_put32(vsmmu, REG_IDR0,
		    IDR0_S1P | IDR0_COHACC | IDR0_MSI | IDR0_NO_STALLS |
			    IDR0_ST_2LEVEL | (uint32_t)caps->ttf << 2 |
			    (uint32_t)caps->ats << 10 |
			    (uint32_t)(caps->asid_bits == 16) << 12 |
			    (uint32_t)caps->cd2l << 19 |
			    (uint32_t)caps->ttendian << 21 |
			    (uint32_t)caps->term_model << 26);
	vsmmu_put32(vsmmu, REG_IDR1,
		    VSMMU_SID_BITS | (uint32_t)caps->ssid_bits << 6 |
			    VSMMU_QUEUE_BITS << 16 |
			    VSMMU_QUEUE_BITS << 21);
	vsmmu_put32(vsmmu, REG_IDR3,
		    (uint32_t)caps->ril << 10 | (uint32_t)caps->bbml
							<< 11);
	vsmmu_put32(vsmmu, REG_IDR5,
		    IDR5_OAS_40 | (uint32_t)caps->gran4k << 4 |
			    (uint32_t)caps->gran16k << 5 |
			    (uint32_t)caps->gran64k << 6 |
			    (uint32_t)caps->ds << 8 |
			    (uint32_t)caps->vax << 10);
	vsmmu_put32(vsmmu, REG_AIDR, AIDR_3_2);
}

int vsmmu_reset(struct vsmmu *vsmmu)
{
	int ret;

	memset(vsmmu->regs, 0, sizeof(vsmmu->regs));
	set_id_registers(vsmmu);
	ret = iommunest_smmuv3_cmdq_reset(vsmmu->cmdq);
	if (ret)
		return ret;
	vsmmu_nest_forgotten(vsmmu);
	/* It is off again, and the device leaves its nested HWPT. */
	return vsmmu_nest_update(vsmmu, false);
}

int vsmmu_init(struct vsmmu *vsmmu, const struct vsmmu_config *config)
{
	const struct iommunest_smmuv3_cmdq_options options = {
		.size = sizeof(options),
		.caps = &config->caps,
		.budget = VSMMU_BUDGET,
		.flags = IOMMUNEST_SMMUV3_CMDQ_MSI,
		.cmdqs = VSMMU_QUEUE_BITS,
	};
	int ret;

	*vsmmu = (struct vsmmu){ .config = *config, .host.event_fd = -1 };
	ret = iommunest_smmuv3_cmdq_new(&vsmmu->cmdq, &vsmmu_cmdq_ops,
					vsmmu, &options);
	if (!ret)
		ret = vsmmu_reset(vsmmu);
	if (ret)
		vsmmu_fini(vsmmu);
	return ret;
}

void vsmmu_fini(struct vsmmu *vsmmu)
{
	/* What it cannot do now, closing the device will. */
	vsmmu_unplug(vsmmu);
	iommunest_smmuv3_cmdq_free(vsmmu->cmdq);
	vsmmu->cmdq = NULL;
}
