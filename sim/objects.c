/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The objects of one iommufd, by id. */
#include "objects.h"

#include <errno.h>
#include <stdlib.h>

#include "cache.h"
#include "iopt.h"
#include "set.h"
#include "smmu-cache.h"

static int grow(struct sim_file *file)
{
	uint32_t room = file->object_room ? file->object_room * 2 : 16;
	struct sim_object **objects;

	objects =
		reallocarray(file->objects, room, sizeof(struct sim_object *));
	if (!objects)
		return -ENOMEM;
	while (file->object_room < room)
		objects[file->object_room++] = NULL;
	file->objects = objects;
	return 0;
}

static uint32_t lowest_free(const struct sim_file *file)
{
	uint32_t id = file->lowest_free;

	while (id < file->object_room && file->objects[id])
		id++;
	return id;
}

void *iommunest__sim_object_new(struct sim_file *file, size_t size,
				enum sim_type type)
{
	uint32_t id = lowest_free(file);
	struct sim_object *obj;

	if (id >= file->object_room && grow(file))
		return NULL;
	obj = calloc(1, size);
	if (!obj)
		return NULL;
	obj->type = type;
	obj->id = id;
	file->objects[id] = obj;
	file->lowest_free = id + 1;
	file->object_count++;
	return obj;
}

struct sim_object *iommunest__sim_object_get(const struct sim_file *file,
					     uint32_t id)
{
	return id < file->object_room ? file->objects[id] : NULL;
}

struct sim_device *iommunest__sim_device_get(const struct sim_file *file,
					     uint32_t id)
{
	struct sim_object *obj = iommunest__sim_object_get(file, id);

	return obj && obj->type == SIM_DEVICE ? (struct sim_device *)obj : NULL;
}

struct sim_fault_queue *
iommunest__sim_fault_queue_get(const struct sim_file *file, uint32_t id)
{
	struct sim_object *obj = iommunest__sim_object_get(file, id);

	return obj && obj->type == SIM_FAULT_QUEUE
		       ? (struct sim_fault_queue *)obj
		       : NULL;
}

struct sim_viommu *iommunest__sim_viommu_get(const struct sim_file *file,
					     uint32_t id)
{
	struct sim_object *obj = iommunest__sim_object_get(file, id);

	return obj && obj->type == SIM_VIOMMU ? (struct sim_viommu *)obj : NULL;
}

struct sim_hwpt *iommunest__sim_parent(const struct sim_hwpt *nested)
{
	if (nested->base->type == SIM_VIOMMU)
		return ((struct sim_viommu *)nested->base)->parent;
	return (struct sim_hwpt *)nested->base;
}

struct sim_ioas *iommunest__sim_ioas_get(const struct sim_file *file,
					 uint32_t id)
{
	struct sim_object *obj = iommunest__sim_object_get(file, id);

	return obj && obj->type == SIM_IOAS ? (struct sim_ioas *)obj : NULL;
}

static struct sim_hwpt *hwpt_get(const struct sim_file *file, uint32_t id,
				 enum sim_type type)
{
	struct sim_object *obj = iommunest__sim_object_get(file, id);

	return obj && obj->type == type ? (struct sim_hwpt *)obj : NULL;
}

struct sim_hwpt *iommunest__sim_paging_get(const struct sim_file *file,
					   uint32_t id)
{
	return hwpt_get(file, id, SIM_HWPT_PAGING);
}

struct sim_hwpt *iommunest__sim_hwpt_get(const struct sim_file *file,
					 uint32_t id)
{
	struct sim_hwpt *paging = iommunest__sim_paging_get(file, id);

	return paging ? paging : iommunest__sim_nested_get(file, id);
}

struct sim_hwpt *iommunest__sim_nested_get(const struct sim_file *file,
					   uint32_t id)
{
	return hwpt_get(file, id, SIM_HWPT_NESTED);
}

void iommunest__sim_requests_free(struct sim_device *dev)
{
	struct sim_request *request;

	while ((request = dev->requests)) {
		dev->requests = request->next;
		free(request);
	}
}

