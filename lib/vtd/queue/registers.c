/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What a guest does to the registers of its invalidation queue, and what live
 * migration takes along.  Registers: VT-d specification, chapter 11.
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/vtd/entry.h"
#include "lib/vtd/queue/queue-regs.h"
#include "lib/vtd/queue/queue.h"

#define ERRNO_MAX 4095

/* ---- Base and mode ---- */

static void set_mode(struct iommunest_vtd_iq *iq, bool scalable)
{
	iq->scalable = scalable;
	iq->forwards = scalable && iq->iqa & IQA_DW;
}

EXPORT int iommunest_vtd_iq_set_base(struct iommunest_vtd_iq *iq, uint64_t iqa,
				     bool scalable)
{
	bool wide = iqa & IQA_DW;
	uint32_t slots;
	int ret;

	if (!iq || iqa & IQA_RESERVED)
		return -EINVAL;
	slots = (wide ? 128u : 256u) << (iqa & IQA_QS);
	ret = vtd_iq_make_room(iq, slots);
	if (ret)
		return ret;
	iq->iqa = iqa;
	iq->slots = slots;
	iq->desc_shift = wide ? SHIFT_256 : SHIFT_128;
	iq->head = 0;
	/* Some guests write the tail first, and then the base. */
	if (iq->enabled)
		iq->iqt = 0;
	set_mode(iq, scalable);
	iommunest_vtd_iq_clear_fault(iq);
	return 0;
}

EXPORT int iommunest_vtd_iq_set_mode(struct iommunest_vtd_iq *iq, bool scalable)
{
	if (!iq)
		return -EINVAL;
	set_mode(iq, scalable);
	return 0;
}

EXPORT void iommunest_vtd_iq_clear_fault(struct iommunest_vtd_iq *iq)
{
	if (iq)
		iq->fault = (struct vtd_fault){ 0 };
}

EXPORT void iommunest_vtd_iq_reset(struct iommunest_vtd_iq *iq)
{
	if (!iq)
		return;
	vtd_scopes_clear(&iq->scopes);
	iommunest_vtd_iq_clear_fault(iq);
	iq->iqa = 0;
	iq->slots = 0;
	iq->head = 0;
	iq->iqt = 0;
	iq->enabled = true;
	set_mode(iq, false);
}

/* ---- Enabled, disabled, kicked ---- */

static int check_result(const struct iommunest_vtd_iq_result *result)
{
	if (!result)
		return -EINVAL;
	return iommunest_check_size(
		result, END_OF(struct iommunest_vtd_iq_result, calls));
}

static void fill_result(const struct iommunest_vtd_iq *iq,
			struct iommunest_vtd_iq_result *result)
{
	const struct vtd_fault *fault = &iq->fault;

	result->iqh = (uint64_t)iq->head << iq->desc_shift;
	result->iqercd = fault->iqercd;
	result->fsts = fault->fsts;
	result->cause = fault->cause;
	result->index = fault->index;
	result->error = fault->error;
	result->hwpt_id = fault->hwpt_id;
	result->driver_error = fault->driver_error;
}

/* What the engine does when the queue is enabled and has a base. */
static int run(struct iommunest_vtd_iq *iq,
	       struct iommunest_vtd_iq_result *result)
{
	struct iommunest_vtd_iq_result out = { 0 };
	int ret = vtd_iq_run(iq, &out);

	fill_result(iq, &out);
	iommunest_copy_out(result, &out, sizeof(out));
	return ret;
}

/* The same, when there is nothing to do. */
static int stay(const struct iommunest_vtd_iq *iq, int ret,
		struct iommunest_vtd_iq_result *result)
{
	struct iommunest_vtd_iq_result out = { 0 };

	if (iq)
		fill_result(iq, &out);
	iommunest_copy_out(result, &out, sizeof(out));
	return ret;
}

EXPORT int iommunest_vtd_iq_run(struct iommunest_vtd_iq *iq, uint64_t iqt,
				struct iommunest_vtd_iq_result *result)
{
	int ret = check_result(result);

