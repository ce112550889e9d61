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

static void main_loop(void *data)
{
	(void)data;
	ck_assert_int_eq(viommu_work(&viommu), 0);
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
	if (!viommu.nest.hwpt_id)
		return;
	for (i = 0; i < pages_of(flush); i++) {
		ret = iommunest_sim_translate(sim, iommunest_fd(ctx),
					      viommu.nest.hwpt_id,
					      flush->addr + (i << 12), 0);
		if (ret)
			ck_abort_msg("translate: %d", ret);
	}
}

/* The device uses the guest's table of now, or nothing. */
static bool is_up_to_date(void)
{
	uint64_t root;

	memcpy(&root, memory + PASID_TABLE + 16, sizeof(root));
	if (attached_to != viommu.nest.hwpt_id)
		return false;
	return !attached_to || viommu.nest.s1.pgtbl_addr == root;
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
		.hw = {
			.read_reg = read_reg,
			.write_reg = write_reg,
			.work = main_loop,
		},
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
	static const struct linux_domain domain = { DID, PAGES, 0 };
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
	/* Pages, around a PASID-cache descriptor or not. */
	unsigned int before;
	bool pasid_cache;
	unsigned int after;
	/* The entry that fails, and how many from it on; or which ioctls. */
	unsigned int entry;
	unsigned int ioctl;
	unsigned int times;
	int error;
	/* The device is cut off, and the guest told. */
	bool blocked;
} failures[] = {
	{
		.name = "nothing",
		.before = 1,
		.pasid_cache = true,
		.after = 1,
	},
	{
		.name = "EIO once, at the only entry",
		.before = 1,
		.entry = 1,
		.times = 1,
		.error = -EIO,
	},
	{
		.name = "EIO once, at the second of three",
		.before = 3,
		.entry = 2,
		.times = 1,
		.error = -EIO,
	},
	{
		.name = "EIO at an entry, and at all in its place",
		.before = 3,
		.entry = 2,
		.times = 2,
		.error = -EIO,
		.blocked = true,
	},
	{
		.name = "the same, and a PASID-cache descriptor after it",
		.before = 3,
		.pasid_cache = true,
		.after = 2,
		.entry = 2,
		.times = 2,
		.error = -EIO,
	},
	{
		.name = "an attach that fails once",
		.before = 1,
		.pasid_cache = true,
		.after = 1,
		.ioctl = DEVICE_ATTACH,
		.times = 1,
		.error = -EBUSY,
	},
	{
		.name = "an attach that fails always",
		.before = 1,
		.pasid_cache = true,
		.after = 1,
		.ioctl = DEVICE_ATTACH,
		.error = -EBUSY,
		.blocked = true,
	},
	{
		.name = "the same, with an error that is not tried again",
		.pasid_cache = true,
		.ioctl = DEVICE_ATTACH,
		.error = -EINVAL,
		.blocked = true,
	},
	{
		.name = "no memory for an HWPT, ever",
		.pasid_cache = true,
		.after = 3,
		.ioctl = HWPT_ALLOC,
		.error = -ENOMEM,
		.blocked = true,
	},
};

static const unsigned int places[] = { 0, 1, 2, 119, 122, 123, 125, 126, 127 };

#define FAILURE_CPUS 3u

static void add_pages(struct linux_job *job, unsigned int count)
{
	for (; count; count--)
		linux_add(job,
			  linux_page(DID, BAD_ADDR + (count << 12), PAGES));
}

static void add_jobs(struct linux_jobs *jobs, const struct failure *failure)
{
	struct linux_job *job = linux_jobs_add(jobs, 1);

	add_pages(job, failure->before);
	if (failure->pasid_cache)
		linux_add(job, pasid_cache());
	add_pages(job, failure->after);
	linux_add(linux_jobs_add(jobs, 0), linux_page(DID, 0x1000, PAGES));
	linux_add(linux_jobs_add(jobs, 0), linux_page(DID, 0x2000, PAGES));
	add_pages(linux_jobs_add(jobs, 2), 2);
}

static void have_it_fail(const struct failure *failure)
{
	unsigned int i;

	if (failure->ioctl)
		fail_ioctl(failure->ioctl, 1, failure->times, failure->error);
	for (i = 0; failure->entry && i < failure->times; i++)
		fail_entry(failure->entry + i, failure->error);
}

/* All that a guest may see of it is that its device is blocked. */
static void expect_shown(const struct failure *failure, bool was_blocked)
{
	ck_assert_uint_eq(attached_to, viommu.nest.hwpt_id);
	ck_assert_int_eq(viommu.nest.dma,
			 failure->blocked ? VIOMMU_BLOCKED : VIOMMU_NESTED);
	ck_assert_uint_eq(read4(REG_FSTS), was_blocked ? FSTS_PPF : 0);
	ck_assert_uint_eq(read4(REG_FRCD + 12),
			  was_blocked ? FRCD_F | FAULT_ENTRY_ACCESS : 0);
	ck_assert_uint_eq(guest.counts.writes[LINUX_FSTS], 0);
}

static void run_one(const struct failure *failure, enum linux_form form,
		    unsigned int first, unsigned int place)
{
	struct linux_jobs jobs = { 0 };

	start(form, FAILURE_CPUS, linux_jobs_next, &jobs);
	add_jobs(&jobs, failure);
	linux_advance(&guest, place);
	if (failure->pasid_cache)
		set_pasid_entry(0x6000);
	have_it_fail(failure);
	expect(failure->name, linux_run(&guest, first), LINUX_ALL_DONE);
	expect_shown(failure, failure->blocked || failure->times > 1);
}

TEST_LOOP(a_failure_is_survived, 2 * ARRAY_LEN(failures))
{
	const struct failure *failure = &failures[_i / 2];
	unsigned int i;

	for (i = 0; i < FAILURE_CPUS * ARRAY_LEN(places); i++) {
		run_one(failure, _i & 1 ? LINUX_EXACT : LINUX_BY_TWO,
			i % FAILURE_CPUS, places[i / FAILURE_CPUS]);
		tear_down();
		set_up();
	}
}
