/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decoding of a guest's invalidation descriptors.
 * Formats: VT-d specification, chapter 6, "Queued Invalidation Interface".
 *
 * What a descriptor's granularity has no use for is ignored by hardware, and
 * is 0 here, so that nobody takes it for a scope.
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/vtd/desc-layout.h"
#include "lib/vtd/desc.h"
#include "lib/vtd/entry.h"

static uint8_t get_type(uint64_t word)
{
	return (uint8_t)(vtd_get(word, FIELD_TYPE_HIGH) << TYPE_HIGH_SHIFT |
			 vtd_get(word, FIELD_TYPE_LOW));
}

static uint32_t get_flag(uint64_t word, uint64_t field, uint32_t flag)
{
	return word & field ? flag : 0;
}

static uint16_t get_pfsid(uint64_t word)
{
	return (uint16_t)(vtd_get(word, FIELD_PFSID_HIGH) << PFSID_HIGH_SHIFT |
			  vtd_get(word, FIELD_PFSID_LOW));
}

/* ADDR, AM and IH of an IOTLB. */
static void decode_range(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[1];

	desc->am = (uint8_t)vtd_get(word, FIELD1_AM);
	desc->addr = vtd_block(word, desc->am);
	desc->flags |= get_flag(word, FIELD1_IH, IOMMUNEST_VTD_DESC_IH);
}

/*
 * ADDR and S of a device TLB: with S, the lowest zero bit of ADDR is the
 * highest one within the block, as in PCIe's Address Translation Services.
 */
static void decode_sized(struct iommunest_vtd_desc *desc, uint64_t s)
{
	uint64_t word = desc->raw[1];
	uint64_t zeros = ~(word | VTD_PAGE_MASK);
	int am = 0;

	if (word & s && zeros)
		am = __builtin_ctzll(zeros) - VTD_PAGE_SHIFT + 1;
	else if (word & s)
		am = VTD_ALL_ORDER;
	desc->am = (uint8_t)am;
	desc->addr = vtd_block(word, desc->am);
}

static void decode_context_cache(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->granularity = (uint8_t)vtd_get(word, FIELD_G);
	if (desc->granularity >= IOMMUNEST_VTD_CONTEXT_DOMAIN)
		desc->did = (uint16_t)vtd_get(word, FIELD_DID);
	if (desc->granularity != IOMMUNEST_VTD_CONTEXT_DEVICE)
		return;
	desc->sid = (uint16_t)vtd_get(word, FIELD_CONTEXT_SID);
	desc->fm = (uint8_t)vtd_get(word, FIELD_CONTEXT_FM);
}

static void decode_iotlb(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->granularity = (uint8_t)vtd_get(word, FIELD_G);
	desc->flags = get_flag(word, FIELD_IOTLB_DW, IOMMUNEST_VTD_DESC_DW) |
		      get_flag(word, FIELD_IOTLB_DR, IOMMUNEST_VTD_DESC_DR);
	if (desc->granularity >= IOMMUNEST_VTD_IOTLB_DOMAIN)
		desc->did = (uint16_t)vtd_get(word, FIELD_DID);
	if (desc->granularity == IOMMUNEST_VTD_IOTLB_PAGES)
		decode_range(desc);
}

static void decode_dev_tlb(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->sid = (uint16_t)vtd_get(word, FIELD_DEV_TLB_SID);
	desc->mip = (uint8_t)vtd_get(word, FIELD_DEV_TLB_MIP);
	desc->pfsid = get_pfsid(word);
	decode_sized(desc, DEV_TLB_S);
}

static void decode_iec(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->granularity = (uint8_t)vtd_get(word, FIELD_IEC_G);
	if (desc->granularity != IOMMUNEST_VTD_IEC_INDEX)
		return;
	desc->am = (uint8_t)vtd_get(word, FIELD_IEC_IM);
	desc->iidx = vtd_first_index((uint16_t)vtd_get(word, FIELD_IEC_IIDX),
				     desc->am);
}

static void decode_wait(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->flags = get_flag(word, FIELD_WAIT_IF, IOMMUNEST_VTD_DESC_IF) |
		      get_flag(word, FIELD_WAIT_SW, IOMMUNEST_VTD_DESC_SW) |
		      get_flag(word, FIELD_WAIT_FN, IOMMUNEST_VTD_DESC_FN) |
		      get_flag(word, FIELD_WAIT_PD, IOMMUNEST_VTD_DESC_PD);
	desc->status_data = (uint32_t)vtd_get(word, FIELD_WAIT_DATA);
	desc->addr = desc->raw[1] & WAIT_ADDR;
}

