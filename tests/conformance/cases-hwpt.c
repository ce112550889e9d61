/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_HWPT_ALLOC. */
#include "conformance.h"

#include <string.h>

/* Newer than the headers that this may be built with. */
#define ALLOC_PASID (1u << 3)

/* A right command for a nested HWPT, and what faults need. */
struct call {
	struct iommu_hwpt_alloc cmd;
	struct iommu_hwpt_vtd_s1 s1;
	struct conf_pages pages;
	/* A paging HWPT that is no nest parent. */
	uint32_t plain;
};

/* What a fault changes: two that change the same do not go together. */
#define RESERVED (1u << 0)
#define TYPE (1u << 1)
#define LEN (1u << 2)
#define DEV (1u << 3)
#define BASE (1u << 4)
#define FLAGS (1u << 5)
#define DATA (1u << 6)

struct fault {
	const char *name;
	void (*apply)(const struct conf_env *env, struct call *call);
	unsigned int changes;
	int error;
};

static void reserved(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.__reserved = 1;
}

static void type_without_data(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.data_len = 0;
}

static void data_without_type(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.data_type = IOMMU_HWPT_DATA_NONE;
}

static void absent_dev(const struct conf_env *env, struct call *call)
{
	call->cmd.dev_id = conf_absent(env);
}

static void dev_is_none(const struct conf_env *env, struct call *call)
{
	call->cmd.dev_id = env->ioas;
}

static void absent_base(const struct conf_env *env, struct call *call)
{
	call->cmd.pt_id = conf_absent(env);
}

static void base_is_nested(const struct conf_env *env, struct call *call)
{
	call->cmd.pt_id = env->unattached;
}

static void base_is_dev(const struct conf_env *env, struct call *call)
{
	call->cmd.pt_id = env->dev;
}

static void unknown_flag(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.flags = 1u << 31;
}

static void nest_parent(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.flags = IOMMU_HWPT_ALLOC_NEST_PARENT;
}

static void dirty_tracking(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
}

static void no_data(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.data_type = IOMMU_HWPT_DATA_NONE;
	call->cmd.data_len = 0;
}

static void plain_parent(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.pt_id = call->plain;
}

static void other_type(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.data_type = 0x5a;
}

static void short_data(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.data_len = 23;
}

static void long_data(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.data_len = 25;
}

static void unreadable(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.data_uptr = (uintptr_t)call->pages.end - 23;
}

static void absent_fault(const struct conf_env *env, struct call *call)
{
	call->cmd.flags = IOMMU_HWPT_FAULT_ID_VALID;
	call->cmd.fault_id = conf_absent(env);
}

static void fault_is_none(const struct conf_env *env, struct call *call)
{
	call->cmd.flags = IOMMU_HWPT_FAULT_ID_VALID;
	call->cmd.fault_id = env->ioas;
}

/* In the order of the checks. */
static const struct fault faults[] = {
	{ "reserved", reserved, RESERVED, -EOPNOTSUPP },
	{ "type without data", type_without_data, TYPE | LEN, -EINVAL },
	{ "data without type", data_without_type, TYPE | LEN, -EINVAL },
	{ "absent device", absent_dev, DEV, -ENOENT },
	{ "no device", dev_is_none, DEV, -ENOENT },
	{ "absent base", absent_base, BASE, -EINVAL },
	{ "base is nested", base_is_nested, BASE, -EINVAL },
	{ "base is a device", base_is_dev, BASE, -EINVAL },
	{ "unknown flag", unknown_flag, FLAGS, -EOPNOTSUPP },
	{ "nest parent", nest_parent, FLAGS, -EOPNOTSUPP },
	{ "dirty tracking", dirty_tracking, FLAGS, -EOPNOTSUPP },
	{ "no data", no_data, TYPE | LEN, -EOPNOTSUPP },
	{ "plain parent", plain_parent, BASE, -EINVAL },
	{ "other type", other_type, TYPE, -EOPNOTSUPP },
	{ "short data", short_data, LEN, -EINVAL },
	{ "long data", long_data, LEN, -EINVAL },
	{ "unreadable data", unreadable, DATA, -EFAULT },
	{ "absent fault queue", absent_fault, FLAGS, -ENOENT },
	{ "no fault queue", fault_is_none, FLAGS, -ENOENT },
};
#define FAULTS (sizeof(faults) / sizeof(*faults))

static struct iommu_hwpt_alloc paging(const struct conf_env *env,
				      uint32_t flags)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = env->dev,
		.pt_id = env->ioas,
	};

	return cmd;
}

/* @second may be NULL. */
static bool first_wins(struct conf_env *env, uint32_t plain,
		       const struct fault *first, const struct fault *second)
{
	struct call call = { .s1 = conf_stage1(), .plain = plain };
	int ret;

	call.pages = conf_pages_new(1);
	call.cmd = conf_nested(env, &call.s1);
	first->apply(env, &call);
	if (second)
		second->apply(env, &call);
	ret = conf_ioctl(env, IOMMU_HWPT_ALLOC, &call.cmd);
	conf_pages_free(&call.pages);
	return conf_expect(env, ret == first->error && !call.cmd.out_hwpt_id,
			   "%s and %s: %d and not %d", first->name,
			   second ? second->name : "nothing", ret,
			   first->error);
}

static bool each_pair(struct conf_env *env, uint32_t plain)
{
	bool ok = true;
	size_t i, k;

	for (i = 0; ok && i < FAULTS; i++) {
		ok = first_wins(env, plain, &faults[i], NULL);
		for (k = i + 1; ok && k < FAULTS; k++) {
			if (!(faults[i].changes & faults[k].changes))
				ok = first_wins(env, plain, &faults[i],
						&faults[k]);
		}
	}
	return ok;
}

