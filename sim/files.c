/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What is open, by file descriptor. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "lock.h"
#include "objects.h"

/*
 * Far above what a process has open: a real system call that is given a
 * simulated descriptor by mistake fails with EBADF.
 */
#define FIRST_FD (1 << 20)

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

int iommunest__sim_file_open(struct iommunest_sim *sim, int flags)
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

static void free_file(struct sim_file *file)
{
	iommunest__sim_objects_free(file);
	free(file);
}

/*
 * As in the kernel, a device that is bound and a fault queue that is open keep
 * an iommufd that was closed.
 */
static void put_file(struct sim_file *file)
{
	if (file->users > 0)
		file->closed = true;
	else
		free_file(file);
}

void iommunest__sim_file_close(struct iommunest_sim *sim, int fd)
{
	put_file(sim->files[fd - FIRST_FD]);
	sim->files[fd - FIRST_FD] = NULL;
	sim->file_count--;
}

void iommunest__sim_iommufd_put(struct sim_file *iommufd)
{
	iommufd->users--;
	if (iommufd->closed && iommufd->users == 0)
		free_file(iommufd);
}

struct sim_file *iommunest__sim_file_get(const struct iommunest_sim *sim,
					 int fd)
{
	if (fd < FIRST_FD || (unsigned int)(fd - FIRST_FD) >= sim->file_room)
		return NULL;
	return sim->files[fd - FIRST_FD];
}

struct sim_file *iommunest__sim_iommufd_get(const struct iommunest_sim *sim,
					    int fd)
{
	struct sim_file *file = iommunest__sim_file_get(sim, fd);

	return file && file->kind == SIM_FILE_IOMMUFD ? file : NULL;
}

void iommunest__sim_files_free(struct iommunest_sim *sim)
{
	unsigned int i;

	for (i = 0; i < sim->file_room; i++) {
		if (!sim->files[i])
			continue;
		if (sim->files[i]->iommufd)
			iommunest__sim_iommufd_put(sim->files[i]->iommufd);
		put_file(sim->files[i]);
	}
	free(sim->files);
}

EXPORT unsigned int iommunest_sim_open_fds(const struct iommunest_sim *sim)
{
	SIM_LOCKED(sim);

	return sim->file_count;
}
