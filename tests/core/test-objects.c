/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Objects: the bytes of each command struct, word by word as the ABI has
 * them, what comes back, and what is refused without a call.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/script.h"
#include "tests/harness/support.h"

#define UNTOUCHED_ID 0xabcdu

/* ---- IOMMU_DESTROY, IOMMU_IOAS_ALLOC ---- */

TEST(destroy_sends_the_id)
{
	static const uint32_t words[] = { 8, 0x1234 };
	static const struct script_row row = { .function = SCRIPT_COMMAND,
					       .request = SCRIPT_DESTROY,
					       .words = words };
	struct iommunest_ctx *ctx;
	struct script script;

	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_object_destroy(ctx, 0x1234), 0);
	script_done(&script);
	iommunest_close(ctx);
}

static const int destroy_errors[] = { -ENOENT, -EBUSY, -ENOTTY, -EFAULT };

TEST_LOOP(an_error_of_destroy_passes_unchanged, ARRAY_LEN(destroy_errors))
{
	static const uint32_t words[] = { 8, 5 };
	struct script_row row = { .function = SCRIPT_COMMAND,
				  .request = SCRIPT_DESTROY,
				  .words = words,
				  .ret = destroy_errors[_i] };
	struct iommunest_ctx *ctx;
	struct script script;

	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_object_destroy(ctx, 5), destroy_errors[_i]);
	script_done(&script);
	iommunest_close(ctx);
}

TEST(ioas_alloc_returns_the_kernels_id)
{
	static const uint32_t words[] = { 12, 0, 0 };
	static const struct script_row row = { .function = SCRIPT_COMMAND,
					       .request = SCRIPT_IOAS_ALLOC,
					       .words = words,
					       .out = { { 2, 0x99 } } };
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id = UNTOUCHED_ID;

	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_ioas_alloc(ctx, &id), 0);
	ck_assert_uint_eq(id, 0x99);
	script_done(&script);
	iommunest_close(ctx);
}

static const int alloc_errors[] = { -ENOMEM,	 -EINVAL, -ENOENT,
				    -EOPNOTSUPP, -ENOTTY, -E2BIG };

TEST_LOOP(an_error_of_ioas_alloc_leaves_the_id_alone, ARRAY_LEN(alloc_errors))
{
	static const uint32_t words[] = { 12, 0, 0 };
	struct script_row row = { .function = SCRIPT_COMMAND,
				  .request = SCRIPT_IOAS_ALLOC,
				  .words = words,
				  .out = { { 2, 0x99 } },
				  .ret = alloc_errors[_i] };
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id = UNTOUCHED_ID;

	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_ioas_alloc(ctx, &id), alloc_errors[_i]);
	ck_assert_uint_eq(id, UNTOUCHED_ID);
	script_done(&script);
	iommunest_close(ctx);
}

