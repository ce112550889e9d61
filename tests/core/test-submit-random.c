/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Submission against a kernel that answers anything: all answers there are up
 * to a depth, and random ones.  After each return each entry is in exactly
 * one of handled, flushed, skipped and recorded, pending; nothing that is done
 * is sent again; and the order is kept.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/script.h"
#include "tests/harness/support.h"

#define LAST_ERRNO EHWPOISON

static uint64_t cookie_of(uint32_t index)
{
	return UINT64_C(0xc000000000000000) + index;
}

#define WILD_ENTRIES 6u
#define WILD_SUBMITS 4u
#define NOBODY UINT32_MAX

enum outcome { PENDING, HANDLED, FLUSHED, SKIPPED, GIVEN_UP };

/*
 * A kernel that answers by choices, the truth about each entry that follows
 * from its answers, and the submission that is watched.
 */
struct wild {
	struct support_choices *choices;
	struct iommunest_ctx *ctx;
	struct iommunest_batch *batch;
	struct iommunest_submit_options options;
	struct iommunest_report report;
	struct iommunest_failure skipped[WILD_ENTRIES];
	bool replay;
	uint32_t entries;

	enum outcome outcomes[WILD_ENTRIES];
	/* All entries before it have an outcome. */
	uint32_t next;

	/* Of this submission: */
	uint32_t calls;
	uint32_t sent;
	uint32_t handled;
	uint32_t flushed;
	uint32_t flushed_from;
	uint32_t n_skipped;
	struct iommunest_failure expected[WILD_ENTRIES];
	/* In a row, without progress. */
	uint32_t stalls;
	/* What the last call put it down to, and whether that is settled. */
	uint32_t suspect;
	uint32_t at_fault;
	int error;
	/* Nothing may be sent any more. */
	bool over;
	/* The policy, or what was answered for the entry at fault. */
	uint32_t action;
	uint32_t attempt;
};

#define wild_assert(w, expr)                                      \
	do {                                                      \
		if (!(expr))                                      \
			ck_abort_msg("%s; %s", #expr,             \
				     support_path((w)->choices)); \
	} while (0)

static void set_outcome(struct wild *w, enum outcome outcome)
{
	wild_assert(w, w->next < w->entries);
	wild_assert(w, w->outcomes[w->next] == PENDING);
	w->outcomes[w->next++] = outcome;
}

/* ---- What the kernel answers ---- */

struct verdict {
	int ret;
	uint32_t handled;
};

/* Not ENOMEM: such calls are made smaller, as test-submit-truth.c has it. */
static int random_error(struct support_choices *choices)
{
	int error;

	if (!choices->rng)
		return -EIO;
	error = 1 + (int)support_choose(choices, LAST_ERRNO);
	return error == ENOMEM ? -EIO : -error;
}

/* Some of them, and not all. */
static uint32_t any_part_of(struct support_choices *choices, uint32_t count)
{
	if (count < 2)
		return 0;
	return choices->rng ? 1 + support_choose(choices, count - 1) : 1;
}

static struct verdict judge(struct support_choices *choices, uint32_t count)
{
	switch (support_choose(choices, 11)) {
	case 1:
		return (struct verdict){ 0, any_part_of(choices, count) };
	case 2:
		return (struct verdict){ 0, 0 };
	case 3:
		return (struct verdict){ 0, count + 1 };
	case 4:
		return (struct verdict){ -EINVAL, 0 };
	case 5:
		return (struct verdict){ random_error(choices),
					 any_part_of(choices, count) };
	case 6:
		return (struct verdict){ random_error(choices), count };
	case 7:
		return (struct verdict){ -EINTR, 0 };
	case 8:
		return (struct verdict){ -EAGAIN, any_part_of(choices, count) };
	case 9:
		return (struct verdict){ -EINVAL, count + 1 };
	case 10:
		return (struct verdict){ -EINTR, count };
	default:
		return (struct verdict){ 0, count };
	}
}

static struct verdict judge_probe(struct support_choices *choices)
{
	switch (support_choose(choices, 4)) {
	case 1:
		return (struct verdict){ random_error(choices), 0 };
	case 2:
		return (struct verdict){ -EINTR, 0 };
	case 3:
		return (struct verdict){ 0, 1 };
	default:
		return (struct verdict){ 0, 0 };
	}
}

/* How many entries that call did, by the rules of the header. */
static uint32_t done_by(const struct wild *w, struct verdict v, uint32_t count)
{
	if (v.handled > count)
		return 0;
	if (w->replay)
		return v.ret >= 0 && v.handled == count ? count : 0;
	return v.ret < 0 && v.handled == count ? 0 : v.handled;
}

