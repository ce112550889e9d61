/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "smmu-edu.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define IDENT 0x00
#define SOURCE 0x80
#define DESTINATION 0x88
#define COUNT 0x90
#define COMMAND 0x98
#define COMMAND_START 1u
#define COMMAND_TO_MEMORY 2u
/* The buffer, as a source or destination. */
#define BUFFER_AT 0x40000

static int region_of(int device, uint32_t index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){ .argsz = sizeof(*info),
					   .index = index };
	return ioctl(device, VFIO_DEVICE_GET_REGION_INFO, info) ? -errno : 0;
}

static int enable_dma(int device)
{
	struct vfio_region_info config;
	uint16_t command;
	int ret = region_of(device, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	off_t at = (off_t)config.offset + PCI_COMMAND;

	if (ret)
		return ret;
	if (pread(device, &command, sizeof(command), at) != sizeof(command))
		return -EIO;
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	return pwrite(device, &command, sizeof(command), at) == sizeof(command)
		       ? 0
		       : -EIO;
}

int edu_open(struct edu *edu, int device)
{
	struct vfio_region_info bar;
	int ret = region_of(device, VFIO_PCI_BAR0_REGION_INDEX, &bar);
	void *at;

	if (!ret)
		ret = enable_dma(device);
	if (ret)
		return ret;
	at = mmap(NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, device,
		  (off_t)bar.offset);
	if (at == MAP_FAILED)
		return -errno;
	edu->registers = at;
	edu->size = bar.size;
	return 0;
}

void edu_close(struct edu *edu)
{
	munmap((void *)(uintptr_t)edu->registers, edu->size);
}

static void write64(const struct edu *edu, unsigned int offset, uint64_t value)
{
	*(volatile uint64_t *)(volatile void *)(edu->registers + offset) =
		value;
}

static uint64_t read64(const struct edu *edu, unsigned int offset)
{
	return *(volatile uint64_t *)(volatile void *)(edu->registers + offset);
}

static void start(const struct edu *edu, uint64_t from, uint64_t to, size_t len,
		  uint32_t command)
{
	write64(edu, SOURCE, from);
	write64(edu, DESTINATION, to);
	write64(edu, COUNT, len);
	write64(edu, COMMAND, COMMAND_START | command);
}

void edu_start_read(const struct edu *edu, uint64_t iova, size_t len)
{
	start(edu, iova, BUFFER_AT, len, 0);
}

void edu_start_write(const struct edu *edu, uint64_t iova, size_t len)
{
	start(edu, BUFFER_AT, iova, len, COMMAND_TO_MEMORY);
}

void edu_wait(const struct edu *edu)
{
	const struct timespec some = { .tv_nsec = 2000000 };

	while (read64(edu, COMMAND) & COMMAND_START)
		nanosleep(&some, NULL);
}
