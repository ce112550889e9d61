/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The register file: which write becomes which call. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "regs.h"

/* VT-d 3.0, the first with a scalable mode. */
#define VERSION 0x30u

/*
 * CAP_REG: the VMM's own fields.  Caching mode: the guest says so, too, when an
 * entry of its tables becomes present.  Without it a VMM would not learn of a
 * new PASID-table entry.  There is one fault recording register.
 */
#define OWN_CAP                                                \
	(IOMMUNEST_VTD_CAP_ND_16_BITS | IOMMUNEST_VTD_CAP_CM | \
	 IOMMUNEST_VTD_CAP_FRO(REG_FRCD) | IOMMUNEST_VTD_CAP_NFR(1))
/*
 * ECAP_REG: IOTLB registers, which are not emulated and read as 0; and
 * pass-through, which needs nothing but stage 2, which the VMM has.
 */
#define OWN_ECAP (IOMMUNEST_VTD_ECAP_IRO(0x210) | IOMMUNEST_VTD_ECAP_PT)

#define FSTS_QUEUE                                         \
	(IOMMUNEST_VTD_FSTS_IQE | IOMMUNEST_VTD_FSTS_ICE | \
	 IOMMUNEST_VTD_FSTS_ITE)

void viommu_note(const struct viommu *viommu, const char *format, ...)
{
	char text[256];
	va_list args;

	if (!viommu->config.note)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	viommu->config.note(viommu->config.user, text);
}

/* ---- The queue ---- */

static const char *reason(const struct iommunest_vtd_iq_result *result)
{
	if (result->cause == IOMMUNEST_CAUSE_GUEST)
		return iommunest_vtd_iqei_text(result->iqercd & 0xf);
	return strerror(-result->error);
}

/*
 * Stores what the engine did in the registers that the guest reads: all of it,
 * and then the fault event, if it is one.  Returns 1 where the budget ended the
 * run.  What the guest sees is no error of the VMM; a queue that halts and
 * shows nothing is, and the guest has to be stopped, because its CPUs wait for
 * ever.
 */
static int show_result(struct viommu *viommu, int ret,
		       const struct iommunest_vtd_iq_result *result)
{
	viommu->halted = result->fsts & FSTS_HALTS;
	viommu_put64(viommu, REG_IQH, result->iqh);
	viommu_put64(viommu, REG_IQERCD, result->iqercd);
	if (result->cause != IOMMUNEST_CAUSE_NONE)
		viommu_note(viommu, "the queue halts at slot %u: %s",
			    result->index, reason(result));
	viommu_set_status(viommu, result->fsts);
	return viommu->halted ? 0 : ret;
}

/* With the queue disabled, the engine remembers the tail and does nothing. */
static int run(struct viommu *viommu)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	int ret;

	ret = iommunest_vtd_iq_run(viommu->iq, viommu_get64(viommu, REG_IQT),
				   &result);
	return show_result(viommu, ret, &result);
}

/* The vCPU goes on meanwhile, and so do others that wait for the VMM's lock. */
static int leave_to_main_loop(const struct viommu *viommu, int ret)
{
	if (ret <= 0)
		return ret;
	viommu->config.schedule(viommu->config.user);
	return 0;
}

/* It may come late, when there is nothing to do any more. */
int viommu_work(struct viommu *viommu)
{
	return leave_to_main_loop(viommu, run(viommu));
}

static int wrote_iqt(struct viommu *viommu, uint32_t value)
{
	(void)value;
	return viommu_work(viommu);
}

/*
 * All of it counts when the queue is enabled; guests write it before that, in
 * one piece or in halves.
 */
static int set_base(struct viommu *viommu)
{
	return iommunest_vtd_iq_set_base(
		viommu->iq, viommu_get64(viommu, REG_IQA),
		IOMMUNEST_VTD_RTADDR_TTM(viommu->root));
}

/* Where a guest writes it while the queue is enabled, its ring starts anew. */
static int wrote_iqa(struct viommu *viommu, uint32_t value)
{
	(void)value;
	if (!viommu_is_set(viommu, REG_GSTS, GCMD_QIE))
		return 0;
	viommu_put64(viommu, REG_IQH, 0);
	viommu_put64(viommu, REG_IQT, 0);
	return set_base(viommu);
}

/* What the guest has put into the ring by now is handled at once. */
static int enable_queue(struct viommu *viommu)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	int ret;

	ret = set_base(viommu);
	if (ret)
		return ret;
	viommu_set(viommu, REG_GSTS, GCMD_QIE);
	ret = iommunest_vtd_iq_enable(viommu->iq, &result);
	return leave_to_main_loop(viommu, show_result(viommu, ret, &result));
}

