/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What a guest may be shown of its host, and whether a host can serve it.
 * iommunest_vtd_guest_caps(3) has the reason for each bit.
 */
#include "lib/abi.h"
#include "lib/vtd/cap-regs.h"

#define GUEST_FLAGS                                                \
	(IOMMUNEST_VTD_GUEST_READ_ONLY | IOMMUNEST_VTD_GUEST_ATS | \
	 IOMMUNEST_VTD_GUEST_PRI)

/* Shown as the host has it; all that is not named here is 0. */
#define CAP_SHOWN                                                        \
	(CAP_SAGAW | CAP_MGAW | CAP_ZLR | CAP_PSI | CAP_MAMV | CAP_DWD | \
	 CAP_DRD | CAP_FS1GP | CAP_FS5LP)
#define ECAP_SHOWN                                                         \
	(ECAP_C | ECAP_SC | ECAP_SRS | ECAP_EAFS | ECAP_SMTS | ECAP_FSTS | \
	 ECAP_SMPWCS)
/* The same, where there are device TLBs. */
#define ECAP_SHOWN_WITH_DT (ECAP_DT | ECAP_NWFS | ECAP_DIT)
/* Linux takes a device's page requests where it has all of these. */
#define ECAP_PAGE_REQUESTS (ECAP_DT | ECAP_PRS | ECAP_PDS)

static bool has_all(uint64_t reg, uint64_t bits)
{
	return (reg & bits) == bits;
}

/* How wide a PASID can be for both the IOMMU and the device. */
static unsigned int host_pasid_bits(const struct iommunest_hw_info *info)
{
	unsigned int bits = vtd_pss_bits(vtd_host(info).ecap_reg);

	if (bits > info->max_pasid_log2)
		bits = info->max_pasid_log2;
	return bits < VTD_PASID_BITS_MAX ? bits : VTD_PASID_BITS_MAX;
}

static uint64_t shown_ecap(const struct iommunest_hw_info *info)
{
	uint64_t host = vtd_host(info).ecap_reg;
	uint64_t shown = ECAP_QI | (host & ECAP_SHOWN);
	unsigned int pasid_bits = host_pasid_bits(info);

	if (host & ECAP_DT)
		shown |= host & ECAP_SHOWN_WITH_DT;
	if (has_all(host, ECAP_PAGE_REQUESTS))
		shown |= ECAP_PAGE_REQUESTS;
	if (pasid_bits)
		shown |= ECAP_PASID | vtd_put(pasid_bits - 1, ECAP_PSS);
	return shown;
}

EXPORT int iommunest_vtd_guest_caps(const struct iommunest_hw_info *info,
				    uint64_t *cap, uint64_t *ecap)
{
	if (!cap || !ecap || iommunest__vtd_check_info(info) < 0)
		return -EINVAL;
	if (!vtd_info_is_vtd(info))
		return -EOPNOTSUPP;
	*cap = vtd_host(info).cap_reg & CAP_SHOWN;
	*ecap = shown_ecap(info);
	return 0;
}

static uint64_t reason_if(bool condition, uint64_t reason)
{
	return condition ? reason : 0;
}

static uint64_t of_host(const struct iommunest_hw_info *info, uint32_t flags)
{
	uint64_t ecap = vtd_host(info).ecap_reg;
	bool erratum = vtd_host(info).flags & IOMMUNEST_VTD_ERRATA_772415_SPR17;
	bool read_only = flags & IOMMUNEST_VTD_GUEST_READ_ONLY;

	return reason_if(!(ecap & ECAP_SMTS),
			 IOMMUNEST_VTD_GUEST_REASON_HOST_NO_SCALABLE) |
	       reason_if(!(ecap & ECAP_NEST),
			 IOMMUNEST_VTD_GUEST_REASON_HOST_NO_NESTING) |
	       reason_if(!(ecap & ECAP_FSTS),
			 IOMMUNEST_VTD_GUEST_REASON_HOST_NO_FIRST_STAGE) |
	       reason_if(!(ecap & ECAP_SSTS),
			 IOMMUNEST_VTD_GUEST_REASON_HOST_NO_SECOND_STAGE) |
	       reason_if(erratum && read_only,
			 IOMMUNEST_VTD_GUEST_REASON_HOST_ERRATUM_772415);
}

