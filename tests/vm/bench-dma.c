/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What it costs a driver of the host to unmap a page, with iommu.strict=1: the
 * kernel's own benchmark (CONFIG_DMA_MAP_BENCHMARK), on a device that nothing
 * else uses.  It tells an average; with QEMU counting instructions, the tick of
 * the kernel is all that disturbs it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEVICE "0000:00:04.0"
#define DRIVER "dma_map_benchmark"

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
#define DMA_MAP_BENCHMARK _IOWR('d', 1, struct map_benchmark)

static int write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -1;
	len = write(fd, text, strlen(text));
	close(fd);
	return len < 0 ? -1 : 0;
}

static int bind_device(void)
{
	if (write_to("/sys/bus/pci/devices/" DEVICE "/driver_override", DRIVER))
		return -1;
	return write_to("/sys/bus/pci/drivers_probe", DEVICE);
}

/* An instruction is 2^shift nanoseconds; 100 of those are the unit. */
static double instructions(uint64_t units)
{
	const char *shift = getenv("IOMMUNEST_ICOUNT");

	return (double)units * 100 / (double)(1u << atoi(shift ? shift : "0"));
}

int main(void)
{
	struct map_benchmark bench = {
		.threads = 1,
		.seconds = 20,
		.node = -1,
		.dma_bits = 32,
		.granule = 1,
	};
	int fd;

	if (bind_device()) {
		perror(DEVICE);
		return 77;
	}
	fd = open("/sys/kernel/debug/" DRIVER, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		perror(DRIVER);
		return 77;
	}
	if (ioctl(fd, DMA_MAP_BENCHMARK, &bench)) {
		perror("DMA_MAP_BENCHMARK");
		return EXIT_FAILURE;
	}
	close(fd);
	printf("dma-map 1 %.1f instructions\n", instructions(bench.map));
	printf("dma-unmap 1 %.1f instructions\n", instructions(bench.unmap));
	printf("deviation %.1f\n", instructions(bench.unmap_deviation));
	return EXIT_SUCCESS;
}
