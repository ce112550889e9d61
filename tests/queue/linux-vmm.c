/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "tests/harness/hold.h"
#include "tests/harness/support.h"
#include "tests/harness/target.h"
#include "tests/queue/linux-vmm.h"

#define RING 0x1000u
#define STATUS 0x2000u
#define SHIFT 5u

/* What the queue halts at; ICE is not of these. */
#define FSTS_HALTS (IOMMUNEST_VTD_FSTS_IQE | IOMMUNEST_VTD_FSTS_ITE)

/* ---- Who is who ---- */

static const struct {
	unsigned int context;
	uint32_t hwpt_id;
} hwpts[VMM_HWPTS] = {
	{ 0, VMM_HWPT },
	{ 0, VMM_HWPT + 1 },
	{ 0, VMM_HWPT + 2 },
	{ 0, VMM_HWPT + 3 },
	{ 0, VMM_HWPT + 4 },
	{ 0, VMM_HWPT + 5 },
	{ 1, VMM_FAR_ID(VMM_FAR) },
	{ 1, VMM_FAR_ID(VMM_FAR_PASID) },
};

static const struct {
	uint16_t did;
	uint32_t pasid;
	uint32_t number;
} scopes[] = {
	{ 1, 0, VMM_HWPT },
	{ 2, 0, VMM_HWPT + 1 },
	{ 3, 0, VMM_HWPT + 2 },
	{ 3, 0, VMM_HWPT + 3 },
	{ 4, 0, VMM_HWPT + 4 },
	{ 4, 0, VMM_FAR },
	{ 5, VMM_PASID_A, VMM_HWPT + 5 },
	{ 5, VMM_PASID_B, VMM_HWPT + 5 },
	{ 5, VMM_PASID_B, VMM_FAR_PASID },
};

static uint32_t number_of(const struct linux_context *context, uint32_t hwpt_id)
{
	unsigned int at = (unsigned int)(context - context->vmm->contexts);
	uint32_t i;

	for (i = 0; i < VMM_HWPTS; i++)
		if (hwpts[i].context == at && hwpts[i].hwpt_id == hwpt_id)
			return VMM_HWPT + i;
	ck_abort_msg("there is no HWPT %u in context %u", hwpt_id, at);
}

/* ---- The hosts ---- */

/* Of a call that failed with its count untouched, nothing is known. */
static uint32_t count_done(const struct host_call *call)
{
	if (call->handled < call->count)
		return call->handled;
	return call->error ? 0 : call->count;
}

/* The kernel stops a device that does not answer: it caches nothing more. */
static void contain(struct linux_vmm *vmm, uint32_t number)
{
	vmm->contained |= VMM_BIT(number);
	linux_cut(&vmm->guest, VMM_BIT(number));
}

static void note_executed(struct linux_context *context)
{
	const struct host_call *call = &context->host.calls[0];
	const struct iommunest_vtd_entry *entries = context->host.entries;
	const uint32_t number = number_of(context, call->hwpt_id);
	struct linux_vmm *vmm = context->vmm;
	uint32_t i;

	hold(!(vmm->isolated & VMM_BIT(number)));
	if (!(vmm->contained & VMM_BIT(number)))
		for (i = 0; i < count_done(call); i++)
			linux_executed(&vmm->guest, VMM_BIT(number),
				       entries[i].addr, entries[i].npages);
	if (call->error && vmm->setup.contains)
		contain(vmm, number);
	host_forget(&context->host);
}

static int vmm_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct linux_context *context = data;
	int ret = host_sys.ioctl(&context->host, fd, request, arg);

	if (context->host.n_calls)
		note_executed(context);
	return ret;
}

static void open_context(struct linux_vmm *vmm, struct linux_context *context)
{
	static struct iommunest_sys sys;
	const struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &sys,
		.sys_data = context,
	};

	sys = host_sys;
	sys.ioctl = vmm_ioctl;
	context->vmm = vmm;
	host_init(&context->host);
	hold(!iommunest_open(&context->ctx, &options));
}

void linux_vmm_fail(struct linux_vmm *vmm, uint32_t number,
		    struct host_rule rule)
{
	hold(number >= VMM_HWPT && number < VMM_HWPT + VMM_HWPTS);
	rule.hwpt_id = hwpts[number - VMM_HWPT].hwpt_id;
	host_fail(&vmm->contexts[hwpts[number - VMM_HWPT].context].host, rule);
}

/* ---- Targets ---- */

