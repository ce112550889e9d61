/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors of a guest's invalidation queue, made.
 *
 * Fields are put where they belong with no regard to what they hold; then the
 * words are decoded, and what does not come back as it was is no descriptor.
 * So decoding alone says what a field can hold, and the two cannot disagree.
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/vtd/desc-layout.h"
#include "lib/vtd/desc.h"
#include "lib/vtd/entry.h"

/* All members except size and raw. */
#define FIELDS_START offsetof(struct iommunest_vtd_desc, addr)
#define FIELDS_SIZE (END_OF(struct iommunest_vtd_desc, reserved) - FIELDS_START)

_Static_assert(FIELDS_SIZE == 1 * 8 + 3 * 4 + 5 * 2 + 8 * 1,
	       "there is padding between them, or a new one");

/* ---- Words of the fields ---- */

static uint64_t put_flag(const struct iommunest_vtd_desc *desc, uint32_t flag,
			 uint64_t field)
{
	return desc->flags & flag ? field : 0;
}

static uint64_t put_pfsid(unsigned int pfsid)
{
	return vtd_put(pfsid >> PFSID_HIGH_SHIFT, FIELD_PFSID_HIGH) |
	       vtd_put(pfsid, FIELD_PFSID_LOW);
}

static uint64_t put_range(const struct iommunest_vtd_desc *desc)
{
	return (desc->addr & ~VTD_PAGE_MASK) | vtd_put(desc->am, FIELD1_AM) |
	       put_flag(desc, IOMMUNEST_VTD_DESC_IH, FIELD1_IH);
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

static void encode_context_cache(const struct iommunest_vtd_desc *desc,
				 uint64_t *raw)
{
	raw[0] |= vtd_put(desc->granularity, FIELD_G) |
		  vtd_put(desc->did, FIELD_DID) |
		  vtd_put(desc->sid, FIELD_CONTEXT_SID) |
		  vtd_put(desc->fm, FIELD_CONTEXT_FM);
}

static void encode_iotlb(const struct iommunest_vtd_desc *desc, uint64_t *raw)
{
	raw[0] |= vtd_put(desc->granularity, FIELD_G) |
		  vtd_put(desc->did, FIELD_DID) |
		  put_flag(desc, IOMMUNEST_VTD_DESC_DW, FIELD_IOTLB_DW) |
		  put_flag(desc, IOMMUNEST_VTD_DESC_DR, FIELD_IOTLB_DR);
	raw[1] = put_range(desc);
}

static void encode_dev_tlb(const struct iommunest_vtd_desc *desc, uint64_t *raw)
{
	raw[0] |= vtd_put(desc->sid, FIELD_DEV_TLB_SID) |
		  vtd_put(desc->mip, FIELD_DEV_TLB_MIP) |
		  put_pfsid(desc->pfsid);
	raw[1] = put_sized(desc, DEV_TLB_S);
}

static void encode_iec(const struct iommunest_vtd_desc *desc, uint64_t *raw)
{
	raw[0] |= vtd_put(desc->granularity, FIELD_IEC_G) |
		  vtd_put(desc->am, FIELD_IEC_IM) |
		  vtd_put(desc->iidx, FIELD_IEC_IIDX);
}

static void encode_wait(const struct iommunest_vtd_desc *desc, uint64_t *raw)
{
	raw[0] |= put_flag(desc, IOMMUNEST_VTD_DESC_IF, FIELD_WAIT_IF) |
		  put_flag(desc, IOMMUNEST_VTD_DESC_SW, FIELD_WAIT_SW) |
		  put_flag(desc, IOMMUNEST_VTD_DESC_FN, FIELD_WAIT_FN) |
		  put_flag(desc, IOMMUNEST_VTD_DESC_PD, FIELD_WAIT_PD) |
		  vtd_put(desc->status_data, FIELD_WAIT_DATA);
	raw[1] = desc->addr & WAIT_ADDR;
}

static void encode_piotlb(const struct iommunest_vtd_desc *desc, uint64_t *raw)
{
	raw[0] |= vtd_put(desc->granularity, FIELD_G) |
		  vtd_put(desc->did, FIELD_DID) |
		  vtd_put(desc->pasid, FIELD_PASID);
	raw[1] = put_range(desc);
}

static void encode_pasid_cache(const struct iommunest_vtd_desc *desc,
			       uint64_t *raw)
{
	raw[0] |= vtd_put(desc->granularity, FIELD_G) |
		  vtd_put(desc->did, FIELD_DID) |
		  vtd_put(desc->pasid, FIELD_PASID);
}

static void encode_pasid_dev_tlb(const struct iommunest_vtd_desc *desc,
				 uint64_t *raw)
{
	raw[0] |= vtd_put(desc->sid, FIELD_PASID_DEV_TLB_SID) |
		  vtd_put(desc->mip, FIELD_PASID_DEV_TLB_MIP) |
		  vtd_put(desc->pasid, FIELD_PASID) | put_pfsid(desc->pfsid);
	raw[1] = put_sized(desc, PASID_DEV_TLB_S) |
		 vtd_put(desc->granularity, FIELD1_PASID_DEV_TLB_G);
}

static void encode_page_response(const struct iommunest_vtd_desc *desc,
				 uint64_t *raw)
{
	raw[0] |= put_flag(desc, IOMMUNEST_VTD_DESC_PP, FIELD_RESPONSE_PP) |
		  vtd_put(desc->response, FIELD_RESPONSE_CODE) |
		  vtd_put(desc->sid, FIELD_RESPONSE_SID) |
		  vtd_put(desc->pasid, FIELD_PASID);
	raw[1] = vtd_put(desc->prgi, FIELD1_RESPONSE_PRGI);
}

/* Decoding will tell an unknown type, and one that has been cut off. */
static void encode(const struct iommunest_vtd_desc *desc, uint64_t *raw)
{
	static void (*const encoders[])(const struct iommunest_vtd_desc *desc,
					uint64_t *raw) = {
		[IOMMUNEST_VTD_DESC_CONTEXT_CACHE] = encode_context_cache,
		[IOMMUNEST_VTD_DESC_IOTLB] = encode_iotlb,
		[IOMMUNEST_VTD_DESC_DEV_TLB] = encode_dev_tlb,
		[IOMMUNEST_VTD_DESC_IEC] = encode_iec,
		[IOMMUNEST_VTD_DESC_WAIT] = encode_wait,
		[IOMMUNEST_VTD_DESC_PIOTLB] = encode_piotlb,
		[IOMMUNEST_VTD_DESC_PASID_CACHE] = encode_pasid_cache,
		[IOMMUNEST_VTD_DESC_PASID_DEV_TLB] = encode_pasid_dev_tlb,
		[IOMMUNEST_VTD_DESC_PAGE_RESPONSE] = encode_page_response,
	};

	raw[0] = vtd_put(desc->type, FIELD_TYPE_LOW);
	if (desc->type < sizeof(encoders) / sizeof(encoders[0]) &&
	    encoders[desc->type])
		encoders[desc->type](desc, raw);
}

EXPORT int iommunest_vtd_desc_encode(struct iommunest_vtd_desc *desc)
{
	struct iommunest_vtd_desc fields, decoded;
	uint64_t raw[4] = { 0 };
	int ret;

	if (!desc)
		return -EINVAL;
	ret = iommunest_copy_in(&fields, sizeof(fields), desc,
				END_OF(struct iommunest_vtd_desc, reserved));
	if (ret)
		return ret;
	encode(&fields, raw);
	if (iommunest_vtd_decode(&decoded, raw, 256, true) ||
	    memcmp((const char *)&fields + FIELDS_START,
		   (const char *)&decoded + FIELDS_START, FIELDS_SIZE) != 0)
		return -EINVAL;
	memcpy(desc->raw, raw, sizeof(desc->raw));
	return 0;
}

/* ---- Builders ---- */

/* For members in which the largest number is never valid. */
static uint8_t narrow8(unsigned int value)
{
	return value < UINT8_MAX ? (uint8_t)value : UINT8_MAX;
}

static uint16_t narrow16(unsigned int value)
{
	return value < UINT16_MAX ? (uint16_t)value : UINT16_MAX;
}

/* *@desc is as it was, where the fields are no descriptor. */
static int build(struct iommunest_vtd_desc *desc,
		 struct iommunest_vtd_desc fields)
{
	int ret;

	if (!desc)
		return -EINVAL;
	ret = vtd_check_desc(desc);
	if (ret)
		return ret;
	fields.size = sizeof(fields);
	ret = iommunest_vtd_desc_encode(&fields);
	if (!ret)
		iommunest_copy_out(desc, &fields, sizeof(fields));
	return ret;
}

EXPORT int iommunest_vtd_desc_context_cache(struct iommunest_vtd_desc *desc,
					    unsigned int granularity,
					    uint16_t did, uint16_t sid,
					    unsigned int fm)
{
	return build(desc, (struct iommunest_vtd_desc){
				   .type = IOMMUNEST_VTD_DESC_CONTEXT_CACHE,
				   .granularity = narrow8(granularity),
				   .did = did,
				   .sid = sid,
				   .fm = narrow8(fm),
			   });
}

EXPORT int iommunest_vtd_desc_iotlb(struct iommunest_vtd_desc *desc,
				    unsigned int granularity, uint16_t did,
				    uint64_t addr, unsigned int am,
				    uint32_t flags)
{
	return build(desc, (struct iommunest_vtd_desc){
				   .type = IOMMUNEST_VTD_DESC_IOTLB,
				   .granularity = narrow8(granularity),
				   .did = did,
				   .addr = vtd_block(addr, am),
				   .am = narrow8(am),
				   .flags = flags,
			   });
}

EXPORT int iommunest_vtd_desc_dev_tlb(struct iommunest_vtd_desc *desc,
				      uint16_t sid, uint16_t pfsid,
				      unsigned int mip, uint64_t addr,
				      unsigned int am)
{
	return build(desc, (struct iommunest_vtd_desc){
				   .type = IOMMUNEST_VTD_DESC_DEV_TLB,
				   .sid = sid,
				   .pfsid = pfsid,
				   .mip = narrow8(mip),
				   .addr = vtd_block(addr, am),
				   .am = narrow8(am),
			   });
}

EXPORT int iommunest_vtd_desc_iec(struct iommunest_vtd_desc *desc,
				  unsigned int granularity, uint16_t iidx,
				  unsigned int im)
{
	return build(desc, (struct iommunest_vtd_desc){
				   .type = IOMMUNEST_VTD_DESC_IEC,
				   .granularity = narrow8(granularity),
				   .iidx = vtd_first_index(iidx, im),
				   .am = narrow8(im),
			   });
}

EXPORT int iommunest_vtd_desc_wait(struct iommunest_vtd_desc *desc,
				   uint32_t flags, uint64_t status_addr,
				   uint32_t status_data)
{
	return build(desc, (struct iommunest_vtd_desc){
				   .type = IOMMUNEST_VTD_DESC_WAIT,
				   .flags = flags,
				   .addr = status_addr,
				   .status_data = status_data,
			   });
}

EXPORT int iommunest_vtd_desc_piotlb(struct iommunest_vtd_desc *desc,
				     unsigned int granularity, uint16_t did,
				     uint32_t pasid, uint64_t addr,
				     unsigned int am, uint32_t flags)
{
	return build(desc, (struct iommunest_vtd_desc){
				   .type = IOMMUNEST_VTD_DESC_PIOTLB,
				   .granularity = narrow8(granularity),
				   .did = did,
				   .pasid = pasid,
				   .addr = vtd_block(addr, am),
				   .am = narrow8(am),
				   .flags = flags,
			   });
}

EXPORT int iommunest_vtd_desc_pasid_cache(struct iommunest_vtd_desc *desc,
					  unsigned int granularity,
					  uint16_t did, uint32_t pasid)
{
	return build(desc, (struct iommunest_vtd_desc){
				   .type = IOMMUNEST_VTD_DESC_PASID_CACHE,
				   .granularity = narrow8(granularity),
				   .did = did,
				   .pasid = pasid,
			   });
}

EXPORT int iommunest_vtd_desc_pasid_dev_tlb(struct iommunest_vtd_desc *desc,
					    unsigned int granularity,
					    uint16_t sid, uint16_t pfsid,
					    uint32_t pasid, unsigned int mip,
					    uint64_t addr, unsigned int am)
{
	return build(desc, (struct iommunest_vtd_desc){
				   .type = IOMMUNEST_VTD_DESC_PASID_DEV_TLB,
				   .granularity = narrow8(granularity),
				   .sid = sid,
				   .pfsid = pfsid,
				   .pasid = pasid,
				   .mip = narrow8(mip),
				   .addr = vtd_block(addr, am),
				   .am = narrow8(am),
			   });
}

EXPORT int iommunest_vtd_desc_page_response(struct iommunest_vtd_desc *desc,
					    uint16_t sid, uint32_t pasid,
					    uint32_t flags, unsigned int prgi,
					    unsigned int response)
{
	return build(desc, (struct iommunest_vtd_desc){
				   .type = IOMMUNEST_VTD_DESC_PAGE_RESPONSE,
				   .sid = sid,
				   .pasid = pasid,
				   .flags = flags,
				   .prgi = narrow16(prgi),
				   .response = narrow8(response),
			   });
}
