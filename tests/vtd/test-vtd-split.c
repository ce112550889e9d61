/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Ranges are split by the hardware's largest block; also as a property of
 * random ranges against a model.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/vtd/batch-rig.h"

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

TEST(a_mamv_without_its_flag_is_ignored)
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
		const struct iommunest_vtd_entry *entry = entry_at(batch, i);
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
