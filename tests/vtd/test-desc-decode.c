/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Decoding of descriptors, held against a table of their fields as the VT-d
 * specification draws them (chapter 6, "Queued Invalidation Interface").
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "tests/harness/support.h"
#include "tests/vtd/decode-rig.h"
#include "tests/vtd/desc-rows.h"

/* ---- The fields of each type, by granularity ---- */

enum member {
	DID,
	SID,
	FM,
	PFSID,
	PASID,
	MIP,
	AM,
	IIDX,
	ADDR,
	DATA,
	RESPONSE,
	PRGI,
	/* The bit is that of the flag. */
	FLAG,
	/* Device TLB: more than one page. */
	SIZE,
	/* Hardware does not look at it. */
	IGNORED,
};

struct field {
	enum member member;
	/* Counted from the descriptor's first bit. */
	unsigned int low;
	unsigned int high;
	/* The member's bit that the lowest one becomes. */
	unsigned int shift;
};

#define MAX_FIELDS 9

struct layout {
	const char *name;
	unsigned int type;
	unsigned int granularity;
	/* Set in all of them: the granularity, and what else has to be. */
	uint64_t base[2];
	uint32_t base_flags;
	/* The bits of the granularity, from the descriptor's first. */
	unsigned int g_low;
	unsigned int g_high;
	struct field fields[MAX_FIELDS];
	unsigned int n_fields;
};

#define NO_G 1, 0
#define G_5_4 4, 5
#define FIELDS(...)      \
	{ __VA_ARGS__ }, \
		sizeof((struct field[]){ __VA_ARGS__ }) / sizeof(struct field)

