/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Groups out of the bytes of a fault queue, whatever reads return. */
#include <errno.h>
#include <string.h>

#include "tests/harness/fault-stream.h"

#include "tests/harness/script.h"
#include "tests/harness/support.h"

#define REQUEST_LEN 40u

static struct stream stream;

static void set_up(void)
{
	stream_open(&stream, NULL);
}

static void tear_down(void)
{
	stream_close(&stream);
}
FIXTURE(set_up, tear_down);

/* Another reader on the same bytes. */
static void reopen(uint32_t requests, uint32_t groups)
{
	struct iommunest_fault_reader_options options = {
		.size = sizeof(options),
		.requests = requests,
		.groups = groups,
	};

	stream_close(&stream);
	stream_open(&stream, &options);
}

static int next_is(struct iommunest_fault_group *group)
{
	*group = (struct iommunest_fault_group)IOMMUNEST_INIT(
		struct iommunest_fault_group);
	return iommunest_fault_reader_next(stream.reader, group);
}

/* ---- New ---- */

struct option_row {
	uint32_t requests;
	uint32_t groups;
	int want;
};

static const struct option_row option_rows[] = {
	{ 0, 0, 0 },
	{ 1, 1, 0 },
	{ 1u << 20, 1, 0 },
	{ 1, 1u << 20, 0 },
	{ (1u << 20) + 1, 1, -EINVAL },
	{ 1, (1u << 20) + 1, -EINVAL },
	{ UINT32_MAX, UINT32_MAX, -EINVAL },
};

TEST_LOOP(options_have_a_range, ARRAY_LEN(option_rows))
{
	const struct option_row *row = &option_rows[_i];
	struct iommunest_fault_reader_options options = {
		.size = sizeof(options),
		.requests = row->requests,
		.groups = row->groups,
	};
	struct iommunest_fault_reader *reader = (void *)&options;

	ck_assert_int_eq(iommunest_fault_reader_new(&reader, stream.ctx,
						    STREAM_FD, &options),
			 row->want);
	ck_assert_int_eq(!reader, row->want != 0);
	iommunest_fault_reader_free(reader);
}

