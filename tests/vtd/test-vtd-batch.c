/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* VT-d entries into a batch, and the limits that it can be given. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/vtd/batch-rig.h"

/* ---- Adds without limits ---- */

TEST(adds_of_all_and_of_blocks_are_the_builders_entries)
{
	struct iommunest_batch *batch = new_batch(8);

	ck_assert_int_eq(iommunest_vtd_batch_add_all(batch, 11), 0);
	add_pages(batch, 3, 1, LEAF, 12);
	ck_assert_int_eq(iommunest_vtd_batch_add_block(batch, 0x7fff, 2, 0, 13),
			 0);
	add_pages(batch, 0, ALL_PAGES, LEAF, 14);
	ck_assert_int_eq(
		iommunest_vtd_batch_add_block(batch, 0x7fff, 52, LEAF, 15), 0);
	add_pages(batch, 8, 8, LEAF, 16);
	ck_assert_uint_eq(iommunest_batch_count(batch), 6);
	check_all(batch, 0, 11);
	check_entry(batch, 1, 3, 1, LEAF, 12);
	check_entry(batch, 2, 4, 4, 0, 13);
	check_all(batch, 3, 14);
	check_all(batch, 4, 15);
	check_entry(batch, 5, 8, 8, LEAF, 16);
	iommunest_batch_free(batch);
}

static const uint32_t limit_flags[] = {
	0,
	IOMMUNEST_VTD_COALESCE,
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

	set_limits(batch, limit_flags[_i], 0);
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

	set_limits(batch, limit_flags[_i], 0);
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

TEST(any_number_of_blocks_is_a_limit)
{
	expect_limits((struct iommunest_vtd_limits){ 0 }, 0);
	expect_limits(
		(struct iommunest_vtd_limits){
			.flags = IOMMUNEST_VTD_COALESCE,
			.max_blocks = 1,
		},
		0);
	expect_limits((struct iommunest_vtd_limits){ .max_blocks = UINT32_MAX },
		      0);
}

TEST_LOOP(unknown_flags_of_limits_are_eopnotsupp, 31)
{
	expect_limits((struct iommunest_vtd_limits){ .flags = 2u << _i },
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
					       .flags = ~0u,
					       .max_blocks = 9 };
	struct iommunest_batch *batch = new_batch(4);

	set_limits(batch, IOMMUNEST_VTD_COALESCE, 1);
	ck_assert_int_eq(iommunest_vtd_batch_set_limits(batch, &limits),
			 -EOPNOTSUPP);
	add_pages(batch, 0, 1, 0, 1);
	add_pages(batch, 1, 1, 0, 2);
	check_entry(batch, 0, 0, 2, 0, 1);
	add_pages(batch, 7, 2, 0, 3);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	check_entry(batch, 0, 0, 16, 0, 1);
	iommunest_batch_free(batch);
}

TEST(limits_survive_a_reset)
{
	struct iommunest_batch *batch = new_batch(4);

	set_limits(batch, 0, 1);
	iommunest_batch_reset(batch);
	add_pages(batch, 7, 2, 0, 1);
	ck_assert_uint_eq(iommunest_batch_count(batch), 1);
	set_limits(batch, 0, 0);
	add_pages(batch, 7, 2, 0, 2);
	ck_assert_uint_eq(iommunest_batch_count(batch), 3);
	iommunest_batch_free(batch);
}
