/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A machine with the smallest possible emulated DRHD, and what its guest does.
 */
#ifndef VIOMMU_GUEST_H
#define VIOMMU_GUEST_H

#include <libiommunest-sim.h>

#include "regs.h"

#define MEMORY_SIZE 0xa000u

struct machine {
	/* The host. */
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	struct viommu_device device;
	/* Stage 2 of the device. */
	uint32_t ioas_id;
	/* The VMM; its main loop has work. */
	struct viommu viommu;
	bool has_work;
	/* The guest: its memory, its own idea of the tail, its waits so far. */
	_Alignas(4096) unsigned char memory[MEMORY_SIZE];
	uint32_t tail;
	unsigned int waits;
};

/* One after the other; 0, or the negated errno of the VMM or its host. */
struct guest_step {
	const char *title;
	int (*run)(struct machine *m);
};
extern const struct guest_step guest_steps[];
extern const size_t n_guest_steps;

/* The user's part: a device is plugged in, and pulled. */
int machine_plug(struct machine *m);
int machine_unplug(struct machine *m);

#endif /* VIOMMU_GUEST_H */
