/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Devices that do not answer invalidations of their TLBs, once or for ever. */
#include "errors.h"

#include <stdlib.h>
#include <unistd.h>

static uint64_t timed_out_before, blocked_before;

static unsigned int timed_out(void)
{
	return (unsigned int)(inject_get("timed_out") - timed_out_before);
}

static unsigned int blocked(void)
{
	return (unsigned int)(inject_get("blocked") - blocked_before);
}

static void begin(void)
{
	errors_begin();
	if (!errors_tells())
		return;
	timed_out_before = inject_get("timed_out");
	blocked_before = inject_get("blocked");
}

/* A reset is the way back (finding 5). */
static void end(void)
{
	if (!errors_tells())
		return;
	inject_clear();
	if (blocked()) {
		ck_assert_int_eq(real_reset(&errors_ats, ERRORS_FIRST), 0);
		ck_assert_int_eq(real_reset(&errors_ats, ERRORS_SECOND), 0);
	}
	ck_assert_int_eq(real_attach(&errors_ats, ERRORS_SECOND, 0), 0);
	ck_assert_int_eq(real_attach(&errors_ats, ERRORS_FIRST,
				     errors_ats.env.nested),
			 0);
	errors_put_pages(100);
	errors_is_done(errors_report(&errors_ats, 100), 100);
}

FIXTURE(begin, end);

/* ---- Hardware ---- */

/*
 * Where its head is when it has aborted a wait: beyond all that there is, at
 * the wait, after it, in the next submission.  And whether it tells who it was.
 */
#define HEADS 4
#define MACHINES (2 * HEADS)

static void be_machine(int machine)
{
	inject_set("head", (uint64_t)(machine % HEADS));
	inject_set("reports_sid", machine < HEADS);
}

/* A time-out each for being named, and one where nobody is. */
static unsigned int most_timeouts(int machine, unsigned int devices)
{
	return devices * (machine < HEADS ? 2 : 3);
}

/* Commands to the TLBs of the two devices since the last look. */
struct sent {
	uint32_t first;
	uint32_t second;
};

static uint64_t sid_of(const struct trace_event *event)
{
	/* VT-d 6.5.2.5 and 6.5.2.6 (revision 4.1). */
	return (event->qw0 & 0xf) == 3 ? event->qw0 >> 32 & 0xffff
				       : event->qw0 >> 16 & 0xffff;
}

static struct sent look(void)
{
	struct sent sent = { 0 };
	struct trace_event event;
	struct conf_desc desc;

	while (trace_next(errors_trace, &event)) {
		if (!real_decode(&event, &desc) || desc.kind != CONF_DEV_TLB)
			continue;
		sent.first += sid_of(&event) == ERRORS_SID;
		sent.second += sid_of(&event) == ERRORS_SECOND_SID;
	}
	return sent;
}

/* ---- Invalidations ---- */

TEST_LOOP(one_time_out_is_tried_again, errors_if_tells(MACHINES))
{
	be_machine(_i);
	errors_put_pages(100);
	inject_set("timeout", 1);
	errors_is_done(errors_report(&errors_ats, 100), 100);
	ck_assert_uint_eq(timed_out(), 1);
	ck_assert_uint_eq(blocked(), 0);
}

static void is_timed_out(struct errors_answer answer, uint32_t last)
{
	ck_assert_int_eq(answer.ret, -ETIMEDOUT);
	ck_assert_uint_eq(answer.num, 0);
	ck_assert_uint_eq(answer.last, last);
	/* Finding 8: no source id is the guest's business. */
	ck_assert_uint_eq(answer.code, IOMMUNEST_VTD_FSTS_ITE);
}

/* With ATS, half of a submission's descriptors are for the device. */
#define LAST (ERRORS_SHARED / 2 - 1)

/* Retries are bounded, and nothing is sent to it any more. */
TEST_LOOP(a_silent_device_is_blocked_and_told, errors_if_tells(MACHINES))
{
	be_machine(_i);
	errors_put_pages(100);
	inject_sid("silent_sid", ERRORS_SID);
	is_timed_out(errors_report(&errors_ats, 100), LAST);
	ck_assert_uint_eq(blocked(), 1);
	ck_assert_uint_le(timed_out(), most_timeouts(_i, 1));
	look();
	errors_is_done(errors_report(&errors_ats, 100), 100);
	ck_assert_uint_eq(look().first, 0);
}

/* Nothing is left to be done, so nothing fails (finding 2). */
TEST_LOOP(a_silent_device_is_blocked_without_the_flag,
	  errors_if_tells(MACHINES))
{
	be_machine(_i);
	errors_put_pages(100);
	inject_sid("silent_sid", ERRORS_SID);
	errors_is_done(errors_call(&errors_ats, 100), 100);
	ck_assert_uint_eq(blocked(), 1);
	ck_assert_uint_le(timed_out(), most_timeouts(_i, 1));
}

/*
 * What the device did not answer is done, once it is blocked.  What is named is
 * what is not: refused when it was submitted again, the fourth and the fifth of
 * what follows the first try.
 */
