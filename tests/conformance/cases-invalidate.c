/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Rows 5 to 11: the call as a whole. */
#include "conformance.h"

#include <stdlib.h>

typedef struct iommu_hwpt_vtd_s1_invalidate entry;

#define MAX_ENTRIES (1u << 19)

/* The patches have a flag there: see cases-report.c. */
static bool reserved_is_eopnotsupp(struct conf_env *env)
{
	entry one = { .npages = 1 };
	bool ok = true;
	unsigned int bit;

	for (bit = env->reports; ok && bit < 32; bit++) {
		struct iommu_hwpt_invalidate cmd = conf_call(env, &one, 1);

		cmd.__reserved = 1u << bit;
		ok = conf_invalidate_is(env, &cmd, -EOPNOTSUPP, 0);
	}
	return ok;
}

static bool no_array_is_einval(struct conf_env *env)
{
	struct iommu_hwpt_invalidate cmd = conf_call(env, NULL, 1);

	return conf_invalidate_is(env, &cmd, -EINVAL, 0);
}

static bool entry_len_0_is_einval(struct conf_env *env)
{
	entry one = { .npages = 1 };
	struct iommu_hwpt_invalidate cmd = conf_call(env, &one, 1);

	cmd.entry_len = 0;
	return conf_invalidate_is(env, &cmd, -EINVAL, 0);
}

/* The id tells whose EINVAL it is: the bound's comes before ENOENT. */
static bool entry_len_is_bound_by_a_page(struct conf_env *env)
{
	entry one = { .npages = 1 };
	struct iommu_hwpt_invalidate cmd = conf_call(env, &one, 1);

	cmd.hwpt_id = conf_absent(env);
	cmd.entry_len = CONF_PAGE + 1;
	if (!conf_invalidate_is(env, &cmd, -EINVAL, 0))
		return false;
	cmd.entry_num = 1;
	cmd.entry_len = UINT32_MAX;
	if (!conf_invalidate_is(env, &cmd, -EINVAL, 0))
		return false;
	cmd.entry_num = 1;
	cmd.entry_len = CONF_PAGE;
	return conf_invalidate_is(env, &cmd, -ENOENT, 0);
}

static bool entry_num_is_bound(struct conf_env *env)
{
	entry one = { .npages = 1 };
	struct iommu_hwpt_invalidate cmd = conf_call(env, &one, 0);

	cmd.hwpt_id = conf_absent(env);
	cmd.entry_num = MAX_ENTRIES + 1;
	if (!conf_invalidate_is(env, &cmd, -EINVAL, 0))
		return false;
	cmd.entry_num = UINT32_MAX;
	if (!conf_invalidate_is(env, &cmd, -EINVAL, 0))
		return false;
	cmd.entry_num = MAX_ENTRIES;
	return conf_invalidate_is(env, &cmd, -ENOENT, 0);
}

static bool as_many_entries_as_the_bound_are_done(struct conf_env *env)
{
	entry *entries = calloc(MAX_ENTRIES, sizeof(*entries));
	struct iommu_hwpt_invalidate cmd;
	uint32_t i;
	bool ok;

	if (!entries)
		return conf_skip(env, "no memory");
	for (i = 0; i < MAX_ENTRIES; i++)
		entries[i].npages = 1;
	cmd = conf_call(env, entries, MAX_ENTRIES);
	cmd.hwpt_id = env->unattached;
	ok = conf_invalidate_is(env, &cmd, 0, MAX_ENTRIES);
	free(entries);
	return ok;
}

static bool an_absent_id_is_enoent(struct conf_env *env)
{
	const uint32_t ids[] = { 0, conf_absent(env), 0x7fffffff, 0x80000000,
				 UINT32_MAX };
	entry one = { .npages = 1 };
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(ids) / sizeof(*ids); i++) {
		struct iommu_hwpt_invalidate cmd = conf_call(env, &one, 1);

		cmd.hwpt_id = ids[i];
		ok = conf_invalidate_is(env, &cmd, -ENOENT, 0);
	}
	return ok;
}

