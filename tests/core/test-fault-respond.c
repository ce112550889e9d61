/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Answers to groups: each is sent once, whatever writes return. */
#include <errno.h>
#include <string.h>

#include "tests/harness/fault-stream.h"

#include "tests/harness/support.h"

#define COUNT 6u
#define NOT_SET 12345

static struct stream stream;
static uint64_t ids[200];
static struct iommunest_fault_response responses[200];

/* Cookies 1 to @count, answered in the reverse order. */
static void hand_out(uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		stream_add_group(&stream, i + 1, i, 0x1000, 1);
	for (i = 0; i < count; i++)
		ids[i] = stream_next(&stream).id;
	for (i = 0; i < count; i++)
		responses[i] = (struct iommunest_fault_response){
			.id = ids[count - 1 - i],
			.code = i % 2,
			.error = NOT_SET,
		};
}

static void set_up(void)
{
	stream_open(&stream, NULL);
	hand_out(COUNT);
}

static void tear_down(void)
{
	stream_close(&stream);
}
FIXTURE(set_up, tear_down);

static int respond(uint32_t count)
{
	return iommunest_fault_respond(stream.reader, responses, count);
}

static uint32_t waiting(void)
{
	return iommunest_fault_waiting(stream.reader);
}

/* The answers to responses[], as they were sent, without @missing. */
static void expect_sent(uint32_t count, uint32_t missing)
{
	uint32_t i, at = 0;

	for (i = 0; i < count; i++) {
		if (i == missing)
			continue;
		ck_assert_uint_eq(stream.answers[at].cookie, COUNT - i);
		ck_assert_uint_eq(stream.answers[at++].code, i % 2);
	}
	ck_assert_uint_eq(stream.n_answers, at);
}

TEST(answers_go_in_one_write_and_in_order)
{
	uint32_t i;

	ck_assert_int_eq(respond(COUNT), 0);
	ck_assert_uint_eq(stream.n_writes, 1);
	expect_sent(COUNT, COUNT);
	for (i = 0; i < COUNT; i++)
		ck_assert_int_eq(responses[i].error, 0);
	ck_assert_uint_eq(waiting(), 0);
}

TEST(no_answers_are_no_write)
{
	ck_assert_int_eq(iommunest_fault_respond(stream.reader, NULL, 0), 0);
	ck_assert_uint_eq(stream.n_writes, 0);
}

TEST(an_unknown_code_sends_nothing)
{
	responses[COUNT - 1].code = 2;
	ck_assert_int_eq(respond(COUNT), -EINVAL);
	responses[COUNT - 1].code = 0xf;
	ck_assert_int_eq(respond(COUNT), -EINVAL);
	ck_assert_int_eq(iommunest_fault_respond(NULL, responses, 1), -EINVAL);
	ck_assert_int_eq(iommunest_fault_respond(stream.reader, NULL, 1),
			 -EINVAL);
	ck_assert_int_eq(iommunest_fault_respond_all(stream.reader, 0, 2),
			 -EINVAL);
	ck_assert_int_eq(iommunest_fault_respond_all(NULL, 0, 0), -EINVAL);
	ck_assert_uint_eq(stream.n_writes, 0);
	ck_assert_uint_eq(waiting(), COUNT);
	ck_assert_int_eq(responses[0].error, NOT_SET);
}

TEST_RANGE(a_write_may_take_some_of_them, 1, COUNT)
{
	stream.writes[0] = _i * 8;
	ck_assert_int_eq(respond(COUNT), 0);
	ck_assert_uint_eq(stream.n_writes, 2);
	expect_sent(COUNT, COUNT);
	ck_assert_uint_eq(waiting(), 0);
}