static bool
of_two_faults_of_a_nested_one_the_earlier_check_wins(struct conf_env *env)
{
	struct iommu_hwpt_alloc cmd = paging(env, 0);
	uint32_t plain = conf_alloc_hwpt(env, &cmd);
	bool ok;

	if (!plain)
		return false;
	ok = each_pair(env, plain);
	return conf_destroy_is(env, plain, 0) && ok;
}

static bool nothing_is_left_of_a_refused_one(struct conf_env *env)
{
	uint32_t before = conf_alloc_ioas(env), after;
	struct call call = { .s1 = conf_stage1() };

	if (!before || !conf_destroy_is(env, before, 0))
		return false;
	call.cmd = conf_nested(env, &call.s1);
	absent_fault(env, &call);
	if (!conf_ioctl_is(env, IOMMU_HWPT_ALLOC, &call.cmd, -ENOENT))
		return false;
	after = conf_alloc_ioas(env);
	return conf_expect(env, after == before, "id %u was lost", before) &&
	       conf_destroy_is(env, after, 0);
}

static bool is_taken(struct conf_env *env, struct iommu_hwpt_alloc *cmd)
{
	uint32_t id = conf_alloc_hwpt(env, cmd);

	return id && conf_destroy_is(env, id, 0);
}

static bool a_stage_1_is_not_looked_at(struct conf_env *env)
{
	const struct iommu_hwpt_vtd_s1 odd[] = {
		{ .addr_width = 0 },
		{ .addr_width = 39 },
		{ .addr_width = 64 },
		{ .addr_width = 48, .flags = UINT64_MAX },
		{ .addr_width = 48, .pgtbl_addr = 0xfff },
		{ .addr_width = 48, .pgtbl_addr = UINT64_MAX },
		{ .addr_width = 48, .__reserved = UINT32_MAX },
	};
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(odd) / sizeof(*odd); i++) {
		struct iommu_hwpt_alloc cmd = conf_nested(env, &odd[i]);

		ok = is_taken(env, &cmd);
	}
	return ok;
}

static bool the_last_reserved_word_is_not_looked_at(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hwpt_alloc cmd = conf_nested(env, &s1);

	cmd.__reserved2 = UINT32_MAX;
	cmd.fault_id = UINT32_MAX;
	return is_taken(env, &cmd);
}

static bool is_refused(struct conf_env *env, struct iommu_hwpt_alloc cmd,
		       int error)
{
	return conf_ioctl_is(env, IOMMU_HWPT_ALLOC, &cmd, error);
}

static bool paging_ones_take_no_data(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hwpt_alloc cmd = conf_nested(env, &s1);

	cmd.pt_id = env->ioas;
	if (!is_refused(env, cmd, -EOPNOTSUPP))
		return false;
	cmd.flags = IOMMU_HWPT_ALLOC_NEST_PARENT;
	return is_refused(env, cmd, -EOPNOTSUPP);
}

static bool paging_ones_have_few_flags(struct conf_env *env)
{
	const bool old = env->kernel == CONF_LINUX_6_12;
	struct iommu_hwpt_alloc plain = paging(env, 0);
	struct iommu_hwpt_alloc parent =
		paging(env, IOMMU_HWPT_ALLOC_NEST_PARENT);
	struct iommu_hwpt_alloc fault = paging(env, IOMMU_HWPT_FAULT_ID_VALID);
	struct iommu_hwpt_alloc both = paging(
		env, IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_NEST_PARENT);
	bool ok = is_taken(env, &plain) && is_taken(env, &parent);
	unsigned int bit;

	fault.fault_id = conf_absent(env);
	ok = ok && is_refused(env, fault, old ? -EOPNOTSUPP : -ENOENT) &&
	     is_refused(env, both, -EOPNOTSUPP);
	for (bit = 4; ok && bit < 32; bit++)
		ok = is_refused(env, paging(env, 1u << bit), -EOPNOTSUPP);
	return ok;
}

static bool pasids_came_after_6_12(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hwpt_alloc nested = conf_nested(env, &s1);
	struct iommu_hwpt_alloc plain = paging(env, ALLOC_PASID);

	nested.flags = ALLOC_PASID;
	if (env->kernel == CONF_LINUX_6_12)
		return is_refused(env, nested, -EOPNOTSUPP) &&
		       is_refused(env, plain, -EOPNOTSUPP);
	return is_taken(env, &nested) && is_taken(env, &plain);
}

/* What lies after the caller's size is not read, whatever it is. */
static bool a_size_of_24_is_an_hwpt_without_data(struct conf_env *env)
{
	struct iommu_hwpt_alloc cmd = paging(env, IOMMU_HWPT_ALLOC_NEST_PARENT);

	cmd.size = 24;
	cmd.data_type = IOMMU_HWPT_DATA_VTD_S1;
	cmd.data_len = 24;
	return is_taken(env, &cmd);
}

const struct conf_case conf_hwpt_cases[] = {
	CONF_CASE(of_two_faults_of_a_nested_one_the_earlier_check_wins),
	CONF_CASE(nothing_is_left_of_a_refused_one),
	CONF_CASE(a_stage_1_is_not_looked_at),
	CONF_CASE(the_last_reserved_word_is_not_looked_at),
	CONF_CASE(paging_ones_take_no_data),
	CONF_CASE(paging_ones_have_few_flags),
	CONF_CASE(pasids_came_after_6_12),
	CONF_CASE(a_size_of_24_is_an_hwpt_without_data),
	{ 0 },
};
