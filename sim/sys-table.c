/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The system call table, and what is open. */
#include "sys-table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch.h"
#include "objects.h"
#include "user-memory.h"
#include "vfio.h"

/*
 * Far above what a process has open: a descriptor of the simulator that gets
 * into a real system call by mistake is EBADF there.
 */
#define FIRST_FD (1 << 20)

struct sim_file *iommunest__sim_file_get(const struct iommunest_sim *sim,
					 int fd)
{
	if (fd < FIRST_FD || (unsigned int)(fd - FIRST_FD) >= sim->file_room)
		return NULL;
	return sim->files[fd - FIRST_FD];
}

static void free_file(struct sim_file *file)
{
	iommunest__sim_objects_free(file);
	free(file);
}

void iommunest__sim_files_free(struct iommunest_sim *sim)
{
	unsigned int i;

	for (i = 0; i < sim->file_room; i++) {
		if (sim->files[i])
			free_file(sim->files[i]);
	}
	free(sim->files);
}

EXPORT unsigned int iommunest_sim_open_fds(const struct iommunest_sim *sim)
{
	return sim->file_count;
}

static int grow(struct iommunest_sim *sim)
{
	unsigned int room = sim->file_room ? sim->file_room * 2 : 4;
	struct sim_file **files;

	files = reallocarray(sim->files, room, sizeof(struct sim_file *));
	if (!files)
		return -ENOMEM;
	while (sim->file_room < room)
		files[sim->file_room++] = NULL;
	sim->files = files;
	return 0;
}

static int open_file(struct iommunest_sim *sim, int flags)
{
	unsigned int slot = 0;
	struct sim_file *file;

	while (slot < sim->file_room && sim->files[slot])
		slot++;
	if (slot == sim->file_room && grow(sim))
		return -ENOMEM;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->access = flags & O_ACCMODE;
	file->lowest_free = 1;
	sim->files[slot] = file;
	sim->file_count++;
	return FIRST_FD + (int)slot;
}

static int open_vfio(struct iommunest_sim *sim, const char *path, int flags)
{
	int node = iommunest__sim_vfio_node(path);
	int fd;

	if (node < 0)
		return node;
	fd = open_file(sim, flags);
	if (fd >= 0) {
		sim->files[fd - FIRST_FD]->vfio = true;
		sim->files[fd - FIRST_FD]->node = (unsigned int)node;
	}
	return fd;
}

static int table_open(void *data, const char *path, int flags)
{
	struct iommunest_sim *sim = data;
	/* Longer than any name that there is. */
	char name[64];
	int ret = iommunest__sim_user_read_string(sim, name, (uintptr_t)path,
						  sizeof(name));

	if (ret)
		return ret == -ENAMETOOLONG ? -ENOENT : ret;
	if (strcmp(name, "/dev/iommu") == 0)
		return open_file(sim, flags);
	return open_vfio(sim, name, flags);
}

static int table_close(void *data, int fd)
{
	struct iommunest_sim *sim = data;
	struct sim_file *file = iommunest__sim_file_get(sim, fd);

	if (!file)
		return -EBADF;
	if (file->vfio)
		iommunest__sim_vfio_close(sim, file);
	else
		iommunest__sim_vfio_forget(sim, file);
	free_file(file);
	sim->files[fd - FIRST_FD] = NULL;
	sim->file_count--;
	return 0;
}

/* The kernel's ioctl takes the number as 32 bits. */
static int table_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct iommunest_sim *sim = data;
	struct sim_file *file = iommunest__sim_file_get(sim, fd);

	if (!file)
		return -EBADF;
	if (file->vfio)
		return iommunest__sim_vfio_ioctl(sim, file, (uint32_t)request,
						 (uintptr_t)arg);
	return iommunest__sim_dispatch(sim, file, (uint32_t)request,
				       (uintptr_t)arg);
}

/* They can be opened for both and do neither here. */
static ssize_t table_read(void *data, int fd, void *buf, size_t len)
{
	const struct sim_file *file = iommunest__sim_file_get(data, fd);

	(void)buf;
	(void)len;
	return !file || file->access == O_WRONLY ? -EBADF : -EINVAL;
}

static ssize_t table_write(void *data, int fd, const void *buf, size_t len)
{
	const struct sim_file *file = iommunest__sim_file_get(data, fd);

	(void)buf;
	(void)len;
	return !file || file->access == O_RDONLY ? -EBADF : -EINVAL;
}

static const struct iommunest_sys table = {
	.size = sizeof(table),
	.open = table_open,
	.close = table_close,
	.ioctl = table_ioctl,
	.read = table_read,
	.write = table_write,
};

EXPORT const struct iommunest_sys *iommunest_sim_sys(void)
{
	return &table;
}
