/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What live migration takes along, and what may come back. */
#include <config.h>

#include "lib/abi.h"
#include "lib/smmuv3/cmd-fields.h"
#include "lib/smmuv3/queue/queue.h"

#define STATE_END END_OF(struct iommunest_smmuv3_cmdq_state, doubt)

EXPORT int iommunest_smmuv3_cmdq_save(const struct iommunest_smmuv3_cmdq *cmdq,
				      struct iommunest_smmuv3_cmdq_state *state)
{
	struct iommunest_smmuv3_cmdq_state out = { 0 };
	int ret;

	if (!cmdq || !state)
		return -EINVAL;
	ret = iommunest_check_size(state, STATE_END);
	if (ret)
		return ret;
	if (cmdq->running)
		return -EBUSY;
	out.base = cmdq->base;
	out.prod = cmdq->prod;
	out.cons = smmu_cons_register(cmdq);
	out.cr0 = cmdq->enabled ? IOMMUNEST_SMMUV3_CR0_CMDQEN : 0;
	out.gerror = cmdq->gerror;
	out.gerrorn = cmdq->gerrorn;
	out.cause = cmdq->fault.cause;
	out.index = cmdq->fault.index;
	out.error = cmdq->fault.error;
	out.reason = cmdq->fault.reason;
	out.doubt_count = cmdq->n_doubt;
	memcpy(out.doubt, cmdq->doubt, cmdq->n_doubt * sizeof(out.doubt[0]));
	iommunest_copy_out(state, &out, sizeof(out));
	return 0;
}

static uint32_t cerror_of(uint32_t cons)
{
	return (cons & IOMMUNEST_SMMUV3_CMDQ_CONS_ERR) >>
	       IOMMUNEST_SMMUV3_CMDQ_CONS_ERR_SHIFT;
}

static uint32_t position_of(uint32_t cons)
{
	return cons & ~IOMMUNEST_SMMUV3_CMDQ_CONS_ERR;
}

static struct smmu_fault
fault_in(const struct iommunest_smmuv3_cmdq_state *state)
{
	return (struct smmu_fault){
		.cause = state->cause,
		.index = state->index,
		.error = state->error,
		.reason = state->reason,
		.cerror = cerror_of(state->cons),
	};
}

static bool has_registers(const struct iommunest_smmuv3_cmdq *q,
			  const struct iommunest_smmuv3_cmdq_state *state)
{
	uint32_t mask = IOMMUNEST_SMMUV3_CMDQ_POSITION;

	if (state->cr0)
		mask = iommunest__smmuv3_slots(q, state->base) * 2 - 1;
	return !(state->base & ~BASE_BITS) &&
	       !(state->cr0 & ~IOMMUNEST_SMMUV3_CR0_CMDQEN) &&
	       !((state->gerror | state->gerrorn) & ~GERROR_BITS) &&
	       !(state->prod & ~mask) && !(position_of(state->cons) & ~mask);
}

/* It halts at CONS, and an error that the guest reads is active. */
static bool has_fault(const struct iommunest_smmuv3_cmdq *q,
		      const struct iommunest_smmuv3_cmdq_state *state)
{
	const uint32_t slots = iommunest__smmuv3_slots(q, state->base);
	const struct smmu_fault fault = fault_in(state);

	if (!iommunest__smmuv3_fault_is_possible(&fault))
		return false;
	if (fault.cause &&
	    fault.index != (position_of(state->cons) & (slots - 1)))
		return false;
	return !fault.cerror || ((state->gerror ^ state->gerrorn) &
				 IOMMUNEST_SMMUV3_GERROR_CMDQ);
}

static bool is_doubt(const struct iommunest_smmuv3_cmdq *q,
		     const struct iommunest_smmuv3_entry *entry)
{
	const uint64_t words[2] = { smmu_le64(entry->cmd[0]),
				    smmu_le64(entry->cmd[1]) };

	return (uint8_t)words[0] == IOMMUNEST_SMMUV3_ATC_INV &&
	       !iommunest__smmuv3_rule_check(&q->rules[ACTION_ATC_INV],
					     &q->caps, words);
}

/*
 * Of a queue that has not gone on since.  No illegal command is looked at
 * between what is in doubt and its CMD_SYNC; but the VMM may refuse a
 * PREFETCH_* there, and gives no reason.
 */
static bool may_have_doubt(const struct iommunest_smmuv3_cmdq_state *state)
{
	switch (state->cause) {
	case IOMMUNEST_CAUSE_NONE:
	case IOMMUNEST_CAUSE_HOST:
		return true;
	case IOMMUNEST_CAUSE_GUEST:
		return state->reason == IOMMUNEST_SMMUV3_CMD_REASON_NONE;
	default:
		return false;
	}
}

