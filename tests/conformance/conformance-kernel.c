/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cases, against the kernel that runs: TAP on standard output.
 *
 *   conformance-kernel 6.12|7.3 DEVICE [TRACEFS] [ats]
 *
 * DEVICE is a node in /dev/vfio/devices of a device that the tests may have.
 */
#include "kernel-env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKIPPED 77

static bool holds(struct kernel_env *env, size_t index)
{
	const struct conf_case *c = conf_get(index);
	bool ok;

	env->env.skipped = false;
	env->env.why[0] = '\0';
	ok = c->run(&env->env);
	printf("%s %zu - %s", ok ? "ok" : "not ok", index + 1, c->name);
	if (env->env.skipped)
		printf(" # SKIP %s", env->env.why);
	printf("\n");
	if (!ok)
		printf("# %s\n", env->env.why);
	fflush(stdout);
	return ok;
}

static int run(struct kernel_env *env)
{
	size_t i, failed = 0;

	printf("1..%zu\n", conf_count());
	for (i = 0; i < conf_count(); i++)
		failed += !holds(env, i);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct kernel_env env;
	bool ats = argc > 3 && !strcmp(argv[argc - 1], "ats");
	const char *tracing = argc > 3 + ats ? argv[3] : NULL;
	int ret;

	if (argc < 3 || (strcmp(argv[1], "6.12") && strcmp(argv[1], "7.3"))) {
		fprintf(stderr, "usage: %s 6.12|7.3 DEVICE [TRACEFS] [ats]\n",
			argv[0]);
		return 2;
	}
	ret = kernel_env_open(&env, argv[2], tracing,
			      strcmp(argv[1], "6.12") ? CONF_LINUX_7_3
						      : CONF_LINUX_6_12,
			      ats);
	if (ret) {
		printf("1..0 # SKIP %s: %s %s\n", argv[2], strerror(-ret),
		       env.env.why);
		return SKIPPED;
	}
	ret = run(&env);
	kernel_env_close(&env);
	return ret;
}
