/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What is mapped in an IOAS: the bytes of each command struct, what comes back,
 * and what is refused without a call.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/script.h"
#include "tests/harness/support.h"

#define IOAS 0x22u
#define UNTOUCHED UINT64_C(0xabcdef)
#define IOVA UINT64_C(0x1122334455667000)
#define LENGTH UINT64_C(0x99aa0000bb000)
#define ADDR ((void *)(uintptr_t)0x7f001000)

#define WORDS(number) (uint32_t)(number), (uint32_t)((number) >> 32)

static const int errors[] = { -EINVAL,	   -EOVERFLOW, -EEXIST, -ENOSPC,
			      -EOPNOTSUPP, -ENOENT,    -EFAULT, -ENOMEM,
			      -EBUSY,	   -EPERM,     -ENOTTY, -EBADF };

static struct script_row row(unsigned long request, const uint32_t *words)
{
	return (struct script_row){ .function = SCRIPT_COMMAND,
				    .request = request,
				    .words = words };
}

/* A call, which the script expects once, if @expected is not NULL. */
struct attempt {
	struct iommunest_ctx *ctx;
	struct script script;
	uint64_t iova;
};

static void begin(struct attempt *attempt, const struct script_row *expected)
{
	attempt->ctx = script_open(&attempt->script, expected, !!expected);
	attempt->iova = UNTOUCHED;
}

static void end(struct attempt *attempt)
{
	script_done(&attempt->script);
	iommunest_close(attempt->ctx);
}

/* ---- IOMMU_IOAS_MAP ---- */

static int map(struct attempt *attempt, uint32_t flags)
{
	return iommunest_ioas_map(attempt->ctx, IOAS, ADDR, LENGTH, flags,
				  &attempt->iova);
}

TEST(map_sends_the_iova_where_it_is_fixed)
{
	const uint32_t words[] = { 40,
				   7,
				   IOAS,
				   0,
				   WORDS((uintptr_t)0x7f001000u + UINT64_C(0)),
				   WORDS(LENGTH),
				   WORDS(IOVA) };
	struct script_row expected = row(SCRIPT_IOAS_MAP, words);
	struct attempt attempt;

	begin(&attempt, &expected);
	attempt.iova = IOVA;
	ck_assert_int_eq(map(&attempt, IOMMUNEST_MAP_FIXED |
					       IOMMUNEST_MAP_READ |
					       IOMMUNEST_MAP_WRITE),
			 0);
	ck_assert_uint_eq(attempt.iova, IOVA);
	end(&attempt);
}

/* The kernel checks an IOVA that means nothing. */
TEST(map_sends_0_where_the_kernel_chooses_and_returns_its_choice)
{
	static const uint32_t words[] = { 40,	      4, IOAS,		0,
					  0x7f001000, 0, WORDS(LENGTH), 0,
					  0 };
	struct script_row expected = row(SCRIPT_IOAS_MAP, words);
	struct attempt attempt;

	expected.out[0] = (struct script_out){ 8, 0x5000 };
	expected.out[1] = (struct script_out){ 9, 0x12 };
	begin(&attempt, &expected);
	attempt.iova = UINT64_MAX;
	ck_assert_int_eq(map(&attempt, IOMMUNEST_MAP_READ), 0);
	ck_assert_uint_eq(attempt.iova, UINT64_C(0x1200005000));
	end(&attempt);
}

TEST_LOOP(an_error_of_map_leaves_the_iova_alone, ARRAY_LEN(errors))
{
	static const uint32_t words[] = { 40,	      2, IOAS,		0,
					  0x7f001000, 0, WORDS(LENGTH), 0,
					  0 };
	struct script_row expected = row(SCRIPT_IOAS_MAP, words);
	struct attempt attempt;

	expected.ret = errors[_i];
	expected.out[0] = (struct script_out){ 8, 0x5000 };
	begin(&attempt, &expected);
	ck_assert_int_eq(map(&attempt, IOMMUNEST_MAP_WRITE), errors[_i]);
	ck_assert_uint_eq(attempt.iova, UNTOUCHED);
	end(&attempt);
}

