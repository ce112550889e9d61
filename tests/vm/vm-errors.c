/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Errors of the hardware, as the patches of kernel/ bring them back: real ones
 * that QEMU raises, and time-outs that are injected.  On a stock kernel only
 * what it makes of the same entries is shown.
 *
 * IOMMUNEST_COUNT: entries of the soak.
 */
#include "inject.h"
#include "real.h"

#include "tests/harness/support.h"

#include "lib/uapi/invalidate.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct iommu_hwpt_vtd_s1_invalidate entry;

#define MAX_ENTRIES 512u
#define LONGEST_ARRAY 4000u
/* Entries of a submission with the patches. */
#define SHARED 32u
#define SOAK_ENTRIES 1000000u

static struct trace *trace;
/* Without ATS, so that each entry is one descriptor; and with. */
static struct real plain, ats;
static struct iommunest_ctx *ctx;
static entry entries[LONGEST_ARRAY];

/* ---- Calls ---- */

struct answer {
	int ret;
	uint32_t num;
	uint32_t last;
	uint32_t code;
};

static struct answer ask(struct conf_env *env, uint32_t count, uint32_t flags)
{
	struct iommunest_uapi_invalidate cmd = {
		.size = flags ? (uint32_t)sizeof(cmd)
			      : (uint32_t)IOMMUNEST_UAPI_INVALIDATE_SIZE,
		.hwpt_id = env->nested,
		.data_uptr = (uintptr_t)entries,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.entry_len = sizeof(*entries),
		.entry_num = count,
		.flags = flags,
	};
	struct answer answer;

	answer.ret = conf_ioctl(env, IOMMU_HWPT_INVALIDATE, &cmd);
	answer.num = cmd.entry_num;
	answer.last = cmd.out_last_index;
	answer.code = cmd.out_driver_error_code;
	return answer;
}

static struct answer report(struct real *on, uint32_t count)
{
	return ask(&on->env, count, IOMMUNEST_INVALIDATE_REPORT_ERROR);
}

static void put_pages(uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		entries[i] =
			(entry){ .addr = (uint64_t)(i + 1) << 13, .npages = 1 };
}

static void is_done(struct answer answer, uint32_t count)
{
	ck_assert_int_eq(answer.ret, 0);
	ck_assert_uint_eq(answer.num, count);
	ck_assert_uint_eq(answer.code, 0);
}

/* The IOTLB descriptors since the last look, at most @max of them. */
static uint32_t seen(struct conf_desc *descs, uint32_t max)
{
	struct trace_event event;
	struct conf_desc desc;
	uint32_t count = 0;

	while (trace_next(trace, &event)) {
		if (!real_decode(&event, &desc) || desc.kind == CONF_DEV_TLB)
			continue;
		if (count < max)
			descs[count] = desc;
		count++;
	}
	return count;
}

static void begin(void)
{
	if (inject_is_there())
		inject_clear();
	trace_discard(trace);
	inject_log_lines("");
}
FIXTURE(begin, NULL);

/* How often a test runs that needs the patches. */
static int if_patched(int loops)
{
	return inject_is_there() ? loops : 0;
}

/* ---- What the guest meant ---- */

/* CAP_REG.MAMV does not limit it; this QEMU takes it, others do not. */
TEST(a_block_beyond_mamv_succeeds)
{
	struct conf_desc descs[4];

	put_pages(3);
	entries[1] = (entry){ .addr = 0, .npages = 1u << 19 };
	is_done(ask(&plain.env, 3, 0), 3);
	ck_assert_uint_eq(seen(descs, 4), 3);
	ck_assert_int_eq(descs[1].kind, CONF_PIOTLB_PAGES);
	ck_assert_uint_eq(descs[1].am, 19);
}

/*
 * Each submission ends with a wait, which takes a slot of the queue: one for
 * each entry, or one for up to SHARED of them.  Slots are counted modulo the
 * queue's size, in which no two of these numbers of waits are the same.
 */
