/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Event queues of vIOMMUs.  Where there is no room, an event is lost, and the
 * last record says so: a header alone, with the number of the last that was
 * lost.  An event that finds room takes its place; the numbers tell, too.
 */
#include "veventq.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "files.h"
#include "lock.h"
#include "objects.h"
#include "user-memory.h"

#define MAX_EVENTS (1u << 19)
#define LOST_EVENTS 1u

/* Before each record. */
struct header {
	uint32_t flags;
	uint32_t sequence;
};

/* ---- Making one ---- */

static int check_veventq(const struct sim_veventq_alloc *cmd)
{
	if (cmd->flags || cmd->reserved || !cmd->type)
		return -EOPNOTSUPP;
	return cmd->depth == 0 || cmd->depth > MAX_EVENTS ? -EINVAL : 0;
}

static struct sim_veventq *find_veventq(const struct sim_file *file,
					const struct sim_viommu *viommu,
					uint32_t type)
{
	uint32_t id;

	for (id = 0; id < file->object_room; id++) {
		struct sim_object *obj = file->objects[id];
		struct sim_veventq *queue = (void *)obj;

		if (obj && obj->type == SIM_VEVENTQ &&
		    queue->viommu == viommu && queue->type == type)
			return queue;
	}
	return NULL;
}

static int open_veventq(struct sim_call *call, struct sim_veventq *queue)
{
	int fd = iommunest__sim_file_open(call->sim, O_RDONLY);
	struct sim_file *file;

	if (fd < 0)
		return fd;
	file = iommunest__sim_file_get(call->sim, fd);
	file->kind = SIM_FILE_VEVENTQ;
	file->veventq = queue;
	file->iommufd = call->file;
	queue->obj.users++;
	call->file->users++;
	return fd;
}

static int answer_veventq(struct sim_call *call, struct sim_veventq *queue)
{
	struct sim_veventq_alloc *cmd = &call->cmd.veventq;
	int fd = open_veventq(call, queue);
	int ret;

	if (fd < 0)
		return fd;
	cmd->out_id = queue->obj.id;
	cmd->out_fd = (uint32_t)fd;
	ret = iommunest__sim_call_respond(call, sizeof(*cmd));
	if (!ret)
		return 0;
	iommunest__sim_veventq_close(iommunest__sim_file_get(call->sim, fd));
	iommunest__sim_file_close(call->sim, fd);
	return ret;
}

int iommunest__sim_veventq_alloc(struct sim_call *call)
{
	struct sim_veventq_alloc *cmd = &call->cmd.veventq;
	struct sim_viommu *viommu;
	struct sim_veventq *queue;
	int ret = check_veventq(cmd);

	if (ret)
		return ret;
	viommu = iommunest__sim_viommu_get(call->file, cmd->viommu_id);
	if (!viommu)
		return -ENOENT;
	if (find_veventq(call->file, viommu, cmd->type))
		return -EEXIST;
	queue = iommunest__sim_object_new(call->file, sizeof(*queue),
					  SIM_VEVENTQ);
	if (!queue)
		return -ENOMEM;
	queue->viommu = viommu;
	queue->type = cmd->type;
	queue->depth = cmd->depth;
	viommu->obj.users++;
	ret = answer_veventq(call, queue);
	if (ret)
		iommunest__sim_object_destroy(call->file, &queue->obj);
	return ret;
}

void iommunest__sim_veventq_close(struct sim_file *file)
{
	file->veventq->obj.users--;
	iommunest__sim_iommufd_put(file->iommufd);
	file->iommufd = NULL;
}

/* ---- Events ---- */

static struct sim_event *new_event(const struct sim_veventq *queue,
				   const uint64_t word[SIM_EVENT_WORDS])
{
	struct sim_event *event;

	if (queue->count == queue->depth)
		return NULL;
	event = malloc(sizeof(*event));
	if (!event)
		return NULL;
	event->next = NULL;
	event->sequence = queue->sequence;
	memcpy(event->word, word, sizeof(event->word));
	return event;
}

static void append(struct sim_veventq *queue, struct sim_event *event)
{
	if (queue->events)
		queue->last->next = event;
	else
		queue->events = event;
	queue->last = event;
	queue->count++;
}

void iommunest__sim_veventq_add(struct iommunest_sim *sim,
				const struct sim_file *iommufd,
				const struct sim_viommu *viommu, uint32_t type,
				const uint64_t word[SIM_EVENT_WORDS])
{
	struct sim_veventq *queue = find_veventq(iommufd, viommu, type);
	struct sim_event *event;

	if (!queue)
		return;
	event = new_event(queue, word);
	queue->lost = !event;
	if (event)
		append(queue, event);
	else
		queue->lost_sequence = queue->sequence;
	queue->sequence = (queue->sequence + 1) & INT32_MAX;
	iommunest__sim_wake(sim);
}

static void drop_first(struct sim_veventq *queue)
{
	struct sim_event *event = queue->events;

	queue->events = event->next;
	queue->count--;
	free(event);
}

/* ---- The file descriptor ---- */

/* The header is written even if what follows cannot be. */
static int copy_event(const struct iommunest_sim *sim,
		      const struct sim_event *event, uint64_t to)
{
	const struct header header = { .sequence = event->sequence };
	int ret = iommunest__sim_user_write(sim, to, &header, sizeof(header));

	return ret ? ret
		   : iommunest__sim_user_write(sim, to + sizeof(header),
					       event->word,
					       sizeof(event->word));
}

static ssize_t read_event(const struct iommunest_sim *sim,
			  struct sim_veventq *queue, uint64_t to, size_t room)
{
	const size_t len = sizeof(struct header) + sizeof(queue->events->word);
	int ret;

	if (room < sizeof(struct header))
		return 0;
	if (room < len)
		return -EINVAL;
	ret = copy_event(sim, queue->events, to);
	if (ret)
		return ret;
	drop_first(queue);
	return (ssize_t)len;
}

static ssize_t read_lost(const struct iommunest_sim *sim,
			 struct sim_veventq *queue, uint64_t to, size_t room)
{
	const struct header header = {
		.flags = LOST_EVENTS,
		.sequence = queue->lost_sequence,
	};
	int ret;

	if (room < sizeof(header))
		return 0;
	ret = iommunest__sim_user_write(sim, to, &header, sizeof(header));
	if (ret)
		return ret;
	queue->lost = false;
	return sizeof(header);
}

/* Returns how much it read; 0: nothing is left, or no room for it. */
static ssize_t read_one(const struct iommunest_sim *sim,
			struct sim_veventq *queue, uint64_t to, size_t room)
{
	if (queue->events)
		return read_event(sim, queue, to, room);
	return queue->lost ? read_lost(sim, queue, to, room) : 0;
}

ssize_t iommunest__sim_veventq_read(const struct iommunest_sim *sim,
				    struct sim_file *file, uint64_t to,
				    size_t len)
{
	size_t done = 0;
	ssize_t ret;

	if (len < sizeof(struct header))
		return -EINVAL;
	do {
		ret = read_one(sim, file->veventq, to + done, len - done);
		if (ret > 0)
			done += (size_t)ret;
	} while (ret > 0);
	return done ? (ssize_t)done : ret;
}

short iommunest__sim_veventq_events(const struct sim_file *file)
{
	const struct sim_veventq *queue = file->veventq;

	return queue->events || queue->lost ? POLLIN | POLLRDNORM : 0;
}