static bool is_wrong_count(const struct wild *w, struct verdict v,
			   uint32_t count)
{
	return v.handled > count ||
	       (v.ret >= 0 && count && !done_by(w, v, count));
}

static bool is_stall(int error)
{
	return error == -EINTR || error == -EAGAIN;
}

/* ---- What follows from it ---- */

static void count_stalls(struct wild *w, struct verdict v, uint32_t done)
{
	w->stalls = is_stall(v.ret) && !done ? w->stalls + 1 : 0;
	wild_assert(w, w->stalls <= w->options.max_stalls + 1);
}

/*
 * The library went on at @index.  That is where the truth is, or one further:
 * then it gave up the entry at fault.
 */
static void follow(struct wild *w, uint32_t index)
{
	struct iommunest_failure *failure = &w->expected[w->n_skipped];

	if (index == w->next)
		return;
	wild_assert(w, index == w->next + 1);
	wild_assert(w, w->at_fault == w->next);
	wild_assert(w, w->action == IOMMUNEST_POLICY_SKIP);
	wild_assert(w, !w->replay);
	failure->index = w->next;
	failure->error = w->error;
	failure->cookie = cookie_of(w->next);
	failure->attempt = w->attempt;
	w->n_skipped++;
	set_outcome(w, SKIPPED);
	w->attempt = 0;
}

static void blame(struct wild *w, struct verdict v, uint32_t done)
{
	w->suspect = NOBODY;
	w->at_fault = NOBODY;
	w->error = v.ret;
	if (v.ret >= 0 || is_stall(v.ret))
		return;
	if (done)
		w->at_fault = w->next;
	else
		w->suspect = w->next;
}

static void check_ids(const struct wild *w, const struct script_invalidate *cmd)
{
	const struct iommunest_vtd_entry *entries =
		(const void *)(uintptr_t)cmd->data_uptr;
	uint32_t i;

	for (i = 0; i < cmd->entry_num; i++)
		wild_assert(w, entries[i].addr == (uint64_t)(w->next + i + 1)
							  << 12);
}

static int wild_entries(struct wild *w, struct script_invalidate *cmd)
{
	const struct iommunest_vtd_entry *first =
		(const void *)(uintptr_t)cmd->data_uptr;
	struct verdict v = judge(w->choices, cmd->entry_num);
	uint32_t done = done_by(w, v, cmd->entry_num);
	uint32_t i;

	follow(w, (uint32_t)(first->addr >> 12) - 1);
	/* In order, all of the rest, and nothing that was done before. */
	wild_assert(w, cmd->entry_num == w->entries - w->next);
	check_ids(w, cmd);
	for (i = 0; i < done; i++)
		set_outcome(w, HANDLED);
	w->handled += done;
	if (done)
		w->attempt = 0;
	count_stalls(w, v, done);
	blame(w, v, done);
	if (is_wrong_count(w, v, cmd->entry_num))
		w->over = true;
	cmd->entry_num = v.handled;
	return v.ret;
}

static int wild_flush_all(struct wild *w, struct script_invalidate *cmd)
{
	struct verdict v = judge(w->choices, 1);

	wild_assert(w, w->at_fault == w->next);
	wild_assert(w, w->action == IOMMUNEST_POLICY_FLUSH_ALL);
	if (v.ret >= 0 && v.handled == 1) {
		w->flushed_from = w->next;
		w->flushed = w->entries - w->next;
		while (w->next < w->entries)
			set_outcome(w, FLUSHED);
	}
	count_stalls(w, v, v.ret >= 0);
	w->over = v.handled > 1 || !is_stall(v.ret);
	cmd->entry_num = v.handled;
	return v.ret;
}

static int wild_probe(struct wild *w, struct script_invalidate *cmd)
{
	struct verdict v = judge_probe(w->choices);

	wild_assert(w, w->suspect == w->next);
	count_stalls(w, v, v.ret >= 0);
	if (v.ret >= 0 && v.handled == 0)
		w->at_fault = w->suspect;
	else if (!is_stall(v.ret))
		w->over = true;
	if (!is_stall(v.ret))
		w->suspect = NOBODY;
	cmd->entry_num = v.handled;
	return v.ret;
}

static int wild_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct script_invalidate *cmd = arg;
	const struct iommunest_vtd_entry *first =
		(const void *)(uintptr_t)cmd->data_uptr;
	struct wild *w = data;

	wild_assert(w, fd == SCRIPT_FD);
	wild_assert(w, request == SCRIPT_HWPT_INVALIDATE);
	if (script_is_question(request, arg))
		return script_no_extension(arg);
	wild_assert(w, !w->over);
	w->calls++;
	w->sent += cmd->entry_num;
	if (cmd->entry_num == 0)
		return wild_probe(w, cmd);
	if (first->npages == UINT64_MAX)
		return wild_flush_all(w, cmd);
	return wild_entries(w, cmd);
}

