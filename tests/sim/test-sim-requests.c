/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Page requests of the simulator: those of tests/conformance/requests.c, and
 * what iommufd's mock cannot show: groups of several, and the answers.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <libiommunest-sim.h>

#include "tests/conformance/requests.h"
#include "tests/harness/support.h"

#define ANSWERS 16u

static const uint32_t profiles[] = {
	IOMMUNEST_SIM_LINUX_6_12,
	IOMMUNEST_SIM_LINUX_7_3,
};

static struct iommunest_sim *sim;
static struct iommunest_sim_page_response answers[ANSWERS];
static unsigned int n_answers;

/* ---- Where the tests of requests.c run ---- */

unsigned int requests_variants(void)
{
	return ARRAY_LEN(profiles);
}

static void on_answer(void *user,
		      const struct iommunest_sim_page_response *response)
{
	(void)user;
	ck_assert_uint_lt(n_answers, ANSWERS);
	answers[n_answers++] = *response;
}

void requests_open(struct requests *r, unsigned int variant)
{
	struct iommunest_sim_options options = {
		.size = sizeof(options),
		.profile = profiles[variant],
	};
	struct iommunest_open_options open = { .size = sizeof(open),
					       .sys = iommunest_sim_sys() };
	unsigned int i;

	n_answers = 0;
	ck_assert_int_eq(iommunest_sim_new(&sim, &options), 0);
	iommunest_sim_on_page_response(sim, on_answer, NULL);
	open.sys_data = sim;
	ck_assert_int_eq(iommunest_open(&r->ctx, &open), 0);
	r->sys = iommunest_sim_sys();
	r->sys_data = sim;
	ck_assert_int_eq(iommunest_ioas_alloc(r->ctx, &r->own[0]), 0);
	for (i = 0; i < REQUESTS_DEVICES; i++)
		ck_assert_int_eq(iommunest_sim_bind(sim, iommunest_fd(r->ctx),
						    IOMMUNEST_SIM_ATS |
							    IOMMUNEST_SIM_PRI,
						    &r->dev[i]),
				 0);
	ck_assert_int_eq(iommunest_hwpt_alloc_parent(r->ctx, r->dev[0],
						     r->own[0], &r->own[1]),
			 0);
}

void requests_close(struct requests *r)
{
	iommunest_close(r->ctx);
	ck_assert_uint_eq(iommunest_sim_open_fds(sim), 0);
	iommunest_sim_free(sim);
}

uint32_t requests_hwpt(struct requests *r, unsigned int device)
{
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.addr_width = 48,
		.hwpt_flags = IOMMUNEST_HWPT_FAULT_ID,
		.fault_id = r->fault_id,
	};
	uint32_t id;

	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(r->ctx, r->dev[device],
						  r->own[1], &s1, &id),
			 0);
	return id;
}

void requests_attach(struct requests *r, unsigned int device, uint32_t hwpt)
{
	ck_assert_int_eq(iommunest_sim_attach(sim, iommunest_fd(r->ctx),
					      r->dev[device], hwpt),
			 0);
}

static int raise(const struct requests *r, unsigned int device, uint32_t prgi,
		 uint64_t addr, uint32_t flags)
{
	const struct iommunest_page_request request = {
		.flags = flags,
		.dev_id = r->dev[device],
		.prgi = prgi,
		.perm = IOMMUNEST_PAGE_REQUEST_READ,
		.addr = addr,
	};

	return iommunest_sim_page_request(sim, iommunest_fd(r->ctx), &request);
}

void requests_raise(struct requests *r, unsigned int device, uint32_t prgi,
		    uint64_t addr, uint32_t perm)
{
	const struct iommunest_page_request request = {
		.flags = IOMMUNEST_PAGE_REQUEST_LAST,
		.dev_id = r->dev[device],
		.prgi = prgi,
		.perm = perm,
		.addr = addr,
	};

	/* A mock does not say whether somebody handles it. */
	iommunest_sim_page_request(sim, iommunest_fd(r->ctx), &request);
}

/* ---- Groups ---- */

static struct requests r;

static void set_up(void)
{
	memset(&r, 0, sizeof(r));
	requests_open(&r, 0);
	ck_assert_int_eq(
		iommunest_fault_queue_alloc(r.ctx, &r.fault_id, &r.queue), 0);
	r.hwpt[0] = requests_hwpt(&r, 0);
	requests_attach(&r, 0, r.hwpt[0]);
}

