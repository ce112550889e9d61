/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Entries merge where they make one block; also as a property of random adds
 * against a model.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/vtd/batch-rig.h"

/* ---- Merging ---- */

static struct iommunest_batch *new_coalescing(void)
{
	struct iommunest_batch *batch = new_batch(16);

	set_limits(batch, IOMMUNEST_VTD_COALESCE, 0);
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
	/* Their union is a power of two, but not aligned. */
	add_pages(batch, 10, 2, 0, 4);
	add_pages(batch, 12, 4, 0, 5);
	/* Of two sizes. */
	add_pages(batch, 16, 1, 0, 6);
	add_pages(batch, 17, 1, 0, 7);
	add_pages(batch, 18, 1, 0, 8);
	ck_assert_uint_eq(iommunest_batch_count(batch), 5);
	check_entry(batch, 0, 5, 1, 0, 1);
	check_entry(batch, 1, 6, 1, 0, 2);
	check_entry(batch, 2, 8, 8, 0, 3);
	check_entry(batch, 3, 16, 2, 0, 6);
	check_entry(batch, 4, 18, 1, 0, 8);
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

	add_pages(batch, 8, 8, 0, 1);
	add_pages(batch, 10, 2, 0, 2);
	add_pages(batch, 8, 8, 0, 3);
	add_pages(batch, 15, 1, LEAF, 4);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	check_entry(batch, 0, 8, 8, 0, 1);
	iommunest_batch_free(batch);
}

TEST(an_add_that_holds_the_last_entry_replaces_it_under_its_cookie)
{
	struct iommunest_batch *batch = new_coalescing();

	add_pages(batch, 10, 2, LEAF, 1);
	add_pages(batch, 8, 8, 0, 2);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	check_entry(batch, 0, 8, 8, 0, 1);
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

TEST(all_covers_whatever_is_added_after_it)
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

TEST(all_replaces_what_is_pending_before_it)
{
	struct iommunest_batch *batch = new_coalescing();

	add_pages(batch, ALL_PAGES - 1, 1, LEAF, 4);
	ck_assert_int_eq(iommunest_vtd_batch_add_all(batch, 5), 0);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	check_all(batch, 0, 4);
	iommunest_batch_free(batch);
}

TEST(the_two_halves_of_the_address_space_do_not_merge)
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

/* Before, among each other, and after. */
TEST(the_blocks_of_a_range_do_not_merge)
{
	struct iommunest_batch *batch = new_coalescing();

	add_pages(batch, 2, 1, 0, 1);
	/* 1, 4, 4 and 1 pages. */
	add_pages(batch, 3, 10, 0, 2);
	add_pages(batch, 13, 1, 0, 3);
	add_pages(batch, 12, 1, 0, 4);
	ck_assert_uint_eq(iommunest_batch_count(batch), 6);
	check_entry(batch, 0, 2, 1, 0, 1);
	check_entry(batch, 1, 3, 1, 0, 2);
	check_entry(batch, 2, 4, 4, 0, 2);
	check_entry(batch, 3, 8, 4, 0, 2);
	check_entry(batch, 4, 12, 1, 0, 2);
	check_entry(batch, 5, 12, 2, 0, 3);
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
	ck_assert_mem_eq(entry_at(batch, 0), &raw_entries[_i],
			 sizeof(raw_entries[_i]));
	iommunest_batch_free(batch);
}

/* Who edits an entry may make it no block. */
TEST_LOOP(edited_entries_that_are_no_blocks_do_not_make_one, 2)
{
	static const struct {
		uint64_t first, second, npages;
	} rows[] = { { 3, 1, 2 }, { 0, 3, 3 } };
	struct iommunest_batch *batch = new_coalescing();
	struct iommunest_vtd_entry *entry;

	add_pages(batch, 16, 2, 0, 1);
	add_pages(batch, 32, 2, 0, 2);
	entry = iommunest_batch_entry(batch, 0);
	entry->addr = rows[_i].first * PAGE;
	entry->npages = rows[_i].npages;
	entry = iommunest_batch_entry(batch, 1);
	entry->addr = rows[_i].second * PAGE;
	entry->npages = rows[_i].npages;
	/* The second holds it; then the two are looked at. */
	add_pages(batch, rows[_i].second, 1, 0, 3);
	ck_assert_uint_eq(iommunest_batch_count(batch), 2);
	check_entry(batch, 0, rows[_i].first, rows[_i].npages, 0, 1);
	check_entry(batch, 1, rows[_i].second, rows[_i].npages, 0, 2);
	iommunest_batch_free(batch);
}

TEST(a_full_batch_still_merges)
{
	struct iommunest_batch *batch = new_batch(1);

	set_limits(batch, IOMMUNEST_VTD_COALESCE, 0);
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
	bool rest;
};

static uint64_t bits(uint64_t first, uint64_t count)
{
	uint64_t ones = count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;

	return ones << first;
}

static struct pages pages_of(const struct iommunest_vtd_entry *entry,
			     uint64_t window)
{
	uint64_t first = (entry->addr - window) / PAGE;
	struct pages pages;

	if (entry->npages == UINT64_MAX)
		return (struct pages){ UINT64_MAX, UINT64_MAX, true };
	if (first + entry->npages > WINDOW)
		ck_abort_msg("an entry of pages that nobody added");
	pages.leaf = bits(first, entry->npages);
	pages.nonleaf = entry->flags ? 0 : pages.leaf;
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
		struct pages pages = pages_of(entry_at(batch, i), window);

		if (iommunest_batch_cookie(batch, i) > last_cookie)
			continue;
		sum.leaf |= pages.leaf;
		sum.nonleaf |= pages.nonleaf;
		sum.rest |= pages.rest;
	}
	return sum;
}