static struct iommunest_vtd_target target_of(const struct linux_vmm *vmm,
					     uint32_t number)
{
	return (struct iommunest_vtd_target){
		.size = sizeof(struct iommunest_vtd_target),
		.ctx = vmm->contexts[hwpts[number - VMM_HWPT].context].ctx,
		.hwpt_id = hwpts[number - VMM_HWPT].hwpt_id,
		.cookie = number,
	};
}

/* All its scopes, and its device. */
static void add_target(struct linux_vmm *vmm, uint32_t number)
{
	const struct iommunest_vtd_target target = target_of(vmm, number);
	size_t i;

	for (i = 0; i < ARRAY_LEN(scopes); i++)
		if (scopes[i].number == number)
			hold(!iommunest_vtd_iq_add_scope(vmm->iq, scopes[i].did,
							 scopes[i].pasid,
							 &target));
	if (number == VMM_HWPT)
		hold(!iommunest_vtd_iq_add_device(
			vmm->iq, VMM_SID, IOMMUNEST_VTD_NO_PASID, &target));
}

static int forget_target(struct linux_vmm *vmm, uint32_t number)
{
	const struct iommunest_vtd_target target = target_of(vmm, number);

	return iommunest_vtd_iq_forget(vmm->iq, &target);
}

/* All but those that are cut off. */
static void add_targets(struct linux_vmm *vmm)
{
	uint32_t i;

	for (i = VMM_HWPT; i < VMM_HWPT + VMM_HWPTS; i++)
		if (!(vmm->isolated & VMM_BIT(i)))
			add_target(vmm, i);
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

/* ---- A PASID-cache descriptor ---- */

#define ATTACH_TRIES 4u

static int attach_once(struct linux_attach *attach)
{
	int error = attach->error;

	if (attach->times && --attach->times == 0)
		attach->error = 0;
	return error;
}

static int attach(struct linux_attach *attach)
{
	unsigned int tries = 0;
	int ret;

	do
		ret = attach_once(attach);
	while (ret == -EBUSY && ++tries < ATTACH_TRIES);
	return ret;
}

/* What is detached has nothing cached. */
static void cut_off(struct linux_vmm *vmm, uint32_t targets)
{
	linux_cut(&vmm->guest, targets);
	vmm->isolated |= targets;
}

static void detach(struct linux_vmm *vmm, uint32_t targets)
{
	uint32_t i;

	for (i = VMM_HWPT; i < VMM_HWPT + VMM_HWPTS; i++)
		if (targets & ~vmm->isolated & VMM_BIT(i))
			hold(!forget_target(vmm, i));
	cut_off(vmm, targets);
}

/* Attached again, with nothing cached yet. */
static void readmit(struct linux_vmm *vmm)
{
	const uint32_t isolated = vmm->isolated;
	uint32_t i;
	int ret;

	vmm->isolated = 0;
	vmm->contained &= ~isolated;
	linux_heal(&vmm->guest, isolated);
	for (i = VMM_HWPT; i < VMM_HWPT + VMM_HWPTS; i++) {
		if (!(isolated & VMM_BIT(i)))
			continue;
		ret = forget_target(vmm, i);
		/* A detached one is forgotten, and another engine has none. */
		hold(!ret || ret == -ENOENT);
		add_target(vmm, i);
	}
}

static void change_tables(struct linux_vmm *vmm, uint32_t did)
{
	if (attach(&vmm->attach))
		detach(vmm, linux_vmm_targets(did));
	else if (vmm->setup.readmits)
		readmit(vmm);
}

/* ---- Descriptors, and what fails ---- */

static int vmm_descriptor(void *data, uint32_t index,
			  const struct iommunest_vtd_desc *desc)
{
	struct linux_vmm *vmm = data;
	bool done;
	int ret = answer_to(&vmm->answer, desc->type, &done);

	if (done && desc->type == IOMMUNEST_VTD_DESC_PASID_CACHE)
		change_tables(vmm, desc->did);
	if (done)
		linux_executed_slot(&vmm->guest, index, VMM_SELF);
	return ret;
}

static void vmm_healed(void *data, uint64_t cookie, uint32_t index, int error,
		       uint32_t code)
{
	struct linux_vmm *vmm = data;

	hold(index < VMM_SLOTS && error < 0 && !code);
	vmm->healed_told[cookie - VMM_HWPT]++;
}

static int vmm_isolate(void *data, uint64_t cookie, uint32_t index, int error,
		       uint32_t code)
{
	struct linux_vmm *vmm = data;

	hold(index < VMM_SLOTS && error < 0 && !code);
	vmm->isolate_told[cookie - VMM_HWPT]++;
	if (vmm->setup.isolate == LINUX_ISOLATE_FAILS)
		return -EIO;
	cut_off(vmm, VMM_BIT(cookie));
	return 0;
}

static const struct iommunest_vtd_iq_ops ops = {
	.size = sizeof(ops),
	.read = vmm_read,
	.write_status = vmm_write_status,
	.interrupt = vmm_interrupt,
	.descriptor = vmm_descriptor,
	.healed = vmm_healed,
	.isolate = vmm_isolate,
};

/* ---- The engine ---- */

static void new_engine(struct linux_vmm *vmm)
{
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.policy = vmm->setup.policy,
		.budget = vmm->setup.budget,
		.unhealed = vmm->setup.unhealed,
	};

	hold(!iommunest_vtd_iq_new(&vmm->iq, &ops, vmm, &options));
}

