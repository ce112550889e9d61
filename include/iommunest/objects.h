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

/* ------------------------------------------------------------------------
 * Objects, and I/O address spaces
 */

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

/* ------------------------------------------------------------------------
 * What an IOAS may map
 */

/* Addresses of DMA, in bytes, both included (struct iommu_iova_range). */
struct iommunest_iova_range {
	uint64_t start;
	uint64_t last;
};

struct iommunest_iova_ranges {
	size_t size;
	/*
	 * What the start and the length of a mapping are multiples of: a power
	 * of two, up to the page size; 1 as long as the IOAS has no HWPT.
	 */
	uint64_t alignment;
	/* Ascending.  NULL where there is none. */
	struct iommunest_iova_range *ranges;
	uint32_t count;
	uint32_t reserved;
};

/*
 * Asks which IOVAs can be mapped in an IOAS (IOMMU_IOAS_IOVA_RANGES).  HWPTs
 * and attached devices take some away, so this is to be asked after those.
 * @ranges->size must be set; the rest is written on success only, without a
 * look at what was there.  iommunest_iova_ranges_free() frees it.  Any thread.
 * Returns 0, -EINVAL (NULL, a size too small), -E2BIG (a size above 4096),
 * -ENOENT (no such IOAS), -ENOMEM, -EMSGSIZE (there were more ranges each time;
 * ask again).
 */
int iommunest_ioas_iova_ranges(struct iommunest_ctx *ctx, uint32_t ioas_id,
			       struct iommunest_iova_ranges *ranges);

/*
 * Frees what iommunest_ioas_iova_ranges() has written, and leaves no range.
 * NULL, and a struct of which all but the size is zero, are allowed.  Any
 * thread.
 */
void iommunest_iova_ranges_free(struct iommunest_iova_ranges *ranges);

/*
 * Says which IOVAs have to stay mappable, instead of what was said before
 * (IOMMU_IOAS_ALLOW_IOVAS): a device that would take some of them away cannot
 * be attached.  The kernel chooses IOVAs from them, if there are any.  With a
 * @count of 0 there are none, and @ranges may be NULL.  Each has two addresses
 * at least, and none overlaps another.  *@ranges is read during the call only.
 * Any thread.  Returns 0, -EINVAL (NULL, a bad range), -ENOENT (no such IOAS),
 * -EADDRINUSE (something attached has taken some away already), -ENOMEM.
 */
int iommunest_ioas_allow_iovas(struct iommunest_ctx *ctx, uint32_t ioas_id,
			       const struct iommunest_iova_range *ranges,
			       uint32_t count);

/* ------------------------------------------------------------------------
 * Mapping
 *
 * An IOAS maps IOVAs, such as a guest's physical addresses, to memory of the
 * process.  What an HWPT is made of is pinned: it counts for RLIMIT_MEMLOCK,
 * and what is unmapped from the process or truncated meanwhile stays where it
 * was for devices.  All functions may be called by any thread.
 */

/* Flags of mappings (enum iommufd_ioas_map_flags). */
/* At *@iova, instead of where the kernel chooses. */
#define IOMMUNEST_MAP_FIXED (1u << 0)
/* What devices may do; one of the two at least. */
#define IOMMUNEST_MAP_WRITE (1u << 1)
#define IOMMUNEST_MAP_READ (1u << 2)

/*
 * Maps @length bytes of memory from @addr on (IOMMU_IOAS_MAP).  Without
 * IOMMUNEST_MAP_FIXED the kernel chooses an IOVA, never 0, which becomes
 * *@iova; on failure that is unchanged.  @addr, @length and IOVA are multiples
 * of the alignment that iommunest_ioas_iova_ranges() says.  As long as the IOAS
 * has no HWPT that is 1, and nothing is pinned: what cannot be mapped then
 * fails when an HWPT is allocated.  Returns 0 or
 *   -EINVAL      NULL; neither read nor write; a @length of 0; not aligned; an
 *                IOVA that is not in a range; read-only in a VT-d nest parent
 *                (IOMMUNEST_VTD_ERRATA_772415_SPR17)
 *   -EOVERFLOW   beyond 2^64
 *   -EEXIST      something is mapped there; it is not replaced
 *   -ENOSPC      the kernel finds no IOVA
 *   -EOPNOTSUPP  unknown flags
 *   -ENOENT      no such IOAS
 *   -EFAULT      not memory, or not to be written
 *   -ENOMEM      also: above RLIMIT_MEMLOCK
 */