/* ---- IOMMU_IOAS_MAP_FILE ---- */

static int map_file(struct attempt *attempt, uint32_t flags)
{
	return iommunest_ioas_map_file(attempt->ctx, IOAS, 17, IOVA, LENGTH,
				       flags, &attempt->iova);
}

TEST(map_file_sends_file_and_start_and_the_fixed_iova)
{
	static const uint32_t words[] = {
		40, 5, IOAS, 17, WORDS(IOVA), WORDS(LENGTH), 0x3000, 0
	};
	struct script_row expected = row(SCRIPT_IOAS_MAP_FILE, words);
	struct attempt attempt;

	begin(&attempt, &expected);
	attempt.iova = 0x3000;
	ck_assert_int_eq(map_file(&attempt,
				  IOMMUNEST_MAP_FIXED | IOMMUNEST_MAP_READ),
			 0);
	ck_assert_uint_eq(attempt.iova, 0x3000);
	end(&attempt);
}

TEST_LOOP(map_file_returns_the_kernels_choice_or_its_error,
	  1 + ARRAY_LEN(errors))
{
	static const uint32_t words[] = {
		40, 2, IOAS, 17, WORDS(IOVA), WORDS(LENGTH), 0, 0
	};
	struct script_row expected = row(SCRIPT_IOAS_MAP_FILE, words);
	struct attempt attempt;

	expected.ret = _i ? errors[_i - 1] : 0;
	expected.out[0] = (struct script_out){ 8, 0x5000 };
	begin(&attempt, &expected);
	ck_assert_int_eq(map_file(&attempt, IOMMUNEST_MAP_WRITE), expected.ret);
	ck_assert_uint_eq(attempt.iova, _i ? UNTOUCHED : 0x5000);
	end(&attempt);
}

/* ---- IOMMU_IOAS_COPY ---- */

static int copy(struct attempt *attempt, uint32_t flags)
{
	return iommunest_ioas_copy(attempt->ctx, IOAS, 0x33, IOVA, LENGTH,
				   flags, &attempt->iova);
}

TEST(copy_sends_both_ends)
{
	static const uint32_t words[] = {
		40, 3, IOAS, 0x33, WORDS(LENGTH), 0x3000, 0, WORDS(IOVA)
	};
	struct script_row expected = row(SCRIPT_IOAS_COPY, words);
	struct attempt attempt;

	begin(&attempt, &expected);
	attempt.iova = 0x3000;
	ck_assert_int_eq(
		copy(&attempt, IOMMUNEST_MAP_FIXED | IOMMUNEST_MAP_WRITE), 0);
	ck_assert_uint_eq(attempt.iova, 0x3000);
	end(&attempt);
}

TEST_LOOP(copy_returns_the_kernels_choice_or_its_error, 1 + ARRAY_LEN(errors))
{
	static const uint32_t words[] = {
		40, 4, IOAS, 0x33, WORDS(LENGTH), 0, 0, WORDS(IOVA)
	};
	struct script_row expected = row(SCRIPT_IOAS_COPY, words);
	struct attempt attempt;

	expected.ret = _i ? errors[_i - 1] : 0;
	expected.out[0] = (struct script_out){ 6, 0x5000 };
	begin(&attempt, &expected);
	ck_assert_int_eq(copy(&attempt, IOMMUNEST_MAP_READ), expected.ret);
	ck_assert_uint_eq(attempt.iova, _i ? UNTOUCHED : 0x5000);
	end(&attempt);
}

/* ---- IOMMU_IOAS_UNMAP ---- */

