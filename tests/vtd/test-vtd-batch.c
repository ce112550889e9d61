/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VT-d entries into a batch: splitting by the hardware's largest block, and
 * merging, both also as properties of random adds against models.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "tests/harness/support.h"

#define PAGE UINT64_C(0x1000)
#define ALL_PAGES (UINT64_C(1) << 52)
#define LEAF IOMMUNEST_VTD_LEAF

static struct iommunest_batch *new_batch(uint32_t capacity)
{
	struct iommunest_batch *batch = NULL;

	ck_assert_int_eq(iommunest_batch_new(&batch, iommunest_vtd_s1_type(),
					     capacity),
			 0);
	return batch;
}

static void set_limits(struct iommunest_batch *batch, uint32_t flags,
		       uint32_t mamv, uint32_t max_blocks)
{
	struct iommunest_vtd_limits limits = {
		.size = sizeof(limits),
		.flags = flags,
		.mamv = mamv,
		.max_blocks = max_blocks,
	};

	ck_assert_int_eq(iommunest_vtd_batch_set_limits(batch, &limits), 0);
}

static void add_pages(struct iommunest_batch *batch, uint64_t pfn,
		      uint64_t npages, uint32_t flags, uint64_t cookie)
{
	ck_assert_int_eq(iommunest_vtd_batch_add_range(batch, pfn * PAGE,
						       npages, flags, cookie),
			 0);
}

static const struct iommunest_vtd_entry *at(struct iommunest_batch *batch,
					    uint32_t index)
{
	const struct iommunest_vtd_entry *entry =
		iommunest_batch_entry(batch, index);

	if (!entry)
		ck_abort_msg("there is no entry %u", index);
	return entry;
}

static void check_entry(struct iommunest_batch *batch, uint32_t index,
			uint64_t pfn, uint64_t npages, uint32_t flags,
			uint64_t cookie)
{
	const struct iommunest_vtd_entry *entry = at(batch, index);

	ck_assert_uint_eq(entry->addr, pfn * PAGE);
	ck_assert_uint_eq(entry->npages, npages);
	ck_assert_uint_eq(entry->flags, flags);
	ck_assert_uint_eq(entry->reserved, 0);
	ck_assert_uint_eq(iommunest_batch_cookie(batch, index), cookie);
}

static void check_all(struct iommunest_batch *batch, uint32_t index,
		      uint64_t cookie)
{
	check_entry(batch, index, 0, UINT64_MAX, 0, cookie);
}

/* ---- Adds without limits ---- */

TEST(adds_without_limits_are_the_builders_entries)
{
	struct iommunest_batch *batch = new_batch(8);

	ck_assert_int_eq(iommunest_vtd_batch_add_all(batch, 11), 0);
	add_pages(batch, 3, 5, LEAF, 12);
	ck_assert_int_eq(iommunest_vtd_batch_add_block(batch, 0x7fff, 2, 0, 13),
			 0);
	add_pages(batch, 0, ALL_PAGES, LEAF, 14);
	ck_assert_int_eq(
		iommunest_vtd_batch_add_block(batch, 0x7fff, 52, LEAF, 15), 0);
	add_pages(batch, 3, 5, LEAF, 16);
	ck_assert_uint_eq(iommunest_batch_count(batch), 6);
	check_all(batch, 0, 11);
	check_entry(batch, 1, 3, 5, LEAF, 12);
	check_entry(batch, 2, 4, 4, 0, 13);
	check_all(batch, 3, 14);
	check_all(batch, 4, 15);
	check_entry(batch, 5, 3, 5, LEAF, 16);
	iommunest_batch_free(batch);
}

static const uint32_t limit_flags[] = {
	0,
	IOMMUNEST_VTD_LIMIT_MAMV,
	IOMMUNEST_VTD_COALESCE,
	IOMMUNEST_VTD_LIMIT_MAMV | IOMMUNEST_VTD_COALESCE,
};

static void expect_sticks(struct iommunest_batch *batch, int ret, int error,
			  uint64_t cookie)
{
	uint64_t stuck = 0;

	ck_assert_int_eq(ret, error);
	ck_assert_int_eq(iommunest_batch_error(batch, &stuck), error);
	ck_assert_uint_eq(stuck, cookie);
	ck_assert_uint_eq(iommunest_batch_count(batch), 0);
	ck_assert_int_eq(iommunest_vtd_batch_add_all(batch, 99), error);
	ck_assert_uint_eq(iommunest_batch_count(batch), 0);
	iommunest_batch_clear_error(batch);
}

TEST_LOOP(errors_of_the_builders_stick, ARRAY_LEN(limit_flags))
{
	struct iommunest_batch *batch = new_batch(8);

	set_limits(batch, limit_flags[_i], 9, 0);
	expect_sticks(batch, iommunest_vtd_batch_add_range(batch, 1, 1, 0, 1),
		      -EINVAL, 1);
	expect_sticks(batch, iommunest_vtd_batch_add_range(batch, 0, 0, 0, 2),
		      -EINVAL, 2);
	expect_sticks(batch,
		      iommunest_vtd_batch_add_range(batch, PAGE, ALL_PAGES, 0,
						    3),
		      -EINVAL, 3);
	expect_sticks(batch,
		      iommunest_vtd_batch_add_range(batch, PAGE, 1, 2, 4),
		      -EOPNOTSUPP, 4);
	expect_sticks(batch, iommunest_vtd_batch_add_block(batch, 0, 64, 0, 5),
		      -EINVAL, 5);
	expect_sticks(batch, iommunest_vtd_batch_add_block(batch, 0, 0, 2, 6),
		      -EOPNOTSUPP, 6);
	expect_sticks(batch, iommunest_vtd_batch_add_block(batch, 0, 52, 2, 7),
		      -EOPNOTSUPP, 7);
	iommunest_batch_free(batch);
}

