/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What does Linux's driver make of what the engine shows it?  In both its
 * forms; the engine in the write of IQT_REG, in a bottom half, or at any time.
 */
#include <errno.h>

#include "tests/harness/linux-jobs.h"
#include "tests/queue/linux-rows.h"

static struct linux_vmm vmm;

/* ---- Nothing fails ---- */

#define JOBS 300u

static const struct linux_domain domains[] = {
	{ 1, VMM_BIT(VMM_HWPT), 0 },
	{ 2, VMM_BIT(VMM_HWPT + 1), 0 },
	{ 3, VMM_BIT(VMM_HWPT + 2) | VMM_BIT(VMM_HWPT + 3), 0 },
};

static struct linux_flush other_flush(struct support_rng *rng)
{
	uint64_t addr = (uint64_t)support_rng_below(rng, 256) << 12;

	switch (support_rng_below(rng, 4)) {
	case 0:
		return linux_vmm_iotlb(1 + support_rng_below(rng, 3));
	case 1:
		return linux_vmm_pasid_cache(1 + support_rng_below(rng, 3));
	case 2:
		return linux_vmm_dev_tlb(VMM_SID, addr);
	default:
		return linux_vmm_dev_tlb(VMM_FOREIGN, addr);
	}
}

static const unsigned int budgets[] = { 0, 1, 5, 40 };
static const unsigned int cpus[] = { 1, 3, LINUX_CPUS };

#define RANDOM_GUESTS (2 * LINUX_WHENS * ARRAY_LEN(budgets) * ARRAY_LEN(cpus))

TEST_LOOP(a_random_guest_loses_nothing_and_polls_for_nothing, RANDOM_GUESTS)
{
	struct support_rng rng;
	struct linux_random random = {
		.rng = &rng,
		.domains = domains,
		.n_domains = ARRAY_LEN(domains),
		.left = JOBS,
		.other = other_flush,
	};
	const struct linux_vmm_setup setup = {
		.form = _i & 1 ? LINUX_EXACT : LINUX_BY_TWO,
		.when = (unsigned int)_i / 2 % LINUX_WHENS,
		.budget = budgets[(unsigned int)_i / 2 / LINUX_WHENS %
				  ARRAY_LEN(budgets)],
		.cpus = cpus[(unsigned int)_i / 2 / LINUX_WHENS /
			     ARRAY_LEN(budgets)],
		.next_job = linux_random_next,
		.data = &random,
	};

	support_rng_start(&rng, "linux-guest");
	linux_vmm_open(&vmm, &setup);
	linux_advance(&vmm.guest, support_rng_below(&rng, VMM_SLOTS));
	linux_expect("random",
		     linux_run(&vmm.guest, support_rng_below(&rng, setup.cpus)),
		     LINUX_ALL_DONE);
	ck_assert_uint_eq(vmm.guest.counts.submissions, JOBS);
	ck_assert_uint_eq(vmm.guest.counts.returned, JOBS);
	ck_assert_uint_eq(vmm.guest.counts.gave_up, 0);
	ck_assert_uint_eq(vmm.shown, 0);
	ck_assert_uint_eq(vmm.guest.free_cnt, VMM_SLOTS);
	linux_vmm_close(&vmm);
}

/* ---- The guest does something wrong ---- */

static void open_own_fault(struct linux_jobs *jobs, int i, unsigned int n_cpus)
{
	const struct linux_vmm_setup setup = {
		.form = i & 1 ? LINUX_EXACT : LINUX_BY_TWO,
		.when = (unsigned int)i / 2 % LINUX_WHENS,
		.budget = budgets[(unsigned int)i / 2 / LINUX_WHENS %
				  ARRAY_LEN(budgets)],
		.cpus = n_cpus,
		.next_job = linux_jobs_next,
		.data = jobs,
	};

	linux_vmm_open(&vmm, &setup);
}

#define OWN_FAULTS (2 * LINUX_WHENS * ARRAY_LEN(budgets))

/* The one thing that IQE is for; what Linux makes of it is its own. */
TEST_LOOP(a_guests_own_fault_is_a_queue_error, 2 * OWN_FAULTS)
{
	struct linux_jobs jobs = { 0 };
	bool first = _i < (int)OWN_FAULTS;
	struct linux_flush bad = { .desc = guest_typed(15), .targets = 1 };
	struct linux_job *job = linux_jobs_add(&jobs, 0);

	open_own_fault(&jobs, _i, 2);
	if (!first)
		linux_add(job, linux_vmm_page(1, 0x1000));
	linux_add(job, bad);
	linux_add(linux_jobs_add(&jobs, 1), linux_vmm_page(1, 0x2000));
	linux_expect("bad", linux_run(&vmm.guest, 0),
		     first ? LINUX_LOST : LINUX_FOREVER);
	ck_assert_uint_eq(vmm.guest.counts.lost, first);
	ck_assert_uint_eq(vmm.guest.counts.gave_up, first);
	ck_assert_uint_eq(vmm.shown, IOMMUNEST_VTD_FSTS_IQE);
	linux_vmm_close(&vmm);
}

