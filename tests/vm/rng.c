/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <config.h>

#include "rng.h"

#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define QUEUE_SIZE 8u
/* The two features that the device insists on: bits 32 and 33. */
#define FEATURES_HIGH 3u

/* ---- Registers ---- */

static uint64_t region(const struct rng *rng, uint32_t index)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = index,
	};

	return ioctl(rng->fd, VFIO_DEVICE_GET_REGION_INFO, &info) ? 0
								  : info.offset;
}

static uint64_t get(const struct rng *rng, uint64_t at, size_t len)
{
	uint64_t value = 0;

	return pread(rng->fd, &value, len, (off_t)at) == (ssize_t)len ? value
								      : 0;
}

static bool put(const struct rng *rng, uint64_t at, uint64_t value, size_t len)
{
	return pwrite(rng->fd, &value, len, (off_t)at) == (ssize_t)len;
}

static bool put_common(const struct rng *rng, size_t at, uint32_t value,
		       size_t len)
{
	return put(rng, rng->common + at, value, len);
}

/* The capabilities of the vendor tell in which region what is. */
static bool find_registers(struct rng *rng)
{
	unsigned int at, type, bar, hops;
	uint64_t base;

	rng->config = region(rng, VFIO_PCI_CONFIG_REGION_INDEX);
	at = (unsigned int)get(rng, rng->config + PCI_CAPABILITY_LIST, 1);
	for (hops = 0; at && hops < 48; hops++) {
		const uint64_t cap = rng->config + at;

		at = (unsigned int)get(rng, cap + PCI_CAP_LIST_NEXT, 1);
		if (get(rng, cap, 1) != PCI_CAP_ID_VNDR)
			continue;
		type = (unsigned int)get(rng, cap + VIRTIO_PCI_CAP_CFG_TYPE, 1);
		bar = (unsigned int)get(rng, cap + VIRTIO_PCI_CAP_BAR, 1);
		base = region(rng, bar) +
		       get(rng, cap + VIRTIO_PCI_CAP_OFFSET, 4);
		if (type == VIRTIO_PCI_CAP_COMMON_CFG)
			rng->common = base;
		if (type != VIRTIO_PCI_CAP_NOTIFY_CFG)
			continue;
		rng->notify = base;
		rng->notify_multiplier =
			(uint32_t)get(rng, cap + VIRTIO_PCI_NOTIFY_CAP_MULT, 4);
	}
	return rng->common && rng->notify;
}

/* ---- The queue: descriptors, what is available, what was used ---- */

static void put_address(const struct rng *rng, size_t low, size_t high,
			unsigned int page)
{
	const uint64_t iova = rng->iova + (uint64_t)page * PAGE;

	put_common(rng, low, (uint32_t)iova, 4);
	put_common(rng, high, (uint32_t)(iova >> 32), 4);
}

static void set_up_queue(struct rng *rng)
{
	uint64_t offset;

	memset(rng->memory, 0, RNG_PAGES * PAGE);
	put_common(rng, VIRTIO_PCI_COMMON_Q_SELECT, 0, 2);
	put_common(rng, VIRTIO_PCI_COMMON_Q_SIZE, QUEUE_SIZE, 2);
	put_address(rng, VIRTIO_PCI_COMMON_Q_DESCLO, VIRTIO_PCI_COMMON_Q_DESCHI,
		    0);
	put_address(rng, VIRTIO_PCI_COMMON_Q_AVAILLO,
		    VIRTIO_PCI_COMMON_Q_AVAILHI, 1);
	put_address(rng, VIRTIO_PCI_COMMON_Q_USEDLO, VIRTIO_PCI_COMMON_Q_USEDHI,
		    2);
	offset = get(rng, rng->common + VIRTIO_PCI_COMMON_Q_NOFF, 2);
	rng->notify += offset * rng->notify_multiplier;
	put_common(rng, VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
}

static void add_status(const struct rng *rng, uint32_t bit)
{
	const uint64_t status =
		get(rng, rng->common + VIRTIO_PCI_COMMON_STATUS, 1);

	put_common(rng, VIRTIO_PCI_COMMON_STATUS, (uint32_t)status | bit, 1);
}

bool rng_start(struct rng *rng, int fd, char *memory, uint64_t iova)
{
	uint64_t command;

	*rng = (struct rng){ .fd = fd, .memory = memory, .iova = iova };
	if (!find_registers(rng))
		return false;
	command = get(rng, rng->config + PCI_COMMAND, 2);
	put(rng, rng->config + PCI_COMMAND,
	    command | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	put_common(rng, VIRTIO_PCI_COMMON_STATUS, 0, 1);
	add_status(rng, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	add_status(rng, VIRTIO_CONFIG_S_DRIVER);
	put_common(rng, VIRTIO_PCI_COMMON_GFSELECT, 1, 4);
	put_common(rng, VIRTIO_PCI_COMMON_GF, FEATURES_HIGH, 4);
	add_status(rng, VIRTIO_CONFIG_S_FEATURES_OK);
	set_up_queue(rng);
	add_status(rng, VIRTIO_CONFIG_S_DRIVER_OK);
	return get(rng, rng->common + VIRTIO_PCI_COMMON_STATUS, 1) &
	       VIRTIO_CONFIG_S_FEATURES_OK;
}

void rng_ask(struct rng *rng, uint64_t iova, uint32_t len)
{
	const uint16_t slot = rng->asked % QUEUE_SIZE;
	volatile struct vring_desc *desc = (struct vring_desc *)rng->memory;
	volatile struct vring_avail *avail =
		(struct vring_avail *)(rng->memory + PAGE);

	desc[slot].addr = iova;
	desc[slot].len = len;
	desc[slot].flags = VRING_DESC_F_WRITE;
	avail->ring[slot] = slot;
	__sync_synchronize();
	avail->idx = ++rng->asked;
	__sync_synchronize();
	put(rng, rng->notify, 0, 2);
}

bool rng_has_answered(const struct rng *rng, unsigned int ms)
{
	const struct timespec moment = { 0, 1000000 };
	const volatile struct vring_used *used =
		(const struct vring_used *)(rng->memory + 2 * PAGE);

	for (; ms && used->idx != rng->asked; ms--)
		nanosleep(&moment, NULL);
	return used->idx == rng->asked;
}