int iommunest_ioas_map(struct iommunest_ctx *ctx, uint32_t ioas_id, void *addr,
		       uint64_t length, uint32_t flags, uint64_t *iova);

/*
 * The same for @length bytes of a file from its byte @start on
 * (IOMMU_IOAS_MAP_FILE, later than Linux 6.12): a memfd or a file in hugetlbfs
 * or tmpfs; of newer kernels, some DMA buffers.  @fd is used during the call
 * only.  The kernel does not look at how it was opened, nor at a seal against
 * writing: with IOMMUNEST_MAP_WRITE devices write all the same.  Returns what
 * iommunest_ioas_map() does, and -ENOTTY (Linux 6.12 and before), -EBADF (not
 * an open file), -EINVAL (not such a file, or beyond its end).
 */
int iommunest_ioas_map_file(struct iommunest_ctx *ctx, uint32_t ioas_id, int fd,
			    uint64_t start, uint64_t length, uint32_t flags,
			    uint64_t *iova);

/*
 * Maps what is mapped in @src_ioas_id from @src_iova on in another IOAS, or a
 * second time in the same one (IOMMU_IOAS_COPY); it is pinned only once.  The
 * range need not be whole mappings, but has to be without holes.  @flags and
 * *@dst_iova are as those of iommunest_ioas_map(), and so are errors; -ENOENT
 * is also a hole, and -EPERM a write where the source was mapped read-only.
 */
int iommunest_ioas_copy(struct iommunest_ctx *ctx, uint32_t dst_ioas_id,
			uint32_t src_ioas_id, uint64_t src_iova,
			uint64_t length, uint32_t flags, uint64_t *dst_iova);

/*
 * Unmaps all mappings within @length bytes from @iova on (IOMMU_IOAS_UNMAP).
 * None is cut in two.  *@unmapped, if not NULL, is how many bytes were mapped
 * there.  Returns 0 or
 *   -ENOENT     no such IOAS; nothing is mapped there; or a mapping is only
 *               partly within, and those before it are unmapped
 *   -EINVAL     @ctx is NULL, a @length of 0
 *   -EOVERFLOW  beyond 2^64; also what means "all" to the kernel: 0 and
 *               UINT64_MAX, which iommunest_ioas_unmap_all() is for
 *   -EBUSY      it is being mapped or unmapped by another thread, or in use
 */
int iommunest_ioas_unmap(struct iommunest_ctx *ctx, uint32_t ioas_id,
			 uint64_t iova, uint64_t length, uint64_t *unmapped);

/*
 * Unmaps all of an IOAS.  Nothing mapped is no error: *@unmapped, if not NULL,
 * is 0.  Returns 0, -EINVAL (@ctx is NULL), -ENOENT (no such IOAS), -EBUSY.
 */
int iommunest_ioas_unmap_all(struct iommunest_ctx *ctx, uint32_t ioas_id,
			     uint64_t *unmapped);

/*
 * Takes over what another process has mapped in the context's IOASs: what is
 * pinned counts for this process from now on (IOMMU_IOAS_CHANGE_PROCESS, later
 * than Linux 6.12).  Only files, from iommunest_ioas_map_file(), can be taken
 * over.  On failure nothing has changed.  Any thread.  Returns 0, -EINVAL (@ctx
 * is NULL; something else is mapped), -ENOTTY (Linux 6.12 and before), -EBUSY
 * (another thread maps), -ENOMEM (also: above RLIMIT_MEMLOCK).
 */
int iommunest_change_process(struct iommunest_ctx *ctx);

/* ------------------------------------------------------------------------
 * Options of iommufd
 */

/* enum iommufd_option. */
/*
 * How what is pinned counts for RLIMIT_MEMLOCK: 0, for the user, which is the
 * default, or 1, for the process.  Object 0.  Set before any object exists, and
 * with CAP_SYS_RESOURCE.
 */
