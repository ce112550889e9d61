/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "bench.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>

#define PAGE 4096u

static unsigned char page[PAGE] __attribute__((aligned(PAGE)));

bool bench_counts(void)
{
	return getenv("IOMMUNEST_ICOUNT") != NULL;
}

static uint64_t clock_ns(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

uint64_t bench_now(void)
{
	return bench_counts() ? __builtin_ia32_rdtsc() : clock_ns();
}

const char *bench_unit(void)
{
	return bench_counts() ? "instructions" : "ns";
}

bool bench_map(const struct real *real)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = real->env.ioas,
		.user_va = (uintptr_t)page,
		.length = PAGE,
	};

	return !ioctl(real->env.fd, IOMMU_IOAS_MAP, &cmd);
}

uint64_t bench_unmap(const struct real *real)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = real->env.ioas,
		.length = PAGE,
	};
	uint64_t start = bench_now(), took;
	int ret = ioctl(real->env.fd, IOMMU_IOAS_UNMAP, &cmd);

	took = bench_now() - start;
	return ret || !bench_map(real) ? 0 : took;
}