static bool a_destroyed_id_is_enoent(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hwpt_alloc alloc = conf_nested(env, &s1);
	entry one = { .npages = 1 };
	struct iommu_hwpt_invalidate cmd = conf_call(env, &one, 1);

	cmd.hwpt_id = conf_alloc_hwpt(env, &alloc);
	if (!cmd.hwpt_id || !conf_invalidate_is(env, &cmd, 0, 1) ||
	    !conf_destroy_is(env, cmd.hwpt_id, 0))
		return false;
	return conf_invalidate_is(env, &cmd, -ENOENT, 0);
}

/* 6.12 looks for a nested HWPT of that id, and 7.3 at what has the id. */
static bool an_id_that_is_not_nested_is_refused(struct conf_env *env)
{
	const int want = env->kernel == CONF_LINUX_6_12 ? -ENOENT : -EINVAL;
	const uint32_t ids[] = { env->ioas, env->parent, env->dev };
	entry one = { .npages = 1 };
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(ids) / sizeof(*ids); i++) {
		struct iommu_hwpt_invalidate cmd = conf_call(env, &one, 1);

		cmd.hwpt_id = ids[i];
		ok = conf_invalidate_is(env, &cmd, want, 0);
		cmd.entry_num = 0;
		ok = ok && conf_invalidate_is(env, &cmd, want, 0);
	}
	return ok;
}

static bool another_data_type_is_einval(struct conf_env *env)
{
	static const uint32_t types[] = { 1, 2, 0xdeadbeef, UINT32_MAX };
	entry one = { .npages = 1 };
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(types) / sizeof(*types); i++) {
		struct iommu_hwpt_invalidate cmd = conf_call(env, &one, 1);

		cmd.data_type = types[i];
		ok = conf_invalidate_is(env, &cmd, -EINVAL, 0);
	}
	return ok;
}

static bool another_data_type_is_einval_without_entries(struct conf_env *env)
{
	struct iommu_hwpt_invalidate cmd = conf_call(env, NULL, 0);

	cmd.data_type = 1;
	return conf_invalidate_is(env, &cmd, -EINVAL, 0);
}

static bool no_entries_succeed(struct conf_env *env)
{
	struct iommu_hwpt_invalidate cmd = conf_call(env, NULL, 0);

	return conf_invalidate_is(env, &cmd, 0, 0);
}

/* The bounds are those of an array. */
static bool no_entries_have_no_bounds(struct conf_env *env)
{
	static const uint32_t lens[] = {
		0, 1, 23, 25, CONF_PAGE + 1, UINT32_MAX
	};
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(lens) / sizeof(*lens); i++) {
		struct iommu_hwpt_invalidate cmd = conf_call(env, NULL, 0);

		cmd.entry_len = lens[i];
		cmd.data_uptr = 8;
		ok = conf_invalidate_is(env, &cmd, 0, 0);
	}
	return ok;
}

static bool another_entry_len_is_einval(struct conf_env *env)
{
	static const uint32_t lens[] = { 1, 8, 23, 25, 32, 48, CONF_PAGE };
	entry entries[2 + CONF_PAGE / sizeof(entry)] = { 0 };
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(lens) / sizeof(*lens); i++) {
		struct iommu_hwpt_invalidate cmd = conf_call(env, entries, 1);

		cmd.entry_len = lens[i];
		ok = conf_invalidate_is(env, &cmd, -EINVAL, 0);
	}
	return ok;
}

const struct conf_case conf_invalidate_cases[] = {
	CONF_CASE(reserved_is_eopnotsupp),
	CONF_CASE(no_array_is_einval),
	CONF_CASE(entry_len_0_is_einval),
	CONF_CASE(entry_len_is_bound_by_a_page),
	CONF_CASE(entry_num_is_bound),
	CONF_CASE(as_many_entries_as_the_bound_are_done),
	CONF_CASE(an_absent_id_is_enoent),
	CONF_CASE(a_destroyed_id_is_enoent),
	CONF_CASE(an_id_that_is_not_nested_is_refused),
	CONF_CASE(another_data_type_is_einval),
	CONF_CASE(another_data_type_is_einval_without_entries),
	CONF_CASE(no_entries_succeed),
	CONF_CASE(no_entries_have_no_bounds),
	CONF_CASE(another_entry_len_is_einval),
	{ 0 },
};
