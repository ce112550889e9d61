/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * An array that is larger than what the kernel copies at once, of which Linux
 * 7.3 does nothing and counts all.  It warns, too, which tests/vm has in
 * smmu-large.warns.
 */
#include "smmu-guest.h"

#include "tests/harness/support.h"

#include <stdlib.h>

#define ASID 5u
#define NEW 200u
#define MOST (1u << 18)

TEST(a_larger_array_is_answered_as_documented)
{
	struct conf_env *env = guest_env(&guest);

	ck_assert_msg(smmu_too_many_for_one_copy_are_enomem(env), "%s",
		      env->why);
}

TEST(a_larger_array_is_not_begun)
{
	const bool all = guest_env(&guest)->smmu_count != CONF_SMMU_OVERCOUNTS;
	struct conf_command *commands = calloc(MOST + 1, sizeof(*commands));
	struct guest_stage1 stage1 = guest_new_stage1(&guest, ASID);
	uint32_t i, count = MOST + 1;

	ck_assert_ptr_nonnull(commands);
	for (i = 0; i <= MOST; i++)
		commands[i] = guest_nh_va(ASID, 0);
	guest_map(&guest, &stage1, 0, 0);
	guest_set_stage1(&guest, 0, &stage1);
	/* What an earlier test left, where they share a process. */
	ck_assert_int_eq(
		guest_invalidate(&guest,
				 SMMU_CFGI_CD_ALL | SMMU_SID(guest_vsid(0)), 0),
		0);
	ck_assert_int_eq(guest_invalidate(&guest, SMMU_NSNH_ALL, 0), 0);
	ck_assert_uint_eq(guest_read(&guest, 0, 0), 0);
	guest_map(&guest, &stage1, 0, NEW);
	ck_assert_int_eq(guest_invalidate_all(&guest, commands, &count),
			 all ? 0 : -ENOMEM);
	ck_assert_uint_eq(count, MOST + 1);
	ck_assert_uint_eq(guest_read(&guest, 0, 0), all ? NEW : 0);
	count = MOST;
	ck_assert_int_eq(guest_invalidate_all(&guest, commands, &count), 0);
	ck_assert_uint_eq(count, MOST);
	ck_assert_uint_eq(guest_read(&guest, 0, 0), NEW);
	free(commands);
}