/* One more than there are. */
#define NO_ANSWER ((enum iommunest_answer)(IOMMUNEST_ANSWER_RETRY + 1))

static enum iommunest_answer
wild_ask(void *user, const struct iommunest_failure *failure, void *entry)
{
	static const enum iommunest_answer answers[] = {
		IOMMUNEST_ANSWER_STOP,
		IOMMUNEST_ANSWER_SKIP,
		IOMMUNEST_ANSWER_FLUSH_ALL,
		IOMMUNEST_ANSWER_RETRY,
		NO_ANSWER,
	};
	struct wild *w = user;

	wild_assert(w, w->at_fault == w->next);
	wild_assert(w, failure->index == w->next);
	wild_assert(w, failure->error == w->error);
	wild_assert(w, failure->cookie == cookie_of(w->next));
	wild_assert(w, failure->attempt == ++w->attempt);
	wild_assert(w, entry == iommunest_batch_entry(w->batch, w->next));
	w->action = answers[support_choose(w->choices, ARRAY_LEN(answers))];
	if (w->action == IOMMUNEST_ANSWER_STOP || w->action == NO_ANSWER)
		w->over = true;
	return w->action;
}

/* ---- What has to be true at each return ---- */

static void check_outcomes(const struct wild *w)
{
	uint32_t cursor = iommunest_batch_cursor(w->batch);
	uint32_t i;

	wild_assert(w, cursor == w->next);
	for (i = 0; i < w->entries; i++) {
		const struct iommunest_vtd_entry *entry =
			iommunest_batch_entry(w->batch, i);

		wild_assert(w, (w->outcomes[i] == PENDING) == (i >= cursor));
		wild_assert(w, entry->addr == (uint64_t)(i + 1) << 12);
		wild_assert(w, iommunest_batch_cookie(w->batch, i) ==
				       cookie_of(i));
	}
}

static void check_records(const struct wild *w)
{
	uint32_t room = w->report.skipped_max;
	uint32_t i;

	wild_assert(w, w->report.skipped_count == w->n_skipped);
	wild_assert(w, w->options.policy == IOMMUNEST_POLICY_ASK ||
			       w->n_skipped <= room);
	for (i = 0; i < w->n_skipped && i < room; i++) {
		wild_assert(w, w->skipped[i].index == w->expected[i].index);
		wild_assert(w, w->skipped[i].error == w->expected[i].error);
		wild_assert(w, w->skipped[i].cookie == w->expected[i].cookie);
		wild_assert(w, w->skipped[i].attempt == w->expected[i].attempt);
	}
}

static void check_stop(const struct wild *w, int ret)
{
	const struct iommunest_report *report = &w->report;

	wild_assert(w, report->error == ret);
	wild_assert(w, report->pending > 0);
	if (report->blame == IOMMUNEST_BLAME_CALL)
		return;
	wild_assert(w, report->blame == IOMMUNEST_BLAME_ENTRY);
	wild_assert(w, w->at_fault == w->next);
	wild_assert(w, ret == w->error || w->action == NO_ANSWER);
	wild_assert(w, report->index == w->next);
	wild_assert(w, report->cookie == cookie_of(w->next));
	wild_assert(w, report->exact == !w->replay);
	wild_assert(w, report->last_index ==
			       (w->replay ? w->entries - 1 : w->next));
}

/* What made it flush all is in the report of a success. */
static void check_flushed(const struct wild *w)
{
	const struct iommunest_report *report = &w->report;

	if (!w->flushed) {
		wild_assert(w, report->error == 0);
		wild_assert(w, report->blame == IOMMUNEST_BLAME_NONE);
		return;
	}
	wild_assert(w, report->error == w->error);
	wild_assert(w, report->blame == IOMMUNEST_BLAME_ENTRY);
	wild_assert(w, report->index == w->flushed_from);
	wild_assert(w, report->cookie == cookie_of(w->flushed_from));
}

static void check_return(struct wild *w, int ret)
{
	const struct iommunest_report *report = &w->report;

	follow(w, iommunest_batch_cursor(w->batch));
	check_outcomes(w);
	check_records(w);
	wild_assert(w, report->calls == w->calls);
	wild_assert(w, report->sent == w->sent);
	wild_assert(w, report->handled == w->handled);
	wild_assert(w, report->flushed == w->flushed);
	wild_assert(w, report->pending == w->entries - w->next);
	if (ret < 0) {
		check_stop(w, ret);
		return;
	}
	wild_assert(w, ret == (int)w->n_skipped);
	wild_assert(w, report->pending == 0);
	check_flushed(w);
}

