/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What does Linux's driver make of what the engine shows it?  In both its
 * forms; the engine in the write of IQT_REG, in a bottom half, or at any time.
 */
#include <errno.h>
#include <string.h>

#include "tests/harness/linux-jobs.h"
#include "tests/queue/linux-vmm.h"

static struct linux_vmm vmm;

static void expect(const char *what, unsigned int outcomes, unsigned int wanted)
{
	char text[80];

	if (outcomes == wanted)
		return;
	strcpy(text, linux_outcome_text(outcomes));
	ck_abort_msg("%s: %s; wanted: %s", what, text,
		     linux_outcome_text(wanted));
}

/* ---- Nothing fails ---- */

#define JOBS 300u

static const struct linux_domain domains[] = {
	{ 1, VMM_BIT(VMM_HWPT) },
	{ 2, VMM_BIT(VMM_HWPT + 1) },
	{ 3, VMM_BIT(VMM_HWPT + 2) | VMM_BIT(VMM_HWPT + 3) },
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
	expect("random",
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
	expect("bad", linux_run(&vmm.guest, 0),
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
	expect("full", linux_run(&vmm.guest, 0), LINUX_LOST);
	ck_assert_uint_eq(vmm.guest.counts.lost, 1);
	ck_assert_uint_eq(vmm.guest.counts.returned, LINUX_CPUS);
	linux_vmm_close(&vmm);
}

/* ---- The host or the VMM fails ---- */

#define BAD_ADDR UINT64_C(0x7000)

enum kind {
	END,
	PAGE,
	/* The page that the rule may be about. */
	BAD,
	/* A page of another domain. */
	OTHER,
	FENCE,
	IOTLB,
	DEV_TLB,
	/* Of an emulated device. */
	FOREIGN,
	PASID_CACHE,
};

struct failure {
	const char *name;
	/* What the CPU in the middle submits, and of which domain. */
	enum kind job[5];
	unsigned int did;
	struct host_rule rule;
	struct linux_answer answer;
	uint32_t policy;
	enum linux_isolate isolate;
	enum iommunest_vtd_iq_unhealed unhealed;
	/*
	 * All outcomes there are to be, over whoever polls first, all places,
	 * budgets and times; enum linux_outcome.
	 */
	unsigned int wanted;
};

#define ENTRY(hwpt_id_, error_, times_)                                    \
	{                                                                  \
		.fault = HOST_FAIL_ENTRY, .error = (error_),               \
		.hwpt_id = (hwpt_id_), .addr = BAD_ADDR, .times = (times_) \
	}
/* Its "all", too. */
#define ANY_ENTRY(hwpt_id_, error_, times_)                   \
	{                                                     \
		.fault = HOST_FAIL_ENTRY, .error = (error_),  \
		.hwpt_id = (hwpt_id_), .addr = HOST_ANY_ADDR, \
		.times = (times_)                             \
	}
#define CALL(fault_, error_, times_)                                       \
	{                                                                  \
		.fault = (fault_), .error = (error_), .hwpt_id = VMM_HWPT, \
		.times = (times_)                                          \
	}
#define DONE LINUX_ALL_DONE
#define LOST LINUX_LOST
#define FOREVER LINUX_FOREVER
#define LOCKUP LINUX_LOCKUP
#define HALTED LINUX_HALTED

static const struct failure failures[] = {
	{
		.name = "nothing",
		.job = { PAGE, BAD, FOREIGN, PASID_CACHE },
		.did = 1,
		.wanted = DONE,
	},
	{
		.name = "EIO once, at the only entry",
		.job = { BAD },
		.did = 1,
		.rule = ENTRY(VMM_HWPT, -EIO, 1),
		.wanted = DONE,
	},
	{
		.name = "EIO once, at the second of three",
		.job = { PAGE, BAD, PAGE },
		.did = 1,
		.rule = ENTRY(VMM_HWPT, -EIO, 1),
		.wanted = DONE,
	},
	{
		.name = "EIO at this page always, and not at all pages",
		.job = { BAD },
		.did = 1,
		.rule = ENTRY(VMM_HWPT, -EIO, 0),
		.wanted = DONE,
	},
	{
		.name = "the same, at the second of three",
		.job = { PAGE, BAD, PAGE },
		.did = 1,
		.rule = ENTRY(VMM_HWPT, -EIO, 0),
		.wanted = DONE,
	},
	{
		.name = "the same, with the policy that stops",
		.job = { PAGE, BAD, PAGE },
		.did = 1,
		.rule = ENTRY(VMM_HWPT, -EIO, 0),
		.policy = IOMMUNEST_VTD_IQ_STOP,
		.wanted = HALTED,
	},
	{
		.name = "the first call fails",
		.job = { PAGE, BAD },
		.did = 1,
		.rule = CALL(HOST_FAIL_CALL, -EIO, 1),
		.wanted = DONE,
	},
	{
		.name = "the first call fails, and its count says nothing",
		.job = { PAGE, BAD },
		.did = 1,
		.rule = CALL(HOST_FAIL_UNTOUCHED, -ENOMEM, 1),
		.wanted = DONE,
	},
	{
		.name = "an \"all\" of the guest's own, once",
		.job = { PAGE, IOTLB },
		.did = 1,
		.rule = {
			.fault = HOST_FAIL_ENTRY,
			.error = -EIO,
			.hwpt_id = VMM_HWPT,
			.addr = HOST_ANY_ADDR,
			.npages = UINT64_MAX,
			.times = 1,
		},
		.wanted = DONE,
	},
	{
		.name = "EIO once, between flushes of another domain",
		.job = { OTHER, BAD, OTHER },
		.did = 1,
		.rule = ENTRY(VMM_HWPT, -EIO, 1),
		.wanted = DONE,
	},
	{
		.name = "EIO that lasts, isolated",
		.job = { BAD },
		.did = 1,
		.rule = ANY_ENTRY(VMM_HWPT, -EIO, 0),
		.isolate = LINUX_ISOLATE_WORKS,
		.wanted = DONE,
	},
	{
		.name = "the same, at the second of three",
		.job = { PAGE, BAD, PAGE },
		.did = 1,
		.rule = ANY_ENTRY(VMM_HWPT, -EIO, 0),
		.isolate = LINUX_ISOLATE_WORKS,
		.wanted = DONE,
	},
	{
		.name = "EIO that lasts, not isolated",
		.job = { BAD },
		.did = 1,
		.rule = ANY_ENTRY(VMM_HWPT, -EIO, 0),
		.isolate = LINUX_ISOLATE_FAILS,
		.wanted = HALTED,
	},
	{
		.name = "EIO that lasts, not isolated, shown as ITE",
		.job = { PAGE, BAD },
		.did = 1,
		.rule = ANY_ENTRY(VMM_HWPT, -EIO, 0),
		.isolate = LINUX_ISOLATE_FAILS,
		.unhealed = IOMMUNEST_VTD_UNHEALED_ITE,
		.wanted = FOREVER,
	},
	{
		.name = "EIO at an entry and at \"all\", shown as ITE",
		.job = { BAD },
		.did = 1,
		.rule = ANY_ENTRY(VMM_HWPT, -EIO, 2),
		.isolate = LINUX_ISOLATE_FAILS,
		.unhealed = IOMMUNEST_VTD_UNHEALED_ITE,
		.wanted = DONE,
	},
	{
		.name = "one of two targets, once",
		.job = { PAGE, BAD },
		.did = 3,
		.rule = ENTRY(VMM_HWPT + 3, -EIO, 1),
		.wanted = DONE,
	},
	{
		.name = "one of two targets, the first one, always",
		.job = { BAD, PAGE },
		.did = 3,
		.rule = ANY_ENTRY(VMM_HWPT + 2, -EIO, 0),
		.wanted = DONE,
	},
	{
		.name = "one of two targets, the second one, not isolated",
		.job = { BAD, PAGE },
		.did = 3,
		.rule = ANY_ENTRY(VMM_HWPT + 3, -EIO, 0),
		.isolate = LINUX_ISOLATE_FAILS,
		.wanted = HALTED,
	},
	{
		.name = "both targets, once",
		.job = { BAD, PAGE },
		.did = 3,
		.rule = ENTRY(HOST_ANY_HWPT, -EIO, 2),
		.wanted = DONE,
	},
	{
		.name = "ETIMEDOUT once",
		.job = { PAGE, BAD },
		.did = 1,
		.rule = ENTRY(VMM_HWPT, -ETIMEDOUT, 1),
		.wanted = DONE,
	},
	{
		.name = "ETIMEDOUT that lasts",
		.job = { PAGE, BAD },
		.did = 1,
		.rule = ANY_ENTRY(VMM_HWPT, -ETIMEDOUT, 0),
		.wanted = DONE,
	},
	{
		.name = "EREMOTEIO of the host, once",
		.job = { PAGE, BAD },
		.did = 1,
		.rule = ENTRY(VMM_HWPT, -EREMOTEIO, 1),
		.wanted = DONE,
	},
	{
		.name = "EREMOTEIO of the VMM, which has done it, once",
		.job = { FOREIGN, PAGE },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_DEV_TLB, -EREMOTEIO, 1, true },
		.wanted = DONE,
	},
	{
		.name = "the same, always",
		.job = { PAGE, FOREIGN, PAGE },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_DEV_TLB, -EREMOTEIO, 0, true },
		.wanted = DONE,
	},
	{
		.name = "an emulated device that is gone, or silent and cut "
			"off",
		.job = { FOREIGN, PAGE, DEV_TLB },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_DEV_TLB, 0, 0, true },
		.wanted = DONE,
	},
	{
		.name = "an emulated device's time-out that the VMM returns",
		.job = { FOREIGN, PAGE, DEV_TLB },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_DEV_TLB, -ETIMEDOUT, 0, false },
		.wanted = HALTED,
	},
	{
		.name = "the same, once, and shown as ITE",
		.job = { PAGE, FOREIGN, PAGE },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_DEV_TLB, -ETIMEDOUT, 1, false },
		.unhealed = IOMMUNEST_VTD_UNHEALED_ITE,
		.wanted = DONE,
	},
	{
		.name = "an attach that fails and that the VMM returns",
		.job = { PASID_CACHE, PAGE },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_PASID_CACHE, -EBUSY, 1, false },
		.wanted = HALTED,
	},
	{
		.name = "the same, always, at the second",
		.job = { PAGE, PASID_CACHE },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_PASID_CACHE, -EBUSY, 0, false },
		.wanted = HALTED,
	},
	{
		.name = "an attach that fails once, shown as ITE",
		.job = { PASID_CACHE, PAGE },
		.did = 1,
		.answer = { IOMMUNEST_VTD_DESC_PASID_CACHE, -EBUSY, 1, false },
		.unhealed = IOMMUNEST_VTD_UNHEALED_ITE,
		.wanted = DONE,
	},
	{
		.name = "EIO in a drain",
		.job = { FENCE, BAD, DEV_TLB },
		.did = 1,
		.rule = ENTRY(VMM_HWPT, -EIO, 1),
		.wanted = DONE,
	},
};

