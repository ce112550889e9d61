/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What a guest may be shown of its host.  iommunest_vtd_guest_caps(3) has the
 * reason for each bit.
 */
#include "lib/abi.h"
#include "lib/vtd/guest-caps.h"

#define GUEST_FLAGS                                                \
	(IOMMUNEST_VTD_GUEST_READ_ONLY | IOMMUNEST_VTD_GUEST_ATS | \
	 IOMMUNEST_VTD_GUEST_PRI)

/* Shown as the host has it; all that is not named here is 0. */
#define CAP_SHOWN                                                     \
	(CAP_SAGAW_WIDTHS | CAP_MGAW | CAP_ZLR | CAP_PSI | CAP_MAMV | \
	 CAP_DWD | CAP_DRD | CAP_FS1GP | CAP_FS5LP)
#define ECAP_SHOWN                                                         \
	(ECAP_C | ECAP_SC | ECAP_SRS | ECAP_EAFS | ECAP_SMTS | ECAP_FSTS | \
	 ECAP_SMPWCS)
/* The same, where there are device TLBs. */
#define ECAP_SHOWN_WITH_DT (ECAP_DT | ECAP_NWFS | ECAP_DIT)
/* Linux takes a device's page requests where it has all of these. */
#define ECAP_PAGE_REQUESTS (ECAP_DT | ECAP_PRS | ECAP_PDS)

/* A caller that knows nothing of the kernel. */
static const struct iommunest_vtd_guest no_kernel;

unsigned int iommunest__vtd_pasid_bits(const struct iommunest_hw_info *info)
{
	unsigned int bits = vtd_pss_bits(vtd_host(info).ecap_reg);

	if (bits > info->max_pasid_log2)
		bits = info->max_pasid_log2;
	return bits < VTD_PASID_BITS_MAX ? bits : VTD_PASID_BITS_MAX;
}

bool iommunest__vtd_has_page_requests(const struct iommunest_hw_info *info)
{
	return !(~vtd_host(info).ecap_reg & ECAP_PAGE_REQUESTS);
}

static uint64_t offered_pasids(const struct iommunest_hw_info *info,
			       const struct iommunest_vtd_guest *guest)
{
	unsigned int bits = iommunest__vtd_pasid_bits(info);

	if (!bits || !vtd_kernel_has_pasids(guest))
		return 0;
	return ECAP_PASID | bits_put(bits - 1, ECAP_PSS);
}

static uint64_t offered_page_requests(const struct iommunest_hw_info *info,
				      const struct iommunest_vtd_guest *guest)
{
	if (!iommunest__vtd_has_page_requests(info) ||
	    !vtd_kernel_has_page_requests(guest))
		return 0;
	return ECAP_PAGE_REQUESTS;
}

struct vtd_offer iommunest__vtd_offer(const struct iommunest_hw_info *info,
				      const struct iommunest_vtd_guest *guest)
{
	const struct iommu_hw_info_vtd host = vtd_host(info);
	struct vtd_offer offer = {
		.cap = host.cap_reg & CAP_SHOWN,
		.ecap = ECAP_QI | (host.ecap_reg & ECAP_SHOWN),
	};

	if (host.ecap_reg & ECAP_DT)
		offer.ecap |= host.ecap_reg & ECAP_SHOWN_WITH_DT;
	offer.ecap |= offered_pasids(info, guest);
	offer.ecap |= offered_page_requests(info, guest);
	return offer;
}

int iommunest__vtd_copy_guest(struct iommunest_vtd_guest *to,
			      const struct iommunest_vtd_guest *from)
{
	int ret;

	ret = iommunest_copy_in(to, sizeof(*to), from,
				END_OF(struct iommunest_vtd_guest, reserved));
	if (ret)
		return ret;
	if (to->reserved)
		return -EINVAL;
	return to->flags & ~GUEST_FLAGS ? -EOPNOTSUPP : 0;
}

EXPORT int iommunest_vtd_guest_caps(const struct iommunest_hw_info *info,
				    uint64_t *cap, uint64_t *ecap)
{
	struct vtd_offer offer;

	if (!cap || !ecap || iommunest__vtd_check_info(info) < 0)
		return -EINVAL;
	if (!vtd_info_is_vtd(info))
		return -EOPNOTSUPP;
	offer = iommunest__vtd_offer(info, &no_kernel);
	*cap = offer.cap;
	*ecap = offer.ecap;
	return 0;
}

EXPORT int iommunest_vtd_guest_offer(const struct iommunest_hw_info *info,
				     struct iommunest_vtd_guest *guest)
{
	struct iommunest_vtd_guest copy;
	struct vtd_offer offer;
	int ret;

	if (!guest || iommunest__vtd_check_info(info) < 0)
		return -EINVAL;
	ret = iommunest__vtd_copy_guest(&copy, guest);
	if (ret)
		return ret;
	if (!vtd_info_is_vtd(info))
		return -EOPNOTSUPP;
	offer = iommunest__vtd_offer(info, &copy);
	guest->cap = offer.cap;
	guest->ecap = offer.ecap;
	return 0;
}