/* ---- Runs ---- */

static void submit_wild(struct wild *w, uint32_t policy, uint32_t room)
{
	w->calls = w->sent = w->handled = w->flushed = w->n_skipped = 0;
	w->stalls = w->attempt = 0;
	w->suspect = w->at_fault = NOBODY;
	w->over = false;
	w->action = policy;
	w->options.policy = policy;
	w->skipped[0].size = sizeof(w->skipped[0]);
	w->report = (struct iommunest_report){ .size = sizeof(w->report),
					       .skipped = w->skipped,
					       .skipped_max = room };
	check_return(w, iommunest_submit(w->ctx, SCRIPT_HWPT, w->batch,
					 &w->options, &w->report));
}

/* False where the caller gives up what is pending. */
static bool go_on(struct wild *w)
{
	switch (support_choose(w->choices, 3)) {
	case 0:
		return false;
	case 1:
		wild_assert(w, iommunest_batch_skip(w->batch) == 0);
		set_outcome(w, GIVEN_UP);
		return true;
	default:
		return true;
	}
}

static void run_wild(struct wild *w, uint32_t policy)
{
	uint32_t room = w->entries;
	uint32_t submits = 0;
	uint32_t i;

	iommunest_batch_reset(w->batch);
	memset(w->outcomes, 0, sizeof(w->outcomes));
	w->next = 0;
	for (i = 0; i < w->entries; i++)
		wild_assert(w, !iommunest_vtd_batch_add_range(
				       w->batch, (uint64_t)(i + 1) << 12, 1, 0,
				       cookie_of(i)));
	do {
		if (w->choices->rng) {
			policy = support_choose(w->choices, 4);
			room = support_choose(w->choices, w->entries + 1);
		}
		submit_wild(w, policy, room);
	} while (w->next < w->entries && ++submits < WILD_SUBMITS && go_on(w));
}

static void start_wild(struct wild *w, struct support_choices *choices,
		       bool replay, uint32_t max_stalls)
{
	static struct iommunest_sys sys;
	struct iommunest_open_options options = { .size = sizeof(options),
						  .sys = &sys,
						  .sys_data = w };
	struct iommunest_inv_type type = *iommunest_vtd_s1_type();

	sys = script_sys;
	sys.ioctl = wild_ioctl;
	*w = (struct wild){
		.choices = choices,
		.replay = replay,
		.options = { .size = sizeof(w->options),
			     .max_stalls = max_stalls,
			     .ask = wild_ask,
			     .user = w },
	};
	if (replay)
		type.recovery = IOMMUNEST_RECOVERY_REPLAY;
	ck_assert_int_eq(iommunest_open_fd(&w->ctx, SCRIPT_FD, &options), 0);
	ck_assert_int_eq(iommunest_batch_new(&w->batch, &type, WILD_ENTRIES),
			 0);
}

static void finish_wild(struct wild *w)
{
	iommunest_batch_free(w->batch);
	iommunest_close(w->ctx);
}

#define ALL_DEPTH 5u
#define ALL_ENTRIES 3u

/* Every path of so many answers, with each policy and way to recover. */
TEST_LOOP(each_entry_has_one_outcome_whatever_the_kernel_answers, 8)
{
	struct support_choices choices = { .limit = ALL_DEPTH };
	uint32_t paths = 0;
	struct wild w;

	start_wild(&w, &choices, _i & 1, 1);
	w.entries = ALL_ENTRIES;
	do {
		run_wild(&w, (uint32_t)_i >> 1);
		paths++;
	} while (support_next_path(&choices));
	ck_assert_uint_gt(paths, 1000);
	finish_wild(&w);
}

#define RANDOM_RUNS 10000u
#define RANDOM_DEPTH 60u

TEST_LOOP(each_entry_has_one_outcome_with_a_random_kernel, 2)
{
	struct support_rng rng;
	struct support_choices choices = { .rng = &rng };
	struct wild w;
	uint32_t run;

	support_rng_start(&rng, __func__);
	start_wild(&w, &choices, _i, 2);
	for (run = 0; run < RANDOM_RUNS; run++) {
		choices.made = 0;
		choices.limit = 4 + support_rng_below(&rng, RANDOM_DEPTH);
		w.entries = 1 + support_rng_below(&rng, WILD_ENTRIES);
		run_wild(&w, 0);
	}
	finish_wild(&w);
}