/*
 * It takes its slots for free right after it has cleared the bit, and another
 * CPU waits for them: none of them may still be unread then.
 */
TEST_LOOP(a_guest_uses_its_slots_again_after_its_fault, OWN_FAULTS)
{
	struct linux_jobs jobs = { 0 };
	struct linux_flush bad = { .desc = guest_typed(15), .targets = 1 };
	unsigned int cpu, i;

	open_own_fault(&jobs, _i, LINUX_CPUS);
	for (cpu = 0; cpu < LINUX_CPUS; cpu++) {
		struct linux_job *job = linux_jobs_add(&jobs, cpu);

		for (i = 0; i < LINUX_FLUSHES; i++)
			linux_add(job,
				  cpu || i ? linux_vmm_page(1, 0x1000) : bad);
	}
	linux_expect("full", linux_run(&vmm.guest, 0), LINUX_LOST);
	ck_assert_uint_eq(vmm.guest.counts.lost, 1);
	ck_assert_uint_eq(vmm.guest.counts.returned, LINUX_CPUS);
	linux_vmm_close(&vmm);
}

/* ---- The host or the VMM fails ---- */

static const struct linux_row rows[] = {
	{
		.name = "nothing",
		.job = { PAGE, BAD, FOREIGN, PASID_CACHE },
		.did = 1,
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "EIO once, at the only entry",
		.job = { BAD },
		.did = 1,
		.rules = { LINUX_ENTRY(VMM_HWPT, -EIO, 1) },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "EIO once, at the second of three",
		.job = { PAGE, BAD, PAGE },
		.did = 1,
		.rules = { LINUX_ENTRY(VMM_HWPT, -EIO, 1) },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "EIO at this page always, and not at all pages",
		.job = { BAD },
		.did = 1,
		.rules = { LINUX_ENTRY(VMM_HWPT, -EIO, 0) },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "the same, at the second of three",
		.job = { PAGE, BAD, PAGE },
		.did = 1,
		.rules = { LINUX_ENTRY(VMM_HWPT, -EIO, 0) },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "the same, with the policy that stops",
		.job = { PAGE, BAD, PAGE },
		.did = 1,
		.rules = { LINUX_ENTRY(VMM_HWPT, -EIO, 0) },
		.policy = IOMMUNEST_VTD_IQ_STOP,
		.wanted = LINUX_HALTED,
	},
	{
		.name = "the first call fails",
		.job = { PAGE, BAD },
		.did = 1,
		.rules = { LINUX_CALL(HOST_FAIL_CALL, VMM_HWPT, -EIO, 1) },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "the first call fails, and its count says nothing",
		.job = { PAGE, BAD },
		.did = 1,
		.rules = { LINUX_CALL(HOST_FAIL_UNTOUCHED, VMM_HWPT, -ENOMEM,
				      1) },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "an \"all\" of the guest's own, once",
		.job = { PAGE, IOTLB },
		.did = 1,
		.rules = { LINUX_ALL(VMM_HWPT, -EIO, 1) },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "EIO once, between flushes of another domain",
		.job = { OTHER, BAD, OTHER },
		.did = 1,
		.rules = { LINUX_ENTRY(VMM_HWPT, -EIO, 1) },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "EIO that lasts, isolated",
		.job = { BAD },
		.did = 1,
		.rules = { LINUX_ANY_ENTRY(VMM_HWPT, -EIO, 0) },
		.isolate = LINUX_ISOLATE_WORKS,
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "the same, at the second of three",
		.job = { PAGE, BAD, PAGE },
		.did = 1,
		.rules = { LINUX_ANY_ENTRY(VMM_HWPT, -EIO, 0) },
		.isolate = LINUX_ISOLATE_WORKS,
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "EIO that lasts, not isolated",
		.job = { BAD },
		.did = 1,
		.rules = { LINUX_ANY_ENTRY(VMM_HWPT, -EIO, 0) },
		.isolate = LINUX_ISOLATE_FAILS,
		.wanted = LINUX_HALTED,
	},
	{
		.name = "EIO that lasts, not isolated, shown as ITE",
		.job = { PAGE, BAD },
		.did = 1,
		.rules = { LINUX_ANY_ENTRY(VMM_HWPT, -EIO, 0) },
		.isolate = LINUX_ISOLATE_FAILS,
		.unhealed = IOMMUNEST_VTD_UNHEALED_ITE,
		.wanted = LINUX_FOREVER,
	},
	{
		.name = "EIO at an entry and at \"all\", shown as ITE",
		.job = { BAD },
		.did = 1,
		.rules = { LINUX_ANY_ENTRY(VMM_HWPT, -EIO, 2) },
		.isolate = LINUX_ISOLATE_FAILS,
		.unhealed = IOMMUNEST_VTD_UNHEALED_ITE,
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "one of two targets, once",
		.job = { PAGE, BAD },
		.did = 3,
		.rules = { LINUX_ENTRY(VMM_HWPT + 3, -EIO, 1) },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "one of two targets, the first one, always",
		.job = { BAD, PAGE },
		.did = 3,
		.rules = { LINUX_ANY_ENTRY(VMM_HWPT + 2, -EIO, 0) },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "one of two targets, the second one, not isolated",
		.job = { BAD, PAGE },
		.did = 3,
		.rules = { LINUX_ANY_ENTRY(VMM_HWPT + 3, -EIO, 0) },
		.isolate = LINUX_ISOLATE_FAILS,
		.wanted = LINUX_HALTED,
	},
	{
		.name = "both targets, once",
		.job = { BAD, PAGE },
		.did = 3,
		.rules = { LINUX_ENTRY(VMM_HWPT + 2, -EIO, 1),
			   LINUX_ENTRY(VMM_HWPT + 3, -EIO, 1) },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "ETIMEDOUT once",
		.job = { PAGE, BAD },
		.did = 1,
		.rules = { LINUX_ENTRY(VMM_HWPT, -ETIMEDOUT, 1) },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "ETIMEDOUT that lasts",
		.job = { PAGE, BAD },
		.did = 1,
		.rules = { LINUX_ANY_ENTRY(VMM_HWPT, -ETIMEDOUT, 0) },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "EREMOTEIO of the host, once",
		.job = { PAGE, BAD },
		.did = 1,
		.rules = { LINUX_ENTRY(VMM_HWPT, -EREMOTEIO, 1) },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "EREMOTEIO of the VMM, which has done it, once",
		.job = { FOREIGN, PAGE },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_DEV_TLB, -EREMOTEIO, 1, true },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "the same, always",
		.job = { PAGE, FOREIGN, PAGE },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_DEV_TLB, -EREMOTEIO, 0, true },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "an emulated device that is gone, or silent and cut "
			"off",
		.job = { FOREIGN, PAGE, DEV_TLB },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_DEV_TLB, 0, 0, true },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "an emulated device's time-out that the VMM returns",
		.job = { FOREIGN, PAGE, DEV_TLB },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_DEV_TLB, -ETIMEDOUT, 0, false },
		.wanted = LINUX_HALTED,
	},
	{
		.name = "the same, once, and shown as ITE",
		.job = { PAGE, FOREIGN, PAGE },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_DEV_TLB, -ETIMEDOUT, 1, false },
		.unhealed = IOMMUNEST_VTD_UNHEALED_ITE,
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "an attach that fails and that the VMM returns",
		.job = { PASID_CACHE, PAGE },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_PASID_CACHE, -EBUSY, 1, false },
		.wanted = LINUX_HALTED,
	},
	{
		.name = "the same, always, at the second",
		.job = { PAGE, PASID_CACHE },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_PASID_CACHE, -EBUSY, 0, false },
		.wanted = LINUX_HALTED,
	},
	{
		.name = "an attach that fails once, shown as ITE",
		.job = { PASID_CACHE, PAGE },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_PASID_CACHE, -EBUSY, 1, false },
		.unhealed = IOMMUNEST_VTD_UNHEALED_ITE,
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "an attach that fails once, and is tried again",
		.job = { PASID_CACHE, PAGE },
		.did = 1,
		.attach = { -EBUSY, 1 },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "an attach that fails always: the device is detached",
		.job = { PAGE, PASID_CACHE, PAGE, DEV_TLB },
		.did = 1,
		.attach = { -EBUSY, 0 },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "the same, with an error that is not tried again",
		.job = { PASID_CACHE, PAGE },
		.did = 3,
		.attach = { -EINVAL, 0 },
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "the same, and the next descriptor brings it back",
		.job = { PASID_CACHE, PAGE, PASID_CACHE, PAGE },
		.did = 1,
		.attach = { -EINVAL, 1 },
		.readmits = true,
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "EIO in a drain",
		.job = { FENCE, BAD, DEV_TLB },
		.did = 1,
		.rules = { LINUX_ENTRY(VMM_HWPT, -EIO, 1) },
		.wanted = LINUX_ALL_DONE,
	},
};

TEST_LOOP(a_failure_has_its_outcome, 2 * ARRAY_LEN(rows))
{
	linux_row_run(&rows[_i / 2], _i & 1 ? LINUX_EXACT : LINUX_BY_TWO);
}