TEST_LOOP(unmap_says_how_much_was_mapped, 1 + ARRAY_LEN(errors))
{
	static const uint32_t words[] = { 24, IOAS, WORDS(IOVA),
					  WORDS(LENGTH) };
	struct script_row expected = row(SCRIPT_IOAS_UNMAP, words);
	struct attempt attempt;

	expected.ret = _i ? errors[_i - 1] : 0;
	expected.out[0] = (struct script_out){ 4, 0x7000 };
	expected.out[1] = (struct script_out){ 5, 0x1 };
	begin(&attempt, &expected);
	ck_assert_int_eq(iommunest_ioas_unmap(attempt.ctx, IOAS, IOVA, LENGTH,
					      &attempt.iova),
			 expected.ret);
	ck_assert_uint_eq(attempt.iova, _i ? UNTOUCHED : UINT64_C(0x100007000));
	end(&attempt);
}

TEST_LOOP(unmap_all_is_0_and_the_largest_length, 1 + ARRAY_LEN(errors))
{
	static const uint32_t words[] = { 24, IOAS, 0, 0, WORDS(UINT64_MAX) };
	struct script_row expected = row(SCRIPT_IOAS_UNMAP, words);
	struct attempt attempt;

	expected.ret = _i ? errors[_i - 1] : 0;
	expected.out[0] = (struct script_out){ 4, 0x7000 };
	expected.out[1] = (struct script_out){ 5, 0 };
	begin(&attempt, &expected);
	ck_assert_int_eq(iommunest_ioas_unmap_all(attempt.ctx, IOAS,
						  &attempt.iova),
			 expected.ret);
	ck_assert_uint_eq(attempt.iova, _i ? UNTOUCHED : 0x7000);
	end(&attempt);
}

TEST(nobody_needs_to_know_how_much_was_mapped)
{
	static const uint32_t words[] = { 24, IOAS, 0, 0, WORDS(UINT64_MAX) };
	struct script_row expected = row(SCRIPT_IOAS_UNMAP, words);
	struct attempt attempt;

	begin(&attempt, &expected);
	ck_assert_int_eq(iommunest_ioas_unmap_all(attempt.ctx, IOAS, NULL), 0);
	end(&attempt);
}

/* The kernel's "all" is not what a range of that length says. */
TEST(unmap_of_the_largest_length_is_eoverflow_without_a_call)
{
	struct attempt attempt;

	begin(&attempt, NULL);
	ck_assert_int_eq(iommunest_ioas_unmap(attempt.ctx, IOAS, 0, UINT64_MAX,
					      &attempt.iova),
			 -EOVERFLOW);
	ck_assert_int_eq(iommunest_ioas_unmap(attempt.ctx, IOAS, 1, UINT64_MAX,
					      &attempt.iova),
			 -EOVERFLOW);
	ck_assert_uint_eq(attempt.iova, UNTOUCHED);
	end(&attempt);
}

/* ---- IOMMU_IOAS_CHANGE_PROCESS ---- */

TEST_LOOP(change_process_says_nothing_but_its_size, 1 + ARRAY_LEN(errors))
{
	static const uint32_t words[] = { 8, 0 };
	struct script_row expected = row(SCRIPT_IOAS_CHANGE_PROCESS, words);
	struct attempt attempt;

	expected.ret = _i ? errors[_i - 1] : 0;
	begin(&attempt, &expected);
	ck_assert_int_eq(iommunest_change_process(attempt.ctx), expected.ret);
	end(&attempt);
}

/* ---- IOMMU_IOAS_IOVA_RANGES ---- */

#define FIRST_COUNT 8u

static const uint64_t two_ranges[] = { 0, 0xfedfffff, 0xfef00000,
				       UINT64_C(0xffffffffffff) };

/* size, IOAS, how many there is room for, -, pointer, alignment */
#define RANGES_WORDS(room)                    \
	{                                     \
		32, IOAS, room, 0, 0, 0, 0, 0 \
	}

static struct script_row ranges_row(const uint32_t *words, uint32_t count,
				    int ret)
{
	struct script_row expected = row(SCRIPT_IOAS_IOVA_RANGES, words);

	expected.pointer = 4;
	expected.ret = ret;
	expected.out[0] = (struct script_out){ 2, count };
	expected.out[1] = (struct script_out){ 6, 0x1000 };
	return expected;
}

