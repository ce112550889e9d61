/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest, an engine and the simulated host, with a model of their own of what
 * each descriptor asks for.  Whatever happens, the model holds the engine to
 * what it promises:
 * - when a wait completes, when the VMM gets a descriptor, and where the head
 *   is after a run, nothing is cached any more that a descriptor before it
 *   asked to drop, unless that one was reported as skipped;
 * - nothing was dropped that no descriptor of the run asked for, but for the
 *   widening that is documented;
 * - each slot that the head passed has had its events, once and in order, and
 *   no slot that it did not pass has;
 * - where nothing fails, an HWPT gets one call between two points of order;
 * - the result's counts and cause are what happened.
 */
#ifndef TEST_IQ_WORLD_H
#define TEST_IQ_WORLD_H

#include <check.h>
#include <inttypes.h>

#include <libiommunest-sim.h>

#include "guest.h"

#define WORLD_HWPTS 5
#define WORLD_SCOPES 12
#define WORLD_LOCATIONS 54
#define WORLD_STRUCTURES 6
#define WORLD_THINGS (WORLD_LOCATIONS + WORLD_STRUCTURES)

/* What random guests are made from. */
struct world_setup {
	unsigned int qs;
	bool wide;
	bool scalable;
	uint32_t policy;
	uint32_t budget;
	/* size 0: none. */
	struct iommunest_vtd_limits limits;
	uint32_t profile;
	bool check_mamv;
	bool ats;
};

/* A descriptor in the ring, and what this run did with it. */
struct world_slot {
	unsigned int type;
	unsigned int granularity;
	uint16_t did;
	uint32_t pasid;
	/* What it drops: of a PASID's pages only. */
	uint64_t first;
	uint64_t last;
	unsigned int am;
	bool leaf_only;
	/* A wait's. */
	bool status;
	bool interrupt;
	uint64_t addr;
	uint32_t data;
	/* Hardware refuses it, for this reason. */
	uint32_t iqei;

	/* Sets of HWPTs, by index. */
	uint32_t targets;
	uint32_t skipped;
	uint32_t covered;
	bool wrote;
	bool interrupted;
	bool given;
};

struct world_scope {
	uint16_t did;
	uint32_t pasid;
	unsigned int hwpt;
};

struct world {
	uint64_t seed;
	struct world_setup setup;
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	struct iommunest_vtd_iq *iq;
	struct guest guest;
	uint32_t hwpts[WORLD_HWPTS];
	struct world_scope scopes[WORLD_SCOPES];
	unsigned int n_scopes;
	struct world_slot *slots;

	/* As far as is known between runs. */
	bool cached[WORLD_HWPTS][WORLD_THINGS];
	bool stands;

	/* The last run. */
	struct iommunest_vtd_iq_result result;
	int ret;
	/* The head before it, and how far it could go. */
	uint32_t head;
	uint32_t window;
	/* Distances from the head: what is looked at, and the last event. */
	uint32_t frozen;
	uint32_t verified;
	uint32_t event;
	/* Calls for each HWPT since the last point of order, and the most. */
	unsigned int calls[WORLD_HWPTS];
	unsigned int most_calls;
	uint32_t flushed_all;
	unsigned int total_calls;

	/* What may fail in the next run. */
	bool host_fails;
	/* The VMM fails on its nth descriptor from now on; 0: on none. */
	unsigned int vmm_fails;
	int vmm_error;
	/* Changes scopes now and then, when the VMM gets a descriptor. */
	void (*on_vmm)(struct world *world);
};

/* Where a failure can be had again. */
#define world_check(world, condition, ...)                                    \
	do {                                                                  \
		if (!(condition))                                             \
			world_fail(world, __LINE__, #condition, __VA_ARGS__); \
	} while (0)

void world_fail(const struct world *world, int line, const char *condition,
		const char *format, ...)
	__attribute__((noreturn, format(printf, 4, 5)));

void world_open(struct world *world, uint64_t seed,
		const struct world_setup *setup);
void world_close(struct world *world);

/* The guest starts again with an empty ring. */
void world_set_base(struct world *world);

/* Returns 0, or what the engine says against it. */
int world_add_scope(struct world *world, struct world_scope scope);
void world_remove_hwpt(struct world *world, unsigned int hwpt);

/* A device uses the @nth location. */
void world_translate(struct world *world, unsigned int hwpt, unsigned int nth);
/* Its address. */
uint64_t world_location(unsigned int nth);

/* How many descriptors the guest may still put into the ring. */
uint32_t world_room(const struct world *world);

/* Puts a descriptor that @slot describes, which must be all zero otherwise. */
void world_put(struct world *world, struct guest_desc desc,
	       const struct world_slot *slot);
/* Writes over the one at the head. */
void world_mend(struct world *world, struct guest_desc desc,
		const struct world_slot *slot);

/* Kicks, and checks all that is to be checked. */
void world_kick(struct world *world);

/* Kicks with a tail that hardware refuses. */
void world_kick_wildly(struct world *world, uint64_t iqt, uint32_t iqei);

#endif /* TEST_IQ_WORLD_H */