TEST(null_is_einval)
{
	ck_assert_int_eq(iommunest_vtd_batch_add_all(NULL, 0), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_batch_add_range(NULL, 0, 1, 0, 0),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_batch_add_block(NULL, 0, 1, 0, 0),
			 -EINVAL);
}

/* Another number, or another length. */
TEST_LOOP(a_batch_of_another_type_is_einval_and_sticks, 2)
{
	struct iommunest_vtd_limits limits = { .size = sizeof(limits) };
	struct iommunest_inv_type type = *iommunest_vtd_s1_type();
	struct iommunest_batch *batch;

	if (_i)
		type.data_type = 1;
	else
		type.entry_len = 32;
	ck_assert_int_eq(iommunest_batch_new(&batch, &type, 4), 0);
	expect_sticks(batch, iommunest_vtd_batch_add_all(batch, 1), -EINVAL, 1);
	expect_sticks(batch, iommunest_vtd_batch_add_range(batch, 0, 1, 0, 2),
		      -EINVAL, 2);
	expect_sticks(batch, iommunest_vtd_batch_add_block(batch, 0, 1, 0, 3),
		      -EINVAL, 3);
	ck_assert_int_eq(iommunest_vtd_batch_set_limits(batch, &limits),
			 -EINVAL);
	iommunest_batch_free(batch);
}

TEST_LOOP(a_full_batch_is_enospc, ARRAY_LEN(limit_flags))
{
	struct iommunest_batch *batch = new_batch(1);

	set_limits(batch, limit_flags[_i], 9, 0);
	add_pages(batch, 8, 1, 0, 1);
	ck_assert_int_eq(iommunest_vtd_batch_add_range(batch, 99 * PAGE, 1, 0,
						       2),
			 -ENOSPC);
	iommunest_batch_clear_error(batch);
	ck_assert_int_eq(iommunest_vtd_batch_add_block(batch, 99 * PAGE, 0, 0,
						       3),
			 -ENOSPC);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	check_entry(batch, 0, 8, 1, 0, 1);
	iommunest_batch_free(batch);
}

/* ---- Setting limits ---- */

static void expect_limits(struct iommunest_vtd_limits limits, int error)
{
	struct iommunest_batch *batch = new_batch(1);

	limits.size = sizeof(limits);
	ck_assert_int_eq(iommunest_vtd_batch_set_limits(batch, &limits), error);
	iommunest_batch_free(batch);
}

TEST(limits_of_a_bad_value_are_refused)
{
	expect_limits((struct iommunest_vtd_limits){ 0 }, 0);
	expect_limits((struct iommunest_vtd_limits){ .flags = 3, .mamv = 63 },
		      0);
	expect_limits((struct iommunest_vtd_limits){ .flags = 1, .mamv = 64 },
		      -EINVAL);
	expect_limits((struct iommunest_vtd_limits){ .reserved = 1 }, -EINVAL);
	/* More than any batch holds. */
	expect_limits((struct iommunest_vtd_limits){ .max_blocks =
							     (1u << 27) + 1 },
		      -EINVAL);
}

TEST_LOOP(unknown_flags_of_limits_are_eopnotsupp, 30)
{
	expect_limits((struct iommunest_vtd_limits){ .flags = 1u << (2 + _i) },
		      -EOPNOTSUPP);
}

TEST(limits_of_null_are_einval)
{
	struct iommunest_vtd_limits limits = { .size = sizeof(limits) };
	struct iommunest_batch *batch = new_batch(1);

	ck_assert_int_eq(iommunest_vtd_batch_set_limits(NULL, &limits),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_batch_set_limits(batch, NULL), -EINVAL);
	iommunest_batch_free(batch);
}

TEST(limits_too_short_are_einval)
{
	struct iommunest_vtd_limits limits = { 0 }, *copy;
	struct iommunest_batch *batch = new_batch(1);
	size_t size;

	for (size = sizeof(size); size < sizeof(limits); size++) {
		copy = support_sized(&limits, sizeof(limits), size);
		ck_assert_int_eq(iommunest_vtd_batch_set_limits(batch, copy),
				 -EINVAL);
		free(copy);
	}
	iommunest_batch_free(batch);
}

TEST(longer_limits_need_a_zero_tail)
{
	struct iommunest_vtd_limits limits = { 0 }, *copy;
	struct iommunest_batch *batch = new_batch(1);

	copy = support_sized(&limits, sizeof(limits), sizeof(limits) + 8);
	ck_assert_int_eq(iommunest_vtd_batch_set_limits(batch, copy), 0);
	((unsigned char *)copy)[sizeof(limits) + 7] = 1;
	ck_assert_int_eq(iommunest_vtd_batch_set_limits(batch, copy), -E2BIG);
	free(copy);
	iommunest_batch_free(batch);
}

