/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What is told and completed, and where CONS goes; see complete.h. */
#include <config.h>

#include "lib/abi.h"
#include "lib/smmuv3/queue/complete.h"
#include "lib/smmuv3/queue/gather.h"

/* ---- One command ---- */

static void decode(const struct iommunest_smmuv3_cmdq *q, uint32_t at,
		   struct iommunest_smmuv3_cmd *cmd)
{
	const uint64_t *words = q->window.words[at];
	const struct iommunest_smmuv3_entry entry = {
		.cmd = { smmu_le64(words[0]), smmu_le64(words[1]) },
	};

	cmd->size = sizeof(*cmd);
	iommunest_smmuv3_cmd_decode(cmd, &entry);
}

/* The VMM has caches of its own.  False: it failed, and q->failure says so. */
static __attribute__((noinline)) bool
call_forwarded(struct iommunest_smmuv3_cmdq *q, uint32_t at)
{
	const uint32_t index = smmu_index(q, at);
	struct iommunest_smmuv3_cmd cmd;
	int ret;

	decode(q, at, &cmd);
	ret = q->ops.forwarded(q->vmm, index, &cmd);
	if (ret >= 0)
		return true;
	q->failure =
		iommunest__smmuv3_fault_of_host(index, ret, smmu_cerror(q));
	return false;
}

static inline bool tell_forwarded(struct iommunest_smmuv3_cmdq *q, uint32_t at)
{
	return !q->ops.forwarded || call_forwarded(q, at);
}

static bool complete_skipped(struct iommunest_smmuv3_cmdq *q, uint32_t at,
			     struct iommunest_smmuv3_cmdq_result *result)
{
	const uint32_t index = smmu_index(q, at);
	uint32_t i;

	for (i = 0; i < q->n_skips; i++) {
		if (q->skips[i].index == index)
			q->ops.skipped(q->vmm, index, q->skips[i].cookie,
				       q->skips[i].error);
	}
	if (!tell_forwarded(q, at))
		return false;
	result->skipped++;
	return true;
}

static bool give_to_vmm(struct iommunest_smmuv3_cmdq *q, uint32_t at,
			struct iommunest_smmuv3_cmdq_result *result)
{
	const uint32_t index = smmu_index(q, at);
	struct iommunest_smmuv3_cmd cmd;
	int ret;

	decode(q, at, &cmd);
	ret = q->ops.command(q->vmm, index, &cmd);
	if (ret >= 0) {
		result->vmm++;
		return true;
	}
	if (ret == -EBADMSG)
		q->failure = iommunest__smmuv3_fault_of_guest(
			index, IOMMUNEST_SMMUV3_CMD_REASON_NONE);
	else
		q->failure = iommunest__smmuv3_fault_of_host(index, ret,
							     smmu_cerror(q));
	return false;
}

static void tell_dropped(const struct iommunest_smmuv3_cmdq *q, uint32_t at)
{
	struct iommunest_smmuv3_cmd cmd;

	if (!q->ops.dropped)
		return;
	decode(q, at, &cmd);
	q->ops.dropped(q->vmm, smmu_index(q, at), &cmd);
}

/* False: q->failure says what failed. */
static inline bool complete_one(struct iommunest_smmuv3_cmdq *q, uint32_t at,
				struct iommunest_smmuv3_cmdq_result *result)
{
	switch (q->window.kind[at]) {
	case KIND_FORWARDED:
		if (!tell_forwarded(q, at))
			return false;
		result->forwarded++;
		return true;
	case KIND_SYNC:
		smmu_complete_sync(q, at);
		result->syncs++;
		return true;
	case KIND_SKIPPED:
		return complete_skipped(q, at, result);
	case KIND_VMM:
		return give_to_vmm(q, at, result);
	case KIND_DROPPED:
		tell_dropped(q, at);
		result->dropped++;
		return true;
	case KIND_STOP:
		q->failure = q->stop;
		return false;
	default:
		return true;
	}
}