static bool same_pages(const struct pages *a, const struct pages *b)
{
	return a->leaf == b->leaf && a->nonleaf == b->nonleaf &&
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
		support_assert(m->rng,
			       !memcmp(&m->done[i], entry_at(m->merged, i),
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

		m->done[i] = *entry_at(m->merged, i);
		m->done_cookies[i] = iommunest_batch_cookie(m->merged, i);
		iommunest_batch_skip(m->merged);
	}
	while (!iommunest_batch_skip(m->plain))
		;
}

static void check_merged_entry(struct merging *m, uint32_t index)
{
	const struct iommunest_vtd_entry *entry = entry_at(m->merged, index);
	uint64_t pages = entry->npages;

	support_assert(m->rng, entry->reserved == 0);
	if (pages == UINT64_MAX)
		return;
	support_assert(m->rng, pages && !(pages & (pages - 1)));
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
	uint32_t blocks = support_rng_below(m->rng, 8);

	m->window = windows[support_rng_below(m->rng, ARRAY_LEN(windows))];
	iommunest_batch_reset(m->merged);
	iommunest_batch_reset(m->plain);
	set_limits(m->merged, IOMMUNEST_VTD_COALESCE, blocks);
	set_limits(m->plain, 0, blocks);
}

TEST(random_adds_flush_the_same_pages_merged_or_not)
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

/* ---- Merging: all pairs and triples of small blocks ---- */

#define SMALL 8u

/* One of the blocks of up to 8 pages in 8 pages, with and without LEAF. */
#define SMALL_ADDS 30u

static struct adding small_add(uint32_t nth)
{
	struct adding adding = { .kind = 4, .flags = nth % 2 ? LEAF : 0 };
	uint32_t at = nth / 2;

	while (at >= SMALL >> adding.am)
		at -= SMALL >> adding.am++;
	adding.addr = (uint64_t)at << adding.am << 12;
	return adding;
}

static bool may_be_one(const struct adding *a, const struct adding *b)
{
	uint64_t pages_a = bits(a->addr / PAGE, UINT64_C(1) << a->am);
	uint64_t pages_b = bits(b->addr / PAGE, UINT64_C(1) << b->am);

	if ((pages_a & pages_b) == pages_b && a->flags <= b->flags)
		return true;
	if ((pages_a & pages_b) == pages_a && b->flags <= a->flags)
		return true;
	return a->flags == b->flags && a->am == b->am &&
	       (a->addr ^ b->addr) == PAGE << a->am;
}

/* Two adds are one entry exactly where one entry does for both. */
TEST_LOOP(two_blocks_merge_exactly_where_one_entry_does, SMALL_ADDS)
{
	struct adding a = small_add((uint32_t)_i);
	struct iommunest_batch *merged = new_coalescing();
	struct iommunest_batch *plain = new_batch(16);
	uint32_t second, third, one;

	for (second = 0; second < SMALL_ADDS; second++) {
		struct adding b = small_add(second);

		for (third = 0; third <= SMALL_ADDS; third++) {
			struct adding c = small_add(third % SMALL_ADDS);
			struct pages is, want;

			iommunest_batch_reset(merged);
			iommunest_batch_reset(plain);
			add(merged, &a, 0);
			add(plain, &a, 0);
			add(merged, &b, 1);
			add(plain, &b, 1);
			one = may_be_one(&a, &b);
			ck_assert_uint_eq(iommunest_batch_count(merged),
					  one ? 1 : 2);
			if (third < SMALL_ADDS) {
				add(merged, &c, 2);
				add(plain, &c, 2);
			}
			is = dropped(merged, 0, UINT64_MAX, 0);
			want = dropped(plain, 0, UINT64_MAX, 0);
			ck_assert(same_pages(&is, &want));
		}
	}
	iommunest_batch_free(merged);
	iommunest_batch_free(plain);
}
