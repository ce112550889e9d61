/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Descriptors: any words are decoded and printed, any fields are encoded.
 * Which bits are reserved is said here once more, from the specification's
 * chapter 6, "Queued Invalidation Interface".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "fuzz.h"

/* ---- What hardware takes ---- */

struct format {
	uint64_t reserved[2];
	/* Where the granularity is, and the set of its values. */
	unsigned int g_word;
	unsigned int g_shift;
	unsigned int g_bits;
	unsigned int g_values;
	bool legacy;
};

static const struct format formats[] = {
	{ { 0 }, 0, 0, 0, 0, false },
	{ { 0xfffc00000000f1c0, ~0ull }, 0, 4, 2, 0xe, true },
	{ { 0xffffffff0000f100, 0xf80 }, 0, 4, 2, 0xe, true },
	{ { 0x000f0000ffe001f0, 0xffe }, 0, 0, 0, 1, true },
	{ { 0xffff000007fff1e0, ~0ull }, 0, 4, 1, 3, true },
	{ { 0x00000000fffff100, 3 }, 0, 0, 0, 1, true },
	{ { 0xfff000000000f1c0, 0xf80 }, 0, 4, 2, 0xc, false },
	{ { 0xfff000000000f1c0, ~0ull }, 0, 4, 2, 0xb, false },
	{ { 0, 0x7fe }, 1, 0, 1, 3, false },
	{ { 0xfff00000000001e0, 0xfffffffffffff003 }, 0, 0, 0, 1, false },
};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static unsigned int type_of(const uint64_t *words)
{
	return (unsigned int)((words[0] & 15) | (words[0] >> 9 & 7) << 4);
}

static unsigned int refusal(const uint64_t *words, unsigned int width,
			    enum iommunest_vtd_ttm ttm)
{
	bool scalable = ttm != IOMMUNEST_VTD_TTM_LEGACY;
	unsigned int type = type_of(words);
	const struct format *format;
	uint64_t g;

	if (ttm == IOMMUNEST_VTD_TTM_RESERVED)
		return IOMMUNEST_VTD_IQEI_TTM;
	if (scalable && width == 128)
		return IOMMUNEST_VTD_IQEI_WIDTH;
	if (type == 0 || type >= FORMATS)
		return IOMMUNEST_VTD_IQEI_TYPE;
	format = &formats[type];
	if (!scalable && !format->legacy)
		return IOMMUNEST_VTD_IQEI_TYPE;
	if (words[0] & format->reserved[0] || words[1] & format->reserved[1])
		return IOMMUNEST_VTD_IQEI_RESERVED;
	if (width == 256 && (words[2] || words[3]))
		return IOMMUNEST_VTD_IQEI_RESERVED;
	g = words[format->g_word] >> format->g_shift &
	    ((1u << format->g_bits) - 1);
	return format->g_values >> g & 1 ? IOMMUNEST_VTD_IQEI_NONE
					 : IOMMUNEST_VTD_IQEI_RESERVED;
}

/* ---- Printing ---- */

/* Into memory of just so many bytes: a step beyond them shows. */
static void check_print(const struct iommunest_vtd_desc *desc, size_t len)
{
	char whole[1024];
	char *text = malloc(len ? len : 1);
	int ret = iommunest_vtd_desc_print(desc, whole, sizeof(whole));

	fuzz_check(text);
	fuzz_check(ret > 0 && (size_t)ret < sizeof(whole));
	fuzz_check(strlen(whole) == (size_t)ret && !strpbrk(whole, "\n\r\t"));
	memset(text, 'x', len ? len : 1);
	fuzz_check(iommunest_vtd_desc_print(desc, text, len) == ret);
	fuzz_check(iommunest_vtd_desc_print(desc, NULL, 0) == ret);
	if (len) {
		fuzz_check(memchr(text, 0, len));
		fuzz_check(!strncmp(text, whole, len - 1));
		fuzz_check(strlen(text) ==
			   (len <= (size_t)ret ? len - 1 : (size_t)ret));
	}
	free(text);
	fuzz_check(iommunest_vtd_desc_name(desc->type));
	fuzz_check(iommunest_vtd_iqei_text(desc->iqei));
}

/* ---- Decoding ---- */

static bool same_fields(struct iommunest_vtd_desc a,
			struct iommunest_vtd_desc b)
{
	return a.addr == b.addr && a.status_data == b.status_data &&
	       a.flags == b.flags && a.pasid == b.pasid && a.did == b.did &&
	       a.sid == b.sid && a.pfsid == b.pfsid && a.iidx == b.iidx &&
	       a.prgi == b.prgi && a.type == b.type &&
	       a.granularity == b.granularity && a.am == b.am && a.fm == b.fm &&
	       a.mip == b.mip && a.response == b.response && a.iqei == b.iqei &&
	       a.reserved == b.reserved;
}