/* clang-format off */
static const struct layout layouts[] = {
	{ "context cache, global", 1, 1, { 0x11 }, 0, G_5_4,
	  FIELDS({ IGNORED, 16, 49, 0 }) },
	{ "context cache, domain", 1, 2, { 0x21 }, 0, G_5_4,
	  FIELDS({ DID, 16, 31, 0 }, { IGNORED, 32, 49, 0 }) },
	{ "context cache, device", 1, 3, { 0x31 }, 0, G_5_4,
	  FIELDS({ DID, 16, 31, 0 }, { SID, 32, 47, 0 }, { FM, 48, 49, 0 }) },

	{ "iotlb, global", 2, 1, { 0x12 }, 0, G_5_4,
	  FIELDS({ FLAG, 6, 6, 5 }, { FLAG, 7, 7, 6 }, { IGNORED, 16, 31, 0 },
		 { IGNORED, 64, 70, 0 }, { IGNORED, 76, 127, 0 }) },
	{ "iotlb, domain", 2, 2, { 0x22 }, 0, G_5_4,
	  FIELDS({ FLAG, 6, 6, 5 }, { FLAG, 7, 7, 6 }, { DID, 16, 31, 0 },
		 { IGNORED, 64, 70, 0 }, { IGNORED, 76, 127, 0 }) },
	{ "iotlb, pages", 2, 3, { 0x32 }, 0, G_5_4,
	  FIELDS({ FLAG, 6, 6, 5 }, { FLAG, 7, 7, 6 }, { DID, 16, 31, 0 },
		 { AM, 64, 69, 0 }, { FLAG, 70, 70, 0 },
		 { ADDR, 76, 127, 12 }) },

	{ "device TLB", 3, 0, { 0x3 }, 0, NO_G,
	  FIELDS({ PFSID, 12, 15, 0 }, { MIP, 16, 20, 0 }, { SID, 32, 47, 0 },
		 { PFSID, 52, 63, 4 }, { SIZE, 64, 64, 0 },
		 { ADDR, 76, 127, 12 }) },

	{ "interrupt entries, global", 4, 0, { 0x4 }, 0, 4, 4,
	  FIELDS({ IGNORED, 27, 31, 0 }, { IGNORED, 32, 47, 0 }) },
	{ "interrupt entries, index", 4, 1, { 0x14 }, 0, 4, 4,
	  FIELDS({ AM, 27, 31, 0 }, { IIDX, 32, 47, 0 }) },

	{ "wait", 5, 0, { 0x5 }, 0, NO_G,
	  FIELDS({ FLAG, 4, 4, 2 }, { FLAG, 5, 5, 1 }, { FLAG, 6, 6, 3 },
		 { FLAG, 7, 7, 4 }, { DATA, 32, 63, 0 },
		 { ADDR, 66, 127, 2 }) },

	{ "PASID-based iotlb, all", 6, 2, { 0x26 }, 0, G_5_4,
	  FIELDS({ DID, 16, 31, 0 }, { PASID, 32, 51, 0 },
		 { IGNORED, 64, 70, 0 }, { IGNORED, 76, 127, 0 }) },
	{ "PASID-based iotlb, pages", 6, 3, { 0x36 }, 0, G_5_4,
	  FIELDS({ DID, 16, 31, 0 }, { PASID, 32, 51, 0 }, { AM, 64, 69, 0 },
		 { FLAG, 70, 70, 0 }, { ADDR, 76, 127, 12 }) },

	{ "PASID cache, domain", 7, 0, { 0x07 }, 0, G_5_4,
	  FIELDS({ DID, 16, 31, 0 }, { IGNORED, 32, 51, 0 }) },
	{ "PASID cache, PASID", 7, 1, { 0x17 }, 0, G_5_4,
	  FIELDS({ DID, 16, 31, 0 }, { PASID, 32, 51, 0 }) },
	{ "PASID cache, global", 7, 3, { 0x37 }, 0, G_5_4,
	  FIELDS({ IGNORED, 16, 31, 0 }, { IGNORED, 32, 51, 0 }) },

	{ "PASID-based device TLB, PASID", 8, 0, { 0x8 }, 0, 64, 64,
	  FIELDS({ MIP, 4, 8, 0 }, { PFSID, 12, 15, 0 }, { SID, 16, 31, 0 },
		 { PASID, 32, 51, 0 }, { PFSID, 52, 63, 4 },
		 { SIZE, 75, 75, 0 }, { ADDR, 76, 127, 12 }) },
	{ "PASID-based device TLB, global", 8, 1, { 0x8, 0x1 }, 0, 64, 64,
	  FIELDS({ MIP, 4, 8, 0 }, { PFSID, 12, 15, 0 }, { SID, 16, 31, 0 },
		 { IGNORED, 32, 51, 0 }, { PFSID, 52, 63, 4 },
		 { SIZE, 75, 75, 0 }, { ADDR, 76, 127, 12 }) },

	{ "page response", 9, 0, { 0x9 }, 0, 4, 4,
	  FIELDS({ RESPONSE, 12, 15, 0 }, { SID, 16, 31, 0 },
		 { IGNORED, 32, 51, 0 }, { IGNORED, 66, 66, 0 },
		 { PRGI, 67, 75, 0 }) },
	{ "page response with a PASID", 9, 0, { 0x19 }, 0x80, 4, 4,
	  FIELDS({ RESPONSE, 12, 15, 0 }, { SID, 16, 31, 0 },
		 { PASID, 32, 51, 0 }, { IGNORED, 66, 66, 0 },
		 { PRGI, 67, 75, 0 }) },
};
/* clang-format on */

static bool is_type_bit(unsigned int bit)
{
	return bit <= 3 || (bit >= 9 && bit <= 11);
}

/* A bit that is neither type nor granularity: those make another layout. */
static bool is_in_layout(const struct layout *layout, unsigned int bit)
{
	return !is_type_bit(bit) &&
	       (bit < layout->g_low || bit > layout->g_high);
}

static const struct field *field_of(const struct layout *layout,
				    unsigned int bit)
{
	unsigned int i;

	for (i = 0; i < layout->n_fields; i++) {
		const struct field *field = &layout->fields[i];

		if (bit >= field->low && bit <= field->high)
			return field;
	}
	return NULL;
}

