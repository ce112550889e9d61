/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What a guest may be shown of its host, for those who check what it is. */
#ifndef IOMMUNEST_VTD_GUEST_CAPS_H
#define IOMMUNEST_VTD_GUEST_CAPS_H

#include "lib/vtd/cap-regs.h"

/* CAP_REG and ECAP_REG. */
struct vtd_offer {
	uint64_t cap;
	uint64_t ecap;
};

/* How wide a PASID is for both the IOMMU and the device; 0: there are none. */
unsigned int iommunest__vtd_pasid_bits(const struct iommunest_hw_info *info);

/* Whether the hardware takes page requests, as guests expect it. */
bool iommunest__vtd_has_page_requests(const struct iommunest_hw_info *info);

/*
 * The largest set that hardware, kernel and library can carry.  @info is of a
 * VT-d; of @guest, only what it says of the kernel is looked at.
 */
struct vtd_offer iommunest__vtd_offer(const struct iommunest_hw_info *info,
				      const struct iommunest_vtd_guest *guest);

/* The kernel has what nested HWPTs need to be attached to PASIDs. */
static inline bool
vtd_kernel_has_pasids(const struct iommunest_vtd_guest *guest)
{
	return guest->features & IOMMUNEST_FEATURE_PASID;
}

/* A device asks for pages where a translation of its TLB failed. */
static inline bool
vtd_kernel_has_page_requests(const struct iommunest_vtd_guest *guest)
{
	return guest->features & IOMMUNEST_FEATURE_FAULT_QUEUE &&
	       !(guest->kernel_faults &
		 IOMMUNEST_VTD_KERNEL_FAULT_NO_NESTED_ATS);
}

/* A copy of the caller's struct; 0, or a negated errno. */
int iommunest__vtd_copy_guest(struct iommunest_vtd_guest *to,
			      const struct iommunest_vtd_guest *from);

#endif /* IOMMUNEST_VTD_GUEST_CAPS_H */
