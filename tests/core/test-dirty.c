/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Dirty tracking and options: the bytes of each command struct, what comes
 * back, and what is refused without a call.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/script.h"
#include "tests/harness/support.h"

#define HWPT 0x33u
#define UNTOUCHED UINT64_C(0xabcdef)
#define WORDS(number) (uint32_t)(number), (uint32_t)((number) >> 32)

static const int errors[] = { -EINVAL,	  -ENOENT,     -EOPNOTSUPP,
			      -EOVERFLOW, -ENOMEM,     -EBUSY,
			      -EPERM,	  -EADDRINUSE, -EMSGSIZE };

static struct script_row row(unsigned long request, const uint32_t *words)
{
	return (struct script_row){ .function = SCRIPT_COMMAND,
				    .request = request,
				    .words = words };
}

/* ---- IOMMU_HWPT_SET_DIRTY_TRACKING ---- */

TEST_LOOP(tracking_is_turned_on_and_off_by_a_flag, 2)
{
	const uint32_t words[] = { 16, (uint32_t)_i, HWPT, 0 };
	struct script_row expected = row(SCRIPT_SET_DIRTY_TRACKING, words);
	struct iommunest_ctx *ctx;
	struct script script;

	ctx = script_open(&script, &expected, 1);
	ck_assert_int_eq(iommunest_dirty_set(ctx, HWPT, _i), 0);
	script_done(&script);
	iommunest_close(ctx);
	ck_assert_int_eq(iommunest_dirty_set(NULL, HWPT, _i), -EINVAL);
}

TEST_LOOP(an_error_of_tracking_passes_unchanged, ARRAY_LEN(errors))
{
	static const uint32_t words[] = { 16, 1, HWPT, 0 };
	struct script_row expected = row(SCRIPT_SET_DIRTY_TRACKING, words);
	struct iommunest_ctx *ctx;
	struct script script;

	expected.ret = errors[_i];
	ctx = script_open(&script, &expected, 1);
	ck_assert_int_eq(iommunest_dirty_set(ctx, HWPT, true), errors[_i]);
	script_done(&script);
	iommunest_close(ctx);
}

/* ---- IOMMU_HWPT_GET_DIRTY_BITMAP ---- */

#define PAGE UINT64_C(0x200000)
#define PAGES 19u
#define IOVA (UINT64_C(0x1122334400000) & ~(PAGE - 1))

/* size, HWPT, flags, -, IOVA, length, page size, pointer */
static const uint32_t dirty_words[] = {
	48, HWPT, 1, 0, WORDS(IOVA), WORDS(PAGES *PAGE), WORDS(PAGE), 0, 0
};

static struct iommunest_dirty full_dirty(unsigned char *bitmap)
{
	return (struct iommunest_dirty){
		.size = sizeof(struct iommunest_dirty),
		.iova = IOVA,
		.length = PAGES * PAGE,
		.page_size = PAGE,
		.bitmap = bitmap,
		.bitmap_len = 3,
		.flags = IOMMUNEST_DIRTY_NO_CLEAR,
	};
}

/* What is in the bitmap stays in it. */
TEST_LOOP(the_bitmap_is_the_kernels_to_write, 1 + ARRAY_LEN(errors))
{
	static const unsigned char before[3] = { 1, 2, 4 };
	static const unsigned char after[3] = { 0x81, 0x42, 0x06 };
	unsigned char bitmap[3] = { 1, 2, 4 };
	struct iommunest_dirty dirty = full_dirty(bitmap);
	struct script_row expected = row(SCRIPT_GET_DIRTY_BITMAP, dirty_words);
	struct iommunest_ctx *ctx;
	struct script script;

	expected.pointer = 10;
	expected.data = before;
	expected.out_data = after;
	expected.data_len = 3;
	expected.ret = _i ? errors[_i - 1] : 0;
	ctx = script_open(&script, &expected, 1);
	ck_assert_int_eq(iommunest_dirty_get(ctx, HWPT, &dirty), expected.ret);
	ck_assert_mem_eq(bitmap, after, 3);
	script_done(&script);
	iommunest_close(ctx);
}

static unsigned char some_bitmap[64];

static int refused(const struct iommunest_dirty *dirty)
{
	struct iommunest_ctx *ctx;
	struct script script;
	int ret;

	ctx = script_open(&script, NULL, 0);
	ret = iommunest_dirty_get(ctx, HWPT, dirty);
	script_done(&script);
	iommunest_close(ctx);
	return ret;
}