/* The kernel has answered that group; it takes what is before it. */
TEST_LOOP(what_the_kernel_does_not_know_is_enoent, COUNT)
{
	unsigned int at = 0;
	uint32_t i;

	if (_i)
		stream.writes[at++] = _i * 8;
	stream.writes[at] = -EINVAL;
	ck_assert_int_eq(respond(COUNT), 0);
	expect_sent(COUNT, (uint32_t)_i);
	for (i = 0; i < COUNT; i++)
		ck_assert_int_eq(responses[i].error,
				 i == (uint32_t)_i ? -ENOENT : 0);
	ck_assert_uint_eq(waiting(), 0);
}

/* No write of a fault queue says so, and no answer is to be taken for gone. */
TEST(an_enoent_of_write_is_eio)
{
	stream.writes[0] = -ENOENT;
	ck_assert_int_eq(respond(COUNT), -EIO);
	ck_assert_int_eq(responses[0].error, -EIO);
	ck_assert_uint_eq(waiting(), COUNT);
}

static const int write_errors[] = { -EFAULT, -EINTR, -EAGAIN, -EIO };

TEST_LOOP(after_an_error_the_rest_waits, 4 * COUNT)
{
	const int error = write_errors[_i % 4];
	const uint32_t done = (uint32_t)_i / 4;
	unsigned int at = 0;
	uint32_t i;

	if (done)
		stream.writes[at++] = (ssize_t)done * 8;
	stream.writes[at] = error;
	ck_assert_int_eq(respond(COUNT), error);
	for (i = 0; i < COUNT; i++)
		ck_assert_int_eq(responses[i].error, i < done ? 0 : error);
	ck_assert_uint_eq(waiting(), COUNT - done);
	/* Said again, nothing goes twice. */
	ck_assert_int_eq(respond(COUNT), 0);
	expect_sent(COUNT, COUNT);
	for (i = 0; i < COUNT; i++)
		ck_assert_int_eq(responses[i].error, i < done ? -ENOENT : 0);
}

static const long lies[] = { 3, 7, COUNT * 8 + 1 };

TEST_LOOP(a_write_that_cannot_be_is_eio, ARRAY_LEN(lies))
{
	stream.writes[0] = lies[_i];
	ck_assert_int_eq(respond(COUNT), -EIO);
	ck_assert_uint_eq(waiting(), COUNT);
	ck_assert_int_eq(responses[0].error, -EIO);
}

TEST(what_was_answered_or_never_was_is_enoent)
{
	ck_assert_int_eq(respond(1), 0);
	ck_assert_int_eq(respond(1), 0);
	ck_assert_int_eq(responses[0].error, -ENOENT);
	ck_assert_int_eq(stream_respond(&stream, 0, 0), -ENOENT);
	ck_assert_int_eq(stream_respond(&stream, ids[COUNT - 1] + 1, 0),
			 -ENOENT);
	ck_assert_int_eq(stream_respond(&stream, UINT64_MAX, 0), -ENOENT);
	ck_assert_uint_eq(stream.n_answers, 1);
}

TEST(named_twice_it_is_answered_once)
{
	responses[2].id = responses[0].id;
	ck_assert_int_eq(respond(3), 0);
	ck_assert_uint_eq(stream.n_answers, 2);
	ck_assert_int_eq(responses[0].error, 0);
	ck_assert_int_eq(responses[1].error, 0);
	ck_assert_int_eq(responses[2].error, -ENOENT);
}

TEST(many_answers_take_several_writes)
{
	uint32_t i;

	tear_down();
	stream_open(&stream, NULL);
	hand_out(200);
	responses[70].id = 0;
	ck_assert_int_eq(respond(200), 0);
	ck_assert_uint_eq(stream.n_answers, 199);
	ck_assert_uint_lt(stream.n_writes, 10);
	for (i = 0; i < 199; i++)
		ck_assert_uint_eq(stream.answers[i].cookie,
				  200 - i - (i >= 70));
	ck_assert_uint_eq(waiting(), 1);
}

