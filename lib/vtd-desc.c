/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors of a guest's invalidation queue.
 * Formats: VT-d specification, chapter 6, "Queued Invalidation Interface".
 */
#include <config.h>

#include "abi.h"
#include "vtd-desc.h"
#include "vtd-entry.h"

/* Bits that must be zero, in the first and the second word. */
#define IOTLB_RESERVED_0 (BITS(63, 32) | BITS(15, 12) | BITS(8, 8))
#define IOTLB_RESERVED_1 BITS(11, 7)
#define WAIT_RESERVED_0 (BITS(31, 12) | BITS(8, 8))
#define WAIT_RESERVED_1 BITS(1, 0)

#define WAIT_IF (1u << 4)
#define WAIT_SW (1u << 5)
#define WAIT_FN (1u << 6)
#define WAIT_PD (1u << 7)
#define RANGE_IH (1u << 6)

static uint64_t field(uint64_t word, unsigned int high, unsigned int low)
{
	return (word & BITS(high, low)) >> low;
}

/* Hardware ignores address bits below the block that AM says. */
static void decode_range(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[1];
	unsigned int am = (unsigned int)field(word, 5, 0);

	desc->am = (uint8_t)am;
	if (word & RANGE_IH)
		desc->flags |= IOMMUNEST_VTD_DESC_IH;
	if (am < VTD_ALL_ORDER)
		desc->addr = word & ~BITS(am + VTD_PAGE_SHIFT - 1, 0);
}

static enum iommunest_vtd_iqei decode_iotlb(struct iommunest_vtd_desc *desc)
{
	desc->granularity = (uint8_t)field(desc->raw[0], 5, 4);
	desc->did = (uint16_t)field(desc->raw[0], 31, 16);
	if (desc->raw[0] & IOTLB_RESERVED_0 || desc->raw[1] & IOTLB_RESERVED_1)
		return IOMMUNEST_VTD_IQEI_RESERVED;
	if (desc->granularity == 0)
		return IOMMUNEST_VTD_IQEI_RESERVED;
	if (desc->granularity == IOMMUNEST_VTD_IOTLB_PAGES)
		decode_range(desc);
	return IOMMUNEST_VTD_IQEI_NONE;
}

static enum iommunest_vtd_iqei decode_piotlb(struct iommunest_vtd_desc *desc)
{
	desc->granularity = (uint8_t)field(desc->raw[0], 5, 4);
	desc->did = (uint16_t)field(desc->raw[0], 31, 16);
	desc->pasid = (uint32_t)field(desc->raw[0], 51, 32);
	if (!vtd_piotlb_is_valid(desc->raw))
		return IOMMUNEST_VTD_IQEI_RESERVED;
	if (desc->granularity == IOMMUNEST_VTD_PIOTLB_PAGES)
		decode_range(desc);
	return IOMMUNEST_VTD_IQEI_NONE;
}

static enum iommunest_vtd_iqei decode_wait(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->status_data = (uint32_t)field(word, 63, 32);
	desc->addr = desc->raw[1] & ~WAIT_RESERVED_1;
	if (word & WAIT_IF)
		desc->flags |= IOMMUNEST_VTD_DESC_IF;
	if (word & WAIT_SW)
		desc->flags |= IOMMUNEST_VTD_DESC_SW;
	if (word & WAIT_FN)
		desc->flags |= IOMMUNEST_VTD_DESC_FN;
	if (word & WAIT_PD)
		desc->flags |= IOMMUNEST_VTD_DESC_PD;
	if (word & WAIT_RESERVED_0 || desc->raw[1] & WAIT_RESERVED_1)
		return IOMMUNEST_VTD_IQEI_RESERVED;
	return IOMMUNEST_VTD_IQEI_NONE;
}

/* These came with scalable mode, which has only 256-bit rings. */
static bool needs_256(unsigned int type)
{
	return type >= IOMMUNEST_VTD_DESC_PIOTLB;
}

static enum iommunest_vtd_iqei decode_type(struct iommunest_vtd_desc *desc,
					   unsigned int width)
{
	if (desc->type < IOMMUNEST_VTD_DESC_CONTEXT_CACHE ||
	    desc->type > IOMMUNEST_VTD_DESC_PAGE_RESPONSE)
		return IOMMUNEST_VTD_IQEI_TYPE;
	if (needs_256(desc->type) && width == 128)
		return IOMMUNEST_VTD_IQEI_WIDTH;
	switch (desc->type) {
	case IOMMUNEST_VTD_DESC_IOTLB:
	case IOMMUNEST_VTD_DESC_PIOTLB:
	case IOMMUNEST_VTD_DESC_WAIT:
		if (desc->raw[2] || desc->raw[3])
			return IOMMUNEST_VTD_IQEI_RESERVED;
		break;
	default:
		return IOMMUNEST_VTD_IQEI_NONE;
	}
	if (desc->type == IOMMUNEST_VTD_DESC_PIOTLB)
		return decode_piotlb(desc);
	if (desc->type == IOMMUNEST_VTD_DESC_IOTLB)
		return decode_iotlb(desc);
	return decode_wait(desc);
}

int iommunest_vtd_decode(struct iommunest_vtd_desc *desc, const uint64_t *words,
			 unsigned int width)
{
	memset(desc, 0, sizeof(*desc));
	memcpy(desc->raw, words, width / 8);
	desc->type = (uint8_t)(field(desc->raw[0], 3, 0) |
			       field(desc->raw[0], 11, 9) << 4);
	desc->iqei = (uint8_t)decode_type(desc, width);
	return desc->iqei ? -EBADMSG : 0;
}

EXPORT int iommunest_vtd_desc_decode(struct iommunest_vtd_desc *desc,
				     const uint64_t *words, unsigned int width)
{
	if (!desc || !words || (width != 128 && width != 256))
		return -EINVAL;
	return iommunest_vtd_decode(desc, words, width);
}

EXPORT const char *iommunest_vtd_desc_name(unsigned int type)
{
	static const char *const names[] = {
		[IOMMUNEST_VTD_DESC_CONTEXT_CACHE] = "context-cache",
		[IOMMUNEST_VTD_DESC_IOTLB] = "iotlb",
		[IOMMUNEST_VTD_DESC_DEV_TLB] = "dev-tlb",
		[IOMMUNEST_VTD_DESC_IEC] = "iec",
		[IOMMUNEST_VTD_DESC_WAIT] = "wait",
		[IOMMUNEST_VTD_DESC_PIOTLB] = "piotlb",
		[IOMMUNEST_VTD_DESC_PASID_CACHE] = "pasid-cache",
		[IOMMUNEST_VTD_DESC_PASID_DEV_TLB] = "pasid-dev-tlb",
		[IOMMUNEST_VTD_DESC_PAGE_RESPONSE] = "page-response",
	};

	if (type >= sizeof(names) / sizeof(names[0]) || !names[type])
		return "unknown";
	return names[type];
}
