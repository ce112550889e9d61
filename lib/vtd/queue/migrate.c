/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What live migration takes along, and what may come back. */
#include <config.h>

#include "lib/abi.h"
#include "lib/vtd/desc.h"
#include "lib/vtd/queue/queue-regs.h"
#include "lib/vtd/queue/queue.h"

#define KNOWN_FLAGS                                             \
	(IOMMUNEST_VTD_IQ_HAS_BASE | IOMMUNEST_VTD_IQ_ENABLED | \
	 IOMMUNEST_VTD_IQ_ABORT)

static uint32_t state_flags(const struct iommunest_vtd_iq *iq)
{
	uint32_t flags = 0;

	if (iq->slots)
		flags |= IOMMUNEST_VTD_IQ_HAS_BASE;
	if (iq->enabled)
		flags |= IOMMUNEST_VTD_IQ_ENABLED;
	if (iq->abort.cause)
		flags |= IOMMUNEST_VTD_IQ_ABORT;
	return flags;
}

EXPORT int iommunest_vtd_iq_save(const struct iommunest_vtd_iq *iq,
				 struct iommunest_vtd_iq_state *state)
{
	struct iommunest_vtd_iq_state out = { 0 };
	int ret;

	if (!iq || !state)
		return -EINVAL;
	ret = iommunest_check_size(state,
				   END_OF(struct iommunest_vtd_iq_state, ttm));
	if (ret)
		return ret;
	if (iq->running)
		return -EBUSY;
	out.iqa = iq->iqa;
	out.iqh = (uint64_t)iq->head << iq->desc_shift;
	out.iqt = iq->iqt;
	out.flags = state_flags(iq);
	out.cause = iq->fault.cause;
	out.index = iq->fault.index;
	out.error = iq->fault.error;
	out.fsts = iq->fault.fsts;
	out.iqercd = iq->fault.iqercd;
	out.abort_index = iq->abort.index;
	out.abort_error = iq->abort.error;
	out.ttm = iq->ttm;
	iommunest_copy_out(state, &out, sizeof(out));
	return 0;
}

static bool has_flag(const struct iommunest_vtd_iq_state *state, uint32_t flag)
{
	return state->flags & flag;
}

/* Head and fault within the ring, as far as there is one. */
static bool is_within(const struct iommunest_vtd_iq_state *state)
{
	const unsigned int shift = vtd_iqa_shift(state->iqa);
	const uint32_t slots = vtd_iqa_slots(state->iqa);

	if (!has_flag(state, IOMMUNEST_VTD_IQ_HAS_BASE))
		return !state->iqa && !state->iqh && !state->cause &&
		       !has_flag(state, IOMMUNEST_VTD_IQ_ENABLED);
	if (!has_flag(state, IOMMUNEST_VTD_IQ_ENABLED) && state->iqh)
		return false;
	/*
	 * It halts at the fault, unless that is shown at a later wait, or the
	 * queue was disabled since.
	 */
	if (state->cause && state->fsts != IOMMUNEST_VTD_FSTS_ITE &&
	    state->iqh && state->iqh >> shift != state->index)
		return false;
	return state->iqh >> shift < slots &&
	       !(state->iqh & ((UINT64_C(1) << shift) - 1)) &&
	       state->index < slots;
}

static struct vtd_fault fault_in(const struct iommunest_vtd_iq_state *state)
{
	return (struct vtd_fault){
		.cause = state->cause,
		.index = state->index,
		.error = state->error,
		.fsts = state->fsts,
		.iqercd = state->iqercd,
	};
}

/* Only an engine that has a ring has failed on a slot of it. */
static bool is_abort(const struct iommunest_vtd_iq_state *state)
{
	const struct vtd_fault fault = iommunest__vtd_fault_of_host(
		state->abort_index, state->abort_error, 0, 0);

	if (!has_flag(state, IOMMUNEST_VTD_IQ_ABORT))
		return !state->abort_index && !state->abort_error;
	return has_flag(state, IOMMUNEST_VTD_IQ_HAS_BASE) &&
	       state->abort_index < vtd_iqa_slots(state->iqa) &&
	       fault.error == state->abort_error &&
	       iommunest__vtd_fault_is_possible(&fault);
}

static bool is_state(const struct iommunest_vtd_iq_state *state)
{
	const struct vtd_fault fault = fault_in(state);

	return !(state->flags & ~KNOWN_FLAGS) && vtd_is_ttm(state->ttm) &&
	       !(state->iqt & ~IOMMUNEST_VTD_IQT_OFFSET) && is_within(state) &&
	       iommunest__vtd_fault_is_possible(&fault) && is_abort(state);
}

