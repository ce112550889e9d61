/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Does our Linux do what Linux does?  On a queue of the specification, with
 * the outcomes that Linux's own source leads to.
 */
#include <string.h>

#include "tests/harness/linux-jobs.h"
#include "tests/queue/linux-model.h"

#define BAD_ADDR 0x5000u
#define SID 0x0018u
#define ME 1u

static struct linux_model model;
static struct linux_jobs jobs;

static void set_up(void)
{
	memset(&model, 0, sizeof(model));
	memset(&jobs, 0, sizeof(jobs));
}

FIXTURE(set_up, NULL);

static void start(enum linux_form form, unsigned int cpus)
{
	const struct linux_setup setup = {
		.form = form,
		.cpus = cpus,
		.next_job = linux_jobs_next,
		.data = &jobs,
	};

	model_init(&model, &setup);
}

/* A job of @count pages; the one at @bad is the one that the rule is about. */
static void add_job(unsigned int cpu, unsigned int count, unsigned int bad)
{
	struct linux_job *job = linux_jobs_add(&jobs, cpu);
	unsigned int i;

	for (i = 0; i < count; i++) {
		uint64_t addr = 0x100000u * (cpu + 1) + (i << 12);

		linux_add(job, linux_page(1, i == bad ? BAD_ADDR : addr, ME));
	}
}

#define NOT_BAD LINUX_FLUSHES

static void expect(unsigned int outcome, unsigned int wanted)
{
	if (outcome != wanted)
		ck_abort_msg("%s", linux_outcome_text(outcome));
}

static void work(unsigned int times)
{
	while (times--)
		model.guest.setup.hw.work(&model);
}

/* ---- Nothing fails ---- */

TEST_LOOP(without_failures_all_is_done, 2 * 2 * 4)
{
	static const struct linux_domain domain = { 1, ME, 0 };
	struct support_rng rng;
	struct linux_random random = {
		.rng = &rng,
		.domains = &domain,
		.n_domains = 1,
		.left = 400,
	};
	const struct linux_setup setup = {
		.form = _i & 1 ? LINUX_EXACT : LINUX_BY_TWO,
		.cpus = 1 + 2 * ((unsigned int)_i >> 2),
		.next_job = linux_random_next,
		.data = &random,
	};

	support_rng_start(&rng, "linux-model");
	model.at_once = _i & 2;
	model_init(&model, &setup);
	expect(linux_run(&model.guest, 0), LINUX_ALL_DONE);
	ck_assert_uint_eq(model.guest.counts.returned, 400);
	ck_assert_uint_eq(model.guest.counts.writes[LINUX_IQT], 400);
	ck_assert_uint_eq(model.guest.counts.writes[LINUX_FSTS], 0);
	ck_assert_uint_eq(model.guest.free_cnt, MODEL_SLOTS);
}

/* The type, and the flags from IF to PD, of the descriptor in a slot. */
static uint32_t flags_at(uint32_t slot)
{
	return model.memory[MODEL_RING + slot * 32];
}

TEST(a_drain_begins_with_a_fence_and_ends_with_pd)
{
	start(LINUX_EXACT, 1);
	linux_drain(linux_jobs_add(&jobs, 0), linux_page(1, 0x1000, ME),
		    linux_page(1, 0x2000, ME));
	expect(linux_run(&model.guest, 0), LINUX_ALL_DONE);
	ck_assert_uint_eq(flags_at(0), 0x45);
	ck_assert_uint_eq(flags_at(3), 0xa5);
}

TEST(a_full_ring_makes_cpus_wait_for_room)
{
	unsigned int cpu;

	start(LINUX_EXACT, LINUX_CPUS);
	for (cpu = 0; cpu < 7; cpu++)
		add_job(cpu, LINUX_FLUSHES, NOT_BAD);
	/* With its wait, and the slot that stays free, one too many. */
	add_job(7, MODEL_SLOTS - 7 * (LINUX_FLUSHES + 1) - 1, NOT_BAD);
	for (cpu = 0; cpu < LINUX_CPUS; cpu++)
		linux_step(&model.guest, cpu);
	ck_assert_uint_eq(model.guest.counts.submissions, 7);
	expect(linux_run(&model.guest, 0), LINUX_ALL_DONE);
	ck_assert_uint_eq(model.guest.counts.submissions, LINUX_CPUS);
}