TEST_LOOP(entries_share_their_waits, 8)
{
	static const uint32_t counts[] = { 1,  16,  33,	  48,
					   64, 100, 1000, LONGEST_ARRAY };
	const uint32_t count = counts[_i];
	const uint32_t expected =
		plain.env.fixed ? (count + SHARED - 1) / SHARED : count;
	unsigned int before, slots;

	put_pages(count);
	before = inject_tail();
	is_done(ask(&plain.env, count, 0), count);
	slots = inject_tail() - before;
	ck_assert_uint_eq(slots % INJECT_SLOTS,
			  (count + expected) % INJECT_SLOTS);
}

/* ---- A descriptor that the hardware refuses ---- */

static const struct {
	uint32_t bad;
	uint32_t count;
} refusals[] = {
	{ 0, 1 },   { 0, 16 },	{ 7, 16 },   { 15, 16 },  { 31, 64 },
	{ 32, 64 }, { 63, 64 }, { 64, 100 }, { 99, 100 }, { 40, 300 },
};
#define REFUSALS (int)(sizeof(refusals) / sizeof(*refusals))

TEST_LOOP(a_refused_descriptor_is_reported, if_patched(REFUSALS))
{
	const uint32_t bad = refusals[_i].bad;
	const uint32_t count = refusals[_i].count;
	uint64_t before = inject_get("refused");
	struct answer answer;

	put_pages(count);
	inject_set("refuse", bad + 1);
	answer = report(&plain, count);
	ck_assert_int_eq(answer.ret, -EIO);
	ck_assert_uint_eq(answer.num, bad);
	ck_assert_uint_ge(answer.last, bad);
	ck_assert_uint_lt(answer.last, count);
	ck_assert(answer.code & IOMMUNEST_VTD_FSTS_IQE);
	ck_assert_uint_eq(inject_get("refused") - before, 1);
	is_done(report(&plain, count), count);
}

TEST_LOOP(without_the_flag_a_refused_descriptor_is_not_reported, if_patched(1))
{
	uint64_t before = inject_get("refused");

	put_pages(100);
	inject_set("refuse", 40);
	is_done(ask(&plain.env, 100, 0), 100);
	ck_assert_uint_eq(inject_get("refused") - before, 1);
	is_done(ask(&plain.env, 100, 0), 100);
}

static struct iommunest_batch *new_batch(uint32_t count)
{
	struct iommunest_batch *batch;
	uint32_t i;

	ck_assert_int_eq(
		iommunest_batch_new(&batch, iommunest_vtd_s1_type(), count), 0);
	for (i = 0; i < count; i++)
		iommunest_vtd_batch_add_range(batch, (uint64_t)(i + 1) << 13, 1,
					      0, i + 100);
	return batch;
}

