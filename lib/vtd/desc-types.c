/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The types of invalidation descriptors: how the fields of each are read and
 * written, and the table of what hardware refuses and what there is to print.
 * Formats: VT-d specification, chapter 6, "Queued Invalidation Interface".
 *
 * Hardware ignores a field that a descriptor's granularity does not use.
 * Decoding makes it 0, so that nobody takes it for a scope.  Encoding puts
 * every field in its place, with no regard to what it holds.
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/vtd/desc-layout.h"
#include "lib/vtd/desc-types.h"
#include "lib/vtd/desc.h"
#include "lib/vtd/entry.h"

/* ---- Fields of several types ---- */

static uint32_t get_flag(uint64_t word, uint64_t field, uint32_t flag)
{
	return word & field ? flag : 0;
}

static uint64_t put_flag(const struct iommunest_vtd_desc *desc, uint32_t flag,
			 uint64_t field)
{
	return desc->flags & flag ? field : 0;
}

static uint16_t get_pfsid(uint64_t word)
{
	return (uint16_t)(bits_get(word, FIELD_PFSID_HIGH) << PFSID_HIGH_SHIFT |
			  bits_get(word, FIELD_PFSID_LOW));
}

static uint64_t put_pfsid(unsigned int pfsid)
{
	return bits_put(pfsid >> PFSID_HIGH_SHIFT, FIELD_PFSID_HIGH) |
	       bits_put(pfsid, FIELD_PFSID_LOW);
}

/* ADDR, AM and IH of an IOTLB. */
static void get_range(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[1];

	desc->am = (uint8_t)bits_get(word, FIELD1_AM);
	desc->addr = vtd_block(word, desc->am);
	desc->flags |= get_flag(word, FIELD1_IH, IOMMUNEST_VTD_DESC_IH);
}

static uint64_t put_range(const struct iommunest_vtd_desc *desc)
{
	return (desc->addr & ~VTD_PAGE_MASK) | bits_put(desc->am, FIELD1_AM) |
	       put_flag(desc, IOMMUNEST_VTD_DESC_IH, FIELD1_IH);
}

/*
 * ADDR and S of a device TLB: with S, the lowest zero bit of ADDR is the
 * highest one within the block, as in PCIe's Address Translation Services.
 */
static void get_sized(struct iommunest_vtd_desc *desc, uint64_t s)
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

/* Above the page, ones below the block's highest bit, which is zero. */
static uint64_t put_sized(const struct iommunest_vtd_desc *desc, uint64_t s)
{
	unsigned int am = desc->am;

	if (am == 0)
		return desc->addr & ~VTD_PAGE_MASK;
	if (am > VTD_ALL_ORDER)
		am = VTD_ALL_ORDER;
	return vtd_block(desc->addr, am) | s |
	       (BITS(am + VTD_PAGE_SHIFT - 2, 0) & ~VTD_PAGE_MASK);
}

/* ---- Types, in the order of their numbers ---- */

static void decode_context_cache(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->granularity = (uint8_t)bits_get(word, FIELD_G);
	if (desc->granularity >= IOMMUNEST_VTD_CONTEXT_DOMAIN)
		desc->did = (uint16_t)bits_get(word, FIELD_DID);
	if (desc->granularity != IOMMUNEST_VTD_CONTEXT_DEVICE)
		return;
	desc->sid = (uint16_t)bits_get(word, FIELD_CONTEXT_SID);
	desc->fm = (uint8_t)bits_get(word, FIELD_CONTEXT_FM);
}

static void encode_context_cache(const struct iommunest_vtd_desc *desc,
				 uint64_t *raw)
{
	raw[0] |= bits_put(desc->granularity, FIELD_G) |
		  bits_put(desc->did, FIELD_DID) |
		  bits_put(desc->sid, FIELD_CONTEXT_SID) |
		  bits_put(desc->fm, FIELD_CONTEXT_FM);
}

static void decode_iotlb(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->granularity = (uint8_t)bits_get(word, FIELD_G);
	desc->flags = get_flag(word, FIELD_IOTLB_DW, IOMMUNEST_VTD_DESC_DW) |
		      get_flag(word, FIELD_IOTLB_DR, IOMMUNEST_VTD_DESC_DR);
	if (desc->granularity >= IOMMUNEST_VTD_IOTLB_DOMAIN)
		desc->did = (uint16_t)bits_get(word, FIELD_DID);
	if (desc->granularity == IOMMUNEST_VTD_IOTLB_PAGES)
		get_range(desc);
}

