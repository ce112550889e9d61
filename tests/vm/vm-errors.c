/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Errors of the hardware, with the patches of kernel/: here those of the queue,
 * which QEMU raises, in errors-host.c the same of what the host itself submits,
 * in errors-silent.c devices that do not answer, and in errors-others.c what
 * becomes of others meanwhile.  On a stock kernel only what it makes of the
 * same entries is shown.
 *
 * IOMMUNEST_COUNT: entries of the soak.
 */
#include "errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ENTRIES 512u

static struct iommunest_ctx *ctx;

FIXTURE(errors_begin, NULL);

/* The IOTLB descriptors since the last look, at most @max of them. */
static uint32_t seen(struct conf_desc *descs, uint32_t max)
{
	struct trace_event event;
	struct conf_desc desc;
	uint32_t count = 0;

	while (trace_next(errors_trace, &event)) {
		if (!real_decode(&event, &desc) || desc.kind == CONF_DEV_TLB)
			continue;
		if (count < max)
			descs[count] = desc;
		count++;
	}
	return count;
}

/* ---- What the guest meant ---- */

/*
 * CAP_REG.MAMV does not limit it (finding 6): this QEMU takes it, others do
 * not.
 */
TEST(a_block_beyond_mamv_succeeds)
{
	struct conf_desc descs[4];

	errors_put_pages(3);
	errors_entries()[1].addr = 0;
	errors_entries()[1].npages = 1u << 19;
	errors_is_done(errors_call(&errors_plain, 3), 3);
	ck_assert_uint_eq(seen(descs, 4), 3);
	ck_assert_int_eq(descs[1].kind, CONF_PIOTLB_PAGES);
	ck_assert_uint_eq(descs[1].am, 19);
}

/*
 * Each submission ends with a wait, which takes a slot of the queue: one for
 * each entry, or one for up to ERRORS_SHARED of them.  Slots are counted modulo
 * the queue's size, in which no two of these numbers of waits are the same.
 */
TEST_LOOP(entries_share_their_waits, 8)
{
	static const uint32_t counts[] = { 1,  16,  33,	  48,
					   64, 100, 1000, ERRORS_LONGEST };
	const uint32_t count = counts[_i];
	const uint32_t expected =
		errors_plain.env.fixed
			? (count + ERRORS_SHARED - 1) / ERRORS_SHARED
			: count;
	unsigned int before, slots;

	errors_put_pages(count);
	before = inject_tail();
	errors_is_done(errors_call(&errors_plain, count), count);
	slots = inject_tail() - before;
	ck_assert_uint_eq(slots % INJECT_SLOTS,
			  (count + expected) % INJECT_SLOTS);
}

/* Finding 11: interrupts are disabled for as long as one submission takes. */
TEST_LOOP(no_submission_is_longer_than_the_kernels_own, errors_if_injects(2))
{
	struct real *on = _i ? &errors_ats : &errors_plain;

	inject_set("user_longest", 0);
	errors_put_pages(ERRORS_LONGEST);
	errors_is_done(errors_call(on, ERRORS_LONGEST), ERRORS_LONGEST);
	ck_assert_uint_eq(inject_get("user_longest"), ERRORS_SHARED);
}

/* ---- A descriptor that the hardware refuses ---- */

static const struct {
	uint32_t bad;
	uint32_t count;
} refusals[] = {
	{ 0, 1 },   { 0, 16 },	{ 7, 16 },   { 15, 16 },  { 31, 64 },
	{ 32, 64 }, { 63, 64 }, { 64, 100 }, { 99, 100 }, { 40, 300 },
};

static void check_refused(struct errors_answer answer, uint32_t first,
			  uint32_t last)
{
	ck_assert_int_eq(answer.ret, -EIO);
	ck_assert_uint_eq(answer.num, first);
	ck_assert_uint_eq(answer.last, last);
	ck_assert_uint_eq(answer.code & ~UINT32_C(0xf00),
			  IOMMUNEST_VTD_FSTS_IQE);
}

