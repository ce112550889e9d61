/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "requests.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "tests/harness/support.h"

#define REQUEST sizeof(struct iommunest_page_request)
#define CASE(name) TEST_LOOP(name, requests_variants())

/* The kernel's struct iommu_hwpt_page_response. */
struct answer {
	uint32_t cookie;
	uint32_t code;
};

static struct requests r;

static void open_all(int variant)
{
	unsigned int i;

	memset(&r, 0, sizeof(r));
	requests_open(&r, (unsigned int)variant);
	ck_assert_int_eq(
		iommunest_fault_queue_alloc(r.ctx, &r.fault_id, &r.queue), 0);
	for (i = 0; i < REQUESTS_DEVICES; i++) {
		r.hwpt[i] = requests_hwpt(&r, i);
		requests_attach(&r, i, r.hwpt[i]);
	}
}

/* Nothing that a test did keeps these in use. */
static void close_all(void)
{
	unsigned int i;

	for (i = 0; i < REQUESTS_DEVICES; i++) {
		requests_attach(&r, i, 0);
		ck_assert_int_eq(iommunest_object_destroy(r.ctx, r.hwpt[i]), 0);
	}
	ck_assert_int_eq(iommunest_object_destroy(r.ctx, r.fault_id), -EBUSY);
	iommunest_fault_queue_close(r.ctx, r.queue);
	ck_assert_int_eq(iommunest_object_destroy(r.ctx, r.fault_id), 0);
	requests_close(&r);
}

static ssize_t read_some(void *buf, size_t len)
{
	return r.sys->read(r.sys_data, r.queue, buf, len);
}

static ssize_t answer(uint32_t cookie, uint32_t code)
{
	const struct answer one = { cookie, code };

	return r.sys->write(r.sys_data, r.queue, &one, sizeof(one));
}

static bool has_input(void)
{
	return iommunest_fault_queue_wait(r.ctx, r.queue, 0) == 1;
}

/* ---- The file descriptor ---- */

CASE(a_request_is_read_as_it_was_made)
{
	struct iommunest_page_request request;

	open_all(_i);
	ck_assert(!has_input());
	requests_raise(&r, 1, 7, 0x12345000, IOMMUNEST_PAGE_REQUEST_WRITE);
	ck_assert(has_input());
	memset(&request, 0xff, sizeof(request));
	ck_assert_int_eq(read_some(&request, REQUEST), REQUEST);
	ck_assert(!has_input());
	ck_assert_uint_eq(request.flags, IOMMUNEST_PAGE_REQUEST_LAST);
	ck_assert_uint_eq(request.dev_id, r.dev[1]);
	ck_assert_uint_eq(request.pasid, 0);
	ck_assert_uint_eq(request.prgi, 7);
	ck_assert_uint_eq(request.perm, IOMMUNEST_PAGE_REQUEST_WRITE);
	ck_assert_uint_eq(request.reserved, 0);
	ck_assert_uint_eq(request.addr, 0x12345000);
	ck_assert_uint_eq(request.length, 0);
	ck_assert_uint_eq(request.cookie, 1);
	ck_assert_int_eq(answer(1, 0), 8);
	close_all();
}

CASE(a_read_has_as_many_groups_as_fit)
{
	struct iommunest_page_request requests[4];
	uint32_t i;

	open_all(_i);
	for (i = 0; i < 5; i++)
		requests_raise(&r, 0, i, 0x1000 * i, 1);
	ck_assert_int_eq(read_some(requests, 0), -EINVAL);
	ck_assert_int_eq(read_some(requests, 39), -ESPIPE);
	ck_assert_int_eq(read_some(requests, REQUEST), REQUEST);
	ck_assert_uint_eq(requests[0].prgi, 0);
	ck_assert_int_eq(read_some(requests, 3 * REQUEST), 3 * REQUEST);
	ck_assert_uint_eq(requests[0].prgi, 1);
	ck_assert_uint_eq(requests[2].prgi, 3);
	ck_assert_int_eq(read_some(requests, sizeof(requests)), REQUEST);
	ck_assert_uint_eq(requests[0].prgi, 4);
	ck_assert_int_eq(read_some(requests, sizeof(requests)), 0);
	close_all();
}

/* It stays the next, and the cookie that it had for a moment is free. */
CASE(a_group_that_cannot_be_copied_stays)
{
	struct iommunest_page_request request;

	open_all(_i);
	requests_raise(&r, 0, 7, 0x1000, 1);
	requests_raise(&r, 0, 8, 0x2000, 1);
	ck_assert_int_eq(read_some(NULL, REQUEST), -EFAULT);
	ck_assert_int_eq(read_some(&request, REQUEST), REQUEST);
	ck_assert_uint_eq(request.prgi, 7);
	ck_assert_uint_eq(request.cookie, 1);
	close_all();
}