static void encode_iotlb(const struct iommunest_vtd_desc *desc, uint64_t *raw)
{
	raw[0] |= bits_put(desc->granularity, FIELD_G) |
		  bits_put(desc->did, FIELD_DID) |
		  put_flag(desc, IOMMUNEST_VTD_DESC_DW, FIELD_IOTLB_DW) |
		  put_flag(desc, IOMMUNEST_VTD_DESC_DR, FIELD_IOTLB_DR);
	raw[1] = put_range(desc);
}

static void decode_dev_tlb(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->sid = (uint16_t)bits_get(word, FIELD_DEV_TLB_SID);
	desc->mip = (uint8_t)bits_get(word, FIELD_DEV_TLB_MIP);
	desc->pfsid = get_pfsid(word);
	get_sized(desc, DEV_TLB_S);
}

static void encode_dev_tlb(const struct iommunest_vtd_desc *desc, uint64_t *raw)
{
	raw[0] |= bits_put(desc->sid, FIELD_DEV_TLB_SID) |
		  bits_put(desc->mip, FIELD_DEV_TLB_MIP) |
		  put_pfsid(desc->pfsid);
	raw[1] = put_sized(desc, DEV_TLB_S);
}

static void decode_iec(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->granularity = (uint8_t)bits_get(word, FIELD_IEC_G);
	if (desc->granularity != IOMMUNEST_VTD_IEC_INDEX)
		return;
	desc->am = (uint8_t)bits_get(word, FIELD_IEC_IM);
	desc->iidx = vtd_first_index((uint16_t)bits_get(word, FIELD_IEC_IIDX),
				     desc->am);
}

static void encode_iec(const struct iommunest_vtd_desc *desc, uint64_t *raw)
{
	raw[0] |= bits_put(desc->granularity, FIELD_IEC_G) |
		  bits_put(desc->am, FIELD_IEC_IM) |
		  bits_put(desc->iidx, FIELD_IEC_IIDX);
}

static void decode_wait(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->flags = get_flag(word, FIELD_WAIT_IF, IOMMUNEST_VTD_DESC_IF) |
		      get_flag(word, FIELD_WAIT_SW, IOMMUNEST_VTD_DESC_SW) |
		      get_flag(word, FIELD_WAIT_FN, IOMMUNEST_VTD_DESC_FN) |
		      get_flag(word, FIELD_WAIT_PD, IOMMUNEST_VTD_DESC_PD);
	desc->status_data = (uint32_t)bits_get(word, FIELD_WAIT_DATA);
	desc->addr = desc->raw[1] & WAIT_ADDR;
}

static void encode_wait(const struct iommunest_vtd_desc *desc, uint64_t *raw)
{
	raw[0] |= put_flag(desc, IOMMUNEST_VTD_DESC_IF, FIELD_WAIT_IF) |
		  put_flag(desc, IOMMUNEST_VTD_DESC_SW, FIELD_WAIT_SW) |
		  put_flag(desc, IOMMUNEST_VTD_DESC_FN, FIELD_WAIT_FN) |
		  put_flag(desc, IOMMUNEST_VTD_DESC_PD, FIELD_WAIT_PD) |
		  bits_put(desc->status_data, FIELD_WAIT_DATA);
	raw[1] = desc->addr & WAIT_ADDR;
}

static void decode_piotlb(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->granularity = (uint8_t)bits_get(word, FIELD_G);
	desc->did = (uint16_t)bits_get(word, FIELD_DID);
	desc->pasid = (uint32_t)bits_get(word, FIELD_PASID);
	if (desc->granularity == IOMMUNEST_VTD_PIOTLB_PAGES)
		get_range(desc);
}

static void encode_piotlb(const struct iommunest_vtd_desc *desc, uint64_t *raw)
{
	raw[0] |= bits_put(desc->granularity, FIELD_G) |
		  bits_put(desc->did, FIELD_DID) |
		  bits_put(desc->pasid, FIELD_PASID);
	raw[1] = put_range(desc);
}

