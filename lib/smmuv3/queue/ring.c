/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The engine at work: commands from the ring.  Registers and ring: SMMUv3
 * specification, chapters 3.5 and 4.
 *
 * Guest memory is hostile: each command is copied once, then checked, and only
 * the copy is used.
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/smmuv3/queue/gather.h"
#include "lib/smmuv3/queue/result.h"

/* ---- One command ---- */

/* CMD_SYNC.CS */
#define CS_RESERVED 3u

/* Settles what is before the next command, at which the queue stops. */
static COLD int stop_at_next(struct iommunest_smmuv3_cmdq *q,
			     const struct smmu_fault *fault,
			     struct iommunest_smmuv3_cmdq_result *result)
{
	q->stop = *fault;
	smmu_gather_other(&q->window, KIND_STOP);
	return iommunest__smmuv3_settle(q, result);
}

static COLD int refuse(struct iommunest_smmuv3_cmdq *q, uint32_t reason,
		       struct iommunest_smmuv3_cmdq_result *result)
{
	const struct smmu_fault fault = iommunest__smmuv3_fault_of_guest(
		smmu_index(q, q->window.end), reason);

	return stop_at_next(q, &fault, result);
}

/* An ordering point: all before it is done when the VMM gets it. */
static int give_to_vmm(struct iommunest_smmuv3_cmdq *q,
		       struct iommunest_smmuv3_cmdq_result *result)
{
	smmu_gather_other(&q->window, KIND_VMM);
	return iommunest__smmuv3_settle(q, result);
}

static COLD int fail_stream(struct iommunest_smmuv3_cmdq *q, int error,
			    struct iommunest_smmuv3_cmdq_result *result)
{
	const struct smmu_fault fault = iommunest__smmuv3_fault_of_host(
		smmu_index(q, q->window.end), error, smmu_cerror(q));

	return stop_at_next(q, &fault, result);
}

static int handle_stream(struct iommunest_smmuv3_cmdq *q, uint8_t class,
			 const uint64_t *words,
			 struct iommunest_smmuv3_cmdq_result *result)
{
	uint32_t owner;
	int ret;

	ret = iommunest__smmuv3_find_owner(q, smmu_sid(words), &owner);
	if (ret)
		return fail_stream(q, ret, result);
	if (owner == OWNER_VMM)
		return give_to_vmm(q, result);
	if (owner == OWNER_NOBODY)
		smmu_gather_other(&q->window, KIND_DROPPED);
	else
		smmu_gather_forwarded(q, words, class, owner);
	return 0;
}

/* Nobody waits for it, so that it is no ordering point. */
static int handle_prefetch(struct iommunest_smmuv3_cmdq *q,
			   const uint64_t *words,
			   struct iommunest_smmuv3_cmdq_result *result)
{
	enum smmu_kind kind = KIND_NONE;
	uint32_t owner;
	int ret;

	ret = iommunest__smmuv3_find_owner(q, smmu_sid(words), &owner);
	if (ret)
		return fail_stream(q, ret, result);
	if (owner == OWNER_VMM)
		kind = KIND_VMM;
	else if (owner == OWNER_NOBODY)
		kind = KIND_DROPPED;
	smmu_gather_other(&q->window, kind);
	return 0;
}

/* What is not forwarded, and no CMD_SYNC. */
static __attribute__((noinline)) int
handle_other(struct iommunest_smmuv3_cmdq *q, uint32_t action,
	     const uint64_t *words, struct iommunest_smmuv3_cmdq_result *result)
{
	if (action == ACTION_ILLEGAL)
		return refuse(q, iommunest__smmuv3_why_illegal(words), result);
	if (words[0] & CMD0_SSEC)
		return refuse(q, IOMMUNEST_SMMUV3_CMD_REASON_RESERVED, result);
	if (action == ACTION_PREFETCH)
		return handle_prefetch(q, words, result);
	return give_to_vmm(q, result);
}

static inline int handle_sync(struct iommunest_smmuv3_cmdq *q,
			      const uint64_t *words,
			      struct iommunest_smmuv3_cmdq_result *result)
{
	if (smmu_get(words[0], CMD0_CS) == CS_RESERVED)
		return refuse(q, IOMMUNEST_SMMUV3_CMD_REASON_RESERVED, result);
	smmu_gather_sync(&q->window);
	/* There is nothing to wait for. */
	return q->window.n_forwarded ? 0 : iommunest__smmuv3_settle(q, result);
}

static inline int handle(struct iommunest_smmuv3_cmdq *q, const uint64_t *words,
			 struct iommunest_smmuv3_cmdq_result *result)
{
	const uint32_t action = iommunest__smmuv3_actions[(uint8_t)words[0]];
	const struct smmu_rule *rule;
	uint32_t reason;
	int ret;

	if (action == ACTION_SYNC)
		return handle_sync(q, words, result);
	if (action == ACTION_ILLEGAL || action >= SMMU_RULES)
		return handle_other(q, action, words, result);
	rule = &q->rules[action];
	if (!smmu_rule_is_plain(rule, words)) {
		reason = iommunest__smmuv3_rule_check(rule, &q->caps, words);
		if (reason)
			return refuse(q, reason, result);
	}
	/* Before its owner is looked up, as the VMM may change that meanwhile.
	 */
	if (smmu_must_settle(&q->window, rule->class)) {
		ret = iommunest__smmuv3_settle(q, result);
		if (ret)
			return ret;
	}
	if (rule->class != CLASS_TLBI)
		return handle_stream(q, rule->class, words, result);
	if (!q->targets.count)
		return give_to_vmm(q, result);
	smmu_gather_forwarded(q, words, CLASS_TLBI, OWNER_ALL);
	return 0;
}