TEST(null_arguments_are_einval_without_a_call)
{
	struct iommunest_vtd_s1 s1 = { .size = sizeof(s1), .addr_width = 48 };
	struct iommunest_hw_info info = { .size = sizeof(info) };
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id;

	ctx = script_open(&script, NULL, 0);
	ck_assert_int_eq(iommunest_object_destroy(NULL, 1), -EINVAL);
	ck_assert_int_eq(iommunest_ioas_alloc(NULL, &id), -EINVAL);
	ck_assert_int_eq(iommunest_ioas_alloc(ctx, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_hwpt_alloc_parent(NULL, 1, 2, &id), -EINVAL);
	ck_assert_int_eq(iommunest_hwpt_alloc_parent(ctx, 1, 2, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(NULL, 1, 2, &s1, &id),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(ctx, 1, 2, NULL, &id),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(ctx, 1, 2, &s1, NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_hw_info(NULL, 1, &info), -EINVAL);
	ck_assert_int_eq(iommunest_hw_info(ctx, 1, NULL), -EINVAL);
	script_done(&script);
	iommunest_close(ctx);
}

/* ---- IOMMU_HWPT_ALLOC ---- */

/* size, NEST_PARENT, dev, ioas, out, -, NONE, 0, no data, no fault queue */
static const uint32_t parent_words[] = { 48, 1, 0x11, 0x22, 0, 0,
					 0,  0, 0,    0,    0, 0 };

TEST(parent_is_a_nest_parent_without_data)
{
	static const struct script_row row = { .function = SCRIPT_COMMAND,
					       .request = SCRIPT_HWPT_ALLOC,
					       .words = parent_words,
					       .out = { { 4, 0x77 } } };
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id = UNTOUCHED_ID;

	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_hwpt_alloc_parent(ctx, 0x11, 0x22, &id), 0);
	ck_assert_uint_eq(id, 0x77);
	script_done(&script);
	iommunest_close(ctx);
}

TEST_LOOP(an_error_of_the_parent_leaves_the_id_alone, ARRAY_LEN(alloc_errors))
{
	struct script_row row = { .function = SCRIPT_COMMAND,
				  .request = SCRIPT_HWPT_ALLOC,
				  .words = parent_words,
				  .out = { { 4, 0x77 } },
				  .ret = alloc_errors[_i] };
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id = UNTOUCHED_ID;

	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_hwpt_alloc_parent(ctx, 0x11, 0x22, &id),
			 alloc_errors[_i]);
	ck_assert_uint_eq(id, UNTOUCHED_ID);
	script_done(&script);
	iommunest_close(ctx);
}

/* size, all flags, dev, ioas, out, -, NONE, 0, no data, fault queue, - */
static const uint32_t paging_words[] = { 48, 0xf, 0x11, 0x22, 0,    0,
					 0,  0,	  0,	0,    0x44, 0 };

static struct iommunest_paging_hwpt full_paging(void)
{
	return (struct iommunest_paging_hwpt){
		.size = sizeof(struct iommunest_paging_hwpt),
		.flags = IOMMUNEST_HWPT_NEST_PARENT |
			 IOMMUNEST_HWPT_DIRTY_TRACKING |
			 IOMMUNEST_HWPT_FAULT_ID | IOMMUNEST_HWPT_PASID,
		.fault_id = 0x44,
	};
}

/* Which flags go together is the kernel's to say. */
TEST(a_paging_hwpt_carries_all_flags_and_its_fault_queue)
{
	static const struct script_row row = { .function = SCRIPT_COMMAND,
					       .request = SCRIPT_HWPT_ALLOC,
					       .words = paging_words,
					       .out = { { 4, 0x77 } } };
	const struct iommunest_paging_hwpt paging = full_paging();
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id = UNTOUCHED_ID;

	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(
		iommunest_hwpt_alloc_paging(ctx, 0x11, 0x22, &paging, &id), 0);
	ck_assert_uint_eq(id, 0x77);
	script_done(&script);
	iommunest_close(ctx);
}

TEST_LOOP(an_error_of_paging_leaves_the_id_alone, ARRAY_LEN(alloc_errors))
{
	const struct iommunest_paging_hwpt paging = full_paging();
	struct script_row row = { .function = SCRIPT_COMMAND,
				  .request = SCRIPT_HWPT_ALLOC,
				  .words = paging_words,
				  .out = { { 4, 0x77 } } };
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id = UNTOUCHED_ID;

	row.ret = alloc_errors[_i];
	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_hwpt_alloc_paging(ctx, 0x11, 0x22, &paging,
						     &id),
			 alloc_errors[_i]);
	ck_assert_uint_eq(id, UNTOUCHED_ID);
	script_done(&script);
	iommunest_close(ctx);
}