static struct linux_flush flush_of(const struct failure *failure,
				   enum kind kind)
{
	struct linux_job drain;

	switch (kind) {
	case BAD:
		return linux_vmm_page(failure->did, BAD_ADDR);
	case OTHER:
		return linux_vmm_page(2, 0xb000);
	case FENCE:
		linux_drain(&drain, linux_vmm_page(1, 0), linux_vmm_page(1, 0));
		return drain.flushes[0];
	case IOTLB:
		return linux_vmm_iotlb(failure->did);
	case DEV_TLB:
		return linux_vmm_dev_tlb(VMM_SID, 0x9000);
	case FOREIGN:
		return linux_vmm_dev_tlb(VMM_FOREIGN, 0x9000);
	case PASID_CACHE:
		return linux_vmm_pasid_cache(failure->did);
	default:
		return linux_vmm_page(failure->did, 0xa000);
	}
}

/* The one in the middle is about the failure; the others are well. */
static void add_jobs(struct linux_jobs *jobs, const struct failure *failure)
{
	struct linux_job *job = linux_jobs_add(jobs, 1);
	unsigned int i;

	for (i = 0; failure->job[i]; i++)
		linux_add(job, flush_of(failure, failure->job[i]));
	job->drain = failure->job[0] == FENCE;
	linux_add(linux_jobs_add(jobs, 0), linux_vmm_page(2, 0x1000));
	linux_add(linux_jobs_add(jobs, 0), linux_vmm_page(1, 0x2000));
	job = linux_jobs_add(jobs, 2);
	for (i = 0; i < 3; i++)
		linux_add(job, linux_vmm_page(2, 0x10000 + (i << 12)));
	job = linux_jobs_add(jobs, 2);
	for (i = 0; i < 2; i++)
		linux_add(job, linux_vmm_page(1, 0x20000 + (i << 12)));
}