static void decode_piotlb(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->granularity = (uint8_t)vtd_get(word, FIELD_G);
	desc->did = (uint16_t)vtd_get(word, FIELD_DID);
	desc->pasid = (uint32_t)vtd_get(word, FIELD_PASID);
	if (desc->granularity == IOMMUNEST_VTD_PIOTLB_PAGES)
		decode_range(desc);
}

static void decode_pasid_cache(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->granularity = (uint8_t)vtd_get(word, FIELD_G);
	if (desc->granularity <= IOMMUNEST_VTD_PASID_CACHE_PASID)
		desc->did = (uint16_t)vtd_get(word, FIELD_DID);
	if (desc->granularity == IOMMUNEST_VTD_PASID_CACHE_PASID)
		desc->pasid = (uint32_t)vtd_get(word, FIELD_PASID);
}

static void decode_pasid_dev_tlb(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->granularity =
		(uint8_t)vtd_get(desc->raw[1], FIELD1_PASID_DEV_TLB_G);
	desc->sid = (uint16_t)vtd_get(word, FIELD_PASID_DEV_TLB_SID);
	desc->mip = (uint8_t)vtd_get(word, FIELD_PASID_DEV_TLB_MIP);
	desc->pfsid = get_pfsid(word);
	if (desc->granularity == IOMMUNEST_VTD_DEV_TLB_PASID)
		desc->pasid = (uint32_t)vtd_get(word, FIELD_PASID);
	decode_sized(desc, PASID_DEV_TLB_S);
}

static void decode_page_response(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->flags = get_flag(word, FIELD_RESPONSE_PP, IOMMUNEST_VTD_DESC_PP);
	desc->response = (uint8_t)vtd_get(word, FIELD_RESPONSE_CODE);
	desc->sid = (uint16_t)vtd_get(word, FIELD_RESPONSE_SID);
	if (desc->flags & IOMMUNEST_VTD_DESC_PP)
		desc->pasid = (uint32_t)vtd_get(word, FIELD_PASID);
	desc->prgi = (uint16_t)vtd_get(desc->raw[1], FIELD1_RESPONSE_PRGI);
}

/* Sets of granularities. */
#define G(number) (1u << (number))
#define NO_GRANULARITY G(0)

struct rules {
	void (*decode)(struct iommunest_vtd_desc *desc);
	/* Bits of the first two words that must be zero. */
	uint64_t reserved[2];
	uint8_t granularities;
	/* Legacy mode does not have it. */
	bool scalable;
};

