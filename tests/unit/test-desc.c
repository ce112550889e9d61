/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decoding of descriptors, held against a table of their fields as the VT-d
 * specification draws them (chapter 6, "Queued Invalidation Interface").
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "guest.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const unsigned int widths[] = { 128, 256 };

/* ---- The fields of the descriptors that are decoded in full ---- */

enum member {
	GRANULARITY,
	DID,
	PASID,
	AM,
	IH,
	ADDR,
	IF,
	SW,
	FN,
	PD,
	DATA,
	/* Drain reads and writes: allowed, and nothing comes of them. */
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

static const struct field iotlb_fields[] = {
	{ GRANULARITY, 4, 5, 0 }, { IGNORED, 6, 7, 0 }, { DID, 16, 31, 0 },
	{ AM, 64, 69, 0 },	  { IH, 70, 70, 0 },	{ ADDR, 76, 127, 12 },
};

static const struct field piotlb_fields[] = {
	{ GRANULARITY, 4, 5, 0 }, { DID, 16, 31, 0 }, { PASID, 32, 51, 0 },
	{ AM, 64, 69, 0 },	  { IH, 70, 70, 0 },  { ADDR, 76, 127, 12 },
};

static const struct field wait_fields[] = {
	{ IF, 4, 4, 0 }, { SW, 5, 5, 0 },     { FN, 6, 6, 0 },
	{ PD, 7, 7, 0 }, { DATA, 32, 63, 0 }, { ADDR, 66, 127, 2 },
};

struct layout {
	const char *name;
	unsigned int type;
	unsigned int width;
	const struct field *fields;
	size_t n_fields;
};

static const struct layout layouts[] = {
	{ "iotlb, 128 bits", 2, 128, iotlb_fields, LEN(iotlb_fields) },
	{ "iotlb, 256 bits", 2, 256, iotlb_fields, LEN(iotlb_fields) },
	{ "wait, 128 bits", 5, 128, wait_fields, LEN(wait_fields) },
	{ "wait, 256 bits", 5, 256, wait_fields, LEN(wait_fields) },
	{ "piotlb, 256 bits", 6, 256, piotlb_fields, LEN(piotlb_fields) },
};

static bool is_type_bit(unsigned int bit)
{
	return bit <= 3 || (bit >= 9 && bit <= 11);
}

static const struct field *field_of(const struct layout *layout,
				    unsigned int bit)
{
	size_t i;

	for (i = 0; i < layout->n_fields; i++) {
		const struct field *field = &layout->fields[i];

		if (bit >= field->low && bit <= field->high)
			return field;
	}
	return NULL;
}

static void flip(struct guest_desc *desc, unsigned int bit)
{
	desc->words[bit / 64] ^= 1ull << bit % 64;
}

/* Of pages, where it has a granularity; all else is zero. */
static struct guest_desc plain(const struct layout *layout)
{
	struct guest_desc desc = guest_typed(layout->type);