TEST(a_queue_that_does_nothing_is_polled_forever_and_not_kicked_again)
{
	start(LINUX_EXACT, 2);
	model.dead = true;
	add_job(0, 1, NOT_BAD);
	add_job(1, 1, NOT_BAD);
	expect(linux_run(&model.guest, 0), LINUX_FOREVER);
	ck_assert_uint_eq(model.guest.counts.writes[LINUX_IQT], 2);
	ck_assert_uint_eq(model.guest.counts.writes[LINUX_FSTS], 0);
}

TEST(a_queue_that_is_known_to_halt_is_not_polled_forever)
{
	start(LINUX_EXACT, 1);
	model.dead = true;
	model.tells_that_it_is = true;
	add_job(0, 1, NOT_BAD);
	expect(linux_run(&model.guest, 0), LINUX_HALTED);
}

TEST(outcomes_have_names)
{
	ck_assert_str_eq(linux_outcome_text(LINUX_LOST | LINUX_HALTED),
			 "lost flush, halted");
	ck_assert_str_eq(linux_outcome_text(LINUX_LOCKUP), "lockup");
}

/* ---- IQE ---- */

/*
 * At the first slot the flush is lost, and the wait completes; the callers do
 * not look at the error.  At others nothing clears it.
 */
TEST_LOOP(a_queue_error_loses_the_first_flush_or_hangs, 2 * 2 * 4)
{
	unsigned int bad = (unsigned int)_i >> 2;

	start(_i & 1 ? LINUX_EXACT : LINUX_BY_TWO, 1);
	model.at_once = _i & 2;
	model.rule = (struct model_rule){ MODEL_REFUSED, BAD_ADDR, 0, 0 };
	add_job(0, 4, bad);
	expect(linux_run(&model.guest, 0), bad ? LINUX_FOREVER : LINUX_LOST);
	ck_assert_uint_eq(model.guest.counts.gave_up, bad == 0);
	ck_assert_uint_eq(model.guest.counts.writes[LINUX_FSTS], bad == 0);
	ck_assert_uint_eq(model.guest.counts.writes[LINUX_IQT], 1);
}

/* Those of others go on, as soon as the owner of the slot has polled. */
TEST_LOOP(a_queue_error_is_cleared_by_its_owner_alone, 3)
{
	unsigned int cpu;

	start(LINUX_EXACT, 3);
	model.rule = (struct model_rule){ MODEL_REFUSED, BAD_ADDR, 0, 0 };
	for (cpu = 0; cpu < 3; cpu++)
		add_job(cpu, 1, cpu == 1 ? 0 : NOT_BAD);
	model.at_once = true;
	expect(linux_run(&model.guest, (unsigned int)_i), LINUX_LOST);
	ck_assert_uint_eq(model.guest.counts.lost, 1);
	ck_assert_uint_eq(model.guest.lost.addr, BAD_ADDR);
	ck_assert_uint_eq(model.guest.counts.returned, 3);
}

/*
 * The slots are free when the write that clears returns.  A queue that goes on
 * only later writes a status that is free, and not reclaimed as long as the
 * CPU before has not polled: the ring runs full.
 */
TEST_LOOP(a_queue_that_is_slow_after_a_clear_writes_a_status_that_is_free, 2)
{
	unsigned int i;

	start(LINUX_EXACT, 4);
	model.runs_on_clear = _i;
	model.rule = (struct model_rule){ MODEL_REFUSED, BAD_ADDR, 0, 0 };
	add_job(0, 1, NOT_BAD);
	add_job(1, 1, 0);
	for (i = 0; i < 2 * LINUX_JOBS; i++)
		add_job(2 + i % 2, LINUX_FLUSHES, NOT_BAD);
	linux_step(&model.guest, 0);
	linux_step(&model.guest, 1);
	work(8);
	linux_step(&model.guest, 1);
	ck_assert_uint_eq(model.guest.counts.gave_up, 1);
	work(8);
	expect(linux_run(&model.guest, 0),
	       _i ? LINUX_LOST : LINUX_LOST | LINUX_FOREVER);
}

/* ---- ITE ---- */

/*
 * Where the head is after the aborted wait.  The old form is right where the
 * wait is in an odd slot and the tail is even: submissions of one flush, or
 * of three.
 */
TEST_LOOP(the_old_form_survives_a_time_out_only_with_short_submissions, 16)
{
	unsigned int count = (unsigned int)_i + 1;

	start(LINUX_BY_TWO, 1);
	model.at_once = true;
	model.rule = (struct model_rule){ MODEL_TIMES_OUT, BAD_ADDR, 1, 0 };
	add_job(0, count, 0);
	expect(linux_run(&model.guest, 0),
	       count % 2 ? LINUX_ALL_DONE : LINUX_LOCKUP);
	ck_assert_uint_eq(model.guest.counts.restarts, count % 2);
}

