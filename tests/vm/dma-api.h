/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the host's own drivers do, by the kernel's benchmark of the DMA API
 * (CONFIG_DMA_MAP_BENCHMARK), on a device that nothing else uses.
 */
#ifndef VM_DMA_API_H
#define VM_DMA_API_H

#include <stdint.h>

/* As in the kernel's map_benchmark.h. */
struct map_benchmark {
	uint64_t map;
	uint64_t map_deviation;
	uint64_t unmap;
	uint64_t unmap_deviation;
	uint32_t threads;
	uint32_t seconds;
	int32_t node;
	uint32_t dma_bits;
	uint32_t dma_dir;
	uint32_t dma_trans_ns;
	uint32_t granule;
	uint8_t expansion[76];
};

/*
 * Gives the device to the benchmark, and takes it back.  The errno that says
 * why not is negated.
 */
int dma_api_bind(void);
int dma_api_unbind(void);
/*
 * Lets what is unmapped be invalidated at once, as iommu.strict=1 does; of a
 * device without a driver.
 */
int dma_api_make_strict(void);
/* Maps and unmaps a page, again and again; @result: what that took. */
int dma_api_run(uint32_t seconds, struct map_benchmark *result);

#endif /* VM_DMA_API_H */
