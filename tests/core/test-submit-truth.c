/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Submission against a kernel that knows what it really did: each recovery, on
 * each kernel that it is for, with failures by chance.  At every return each
 * entry is in exactly one of handled, flushed, skipped and recorded, pending;
 * what is handled was really done, and what is blamed was really refused.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/groups.h"
#include "tests/harness/submit-rig.h"

#define MOST 150u
#define SUBMITS 6u
/* A submission that makes more calls than that has no end. */
#define CALLS_MAX 20000u

enum state { PENDING, HANDLED, FLUSHED, SKIPPED, GIVEN_UP };

struct world {
	struct support_rng *rng;
	struct support_choices choices;
	struct groups groups;
	struct iommunest_inv_type type;
	struct iommunest_batch *batch;
	struct iommunest_report report;
	struct iommunest_failure skipped[MOST];
	uint32_t count;
	enum state states[MOST];
	/* Before the submission that is looked at. */
	uint32_t cursor;
	uint32_t calls;
	uint32_t all[GROUPS_CLASSES];
};

#define world_assert(w, expr) support_assert((w)->rng, expr)

static uint32_t below(struct world *w, uint32_t n)
{
	return support_rng_below(w->rng, n);
}

static uint32_t number_at(const struct world *w, uint32_t index)
{
	return groups_command(w->batch, index)->number;
}

static bool is_illegal(const struct world *w, uint32_t index)
{
	return groups_command(w->batch, index)->illegal;
}

/* ---- What is made ---- */

static void make_all(void *entry)
{
	const struct groups_command all = { .number = GROUPS_ALL };

	memcpy(entry, &all, sizeof(all));
}

static int make_all_list(const struct iommunest_all *all, void *entries)
{
	struct groups_command *command = entries;

	if (all->first >= 2)
		return 0;
	command->number = GROUPS_ALL | all->all_class;
	if (all->max == 1)
		return 1;
	command[1].number = command->number;
	return 2;
}

static void choose_all(struct world *w)
{
	switch (below(w, 3)) {
	case 0:
		w->type.make_all = make_all;
		break;
	case 1:
		w->type.make_all_list = make_all_list;
		w->type.all_classes = GROUPS_CLASSES;
		break;
	}
}

/* An exact type is right for one of these kernels only. */
static enum groups_meaning choose_meaning(struct world *w, uint32_t recovery)
{
	if (recovery == IOMMUNEST_RECOVERY_EXACT)
		return GROUPS_COUNTS_DONE;
	return (enum groups_meaning)below(w, GROUPS_MEANINGS);
}

static void choose_illegal(struct world *w)
{
	static const uint32_t one_in[] = { 1000, 60, 10, 2 };
	uint32_t n = one_in[below(w, ARRAY_LEN(one_in))];
	uint32_t i;

	for (i = 0; i < w->count; i++)
		groups_command(w->batch, i)->illegal = !below(w, n);
}

static void start_world(struct world *w, struct support_rng *rng,
			uint32_t recovery)
{
	static const uint32_t call_max[] = { GROUPS_SIZE, GROUPS_SIZE, 1, 7,
					     0 };
	static const uint32_t memory[] = { 1u << 18, 1u << 18, 1, 5, 40 };
	enum groups_meaning meaning;

	memset(w, 0, sizeof(*w));
	w->rng = rng;
	w->choices = (struct support_choices){ .rng = rng };
	w->count = 1 + below(w, MOST);
	w->type = groups_type();
	w->type.recovery = recovery;
	w->type.call_max = call_max[below(w, ARRAY_LEN(call_max))];
	meaning = choose_meaning(w, recovery);
	if (meaning != GROUPS_COUNTS_CHECKED && below(w, 2))
		w->type.flags = 0;
	if (below(w, 3) == 0)
		w->type.flags |= IOMMUNEST_INV_REPEAT;
	choose_all(w);
	groups_start(&w->groups, meaning, w->count);
	w->groups.memory = memory[below(w, ARRAY_LEN(memory))];
	w->groups.choices = &w->choices;
	w->batch = groups_batch(&w->groups, &w->type);
	choose_illegal(w);
}