static int disable_queue(struct viommu *viommu)
{
	viommu_clear(viommu, REG_GSTS, GCMD_QIE);
	viommu_put64(viommu, REG_IQH, 0);
	return iommunest_vtd_iq_disable(viommu->iq);
}

/*
 * Hardware goes on when what it halted at is cleared, with the descriptor that
 * the head is at; the guest has fixed that one by then.
 *
 * The queue runs before the guest does, and here to its tail, whatever the
 * budget: Linux takes its slots for free right after this write, and another
 * CPU that waits for room fills them, read or not.
 */
static int wrote_fsts(struct viommu *viommu, uint32_t value)
{
	int ret;

	(void)value;
	viommu_status_seen(viommu);
	if (!viommu->halted || viommu_is_set(viommu, REG_FSTS, FSTS_HALTS))
		return 0;
	iommunest_vtd_iq_clear_fault(viommu->iq);
	do
		ret = run(viommu);
	while (ret > 0);
	return ret;
}

/* ---- Global commands ---- */

/*
 * RTADDR_REG takes effect now.  The engine has to know the mode, which decides
 * what descriptors there are.
 */
static int set_root_table(struct viommu *viommu)
{
	int ret;

	viommu->root = viommu_get64(viommu, REG_RTADDR);
	ret = iommunest_vtd_iq_set_mode(viommu->iq,
					IOMMUNEST_VTD_RTADDR_TTM(viommu->root));
	viommu_set(viommu, REG_GSTS, GCMD_SRTP);
	return ret ? ret : viommu_nest_update(viommu);
}

static int set_translation(struct viommu *viommu, bool on)
{
	if (on)
		viommu_set(viommu, REG_GSTS, GCMD_TE);
	else
		viommu_clear(viommu, REG_GSTS, GCMD_TE);
	return viommu_nest_update(viommu);
}

/* Of TE and QIE, what differs from the status; SRTP whenever it is 1. */
static int wrote_gcmd(struct viommu *viommu, uint32_t value)
{
	uint32_t changed = value ^ viommu_get32(viommu, REG_GSTS);
	int ret = 0;

	if (value & GCMD_SRTP)
		ret = set_root_table(viommu);
	if (!ret && changed & GCMD_QIE)
		ret = value & GCMD_QIE ? enable_queue(viommu)
				       : disable_queue(viommu);
	if (!ret && changed & GCMD_TE)
		ret = set_translation(viommu, value & GCMD_TE);
	return ret;
}

/* ---- Interrupts ---- */

static int wrote_ics(struct viommu *viommu, uint32_t value)
{
	(void)value;
	if (!viommu_is_set(viommu, REG_ICS, ICS_IWC))
		viommu_wait_seen(viommu);
	return 0;
}

static int wrote_iectl(struct viommu *viommu, uint32_t value)
{
	if (!(value & ECTL_IM))
		viommu_unmasked(viommu, REG_IECTL);
	return 0;
}

static int wrote_fectl(struct viommu *viommu, uint32_t value)
{
	if (!(value & ECTL_IM))
		viommu_unmasked(viommu, REG_FECTL);
	return 0;
}

static int wrote_frcd(struct viommu *viommu, uint32_t value)
{
	if (value & FRCD_F)
		viommu_fault_seen(viommu);
	return 0;
}

/* ---- MMIO ---- */

/*
 * What a write does to the 32 bits at an offset, and which function it calls.
 * Registers and bits that are not listed are read-only, or do not exist.
 */