static void decode_pasid_cache(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->granularity = (uint8_t)bits_get(word, FIELD_G);
	if (desc->granularity <= IOMMUNEST_VTD_PASID_CACHE_PASID)
		desc->did = (uint16_t)bits_get(word, FIELD_DID);
	if (desc->granularity == IOMMUNEST_VTD_PASID_CACHE_PASID)
		desc->pasid = (uint32_t)bits_get(word, FIELD_PASID);
}

static void encode_pasid_cache(const struct iommunest_vtd_desc *desc,
			       uint64_t *raw)
{
	raw[0] |= bits_put(desc->granularity, FIELD_G) |
		  bits_put(desc->did, FIELD_DID) |
		  bits_put(desc->pasid, FIELD_PASID);
}

static void decode_pasid_dev_tlb(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->granularity =
		(uint8_t)bits_get(desc->raw[1], FIELD1_PASID_DEV_TLB_G);
	desc->sid = (uint16_t)bits_get(word, FIELD_PASID_DEV_TLB_SID);
	desc->mip = (uint8_t)bits_get(word, FIELD_PASID_DEV_TLB_MIP);
	desc->pfsid = get_pfsid(word);
	if (desc->granularity == IOMMUNEST_VTD_DEV_TLB_PASID)
		desc->pasid = (uint32_t)bits_get(word, FIELD_PASID);
	get_sized(desc, PASID_DEV_TLB_S);
}

static void encode_pasid_dev_tlb(const struct iommunest_vtd_desc *desc,
				 uint64_t *raw)
{
	raw[0] |= bits_put(desc->sid, FIELD_PASID_DEV_TLB_SID) |
		  bits_put(desc->mip, FIELD_PASID_DEV_TLB_MIP) |
		  bits_put(desc->pasid, FIELD_PASID) | put_pfsid(desc->pfsid);
	raw[1] = put_sized(desc, PASID_DEV_TLB_S) |
		 bits_put(desc->granularity, FIELD1_PASID_DEV_TLB_G);
}

static void decode_page_response(struct iommunest_vtd_desc *desc)
{
	uint64_t word = desc->raw[0];

	desc->flags = get_flag(word, FIELD_RESPONSE_PP, IOMMUNEST_VTD_DESC_PP);
	desc->response = (uint8_t)bits_get(word, FIELD_RESPONSE_CODE);
	desc->sid = (uint16_t)bits_get(word, FIELD_RESPONSE_SID);
	if (desc->flags & IOMMUNEST_VTD_DESC_PP)
		desc->pasid = (uint32_t)bits_get(word, FIELD_PASID);
	desc->prgi = (uint16_t)bits_get(desc->raw[1], FIELD1_RESPONSE_PRGI);
}

static void encode_page_response(const struct iommunest_vtd_desc *desc,
				 uint64_t *raw)
{
	raw[0] |= put_flag(desc, IOMMUNEST_VTD_DESC_PP, FIELD_RESPONSE_PP) |
		  bits_put(desc->response, FIELD_RESPONSE_CODE) |
		  bits_put(desc->sid, FIELD_RESPONSE_SID) |
		  bits_put(desc->pasid, FIELD_PASID);
	raw[1] = bits_put(desc->prgi, FIELD1_RESPONSE_PRGI);
}

/* ---- The table ---- */

#define DEV_TLB_HAS (HAS_SID | HAS_PFSID | HAS_MIP | HAS_RANGE)