static void flip(struct guest_desc *desc, unsigned int bit)
{
	desc->words[bit / 64] ^= UINT64_C(1) << bit % 64;
}

static struct guest_desc plain(const struct layout *layout)
{
	return (struct guest_desc){ { layout->base[0], layout->base[1] } };
}

/* All bits of all fields. */
static struct guest_desc full(const struct layout *layout)
{
	struct guest_desc desc = plain(layout);
	unsigned int bit;

	for (bit = 0; bit < 128; bit++) {
		if (is_in_layout(layout, bit) && field_of(layout, bit))
			flip(&desc, bit);
	}
	return desc;
}

static void set_member(struct iommunest_vtd_desc *desc, enum member member,
		       uint64_t value)
{
	switch (member) {
	case DID:
		desc->did = (uint16_t)value;
		break;
	case SID:
		desc->sid = (uint16_t)value;
		break;
	case FM:
		desc->fm = (uint8_t)value;
		break;
	case PFSID:
		desc->pfsid = (uint16_t)value;
		break;
	case PASID:
		desc->pasid = (uint32_t)value;
		break;
	case MIP:
		desc->mip = (uint8_t)value;
		break;
	case AM:
		desc->am = (uint8_t)value;
		break;
	case IIDX:
		desc->iidx = (uint16_t)value;
		break;
	case ADDR:
		desc->addr = value;
		break;
	case DATA:
		desc->status_data = (uint32_t)value;
		break;
	case RESPONSE:
		desc->response = (uint8_t)value;
		break;
	case PRGI:
		desc->prgi = (uint16_t)value;
		break;
	case FLAG:
		desc->flags |= (uint32_t)value;
		break;
	case SIZE:
		/* With an address of 0, the smallest block. */
		desc->am = 1;
		break;
	case IGNORED:
		break;
	}
}

/* What @from has in it: plain() and, unless @field is NULL, one bit. */
static struct iommunest_vtd_desc expected(const struct layout *layout,
					  const struct guest_desc *from,
					  const struct field *field,
					  unsigned int bit)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	memset(&desc, 0, sizeof(desc));
	desc.size = sizeof(desc);
	memcpy(desc.raw, from->words, sizeof(desc.raw));
	desc.type = (uint8_t)layout->type;
	desc.granularity = (uint8_t)layout->granularity;
	desc.flags = layout->base_flags;
	if (field)
		set_member(&desc, field->member,
			   UINT64_C(1) << (bit - field->low + field->shift));
	return desc;
}

static void check_bit(const struct layout *layout, const struct ring *ring,
		      unsigned int bit)
{
	const struct field *field = field_of(layout, bit);
	struct guest_desc from = plain(layout);
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct iommunest_vtd_desc want =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	int ret;

	flip(&from, bit);
	want = expected(layout, &from, field, bit);
	if (!field)
		want.iqei = IOMMUNEST_VTD_IQEI_RESERVED;
	ret = decode(&desc, &from, ring);
	ck_assert_msg(ret == (field ? 0 : -EBADMSG), "%s: bit %u: %d",
		      layout->name, bit, ret);
	ck_assert_msg(is_same(&desc, &want), "%s: bit %u", layout->name, bit);
}

TEST_LOOP(each_bit_changes_its_field_or_is_refused, ARRAY_LEN(layouts))
{
	const struct layout *layout = &layouts[_i];
	unsigned int bit, i;

	for (i = 0; i < GOOD_RINGS; i++) {
		if (!takes(&rings[i], layout->type))
			continue;
		for (bit = 0; bit < rings[i].width; bit++) {
			if (is_in_layout(layout, bit))
				check_bit(layout, &rings[i], bit);
		}
	}
}

static uint64_t full_value(const struct layout *layout, enum member member)
{
	uint64_t value = 0;
	unsigned int bit;

	for (bit = 0; bit < 128; bit++) {
		const struct field *field = field_of(layout, bit);

		if (field && field->member == member)
			value |= UINT64_C(1)
				 << (bit - field->low + field->shift);
	}
	return value;
}