#define REFUSED(error_, ...)                                \
	{                                                   \
		.dirty = { __VA_ARGS__ }, .error = (error_) \
	}
#define BITMAP .bitmap = some_bitmap

/* What the kernel would take, and forget what was dirty. */
static const struct {
	struct iommunest_dirty dirty;
	int error;
} refusals[] = {
	REFUSED(-EINVAL, .length = 0x1000, .page_size = 0x1000,
		.bitmap_len = 8),
	REFUSED(-EINVAL, .page_size = 0x1000, BITMAP, .bitmap_len = 8),
	/* Page sizes. */
	REFUSED(-EINVAL, .length = 0x1000, BITMAP, .bitmap_len = 8),
	REFUSED(-EINVAL, .length = 0x3000, .page_size = 0x3000, BITMAP,
		.bitmap_len = 8),
	REFUSED(-EINVAL, .length = 0x1000, .page_size = UINT64_MAX, BITMAP,
		.bitmap_len = 8),
	REFUSED(-EINVAL, .length = 0x1000, .page_size = 0x3000, BITMAP,
		.bitmap_len = 8),
	/* Alignment. */
	REFUSED(-EINVAL, .iova = 0x1800, .length = 0x1000, .page_size = 0x1000,
		BITMAP, .bitmap_len = 8),
	REFUSED(-EINVAL, .iova = 0x1000, .length = 0x1800, .page_size = 0x1000,
		BITMAP, .bitmap_len = 8),
	REFUSED(-EINVAL, .iova = 0x800, .length = 0x800, .page_size = 0x1000,
		BITMAP, .bitmap_len = 8),
	REFUSED(-EINVAL, .length = 0x1000, .page_size = 0x200000, BITMAP,
		.bitmap_len = 8),
	/* Beyond the last address. */
	REFUSED(-EOVERFLOW, .iova = 0xfffffffffffff000, .length = 0x2000,
		.page_size = 0x1000, BITMAP, .bitmap_len = 8),
	/* Room. */
	REFUSED(-EMSGSIZE, .length = 0x1000, .page_size = 0x1000, BITMAP),
	REFUSED(-EMSGSIZE, .length = 0x9000, .page_size = 0x1000, BITMAP,
		.bitmap_len = 1),
	REFUSED(-EMSGSIZE, .length = 0x10000, .page_size = 0x1000, BITMAP,
		.bitmap_len = 1),
	REFUSED(-EMSGSIZE, .length = 0x11000, .page_size = 0x1000, BITMAP,
		.bitmap_len = 2),
	REFUSED(-EMSGSIZE, .length = 0xfffffffffffff000, .page_size = 0x1000,
		BITMAP, .bitmap_len = 64),
	REFUSED(-EMSGSIZE, .length = UINT64_MAX, .page_size = 1, BITMAP,
		.bitmap_len = UINT64_C(1) << 60),
};

TEST_LOOP(what_the_kernel_would_forget_is_refused_without_a_call,
	  ARRAY_LEN(refusals))
{
	struct iommunest_dirty dirty = refusals[_i].dirty;

	dirty.size = sizeof(dirty);
	ck_assert_int_eq(refused(&dirty), refusals[_i].error);
}

#define TAKEN(iova_, length_, page_size_, bitmap_len_)                       \
	{                                                                    \
		.iova = (iova_), .length = (length_), .bitmap = some_bitmap, \
		.page_size = (page_size_), .bitmap_len = (bitmap_len_)       \
	}

static const struct iommunest_dirty taken[] = {
	TAKEN(0, 0x1000, 0x1000, 1),
	TAKEN(0, 0x8000, 0x1000, 1),
	TAKEN(0, 0x9000, 0x1000, 2),
	TAKEN(0, 0x1000, 1, 512),
	TAKEN(0xfffffffffffff000, 0x1000, 0x1000, 1),
	TAKEN(0x8000000000000000, 0x8000000000000000, 0x8000000000000000, 1),
};

