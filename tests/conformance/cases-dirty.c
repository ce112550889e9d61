/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Dirty tracking: what is refused, and what is not. */
#include "conformance.h"

#include <string.h>

#define PAGE ((uint64_t)CONF_PAGE)
#define NO_CLEAR IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR

static bool set_is(struct conf_env *env, uint32_t hwpt, uint32_t flags,
		   int want)
{
	/* The reserved word is not looked at. */
	struct iommu_hwpt_set_dirty_tracking cmd = { .size = sizeof(cmd),
						     .flags = flags,
						     .hwpt_id = hwpt,
						     .__reserved = 1 };

	return conf_ioctl_is(env, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd, want);
}

static bool tracking_is_checked_in_order(struct conf_env *env)
{
	return set_is(env, conf_absent(env), 2, -EOPNOTSUPP) &&
	       set_is(env, conf_absent(env), 1, -ENOENT) &&
	       set_is(env, env->nested, 1, -ENOENT) &&
	       set_is(env, env->ioas, 0, -ENOENT) &&
	       set_is(env, env->parent, 1, -EOPNOTSUPP) &&
	       set_is(env, env->parent, 0, -EOPNOTSUPP);
}

static struct iommu_hwpt_get_dirty_bitmap
bitmap_of(uint32_t hwpt, uint64_t iova, uint64_t length, uint64_t page_size)
{
	return (struct iommu_hwpt_get_dirty_bitmap){
		.size = sizeof(struct iommu_hwpt_get_dirty_bitmap),
		.hwpt_id = hwpt,
		.iova = iova,
		.length = length,
		.page_size = page_size,
	};
}

static bool get_is(struct conf_env *env, struct iommu_hwpt_get_dirty_bitmap cmd,
		   int want)
{
	int ret = conf_ioctl(env, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd);

	return conf_expect(env, ret == want,
			   "%#llx from %#llx, pages of %#llx: %d and not %d",
			   cmd.length, cmd.iova, cmd.page_size, ret, want);
}

static bool bitmaps_are_checked_in_order(struct conf_env *env)
{
	const uint32_t absent = conf_absent(env), parent = env->parent;
	struct iommu_hwpt_get_dirty_bitmap flags = bitmap_of(absent, 0, 0, 0);
	struct iommu_hwpt_get_dirty_bitmap reserved = flags;

	flags.flags = 2;
	reserved.__reserved = 1;
	return get_is(env, flags, -EOPNOTSUPP) &&
	       get_is(env, reserved, -EOPNOTSUPP) &&
	       get_is(env, bitmap_of(absent, 0, 0, 0), -ENOENT) &&
	       get_is(env, bitmap_of(env->nested, 0, 0, 0), -ENOENT) &&
	       get_is(env, bitmap_of(parent, 1, 0, 0), -EINVAL) &&
	       get_is(env, bitmap_of(parent, UINT64_MAX, 2, 0), -EOVERFLOW) &&
	       get_is(env, bitmap_of(parent, 1, PAGE, PAGE), -EINVAL) &&
	       get_is(env, bitmap_of(parent, 0, PAGE + 1, 1), -EINVAL) &&
	       get_is(env, bitmap_of(parent, 0, PAGE, 0), -EINVAL) &&
	       get_is(env, bitmap_of(parent, PAGE, PAGE, 2 * PAGE), -EINVAL) &&
	       get_is(env, bitmap_of(parent, 0, PAGE, 2 * PAGE), -EINVAL);
}

/* It is the last check; bitmap and memory are not looked at before. */
static bool an_hwpt_without_the_flag_is_eopnotsupp(struct conf_env *env)
{
	return get_is(env, bitmap_of(env->parent, 0, PAGE, PAGE),
		      -EOPNOTSUPP) &&
	       /* Not a power of two, and multiples of its lowest bit. */
	       get_is(env, bitmap_of(env->parent, 0, PAGE, 3 * PAGE),
		      -EOPNOTSUPP) &&
	       get_is(env,
		      bitmap_of(env->parent, UINT64_MAX - PAGE + 1, PAGE, 1),
		      -EOPNOTSUPP);
}

/* Whether the IOMMU can, which 7.3's header and ours do not name alike. */
static bool can_track(struct conf_env *env, bool *can)
{
	struct iommu_hw_info cmd = { .size = sizeof(cmd), .dev_id = env->dev };

	if (!conf_ioctl_is(env, IOMMU_GET_HW_INFO, &cmd, 0))
		return false;
	*can = cmd.out_capabilities & IOMMUNEST_HW_CAP_DIRTY_TRACKING;
	return true;
}

/* A page is mapped, a hole is before and after it. */
static bool reads_of(struct conf_env *env, uint32_t hwpt, uint32_t ioas,
		     void *page)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = ioas,
		.user_va = (uintptr_t)page,
		.length = CONF_PAGE,
		.iova = 0x10000,
	};
	struct iommu_ioas_unmap unmap = { .size = sizeof(unmap),
					  .ioas_id = ioas,
					  .length = UINT64_MAX };
	struct iommu_hwpt_get_dirty_bitmap cmd =
		bitmap_of(hwpt, 0x10000, PAGE, PAGE);
	unsigned char bitmap[4] = { 2, 0, 0, 1 };
	bool ok;

	cmd.data = (uintptr_t)bitmap;
	ok = conf_ioctl_is(env, IOMMU_IOAS_MAP, &map, 0) &&
	     /* Before it is tracked, too. */
	     get_is(env, cmd, 0) && set_is(env, hwpt, 1, 0) &&
	     set_is(env, hwpt, 1, 0) && get_is(env, cmd, 0);
	cmd.flags = NO_CLEAR;
	cmd.length = 2 * PAGE;
	ok = ok && get_is(env, cmd, 0);
	cmd.iova = 0;
	cmd.length = 0x20 * PAGE;
	/* Not even for a bitmap that is not there. */
	cmd.data = 0;
	ok = ok && get_is(env, cmd, 0) && set_is(env, hwpt, 0, 0) &&
	     conf_expect(env, bitmap[0] == 2 && bitmap[3] == 1,
			 "%#x, %#x: bits have changed", bitmap[0], bitmap[3]);
	return conf_ioctl_is(env, IOMMU_IOAS_UNMAP, &unmap, 0) && ok;
}

static bool a_hole_or_a_missing_bitmap_is_no_error(struct conf_env *env)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT |
			 IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
		.dev_id = env->dev,
	};
	struct conf_pages pages = conf_pages_new(1);
	bool can, ok;

	cmd.pt_id = conf_alloc_ioas(env);
	if (!cmd.pt_id || !can_track(env, &can))
		return false;
	if (can) {
		ok = conf_alloc_hwpt(env, &cmd) &&
		     reads_of(env, cmd.out_hwpt_id, cmd.pt_id, pages.base) &&
		     conf_destroy_is(env, cmd.out_hwpt_id, 0);
	} else {
		ok = conf_ioctl_is(env, IOMMU_HWPT_ALLOC, &cmd, -EOPNOTSUPP);
	}
	conf_pages_free(&pages);
	return conf_destroy_is(env, cmd.pt_id, 0) && ok;
}

const struct conf_case conf_dirty_cases[] = {
	CONF_CASE(tracking_is_checked_in_order),
	CONF_CASE(bitmaps_are_checked_in_order),
	CONF_CASE(an_hwpt_without_the_flag_is_eopnotsupp),
	CONF_CASE(a_hole_or_a_missing_bitmap_is_no_error),
	{ 0 },
};
