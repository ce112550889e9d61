/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The queue engine on the simulator: the input is the guest, the VMM, the
 * host's failures, and whoever hands over a state of live migration.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iq-vmm.h"
#include "tests/harness/policy.h"

/* Slots that an input may run over, so that none takes long. */
#define MOST_WORK 1024u

#define IQA_RESERVED UINT64_C(0x7f8)

/* ---- Making an engine ---- */

static void take_limits(struct vmm *vmm, uint8_t bits)
{
	struct iommunest_vtd_limits *limits = &vmm->limits;

	if (!(bits & IQ_LIMITS_GIVEN))
		return;
	limits->size = sizeof(*limits);
	limits->flags = bits & IOMMUNEST_VTD_COALESCE;
	limits->max_blocks = fuzz_u8(&vmm->in);
	vmm->options.limits = limits;
}

static void take_options(struct vmm *vmm)
{
	struct iommunest_vtd_iq_options *options = &vmm->options;
	struct model *model = &vmm->model;
	uint8_t bytes[IQ_OPTIONS];

	fuzz_take(&vmm->in, bytes, sizeof(bytes));
	options->size = sizeof(*options);
	model->policy = bytes[IQ_POLICY] % 4;
	options->policy = engine_policy(model->policy);
	options->unhealed = IOMMUNEST_VTD_UNHEALED_HALT;
	options->budget = bytes[IQ_BUDGET] > 127 ? bytes[IQ_BUDGET] - 127u : 0;
	take_limits(vmm, bytes[IQ_LIMITS]);
	vmm->flags = bytes[IQ_FLAGS];
	vmm->ops = vmm_ops;
	if (vmm->flags & IQ_VMM_NO_COVERED)
		vmm->ops.covered = NULL;
	if (vmm->flags & IQ_VMM_NO_SKIPPED)
		vmm->ops.skipped = NULL;
	if (!(vmm->flags & IQ_VMM_CACHES))
		vmm->ops.forwarded = NULL;
	model->tells_covered = vmm->ops.covered;
	model->tells_forwarded = vmm->ops.forwarded;
	model->budget = options->budget ? options->budget
					: IOMMUNEST_VTD_IQ_DEFAULT_BUDGET;
}

static bool options_are_good(const struct vmm *vmm)
{
	return vmm->model.policy <= IOMMUNEST_POLICY_FLUSH_ALL &&
	       (vmm->ops.skipped || vmm->model.policy != IOMMUNEST_POLICY_SKIP);
}

static bool make_engine(struct vmm *vmm)
{
	int ret = iommunest_vtd_iq_new(&vmm->iq, &vmm->ops, vmm, &vmm->options);

	fuzz_check(ret == (options_are_good(vmm) ? 0 : -EINVAL));
	fuzz_check(!ret == !!vmm->iq);
	return !ret;
}

/* ---- Registers ---- */

/* A new engine's. */
static void reset_model(struct model *model)
{
	memset(&model->state, 0, sizeof(model->state));
	model->fault_hwpt = 0;
	model->slots = 0;
	model->n_scopes = 0;
}

static void forget_fault(struct model *model)
{
	struct iommunest_vtd_iq_state *state = &model->state;

	state->cause = state->index = state->fsts = 0;
	state->error = 0;
	state->iqercd = 0;
	model->fault_hwpt = 0;
}

static void set_flag(struct model *model, uint32_t flag, bool value)
{
	model->state.flags &= ~flag;
	if (value)
		model->state.flags |= flag;
}

static void set_base(struct vmm *vmm, uint64_t iqa, enum iommunest_vtd_ttm ttm)
{
	struct model *model = &vmm->model;
	int ret = iommunest_vtd_iq_set_base(vmm->iq, iqa, ttm);

	fuzz_check(ret == (iqa & IQA_RESERVED ? -EINVAL : 0));
	if (ret)
		return;
	model_set_iqa(model, iqa);
	model->state.iqh = 0;
	if (model->state.flags & IOMMUNEST_VTD_IQ_ENABLED)
		model->state.iqt = 0;
	set_flag(model, IOMMUNEST_VTD_IQ_HAS_BASE, true);
	model->state.ttm = ttm;
	forget_fault(model);
}

static enum iommunest_vtd_ttm any_ttm(struct vmm *vmm)
{
	return (enum iommunest_vtd_ttm)(fuzz_u8(&vmm->in) & 3);
}

static void op_base(struct vmm *vmm)
{
	uint8_t bits = fuzz_u8(&vmm->in);
	/* Large rings are slow, and no different. */
	uint64_t qs = bits >> 5 == 7 ? bits & 7 : bits & 1;
	uint64_t dw = bits & IQ_BASE_WIDE ? 1u << 11 : 0;

	set_base(vmm, 0xfffffffffffff000 | dw | qs,
		 bits & IQ_BASE_SCALABLE ? IOMMUNEST_VTD_TTM_SCALABLE
					 : IOMMUNEST_VTD_TTM_LEGACY);
}

