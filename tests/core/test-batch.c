/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Batches: capacity, the error that sticks, the cursor, types. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "tests/harness/support.h"

#define GARBAGE ((struct iommunest_batch *)(uintptr_t)0x5a5a5a5a)

static struct iommunest_inv_type byte_type(void)
{
	return (struct iommunest_inv_type){
		.size = sizeof(struct iommunest_inv_type),
		.name = "bytes",
		.data_type = 0xdeadbeef,
		.entry_len = 1,
	};
}

static struct iommunest_batch *new_batch(uint32_t capacity)
{
	struct iommunest_batch *batch = NULL;

	ck_assert_int_eq(iommunest_batch_new(&batch, iommunest_vtd_s1_type(),
					     capacity),
			 0);
	ck_assert_ptr_nonnull(batch);
	return batch;
}

static struct iommunest_vtd_entry page(uint64_t pfn)
{
	return (struct iommunest_vtd_entry){ .addr = pfn << 12, .npages = 1 };
}

/* Adds pages pfn, pfn + 1 ... with cookies of 100 more. */
static void add_pages(struct iommunest_batch *batch, uint64_t pfn, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		struct iommunest_vtd_entry entry = page(pfn + i);

		ck_assert_int_eq(
			iommunest_batch_add(batch, &entry, 100 + pfn + i), 0);
	}
}

static void check_page(struct iommunest_batch *batch, uint32_t index,
		       uint64_t pfn)
{
	struct iommunest_vtd_entry expected = page(pfn);
	struct iommunest_vtd_entry *entry = iommunest_batch_entry(batch, index);

	ck_assert_ptr_nonnull(entry);
	ck_assert_mem_eq(entry, &expected, sizeof(expected));
	ck_assert_uint_eq(iommunest_batch_cookie(batch, index), 100 + pfn);
}

/* ---- Making one ---- */

static void expect_no_batch(const struct iommunest_inv_type *type,
			    uint32_t capacity, int error)
{
	struct iommunest_batch *batch = GARBAGE;

	ck_assert_int_eq(iommunest_batch_new(&batch, type, capacity), error);
	ck_assert_ptr_null(batch);
}

TEST(a_new_batch_is_empty)
{
	struct iommunest_batch *batch = new_batch(7);
	uint64_t cookie = 1;

	ck_assert_uint_eq(iommunest_batch_capacity(batch), 7);
	ck_assert_uint_eq(iommunest_batch_count(batch), 0);
	ck_assert_uint_eq(iommunest_batch_cursor(batch), 0);
	ck_assert_int_eq(iommunest_batch_error(batch, &cookie), 0);
	ck_assert_ptr_null(iommunest_batch_entry(batch, 0));
	iommunest_batch_free(batch);
}

TEST(a_capacity_of_0_or_past_2_to_the_27_is_einval)
{
	expect_no_batch(iommunest_vtd_s1_type(), 0, -EINVAL);
	expect_no_batch(iommunest_vtd_s1_type(), (1u << 27) + 1, -EINVAL);
	expect_no_batch(iommunest_vtd_s1_type(), UINT32_MAX, -EINVAL);
}

TEST(null_is_refused_or_ignored)
{
	struct iommunest_vtd_entry entry = page(1);

	ck_assert_int_eq(iommunest_batch_new(NULL, iommunest_vtd_s1_type(), 1),
			 -EINVAL);
	expect_no_batch(NULL, 1, -EINVAL);
	ck_assert_int_eq(iommunest_batch_add(NULL, &entry, 0), -EINVAL);
	ck_assert_int_eq(iommunest_batch_error(NULL, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_batch_skip(NULL), -EINVAL);
	ck_assert_uint_eq(iommunest_batch_capacity(NULL), 0);
	ck_assert_uint_eq(iommunest_batch_count(NULL), 0);
	ck_assert_uint_eq(iommunest_batch_cursor(NULL), 0);
	ck_assert_uint_eq(iommunest_batch_cookie(NULL, 0), 0);
	ck_assert_ptr_null(iommunest_batch_entry(NULL, 0));
	iommunest_batch_reset(NULL);
	iommunest_batch_clear_error(NULL);
	iommunest_batch_free(NULL);
}

TEST(a_bad_type_is_einval)
{
	static const uint32_t lengths[] = { 0, 4097, UINT32_MAX };
	struct iommunest_inv_type type;
	size_t i;

	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		type = byte_type();
		type.entry_len = lengths[i];
		expect_no_batch(&type, 1, -EINVAL);
	}
	type = byte_type();
	type.recovery = IOMMUNEST_RECOVERY_REPLAY + 1;
	expect_no_batch(&type, 1, -EINVAL);
	type = byte_type();
	type.reserved = 1;
	expect_no_batch(&type, 1, -EINVAL);
	type = byte_type();
	type.flags = 1u << 2;
	expect_no_batch(&type, 1, -EINVAL);
	type = byte_type();
	type.call_max = IOMMUNEST_CALL_MAX + 1;
	expect_no_batch(&type, 1, -EINVAL);
}

