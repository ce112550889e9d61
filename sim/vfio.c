/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* VFIO device nodes: binding to an iommufd, attaching, detaching. */
#include "vfio.h"

#include <errno.h>
#include <string.h>

#include "lib/uapi/vfio.h"

#include "device.h"
#include "files.h"
#include "lock.h"
#include "objects.h"
#include "user-memory.h"

#define PREFIX "/dev/vfio/devices/vfio"

/* PASIDs are not simulated. */
#define ATTACH_SIZE END_OF(struct vfio_device_attach_iommufd_pt, pt_id)
#define DETACH_SIZE END_OF(struct vfio_device_detach_iommufd_pt, flags)

/* Without a node in /dev: there is no device, driver, support or node. */
static bool has_no_node(uint32_t state)
{
	return state >= IOMMUNEST_SIM_VFIO_ABSENT &&
	       state <= IOMMUNEST_SIM_VFIO_NO_NODE;
}

int iommunest__sim_vfio_node(const struct iommunest_sim *sim, const char *path)
{
	const size_t len = sizeof(PREFIX) - 1;
	uint32_t state;

	if (strncmp(path, PREFIX, len) != 0)
		return -ENOENT;
	path += len;
	if (path[0] < '0' || path[0] > '0' + (int)SIM_VFIO_NODES - 1 || path[1])
		return -ENOENT;
	state = sim->vfio_states[path[0] - '0'];
	if (has_no_node(state))
		return -ENOENT;
	if (state == IOMMUNEST_SIM_VFIO_PERMISSION)
		return -EACCES;
	return path[0] - '0';
}

/* A node can be open several times, but only one of these can be bound. */
static bool is_bound(const struct iommunest_sim *sim, unsigned int node)
{
	unsigned int i;

	for (i = 0; i < sim->file_room; i++) {
		const struct sim_file *file = sim->files[i];

		if (file && file->kind == SIM_FILE_VFIO && file->node == node &&
		    file->bound)
			return true;
	}
	return false;
}

/* Each struct begins with argsz and flags. */
static int read_cmd(const struct iommunest_sim *sim, void *cmd, uint64_t arg,
		    size_t size)
{
	struct {
		uint32_t argsz;
		uint32_t flags;
	} head;
	int ret = iommunest__sim_user_read(sim, cmd, arg, size);

	if (ret)
		return ret;
	memcpy(&head, cmd, sizeof(head));
	return head.argsz < size || head.flags ? -EINVAL : 0;
}

static int find_iommufd(const struct iommunest_sim *sim, int fd,
			struct sim_file **iommufd)
{
	*iommufd = iommunest__sim_file_get(sim, fd);
	if (!*iommufd)
		return -EBADF;
	return (*iommufd)->kind == SIM_FILE_IOMMUFD ? 0 : -EBADFD;
}

static int write_dev_id(const struct iommunest_sim *sim, uint64_t arg,
			uint32_t id)
{
	const size_t at = offsetof(struct vfio_device_bind_iommufd, out_devid);

	return iommunest__sim_user_write(sim, arg + at, &id, sizeof(id));
}

static bool is_state(const struct iommunest_sim *sim,
		     const struct sim_file *file, uint32_t state)
{
	return sim->vfio_states[file->node] == state;
}

/* What the device itself has against it, in the kernel's order. */
static int check_bind(const struct iommunest_sim *sim,
		      const struct sim_file *file)
{
	if (is_bound(sim, file->node) ||
	    is_state(sim, file, IOMMUNEST_SIM_VFIO_BOUND))
		return -EINVAL;
	if (is_state(sim, file, IOMMUNEST_SIM_VFIO_INTERRUPTS) ||
	    is_state(sim, file, IOMMUNEST_SIM_VFIO_GROUP_HOST_DRIVER) ||
	    is_state(sim, file, IOMMUNEST_SIM_VFIO_GROUP_CONTEXT))
		return -EPERM;
	return 0;
}

