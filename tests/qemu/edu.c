/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Registers: docs/specs/edu.rst of QEMU. */
#include <config.h>

#include "edu.h"

#include <errno.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DMA_SOURCE 0x80
#define DMA_TARGET 0x88
#define DMA_COUNT 0x90
#define DMA_COMMAND 0x98
#define DMA_RUN 1u
#define DMA_TO_MEMORY 2u
/* The buffer, as the device's registers name it. */
#define BUFFER 0x40000u

#define PCI_COMMAND 4
#define PCI_COMMAND_MEMORY 2u
#define PCI_COMMAND_MASTER 4u

/* Of the guest's clock.  A copy takes a tenth of a second. */
#define POLLS 5000u
#define POLL_MICROSECONDS 1000u

static int64_t offset_of(int device, uint32_t index)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = index,
	};

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info))
		return -1;
	return (int64_t)info.offset;
}

static bool write_register(const struct edu *edu, unsigned int at,
			   uint32_t value)
{
	return pwrite(edu->device, &value, sizeof(value),
		      edu->registers + at) == sizeof(value);
}

bool edu_start(struct edu *edu, int device)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	edu->device = device;
	edu->registers = offset_of(device, VFIO_PCI_BAR0_REGION_INDEX);
	edu->config = offset_of(device, VFIO_PCI_CONFIG_REGION_INDEX);
	return edu->registers >= 0 && edu->config >= 0 &&
	       pwrite(device, &command, sizeof(command),
		      edu->config + PCI_COMMAND) == sizeof(command);
}

static bool wait_until_done(const struct edu *edu)
{
	unsigned int polls;
	uint32_t command;

	for (polls = 0; polls < POLLS; polls++) {
		if (pread(edu->device, &command, sizeof(command),
			  edu->registers + DMA_COMMAND) != sizeof(command))
			return false;
		if (!(command & DMA_RUN))
			return true;
		usleep(POLL_MICROSECONDS);
	}
	errno = ETIMEDOUT;
	return false;
}

static bool copy(const struct edu *edu, uint32_t from, uint32_t to,
		 uint32_t command)
{
	return write_register(edu, DMA_SOURCE, from) &&
	       write_register(edu, DMA_TARGET, to) &&
	       write_register(edu, DMA_COUNT, EDU_BYTES) &&
	       write_register(edu, DMA_COMMAND, command | DMA_RUN) &&
	       wait_until_done(edu);
}

bool edu_load(const struct edu *edu, uint64_t iova)
{
	return copy(edu, (uint32_t)iova, BUFFER, 0);
}

bool edu_store(const struct edu *edu, uint64_t iova)
{
	return copy(edu, BUFFER, (uint32_t)iova, DMA_TO_MEMORY);
}
