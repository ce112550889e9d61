/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Which arguments the functions of PASID-table entries refuse. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/vtd/pasid-rig.h"

/* ---- Arguments ---- */

TEST(null_arguments_are_refused)
{
	struct words words = plain();
	struct iommunest_vtd_pasid_entry entry = decode(&words);
	struct iommunest_vtd_s1 s1 = { .size = sizeof(s1) };
	struct iommunest_hw_info info = host();
	uint32_t reason = 7;

	ck_assert_int_eq(iommunest_vtd_pasid_decode(NULL, words.word), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_pasid_decode(&entry, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_pasid_to_s1(NULL, &info, 48, &s1,
						   &reason),
			 -EINVAL);
	ck_assert_uint_eq(reason, IOMMUNEST_VTD_PASID_REASON_NONE);
	ck_assert_int_eq(iommunest_vtd_pasid_to_s1(&entry, NULL, 48, &s1,
						   &reason),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_pasid_to_s1(&entry, &info, 48, NULL,
						   &reason),
			 -EINVAL);
	ck_assert_int_eq(
		iommunest_vtd_pasid_to_s1(&entry, &info, 48, &s1, NULL), 0);
	entry.present = false;
	ck_assert_int_eq(iommunest_vtd_pasid_to_s1(&entry, &info, 48, &s1,
						   NULL),
			 -ENOENT);
}

TEST_LOOP(widths_of_addresses_are_32_to_64, 4)
{
	static const unsigned int widths[] = { 0, 31, 65, UINT_MAX };
	struct words words = plain();
	struct iommunest_hw_info info = host();
	struct outcome got = to_s1(&words, &info, widths[_i]);

	ck_assert_int_eq(got.ret, -EINVAL);
	ck_assert_uint_eq(got.reason, IOMMUNEST_VTD_PASID_REASON_NONE);
}

TEST(short_structs_are_refused)
{
	struct words words = plain();
	struct iommunest_vtd_pasid_entry entry = decode(&words);
	struct iommunest_vtd_s1 s1 = {
		.size = SIZE_TO(struct iommunest_vtd_s1, flags) - 1
	};
	struct iommunest_hw_info info = host();

	ck_assert_int_eq(iommunest_vtd_pasid_to_s1(&entry, &info, 48, &s1,
						   NULL),
			 -EINVAL);
	s1.size = sizeof(s1);
	info.size = SIZE_TO(struct iommunest_hw_info, reserved) - 1;
	ck_assert_int_eq(iommunest_vtd_pasid_to_s1(&entry, &info, 48, &s1,
						   NULL),
			 -EINVAL);
	ck_assert_uint_eq(s1.addr_width, 0);
}

TEST(members_that_only_a_newer_caller_knows_become_zero)
{
	struct words words = plain();
	struct iommunest_vtd_pasid_entry entry = decode(&words);
	struct iommunest_hw_info info = host();
	unsigned char filled[sizeof(struct iommunest_vtd_s1) + 16];
	struct iommunest_vtd_s1 *s1;

	memset(filled, 0xa5, sizeof(filled));
	s1 = support_sized(filled, sizeof(filled), sizeof(filled));
	ck_assert_int_eq(iommunest_vtd_pasid_to_s1(&entry, &info, 48, s1, NULL),
			 0);
	memset(filled, 0, sizeof(filled));
	ck_assert_uint_eq(s1->size, sizeof(filled));
	ck_assert_mem_eq(s1 + 1, filled, 16);
	free(s1);
}

TEST_LOOP(another_iommu_is_refused_without_a_reason, 2)
{
	struct words words = plain();
	struct iommunest_hw_info info = host();
	struct outcome got;

	info.type = _i ? 2 : IOMMUNEST_HW_NONE;
	got = to_s1(&words, &info, 48);
	ck_assert_int_eq(got.ret, -EOPNOTSUPP);
	ck_assert_uint_eq(got.reason, IOMMUNEST_VTD_PASID_REASON_NONE);
}
