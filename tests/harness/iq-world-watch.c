/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The simulator's system calls, watched from outside: where an engine traces no
 * calls, the world sees them here.
 */
#include "tests/harness/iq-world-parts.h"
#include "tests/harness/script.h"

static int watched_open(void *data, const char *path, int flags)
{
	const struct world *world = data;

	return iommunest_sim_sys()->open(world->sim, path, flags);
}

static int watched_close(void *data, int fd)
{
	const struct world *world = data;

	return iommunest_sim_sys()->close(world->sim, fd);
}

static ssize_t watched_read(void *data, int fd, void *buf, size_t len)
{
	const struct world *world = data;

	return iommunest_sim_sys()->read(world->sim, fd, buf, len);
}

static ssize_t watched_write(void *data, int fd, const void *buf, size_t len)
{
	const struct world *world = data;

	return iommunest_sim_sys()->write(world->sim, fd, buf, len);
}

static bool is_all(const struct script_invalidate *cmd)
{
	const struct iommunest_vtd_entry *entry =
		(const void *)(uintptr_t)cmd->data_uptr;

	return cmd->entry_num == 1 && entry->npages == UINT64_MAX;
}

/* What a trace would show, and the library's question it would not. */
static int watched_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct world *world = data;
	const struct script_invalidate *cmd = arg;
	struct guest_event event = { .kind = GUEST_CALL };
	const bool is_call = request == SCRIPT_HWPT_INVALIDATE &&
			     !script_is_question(request, arg);
	int ret;

	if (is_call) {
		event.hwpt_id = cmd->hwpt_id;
		event.count = cmd->entry_num;
		event.flush_all = is_all(cmd);
	}
	ret = iommunest_sim_sys()->ioctl(world->sim, fd, request, arg);
	event.error = ret < 0 ? ret : 0;
	if (is_call)
		world_see(&world->guest, &event);
	return ret;
}

const struct iommunest_sys world_watched_sys = {
	.size = sizeof(world_watched_sys),
	.open = watched_open,
	.close = watched_close,
	.ioctl = watched_ioctl,
	.read = watched_read,
	.write = watched_write,
};
