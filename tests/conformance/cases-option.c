/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_OPTION, and IOMMU_IOAS_CHANGE_PROCESS. */
#include "conformance.h"

#include <fcntl.h>

#define NO_OPTION 2u
#define NO_OP 2u

static struct iommu_option option(uint32_t id, uint16_t op, uint32_t object)
{
	return (struct iommu_option){ .size = sizeof(struct iommu_option),
				      .option_id = id,
				      .op = op,
				      .object_id = object };
}

static bool option_is(struct conf_env *env, struct iommu_option cmd,
		      uint64_t value, int want)
{
	int ret;

	cmd.val64 = value;
	ret = conf_ioctl(env, IOMMU_OPTION, &cmd);
	return conf_expect(env, ret == want, "option %u, op %u, %#llx: %d",
			   cmd.option_id, cmd.op, cmd.val64, ret);
}

static bool reads_as(struct conf_env *env, uint32_t id, uint32_t object,
		     uint64_t value)
{
	struct iommu_option cmd = option(id, IOMMU_OPTION_OP_GET, object);

	cmd.val64 = ~value;
	return conf_ioctl_is(env, IOMMU_OPTION, &cmd, 0) &&
	       conf_expect(env, cmd.val64 == value, "option %u is %#llx", id,
			   cmd.val64);
}

static bool options_are_checked_in_order(struct conf_env *env)
{
	const uint32_t rlimit = IOMMU_OPTION_RLIMIT_MODE;
	const uint32_t huge = IOMMU_OPTION_HUGE_PAGES;
	struct iommu_option reserved = option(NO_OPTION, NO_OP, 0);

	reserved.__reserved = 1;
	return option_is(env, reserved, 0, -EOPNOTSUPP) &&
	       option_is(env, option(NO_OPTION, 0, 0), 0, -EOPNOTSUPP) &&
	       option_is(env, option(rlimit, NO_OP, 0), 0, -EOPNOTSUPP) &&
	       /* The mode is of no object, and that is checked first. */
	       option_is(env, option(rlimit, IOMMU_OPTION_OP_SET, env->ioas), 0,
			 -EOPNOTSUPP) &&
	       option_is(env, option(rlimit, IOMMU_OPTION_OP_SET, 0), 2,
			 -EBUSY) &&
	       option_is(env, option(huge, NO_OP, conf_absent(env)), 0,
			 -ENOENT) &&
	       option_is(env, option(huge, NO_OP, env->parent), 0, -ENOENT) &&
	       option_is(env, option(huge, NO_OP, env->ioas), 2, -EOPNOTSUPP) &&
	       option_is(env, option(huge, IOMMU_OPTION_OP_SET, env->ioas), 2,
			 -EINVAL) &&
	       reads_as(env, huge, env->ioas, 1);
}

static bool mode_of_a_fresh_file(struct conf_env *env)
{
	const struct iommu_option set =
		option(IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_SET, 0);
	uint32_t ioas;
	bool ok;

	ok = reads_as(env, IOMMU_OPTION_RLIMIT_MODE, 0, 0) &&
	     option_is(env, set, 2, -EINVAL) && option_is(env, set, 1, 0) &&
	     reads_as(env, IOMMU_OPTION_RLIMIT_MODE, 0, 1) &&
	     option_is(env, set, 0, 0) && option_is(env, set, 1, 0);
	ioas = ok ? conf_alloc_ioas(env) : 0;
	return ioas && option_is(env, set, 0, -EBUSY) &&
	       reads_as(env, IOMMU_OPTION_RLIMIT_MODE, 0, 1) &&
	       conf_destroy_is(env, ioas, 0) && option_is(env, set, 0, 0);
}

static bool
the_rlimit_mode_is_set_while_there_is_no_object(struct conf_env *env)
{
	const int fd = env->fd;
	bool ok;

	env->fd =
		env->sys->open(env->sys_data, "/dev/iommu", O_RDWR | O_CLOEXEC);
	ok = conf_expect(env, env->fd >= 0, "open: %d", env->fd) &&
	     mode_of_a_fresh_file(env);
	if (env->fd >= 0)
		env->sys->close(env->sys_data, env->fd);
	env->fd = fd;
	return ok;
}

static bool alignment_is(struct conf_env *env, uint32_t ioas, uint64_t want)
{
	struct iommu_iova_range range;
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.num_iovas = 1,
		.allowed_iovas = (uintptr_t)&range,
	};

	return conf_ioctl_is(env, IOMMU_IOAS_IOVA_RANGES, &cmd, 0) &&
	       conf_expect(env, cmd.out_iova_alignment == want,
			   "alignment %llu and not %llu",
			   cmd.out_iova_alignment, (unsigned long long)want);
}

static bool set_huge(struct conf_env *env, uint32_t ioas, uint64_t value,
		     int want)
{
	return option_is(
		env, option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_SET, ioas),
		value, want);
}

