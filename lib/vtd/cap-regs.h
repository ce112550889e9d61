/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Fields of CAP_REG and ECAP_REG (VT-d specification, chapter 11, "Capability
 * Register" and "Extended Capability Register"), each as its bits in place.
 */
#ifndef IOMMUNEST_VTD_CAP_REGS_H
#define IOMMUNEST_VTD_CAP_REGS_H

#include "lib/uapi/uapi.h"

#include <libiommunest.h>

#include "lib/bits.h"

#define CAP_ND BITS(2, 0)
#define CAP_AFL BIT(3)
#define CAP_RWBF BIT(4)
#define CAP_PLMR BIT(5)
#define CAP_PHMR BIT(6)
#define CAP_CM BIT(7)
#define CAP_SAGAW BITS(12, 8)
/* 39, 48 and 57 bits; the field's other two are reserved. */
#define CAP_SAGAW_WIDTHS BITS(11, 9)
#define CAP_MGAW BITS(21, 16)
#define CAP_ZLR BIT(22)
#define CAP_FRO BITS(33, 24)
#define CAP_SSLPS BITS(37, 34)
#define CAP_PSI BIT(39)
#define CAP_NFR BITS(47, 40)
#define CAP_MAMV BITS(53, 48)
#define CAP_DWD BIT(54)
#define CAP_DRD BIT(55)
#define CAP_FS1GP BIT(56)
#define CAP_PI BIT(59)
#define CAP_FS5LP BIT(60)
#define CAP_ECMDS BIT(61)
#define CAP_ESIRTPS BIT(62)
#define CAP_ESRTPS BIT(63)
/* Reserved or deprecated, and bits of fields that no value has. */
#define CAP_RESERVED                                                \
	(BIT(8) | BITS(15, 12) | BIT(23) | BITS(37, 36) | BIT(38) | \
	 BITS(58, 57))

#define ECAP_C BIT(0)
#define ECAP_QI BIT(1)
#define ECAP_DT BIT(2)
#define ECAP_IR BIT(3)
#define ECAP_EIM BIT(4)
#define ECAP_PT BIT(6)
#define ECAP_SC BIT(7)
#define ECAP_IRO BITS(17, 8)
#define ECAP_MHMV BITS(23, 20)
#define ECAP_MTS BIT(25)
#define ECAP_NEST BIT(26)
#define ECAP_PRS BIT(29)
#define ECAP_ERS BIT(30)
#define ECAP_SRS BIT(31)
#define ECAP_NWFS BIT(33)
#define ECAP_EAFS BIT(34)
#define ECAP_PSS BITS(39, 35)
#define ECAP_PASID BIT(40)
#define ECAP_DIT BIT(41)
#define ECAP_PDS BIT(42)
#define ECAP_SMTS BIT(43)
#define ECAP_VCS BIT(44)
#define ECAP_SSADS BIT(45)
#define ECAP_SSTS BIT(46)
#define ECAP_FSTS BIT(47)
#define ECAP_SMPWCS BIT(48)
#define ECAP_RPS BIT(49)
#define ECAP_TDXCS BIT(50)
#define ECAP_PMS BIT(51)
#define ECAP_RPRIVS BIT(53)
#define ECAP_HPTS BIT(55)
#define ECAP_PTRS BIT(56)
#define ECAP_SSIRWS BIT(57)
#define ECAP_SMS BIT(58)
#define ECAP_HPT1GPS BIT(59)
#define ECAP_RDTS BIT(60)
#define ECAP_RESERVED                                                         \
	(BIT(5) | BITS(19, 18) | BIT(24) | BITS(28, 27) | BIT(32) | BIT(54) | \
	 BIT(63))

/* What a PASID can have at most. */
#define VTD_PASID_BITS_MAX 20u

/* PSS says one less than what it means. */
static inline unsigned int vtd_pss_bits(uint64_t ecap)
{
	return ecap & ECAP_PASID ? (unsigned int)bits_get(ecap, ECAP_PSS) + 1
				 : 0;
}

static inline bool vtd_info_is_vtd(const struct iommunest_hw_info *info)
{
	return info->type == IOMMUNEST_HW_INTEL_VTD;
}

/* What the driver says of a VT-d. */
static inline struct iommu_hw_info_vtd
vtd_host(const struct iommunest_hw_info *info)
{
	struct iommu_hw_info_vtd host;

	memcpy(&host, info->data, sizeof(host));
	return host;
}

/* -EINVAL: NULL, or not filled in by iommunest_hw_info(). */
int iommunest__vtd_check_info(const struct iommunest_hw_info *info);

#endif /* IOMMUNEST_VTD_CAP_REGS_H */