static void op_base_any(struct vmm *vmm)
{
	uint64_t iqa = fuzz_shaped(&vmm->in);

	set_base(vmm, iqa, any_ttm(vmm));
}

static void op_mode(struct vmm *vmm)
{
	enum iommunest_vtd_ttm ttm = any_ttm(vmm);

	fuzz_check(!iommunest_vtd_iq_set_mode(vmm->iq, ttm));
	vmm->model.state.ttm = ttm;
}

static void op_disable(struct vmm *vmm)
{
	fuzz_check(!iommunest_vtd_iq_disable(vmm->iq));
	set_flag(&vmm->model, IOMMUNEST_VTD_IQ_ENABLED, false);
	vmm->model.state.iqh = 0;
}

static void op_enable(struct vmm *vmm)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	struct model *model = &vmm->model;
	bool was = model->state.flags & IOMMUNEST_VTD_IQ_ENABLED;
	int ret;

	if (!was && model->slots) {
		set_flag(model, IOMMUNEST_VTD_IQ_ENABLED, true);
		model_begin(model);
		ret = iommunest_vtd_iq_enable(vmm->iq, &result);
		model_end(model, ret, &result);
		return;
	}
	model_begin(model);
	model->window = 0;
	ret = iommunest_vtd_iq_enable(vmm->iq, &result);
	fuzz_check(ret == (was ? 0 : -EINVAL));
	fuzz_check(result.iqh == model->state.iqh && !result.descriptors);
	fuzz_check(result.cause == model->state.cause);
}

static void op_reset(struct vmm *vmm)
{
	iommunest_vtd_iq_reset(vmm->iq);
	reset_model(&vmm->model);
}

static void op_clear_fault(struct vmm *vmm)
{
	iommunest_vtd_iq_clear_fault(vmm->iq);
	forget_fault(&vmm->model);
}

/* ---- Runs ---- */

static void run(struct vmm *vmm, uint64_t iqt)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	struct model *model = &vmm->model;
	bool enabled = model->state.flags & IOMMUNEST_VTD_IQ_ENABLED;
	int ret;

	if (model->slots || !enabled)
		model->state.iqt = iqt & IOMMUNEST_VTD_IQT_OFFSET;
	model_begin(model);
	ret = iommunest_vtd_iq_run(vmm->iq, iqt, &result);
	model_end(model, ret, &result);
}

static void op_run_by(struct vmm *vmm)
{
	const struct model *model = &vmm->model;
	uint32_t by = fuzz_u8(&vmm->in);
	uint32_t head;

	if (!model->slots) {
		run(vmm, (uint64_t)by << 4);
		return;
	}
	head = (uint32_t)(model->state.iqh >> model->shift);
	run(vmm, (uint64_t)((head + by) & (model->slots - 1)) << model->shift);
}

static void op_run_to(struct vmm *vmm)
{
	run(vmm, fuzz_shaped(&vmm->in));
}

static void op_descs(struct vmm *vmm)
{
	uint8_t count = fuzz_u8(&vmm->in);
	uint32_t i;

	vmm->n_descs = 1u + (count & (count & IQ_DESCS_MANY ? 127u : 31u));
	for (i = 0; i < vmm->n_descs; i++)
		vmm_take_desc(vmm, vmm->descs[i]);
	vmm->first_slot =
		vmm->model.slots
			? (uint32_t)(vmm->model.state.iqh >> vmm->model.shift)
			: 0;
}

/* ---- Scopes ---- */

static void op_add_scope(struct vmm *vmm)
{
	vmm_add(vmm, vmm_take_scope(vmm, false));
}

static void op_add_device(struct vmm *vmm)
{
	vmm_add(vmm, vmm_take_scope(vmm, true));
}

static void op_remove_scope(struct vmm *vmm)
{
	vmm_remove(vmm, vmm_take_scope(vmm, false));
}

static void op_remove_device(struct vmm *vmm)
{
	vmm_remove(vmm, vmm_take_scope(vmm, true));
}

static void op_remove_hwpt(struct vmm *vmm)
{
	vmm_remove_hwpt(vmm, fuzz_below(&vmm->in, MODEL_HWPTS));
}

/* A VMM's mistake: the engine still names it. */
static void op_destroy_hwpt(struct vmm *vmm)
{
	unsigned int hwpt = fuzz_below(&vmm->in, MODEL_HWPTS - 1);
	int fd = iommunest_fd(vmm->ctx);

	iommunest_sim_attach(vmm->sim, fd, vmm->devices[hwpt], 0);
	iommunest_object_destroy(vmm->ctx, vmm->model.hwpt_ids[hwpt]);
	vmm->model.host_fails = true;
}

