/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* VT-d entries: every border, and random ones against 128-bit arithmetic. */
#include <errno.h>
#include <string.h>

#include <libiommunest.h>

#include "tests/harness/support.h"

#define PAGE UINT64_C(0x1000)
#define TOP_PAGE UINT64_C(0xfffffffffffff000)
#define ALL_PAGES (UINT64_C(1) << 52)

/* A number of 128 bits, which not every compiler has a type for. */
struct wide {
	uint64_t high;
	uint64_t low;
};

static struct wide wide_shift(uint64_t value, unsigned int by)
{
	struct wide wide = { 0, value };

	while (by--) {
		wide.high = wide.high << 1 | wide.low >> 63;
		wide.low <<= 1;
	}
	return wide;
}

static struct wide wide_add(struct wide wide, uint64_t value)
{
	wide.low += value;
	wide.high += wide.low < value;
	return wide;
}

/* What is left of @value where it is cut down to a multiple of a power of 2. */
static uint64_t round_down(uint64_t value, struct wide size)
{
	return size.high ? 0 : value - value % size.low;
}

static struct iommunest_vtd_entry garbage(void)
{
	struct iommunest_vtd_entry entry;

	memset(&entry, 0xa5, sizeof(entry));
	return entry;
}

static void check_entry(const struct iommunest_vtd_entry *entry, uint64_t addr,
			uint64_t npages, uint32_t flags)
{
	ck_assert_msg(entry->addr == addr && entry->npages == npages &&
			      entry->flags == flags && entry->reserved == 0,
		      "{%#llx, %#llx, %#x, %#x}, not {%#llx, %#llx, %#x, 0}",
		      (unsigned long long)entry->addr,
		      (unsigned long long)entry->npages, entry->flags,
		      entry->reserved, (unsigned long long)addr,
		      (unsigned long long)npages, flags);
}

static void expect_range(uint64_t addr, uint64_t npages, uint32_t flags)
{
	struct iommunest_vtd_entry entry = garbage();

	ck_assert_int_eq(iommunest_vtd_entry_range(&entry, addr, npages, flags),
			 0);
	check_entry(&entry, addr, npages, flags);
}

static void expect_no_range(uint64_t addr, uint64_t npages, uint32_t flags,
			    int error)
{
	struct iommunest_vtd_entry entry;

	ck_assert_int_eq(iommunest_vtd_entry_range(&entry, addr, npages, flags),
			 error);
}

TEST(all_is_every_page_without_the_leaf_flag)
{
	struct iommunest_vtd_entry entry = garbage();

	iommunest_vtd_entry_all(&entry);
	check_entry(&entry, 0, UINT64_MAX, 0);
}

/* ---- Ranges ---- */

TEST(a_range_is_kept_as_it_is)
{
	expect_range(0, 1, 0);
	expect_range(PAGE, 1, IOMMUNEST_VTD_LEAF);
	/* Not a block: the hardware widens it, the library does not. */
	expect_range(3 * PAGE, 3, 0);
	expect_range(0, ALL_PAGES - 1, 0);
	expect_range(PAGE, ALL_PAGES - 1, IOMMUNEST_VTD_LEAF);
}

TEST(a_range_may_end_at_2_to_the_64)
{
	expect_range(TOP_PAGE, 1, 0);
	expect_range(TOP_PAGE - PAGE, 2, 0);
	expect_range(UINT64_C(1) << 63, ALL_PAGES / 2, 0);
}

TEST(a_range_past_2_to_the_64_is_einval)
{
	expect_no_range(TOP_PAGE, 2, 0, -EINVAL);
	expect_no_range(TOP_PAGE - PAGE, 3, 0, -EINVAL);
	expect_no_range(PAGE, ALL_PAGES, 0, -EINVAL);
	expect_no_range(0, ALL_PAGES + 1, 0, -EINVAL);
	expect_no_range(UINT64_C(1) << 63, ALL_PAGES / 2 + 1, 0, -EINVAL);
	/* The byte count of these is small again, modulo 2^64. */
	expect_no_range(PAGE, ALL_PAGES + 1, 0, -EINVAL);
	expect_no_range(PAGE, UINT64_C(1) << 63, 0, -EINVAL);
}

TEST(the_mark_of_all_is_no_count_of_a_range)
{
	expect_no_range(0, UINT64_MAX, 0, -EINVAL);
	expect_no_range(PAGE, UINT64_MAX, 0, -EINVAL);
}

