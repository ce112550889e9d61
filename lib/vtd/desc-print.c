/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Formats descriptors as human-readable text. */
#include <config.h>

#include <inttypes.h>

#include "lib/abi.h"
#include "lib/print.h"
#include "lib/vtd/desc-types.h"
#include "lib/vtd/desc.h"

/* ---- Names ---- */

EXPORT const char *iommunest_vtd_desc_name(unsigned int type)
{
	const struct vtd_desc_type *row = iommunest__vtd_desc_type(type);

	return row ? row->name : "unknown";
}

EXPORT const char *iommunest_vtd_iqei_text(unsigned int iqei)
{
	static const char *const texts[] = {
		[IOMMUNEST_VTD_IQEI_NONE] = "no error",
		[IOMMUNEST_VTD_IQEI_TAIL] = "tail beyond the ring",
		[IOMMUNEST_VTD_IQEI_FETCH] = "descriptor could not be read",
		[IOMMUNEST_VTD_IQEI_TYPE] = "unknown type, or not in this mode",
		[IOMMUNEST_VTD_IQEI_RESERVED] = "reserved field or value",
		[IOMMUNEST_VTD_IQEI_WIDTH] =
			"128-bit ring in scalable or abort-DMA mode",
		[IOMMUNEST_VTD_IQEI_TAIL_ALIGN] = "tail not of a 256-bit slot",
		[IOMMUNEST_VTD_IQEI_TTM] = "reserved translation table mode",
	};

	return iqei < ARRAY_LEN(texts) ? texts[iqei] : "unknown";
}

static const char *response_name(unsigned int response)
{
	switch (response) {
	case IOMMUNEST_VTD_RESPONSE_SUCCESS:
		return "success";
	case IOMMUNEST_VTD_RESPONSE_INVALID:
		return "invalid";
	case IOMMUNEST_VTD_RESPONSE_FAILURE:
		return "failure";
	default:
		return NULL;
	}
}

/* No name: reserved. */
static struct vtd_granularity
granularity_of(const struct iommunest_vtd_desc *desc,
	       const struct vtd_desc_type *type)
{
	struct vtd_granularity granularity = { NULL, 0 };

	if (desc->granularity < ARRAY_LEN(type->granularities))
		granularity = type->granularities[desc->granularity];
	/* A page response has one where it says so. */
	if (granularity.has & HAS_RESPONSE &&
	    desc->flags & IOMMUNEST_VTD_DESC_PP)
		granularity.has |= HAS_PASID;
	return granularity;
}

/* ---- Printing ---- */

/* bus:device.function */
static void put_sid(struct out *out, const char *name, unsigned int sid)
{
	put(out, " %s %02x:%02x.%x", name, sid >> 8, sid >> 3 & 0x1fu,
	    sid & 7u);
}

static void put_response(struct out *out, const struct iommunest_vtd_desc *desc)
{
	const char *name = response_name(desc->response);

	put(out, " prgi %u", desc->prgi);
	if (name)
		put(out, " response %s", name);
	else
		put(out, " response %u", desc->response);
}

static void put_scope(struct out *out, const struct iommunest_vtd_desc *desc,
		      unsigned int has)
{
	if (has & HAS_DID)
		put(out, " did %u", desc->did);
	if (has & HAS_SID)
		put_sid(out, "sid", desc->sid);
	if (has & HAS_FM)
		put(out, " fm %u", desc->fm);
	if (has & HAS_PFSID)
		put_sid(out, "pfsid", desc->pfsid);
	if (has & HAS_PASID)
		put(out, " pasid 0x%" PRIx32, desc->pasid);
	if (has & HAS_MIP)
		put(out, " mip %u", desc->mip);
}

static void put_rest(struct out *out, const struct iommunest_vtd_desc *desc,
		     unsigned int has)
{
	if (has & HAS_RANGE)
		put(out, " addr 0x%" PRIx64 " am %u", desc->addr, desc->am);
	if (has & HAS_INDEX)
		put(out, " iidx %u im %u", desc->iidx, desc->am);
	if (has & HAS_STATUS)
		put(out, " addr 0x%" PRIx64 " data 0x%" PRIx32, desc->addr,
		    desc->status_data);
	if (has & HAS_RESPONSE)
		put_response(out, desc);
}

static void put_flags(struct out *out, uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} names[] = {
		{ IOMMUNEST_VTD_DESC_IH, "ih" },
		{ IOMMUNEST_VTD_DESC_DW, "dw" },
		{ IOMMUNEST_VTD_DESC_DR, "dr" },
		{ IOMMUNEST_VTD_DESC_SW, "sw" },
		{ IOMMUNEST_VTD_DESC_IF, "if" },
		{ IOMMUNEST_VTD_DESC_FN, "fn" },
		{ IOMMUNEST_VTD_DESC_PD, "pd" },
		{ IOMMUNEST_VTD_DESC_PP, "pp" },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		if (flags & names[i].flag)
			put(out, " %s", names[i].name);
	}
}

static void put_known(struct out *out, const struct iommunest_vtd_desc *desc,
		      const struct vtd_desc_type *type)
{
	struct vtd_granularity granularity = granularity_of(desc, type);

	put(out, "%s", type->name);
	if (!granularity.name)
		put(out, " granularity %u", desc->granularity);
	else if (granularity.name[0])
		put(out, " %s", granularity.name);
	put_scope(out, desc, granularity.has);
	put_rest(out, desc, granularity.has);
	put_flags(out, desc->flags);
}

static void put_unknown(struct out *out, const struct iommunest_vtd_desc *desc)
{
	size_t i;

	put(out, "%s %u raw", iommunest_vtd_desc_name(desc->type), desc->type);
	for (i = 0; i < ARRAY_LEN(desc->raw); i++)
		put(out, " 0x%" PRIx64, desc->raw[i]);
}

EXPORT int iommunest_vtd_desc_print(const struct iommunest_vtd_desc *desc,
				    char *buf, size_t len)
{
	struct out out = { .buf = buf, .len = len };
	const struct vtd_desc_type *type;
	int ret;

	if (!desc || (!buf && len))
		return -EINVAL;
	ret = vtd_check_desc(desc);
	if (ret)
		return ret;
	type = iommunest__vtd_desc_type(desc->type);
	if (type)
		put_known(&out, desc, type);
	else
		put_unknown(&out, desc);
	if (desc->iqei)
		put(&out, " refused: %s", iommunest_vtd_iqei_text(desc->iqei));
	return (int)out.used;
}