/* The widest mask leaves nothing of an address or an index. */
TEST_LOOP(all_bits_of_all_fields_are_taken_at_once, ARRAY_LEN(layouts))
{
	const struct layout *layout = &layouts[_i];
	struct guest_desc from = full(layout);
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct iommunest_vtd_desc want =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	bool has_size = full_value(layout, SIZE);
	enum member member;

	want = expected(layout, &from, NULL, 0);
	for (member = DID; member <= FLAG; member++) {
		uint64_t value = full_value(layout, member);

		if (layout->type != 5 && (member == IIDX || member == ADDR))
			continue;
		if (value)
			set_member(&want, member, value);
	}
	if (has_size)
		want.am = 52;
	ck_assert_int_eq(decode(&desc, &from, &wide), 0);
	ck_assert_msg(is_same(&desc, &want), "%s", layout->name);
}

/* A refused descriptor stays refused, whatever else it says. */
TEST_LOOP(a_reserved_bit_is_refused_beside_full_fields, ARRAY_LEN(layouts))
{
	const struct layout *layout = &layouts[_i];
	struct guest_desc from;
	unsigned int bit;

	for (bit = 0; bit < 256; bit++) {
		if (!is_in_layout(layout, bit) || field_of(layout, bit))
			continue;
		from = full(layout);
		flip(&from, bit);
		check_refused(&from, &wide, IOMMUNEST_VTD_IQEI_RESERVED,
			      layout->name);
	}
}

/* ---- Types and modes ---- */

static unsigned int iqei_of(const struct ring *ring, unsigned int type)
{
	if (ring->ttm == IOMMUNEST_VTD_TTM_RESERVED)
		return IOMMUNEST_VTD_IQEI_TTM;
	if (ring->ttm != IOMMUNEST_VTD_TTM_LEGACY && ring->width == 128)
		return IOMMUNEST_VTD_IQEI_WIDTH;
	if (type < 1 || type > 9 || !takes(ring, type))
		return IOMMUNEST_VTD_IQEI_TYPE;
	return IOMMUNEST_VTD_IQEI_NONE;
}

/* All 128 numbers, in both widths and all modes. */
TEST_LOOP(a_type_is_known_and_in_its_mode_or_refused, 128)
{
	unsigned int type = (unsigned int)_i;
	struct guest_desc from = guest_typed(type);
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	unsigned int i;

	/* A granularity where there has to be one. */
	if (type == 1 || type == 2 || type == 6)
		from.words[0] |= 3u << 4;
	for (i = 0; i < RINGS; i++) {
		unsigned int iqei = iqei_of(&rings[i], type);
		int ret = decode(&desc, &from, &rings[i]);

		ck_assert_int_eq(ret, iqei ? -EBADMSG : 0);
		ck_assert_uint_eq(desc.iqei, iqei);
		ck_assert_uint_eq(desc.type, type);
		ck_assert_mem_eq(desc.raw, from.words, rings[i].width / 8);
	}
}

/* Of 0, which no known type has, and of all the rest of the seven bits. */
TEST_LOOP(unknown_types_have_no_fields, 8)
{
	static const unsigned int types[] = { 0, 10, 15, 16, 22, 38, 70, 127 };
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct iommunest_vtd_desc want =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct guest_desc from = guest_typed(types[_i]);
	unsigned int bit;

	for (bit = 0; bit < 256; bit++) {
		if (!is_type_bit(bit))
			flip(&from, bit);
	}
	memcpy(want.raw, from.words, sizeof(want.raw));
	want.type = (uint8_t)types[_i];
	want.iqei = IOMMUNEST_VTD_IQEI_TYPE;
	ck_assert_int_eq(decode(&desc, &from, &wide), -EBADMSG);
	ck_assert(is_same(&desc, &want));
}

