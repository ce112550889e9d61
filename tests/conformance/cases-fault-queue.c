/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * IOMMU_FAULT_QUEUE_ALLOC, its file descriptor, and HWPTs that use it.  No
 * device here makes requests: those are in tests/vm/vm-mock-fault.c.
 */
#include "conformance.h"

#include <string.h>
#include <sys/mman.h>

#define REQUEST_LEN 40u
/* The kernel transfers no more at once, and that is no multiple of it. */
#define ABOVE_MAX (REQUEST_LEN * (size_t)53687092)

/* One queue, for the length of a case. */
struct queue {
	uint32_t id;
	int fd;
};

static bool open_queue(struct conf_env *env, struct queue *queue)
{
	struct iommu_fault_alloc cmd = { .size = sizeof(cmd) };

	if (!conf_ioctl_is(env, IOMMU_FAULT_QUEUE_ALLOC, &cmd, 0))
		return false;
	queue->id = cmd.out_fault_id;
	queue->fd = (int)cmd.out_fault_fd;
	return true;
}

static int close_fd(struct conf_env *env, int fd)
{
	return env->sys->close(env->sys_data, fd);
}

static bool close_queue(struct conf_env *env, const struct queue *queue)
{
	int ret = close_fd(env, queue->fd);

	return conf_expect(env, ret == 0, "close: %d", ret) &&
	       conf_destroy_is(env, queue->id, 0);
}

/* ---- Allocation ---- */

static bool queue_flags_are_eopnotsupp(struct conf_env *env)
{
	bool ok = true;
	unsigned int bit;

	for (bit = 0; ok && bit < 32; bit++) {
		struct iommu_fault_alloc cmd = { .size = sizeof(cmd),
						 .flags = 1u << bit };

		ok = conf_ioctl_is(env, IOMMU_FAULT_QUEUE_ALLOC, &cmd,
				   -EOPNOTSUPP);
	}
	return ok;
}

static bool a_queue_command_has_16_bytes(struct conf_env *env)
{
	uint32_t cmd[5] = { 15, 0, 0, 0, 0 };
	struct queue queue;
	bool ok;

	ok = conf_ioctl_is(env, IOMMU_FAULT_QUEUE_ALLOC, cmd, -EINVAL);
	cmd[0] = 20;
	cmd[4] = 1;
	ok = ok && conf_ioctl_is(env, IOMMU_FAULT_QUEUE_ALLOC, cmd, -E2BIG);
	cmd[4] = 0;
	ok = ok && conf_ioctl_is(env, IOMMU_FAULT_QUEUE_ALLOC, cmd, 0);
	if (!ok)
		return false;
	queue.id = cmd[2];
	queue.fd = (int)cmd[3];
	return close_queue(env, &queue);
}

static bool each_queue_has_its_own_id_and_descriptor(struct conf_env *env)
{
	struct queue a, b;
	bool ok = open_queue(env, &a) && open_queue(env, &b);

	ok = ok && conf_expect(env, a.id && a.id != b.id && a.fd != b.fd,
			       "ids %u and %u, descriptors %d and %d", a.id,
			       b.id, a.fd, b.fd);
	return ok && close_queue(env, &a) && close_queue(env, &b);
}

/* Neither the id nor the descriptor is lost. */
static bool a_queue_that_cannot_be_reported_is_undone(struct conf_env *env)
{
	const struct iommu_fault_alloc cmd = { .size = sizeof(cmd) };
	struct conf_pages pages = conf_pages_new(1);
	struct queue before, after;
	bool ok = open_queue(env, &before) && close_queue(env, &before);

	memcpy(pages.base, &cmd, sizeof(cmd));
	mprotect(pages.base, CONF_PAGE, PROT_READ);
	ok = ok &&
	     conf_ioctl_is(env, IOMMU_FAULT_QUEUE_ALLOC, pages.base, -EFAULT);
	conf_pages_free(&pages);
	ok = ok && open_queue(env, &after);
	return ok &&
	       conf_expect(env, before.id == after.id && before.fd == after.fd,
			   "id %u became %u, descriptor %d %d", before.id,
			   after.id, before.fd, after.fd) &&
	       close_queue(env, &after);
}

/* ---- Who uses it ---- */

static struct iommu_hwpt_alloc with_queue(const struct conf_env *env,
					  const struct iommu_hwpt_vtd_s1 *s1,
					  const struct queue *queue)
{
	struct iommu_hwpt_alloc cmd = conf_nested(env, s1);

	cmd.flags = IOMMU_HWPT_FAULT_ID_VALID;
	cmd.fault_id = queue->id;
	return cmd;
}

