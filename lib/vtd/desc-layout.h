/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the fields of invalidation descriptors are, as the VT-d specification
 * draws them (chapter 6, "Queued Invalidation Interface"): "high, low" of the
 * first word; FIELD1_ of the second one.
 */
#ifndef IOMMUNEST_VTD_DESC_LAYOUT_H
#define IOMMUNEST_VTD_DESC_LAYOUT_H

#include "lib/vtd/desc.h"

/* Of several types */
#define FIELD_TYPE_LOW 3, 0
#define FIELD_TYPE_HIGH 11, 9
#define TYPE_HIGH_SHIFT 4
#define FIELD_G 5, 4
#define FIELD_DID 31, 16
#define FIELD_PASID 51, 32
#define FIELD_PFSID_LOW 15, 12
#define FIELD_PFSID_HIGH 63, 52
#define PFSID_HIGH_SHIFT 4
#define FIELD1_AM 5, 0
#define FIELD1_IH 6, 6

#define FIELD_CONTEXT_SID 47, 32
#define FIELD_CONTEXT_FM 49, 48

#define FIELD_IOTLB_DW 6, 6
#define FIELD_IOTLB_DR 7, 7

#define FIELD_DEV_TLB_MIP 20, 16
#define FIELD_DEV_TLB_SID 47, 32
#define DEV_TLB_S BITS(0, 0)

#define FIELD_IEC_G 4, 4
#define FIELD_IEC_IM 31, 27
#define FIELD_IEC_IIDX 47, 32

#define FIELD_WAIT_IF 4, 4
#define FIELD_WAIT_SW 5, 5
#define FIELD_WAIT_FN 6, 6
#define FIELD_WAIT_PD 7, 7
#define FIELD_WAIT_DATA 63, 32
#define WAIT_ADDR BITS(63, 2)

#define FIELD_PASID_DEV_TLB_MIP 8, 4
#define FIELD_PASID_DEV_TLB_SID 31, 16
#define FIELD1_PASID_DEV_TLB_G 0, 0
#define PASID_DEV_TLB_S BITS(11, 11)

#define FIELD_RESPONSE_PP 4, 4
#define FIELD_RESPONSE_CODE 15, 12
#define FIELD_RESPONSE_SID 31, 16
#define FIELD1_RESPONSE_PRGI 11, 3

static inline uint64_t vtd_get(uint64_t word, unsigned int high,
			       unsigned int low)
{
	return (word & BITS(high, low)) >> low;
}

/* What does not fit is cut off. */
static inline uint64_t vtd_put(uint64_t value, unsigned int high,
			       unsigned int low)
{
	return value << low & BITS(high, low);
}

/* And so the bits of an interrupt's index within a block of 2^@im. */
static inline uint16_t vtd_first_index(uint16_t iidx, unsigned int im)
{
	if (im > 15)
		return 0;
	return (uint16_t)(iidx >> im << im);
}

#endif /* IOMMUNEST_VTD_DESC_LAYOUT_H */
