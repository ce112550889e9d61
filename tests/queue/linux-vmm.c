/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/harness/target.h"
#include "tests/queue/linux-vmm.h"

#define RING 0x1000u
#define STATUS 0x2000u
#define SHIFT 5u

/* What the queue halts at; ICE is not of these. */
#define FSTS_HALTS (IOMMUNEST_VTD_FSTS_IQE | IOMMUNEST_VTD_FSTS_ITE)

/* libcheck's own assertions note each place they come by, and are slow. */
#define hold(condition)                                 \
	do {                                            \
		if (!(condition))                       \
			ck_abort_msg("%s", #condition); \
	} while (0)

/* ---- The host ---- */

/* Of a call that failed with its count untouched, nothing is known. */
static uint32_t count_done(const struct host_call *call)
{
	if (call->handled < call->count)
		return call->handled;
	return call->error ? 0 : call->count;
}

static void note_executed(struct linux_vmm *vmm)
{
	const struct host_call *call = &vmm->host.calls[0];
	const struct iommunest_vtd_entry *entries = vmm->host.entries;
	uint32_t i;

	hold(!(vmm->isolated & VMM_BIT(call->hwpt_id)));
	for (i = 0; i < count_done(call); i++)
		linux_executed(&vmm->guest, VMM_BIT(call->hwpt_id),
			       entries[i].addr, entries[i].npages);
	host_forget(&vmm->host);
}

static int vmm_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct linux_vmm *vmm = data;
	int ret = host_sys.ioctl(&vmm->host, fd, request, arg);

	if (vmm->host.n_calls)
		note_executed(vmm);
	return ret;
}

static struct iommunest_ctx *open_ctx(struct linux_vmm *vmm)
{
	static struct iommunest_sys sys;
	const struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &sys,
		.sys_data = vmm,
	};
	struct iommunest_ctx *ctx;

	sys = host_sys;
	sys.ioctl = vmm_ioctl;
	hold(!iommunest_open(&ctx, &options));
	return ctx;
}

/* ---- What the engine asks ---- */

static int vmm_read(void *data, uint64_t gpa, void *buf, size_t len)
{
	const struct linux_vmm *vmm = data;

	hold(gpa <= sizeof(vmm->memory) && len <= sizeof(vmm->memory) - gpa);
	memcpy(buf, vmm->memory + gpa, len);
	return 0;
}

static int vmm_write_status(void *data, uint32_t index, uint64_t gpa,
			    uint32_t value)
{
	struct linux_vmm *vmm = data;

	(void)index;
	hold(gpa >= STATUS && gpa <= sizeof(vmm->memory) - 4);
	value = htole32(value);
	memcpy(vmm->memory + gpa, &value, sizeof(value));
	return 0;
}

static void vmm_interrupt(void *data, uint32_t index)
{
	(void)data;
	(void)index;
	ck_abort_msg("Linux asks for no interrupt");
}

static int answer_to(struct linux_answer *answer, unsigned int type, bool *done)
{
	int error = answer->error;

	*done = true;
	if (answer->type != type)
		return 0;
	*done = answer->done;
	if (answer->times && --answer->times == 0)
		answer->type = 0;
	return error;
}

static int vmm_descriptor(void *data, uint32_t index,
			  const struct iommunest_vtd_desc *desc)
{
	struct linux_vmm *vmm = data;
	bool done;
	int ret = answer_to(&vmm->answer, desc->type, &done);

	if (done)
		linux_executed_slot(&vmm->guest, index, VMM_SELF);
	return ret;
}

static int vmm_isolate(void *data, uint64_t cookie, uint32_t index, int error,
		       uint32_t code)
{
	struct linux_vmm *vmm = data;

	(void)index;
	(void)error;
	(void)code;
	if (vmm->setup.isolate == LINUX_ISOLATE_FAILS)
		return -EIO;
	linux_cut(&vmm->guest, VMM_BIT(cookie));
	vmm->isolated |= VMM_BIT(cookie);
	return 0;
}

static const struct iommunest_vtd_iq_ops ops = {
	.size = sizeof(ops),
	.read = vmm_read,
	.write_status = vmm_write_status,
	.interrupt = vmm_interrupt,
	.descriptor = vmm_descriptor,
	.isolate = vmm_isolate,
};

/* ---- The registers ---- */

static void run(struct linux_vmm *vmm)
{
	struct iommunest_vtd_iq_result result =
		IOMMUNEST_INIT(struct iommunest_vtd_iq_result);
	int ret = iommunest_vtd_iq_run(vmm->iq, vmm->iqt, &result);

	vmm->pending = ret == 1;
	vmm->iqh = result.iqh;
	vmm->iqercd = result.iqercd;
	vmm->fsts |= result.fsts;
	vmm->shown |= result.fsts;
	vmm->halted = ret < 0 && !result.fsts;
}

static void work(void *data)
{
	struct linux_vmm *vmm = data;

	if (vmm->pending)
		run(vmm);
}

static uint64_t read_reg(void *data, enum linux_reg reg)
{
	struct linux_vmm *vmm = data;

	/* Every other time, so that all that can be in between is. */
	if (vmm->setup.when == LINUX_ANY_TIME && vmm->reads++ % 2)
		work(vmm);
	switch (reg) {
	case LINUX_IQH:
		return vmm->iqh;
	case LINUX_IQT:
		return vmm->iqt;
	case LINUX_FSTS:
		return vmm->fsts;
	default:
		return vmm->iqercd;
	}
}

