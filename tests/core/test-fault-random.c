/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Random page requests, reads, answers and detaches on the simulator.  Each
 * group that is made is handed out once, or answered by the kernel before it
 * is; each gets one answer, and the one that was meant for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <libiommunest-sim.h>

#include "tests/harness/hold.h"
#include "tests/harness/support.h"

#define DEVICES 2u
#define GROUPS 4000u
#define LARGEST 6u
#define NOBODY UINT32_MAX
/* Bytes that a read may hold back. */
#define HELD (8u * 40u)

enum state {
	/* Made, not handed out. */
	MADE,
	/* Handed out, without an answer. */
	WAITING,
	/* It has its answer. */
	ANSWERED,
};

struct group {
	uint32_t device;
	uint32_t prgi;
	uint32_t count;
	uint64_t id;
	enum state state;
	/* The kernel's, when the device was detached; and handed out. */
	bool by_kernel;
	bool seen;
};

struct world {
	struct support_rng rng;
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	struct iommunest_fault_reader *reader;
	uint32_t fault_id;
	int queue;
	uint32_t dev[DEVICES];
	uint32_t hwpt[DEVICES];
	bool attached[DEVICES];
	struct group groups[GROUPS];
	uint32_t count;
	/* The answer that is expected, and whether it came. */
	uint32_t expected;
	uint32_t expected_code;
	bool answered;
	/* The kernel answers all of a device now; NOBODY: of none. */
	uint32_t leaving;
	/* What a read has, and has not returned yet. */
	unsigned char held[HELD];
	size_t held_len;
	bool split;
};

static struct world w;

static uint32_t below(uint32_t n)
{
	return support_rng_below(&w.rng, n);
}

/* ---- Reads of any length ---- */

static int next_open(void *data, const char *path, int flags)
{
	return iommunest_sim_sys()->open(data, path, flags);
}

static int next_close(void *data, int fd)
{
	return iommunest_sim_sys()->close(data, fd);
}

static int next_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	return iommunest_sim_sys()->ioctl(data, fd, request, arg);
}

static ssize_t next_write(void *data, int fd, const void *buf, size_t len)
{
	return iommunest_sim_sys()->write(data, fd, buf, len);
}

static ssize_t short_read(void *data, int fd, void *buf, size_t len)
{
	ssize_t ret;
	size_t give;

	if (!w.split)
		return iommunest_sim_sys()->read(data, fd, buf, len);
	if (w.held_len == 0) {
		ret = iommunest_sim_sys()->read(data, fd, w.held,
						len < HELD ? len : HELD);
		if (ret <= 0)
			return ret;
		w.held_len = (size_t)ret;
	}
	give = 1 + below(100);
	if (give > w.held_len)
		give = w.held_len;
	if (give > len)
		give = len;
	memcpy(buf, w.held, give);
	w.held_len -= give;
	memmove(w.held, w.held + give, w.held_len);
	return (ssize_t)give;
}

static const struct iommunest_sys sys = {
	.size = sizeof(sys),
	.open = next_open,
	.close = next_close,
	.ioctl = next_ioctl,
	.read = short_read,
	.write = next_write,
};

/* ---- What the devices see ---- */

static void on_answer(void *user,
		      const struct iommunest_sim_page_response *response)
{
	struct group *group = NULL;
	uint32_t i;

	(void)user;
	for (i = 0; i < w.count; i++) {
		if (w.dev[w.groups[i].device] == response->dev_id &&
		    w.groups[i].prgi == response->prgi &&
		    w.groups[i].state != ANSWERED)
			group = &w.groups[i];
	}
	support_assert(&w.rng, group);
	group->state = ANSWERED;
	if (group->device == w.leaving) {
		support_assert(&w.rng,
			       response->code == IOMMUNEST_FAULT_INVALID);
		group->by_kernel = true;
		return;
	}
	if (w.expected == NOBODY) {
		/* One of respond_all()'s. */
		w.answered = true;
		return;
	}
	support_assert(&w.rng, group == &w.groups[w.expected]);
	support_assert(&w.rng, response->code == w.expected_code);
	support_assert(&w.rng, !w.answered);
	w.answered = true;
}