static void tear_down(void)
{
	iommunest_fault_queue_close(r.ctx, r.queue);
	requests_close(&r);
}
FIXTURE(set_up, tear_down);

static ssize_t read_some(struct iommunest_page_request *to, size_t count)
{
	ssize_t ret = r.sys->read(r.sys_data, r.queue, to, count * sizeof(*to));

	return ret > 0 ? ret / (ssize_t)sizeof(*to) : ret;
}

static int answer(uint32_t cookie, uint32_t code)
{
	const uint32_t words[] = { cookie, code };

	return (int)r.sys->write(r.sys_data, r.queue, words, sizeof(words));
}

static void expect_answer(unsigned int n, uint32_t prgi, uint32_t code)
{
	ck_assert_uint_lt(n, n_answers);
	ck_assert_uint_eq(answers[n].dev_id, r.dev[0]);
	ck_assert_uint_eq(answers[n].prgi, prgi);
	ck_assert_uint_eq(answers[n].code, code);
}

/* Two groups at once: their requests do not mix. */
TEST(a_group_is_read_when_its_last_request_has_come)
{
	struct iommunest_page_request requests[8];

	ck_assert_int_eq(raise(&r, 0, 7, 0x1000, 0), 0);
	ck_assert_int_eq(raise(&r, 0, 8, 0x8000, 0), 0);
	ck_assert_int_eq(raise(&r, 0, 7, 0x2fff, 0), 0);
	ck_assert_int_eq(read_some(requests, 8), 0);
	ck_assert_int_eq(raise(&r, 0, 7, 0x3000, IOMMUNEST_PAGE_REQUEST_LAST),
			 0);
	/* All or nothing. */
	ck_assert_int_eq(read_some(requests, 0), -EINVAL);
	ck_assert_int_eq(read_some(requests, 2), -EINVAL);
	ck_assert_int_eq(read_some(requests, 3), 3);
	ck_assert_uint_eq(requests[0].addr, 0x1000);
	ck_assert_uint_eq(requests[1].addr, 0x2000);
	ck_assert_uint_eq(requests[2].addr, 0x3000);
	ck_assert_uint_eq(requests[0].flags, 0);
	ck_assert_uint_eq(requests[2].flags, IOMMUNEST_PAGE_REQUEST_LAST);
	ck_assert_uint_eq(requests[0].cookie, 1);
	ck_assert_uint_eq(requests[2].cookie, 1);
	ck_assert_uint_eq(n_answers, 0);
	ck_assert_int_eq(answer(1, IOMMUNEST_FAULT_SUCCESS), 8);
	ck_assert_uint_eq(n_answers, 1);
	expect_answer(0, 7, IOMMUNEST_FAULT_SUCCESS);
	/* The other one is still incomplete. */
	ck_assert_int_eq(raise(&r, 0, 8, 0x9000, IOMMUNEST_PAGE_REQUEST_LAST),
			 0);
	ck_assert_int_eq(read_some(requests, 8), 2);
	ck_assert_uint_eq(requests[0].addr, 0x8000);
}

/* A read ends before a group that does not fit. */
TEST(a_group_that_does_not_fit_waits_for_the_next_read)
{
	struct iommunest_page_request requests[8];

	raise(&r, 0, 1, 0x1000, IOMMUNEST_PAGE_REQUEST_LAST);
	raise(&r, 0, 2, 0x2000, 0);
	raise(&r, 0, 2, 0x3000, IOMMUNEST_PAGE_REQUEST_LAST);
	raise(&r, 0, 3, 0x4000, IOMMUNEST_PAGE_REQUEST_LAST);
	ck_assert_int_eq(read_some(requests, 2), 1);
	ck_assert_int_eq(read_some(requests, 1), -EINVAL);
	ck_assert_int_eq(read_some(requests, 8), 3);
	ck_assert_uint_eq(requests[2].prgi, 3);
}

