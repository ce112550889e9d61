/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What a guest's CPUs submit: lists, or at random. */
#ifndef TEST_LINUX_JOBS_H
#define TEST_LINUX_JOBS_H

#include "tests/harness/linux-guest.h"
#include "tests/harness/support.h"

/* ---- Lists ---- */

#define LINUX_JOBS 4u

struct linux_jobs {
	struct linux_job job[LINUX_CPUS][LINUX_JOBS];
	unsigned int count[LINUX_CPUS];
	unsigned int next[LINUX_CPUS];
};

/* The CPU's next job, which is empty: to be filled. */
struct linux_job *linux_jobs_add(struct linux_jobs *jobs, unsigned int cpu);
/* For linux_setup::next_job. */
bool linux_jobs_next(void *jobs, unsigned int cpu, struct linux_job *job);

/* ---- At random ---- */

/* A domain id, with a PASID, and who executes its flushes. */
struct linux_domain {
	uint16_t did;
	uint32_t targets;
	uint32_t pasid;
};

struct linux_random {
	struct support_rng *rng;
	const struct linux_domain *domains;
	unsigned int n_domains;
	/* Jobs that are left to all CPUs together. */
	unsigned int left;
	/* A flush that is none of the usual ones; may be NULL. */
	struct linux_flush (*other)(struct support_rng *rng);
};

/* For linux_setup::next_job. */
bool linux_random_next(void *random, unsigned int cpu, struct linux_job *job);

#endif /* TEST_LINUX_JOBS_H */