TEST(an_empty_range_is_einval)
{
	expect_no_range(0, 0, 0, -EINVAL);
	expect_no_range(PAGE, 0, IOMMUNEST_VTD_LEAF, -EINVAL);
	expect_no_range(TOP_PAGE, 0, 0, -EINVAL);
}

TEST_LOOP(an_unaligned_range_is_einval, 12)
{
	expect_no_range(PAGE + (UINT64_C(1) << _i), 1, 0, -EINVAL);
	expect_no_range(TOP_PAGE + (UINT64_C(1) << _i), 1, 0, -EINVAL);
}

TEST(the_whole_address_space_becomes_all)
{
	struct iommunest_vtd_entry entry = garbage();

	ck_assert_int_eq(iommunest_vtd_entry_range(&entry, 0, ALL_PAGES, 0), 0);
	check_entry(&entry, 0, UINT64_MAX, 0);
	entry = garbage();
	ck_assert_int_eq(iommunest_vtd_entry_range(&entry, 0, ALL_PAGES,
						   IOMMUNEST_VTD_LEAF),
			 0);
	check_entry(&entry, 0, UINT64_MAX, 0);
}

TEST_LOOP(other_flags_are_eopnotsupp, 31)
{
	struct iommunest_vtd_entry entry;
	uint32_t flags = 1u << (1 + _i);

	expect_no_range(PAGE, 1, flags, -EOPNOTSUPP);
	expect_no_range(PAGE, 1, flags | IOMMUNEST_VTD_LEAF, -EOPNOTSUPP);
	expect_no_range(0, ALL_PAGES, flags, -EOPNOTSUPP);
	ck_assert_int_eq(iommunest_vtd_entry_block(&entry, 0, 0, flags),
			 -EOPNOTSUPP);
	ck_assert_int_eq(iommunest_vtd_entry_block(&entry, 0, 60, flags),
			 -EOPNOTSUPP);
}

TEST(a_null_entry_is_einval)
{
	ck_assert_int_eq(iommunest_vtd_entry_range(NULL, 0, 1, 0), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_entry_block(NULL, 0, 1, 0), -EINVAL);
}

/* ---- Blocks ---- */

static void check_block(uint64_t addr, unsigned int am, uint32_t flags)
{
	struct iommunest_vtd_entry entry = garbage();
	uint64_t first = round_down(addr, wide_shift(PAGE, am));

	ck_assert_int_eq(iommunest_vtd_entry_block(&entry, addr, am, flags), 0);
	if (am >= 52)
		check_entry(&entry, 0, UINT64_MAX, 0);
	else
		check_entry(&entry, first, UINT64_C(1) << am, flags);
}

TEST_LOOP(a_block_holds_its_address_and_ignores_the_bits_below, 64)
{
	unsigned int am = (unsigned int)_i;
	unsigned int bit;

	check_block(0, am, 0);
	check_block(0, am, IOMMUNEST_VTD_LEAF);
	check_block(UINT64_MAX, am, 0);
	check_block(TOP_PAGE, am, IOMMUNEST_VTD_LEAF);
	for (bit = 0; bit < 64; bit++) {
		check_block(UINT64_C(1) << bit, am, 0);
		check_block(~(UINT64_C(1) << bit), am, IOMMUNEST_VTD_LEAF);
		check_block((UINT64_C(1) << bit) - 1, am, 0);
	}
}

TEST(an_address_mask_beyond_63_is_einval)
{
	static const unsigned int masks[] = { 64, 65, 127, 128, UINT32_MAX };
	struct iommunest_vtd_entry entry;
	size_t i;

	for (i = 0; i < ARRAY_LEN(masks); i++)
		ck_assert_int_eq(iommunest_vtd_entry_block(&entry, 0, masks[i],
							   0),
				 -EINVAL);
}

/* ---- Random ones ---- */

#define RANDOM_ENTRIES 200000u

/* Numbers that are near a border more often than chance would have it. */
static uint64_t random_number(struct support_rng *rng)
{
	uint64_t power = UINT64_C(1) << support_rng_below(rng, 64);

	switch (support_rng_below(rng, 6)) {
	case 0:
		return support_rng_next(rng);
	case 1:
		return power - 1 + support_rng_below(rng, 3);
	case 2:
		return support_rng_below(rng, 4);
	case 3:
		return -(uint64_t)support_rng_below(rng, 4);
	default:
		return support_rng_next(rng) & (power - 1);
	}
}

