/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Linux's driver at random, on hosts that fail at random: at any entry or call,
 * once, a few times or for good, of two contexts and with PASIDs.  Whatever
 * they do, each flush is done or what would have cached it is cut off.
 */
#include <errno.h>

#include "tests/harness/linux-jobs.h"
#include "tests/queue/linux-rows.h"

#define JOBS 300u
/* A new failure with one in so many jobs. */
#define FAILURE_EVERY 15u

static struct linux_vmm vmm;
static struct support_rng rng;
static struct linux_random random_jobs;
/* No failure lasts. */
static bool all_pass;

static const struct linux_domain domains[] = {
	{ 1, VMM_BIT(VMM_HWPT), 0 },
	{ 2, VMM_BIT(VMM_HWPT + 1), 0 },
	{ 3, VMM_BIT(VMM_HWPT + 2) | VMM_BIT(VMM_HWPT + 3), 0 },
	{ 4, VMM_BIT(VMM_HWPT + 4) | VMM_BIT(VMM_FAR), 0 },
	{ VMM_PASID_DID, VMM_BIT(VMM_HWPT + 5), VMM_PASID_A },
	{ VMM_PASID_DID, VMM_BIT(VMM_HWPT + 5) | VMM_BIT(VMM_FAR_PASID),
	  VMM_PASID_B },
};

static uint32_t below(uint32_t n)
{
	return support_rng_below(&rng, n);
}

/* ---- What is submitted ---- */

static struct linux_flush other_flush(struct support_rng *unused)
{
	uint64_t addr = (uint64_t)below(256) << 12;

	(void)unused;
	switch (below(4)) {
	case 0:
		return linux_vmm_iotlb(1 + below(VMM_PASID_DID));
	case 1:
		return linux_vmm_pasid_cache(1 + below(VMM_PASID_DID));
	case 2:
		return linux_vmm_dev_tlb(VMM_SID, addr);
	default:
		return linux_vmm_dev_tlb(VMM_FOREIGN, addr);
	}
}

/* ---- What fails ---- */

static const int errors[] = { -EIO,	  -ETIMEDOUT, -ENODEV, -ENOMEM,
			      -EREMOTEIO, -EINTR,     -EINVAL };
static const enum host_fault faults[] = {
	HOST_FAIL_ENTRY, HOST_FAIL_ENTRY,     HOST_FAIL_ENTRY,
	HOST_FAIL_CALL,	 HOST_FAIL_UNTOUCHED, HOST_SHORT,
};

static struct host_rule random_rule(void)
{
	struct host_rule rule = {
		.fault = faults[below(ARRAY_LEN(faults))],
		.error = errors[below(ARRAY_LEN(errors))],
		.addr = HOST_ANY_ADDR,
		.times = 1 + below(3),
	};

	if (below(3) == 0)
		rule.npages = below(2) ? UINT64_MAX : 1;
	if (!all_pass && below(4) == 0)
		rule.times = 0;
	return rule;
}

/* In place of all that there were, or beside them. */
static void fail_somewhere(void)
{
	unsigned int i;

	for (i = 0; i < VMM_CONTEXTS; i++)
		if (vmm.contexts[i].host.n_rules == HOST_RULES || below(4) == 0)
			host_heal(&vmm.contexts[i].host);
	linux_vmm_fail(&vmm, VMM_HWPT + below(VMM_HWPTS), random_rule());
	if (below(4) == 0)
		vmm.answer = (struct linux_answer){
			.type = IOMMUNEST_VTD_DESC_DEV_TLB,
			.error = -EREMOTEIO,
			.times = 1 + below(3),
			.done = true,
		};
}

static bool next_job(void *data, unsigned int cpu, struct linux_job *job)
{
	(void)data;
	if (below(FAILURE_EVERY) == 0)
		fail_somewhere();
	return linux_random_next(&random_jobs, cpu, job);
}

/* Failures add up, and each may cost the guest a long submission. */
#define PATIENCE 10000u

static const unsigned int budgets[] = { 0, 1, 5, 40 };
static const unsigned int cpus[] = { 1, 3, LINUX_CPUS };

static struct linux_vmm_setup random_setup(void)
{
	return (struct linux_vmm_setup){
		.form = below(2) ? LINUX_EXACT : LINUX_BY_TWO,
		.when = (enum linux_when)below(LINUX_WHENS),
		.budget = budgets[below(ARRAY_LEN(budgets))],
		.cpus = cpus[below(ARRAY_LEN(cpus))],
		.migrates = below(2),
		.readmits = below(2),
		.contains = below(3) == 0,
		.patience = PATIENCE,
		.next_job = next_job,
	};
}

/* Returns FSTS_REG bits that the guest saw. */
static uint32_t run_random(const struct linux_vmm_setup *setup)
{
	random_jobs = (struct linux_random){
		.rng = &rng,
		.domains = domains,
		.n_domains = ARRAY_LEN(domains),
		.left = JOBS,
		.other = other_flush,
	};
	linux_vmm_open(&vmm, setup);
	linux_advance(&vmm.guest, below(VMM_SLOTS));
	linux_expect("random", linux_run(&vmm.guest, below(setup->cpus)),
		     LINUX_ALL_DONE);
	ck_assert_uint_eq(vmm.guest.counts.returned, JOBS);
	ck_assert_uint_eq(vmm.guest.counts.gave_up, 0);
	ck_assert_uint_eq(vmm.guest.free_cnt, VMM_SLOTS);
	linux_vmm_close(&vmm);
	return vmm.shown;
}

#define GUESTS 100

TEST_LOOP(what_is_cut_off_where_it_fails_loses_no_flush, GUESTS)
{
	struct linux_vmm_setup setup;

	support_rng_start(&rng, "linux-random");
	all_pass = false;
	setup = random_setup();
	ck_assert_uint_eq(run_random(&setup) & ~IOMMUNEST_VTD_FSTS_ICE, 0);
}

/* The form of before the fix is not one to show ITE. */
TEST_LOOP(what_passes_may_be_shown_as_ite, GUESTS)
{
	struct linux_vmm_setup setup;

	support_rng_start(&rng, "linux-random-ite");
	all_pass = true;
	setup = random_setup();
	setup.form = LINUX_EXACT;
	setup.isolate = LINUX_ISOLATE_FAILS;
	setup.unhealed = IOMMUNEST_VTD_UNHEALED_ITE;
	ck_assert_uint_eq(run_random(&setup) & IOMMUNEST_VTD_FSTS_IQE, 0);
}
