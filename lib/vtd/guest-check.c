/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Whether a host can serve a guest.  What the guest may be shown, guest-caps.c
 * knows; here is which reason there is against what goes beyond that.
 */
#include "lib/abi.h"
#include "lib/vtd/guest-caps.h"

#define REASON(name) IOMMUNEST_VTD_GUEST_REASON_##name

struct rule {
	uint64_t bits;
	uint64_t reason;
};

/*
 * Bits that are not offered.  Those in no rule are the VMM's own; fields, and
 * what depends on the kernel, have functions below.
 */
static const struct rule cap_rules[] = {
	{ CAP_FS5LP, REASON(5_LEVEL) },
	{ CAP_FS1GP, REASON(1GIB_PAGES) },
	{ CAP_ZLR, REASON(ZERO_LENGTH_READ) },
	{ CAP_DWD | CAP_DRD, REASON(DRAINING) },
	{ CAP_RWBF | CAP_ECMDS, REASON(HOST_REGISTERS) },
	{ CAP_RESERVED, REASON(RESERVED) },
};

static const struct rule ecap_rules[] = {
	{ ECAP_C | ECAP_SC | ECAP_SMPWCS, REASON(COHERENCY) },
	{ ECAP_SRS, REASON(SUPERVISOR) },
	{ ECAP_EAFS, REASON(EXTENDED_ACCESS) },
	{ ECAP_NWFS, REASON(NO_WRITE_FLAG) },
	{ ECAP_DIT, REASON(THROTTLE) },
	{ ECAP_ERS, REASON(EXECUTE) },
	{ ECAP_NEST, REASON(NESTING) },
	{ ECAP_SSTS | ECAP_SSADS | ECAP_SSIRWS, REASON(SECOND_STAGE) },
	{ ECAP_MTS, REASON(MEMORY_TYPE) },
	{ ECAP_RPRIVS, REASON(PRIVILEGE) },
	{ ECAP_PMS, REASON(HOST_REGISTERS) },
	{ ECAP_HPTS | ECAP_HPT1GPS | ECAP_TDXCS | ECAP_RDTS,
	  REASON(HOST_TABLES) },
	{ ECAP_PTRS, REASON(TRANSLATED_PASID) },
	{ ECAP_SMS, REASON(STOP_MARKER) },
	{ ECAP_RESERVED, REASON(RESERVED) },
};

static uint64_t reason_if(bool condition, uint64_t reason)
{
	return condition ? reason : 0;
}

static uint64_t by_rules(uint64_t bits, const struct rule *rules, size_t count)
{
	uint64_t reasons = 0;
	size_t i;

	for (i = 0; i < count; i++)
		reasons |= reason_if(bits & rules[i].bits, rules[i].reason);
	return reasons;
}

static uint64_t of_host(const struct iommunest_hw_info *info, uint32_t flags)
{
	uint64_t ecap = vtd_host(info).ecap_reg;
	bool erratum = vtd_host(info).flags & IOMMUNEST_VTD_ERRATA_772415_SPR17;
	bool read_only = flags & IOMMUNEST_VTD_GUEST_READ_ONLY;

	return reason_if(!(ecap & ECAP_SMTS), REASON(HOST_NO_SCALABLE)) |
	       reason_if(!(ecap & ECAP_NEST), REASON(HOST_NO_NESTING)) |
	       reason_if(!(ecap & ECAP_FSTS), REASON(HOST_NO_FIRST_STAGE)) |
	       reason_if(!(ecap & ECAP_SSTS), REASON(HOST_NO_SECOND_STAGE)) |
	       reason_if(erratum && read_only, REASON(HOST_ERRATUM_772415));
}

/* Of a caller that did not ask the kernel, nothing is known against it. */
static uint64_t of_kernel(const struct iommunest_vtd_guest *guest)
{
	const uint64_t needed =
		IOMMUNEST_FEATURE_NESTED | IOMMUNEST_FEATURE_INVALIDATE;
	const uint64_t bad = IOMMUNEST_VTD_KERNEL_FAULT_PLAIN_IOTLB;

	return reason_if(guest->features && needed & ~guest->features,
			 REASON(KERNEL_NO_NESTING)) |
	       reason_if(guest->kernel_faults & bad, REASON(KERNEL_FAULT));
}

static uint64_t of_pasids(const struct iommunest_hw_info *info,
			  const struct iommunest_vtd_guest *guest)
{
	unsigned int bits = vtd_pss_bits(guest->ecap);
	unsigned int host = iommunest__vtd_pasid_bits(info);

	if (!bits)
		return 0;
	return reason_if(!host, REASON(PASID)) |
	       reason_if(host && bits > host, REASON(PASID_WIDTH)) |
	       reason_if(!vtd_kernel_has_pasids(guest),
			 REASON(KERNEL_NO_PASID));
}

static uint64_t of_device_tlbs(const struct iommunest_hw_info *info,
			       const struct iommunest_vtd_guest *guest)
{
	bool host = vtd_host(info).ecap_reg & ECAP_DT;
	bool device = !(info->capabilities & IOMMUNEST_HW_CAP_NO_ATS);
	bool used = guest->flags & IOMMUNEST_VTD_GUEST_ATS;

	return reason_if(!host && (used || guest->ecap & ECAP_DT),
			 REASON(DEVICE_TLB)) |
	       reason_if(!device && used, REASON(DEVICE_TLB));
}