static void finish_world(struct world *w)
{
	iommunest_batch_free(w->batch);
	groups_finish(&w->groups);
}

/* ---- What has to be true ---- */

/* In order, and an entry once. */
static bool is_recorded(const struct world *w, uint32_t index)
{
	uint32_t i;

	for (i = 0; i < w->report.skipped_count; i++) {
		if (w->skipped[i].index == index)
			return true;
	}
	return false;
}

static void check_skipped(struct world *w)
{
	uint32_t i;

	world_assert(w, !w->report.skipped_count ||
				w->type.recovery != IOMMUNEST_RECOVERY_REPLAY);
	for (i = 0; i < w->report.skipped_count; i++) {
		const struct iommunest_failure *failure = &w->skipped[i];

		world_assert(w, failure->last_index == failure->index);
		world_assert(w,
			     failure->cookie ==
				     rig_cookie(number_at(w, failure->index)));
		world_assert(w, failure->error != -EIO ||
					is_illegal(w, failure->index));
	}
}

static void check_handled(struct world *w, uint32_t number)
{
	uint32_t times = w->type.flags & IOMMUNEST_INV_REPEAT ? 2 : 1;

	world_assert(w, w->groups.done[number] >= times);
}

static void check_flush(struct world *w)
{
	uint32_t classes = w->type.all_classes ? w->type.all_classes : 1;
	uint32_t i;

	for (i = 0; i < classes; i++)
		world_assert(w, w->groups.all[i] > w->all[i]);
}

/* What the cursor moved past, one by one. */
static void check_moved(struct world *w, uint32_t cursor)
{
	const uint32_t flushed_from = cursor - w->report.flushed;
	uint32_t n[GIVEN_UP + 1] = { 0 };
	uint32_t i;

	for (i = w->cursor; i < cursor; i++) {
		uint32_t number = number_at(w, i);
		enum state state = HANDLED;

		if (is_recorded(w, i))
			state = SKIPPED;
		else if (i >= flushed_from)
			state = FLUSHED;
		else
			check_handled(w, number);
		world_assert(w, w->states[number] == PENDING);
		w->states[number] = state;
		n[state]++;
	}
	world_assert(w, n[HANDLED] == w->report.handled);
	world_assert(w, n[FLUSHED] == w->report.flushed);
	world_assert(w, n[SKIPPED] == w->report.skipped_count);
	if (n[FLUSHED])
		check_flush(w);
}

static void check_pending(struct world *w, uint32_t cursor)
{
	uint32_t i;

	world_assert(w, w->report.pending == w->count - cursor);
	for (i = cursor; i < w->count; i++) {
		uint32_t number = number_at(w, i);

		world_assert(w, w->states[number] == PENDING);
		world_assert(w, iommunest_batch_cookie(w->batch, i) ==
					rig_cookie(number));
	}
}

/* An illegal command is where the report says that one is. */
static void check_blamed(struct world *w)
{
	const struct iommunest_report *report = &w->report;
	bool any = false;
	uint32_t i;

	world_assert(w, report->last_index < w->count);
	world_assert(w, report->last_index >= report->index);
	world_assert(w,
		     report->cookie == rig_cookie(number_at(w, report->index)));
	world_assert(w, !report->exact || report->last_index == report->index);
	for (i = report->index; i <= report->last_index; i++)
		any |= is_illegal(w, i);
	/* The other errors may be of a legal one. */
	world_assert(w, any || report->error != -EIO);
}

static void check_error(struct world *w, int ret, uint32_t cursor)
{
	const struct iommunest_report *report = &w->report;

	world_assert(w, report->error == ret && report->pending);
	if (report->blame == IOMMUNEST_BLAME_CALL) {
		world_assert(w,
			     ret == -ENOMEM || ret == -EINTR || ret == -EFAULT);
		return;
	}
	world_assert(w, report->blame == IOMMUNEST_BLAME_ENTRY);
	world_assert(w, report->index >= cursor);
	check_blamed(w);
}