static int ask(const struct script_row *rows, size_t count,
	       struct iommunest_iova_ranges *ranges)
{
	struct iommunest_ctx *ctx;
	struct script script;
	int ret;

	ctx = script_open(&script, rows, count);
	ret = iommunest_ioas_iova_ranges(ctx, IOAS, ranges);
	script_done(&script);
	iommunest_close(ctx);
	return ret;
}

TEST(iova_ranges_are_those_of_the_kernel)
{
	static const uint32_t words[] = RANGES_WORDS(FIRST_COUNT);
	struct iommunest_iova_ranges ranges =
		IOMMUNEST_INIT(struct iommunest_iova_ranges);
	struct script_row expected = ranges_row(words, 2, 0);

	expected.out_data = two_ranges;
	expected.data_len = sizeof(two_ranges);
	ck_assert_int_eq(ask(&expected, 1, &ranges), 0);
	ck_assert_uint_eq(ranges.size, sizeof(ranges));
	ck_assert_uint_eq(ranges.alignment, 0x1000);
	ck_assert_uint_eq(ranges.count, 2);
	ck_assert_mem_eq(ranges.ranges, two_ranges, sizeof(two_ranges));
	iommunest_iova_ranges_free(&ranges);
	ck_assert_ptr_null(ranges.ranges);
	ck_assert_uint_eq(ranges.count, 0);
	iommunest_iova_ranges_free(&ranges);
}

TEST(more_ranges_than_there_is_room_for_are_asked_for_again)
{
	static const uint32_t first[] = RANGES_WORDS(FIRST_COUNT);
	static const uint32_t second[] = RANGES_WORDS(9);
	static const uint32_t third[] = RANGES_WORDS(100);
	struct iommunest_iova_ranges ranges =
		IOMMUNEST_INIT(struct iommunest_iova_ranges);
	struct script_row expected[] = {
		ranges_row(first, 9, -EMSGSIZE),
		ranges_row(second, 100, -EMSGSIZE),
		ranges_row(third, 99, 0),
	};
	struct iommunest_iova_range all[99];

	memset(all, 0xa5, sizeof(all));
	expected[2].out_data = all;
	expected[2].data_len = sizeof(all);
	ck_assert_int_eq(ask(expected, 3, &ranges), 0);
	ck_assert_uint_eq(ranges.count, 99);
	ck_assert_mem_eq(ranges.ranges, all, sizeof(all));
	iommunest_iova_ranges_free(&ranges);
}

TEST(no_range_at_all_is_no_array)
{
	static const uint32_t words[] = RANGES_WORDS(FIRST_COUNT);
	struct iommunest_iova_ranges ranges =
		IOMMUNEST_INIT(struct iommunest_iova_ranges);
	struct script_row expected = ranges_row(words, 0, 0);

	ck_assert_int_eq(ask(&expected, 1, &ranges), 0);
	ck_assert_ptr_null(ranges.ranges);
	ck_assert_uint_eq(ranges.count, 0);
	ck_assert_uint_eq(ranges.alignment, 0x1000);
}

/* Other threads attach devices, or the kernel makes no sense. */
TEST(ranges_that_never_fit_are_emsgsize)
{
	static uint32_t words[8][8];
	struct iommunest_iova_ranges ranges =
		IOMMUNEST_INIT(struct iommunest_iova_ranges);
	struct script_row expected[8];
	uint32_t i;

	for (i = 0; i < 8; i++) {
		memcpy(words[i], (uint32_t[])RANGES_WORDS(FIRST_COUNT + i),
		       sizeof(words[i]));
		/* One says success, and has written no more than fits. */
		expected[i] = ranges_row(words[i], FIRST_COUNT + i + 1,
					 i == 3 ? 0 : -EMSGSIZE);
	}
	ck_assert_int_eq(ask(expected, 8, &ranges), -EMSGSIZE);
	ck_assert_ptr_null(ranges.ranges);
	ck_assert_uint_eq(ranges.alignment, 0);
}