TEST(the_width_comes_first_then_the_type_then_reserved_bits)
{
	struct guest_desc from = { { ~0ull, ~0ull, ~0ull, ~0ull } };

	check_refused(&from, TOO_NARROW, IOMMUNEST_VTD_IQEI_WIDTH, "unknown");
	check_refused(&from, &rings[0], IOMMUNEST_VTD_IQEI_TYPE, "unknown");
	check_refused(&from, &wide, IOMMUNEST_VTD_IQEI_TYPE, "unknown");
	/* PASID-based IOTLB, with all that is reserved. */
	from.words[0] = (from.words[0] & ~0xe0full) | 6;
	check_refused(&from, TOO_NARROW, IOMMUNEST_VTD_IQEI_WIDTH, "piotlb");
	check_refused(&from, &rings[0], IOMMUNEST_VTD_IQEI_TYPE, "piotlb");
	check_refused(&from, &rings[1], IOMMUNEST_VTD_IQEI_TYPE, "piotlb");
	check_refused(&from, &wide, IOMMUNEST_VTD_IQEI_RESERVED, "piotlb");
}

/* ---- The call itself ---- */

/* A sanitizer or valgrind sees a word too many. */
TEST_LOOP(only_the_width_is_read, GOOD_RINGS)
{
	const struct ring *ring = &rings[_i];
	struct guest_desc from = guest_wait(IOMMUNEST_VTD_DESC_SW, 0x1000, 7);
	uint64_t *words = malloc(ring->width / 8);
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	ck_assert_ptr_nonnull(words);
	memcpy(words, from.words, ring->width / 8);
	memset(&desc, 0xa5, sizeof(desc));
	desc.size = sizeof(desc);
	ck_assert_int_eq(iommunest_vtd_desc_decode(&desc, words, ring->width,
						   ring->ttm),
			 0);
	free(words);
	ck_assert_uint_eq(desc.raw[2], 0);
	ck_assert_uint_eq(desc.raw[3], 0);
}

TEST(upper_words_do_not_count_in_128_bits)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	unsigned int word, i;

	for (i = 0; i < ARRAY_LEN(layouts); i++) {
		for (word = 2; word < 4; word++) {
			struct guest_desc from = plain(&layouts[i]);

			from.words[word] = ~0ull;
			check_refused(&from, &wide, IOMMUNEST_VTD_IQEI_RESERVED,
				      layouts[i].name);
			if (!takes(&rings[0], layouts[i].type))
				continue;
			ck_assert_int_eq(decode(&desc, &from, &rings[0]), 0);
			ck_assert_uint_eq(desc.raw[2], 0);
			ck_assert_uint_eq(desc.raw[3], 0);
		}
	}
}

TEST(null_arguments_are_refused)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct guest_desc from = guest_typed(IOMMUNEST_VTD_DESC_WAIT);

	ck_assert_int_eq(iommunest_vtd_desc_decode(NULL, from.words, 256,
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_desc_decode(&desc, NULL, 256,
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 -EINVAL);
}

TEST_LOOP(other_widths_are_refused, 11)
{
	static const unsigned int others[] = { 0,   1,	 64,  127, 129, 192,
					       255, 257, 384, 512, ~0u };
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct guest_desc from = guest_typed(IOMMUNEST_VTD_DESC_WAIT);
	struct ring ring = { others[_i], IOMMUNEST_VTD_TTM_LEGACY };

	ck_assert_int_eq(decode(&desc, &from, &ring), -EINVAL);
	ring.ttm = IOMMUNEST_VTD_TTM_SCALABLE;
	ck_assert_int_eq(decode(&desc, &from, &ring), -EINVAL);
}

TEST_LOOP(other_modes_are_refused, 3)
{
	static const int others[] = { -1, 4, 0x7fffffff };
	struct guest_desc from = guest_typed(IOMMUNEST_VTD_DESC_WAIT);
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct ring ring = { 256, (enum iommunest_vtd_ttm)others[_i] };

	ck_assert_int_eq(decode(&desc, &from, &ring), -EINVAL);
}
