/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * vIOMMUs, virtual devices and event queues, which are newer than the headers
 * that this may be built with.  As in the kernel's
 * include/uapi/linux/iommufd.h, except for the names.
 */
#ifndef CONFORMANCE_VIOMMU_UAPI_H
#define CONFORMANCE_VIOMMU_UAPI_H

#include <linux/ioctl.h>
#include <stdint.h>

struct viommu_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t type;
	uint32_t dev_id;
	uint32_t hwpt_id;
	uint32_t out_viommu_id;
	uint32_t data_len;
	uint32_t reserved;
	uint64_t data_uptr;
};
#define VIOMMU_ALLOC _IO(';', 0x90)

struct vdevice_alloc {
	uint32_t size;
	uint32_t viommu_id;
	uint32_t dev_id;
	uint32_t out_vdevice_id;
	uint64_t virt_id;
};
#define VDEVICE_ALLOC _IO(';', 0x91)

struct veventq_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t viommu_id;
	uint32_t type;
	uint32_t depth;
	uint32_t out_veventq_id;
	uint32_t out_veventq_fd;
	uint32_t reserved;
};
#define VEVENTQ_ALLOC _IO(';', 0x93)

struct hw_queue_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t viommu_id;
	uint32_t type;
	uint32_t index;
	uint32_t out_hw_queue_id;
	uint64_t iova;
	uint64_t length;
};
#define HW_QUEUE_ALLOC _IO(';', 0x94)

/* Before each record of an event queue. */
struct vevent_header {
	uint32_t flags;
	uint32_t sequence;
};
#define VEVENT_LOST 1u

#endif /* CONFORMANCE_VIOMMU_UAPI_H */