TEST(limits_that_are_refused_change_nothing)
{
	struct iommunest_vtd_limits limits = { .size = sizeof(limits),
					       .mamv = 64 };
	struct iommunest_batch *batch = new_batch(4);

	set_limits(batch, IOMMUNEST_VTD_LIMIT_MAMV, 1, 0);
	ck_assert_int_eq(iommunest_vtd_batch_set_limits(batch, &limits),
			 -EINVAL);
	add_pages(batch, 0, 4, 0, 1);
	ck_assert_uint_eq(iommunest_batch_count(batch), 2);
	iommunest_batch_free(batch);
}

TEST(limits_stay_over_a_reset)
{
	struct iommunest_batch *batch = new_batch(4);

	set_limits(batch, IOMMUNEST_VTD_LIMIT_MAMV, 1, 0);
	iommunest_batch_reset(batch);
	add_pages(batch, 0, 4, 0, 1);
	ck_assert_uint_eq(iommunest_batch_count(batch), 2);
	set_limits(batch, 0, 1, 0);
	add_pages(batch, 0, 4, 0, 1);
	ck_assert_uint_eq(iommunest_batch_count(batch), 3);
	iommunest_batch_free(batch);
}

/* ---- Splitting ---- */

TEST(a_range_is_split_into_aligned_blocks)
{
	struct iommunest_batch *batch = new_batch(8);

	set_limits(batch, IOMMUNEST_VTD_LIMIT_MAMV, 2, 0);
	add_pages(batch, 3, 12, LEAF, 5);
	ck_assert_uint_eq(iommunest_batch_count(batch), 5);
	check_entry(batch, 0, 3, 1, LEAF, 5);
	check_entry(batch, 1, 4, 4, LEAF, 5);
	check_entry(batch, 2, 8, 4, LEAF, 5);
	check_entry(batch, 3, 12, 2, LEAF, 5);
	check_entry(batch, 4, 14, 1, LEAF, 5);
	iommunest_batch_free(batch);
}

TEST(a_block_larger_than_the_hardwares_is_split)
{
	struct iommunest_batch *batch = new_batch(8);

	set_limits(batch, IOMMUNEST_VTD_LIMIT_MAMV, 2, 0);
	ck_assert_int_eq(
		iommunest_vtd_batch_add_block(batch, 9 * PAGE, 3, 0, 5), 0);
	ck_assert_uint_eq(iommunest_batch_count(batch), 2);
	check_entry(batch, 0, 8, 4, 0, 5);
	check_entry(batch, 1, 12, 4, 0, 5);
	ck_assert_int_eq(
		iommunest_vtd_batch_add_block(batch, 9 * PAGE, 2, LEAF, 6), 0);
	check_entry(batch, 2, 8, 4, LEAF, 6);
	iommunest_batch_free(batch);
}

TEST(past_max_blocks_a_range_becomes_all)
{
	struct iommunest_batch *batch = new_batch(64);

	set_limits(batch, IOMMUNEST_VTD_LIMIT_MAMV, 0, 3);
	add_pages(batch, 8, 3, LEAF, 1);
	ck_assert_uint_eq(iommunest_batch_count(batch), 3);
	add_pages(batch, 8, 4, LEAF, 2);
	ck_assert_uint_eq(iommunest_batch_count(batch), 4);
	check_all(batch, 3, 2);
	ck_assert_int_eq(iommunest_vtd_batch_add_block(batch, 0, 51, LEAF, 3),
			 0);
	check_all(batch, 4, 3);
	iommunest_batch_free(batch);
}

TEST(max_blocks_is_32_by_default)
{
	struct iommunest_batch *batch = new_batch(64);

	set_limits(batch, IOMMUNEST_VTD_LIMIT_MAMV, 0, 0);
	add_pages(batch, 8, 32, 0, 1);
	ck_assert_uint_eq(iommunest_batch_count(batch), 32);
	iommunest_batch_reset(batch);
	add_pages(batch, 8, 33, 0, 1);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	check_all(batch, 0, 1);
	iommunest_batch_free(batch);
}

TEST(all_is_never_split)
{
	struct iommunest_batch *batch = new_batch(4);

	set_limits(batch, IOMMUNEST_VTD_LIMIT_MAMV, 0, 1);
	ck_assert_int_eq(iommunest_vtd_batch_add_all(batch, 1), 0);
	add_pages(batch, 0, ALL_PAGES, LEAF, 2);
	ck_assert_int_eq(iommunest_vtd_batch_add_block(batch, 0, 63, LEAF, 3),
			 0);
	ck_assert_uint_eq(iommunest_batch_count(batch), 3);
	check_all(batch, 0, 1);
	check_all(batch, 1, 2);
	check_all(batch, 2, 3);
	iommunest_batch_free(batch);
}

TEST(a_mamv_without_its_flag_does_not_count)
{
	struct iommunest_batch *batch = new_batch(4);

	set_limits(batch, 0, 0, 1);
	add_pages(batch, 3, 9, 0, 1);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	check_entry(batch, 0, 3, 9, 0, 1);
	iommunest_batch_free(batch);
}