static bool is_free(uint32_t device, uint32_t prgi)
{
	uint32_t i;

	for (i = w.count < 600 ? 0 : w.count - 600; i < w.count; i++) {
		if (w.groups[i].device == device && w.groups[i].prgi == prgi &&
		    (w.groups[i].state != ANSWERED || !w.groups[i].seen))
			return false;
	}
	return true;
}

/* A group's number is in its addresses. */
static void make_group(void)
{
	struct group *group = &w.groups[w.count];
	struct iommunest_page_request request = { .perm = 1 };
	uint32_t i;

	group->device = below(DEVICES);
	group->prgi = below(512);
	group->count = 1 + below(LARGEST);
	if (!w.attached[group->device] || !is_free(group->device, group->prgi))
		return;
	request.dev_id = w.dev[group->device];
	request.prgi = group->prgi;
	w.count++;
	for (i = 0; i < group->count; i++) {
		request.addr = (uint64_t)(w.count - 1) << 32 | i << 12;
		if (i + 1 == group->count)
			request.flags = IOMMUNEST_PAGE_REQUEST_LAST;
		support_assert(&w.rng, iommunest_sim_page_request(
					       w.sim, iommunest_fd(w.ctx),
					       &request) == 0);
	}
}

/* ---- What the VMM does ---- */

static void take_one(void)
{
	struct iommunest_fault_group out = { .size = sizeof(out) };
	int ret = iommunest_fault_reader_next(w.reader, &out);
	struct group *group;
	uint32_t number, i;

	support_assert(&w.rng, ret == 0 || ret == 1 || ret == -ENOBUFS);
	if (ret != 1)
		return;
	number = (uint32_t)(out.requests[0].addr >> 32);
	support_assert(&w.rng, number < w.count);
	group = &w.groups[number];
	support_assert(&w.rng, !group->seen && group->count == out.count &&
				       out.dev_id == w.dev[group->device]);
	for (i = 0; i < out.count; i++)
		support_assert(&w.rng,
			       out.requests[i].addr ==
				       ((uint64_t)number << 32 | i << 12));
	group->seen = true;
	group->id = out.id;
	if (group->state == MADE)
		group->state = WAITING;
}

/*
 * The kernel writes whole groups.  Where a test holds back what it has written,
 * the cookie of a group that the kernel has answered may have a new owner of
 * which the reader cannot know.
 */
static bool is_behind(const struct group *group)
{
	return w.held_len && group->by_kernel;
}

/* Of those handed out; NOBODY: none. */
static uint32_t any_seen(void)
{
	uint32_t tries, i;

	for (tries = 0; tries < 20 && w.count; tries++) {
		i = w.count - 1 - below(w.count < 40 ? w.count : 40);
		if (w.groups[i].seen)
			return i;
	}
	return NOBODY;
}

static void answer_one(void)
{
	struct iommunest_fault_response response = { .code = below(2) };
	uint32_t number = any_seen();
	bool waits;

	if (number == NOBODY || is_behind(&w.groups[number]))
		return;
	waits = w.groups[number].state == WAITING;
	response.id = w.groups[number].id;
	w.expected = number;
	w.expected_code = response.code;
	w.answered = false;
	support_assert(&w.rng,
		       iommunest_fault_respond(w.reader, &response, 1) == 0);
	support_assert(&w.rng, response.error == (waits ? 0 : -ENOENT));
	support_assert(&w.rng, w.answered == waits);
	w.expected = NOBODY;
}

static uint32_t count_waiting(uint32_t device)
{
	uint32_t i, count = 0;

	for (i = 0; i < w.count; i++)
		count += w.groups[i].state == WAITING &&
			 (device == NOBODY || w.groups[i].device == device);
	return count;
}

static void answer_all_of(uint32_t device)
{
	uint32_t before = count_waiting(device);
	int ret = iommunest_fault_respond_all(
		w.reader, device == NOBODY ? 0 : w.dev[device],
		IOMMUNEST_FAULT_INVALID);

	/* And what was read without being handed out. */
	support_assert(&w.rng, ret >= (int)before);
	support_assert(&w.rng, count_waiting(device) == 0);
	if (device == NOBODY)
		support_assert(&w.rng, iommunest_fault_waiting(w.reader) == 0);
}

