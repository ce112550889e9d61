/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Devices that are attached to an IOAS, and what they take from its addresses.
 */
#include "conformance.h"

#define MSI_FIRST 0xfee00000ull
#define MSI_LAST 0xfeefffffull

static char page[CONF_PAGE] __attribute__((aligned(CONF_PAGE)));

/* As at first. */
static bool go_back(struct conf_env *env)
{
	int off = env->attach(env, 0), on = env->attach(env, env->nested);

	return conf_expect(env, off == 0 && on == 0, "detach %d, attach %d",
			   off, on);
}

static bool attach_is(struct conf_env *env, uint32_t id, int want)
{
	int ret = env->attach(env, id);

	return conf_expect(env, ret == want, "attach to %u: %d and not %d", id,
			   ret, want);
}

static bool map_is(struct conf_env *env, uint32_t ioas, uint64_t va,
		   uint64_t iova, int want)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
		.ioas_id = ioas,
		.user_va = va,
		.length = CONF_PAGE,
		.iova = iova,
	};

	return conf_ioctl_is(env, IOMMU_IOAS_MAP, &cmd, want);
}

static bool unmap(struct conf_env *env, uint32_t ioas, uint64_t iova)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = CONF_PAGE,
	};

	return conf_ioctl_is(env, IOMMU_IOAS_UNMAP, &cmd, 0);
}

/* ---- The HWPT that an IOAS gets ---- */

static bool use_ioas(struct conf_env *env, uint32_t ioas)
{
	bool ok = attach_is(env, ioas, 0) && conf_destroy_is(env, ioas, -EBUSY);

	return go_back(env) && ok;
}

static bool an_ioas_gets_an_hwpt_that_goes_with_its_device(struct conf_env *env)
{
	uint32_t ioas;

	if (!env->attach)
		return conf_skip(env, "devices cannot be attached");
	ioas = conf_alloc_ioas(env);
	return ioas && use_ioas(env, ioas) && conf_destroy_is(env, ioas, 0);
}

static bool use_beside(struct conf_env *env, uint32_t ioas)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = env->dev,
		.pt_id = ioas,
	};
	uint32_t own = conf_alloc_hwpt(env, &cmd);
	bool ok =
		own && attach_is(env, ioas, 0) && conf_destroy_is(env, own, 0);

	return go_back(env) && ok;
}

static bool an_hwpt_that_somebody_made_is_not_picked(struct conf_env *env)
{
	uint32_t ioas;

	if (!env->attach)
		return conf_skip(env, "devices cannot be attached");
	ioas = conf_alloc_ioas(env);
	return ioas && use_beside(env, ioas) && conf_destroy_is(env, ioas, 0);
}

/* With an HWPT, and without one. */
static bool keep_out(struct conf_env *env, uint32_t ioas)
{
	bool ok = map_is(env, ioas, 0, 0, 0) && attach_is(env, ioas, -EFAULT) &&
		  conf_destroy_is(env, env->nested, -EBUSY) &&
		  attach_is(env, 0, 0) && attach_is(env, ioas, -EFAULT);

	return go_back(env) && ok && conf_destroy_is(env, ioas, 0);
}

static bool memory_that_is_not_there_lets_no_device_in(struct conf_env *env)
{
	uint32_t ioas;

	if (!env->attach)
		return conf_skip(env, "devices cannot be attached");
	ioas = conf_alloc_ioas(env);
	return ioas && keep_out(env, ioas);
}

/* ---- Where the device's interrupts go ---- */

static bool ranges(struct conf_env *env, uint32_t ioas,
		   struct iommu_iova_range *found, uint32_t *count)
{
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.num_iovas = *count,
		.allowed_iovas = (uintptr_t)found,
	};
	bool ok = conf_ioctl_is(env, IOMMU_IOAS_IOVA_RANGES, &cmd, 0);

	*count = cmd.num_iovas;
	return ok;
}

static bool an_attached_device_takes_its_interrupt_window(struct conf_env *env)
{
	struct iommu_iova_range found[8] = { 0 };
	uint32_t count = 8;

	if (!ranges(env, env->ioas, found, &count))
		return false;
	if (!conf_expect(env,
			 count == 2 && found[0].last == MSI_FIRST - 1 &&
				 found[1].start == MSI_LAST + 1,
			 "%u ranges, the first up to %#llx", count,
			 (unsigned long long)found[0].last))
		return false;
	if (!env->attach)
		return true;
	count = 8;
	return conf_expect(env, env->attach(env, 0) == 0, "detach") &&
	       ranges(env, env->ioas, found, &count) &&
	       conf_expect(env, count == 1, "%u ranges", count) && go_back(env);
}

static bool is_kept_out(struct conf_env *env)
{
	bool ok = attach_is(env, 0, 0) &&
		  map_is(env, env->ioas, (uintptr_t)page, MSI_FIRST, 0) &&
		  attach_is(env, env->nested, -EADDRINUSE) &&
		  unmap(env, env->ioas, MSI_FIRST);

	return go_back(env) && ok;
}

static bool
what_is_mapped_in_the_window_keeps_a_device_out(struct conf_env *env)
{
	if (!env->attach)
		return conf_skip(env, "devices cannot be attached");
	return is_kept_out(env);
}

/*
 * The kernel gives the window up in the new HWPT's IOAS, also where that is
 * the one of the HWPT that the device keeps.
 */
static bool a_refused_attach_opens_the_interrupt_window(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1 s1 = { .addr_width = 39 };
	struct iommu_hwpt_alloc cmd = conf_nested(env, &s1);
	const uint64_t va = (uintptr_t)page;
	uint32_t bad;
	bool ok;

	if (!env->attach)
		return conf_skip(env, "devices cannot be attached");
	bad = conf_alloc_hwpt(env, &cmd);
	ok = bad && map_is(env, env->ioas, va, MSI_FIRST, -EINVAL) &&
	     attach_is(env, bad, -EINVAL) &&
	     map_is(env, env->ioas, va, MSI_FIRST, 0) &&
	     unmap(env, env->ioas, MSI_FIRST);
	return go_back(env) && ok && conf_destroy_is(env, bad, 0);
}

const struct conf_case conf_window_cases[] = {
	CONF_CASE(an_ioas_gets_an_hwpt_that_goes_with_its_device),
	CONF_CASE(an_hwpt_that_somebody_made_is_not_picked),
	CONF_CASE(memory_that_is_not_there_lets_no_device_in),
	CONF_CASE(an_attached_device_takes_its_interrupt_window),
	CONF_CASE(what_is_mapped_in_the_window_keeps_a_device_out),
	CONF_CASE(a_refused_attach_opens_the_interrupt_window),
	{ 0 },
};