/* ---- What hardware does not look at ---- */

#define G(number) (1u << (number))

static const struct {
	unsigned int type;
	unsigned int g_values;
	uint64_t bits[2];
} unused[] = {
	{ IOMMUNEST_VTD_DESC_CONTEXT_CACHE, G(1), { 0x0003ffffffff0000, 0 } },
	{ IOMMUNEST_VTD_DESC_CONTEXT_CACHE, G(2), { 0x0003ffff00000000, 0 } },
	{ IOMMUNEST_VTD_DESC_IOTLB, G(1), { 0xffff0000, ~0ull } },
	{ IOMMUNEST_VTD_DESC_IOTLB, G(2), { 0, ~0ull } },
	{ IOMMUNEST_VTD_DESC_IEC, G(0), { 0x0000fffff8000000, 0 } },
	{ IOMMUNEST_VTD_DESC_PIOTLB, G(2), { 0, ~0ull } },
	{ IOMMUNEST_VTD_DESC_PASID_CACHE, G(0), { 0x000fffff00000000, 0 } },
	{ IOMMUNEST_VTD_DESC_PASID_CACHE, G(3), { 0x000fffffffff0000, 0 } },
	{ IOMMUNEST_VTD_DESC_PASID_DEV_TLB, G(1), { 0x000fffff00000000, 0 } },
	{ IOMMUNEST_VTD_DESC_PAGE_RESPONSE, G(0), { 0, 0x4 } },
};

static uint64_t low_bits(unsigned int count)
{
	return count < 64 ? (UINT64_C(1) << count) - 1 : ~UINT64_C(0);
}

/* Within a block, and where a bit says that there is nothing. */
static void add_unused_by_value(const struct iommunest_vtd_desc *desc,
				uint64_t *bits)
{
	switch (desc->type) {
	case IOMMUNEST_VTD_DESC_IOTLB:
	case IOMMUNEST_VTD_DESC_PIOTLB:
		bits[1] |= low_bits(desc->am + 12) & ~UINT64_C(0xfff);
		break;
	case IOMMUNEST_VTD_DESC_DEV_TLB:
	case IOMMUNEST_VTD_DESC_PASID_DEV_TLB:
		/* The widest is said in two ways. */
		bits[1] |= desc->am == 52 ? UINT64_C(1) << 63 : 0;
		break;
	case IOMMUNEST_VTD_DESC_IEC:
		bits[0] |= (low_bits(desc->am) & 0xffff) << 32;
		break;
	case IOMMUNEST_VTD_DESC_PAGE_RESPONSE:
		if (!(desc->flags & IOMMUNEST_VTD_DESC_PP))
			bits[0] |= UINT64_C(0x000fffff00000000);
		break;
	default:
		break;
	}
}

static void find_unused(const struct iommunest_vtd_desc *desc, uint64_t *bits)
{
	unsigned int i;

	for (i = 0; i < sizeof(unused) / sizeof(unused[0]); i++) {
		if (unused[i].type != desc->type ||
		    !(unused[i].g_values >> desc->granularity & 1))
			continue;
		bits[0] |= unused[i].bits[0];
		bits[1] |= unused[i].bits[1];
	}
	add_unused_by_value(desc, bits);
}

/*
 * What hardware takes is encoded with no bit that was not there, without those
 * alone that hardware does not look at, and decodes to the same.
 */
static void check_encode(const struct iommunest_vtd_desc *desc,
			 const uint64_t *words)
{
	struct iommunest_vtd_desc again = *desc;
	struct iommunest_vtd_desc decoded =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	uint64_t bits[4] = { 0 };
	unsigned int i;

	find_unused(desc, bits);
	fuzz_check(!iommunest_vtd_desc_encode(&again));
	for (i = 0; i < 4; i++)
		fuzz_check(again.raw[i] == (words[i] & ~bits[i]));
	fuzz_check(!iommunest_vtd_desc_decode(&decoded, again.raw, 256,
					      IOMMUNEST_VTD_TTM_SCALABLE));
	fuzz_check(same_fields(decoded, *desc));
	fuzz_check(!iommunest_vtd_desc_encode(&decoded));
	fuzz_check(!memcmp(decoded.raw, again.raw, sizeof(again.raw)));
}

