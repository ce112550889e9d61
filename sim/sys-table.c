/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The system call table. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "dispatch.h"
#include "fault-queue.h"
#include "files.h"
#include "lock.h"
#include "sysfs.h"
#include "user-memory.h"
#include "veventq.h"
#include "vfio.h"

static int open_vfio(struct iommunest_sim *sim, const char *path, int flags)
{
	int node = iommunest__sim_vfio_node(sim, path);
	struct sim_file *file;
	int fd;

	if (node < 0)
		return node;
	fd = iommunest__sim_file_open(sim, flags);
	if (fd < 0)
		return fd;
	file = iommunest__sim_file_get(sim, fd);
	file->kind = SIM_FILE_VFIO;
	file->node = (unsigned int)node;
	return fd;
}

/*
 * @data is NULL in a program that sets iommunest_open_options::sys and forgets
 * sys_data, so each function checks it.
 */
static int table_open(void *data, const char *path, int flags)
{
	SIM_LOCKED(data);
	struct iommunest_sim *sim = data;
	/* Longer than any file name that exists here. */
	char name[SIM_PATH];
	int ret;

	if (!sim)
		return -EINVAL;
	ret = iommunest__sim_user_read_string(sim, name, (uintptr_t)path,
					      sizeof(name));
	if (ret)
		return ret == -ENAMETOOLONG ? -ENOENT : ret;
	if (strcmp(name, "/dev/iommu") == 0)
		return iommunest__sim_file_open(sim, flags);
	if (strncmp(name, "/sys/", 5) == 0)
		return iommunest__sim_sysfs_open(sim, name, flags);
	return open_vfio(sim, name, flags);
}

static int table_close(void *data, int fd)
{
	SIM_LOCKED(data);
	struct iommunest_sim *sim = data;
	struct sim_file *file;

	if (!sim)
		return -EINVAL;
	file = iommunest__sim_file_get(sim, fd);
	if (!file)
		return -EBADF;
	if (file->kind == SIM_FILE_FAULT_QUEUE)
		iommunest__sim_fault_queue_close(file);
	if (file->kind == SIM_FILE_VEVENTQ)
		iommunest__sim_veventq_close(file);
	if (file->kind == SIM_FILE_VFIO)
		iommunest__sim_vfio_close(file);
	iommunest__sim_file_close(sim, fd);
	return 0;
}

/* The kernel takes 32 bits of @request. */
static int table_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	SIM_LOCKED(data);
	struct iommunest_sim *sim = data;
	struct sim_file *file;

	if (!sim)
		return -EINVAL;
	file = iommunest__sim_file_get(sim, fd);
	if (!file)
		return -EBADF;
	if (file->kind == SIM_FILE_VFIO)
		return iommunest__sim_vfio_ioctl(sim, file, (uint32_t)request,
						 (uintptr_t)arg);
	if (file->kind != SIM_FILE_IOMMUFD)
		return -ENOTTY;
	return iommunest__sim_dispatch(sim, file, (uint32_t)request,
				       (uintptr_t)arg);
}

/* Iommufds and device nodes support neither reading nor writing. */
static int refuse_transfer(const struct sim_file *file, int wrong_access)
{
	return !file || file->access == wrong_access ? -EBADF : -EINVAL;
}

static struct sim_file *sysfs_of(const struct iommunest_sim *sim, int fd)
{
	struct sim_file *file = sim ? iommunest__sim_file_get(sim, fd) : NULL;

	return file && file->kind == SIM_FILE_SYSFS ? file : NULL;
}

static ssize_t table_read(void *data, int fd, void *buf, size_t len)
{
	SIM_LOCKED(data);
	struct iommunest_sim *sim = data;
	struct sim_file *file;

	if (!sim)
		return -EINVAL;
	file = iommunest__sim_file_get(sim, fd);
	if (file && file->kind == SIM_FILE_SYSFS)
		return iommunest__sim_sysfs_read(sim, file, (uintptr_t)buf,
						 len);
	if (file && file->kind == SIM_FILE_FAULT_QUEUE)
		return iommunest__sim_fault_queue_read(sim, file,
						       (uintptr_t)buf, len);
	if (file && file->kind == SIM_FILE_VEVENTQ)
		return iommunest__sim_veventq_read(sim, file, (uintptr_t)buf,
						   len);
	return refuse_transfer(file, O_WRONLY);
}