/* Finding 14: the driver knows which it was. */
TEST_LOOP(a_refused_entry_is_named, errors_if_tells(ARRAY_LEN(refusals)))
{
	const uint32_t bad = refusals[_i].bad;
	const uint32_t count = refusals[_i].count;
	uint64_t before = inject_get("refused");
	struct errors_answer answer;

	errors_put_pages(count);
	inject_set("refuse", bad + 1);
	answer = errors_report(&errors_plain, count);
	check_refused(answer, bad, bad);
	ck_assert_uint_eq(inject_get("refused") - before, 1);
	errors_is_done(errors_report(&errors_plain, count), count);
}

/* Finding 2: what the driver knows not to be done is not answered with 0. */
TEST_LOOP(a_refused_entry_fails_without_the_flag,
	  errors_if_tells(ARRAY_LEN(refusals)))
{
	const uint32_t bad = refusals[_i].bad;
	const uint32_t count = refusals[_i].count;
	struct errors_answer answer;

	errors_put_pages(count);
	inject_set("refuse", bad + 1);
	answer = errors_call(&errors_plain, count);
	ck_assert_int_eq(answer.ret, -EIO);
	ck_assert_uint_eq(answer.num, bad);
	errors_is_done(errors_call(&errors_plain, count), count);
}

/* 6.12 does not tell, but nobody waits for ever, and all else is done. */
TEST_LOOP(a_refused_entry_hangs_nobody, errors_if_injects(ARRAY_LEN(refusals)))
{
	const uint32_t count = refusals[_i].count;
	struct errors_answer answer;

	errors_put_pages(count);
	inject_set("refuse", refusals[_i].bad + 1);
	answer = errors_call(&errors_plain, count);
	if (!errors_tells())
		errors_is_done(answer, count);
	errors_is_done(errors_call(&errors_ats, count), count);
	errors_is_done(errors_call(&errors_plain, count), count);
}

/* Several of a submission: from the first to the last. */
static const struct {
	uint32_t first;
	uint32_t more;
} many[] = { { 0, 1 }, { 0, 15 }, { 3, 4 }, { 14, 1 }, { 17, 9 }, { 32, 15 } };

TEST_LOOP(the_last_refused_entry_is_named, errors_if_tells(ARRAY_LEN(many)))
{
	const uint32_t first = many[_i].first;
	const uint32_t more = many[_i].more;

	errors_put_pages(64);
	inject_set("refuse_more", more);
	inject_set("refuse", first + 1);
	check_refused(errors_report(&errors_plain, 64), first, first + more);
	errors_is_done(errors_report(&errors_plain, 64), 64);
}

/* With ATS, entry i has the descriptors 2i and 2i + 1 in this order. */
TEST_LOOP(a_refused_device_tlb_descriptor_is_its_entrys, errors_if_tells(16))
{
	const uint32_t bad = (uint32_t)_i;

	errors_put_pages(64);
	inject_set("refuse", 2 * bad + 2);
	check_refused(errors_report(&errors_ats, 64), bad, bad);
	errors_is_done(errors_report(&errors_ats, 64), 64);
}

/* Then nothing of the submission is known to be done. */
TEST_LOOP(a_refused_wait_leaves_its_whole_submission, errors_if_tells(3))
{
	const uint32_t nth = (uint32_t)_i;
	const uint32_t first = nth * ERRORS_SHARED;

	errors_put_pages(64);
	inject_set("refuse_wait", nth + 1);
	check_refused(errors_report(&errors_plain, 64), first,
		      first + ERRORS_SHARED - 1);
	errors_is_done(errors_report(&errors_plain, 64), 64);
}

/* ---- Refused again ---- */

#define STUCK "the invalidation queue is stuck"

/*
 * Finding 9: the hardware cannot fetch, or does not take even a wait.  Nobody
 * can do anything about that, and nobody waits for it.  The kernel warns, once.
 */
TEST_LOOP(what_is_refused_again_is_given_up, errors_if_injects(4))
{
	static const uint32_t bad[] = { 4, 0, 15, 31 };
	/* Nothing has waited for what was sent together with it. */
	const uint32_t first = bad[_i] & ~(ERRORS_SHARED - 1);
	const uint32_t last = first + ERRORS_SHARED - 1;
	uint64_t before = inject_get("refused_again");
	struct errors_answer answer;

	errors_put_pages(64);
	inject_set("refuse_again", 1);
	inject_set("refuse", bad[_i] + 1);
	answer = errors_tells() ? errors_report(&errors_plain, 64)
				: errors_call(&errors_plain, 64);
	ck_assert_uint_eq(inject_get("refused_again") - before, 1);
	if (errors_tells())
		check_refused(answer, first, last);
	errors_is_done(errors_call(&errors_plain, 64), 64);
	if (_i == 0)
		ck_assert_uint_eq(inject_log_lines(STUCK), 1);
}

