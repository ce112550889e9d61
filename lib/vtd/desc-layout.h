/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Where the fields of invalidation descriptors are, as the VT-d specification
 * draws them (chapter 6, "Queued Invalidation Interface"): FIELD_ in the first
 * word, FIELD1_ in the second one.
 */
#ifndef IOMMUNEST_VTD_DESC_LAYOUT_H
#define IOMMUNEST_VTD_DESC_LAYOUT_H

#include "lib/bits.h"

/* Of several types */
#define FIELD_TYPE_LOW BITS(3, 0)
#define FIELD_TYPE_HIGH BITS(11, 9)
#define TYPE_HIGH_SHIFT 4
#define FIELD_G BITS(5, 4)
#define FIELD_DID BITS(31, 16)
#define FIELD_PASID BITS(51, 32)
#define FIELD_PFSID_LOW BITS(15, 12)
#define FIELD_PFSID_HIGH BITS(63, 52)
#define PFSID_HIGH_SHIFT 4
#define FIELD1_AM BITS(5, 0)
#define FIELD1_IH BIT(6)

#define FIELD_CONTEXT_SID BITS(47, 32)
#define FIELD_CONTEXT_FM BITS(49, 48)

#define FIELD_IOTLB_DW BIT(6)
#define FIELD_IOTLB_DR BIT(7)

#define FIELD_DEV_TLB_MIP BITS(20, 16)
#define FIELD_DEV_TLB_SID BITS(47, 32)
#define DEV_TLB_S BIT(0)

#define FIELD_IEC_G BIT(4)
#define FIELD_IEC_IM BITS(31, 27)
#define FIELD_IEC_IIDX BITS(47, 32)

#define FIELD_WAIT_IF BIT(4)
#define FIELD_WAIT_SW BIT(5)
#define FIELD_WAIT_FN BIT(6)
#define FIELD_WAIT_PD BIT(7)
#define FIELD_WAIT_DATA BITS(63, 32)
#define WAIT_ADDR BITS(63, 2)
#define WAIT_RESERVED_0 (BITS(31, 12) | BIT(8))
#define WAIT_RESERVED_1 BITS(1, 0)

#define PIOTLB_RESERVED_0 (BITS(63, 52) | BITS(15, 12) | BITS(8, 6))
#define PIOTLB_RESERVED_1 BITS(11, 7)

#define FIELD_PASID_DEV_TLB_MIP BITS(8, 4)
#define FIELD_PASID_DEV_TLB_SID BITS(31, 16)
#define FIELD1_PASID_DEV_TLB_G BIT(0)
#define PASID_DEV_TLB_S BIT(11)

#define FIELD_RESPONSE_PP BIT(4)
#define FIELD_RESPONSE_CODE BITS(15, 12)
#define FIELD_RESPONSE_SID BITS(31, 16)
#define FIELD1_RESPONSE_PRGI BITS(11, 3)

/* Hardware ignores the index bits within a block of 2^@im interrupts. */
static inline uint16_t vtd_first_index(uint16_t iidx, unsigned int im)
{
	if (im > 15)
		return 0;
	return (uint16_t)(iidx >> im << im);
}

#endif /* IOMMUNEST_VTD_DESC_LAYOUT_H */