static ssize_t table_write(void *data, int fd, const void *buf, size_t len)
{
	SIM_LOCKED(data);
	struct iommunest_sim *sim = data;
	struct sim_file *file;

	if (!sim)
		return -EINVAL;
	file = iommunest__sim_file_get(sim, fd);
	if (!file || file->kind != SIM_FILE_FAULT_QUEUE)
		return refuse_transfer(file, O_RDONLY);
	return iommunest__sim_fault_queue_write(sim, file, (uintptr_t)buf, len);
}

/* A file of a kind that does not say when it is ready always is. */
static short events_of(const struct iommunest_sim *sim, const struct pollfd *fd)
{
	const struct sim_file *file = iommunest__sim_file_get(sim, fd->fd);

	if (fd->fd < 0)
		return 0;
	if (!file)
		return POLLNVAL;
	if (file->kind == SIM_FILE_FAULT_QUEUE)
		return iommunest__sim_fault_queue_events(file) & fd->events;
	if (file->kind == SIM_FILE_VEVENTQ)
		return iommunest__sim_veventq_events(file) & fd->events;
	return (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM) & fd->events;
}

static int count_ready(const struct iommunest_sim *sim, struct pollfd *fds,
		       nfds_t count)
{
	int ready = 0;
	nfds_t i;

	for (i = 0; i < count; i++) {
		fds[i].revents = events_of(sim, &fds[i]);
		ready += fds[i].revents != 0;
	}
	return ready;
}

static struct timespec after(int ms)
{
	struct timespec then;

	clock_gettime(CLOCK_MONOTONIC, &then);
	then.tv_sec += ms / 1000;
	then.tv_nsec += ms % 1000 * 1000000L;
	if (then.tv_nsec >= 1000000000L) {
		then.tv_sec++;
		then.tv_nsec -= 1000000000L;
	}
	return then;
}

static int table_poll(void *data, struct pollfd *fds, nfds_t count, int timeout)
{
	SIM_LOCKED(data);
	struct timespec then = after(timeout < 0 ? 0 : timeout);
	int ready;

	if (!data)
		return -EINVAL;
	do
		ready = count_ready(data, fds, count);
	while (!ready && timeout &&
	       iommunest__sim_wait(data, timeout < 0 ? NULL : &then));
	return ready;
}

static ssize_t table_readlink(void *data, const char *path, char *buf,
			      size_t len)
{
	SIM_LOCKED(data);
	struct iommunest_sim *sim = data;
	char name[SIM_PATH];
	int ret;

	if (!sim)
		return -EINVAL;
	ret = iommunest__sim_user_read_string(sim, name, (uintptr_t)path,
					      sizeof(name));
	if (ret)
		return ret == -ENAMETOOLONG ? -ENOENT : ret;
	return iommunest__sim_sysfs_readlink(sim, name, (uintptr_t)buf, len);
}

static ssize_t table_getdents64(void *data, int fd, void *buf, size_t len)
{
	SIM_LOCKED(data);
	struct iommunest_sim *sim = data;
	struct sim_file *file = sysfs_of(sim, fd);

	if (!sim)
		return -EINVAL;
	if (file)
		return iommunest__sim_sysfs_getdents(sim, file, (uintptr_t)buf,
						     len);
	return iommunest__sim_file_get(sim, fd) ? -ENOTDIR : -EBADF;
}

static const struct iommunest_sys table = {
	.size = sizeof(table),
	.open = table_open,
	.close = table_close,
	.ioctl = table_ioctl,
	.read = table_read,
	.write = table_write,
	.poll = table_poll,
	.readlink = table_readlink,
	.getdents64 = table_getdents64,
};

EXPORT const struct iommunest_sys *iommunest_sim_sys(void)
{
	return &table;
}
