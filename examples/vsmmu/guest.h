/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A machine with the smallest possible emulated SMMUv3, and what its guest
 * does.
 */
#ifndef VSMMU_GUEST_H
#define VSMMU_GUEST_H

#include <libiommunest-sim.h>

#include "regs.h"

#define MEMORY_SIZE 0x9000u

/* Where its interrupt controller takes MSIs. */
#define DOORBELL 0x8090040u

struct machine {
	/* The host. */
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	struct vsmmu_device device;
	/* Stage 2 of the device. */
	uint32_t ioas_id;
	/* The VMM; its main loop has work. */
	struct vsmmu vsmmu;
	bool has_work;
	/* The guest: its memory, and its own idea of PROD. */
	_Alignas(4096) unsigned char memory[MEMORY_SIZE];
	uint32_t prod;
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

#endif /* VSMMU_GUEST_H */