	if (ret)
		return ret;
	if (!iq)
		return stay(iq, -EINVAL, result);
	if (iq->enabled && !iq->slots)
		return stay(iq, -EINVAL, result);
	iq->iqt = iqt & IQT_OFFSET;
	if (!iq->enabled)
		return stay(iq, 0, result);
	return run(iq, result);
}

EXPORT int iommunest_vtd_iq_disable(struct iommunest_vtd_iq *iq)
{
	if (!iq)
		return -EINVAL;
	iq->enabled = false;
	iq->head = 0;
	return 0;
}

EXPORT int iommunest_vtd_iq_enable(struct iommunest_vtd_iq *iq,
				   struct iommunest_vtd_iq_result *result)
{
	int ret = check_result(result);

	if (ret)
		return ret;
	if (!iq)
		return stay(iq, -EINVAL, result);
	if (iq->enabled)
		return stay(iq, 0, result);
	if (!iq->slots)
		return stay(iq, -EINVAL, result);
	iq->enabled = true;
	return run(iq, result);
}

/* ---- Live migration ---- */

#define KNOWN_FLAGS                                              \
	(IOMMUNEST_VTD_IQ_HAS_BASE | IOMMUNEST_VTD_IQ_SCALABLE | \
	 IOMMUNEST_VTD_IQ_ENABLED)

static uint32_t state_flags(const struct iommunest_vtd_iq *iq)
{
	uint32_t flags = 0;

	if (iq->slots)
		flags |= IOMMUNEST_VTD_IQ_HAS_BASE;
	if (iq->scalable)
		flags |= IOMMUNEST_VTD_IQ_SCALABLE;
	if (iq->enabled)
		flags |= IOMMUNEST_VTD_IQ_ENABLED;
	return flags;
}

EXPORT int iommunest_vtd_iq_save(const struct iommunest_vtd_iq *iq,
				 struct iommunest_vtd_iq_state *state)
{
	struct iommunest_vtd_iq_state out = { 0 };
	int ret;

	if (!iq || !state)
		return -EINVAL;
	ret = iommunest_check_size(state, END_OF(struct iommunest_vtd_iq_state,
						 iqercd));
	if (ret)
		return ret;
	out.iqa = iq->iqa;
	out.iqh = (uint64_t)iq->head << iq->desc_shift;
	out.iqt = iq->iqt;
	out.flags = state_flags(iq);
	out.cause = iq->fault.cause;
	out.index = iq->fault.index;
	out.error = iq->fault.error;
	out.fsts = iq->fault.fsts;
	out.iqercd = iq->fault.iqercd;
	iommunest_copy_out(state, &out, sizeof(out));
	return 0;
}

/* With ITE or ICE it is in one of two fields, and the other is 0. */
static uint16_t sid_of(uint64_t iqercd)
{
	return (uint16_t)(iqercd >> 32 | iqercd >> 48);
}

/* The guest sees what the error asks for. */
static bool is_of_error(const struct iommunest_vtd_iq_state *state,
			uint16_t sid)
{
	const struct vtd_fault fault =
		vtd_iq_fault(state->cause, state->index, state->error, sid);

	return state->fsts == fault.fsts && state->iqercd == fault.iqercd;
}

/* IQEI where the guest is at fault. */
static bool is_guests(uint64_t iqei)
{
	return iqei >= IOMMUNEST_VTD_IQEI_TAIL &&
	       iqei <= IOMMUNEST_VTD_IQEI_TTM &&
	       iqei != IOMMUNEST_VTD_IQEI_FETCH;
}

/* A kernel that reports errors of the hardware says more than an errno. */
static bool is_of_host_report(const struct iommunest_vtd_iq_state *state)
{
	return !state->iqercd && (state->fsts == IOMMUNEST_VTD_FSTS_ITE ||
				  state->fsts == IOMMUNEST_VTD_FSTS_ICE);
}