static const struct vtd_desc_type types[] = {
	[IOMMUNEST_VTD_DESC_CONTEXT_CACHE] = {
		.name = "context-cache",
		.decode = decode_context_cache,
		.encode = encode_context_cache,
		.reserved = { BITS(63, 50) | BITS(15, 12) | BITS(8, 6),
			      BITS(63, 0) },
		.granularities = {
			[IOMMUNEST_VTD_CONTEXT_GLOBAL] = { "global", 0 },
			[IOMMUNEST_VTD_CONTEXT_DOMAIN] = { "domain", HAS_DID },
			[IOMMUNEST_VTD_CONTEXT_DEVICE] = {
				"device", HAS_DID | HAS_SID | HAS_FM },
		},
	},
	[IOMMUNEST_VTD_DESC_IOTLB] = {
		.name = "iotlb",
		.decode = decode_iotlb,
		.encode = encode_iotlb,
		.reserved = { BITS(63, 32) | BITS(15, 12) | BIT(8),
			      BITS(11, 7) },
		.granularities = {
			[IOMMUNEST_VTD_IOTLB_GLOBAL] = { "global", 0 },
			[IOMMUNEST_VTD_IOTLB_DOMAIN] = { "domain", HAS_DID },
			[IOMMUNEST_VTD_IOTLB_PAGES] = {
				"pages", HAS_DID | HAS_RANGE },
		},
	},
	[IOMMUNEST_VTD_DESC_DEV_TLB] = {
		.name = "dev-tlb",
		.decode = decode_dev_tlb,
		.encode = encode_dev_tlb,
		.reserved = { BITS(51, 48) | BITS(31, 21) | BITS(8, 4),
			      BITS(11, 1) },
		.granularities = { { "", DEV_TLB_HAS } },
	},
	[IOMMUNEST_VTD_DESC_IEC] = {
		.name = "iec",
		.decode = decode_iec,
		.encode = encode_iec,
		.reserved = { BITS(63, 48) | BITS(26, 12) | BITS(8, 5),
			      BITS(63, 0) },
		.granularities = {
			[IOMMUNEST_VTD_IEC_GLOBAL] = { "global", 0 },
			[IOMMUNEST_VTD_IEC_INDEX] = { "index", HAS_INDEX },
		},
	},
	[IOMMUNEST_VTD_DESC_WAIT] = {
		.name = "wait",
		.decode = decode_wait,
		.encode = encode_wait,
		.reserved = { WAIT_RESERVED_0, WAIT_RESERVED_1 },
		.granularities = { { "", HAS_STATUS } },
	},
	[IOMMUNEST_VTD_DESC_PIOTLB] = {
		.name = "piotlb",
		.decode = decode_piotlb,
		.encode = encode_piotlb,
		.reserved = { PIOTLB_RESERVED_0, PIOTLB_RESERVED_1 },
		.granularities = {
			[IOMMUNEST_VTD_PIOTLB_ALL] = {
				"all", HAS_DID | HAS_PASID },
			[IOMMUNEST_VTD_PIOTLB_PAGES] = {
				"pages", HAS_DID | HAS_PASID | HAS_RANGE },
		},
		.scalable = true,
	},
	[IOMMUNEST_VTD_DESC_PASID_CACHE] = {
		.name = "pasid-cache",
		.decode = decode_pasid_cache,
		.encode = encode_pasid_cache,
		.reserved = { BITS(63, 52) | BITS(15, 12) | BITS(8, 6),
			      BITS(63, 0) },
		.granularities = {
			[IOMMUNEST_VTD_PASID_CACHE_DOMAIN] = {
				"domain", HAS_DID },
			[IOMMUNEST_VTD_PASID_CACHE_PASID] = {
				"pasid", HAS_DID | HAS_PASID },
			[IOMMUNEST_VTD_PASID_CACHE_GLOBAL] = { "global", 0 },
		},
		.scalable = true,
	},
	[IOMMUNEST_VTD_DESC_PASID_DEV_TLB] = {
		.name = "pasid-dev-tlb",
		.decode = decode_pasid_dev_tlb,
		.encode = encode_pasid_dev_tlb,
		.reserved = { 0, BITS(10, 1) },
		.granularities = {
			[IOMMUNEST_VTD_DEV_TLB_PASID] = {
				"pasid", DEV_TLB_HAS | HAS_PASID },
			[IOMMUNEST_VTD_DEV_TLB_GLOBAL] = {
				"global", DEV_TLB_HAS },
		},
		.scalable = true,
	},
	/*
	 * Bit 2 of the second word was LPIG once, and is reserved now.
	 * Hardware ignores it, and Linux set it until September 2025.
	 */
	[IOMMUNEST_VTD_DESC_PAGE_RESPONSE] = {
		.name = "page-response",
		.decode = decode_page_response,
		.encode = encode_page_response,
		.reserved = { BITS(63, 52) | BITS(8, 5),
			      BITS(63, 12) | BITS(1, 0) },
		.granularities = { { "", HAS_SID | HAS_RESPONSE } },
		.scalable = true,
	},
};

const struct vtd_desc_type *iommunest__vtd_desc_type(unsigned int type)
{
	if (type >= ARRAY_LEN(types) || !types[type].name)
		return NULL;
	return &types[type];
}