static void check_return(struct world *w, int ret)
{
	uint32_t cursor = iommunest_batch_cursor(w->batch);

	world_assert(w, cursor >= w->cursor);
	check_skipped(w);
	check_moved(w, cursor);
	check_pending(w, cursor);
	world_assert(w, !w->groups.all_out_of_order || !w->type.make_all_list);
	world_assert(w, w->report.calls == w->groups.calls - w->calls);
	world_assert(w, w->report.calls < CALLS_MAX);
	if (ret < 0) {
		check_error(w, ret, cursor);
		return;
	}
	world_assert(w, ret == (int)w->report.skipped_count);
	world_assert(w, cursor == w->count);
	/* Nobody is blamed but for what was flushed away. */
	world_assert(w, w->report.flushed ||
				(w->report.blame == IOMMUNEST_BLAME_NONE &&
				 !w->report.error));
}

/* ---- Runs ---- */

static enum iommunest_answer
answer(void *user, const struct iommunest_failure *failure, void *entry)
{
	struct groups_command *command = entry;
	struct world *w = user;

	world_assert(w, failure->index == iommunest_batch_cursor(w->batch));
	world_assert(w, failure->cookie == rig_cookie(command->number));
	switch (below(w, 4)) {
	case 0:
		return IOMMUNEST_ANSWER_STOP;
	case 1:
		return IOMMUNEST_ANSWER_SKIP;
	case 2:
		return IOMMUNEST_ANSWER_FLUSH_ALL;
	default:
		command->illegal = 0;
		return failure->attempt < 100 ? IOMMUNEST_ANSWER_RETRY
					      : IOMMUNEST_ANSWER_STOP;
	}
}

static int submit(struct world *w)
{
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = below(w, 4),
		.max_stalls = 2,
		.ask = answer,
		.user = w,
	};
	int ret;

	w->cursor = iommunest_batch_cursor(w->batch);
	w->calls = w->groups.calls;
	w->groups.last_all = 0;
	memcpy(w->all, w->groups.all, sizeof(w->all));
	w->choices.made = 0;
	w->skipped[0].size = sizeof(w->skipped[0]);
	w->report = (struct iommunest_report){ .size = sizeof(w->report),
					       .skipped = w->skipped,
					       .skipped_max = MOST };
	ret = iommunest_submit(w->groups.ctx, SCRIPT_HWPT, w->batch, &options,
			       &w->report);
	check_return(w, ret);
	return ret;
}

/* The entry that was blamed; else the one at the cursor. */
static void give_up(struct world *w)
{
	uint32_t cursor = iommunest_batch_cursor(w->batch);
	uint32_t index = w->report.blame == IOMMUNEST_BLAME_ENTRY
				 ? w->report.index
				 : cursor;
	uint32_t number = number_at(w, index);

	world_assert(w, !iommunest_batch_skip(w->batch));
	world_assert(w, iommunest_batch_cursor(w->batch) == cursor + 1);
	world_assert(w, number_at(w, cursor) == number);
	w->states[number] = GIVEN_UP;
}

/* All is well from now on. */
static void repair(struct world *w)
{
	uint32_t i;

	for (i = iommunest_batch_cursor(w->batch); i < w->count; i++)
		groups_command(w->batch, i)->illegal = 0;
	w->groups.memory = UINT32_MAX;
	w->choices.limit = 0;
}

static void run_world(struct world *w)
{
	uint32_t submits;

	for (submits = 0; submits < SUBMITS; submits++) {
		w->choices.limit = below(w, 2) ? below(w, 40) : 0;
		if (submit(w) >= 0)
			break;
		if (below(w, 3) == 0)
			give_up(w);
	}
	repair(w);
	world_assert(w, submit(w) == 0);
	check_pending(w, w->count);
}

#define RUNS 1500u

TEST_LOOP(each_entry_has_one_outcome_and_it_is_true, 3)
{
	struct support_rng rng;
	struct world w;
	uint32_t run;

	support_rng_start(&rng, __func__);
	for (run = 0; run < RUNS; run++) {
		start_world(&w, &rng, (uint32_t)_i);
		run_world(&w);
		finish_world(&w);
	}
}