static uint64_t of_pasid(const struct iommunest_hw_info *info, uint64_t ecap)
{
	unsigned int guest = vtd_pss_bits(ecap);
	unsigned int host = host_pasid_bits(info);

	return reason_if(guest && !host, IOMMUNEST_VTD_GUEST_REASON_PASID) |
	       reason_if(host && guest > host,
			 IOMMUNEST_VTD_GUEST_REASON_PASID_WIDTH);
}

/* What a device needs for its translation and page requests. */
static uint64_t of_ats(uint64_t host, const struct iommunest_vtd_guest *guest)
{
	bool ats =
		guest->ecap & ECAP_DT || guest->flags & IOMMUNEST_VTD_GUEST_ATS;
	bool pri = guest->ecap & ECAP_PRS ||
		   guest->flags & IOMMUNEST_VTD_GUEST_PRI;

	return reason_if(ats && !(host & ECAP_DT),
			 IOMMUNEST_VTD_GUEST_REASON_DEVICE_TLB) |
	       reason_if(pri && !has_all(host, ECAP_PAGE_REQUESTS),
			 IOMMUNEST_VTD_GUEST_REASON_PAGE_REQUESTS);
}

/* What the guest is shown and the host does not have. */
static uint64_t of_guest(const struct iommunest_hw_info *info,
			 const struct iommunest_vtd_guest *guest)
{
	uint64_t cap = guest->cap & ~vtd_host(info).cap_reg;
	uint64_t ecap = guest->ecap & ~vtd_host(info).ecap_reg;
	uint64_t coherency = ECAP_C | ECAP_SC | ECAP_SMPWCS;

	return reason_if(cap & CAP_FS5LP, IOMMUNEST_VTD_GUEST_REASON_5_LEVEL) |
	       reason_if(cap & CAP_FS1GP,
			 IOMMUNEST_VTD_GUEST_REASON_1GIB_PAGES) |
	       reason_if(ecap & ECAP_SRS,
			 IOMMUNEST_VTD_GUEST_REASON_SUPERVISOR) |
	       reason_if(ecap & ECAP_EAFS,
			 IOMMUNEST_VTD_GUEST_REASON_EXTENDED_ACCESS) |
	       reason_if(ecap & coherency,
			 IOMMUNEST_VTD_GUEST_REASON_COHERENCY);
}

/* What no host can give it, and what it cannot do without. */
static uint64_t of_nesting(uint64_t ecap)
{
	/* The kernel has no way to pass execute requests on. */
	return reason_if(ecap & ECAP_ERS, IOMMUNEST_VTD_GUEST_REASON_EXECUTE) |
	       reason_if(ecap & ECAP_NEST, IOMMUNEST_VTD_GUEST_REASON_NESTING) |
	       reason_if(ecap & ECAP_SSTS,
			 IOMMUNEST_VTD_GUEST_REASON_SECOND_STAGE) |
	       reason_if(!(ecap & ECAP_SMTS),
			 IOMMUNEST_VTD_GUEST_REASON_NO_SCALABLE) |
	       reason_if(!(ecap & ECAP_FSTS),
			 IOMMUNEST_VTD_GUEST_REASON_NO_FIRST_STAGE) |
	       reason_if(!(ecap & ECAP_QI),
			 IOMMUNEST_VTD_GUEST_REASON_NO_QUEUE);
}

static uint64_t check_guest(const struct iommunest_hw_info *info,
			    const struct iommunest_vtd_guest *guest)
{
	/* Its registers are not CAP_REG and ECAP_REG. */
	if (!vtd_info_is_vtd(info))
		return reason_if(true, IOMMUNEST_VTD_GUEST_REASON_HOST_NOT_VTD);
	return of_host(info, guest->flags) | of_pasid(info, guest->ecap) |
	       of_ats(vtd_host(info).ecap_reg, guest) | of_guest(info, guest) |
	       of_nesting(guest->ecap);
}