/* However large the hardware's blocks are, they are blocks. */
TEST_LOOP(with_any_mamv_a_range_goes_as_blocks, 62)
{
	struct iommunest_batch *batch = new_batch(4);

	set_limits(batch, IOMMUNEST_VTD_LIMIT_MAMV, 2 + (uint32_t)_i, 0);
	add_pages(batch, 3, 3, 0, 1);
	ck_assert_uint_eq(iommunest_batch_count(batch), 2);
	check_entry(batch, 0, 3, 1, 0, 1);
	check_entry(batch, 1, 4, 2, 0, 1);
	iommunest_batch_free(batch);
}

TEST_LOOP(a_split_range_is_added_whole_or_not_at_all, 2)
{
	struct iommunest_batch *batch = new_batch(4);
	uint64_t cookie = 0;

	set_limits(batch, IOMMUNEST_VTD_LIMIT_MAMV | (uint32_t)_i * 2, 0, 0);
	add_pages(batch, 100, 1, 0, 1);
	ck_assert_int_eq(iommunest_vtd_batch_add_range(batch, 0, 4, 0, 2),
			 -ENOSPC);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	check_entry(batch, 0, 100, 1, 0, 1);
	ck_assert_int_eq(iommunest_batch_error(batch, &cookie), -ENOSPC);
	ck_assert_uint_eq(cookie, 2);
	iommunest_batch_clear_error(batch);
	add_pages(batch, 0, 3, 0, 3);
	ck_assert_uint_eq(iommunest_batch_count(batch), 4);
	iommunest_batch_free(batch);
}

/* ---- Splitting: the property ---- */

#define SPLIT_ROUNDS 2000u
#define SPLIT_CAPACITY 96u

struct split {
	uint64_t pfn;
	uint64_t npages;
	uint32_t mamv;
	/* As the library is told; 0 is the default. */
	uint32_t max_blocks;
	uint32_t flags;
	/* Entries that are there before. */
	uint32_t before;
};

static struct split random_split(struct support_rng *rng)
{
	struct split split;
	uint32_t order = support_rng_below(rng, 53);

	split.mamv = support_rng_below(rng, 64);
	split.flags = support_rng_below(rng, 2);
	split.max_blocks = support_rng_below(rng, 80);
	split.before = support_rng_below(rng, SPLIT_CAPACITY + 1);
	split.pfn = support_rng_next(rng) >> (12 + support_rng_below(rng, 52));
	/* Mostly of a size where the number of blocks is near its limit. */
	if (support_rng_below(rng, 4))
		order = (split.mamv + support_rng_below(rng, 7)) % 53;
	split.npages =
		1 + (support_rng_next(rng) & ((UINT64_C(1) << order) - 1));
	if (support_rng_below(rng, 4) == 0)
		split.pfn = ALL_PAGES - split.npages;
	if (split.npages > ALL_PAGES - split.pfn)
		split.npages = ALL_PAGES - split.pfn;
	return split;
}

/*
 * The fewest blocks of at most 2^mamv pages, aligned, that are the range, by
 * trying the sizes one by one; counted up to @most + 1.
 */
static uint32_t fewest_blocks(const struct split *split, uint32_t most)
{
	uint64_t pfn = split->pfn;
	uint64_t left = split->npages;
	uint32_t blocks = 0;

	while (left && blocks <= most) {
		uint32_t order = split->mamv < 51 ? split->mamv : 51;
		uint64_t size = UINT64_C(1) << order;

		while (pfn % size || size > left)
			size /= 2;
		pfn += size;
		left -= size;
		blocks++;
	}
	return blocks;
}

/* The entries from @first on are aligned blocks, in order, and the range. */
static void check_blocks(struct support_rng *rng, struct iommunest_batch *batch,
			 const struct split *split)
{
	uint32_t count = iommunest_batch_count(batch);
	uint64_t next = split->pfn;
	uint32_t i;

	for (i = split->before; i < count; i++) {
		const struct iommunest_vtd_entry *entry = at(batch, i);
		uint64_t pages = entry->npages;

		support_assert(rng, entry->addr == next * PAGE);
		support_assert(rng, pages && !(pages & (pages - 1)));
		support_assert(rng, next % pages == 0);
		support_assert(rng, split->mamv >= 52 ||
					    pages <= UINT64_C(1)
							     << split->mamv);
		support_assert(rng, entry->flags == split->flags);
		support_assert(rng, entry->reserved == 0);
		support_assert(rng, iommunest_batch_cookie(batch, i) == 77);
		next += pages;
	}
	support_assert(rng, next == split->pfn + split->npages);
}

static void check_split(struct support_rng *rng, struct iommunest_batch *batch,
			const struct split *split, int ret)
{
	uint32_t most = split->max_blocks ? split->max_blocks : 32;
	uint32_t blocks = fewest_blocks(split, most);
	bool all = split->npages == ALL_PAGES || blocks > most;
	uint32_t added = all ? 1 : blocks;

	if (added > SPLIT_CAPACITY - split->before) {
		support_assert(rng, ret == -ENOSPC);
		support_assert(rng,
			       iommunest_batch_count(batch) == split->before);
		return;
	}
	support_assert(rng, ret == 0);
	support_assert(rng,
		       iommunest_batch_count(batch) == split->before + added);
	if (all)
		check_all(batch, split->before, 77);
	else
		check_blocks(rng, batch, split);
}