static bool an_open_queue_is_in_use(struct conf_env *env)
{
	struct queue queue;

	return open_queue(env, &queue) &&
	       conf_destroy_is(env, queue.id, -EBUSY) &&
	       close_queue(env, &queue);
}

static bool an_hwpt_uses_its_queue(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hwpt_alloc cmd;
	struct queue queue;
	uint32_t first, second;

	if (!open_queue(env, &queue))
		return false;
	cmd = with_queue(env, &s1, &queue);
	first = conf_alloc_hwpt(env, &cmd);
	if (!first || close_fd(env, queue.fd))
		return false;
	/* Also after nobody reads it any more. */
	second = conf_alloc_hwpt(env, &cmd);
	return second && conf_destroy_is(env, queue.id, -EBUSY) &&
	       conf_destroy_is(env, first, 0) &&
	       conf_destroy_is(env, queue.id, -EBUSY) &&
	       conf_destroy_is(env, second, 0) &&
	       conf_destroy_is(env, queue.id, 0);
}

static bool a_refused_hwpt_does_not_use_it(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hwpt_alloc cmd;
	struct queue queue;
	bool ok;

	if (!open_queue(env, &queue))
		return false;
	cmd = with_queue(env, &s1, &queue);
	cmd.data_len = 23;
	ok = conf_ioctl_is(env, IOMMU_HWPT_ALLOC, &cmd, -EINVAL);
	cmd = with_queue(env, &s1, &queue);
	cmd.pt_id = env->ioas;
	ok = ok && conf_ioctl_is(env, IOMMU_HWPT_ALLOC, &cmd, -EOPNOTSUPP);
	return ok && close_queue(env, &queue);
}

static bool paging_hwpts_have_queues_after_6_12(struct conf_env *env)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_FAULT_ID_VALID,
		.dev_id = env->dev,
		.pt_id = env->ioas,
	};
	const bool old = env->kernel == CONF_LINUX_6_12;
	struct queue queue;

	if (!open_queue(env, &queue))
		return false;
	cmd.fault_id = queue.id;
	return conf_ioctl_is(env, IOMMU_HWPT_ALLOC, &cmd,
			     old ? -EOPNOTSUPP : 0) &&
	       (old || conf_destroy_is(env, cmd.out_hwpt_id, 0)) &&
	       close_queue(env, &queue);
}

/* A queue is of no use to a device without page requests. */
static bool attach_is_enodev(struct conf_env *env, uint32_t addr_width)
{
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hwpt_alloc cmd;
	struct queue queue;
	uint32_t hwpt;
	int ret, off, on;

	if (!env->attach)
		return conf_skip(env, "devices cannot be attached");
	s1.addr_width = addr_width;
	if (!open_queue(env, &queue))
		return false;
	cmd = with_queue(env, &s1, &queue);
	hwpt = conf_alloc_hwpt(env, &cmd);
	if (!hwpt)
		return false;
	ret = env->attach(env, hwpt);
	off = env->attach(env, 0);
	on = env->attach(env, env->nested);
	return conf_expect(env, ret == -ENODEV, "attach: %d", ret) &&
	       conf_expect(env, off == 0 && on == 0, "detach %d, attach %d",
			   off, on) &&
	       conf_destroy_is(env, hwpt, 0) && close_queue(env, &queue);
}

/* That is seen when it is too late. */
static bool attaching_needs_a_device_with_page_requests(struct conf_env *env)
{
	return attach_is_enodev(env, conf_stage1().addr_width);
}

/*
 * Before the device is detached in 6.12, and after that in 7.3, where the wrong
 * width is seen later still.
 */
static bool lacking_page_requests_come_before_the_stage_1(struct conf_env *env)
{
	return attach_is_enodev(env, 40);
}

/* ---- The file descriptor ---- */

static bool read_is(struct conf_env *env, int fd, void *buf, size_t len,
		    ssize_t want)
{
	ssize_t ret = env->sys->read(env->sys_data, fd, buf, len);

	return conf_expect(env, ret == want, "read of %zu: %zd and not %zd",
			   len, ret, want);
}

static bool write_is(struct conf_env *env, int fd, const void *buf, size_t len,
		     ssize_t want)
{
	ssize_t ret = env->sys->write(env->sys_data, fd, buf, len);

	return conf_expect(env, ret == want, "write of %zu: %zd and not %zd",
			   len, ret, want);
}