CASE(a_cookie_is_the_lowest_that_is_free)
{
	struct iommunest_page_request requests[3];
	uint32_t i;

	open_all(_i);
	for (i = 0; i < 3; i++)
		requests_raise(&r, 0, i, 0x1000, 1);
	ck_assert_int_eq(read_some(requests, sizeof(requests)),
			 sizeof(requests));
	for (i = 0; i < 3; i++)
		ck_assert_uint_eq(requests[i].cookie, i + 1);
	ck_assert_int_eq(answer(2, 0), 8);
	for (i = 0; i < 2; i++)
		requests_raise(&r, 0, 10 + i, 0x1000, 1);
	ck_assert_int_eq(read_some(requests, sizeof(requests)), 2 * REQUEST);
	ck_assert_uint_eq(requests[0].cookie, 2);
	ck_assert_uint_eq(requests[1].cookie, 4);
	close_all();
}

CASE(an_answer_is_taken_once)
{
	struct iommunest_page_request requests[3];
	static const struct answer answers[] = {
		{ 3, 0 }, { 1, 1 }, { 1, 0 }, { 2, 0 }
	};
	uint32_t i;

	open_all(_i);
	for (i = 0; i < 3; i++)
		requests_raise(&r, 0, i, 0x1000, 1);
	ck_assert_int_eq(answer(1, 0), -EINVAL);
	ck_assert_int_eq(read_some(requests, sizeof(requests)),
			 sizeof(requests));
	ck_assert_int_eq(answer(1, 2), -EINVAL);
	ck_assert_int_eq(answer(1, 0xf), -EINVAL);
	/* The third is refused: two are counted. */
	ck_assert_int_eq(r.sys->write(r.sys_data, r.queue, answers,
				      sizeof(answers)),
			 16);
	ck_assert_int_eq(answer(3, 0), -EINVAL);
	ck_assert_int_eq(answer(1, 0), -EINVAL);
	ck_assert_int_eq(answer(2, 0), 8);
	close_all();
}

/* ---- A device that goes ---- */

CASE(a_detach_answers_what_was_read_and_what_was_not)
{
	struct iommunest_page_request requests[4];

	open_all(_i);
	requests_raise(&r, 0, 1, 0x1000, 1);
	requests_raise(&r, 1, 2, 0x1000, 1);
	ck_assert_int_eq(read_some(requests, 2 * REQUEST), 2 * REQUEST);
	requests_raise(&r, 0, 3, 0x1000, 1);
	requests_raise(&r, 1, 4, 0x1000, 1);
	requests_attach(&r, 0, 0);
	ck_assert_int_eq(answer(1, 0), -EINVAL);
	ck_assert_int_eq(answer(2, 0), 8);
	ck_assert_int_eq(read_some(requests, sizeof(requests)), REQUEST);
	ck_assert_uint_eq(requests[0].prgi, 4);
	close_all();
}

/* Of the HWPT that it leaves, also for another one with the same queue. */
CASE(a_replace_answers_as_a_detach_does)
{
	struct iommunest_page_request requests[4];
	uint32_t other;

	open_all(_i);
	other = requests_hwpt(&r, 0);
	requests_raise(&r, 0, 1, 0x1000, 1);
	ck_assert_int_eq(read_some(requests, REQUEST), REQUEST);
	requests_raise(&r, 0, 2, 0x1000, 1);
	requests_attach(&r, 0, other);
	ck_assert_int_eq(answer(1, 0), -EINVAL);
	ck_assert(!has_input());
	requests_raise(&r, 0, 3, 0x1000, 1);
	ck_assert_int_eq(read_some(requests, sizeof(requests)), REQUEST);
	ck_assert_uint_eq(requests[0].cookie, 1);
	requests_attach(&r, 0, r.hwpt[0]);
	ck_assert_int_eq(iommunest_object_destroy(r.ctx, other), 0);
	close_all();
}

CASE(a_request_without_a_queue_is_not_read)
{
	struct iommunest_page_request request;

	open_all(_i);
	requests_attach(&r, 0, 0);
	requests_raise(&r, 0, 1, 0x1000, 1);
	ck_assert(!has_input());
	ck_assert_int_eq(read_some(&request, REQUEST), 0);
	requests_attach(&r, 0, r.hwpt[0]);
	ck_assert(!has_input());
	requests_raise(&r, 0, 2, 0x1000, 1);
	ck_assert(has_input());
	close_all();
}

/* ---- The reader ---- */

