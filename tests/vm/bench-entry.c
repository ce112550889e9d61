/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * How long an entry takes, in arrays of several lengths: the least of some
 * rounds.  It means something only beside the same of another kernel, on the
 * same machine when it is quiet; bench.sh shows them side by side.  What can be
 * counted, the submissions, is a test of vm-errors.
 */
#include "real.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_ENTRIES 4096u
#define ENTRIES_PER_ROUND 8192u
#define ROUNDS 8u

static struct iommu_hwpt_vtd_s1_invalidate entries[MAX_ENTRIES];

static uint64_t now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

/* 0: a call failed. */
static uint64_t one_round(struct conf_env *env, uint32_t length)
{
	uint64_t start = now();
	uint32_t left;

	for (left = ENTRIES_PER_ROUND; left; left -= length) {
		struct iommu_hwpt_invalidate cmd =
			conf_call(env, entries, length);

		if (!conf_invalidate_is(env, &cmd, 0, length))
			return 0;
	}
	return now() - start;
}

static bool measure(struct conf_env *env, uint32_t length)
{
	uint64_t best = UINT64_MAX, took;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		took = one_round(env, length);
		if (!took)
			return false;
		if (took < best)
			best = took;
	}
	printf("array %u ns %llu\n", length,
	       (unsigned long long)(best / ENTRIES_PER_ROUND));
	return true;
}

int main(void)
{
	static const uint32_t lengths[] = { 1, 16, 64, 256, 1024, 4096 };
	struct real real;
	uint32_t i;

	if (real_open(&real, 0, NULL) || real_populate(&real)) {
		printf("no device to measure with: %s\n", real.env.why);
		return 77;
	}
	for (i = 0; i < MAX_ENTRIES; i++)
		entries[i] = (struct iommu_hwpt_vtd_s1_invalidate){
			.addr = (uint64_t)(i + 1) << 13,
			.npages = 1,
		};
	for (i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		if (!measure(&real.env, lengths[i])) {
			printf("%s\n", real.env.why);
			return EXIT_FAILURE;
		}
	}
	real_close(&real);
	return EXIT_SUCCESS;
}
