/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What an IOAS can map: IOMMU_IOAS_IOVA_RANGES and IOMMU_IOAS_ALLOW_IOVAS. */
#include "conformance.h"

#include <string.h>

#define RANGES_MAX 8u
/* Where interrupts are written to on x86. */
#define MSI_FIRST UINT64_C(0xfee00000)
#define MSI_LAST UINT64_C(0xfeefffff)

static struct iommu_ioas_iova_ranges
query(uint32_t ioas, struct iommu_iova_range *ranges, uint32_t count)
{
	return (struct iommu_ioas_iova_ranges){
		.size = sizeof(struct iommu_ioas_iova_ranges),
		.ioas_id = ioas,
		.num_iovas = count,
		.allowed_iovas = (uintptr_t)ranges,
	};
}

/* An IOAS of its own, and whether the case may go on. */
static bool destroy_after(struct conf_env *env, uint32_t ioas, bool ok)
{
	return ioas && conf_destroy_is(env, ioas, 0) && ok;
}

/* ---- IOMMU_IOAS_IOVA_RANGES ---- */

static bool ranges_are_checked_in_order(struct conf_env *env)
{
	struct conf_pages pages = conf_pages_new(1);
	struct iommu_ioas_iova_ranges cmd = query(conf_absent(env), NULL, 0);
	bool ok;

	cmd.__reserved = 1;
	ok = conf_ioctl_is(env, IOMMU_IOAS_IOVA_RANGES, &cmd, -EOPNOTSUPP);
	cmd.__reserved = 0;
	ok = ok && conf_ioctl_is(env, IOMMU_IOAS_IOVA_RANGES, &cmd, -ENOENT);
	cmd = query(env->parent, NULL, 0);
	ok = ok && conf_ioctl_is(env, IOMMU_IOAS_IOVA_RANGES, &cmd, -ENOENT);
	cmd = query(env->ioas, NULL, 1);
	ok = ok && conf_ioctl_is(env, IOMMU_IOAS_IOVA_RANGES, &cmd, -EFAULT) &&
	     conf_expect(env, cmd.num_iovas == 1 && !cmd.out_iova_alignment,
			 "something was written");
	/* Only the first fits. */
	cmd = query(env->ioas,
		    (void *)(pages.end - sizeof(*(struct iommu_iova_range *)0)),
		    2);
	ok = ok && conf_ioctl_is(env, IOMMU_IOAS_IOVA_RANGES, &cmd, -EFAULT);
	conf_pages_free(&pages);
	return ok;
}

static bool is_whole(struct conf_env *env, uint32_t ioas)
{
	struct iommu_iova_range range = { 0 };
	struct iommu_ioas_iova_ranges cmd = query(ioas, &range, 1);

	return conf_ioctl_is(env, IOMMU_IOAS_IOVA_RANGES, &cmd, 0) &&
	       conf_expect(env,
			   cmd.num_iovas == 1 && cmd.out_iova_alignment == 1 &&
				   range.start == 0 && range.last == UINT64_MAX,
			   "%u ranges, alignment %llu, the first to %#llx",
			   cmd.num_iovas, cmd.out_iova_alignment, range.last);
}

static bool a_fresh_ioas_maps_anything(struct conf_env *env)
{
	uint32_t ioas = conf_alloc_ioas(env);

	return destroy_after(env, ioas, ioas && is_whole(env, ioas));
}

static bool too_few_ranges_are_emsgsize_and_counted(struct conf_env *env)
{
	struct iommu_iova_range ranges[2] = { { 7, 7 }, { 7, 7 } };
	struct iommu_ioas_iova_ranges cmd = query(env->ioas, NULL, 0);
	uint32_t count;

	if (!conf_ioctl_is(env, IOMMU_IOAS_IOVA_RANGES, &cmd, -EMSGSIZE))
		return false;
	count = cmd.num_iovas;
	if (!conf_expect(env, count >= 2 && cmd.out_iova_alignment == CONF_PAGE,
			 "%u ranges, alignment %llu", count,
			 cmd.out_iova_alignment))
		return false;
	cmd = query(env->ioas, ranges, 1);
	return conf_ioctl_is(env, IOMMU_IOAS_IOVA_RANGES, &cmd, -EMSGSIZE) &&
	       conf_expect(env,
			   cmd.num_iovas == count && ranges[0].last != 7 &&
				   ranges[1].last == 7,
			   "%u of %u, or written beyond the end", cmd.num_iovas,
			   count);
}