static void check_fields(const struct iommunest_vtd_desc *desc)
{
	fuzz_check(desc->pasid <= 0xfffff && desc->prgi <= 0x1ff);
	fuzz_check(desc->am <= 63 && desc->fm <= 3 && desc->mip <= 31);
	fuzz_check(desc->response <= 15 && !desc->reserved);
	if (desc->type == IOMMUNEST_VTD_DESC_WAIT)
		fuzz_check(!(desc->addr & 3));
	else if (desc->type != IOMMUNEST_VTD_DESC_IEC)
		fuzz_check(!(desc->addr & 0xfff) &&
			   (desc->am >= 52
				    ? !desc->addr
				    : !(desc->addr >> 12 &
					((UINT64_C(1) << desc->am) - 1))));
}

static void check_decode(const uint64_t *words, unsigned int width,
			 enum iommunest_vtd_ttm ttm, size_t len)
{
	size_t bytes = width / 8;
	uint64_t *there = malloc(bytes);
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	static const uint64_t zeros[2];
	unsigned int why;
	int ret;

	fuzz_check(there);
	memcpy(there, words, bytes);
	memset(&desc, 0x5a, sizeof(desc));
	desc.size = sizeof(desc);
	ret = iommunest_vtd_desc_decode(&desc, there, width, ttm);
	why = refusal(there, width, ttm);
	fuzz_check(ret == (why ? -EBADMSG : 0) && desc.iqei == why);
	fuzz_check(!memcmp(desc.raw, there, bytes));
	fuzz_check(width == 256 || !memcmp(desc.raw + 2, zeros, sizeof(zeros)));
	fuzz_check(desc.type == type_of(words));
	check_fields(&desc);
	check_print(&desc, len);
	if (!ret)
		check_encode(&desc, desc.raw);
	free(there);
}

/* ---- Encoding ---- */

static void take_fields(struct fuzz_input *in, struct iommunest_vtd_desc *desc)
{
	fuzz_take(in, desc->raw, sizeof(desc->raw));
	desc->type = fuzz_u8(in) & 15;
	desc->granularity = fuzz_u8(in);
	desc->am = fuzz_u8(in);
	desc->addr = fuzz_shaped(in);
	desc->flags = (uint32_t)fuzz_shaped(in);
	desc->pasid = (uint32_t)fuzz_shaped(in);
	desc->did = fuzz_u16(in);
	desc->sid = fuzz_u16(in);
	desc->pfsid = fuzz_u16(in);
	desc->iidx = fuzz_u16(in);
	desc->prgi = (uint16_t)fuzz_shaped(in);
	desc->fm = fuzz_u8(in);
	desc->mip = fuzz_u8(in);
	desc->response = fuzz_u8(in);
	desc->status_data = fuzz_u32(in);
	desc->iqei = fuzz_u8(in);
	desc->reserved = fuzz_u8(in);
}

/* Encoded, and decoded as the guest's ring has it. */
static void check_valid(const struct iommunest_vtd_desc *desc)
{
	struct iommunest_vtd_desc decoded =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	fuzz_check(!iommunest_vtd_desc_decode(&decoded, desc->raw, 256,
					      IOMMUNEST_VTD_TTM_SCALABLE));
	fuzz_check(same_fields(decoded, *desc));
	fuzz_check(!memcmp(decoded.raw, desc->raw, sizeof(desc->raw)));
}

static void encode_any(struct fuzz_input *in, size_t len)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct iommunest_vtd_desc before =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	int ret;

	memset(&desc, 0, sizeof(desc));
	desc.size = sizeof(desc);
	take_fields(in, &desc);
	before = desc;
	check_print(&desc, len);
	ret = iommunest_vtd_desc_encode(&desc);
	fuzz_check(ret == 0 || ret == -EINVAL);
	fuzz_check(same_fields(desc, before));
	if (ret)
		fuzz_check(!memcmp(desc.raw, before.raw, sizeof(desc.raw)));
	else
		check_valid(&desc);
}

struct arguments {
	uint64_t addr;
	uint32_t pasid;
	uint32_t flags;
	unsigned int granularity;
	unsigned int am;
	unsigned int small;
	uint16_t id;
	uint16_t other_id;
};

static struct arguments take_arguments(struct fuzz_input *in)
{
	return (struct arguments){
		.addr = fuzz_shaped(in),
		.pasid = (uint32_t)fuzz_shaped(in),
		.flags = (uint32_t)fuzz_shaped(in),
		.granularity = (unsigned int)fuzz_shaped(in),
		.am = (unsigned int)fuzz_shaped(in),
		.small = (unsigned int)fuzz_shaped(in),
		.id = fuzz_u16(in),
		.other_id = fuzz_u16(in),
	};
}

