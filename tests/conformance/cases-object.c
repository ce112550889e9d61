/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Ids, IOMMU_IOAS_ALLOC and IOMMU_DESTROY. */
#include "conformance.h"

#include <string.h>
#include <sys/mman.h>

static bool ids_are_the_lowest_free_ones(struct conf_env *env)
{
	uint32_t a = conf_alloc_ioas(env), b = conf_alloc_ioas(env);
	uint32_t c = conf_alloc_ioas(env);

	if (!conf_expect(env, a && b == a + 1 && c == b + 1,
			 "%u, %u, %u are not in a row", a, b, c))
		return false;
	if (!conf_destroy_is(env, a, 0) || !conf_destroy_is(env, b, 0))
		return false;
	if (!conf_expect(env, conf_alloc_ioas(env) == a, "%u is not reused",
			 a) ||
	    !conf_expect(env, conf_alloc_ioas(env) == b, "%u is not reused", b))
		return false;
	return conf_destroy_is(env, b, 0) && conf_destroy_is(env, c, 0) &&
	       conf_destroy_is(env, a, 0);
}

static bool ioas_flags_are_eopnotsupp(struct conf_env *env)
{
	bool ok = true;
	unsigned int bit;

	for (bit = 0; ok && bit < 32; bit++) {
		struct iommu_ioas_alloc cmd = { .size = sizeof(cmd),
						.flags = 1u << bit };

		ok = conf_ioctl_is(env, IOMMU_IOAS_ALLOC, &cmd, -EOPNOTSUPP);
	}
	return ok;
}

/* What was made is gone again, and its id is free. */
static bool is_undone(struct conf_env *env, unsigned long request,
		      const void *cmd, size_t len)
{
	struct conf_pages pages = conf_pages_new(2);
	uint32_t before = conf_alloc_ioas(env);
	bool ok = before && conf_destroy_is(env, before, 0);
	uint32_t after;

	memcpy(pages.base, cmd, len);
	mprotect(pages.base, CONF_PAGE, PROT_READ);
	ok = ok && conf_ioctl_is(env, request, pages.base, -EFAULT);
	conf_pages_free(&pages);
	if (!ok)
		return false;
	after = conf_alloc_ioas(env);
	return conf_expect(env, after == before, "id %u was lost", before) &&
	       conf_destroy_is(env, after, 0);
}

static bool an_ioas_that_cannot_be_reported_is_undone(struct conf_env *env)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };

	return is_undone(env, IOMMU_IOAS_ALLOC, &cmd, sizeof(cmd));
}

static bool an_hwpt_that_cannot_be_reported_is_undone(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hwpt_alloc nested = conf_nested(env, &s1);
	struct iommu_hwpt_alloc parent = {
		.size = sizeof(parent),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = env->dev,
		.pt_id = env->ioas,
	};

	return is_undone(env, IOMMU_HWPT_ALLOC, &nested, sizeof(nested)) &&
	       is_undone(env, IOMMU_HWPT_ALLOC, &parent, sizeof(parent));
}

static bool destroying_an_absent_id_is_enoent(struct conf_env *env)
{
	return conf_destroy_is(env, 0, -ENOENT) &&
	       conf_destroy_is(env, conf_absent(env), -ENOENT) &&
	       conf_destroy_is(env, 0x80000000, -ENOENT) &&
	       conf_destroy_is(env, UINT32_MAX, -ENOENT);
}

static bool destroying_twice_is_enoent(struct conf_env *env)
{
	uint32_t ioas = conf_alloc_ioas(env);

	return ioas && conf_destroy_is(env, ioas, 0) &&
	       conf_destroy_is(env, ioas, -ENOENT);
}

static bool what_is_in_use_is_ebusy(struct conf_env *env)
{
	return conf_destroy_is(env, env->ioas, -EBUSY) &&
	       conf_destroy_is(env, env->parent, -EBUSY) &&
	       conf_destroy_is(env, env->nested, -EBUSY) &&
	       conf_destroy_is(env, env->dev, -EBUSY);
}

static bool users_go_from_the_leaves_down(struct conf_env *env)
{
	uint32_t ioas = conf_alloc_ioas(env), parent, nested;
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = env->dev,
		.pt_id = ioas,
	};

	parent = conf_alloc_hwpt(env, &cmd);
	if (!ioas || !parent)
		return false;
	cmd = conf_nested(env, &s1);
	cmd.pt_id = parent;
	nested = conf_alloc_hwpt(env, &cmd);
	return nested && conf_destroy_is(env, ioas, -EBUSY) &&
	       conf_destroy_is(env, parent, -EBUSY) &&
	       conf_destroy_is(env, nested, 0) &&
	       conf_destroy_is(env, ioas, -EBUSY) &&
	       conf_destroy_is(env, parent, 0) && conf_destroy_is(env, ioas, 0);
}

const struct conf_case conf_object_cases[] = {
	CONF_CASE(ids_are_the_lowest_free_ones),
	CONF_CASE(ioas_flags_are_eopnotsupp),
	CONF_CASE(an_ioas_that_cannot_be_reported_is_undone),
	CONF_CASE(an_hwpt_that_cannot_be_reported_is_undone),
	CONF_CASE(destroying_an_absent_id_is_enoent),
	CONF_CASE(destroying_twice_is_enoent),
	CONF_CASE(what_is_in_use_is_ebusy),
	CONF_CASE(users_go_from_the_leaves_down),
	{ 0 },
};