static bool
an_attached_device_takes_the_window_of_interrupts(struct conf_env *env)
{
	struct iommu_iova_range ranges[RANGES_MAX];
	struct iommu_ioas_iova_ranges cmd =
		query(env->ioas, ranges, RANGES_MAX);
	uint32_t i;

	if (!conf_ioctl_is(env, IOMMU_IOAS_IOVA_RANGES, &cmd, 0))
		return false;
	for (i = 0; i < cmd.num_iovas; i++) {
		if (!conf_expect(env,
				 ranges[i].last < MSI_FIRST ||
					 ranges[i].start > MSI_LAST,
				 "%#llx to %#llx", ranges[i].start,
				 ranges[i].last))
			return false;
		if (i > 0 &&
		    !conf_expect(env, ranges[i].start > ranges[i - 1].last,
				 "not ascending"))
			return false;
	}
	return true;
}

static uint32_t alloc_parent(struct conf_env *env, uint32_t ioas)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = env->dev,
		.pt_id = ioas,
	};

	return conf_alloc_hwpt(env, &cmd);
}

static bool hwpt_takes_what_it_cannot_map(struct conf_env *env, uint32_t ioas)
{
	struct iommu_iova_range range = { 0 };
	struct iommu_ioas_iova_ranges cmd = query(ioas, &range, 1);
	uint32_t parent = alloc_parent(env, ioas);
	bool ok;

	if (!parent)
		return false;
	ok = conf_ioctl_is(env, IOMMU_IOAS_IOVA_RANGES, &cmd, 0) &&
	     conf_expect(env,
			 cmd.out_iova_alignment == CONF_PAGE &&
				 range.start == 0 && range.last < UINT64_MAX &&
				 !(range.last & (range.last + 1)),
			 "alignment %llu, to %#llx", cmd.out_iova_alignment,
			 range.last);
	return conf_destroy_is(env, parent, 0) && ok && is_whole(env, ioas);
}

static bool
an_hwpt_takes_what_it_cannot_map_while_it_lives(struct conf_env *env)
{
	uint32_t ioas = conf_alloc_ioas(env);

	return destroy_after(env, ioas,
			     ioas && hwpt_takes_what_it_cannot_map(env, ioas));
}

/* ---- IOMMU_IOAS_ALLOW_IOVAS ---- */

static int allow(struct conf_env *env, uint32_t ioas,
		 const struct iommu_iova_range *ranges, uint32_t count)
{
	struct iommu_ioas_allow_iovas cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.num_iovas = count,
		.allowed_iovas = (uintptr_t)ranges,
	};

	return conf_ioctl(env, IOMMU_IOAS_ALLOW_IOVAS, &cmd);
}

static bool allow_is(struct conf_env *env, uint32_t ioas,
		     const struct iommu_iova_range *ranges, uint32_t count,
		     int want)
{
	int ret = allow(env, ioas, ranges, count);

	return conf_expect(env, ret == want, "%u ranges from %#llx: %d not %d",
			   count, ranges ? ranges->start : 0, ret, want);
}

static bool allowed_ranges_are_checked_in_order(struct conf_env *env)
{
	static const struct iommu_iova_range one = { 0x1000, 0x1000 };
	static const struct iommu_iova_range back = { 0x2000, 0x1000 };
	static const struct iommu_iova_range overlap[] = { { 0x1000, 0x3000 },
							   { 0x3000, 0x4000 } };
	/* Of two mistakes the first in the array counts. */
	static const struct iommu_iova_range both[] = { { MSI_FIRST, MSI_LAST },
							{ 0x2000, 0x1000 } };
	struct conf_pages pages = conf_pages_new(1);
	struct iommu_iova_range *at_end =
		(struct iommu_iova_range *)(void *)pages.end - 1;
	struct iommu_ioas_allow_iovas cmd = {
		.size = sizeof(cmd),
		.ioas_id = conf_absent(env),
		.num_iovas = 1,
		.__reserved = 1,
	};
	bool ok;

	ok = conf_ioctl_is(env, IOMMU_IOAS_ALLOW_IOVAS, &cmd, -EOPNOTSUPP) &&
	     allow_is(env, conf_absent(env), NULL, 1, -ENOENT) &&
	     allow_is(env, env->parent, NULL, 1, -ENOENT) &&
	     allow_is(env, env->ioas, NULL, 1, -EFAULT) &&
	     allow_is(env, env->ioas, &one, 1, -EINVAL) &&
	     allow_is(env, env->ioas, &back, 1, -EINVAL) &&
	     allow_is(env, env->ioas, overlap, 2, -EINVAL) &&
	     allow_is(env, env->ioas, both, 2, -EINVAL) &&
	     allow_is(env, env->ioas, both, 1, -EADDRINUSE);
	*at_end = (struct iommu_iova_range){ 0x1000, 0x2000 };
	ok = ok && allow_is(env, env->ioas, at_end, 2, -EFAULT);
	*at_end = back;
	ok = ok && allow_is(env, env->ioas, at_end, 2, -EINVAL);
	conf_pages_free(&pages);
	return ok && allow_is(env, env->ioas, NULL, 0, 0);
}