/*
 * For as long as it lasts, everybody's calls end, which are several times what
 * the queue has room for; then all is well again.
 */
#define CALLS_OF_SOME_RINGS (4 * INJECT_SLOTS / (ERRORS_SHARED + 1))

TEST_LOOP(a_queue_that_stands_still_keeps_nobody, errors_if_injects(1))
{
	uint32_t i;

	errors_put_pages(100);
	inject_set("refuse_again", 1u << 30);
	inject_set("refuse", 1);
	for (i = 0; i < CALLS_OF_SOME_RINGS; i++) {
		struct errors_answer answer =
			errors_call(i % 2 ? &errors_ats : &errors_plain, 100);

		if (!errors_tells())
			continue;
		ck_assert_int_eq(answer.ret, -EIO);
		ck_assert_uint_eq(answer.num, 0);
	}
	inject_set("refuse_again", 0);
	/* It fetches the first again, and finds the error gone or not. */
	errors_call(&errors_plain, 100);
	errors_is_done(errors_call(&errors_plain, 100), 100);
	errors_is_done(errors_call(&errors_ats, 100), 100);
	ck_assert_uint_le(inject_log_lines(STUCK), 1);
}

/* ---- What hardware refuses, and why ---- */

/* Types of VT-d 6.5.2 (revision 4.1), a granularity, and reserved bits. */
static const uint64_t kinds[] = {
	/* Reserved types. */
	0x0,
	0xf,
	0xe,
	/* Of the context cache and of the IOTLB: no granularity. */
	0x1,
	0x2,
	/* All of it, which is valid, and a reserved bit. */
	0x11 | UINT64_C(1) << 63,
	0x12 | UINT64_C(1) << 63,
	/* Of a device's TLB, with a reserved bit. */
	0x3 | UINT64_C(1) << 24,
	/* A wait that tells nobody. */
	0x5,
};
#define KINDS (int)ARRAY_LEN(kinds)

static unsigned int log_lines_with(uint32_t reason)
{
	char text[64];

	snprintf(text, sizeof(text), "Invalidation Queue Error: Reason %x",
		 reason);
	return inject_log_lines(text);
}

static uint32_t reason_of(struct errors_answer answer)
{
	return answer.code >> 8 & 0xf;
}

/* Whatever it is, it is at its entry, and the reason is that of the log. */
TEST_LOOP(a_refusal_is_told_as_hardware_gives_it, errors_if_injects(KINDS))
{
	struct errors_answer answer;

	errors_put_pages(20);
	inject_set("refuse_qw0", kinds[_i]);
	inject_set("refuse", 18);
	answer = errors_tells() ? errors_report(&errors_plain, 20)
				: errors_call(&errors_plain, 20);
	if (errors_tells())
		check_refused(answer, 17, 17);
	else
		errors_is_done(answer, 20);
	ck_assert_uint_eq(log_lines_with(reason_of(answer)), 1);
	errors_is_done(errors_call(&errors_plain, 20), 20);
}

/* Without the reserved bit, two of them are valid. */
TEST_LOOP(what_hardware_takes_is_no_error, errors_if_injects(2))
{
	const uint64_t before = inject_get("refused");

	errors_put_pages(20);
	inject_set("refuse_qw0", _i ? 0x11 : 0x12);
	inject_set("refuse", 18);
	errors_is_done(errors_call(&errors_plain, 20), 20);
	ck_assert_uint_eq(inject_get("refused") - before, 1);
	ck_assert_uint_eq(inject_log_lines("Invalidation Queue Error"), 0);
}

