/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What an entry costs, in arrays of several lengths, and what the unmapping of
 * a page does: the least of some rounds.  A time means something only beside
 * the same of another kernel, on the same machine when it is quiet; bench.sh
 * shows them side by side.  With IOMMUNEST_BENCH_ONCE=N an array of N is sent, and
 * nothing is measured, for whoever looks at the queue from outside.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define MAX_ENTRIES 4096u
#define ENTRIES_PER_ROUND 4096u
#define ROUNDS 8u
/* Of a single call, between two ticks of the kernel's. */
#define CALLS 64u

static struct iommu_hwpt_vtd_s1_invalidate entries[MAX_ENTRIES];
static const uint32_t lengths[] = { 1, 4, 16, 64, 256, 4096 };

#define ARRAY_SIZE(array_) (sizeof(array_) / sizeof(*(array_)))

/* ---- Entries ---- */

/* 0: a call failed. */
static uint64_t one_round(const struct conf_env *env, uint32_t length,
			  uint32_t calls)
{
	struct iommu_hwpt_invalidate cmd = conf_call(env, entries, length);
	uint64_t start = bench_now();
	uint32_t i;

	for (i = 0; i < calls; i++) {
		cmd.entry_num = length;
		if (ioctl(env->fd, IOMMU_HWPT_INVALIDATE, &cmd))
			return 0;
	}
	return bench_now() - start;
}

/*
 * A time needs many calls, because a clock is coarse; instructions are exact,
 * and one call is least disturbed.
 */
static bool measure(const struct conf_env *env, const char *name,
		    uint32_t length)
{
	uint32_t calls = bench_counts() ? 1 : ENTRIES_PER_ROUND / length;
	uint32_t rounds = bench_counts() ? CALLS : ROUNDS;
	uint64_t best = UINT64_MAX, took;

	while (rounds--) {
		took = one_round(env, length, calls);
		if (!took)
			return false;
		if (took < best)
			best = took;
	}
	printf("%s %u %.1f %s\n", name, length,
	       (double)best / (double)calls / (double)length, bench_unit());
	return true;
}

/* ---- A page ---- */

static bool measure_unmap(struct real *real, const char *name)
{
	uint64_t best = UINT64_MAX, took;
	unsigned int i;

	if (real_attach(real, real->first, real->env.ioas) || !bench_map(real))
		return false;
	for (i = 0; i < CALLS; i++) {
		took = bench_unmap(real);
		if (!took)
			return false;
		if (took < best)
			best = took;
	}
	printf("%s-unmap 1 %.1f %s\n", name, (double)best, bench_unit());
	return true;
}

/* ---- With each device ---- */

static bool measure_all(struct real *real, const char *name)
{
	const char *once = getenv("IOMMUNEST_BENCH_ONCE");
	size_t i;

	if (once)
		return one_round(&real->env, (uint32_t)atoi(once), 1);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		if (!measure(&real->env, name, lengths[i]))
			return false;
	}
	return measure_unmap(real, name);
}

static int run(unsigned int device, const char *name)
{
	struct real real;
	int ret = EXIT_SUCCESS;

	if (real_open(&real, device, NULL) || real_populate(&real)) {
		printf("no device to measure with: %s\n", real.env.why);
		return 77;
	}
	if (!measure_all(&real, name)) {
		perror(name);
		ret = EXIT_FAILURE;
	}
	real_close(&real);
	return ret;
}

int main(void)
{
	uint32_t i;
	int ret;

	for (i = 0; i < MAX_ENTRIES; i++)
		entries[i] = (struct iommu_hwpt_vtd_s1_invalidate){
			.addr = (uint64_t)(i + 1) << 13,
			.npages = 1,
		};
	ret = run(0, "array");
	return ret ? ret : run(1, "ats-array");
}