/* The tail is even again, and the wait is in an even slot. */
TEST(the_old_form_misses_a_wait_in_an_even_slot)
{
	start(LINUX_BY_TWO, 2);
	model.rule = (struct model_rule){ MODEL_TIMES_OUT, BAD_ADDR, 1, 0 };
	add_job(0, 2, 0);
	add_job(1, 2, NOT_BAD);
	expect(linux_run(&model.guest, 0), LINUX_FOREVER);
	ck_assert_uint_eq(model.guest.counts.writes[LINUX_FSTS], 1);
	ck_assert_uint_eq(model.guest.counts.returned, 1);
}

TEST_LOOP(the_new_form_submits_again_what_timed_out, 16 * 2)
{
	start(LINUX_EXACT, 1);
	model.at_once = _i & 1;
	model.rule = (struct model_rule){ MODEL_TIMES_OUT, BAD_ADDR, 3, 0 };
	add_job(0, (unsigned int)_i / 2 + 1, (unsigned int)_i / 4);
	expect(linux_run(&model.guest, 0), LINUX_ALL_DONE);
	ck_assert_uint_eq(model.guest.counts.restarts, 3);
	ck_assert_uint_eq(model.guest.counts.submissions, 4);
	ck_assert_uint_eq(model.guest.free_cnt, MODEL_SLOTS);
}

/* Around the end of the ring, too, whoever polls first. */
TEST_LOOP(the_new_form_marks_exactly_what_was_fetched, 3 * MODEL_SLOTS)
{
	unsigned int cpu;

	start(LINUX_EXACT, 3);
	linux_advance(&model.guest, (uint32_t)_i / 3);
	model.rule = (struct model_rule){ MODEL_TIMES_OUT, BAD_ADDR, 1, 0 };
	for (cpu = 0; cpu < 3; cpu++)
		add_job(cpu, 2, cpu == 1 ? 0 : NOT_BAD);
	expect(linux_run(&model.guest, (unsigned int)_i % 3), LINUX_ALL_DONE);
	ck_assert_uint_eq(model.guest.counts.restarts, 1);
	ck_assert_uint_eq(model.guest.counts.writes[LINUX_FSTS], 1);
}

/* By the other reading the wait is not marked, and completes. */
TEST(a_head_at_the_aborted_wait_loses_the_flush)
{
	start(LINUX_EXACT, 1);
	model.at_once = true;
	model.head_at_aborted_wait = true;
	model.rule = (struct model_rule){ MODEL_TIMES_OUT, BAD_ADDR, 1, 0 };
	add_job(0, 2, 0);
	expect(linux_run(&model.guest, 0), LINUX_LOST);
	ck_assert_uint_eq(model.guest.counts.restarts, 0);
	ck_assert_uint_eq(model.guest.counts.gave_up, 0);
}

TEST(a_time_out_that_lasts_is_tried_again_forever)
{
	start(LINUX_EXACT, 1);
	model.rule = (struct model_rule){ MODEL_TIMES_OUT, BAD_ADDR, 0, 0 };
	add_job(0, 1, 0);
	expect(linux_run(&model.guest, 0), LINUX_FOREVER);
	ck_assert_uint_gt(model.guest.counts.restarts, 10);
}

static const struct {
	uint16_t told, gone;
	unsigned int outcome;
} source_ids[] = {
	{ SID, SID, LINUX_LOST },
	{ SID, SID + 1, LINUX_ALL_DONE },
	/* No source id is told. */
	{ 0, 0, LINUX_ALL_DONE },
};

TEST_LOOP(the_source_id_of_a_device_that_is_gone_ends_the_retries,
	  ARRAY_LEN(source_ids))
{
	unsigned int outcome = source_ids[_i].outcome;

	start(LINUX_EXACT, 1);
	model.rule = (struct model_rule){ MODEL_TIMES_OUT, BAD_ADDR, 1,
					  source_ids[_i].told };
	model.guest.gone[0] = source_ids[_i].gone;
	model.guest.n_gone = 1;
	add_job(0, 1, 0);
	expect(linux_run(&model.guest, 0), outcome);
	ck_assert_uint_eq(model.guest.counts.gave_up, outcome == LINUX_LOST);
}

