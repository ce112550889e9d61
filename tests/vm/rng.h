/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A driver for the machine's virtio-rng devices, through VFIO: what such a
 * device can still write to is the witness of what the IOMMU lets it do.
 */
#ifndef VM_RNG_H
#define VM_RNG_H

#include <stdbool.h>
#include <stdint.h>

/* Pages of memory that the device's queue takes. */
#define RNG_PAGES 3u

struct rng {
	/* VFIO's device. */
	int fd;
	/* Of the memory that the queue is in; mapped, and the device sees it.
	 */
	char *memory;
	uint64_t iova;
	/* Where the device has what. */
	uint64_t config;
	uint64_t common;
	uint64_t notify;
	uint32_t notify_multiplier;
	uint16_t asked;
};

/*
 * Resets the device by its own register and sets up its queue in @memory.
 * False: it is not such a device.  No DMA has been made yet.
 */
bool rng_start(struct rng *rng, int fd, char *memory, uint64_t iova);
/* Asks for @len random bytes at an address, and does not wait. */
void rng_ask(struct rng *rng, uint64_t iova, uint32_t len);
/* The device says that it has answered all that it was asked for. */
bool rng_has_answered(const struct rng *rng, unsigned int ms);

#endif /* VM_RNG_H */