TEST(random_ranges_are_split_exactly_or_become_all)
{
	struct iommunest_batch *batch = new_batch(SPLIT_CAPACITY);
	struct support_rng rng;
	uint32_t round, i;
	int ret;

	support_rng_start(&rng, __func__);
	for (round = 0; round < SPLIT_ROUNDS; round++) {
		struct split split = random_split(&rng);

		iommunest_batch_reset(batch);
		set_limits(batch, IOMMUNEST_VTD_LIMIT_MAMV, split.mamv,
			   split.max_blocks);
		for (i = 0; i < split.before; i++)
			ck_assert_int_eq(iommunest_vtd_batch_add_all(batch, i),
					 0);
		ret = iommunest_vtd_batch_add_range(
			batch, split.pfn * PAGE, split.npages, split.flags, 77);
		check_split(&rng, batch, &split, ret);
	}
	iommunest_batch_free(batch);
}

/* ---- Merging ---- */

static struct iommunest_batch *new_coalescing(void)
{
	struct iommunest_batch *batch = new_batch(16);

	set_limits(batch, IOMMUNEST_VTD_COALESCE, 0, 0);
	return batch;
}

TEST(without_the_flag_nothing_merges)
{
	struct iommunest_batch *batch = new_batch(4);

	add_pages(batch, 4, 1, 0, 1);
	add_pages(batch, 4, 1, 0, 2);
	add_pages(batch, 5, 1, 0, 3);
	ck_assert_uint_eq(iommunest_batch_count(batch), 3);
	iommunest_batch_free(batch);
}

TEST(buddies_merge_in_either_order)
{
	struct iommunest_batch *batch = new_coalescing();

	add_pages(batch, 4, 1, LEAF, 1);
	add_pages(batch, 5, 1, LEAF, 2);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	check_entry(batch, 0, 4, 2, LEAF, 1);
	iommunest_batch_reset(batch);
	add_pages(batch, 5, 1, LEAF, 1);
	add_pages(batch, 4, 1, LEAF, 2);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	check_entry(batch, 0, 4, 2, LEAF, 1);
	iommunest_batch_free(batch);
}

TEST(neighbours_that_are_no_buddies_do_not_merge)
{
	struct iommunest_batch *batch = new_coalescing();

	add_pages(batch, 5, 1, 0, 1);
	add_pages(batch, 6, 1, 0, 2);
	add_pages(batch, 8, 2, 0, 3);
	/* An aligned union, but of two sizes: not one add with the next. */
	add_pages(batch, 16, 3, 0, 4);
	add_pages(batch, 19, 3, 0, 5);
	/* Their union is a power of two, but not aligned. */
	add_pages(batch, 37, 2, 0, 6);
	add_pages(batch, 39, 2, 0, 7);
	ck_assert_uint_eq(iommunest_batch_count(batch), 7);
	check_entry(batch, 0, 5, 1, 0, 1);
	check_entry(batch, 1, 6, 1, 0, 2);
	check_entry(batch, 2, 8, 2, 0, 3);
	check_entry(batch, 3, 16, 3, 0, 4);
	check_entry(batch, 4, 19, 3, 0, 5);
	check_entry(batch, 5, 37, 2, 0, 6);
	check_entry(batch, 6, 39, 2, 0, 7);
	iommunest_batch_free(batch);
}

TEST(buddies_of_other_flags_do_not_merge)
{
	struct iommunest_batch *batch = new_coalescing();

	add_pages(batch, 4, 1, LEAF, 1);
	add_pages(batch, 5, 1, 0, 2);
	add_pages(batch, 4, 1, LEAF, 3);
	ck_assert_uint_eq(iommunest_batch_count(batch), 3);
	iommunest_batch_free(batch);
}

TEST(an_add_that_the_last_entry_holds_is_merged)
{
	struct iommunest_batch *batch = new_coalescing();

	add_pages(batch, 4, 7, 0, 1);
	add_pages(batch, 5, 2, 0, 2);
	add_pages(batch, 4, 7, 0, 3);
	add_pages(batch, 10, 1, LEAF, 4);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	check_entry(batch, 0, 4, 7, 0, 1);
	iommunest_batch_free(batch);
}

TEST(an_add_that_holds_the_last_entry_replaces_it_under_its_cookie)
{
	struct iommunest_batch *batch = new_coalescing();

	add_pages(batch, 5, 2, LEAF, 1);
	add_pages(batch, 4, 7, 0, 2);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	check_entry(batch, 0, 4, 7, 0, 1);
	iommunest_batch_free(batch);
}

TEST(a_leaf_entry_does_not_hold_one_of_all_caches)
{
	struct iommunest_batch *batch = new_coalescing();

	add_pages(batch, 4, 4, LEAF, 1);
	add_pages(batch, 5, 1, 0, 2);
	ck_assert_uint_eq(iommunest_batch_count(batch), 2);
	check_entry(batch, 0, 4, 4, LEAF, 1);
	check_entry(batch, 1, 5, 1, 0, 2);
	/* Nor the other way round. */
	add_pages(batch, 4, 4, LEAF, 3);
	ck_assert_uint_eq(iommunest_batch_count(batch), 3);
	iommunest_batch_free(batch);
}