/*
 * The slots can be in use again as soon as this returns: it runs the queue,
 * and all of it.
 */
static void write_fsts(struct linux_vmm *vmm, uint32_t value)
{
	uint32_t before = vmm->fsts;

	vmm->fsts &= ~value;
	if (!(before & FSTS_HALTS) || vmm->fsts & FSTS_HALTS)
		return;
	iommunest_vtd_iq_clear_fault(vmm->iq);
	do
		run(vmm);
	while (vmm->pending);
}

static void write_reg(void *data, enum linux_reg reg, uint64_t value)
{
	struct linux_vmm *vmm = data;

	if (reg == LINUX_FSTS) {
		write_fsts(vmm, (uint32_t)value);
		return;
	}
	hold(reg == LINUX_IQT);
	vmm->iqt = value;
	vmm->pending = true;
	if (vmm->setup.when == LINUX_AT_ONCE)
		run(vmm);
}

static bool is_halted(void *data)
{
	const struct linux_vmm *vmm = data;

	return vmm->halted;
}

/* ---- Putting it together ---- */

static void new_engine(struct linux_vmm *vmm)
{
	struct iommunest_vtd_iq_result result =
		IOMMUNEST_INIT(struct iommunest_vtd_iq_result);
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.policy = vmm->setup.policy,
		.budget = vmm->setup.budget,
		.unhealed = vmm->setup.unhealed,
	};

	hold(!iommunest_vtd_iq_new(&vmm->iq, &ops, vmm, &options));
	hold(!iommunest_vtd_iq_set_base(vmm->iq, guest_iqa(RING, 0, true),
					IOMMUNEST_VTD_TTM_SCALABLE));
	hold(!iommunest_vtd_iq_enable(vmm->iq, &result));
}

static void add_scope(struct linux_vmm *vmm, uint16_t did, uint32_t hwpt_id)
{
	hold(!iommunest_vtd_iq_add_scope(vmm->iq, did, 0,
					 TARGET(vmm->ctx, hwpt_id)));
}

static void add_targets(struct linux_vmm *vmm)
{
	add_scope(vmm, 1, VMM_HWPT);
	add_scope(vmm, 2, VMM_HWPT + 1);
	add_scope(vmm, 3, VMM_HWPT + 2);
	add_scope(vmm, 3, VMM_HWPT + 3);
	hold(!iommunest_vtd_iq_add_device(vmm->iq, VMM_SID,
					  IOMMUNEST_VTD_NO_PASID,
					  TARGET(vmm->ctx, VMM_HWPT)));
}

static void new_guest(struct linux_vmm *vmm)
{
	const struct linux_setup setup = {
		.form = vmm->setup.form,
		.hw = {
			.read_reg = read_reg,
			.write_reg = write_reg,
			.work = work,
			.is_halted = is_halted,
			.data = vmm,
		},
		.memory = vmm->memory,
		.ring = RING,
		.status = STATUS,
		.slots = VMM_SLOTS,
		.cpus = vmm->setup.cpus,
		.next_job = vmm->setup.next_job,
		.data = vmm->setup.data,
	};

	linux_init(&vmm->guest, &setup);
}

void linux_vmm_open(struct linux_vmm *vmm, const struct linux_vmm_setup *setup)
{
	memset(vmm, 0, sizeof(*vmm));
	vmm->setup = *setup;
	host_init(&vmm->host);
	new_guest(vmm);
	vmm->ctx = open_ctx(vmm);
	new_engine(vmm);
	add_targets(vmm);
}

void linux_vmm_close(struct linux_vmm *vmm)
{
	iommunest_vtd_iq_free(vmm->iq);
	iommunest_close(vmm->ctx);
	host_free(&vmm->host);
}

/* ---- Flushes ---- */

uint32_t linux_vmm_targets(uint32_t did)
{
	static const uint32_t targets[] = {
		0,
		VMM_BIT(VMM_HWPT),
		VMM_BIT(VMM_HWPT + 1),
		VMM_BIT(VMM_HWPT + 2) | VMM_BIT(VMM_HWPT + 3),
	};

	hold(did < ARRAY_LEN(targets));
	return targets[did];
}

struct linux_flush linux_vmm_page(uint32_t did, uint64_t addr)
{
	return linux_page((uint16_t)did, addr, linux_vmm_targets(did));
}

struct linux_flush linux_vmm_iotlb(uint32_t did)
{
	return (struct linux_flush){
		.desc = guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, (uint16_t)did,
				    0, 0),
		.targets = linux_vmm_targets(did),
		.npages = UINT64_MAX,
	};
}

struct linux_flush linux_vmm_dev_tlb(uint16_t sid, uint64_t addr)
{
	return (struct linux_flush){
		.desc = guest_dev_tlb(sid, addr, 0),
		.targets = sid == VMM_SID ? VMM_BIT(VMM_HWPT) : VMM_SELF,
		.addr = addr,
		.npages = 1,
	};
}

struct linux_flush linux_vmm_pasid_cache(uint32_t did)
{
	struct guest_desc desc = guest_typed(IOMMUNEST_VTD_DESC_PASID_CACHE);

	desc.words[0] |= IOMMUNEST_VTD_PASID_CACHE_PASID << 4 | (uint64_t)did
									<< 16;
	return (struct linux_flush){ .desc = desc, .targets = VMM_SELF };
}