static bool an_empty_queue_reads_0(struct conf_env *env)
{
	static const size_t wrong[] = { 1, 8, 39, 41, 60, 79, 4096 };
	/* On the stack, ABOVE_MAX may pass the end of what a process has. */
	static char buf[4096];
	struct queue queue;
	bool ok = open_queue(env, &queue);
	size_t i;

	for (i = 0; ok && i <= 100 * REQUEST_LEN; i += REQUEST_LEN)
		ok = read_is(env, queue.fd, buf, i, 0);
	for (i = 0; ok && i < sizeof(wrong) / sizeof(*wrong); i++)
		ok = read_is(env, queue.fd, buf, wrong[i], -ESPIPE);
	/* There is nothing to be written there. */
	ok = ok && read_is(env, queue.fd, NULL, REQUEST_LEN, 0);
	ok = ok && read_is(env, queue.fd, buf, ABOVE_MAX, -ESPIPE);
	return ok && close_queue(env, &queue);
}

static bool an_answer_that_nobody_waits_for_is_einval(struct conf_env *env)
{
	static const struct iommu_hwpt_page_response answers[] = {
		{ 0, 0 }, { 1, 0 },	     { 1, 1 },
		{ 1, 2 }, { UINT32_MAX, 0 }, { UINT32_MAX, UINT32_MAX },
	};
	static const size_t wrong[] = { 1, 4, 7, 9, 12, 15 };
	struct conf_pages pages = conf_pages_new(1);
	struct queue queue;
	bool ok = open_queue(env, &queue);
	size_t i;

	for (i = 0; ok && i < sizeof(answers) / sizeof(*answers); i++)
		ok = write_is(env, queue.fd, &answers[i], 8, -EINVAL);
	ok = ok && write_is(env, queue.fd, answers, sizeof(answers), -EINVAL);
	ok = ok && write_is(env, queue.fd, answers, 0, 0);
	for (i = 0; ok && i < sizeof(wrong) / sizeof(*wrong); i++)
		ok = write_is(env, queue.fd, answers, wrong[i], -ESPIPE);
	ok = ok && write_is(env, queue.fd, NULL, 8, -EFAULT);
	/* The first one is looked at before the second is read. */
	memcpy(pages.end - 8, answers, 8);
	ok = ok && write_is(env, queue.fd, pages.end - 8, 16, -EINVAL);
	ok = ok && write_is(env, queue.fd, pages.end - 4, 8, -EFAULT);
	conf_pages_free(&pages);
	return ok && close_queue(env, &queue);
}

static bool a_queue_takes_answers_always(struct conf_env *env)
{
	struct pollfd fd = { .events = POLLIN | POLLPRI | POLLOUT };
	struct queue queue;
	int ret;

	if (!open_queue(env, &queue))
		return false;
	fd.fd = queue.fd;
	ret = env->sys->poll(env->sys_data, &fd, 1, -1);
	return conf_expect(env, ret == 1 && fd.revents == POLLOUT,
			   "poll: %d, events %#x", ret, fd.revents) &&
	       close_queue(env, &queue);
}

static bool a_queue_has_no_ioctl(struct conf_env *env)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	struct queue queue;
	int ret;

	if (!open_queue(env, &queue))
		return false;
	ret = env->sys->ioctl(env->sys_data, queue.fd, IOMMU_IOAS_ALLOC, &cmd);
	return conf_expect(env, ret == -ENOTTY, "ioctl: %d", ret) &&
	       close_queue(env, &queue);
}

const struct conf_case conf_fault_queue_cases[] = {
	CONF_CASE(queue_flags_are_eopnotsupp),
	CONF_CASE(a_queue_command_has_16_bytes),
	CONF_CASE(each_queue_has_its_own_id_and_descriptor),
	CONF_CASE(a_queue_that_cannot_be_reported_is_undone),
	CONF_CASE(an_open_queue_is_in_use),
	CONF_CASE(an_hwpt_uses_its_queue),
	CONF_CASE(a_refused_hwpt_does_not_use_it),
	CONF_CASE(paging_hwpts_have_queues_after_6_12),
	CONF_CASE(attaching_needs_a_device_with_page_requests),
	CONF_CASE(lacking_page_requests_come_before_the_stage_1),
	CONF_CASE(an_empty_queue_reads_0),
	CONF_CASE(an_answer_that_nobody_waits_for_is_einval),
	CONF_CASE(a_queue_takes_answers_always),
	CONF_CASE(a_queue_has_no_ioctl),
	{ 0 },
};