/* Whoever polls first gives up, although the time-out was another's. */
TEST_LOOP(the_source_id_of_a_device_that_is_gone_hits_who_polls_first, 2)
{
	unsigned int cpu;

	start(LINUX_EXACT, 2);
	model.rule = (struct model_rule){ MODEL_TIMES_OUT, BAD_ADDR, 1, SID };
	model.guest.gone[0] = SID;
	model.guest.n_gone = 1;
	/* The device's own flush need not be done: the device is gone. */
	add_job(0, 1, 0);
	jobs.job[0][0].flushes[0].targets = 0;
	add_job(1, 1, NOT_BAD);
	for (cpu = 0; cpu < 2; cpu++)
		linux_step(&model.guest, cpu);
	work(8);
	expect(linux_run(&model.guest, (unsigned int)_i),
	       _i ? LINUX_LOST : LINUX_ALL_DONE);
	ck_assert_uint_eq(model.guest.counts.gave_up, 1);
}

/* ---- ICE ---- */

TEST_LOOP(a_completion_error_is_cleared_and_nothing_is_lost, 2)
{
	start(_i ? LINUX_EXACT : LINUX_BY_TWO, 2);
	model.rule =
		(struct model_rule){ MODEL_ANSWERS_WRONGLY, BAD_ADDR, 0, SID };
	model.guest.gone[0] = SID;
	model.guest.n_gone = 1;
	add_job(0, 3, 1);
	add_job(1, 2, NOT_BAD);
	expect(linux_run(&model.guest, 0), LINUX_ALL_DONE);
	ck_assert_uint_eq(model.guest.counts.gave_up, 0);
	ck_assert_uint_eq(model.guest.counts.restarts, 0);
	ck_assert_uint_eq(model.guest.counts.writes[LINUX_FSTS], 1);
	ck_assert_uint_eq(model.fsts, 0);
}

/* ---- The judge ---- */

TEST(an_execution_before_the_last_submission_does_not_count)
{
	struct linux_cpu *cpu = &model.guest.cpu[0];

	start(LINUX_EXACT, 1);
	model.dead = true;
	add_job(0, 1, NOT_BAD);
	linux_step(&model.guest, 0);
	linux_executed(&model.guest, ME, 0, UINT64_MAX);
	ck_assert_uint_eq(cpu->job.flushes[0].done, ME);
	model.head = model.tail;
	model.fsts = IOMMUNEST_VTD_FSTS_ITE;
	linux_step(&model.guest, 0);
	ck_assert_int_eq(cpu->state, LINUX_SUBMITS);
	linux_executed(&model.guest, ME, 0, UINT64_MAX);
	linux_step(&model.guest, 0);
	ck_assert_int_eq(cpu->state, LINUX_POLLS);
	ck_assert_uint_eq(cpu->job.flushes[0].done, 0);
}

TEST(an_execution_counts_for_its_targets_and_its_range)
{
	struct linux_cpu *cpu = &model.guest.cpu[0];

	start(LINUX_EXACT, 1);
	model.dead = true;
	add_job(0, 2, NOT_BAD);
	linux_step(&model.guest, 0);
	linux_executed(&model.guest, ME, 0x101000, 1);
	ck_assert_uint_eq(cpu->job.flushes[0].done, 0);
	ck_assert_uint_eq(cpu->job.flushes[1].done, ME);
	linux_executed(&model.guest, 2, 0x100000, 2);
	ck_assert_uint_eq(cpu->job.flushes[0].done, 2);
	linux_executed(&model.guest, ME, 0xff000, 1);
	ck_assert_uint_eq(cpu->job.flushes[0].done, 2);
	cpu->job.flushes[0].npages = 2;
	linux_executed(&model.guest, ME, 0x100000, 1);
	linux_executed(&model.guest, ME, 0xff000, 2);
	ck_assert_uint_eq(cpu->job.flushes[0].done, 2);
	linux_executed(&model.guest, ME, 0xff000, 3);
	ck_assert_uint_eq(cpu->job.flushes[0].done, 2 | ME);
}

TEST(what_is_cut_off_needs_no_execution)
{
	struct linux_cpu *cpu = &model.guest.cpu[0];

	start(LINUX_EXACT, 2);
	model.dead = true;
	add_job(0, 1, NOT_BAD);
	linux_step(&model.guest, 0);
	linux_cut(&model.guest, ME);
	ck_assert_uint_eq(cpu->job.flushes[0].done, ME);
	add_job(1, 1, NOT_BAD);
	linux_step(&model.guest, 1);
	ck_assert_uint_eq(model.guest.cpu[1].job.flushes[0].done, ME);
	linux_heal(&model.guest, ME);
	ck_assert_uint_eq(model.guest.cut, 0);
}