/* ---- Live migration ---- */

static struct iommunest_vtd_iq_state save(const struct vmm *vmm)
{
	struct iommunest_vtd_iq_state state = { .size = sizeof(state) };

	fuzz_check(!iommunest_vtd_iq_save(vmm->iq, &state));
	fuzz_check(state.size == sizeof(state));
	return state;
}

/* The engine knows what the model knows. */
static void check_state(struct vmm *vmm)
{
	struct iommunest_vtd_iq_state state = save(vmm);

	vmm->model.state.size = sizeof(state);
	fuzz_check(!memcmp(&state, &vmm->model.state, sizeof(state)));
}

static void take_state(struct model *model,
		       const struct iommunest_vtd_iq_state *state)
{
	if (state->flags & IOMMUNEST_VTD_IQ_HAS_BASE)
		model_set_iqa(model, state->iqa);
	else
		model->slots = 0;
	model->state = *state;
	model->fault_hwpt = 0;
}

/* To another engine, which gets the same scopes. */
static void op_migrate(struct vmm *vmm)
{
	struct iommunest_vtd_iq_state state = save(vmm);
	struct model *model = &vmm->model;
	uint32_t i, count = model->n_scopes;

	iommunest_vtd_iq_free(vmm->iq);
	fuzz_check(make_engine(vmm));
	model->n_scopes = 0;
	for (i = 0; i < count; i++)
		vmm_add(vmm, model->scopes[i]);
	fuzz_check(!iommunest_vtd_iq_restore(vmm->iq, &state));
	take_state(model, &state);
}

static void corrupt(struct fuzz_input *in, struct iommunest_vtd_iq_state *state)
{
	unsigned int field = fuzz_below(in, 12);
	uint64_t bits = fuzz_shaped(in);

	switch (field) {
	case 0:
		state->iqa ^= bits;
		break;
	case 1:
		state->iqh ^= bits;
		break;
	case 2:
		state->iqt ^= bits;
		break;
	case 3:
		state->flags ^= (uint32_t)bits;
		break;
	case 4:
		state->cause ^= (uint32_t)bits;
		break;
	case 5:
		state->index ^= (uint32_t)bits;
		break;
	case 6:
		state->error ^= (int32_t)(uint32_t)bits;
		break;
	case 7:
		state->fsts ^= (uint32_t)bits;
		break;
	case 8:
		state->iqercd ^= bits;
		break;
	case 9:
		state->ttm ^= (uint32_t)bits;
		break;
	case 10:
		state->size = bits & 0xff;
		break;
	default:
		state->error = 0;
		break;
	}
}

/* What no engine could have come to must not have been taken. */
static void check_sane(const struct model *model)
{
	const struct iommunest_vtd_iq_state *state = &model->state;
	uint64_t size = (uint64_t)model->slots << model->shift;

	fuzz_check(!(state->iqt & ~IOMMUNEST_VTD_IQT_OFFSET) &&
		   !(state->iqa & IQA_RESERVED));
	fuzz_check(state->cause <= IOMMUNEST_CAUSE_HOST &&
		   state->ttm <= IOMMUNEST_VTD_TTM_ABORT);
	fuzz_check(!state->cause == !state->error && state->error <= 0);
	/* A host's failure halts the queue and may show nothing. */
	if (state->cause != IOMMUNEST_CAUSE_HOST)
		fuzz_check(!state->cause == !state->fsts);
	fuzz_check(!(state->fsts & ~0x70u));
	fuzz_check(!(state->flags >> 3));
	fuzz_check(state->flags & IOMMUNEST_VTD_IQ_ENABLED || !state->iqh);
	if (!model->slots) {
		fuzz_check(!state->iqh && !state->index && !state->iqa);
		return;
	}
	fuzz_check(state->iqh < size && state->index < model->slots);
	fuzz_check(!(state->iqh & ((1u << model->shift) - 1)));
}

/*
 * A state from anywhere: it is refused and nothing has changed, or it is what
 * the engine saves from then on.
 */
static void op_restore(struct vmm *vmm)
{
	struct {
		struct iommunest_vtd_iq_state state;
		/* What a larger size would name. */
		unsigned char tail[256];
	} from = { .state = save(vmm) };
	unsigned int count = 1 + fuzz_below(&vmm->in, 8);
	int ret;

	while (count--)
		corrupt(&vmm->in, &from.state);
	ret = iommunest_vtd_iq_restore(vmm->iq, &from.state);
	fuzz_check(ret == 0 || ret == -EINVAL);
	if (ret)
		return;
	from.state.size = sizeof(from.state);
	take_state(&vmm->model, &from.state);
	check_sane(&vmm->model);
}

/* ---- Failures ---- */