#define FAILURE_CPUS 3u

/* Where and when: a number from 0 to VARIANTS - 1 says all of it. */
static const unsigned int places[] = { 0, 1, 2, 119, 122, 123, 125, 126, 127 };
static const unsigned int failure_budgets[] = { 0, 1, 3 };

#define VARIANTS                                                   \
	(FAILURE_CPUS * LINUX_WHENS * ARRAY_LEN(failure_budgets) * \
	 ARRAY_LEN(places))

static unsigned int pick(unsigned int *variant, size_t n)
{
	unsigned int choice = *variant % (unsigned int)n;

	*variant /= (unsigned int)n;
	return choice;
}

/* What the guest was shown is added to *@shown. */
static unsigned int outcome_of(const struct failure *failure,
			       enum linux_form form, unsigned int variant,
			       uint32_t *shown)
{
	struct linux_jobs jobs = { 0 };
	unsigned int first = pick(&variant, FAILURE_CPUS);
	const struct linux_vmm_setup setup = {
		.form = form,
		.when = pick(&variant, LINUX_WHENS),
		.isolate = failure->isolate,
		.unhealed = failure->unhealed,
		.policy = failure->policy,
		.budget = failure_budgets[pick(&variant,
					       ARRAY_LEN(failure_budgets))],
		.cpus = FAILURE_CPUS,
		.next_job = linux_jobs_next,
		.data = &jobs,
	};
	unsigned int outcome;

	linux_vmm_open(&vmm, &setup);
	add_jobs(&jobs, failure);
	linux_advance(&vmm.guest, places[pick(&variant, ARRAY_LEN(places))]);
	if (failure->rule.error)
		host_fail(&vmm.host, failure->rule);
	vmm.answer = failure->answer;
	outcome = linux_run(&vmm.guest, first);
	*shown |= vmm.shown;
	linux_vmm_close(&vmm);
	return outcome;
}