TEST(a_device_that_leaves_gets_its_answers)
{
	struct iommunest_page_request requests[8];

	raise(&r, 0, 1, 0x1000, IOMMUNEST_PAGE_REQUEST_LAST);
	ck_assert_int_eq(read_some(requests, 8), 1);
	raise(&r, 0, 2, 0x2000, IOMMUNEST_PAGE_REQUEST_LAST);
	/* Its last request never comes; no answer belongs to it. */
	raise(&r, 0, 3, 0x3000, 0);
	requests_attach(&r, 0, 0);
	ck_assert_uint_eq(n_answers, 2);
	expect_answer(0, 2, IOMMUNEST_FAULT_INVALID);
	expect_answer(1, 1, IOMMUNEST_FAULT_INVALID);
	requests_attach(&r, 0, r.hwpt[0]);
	raise(&r, 0, 3, 0x4000, IOMMUNEST_PAGE_REQUEST_LAST);
	ck_assert_int_eq(read_some(requests, 8), 1);
	ck_assert_uint_eq(requests[0].addr, 0x4000);
}

TEST(a_request_that_nobody_handles_is_invalid)
{
	requests_attach(&r, 0, 0);
	ck_assert_int_eq(raise(&r, 0, 1, 0x1000, IOMMUNEST_PAGE_REQUEST_LAST),
			 -EINVAL);
	ck_assert_int_eq(raise(&r, 0, 2, 0x1000, 0), -EINVAL);
	ck_assert_int_eq(raise(&r, 1, 3, 0x1000, IOMMUNEST_PAGE_REQUEST_LAST),
			 -EINVAL);
	ck_assert_uint_eq(n_answers, 3);
	expect_answer(0, 1, IOMMUNEST_FAULT_INVALID);
	expect_answer(1, 2, IOMMUNEST_FAULT_INVALID);
	ck_assert_uint_eq(answers[2].dev_id, r.dev[1]);
	iommunest_sim_on_page_response(sim, NULL, NULL);
	ck_assert_int_eq(raise(&r, 0, 1, 0x1000, IOMMUNEST_PAGE_REQUEST_LAST),
			 -EINVAL);
}

static const struct iommunest_page_request bad[] = {
	{ .flags = 4 },	      { .perm = 16 },	 { .prgi = 512 },
	{ .pasid = 1 << 20 }, { .reserved = 1 }, { .length = 1 },
	{ .cookie = 1 },
};

TEST_LOOP(what_no_device_asks_is_einval, ARRAY_LEN(bad))
{
	struct iommunest_page_request request = bad[_i];

	request.dev_id = r.dev[0];
	ck_assert_int_eq(iommunest_sim_page_request(sim, iommunest_fd(r.ctx),
						    &request),
			 -EINVAL);
	ck_assert_uint_eq(n_answers, 0);
}

TEST(a_request_needs_a_simulator_a_device_and_an_iommufd)
{
	struct iommunest_page_request request = { .dev_id = r.dev[0] };
	const int fd = iommunest_fd(r.ctx);

	ck_assert_int_eq(iommunest_sim_page_request(NULL, fd, &request),
			 -EINVAL);
	ck_assert_int_eq(iommunest_sim_page_request(sim, fd, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_sim_page_request(sim, r.queue, &request),
			 -EBADF);
	ck_assert_int_eq(iommunest_sim_page_request(sim, -1, &request), -EBADF);
	request.dev_id = r.hwpt[0];
	ck_assert_int_eq(iommunest_sim_page_request(sim, fd, &request),
			 -ENOENT);
}

/* ---- Waiting ---- */

TEST(a_wait_ends_when_its_time_is_over)
{
	ck_assert_int_eq(iommunest_fault_queue_wait(r.ctx, r.queue, 1), 0);
	ck_assert_int_eq(iommunest_fault_queue_wait(r.ctx, r.queue, 0), 0);
}

static void *wait_for_ever(void *waited)
{
	*(int *)waited = iommunest_fault_queue_wait(r.ctx, r.queue, -1);
	return NULL;
}

/* Whichever of the two comes first. */
TEST_LOOP(a_request_ends_a_wait_of_another_thread, 20)
{
	pthread_t thread;
	int waited = 0;

	ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_ever, &waited),
			 0);
	if (_i % 2)
		usleep(1000);
	raise(&r, 0, 1, 0x1000, IOMMUNEST_PAGE_REQUEST_LAST);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(waited, 1);
}

/* ---- PASIDs ---- */

#define PASID 7u

static int raise_with_pasid(uint32_t pasid, uint32_t prgi)
{
	const struct iommunest_page_request request = {
		.flags = IOMMUNEST_PAGE_REQUEST_LAST |
			 IOMMUNEST_PAGE_REQUEST_PASID,
		.dev_id = r.dev[0],
		.pasid = pasid,
		.prgi = prgi,
		.perm = IOMMUNEST_PAGE_REQUEST_READ,
	};

	return iommunest_sim_page_request(sim, iommunest_fd(r.ctx), &request);
}