static int build_pasid(struct iommunest_vtd_desc *desc, unsigned int type,
		       const struct arguments *a)
{
	switch (type) {
	case IOMMUNEST_VTD_DESC_PIOTLB:
		return iommunest_vtd_desc_piotlb(desc, a->granularity, a->id,
						 a->pasid, a->addr, a->am,
						 a->flags);
	case IOMMUNEST_VTD_DESC_PASID_CACHE:
		return iommunest_vtd_desc_pasid_cache(desc, a->granularity,
						      a->id, a->pasid);
	case IOMMUNEST_VTD_DESC_PASID_DEV_TLB:
		return iommunest_vtd_desc_pasid_dev_tlb(desc, a->granularity,
							a->id, a->other_id,
							a->pasid, a->small,
							a->addr, a->am);
	default:
		return iommunest_vtd_desc_page_response(
			desc, a->id, a->pasid, a->flags, a->am, a->small);
	}
}

static int build(struct iommunest_vtd_desc *desc, unsigned int type,
		 const struct arguments *a)
{
	switch (type) {
	case IOMMUNEST_VTD_DESC_CONTEXT_CACHE:
		return iommunest_vtd_desc_context_cache(
			desc, a->granularity, a->id, a->other_id, a->small);
	case IOMMUNEST_VTD_DESC_IOTLB:
		return iommunest_vtd_desc_iotlb(desc, a->granularity, a->id,
						a->addr, a->am, a->flags);
	case IOMMUNEST_VTD_DESC_DEV_TLB:
		return iommunest_vtd_desc_dev_tlb(desc, a->id, a->other_id,
						  a->small, a->addr, a->am);
	case IOMMUNEST_VTD_DESC_IEC:
		return iommunest_vtd_desc_iec(desc, a->granularity, a->id,
					      a->am);
	case IOMMUNEST_VTD_DESC_WAIT:
		return iommunest_vtd_desc_wait(desc, a->flags, a->addr,
					       a->pasid);
	default:
		return build_pasid(desc, type, a);
	}
}

static bool holds_order(const struct iommunest_vtd_desc *desc,
			const struct arguments *a)
{
	switch (desc->type) {
	case IOMMUNEST_VTD_DESC_IOTLB:
	case IOMMUNEST_VTD_DESC_PIOTLB:
		/* Unused, where it is not of pages. */
		return desc->am == a->am || desc->granularity != 3;
	case IOMMUNEST_VTD_DESC_DEV_TLB:
	case IOMMUNEST_VTD_DESC_PASID_DEV_TLB:
		return desc->am == a->am;
	case IOMMUNEST_VTD_DESC_PAGE_RESPONSE:
		return desc->prgi == a->am;
	default:
		return true;
	}
}

static bool holds_small(const struct iommunest_vtd_desc *desc,
			const struct arguments *a)
{
	switch (desc->type) {
	case IOMMUNEST_VTD_DESC_CONTEXT_CACHE:
		return desc->fm == a->small || desc->granularity != 3;
	case IOMMUNEST_VTD_DESC_DEV_TLB:
	case IOMMUNEST_VTD_DESC_PASID_DEV_TLB:
		return desc->mip == a->small;
	case IOMMUNEST_VTD_DESC_PAGE_RESPONSE:
		return desc->response == a->small;
	default:
		return true;
	}
}

/* Nothing was cut off. */
static void check_built(const struct iommunest_vtd_desc *desc,
			const struct arguments *a)
{
	bool has_granularity = desc->type != IOMMUNEST_VTD_DESC_DEV_TLB &&
			       desc->type != IOMMUNEST_VTD_DESC_WAIT &&
			       desc->type != IOMMUNEST_VTD_DESC_PAGE_RESPONSE;

	if (has_granularity)
		fuzz_check(desc->granularity == a->granularity);
	fuzz_check(holds_order(desc, a) && holds_small(desc, a));
	if (desc->type != IOMMUNEST_VTD_DESC_WAIT)
		fuzz_check(desc->pasid == 0 || desc->pasid == a->pasid);
}

static void build_any(struct fuzz_input *in)
{
	unsigned int type = 1 + fuzz_below(in, 9);
	struct arguments arguments = take_arguments(in);
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	int ret;

	memset(&desc, 0x5a, sizeof(desc));
	desc.size = sizeof(desc);
	ret = build(&desc, type, &arguments);
	fuzz_check(ret == 0 || ret == -EINVAL);
	if (ret)
		return;
	fuzz_check(desc.type == type);
	check_valid(&desc);
	check_built(&desc, &arguments);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { .data = data, .left = size };
	size_t len = fuzz_u8(&in);
	uint64_t words[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		words[i] = fuzz_u64(&in);
	for (i = 0; i < 8; i++)
		check_decode(words, i & 1 ? 256 : 128,
			     (enum iommunest_vtd_ttm)(i >> 1), len);
	encode_any(&in, len);
	build_any(&in);
	return 0;
}
