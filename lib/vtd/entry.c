/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * VT-d stage-1 invalidation entries.
 *
 * The kernel checks the alignment of an address and the flags, and nothing
 * else: a count of 0 becomes one page, two or all of them by kernel version,
 * and a range past 2^64 wraps around.  None of that leaves these builders.
 */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/vtd/entry.h"

_Static_assert(sizeof(struct iommunest_vtd_entry) ==
		       sizeof(struct iommu_hwpt_vtd_s1_invalidate),
	       "an entry is sent as it is");
_Static_assert(offsetof(struct iommunest_vtd_entry, npages) ==
		       offsetof(struct iommu_hwpt_vtd_s1_invalidate, npages),
	       "an entry is sent as it is");
_Static_assert(offsetof(struct iommunest_vtd_entry, flags) ==
		       offsetof(struct iommu_hwpt_vtd_s1_invalidate, flags),
	       "an entry is sent as it is");
_Static_assert(IOMMUNEST_VTD_LEAF == IOMMU_VTD_INV_FLAGS_LEAF, "uAPI flag");

EXPORT void iommunest_vtd_entry_all(struct iommunest_vtd_entry *entry)
{
	*entry = (struct iommunest_vtd_entry){ .npages = UINT64_MAX };
}

EXPORT int iommunest_vtd_entry_range(struct iommunest_vtd_entry *entry,
				     uint64_t addr, uint64_t npages,
				     uint32_t flags)
{
	uint64_t pfn = addr >> VTD_PAGE_SHIFT;

	if (!entry)
		return -EINVAL;
	if (flags & ~IOMMUNEST_VTD_LEAF)
		return -EOPNOTSUPP;
	if ((addr & VTD_PAGE_MASK) || npages == 0)
		return -EINVAL;
	if (npages > VTD_ALL_PAGES - pfn)
		return -EINVAL;
	if (npages == VTD_ALL_PAGES) {
		iommunest_vtd_entry_all(entry);
		return 0;
	}
	*entry = (struct iommunest_vtd_entry){
		.addr = addr,
		.npages = npages,
		.flags = flags,
	};
	return 0;
}

EXPORT int iommunest_vtd_entry_block(struct iommunest_vtd_entry *entry,
				     uint64_t addr, unsigned int am,
				     uint32_t flags)
{
	uint64_t npages;

	if (!entry || am > VTD_AM_MAX)
		return -EINVAL;
	if (am >= VTD_ALL_ORDER)
		return iommunest_vtd_entry_range(entry, 0, VTD_ALL_PAGES,
						 flags);
	npages = UINT64_C(1) << am;
	addr &= ~((npages << VTD_PAGE_SHIFT) - 1);
	return iommunest_vtd_entry_range(entry, addr, npages, flags);
}

static void make_all(void *entry)
{
	iommunest_vtd_entry_all(entry);
}

EXPORT const struct iommunest_inv_type *iommunest_vtd_s1_type(void)
{
	static const struct iommunest_inv_type type = {
		.size = sizeof(type),
		.name = "vtd-s1",
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.entry_len = sizeof(struct iommunest_vtd_entry),
		.recovery = IOMMUNEST_RECOVERY_EXACT,
		.make_all = make_all,
	};

	return &type;
}