/* QEMU's is 0 in any case, so each is put into the register in turn. */
TEST_LOOP(each_reason_is_told, errors_if_tells(16))
{
	const uint32_t reason = (uint32_t)_i;
	struct errors_answer answer;

	errors_put_pages(64);
	inject_set("reported_reason", reason);
	inject_set("refuse", 18);
	answer = errors_report(&errors_plain, 64);
	check_refused(answer, 17, 17);
	ck_assert_uint_eq(reason_of(answer), reason);
	ck_assert_uint_eq(log_lines_with(reason), 1);
	errors_is_done(errors_report(&errors_plain, 64), 64);
}

/* Of a queue that was stuck and has got on, the driver may know none: 0. */
TEST_LOOP(no_wrong_reason_is_told, errors_if_tells(2))
{
	const uint32_t reason = 5;
	struct errors_answer answer;

	errors_put_pages(64);
	inject_set("reported_reason", reason);
	if (_i == 0) {
		inject_set("refuse_wait", 1);
	} else {
		inject_set("refuse_again", 1);
		inject_set("refuse", 1);
	}
	answer = errors_report(&errors_plain, 64);
	check_refused(answer, 0, ERRORS_SHARED - 1);
	ck_assert(reason_of(answer) == reason ||
		  (_i == 1 && reason_of(answer) == 0));
	ck_assert_uint_ge(log_lines_with(reason), 1);
	errors_is_done(errors_report(&errors_plain, 64), 64);
}

/* ---- The library ---- */

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

static int submit(struct iommunest_batch *batch, struct iommunest_report *said)
{
	return iommunest_submit(ctx, errors_plain.env.nested, batch, NULL,
				said);
}

/* Library, kernel and trace agree. */
TEST_LOOP(the_library_goes_on_where_it_failed,
	  errors_if_tells(ARRAY_LEN(refusals)))
{
	const uint32_t bad = refusals[_i].bad;
	const uint32_t count = refusals[_i].count;
	struct iommunest_batch *batch = new_batch(count);
	struct iommunest_report said = { .size = sizeof(said) };
	struct conf_desc descs[2 * MAX_ENTRIES];
	uint32_t sent, i;

	inject_set("refuse", bad + 1);
	ck_assert_int_eq(submit(batch, &said), -EIO);
	ck_assert_uint_eq(said.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(said.index, bad);
	ck_assert_uint_eq(said.last_index, bad);
	ck_assert_uint_eq(said.cookie, bad + 100);
	ck_assert_uint_eq(said.handled, bad);
	ck_assert_uint_eq(said.pending, count - bad);
	ck_assert(said.driver_error & IOMMUNEST_VTD_FSTS_IQE);
	sent = seen(descs, 2 * MAX_ENTRIES);
	ck_assert_uint_gt(sent, bad);
	ck_assert_uint_le(sent, (bad | (ERRORS_SHARED - 1)) + 1);
	for (i = 0; i < bad; i++)
		ck_assert_uint_eq(descs[i].addr, (uint64_t)(i + 1) << 13);
	ck_assert_int_eq(submit(batch, &said), 0);
	ck_assert_uint_eq(said.handled, count - bad);
	ck_assert_uint_eq(seen(descs, 2 * MAX_ENTRIES), count - bad);
	for (i = 0; i < count - bad; i++)
		ck_assert_uint_eq(descs[i].addr, (uint64_t)(bad + i + 1) << 13);
	iommunest_batch_free(batch);
}

/* ---- The machine ---- */

static int open_ats(void)
{
	int ret = real_open(&errors_ats, ERRORS_FIRST, errors_trace);

	if (!ret)
		ret = real_populate(&errors_ats);
	if (!ret)
		ret = real_second_port();
	if (!ret)
		ret = real_bind(&errors_ats, ERRORS_SECOND);
	return ret;
}

static int open_all(void)
{
	struct iommunest_open_options options = { .size = sizeof(options) };
	int ret;

	ret = real_open(&errors_plain, 0, errors_trace);
	if (!ret)
		ret = real_populate(&errors_plain);
	if (!ret)
		ret = iommunest_open_fd(&ctx, errors_plain.env.fd, &options);
	if (!ret)
		ret = open_ats();
	return ret;
}

int main(int argc, char **argv)
{
	int ret;

	errors_trace = trace_open(8192);
	if (!errors_trace) {
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
	real_close(&errors_ats);
	real_second_port_end();
	real_close(&errors_plain);
	trace_close(errors_trace);
	return ret;
}