static uint64_t random_addr(struct support_rng *rng)
{
	uint64_t number = random_number(rng);

	return support_rng_below(rng, 8) ? number << 12 : number;
}

static uint64_t random_npages(struct support_rng *rng, uint64_t addr)
{
	/* Around what is left to 2^64. */
	if (support_rng_below(rng, 3) == 0)
		return ALL_PAGES - (addr >> 12) - 1 + support_rng_below(rng, 3);
	return random_number(rng);
}

static uint32_t random_flags(struct support_rng *rng)
{
	if (support_rng_below(rng, 16) == 0)
		return (uint32_t)random_number(rng);
	return support_rng_below(rng, 2);
}

/* What a failing builder may return: any error that there is a reason for. */
static bool has_reason(int error, bool bad_value, uint32_t flags)
{
	return (error == -EINVAL && bad_value) ||
	       (error == -EOPNOTSUPP && flags > 1);
}

TEST(random_ranges_agree_with_the_model)
{
	struct support_rng rng;
	unsigned int i;

	support_rng_start(&rng, __func__);
	for (i = 0; i < RANDOM_ENTRIES; i++) {
		struct iommunest_vtd_entry entry = garbage();
		uint64_t addr = random_addr(&rng);
		uint64_t npages = random_npages(&rng, addr);
		uint32_t flags = random_flags(&rng);
		struct wide end = wide_add(wide_shift(npages, 12), addr);
		bool beyond = end.high > 1 || (end.high && end.low);
		bool bad = addr % PAGE || !npages || beyond;
		bool all = !addr && end.high == 1 && !end.low;
		int ret;

		ret = iommunest_vtd_entry_range(&entry, addr, npages, flags);
		if (bad || flags > 1) {
			support_assert(&rng, has_reason(ret, bad, flags));
			continue;
		}
		support_assert(&rng, ret == 0);
		support_assert(&rng, entry.addr == addr);
		support_assert(&rng,
			       entry.npages == (all ? UINT64_MAX : npages));
		support_assert(&rng, entry.flags == (all ? 0 : flags));
		support_assert(&rng, entry.reserved == 0);
	}
}

TEST(random_blocks_agree_with_the_model)
{
	struct support_rng rng;
	unsigned int i;

	support_rng_start(&rng, __func__);
	for (i = 0; i < RANDOM_ENTRIES; i++) {
		struct iommunest_vtd_entry entry = garbage();
		uint64_t addr = random_number(&rng);
		unsigned int am = support_rng_below(&rng, 70);
		uint32_t flags = random_flags(&rng);
		struct wide size = wide_shift(PAGE, am & 63);
		bool all = am >= 52;
		int ret;

		ret = iommunest_vtd_entry_block(&entry, addr, am, flags);
		if (am > 63 || flags > 1) {
			support_assert(&rng, has_reason(ret, am > 63, flags));
			continue;
		}
		support_assert(&rng, ret == 0);
		support_assert(&rng, entry.addr == round_down(addr, size));
		support_assert(&rng, entry.npages == (all ? UINT64_MAX
							  : size.low / PAGE));
		support_assert(&rng, entry.flags == (all ? 0 : flags));
		support_assert(&rng, entry.reserved == 0);
	}
}

/* ---- The type ---- */

TEST(the_type_says_what_the_kernel_calls_it)
{
	const struct iommunest_inv_type *type = iommunest_vtd_s1_type();
	struct iommunest_vtd_entry entry = garbage();

	ck_assert_uint_eq(type->size, sizeof(*type));
	ck_assert_uint_eq(type->data_type, 0);
	ck_assert_uint_eq(type->entry_len, 24);
	ck_assert_uint_eq(type->entry_len, sizeof(entry));
	ck_assert_uint_eq(type->recovery, IOMMUNEST_RECOVERY_EXACT);
	ck_assert_uint_eq(type->reserved, 0);
	ck_assert_ptr_nonnull(type->name);
	ck_assert_ptr_eq(iommunest_vtd_s1_type(), type);
	type->make_all(&entry);
	check_entry(&entry, 0, UINT64_MAX, 0);
}
