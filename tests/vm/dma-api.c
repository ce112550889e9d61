/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "dma-api.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ADDRESS "0000:00:04.0"
#define DEVICE "/sys/bus/pci/devices/" ADDRESS "/"
#define DRIVER "dma_map_benchmark"

#define DMA_MAP_BENCHMARK _IOWR('d', 1, struct map_benchmark)

static int write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		ret = -errno;
	close(fd);
	return ret;
}

int dma_api_make_strict(void)
{
	return write_to(DEVICE "iommu_group/type", "DMA");
}

int dma_api_bind(void)
{
	int ret = write_to(DEVICE "driver_override", DRIVER);

	return ret ? ret : write_to("/sys/bus/pci/drivers_probe", ADDRESS);
}

int dma_api_unbind(void)
{
	int ret = write_to(DEVICE "driver/unbind", ADDRESS);

	return ret ? ret : write_to(DEVICE "driver_override", "\n");
}

int dma_api_run(uint32_t seconds, struct map_benchmark *result)
{
	int fd = open("/sys/kernel/debug/" DRIVER, O_RDWR | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	*result = (struct map_benchmark){
		.threads = 1,
		.seconds = seconds,
		.node = -1,
		.dma_bits = 32,
		.granule = 1,
	};
	if (ioctl(fd, DMA_MAP_BENCHMARK, result))
		ret = -errno;
	close(fd);
	return ret;
}
