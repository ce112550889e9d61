/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What hardware finds, and a kernel with the patches of kernel/ reports. */
#include "conformance.h"

#include "lib/uapi/invalidate.h"

typedef struct iommu_hwpt_vtd_s1_invalidate entry;

#define JUNK 0x5a5a5a5au

static struct iommunest_uapi_invalidate
call(const struct conf_env *env, const entry *entries, uint32_t count)
{
	return (struct iommunest_uapi_invalidate){
		.size = sizeof(struct iommunest_uapi_invalidate),
		.hwpt_id = env->nested,
		.data_uptr = (uintptr_t)entries,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.entry_len = sizeof(*entries),
		.entry_num = count,
		.flags = IOMMUNEST_INVALIDATE_REPORT_ERROR,
	};
}

/* It returns @want, and reads back with these. */
static bool is(struct conf_env *env, struct iommunest_uapi_invalidate *cmd,
	       int want, uint32_t num, uint32_t last)
{
	return conf_ioctl_is(env, IOMMU_HWPT_INVALIDATE, cmd, want) &&
	       conf_expect(env, cmd->entry_num == num, "entry_num %u, not %u",
			   cmd->entry_num, num) &&
	       conf_expect(env, cmd->out_last_index == last,
			   "out_last_index %u, not %u", cmd->out_last_index,
			   last) &&
	       conf_expect(env, cmd->out_driver_error_code == 0,
			   "out_driver_error_code %#x",
			   cmd->out_driver_error_code);
}

/* How user space finds out. */
static bool
an_empty_call_with_the_flag_tells_the_kernels_apart(struct conf_env *env)
{
	struct iommunest_uapi_invalidate cmd = call(env, NULL, 0);

	return is(env, &cmd, env->reports ? 0 : -EOPNOTSUPP, 0, 0);
}

/* Which a question may do all the same. */
static bool the_longer_struct_without_the_flag_is_taken(struct conf_env *env)
{
	struct iommunest_uapi_invalidate cmd = call(env, NULL, 0);

	cmd.flags = 0;
	return is(env, &cmd, 0, 0, 0);
}

static bool the_flag_is_looked_at_before_the_id(struct conf_env *env)
{
	struct iommunest_uapi_invalidate cmd = call(env, NULL, 0);

	cmd.hwpt_id = conf_absent(env);
	return is(env, &cmd, env->reports ? -ENOENT : -EOPNOTSUPP, 0, 0);
}

static bool the_flag_needs_a_kernel_that_knows_it(struct conf_env *env)
{
	entry one = { .npages = 1 };
	struct iommunest_uapi_invalidate cmd = call(env, &one, 1);

	if (env->reports)
		return is(env, &cmd, 0, 1, 0);
	return is(env, &cmd, -EOPNOTSUPP, 0, 0);
}

static bool the_flag_needs_no_longer_struct(struct conf_env *env)
{
	entry one = { .npages = 1 };
	struct iommunest_uapi_invalidate cmd = call(env, &one, 1);

	cmd.size = IOMMUNEST_UAPI_INVALIDATE_SIZE;
	cmd.out_last_index = JUNK;
	return conf_ioctl_is(env, IOMMU_HWPT_INVALIDATE, &cmd,
			     env->reports ? 0 : -EOPNOTSUPP) &&
	       conf_expect(env, cmd.out_last_index == JUNK,
			   "written beyond the size");
}

static bool unknown_flags_are_eopnotsupp(struct conf_env *env)
{
	entry one = { .npages = 1 };
	struct iommunest_uapi_invalidate cmd;
	unsigned int bit;

	for (bit = 1; bit < 32; bit++) {
		cmd = call(env, &one, 1);
		cmd.flags |= 1u << bit;
		if (!is(env, &cmd, -EOPNOTSUPP, 0, 0))
			return false;
		cmd = call(env, &one, 1);
		cmd.flags = 1u << bit;
		if (!is(env, &cmd, -EOPNOTSUPP, 0, 0))
			return false;
	}
	return true;
}

/* Whatever was there, also if nobody asked.  Others know no such field. */
static bool success_clears_what_is_reported(struct conf_env *env)
{
	entry entries[3] = { { .npages = 1 },
			     { .npages = 2 },
			     { .npages = UINT64_MAX } };
	struct iommunest_uapi_invalidate cmd;
	uint32_t flags;

	for (flags = 0; flags <= IOMMUNEST_INVALIDATE_REPORT_ERROR; flags++) {
		cmd = call(env, entries, 3);
		cmd.flags = flags;
		cmd.out_driver_error_code = JUNK;
		cmd.out_last_index = JUNK;
		if (env->reports ? !is(env, &cmd, 0, 3, 0)
				 : !conf_ioctl_is(env, IOMMU_HWPT_INVALIDATE,
						  &cmd, -E2BIG))
			return false;
	}
	return true;
}

/* Hardware has seen nothing of it. */
static bool an_entry_that_software_refuses_has_no_report(struct conf_env *env)
{
	entry entries[4] = { { .npages = 1 },
			     { .addr = 0x2000, .npages = 1 },
			     { .npages = 1, .flags = 1u << 7 },
			     { .npages = 1 } };
	struct iommunest_uapi_invalidate cmd = call(env, entries, 4);

	if (!env->reports)
		return true;
	cmd.out_last_index = JUNK;
	if (!is(env, &cmd, -EOPNOTSUPP, 2, 0))
		return false;
	entries[0].addr = 1;
	cmd = call(env, entries, 4);
	return is(env, &cmd, -EINVAL, 0, 0);
}

/* As binaries of today do it. */
static bool without_the_flag_nothing_is_new(struct conf_env *env)
{
	entry entries[2] = { { .npages = 1 }, { .addr = 1 } };
	struct iommunest_uapi_invalidate cmd = call(env, entries, 2);

	cmd.flags = 0;
	if (!is(env, &cmd, -EINVAL, 1, 0))
		return false;
	cmd = call(env, entries, 2);
	cmd.flags = 0;
	cmd.size = IOMMUNEST_UAPI_INVALIDATE_SIZE;
	cmd.out_last_index = JUNK;
	cmd.out_driver_error_code = JUNK;
	return conf_ioctl_is(env, IOMMU_HWPT_INVALIDATE, &cmd, -EINVAL) &&
	       conf_expect(env,
			   cmd.entry_num == 1 && cmd.out_last_index == JUNK &&
				   cmd.out_driver_error_code == JUNK,
			   "written beyond the size");
}

const struct conf_case conf_report_cases[] = {
	CONF_CASE(an_empty_call_with_the_flag_tells_the_kernels_apart),
	CONF_CASE(the_longer_struct_without_the_flag_is_taken),
	CONF_CASE(the_flag_is_looked_at_before_the_id),
	CONF_CASE(the_flag_needs_a_kernel_that_knows_it),
	CONF_CASE(the_flag_needs_no_longer_struct),
	CONF_CASE(unknown_flags_are_eopnotsupp),
	CONF_CASE(success_clears_what_is_reported),
	CONF_CASE(an_entry_that_software_refuses_has_no_report),
	CONF_CASE(without_the_flag_nothing_is_new),
	{ 0 },
};
