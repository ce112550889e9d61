/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The same random calls to the kernel that runs and to the simulator of it:
 * stops at the first that tells the two apart.
 *
 *   random-kernel 6.12|7.3 DEVICE TRACEFS SEEDS STEPS [ats]
 *
 * TRACEFS may be `-`: much faster, and without a look at descriptors.
 */
#include "kernel-env.h"
#include "random.h"
#include "sim-env.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKIPPED 77

struct run {
	const char *vfio;
	const char *tracing;
	enum conf_kernel kernel;
	bool ats;
	uint64_t steps;
};

/* Both of what the kernel says of its hardware. */
static int open_sim(struct sim_env *sim, struct conf_env *kernel)
{
	struct iommu_hw_info_vtd vtd = { 0 };
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = kernel->dev,
		.data_len = sizeof(vtd),
		.data_uptr = (uintptr_t)&vtd,
	};
	struct iommunest_sim_options options = {
		.size = sizeof(options),
		.profile = kernel->kernel == CONF_LINUX_6_12
				   ? IOMMUNEST_SIM_LINUX_6_12
				   : IOMMUNEST_SIM_LINUX_7_3,
	};
	int ret = conf_ioctl(kernel, IOMMU_GET_HW_INFO, &cmd);

	if (ret)
		return ret;
	options.cap = vtd.cap_reg;
	options.ecap = vtd.ecap_reg;
	return sim_env_open(sim, &options, kernel->ats);
}

static bool agree(struct conf_env *kernel, struct conf_env *sim, uint64_t seed,
		  uint64_t steps)
{
	static struct conf_random real, simulated;
	struct conf_memory memory = conf_memory_new();
	bool same = true;
	uint64_t step;

	conf_random_start(&real, kernel, &memory, seed);
	conf_random_start(&simulated, sim, &memory, seed);
	for (step = 0; same && step < steps; step++) {
		conf_random_step(&real);
		conf_random_step(&simulated);
		same = !strcmp(real.log, simulated.log);
		if (!same)
			printf("seed %" PRIu64 " step %" PRIu64
			       "\nkernel:    %s\nsimulator: %s\n",
			       seed, step, real.log, simulated.log);
	}
	conf_memory_free(&memory);
	return same;
}

/* 0, 1, or 77 where there is no such device. */
static int one(const struct run *run, uint64_t seed)
{
	struct kernel_env kernel;
	struct sim_env sim;
	bool same;
	int ret;

	ret = kernel_env_open(&kernel, run->vfio, run->tracing, run->kernel,
			      run->ats);
	if (ret) {
		printf("%s: %s\n", run->vfio, strerror(-ret));
		return SKIPPED;
	}
	ret = open_sim(&sim, &kernel.env);
	if (ret) {
		printf("no simulator: %s\n", strerror(-ret));
		return EXIT_FAILURE;
	}
	if (!run->tracing)
		sim.env.record = NULL;
	same = agree(&kernel.env, &sim.env, seed, run->steps);
	sim_env_close(&sim);
	kernel_env_close(&kernel);
	return same ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct run run;
	uint64_t seed, seeds;
	int ret = EXIT_SUCCESS;

	if (argc < 6) {
		fprintf(stderr,
			"usage: %s 6.12|7.3 DEVICE TRACEFS SEEDS STEPS [ats]\n",
			argv[0]);
		return 2;
	}
	run.kernel = strcmp(argv[1], "6.12") ? CONF_LINUX_7_3 : CONF_LINUX_6_12;
	run.vfio = argv[2];
	run.tracing = strcmp(argv[3], "-") ? argv[3] : NULL;
	seeds = strtoull(argv[4], NULL, 0);
	run.steps = strtoull(argv[5], NULL, 0);
	run.ats = argc > 6 && !strcmp(argv[6], "ats");
	for (seed = 0; ret == EXIT_SUCCESS && seed < seeds; seed++)
		ret = one(&run, seed);
	if (ret == EXIT_SUCCESS)
		printf("%" PRIu64 " times %" PRIu64 " calls agree\n", seeds,
		       run.steps);
	return ret;
}