/* The first chunk is sent, the second is not, and the third not tried. */
TEST(an_error_between_writes_is_told_of_all_the_rest)
{
	uint32_t i;

	tear_down();
	stream_open(&stream, NULL);
	hand_out(200);
	stream.writes[1] = -EINTR;
	ck_assert_int_eq(respond(200), -EINTR);
	ck_assert_uint_eq(waiting(), 200 - stream.n_answers);
	for (i = 0; i < 200; i++)
		ck_assert_int_eq(responses[i].error,
				 i < stream.n_answers ? 0 : -EINTR);
}

/* ---- All ---- */

static int respond_all(uint32_t dev_id)
{
	return iommunest_fault_respond_all(stream.reader, dev_id,
					   IOMMUNEST_FAULT_INVALID);
}

TEST(all_that_waits_is_answered)
{
	uint32_t i;

	ck_assert_int_eq(respond_all(0), COUNT);
	ck_assert_uint_eq(stream.n_answers, COUNT);
	for (i = 0; i < COUNT; i++) {
		ck_assert_uint_eq(stream.answers[i].cookie, i + 1);
		ck_assert_uint_eq(stream.answers[i].code, 1);
	}
	ck_assert_uint_eq(waiting(), 0);
	ck_assert_int_eq(respond_all(0), 0);
}

/* Two devices, of each a group that waits and one that was read only. */
static void add_devices(void)
{
	struct iommunest_page_request request = {
		.flags = IOMMUNEST_PAGE_REQUEST_LAST,
	};
	uint32_t i;

	tear_down();
	stream_open(&stream, NULL);
	for (i = 0; i < 6; i++) {
		request.dev_id = 5 + i % 2;
		request.cookie = i + 1;
		memcpy(stream.bytes + stream.len, &request, sizeof(request));
		stream.len += sizeof(request);
	}
	/* A part of a group at the end. */
	request.flags = 0;
	request.cookie = 7;
	memcpy(stream.bytes + stream.len, &request, sizeof(request));
	stream.len += sizeof(request);
	stream_next(&stream);
	stream_next(&stream);
}

TEST(all_of_a_device_leaves_the_others)
{
	struct iommunest_fault_group group;

	add_devices();
	ck_assert_int_eq(respond_all(5), 3);
	ck_assert_uint_eq(stream.answers[0].cookie, 1);
	ck_assert_uint_eq(stream.answers[1].cookie, 3);
	ck_assert_uint_eq(stream.answers[2].cookie, 5);
	ck_assert_uint_eq(waiting(), 1);
	group = stream_next(&stream);
	ck_assert_uint_eq(group.requests->cookie, 4);
	group = stream_next(&stream);
	ck_assert_uint_eq(group.requests->cookie, 6);
	/* What was read of the next one is still there. */
	stream_add(&stream, 7, 0, 0, IOMMUNEST_PAGE_REQUEST_LAST);
	group = stream_next(&stream);
	ck_assert_uint_eq(group.count, 2);
}

TEST(all_counts_what_was_sent_and_forgets_what_the_kernel_answered)
{
	struct iommunest_fault_group group = { .size = sizeof(group) };

	add_devices();
	stream.writes[1] = -EINVAL;
	stream.writes[3] = -EINVAL;
	ck_assert_int_eq(respond_all(0), 4);
	ck_assert_uint_eq(waiting(), 0);
	ck_assert_int_eq(iommunest_fault_reader_next(stream.reader, &group), 0);
}

TEST_LOOP(all_stops_at_an_error_and_goes_on_when_called_again, 6)
{
	add_devices();
	stream.writes[_i] = -EINTR;
	ck_assert_int_eq(respond_all(0), -EINTR);
	ck_assert_uint_eq(stream.n_answers, (unsigned int)_i);
	ck_assert_int_eq(respond_all(0), 6 - _i);
	ck_assert_uint_eq(stream.n_answers, 6);
	ck_assert_uint_eq(stream.answers[5].cookie, 6);
}