static struct iommu_ioas_map map_of(uint32_t ioas, void *at, uint64_t length)
{
	return (struct iommu_ioas_map){
		.size = sizeof(struct iommu_ioas_map),
		.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = ioas,
		.user_va = (uintptr_t)at,
		.length = length,
	};
}

static bool unmap_all(struct conf_env *env, uint32_t ioas)
{
	struct iommu_ioas_unmap cmd = { .size = sizeof(cmd),
					.ioas_id = ioas,
					.length = UINT64_MAX };

	return conf_ioctl_is(env, IOMMU_IOAS_UNMAP, &cmd, 0);
}

static bool huge_pages_of(struct conf_env *env, uint32_t ioas, void *page)
{
	struct iommu_ioas_map odd = map_of(ioas, page, 1);
	bool ok;

	ok = alignment_is(env, ioas, 1) && set_huge(env, ioas, 0, 0) &&
	     alignment_is(env, ioas, CONF_PAGE) &&
	     reads_as(env, IOMMU_OPTION_HUGE_PAGES, ioas, 0) &&
	     conf_ioctl_is(env, IOMMU_IOAS_MAP, &odd, -EINVAL) &&
	     set_huge(env, ioas, 1, 0);
	/* Turned on again, the alignment is what it was until then. */
	ok = ok && reads_as(env, IOMMU_OPTION_HUGE_PAGES, ioas, 1) &&
	     conf_ioctl_is(env, IOMMU_IOAS_MAP, &odd, 0) &&
	     set_huge(env, ioas, 0, -EADDRINUSE) &&
	     reads_as(env, IOMMU_OPTION_HUGE_PAGES, ioas, 1);
	return unmap_all(env, ioas) && ok;
}

static bool without_huge_pages_all_is_aligned(struct conf_env *env)
{
	struct conf_pages pages = conf_pages_new(1);
	uint32_t ioas = conf_alloc_ioas(env);
	bool ok;

	ok = ioas && huge_pages_of(env, ioas, pages.base);
	ok = ioas && conf_destroy_is(env, ioas, 0) && ok;
	conf_pages_free(&pages);
	return ok;
}

static bool refuses_after_mapping(struct conf_env *env, uint32_t ioas,
				  void *page)
{
	struct iommu_ioas_map map = map_of(ioas, page, CONF_PAGE);
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = env->dev,
		.pt_id = ioas,
	};
	uint32_t parent = conf_alloc_hwpt(env, &cmd);
	bool ok;

	if (!parent)
		return false;
	/* With an HWPT, or with a mapping, but not with both. */
	ok = set_huge(env, ioas, 0, 0) && set_huge(env, ioas, 1, 0) &&
	     conf_ioctl_is(env, IOMMU_IOAS_MAP, &map, 0) &&
	     set_huge(env, ioas, 0, -EINVAL) && set_huge(env, ioas, 1, 0);
	ok = unmap_all(env, ioas) && ok;
	return conf_destroy_is(env, parent, 0) && ok;
}

static bool huge_pages_stay_where_an_hwpt_has_mappings(struct conf_env *env)
{
	struct conf_pages pages = conf_pages_new(1);
	uint32_t ioas = conf_alloc_ioas(env);
	bool ok;

	ok = ioas && refuses_after_mapping(env, ioas, pages.base);
	ok = ioas && conf_destroy_is(env, ioas, 0) && ok;
	conf_pages_free(&pages);
	return ok;
}

/* ---- IOMMU_IOAS_CHANGE_PROCESS ---- */

static bool change_is(struct conf_env *env, uint32_t reserved, int want)
{
	struct iommu_ioas_change_process cmd = { .size = sizeof(cmd),
						 .__reserved = reserved };

	return conf_ioctl_is(env, IOMMU_IOAS_CHANGE_PROCESS, &cmd, want);
}

static bool memory_of_a_process_is_not_handed_over(struct conf_env *env)
{
	struct conf_pages pages = conf_pages_new(1);
	uint32_t ioas = conf_alloc_ioas(env);
	struct iommu_ioas_map map = map_of(ioas, pages.base, CONF_PAGE);
	bool ok;

	if (env->kernel == CONF_LINUX_6_12)
		ok = change_is(env, 0, -ENOTTY);
	else
		ok = change_is(env, 1, -EOPNOTSUPP) && change_is(env, 0, 0) &&
		     conf_ioctl_is(env, IOMMU_IOAS_MAP, &map, 0) &&
		     change_is(env, 0, -EINVAL) && unmap_all(env, ioas);
	conf_pages_free(&pages);
	return ioas && conf_destroy_is(env, ioas, 0) && ok;
}

const struct conf_case conf_option_cases[] = {
	CONF_CASE(options_are_checked_in_order),
	CONF_CASE(the_rlimit_mode_is_set_while_there_is_no_object),
	CONF_CASE(without_huge_pages_all_is_aligned),
	CONF_CASE(huge_pages_stay_where_an_hwpt_has_mappings),
	CONF_CASE(memory_of_a_process_is_not_handed_over),
	{ 0 },
};
