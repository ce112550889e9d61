/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What it costs a driver of the host to unmap a page, with iommu.strict=1: the
 * kernel's own benchmark (CONFIG_DMA_MAP_BENCHMARK), on a device that nothing
 * else uses.  It tells an average; with QEMU counting instructions, the tick of
 * the kernel is all that disturbs it.
 */
#include "dma-api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An instruction is 2^shift nanoseconds; 100 of those are the unit. */
static double instructions(uint64_t units)
{
	const char *shift = getenv("IOMMUNEST_ICOUNT");

	return (double)units * 100 / (double)(1u << atoi(shift ? shift : "0"));
}

int main(void)
{
	struct map_benchmark bench;
	int ret = dma_api_bind();

	if (ret) {
		printf("no device for the DMA API: %s\n", strerror(-ret));
		return 77;
	}
	ret = dma_api_run(20, &bench);
	dma_api_unbind();
	if (ret) {
		printf("the DMA API's benchmark: %s\n", strerror(-ret));
		return EXIT_FAILURE;
	}
	printf("dma-map 1 %.1f instructions\n", instructions(bench.map));
	printf("dma-unmap 1 %.1f instructions\n", instructions(bench.unmap));
	printf("deviation %.1f\n", instructions(bench.unmap_deviation));
	return EXIT_SUCCESS;
}
