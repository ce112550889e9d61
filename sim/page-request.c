/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Page requests of simulated devices.  The driver keeps them by device until
 * the last one of their group comes, and only then is there a group to read.
 */
#include "page-request.h"

#include <errno.h>
#include <stdlib.h>

#include "device.h"
#include "fault-queue.h"
#include "files.h"
#include "lock.h"
#include "objects.h"

/* A page request group index has 9 bits, a PASID 20. */
#define PRGI_MAX 0x1ffu
#define PASID_MAX 0xfffffu

#define FLAGS (IOMMUNEST_PAGE_REQUEST_PASID | IOMMUNEST_PAGE_REQUEST_LAST)
#define PERMS                                                         \
	(IOMMUNEST_PAGE_REQUEST_READ | IOMMUNEST_PAGE_REQUEST_WRITE | \
	 IOMMUNEST_PAGE_REQUEST_EXEC | IOMMUNEST_PAGE_REQUEST_PRIV)

/* ---- Requests without the last one ---- */

static int keep(struct sim_device *dev,
		const struct iommu_hwpt_pgfault *request)
{
	struct sim_request *new = malloc(sizeof(*new));
	struct sim_request **at = &dev->requests;

	if (!new)
		return -ENOMEM;
	while (*at)
		at = &(*at)->next;
	new->next = NULL;
	new->request = *request;
	*at = new;
	return 0;
}

static uint32_t count_of(const struct sim_device *dev, uint32_t grpid)
{
	const struct sim_request *request;
	uint32_t count = 0;

	for (request = dev->requests; request; request = request->next)
		count += request->request.grpid == grpid;
	return count;
}

/*
 * Their PASIDs may differ: the kernel looks at the group's index alone.  The
 * group is answered when @attached is detached.
 */
static struct sim_group *make_group(struct sim_device *dev,
				    struct sim_device *attached,
				    const struct iommu_hwpt_pgfault *last)
{
	const uint32_t count = count_of(dev, last->grpid) + 1;
	struct sim_request **at = &dev->requests;
	struct sim_request *request;
	struct sim_group *group;

	group = calloc(1, sizeof(*group) + count * sizeof(*last));
	if (!group)
		return NULL;
	group->device = attached;
	while ((request = *at)) {
		if (request->request.grpid != last->grpid) {
			at = &request->next;
			continue;
		}
		group->requests[group->count++] = request->request;
		*at = request->next;
		free(request);
	}
	group->requests[group->count++] = *last;
	return group;
}

/* ---- Raising one ---- */

/*
 * What a request is for: the device itself, or the PASID, if that is attached.
 * A PASID of 0 that is valid never is.
 */
static struct sim_device *attached_of(struct sim_device *dev,
				      const struct iommu_hwpt_pgfault *request)
{
	if (!(request->flags & IOMMU_PGFAULT_FLAGS_PASID_VALID))
		return dev;
	return request->pasid ? iommunest__sim_device_pasid(dev, request->pasid)
			      : NULL;
}

static int raise(struct iommunest_sim *sim, struct sim_device *dev,
		 const struct iommu_hwpt_pgfault *request)
{
	struct sim_device *attached = attached_of(dev, request);
	struct sim_group *group;

	if (!attached || !attached->hwpt || !attached->hwpt->fault_queue) {
		iommunest__sim_page_respond(sim, request,
					    IOMMUFD_PAGE_RESP_INVALID);
		return -EINVAL;
	}
	if (!(request->flags & IOMMU_PGFAULT_FLAGS_LAST_PAGE))
		return keep(dev, request);
	group = make_group(dev, attached, request);
	if (!group)
		return -ENOMEM;
	iommunest__sim_fault_queue_add(attached->hwpt->fault_queue, group);
	return 0;
}

int iommunest__sim_ask_for_page(struct iommunest_sim *sim,
				struct sim_device *dev, uint32_t pasid,
				uint64_t addr, uint32_t perm)
{
	const struct iommu_hwpt_pgfault request = {
		.flags = IOMMU_PGFAULT_FLAGS_LAST_PAGE |
			 (pasid ? IOMMU_PGFAULT_FLAGS_PASID_VALID : 0),
		.dev_id = dev->obj.id,
		.pasid = pasid,
		.perm = perm,
		.addr = addr & ~(uint64_t)(SIM_PAGE_SIZE - 1),
	};

	return raise(sim, dev, &request);
}

static bool is_request(const struct iommunest_page_request *request)
{
	return !(request->flags & ~FLAGS) && !(request->perm & ~PERMS) &&
	       request->prgi <= PRGI_MAX && request->pasid <= PASID_MAX &&
	       !request->reserved && !request->length && !request->cookie;
}

EXPORT int
iommunest_sim_page_request(struct iommunest_sim *sim, int fd,
			   const struct iommunest_page_request *request)
{
	SIM_LOCKED(sim);
	struct iommu_hwpt_pgfault raised;
	struct sim_device *dev;
	struct sim_file *file;

	if (!sim || !request || !is_request(request))
		return -EINVAL;
	file = iommunest__sim_iommufd_get(sim, fd);
	if (!file)
		return -EBADF;
	dev = iommunest__sim_device_get(file, request->dev_id);
	if (!dev)
		return -ENOENT;
	raised = (struct iommu_hwpt_pgfault){
		.flags = request->flags,
		.dev_id = request->dev_id,
		.pasid = request->pasid,
		.grpid = request->prgi,
		.perm = request->perm,
		/* The hardware's queue has pages. */
		.addr = request->addr & ~(uint64_t)(SIM_PAGE_SIZE - 1),
	};
	return raise(sim, dev, &raised);
}