static uint64_t of_page_requests(const struct iommunest_hw_info *info,
				 const struct iommunest_vtd_guest *guest)
{
	if (!(guest->flags & IOMMUNEST_VTD_GUEST_PRI) &&
	    !(guest->ecap & (ECAP_PRS | ECAP_PDS)))
		return 0;
	return reason_if(!iommunest__vtd_has_page_requests(info),
			 REASON(PAGE_REQUESTS)) |
	       reason_if(!vtd_kernel_has_page_requests(guest),
			 REASON(KERNEL_NO_PAGE_REQUESTS));
}

/* The widest of some; 0 is none. */
static uint64_t widest(uint64_t cap)
{
	uint64_t widths = cap & CAP_SAGAW_WIDTHS;

	while (widths & (widths - 1))
		widths &= widths - 1;
	return widths;
}

/*
 * Devices address no more than MGAW in the first stage, too.  SAGAW has narrow
 * widths that some hosts lack, for tables that the VMM walks by itself.
 */
static uint64_t of_widths(uint64_t host, uint64_t guest)
{
	return reason_if(bits_get(guest, CAP_MGAW) > bits_get(host, CAP_MGAW),
			 REASON(MGAW)) |
	       reason_if(widest(guest) > widest(host), REASON(SAGAW));
}

static uint64_t of_lacks(uint64_t ecap)
{
	return reason_if(!(ecap & ECAP_SMTS), REASON(NO_SCALABLE)) |
	       reason_if(!(ecap & ECAP_FSTS), REASON(NO_FIRST_STAGE)) |
	       reason_if(!(ecap & ECAP_QI), REASON(NO_QUEUE));
}

static uint64_t check_guest(const struct iommunest_hw_info *info,
			    const struct iommunest_vtd_guest *guest)
{
	struct vtd_offer offer;

	/* Its registers are not CAP_REG and ECAP_REG. */
	if (!vtd_info_is_vtd(info))
		return REASON(HOST_NOT_VTD);
	offer = iommunest__vtd_offer(info, guest);
	return of_host(info, guest->flags) | of_kernel(guest) |
	       by_rules(guest->cap & ~offer.cap, cap_rules,
			ARRAY_LEN(cap_rules)) |
	       by_rules(guest->ecap & ~offer.ecap, ecap_rules,
			ARRAY_LEN(ecap_rules)) |
	       of_widths(vtd_host(info).cap_reg, guest->cap) |
	       of_pasids(info, guest) | of_device_tlbs(info, guest) |
	       of_page_requests(info, guest) | of_lacks(guest->ecap);
}

EXPORT int iommunest_vtd_guest_check(const struct iommunest_hw_info *info,
				     const struct iommunest_vtd_guest *guest,
				     uint64_t *reasons)
{
	struct iommunest_vtd_guest copy;
	int ret;

	if (!guest || !reasons || iommunest__vtd_check_info(info) < 0)
		return -EINVAL;
	ret = iommunest__vtd_copy_guest(&copy, guest);
	if (ret)
		return ret;
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
	{ IOMMUNEST_VTD_GUEST_REASON_MGAW,
	  "the guest is shown wider addresses than the host's (MGAW)" },
	{ IOMMUNEST_VTD_GUEST_REASON_SAGAW,
	  "the guest is shown wider tables than the host's (SAGAW)" },
	{ IOMMUNEST_VTD_GUEST_REASON_ZERO_LENGTH_READ,
	  "the guest is shown zero-length reads, the host has none" },
	{ IOMMUNEST_VTD_GUEST_REASON_DRAINING,
	  "the guest is shown draining (DWD, DRD), the host has it not" },
	{ IOMMUNEST_VTD_GUEST_REASON_NO_WRITE_FLAG,
	  "the guest is shown the no-write flag, the host has it not" },
	{ IOMMUNEST_VTD_GUEST_REASON_THROTTLE,
	  "the guest is shown device-TLB throttling, the host has none" },
	{ IOMMUNEST_VTD_GUEST_REASON_MEMORY_TYPE,
	  "the guest is shown memory types, which are not passed on" },
	{ IOMMUNEST_VTD_GUEST_REASON_PRIVILEGE,
	  "the guest is shown RID_PRIV, which is not passed on" },
	{ IOMMUNEST_VTD_GUEST_REASON_TRANSLATED_PASID,
	  "the guest is shown PASIDs in translated requests" },
	{ IOMMUNEST_VTD_GUEST_REASON_STOP_MARKER,
	  "the guest is shown stop markers, which are not passed on" },
	{ IOMMUNEST_VTD_GUEST_REASON_HOST_REGISTERS,
	  "the guest is shown what needs the host's registers (RWBF, ECMDS, "
	  "PMS)" },
	{ IOMMUNEST_VTD_GUEST_REASON_HOST_TABLES,
	  "the guest is shown what needs the host's own tables (HPTS, TDXCS, "
	  "RDTS)" },
	{ IOMMUNEST_VTD_GUEST_REASON_RESERVED,
	  "the guest is shown a bit that is reserved or deprecated" },
	{ IOMMUNEST_VTD_GUEST_REASON_KERNEL_NO_NESTING,
	  "the kernel has no nested page tables, or cannot invalidate them" },
	{ IOMMUNEST_VTD_GUEST_REASON_KERNEL_NO_PASID,
	  "the guest is shown PASIDs, the kernel is not known to attach any" },
	{ IOMMUNEST_VTD_GUEST_REASON_KERNEL_NO_PAGE_REQUESTS,
	  "the guest has page requests, the kernel is not known to take any" },
	{ IOMMUNEST_VTD_GUEST_REASON_KERNEL_FAULT,
	  "the kernel sends the wrong invalidations" },
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
