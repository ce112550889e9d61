/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The SMMUv3's cases of tests/conformance, against the kernel that runs. */
#include "smmu-env.h"

#include "tests/harness/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Opened once: closing a device resets it, which takes a second. */
static struct smmu_env smmu;

static void hold_nth(int _i)
{
	const struct conf_case *c = conf_get(conf_smmu, (size_t)_i);
	struct conf_env *env = &smmu.real.env;
	bool ok = c->run(env);

	ck_assert_msg(ok, "%s: %s", c->name, env->why);
	/* This environment can do all. */
	ck_assert_msg(!env->skipped, "%s: skipped: %s", c->name, env->why);
}

static const char *group_name(size_t group)
{
	(void)group;
	return "smmu";
}

int main(int argc, char **argv)
{
	int ret = smmu_env_open(&smmu);

	if (ret) {
		printf("no environment: %s: %s\n", strerror(-ret),
		       smmu.real.env.why);
		return EXIT_FAILURE;
	}
	return conf_run(argc, argv, conf_smmu, group_name, 1, hold_nth);
}