static const struct rules rules[] = {
	[IOMMUNEST_VTD_DESC_CONTEXT_CACHE] = {
		.decode = decode_context_cache,
		.reserved = { BITS(63, 50) | BITS(15, 12) | BITS(8, 6),
			      BITS(63, 0) },
		.granularities = G(IOMMUNEST_VTD_CONTEXT_GLOBAL) |
				 G(IOMMUNEST_VTD_CONTEXT_DOMAIN) |
				 G(IOMMUNEST_VTD_CONTEXT_DEVICE),
	},
	[IOMMUNEST_VTD_DESC_IOTLB] = {
		.decode = decode_iotlb,
		.reserved = { BITS(63, 32) | BITS(15, 12) | BITS(8, 8),
			      BITS(11, 7) },
		.granularities = G(IOMMUNEST_VTD_IOTLB_GLOBAL) |
				 G(IOMMUNEST_VTD_IOTLB_DOMAIN) |
				 G(IOMMUNEST_VTD_IOTLB_PAGES),
	},
	[IOMMUNEST_VTD_DESC_DEV_TLB] = {
		.decode = decode_dev_tlb,
		.reserved = { BITS(51, 48) | BITS(31, 21) | BITS(8, 4),
			      BITS(11, 1) },
		.granularities = NO_GRANULARITY,
	},
	[IOMMUNEST_VTD_DESC_IEC] = {
		.decode = decode_iec,
		.reserved = { BITS(63, 48) | BITS(26, 12) | BITS(8, 5),
			      BITS(63, 0) },
		.granularities = G(IOMMUNEST_VTD_IEC_GLOBAL) |
				 G(IOMMUNEST_VTD_IEC_INDEX),
	},
	[IOMMUNEST_VTD_DESC_WAIT] = {
		.decode = decode_wait,
		.reserved = { BITS(31, 12) | BITS(8, 8), BITS(1, 0) },
		.granularities = NO_GRANULARITY,
	},
	[IOMMUNEST_VTD_DESC_PIOTLB] = {
		.decode = decode_piotlb,
		.reserved = { VTD_PIOTLB_RESERVED_0, VTD_PIOTLB_RESERVED_1 },
		.granularities = G(IOMMUNEST_VTD_PIOTLB_ALL) |
				 G(IOMMUNEST_VTD_PIOTLB_PAGES),
		.scalable = true,
	},
	[IOMMUNEST_VTD_DESC_PASID_CACHE] = {
		.decode = decode_pasid_cache,
		.reserved = { BITS(63, 52) | BITS(15, 12) | BITS(8, 6),
			      BITS(63, 0) },
		.granularities = G(IOMMUNEST_VTD_PASID_CACHE_DOMAIN) |
				 G(IOMMUNEST_VTD_PASID_CACHE_PASID) |
				 G(IOMMUNEST_VTD_PASID_CACHE_GLOBAL),
		.scalable = true,
	},
	[IOMMUNEST_VTD_DESC_PASID_DEV_TLB] = {
		.decode = decode_pasid_dev_tlb,
		.reserved = { 0, BITS(10, 1) },
		.granularities = G(IOMMUNEST_VTD_DEV_TLB_PASID) |
				 G(IOMMUNEST_VTD_DEV_TLB_GLOBAL),
		.scalable = true,
	},
	[IOMMUNEST_VTD_DESC_PAGE_RESPONSE] = {
		.decode = decode_page_response,
		.reserved = { BITS(63, 52) | BITS(8, 5),
			      BITS(63, 12) | BITS(2, 0) },
		.granularities = NO_GRANULARITY,
		.scalable = true,
	},
};

/* NULL: there is no such type. */
static const struct rules *rules_of(unsigned int type)
{
	if (type >= sizeof(rules) / sizeof(rules[0]) || !rules[type].decode)
		return NULL;
	return &rules[type];
}

/* Why hardware refuses what is decoded; @rule is NULL for an unknown type. */
static enum iommunest_vtd_iqei check(const struct iommunest_vtd_desc *desc,
				     const struct rules *rule,
				     unsigned int width, bool scalable)
{
	const uint64_t *raw = desc->raw;

	if (scalable && width == 128)
		return IOMMUNEST_VTD_IQEI_WIDTH;
	if (!rule || (rule->scalable && !scalable))
		return IOMMUNEST_VTD_IQEI_TYPE;
	if (raw[0] & rule->reserved[0] || raw[1] & rule->reserved[1] ||
	    raw[2] || raw[3])
		return IOMMUNEST_VTD_IQEI_RESERVED;
	if (!(rule->granularities & G(desc->granularity)))
		return IOMMUNEST_VTD_IQEI_RESERVED;
	return IOMMUNEST_VTD_IQEI_NONE;
}

int iommunest_vtd_decode(struct iommunest_vtd_desc *desc, const uint64_t *words,
			 unsigned int width, bool scalable)
{
	const struct rules *rule;

	*desc = (struct iommunest_vtd_desc)IOMMUNEST_INIT(
		struct iommunest_vtd_desc);
	memcpy(desc->raw, words, width / 8);
	desc->type = get_type(desc->raw[0]);
	rule = rules_of(desc->type);
	if (rule)
		rule->decode(desc);
	desc->iqei = (uint8_t)check(desc, rule, width, scalable);
	return desc->iqei ? -EBADMSG : 0;
}

EXPORT int iommunest_vtd_desc_decode(struct iommunest_vtd_desc *desc,
				     const uint64_t *words, unsigned int width,
				     bool scalable)
{
	struct iommunest_vtd_desc out;
	int ret;

	if (!desc || !words || (width != 128 && width != 256))
		return -EINVAL;
	ret = vtd_check_desc(desc);
	if (ret)
		return ret;
	ret = iommunest_vtd_decode(&out, words, width, scalable);
	iommunest_copy_out(desc, &out, sizeof(out));
	return ret;
}
