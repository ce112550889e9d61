/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "tests/harness/linux-jobs.h"

/* ---- Lists ---- */

struct linux_job *linux_jobs_add(struct linux_jobs *jobs, unsigned int cpu)
{
	if (jobs->count[cpu] == LINUX_JOBS)
		ck_abort_msg("too many jobs");
	return &jobs->job[cpu][jobs->count[cpu]++];
}

bool linux_jobs_next(void *data, unsigned int cpu, struct linux_job *job)
{
	struct linux_jobs *jobs = data;

	if (jobs->next[cpu] == jobs->count[cpu])
		return false;
	*job = jobs->job[cpu][jobs->next[cpu]++];
	return true;
}

/* ---- At random ---- */

static const struct linux_domain *
random_domain(const struct linux_random *random)
{
	return &random->domains[support_rng_below(random->rng,
						  random->n_domains)];
}

/* A block of up to 16 pages, among few enough that they meet. */
static struct linux_flush random_block(const struct linux_random *random)
{
	const struct linux_domain *domain = random_domain(random);
	unsigned int am = support_rng_below(random->rng, 5);
	uint64_t page = support_rng_below(random->rng, 256) >> am << am;

	return (struct linux_flush){
		.desc = guest_piotlb_pages(domain->did, domain->pasid,
					   page << 12, am, false),
		.targets = domain->targets,
		.addr = page << 12,
		.npages = UINT64_C(1) << am,
	};
}

static struct linux_flush random_all(const struct linux_random *random)
{
	const struct linux_domain *domain = random_domain(random);

	return (struct linux_flush){
		.desc = guest_piotlb_all(domain->did, domain->pasid),
		.targets = domain->targets,
		.npages = UINT64_MAX,
	};
}

static struct linux_flush random_flush(const struct linux_random *random)
{
	uint32_t choice = support_rng_below(random->rng, 16);

	if (choice == 0)
		return random_all(random);
	if (choice < 4 && random->other)
		return random->other(random->rng);
	return random_block(random);
}

/* Most are short, as a guest's are. */
static unsigned int random_count(const struct linux_random *random)
{
	uint32_t most = support_rng_below(random->rng, 4) ? 3 : LINUX_FLUSHES;

	return 1 + support_rng_below(random->rng, most);
}

bool linux_random_next(void *data, unsigned int cpu, struct linux_job *job)
{
	struct linux_random *random = data;
	unsigned int count;

	(void)cpu;
	if (!random->left)
		return false;
	random->left--;
	if (support_rng_below(random->rng, 8) == 0) {
		linux_drain(job, random_all(random), random_flush(random));
		return true;
	}
	for (count = random_count(random); count; count--)
		linux_add(job, random_flush(random));
	return true;
}