TEST(a_paging_hwpt_refused_without_a_call)
{
	struct iommunest_paging_hwpt paging = full_paging();
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id = UNTOUCHED_ID;

	ctx = script_open(&script, NULL, 0);
	ck_assert_int_eq(iommunest_hwpt_alloc_paging(NULL, 1, 2, &paging, &id),
			 -EINVAL);
	ck_assert_int_eq(iommunest_hwpt_alloc_paging(ctx, 1, 2, NULL, &id),
			 -EINVAL);
	ck_assert_int_eq(iommunest_hwpt_alloc_paging(ctx, 1, 2, &paging, NULL),
			 -EINVAL);
	/* The kernel would not look at it. */
	paging.flags &= ~IOMMUNEST_HWPT_FAULT_ID;
	ck_assert_int_eq(iommunest_hwpt_alloc_paging(ctx, 1, 2, &paging, &id),
			 -EINVAL);
	ck_assert_uint_eq(id, UNTOUCHED_ID);
	script_done(&script);
	iommunest_close(ctx);
}

/* size, no flags, dev, parent, out, -, VTD_S1, 24 bytes at a pointer, ... */
static const uint32_t nested_words[] = { 48, 0,	 0x11, 0x33, 0, 0,
					 1,  24, 0,    0,    0, 0 };

#define S1_PGTBL UINT64_C(0x123456789a000)

/* flags, pgtbl_addr, addr_width and a reserved word */
static const uint64_t nested_data[] = { 7, S1_PGTBL, 57 };

static struct iommunest_vtd_s1 full_s1(void)
{
	return (struct iommunest_vtd_s1){
		.size = sizeof(struct iommunest_vtd_s1),
		.pgtbl_addr = S1_PGTBL,
		.addr_width = 57,
		.flags = IOMMUNEST_VTD_S1_SRE | IOMMUNEST_VTD_S1_EAFE |
			 IOMMUNEST_VTD_S1_WPE,
	};
}

static struct script_row nested_row(void)
{
	return (struct script_row){
		.function = SCRIPT_COMMAND,
		.request = SCRIPT_HWPT_ALLOC,
		.words = nested_words,
		.pointer = 8,
		.data = nested_data,
		.data_len = sizeof(nested_data),
		.out = { { 4, 0x78 } },
	};
}

TEST(nested_carries_what_the_pasid_entry_says)
{
	struct script_row row = nested_row();
	struct iommunest_vtd_s1 s1 = full_s1();
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id = UNTOUCHED_ID;

	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(ctx, 0x11, 0x33, &s1, &id),
			 0);
	ck_assert_uint_eq(id, 0x78);
	script_done(&script);
	iommunest_close(ctx);
}

TEST(nested_takes_48_bits_and_no_flags)
{
	static const uint64_t data[] = { 0, 0xfffffffffffff000, 48 };
	struct iommunest_vtd_s1 s1 = { .size = sizeof(s1),
				       .pgtbl_addr = 0xfffffffffffff000,
				       .addr_width = 48 };
	struct script_row row = nested_row();
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id;

	row.data = data;
	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(ctx, 0x11, 0x33, &s1, &id),
			 0);
	script_done(&script);
	iommunest_close(ctx);
}

TEST(nested_carries_the_flags_and_the_fault_queue_of_the_hwpt)
{
	static const uint32_t words[] = { 48, 0xc, 0x11, 0x33, 0,    0,
					  1,  24,  0,	 0,    0x44, 0 };
	struct script_row row = nested_row();
	struct iommunest_vtd_s1 s1 = full_s1();
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id;

	row.words = words;
	s1.hwpt_flags = IOMMUNEST_HWPT_FAULT_ID | IOMMUNEST_HWPT_PASID;
	s1.fault_id = 0x44;
	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(ctx, 0x11, 0x33, &s1, &id),
			 0);
	script_done(&script);
	iommunest_close(ctx);
}

TEST_LOOP(an_error_of_nested_leaves_the_id_alone, ARRAY_LEN(alloc_errors))
{
	struct script_row row = nested_row();
	struct iommunest_vtd_s1 s1 = full_s1();
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id = UNTOUCHED_ID;

	row.ret = alloc_errors[_i];
	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(ctx, 0x11, 0x33, &s1, &id),
			 alloc_errors[_i]);
	ck_assert_uint_eq(id, UNTOUCHED_ID);
	script_done(&script);
	iommunest_close(ctx);
}