/* ---- The ring ---- */

/*
 * So many ioctls end a run after the commands that were fetched with the last:
 * each of the VMM's is an ordering point, and may take one of every target.
 */
#define MOST_CALLS 4096u

static COLD int fail_fetch(struct iommunest_smmuv3_cmdq *q, int error,
			   struct iommunest_smmuv3_cmdq_result *result)
{
	const struct smmu_fault fault = iommunest__smmuv3_fault_of_memory(
		smmu_index(q, q->window.end), error);

	return stop_at_next(q, &fault, result);
}

/* Fetches up to *@count commands, for which there is room. */
static inline int fetch(struct iommunest_smmuv3_cmdq *q, uint32_t *count)
{
	const uint32_t index = smmu_index(q, q->window.end);
	const struct ring ring = {
		.read = q->ops.read,
		.vmm = q->vmm,
		.base = q->ring,
		.slots = q->slots,
		.shift = CMD_SHIFT,
	};

	/* A ring smaller than a chunk is read to its end. */
	*count = ring_within(*count, q->slots - index);
	return ring_fetch(&ring, index, count, q->window.words[q->window.end]);
}

/* What is gathered goes to the window's beginning: an array is filled up. */
static __attribute__((noinline)) void move_to_front(struct smmu_window *window)
{
	const uint32_t first = window->first;
	const uint32_t count = window->end - first;
	uint32_t i;

	memmove(window->kind, &window->kind[first], count);
	memmove(window->owner, &window->owner[first], count);
	memmove(window->words, &window->words[first],
		count * sizeof(window->words[0]));
	for (i = 0; i < window->n_syncs; i++)
		window->syncs[i] = (uint8_t)(window->syncs[i] - first);
	window->first = 0;
	window->end = count;
}

/*
 * Makes room for a chunk, where there is none.  What was fetched is all
 * gathered.  No slot is in the window twice, as slots are names.
 */
static inline int make_room(struct iommunest_smmuv3_cmdq *q,
			    struct iommunest_smmuv3_cmdq_result *result)
{
	const uint32_t chunk = ring_within(SMMU_CHUNK, q->slots);
	int ret = 0;

	if (smmu_gathered(q) > SMMU_WINDOW - SMMU_CHUNK ||
	    smmu_gathered(q) > q->slots - chunk)
		ret = iommunest__smmuv3_settle(q, result);
	if (!smmu_gathered(q))
		smmu_window_rewind(&q->window);
	else if (q->window.end > SMMU_WINDOW - SMMU_CHUNK)
		move_to_front(&q->window);
	return ret;
}

/* So many commands that are fetched. */
static inline int handle_fetched(struct iommunest_smmuv3_cmdq *q,
				 uint32_t count,
				 struct iommunest_smmuv3_cmdq_result *result)
{
	uint64_t(*words)[2] = &q->window.words[q->window.end];
	uint64_t(*const end)[2] = words + count;
	int ret;

	do {
		ret = handle(q, *words++, result);
	} while (!ret && words < end);
	return ret;
}

/* Handles @left commands from CONS on, which are some. */
static inline int run_to(struct iommunest_smmuv3_cmdq *q, uint32_t left,
			 struct iommunest_smmuv3_cmdq_result *result)
{
	uint32_t count;
	int ret;

	smmu_window_rewind(&q->window);
	for (;;) {
		count = left;
		ret = fetch(q, &count);
		if (ret < 0)
			return fail_fetch(q, ret, result);
		ret = handle_fetched(q, count, result);
		if (ret)
			return ret;
		left -= count;
		if (!left || result->calls >= MOST_CALLS)
			return iommunest__smmuv3_settle(q, result);
		ret = make_room(q, result);
		if (ret)
			return ret;
	}
}

/* What a run does, up to its result. */
static inline int run(struct iommunest_smmuv3_cmdq *q,
		      struct iommunest_smmuv3_cmdq_result *result)
{
	const uint32_t mask = smmu_position_mask(q);
	uint32_t left;
	int ret;

	if (q->fault.cause || smmu_is_erroneous(q))
		return q->fault.error;
	if (q->n_doubt) {
		ret = iommunest__smmuv3_settle_doubt(q, result);
		if (ret)
			return ret;
	}
	left = ring_within((q->prod - q->cons) & mask, q->budget);
	ret = left ? run_to(q, left, result) : 0;
	return ret < 0 ? ret : q->cons != q->prod;
}

int iommunest__smmuv3_ring_run(struct iommunest_smmuv3_cmdq *q,
			       struct iommunest_smmuv3_cmdq_result *result)
{
	struct iommunest_smmuv3_cmdq_result resized;
	struct iommunest_smmuv3_cmdq_result *out = result;
	int ret;

	/* Of a caller of another release. */
	if (result->size != sizeof(*result))
		out = &resized;
	*out = (struct iommunest_smmuv3_cmdq_result){ .size = sizeof(*out) };
	q->running = true;
	q->gerror_before = q->gerror;
	ret = run(q, out);
	q->running = false;
	smmu_fill_result(q, out);
	if (out != result)
		iommunest_copy_out(result, out, sizeof(*out));
	return ret;
}
