/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The cases, against each of the simulator's profiles. */
#include "random.h"
#include "sim-env.h"

#include "tests/harness/support.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* VT-d without 5 levels, supervisor requests and extended access flags. */
#define CAP_FL5LP (1ull << 60)
#define ECAP_SRS (1ull << 31)
#define ECAP_EAFS (1ull << 34)

struct variant {
	const char *name;
	uint32_t profile;
	bool ats;
	/* Some hardware has less. */
	bool poor;
	/* The process may not ask for its own memory. */
	bool sandbox;
};

static const struct variant variants[] = {
	{ "6.12", IOMMUNEST_SIM_LINUX_6_12, false, false, false },
	{ "6.12 with ATS", IOMMUNEST_SIM_LINUX_6_12, true, false, false },
	{ "6.12 on poorer hardware", IOMMUNEST_SIM_LINUX_6_12, false, true,
	  false },
	{ "7.3", IOMMUNEST_SIM_LINUX_7_3, false, false, false },
	{ "7.3 with ATS", IOMMUNEST_SIM_LINUX_7_3, true, false, false },
	{ "7.3 on poorer hardware", IOMMUNEST_SIM_LINUX_7_3, false, true,
	  false },
	{ "6.12 patched", IOMMUNEST_SIM_LINUX_6_12_PATCHED, false, false,
	  false },
	{ "7.3 patched, with ATS", IOMMUNEST_SIM_LINUX_7_3_PATCHED, true, false,
	  false },
	{ "newest", IOMMUNEST_SIM_NEWEST, false, false, false },
	/* The last: a process does not get out of it. */
	{ "newest in a sandbox", IOMMUNEST_SIM_NEWEST, true, false, true },
};
#define VARIANTS ARRAY_LEN(variants)

#define LOAD_NR \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define DENY(number)                                         \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

/* Not where there are no such filters. */
static void enter_sandbox(void)
{
	struct sock_filter filter[] = {
		LOAD_NR,
		DENY(SYS_process_vm_readv),
		DENY(SYS_process_vm_writev),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(*filter),
		.filter = filter,
	};

	if (!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* What the default hardware says, less some of it. */
static void make_poorer(struct iommunest_sim_options *options)
{
	struct sim_env env;
	struct iommu_hw_info_vtd vtd = { 0 };
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.data_len = sizeof(vtd),
		.data_uptr = (uintptr_t)&vtd,
	};

	ck_assert_int_eq(sim_env_open(&env, options, false), 0);
	cmd.dev_id = env.env.dev;
	ck_assert(conf_ioctl_is(&env.env, IOMMU_GET_HW_INFO, &cmd, 0));
	ck_assert_uint_eq(sim_env_close(&env), 0);
	ck_assert(vtd.cap_reg & CAP_FL5LP);
	ck_assert_uint_eq(vtd.ecap_reg & (ECAP_SRS | ECAP_EAFS),
			  ECAP_SRS | ECAP_EAFS);
	options->cap = vtd.cap_reg & ~CAP_FL5LP;
	options->ecap = vtd.ecap_reg & ~(ECAP_SRS | ECAP_EAFS);
}

/* Of the process's own descriptors, the low ones. */
static int open_fds(void)
{
	int fd, count = 0;

	for (fd = 0; fd < 64; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void hold(const struct variant *variant, size_t index)
{
	const struct conf_case *c = conf_get(conf_vtd, index);
	struct iommunest_sim_options options = {
		.size = sizeof(options),
		.profile = variant->profile,
	};
	const int fds = open_fds();
	struct sim_env env;

	if (variant->sandbox)
		enter_sandbox();
	if (variant->poor)
		make_poorer(&options);
	ck_assert_msg(sim_env_open(&env, &options, variant->ats) == 0,
		      "%s: no environment: %s", variant->name, env.env.why);
	ck_assert_msg(c->run(&env.env), "%s: %s: %s", variant->name, c->name,
		      env.env.why);
	/* This environment can do all. */
	ck_assert_msg(!env.env.skipped, "%s: %s: skipped: %s", variant->name,
		      c->name, env.env.why);
	ck_assert_uint_eq(sim_env_close(&env), 0);
	ck_assert_int_eq(open_fds(), fds);
}

/*
 * What comes of them is compared with a kernel's by tests/vm/vm-diff; here they
 * are for the sanitizers.
 */
TEST_LOOP(random_calls_break_nothing, VARIANTS)
{
	static struct conf_random random;
	struct iommunest_sim_options options = {
		.size = sizeof(options),
		.profile = variants[_i].profile,
	};
	struct conf_memory memory = conf_memory_new();
	struct sim_env env;
	unsigned int step;

	ck_assert_int_eq(sim_env_open(&env, &options, variants[_i].ats), 0);
	conf_random_start(&random, &env.env, &memory,
			  support_number(SUPPORT_SEED, (uint64_t)_i));
	for (step = 0; step < 3000; step++)
		conf_random_step(&random);
	ck_assert_uint_eq(sim_env_close(&env), 0);
	conf_memory_free(&memory);
}

/* check takes one function a test: _i counts variants and cases. */
static void hold_nth(int _i)
{
	size_t cases = conf_count(conf_vtd);

	hold(&variants[(size_t)_i / cases], (size_t)_i % cases);
}

static const char *variant_name(size_t index)
{
	return variants[index].name;
}

int main(int argc, char **argv)
{
	return conf_run(argc, argv, conf_vtd, variant_name, VARIANTS, hold_nth);
}