TEST(all_holds_whatever_comes_behind_it)
{
	struct iommunest_batch *batch = new_coalescing();

	ck_assert_int_eq(iommunest_vtd_batch_add_all(batch, 1), 0);
	ck_assert_int_eq(iommunest_vtd_batch_add_all(batch, 2), 0);
	add_pages(batch, 0, 1, 0, 3);
	add_pages(batch, ALL_PAGES - 1, 1, LEAF, 4);
	ck_assert_int_eq(iommunest_vtd_batch_add_block(batch, 0, 51, 0, 5), 0);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	check_all(batch, 0, 1);
	iommunest_batch_free(batch);
}

TEST(all_takes_in_what_is_pending_before_it)
{
	struct iommunest_batch *batch = new_coalescing();

	add_pages(batch, ALL_PAGES - 1, 1, LEAF, 4);
	ck_assert_int_eq(iommunest_vtd_batch_add_all(batch, 5), 0);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	check_all(batch, 0, 4);
	iommunest_batch_free(batch);
}

TEST(the_two_halves_of_everything_stay_two)
{
	struct iommunest_batch *batch = new_coalescing();

	ck_assert_int_eq(iommunest_vtd_batch_add_block(batch, 0, 51, 0, 1), 0);
	ck_assert_int_eq(
		iommunest_vtd_batch_add_block(batch, UINT64_MAX, 51, 0, 2), 0);
	/* 2^52 pages are no count that the kernel could take. */
	if (iommunest_batch_count(batch) == 1) {
		check_all(batch, 0, 1);
	} else {
		check_entry(batch, 0, 0, ALL_PAGES / 2, 0, 1);
		check_entry(batch, 1, ALL_PAGES / 2, ALL_PAGES / 2, 0, 2);
	}
	iommunest_batch_free(batch);
}

TEST(merging_respects_the_largest_block)
{
	struct iommunest_batch *batch = new_batch(16);
	uint32_t i;

	set_limits(batch, IOMMUNEST_VTD_LIMIT_MAMV | IOMMUNEST_VTD_COALESCE, 2,
		   0);
	for (i = 0; i < 16; i++)
		add_pages(batch, i, 1, 0, i);
	ck_assert_uint_eq(iommunest_batch_count(batch), 4);
	for (i = 0; i < 4; i++)
		check_entry(batch, i, 4 * i, 4, 0, 4 * i);
	iommunest_batch_free(batch);
}

/* Before, among each other, and behind. */
TEST(the_blocks_of_a_split_range_do_not_merge)
{
	struct iommunest_batch *batch = new_batch(16);

	set_limits(batch, IOMMUNEST_VTD_LIMIT_MAMV | IOMMUNEST_VTD_COALESCE, 3,
		   0);
	add_pages(batch, 0, 4, 0, 1);
	add_pages(batch, 4, 8, 0, 2);
	add_pages(batch, 8, 4, 0, 3);
	add_pages(batch, 12, 4, 0, 4);
	ck_assert_uint_eq(iommunest_batch_count(batch), 4);
	check_entry(batch, 0, 0, 4, 0, 1);
	check_entry(batch, 1, 4, 4, 0, 2);
	check_entry(batch, 2, 8, 4, 0, 2);
	check_entry(batch, 3, 8, 8, 0, 3);
	iommunest_batch_reset(batch);
	add_pages(batch, 4, 1, 0, 1);
	add_pages(batch, 5, 1, 0, 2);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	iommunest_batch_free(batch);
}

static const struct iommunest_vtd_entry raw_entries[] = {
	/* Entries that the kernel refuses. */
	{ .addr = PAGE, .npages = UINT64_MAX },
	{ .npages = 8, .reserved = 1 },
	{ .npages = 8, .flags = 2 },
	/* And one that it takes as it likes. */
	{ .npages = UINT64_C(1) << 63 },
};

TEST_LOOP(a_raw_entry_does_not_merge, ARRAY_LEN(raw_entries))
{
	struct iommunest_batch *batch = new_coalescing();

	ck_assert_int_eq(iommunest_batch_add(batch, &raw_entries[_i], 1), 0);
	add_pages(batch, 5, 1, 0, 2);
	ck_assert_int_eq(iommunest_vtd_batch_add_all(batch, 3), 0);
	check_all(batch, 1, 2);
	ck_assert_uint_eq(iommunest_batch_count(batch), 2);
	ck_assert_mem_eq(at(batch, 0), &raw_entries[_i],
			 sizeof(raw_entries[_i]));
	iommunest_batch_free(batch);
}

TEST(a_full_batch_still_merges)
{
	struct iommunest_batch *batch = new_batch(1);

	set_limits(batch, IOMMUNEST_VTD_COALESCE, 0, 0);
	add_pages(batch, 4, 1, 0, 1);
	add_pages(batch, 5, 1, 0, 2);
	check_entry(batch, 0, 4, 2, 0, 1);
	ck_assert_int_eq(iommunest_vtd_batch_add_range(batch, 8 * PAGE, 1, 0,
						       3),
			 -ENOSPC);
	check_entry(batch, 0, 4, 2, 0, 1);
	iommunest_batch_free(batch);
}

