/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The tests of tests/conformance with a guest, which hold for kernels, on each
 * of the simulator's profiles of an SMMUv3.
 */
#include "tests/conformance/sim-env.h"
#include "tests/conformance/smmu-guest.h"

#include "tests/harness/support.h"

#include <stdio.h>
#include <stdlib.h>

static struct sim_env env;

static void read_devices(struct guest *of, unsigned int first,
			 unsigned int count, const uint64_t *iova,
			 uint32_t *word)
{
	const uint32_t dev[GUEST_DEVICES] = { env.env.dev, env.env.other_dev };
	unsigned int i;

	(void)of;
	for (i = 0; i < count; i++) {
		struct iommunest_sim_dma dma = {
			.size = sizeof(dma),
			.dev_id = dev[first + i],
			.iova = iova[i],
		};

		word[i] = 0;
		iommunest_sim_dma_read(env.sim, env.env.fd, &dma, &word[i],
				       sizeof(word[i]));
	}
}

static void settle(struct guest *of)
{
	(void)of;
}

static int open_guest(uint32_t profile)
{
	const struct iommunest_sim_options options = {
		.size = sizeof(options),
		.profile = profile,
	};
	int ret = sim_env_open_smmu(&env, &options);

	if (!ret)
		ret = guest_make(&guest, &env.env);
	guest.read = read_devices;
	guest.settle = settle;
	if (!ret)
		ret = env.env.attach(&env.env, guest.hwpt[0]);
	if (!ret)
		ret = env.env.attach_other(&env.env, guest.hwpt[1]);
	return ret;
}

static int run_on(uint32_t profile, int argc, char **argv)
{
	int ret;

	printf("profile %u\n", profile);
	fflush(stdout);
	ret = open_guest(profile);
	if (ret) {
		printf("no environment: %d: %s\n", ret, env.env.why);
		return EXIT_FAILURE;
	}
	ret = support_run(argc, argv);
	guest_destroy(&guest);
	return sim_env_close(&env) ? EXIT_FAILURE : ret;
}

int main(int argc, char **argv)
{
	static const uint32_t profiles[] = {
		IOMMUNEST_SIM_SMMUV3_7_3,
		IOMMUNEST_SIM_SMMUV3_REWORKED,
		IOMMUNEST_SIM_SMMUV3_7_3_PATCHED,
	};
	int ret = EXIT_SUCCESS;
	size_t i;

	for (i = 0; i < ARRAY_LEN(profiles); i++) {
		if (run_on(profiles[i], argc, argv))
			ret = EXIT_FAILURE;
	}
	return ret;
}
