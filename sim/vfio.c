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
#include "pasid.h"
#include "user-memory.h"

#define PREFIX "/dev/vfio/devices/vfio"

/* A device without a PASID, and that of VFIO's that has another meaning. */
#define MAX_PASID INT32_MAX

/* Of kernels with tokens. */
#define BIND_FLAG_TOKEN (1u << 0)

struct bind_with_token {
	struct vfio_device_bind_iommufd bind;
	uint64_t token_uuid_ptr;
};

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

/* What each struct begins with. */
struct head {
	uint32_t argsz;
	uint32_t flags;
};

/* As far as the first kernel with the ioctl knew the struct: @size bytes. */
static int read_cmd(const struct iommunest_sim *sim, void *cmd, uint64_t arg,
		    size_t size)
{
	struct head head;
	int ret = iommunest__sim_user_read(sim, cmd, arg, size);

	if (ret)
		return ret;
	memcpy(&head, cmd, sizeof(head));
	return head.argsz < size ? -EINVAL : 0;
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

/* A kernel with tokens takes a longer struct if the rest of it is 0. */
static int read_longer_bind(const struct iommunest_sim *sim,
			    struct bind_with_token *cmd, uint64_t arg)
{
	uint32_t size;
	int ret = iommunest__sim_user_read(sim, &size, arg, sizeof(size));

	if (ret)
		return ret;
	if (size < sizeof(cmd->bind))
		return -EINVAL;
	if (size > sizeof(*cmd)) {
		ret = iommunest__sim_user_zeroed(sim, arg + sizeof(*cmd),
						 size - sizeof(*cmd));
		if (ret <= 0)
			return ret ? ret : -E2BIG;
		size = sizeof(*cmd);
	}
	memset(cmd, 0, sizeof(*cmd));
	return iommunest__sim_user_read(sim, cmd, arg, size);
}

static int read_bind(const struct iommunest_sim *sim,
		     struct bind_with_token *cmd, uint64_t arg)
{
	uint32_t known = 0;
	int ret;

	if (sim->profile->has_pasids) {
		known = BIND_FLAG_TOKEN;
		ret = read_longer_bind(sim, cmd, arg);
	} else {
		ret = read_cmd(sim, cmd, arg, sizeof(cmd->bind));
	}
	if (ret)
		return ret;
	return cmd->bind.flags & ~known || cmd->bind.iommufd < 0 ? -EINVAL : 0;
}

/* No token is the right one, and where none is asked for, none is taken. */
static int check_token(const struct iommunest_sim *sim,
		       const struct sim_file *file,
		       const struct bind_with_token *cmd)
{
	const bool has = cmd->bind.flags & BIND_FLAG_TOKEN;
	char token[16];

	if (!sim->profile->has_pasids)
		return 0;
	if (has && iommunest__sim_user_read(sim, token, cmd->token_uuid_ptr,
					    sizeof(token)))
		return -EFAULT;
	if (is_state(sim, file, IOMMUNEST_SIM_VFIO_TOKEN))
		return -EACCES;
	return has ? -EINVAL : 0;
}

static int bind_iommufd(struct iommunest_sim *sim, struct sim_file *file,
			uint64_t arg)
{
	struct bind_with_token cmd;
	struct sim_file *iommufd;
	uint32_t id;
	int ret;

	ret = read_bind(sim, &cmd, arg);
	if (ret)
		return ret;
	if (is_state(sim, file, IOMMUNEST_SIM_VFIO_GROUP_OPEN))
		return -EBUSY;
	if (file->bound)
		return -EINVAL;
	ret = check_token(sim, file, &cmd);
	if (ret)
		return ret;
	ret = find_iommufd(sim, cmd.bind.iommufd, &iommufd);
	if (ret)
		return ret;
	ret = check_bind(sim, file);
	if (ret)
		return ret;
	ret = iommunest__sim_bind(sim, iommufd, sim->vfio_flags[file->node],
				  &id);
	if (ret)
		return ret;
	ret = write_dev_id(sim, arg, id);
	if (ret) {
		iommunest__sim_object_destroy(
			iommufd, iommunest__sim_object_get(iommufd, id));
		return ret;
	}
	file->bound = true;
	iommufd->users++;
	file->iommufd = iommufd;
	file->dev_id = id;
	return 0;
}

static struct sim_device *device_of(const struct sim_file *file)
{
	return iommunest__sim_device_get(file->iommufd, file->dev_id);
}

/* ---- Attaching ---- */

/* What follows @min bytes, which were read, if the flag for a PASID is set. */
static int read_pasid(const struct iommunest_sim *sim, void *cmd, uint64_t arg,
		      size_t min, size_t size)
{
	struct head head;

	memcpy(&head, cmd, sizeof(head));
	if (head.flags & ~(uint32_t)VFIO_DEVICE_ATTACH_PASID)
		return -EINVAL;
	if (!head.flags)
		return 0;
	if (!sim->profile->has_pasids || head.argsz < size)
		return -EINVAL;
	return iommunest__sim_user_read(sim, (char *)cmd + min, arg + min,
					size - min);
}

/*
 * PASID 0 is iommufd's name for the device itself.  VFIO has it in its account
 * of PASIDs, and does not know that the device is attached.
 */
static int attach_itself(const struct iommunest_sim *sim, struct sim_file *file,
			 struct sim_device *dev, bool as_pasid_0,
			 uint32_t *pt_id)
{
	const struct sim_object *obj =
		iommunest__sim_object_get(file->iommufd, *pt_id);

	if (!dev->hwpt || file->as_pasid_0 == as_pasid_0)
		return iommunest__sim_attach(sim, file->iommufd, dev, pt_id);
	if (!obj)
		return -ENOENT;
	return obj->type == SIM_DEVICE ? -EINVAL : -EBUSY;
}

static int attach_pasid(const struct iommunest_sim *sim, struct sim_file *file,
			struct sim_device *dev, uint32_t pasid, uint32_t *pt_id)
{
	int ret;

	if (pasid > MAX_PASID)
		return -ENOSPC;
	if (pasid)
		return iommunest__sim_pasid_attach(sim, file->iommufd, dev,
						   pasid, *pt_id);
	ret = attach_itself(sim, file, dev, true, pt_id);
	if (!ret)
		file->as_pasid_0 = true;
	return ret;
}

static void detach_itself(struct sim_file *file, bool as_pasid_0)
{
	if (file->as_pasid_0 == as_pasid_0)
		iommunest__sim_detach(file->iommufd, device_of(file));
	if (as_pasid_0)
		file->as_pasid_0 = false;
}

static int attach(struct iommunest_sim *sim, struct sim_file *file,
		  uint64_t arg)
{
	const size_t at = offsetof(struct vfio_device_attach_iommufd_pt, pt_id);
	struct vfio_device_attach_iommufd_pt cmd;
	struct sim_device *dev = device_of(file);
	int ret;

	ret = read_cmd(sim, &cmd, arg, at + sizeof(cmd.pt_id));
	if (!ret)
		ret = read_pasid(sim, &cmd, arg, at + sizeof(cmd.pt_id),
				 sizeof(cmd));
	if (ret)
		return ret;
	if (cmd.flags)
		ret = attach_pasid(sim, file, dev, cmd.pasid, &cmd.pt_id);
	else
		ret = attach_itself(sim, file, dev, false, &cmd.pt_id);
	if (ret)
		return ret;
	ret = iommunest__sim_user_write(sim, arg + at, &cmd.pt_id,
					sizeof(cmd.pt_id));
	/* The device itself, also where it was a PASID that was attached. */
	if (ret)
		detach_itself(file, false);
	return ret;
}

static int detach(struct iommunest_sim *sim, struct sim_file *file,
		  uint64_t arg)
{
	const size_t min =
		offsetof(struct vfio_device_detach_iommufd_pt, pasid);
	struct vfio_device_detach_iommufd_pt cmd;
	int ret;

	ret = read_cmd(sim, &cmd, arg, min);
	if (!ret)
		ret = read_pasid(sim, &cmd, arg, min, sizeof(cmd));
	if (ret)
		return ret;
	if (!cmd.flags)
		detach_itself(file, false);
	else if (cmd.pasid)
		iommunest__sim_pasid_detach(file->iommufd, device_of(file),
					    cmd.pasid);
	else
		detach_itself(file, true);
	return 0;
}

/* The kernel attaches it again to what it was attached to. */
static int reset(const struct sim_file *file)
{
	iommunest__sim_device_reset(device_of(file));
	return 0;
}

static int get_info(const struct iommunest_sim *sim, uint64_t arg)
{
	struct vfio_device_info info;
	int ret = read_cmd(sim, &info, arg, sizeof(info));

	if (ret)
		return ret;
	/* It can be reset, and is a PCI device, with its regions and IRQs. */
	info.flags = 3;
	info.num_regions = 9;
	info.num_irqs = 5;
	return iommunest__sim_user_write(sim, arg, &info, sizeof(info));
}

int iommunest__sim_vfio_ioctl(struct iommunest_sim *sim, struct sim_file *file,
			      uint32_t cmd, uint64_t arg)
{
	if (cmd == VFIO_DEVICE_BIND_IOMMUFD)
		return bind_iommufd(sim, file, arg);
	if (!file->bound)
		return -EINVAL;
	if (cmd == VFIO_DEVICE_ATTACH_IOMMUFD_PT)
		return attach(sim, file, arg);
	if (cmd == VFIO_DEVICE_DETACH_IOMMUFD_PT)
		return detach(sim, file, arg);
	if (cmd == VFIO_DEVICE_GET_INFO)
		return get_info(sim, arg);
	if (cmd == VFIO_DEVICE_RESET)
		return reset(file);
	return -ENOTTY;
}

void iommunest__sim_vfio_close(struct sim_file *file)
{
	if (!file->iommufd)
		return;
	iommunest__sim_pasid_detach_all(file->iommufd, device_of(file));
	iommunest__sim_detach(file->iommufd, device_of(file));
	iommunest__sim_object_destroy(file->iommufd, &device_of(file)->obj);
	iommunest__sim_iommufd_put(file->iommufd);
	file->iommufd = NULL;
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

EXPORT int iommunest_sim_set_vfio_flags(struct iommunest_sim *sim,
					unsigned int n, uint32_t flags)
{
	SIM_LOCKED(sim);

	if (!sim || n >= SIM_VFIO_NODES || !iommunest__sim_is_bindable(flags))
		return -EINVAL;
	sim->vfio_flags[n] = flags;
	return 0;
}
