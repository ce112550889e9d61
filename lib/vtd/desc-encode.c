/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Encoding of invalidation descriptors, and a builder for each type.
 *
 * Every field is put in its place, whatever it holds; then the words are
 * decoded.  A descriptor that does not come back as it was is refused, so that
 * decoding alone says what a field can hold, and the two cannot disagree.
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/vtd/desc-layout.h"
#include "lib/vtd/desc-types.h"
#include "lib/vtd/desc.h"

/* All members except size and raw. */
#define FIELDS_START offsetof(struct iommunest_vtd_desc, addr)
#define FIELDS_SIZE (END_OF(struct iommunest_vtd_desc, reserved) - FIELDS_START)

_Static_assert(FIELDS_SIZE == 1 * 8 + 3 * 4 + 5 * 2 + 8 * 1,
	       "there is padding between them, or a new one");

/* Decoding finds a type that is unknown or does not fit. */
static void encode(const struct iommunest_vtd_desc *desc, uint64_t *raw)
{
	const struct vtd_desc_type *type = iommunest__vtd_desc_type(desc->type);

	raw[0] = bits_put(desc->type, FIELD_TYPE_LOW);
	if (type)
		type->encode(desc, raw);
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
	if (iommunest__vtd_desc_decode(&decoded, raw, 256, true) ||
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

/* *@desc stays as it was if the fields are refused. */
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
