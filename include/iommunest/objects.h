/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Objects of iommufd (linux/iommufd.h): I/O address spaces, HWPTs, and what the
 * hardware can do.  Programs include <libiommunest.h>.
 */
#ifndef IOMMUNEST_OBJECTS_H
#define IOMMUNEST_OBJECTS_H

#include <iommunest/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Destroys an IOAS, an HWPT or another object (IOMMU_DESTROY).  Returns 0,
 * -EINVAL (@ctx is NULL), -ENOENT (no such id), -EBUSY (something uses it).
 */
int iommunest_object_destroy(struct iommunest_ctx *ctx, uint32_t id);

/*
 * Allocates an I/O address space (IOMMU_IOAS_ALLOC) into *@ioas_id.  Returns
 * 0, -EINVAL (@ioas_id is NULL), -ENOMEM.
 */
int iommunest_ioas_alloc(struct iommunest_ctx *ctx, uint32_t *ioas_id);

/*
 * Allocates the stage-2 HWPT that is the parent of nested ones
 * (IOMMU_HWPT_ALLOC with IOMMU_HWPT_ALLOC_NEST_PARENT alone) from an IOAS.
 * @dev_id is the id that binding a VFIO device returned.  Returns 0, -EINVAL
 * (@hwpt_id is NULL, @ioas_id does not exist or is not an IOAS), -ENOENT (no
 * such device), -EOPNOTSUPP (the hardware or driver cannot nest), or an error
 * of iommunest_hwpt_alloc_paging().
 */
int iommunest_hwpt_alloc_parent(struct iommunest_ctx *ctx, uint32_t dev_id,
				uint32_t ioas_id, uint32_t *hwpt_id);

/* Flags of HWPTs (enum iommufd_hwpt_alloc_flags). */
/* A paging HWPT that nested ones may stand on. */
#define IOMMUNEST_HWPT_NEST_PARENT (1u << 0)
/*
 * A paging HWPT whose writes can be tracked, iommunest_dirty_set().  Only
 * devices behind hardware that can may be attached.
 */
#define IOMMUNEST_HWPT_DIRTY_TRACKING (1u << 1)
/*
 * Page requests go to the fault queue `fault_id`.  Linux 6.12 takes it for
 * nested HWPTs only, and no kernel for nest parents.
 */
#define IOMMUNEST_HWPT_FAULT_ID (1u << 2)
/*
 * It may be attached to a PASID of a device (later than Linux 6.12).  What the
 * device itself is attached to then needs the flag as well.
 */
#define IOMMUNEST_HWPT_PASID (1u << 3)

/* The host's page tables, filled from an IOAS. */
struct iommunest_paging_hwpt {
	size_t size;
	/* IOMMUNEST_HWPT_*. */
	uint32_t flags;
	/* With IOMMUNEST_HWPT_FAULT_ID; else 0. */
	uint32_t fault_id;
};

/*
 * Allocates a paging HWPT from an IOAS (IOMMU_HWPT_ALLOC), with flags that
 * iommunest_hwpt_alloc_parent() does not set.  All that is mapped in the IOAS
 * is pinned and mapped in it.  *@paging is read during the call only.  Any
 * thread.  Returns 0, -EINVAL (NULL, a size too small, a @fault_id without its
 * flag, @ioas_id does not exist or is not an IOAS), -E2BIG, -ENOENT (no such
 * device or fault queue), -EOPNOTSUPP (flags that the kernel, the driver or the
 * hardware does not know or have, also together), -EADDRINUSE (something is
 * mapped where the hardware maps nothing, or unaligned), -EFAULT (something
 * mapped is not memory any more), -ENOMEM (also: above RLIMIT_MEMLOCK).
 */
int iommunest_hwpt_alloc_paging(struct iommunest_ctx *ctx, uint32_t dev_id,
				uint32_t ioas_id,
				const struct iommunest_paging_hwpt *paging,
				uint32_t *hwpt_id);

/* A guest's stage 1, in the terms of the vendor's driver. */
struct iommunest_nested_hwpt {
	size_t size;
	/* enum iommu_hwpt_data_type, and that type's struct. */
	uint32_t data_type;
	uint32_t data_len;
	const void *data;
	/* IOMMUNEST_HWPT_FAULT_ID, IOMMUNEST_HWPT_PASID. */
	uint32_t flags;
	/* With IOMMUNEST_HWPT_FAULT_ID; else 0. */
	uint32_t fault_id;
};

/*
 * Allocates a nested HWPT of any vendor on the stage 2 of @parent_id
 * (IOMMU_HWPT_ALLOC): a nest parent, or a vIOMMU where the vendor has one.  A
 * vendor's own function, such as iommunest_vtd_hwpt_alloc(), knows the data and
 * refuses what the kernel mistreats.  *@nested is read during the call only.
 * Any thread.  Returns 0, -EINVAL (NULL, no data, a size too small, a
 * @fault_id without its flag, @parent_id is not a nest parent), -E2BIG,
 * -ENOENT (no such device or fault queue), -EOPNOTSUPP (unknown flags; hardware
 * or driver), -ENOMEM, or the driver's error.
 */
int iommunest_hwpt_alloc_nested(struct iommunest_ctx *ctx, uint32_t dev_id,
				uint32_t parent_id,
				const struct iommunest_nested_hwpt *nested,
				uint32_t *hwpt_id);

/* iommunest_hw_info::type (enum iommu_hw_info_type) of no IOMMU. */
#define IOMMUNEST_HW_NONE 0u

/* iommunest_hw_info::capabilities (enum iommufd_hw_capabilities). */
#define IOMMUNEST_HW_CAP_DIRTY_TRACKING (1u << 0)
/* Of the device's PASID capability; and: ATS cannot be used. */
#define IOMMUNEST_HW_CAP_PASID_EXEC (1u << 1)
#define IOMMUNEST_HW_CAP_PASID_PRIV (1u << 2)
#define IOMMUNEST_HW_CAP_NO_ATS (1u << 3)

struct iommunest_hw_info {
	size_t size;
	/*
	 * IOMMUNEST_HW_NONE, a number in a vendor's header, such as
	 * IOMMUNEST_HW_INTEL_VTD, or one of a later kernel.
	 */
	uint32_t type;
	/* Bytes that the driver has; @data may have room for fewer. */
	uint32_t data_len;
	/* IOMMUNEST_HW_CAP_*. */
	uint64_t capabilities;
	/* Width of the device's PASIDs, 0 to 20 bits; 0: no PASID. */
	uint32_t max_pasid_log2;
	uint32_t reserved;
	/*
	 * The driver's own struct of that type, for the vendor's functions to
	 * read; zero after it.
	 */
	uint64_t data[16];
};

/*
 * Asks which IOMMU @dev_id is behind (IOMMU_GET_HW_INFO).  @info->size is how
 * much of the struct the caller knows.  Returns 0, -EINVAL (NULL or a size too
 * small), -E2BIG (above 4096), -ENOENT (no such device), -EOPNOTSUPP (a device
 * without an IOMMU), or the driver's error.
 */
int iommunest_hw_info(struct iommunest_ctx *ctx, uint32_t dev_id,
		      struct iommunest_hw_info *info);

#ifdef __cplusplus
}
#endif

#endif /* IOMMUNEST_OBJECTS_H */