/* Library, kernel and trace agree. */
TEST_LOOP(the_library_goes_on_where_it_failed, if_patched(REFUSALS))
{
	const uint32_t bad = refusals[_i].bad;
	const uint32_t count = refusals[_i].count;
	struct iommunest_batch *batch = new_batch(count);
	struct iommunest_report said = { .size = sizeof(said) };
	struct conf_desc descs[2 * MAX_ENTRIES];
	uint32_t sent, i;

	inject_set("refuse", bad + 1);
	ck_assert_int_eq(iommunest_submit(ctx, plain.env.nested, batch, NULL,
					  &said),
			 -EIO);
	ck_assert_uint_eq(said.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(said.index, bad);
	ck_assert_uint_eq(said.cookie, bad + 100);
	ck_assert_uint_eq(said.handled, bad);
	ck_assert_uint_eq(said.pending, count - bad);
	ck_assert(said.driver_error & IOMMUNEST_VTD_FSTS_IQE);
	sent = seen(descs, 2 * MAX_ENTRIES);
	/* One of them was the one that was refused. */
	ck_assert_uint_ge(sent, bad);
	ck_assert_uint_le(sent, said.last_index + 1);
	for (i = 0; i < bad; i++)
		ck_assert_uint_eq(descs[i].addr, (uint64_t)(i + 1) << 13);
	ck_assert_int_eq(
		iommunest_submit(ctx, plain.env.nested, batch, NULL, &said), 0);
	ck_assert_uint_eq(said.handled, count - bad);
	ck_assert_uint_eq(seen(descs, 2 * MAX_ENTRIES), count - bad);
	for (i = 0; i < count - bad; i++)
		ck_assert_uint_eq(descs[i].addr, (uint64_t)(bad + i + 1) << 13);
	iommunest_batch_free(batch);
}

/* ---- A device that does not answer ---- */

/* From the @nth submission on; once is not enough, the driver tries again. */
static void inject_timeout(uint32_t nth)
{
	inject_set("timeout_sid", INJECT_SID);
	inject_set("timeout_persistent", 1);
	inject_set("timeout", nth);
}

/* It cannot be attached before it is reset. */
static void heal(void)
{
	inject_clear();
	ck_assert_int_eq(real_attach(&ats, 1, 0), 0);
	ck_assert_int_eq(real_attach(&ats, 1, ats.env.nested), 0);
}

TEST_LOOP(one_time_out_is_tried_again, if_patched(1))
{
	uint64_t before = inject_get("timed_out");

	put_pages(100);
	inject_timeout(1);
	inject_set("timeout_persistent", 0);
	is_done(report(&ats, 100), 100);
	ck_assert_uint_eq(inject_get("timed_out") - before, 1);
}

TEST_LOOP(a_time_out_is_reported, if_patched(1))
{
	struct answer answer;

	put_pages(100);
	inject_timeout(1);
	answer = report(&ats, 100);
	ck_assert_int_eq(answer.ret, -ETIMEDOUT);
	ck_assert_uint_eq(answer.num, 0);
	ck_assert_uint_ge(answer.last, 15);
	ck_assert(answer.code & IOMMUNEST_VTD_FSTS_ITE);
	/* No source id is told. */
	ck_assert_uint_eq(answer.code >> 16, 0);
	is_done(report(&ats, 100), 100);
	heal();
}

/* Retries are bounded, and the device is contained: nothing is sent for it. */
TEST_LOOP(a_device_that_never_answers_is_contained, if_patched(1))
{
	uint64_t before = inject_get("timed_out");
	struct answer answer;

	put_pages(100);
	inject_timeout(1);
	answer = report(&ats, 100);
	ck_assert_int_eq(answer.ret, -ETIMEDOUT);
	ck_assert_uint_le(inject_get("timed_out") - before, 16);
	is_done(report(&ats, 100), 100);
	/* In place of what it has, and when it has nothing. */
	ck_assert_int_eq(real_attach(&ats, 1, ats.env.unattached), -EIO);
	is_done(report(&ats, 100), 100);
	ck_assert_int_eq(real_attach(&ats, 1, 0), 0);
	ck_assert_int_eq(real_attach(&ats, 1, ats.env.unattached), -EIO);
	heal();
	is_done(report(&ats, 100), 100);
}

/* ---- Others, at the same time ---- */

static struct {
	volatile bool stop;
	uint64_t done;
	uint64_t told;
	uint64_t lost;
} other;

static void count_other(int ret, uint32_t num)
{
	if (!ret && num == 1)
		other.done++;
	else if (ret == -ETIMEDOUT && num == 0)
		other.told++;
	else if (other.lost++ == 0)
		printf("lost: %d, %u done\n", ret, num);
}

static void *invalidate_others(void *unused)
{
	static entry one = { .addr = 0x123000, .npages = 1 };
	struct iommunest_uapi_invalidate cmd;
	int ret;

	(void)unused;
	while (!other.stop) {
		cmd = (struct iommunest_uapi_invalidate){
			.size = sizeof(cmd),
			.hwpt_id = plain.env.nested,
			.data_uptr = (uintptr_t)&one,
			.entry_len = sizeof(one),
			.entry_num = 1,
			.flags = IOMMUNEST_INVALIDATE_REPORT_ERROR,
		};
		ret = conf_ioctl(&plain.env, IOMMU_HWPT_INVALIDATE, &cmd);
		count_other(ret, cmd.entry_num);
		usleep(200);
	}
	return NULL;
}

/*
 * Their submissions are aborted, too.  They are tried again, or, where that
 * does not help for long, they fail, but are never taken for done.
 */
TEST_LOOP(the_commands_of_others_are_not_lost, if_patched(1))
{
	pthread_t thread;
	unsigned int i;

	other.stop = false;
	other.done = 0;
	other.told = 0;
	other.lost = 0;
	put_pages(64);
	ck_assert_int_eq(pthread_create(&thread, NULL, invalidate_others, NULL),
			 0);
	for (i = 0; i < 20; i++) {
		inject_timeout(1);
		inject_set("timeout_behind", 1);
		ck_assert_int_eq(report(&ats, 64).ret, -ETIMEDOUT);
		heal();
		trace_discard(trace);
	}
	other.stop = true;
	pthread_join(thread, NULL);
	printf("others: %" PRIu64 " done, %" PRIu64 " told\n", other.done,
	       other.told);
	ck_assert_uint_eq(other.lost, 0);
	ck_assert_uint_gt(other.done, other.told);
}

/* ---- Long and mixed ---- */

static uint64_t state = 1;

static uint32_t below(uint32_t end)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % end;
}

