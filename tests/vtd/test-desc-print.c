/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Descriptors in words: each line is what it is, to the letter. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "tests/harness/support.h"
#include "tests/vtd/desc-rows.h"

#define ROOM 512

static void check_text(const struct iommunest_vtd_desc *desc, const char *want)
{
	char text[ROOM];
	int len;

	memset(text, 0x5a, sizeof(text));
	len = iommunest_vtd_desc_print(desc, text, sizeof(text));
	ck_assert_int_gt(len, 0);
	ck_assert_int_lt(len, ROOM);
	ck_assert_str_eq(text, want);
	ck_assert_uint_eq((unsigned int)len, strlen(want));
}

static void decode(struct iommunest_vtd_desc *desc, const uint64_t *words,
		   unsigned int width, enum iommunest_vtd_ttm ttm)
{
	ck_assert_int_eq(iommunest_vtd_desc_decode(desc, words, width, ttm),
			 -EBADMSG);
}

TEST_LOOP(known_descriptors_have_their_text, DESC_ROWS)
{
	check_text(&desc_rows[_i].desc, desc_rows[_i].text);
}

TEST_LOOP(a_refused_descriptor_says_why_at_the_end, DESC_ROWS)
{
	const struct desc_row *row = &desc_rows[_i];
	struct iommunest_vtd_desc desc = row->desc;
	unsigned int iqei;
	char want[ROOM];

	for (iqei = 1; iqei < 256; iqei++) {
		desc.iqei = (uint8_t)iqei;
		snprintf(want, sizeof(want), "%s refused: %s", row->text,
			 iommunest_vtd_iqei_text(iqei));
		check_text(&desc, want);
	}
}

TEST(what_decoding_refuses_can_be_printed)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	decode(&desc, (const uint64_t[4]){ 0x0000001000050136, 0x1040 }, 256,
	       IOMMUNEST_VTD_TTM_SCALABLE);
	check_text(&desc, "piotlb pages did 5 pasid 0x10 addr 0x1000 am 0 ih"
			  " refused: reserved field or value");
	decode(&desc, (const uint64_t[4]){ 0x0000001000050026 }, 256,
	       IOMMUNEST_VTD_TTM_LEGACY);
	check_text(&desc, "piotlb all did 5 pasid 0x10"
			  " refused: unknown type, or not in this mode");
	decode(&desc, (const uint64_t[2]){ 0x25, 0x1000 }, 128,
	       IOMMUNEST_VTD_TTM_SCALABLE);
	check_text(&desc,
		   "wait addr 0x1000 data 0x0 sw"
		   " refused: 128-bit ring in scalable or abort-DMA mode");
}

TEST_LOOP(a_reserved_granularity_is_printed_as_a_number, 5)
{
	static const struct {
		uint64_t word;
		const char *text;
	} rows[] = {
		{ 0x01, "context-cache granularity 0" },
		{ 0x02, "iotlb granularity 0" },
		{ 0x06, "piotlb granularity 0" },
		{ 0x16, "piotlb granularity 1" },
		{ 0x27, "pasid-cache granularity 2" },
	};
	const uint64_t words[4] = { rows[_i].word };
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	char want[ROOM];

	decode(&desc, words, 256, IOMMUNEST_VTD_TTM_SCALABLE);
	snprintf(want, sizeof(want), "%s refused: reserved field or value",
		 rows[_i].text);
	check_text(&desc, want);
}

TEST(an_unknown_type_is_printed_as_its_words)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	decode(&desc, (const uint64_t[4]){ 0xa, 0x1, 0, ~0ull }, 256,
	       IOMMUNEST_VTD_TTM_SCALABLE);
	check_text(&desc, "unknown 10 raw 0xa 0x1 0x0 0xffffffffffffffff"
			  " refused: unknown type, or not in this mode");
	decode(&desc, (const uint64_t[4]){ 0 }, 256,
	       IOMMUNEST_VTD_TTM_SCALABLE);
	check_text(&desc, "unknown 0 raw 0x0 0x0 0x0 0x0"
			  " refused: unknown type, or not in this mode");
	decode(&desc, (const uint64_t[2]){ 0xe0f, 0x2 }, 128,
	       IOMMUNEST_VTD_TTM_LEGACY);
	check_text(&desc, "unknown 127 raw 0xe0f 0x2 0x0 0x0"
			  " refused: unknown type, or not in this mode");
}