/* Where nothing is pending that a state has to have, one run in so many. */
#define MIGRATE_EVERY 8u

/* To another machine, and on there. */
static void migrate(struct linux_vmm *vmm)
{
	struct iommunest_vtd_iq_state state =
		IOMMUNEST_INIT(struct iommunest_vtd_iq_state);

	hold(!iommunest_vtd_iq_save(vmm->iq, &state));
	if (!(state.flags & IOMMUNEST_VTD_IQ_ABORT) && !state.cause &&
	    vmm->runs++ % MIGRATE_EVERY)
		return;
	iommunest_vtd_iq_free(vmm->iq);
	new_engine(vmm);
	add_targets(vmm);
	hold(!iommunest_vtd_iq_restore(vmm->iq, &state));
}

/* ---- The registers ---- */

static void run(struct linux_vmm *vmm)
{
	struct iommunest_vtd_iq_result result =
		IOMMUNEST_INIT(struct iommunest_vtd_iq_result);
	int ret;

	if (vmm->setup.migrates)
		migrate(vmm);
	ret = iommunest_vtd_iq_run(vmm->iq, vmm->iqt, &result);
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
		.kicks_each = vmm->setup.kicks_each,
		.patience = vmm->setup.patience,
		.data = vmm->setup.data,
	};

	linux_init(&vmm->guest, &setup);
}

static void start_queue(struct linux_vmm *vmm)
{
	struct iommunest_vtd_iq_result result =
		IOMMUNEST_INIT(struct iommunest_vtd_iq_result);

	hold(!iommunest_vtd_iq_set_base(vmm->iq, guest_iqa(RING, 0, true),
					IOMMUNEST_VTD_TTM_SCALABLE));
	hold(!iommunest_vtd_iq_enable(vmm->iq, &result));
}

void linux_vmm_open(struct linux_vmm *vmm, const struct linux_vmm_setup *setup)
{
	unsigned int i;

	memset(vmm, 0, sizeof(*vmm));
	vmm->setup = *setup;
	new_guest(vmm);
	for (i = 0; i < VMM_CONTEXTS; i++)
		open_context(vmm, &vmm->contexts[i]);
	new_engine(vmm);
	start_queue(vmm);
	add_targets(vmm);
}

void linux_vmm_close(struct linux_vmm *vmm)
{
	unsigned int i;

	iommunest_vtd_iq_free(vmm->iq);
	for (i = 0; i < VMM_CONTEXTS; i++) {
		iommunest_close(vmm->contexts[i].ctx);
		host_free(&vmm->contexts[i].host);
	}
}

/* ---- Flushes ---- */

static uint32_t targets_of(uint32_t did, uint32_t pasid)
{
	uint32_t targets = 0;
	size_t i;

	for (i = 0; i < ARRAY_LEN(scopes); i++)
		if (scopes[i].did == did && scopes[i].pasid == pasid)
			targets |= VMM_BIT(scopes[i].number);
	hold(targets);
	return targets;
}

/* An IOTLB descriptor knows no PASID. */
uint32_t linux_vmm_targets(uint32_t did)
{
	uint32_t targets = 0;
	size_t i;

	for (i = 0; i < ARRAY_LEN(scopes); i++)
		if (scopes[i].did == did)
			targets |= VMM_BIT(scopes[i].number);
	hold(targets);
	return targets;
}

static struct linux_flush page_of(uint32_t did, uint32_t pasid, uint64_t addr)
{
	return (struct linux_flush){
		.desc = guest_piotlb_pages((uint16_t)did, pasid, addr, 0,
					   false),
		.targets = targets_of(did, pasid),
		.addr = addr,
		.npages = 1,
	};
}

struct linux_flush linux_vmm_page(uint32_t did, uint64_t addr)
{
	return page_of(did, did == VMM_PASID_DID ? VMM_PASID_B : 0, addr);
}

struct linux_flush linux_vmm_page_a(uint64_t addr)
{
	return page_of(VMM_PASID_DID, VMM_PASID_A, addr);
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