static void put_mixed(uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		entries[i] = (entry){
			.addr = (uint64_t)below(1u << 20) << 12,
			.npages = below(8) ? 1u << below(8) : 1u << 19,
			.flags = below(2),
		};
	if (below(4) == 0)
		entries[below(count)] = (entry){ .npages = UINT64_MAX };
}

static void add_fault(uint32_t count)
{
	switch (below(12)) {
	case 0:
		inject_set("refuse", 1 + below(count));
		break;
	case 1:
		inject_timeout(1 + below(count / 64 + 1));
		break;
	default:
		break;
	}
}

/* What it may be, and nothing else. */
static void check_answer(struct answer answer, uint32_t count)
{
	if (!answer.ret) {
		is_done(answer, count);
		return;
	}
	ck_assert(answer.ret == -EIO || answer.ret == -ETIMEDOUT);
	ck_assert_uint_lt(answer.num, count);
	ck_assert_uint_le(answer.num, answer.last);
	ck_assert_uint_lt(answer.last, count);
	ck_assert(answer.code & (answer.ret == -EIO ? IOMMUNEST_VTD_FSTS_IQE
						    : IOMMUNEST_VTD_FSTS_ITE));
}

TEST_LOOP(a_soak_leaves_the_queue_healthy, if_patched(1))
{
	const char *wanted = getenv("IOMMUNEST_COUNT");
	uint64_t left = wanted ? strtoull(wanted, NULL, 0) : SOAK_ENTRIES;
	uint64_t failed = 0, calls = 0;
	struct answer answer;
	uint32_t count;

	while (left) {
		count = 1 + below(MAX_ENTRIES - 1);
		if (count > left)
			count = (uint32_t)left;
		put_mixed(count);
		add_fault(count);
		answer = report(&ats, count);
		check_answer(answer, count);
		calls++;
		if (answer.ret) {
			failed++;
			heal();
		}
		left -= count;
		trace_discard(trace);
	}
	inject_clear();
	put_pages(100);
	is_done(report(&ats, 100), 100);
	printf("soak: %" PRIu64 " calls, %" PRIu64 " failed\n", calls, failed);
	ck_assert_uint_gt(failed, calls / 50);
}

static int open_all(void)
{
	struct iommunest_open_options options = { .size = sizeof(options) };
	int ret;

	ret = real_open(&plain, 0, trace);
	if (!ret)
		ret = real_populate(&plain);
	if (!ret)
		ret = iommunest_open_fd(&ctx, plain.env.fd, &options);
	if (!ret)
		ret = real_open(&ats, 1, trace);
	if (!ret)
		ret = real_populate(&ats);
	return ret;
}

int main(int argc, char **argv)
{
	int ret;

	trace = trace_open(8192);
	if (!trace) {
		printf("no trace events of a VT-d: %s\n", strerror(errno));
		return 77;
	}
	ret = open_all();
	if (ret) {
		printf("no environment: %s\n", strerror(-ret));
		return EXIT_FAILURE;
	}
	/* What one leaves behind, the next one finds. */
	setenv("CK_FORK", "no", 1);
	ret = support_run(argc, argv);
	iommunest_close(ctx);
	real_close(&ats);
	real_close(&plain);
	trace_close(trace);
	return ret;
}