static void free_device(struct sim_device *dev)
{
	struct sim_device *pasid;

	iommunest__sim_requests_free(dev);
	iommunest__sim_tlb_free(&dev->tlb);
	while ((pasid = dev->pasids)) {
		dev->pasids = pasid->pasids;
		iommunest__sim_tlb_free(&pasid->tlb);
		free(pasid);
	}
}

static void free_groups(struct sim_group *group)
{
	struct sim_group *next;

	for (; group; group = next) {
		next = group->next;
		free(group);
	}
}

/* Groups are left only where the iommufd is closed: nobody is told. */
static void free_queue(struct sim_fault_queue *queue)
{
	free_groups(queue->unread);
	free_groups(queue->unanswered);
}

static void free_events(struct sim_event *event)
{
	struct sim_event *next;

	for (; event; event = next) {
		next = event->next;
		free(event);
	}
}

static void leave_users(const struct sim_hwpt *hwpt)
{
	hwpt->base->users--;
	if (hwpt->fault_queue)
		hwpt->fault_queue->obj.users--;
}

/* Does not touch its base: that may be freed already when a file is closed. */
static void free_object(struct sim_object *obj)
{
	struct sim_hwpt *hwpt = (struct sim_hwpt *)obj;

	if (!obj)
		return;
	switch (obj->type) {
	case SIM_IOAS:
		iommunest__sim_iopt_free((struct sim_ioas *)obj);
		break;
	case SIM_DEVICE:
		free_device((struct sim_device *)obj);
		break;
	case SIM_FAULT_QUEUE:
		free_queue((struct sim_fault_queue *)obj);
		break;
	case SIM_HWPT_PAGING:
	case SIM_HWPT_NESTED:
		iommunest__sim_iotlb_free(&hwpt->iotlb);
		iommunest__sim_set_free(&hwpt->dirty);
		iommunest__sim_asids_free(&hwpt->asids);
		break;
	case SIM_VEVENTQ:
		free_events(((struct sim_veventq *)obj)->events);
		break;
	case SIM_VIOMMU:
	case SIM_VDEVICE:
		break;
	}
	free(obj);
}

static void leave_viommu(struct sim_object *obj)
{
	struct sim_vdevice *vdevice = (struct sim_vdevice *)obj;

	if (obj->type == SIM_VIOMMU)
		((struct sim_viommu *)obj)->parent->obj.users--;
	if (obj->type == SIM_VEVENTQ)
		((struct sim_veventq *)obj)->viommu->obj.users--;
	if (obj->type != SIM_VDEVICE)
		return;
	vdevice->viommu->obj.users--;
	vdevice->dev->vdevice = NULL;
}

/* What others keep of it. */
static void unlink_object(struct sim_file *file, struct sim_object *obj)
{
	struct sim_hwpt *hwpt = (struct sim_hwpt *)obj;

	if (obj == (struct sim_object *)file->vfio_ioas)
		file->vfio_ioas = NULL;
	if (obj->type == SIM_HWPT_PAGING)
		iommunest__sim_iopt_remove_hwpt((struct sim_ioas *)hwpt->base,
						hwpt);
	if (obj->type == SIM_HWPT_PAGING || obj->type == SIM_HWPT_NESTED)
		leave_users(hwpt);
	if (obj->type == SIM_DEVICE && ((struct sim_device *)obj)->vdevice)
		iommunest__sim_object_destroy(
			file, &((struct sim_device *)obj)->vdevice->obj);
	leave_viommu(obj);
}

void iommunest__sim_object_destroy(struct sim_file *file,
				   struct sim_object *obj)
{
	unlink_object(file, obj);
	file->objects[obj->id] = NULL;
	file->object_count--;
	if (obj->id < file->lowest_free)
		file->lowest_free = obj->id;
	free_object(obj);
}

void iommunest__sim_objects_free(struct sim_file *file)
{
	uint32_t id;

	for (id = 0; id < file->object_room; id++)
		free_object(file->objects[id]);
	free(file->objects);
}