static int bind_iommufd(struct iommunest_sim *sim, struct sim_file *file,
			uint64_t arg)
{
	struct vfio_device_bind_iommufd cmd;
	struct sim_file *iommufd;
	uint32_t id;
	int ret;

	ret = read_cmd(sim, &cmd, arg, sizeof(cmd));
	if (ret)
		return ret;
	if (cmd.iommufd < 0)
		return -EINVAL;
	if (is_state(sim, file, IOMMUNEST_SIM_VFIO_GROUP_OPEN))
		return -EBUSY;
	if (file->bound)
		return -EINVAL;
	if (sim->profile->bind_asks_token &&
	    is_state(sim, file, IOMMUNEST_SIM_VFIO_TOKEN))
		return -EACCES;
	ret = find_iommufd(sim, cmd.iommufd, &iommufd);
	if (ret)
		return ret;
	ret = check_bind(sim, file);
	if (ret)
		return ret;
	ret = iommunest__sim_bind(iommufd, 0, &id);
	if (ret)
		return ret;
	ret = write_dev_id(sim, arg, id);
	if (ret) {
		iommunest__sim_object_destroy(
			iommufd, iommunest__sim_object_get(iommufd, id));
		return ret;
	}
	file->bound = true;
	file->iommufd = iommufd;
	file->dev_id = id;
	return 0;
}

static struct sim_device *device_of(const struct sim_file *file)
{
	return iommunest__sim_device_get(file->iommufd, file->dev_id);
}

static int attach(struct iommunest_sim *sim, struct sim_file *file,
		  uint64_t arg)
{
	const size_t at = offsetof(struct vfio_device_attach_iommufd_pt, pt_id);
	struct vfio_device_attach_iommufd_pt cmd;
	int ret;

	ret = read_cmd(sim, &cmd, arg, ATTACH_SIZE);
	if (ret)
		return ret;
	ret = iommunest__sim_attach(sim, file->iommufd, device_of(file),
				    &cmd.pt_id);
	if (ret)
		return ret;
	return iommunest__sim_user_write(sim, arg + at, &cmd.pt_id,
					 sizeof(cmd.pt_id));
}

static int detach(struct iommunest_sim *sim, struct sim_file *file,
		  uint64_t arg)
{
	struct vfio_device_detach_iommufd_pt cmd;
	int ret;

	ret = read_cmd(sim, &cmd, arg, DETACH_SIZE);
	if (ret)
		return ret;
	iommunest__sim_detach(file->iommufd, device_of(file));
	return 0;
}

int iommunest__sim_vfio_ioctl(struct iommunest_sim *sim, struct sim_file *file,
			      uint32_t cmd, uint64_t arg)
{
	if (cmd == VFIO_DEVICE_BIND_IOMMUFD)
		return bind_iommufd(sim, file, arg);
	if (!file->bound)
		return -EINVAL;
	/* The iommufd was closed; the kernel keeps its objects, unreachable. */
	if (!file->iommufd)
		return -ENOENT;
	if (cmd == VFIO_DEVICE_ATTACH_IOMMUFD_PT)
		return attach(sim, file, arg);
	if (cmd == VFIO_DEVICE_DETACH_IOMMUFD_PT)
		return detach(sim, file, arg);
	return -ENOTTY;
}

void iommunest__sim_vfio_close(struct sim_file *file)
{
	if (!file->iommufd)
		return;
	iommunest__sim_detach(file->iommufd, device_of(file));
	iommunest__sim_object_destroy(file->iommufd, &device_of(file)->obj);
	file->iommufd = NULL;
}

void iommunest__sim_vfio_forget(struct iommunest_sim *sim,
				const struct sim_file *iommufd)
{
	unsigned int i;

	for (i = 0; i < sim->file_room; i++) {
		if (sim->files[i] && sim->files[i]->iommufd == iommufd)
			sim->files[i]->iommufd = NULL;
	}
}

EXPORT int iommunest_sim_set_vfio(struct iommunest_sim *sim, unsigned int n,
				  uint32_t state)
{
	SIM_LOCKED(sim);
	if (!sim || n >= SIM_VFIO_NODES || state > IOMMUNEST_SIM_VFIO_TOKEN)
		return -EINVAL;
	sim->vfio_states[n] = state;
	return 0;
}