TEST(a_reader_needs_a_context_a_descriptor_and_a_place)
{
	struct iommunest_fault_reader *reader = (void *)&stream;

	ck_assert_int_eq(iommunest_fault_reader_new(NULL, stream.ctx, STREAM_FD,
						    NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_fault_reader_new(&reader, NULL, STREAM_FD,
						    NULL),
			 -EINVAL);
	ck_assert_ptr_null(reader);
	ck_assert_int_eq(iommunest_fault_reader_new(&reader, stream.ctx, -1,
						    NULL),
			 -EBADF);
	iommunest_fault_reader_free(NULL);
}

TEST_LOOP(a_reader_needs_read_and_write, 2)
{
	struct iommunest_sys sys = script_sys;
	struct iommunest_open_options options = { .size = sizeof(options),
						  .sys = &sys };
	struct iommunest_fault_reader *reader;
	struct iommunest_ctx *ctx;

	if (_i)
		sys.read = NULL;
	else
		sys.write = NULL;
	ck_assert_int_eq(iommunest_open_fd(&ctx, 3, &options), 0);
	ck_assert_int_eq(iommunest_fault_reader_new(&reader, ctx, STREAM_FD,
						    NULL),
			 -ENOSYS);
	iommunest_close(ctx);
}

/* ---- Groups ---- */

TEST(an_empty_queue_has_no_group)
{
	struct iommunest_fault_group group = { .size = sizeof(group),
					       .id = 99 };

	ck_assert_int_eq(iommunest_fault_reader_next(stream.reader, &group), 0);
	ck_assert_uint_eq(group.id, 99);
	ck_assert_uint_eq(stream.n_reads, 1);
	ck_assert_uint_eq(stream.asked, 512 * REQUEST_LEN);
	ck_assert_uint_eq(iommunest_fault_waiting(stream.reader), 0);
	ck_assert_uint_eq(iommunest_fault_waiting(NULL), 0);
}

TEST(a_group_has_its_requests)
{
	struct iommunest_fault_group group;

	stream_add_group(&stream, 1, 7, 0x1000, 3);
	group = stream_next(&stream);
	ck_assert_uint_eq(group.count, 3);
	ck_assert_uint_eq(group.dev_id, 5);
	ck_assert_uint_ne(group.id, 0);
	ck_assert_mem_eq(group.requests, stream.bytes, stream.len);
	ck_assert_uint_eq(iommunest_fault_waiting(stream.reader), 1);
	ck_assert_int_eq(next_is(&group), 0);
}

TEST(one_read_serves_several_groups)
{
	struct iommunest_fault_group a, b, c;

	stream_add_group(&stream, 1, 7, 0x1000, 2);
	stream_add_group(&stream, 2, 8, 0x8000, 1);
	stream_add_group(&stream, 3, 9, 0x9000, 4);
	a = stream_next(&stream);
	b = stream_next(&stream);
	c = stream_next(&stream);
	ck_assert_uint_eq(stream.n_reads, 1);
	ck_assert(a.id < b.id && b.id < c.id);
	ck_assert_uint_eq(a.count, 2);
	ck_assert_uint_eq(b.count, 1);
	ck_assert_uint_eq(c.count, 4);
	/* They stay until the reader is moved on. */
	ck_assert_uint_eq(a.requests[1].addr, 0x2000);
	ck_assert_uint_eq(c.requests[3].addr, 0xc000);
}

static void add_three(void)
{
	stream_add_group(&stream, 1, 7, 0x1000, 2);
	stream_add_group(&stream, 2, 8, 0x8000, 1);
	stream_add_group(&stream, 3, 9, 0x9000, 3);
}

/* All there is, in the order and the groups in which it was added. */
static void expect_three(void)
{
	static const uint32_t counts[] = { 2, 1, 3 };
	struct iommunest_fault_group group;
	size_t at = 0, i;

	for (i = 0; i < ARRAY_LEN(counts); i++) {
		group = stream_next(&stream);
		ck_assert_uint_eq(group.count, counts[i]);
		ck_assert_mem_eq(group.requests, stream.bytes + at,
				 counts[i] * REQUEST_LEN);
		at += counts[i] * REQUEST_LEN;
	}
	ck_assert_int_eq(next_is(&group), 0);
	ck_assert_uint_eq(iommunest_fault_waiting(stream.reader), 3);
}

#define THREE (6 * (int)REQUEST_LEN)

TEST_RANGE(a_read_may_end_at_any_byte, 1, THREE + 1)
{
	add_three();
	stream.reads[0] = _i;
	expect_three();
}

TEST_RANGE(reads_may_be_of_any_length, 1, THREE)
{
	unsigned int i;

	add_three();
	/* The first and the last of the lengths, in turn. */
	for (i = 0; i < STREAM_STEPS; i++)
		stream.reads[i] = i % 2 ? THREE - _i : _i;
	expect_three();
}

TEST(a_queue_that_is_empty_for_a_time_loses_nothing)
{
	struct iommunest_fault_group group;

	stream_add(&stream, 1, 7, 0x1000, 0);
	ck_assert_int_eq(next_is(&group), 0);
	ck_assert_int_eq(next_is(&group), 0);
	stream_add(&stream, 1, 7, 0x2000, IOMMUNEST_PAGE_REQUEST_LAST);
	group = stream_next(&stream);
	ck_assert_uint_eq(group.count, 2);
	ck_assert_uint_eq(group.requests[0].addr, 0x1000);
}

/* The kernel never writes that; nothing of it may be lost. */
TEST(another_cookie_ends_a_group_without_a_last_request)
{
	struct iommunest_fault_group group;

	stream_add(&stream, 1, 7, 0x1000, 0);
	stream_add(&stream, 1, 7, 0x2000, 0);
	stream_add(&stream, 2, 8, 0x3000, IOMMUNEST_PAGE_REQUEST_LAST);
	group = stream_next(&stream);
	ck_assert_uint_eq(group.count, 2);
	group = stream_next(&stream);
	ck_assert_uint_eq(group.count, 1);
	ck_assert_uint_eq(group.requests[0].addr, 0x3000);
}

TEST_LOOP(a_group_of_another_size_is_refused, 3)
{
	static const size_t sizes[] = {
		0, SIZE_TO(struct iommunest_fault_group, dev_id) - 1, 4097
	};
	struct iommunest_fault_group group = { .size = sizes[_i] };

	stream_add_group(&stream, 1, 7, 0x1000, 1);
	ck_assert_int_eq(iommunest_fault_reader_next(stream.reader, &group),
			 _i < 2 ? -EINVAL : -E2BIG);
	ck_assert_int_eq(iommunest_fault_reader_next(stream.reader, NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_fault_reader_next(NULL, &group), -EINVAL);
	ck_assert_uint_eq(stream.n_reads, 0);
}

/* ---- What does not fit ---- */

TEST(a_group_that_is_too_large_stays_in_the_queue)
{
	struct iommunest_fault_group group;

	reopen(2, 4);
	stream_add_group(&stream, 1, 7, 0x1000, 3);
	/* The kernel says so while there is room for less. */
	stream.reads[0] = -EINVAL;
	stream.reads[1] = -EINVAL;
	ck_assert_int_eq(next_is(&group), -EMSGSIZE);
	ck_assert_int_eq(next_is(&group), -EMSGSIZE);
	ck_assert_uint_eq(stream.asked, 2 * REQUEST_LEN);
	ck_assert_int_eq(iommunest_fault_reader_grow(stream.reader, 3), 0);
	ck_assert_uint_eq(stream_next(&stream).count, 3);
	ck_assert_uint_eq(stream.asked, 3 * REQUEST_LEN);
}

TEST(a_part_of_a_group_that_fills_the_room_is_kept)
{
	struct iommunest_fault_group group;

	reopen(2, 4);
	stream_add_group(&stream, 1, 7, 0x1000, 3);
	ck_assert_int_eq(next_is(&group), -EMSGSIZE);
	ck_assert_int_eq(iommunest_fault_reader_grow(stream.reader, 5), 0);
	group = stream_next(&stream);
	ck_assert_uint_eq(group.count, 3);
	ck_assert_mem_eq(group.requests, stream.bytes, stream.len);
}

TEST(growing_keeps_what_was_read)
{
	struct iommunest_fault_group group;

	reopen(3, 4);
	stream_add_group(&stream, 1, 7, 0x1000, 1);
	stream_add_group(&stream, 2, 8, 0x2000, 2);
	group = stream_next(&stream);
	ck_assert_int_eq(iommunest_fault_reader_grow(stream.reader, 1), 0);
	ck_assert_int_eq(iommunest_fault_reader_grow(stream.reader, 1000), 0);
	ck_assert_int_eq(iommunest_fault_reader_grow(stream.reader,
						     (1u << 20) + 1),
			 -EINVAL);
	ck_assert_int_eq(iommunest_fault_reader_grow(NULL, 1), -EINVAL);
	group = stream_next(&stream);
	ck_assert_uint_eq(group.requests[1].addr, 0x3000);
	ck_assert_int_eq(next_is(&group), 0);
	ck_assert_uint_eq(stream.asked, 1000 * REQUEST_LEN);
}

TEST(more_groups_than_may_wait_stay_in_the_queue)
{
	struct iommunest_fault_group a, b, c;

	reopen(1, 2);
	stream_add_group(&stream, 1, 7, 0x1000, 1);
	stream_add_group(&stream, 2, 8, 0x2000, 1);
	stream_add_group(&stream, 3, 9, 0x3000, 1);
	a = stream_next(&stream);
	b = stream_next(&stream);
	ck_assert_int_eq(next_is(&c), -ENOBUFS);
	ck_assert_uint_eq(stream.n_reads, 2);
	ck_assert_int_eq(stream_respond(&stream, a.id, 0), 0);
	c = stream_next(&stream);
	ck_assert(c.id > b.id);
	ck_assert_int_eq(next_is(&a), -ENOBUFS);
}

static const int read_errors[] = { -EFAULT, -EINTR, -EAGAIN, -ENOMEM, -ESPIPE };

TEST_LOOP(an_error_of_read_passes_and_loses_nothing, ARRAY_LEN(read_errors))
{
	struct iommunest_fault_group group;

	add_three();
	stream.reads[0] = 50;
	stream.reads[1] = read_errors[_i];
	ck_assert_int_eq(next_is(&group), read_errors[_i]);
	expect_three();
}

TEST(a_read_of_more_than_was_asked_for_is_eio)
{
	struct iommunest_fault_group group;

	add_three();
	stream.reads[0] = 512 * REQUEST_LEN + 1;
	ck_assert_int_eq(next_is(&group), -EIO);
	expect_three();
}

/* ---- Names ---- */

/* The kernel has answered the first: its device was detached. */
TEST(a_cookie_that_is_read_again_ends_the_first_wait)
{
	struct iommunest_fault_group a, b, c;

	stream_add_group(&stream, 1, 7, 0x1000, 1);
	stream_add_group(&stream, 2, 8, 0x2000, 1);
	a = stream_next(&stream);
	b = stream_next(&stream);
	stream_add_group(&stream, 1, 9, 0x3000, 2);
	c = stream_next(&stream);
	ck_assert_uint_ne(a.id, c.id);
	ck_assert_uint_eq(iommunest_fault_waiting(stream.reader), 2);
	ck_assert_int_eq(stream_respond(&stream, a.id, 0), -ENOENT);
	ck_assert_uint_eq(stream.n_writes, 0);
	ck_assert_int_eq(stream_respond(&stream, c.id, 1), 0);
	ck_assert_int_eq(stream_respond(&stream, b.id, 0), 0);
	ck_assert_uint_eq(stream.answers[0].cookie, 1);
	ck_assert_uint_eq(stream.answers[0].code, 1);
	ck_assert_uint_eq(stream.answers[1].cookie, 2);
}

/* Also where the request before it, which was read earlier, has it too. */
TEST(a_cookie_of_a_group_in_pieces_ends_the_wait)
{
	struct iommunest_fault_group a, b;

	stream_add_group(&stream, 1, 7, 0x1000, 1);
	stream_add(&stream, 1, 8, 0x2000, 0);
	a = stream_next(&stream);
	stream_add(&stream, 1, 8, 0x3000, IOMMUNEST_PAGE_REQUEST_LAST);
	b = stream_next(&stream);
	ck_assert_uint_eq(b.count, 2);
	ck_assert_uint_eq(iommunest_fault_waiting(stream.reader), 1);
	ck_assert_int_eq(stream_respond(&stream, a.id, 0), -ENOENT);
	ck_assert_uint_eq(stream.n_writes, 0);
}

TEST(a_group_is_found_by_its_devices_name_for_it)
{
	struct iommunest_fault_group a, b, c;
	uint64_t id;

	stream_add(&stream, 1, 7, 0x1000, IOMMUNEST_PAGE_REQUEST_LAST);
	stream_add(&stream, 2, 7, 0x2000,
		   IOMMUNEST_PAGE_REQUEST_LAST | IOMMUNEST_PAGE_REQUEST_PASID);
	stream_add(&stream, 3, 7, 0x3000, IOMMUNEST_PAGE_REQUEST_LAST);
	a = stream_next(&stream);
	b = stream_next(&stream);
	c = stream_next(&stream);
#define FIND(dev, pasid, prgi) \
	iommunest_fault_reader_find(stream.reader, dev, pasid, prgi, &id)
	ck_assert_int_eq(FIND(5, IOMMUNEST_FAULT_NO_PASID, 7), 0);
	ck_assert_uint_eq(id, a.id);
	ck_assert_int_eq(FIND(5, 0x1234, 7), 0);
	ck_assert_uint_eq(id, b.id);
	ck_assert_int_eq(FIND(5, 0, 7), -ENOENT);
	ck_assert_int_eq(FIND(5, 0x1234, 8), -ENOENT);
	ck_assert_int_eq(FIND(6, 0x1234, 7), -ENOENT);
	/* The oldest that waits. */
	ck_assert_int_eq(stream_respond(&stream, a.id, 0), 0);
	ck_assert_int_eq(FIND(5, IOMMUNEST_FAULT_NO_PASID, 7), 0);
	ck_assert_uint_eq(id, c.id);
	ck_assert_int_eq(iommunest_fault_reader_find(NULL, 5, 0x1234, 7, &id),
			 -EINVAL);
	ck_assert_int_eq(iommunest_fault_reader_find(stream.reader, 5, 0x1234,
						     7, NULL),
			 -EINVAL);
}