TEST(an_entry_that_is_done_does_not_merge)
{
	struct iommunest_batch *batch = new_coalescing();

	add_pages(batch, 4, 2, 0, 1);
	ck_assert_int_eq(iommunest_batch_skip(batch), 0);
	add_pages(batch, 4, 1, 0, 2);
	ck_assert_uint_eq(iommunest_batch_count(batch), 2);
	check_entry(batch, 0, 4, 2, 0, 1);
	check_entry(batch, 1, 4, 1, 0, 2);
	/* Nor what a merge has made the one before. */
	add_pages(batch, 5, 1, 0, 3);
	ck_assert_uint_eq(iommunest_batch_count(batch), 2);
	check_entry(batch, 0, 4, 2, 0, 1);
	check_entry(batch, 1, 4, 2, 0, 2);
	iommunest_batch_free(batch);
}

/* ---- Merging: the property ---- */

#define WINDOW 64u
#define MERGE_ROUNDS 400u
#define MERGE_ADDS 24u
/* An add is at most this many blocks. */
#define MERGE_CAPACITY (MERGE_ADDS * WINDOW)

/* Which pages of a window are dropped, and whether all outside of it is. */
struct pages {
	uint64_t leaf;
	uint64_t nonleaf;
	/* What hardware drops, which widens to a block. */
	uint64_t hw_leaf;
	uint64_t hw_nonleaf;
	bool rest;
};

static uint64_t bits(uint64_t first, uint64_t count)
{
	uint64_t ones = count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;

	return ones << first;
}

/* The window's pages in the smallest aligned block that holds a range. */
static uint64_t widened(uint64_t first, uint64_t count)
{
	uint64_t size = 1;

	while (first / size != (first + count - 1) / size)
		size *= 2;
	return size >= WINDOW ? UINT64_MAX : bits(first / size * size, size);
}

static struct pages pages_of(const struct iommunest_vtd_entry *entry,
			     uint64_t window)
{
	uint64_t first = (entry->addr - window) / PAGE;
	struct pages pages;

	if (entry->npages == UINT64_MAX)
		return (struct pages){ UINT64_MAX, UINT64_MAX, UINT64_MAX,
				       UINT64_MAX, true };
	if (first + entry->npages > WINDOW)
		ck_abort_msg("an entry of pages that nobody added");
	pages.leaf = bits(first, entry->npages);
	pages.hw_leaf = widened(first, entry->npages);
	pages.nonleaf = entry->flags ? 0 : pages.leaf;
	pages.hw_nonleaf = entry->flags ? 0 : pages.hw_leaf;
	pages.rest = false;
	return pages;
}

/* What the entries from @first on drop, with cookies up to @last_cookie. */
static struct pages dropped(struct iommunest_batch *batch, uint32_t first,
			    uint64_t last_cookie, uint64_t window)
{
	struct pages sum = { 0 };
	uint32_t i;

	for (i = first; i < iommunest_batch_count(batch); i++) {
		struct pages pages = pages_of(at(batch, i), window);

		if (iommunest_batch_cookie(batch, i) > last_cookie)
			continue;
		sum.leaf |= pages.leaf;
		sum.nonleaf |= pages.nonleaf;
		sum.hw_leaf |= pages.hw_leaf;
		sum.hw_nonleaf |= pages.hw_nonleaf;
		sum.rest |= pages.rest;
	}
	return sum;
}

static bool same_pages(const struct pages *a, const struct pages *b)
{
	return a->leaf == b->leaf && a->nonleaf == b->nonleaf &&
	       a->hw_leaf == b->hw_leaf && a->hw_nonleaf == b->hw_nonleaf &&
	       a->rest == b->rest;
}

static bool holds(const struct pages *outer, const struct pages *inner)
{
	return !(inner->leaf & ~outer->leaf) &&
	       !(inner->nonleaf & ~outer->nonleaf) &&
	       (outer->rest || !inner->rest);
}

struct adding {
	uint32_t kind;
	uint64_t addr;
	uint32_t count;
	unsigned int am;
	uint32_t flags;
};

/* The same adds into a batch that merges, and into one that does not. */
struct merging {
	struct support_rng *rng;
	struct iommunest_batch *merged;
	struct iommunest_batch *plain;
	uint32_t mamv;
	uint64_t window;
	/* The merged batch's entries that are done, as they were then. */
	struct iommunest_vtd_entry done[MERGE_CAPACITY];
	uint64_t done_cookies[MERGE_CAPACITY];
};

/* One of the three adds, at random. */
static struct adding random_add(struct merging *m)
{
	struct support_rng *rng = m->rng;
	uint32_t first = support_rng_below(rng, WINDOW);
	uint32_t count = 1 + support_rng_below(rng, 8);

	return (struct adding){
		.kind = support_rng_below(rng, 12),
		.addr = m->window + first * PAGE,
		.count = count < WINDOW - first ? count : WINDOW - first,
		.am = support_rng_below(rng, 5),
		.flags = support_rng_below(rng, 3) ? LEAF : 0,
	};
}