#define IOMMUNEST_OPTION_RLIMIT_MODE 0u
/*
 * Whether adjacent pages become huge ones of the hardware's: 1, the default, or
 * 0.  Of an IOAS, which is the object.
 */
#define IOMMUNEST_OPTION_HUGE_PAGES 1u

/*
 * Reads or sets an option (IOMMU_OPTION) of @object_id.  *@value is written on
 * success only.  Any thread.  Returns 0, -EINVAL (NULL, a value that the option
 * does not have, or huge pages turned off for an HWPT that has mappings),
 * -EOPNOTSUPP (no such option, or it is not of objects), -ENOENT (no such
 * object), -EPERM, -EBUSY (the context has objects), -EADDRINUSE (something is
 * mapped that is not whole pages).
 */
int iommunest_option_get(struct iommunest_ctx *ctx, uint32_t option,
			 uint32_t object_id, uint64_t *value);
int iommunest_option_set(struct iommunest_ctx *ctx, uint32_t option,
			 uint32_t object_id, uint64_t value);

/* ------------------------------------------------------------------------
 * HWPTs
 */

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
 * It may be attached to a PASID of a device (Linux 6.15).  What the device
 * itself is attached to then needs the flag as well.
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

/* ------------------------------------------------------------------------
 * Dirty tracking: what devices have written to, of a paging HWPT that was
 * allocated with IOMMUNEST_HWPT_DIRTY_TRACKING
 */

/*
 * Begins to track, with nothing dirty, or ends it
 * (IOMMU_HWPT_SET_DIRTY_TRACKING).  What is so already stays as it is, except
 * that beginning again makes all clean.  Any thread.  Returns 0, -EINVAL (@ctx
 * is NULL), -ENOENT (no such HWPT), -EOPNOTSUPP (an HWPT without the flag), or
 * the driver's error.
 */
int iommunest_dirty_set(struct iommunest_ctx *ctx, uint32_t hwpt_id,
			bool track);

/* iommunest_dirty::flags (enum iommufd_hwpt_get_dirty_bitmap_flags). */
/* What was dirty stays dirty: for what is to be unmapped next. */
#define IOMMUNEST_DIRTY_NO_CLEAR (1u << 0)

struct iommunest_dirty {
	size_t size;
	/* Address of the first bit; a multiple of @page_size. */
	uint64_t iova;
	/* In bytes; a multiple of @page_size. */
	uint64_t length;
	/* Bytes that a bit stands for: a power of two. */
	uint64_t page_size;
	/*
	 * Bit 0 of byte 0 is @iova.  Bits are set, and never cleared: zero it
	 * first.
	 */
	void *bitmap;
	/* Bytes of @bitmap: a bit for each page, rounded up, or more. */
	uint64_t bitmap_len;
	/* IOMMUNEST_DIRTY_*. */
	uint32_t flags;
	uint32_t reserved;
};

/*
 * Adds to a bitmap what was written since the HWPT began to be tracked, or was
 * read last, and makes it clean (IOMMU_HWPT_GET_DIRTY_BITMAP).
 *
 * The range has to be whole mappings, each next to the one before; one
 * mapping, for example.  The kernel succeeds for others too, and loses what
 * follows a hole, and a huge page that begins before the range.  Of a huge page
 * that ends after the range it writes bits beyond the bitmap.
 *
 * Refused here because the kernel takes it and loses what was dirty: no
 * @bitmap (-EINVAL), one too small (-EMSGSIZE), a page size that is not a power
 * of two, an address or length that is not a multiple of it (-EINVAL).
 * *@dirty is read during the call only.  Any thread, but each range and
 * bitmap by one at a time.  Returns 0, those, -EINVAL (NULL, a size too small,
 * a @length of 0), -E2BIG, -EOVERFLOW (beyond 2^64), -EOPNOTSUPP (unknown
 * flags; an HWPT without dirty tracking), -ENOENT (no such HWPT), -ENOMEM.
 */
int iommunest_dirty_get(struct iommunest_ctx *ctx, uint32_t hwpt_id,
			const struct iommunest_dirty *dirty);

/* ------------------------------------------------------------------------
 * Hardware
 */

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