EXPORT int iommunest_vtd_guest_check(const struct iommunest_hw_info *info,
				     const struct iommunest_vtd_guest *guest,
				     uint64_t *reasons)
{
	struct iommunest_vtd_guest copy;
	int ret;

	if (!guest || !reasons || iommunest__vtd_check_info(info) < 0)
		return -EINVAL;
	ret = iommunest_copy_in(&copy, sizeof(copy), guest,
				END_OF(struct iommunest_vtd_guest, reserved));
	if (ret)
		return ret;
	if (copy.reserved)
		return -EINVAL;
	if (copy.flags & ~GUEST_FLAGS)
		return -EOPNOTSUPP;
	*reasons = check_guest(info, &copy);
	return __builtin_popcountll(*reasons);
}

static const struct {
	uint64_t reason;
	const char *text;
} reason_texts[] = {
	{ IOMMUNEST_VTD_GUEST_REASON_HOST_NOT_VTD,
	  "the host's IOMMU is not a VT-d" },
	{ IOMMUNEST_VTD_GUEST_REASON_HOST_NO_SCALABLE,
	  "the host has no scalable mode" },
	{ IOMMUNEST_VTD_GUEST_REASON_HOST_NO_NESTING,
	  "the host has no nested translation" },
	{ IOMMUNEST_VTD_GUEST_REASON_HOST_NO_FIRST_STAGE,
	  "the host has no first-stage translation" },
	{ IOMMUNEST_VTD_GUEST_REASON_HOST_NO_SECOND_STAGE,
	  "the host has no second-stage translation" },
	{ IOMMUNEST_VTD_GUEST_REASON_HOST_ERRATUM_772415,
	  "the host cannot nest on read-only mappings (erratum 772415)" },
	{ IOMMUNEST_VTD_GUEST_REASON_5_LEVEL,
	  "the guest is shown 5-level paging, the host has 4 levels" },
	{ IOMMUNEST_VTD_GUEST_REASON_1GIB_PAGES,
	  "the guest is shown 1 GiB pages, the host has none" },
	{ IOMMUNEST_VTD_GUEST_REASON_SUPERVISOR,
	  "the guest is shown supervisor requests, the host has none" },
	{ IOMMUNEST_VTD_GUEST_REASON_EXTENDED_ACCESS,
	  "the guest is shown extended accessed flags, the host has none" },
	{ IOMMUNEST_VTD_GUEST_REASON_PASID,
	  "the guest is shown PASIDs, the host or the device has none" },
	{ IOMMUNEST_VTD_GUEST_REASON_PASID_WIDTH,
	  "the guest's PASIDs are wider than the host's or the device's" },
	{ IOMMUNEST_VTD_GUEST_REASON_DEVICE_TLB,
	  "the guest has device TLBs, the host has none" },
	{ IOMMUNEST_VTD_GUEST_REASON_PAGE_REQUESTS,
	  "the guest has page requests, the host has none (PRS, PDS, DT)" },
	{ IOMMUNEST_VTD_GUEST_REASON_EXECUTE,
	  "the guest is shown execute requests, which are not passed on" },
	{ IOMMUNEST_VTD_GUEST_REASON_COHERENCY,
	  "the guest is shown C, SC or SMPWCS, the host has it not" },
	{ IOMMUNEST_VTD_GUEST_REASON_NESTING,
	  "the guest is shown nested translation" },
	{ IOMMUNEST_VTD_GUEST_REASON_SECOND_STAGE,
	  "the guest is shown second-stage translation" },
	{ IOMMUNEST_VTD_GUEST_REASON_NO_SCALABLE,
	  "the guest is not shown scalable mode" },
	{ IOMMUNEST_VTD_GUEST_REASON_NO_FIRST_STAGE,
	  "the guest is not shown first-stage translation" },
	{ IOMMUNEST_VTD_GUEST_REASON_NO_QUEUE,
	  "the guest is not shown queued invalidation" },
};

EXPORT const char *iommunest_vtd_guest_reason_text(uint64_t reason)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(reason_texts); i++) {
		if (reason_texts[i].reason == reason)
			return reason_texts[i].text;
	}
	return "unknown";
}