/* No errno, a positive one, or one that has another meaning. */
TEST_LOOP(a_bad_refusal_is_einval, 7)
{
	static const int32_t errors[] = { 0,	   EIO,	    -4096,     -EINTR,
					  -EAGAIN, -ENOMEM, -ETIMEDOUT };
	struct iommunest_inv_type type = byte_type();
	struct iommunest_batch *batch;

	type.recovery = IOMMUNEST_RECOVERY_GROUP;
	type.refused = -EIO;
	ck_assert_int_eq(iommunest_batch_new(&batch, &type, 1), 0);
	iommunest_batch_free(batch);
	type.refused = errors[_i];
	expect_no_batch(&type, 1, -EINVAL);
	/* The others need none. */
	type.recovery = IOMMUNEST_RECOVERY_EXACT;
	if (type.refused)
		expect_no_batch(&type, 1, -EINVAL);
}

static void make_nothing(void *entry)
{
	(void)entry;
}

static int list_nothing(const struct iommunest_all *all, void *entries)
{
	(void)all;
	(void)entries;
	return 0;
}

TEST(all_is_one_entry_or_a_list_with_classes)
{
	struct iommunest_inv_type type = byte_type();
	struct iommunest_batch *batch;

	type.all_classes = 1;
	expect_no_batch(&type, 1, -EINVAL);
	type.make_all_list = list_nothing;
	ck_assert_int_eq(iommunest_batch_new(&batch, &type, 1), 0);
	iommunest_batch_free(batch);
	type.make_all = make_nothing;
	expect_no_batch(&type, 1, -EINVAL);
	type.make_all = NULL;
	type.all_classes = 0;
	expect_no_batch(&type, 1, -EINVAL);
}

TEST(a_type_too_short_is_einval)
{
	struct iommunest_inv_type type = byte_type(), *copy;
	size_t size;

	for (size = sizeof(size); size < sizeof(type); size++) {
		copy = support_sized(&type, sizeof(type), size);
		expect_no_batch(copy, 1, -EINVAL);
		free(copy);
	}
}

TEST(a_longer_type_needs_a_zero_tail)
{
	struct iommunest_inv_type type = byte_type(), *copy;
	struct iommunest_batch *batch;

	copy = support_sized(&type, sizeof(type), sizeof(type) + 9);
	ck_assert_int_eq(iommunest_batch_new(&batch, copy, 1), 0);
	iommunest_batch_free(batch);
	((unsigned char *)copy)[sizeof(type) + 8] = 1;
	expect_no_batch(copy, 1, -E2BIG);
	free(copy);
}

TEST_LOOP(entries_of_1_and_of_4096_bytes_are_kept_whole, 4)
{
	static const uint32_t lengths[] = { 1, 3, 4095, 4096 };
	struct iommunest_inv_type type = byte_type();
	unsigned char entry[4096];
	struct iommunest_batch *batch;
	uint32_t i;

	type.entry_len = lengths[_i];
	ck_assert_int_eq(iommunest_batch_new(&batch, &type, 3), 0);
	for (i = 0; i < 3; i++) {
		memset(entry, (int)(0x41 + i), sizeof(entry));
		ck_assert_int_eq(iommunest_batch_add(batch, entry, i), 0);
	}
	for (i = 0; i < 3; i++) {
		memset(entry, (int)(0x41 + i), sizeof(entry));
		ck_assert_mem_eq(iommunest_batch_entry(batch, i), entry,
				 type.entry_len);
		ck_assert_uint_eq(iommunest_batch_cookie(batch, i), i);
	}
	iommunest_batch_free(batch);
}

