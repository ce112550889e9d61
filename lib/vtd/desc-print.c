/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptors of a guest's invalidation queue, in words. */
#include <config.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/abi.h"
#include "lib/vtd/desc.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Names ---- */

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

	return type < LEN(names) && names[type] ? names[type] : "unknown";
}

EXPORT const char *iommunest_vtd_iqei_text(unsigned int iqei)
{
	static const char *const texts[] = {
		[IOMMUNEST_VTD_IQEI_NONE] = "no error",
		[IOMMUNEST_VTD_IQEI_TAIL] = "tail beyond the ring",
		[IOMMUNEST_VTD_IQEI_FETCH] = "descriptor could not be read",
		[IOMMUNEST_VTD_IQEI_TYPE] = "unknown type, or not in this mode",
		[IOMMUNEST_VTD_IQEI_RESERVED] = "reserved field or value",
		[IOMMUNEST_VTD_IQEI_WIDTH] = "128-bit ring in scalable mode",
		[IOMMUNEST_VTD_IQEI_TAIL_ALIGN] = "tail not of a 256-bit slot",
		[IOMMUNEST_VTD_IQEI_TTM] = "reserved translation table mode",
	};

	return iqei < LEN(texts) ? texts[iqei] : "unknown";
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

/* ---- What there is to print ---- */

#define HAS_DID (1u << 0)
#define HAS_SID (1u << 1)
#define HAS_FM (1u << 2)
#define HAS_PFSID (1u << 3)
#define HAS_PASID (1u << 4)
#define HAS_MIP (1u << 5)
#define HAS_RANGE (1u << 6)
#define HAS_INDEX (1u << 7)
#define HAS_STATUS (1u << 8)
#define HAS_RESPONSE (1u << 9)

struct shape {
	/* Of the granularity; "": the type has none. */
	const char *name;
	unsigned int has;
};

#define DEV_TLB_HAS (HAS_SID | HAS_PFSID | HAS_MIP | HAS_RANGE)

/* By type and granularity; no name: reserved. */
static const struct shape shapes[][4] = {
	[IOMMUNEST_VTD_DESC_CONTEXT_CACHE] = {
		[IOMMUNEST_VTD_CONTEXT_GLOBAL] = { "global", 0 },
		[IOMMUNEST_VTD_CONTEXT_DOMAIN] = { "domain", HAS_DID },
		[IOMMUNEST_VTD_CONTEXT_DEVICE] = {
			"device", HAS_DID | HAS_SID | HAS_FM },
	},
	[IOMMUNEST_VTD_DESC_IOTLB] = {
		[IOMMUNEST_VTD_IOTLB_GLOBAL] = { "global", 0 },
		[IOMMUNEST_VTD_IOTLB_DOMAIN] = { "domain", HAS_DID },
		[IOMMUNEST_VTD_IOTLB_PAGES] = { "pages", HAS_DID | HAS_RANGE },
	},
	[IOMMUNEST_VTD_DESC_DEV_TLB] = { { "", DEV_TLB_HAS } },
	[IOMMUNEST_VTD_DESC_IEC] = {
		[IOMMUNEST_VTD_IEC_GLOBAL] = { "global", 0 },
		[IOMMUNEST_VTD_IEC_INDEX] = { "index", HAS_INDEX },
	},
	[IOMMUNEST_VTD_DESC_WAIT] = { { "", HAS_STATUS } },
	[IOMMUNEST_VTD_DESC_PIOTLB] = {
		[IOMMUNEST_VTD_PIOTLB_ALL] = { "all", HAS_DID | HAS_PASID },
		[IOMMUNEST_VTD_PIOTLB_PAGES] = {
			"pages", HAS_DID | HAS_PASID | HAS_RANGE },
	},
	[IOMMUNEST_VTD_DESC_PASID_CACHE] = {
		[IOMMUNEST_VTD_PASID_CACHE_DOMAIN] = { "domain", HAS_DID },
		[IOMMUNEST_VTD_PASID_CACHE_PASID] = {
			"pasid", HAS_DID | HAS_PASID },
		[IOMMUNEST_VTD_PASID_CACHE_GLOBAL] = { "global", 0 },
	},
	[IOMMUNEST_VTD_DESC_PASID_DEV_TLB] = {
		[IOMMUNEST_VTD_DEV_TLB_PASID] = {
			"pasid", DEV_TLB_HAS | HAS_PASID },
		[IOMMUNEST_VTD_DEV_TLB_GLOBAL] = { "global", DEV_TLB_HAS },
	},
	[IOMMUNEST_VTD_DESC_PAGE_RESPONSE] = {
		{ "", HAS_SID | HAS_RESPONSE },
	},
};

static bool is_known(unsigned int type)
{
	return type >= IOMMUNEST_VTD_DESC_CONTEXT_CACHE && type < LEN(shapes);
}

static struct shape shape_of(const struct iommunest_vtd_desc *desc)
{
	struct shape shape = { NULL, 0 };

	if (desc->granularity < LEN(shapes[0]))
		shape = shapes[desc->type][desc->granularity];
	/* A page response has one where it says so. */
	if (shape.has & HAS_RESPONSE && desc->flags & IOMMUNEST_VTD_DESC_PP)
		shape.has |= HAS_PASID;
	return shape;
}

/* ---- Printing ---- */

struct out {
	char *buf;
	size_t len;
	/* How long all of it is so far. */
	size_t used;
};

static __attribute__((format(printf, 2, 3))) void put(struct out *out,
						      const char *format, ...)
{
	size_t left = out->used < out->len ? out->len - out->used : 0;
	va_list args;
	int ret;

	va_start(args, format);
	ret = vsnprintf(left ? out->buf + out->used : NULL, left, format, args);
	va_end(args);
	if (ret > 0)
		out->used += (size_t)ret;
}

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

	for (i = 0; i < LEN(names); i++) {
		if (flags & names[i].flag)
			put(out, " %s", names[i].name);
	}
}

static void put_known(struct out *out, const struct iommunest_vtd_desc *desc)
{
	struct shape shape = shape_of(desc);

	put(out, "%s", iommunest_vtd_desc_name(desc->type));
	if (!shape.name)
		put(out, " granularity %u", desc->granularity);
	else if (shape.name[0])
		put(out, " %s", shape.name);
	put_scope(out, desc, shape.has);
	put_rest(out, desc, shape.has);
	put_flags(out, desc->flags);
}

static void put_unknown(struct out *out, const struct iommunest_vtd_desc *desc)
{
	size_t i;

	put(out, "%s %u raw", iommunest_vtd_desc_name(desc->type), desc->type);
	for (i = 0; i < LEN(desc->raw); i++)
		put(out, " 0x%" PRIx64, desc->raw[i]);
}

EXPORT int iommunest_vtd_desc_print(const struct iommunest_vtd_desc *desc,
				    char *buf, size_t len)
{
	struct out out = { .buf = buf, .len = len };
	int ret;

	if (!desc || (!buf && len))
		return -EINVAL;
	ret = vtd_check_desc(desc);
	if (ret)
		return ret;
	if (is_known(desc->type))
		put_known(&out, desc);
	else
		put_unknown(&out, desc);
	if (desc->iqei)
		put(&out, " refused: %s", iommunest_vtd_iqei_text(desc->iqei));
	return (int)out.used;
}