static bool chosen_is(struct conf_env *env, uint32_t ioas, void *page,
		      uint64_t first, uint64_t last, int want)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_READABLE,
		.ioas_id = ioas,
		.user_va = (uintptr_t)page,
		.length = CONF_PAGE,
	};
	struct iommu_ioas_unmap unmap = { .size = sizeof(unmap),
					  .ioas_id = ioas,
					  .length = UINT64_MAX };
	int ret = conf_ioctl(env, IOMMU_IOAS_MAP, &map);

	if (!conf_expect(env, ret == want, "map: %d and not %d", ret, want))
		return false;
	return ret || (conf_expect(env, map.iova >= first && map.iova <= last,
				   "%#llx was chosen", map.iova) &&
		       conf_ioctl_is(env, IOMMU_IOAS_UNMAP, &unmap, 0));
}

static bool choice_is_among(struct conf_env *env, uint32_t ioas, void *page)
{
	static const struct iommu_iova_range first = { 0x7000000, 0x7ffffff };
	static const struct iommu_iova_range small = { 0x9000000, 0x9000ffe };
	static const struct iommu_iova_range bad = { 0x2000, 0x1000 };

	return allow_is(env, ioas, &first, 1, 0) &&
	       chosen_is(env, ioas, page, first.start, first.last, 0) &&
	       /* A list that is refused replaces nothing. */
	       allow_is(env, ioas, &bad, 1, -EINVAL) &&
	       chosen_is(env, ioas, page, first.start, first.last, 0) &&
	       allow_is(env, ioas, &small, 1, 0) &&
	       chosen_is(env, ioas, page, 0, 0, -ENOSPC) &&
	       allow_is(env, ioas, NULL, 0, 0) &&
	       chosen_is(env, ioas, page, CONF_PAGE, first.start - 1, 0);
}

static bool the_kernel_chooses_among_what_is_allowed(struct conf_env *env)
{
	struct conf_pages pages = conf_pages_new(1);
	uint32_t ioas = conf_alloc_ioas(env);
	bool ok;

	ok = destroy_after(env, ioas,
			   ioas && choice_is_among(env, ioas, pages.base));
	conf_pages_free(&pages);
	return ok;
}

static bool what_is_allowed_keeps_hwpts_away(struct conf_env *env)
{
	static const struct iommu_iova_range all = { 0, UINT64_MAX };
	uint32_t ioas = conf_alloc_ioas(env);
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = env->dev,
		.pt_id = ioas,
	};

	return destroy_after(env, ioas,
			     ioas && allow_is(env, ioas, &all, 1, 0) &&
				     conf_ioctl_is(env, IOMMU_HWPT_ALLOC, &cmd,
						   -EADDRINUSE) &&
				     is_whole(env, ioas));
}

const struct conf_case conf_ioas_cases[] = {
	CONF_CASE(ranges_are_checked_in_order),
	CONF_CASE(a_fresh_ioas_maps_anything),
	CONF_CASE(too_few_ranges_are_emsgsize_and_counted),
	CONF_CASE(an_attached_device_takes_the_window_of_interrupts),
	CONF_CASE(an_hwpt_takes_what_it_cannot_map_while_it_lives),
	CONF_CASE(allowed_ranges_are_checked_in_order),
	CONF_CASE(the_kernel_chooses_among_what_is_allowed),
	CONF_CASE(what_is_allowed_keeps_hwpts_away),
	{ 0 },
};
