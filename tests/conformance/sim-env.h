/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The simulator as an environment for the cases. */
#ifndef CONFORMANCE_SIM_ENV_H
#define CONFORMANCE_SIM_ENV_H

#include "conformance.h"

#include <libiommunest-sim.h>

#define SIM_ENV_DESCS 64u
#define SIM_ENV_COMMANDS 16384u

struct sim_env {
	struct conf_env env;
	struct iommunest_sim *sim;
	bool recording;
	struct conf_desc descs[SIM_ENV_DESCS];
	size_t count;
	struct conf_command commands[SIM_ENV_COMMANDS];
};

/* Returns 0, or what failed. */
int sim_env_open(struct sim_env *env,
		 const struct iommunest_sim_options *options, bool ats);
/* The same behind an SMMUv3, for the cases of one. */
int sim_env_open_smmu(struct sim_env *env,
		      const struct iommunest_sim_options *options);
/* How many file descriptors were left open. */
unsigned int sim_env_close(struct sim_env *env);

#endif /* CONFORMANCE_SIM_ENV_H */