TEST_LOOP(an_error_of_iova_ranges_leaves_the_struct_alone, ARRAY_LEN(errors))
{
	static const uint32_t words[] = RANGES_WORDS(FIRST_COUNT);
	struct iommunest_iova_ranges ranges, before;
	struct script_row expected = ranges_row(words, 2, errors[_i]);

	memset(&ranges, 0xee, sizeof(ranges));
	ranges.size = sizeof(ranges);
	before = ranges;
	ck_assert_int_eq(ask(&expected, 1, &ranges), errors[_i]);
	ck_assert_mem_eq(&ranges, &before, sizeof(ranges));
}

/* ---- IOMMU_IOAS_ALLOW_IOVAS ---- */

TEST_LOOP(allow_iovas_sends_the_ranges, 1 + ARRAY_LEN(errors))
{
	static const struct iommunest_iova_range ranges[] = {
		{ 0, 0xfedfffff }, { 0xfef00000, UINT64_C(0xffffffffffff) }
	};
	static const uint32_t words[] = { 24, IOAS, 2, 0, 0, 0 };
	struct script_row expected = row(SCRIPT_IOAS_ALLOW_IOVAS, words);
	struct attempt attempt;

	expected.pointer = 4;
	expected.data = two_ranges;
	expected.data_len = sizeof(two_ranges);
	expected.ret = _i ? errors[_i - 1] : 0;
	begin(&attempt, &expected);
	ck_assert_int_eq(iommunest_ioas_allow_iovas(attempt.ctx, IOAS, ranges,
						    2),
			 expected.ret);
	end(&attempt);
}

TEST(allow_iovas_takes_no_range_at_all)
{
	static const uint32_t words[] = { 24, IOAS, 0, 0, 0, 0 };
	struct script_row expected = row(SCRIPT_IOAS_ALLOW_IOVAS, words);
	struct attempt attempt;

	begin(&attempt, &expected);
	ck_assert_int_eq(iommunest_ioas_allow_iovas(attempt.ctx, IOAS, NULL, 0),
			 0);
	end(&attempt);
}

/* ---- Arguments ---- */

TEST(null_arguments_are_einval_without_a_call)
{
	struct iommunest_iova_ranges ranges =
		IOMMUNEST_INIT(struct iommunest_iova_ranges);
	struct iommunest_iova_range range = { 0, 1 };
	struct attempt none = { .iova = UNTOUCHED };
	struct attempt attempt;
	uint64_t out;

	begin(&attempt, NULL);
	ck_assert_int_eq(map(&none, 2), -EINVAL);
	ck_assert_int_eq(map_file(&none, 2), -EINVAL);
	ck_assert_int_eq(copy(&none, 2), -EINVAL);
	ck_assert_uint_eq(none.iova, UNTOUCHED);
	ck_assert_int_eq(iommunest_ioas_map(attempt.ctx, 1, ADDR, 1, 2, NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_ioas_map_file(attempt.ctx, 1, 1, 1, 1, 3,
						 NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_ioas_copy(attempt.ctx, 1, 1, 1, 1, 3, NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_ioas_unmap(NULL, 1, 0, 1, &out), -EINVAL);
	ck_assert_int_eq(iommunest_ioas_unmap(NULL, 1, 0, UINT64_MAX, &out),
			 -EINVAL);
	ck_assert_int_eq(iommunest_ioas_unmap_all(NULL, 1, &out), -EINVAL);
	ck_assert_int_eq(iommunest_change_process(NULL), -EINVAL);
	ck_assert_int_eq(iommunest_ioas_iova_ranges(NULL, 1, &ranges), -EINVAL);
	ck_assert_int_eq(iommunest_ioas_iova_ranges(attempt.ctx, 1, NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_ioas_allow_iovas(NULL, 1, &range, 1),
			 -EINVAL);
	ck_assert_int_eq(iommunest_ioas_allow_iovas(attempt.ctx, 1, NULL, 1),
			 -EINVAL);
	iommunest_iova_ranges_free(NULL);
	end(&attempt);
}