	if (layout->type != IOMMUNEST_VTD_DESC_WAIT)
		desc.words[0] |= 3u << 4;
	return desc;
}

static int decode(struct iommunest_vtd_desc *desc,
		  const struct guest_desc *from, unsigned int width)
{
	memset(desc, 0xa5, sizeof(*desc));
	return iommunest_vtd_desc_decode(desc, from->words, width);
}

/* What plain() says, and the one bit that was flipped. */
static struct iommunest_vtd_desc expected(const struct layout *layout,
					  const struct guest_desc *from,
					  const struct field *field,
					  unsigned int bit)
{
	uint64_t value = 1ull << (bit - field->low + field->shift);
	struct iommunest_vtd_desc desc;

	memset(&desc, 0, sizeof(desc));
	memcpy(desc.raw, from->words, layout->width / 8);
	desc.type = (uint8_t)layout->type;
	if (layout->type != IOMMUNEST_VTD_DESC_WAIT)
		desc.granularity = 3;
	switch (field->member) {
	case GRANULARITY:
		desc.granularity ^= (uint8_t)value;
		break;
	case DID:
		desc.did = (uint16_t)value;
		break;
	case PASID:
		desc.pasid = (uint32_t)value;
		break;
	case AM:
		desc.am = (uint8_t)value;
		break;
	case ADDR:
		desc.addr = value;
		break;
	case DATA:
		desc.status_data = (uint32_t)value;
		break;
	case IH:
		desc.flags = IOMMUNEST_VTD_DESC_IH;
		break;
	case IF:
		desc.flags = IOMMUNEST_VTD_DESC_IF;
		break;
	case SW:
		desc.flags = IOMMUNEST_VTD_DESC_SW;
		break;
	case FN:
		desc.flags = IOMMUNEST_VTD_DESC_FN;
		break;
	case PD:
		desc.flags = IOMMUNEST_VTD_DESC_PD;
		break;
	case IGNORED:
		break;
	}
	return desc;
}

/* A PASID-based IOTLB descriptor has no granularity 1, no other has a 0. */
static bool is_granularity(unsigned int type, unsigned int granularity)
{
	return granularity >= 2 || (type == 2 && granularity == 1);
}

static void check_bit(const struct layout *layout, unsigned int bit)
{
	const struct field *field = field_of(layout, bit);
	struct guest_desc from = plain(layout);
	struct iommunest_vtd_desc desc, want;
	int ret;

	flip(&from, bit);
	ret = decode(&desc, &from, layout->width);
	if (!field) {
		ck_assert_msg(ret == -EBADMSG, "%s: bit %u: %d", layout->name,
			      bit, ret);
		ck_assert_uint_eq(desc.iqei, IOMMUNEST_VTD_IQEI_RESERVED);
		ck_assert_uint_eq(desc.type, layout->type);
		ck_assert_mem_eq(desc.raw, from.words, layout->width / 8);
		return;
	}
	want = expected(layout, &from, field, bit);
	if (field->member == GRANULARITY &&
	    !is_granularity(want.type, want.granularity))
		return;
	ck_assert_msg(ret == 0, "%s: bit %u: %d", layout->name, bit, ret);
	/* Without pages there is no range, and all of it was zero. */
	ck_assert_msg(!memcmp(&desc, &want, sizeof(desc)), "%s: bit %u",
		      layout->name, bit);
}

START_TEST(each_bit_changes_its_field_or_is_refused)
{
	const struct layout *layout = &layouts[_i];
	unsigned int bit;

	for (bit = 0; bit < layout->width; bit++) {
		if (!is_type_bit(bit))
			check_bit(layout, bit);
	}
}
END_TEST

START_TEST(all_bits_of_all_fields_are_taken_at_once)
{
	const struct layout *layout = &layouts[_i];
	struct guest_desc from = plain(layout);
	struct iommunest_vtd_desc desc;
	unsigned int bit;

	for (bit = 0; bit < layout->width; bit++) {
		const struct field *field = field_of(layout, bit);

		if (field && field->member != GRANULARITY)
			flip(&from, bit);
	}
	ck_assert_int_eq(decode(&desc, &from, layout->width), 0);
	if (layout->type == IOMMUNEST_VTD_DESC_WAIT) {
		ck_assert_uint_eq(desc.flags, 0x1e);
		ck_assert_uint_eq(desc.status_data, UINT32_MAX);
		ck_assert_uint_eq(desc.addr, UINT64_MAX & ~3ull);
		return;
	}
	ck_assert_uint_eq(desc.flags, IOMMUNEST_VTD_DESC_IH);
	ck_assert_uint_eq(desc.did, 0xffff);
	ck_assert_uint_eq(desc.pasid, layout->type == 6 ? 0xfffff : 0);
	ck_assert_uint_eq(desc.am, 63);
	ck_assert_uint_eq(desc.addr, 0);
}
END_TEST

/* A refused descriptor stays refused, whatever else it says. */
START_TEST(a_reserved_bit_is_refused_beside_full_fields)
{
	const struct layout *layout = &layouts[_i];
	struct iommunest_vtd_desc desc;
	struct guest_desc full = plain(layout);
	struct guest_desc from;
	unsigned int bit;

	for (bit = 0; bit < layout->width; bit++) {
		const struct field *field = field_of(layout, bit);

		if (field && field->member != GRANULARITY)
			flip(&full, bit);
	}
	for (bit = 0; bit < layout->width; bit++) {
		if (is_type_bit(bit) || field_of(layout, bit))
			continue;
		from = full;
		flip(&from, bit);
		ck_assert_msg(decode(&desc, &from, layout->width) == -EBADMSG,
			      "%s: bit %u", layout->name, bit);
		ck_assert_uint_eq(desc.iqei, IOMMUNEST_VTD_IQEI_RESERVED);
	}
}
END_TEST

/* ---- Granularity ---- */

START_TEST(granularities_of_an_iotlb_descriptor)
{
	struct iommunest_vtd_desc desc;
	struct guest_desc from = guest_iotlb((unsigned int)_i, 5, 0x7000, 0);
	unsigned int width;

	for (width = 128; width <= 256; width += 128) {
		int ret = decode(&desc, &from, width);

		ck_assert_uint_eq(desc.type, IOMMUNEST_VTD_DESC_IOTLB);
		ck_assert_uint_eq(desc.granularity, (unsigned int)_i);
		if (_i == 0) {
			ck_assert_int_eq(ret, -EBADMSG);
			ck_assert_uint_eq(desc.iqei,
					  IOMMUNEST_VTD_IQEI_RESERVED);
			continue;
		}
		ck_assert_int_eq(ret, 0);
		ck_assert_uint_eq(desc.did, 5);
		ck_assert_uint_eq(desc.addr,
				  _i == IOMMUNEST_VTD_IOTLB_PAGES ? 0x7000 : 0);
	}
}
END_TEST

START_TEST(granularities_of_a_piotlb_descriptor)
{
	struct guest_desc from = guest_typed(IOMMUNEST_VTD_DESC_PIOTLB);
	struct iommunest_vtd_desc desc;
	int ret;

	from.words[0] |= (uint64_t)_i << 4;
	from.words[1] = 0x7000;
	ret = decode(&desc, &from, 256);
	ck_assert_uint_eq(desc.granularity, (unsigned int)_i);
	if (_i < 2) {
		ck_assert_int_eq(ret, -EBADMSG);
		ck_assert_uint_eq(desc.iqei, IOMMUNEST_VTD_IQEI_RESERVED);
		return;
	}
	ck_assert_int_eq(ret, 0);
	ck_assert_uint_eq(desc.addr,
			  _i == IOMMUNEST_VTD_PIOTLB_PAGES ? 0x7000 : 0);
}
END_TEST

START_TEST(a_descriptor_without_pages_has_no_range)
{
	struct guest_desc from = guest_piotlb_pages(3, 4, ~0ull << 12, 7, true);
	struct iommunest_vtd_desc desc;

	from.words[0] &= ~(1ull << 4);
	ck_assert_int_eq(decode(&desc, &from, 256), 0);
	ck_assert_uint_eq(desc.granularity, IOMMUNEST_VTD_PIOTLB_ALL);
	ck_assert_uint_eq(desc.am, 0);
	ck_assert_uint_eq(desc.addr, 0);
	ck_assert_uint_eq(desc.flags, 0);
}
END_TEST

/* ---- Address and mask ---- */

START_TEST(an_address_is_aligned_down_to_its_block)
{
	const uint64_t addrs[] = { ~0ull << 12, 0x123456789abcd000,
				   0xfedcba9876543000, 0, 0x1000 };
	unsigned int am = (unsigned int)_i;
	struct iommunest_vtd_desc desc;
	struct guest_desc from;
	size_t i;

	for (i = 0; i < LEN(addrs); i++) {
		/* One by one, so that no shift here can be too far. */
		uint64_t want = addrs[i];
		unsigned int bit;

		for (bit = 0; bit < am + 12 && bit < 64; bit++)
			want &= ~(1ull << bit);
		from = guest_piotlb_pages(1, 2, addrs[i], am, false);
		ck_assert_int_eq(decode(&desc, &from, 256), 0);
		ck_assert_uint_eq(desc.am, am);
		ck_assert_uint_eq(desc.addr, want);
		from = guest_iotlb(IOMMUNEST_VTD_IOTLB_PAGES, 1, addrs[i], am);
		ck_assert_int_eq(decode(&desc, &from, 128), 0);
		ck_assert_uint_eq(desc.am, am);
		ck_assert_uint_eq(desc.addr, want);
	}
}
END_TEST

/* ---- Types ---- */

static bool is_known(unsigned int type)
{
	return type >= 1 && type <= 9;
}

static bool is_256_only(unsigned int type)
{
	return type >= 6 && type <= 9;
}

/* All 128 numbers, in both widths. */
START_TEST(a_type_is_known_and_in_its_width_or_refused)
{
	unsigned int type = (unsigned int)_i % 128;
	unsigned int width = widths[_i / 128];
	struct guest_desc from = guest_typed(type);
	unsigned int iqei = IOMMUNEST_VTD_IQEI_NONE;
	struct iommunest_vtd_desc desc;
	int ret;

	if (type == 2 || type == 6)
		from.words[0] |= 3u << 4;
	if (!is_known(type))
		iqei = IOMMUNEST_VTD_IQEI_TYPE;
	else if (is_256_only(type) && width == 128)
		iqei = IOMMUNEST_VTD_IQEI_WIDTH;
	ret = decode(&desc, &from, width);
	ck_assert_int_eq(ret, iqei ? -EBADMSG : 0);
	ck_assert_uint_eq(desc.iqei, iqei);
	ck_assert_uint_eq(desc.type, type);
	ck_assert_mem_eq(desc.raw, from.words, width / 8);
}
END_TEST

/* Their contents are the VMM's to check. */
START_TEST(other_known_types_may_say_anything)
{
	static const unsigned int types[] = { 1, 3, 4, 7, 8, 9 };
	unsigned int type = types[_i];
	struct guest_desc from = guest_typed(type);
	struct iommunest_vtd_desc desc;
	struct iommunest_vtd_desc want;
	unsigned int bit;

	for (bit = 0; bit < 256; bit++) {
		if (!is_type_bit(bit))
			flip(&from, bit);
	}
	memset(&want, 0, sizeof(want));
	memcpy(want.raw, from.words, sizeof(want.raw));
	want.type = (uint8_t)type;
	ck_assert_int_eq(decode(&desc, &from, 256), 0);
	ck_assert_mem_eq(&desc, &want, sizeof(desc));
}
END_TEST

START_TEST(an_unknown_type_wins_over_reserved_bits)
{
	struct guest_desc from = { { ~0ull, ~0ull, ~0ull, ~0ull } };
	struct iommunest_vtd_desc desc;

	ck_assert_int_eq(decode(&desc, &from, 256), -EBADMSG);
	ck_assert_uint_eq(desc.type, 127);
	ck_assert_uint_eq(desc.iqei, IOMMUNEST_VTD_IQEI_TYPE);
	from.words[0] = (from.words[0] & ~0xe0full) | 6;
	ck_assert_int_eq(decode(&desc, &from, 128), -EBADMSG);
	ck_assert_uint_eq(desc.iqei, IOMMUNEST_VTD_IQEI_WIDTH);
}
END_TEST

/* ---- The call itself ---- */

/* A sanitizer or valgrind sees a word too many. */
START_TEST(only_the_width_is_read)
{
	unsigned int width = widths[_i];
	struct guest_desc from = guest_wait(IOMMUNEST_VTD_DESC_SW, 0x1000, 7);
	uint64_t *words = malloc(width / 8);
	struct iommunest_vtd_desc desc;

	ck_assert_ptr_nonnull(words);
	memcpy(words, from.words, width / 8);
	memset(&desc, 0xa5, sizeof(desc));
	ck_assert_int_eq(iommunest_vtd_desc_decode(&desc, words, width), 0);
	free(words);
	ck_assert_uint_eq(desc.raw[2], 0);
	ck_assert_uint_eq(desc.raw[3], 0);
}
END_TEST

START_TEST(upper_words_do_not_count_in_128_bits)
{
	struct guest_desc from = guest_wait(IOMMUNEST_VTD_DESC_SW, 0x1000, 7);
	struct iommunest_vtd_desc desc;

	from.words[2] = from.words[3] = ~0ull;
	ck_assert_int_eq(decode(&desc, &from, 128), 0);
	ck_assert_uint_eq(desc.raw[2], 0);
	ck_assert_uint_eq(desc.raw[3], 0);
	ck_assert_int_eq(decode(&desc, &from, 256), -EBADMSG);
}
END_TEST

START_TEST(null_arguments_are_refused)
{
	struct iommunest_vtd_desc desc;
	struct guest_desc from = guest_typed(IOMMUNEST_VTD_DESC_WAIT);

	ck_assert_int_eq(iommunest_vtd_desc_decode(NULL, from.words, 256),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_desc_decode(&desc, NULL, 256), -EINVAL);
}
END_TEST

START_TEST(other_widths_are_refused)
{
	static const unsigned int others[] = { 0,   1,	 64,  127, 129, 192,
					       255, 257, 384, 512, ~0u };
	struct iommunest_vtd_desc desc;
	struct guest_desc from = guest_typed(IOMMUNEST_VTD_DESC_WAIT);

	ck_assert_int_eq(decode(&desc, &from, others[_i]), -EINVAL);
}
END_TEST

START_TEST(types_have_their_names)
{
	static const char *const names[] = {
		"unknown",	 "context-cache", "iotlb",  "dev-tlb",
		"iec",		 "wait",	  "piotlb", "pasid-cache",
		"pasid-dev-tlb", "page-response",
	};
	unsigned int type;

	for (type = 0; type < LEN(names); type++)
		ck_assert_str_eq(iommunest_vtd_desc_name(type), names[type]);
	for (; type < 300; type++)
		ck_assert_str_eq(iommunest_vtd_desc_name(type), "unknown");
	ck_assert_str_eq(iommunest_vtd_desc_name(~0u), "unknown");
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("desc");
	Suite *suite = suite_create("desc");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, each_bit_changes_its_field_or_is_refused, 0,
			    LEN(layouts));
	tcase_add_loop_test(tcase, all_bits_of_all_fields_are_taken_at_once, 0,
			    LEN(layouts));
	tcase_add_loop_test(tcase, a_reserved_bit_is_refused_beside_full_fields,
			    0, LEN(layouts));
	tcase_add_loop_test(tcase, granularities_of_an_iotlb_descriptor, 0, 4);
	tcase_add_loop_test(tcase, granularities_of_a_piotlb_descriptor, 0, 4);
	tcase_add_test(tcase, a_descriptor_without_pages_has_no_range);
	tcase_add_loop_test(tcase, an_address_is_aligned_down_to_its_block, 0,
			    64);
	tcase_add_loop_test(tcase, a_type_is_known_and_in_its_width_or_refused,
			    0, 256);
	tcase_add_loop_test(tcase, other_known_types_may_say_anything, 0, 6);
	tcase_add_test(tcase, an_unknown_type_wins_over_reserved_bits);
	tcase_add_loop_test(tcase, only_the_width_is_read, 0, 2);
	tcase_add_test(tcase, upper_words_do_not_count_in_128_bits);
	tcase_add_test(tcase, null_arguments_are_refused);
	tcase_add_loop_test(tcase, other_widths_are_refused, 0, 11);
	tcase_add_test(tcase, types_have_their_names);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