/* ---- Of any vendor ---- */

/* size, flags, dev, parent, out, -, type, length, pointer, fault queue, - */
static const uint32_t any_words[] = { 48, 0xc, 0x11, 0x33, 0,	 0,
				      99, 16,  0,    0,	   0x44, 0 };
static const uint64_t any_data[] = { 0x1122334455667788, 0x99aabbccddeeff00 };

static struct script_row any_row(void)
{
	struct script_row row = nested_row();

	row.words = any_words;
	row.data = any_data;
	row.data_len = sizeof(any_data);
	return row;
}

static struct iommunest_nested_hwpt any_nested(void)
{
	return (struct iommunest_nested_hwpt){
		.size = sizeof(struct iommunest_nested_hwpt),
		.data_type = 99,
		.data_len = sizeof(any_data),
		.data = any_data,
		.flags = IOMMUNEST_HWPT_FAULT_ID | IOMMUNEST_HWPT_PASID,
		.fault_id = 0x44,
	};
}

TEST(a_nested_hwpt_of_any_vendor_carries_its_data)
{
	const struct iommunest_nested_hwpt nested = any_nested();
	struct script_row row = any_row();
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id = UNTOUCHED_ID;

	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(
		iommunest_hwpt_alloc_nested(ctx, 0x11, 0x33, &nested, &id), 0);
	ck_assert_uint_eq(id, 0x78);
	script_done(&script);
	iommunest_close(ctx);
}

TEST_LOOP(an_error_of_any_vendor_leaves_the_id_alone, ARRAY_LEN(alloc_errors))
{
	const struct iommunest_nested_hwpt nested = any_nested();
	struct script_row row = any_row();
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id = UNTOUCHED_ID;

	row.ret = alloc_errors[_i];
	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_hwpt_alloc_nested(ctx, 0x11, 0x33, &nested,
						     &id),
			 alloc_errors[_i]);
	ck_assert_uint_eq(id, UNTOUCHED_ID);
	script_done(&script);
	iommunest_close(ctx);
}

static void expect_nested_refused(struct iommunest_nested_hwpt nested)
{
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id = UNTOUCHED_ID;

	ctx = script_open(&script, NULL, 0);
	ck_assert_int_eq(iommunest_hwpt_alloc_nested(ctx, 0x11, 0x33, &nested,
						     &id),
			 -EINVAL);
	ck_assert_uint_eq(id, UNTOUCHED_ID);
	script_done(&script);
	iommunest_close(ctx);
}

TEST(a_nested_hwpt_without_data_is_einval_without_a_call)
{
	struct iommunest_nested_hwpt nested = any_nested();

	nested.data = NULL;
	expect_nested_refused(nested);
	nested = any_nested();
	nested.data_len = 0;
	expect_nested_refused(nested);
}

/* The kernel would not look at it. */
TEST(a_fault_queue_without_its_flag_is_einval_without_a_call)
{
	struct iommunest_nested_hwpt nested = any_nested();

	nested.flags = IOMMUNEST_HWPT_PASID;
	expect_nested_refused(nested);
}

static void expect_s1_refused(const struct iommunest_vtd_s1 *s1, int error)
{
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id = UNTOUCHED_ID;

	ctx = script_open(&script, NULL, 0);
	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(ctx, 0x11, 0x33, s1, &id),
			 error);
	ck_assert_uint_eq(id, UNTOUCHED_ID);
	script_done(&script);
	iommunest_close(ctx);
}

TEST(an_s1_with_a_fault_queue_without_its_flag_is_einval_without_a_call)
{
	struct iommunest_vtd_s1 s1 = full_s1();

	s1.hwpt_flags = IOMMUNEST_HWPT_PASID;
	s1.fault_id = 1;
	expect_s1_refused(&s1, -EINVAL);
}