TEST_LOOP(what_fits_just_so_is_sent, ARRAY_LEN(taken))
{
	struct iommunest_dirty dirty = taken[_i];
	const uint32_t words[] = { 48,
				   HWPT,
				   0,
				   0,
				   WORDS(dirty.iova),
				   WORDS(dirty.length),
				   WORDS(dirty.page_size),
				   0,
				   0 };
	struct script_row expected = row(SCRIPT_GET_DIRTY_BITMAP, words);
	struct iommunest_ctx *ctx;
	struct script script;

	expected.pointer = 10;
	dirty.size = sizeof(dirty);
	ctx = script_open(&script, &expected, 1);
	ck_assert_int_eq(iommunest_dirty_get(ctx, HWPT, &dirty), 0);
	script_done(&script);
	iommunest_close(ctx);
}

TEST(null_and_short_structs_are_einval_without_a_call)
{
	unsigned char bitmap[3];
	struct iommunest_dirty dirty = full_dirty(bitmap), *copy;
	size_t size;

	ck_assert_int_eq(iommunest_dirty_get(NULL, HWPT, &dirty), -EINVAL);
	ck_assert_int_eq(refused(NULL), -EINVAL);
	for (size = sizeof(size); size < sizeof(dirty); size++) {
		copy = support_sized(&dirty, sizeof(dirty), size);
		ck_assert_int_eq(refused(copy), -EINVAL);
		free(copy);
	}
	copy = support_sized(&dirty, sizeof(dirty), sizeof(dirty) + 1);
	((unsigned char *)copy)[sizeof(dirty)] = 1;
	ck_assert_int_eq(refused(copy), -E2BIG);
	free(copy);
}

/* ---- IOMMU_OPTION ---- */

/* Also an option that only a newer kernel has. */
TEST_LOOP(an_option_is_set, 3)
{
	const uint32_t words[] = { 24, (uint32_t)_i, 0, 0x22, 2, 1 };
	struct script_row expected = row(SCRIPT_OPTION, words);
	struct iommunest_ctx *ctx;
	struct script script;

	ctx = script_open(&script, &expected, 1);
	ck_assert_int_eq(iommunest_option_set(ctx, (uint32_t)_i, 0x22,
					      UINT64_C(0x100000002)),
			 0);
	script_done(&script);
	iommunest_close(ctx);
}

TEST(an_option_is_read)
{
	static const uint32_t words[] = { 24, 1, 1, 0x22, 0, 0 };
	struct script_row expected = row(SCRIPT_OPTION, words);
	struct iommunest_ctx *ctx;
	struct script script;
	uint64_t value = UNTOUCHED;

	expected.out[0] = (struct script_out){ 4, 7 };
	expected.out[1] = (struct script_out){ 5, 1 };
	ctx = script_open(&script, &expected, 1);
	ck_assert_int_eq(iommunest_option_get(ctx, IOMMUNEST_OPTION_HUGE_PAGES,
					      0x22, &value),
			 0);
	ck_assert_uint_eq(value, UINT64_C(0x100000007));
	script_done(&script);
	iommunest_close(ctx);
}

TEST_LOOP(an_error_of_an_option_leaves_the_value_alone, ARRAY_LEN(errors))
{
	static const uint32_t get_words[] = { 24, 0, 1, 0, 0, 0 };
	static const uint32_t set_words[] = { 24, 0, 0, 0, 1, 0 };
	struct script_row expected[] = { row(SCRIPT_OPTION, get_words),
					 row(SCRIPT_OPTION, set_words) };
	struct iommunest_ctx *ctx;
	struct script script;
	uint64_t value = UNTOUCHED;

	expected[0].ret = expected[1].ret = errors[_i];
	expected[0].out[0] = (struct script_out){ 4, 7 };
	ctx = script_open(&script, expected, 2);
	ck_assert_int_eq(iommunest_option_get(ctx, IOMMUNEST_OPTION_RLIMIT_MODE,
					      0, &value),
			 errors[_i]);
	ck_assert_uint_eq(value, UNTOUCHED);
	ck_assert_int_eq(iommunest_option_set(ctx, IOMMUNEST_OPTION_RLIMIT_MODE,
					      0, 1),
			 errors[_i]);
	script_done(&script);
	ck_assert_int_eq(iommunest_option_get(ctx, 0, 0, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_option_get(NULL, 0, 0, &value), -EINVAL);
	ck_assert_int_eq(iommunest_option_set(NULL, 0, 0, 1), -EINVAL);
	iommunest_close(ctx);
}