/* ---- Adding ---- */

TEST(entries_lie_one_after_the_other_with_their_cookies)
{
	struct iommunest_batch *batch = new_batch(8);
	char *first;
	uint32_t i;

	add_pages(batch, 20, 8);
	ck_assert_uint_eq(iommunest_batch_count(batch), 8);
	first = iommunest_batch_entry(batch, 0);
	for (i = 0; i < 8; i++) {
		check_page(batch, i, 20 + i);
		ck_assert_ptr_eq(iommunest_batch_entry(batch, i),
				 first + 24 * (size_t)i);
	}
	iommunest_batch_free(batch);
}

TEST(beyond_the_last_entry_there_is_null_and_cookie_0)
{
	struct iommunest_batch *batch = new_batch(8);

	add_pages(batch, 20, 3);
	ck_assert_ptr_nonnull(iommunest_batch_entry(batch, 2));
	ck_assert_ptr_null(iommunest_batch_entry(batch, 3));
	ck_assert_uint_eq(iommunest_batch_cookie(batch, 3), 0);
	ck_assert_ptr_null(iommunest_batch_entry(batch, UINT32_MAX));
	ck_assert_uint_eq(iommunest_batch_cookie(batch, UINT32_MAX), 0);
	iommunest_batch_free(batch);
}

TEST(an_entry_may_be_changed_in_place)
{
	struct iommunest_batch *batch = new_batch(2);
	struct iommunest_vtd_entry *entry;

	add_pages(batch, 20, 2);
	entry = iommunest_batch_entry(batch, 1);
	entry->addr = UINT64_C(99) << 12;
	check_page(batch, 0, 20);
	entry = iommunest_batch_entry(batch, 1);
	ck_assert_uint_eq(entry->addr, UINT64_C(99) << 12);
	iommunest_batch_free(batch);
}

TEST_LOOP(a_full_batch_is_enospc_and_stays_as_it_was, 5)
{
	uint32_t capacity = 1u + (uint32_t)_i;
	struct iommunest_batch *batch = new_batch(capacity);
	struct iommunest_vtd_entry entry = page(9);
	uint64_t cookie = 0;
	uint32_t i;

	add_pages(batch, 20, capacity);
	ck_assert_int_eq(iommunest_batch_add(batch, &entry, 77), -ENOSPC);
	ck_assert_uint_eq(iommunest_batch_count(batch), capacity);
	ck_assert_uint_eq(iommunest_batch_cursor(batch), 0);
	for (i = 0; i < capacity; i++)
		check_page(batch, i, 20 + i);
	ck_assert_int_eq(iommunest_batch_error(batch, &cookie), -ENOSPC);
	ck_assert_uint_eq(cookie, 77);
	iommunest_batch_free(batch);
}

TEST(a_batch_whose_entries_are_done_is_still_full)
{
	struct iommunest_batch *batch = new_batch(1);
	struct iommunest_vtd_entry entry = page(9);

	add_pages(batch, 20, 1);
	ck_assert_int_eq(iommunest_batch_skip(batch), 0);
	ck_assert_int_eq(iommunest_batch_add(batch, &entry, 0), -ENOSPC);
	iommunest_batch_free(batch);
}

/* ---- The error that sticks ---- */

TEST(the_first_error_sticks_and_adds_add_nothing)
{
	struct iommunest_batch *batch = new_batch(8);
	struct iommunest_vtd_entry entry = page(9);
	uint64_t cookie = 0;

	add_pages(batch, 20, 2);
	ck_assert_int_eq(iommunest_batch_add(batch, NULL, 1), -EINVAL);
	ck_assert_int_eq(iommunest_batch_add(batch, &entry, 2), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_batch_add_all(batch, 3), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_batch_add_range(batch, 0, 1, 6, 4),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_batch_add_block(batch, 0, 1, 6, 5),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_batch_add_block(batch, 0, 1, 0, 6),
			 -EINVAL);
	ck_assert_uint_eq(iommunest_batch_count(batch), 2);
	ck_assert_int_eq(iommunest_batch_error(batch, &cookie), -EINVAL);
	ck_assert_uint_eq(cookie, 1);
	ck_assert_int_eq(iommunest_batch_error(batch, NULL), -EINVAL);
	iommunest_batch_free(batch);
}