TEST_LOOP(unknown_s1_flags_are_eopnotsupp_without_a_call, 29)
{
	struct iommunest_vtd_s1 s1 = full_s1();

	s1.flags = 1u << (3 + _i);
	expect_s1_refused(&s1, -EOPNOTSUPP);
}

TEST_LOOP(an_unaligned_root_table_is_einval_without_a_call, 12)
{
	struct iommunest_vtd_s1 s1 = full_s1();

	s1.pgtbl_addr = S1_PGTBL | UINT64_C(1) << _i;
	expect_s1_refused(&s1, -EINVAL);
}

TEST(a_width_other_than_48_and_57_is_einval_without_a_call)
{
	struct iommunest_vtd_s1 s1 = full_s1();
	uint32_t width;

	for (width = 0; width <= 64; width++) {
		s1.addr_width = width;
		if (width != 48 && width != 57)
			expect_s1_refused(&s1, -EINVAL);
	}
	s1.addr_width = UINT32_MAX;
	expect_s1_refused(&s1, -EINVAL);
}

TEST(an_s1_too_short_is_einval)
{
	const size_t first = SIZE_TO(struct iommunest_vtd_s1, flags);
	struct iommunest_vtd_s1 s1 = full_s1(), *copy;
	size_t size;

	for (size = sizeof(size); size < first; size++) {
		copy = support_sized(&s1, sizeof(s1), size);
		expect_s1_refused(copy, -EINVAL);
		free(copy);
	}
}

/* A caller of the release before the HWPT's flags. */
TEST(a_shorter_s1_has_no_flags_of_the_hwpt)
{
	struct iommunest_vtd_s1 s1 = full_s1(), *copy;
	struct script_row row = nested_row();
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id;

	s1.hwpt_flags = IOMMUNEST_HWPT_PASID;
	copy = support_sized(&s1, sizeof(s1),
			     SIZE_TO(struct iommunest_vtd_s1, flags));
	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(ctx, 0x11, 0x33, copy, &id),
			 0);
	script_done(&script);
	iommunest_close(ctx);
	free(copy);
}

TEST(a_longer_s1_needs_a_zero_tail)
{
	struct iommunest_vtd_s1 s1 = full_s1(), *copy;
	struct script_row row = nested_row();
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id;

	copy = support_sized(&s1, sizeof(s1), sizeof(s1) + 1);
	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(ctx, 0x11, 0x33, copy, &id),
			 0);
	script_done(&script);
	iommunest_close(ctx);
	((unsigned char *)copy)[sizeof(s1)] = 1;
	expect_s1_refused(copy, -E2BIG);
	free(copy);
}

/* ---- IOMMU_GET_HW_INFO ---- */

/* size, no flags, dev, 128 bytes at a pointer; type, PASID, capabilities */
static const uint32_t info_words[] = { 40, 0, 0x11, 128, 0, 0, 0, 0, 0, 0 };

#define CAP UINT64_C(0x0012345678abcdef)
#define ECAP UINT64_C(0xfedcba9876543210)

/* flags and a reserved word, CAP_REG, ECAP_REG */
static const uint64_t info_data[] = { 0xdead000000000001, CAP, ECAP };

static struct script_row info_row(uint32_t type)
{
	return (struct script_row){
		.function = SCRIPT_COMMAND,
		.request = SCRIPT_GET_HW_INFO,
		.words = info_words,
		.pointer = 4,
		.data_len = sizeof(info_data),
		.out = { { 3, sizeof(info_data) },
			 { 6, type },
			 { 7, 20 },
			 { 8, 0x55 },
			 { 9, 0x66 } },
		.out_data = info_data,
	};
}

/* Asks through a row, into a struct of the caller's. */
static int ask_info(struct script_row row, struct iommunest_hw_info *info)
{
	struct iommunest_ctx *ctx;
	struct script script;
	int ret;

	ctx = script_open(&script, &row, 1);
	ret = iommunest_hw_info(ctx, 0x11, info);
	script_done(&script);
	iommunest_close(ctx);
	return ret;
}