TEST_LOOP(of_both_at_once_what_was_refused_is_named, errors_if_tells(2))
{
	const bool asks = _i;
	struct errors_answer answer;

	errors_put_pages(100);
	inject_sid("silent_sid", ERRORS_SID);
	inject_set("refuse_more", 1);
	inject_set("refuse", ERRORS_SHARED + 4);
	answer = errors_ask(&errors_ats, errors_ats.env.nested, 100, asks);
	ck_assert_int_eq(answer.ret, -EIO);
	ck_assert_uint_eq(answer.num, 2);
	ck_assert_uint_eq(blocked(), 1);
	if (!asks)
		return;
	ck_assert_uint_eq(answer.last, 3);
	ck_assert_uint_eq(answer.code & ~0xf00u,
			  IOMMUNEST_VTD_FSTS_IQE | IOMMUNEST_VTD_FSTS_ITE);
}

/* Until then it is attached to nothing new; what it has stays. */
TEST_LOOP(a_reset_brings_a_blocked_device_back, errors_if_tells(1))
{
	errors_put_pages(100);
	inject_sid("silent_sid", ERRORS_SID);
	ck_assert_int_eq(errors_report(&errors_ats, 100).ret, -ETIMEDOUT);
	inject_clear();
	ck_assert_int_eq(real_attach(&errors_ats, ERRORS_FIRST,
				     errors_ats.env.unattached),
			 -EBUSY);
	ck_assert_int_eq(real_attach(&errors_ats, ERRORS_FIRST, 0), 0);
	ck_assert_int_eq(real_attach(&errors_ats, ERRORS_FIRST,
				     errors_ats.env.nested),
			 -EBUSY);
	ck_assert_int_eq(real_reset(&errors_ats, ERRORS_FIRST), 0);
	ck_assert_int_eq(real_attach(&errors_ats, ERRORS_FIRST,
				     errors_ats.env.nested),
			 0);
	look();
	errors_is_done(errors_report(&errors_ats, 100), 100);
	ck_assert_uint_eq(look().first, 100);
	ck_assert_uint_eq(blocked(), 1);
}

/* ---- What else is sent to it ---- */

static int detach(void)
{
	return real_attach(&errors_ats, ERRORS_FIRST, 0);
}

static int reset(void)
{
	return real_reset(&errors_ats, ERRORS_FIRST);
}

static int replace(void)
{
	return real_attach(&errors_ats, ERRORS_FIRST,
			   errors_ats.env.unattached);
}

/*
 * VFIO resets it before it detaches it, and then it is blocked; who has it next
 * gets it reset.
 */
static int close_and_open(void)
{
	close(errors_ats.device[ERRORS_FIRST]);
	inject_clear();
	return real_bind(&errors_ats, ERRORS_FIRST);
}

static int (*const ways[])(void) = { errors_unmap, detach, reset, replace,
				     close_and_open };
#define WAYS (int)ARRAY_LEN(ways)

/* Finding 4: whoever submits it, it ends, with the device blocked or reset. */
TEST_LOOP(nobody_waits_for_a_silent_device, errors_if_tells(WAYS *MACHINES))
{
	int (*const way)(void) = ways[_i % WAYS];
	const int machine = _i / WAYS;
	/* At a close it is reset, which brings it back, and detached then. */
	const unsigned int times = way == close_and_open ? 2 : 1;
	int ret;

	be_machine(machine);
	errors_map();
	inject_sid("silent_sid", ERRORS_SID);
	ret = way();
	/* It may be blocked before it is attached. */
	if (way != replace || ret != -EBUSY)
		ck_assert_int_eq(ret, 0);
	ck_assert_uint_eq(blocked(), times);
	ck_assert_uint_le(timed_out(), most_timeouts(machine, times));
	inject_clear();
	if (way != errors_unmap)
		ck_assert_int_eq(errors_unmap(), 0);
}

/* Finding 12: as early as it is attached. */
TEST_LOOP(a_device_that_is_silent_from_the_start_is_blocked,
	  errors_if_tells(MACHINES))
{
	ck_assert_int_eq(detach(), 0);
	be_machine(_i);
	inject_sid("silent_sid", ERRORS_SID);
	if (real_attach(&errors_ats, ERRORS_FIRST, errors_ats.env.nested) ==
	    0) {
		errors_put_pages(1);
		errors_call(&errors_ats, 1);
	}
	ck_assert_uint_eq(blocked(), 1);
	ck_assert_uint_le(timed_out(), most_timeouts(_i, 1));
}

/* ---- Two devices ---- */

static void attach_both(void)
{
	ck_assert_int_eq(real_attach(&errors_ats, ERRORS_SECOND,
				     errors_ats.env.nested),
			 0);
}