TEST(an_error_that_sticks_hides_later_ones)
{
	struct iommunest_batch *batch = new_batch(1);
	struct iommunest_vtd_entry entry = page(9);
	uint64_t cookie = 0;

	add_pages(batch, 20, 1);
	ck_assert_int_eq(iommunest_batch_add(batch, &entry, 1), -ENOSPC);
	ck_assert_int_eq(iommunest_batch_add(batch, NULL, 2), -ENOSPC);
	ck_assert_int_eq(iommunest_batch_error(batch, &cookie), -ENOSPC);
	ck_assert_uint_eq(cookie, 1);
	iommunest_batch_free(batch);
}

TEST(after_clear_error_adds_add_again)
{
	struct iommunest_batch *batch = new_batch(3);
	uint64_t cookie = 1;

	add_pages(batch, 20, 2);
	ck_assert_int_eq(iommunest_batch_add(batch, NULL, 77), -EINVAL);
	iommunest_batch_clear_error(batch);
	ck_assert_int_eq(iommunest_batch_error(batch, &cookie), 0);
	ck_assert_uint_eq(cookie, 0);
	add_pages(batch, 22, 1);
	ck_assert_uint_eq(iommunest_batch_count(batch), 3);
	check_page(batch, 0, 20);
	check_page(batch, 2, 22);
	iommunest_batch_free(batch);
}

TEST(an_error_leaves_the_cursor_movable)
{
	struct iommunest_batch *batch = new_batch(2);

	add_pages(batch, 20, 2);
	ck_assert_int_eq(iommunest_batch_add(batch, NULL, 77), -EINVAL);
	ck_assert_int_eq(iommunest_batch_skip(batch), 0);
	ck_assert_uint_eq(iommunest_batch_cursor(batch), 1);
	ck_assert_int_eq(iommunest_batch_error(batch, NULL), -EINVAL);
	iommunest_batch_free(batch);
}

/* ---- Reset and skip ---- */

TEST(reset_empties_and_forgets_the_error)
{
	struct iommunest_batch *batch = new_batch(3);
	uint64_t cookie = 1;

	add_pages(batch, 20, 3);
	ck_assert_int_eq(iommunest_batch_skip(batch), 0);
	ck_assert_int_eq(iommunest_batch_add(batch, NULL, 77), -EINVAL);
	iommunest_batch_reset(batch);
	ck_assert_uint_eq(iommunest_batch_count(batch), 0);
	ck_assert_uint_eq(iommunest_batch_cursor(batch), 0);
	ck_assert_uint_eq(iommunest_batch_capacity(batch), 3);
	ck_assert_int_eq(iommunest_batch_error(batch, &cookie), 0);
	ck_assert_ptr_null(iommunest_batch_entry(batch, 0));
	ck_assert_uint_eq(iommunest_batch_cookie(batch, 0), 0);
	add_pages(batch, 30, 3);
	check_page(batch, 0, 30);
	iommunest_batch_free(batch);
}

TEST(skip_moves_the_cursor_by_one_and_keeps_the_entry)
{
	struct iommunest_batch *batch = new_batch(3);

	add_pages(batch, 20, 2);
	ck_assert_int_eq(iommunest_batch_skip(batch), 0);
	ck_assert_uint_eq(iommunest_batch_cursor(batch), 1);
	ck_assert_int_eq(iommunest_batch_skip(batch), 0);
	ck_assert_uint_eq(iommunest_batch_cursor(batch), 2);
	ck_assert_uint_eq(iommunest_batch_count(batch), 2);
	check_page(batch, 0, 20);
	iommunest_batch_free(batch);
}

TEST(skip_with_nothing_pending_is_enoent)
{
	struct iommunest_batch *batch = new_batch(3);

	ck_assert_int_eq(iommunest_batch_skip(batch), -ENOENT);
	add_pages(batch, 20, 1);
	ck_assert_int_eq(iommunest_batch_skip(batch), 0);
	ck_assert_int_eq(iommunest_batch_skip(batch), -ENOENT);
	ck_assert_uint_eq(iommunest_batch_cursor(batch), 1);
	add_pages(batch, 21, 1);
	ck_assert_int_eq(iommunest_batch_skip(batch), 0);
	iommunest_batch_free(batch);
}