static void take_state(struct iommunest_vtd_iq *iq,
		       const struct iommunest_vtd_iq_state *state)
{
	iq->enabled = has_flag(state, IOMMUNEST_VTD_IQ_ENABLED);
	iq->head = (uint32_t)(state->iqh >> iq->desc_shift);
	iq->iqt = state->iqt;
	iq->fault = fault_in(state);
	iq->abort = (struct vtd_fault){ 0 };
	if (has_flag(state, IOMMUNEST_VTD_IQ_ABORT))
		iq->abort = iommunest__vtd_fault_of_host(
			state->abort_index, state->abort_error, 0, 0);
}

EXPORT int iommunest_vtd_iq_restore(struct iommunest_vtd_iq *iq,
				    const struct iommunest_vtd_iq_state *state)
{
	struct iommunest_vtd_iq_state in;
	int ret;

	if (!iq || !state)
		return -EINVAL;
	if (iq->running)
		return -EBUSY;
	ret = iommunest_copy_in(&in, sizeof(in), state,
				END_OF(struct iommunest_vtd_iq_state, ttm));
	if (ret)
		return ret;
	if (!is_state(&in))
		return -EINVAL;
	if (has_flag(&in, IOMMUNEST_VTD_IQ_HAS_BASE)) {
		ret = iommunest_vtd_iq_set_base(iq, in.iqa, in.ttm);
		if (ret)
			return ret;
	} else {
		iq->iqa = 0;
		iq->slots = 0;
		iommunest_vtd_iq_set_mode(iq, in.ttm);
	}
	take_state(iq, &in);
	return 0;
}

/* ---- From registers alone ---- */

/* Why the queue halts, as far as IQERCD_REG says it. */
static void take_queue_error(struct iommunest_vtd_iq_state *state,
			     uint64_t iqei)
{
	bool memory = iqei == IOMMUNEST_VTD_IQEI_NONE ||
		      iqei == IOMMUNEST_VTD_IQEI_FETCH;

	state->cause = memory ? IOMMUNEST_CAUSE_FETCH : IOMMUNEST_CAUSE_GUEST;
	state->error = memory ? -EFAULT : -EBADMSG;
	state->fsts = IOMMUNEST_VTD_FSTS_IQE;
	state->iqercd = iqei;
}

/* IQE is the one at the head; with ITE the slot before it is not known. */
static void take_fault(struct iommunest_vtd_iq_state *state,
		       const struct iommunest_vtd_iq_registers *registers)
{
	if (registers->fsts & IOMMUNEST_VTD_FSTS_IQE) {
		take_queue_error(state,
				 registers->iqercd & IOMMUNEST_VTD_IQERCD_IQEI);
	} else if (registers->fsts & IOMMUNEST_VTD_FSTS_ITE) {
		state->cause = IOMMUNEST_CAUSE_HOST;
		state->error = -EIO;
		state->fsts = IOMMUNEST_VTD_FSTS_ITE;
	} else {
		return;
	}
	state->index =
		(uint32_t)(registers->iqh >> vtd_iqa_shift(registers->iqa));
}

EXPORT int iommunest_vtd_iq_restore_registers(
	struct iommunest_vtd_iq *iq,
	const struct iommunest_vtd_iq_registers *registers)
{
	struct iommunest_vtd_iq_state state =
		IOMMUNEST_INIT(struct iommunest_vtd_iq_state);
	struct iommunest_vtd_iq_registers in;
	int ret;

	if (!registers)
		return -EINVAL;
	ret = iommunest_copy_in(&in, sizeof(in), registers,
				END_OF(struct iommunest_vtd_iq_registers,
				       reserved));
	if (ret)
		return ret;
	if (in.enabled > 1 || in.reserved)
		return -EINVAL;
	state.iqt = in.iqt & IOMMUNEST_VTD_IQT_OFFSET;
	state.ttm = in.ttm;
	if (in.enabled) {
		state.flags =
			IOMMUNEST_VTD_IQ_HAS_BASE | IOMMUNEST_VTD_IQ_ENABLED;
		state.iqa = in.iqa;
		state.iqh = in.iqh;
		take_fault(&state, &in);
	}
	return iommunest_vtd_iq_restore(iq, &state);
}