static void move(uint32_t device, uint32_t hwpt)
{
	uint32_t i;

	w.leaving = device;
	ck_assert_int_eq(iommunest_sim_attach(w.sim, iommunest_fd(w.ctx),
					      w.dev[device], hwpt),
			 0);
	w.leaving = NOBODY;
	w.attached[device] = hwpt != 0;
	for (i = 0; i < w.count && !hwpt; i++)
		support_assert(&w.rng, w.groups[i].device != device ||
					       w.groups[i].state == ANSWERED);
}

/* Not while bytes are held back: the kernel would be ahead of the reader. */
static void detach_or_attach(void)
{
	uint32_t device = below(DEVICES);

	if (w.held_len)
		return;
	move(device, w.attached[device] ? 0 : w.hwpt[device]);
}

static void step(void)
{
	switch (below(16)) {
	case 0:
		detach_or_attach();
		break;
	case 1:
		if (below(8) == 0 && !w.held_len)
			answer_all_of(below(DEVICES + 1) ? below(DEVICES)
							 : NOBODY);
		break;
	case 2:
	case 3:
	case 4:
	case 5:
		make_group();
		break;
	case 6:
		if (w.held_len == 0)
			w.split = below(2);
		break;
	case 7:
	case 8:
	case 9:
	case 10:
		answer_one();
		break;
	default:
		take_one();
	}
}

/* ---- Start and end ---- */

static void make_objects(void)
{
	struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.addr_width = 48,
		.hwpt_flags = IOMMUNEST_HWPT_FAULT_ID,
	};
	const int fd = iommunest_fd(w.ctx);
	uint32_t ioas, parent, i;

	ck_assert_int_eq(iommunest_ioas_alloc(w.ctx, &ioas), 0);
	ck_assert_int_eq(
		iommunest_fault_queue_alloc(w.ctx, &w.fault_id, &w.queue), 0);
	s1.fault_id = w.fault_id;
	for (i = 0; i < DEVICES; i++) {
		ck_assert_int_eq(iommunest_sim_bind(w.sim, fd,
						    IOMMUNEST_SIM_ATS |
							    IOMMUNEST_SIM_PRI,
						    &w.dev[i]),
				 0);
		ck_assert_int_eq(iommunest_hwpt_alloc_parent(w.ctx, w.dev[i],
							     ioas, &parent),
				 0);
		ck_assert_int_eq(iommunest_vtd_hwpt_alloc(w.ctx, w.dev[i],
							  parent, &s1,
							  &w.hwpt[i]),
				 0);
	}
}

static void start(uint32_t profile)
{
	struct iommunest_fault_reader_options small = {
		.size = sizeof(small),
		.requests = LARGEST + 2,
		.groups = 24,
	};
	struct iommunest_sim_options options = { .size = sizeof(options),
						 .profile = profile };
	struct iommunest_open_options open = { .size = sizeof(open),
					       .sys = &sys };

	memset(&w, 0, sizeof(w));
	support_rng_start(&w.rng, "page requests");
	w.expected = NOBODY;
	w.leaving = NOBODY;
	ck_assert_int_eq(iommunest_sim_new(&w.sim, &options), 0);
	open.sys_data = w.sim;
	ck_assert_int_eq(iommunest_open(&w.ctx, &open), 0);
	make_objects();
	ck_assert_int_eq(iommunest_fault_reader_new(&w.reader, w.ctx, w.queue,
						    &small),
			 0);
	iommunest_sim_on_page_response(w.sim, on_answer, NULL);
}

static void end(void)
{
	uint32_t i;

	for (i = 0; w.held_len; i++) {
		support_assert(&w.rng, i < 100000);
		take_one();
		answer_one();
	}
	answer_all_of(NOBODY);
	for (i = 0; i < DEVICES; i++)
		move(i, 0);
	for (i = 0; i < w.count; i++)
		support_assert(&w.rng, w.groups[i].state == ANSWERED &&
					       (w.groups[i].seen ||
						w.groups[i].by_kernel ||
						!w.groups[i].id));
	iommunest_fault_reader_free(w.reader);
	iommunest_fault_queue_close(w.ctx, w.queue);
	iommunest_close(w.ctx);
	ck_assert_uint_eq(iommunest_sim_open_fds(w.sim), 0);
	iommunest_sim_free(w.sim);
}

TEST_LOOP(each_group_is_handed_out_and_answered_once, 2)
{
	start(_i ? IOMMUNEST_SIM_LINUX_6_12 : IOMMUNEST_SIM_NEWEST);
	while (w.count < GROUPS)
		step();
	end();
}