/* ---- In doubt ---- */

static bool is_atc_inv(const struct smmu_window *window, uint32_t at)
{
	return (uint8_t)window->words[at][0] == IOMMUNEST_SMMUV3_ATC_INV;
}

/*
 * Device TLBs timed out, from @at on: where nothing else is to be done up to
 * the next CMD_SYNC, the guest sees it there.  Returns where that is; @at:
 * there is none.
 */
static uint32_t find_doubtful_sync(const struct iommunest_smmuv3_cmdq *q,
				   uint32_t at)
{
	const struct smmu_window *window = &q->window;
	uint32_t i;

	if (q->failure.error != -ETIMEDOUT ||
	    q->failure.cerror == IOMMUNEST_SMMUV3_CERROR_NONE)
		return at;
	for (i = at; i < window->end; i++) {
		if (window->kind[i] == KIND_SYNC)
			return i;
		if (window->kind[i] == KIND_FORWARDED && !is_atc_inv(window, i))
			return at;
	}
	return at;
}

/* Forwarded commands from one place to another. */
static void keep_doubt(struct iommunest_smmuv3_cmdq *q, uint32_t from,
		       uint32_t to)
{
	const struct smmu_window *window = &q->window;

	for (; from < to; from++) {
		if (window->kind[from] != KIND_FORWARDED)
			continue;
		q->doubt[q->n_doubt++] = (struct iommunest_smmuv3_entry){
			.cmd = { smmu_le64(window->words[from][0]),
				 smmu_le64(window->words[from][1]) },
		};
	}
}

/* ---- All that is gathered ---- */

COLD int iommunest__smmuv3_halt(struct iommunest_smmuv3_cmdq *q)
{
	q->fault = q->failure;
	q->failure = (struct smmu_fault){ 0 };
	if (q->fault.cerror)
		q->gerror ^= IOMMUNEST_SMMUV3_GERROR_CMDQ;
	smmu_publish(q);
	return q->fault.error;
}

/* Up to @end; returns where it stops before that, as q->failure says. */
static inline uint32_t complete_to(struct iommunest_smmuv3_cmdq *q,
				   uint32_t end,
				   struct iommunest_smmuv3_cmdq_result *result)
{
	uint32_t at;

	for (at = q->window.first; at < end; at++) {
		if (!complete_one(q, at, result))
			break;
	}
	return at;
}

/* Something failed already. */
static COLD int complete_some(struct iommunest_smmuv3_cmdq *q,
			      struct iommunest_smmuv3_cmdq_result *result)
{
	const uint32_t failed =
		q->window.first + smmu_distance(q, q->failure.index);
	const uint32_t end = find_doubtful_sync(q, failed);
	uint32_t at;

	if (end != failed) {
		q->failure.index = smmu_index(q, end);
		q->failure.cerror = IOMMUNEST_SMMUV3_CERROR_ATC_INV_SYNC;
	}
	at = complete_to(q, end, result);
	keep_doubt(q, failed, at);
	smmu_move_cons(q, at, result);
	return iommunest__smmuv3_halt(q);
}

COLD void iommunest__smmuv3_show_msi_failure(struct iommunest_smmuv3_cmdq *q)
{
	/* One that the guest has not acknowledged yet says it already. */
	if (!((q->gerror ^ q->gerrorn) & IOMMUNEST_SMMUV3_GERROR_MSI_CMDQ_ABT))
		q->gerror ^= IOMMUNEST_SMMUV3_GERROR_MSI_CMDQ_ABT;
}

int iommunest__smmuv3_complete_each(struct iommunest_smmuv3_cmdq *q,
				    struct iommunest_smmuv3_cmdq_result *result)
{
	uint32_t at;

	if (q->failure.cause)
		return complete_some(q, result);
	at = complete_to(q, q->window.end, result);
	smmu_move_cons(q, at, result);
	if (q->failure.cause)
		return iommunest__smmuv3_halt(q);
	smmu_publish(q);
	return 0;
}