/* A fault that an engine can have; where there is none, all is zero. */
static bool is_fault(const struct iommunest_vtd_iq_state *state)
{
	if (state->cause == IOMMUNEST_CAUSE_NONE)
		return !state->index && !state->error && !state->fsts &&
		       !state->iqercd;
	if (state->error >= 0 || state->error < -ERRNO_MAX)
		return false;
	if (state->cause == IOMMUNEST_CAUSE_HOST)
		return is_of_host_report(state) ||
		       is_of_error(state, sid_of(state->iqercd));
	if (state->cause == IOMMUNEST_CAUSE_FETCH &&
	    state->iqercd != IOMMUNEST_VTD_IQEI_FETCH)
		return is_of_error(state, 0);
	if (state->fsts != IOMMUNEST_VTD_FSTS_IQE)
		return false;
	if (state->cause == IOMMUNEST_CAUSE_FETCH)
		return true;
	return state->cause == IOMMUNEST_CAUSE_GUEST &&
	       state->error == -EBADMSG && is_guests(state->iqercd);
}

static bool has_flag(const struct iommunest_vtd_iq_state *state, uint32_t flag)
{
	return state->flags & flag;
}

/* Head and fault within the ring, as far as there is one. */
static bool is_within(const struct iommunest_vtd_iq_state *state)
{
	const uint64_t bytes = UINT64_C(4096) << (state->iqa & IQA_QS);
	const unsigned int shift = state->iqa & IQA_DW ? SHIFT_256 : SHIFT_128;

	if (!has_flag(state, IOMMUNEST_VTD_IQ_HAS_BASE))
		return !state->iqa && !state->iqh && !state->cause;
	if (!has_flag(state, IOMMUNEST_VTD_IQ_ENABLED) && state->iqh)
		return false;
	/* It stands at the fault, or the queue was disabled since. */
	if (state->cause && state->iqh && state->iqh >> shift != state->index)
		return false;
	return state->iqh < bytes &&
	       !(state->iqh & ((UINT64_C(1) << shift) - 1)) &&
	       (uint64_t)state->index << shift < bytes;
}

static bool is_state(const struct iommunest_vtd_iq_state *state)
{
	return !(state->flags & ~KNOWN_FLAGS) && !state->reserved &&
	       !(state->iqt & ~IQT_OFFSET) && is_within(state) &&
	       is_fault(state);
}

static void take_state(struct iommunest_vtd_iq *iq,
		       const struct iommunest_vtd_iq_state *state)
{
	iq->enabled = has_flag(state, IOMMUNEST_VTD_IQ_ENABLED);
	iq->head = (uint32_t)(state->iqh >> iq->desc_shift);
	iq->iqt = state->iqt;
	iq->fault = (struct vtd_fault){
		.cause = state->cause,
		.index = state->index,
		.error = state->error,
		.fsts = state->fsts,
		.iqercd = state->iqercd,
	};
}

EXPORT int iommunest_vtd_iq_restore(struct iommunest_vtd_iq *iq,
				    const struct iommunest_vtd_iq_state *state)
{
	struct iommunest_vtd_iq_state in;
	bool scalable;
	int ret;

	if (!iq || !state)
		return -EINVAL;
	ret = iommunest_copy_in(&in, sizeof(in), state,
				END_OF(struct iommunest_vtd_iq_state, iqercd));
	if (ret)
		return ret;
	if (!is_state(&in))
		return -EINVAL;
	scalable = has_flag(&in, IOMMUNEST_VTD_IQ_SCALABLE);
	if (has_flag(&in, IOMMUNEST_VTD_IQ_HAS_BASE)) {
		ret = iommunest_vtd_iq_set_base(iq, in.iqa, scalable);
		if (ret)
			return ret;
	} else {
		iq->iqa = 0;
		iq->slots = 0;
		set_mode(iq, scalable);
	}
	take_state(iq, &in);
	return 0;
}