static void op_host_fault(struct vmm *vmm)
{
	struct iommunest_sim_fault fault = {
		.size = sizeof(fault),
		.kind = 1 + fuzz_below(&vmm->in, 5),
	};

	fault.nth = 1 + fuzz_below(&vmm->in, 16);
	fault.repeat = fuzz_u8(&vmm->in);
	fault.count = fuzz_u8(&vmm->in);
	fault.error = vmm_errno(&vmm->in);
	if (fault.kind == IOMMUNEST_SIM_WRONG_COUNT && fault.count & 1)
		fault.error = 0;
	iommunest_sim_inject(vmm->sim, &fault);
	vmm->model.host_fails = true;
}

static void op_host_heal(struct vmm *vmm)
{
	iommunest_sim_clear_faults(vmm->sim);
}

static void op_bad_memory(struct vmm *vmm)
{
	vmm->bad_every = fuzz_u8(&vmm->in);
	vmm->bad_first = fuzz_u8(&vmm->in);
	vmm->read_error = vmm_errno(&vmm->in);
}

static void op_bad_status(struct vmm *vmm)
{
	vmm->bad_status = fuzz_below(&vmm->in, 32);
	vmm->status_error = vmm_errno(&vmm->in);
}

static void op_bad_vmm(struct vmm *vmm)
{
	vmm->bad_vmm = fuzz_below(&vmm->in, 32);
	vmm->vmm_error = vmm_errno(&vmm->in);
}

/* ---- The input ---- */

static void (*const ops[IQ_OPS])(struct vmm *vmm) = {
	[IQ_OP_RUN_BY] = op_run_by,
	[IQ_OP_RUN_TO] = op_run_to,
	[IQ_OP_DESCS] = op_descs,
	[IQ_OP_BASE] = op_base,
	[IQ_OP_BASE_ANY] = op_base_any,
	[IQ_OP_MODE] = op_mode,
	[IQ_OP_DISABLE] = op_disable,
	[IQ_OP_ENABLE] = op_enable,
	[IQ_OP_RESET] = op_reset,
	[IQ_OP_CLEAR_FAULT] = op_clear_fault,
	[IQ_OP_ADD_SCOPE] = op_add_scope,
	[IQ_OP_ADD_DEVICE] = op_add_device,
	[IQ_OP_REMOVE_SCOPE] = op_remove_scope,
	[IQ_OP_REMOVE_DEVICE] = op_remove_device,
	[IQ_OP_REMOVE_HWPT] = op_remove_hwpt,
	[IQ_OP_DESTROY_HWPT] = op_destroy_hwpt,
	[IQ_OP_MIGRATE] = op_migrate,
	[IQ_OP_RESTORE] = op_restore,
	[IQ_OP_HOST_FAULT] = op_host_fault,
	[IQ_OP_HOST_HEAL] = op_host_heal,
	[IQ_OP_BAD_MEMORY] = op_bad_memory,
	[IQ_OP_BAD_STATUS] = op_bad_status,
	[IQ_OP_BAD_VMM] = op_bad_vmm,
};

static void run_ops(struct vmm *vmm)
{
	uint32_t work = 0;

	while (fuzz_more(&vmm->in) && work < MOST_WORK) {
		ops[fuzz_below(&vmm->in, IQ_OPS)](vmm);
		check_state(vmm);
		work += 8 + vmm->model.window;
		vmm->model.window = 0;
	}
}

/* One HWPT with two scopes, one scope with two HWPTs, and devices. */
static void make_ready(struct vmm *vmm)
{
	static const struct model_scope scopes[] = {
		{ false, 0, 0, 0 },
		{ false, 1, 1, 0 },
		{ false, 1, 1, 1 },
		{ false, 2, 0, 2 },
		{ true, 1, IOMMUNEST_VTD_NO_PASID, 0 },
		{ true, 1, 1, 1 },
		{ true, 1, 2, 2 },
		{ true, 1, 3, 1 },
	};
	size_t i;

	if (vmm->flags & IQ_VMM_NOT_READY)
		return;
	set_base(vmm, 0x800, IOMMUNEST_VTD_TTM_SCALABLE);
	op_enable(vmm);
	for (i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
		vmm_add(vmm, scopes[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vmm vmm;
	/* Slots of an earlier input are of an earlier run. */
	uint32_t last_run = vmm.model.run;

	memset(&vmm, 0, sizeof(vmm));
	vmm.model.run = last_run;
	vmm.in = (struct fuzz_input){ .data = data, .left = size };
	take_options(&vmm);
	reset_model(&vmm.model);
	vmm_open_host(&vmm);
	if (make_engine(&vmm)) {
		make_ready(&vmm);
		run_ops(&vmm);
	}
	iommunest_vtd_iq_free(vmm.iq);
	vmm_close_host(&vmm);
	return 0;
}
