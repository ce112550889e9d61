/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The cases of an SMMUv3, against each of the simulator's profiles of one. */
#include "sim-env.h"
#include "smmu.h"

#include "tests/harness/support.h"

struct variant {
	const char *name;
	uint32_t profile;
};

static const struct variant variants[] = {
	{ "7.3", IOMMUNEST_SIM_SMMUV3_7_3 },
	{ "reworked", IOMMUNEST_SIM_SMMUV3_REWORKED },
	{ "7.3 patched", IOMMUNEST_SIM_SMMUV3_7_3_PATCHED },
};
#define VARIANTS ARRAY_LEN(variants)

static void hold(const struct variant *variant, const char *name,
		 bool (*run)(struct conf_env *env))
{
	const struct iommunest_sim_options options = {
		.size = sizeof(options),
		.profile = variant->profile,
	};
	struct sim_env env;

	ck_assert_msg(sim_env_open_smmu(&env, &options) == 0,
		      "%s: no environment: %s", variant->name, env.env.why);
	ck_assert_msg(run(&env.env), "%s: %s: %s", variant->name, name,
		      env.env.why);
	ck_assert_msg(!env.env.skipped, "%s: %s: skipped: %s", variant->name,
		      name, env.env.why);
	ck_assert_uint_eq(sim_env_close(&env), 0);
}

/* In no table, as real kernels warn. */
TEST_LOOP(too_many_for_one_copy_are_enomem, VARIANTS)
{
	hold(&variants[_i], "too many", smmu_too_many_for_one_copy_are_enomem);
}

static void hold_nth(int _i)
{
	const size_t cases = conf_count(conf_smmu);
	const struct conf_case *c = conf_get(conf_smmu, (size_t)_i % cases);

	hold(&variants[(size_t)_i / cases], c->name, c->run);
}

static const char *variant_name(size_t index)
{
	return variants[index].name;
}

int main(int argc, char **argv)
{
	return conf_run(argc, argv, conf_smmu, variant_name, VARIANTS,
			hold_nth);
}
