/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Two things wrong at once, in each pair that goes together: the check that
 * comes first is the one that is seen.
 */
#include "conformance.h"

#include <stdio.h>

/* A call with room for a tail, and its one entry. */
struct call {
	struct iommu_hwpt_invalidate cmd;
	/* Beyond the end of all that kernels know. */
	uint64_t tail[3];
	struct iommu_hwpt_vtd_s1_invalidate entry;
	struct conf_pages pages;
};

/* What a fault changes: two that change the same do not go together. */
#define SIZE (1u << 0)
#define RESERVED (1u << 1)
#define ARRAY (1u << 2)
#define LEN (1u << 3)
#define NUM (1u << 4)
#define ID (1u << 5)
#define TYPE (1u << 6)
#define FLAGS (1u << 7)
#define ADDR (1u << 8)

struct fault {
	const char *name;
	void (*apply)(const struct conf_env *env, struct call *call);
	unsigned int changes;
	/* In 6.12, and in 7.3. */
	int error[2];
	/* entry_num stays. */
	bool untouched;
};

static void small_size(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.size = 31;
}

static void tail(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.size = sizeof(call->cmd) + sizeof(call->tail);
	call->tail[2] = 1;
}

static void reserved(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.__reserved = 2;
}

static void no_array(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.data_uptr = 0;
}

static void no_len(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.entry_len = 0;
}

static void long_len(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.entry_len = CONF_PAGE + 1;
}

static void large_num(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.entry_num = (1u << 19) + 1;
}

static void absent_id(const struct conf_env *env, struct call *call)
{
	call->cmd.hwpt_id = conf_absent(env);
}

static void other_id(const struct conf_env *env, struct call *call)
{
	call->cmd.hwpt_id = env->parent;
}

static void other_type(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.data_type = 1;
}

static void other_len(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.entry_len = 23;
}

static void unreadable(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->cmd.data_uptr = (uintptr_t)call->pages.end;
}

static void flags(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->entry.flags = 2;
}

static void addr(const struct conf_env *env, struct call *call)
{
	(void)env;
	call->entry.addr = 1;
}

/* In the order of the checks. */
static const struct fault faults[] = {
	{ "small size", small_size, SIZE, { -EINVAL, -EINVAL }, true },
	{ "tail", tail, SIZE, { -E2BIG, -E2BIG }, true },
	{ "reserved", reserved, RESERVED, { -EOPNOTSUPP, -EOPNOTSUPP }, false },
	{ "no array", no_array, ARRAY, { -EINVAL, -EINVAL }, false },
	{ "no len", no_len, LEN, { -EINVAL, -EINVAL }, false },
	{ "long len", long_len, LEN, { -EINVAL, -EINVAL }, false },
	{ "large num", large_num, NUM, { -EINVAL, -EINVAL }, false },
	{ "absent id", absent_id, ID, { -ENOENT, -ENOENT }, false },
	{ "other id", other_id, ID, { -ENOENT, -EINVAL }, false },
	{ "other type", other_type, TYPE, { -EINVAL, -EINVAL }, false },
	{ "other len", other_len, LEN, { -EINVAL, -EINVAL }, false },
	{ "unreadable",
	  unreadable,
	  ARRAY | FLAGS | ADDR,
	  { -EFAULT, -EFAULT },
	  false },
	{ "flags", flags, FLAGS, { -EOPNOTSUPP, -EOPNOTSUPP }, false },
	{ "addr", addr, ADDR, { -EINVAL, -EINVAL }, false },
};
#define FAULTS (sizeof(faults) / sizeof(*faults))

/* @second may be NULL. */
static bool first_wins(struct conf_env *env, const struct fault *first,
		       const struct fault *second)
{
	struct call call = { .entry = { .npages = 1 } };
	uint32_t sent;
	int ret, want;

	call.pages = conf_pages_new(1);
	call.cmd = conf_call(env, &call.entry, 1);
	first->apply(env, &call);
	if (second)
		second->apply(env, &call);
	sent = call.cmd.entry_num;
	ret = conf_ioctl(env, IOMMU_HWPT_INVALIDATE, &call.cmd);
	conf_pages_free(&call.pages);
	want = first->error[env->kernel == CONF_LINUX_7_3];
	return conf_expect(env,
			   ret == want && call.cmd.entry_num ==
						  (first->untouched ? sent : 0),
			   "%s and %s: %d and not %d, entry_num %u",
			   first->name, second ? second->name : "nothing", ret,
			   want, call.cmd.entry_num);
}

static bool each_fault_has_its_errno(struct conf_env *env)
{
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < FAULTS; i++)
		ok = first_wins(env, &faults[i], NULL);
	return ok;
}

static bool of_two_faults_the_earlier_check_wins(struct conf_env *env)
{
	bool ok = true;
	size_t i, k;

	for (i = 0; ok && i < FAULTS; i++) {
		for (k = i + 1; ok && k < FAULTS; k++) {
			if (!(faults[i].changes & faults[k].changes))
				ok = first_wins(env, &faults[i], &faults[k]);
		}
	}
	return ok;
}

const struct conf_case conf_order_cases[] = {
	CONF_CASE(each_fault_has_its_errno),
	CONF_CASE(of_two_faults_the_earlier_check_wins),
	{ 0 },
};
