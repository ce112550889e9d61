/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Ranges go as aligned blocks: by example, all of a small window by a bitmap,
 * and random ones of any size by a model.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/vtd/batch-rig.h"

#define GIB UINT64_C(0x40000)

/* ---- By example ---- */

TEST(a_range_goes_as_aligned_blocks)
{
	struct iommunest_batch *batch = new_batch(8);

	add_pages(batch, 3, 10, LEAF, 5);
	ck_assert_uint_eq(iommunest_batch_count(batch), 4);
	check_entry(batch, 0, 3, 1, LEAF, 5);
	check_entry(batch, 1, 4, 4, LEAF, 5);
	check_entry(batch, 2, 8, 4, LEAF, 5);
	check_entry(batch, 3, 12, 1, LEAF, 5);
	iommunest_batch_free(batch);
}

/* Also at the borders of all larger blocks. */
TEST_LOOP(two_pages_never_become_more, 52)
{
	struct iommunest_batch *batch = new_batch(2);
	uint64_t border = UINT64_C(1) << _i;

	add_pages(batch, border - 1, 2, 0, 5);
	if (_i == 0) {
		check_entry(batch, 0, 0, 2, 0, 5);
	} else {
		ck_assert_uint_eq(iommunest_batch_count(batch), 2);
		check_entry(batch, 0, border - 1, 1, 0, 5);
		check_entry(batch, 1, border, 1, 0, 5);
	}
	iommunest_batch_free(batch);
}

TEST(pages_beside_are_flushed_where_they_save_more_blocks)
{
	struct iommunest_batch *batch = new_batch(40);

	/* Three blocks, or one and a page beside. */
	add_pages(batch, 1, 7, 0, 1);
	check_entry(batch, 0, 0, 8, 0, 1);
	/* Two, or one and a page: the same. */
	add_pages(batch, 1, 3, 0, 2);
	check_entry(batch, 1, 1, 1, 0, 2);
	check_entry(batch, 2, 2, 2, 0, 2);
	/* 32 blocks, or one and two pages. */
	add_pages(batch, 1, (1 << 17) - 2, LEAF, 3);
	check_entry(batch, 3, 0, 1 << 17, LEAF, 3);
	/* The same size, across a border: two and two pages. */
	add_pages(batch, GIB - (1 << 16) + 1, (1 << 17) - 2, LEAF, 4);
	check_entry(batch, 4, GIB - (1 << 16), 1 << 16, LEAF, 4);
	check_entry(batch, 5, GIB, 1 << 16, LEAF, 4);
	ck_assert_uint_eq(iommunest_batch_count(batch), 6);
	iommunest_batch_free(batch);
}

TEST(with_fewer_blocks_more_is_flushed)
{
	struct iommunest_batch *batch = new_batch(4);

	/* Exactly, it is five blocks, of 1, 2, 8, 4 and 1 pages. */
	set_limits(batch, 0, 3);
	add_pages(batch, 5, 16, 0, 1);
	ck_assert_uint_eq(iommunest_batch_count(batch), 3);
	check_entry(batch, 0, 4, 4, 0, 1);
	check_entry(batch, 1, 8, 8, 0, 1);
	check_entry(batch, 2, 16, 8, 0, 1);
	iommunest_batch_reset(batch);
	set_limits(batch, 0, 2);
	add_pages(batch, 5, 16, 0, 1);
	ck_assert_uint_eq(iommunest_batch_count(batch), 2);
	check_entry(batch, 0, 0, 16, 0, 1);
	check_entry(batch, 1, 16, 8, 0, 1);
	iommunest_batch_reset(batch);
	set_limits(batch, 0, 1);
	add_pages(batch, 5, 16, 0, 1);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	check_entry(batch, 0, 0, 32, 0, 1);
	iommunest_batch_free(batch);
}

/* As one entry always was, and without the kernel's help. */
TEST(one_block_is_the_smallest_that_holds_the_range)
{
	struct iommunest_batch *batch = new_batch(4);

	set_limits(batch, 0, 1);
	add_pages(batch, GIB - 1, 2, LEAF, 1);
	check_entry(batch, 0, 0, 2 * GIB, LEAF, 1);
	add_pages(batch, ALL_PAGES / 2 - 1, 2, LEAF, 2);
	check_all(batch, 1, 2);
	iommunest_batch_free(batch);
}

TEST(all_but_a_page_is_all)
{
	struct iommunest_batch *batch = new_batch(8);

	add_pages(batch, 1, ALL_PAGES - 1, LEAF, 1);
	add_pages(batch, 0, ALL_PAGES - 1, LEAF, 2);
	ck_assert_uint_eq(iommunest_batch_count(batch), 2);
	check_all(batch, 0, 1);
	check_all(batch, 1, 2);
	/* The first half of it is not. */
	add_pages(batch, 0, ALL_PAGES / 2, LEAF, 3);
	check_entry(batch, 2, 0, ALL_PAGES / 2, LEAF, 3);
	iommunest_batch_free(batch);
}

