/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "smmu-env.h"

#include <stdlib.h>
#include <string.h>

static struct smmu_env *of(struct conf_env *env)
{
	/* The first member of the first member. */
	return (struct smmu_env *)(void *)env;
}

static int attach_other(struct conf_env *env, uint32_t hwpt_id)
{
	return real_attach(&of(env)->real, 1, hwpt_id);
}

static void record(struct conf_env *env)
{
	of(env)->since = smmu_hw_prod(of(env)->hw);
}

static size_t commands(struct conf_env *env, struct conf_command *to,
		       size_t max)
{
	return smmu_hw_since(of(env)->hw, of(env)->since, to, max);
}

/*
 * With the patches of kernel/ an empty array is answered.  So it is in kernels
 * newer than 7.3, whose count is another; the cases then fail and say so.
 */
static enum conf_smmu_count find_count(struct conf_env *env)
{
	struct iommu_hwpt_invalidate empty = smmu_call(env, NULL, 0);

	return conf_ioctl(env, IOMMU_HWPT_INVALIDATE, &empty)
		       ? CONF_SMMU_OVERCOUNTS
		       : CONF_SMMU_EXACT;
}

/* Where check.sh says which kernel it is, it is that one. */
static bool is_as_named(const struct conf_env *env)
{
	const char *name = getenv("IOMMUNEST_VM_KERNEL");

	return !name || (strstr(name, "-patched") != NULL) ==
				(env->smmu_count == CONF_SMMU_EXACT);
}

int smmu_env_open(struct smmu_env *smmu)
{
	struct conf_env *env = &smmu->real.env;
	int ret = real_open(&smmu->real, 0, NULL);

	if (!ret)
		ret = real_bind(&smmu->real, 1);
	if (ret)
		return ret;
	smmu->hw = smmu_hw_open();
	if (!smmu->hw)
		return -errno;
	env->vsid = SMMU_VSID;
	env->other_dev = smmu->real.dev[1];
	env->attach_other = attach_other;
	env->record = record;
	env->commands = commands;
	if (!smmu_populate(env))
		return -EIO;
	env->smmu_count = find_count(env);
	if (!conf_expect(env, is_as_named(env),
			 "the kernel is not what its name says"))
		return -EIO;
	return real_attach(&smmu->real, 0, env->nested);
}
