/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The objects of one iommufd, by id. */
#ifndef IOMMUNEST_SIM_OBJECTS_H
#define IOMMUNEST_SIM_OBJECTS_H

#include "internal.h"

/* Makes an object with the lowest free id.  NULL: no memory. */
void *iommunest__sim_object_new(struct sim_file *file, size_t size,
				enum sim_type type);
/* NULL: no such id. */
struct sim_object *iommunest__sim_object_get(const struct sim_file *file,
					     uint32_t id);
/* NULL: no such id, or an object of another type. */
struct sim_device *iommunest__sim_device_get(const struct sim_file *file,
					     uint32_t id);
struct sim_ioas *iommunest__sim_ioas_get(const struct sim_file *file,
					 uint32_t id);
/* Paging or nested. */
struct sim_hwpt *iommunest__sim_hwpt_get(const struct sim_file *file,
					 uint32_t id);
struct sim_hwpt *iommunest__sim_paging_get(const struct sim_file *file,
					   uint32_t id);
struct sim_hwpt *iommunest__sim_nested_get(const struct sim_file *file,
					   uint32_t id);
struct sim_viommu *iommunest__sim_viommu_get(const struct sim_file *file,
					     uint32_t id);
struct sim_fault_queue *
iommunest__sim_fault_queue_get(const struct sim_file *file, uint32_t id);
/* The paging HWPT that a nested one is on, also through a vIOMMU. */
struct sim_hwpt *iommunest__sim_parent(const struct sim_hwpt *nested);
/* Takes the object out of the table and frees it. */
void iommunest__sim_object_destroy(struct sim_file *file,
				   struct sim_object *obj);
/* Drops the page requests of groups whose last one has not come. */
void iommunest__sim_requests_free(struct sim_device *dev);
void iommunest__sim_objects_free(struct sim_file *file);

#endif /* IOMMUNEST_SIM_OBJECTS_H */