TEST(all_is_one_entry)
{
	struct iommunest_batch *batch = new_batch(4);

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

/* Whatever its size, and however few blocks a range may become. */
TEST_LOOP(a_block_is_one_entry, 52)
{
	struct iommunest_batch *batch = new_batch(1);
	uint64_t pages = UINT64_C(1) << _i;

	set_limits(batch, 0, 1);
	ck_assert_int_eq(iommunest_vtd_batch_add_block(
				 batch, UINT64_MAX, (unsigned int)_i, LEAF, 5),
			 0);
	check_entry(batch, 0, ALL_PAGES - pages, pages, LEAF, 5);
	iommunest_batch_free(batch);
}

TEST_LOOP(the_blocks_of_a_range_are_added_all_or_none, 2)
{
	struct iommunest_batch *batch = new_batch(4);
	uint64_t cookie = 0;

	set_limits(batch, _i ? IOMMUNEST_VTD_COALESCE : 0, 0);
	add_pages(batch, 100, 1, 0, 1);
	/* 1, 4, 4 and 1 pages. */
	ck_assert_int_eq(iommunest_vtd_batch_add_range(batch, 35 * PAGE, 10, 0,
						       2),
			 -ENOSPC);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	check_entry(batch, 0, 100, 1, 0, 1);
	ck_assert_int_eq(iommunest_batch_error(batch, &cookie), -ENOSPC);
	ck_assert_uint_eq(cookie, 2);
	iommunest_batch_clear_error(batch);
	add_pages(batch, 35, 9, 0, 3);
	ck_assert_uint_eq(iommunest_batch_count(batch), 4);
	iommunest_batch_free(batch);
}

/* ---- All of a small window, by a bitmap ---- */

#define WINDOW 32u

static uint64_t bits(uint64_t first, uint64_t count)
{
	uint64_t ones = count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;

	return ones << first;
}

/* By taking the largest block that is in the bitmap, at each page. */
static uint32_t blocks_of(uint64_t pages)
{
	uint32_t blocks = 0;
	unsigned int size;

	while (pages) {
		unsigned int first = (unsigned int)__builtin_ctzll(pages);

		for (size = WINDOW; first % size || bits(first, size) & ~pages;)
			size /= 2;
		pages &= ~bits(first, size);
		blocks++;
	}
	return blocks;
}

/* What is flushed for pages: of the documented candidates, the cheapest. */
static uint64_t wanted(uint64_t pages, uint32_t most)
{
	uint64_t best = bits(0, WINDOW);
	unsigned int size, first;

	for (size = WINDOW; size; size /= 2) {
		uint64_t wide = 0;
		int cost, least;

		for (first = 0; first < WINDOW; first += size) {
			if (pages & bits(first, size))
				wide |= bits(first, size);
		}
		cost = __builtin_popcountll(wide) + (int)blocks_of(wide);
		least = __builtin_popcountll(best) + (int)blocks_of(best);
		if (blocks_of(wide) <= most && cost <= least)
			best = wide;
	}
	return best;
}

static void check_cover(struct iommunest_batch *batch, uint64_t base,
			uint64_t pages, uint32_t most)
{
	uint64_t cover = 0;
	uint32_t i;

	for (i = 0; i < iommunest_batch_count(batch); i++) {
		const struct iommunest_vtd_entry *entry = entry_at(batch, i);
		uint64_t first = entry->addr / PAGE - base;
		uint64_t block = bits(first, entry->npages);

		ck_assert_uint_le(first + entry->npages, WINDOW);
		ck_assert_uint_eq(entry->npages & (entry->npages - 1), 0);
		ck_assert_uint_eq(first % entry->npages, 0);
		/* None twice, and in order. */
		ck_assert(block > cover);
		ck_assert_uint_eq(block & cover, 0);
		cover |= block;
	}
	ck_assert_uint_eq(pages & ~cover, 0);
	ck_assert_uint_eq(cover, wanted(pages, most));
	ck_assert_uint_eq(iommunest_batch_count(batch), blocks_of(cover));
}

/* With at most so many blocks. */
TEST_RANGE(every_small_range_is_covered_at_the_least_cost, 1, 9)
{
	static const uint64_t bases[] = { 0, WINDOW, UINT64_C(1) << 35,
					  ALL_PAGES - WINDOW };
	struct iommunest_batch *batch = new_batch(WINDOW);
	uint32_t first, count;
	unsigned int i;

	set_limits(batch, 0, (uint32_t)_i);
	for (first = 0; first < WINDOW; first++) {
		for (count = 1; first + count <= WINDOW; count++) {
			for (i = 0; i < ARRAY_LEN(bases); i++) {
				iommunest_batch_reset(batch);
				add_pages(batch, bases[i] + first, count, 0, 1);
				check_cover(batch, bases[i], bits(first, count),
					    (uint32_t)_i);
			}
		}
	}
	iommunest_batch_free(batch);
}

/* ---- Random ranges of any size ---- */

#define SPLIT_ROUNDS 4000u
#define SPLIT_CAPACITY 120u

struct split {
	uint64_t pfn;
	uint64_t npages;
	/* As the library is told; 0 is the default. */
	uint32_t max_blocks;
	uint32_t flags;
	/* Entries that are there before. */
	uint32_t before;
};

/* Mostly such that the border of a large block is in it. */
static struct split random_split(struct support_rng *rng)
{
	struct split split = {
		.flags = support_rng_below(rng, 2),
		.max_blocks = support_rng_below(rng, 110),
		.before = support_rng_below(rng, SPLIT_CAPACITY + 1),
		.pfn = support_rng_next(rng) >>
		       (12 + support_rng_below(rng, 52)),
	};
	uint32_t order = support_rng_below(rng, 53);
	uint64_t below = (UINT64_C(1) << order) - 1;

	split.npages = 1 + (support_rng_next(rng) & below);
	if (support_rng_below(rng, 3) == 0)
		split.pfn = ALL_PAGES - split.npages;
	else if (support_rng_below(rng, 2))
		split.pfn |= below ^ (support_rng_next(rng) & below >> 1);
	split.pfn &= ALL_PAGES - 1;
	if (split.npages > ALL_PAGES - split.pfn)
		split.npages = ALL_PAGES - split.pfn;
	return split;
}

/* How many aligned blocks, by trying the sizes one by one. */
static uint32_t steps(uint64_t pfn, uint64_t end)
{
	uint32_t blocks = 0;

	while (pfn < end) {
		uint64_t size = ALL_PAGES;

		while (pfn % size || size > end - pfn)
			size /= 2;
		pfn += size;
		blocks++;
	}
	return blocks;
}

/* The ends to which the range is rounded. */
static void round_ends(const struct split *split, uint64_t *pfn, uint64_t *end)
{
	uint32_t most = split->max_blocks ? split->max_blocks : 32;
	uint64_t size, least = UINT64_MAX;

	for (size = 1; size <= ALL_PAGES; size *= 2) {
		uint64_t from = split->pfn / size * size;
		uint64_t to =
			(split->pfn + split->npages + size - 1) / size * size;
		uint32_t blocks = steps(from, to);
		uint64_t cost = to - from + blocks;

		if (blocks > most || cost >= least)
			continue;
		least = cost;
		*pfn = from;
		*end = to;
	}
}

/* The entries from @index on are aligned blocks, in order, and the span. */
static void check_blocks(struct support_rng *rng, struct iommunest_batch *batch,
			 const struct split *split, uint64_t pfn, uint64_t end)
{
	uint32_t i;

	for (i = split->before; i < iommunest_batch_count(batch); i++) {
		const struct iommunest_vtd_entry *entry = entry_at(batch, i);
		uint64_t pages = entry->npages;

		support_assert(rng, entry->addr == pfn * PAGE);
		support_assert(rng, pages && !(pages & (pages - 1)));
		support_assert(rng, pfn % pages == 0);
		support_assert(rng, entry->flags == split->flags);
		support_assert(rng, entry->reserved == 0);
		support_assert(rng, iommunest_batch_cookie(batch, i) == 77);
		pfn += pages;
	}
	support_assert(rng, pfn == end);
}

static void check_split(struct support_rng *rng, struct iommunest_batch *batch,
			const struct split *split, int ret)
{
	uint64_t pfn = 0, end = 0;
	uint32_t blocks;

	round_ends(split, &pfn, &end);
	blocks = steps(pfn, end);
	if (blocks > SPLIT_CAPACITY - split->before) {
		support_assert(rng, ret == -ENOSPC);
		support_assert(rng,
			       iommunest_batch_count(batch) == split->before);
		return;
	}
	support_assert(rng, ret == 0);
	support_assert(rng,
		       iommunest_batch_count(batch) == split->before + blocks);
	if (end - pfn == ALL_PAGES)
		check_all(batch, split->before, 77);
	else
		check_blocks(rng, batch, split, pfn, end);
}

TEST(random_ranges_are_covered_at_the_least_cost)
{
	struct iommunest_batch *batch = new_batch(SPLIT_CAPACITY);
	struct support_rng rng;
	uint32_t round, i;
	int ret;

	support_rng_start(&rng, __func__);
	for (round = 0; round < SPLIT_ROUNDS; round++) {
		struct split split = random_split(&rng);

		iommunest_batch_reset(batch);
		set_limits(batch, 0, split.max_blocks);
		for (i = 0; i < split.before; i++)
			ck_assert_int_eq(iommunest_vtd_batch_add_all(batch, i),
					 0);
		ret = iommunest_vtd_batch_add_range(
			batch, split.pfn * PAGE, split.npages, split.flags, 77);
		check_split(&rng, batch, &split, ret);
	}
	iommunest_batch_free(batch);
}
