/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Fault queues.  A group is read all or not at all, gets the lowest cookie that
 * is free, and loses it when it is answered: by who reads, or by the kernel
 * when its device is detached.
 */
#include "fault-queue.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

#include "call.h"
#include "files.h"
#include "lock.h"
#include "objects.h"
#include "user-memory.h"

#define REQUEST_LEN sizeof(struct iommu_hwpt_pgfault)
#define RESPONSE_LEN sizeof(struct iommu_hwpt_page_response)

/* One system call transfers no more (MAX_RW_COUNT). */
#define TRANSFER_MAX ((size_t)INT_MAX & ~(size_t)(SIM_PAGE_SIZE - 1))

static size_t transfer_len(size_t len)
{
	return len < TRANSFER_MAX ? len : TRANSFER_MAX;
}

/* ---- Answers ---- */

void iommunest__sim_page_respond(struct iommunest_sim *sim,
				 const struct iommu_hwpt_pgfault *last,
				 uint32_t code)
{
	const struct iommunest_sim_page_response response = {
		.dev_id = last->dev_id,
		.flags = last->flags & IOMMUNEST_PAGE_REQUEST_PASID,
		.pasid = last->pasid,
		.prgi = last->grpid,
		.code = code,
	};

	if (sim->on_page_response)
		sim->on_page_response(sim->on_page_response_user, &response);
}

EXPORT void iommunest_sim_on_page_response(
	struct iommunest_sim *sim,
	void (*fn)(void *user,
		   const struct iommunest_sim_page_response *response),
	void *user)
{
	SIM_LOCKED(sim);

	sim->on_page_response = fn;
	sim->on_page_response_user = user;
}

/* ---- Making one ---- */

static int open_queue(struct iommunest_sim *sim, struct sim_file *iommufd,
		      struct sim_fault_queue *queue)
{
	int fd = iommunest__sim_file_open(sim, O_RDWR);
	struct sim_file *file;

	if (fd < 0)
		return fd;
	file = iommunest__sim_file_get(sim, fd);
	file->kind = SIM_FILE_FAULT_QUEUE;
	file->queue = queue;
	file->iommufd = iommufd;
	queue->sim = sim;
	queue->obj.users++;
	iommufd->users++;
	return fd;
}

static void close_fd(struct iommunest_sim *sim, int fd)
{
	iommunest__sim_fault_queue_close(iommunest__sim_file_get(sim, fd));
	iommunest__sim_file_close(sim, fd);
}

int iommunest__sim_fault_queue_alloc(struct sim_call *call)
{
	struct iommu_fault_alloc *cmd = &call->cmd.fault_alloc;
	struct sim_fault_queue *queue;
	int fd, ret;

	if (cmd->flags)
		return -EOPNOTSUPP;
	queue = iommunest__sim_object_new(call->file, sizeof(*queue),
					  SIM_FAULT_QUEUE);
	if (!queue)
		return -ENOMEM;
	fd = open_queue(call->sim, call->file, queue);
	if (fd < 0) {
		iommunest__sim_object_destroy(call->file, &queue->obj);
		return fd;
	}
	cmd->out_fault_id = queue->obj.id;
	cmd->out_fault_fd = (uint32_t)fd;
	ret = iommunest__sim_call_respond(call, sizeof(*cmd));
	if (ret) {
		close_fd(call->sim, fd);
		iommunest__sim_object_destroy(call->file, &queue->obj);
	}
	return ret;
}

void iommunest__sim_fault_queue_close(struct sim_file *file)
{
	file->queue->obj.users--;
	iommunest__sim_iommufd_put(file->iommufd);
	file->iommufd = NULL;
}

/* ---- Groups ---- */

void iommunest__sim_fault_queue_add(struct sim_fault_queue *queue,
				    struct sim_group *group)
{
	struct sim_group **at = &queue->unread;

	while (*at)
		at = &(*at)->next;
	*at = group;
	iommunest__sim_wake(queue->sim);
}

/* Takes the group off its list, and answers it. */
static void answer(struct sim_fault_queue *queue, struct sim_group **at,
		   uint32_t code)
{
	struct sim_group *group = *at;

	*at = group->next;
	iommunest__sim_page_respond(queue->sim,
				    &group->requests[group->count - 1], code);
	free(group);
}