static struct iommunest_fault_reader *reader_new(uint32_t requests,
						 uint32_t groups)
{
	struct iommunest_fault_reader_options options = {
		.size = sizeof(options),
		.requests = requests,
		.groups = groups,
	};
	struct iommunest_fault_reader *reader;

	ck_assert_int_eq(iommunest_fault_reader_new(&reader, r.ctx, r.queue,
						    &options),
			 0);
	return reader;
}

static uint64_t next_id(struct iommunest_fault_reader *reader, uint32_t prgi)
{
	struct iommunest_fault_group group = { .size = sizeof(group) };

	ck_assert_int_eq(iommunest_fault_reader_next(reader, &group), 1);
	ck_assert_uint_eq(group.count, 1);
	ck_assert_uint_eq(group.requests->prgi, prgi);
	return group.id;
}

static int respond(struct iommunest_fault_reader *reader, uint64_t id)
{
	struct iommunest_fault_response response = { .id = id };
	int ret = iommunest_fault_respond(reader, &response, 1);

	return ret ? ret : response.error;
}

CASE(a_reader_hands_out_and_answers_all)
{
	struct iommunest_fault_reader *reader;
	struct iommunest_fault_group none = { .size = sizeof(none) };
	uint64_t ids[5];
	uint32_t i;

	open_all(_i);
	reader = reader_new(2, 4);
	for (i = 0; i < 5; i++)
		requests_raise(&r, i % 2, i, 0x1000 * i, 1);
	for (i = 0; i < 4; i++)
		ids[i] = next_id(reader, i);
	ck_assert_int_eq(iommunest_fault_reader_next(reader, &none), -ENOBUFS);
	ck_assert_int_eq(respond(reader, ids[2]), 0);
	ids[4] = next_id(reader, 4);
	ck_assert_int_eq(respond(reader, ids[2]), -ENOENT);
	ck_assert_int_eq(respond(reader, ids[4]), 0);
	ck_assert_int_eq(iommunest_fault_respond_all(reader, r.dev[1], 1), 2);
	ck_assert_int_eq(iommunest_fault_respond_all(reader, 0, 0), 1);
	ck_assert_uint_eq(iommunest_fault_waiting(reader), 0);
	ck_assert_int_eq(iommunest_fault_reader_next(reader, &none), 0);
	iommunest_fault_reader_free(reader);
	close_all();
}

/*
 * The kernel has answered the first group, and gives its cookie to the second.
 * The answer that comes too late is not the second one's.
 */
CASE(a_late_answer_meets_no_other_group)
{
	struct iommunest_fault_reader *reader;
	uint64_t late, id;

	open_all(_i);
	reader = reader_new(0, 0);
	requests_raise(&r, 0, 1, 0x1000, 1);
	late = next_id(reader, 1);
	requests_attach(&r, 0, 0);
	requests_raise(&r, 1, 2, 0x2000, 1);
	id = next_id(reader, 2);
	ck_assert_int_eq(respond(reader, late), -ENOENT);
	ck_assert_int_eq(respond(reader, id), 0);
	/* The kernel took it, and knows it no longer. */
	ck_assert_int_eq(answer(1, 0), -EINVAL);
	iommunest_fault_reader_free(reader);
	close_all();
}

CASE(what_the_kernel_has_answered_leaves_the_reader)
{
	struct iommunest_fault_reader *reader;
	uint64_t late;

	open_all(_i);
	reader = reader_new(0, 0);
	requests_raise(&r, 0, 1, 0x1000, 1);
	requests_raise(&r, 0, 2, 0x1000, 1);
	requests_raise(&r, 1, 3, 0x1000, 1);
	late = next_id(reader, 1);
	requests_attach(&r, 0, 0);
	ck_assert_int_eq(iommunest_fault_respond_all(reader, r.dev[0], 1), 0);
	ck_assert_uint_eq(iommunest_fault_waiting(reader), 0);
	ck_assert_int_eq(respond(reader, late), -ENOENT);
	/* The other device's was read with them. */
	ck_assert_int_eq(respond(reader, next_id(reader, 3)), 0);
	iommunest_fault_reader_free(reader);
	close_all();
}

/* ---- The end ---- */

CASE(a_queue_outlives_its_context)
{
	struct iommunest_page_request request;

	open_all(_i);
	requests_raise(&r, 0, 1, 0x1000, 1);
	requests_attach(&r, 0, 0);
	requests_attach(&r, 1, 0);
	iommunest_close(r.ctx);
	r.ctx = NULL;
	ck_assert_int_eq(read_some(&request, REQUEST), 0);
	ck_assert_int_eq(answer(1, 0), -EINVAL);
	ck_assert_int_eq(r.sys->close(r.sys_data, r.queue), 0);
	requests_close(&r);
}