/* As snprintf(3); past the end of a buffer, a sanitizer watches. */
TEST_LOOP(a_short_buffer_gets_the_beginning, DESC_ROWS)
{
	const struct desc_row *row = &desc_rows[_i];
	size_t full = strlen(row->text);
	size_t len;

	for (len = 1; len <= full + 2; len++) {
		size_t kept = len <= full ? len - 1 : full;
		char *text = malloc(len + 1);

		ck_assert_ptr_nonnull(text);
		memset(text, 0x5a, len + 1);
		ck_assert_int_eq(iommunest_vtd_desc_print(&row->desc, text,
							  len),
				 (int)full);
		ck_assert_mem_eq(text, row->text, kept);
		ck_assert_int_eq(text[kept], 0);
		ck_assert_int_eq(text[len], 0x5a);
		free(text);
	}
}

TEST_LOOP(without_a_buffer_the_length_is_returned, DESC_ROWS)
{
	const struct desc_row *row = &desc_rows[_i];
	int full = (int)strlen(row->text);
	char untouched = 0x5a;

	ck_assert_int_eq(iommunest_vtd_desc_print(&row->desc, NULL, 0), full);
	ck_assert_int_eq(iommunest_vtd_desc_print(&row->desc, &untouched, 0),
			 full);
	ck_assert_int_eq(untouched, 0x5a);
}

TEST(null_is_refused)
{
	char text[ROOM];

	ck_assert_int_eq(iommunest_vtd_desc_print(NULL, text, sizeof(text)),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_desc_print(NULL, NULL, 0), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_desc_print(&desc_rows[0].desc, NULL, 1),
			 -EINVAL);
}

TEST_LOOP(a_granularity_too_large_is_printed_as_a_number, DESC_ROWS)
{
	struct iommunest_vtd_desc desc = desc_rows[_i].desc;
	char want[ROOM];

	desc.flags = 0;
	for (desc.granularity = 4; desc.granularity; desc.granularity++) {
		snprintf(want, sizeof(want), "%s granularity %u",
			 iommunest_vtd_desc_name(desc.type), desc.granularity);
		check_text(&desc, want);
	}
}

TEST(a_pasid_is_printed_where_there_is_one)
{
	struct iommunest_vtd_desc desc = { .size = sizeof(desc), .pasid = 5 };

	desc.type = IOMMUNEST_VTD_DESC_IOTLB;
	desc.granularity = IOMMUNEST_VTD_IOTLB_GLOBAL;
	desc.flags = IOMMUNEST_VTD_DESC_PP;
	check_text(&desc, "iotlb global pp");
}

/* A struct of the caller's may hold anything. */
TEST(any_descriptor_is_one_line)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct support_rng rng;
	char text[ROOM];
	uint32_t i;
	size_t k;
	int len;

	support_rng_start(&rng, "whatever_it_holds_is_one_line");
	for (i = 0; i < 20000; i++) {
		for (k = 0; k < sizeof(desc); k++)
			((unsigned char *)&desc)[k] =
				(unsigned char)support_rng_next(&rng);
		desc.size = sizeof(desc);
		if (i % 4)
			desc.type %= 11;
		if (i % 8 > 3)
			desc.granularity %= 5;
		len = iommunest_vtd_desc_print(&desc, text, sizeof(text));
		support_assert(&rng, len > 0 && len < ROOM);
		support_assert(&rng, strlen(text) == (size_t)len);
		support_assert(&rng, !strpbrk(text, "\n\t(%"));
	}
}

TEST(types_have_their_names)
{
	static const char *const names[] = {
		"unknown",	 "context-cache", "iotlb",  "dev-tlb",
		"iec",		 "wait",	  "piotlb", "pasid-cache",
		"pasid-dev-tlb", "page-response",
	};
	unsigned int type;

	for (type = 0; type < ARRAY_LEN(names); type++)
		ck_assert_str_eq(iommunest_vtd_desc_name(type), names[type]);
	for (; type < 300; type++)
		ck_assert_str_eq(iommunest_vtd_desc_name(type), "unknown");
	ck_assert_str_eq(iommunest_vtd_desc_name(~0u), "unknown");
}

TEST(reasons_have_their_text)
{
	static const char *const texts[] = {
		"no error",
		"tail beyond the ring",
		"descriptor could not be read",
		"unknown type, or not in this mode",
		"reserved field or value",
		"128-bit ring in scalable or abort-DMA mode",
		"tail not of a 256-bit slot",
		"reserved translation table mode",
	};
	unsigned int iqei;

	for (iqei = 0; iqei < ARRAY_LEN(texts); iqei++)
		ck_assert_str_eq(iommunest_vtd_iqei_text(iqei), texts[iqei]);
	for (; iqei < 300; iqei++)
		ck_assert_str_eq(iommunest_vtd_iqei_text(iqei), "unknown");
	ck_assert_str_eq(iommunest_vtd_iqei_text(~0u), "unknown");
}