static void answer_all(struct sim_fault_queue *queue, struct sim_group **at,
		       const struct sim_device *dev)
{
	while (*at) {
		if ((*at)->device == dev)
			answer(queue, at, IOMMUFD_PAGE_RESP_INVALID);
		else
			at = &(*at)->next;
	}
}

void iommunest__sim_fault_queue_leave(struct sim_fault_queue *queue,
				      const struct sim_device *dev)
{
	answer_all(queue, &queue->unread, dev);
	answer_all(queue, &queue->unanswered, dev);
}

/* Gives the first group the lowest free cookie, in whose order they are. */
static void give_cookie(struct sim_fault_queue *queue)
{
	struct sim_group **at = &queue->unanswered;
	struct sim_group *group = queue->unread;
	uint32_t cookie = 1, i;

	while (*at && (*at)->cookie == cookie) {
		at = &(*at)->next;
		cookie++;
	}
	queue->unread = group->next;
	group->next = *at;
	*at = group;
	group->cookie = cookie;
	for (i = 0; i < group->count; i++)
		group->requests[i].cookie = cookie;
}

/* ---- The file descriptor ---- */

/* The kernel finds the cookie first; it is taken back if this fails. */
static uint32_t next_cookie(const struct sim_fault_queue *queue)
{
	const struct sim_group *group = queue->unanswered;
	uint32_t cookie = 1;

	for (; group && group->cookie == cookie; group = group->next)
		cookie++;
	return cookie;
}

static int copy_group(const struct iommunest_sim *sim,
		      const struct sim_fault_queue *queue, uint64_t to)
{
	const struct sim_group *group = queue->unread;
	struct iommu_hwpt_pgfault request;
	uint32_t i;

	for (i = 0; i < group->count; i++) {
		request = group->requests[i];
		request.cookie = next_cookie(queue);
		if (iommunest__sim_user_write(sim, to + i * REQUEST_LEN,
					      &request, REQUEST_LEN))
			return -EFAULT;
	}
	return 0;
}

ssize_t iommunest__sim_fault_queue_read(struct iommunest_sim *sim,
					struct sim_file *file, uint64_t to,
					size_t len)
{
	struct sim_fault_queue *queue = file->queue;
	size_t done = 0;

	len = transfer_len(len);
	if (len % REQUEST_LEN)
		return -ESPIPE;
	while (queue->unread) {
		const size_t size = queue->unread->count * REQUEST_LEN;
		int ret = size > len - done ? -EINVAL
					    : copy_group(sim, queue, to + done);

		if (ret)
			return done ? (ssize_t)done : ret;
		give_cookie(queue);
		done += size;
	}
	return (ssize_t)done;
}

static int take_response(struct sim_file *file,
			 const struct iommu_hwpt_page_response *response)
{
	struct sim_group **at;

	if (response->code != IOMMUFD_PAGE_RESP_SUCCESS &&
	    response->code != IOMMUFD_PAGE_RESP_INVALID)
		return -EINVAL;
	for (at = &file->queue->unanswered; *at; at = &(*at)->next) {
		if ((*at)->cookie == response->cookie) {
			answer(file->queue, at, response->code);
			return 0;
		}
	}
	return -EINVAL;
}

ssize_t iommunest__sim_fault_queue_write(struct iommunest_sim *sim,
					 struct sim_file *file, uint64_t from,
					 size_t len)
{
	struct iommu_hwpt_page_response response;
	size_t done = 0;
	int ret;

	len = transfer_len(len);
	if (len % RESPONSE_LEN)
		return -ESPIPE;
	while (done < len) {
		ret = iommunest__sim_user_read(sim, &response, from + done,
					       RESPONSE_LEN);
		if (!ret)
			ret = take_response(file, &response);
		if (ret)
			return done ? (ssize_t)done : ret;
		done += RESPONSE_LEN;
	}
	return (ssize_t)done;
}

short iommunest__sim_fault_queue_events(const struct sim_file *file)
{
	short events = POLLOUT;

	if (file->queue->unread)
		events |= POLLIN | POLLRDNORM;
	return events;
}
