/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What decoding makes of known words, granularities, addresses and masks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "tests/harness/support.h"
#include "tests/vtd/decode-rig.h"
#include "tests/vtd/desc-rows.h"

/* ---- Known words ---- */

static struct guest_desc words_of(const struct desc_row *row)
{
	struct guest_desc desc;

	memcpy(desc.words, row->desc.raw, sizeof(desc.words));
	return desc;
}

TEST_LOOP(known_words_decode_to_their_fields, DESC_ROWS)
{
	const struct desc_row *row = &desc_rows[_i];
	struct guest_desc from = words_of(row);
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	unsigned int i;

	for (i = 0; i < GOOD_RINGS; i++) {
		if (!takes(&rings[i], row->desc.type))
			continue;
		ck_assert_int_eq(decode(&desc, &from, &rings[i]), 0);
		ck_assert_msg(is_same(&desc, &row->desc), "%s", row->text);
	}
}

TEST_LOOP(a_refused_descriptor_is_decoded_all_the_same, DESC_ROWS)
{
	const struct desc_row *row = &desc_rows[_i];
	struct guest_desc from = words_of(row);
	struct iommunest_vtd_desc desc, want = row->desc;

	want.iqei = IOMMUNEST_VTD_IQEI_WIDTH;
	ck_assert_int_eq(decode(&desc, &from, TOO_NARROW), -EBADMSG);
	ck_assert_msg(is_same(&desc, &want), "%s", row->text);
	want.iqei = IOMMUNEST_VTD_IQEI_RESERVED;
	want.raw[3] = from.words[3] = 1;
	ck_assert_int_eq(decode(&desc, &from, &wide), -EBADMSG);
	ck_assert_msg(is_same(&desc, &want), "%s", row->text);
}

/* ---- Granularity ---- */

TEST_LOOP(reserved_granularities_are_refused, 5)
{
	static const struct guest_desc reserved[] = {
		{ { 0x01 } }, { { 0x02 } }, { { 0x06 } },
		{ { 0x16 } }, { { 0x27 } },
	};
	static const unsigned int granularities[] = { 0, 0, 0, 1, 2 };
	unsigned int granularity = granularities[_i];
	const struct guest_desc *from = &reserved[_i];
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	unsigned int i;

	for (i = 0; i < GOOD_RINGS; i++) {
		if (!takes(&rings[i], from->words[0] & 0xf))
			continue;
		check_refused(from, &rings[i], IOMMUNEST_VTD_IQEI_RESERVED,
			      "granularity");
		decode(&desc, from, &rings[i]);
		ck_assert_uint_eq(desc.granularity, granularity);
	}
}

TEST_LOOP(a_reserved_granularity_has_no_scope, 3)
{
	static const uint64_t words[] = { 0x0003ffffffff0001,
					  0x00000000ffff0002,
					  0x000fffffffff0027 };
	struct guest_desc from = { { words[_i] } };
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	ck_assert_int_eq(decode(&desc, &from, &wide), -EBADMSG);
	ck_assert_uint_eq(desc.did, 0);
	ck_assert_uint_eq(desc.sid, 0);
	ck_assert_uint_eq(desc.pasid, 0);
}

/* ---- Address and mask ---- */

static const uint64_t addrs[] = { ~UINT64_C(0) << 12, 0x123456789abcd000,
				  0xfedcba9876543000, 0, 0x1000 };

/* One by one, so that no shift here can be too far. */
static uint64_t cleared(uint64_t value, unsigned int below)
{
	unsigned int bit;

	for (bit = 0; bit < below && bit < 64; bit++)
		value &= ~(UINT64_C(1) << bit);
	return value;
}

TEST_LOOP(an_address_is_aligned_down_to_its_block, 64)
{
	unsigned int am = (unsigned int)_i;
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct guest_desc from;
	size_t i;

	for (i = 0; i < ARRAY_LEN(addrs); i++) {
		uint64_t want = cleared(addrs[i], am + 12);

		from = guest_piotlb_pages(1, 2, addrs[i], am, false);
		ck_assert_int_eq(decode(&desc, &from, &wide), 0);
		ck_assert_uint_eq(desc.am, am);
		ck_assert_uint_eq(desc.addr, want);
		from = guest_iotlb(IOMMUNEST_VTD_IOTLB_PAGES, 1, addrs[i], am);
		ck_assert_int_eq(decode(&desc, &from, &rings[0]), 0);
		ck_assert_uint_eq(desc.am, am);
		ck_assert_uint_eq(desc.addr, want);
	}
}

/* Both device TLBs; @s_bit of the second word says that there is a size. */
static void check_sized(uint64_t first, unsigned int s_bit, uint64_t addr,
			unsigned int am)
{
	struct guest_desc from = { { first, cleared(addr, 12 + am) } };
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	unsigned int bit;

	/* All bits below the block's highest one, which is zero. */
	for (bit = 12; bit + 1 < 12 + am; bit++)
		from.words[1] |= UINT64_C(1) << bit;
	from.words[1] |= UINT64_C(1) << s_bit;
	ck_assert_int_eq(decode(&desc, &from, &wide), 0);
	ck_assert_uint_eq(desc.am, am);
	ck_assert_uint_eq(desc.addr, cleared(addr, 12 + am));
}

TEST_LOOP(a_device_tlb_has_its_size_in_the_address, 52)
{
	unsigned int am = (unsigned int)_i + 1;
	size_t i;

	for (i = 0; i < ARRAY_LEN(addrs); i++) {
		check_sized(0x3, 0, addrs[i], am);
		check_sized(0x8, 11, addrs[i], am);
	}
}

TEST_LOOP(a_device_tlb_without_a_size_is_one_page, 2)
{
	static const struct guest_desc from[] = {
		{ { 0x3, 0x7ffffffffffff000 } },
		{ { 0x8, 0x7ffffffffffff000 } },
	};
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	ck_assert_int_eq(decode(&desc, &from[_i], &wide), 0);
	ck_assert_uint_eq(desc.am, 0);
	ck_assert_uint_eq(desc.addr, 0x7ffffffffffff000);
}

TEST_LOOP(an_interrupt_index_is_the_first_of_its_block, 32)
{
	unsigned int im = (unsigned int)_i;
	struct guest_desc from = { { 0x0000fedb00000014 | (uint64_t)im
								  << 27 } };
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	ck_assert_int_eq(decode(&desc, &from, &wide), 0);
	ck_assert_uint_eq(desc.am, im);
	ck_assert_uint_eq(desc.iidx, cleared(0xfedb, im));
}
