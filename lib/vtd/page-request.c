/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A guest's page requests and its answers.  The fields are as the VT-d
 * specification draws them (chapter 7, "Page Request Descriptor").
 */
#include <libiommunest.h>

#include "lib/abi.h"
#include "lib/bits.h"

#define TYPE_PAGE_REQUEST 1u

#define FIELD_TYPE BITS(7, 0)
#define FIELD_PP BIT(8)
#define FIELD_RID BITS(31, 16)
#define FIELD_PASID BITS(51, 32)
#define FIELD_EXR BIT(52)
#define FIELD_PMR BIT(53)
#define FIELD1_RDR BIT(0)
#define FIELD1_WRR BIT(1)
#define FIELD1_LPIG BIT(2)
#define FIELD1_PRGI BITS(11, 3)
#define FIELD1_ADDR BITS(63, 12)

#define PRGI_MAX 0x1ffu
#define PASID_MAX 0xfffffu

#define FLAGS (IOMMUNEST_PAGE_REQUEST_PASID | IOMMUNEST_PAGE_REQUEST_LAST)
#define PERMS                                                         \
	(IOMMUNEST_PAGE_REQUEST_READ | IOMMUNEST_PAGE_REQUEST_WRITE | \
	 IOMMUNEST_PAGE_REQUEST_EXEC | IOMMUNEST_PAGE_REQUEST_PRIV)

_Static_assert(IOMMUNEST_FAULT_NO_PASID == IOMMUNEST_VTD_NO_PASID,
	       "one name for no PASID will do");

static bool has_pasid(const struct iommunest_page_request *request)
{
	return request->flags & IOMMUNEST_PAGE_REQUEST_PASID;
}

static bool fits(const struct iommunest_page_request *request)
{
	return !(request->flags & ~FLAGS) && !(request->perm & ~PERMS) &&
	       request->prgi <= PRGI_MAX &&
	       (!has_pasid(request) || request->pasid <= PASID_MAX);
}

/* The bit of a field if @value has @flag. */
static uint64_t put_flag(uint32_t value, uint32_t flag, uint64_t field)
{
	return value & flag ? field : 0;
}

static uint32_t get_flag(uint64_t word, uint64_t field, uint32_t flag)
{
	return word & field ? flag : 0;
}

EXPORT int
iommunest_vtd_page_request_build(uint64_t *words,
				 const struct iommunest_page_request *request,
				 uint16_t sid)
{
	const uint32_t perm = request ? request->perm : 0;

	if (!words || !request || !fits(request))
		return -EINVAL;
	words[0] = bits_put(TYPE_PAGE_REQUEST, FIELD_TYPE) |
		   bits_put(sid, FIELD_RID) |
		   put_flag(perm, IOMMUNEST_PAGE_REQUEST_EXEC, FIELD_EXR) |
		   put_flag(perm, IOMMUNEST_PAGE_REQUEST_PRIV, FIELD_PMR);
	if (has_pasid(request))
		words[0] |= FIELD_PP | bits_put(request->pasid, FIELD_PASID);
	words[1] = put_flag(perm, IOMMUNEST_PAGE_REQUEST_READ, FIELD1_RDR) |
		   put_flag(perm, IOMMUNEST_PAGE_REQUEST_WRITE, FIELD1_WRR) |
		   put_flag(request->flags, IOMMUNEST_PAGE_REQUEST_LAST,
			    FIELD1_LPIG) |
		   bits_put(request->prgi, FIELD1_PRGI) |
		   (request->addr & FIELD1_ADDR);
	words[2] = 0;
	words[3] = 0;
	return 0;
}

EXPORT int
iommunest_vtd_page_request_decode(struct iommunest_page_request *request,
				  uint16_t *sid, const uint64_t *words)
{
	struct iommunest_page_request out = { 0 };

	if (!request || !sid || !words)
		return -EINVAL;
	if (bits_get(words[0], FIELD_TYPE) != TYPE_PAGE_REQUEST)
		return -EBADMSG;
	out.flags =
		get_flag(words[0], FIELD_PP, IOMMUNEST_PAGE_REQUEST_PASID) |
		get_flag(words[1], FIELD1_LPIG, IOMMUNEST_PAGE_REQUEST_LAST);
	if (has_pasid(&out))
		out.pasid = (uint32_t)bits_get(words[0], FIELD_PASID);
	out.prgi = (uint32_t)bits_get(words[1], FIELD1_PRGI);
	out.perm =
		get_flag(words[1], FIELD1_RDR, IOMMUNEST_PAGE_REQUEST_READ) |
		get_flag(words[1], FIELD1_WRR, IOMMUNEST_PAGE_REQUEST_WRITE) |
		get_flag(words[0], FIELD_EXR, IOMMUNEST_PAGE_REQUEST_EXEC) |
		get_flag(words[0], FIELD_PMR, IOMMUNEST_PAGE_REQUEST_PRIV);
	out.addr = words[1] & FIELD1_ADDR;
	*request = out;
	*sid = (uint16_t)bits_get(words[0], FIELD_RID);
	return 0;
}

/* ---- The guest's answer ---- */

/*
 * A response failure makes a device turn page requests off, for all of its
 * functions.  That is not a guest's to say, and the kernel has no code for it.
 */
static uint32_t code_of(const struct iommunest_vtd_desc *desc)
{
	return desc->response == IOMMUNEST_VTD_RESPONSE_SUCCESS
		       ? IOMMUNEST_FAULT_SUCCESS
		       : IOMMUNEST_FAULT_INVALID;
}

static int check_response(const struct iommunest_vtd_desc *desc)
{
	int ret = iommunest_check_size(desc, END_OF(struct iommunest_vtd_desc,
						    reserved));

	if (ret)
		return ret;
	return desc->type == IOMMUNEST_VTD_DESC_PAGE_RESPONSE ? 0 : -EINVAL;
}

EXPORT int iommunest_vtd_page_response(struct iommunest_fault_reader *reader,
				       uint32_t dev_id,
				       const struct iommunest_vtd_desc *desc)
{
	struct iommunest_fault_response response = { 0 };
	uint32_t pasid;
	int ret;

	if (!reader || !desc)
		return -EINVAL;
	ret = check_response(desc);
	if (ret)
		return ret;
	pasid = desc->flags & IOMMUNEST_VTD_DESC_PP ? desc->pasid
						    : IOMMUNEST_FAULT_NO_PASID;
	response.code = code_of(desc);
	/* What the kernel has answered is passed over, and leaves the reader.
	 */
	do {
		ret = iommunest_fault_reader_find(reader, dev_id, pasid,
						  desc->prgi, &response.id);
		if (!ret)
			ret = iommunest_fault_respond(reader, &response, 1);
	} while (!ret && response.error == -ENOENT);
	return ret;
}