static const struct reg {
	/* Bits that become what is written. */
	uint32_t write;
	/* Bits that a 1 clears. */
	uint32_t clear;
	int (*wrote)(struct viommu *viommu, uint32_t value);
} regs[REG_END / 4] = {
	/* A command is not stored; its status is in GSTS_REG. */
	[REG_GCMD / 4] = { .wrote = wrote_gcmd },
	[REG_RTADDR / 4] = { .write = 0xfffffc00 },
	[REG_RTADDR / 4 + 1] = { .write = 0xffffffff },
	[REG_FSTS / 4] = { .clear = FSTS_QUEUE, .wrote = wrote_fsts },
	[REG_FECTL / 4] = { .write = ECTL_IM, .wrote = wrote_fectl },
	[REG_FEDATA / 4] = { .write = 0xffffffff },
	[REG_FEADDR / 4] = { .write = 0xfffffffc },
	[REG_FEUADDR / 4] = { .write = 0xffffffff },
	[REG_IQT / 4] = { .write = 0x0007fff0, .wrote = wrote_iqt },
	[REG_IQA / 4] = { .write = 0xfffff807, .wrote = wrote_iqa },
	[REG_IQA / 4 + 1] = { .write = 0xffffffff, .wrote = wrote_iqa },
	[REG_ICS / 4] = { .clear = ICS_IWC, .wrote = wrote_ics },
	[REG_IECTL / 4] = { .write = ECTL_IM, .wrote = wrote_iectl },
	[REG_IEDATA / 4] = { .write = 0xffffffff },
	[REG_IEADDR / 4] = { .write = 0xfffffffc },
	[REG_IEUADDR / 4] = { .write = 0xffffffff },
	[REG_FRCD / 4 + 3] = { .clear = FRCD_F, .wrote = wrote_frcd },
};

static bool is_access(uint64_t offset, unsigned int size)
{
	return (size == 4 || size == 8) && offset % size == 0 &&
	       offset < REG_END;
}

static void store(struct viommu *viommu, uint32_t offset, uint32_t value)
{
	const struct reg *reg = &regs[offset / 4];

	viommu_clear(viommu, offset, reg->write | (reg->clear & value));
	viommu_set(viommu, offset, reg->write & value);
}

uint64_t viommu_read(const struct viommu *viommu, uint64_t offset,
		     unsigned int size)
{
	if (!is_access(offset, size))
		return 0;
	if (size == 4)
		return viommu_get32(viommu, (uint32_t)offset);
	return viommu_get64(viommu, (uint32_t)offset);
}

/*
 * All bits are stored before any function is called.  A 64-bit register that
 * is written at once is one write.
 */
int viommu_write(struct viommu *viommu, uint64_t offset, uint64_t value,
		 unsigned int size)
{
	uint32_t at = (uint32_t)offset;
	const struct reg *reg;
	int ret = 0;

	if (!is_access(offset, size))
		return 0;
	reg = &regs[at / 4];
	store(viommu, at, (uint32_t)value);
	if (size == 8)
		store(viommu, at + 4, (uint32_t)(value >> 32));
	if (reg->wrote)
		ret = reg->wrote(viommu, (uint32_t)value);
	if (!ret && size == 8 && reg[1].wrote && reg[1].wrote != reg->wrote)
		ret = reg[1].wrote(viommu, (uint32_t)(value >> 32));
	return ret;
}

/* ---- Life cycle ---- */

/* The host's capabilities that a guest can use, and the VMM's own. */
static int set_capabilities(struct viommu *viommu)
{
	uint64_t cap, ecap;
	int ret;

	/* Without PASIDs and page requests, which are not emulated here. */
	ret = iommunest_vtd_guest_caps(&viommu->config.info, &cap, &ecap);
	if (ret)
		return ret;
	viommu_put32(viommu, REG_VER, VERSION);
	viommu_put64(viommu, REG_CAP, cap | OWN_CAP);
	viommu_put64(viommu, REG_ECAP, ecap | OWN_ECAP);
	return 0;
}

int viommu_reset(struct viommu *viommu)
{
	int ret;

	memset(viommu->regs, 0, sizeof(viommu->regs));
	viommu_put32(viommu, REG_IECTL, ECTL_IM);
	viommu_put32(viommu, REG_FECTL, ECTL_IM);
	viommu->root = 0;
	viommu->halted = false;
	ret = set_capabilities(viommu);
	if (ret)
		return ret;
	iommunest_vtd_iq_reset(viommu->iq);
	/* Translation is off again, and the device leaves its nested HWPT. */
	return viommu_nest_update(viommu);
}

int viommu_init(struct viommu *viommu, const struct viommu_config *config)
{
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.budget = VIOMMU_BUDGET,
	};
	int ret;

	*viommu = (struct viommu){ .config = *config };
	ret = iommunest_vtd_iq_new(&viommu->iq, &viommu_iq_ops, viommu,
				   &options);
	if (!ret)
		ret = viommu_reset(viommu);
	if (ret)
		viommu_fini(viommu);
	return ret;
}

void viommu_fini(struct viommu *viommu)
{
	/* What it cannot do now, closing the device will. */
	viommu_unplug(viommu);
	iommunest_vtd_iq_free(viommu->iq);
	viommu->iq = NULL;
}