static void check_common_info(const struct iommunest_hw_info *info,
			      uint32_t type)
{
	ck_assert_uint_eq(info->type, type);
	ck_assert_uint_eq(info->capabilities, UINT64_C(0x6600000055));
	ck_assert_uint_eq(info->max_pasid_log2, 20);
	ck_assert_uint_eq(info->reserved, 0);
}

/* The driver's struct, and zeros after it. */
static void check_data(const struct iommunest_hw_info *info)
{
	size_t i;

	ck_assert_uint_eq(info->data_len, sizeof(info_data));
	ck_assert_mem_eq(info->data, info_data, sizeof(info_data));
	for (i = ARRAY_LEN(info_data); i < ARRAY_LEN(info->data); i++)
		ck_assert_uint_eq(info->data[i], 0);
}

TEST(hw_info_has_what_the_driver_says)
{
	struct iommunest_hw_info info;

	memset(&info, 0xee, sizeof(info));
	info.size = sizeof(info);
	ck_assert_int_eq(ask_info(info_row(1), &info), 0);
	check_common_info(&info, IOMMUNEST_HW_INTEL_VTD);
	ck_assert_uint_eq(info.size, sizeof(info));
	check_data(&info);
}

static const uint32_t other_types[] = { 0, 2, 3, UINT32_MAX };

TEST_LOOP(hw_info_of_another_type_is_handed_out_as_it_is,
	  ARRAY_LEN(other_types))
{
	struct iommunest_hw_info info;

	memset(&info, 0xee, sizeof(info));
	info.size = sizeof(info);
	ck_assert_int_eq(ask_info(info_row(other_types[_i]), &info), 0);
	check_common_info(&info, other_types[_i]);
	check_data(&info);
}

TEST(hw_info_too_short_is_einval_without_a_call)
{
	struct iommunest_hw_info info = { 0 }, *copy;
	struct iommunest_ctx *ctx;
	struct script script;
	size_t size;

	ctx = script_open(&script, NULL, 0);
	for (size = sizeof(size); size < sizeof(info); size++) {
		copy = support_sized(&info, sizeof(info), size);
		ck_assert_int_eq(iommunest_hw_info(ctx, 1, copy), -EINVAL);
		free(copy);
	}
	ck_assert_int_eq(iommunest_hw_info(ctx, 1, &info), -EINVAL);
	script_done(&script);
	iommunest_close(ctx);
}

TEST(hw_info_zeroes_what_only_a_newer_caller_knows)
{
	struct iommunest_hw_info info = { 0 }, *copy;
	unsigned char *tail;
	size_t i;

	copy = support_sized(&info, sizeof(info), sizeof(info) + 16);
	tail = (unsigned char *)(copy + 1);
	memset(tail, 0xee, 16);
	ck_assert_int_eq(ask_info(info_row(1), copy), 0);
	check_common_info(copy, IOMMUNEST_HW_INTEL_VTD);
	ck_assert_uint_eq(copy->size, sizeof(info) + 16);
	for (i = 0; i < 16; i++)
		ck_assert_uint_eq(tail[i], 0);
	free(copy);
}

static const int info_errors[] = { -ENOENT, -EOPNOTSUPP, -ENODEV, -ENOTTY,
				   -EIO };

TEST_LOOP(an_error_of_hw_info_leaves_the_struct_alone, ARRAY_LEN(info_errors))
{
	struct script_row row = info_row(1);
	struct iommunest_hw_info info, before;

	memset(&info, 0xee, sizeof(info));
	info.size = sizeof(info);
	before = info;
	row.ret = info_errors[_i];
	ck_assert_int_eq(ask_info(row, &info), info_errors[_i]);
	ck_assert_mem_eq(&info, &before, sizeof(info));
}