/* ATC_INVs. */
static bool has_doubt(const struct iommunest_smmuv3_cmdq *q,
		      const struct iommunest_smmuv3_cmdq_state *state)
{
	const uint32_t count = state->doubt_count;
	uint32_t i;

	if (count > IOMMUNEST_SMMUV3_CMDQ_DOUBT_MAX)
		return false;
	if (count && !may_have_doubt(state))
		return false;
	for (i = 0; i < count; i++) {
		if (!is_doubt(q, &state->doubt[i]))
			return false;
	}
	return iommunest_all_zero(state->doubt + count,
				  sizeof(state->doubt) -
					  count * sizeof(state->doubt[0]));
}

static int restore(struct iommunest_smmuv3_cmdq *q,
		   const struct iommunest_smmuv3_cmdq_state *state)
{
	if (!has_registers(q, state) || !has_fault(q, state) ||
	    !has_doubt(q, state))
		return -EINVAL;
	iommunest__smmuv3_set_base(q, state->base);
	q->prod = state->prod;
	q->cons = position_of(state->cons);
	q->enabled = state->cr0;
	q->gerror = state->gerror;
	q->gerrorn = state->gerrorn;
	q->fault = fault_in(state);
	q->n_doubt = state->doubt_count;
	memcpy(q->doubt, state->doubt, sizeof(q->doubt));
	return 0;
}

EXPORT int
iommunest_smmuv3_cmdq_restore(struct iommunest_smmuv3_cmdq *cmdq,
			      const struct iommunest_smmuv3_cmdq_state *state)
{
	struct iommunest_smmuv3_cmdq_state in;
	int ret;

	if (!cmdq || !state)
		return -EINVAL;
	if (cmdq->running)
		return -EBUSY;
	ret = iommunest_copy_in(&in, sizeof(in), state, STATE_END);
	return ret ? ret : restore(cmdq, &in);
}

/* ---- From registers alone ---- */

/* Why the queue halts, as far as CONS says it. */
static void take_fault(struct iommunest_smmuv3_cmdq_state *state,
		       uint32_t slots)
{
	state->index = position_of(state->cons) & (slots - 1);
	switch (cerror_of(state->cons)) {
	case IOMMUNEST_SMMUV3_CERROR_ILL:
		state->cause = IOMMUNEST_CAUSE_GUEST;
		state->error = -EBADMSG;
		break;
	case IOMMUNEST_SMMUV3_CERROR_ABT:
		state->cause = IOMMUNEST_CAUSE_FETCH;
		state->error = -EFAULT;
		break;
	case IOMMUNEST_SMMUV3_CERROR_ATC_INV_SYNC:
		state->cause = IOMMUNEST_CAUSE_HOST;
		state->error = -ETIMEDOUT;
		break;
	default:
		state->index = 0;
		break;
	}
}

/*
 * ATC_INVs before CONS may be in doubt.  What halts the queue on its way to
 * their CMD_SYNC, a function of the VMM's, is another error.
 */
static bool hides_doubt(const struct iommunest_smmuv3_cmdq *q,
			const struct iommunest_smmuv3_cmdq_state *state)
{
	const uint32_t cerror = cerror_of(state->cons);

	return cerror == IOMMUNEST_SMMUV3_CERROR_ATC_INV_SYNC ||
	       (cerror && smmu_cerror(q) && q->caps.ats);
}

static void take_registers(struct iommunest_smmuv3_cmdq_state *state,
			   const struct iommunest_smmuv3_cmdq_registers *in,
			   uint32_t slots)
{
	uint32_t mask = IOMMUNEST_SMMUV3_CMDQ_POSITION;

	state->base = in->base & BASE_BITS;
	state->cr0 = in->cr0 & IOMMUNEST_SMMUV3_CR0_CMDQEN;
	if (state->cr0)
		mask = slots * 2 - 1;
	state->prod = in->prod & mask;
	state->cons = in->cons & mask;
	state->gerror = in->gerror & GERROR_BITS;
	state->gerrorn = in->gerrorn & GERROR_BITS;
	/* Without an active error, its code means nothing. */
	if ((state->gerror ^ state->gerrorn) & IOMMUNEST_SMMUV3_GERROR_CMDQ)
		state->cons |= in->cons & IOMMUNEST_SMMUV3_CMDQ_CONS_ERR;
}

EXPORT int iommunest_smmuv3_cmdq_restore_registers(
	struct iommunest_smmuv3_cmdq *cmdq,
	const struct iommunest_smmuv3_cmdq_registers *regs)
{
	struct iommunest_smmuv3_cmdq_state state = { 0 };
	struct iommunest_smmuv3_cmdq_registers in;
	uint32_t slots;
	int ret;

	if (!cmdq || !regs)
		return -EINVAL;
	if (cmdq->running)
		return -EBUSY;
	ret = iommunest_copy_in(&in, sizeof(in), regs,
				END_OF(struct iommunest_smmuv3_cmdq_registers,
				       reserved));
	if (ret)
		return ret;
	if (in.reserved)
		return -EINVAL;
	slots = iommunest__smmuv3_slots(cmdq, in.base);
	take_registers(&state, &in, slots);
	take_fault(&state, slots);
	ret = restore(cmdq, &state);
	return ret ? ret : hides_doubt(cmdq, &state);
}