static int add(struct iommunest_batch *batch, const struct adding *adding,
	       uint64_t cookie)
{
	if (adding->kind == 0)
		return iommunest_vtd_batch_add_all(batch, cookie);
	if (adding->kind < 4)
		return iommunest_vtd_batch_add_range(batch, adding->addr,
						     adding->count,
						     adding->flags, cookie);
	return iommunest_vtd_batch_add_block(batch, adding->addr, adding->am,
					     adding->flags, cookie);
}

static void add_random(struct merging *m, uint64_t cookie)
{
	struct adding adding = random_add(m);

	support_assert(m->rng, !add(m->merged, &adding, cookie));
	support_assert(m->rng, !add(m->plain, &adding, cookie));
}

static void check_done(struct merging *m)
{
	uint32_t i;

	for (i = 0; i < iommunest_batch_cursor(m->merged); i++) {
		support_assert(m->rng, !memcmp(&m->done[i], at(m->merged, i),
					       sizeof(m->done[i])));
		support_assert(m->rng, iommunest_batch_cookie(m->merged, i) ==
					       m->done_cookies[i]);
	}
}

/* Everything that is pending was sent, in both. */
static void finish_pending(struct merging *m)
{
	while (iommunest_batch_cursor(m->merged) <
	       iommunest_batch_count(m->merged)) {
		uint32_t i = iommunest_batch_cursor(m->merged);

		m->done[i] = *at(m->merged, i);
		m->done_cookies[i] = iommunest_batch_cookie(m->merged, i);
		iommunest_batch_skip(m->merged);
	}
	while (!iommunest_batch_skip(m->plain))
		;
}

static void check_merged_entry(struct merging *m, uint32_t index)
{
	const struct iommunest_vtd_entry *entry = at(m->merged, index);
	uint64_t pages = entry->npages;

	support_assert(m->rng, entry->reserved == 0);
	if (m->mamv == UINT32_MAX || pages == UINT64_MAX)
		return;
	support_assert(m->rng, !(pages & (pages - 1)));
	support_assert(m->rng, pages <= UINT64_C(1) << m->mamv);
	support_assert(m->rng, entry->addr / PAGE % pages == 0);
}

/* What is pending drops the same pages, merged or not. */
static void check_merged(struct merging *m)
{
	uint32_t from = iommunest_batch_cursor(m->merged);
	uint32_t plain_from = iommunest_batch_cursor(m->plain);
	struct pages merged, plain;
	uint32_t i;

	merged = dropped(m->merged, from, UINT64_MAX, m->window);
	plain = dropped(m->plain, plain_from, UINT64_MAX, m->window);
	support_assert(m->rng, same_pages(&merged, &plain));
	for (i = from; i < iommunest_batch_count(m->merged); i++)
		check_merged_entry(m, i);
	check_done(m);
}

/*
 * A merged entry keeps its first cookie: what was added up to any cookie is
 * dropped by the entries up to it.
 */
static void check_cookies(struct merging *m)
{
	uint32_t from = iommunest_batch_cursor(m->merged);
	uint32_t plain_from = iommunest_batch_cursor(m->plain);
	struct pages merged, plain;
	uint64_t cookie;

	for (cookie = 0; cookie < MERGE_ADDS; cookie++) {
		merged = dropped(m->merged, from, cookie, m->window);
		plain = dropped(m->plain, plain_from, cookie, m->window);
		support_assert(m->rng, holds(&merged, &plain));
	}
}

static void start_round(struct merging *m)
{
	static const uint64_t windows[] = {
		0,
		WINDOW * PAGE,
		UINT64_C(1) << 47,
		UINT64_C(1) << 63,
		-(uint64_t)WINDOW * PAGE,
	};
	uint32_t mamv = support_rng_below(m->rng, 8);
	uint32_t limit = mamv < 7 ? IOMMUNEST_VTD_LIMIT_MAMV : 0;

	m->mamv = limit ? mamv : UINT32_MAX;
	m->window = windows[support_rng_below(m->rng, ARRAY_LEN(windows))];
	iommunest_batch_reset(m->merged);
	iommunest_batch_reset(m->plain);
	set_limits(m->merged, limit | IOMMUNEST_VTD_COALESCE, mamv, WINDOW);
	set_limits(m->plain, limit, mamv, WINDOW);
}

TEST(random_adds_drop_the_same_pages_merged_or_not)
{
	static struct merging m;
	struct support_rng rng;
	uint32_t round, fewer = 0;
	uint64_t cookie;

	support_rng_start(&rng, __func__);
	m.rng = &rng;
	m.merged = new_batch(MERGE_CAPACITY);
	m.plain = new_batch(MERGE_CAPACITY);
	for (round = 0; round < MERGE_ROUNDS; round++) {
		start_round(&m);
		for (cookie = 0; cookie < MERGE_ADDS; cookie++) {
			add_random(&m, cookie);
			check_merged(&m);
			if (support_rng_below(&rng, 8))
				continue;
			check_cookies(&m);
			finish_pending(&m);
		}
		check_cookies(&m);
		fewer += iommunest_batch_count(m.plain) -
			 iommunest_batch_count(m.merged);
	}
	/* And there was something to merge. */
	ck_assert_uint_gt(fewer, MERGE_ROUNDS);
	iommunest_batch_free(m.merged);
	iommunest_batch_free(m.plain);
}