/* An HWPT for a PASID, on a kernel that has them; the device has none. */
static void set_up_pasid(void)
{
	const struct iommunest_paging_hwpt paging = {
		.size = sizeof(paging),
		.flags = IOMMUNEST_HWPT_NEST_PARENT | IOMMUNEST_HWPT_PASID,
	};
	struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.addr_width = 48,
		.hwpt_flags = IOMMUNEST_HWPT_FAULT_ID | IOMMUNEST_HWPT_PASID,
	};
	uint32_t parent;

	tear_down();
	memset(&r, 0, sizeof(r));
	requests_open(&r, 1);
	ck_assert_int_eq(
		iommunest_fault_queue_alloc(r.ctx, &r.fault_id, &r.queue), 0);
	ck_assert_int_eq(iommunest_hwpt_alloc_paging(r.ctx, r.dev[0], r.own[0],
						     &paging, &parent),
			 0);
	s1.fault_id = r.fault_id;
	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(r.ctx, r.dev[0], parent, &s1,
						  &r.hwpt[0]),
			 0);
	ck_assert_int_eq(iommunest_sim_attach_pasid(sim, iommunest_fd(r.ctx),
						    r.dev[0], PASID, r.hwpt[0]),
			 0);
}

TEST(requests_of_a_pasid_go_to_its_own_queue)
{
	struct iommunest_page_request request;

	set_up_pasid();
	ck_assert_int_eq(raise_with_pasid(PASID, 1), 0);
	ck_assert_int_eq(read_some(&request, 1), 1);
	ck_assert_uint_eq(request.pasid, PASID);
	ck_assert_int_eq(answer(request.cookie, 0), 8);
	expect_answer(0, 1, 0);
	/* Others have none, the device itself among them. */
	ck_assert_int_eq(raise_with_pasid(PASID + 1, 2), -EINVAL);
	ck_assert_int_eq(raise_with_pasid(0, 3), -EINVAL);
	ck_assert_int_eq(raise(&r, 0, 4, 0, IOMMUNEST_PAGE_REQUEST_LAST),
			 -EINVAL);
	ck_assert_int_eq(read_some(&request, 1), 0);
}

TEST(requests_of_a_pasid_are_answered_when_it_is_detached)
{
	struct iommunest_page_request request;
	int fd;

	set_up_pasid();
	fd = iommunest_fd(r.ctx);
	ck_assert_int_eq(raise_with_pasid(PASID, 1), 0);
	ck_assert_int_eq(read_some(&request, 1), 1);
	ck_assert_int_eq(raise_with_pasid(PASID, 2), 0);
	ck_assert_int_eq(
		iommunest_sim_attach_pasid(sim, fd, r.dev[0], PASID, 0), 0);
	ck_assert_uint_eq(n_answers, 2);
	expect_answer(0, 2, 1);
	expect_answer(1, 1, 1);
	ck_assert_int_eq(read_some(&request, 1), 0);
}

/* ---- The end ---- */

/* As in the kernel, where a queue's file has a reference to the iommufd's. */
TEST(a_queue_that_is_open_keeps_the_iommufd)
{
	struct iommunest_page_request request;
	const int queue = r.queue;

	raise(&r, 0, 1, 0x1000, IOMMUNEST_PAGE_REQUEST_LAST);
	raise(&r, 0, 2, 0x1000, 0);
	ck_assert_int_eq(read_some(&request, 1), 1);
	raise(&r, 0, 3, 0x1000, IOMMUNEST_PAGE_REQUEST_LAST);
	iommunest_close(r.ctx);
	ck_assert_int_eq(answer(1, 0), 8);
	ck_assert_int_eq(read_some(&request, 1), 1);
	ck_assert_uint_eq(request.prgi, 3);
	ck_assert_int_eq(answer(1, 0), 8);
	ck_assert_int_eq(read_some(&request, 1), 0);
	ck_assert_int_eq(r.sys->close(sim, queue), 0);
	ck_assert_int_eq(r.sys->close(sim, queue), -EBADF);
	/* For tear_down(). */
	iommunest_sim_free(sim);
	set_up();
}