/* With two devices behind it, an entry has three descriptors. */
TEST_LOOP(two_silent_devices_are_both_blocked, errors_if_tells(MACHINES))
{
	static const uint16_t both[] = { ERRORS_SID, ERRORS_SECOND_SID };
	struct errors_answer answer;
	struct sent sent;

	attach_both();
	be_machine(_i);
	errors_put_pages(100);
	inject_list("silent_sid", both, 2);
	answer = errors_report(&errors_ats, 100);
	is_timed_out(answer, answer.last);
	ck_assert_uint_ge(answer.last, 4);
	ck_assert_uint_lt(answer.last, ERRORS_SHARED);
	/* The second may be met by the next call only. */
	errors_call(&errors_ats, 100);
	ck_assert_uint_eq(blocked(), 2);
	ck_assert_uint_le(timed_out(), most_timeouts(_i, 2));
	look();
	errors_is_done(errors_report(&errors_ats, 100), 100);
	sent = look();
	ck_assert_uint_eq(sent.first + sent.second, 0);
}

/* Finding 7: not all of them where hardware does not tell. */
TEST_LOOP(only_the_silent_one_of_two_is_blocked, errors_if_tells(2 * MACHINES))
{
	const int machine = _i / 2;
	const bool second = _i % 2;
	struct sent sent;

	attach_both();
	be_machine(machine);
	errors_put_pages(100);
	inject_sid("silent_sid", second ? ERRORS_SECOND_SID : ERRORS_SID);
	ck_assert_int_eq(errors_report(&errors_ats, 100).ret, -ETIMEDOUT);
	ck_assert_uint_eq(blocked(), 1);
	ck_assert_uint_le(timed_out(), most_timeouts(machine, 1));
	look();
	errors_is_done(errors_report(&errors_ats, 100), 100);
	sent = look();
	ck_assert_uint_eq(sent.first, second ? 100 : 0);
	ck_assert_uint_eq(sent.second, second ? 0 : 100);
}

/* Finding 7: one time-out of ours after one of theirs is still our first. */
TEST_LOOP(a_time_out_of_theirs_is_none_of_ours, errors_if_tells(HEADS))
{
	static const uint16_t named[] = { ERRORS_SECOND_SID, ERRORS_SID };

	be_machine(_i);
	errors_put_pages(100);
	/* They are named in turn, by the number of the time-out. */
	inject_list("reported_sid", named, 2);
	inject_set("timed_out", 0);
	timed_out_before = 0;
	inject_set("timeout_more", 1);
	inject_set("timeout", 1);
	errors_is_done(errors_report(&errors_ats, 100), 100);
	ck_assert_uint_eq(timed_out(), 2);
	ck_assert_uint_eq(blocked(), 0);
}

/* ---- What hardware says of who it was ---- */

static const uint16_t strange[] = { 0, ERRORS_OTHER_SID, ERRORS_SECOND_SID,
				    0xffff };
#define STRANGE (int)ARRAY_LEN(strange)

TEST_LOOP(a_wrong_source_id_does_no_harm, errors_if_tells(STRANGE *HEADS))
{
	be_machine(_i / STRANGE);
	errors_put_pages(100);
	inject_sid("reported_sid", strange[_i % STRANGE]);
	inject_set("timeout", 1);
	errors_is_done(errors_report(&errors_ats, 100), 100);
	ck_assert_uint_eq(timed_out(), 1);
	ck_assert_uint_eq(blocked(), 0);
}

/* Nobody is blocked on a guess, and still nobody waits for ever. */
TEST_LOOP(a_wrong_source_id_for_ever_hangs_nobody,
	  errors_if_tells(STRANGE *HEADS))
{
	be_machine(_i / STRANGE);
	attach_both();
	errors_put_pages(100);
	inject_sid("reported_sid", strange[_i % STRANGE]);
	inject_sid("silent_sid", ERRORS_SID);
	ck_assert_int_eq(errors_report(&errors_ats, 100).ret, -ETIMEDOUT);
	ck_assert_uint_eq(blocked(), 1);
	ck_assert_uint_le(timed_out(), 5);
	look();
	errors_is_done(errors_report(&errors_ats, 100), 100);
	ck_assert_uint_eq(look().second, 100);
}

/* FSTS.ICE: it has answered, if wrongly. */
TEST_LOOP(a_completion_error_is_cleared, errors_if_tells(STRANGE + 1))
{
	uint64_t before = inject_get("completed");

	errors_put_pages(100);
	inject_set("completion_sid", _i < STRANGE ? strange[_i] : ERRORS_SID);
	inject_set("completion", 1);
	errors_is_done(errors_report(&errors_ats, 100), 100);
	ck_assert_uint_eq(inject_get("completed") - before, 1);
	ck_assert_uint_eq(blocked(), 0);
}

TEST_LOOP(a_completion_error_with_a_time_out, errors_if_tells(MACHINES))
{
	be_machine(_i);
	errors_put_pages(100);
	inject_set("completion_sid", ERRORS_SID);
	inject_set("completion", 1);
	inject_set("timeout", 1);
	errors_is_done(errors_report(&errors_ats, 100), 100);
	ck_assert_uint_eq(timed_out(), 1);
	ck_assert_uint_eq(blocked(), 0);
}
