/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The parts of iommufd's ABI that the simulated kernels know, and that are
 * missing from the headers which this may be built with.
 */
#ifndef IOMMUNEST_SIM_UAPI_NEWER_H
#define IOMMUNEST_SIM_UAPI_NEWER_H

#include <stdint.h>

/* _IOC_NR() of all ioctls, in the order in which they were added. */
enum {
	CMD_FIRST = 0x80,
	CMD_DESTROY = CMD_FIRST,
	CMD_IOAS_ALLOC,
	CMD_IOAS_ALLOW_IOVAS,
	CMD_IOAS_COPY,
	CMD_IOAS_IOVA_RANGES,
	CMD_IOAS_MAP,
	CMD_IOAS_UNMAP,
	CMD_OPTION,
	CMD_VFIO_IOAS,
	CMD_HWPT_ALLOC,
	CMD_GET_HW_INFO,
	CMD_HWPT_SET_DIRTY_TRACKING,
	CMD_HWPT_GET_DIRTY_BITMAP,
	CMD_HWPT_INVALIDATE,
	/* The last in 6.12. */
	CMD_FAULT_QUEUE_ALLOC,
	CMD_IOAS_MAP_FILE,
	CMD_VIOMMU_ALLOC,
	CMD_VDEVICE_ALLOC,
	CMD_IOAS_CHANGE_PROCESS,
	CMD_VEVENTQ_ALLOC,
	/* The last in 6.18. */
	CMD_HW_QUEUE_ALLOC,
	/* The last in 7.3. */
	CMD_IOAS_NOIOMMU_GET_PA,
};

/* IOMMU_HWPT_ALLOC_PASID */
#define HWPT_ALLOC_PASID (1u << 3)

/* IOMMU_HW_INFO_FLAG_INPUT_TYPE, IOMMU_HW_CAP_DIRTY_TRACKING, ... */
#define HW_INFO_INPUT_TYPE (1u << 0)
#define HW_INFO_CAP_DIRTY_TRACKING (1u << 0)
#define HW_INFO_CAP_PCI_ATS_NOT_SUPPORTED (1u << 3)

/* struct iommu_vfio_ioas, which nothing else here uses. */
struct sim_vfio_ioas {
	uint32_t size;
	uint32_t ioas_id;
	uint16_t op;
	uint16_t reserved;
};

/* struct iommu_viommu_alloc and others of vIOMMUs, likewise. */
struct sim_viommu_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t type;
	uint32_t dev_id;
	uint32_t hwpt_id;
	uint32_t out_id;
	uint32_t data_len;
	uint32_t reserved;
	uint64_t data;
};

struct sim_vdevice_alloc {
	uint32_t size;
	uint32_t viommu_id;
	uint32_t dev_id;
	uint32_t out_id;
	uint64_t virt_id;
};

struct sim_veventq_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t viommu_id;
	uint32_t type;
	uint32_t depth;
	uint32_t out_id;
	uint32_t out_fd;
	uint32_t reserved;
};

struct sim_hw_queue_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t viommu_id;
	uint32_t type;
	uint32_t index;
	uint32_t out_id;
	uint64_t iova;
	uint64_t length;
};

enum {
	VFIO_IOAS_GET,
	VFIO_IOAS_SET,
	VFIO_IOAS_CLEAR,
};

#endif /* IOMMUNEST_SIM_UAPI_NEWER_H */