/* Nothing is promised to the old form where the VMM asked for ITE. */
static void expect_wanted(const struct failure *failure, enum linux_form form,
			  unsigned int outcomes)
{
	if (form == LINUX_EXACT ||
	    failure->unhealed != IOMMUNEST_VTD_UNHEALED_ITE)
		expect(failure->name, outcomes, failure->wanted);
}

/* IQE is the guest's own fault, and ITE what the VMM asked for. */
static uint32_t may_be_shown(const struct failure *failure)
{
	uint32_t fsts = IOMMUNEST_VTD_FSTS_ICE;

	if (failure->unhealed == IOMMUNEST_VTD_UNHEALED_ITE)
		fsts |= IOMMUNEST_VTD_FSTS_ITE;
	return fsts;
}

TEST_LOOP(a_failure_has_its_outcome, 2 * ARRAY_LEN(failures))
{
	const struct failure *failure = &failures[_i / 2];
	enum linux_form form = _i & 1 ? LINUX_EXACT : LINUX_BY_TWO;
	unsigned int outcomes = 0;
	uint32_t shown = 0;
	unsigned int i;

	for (i = 0; i < VARIANTS; i++)
		outcomes |= outcome_of(failure, form, i, &shown);
	expect_wanted(failure, form, outcomes);
	ck_assert_uint_eq(shown & ~may_be_shown(failure), 0);
}
