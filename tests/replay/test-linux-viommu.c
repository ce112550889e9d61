/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Linux's driver in front of the example's registers.  The simulator says what
 * is done: a flush is lost where its translation is still cached.
 */
#include <errno.h>
#include <string.h>

#include "tests/harness/linux-jobs.h"
#include "tests/harness/support.h"
#include "tests/replay/viommu-rig.h"

#define SLOTS 128u

/* Of struct linux_flush; only the judge looks at it. */
#define PAGES 1u
#define PASID_CACHE 2u

#define BAD_ADDR UINT64_C(0x700000)

FIXTURE(set_up, tear_down);

static struct linux_guest guest;

/* ---- The registers ---- */

static uint64_t read_reg(void *data, enum linux_reg reg)
{
	(void)data;
	switch (reg) {
	case LINUX_IQH:
		return read8(REG_IQH);
	case LINUX_IQT:
		return read8(REG_IQT);
	case LINUX_FSTS:
		return read4(REG_FSTS);
	default:
		return read8(REG_IQERCD);
	}
}

static void write_reg(void *data, enum linux_reg reg, uint64_t value)
{
	(void)data;
	write4(reg == LINUX_IQT ? REG_IQT : REG_FSTS, (uint32_t)value);
}

/* ---- The judge ---- */

/* A flush of all is judged by the first pages. */
static uint64_t pages_of(const struct linux_flush *flush)
{
	return flush->npages == UINT64_MAX ? 4 : flush->npages;
}

/* The device has just used what is to be flushed. */
static void submitted(void *data, struct linux_flush *flush)
{
	uint64_t i;
	int ret;

	(void)data;
	for (i = 0; i < pages_of(flush); i++) {
		ret = iommunest_sim_translate(sim, iommunest_fd(ctx),
					      viommu.nest.hwpt_id,
					      flush->addr + (i << 12), 0);
		if (ret)
			ck_abort_msg("translate: %d", ret);
	}
}

/* The device uses the guest's table of now, or none. */
static bool is_up_to_date(void)
{
	uint64_t root;

	memcpy(&root, memory + PASID_TABLE + 16, sizeof(root));
	return !viommu.nest.hwpt_id || viommu.nest.s1.pgtbl_addr == root;
}

static bool is_done(void *data, const struct linux_flush *flush)
{
	uint64_t i = 0;

	(void)data;
	if (flush->targets == PASID_CACHE)
		return is_up_to_date();
	while (i < pages_of(flush) &&
	       !(iommunest_sim_cached(sim, iommunest_fd(ctx),
				      viommu.nest.hwpt_id,
				      flush->addr + (i << 12)) &
		 IOMMUNEST_SIM_CACHED_LEAF))
		i++;
	return i == pages_of(flush);
}

static void start(enum linux_form form, unsigned int cpus,
		  bool (*next_job)(void *, unsigned int, struct linux_job *),
		  void *data)
{
	const struct linux_setup setup = {
		.form = form,
		.hw = { .read_reg = read_reg, .write_reg = write_reg },
		.memory = memory,
		.ring = RING,
		.status = STATUS,
		.slots = SLOTS,
		.cpus = cpus,
		.next_job = next_job,
		.data = data,
		.submitted = submitted,
		.is_done = is_done,
	};

	start_guest();
	linux_init(&guest, &setup);
}

static void expect(const char *what, unsigned int outcome, unsigned int wanted)
{
	if (outcome != wanted)
		ck_abort_msg("%s: %s", what, linux_outcome_text(outcome));
}

/* ---- Nothing fails ---- */

#define JOBS 400u

static const unsigned int cpus[] = { 1, 3, LINUX_CPUS };

static struct linux_flush pasid_cache(void)
{
	struct guest_desc desc = guest_typed(IOMMUNEST_VTD_DESC_PASID_CACHE);

	desc.words[0] |= IOMMUNEST_VTD_PASID_CACHE_PASID << 4 | (uint64_t)DID
									<< 16;
	return (struct linux_flush){ .desc = desc, .targets = PASID_CACHE };
}

/* What is the VMM's; now and then the guest's tables have changed. */
static struct linux_flush other_flush(struct support_rng *rng)
{
	if (support_rng_below(rng, 2) == 0)
		return (struct linux_flush){
			.desc = guest_dev_tlb(VIOMMU_SID, 0x1000, 0),
		};
	if (support_rng_below(rng, 4) == 0)
		set_pasid_entry(0x5000 + (support_rng_below(rng, 3) << 12));
	return pasid_cache();
}

TEST_LOOP(a_random_guest_loses_nothing_and_polls_for_nothing,
	  2 * ARRAY_LEN(cpus))
{
	static const struct linux_domain domain = { DID, PAGES };
	struct support_rng rng;
	struct linux_random random = {
		.rng = &rng,
		.domains = &domain,
		.n_domains = 1,
		.left = JOBS,
		.other = other_flush,
	};

	support_rng_start(&rng, "linux-viommu");
	start(_i & 1 ? LINUX_EXACT : LINUX_BY_TWO, cpus[_i / 2],
	      linux_random_next, &random);
	linux_advance(&guest, support_rng_below(&rng, SLOTS));
	expect("random", linux_run(&guest, 0), LINUX_ALL_DONE);
	ck_assert_uint_eq(guest.counts.submissions, JOBS);
	ck_assert_uint_eq(guest.counts.gave_up, 0);
	ck_assert_uint_eq(guest.counts.writes[LINUX_FSTS], 0);
}

/* ---- The host fails ---- */

/* By its number, whatever the registers of the example make of it. */
static const struct failure {
	const char *name;
	/* Pages; the PASID cache comes first. */
	unsigned int count;
	bool pasid_cache;
	/* The entry, or an ioctl that is no invalidation, that fails. */
	unsigned int entry;
	unsigned int ioctl;
	int error;
	unsigned int wanted;
} failures[] = {
	{
		.name = "EIO once, at the only entry",
		.count = 1,
		.entry = 1,
		.error = -EIO,
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "EIO once, at the second of three",
		.count = 3,
		.entry = 2,
		.error = -EIO,
		.wanted = LINUX_ALL_DONE,
	},
	{
		.name = "an attach that fails once",
		.count = 2,
		.pasid_cache = true,
		.ioctl = 1,
		.wanted = LINUX_ALL_DONE,
	},
};

static void add_jobs(struct linux_jobs *jobs, const struct failure *failure)
{
	struct linux_job *job = linux_jobs_add(jobs, 0);
	unsigned int i;

	if (failure->pasid_cache)
		linux_add(job, pasid_cache());
	for (i = 0; i < failure->count; i++)
		linux_add(job, linux_page(DID, BAD_ADDR + (i << 12), PAGES));
	linux_add(linux_jobs_add(jobs, 1), linux_page(DID, 0x1000, PAGES));
}

TEST_LOOP(a_failure_has_its_outcome, 2 * ARRAY_LEN(failures))
{
	const struct failure *failure = &failures[_i / 2];
	struct linux_jobs jobs = { 0 };

	start(_i & 1 ? LINUX_EXACT : LINUX_BY_TWO, 2, linux_jobs_next, &jobs);
	add_jobs(&jobs, failure);
	if (failure->pasid_cache)
		set_pasid_entry(0x6000);
	if (failure->entry)
		fail_entry(failure->entry, failure->error);
	if (failure->ioctl)
		fail_ioctl(ANY_BUT_INVALIDATE, failure->ioctl, 1, -ENOMEM);
	expect(failure->name, linux_run(&guest, 0), failure->wanted);
}
