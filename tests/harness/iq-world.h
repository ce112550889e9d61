/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A guest, an engine and the simulated host, with a model of their own of what
 * each descriptor asks for.  Whatever happens, the model holds the engine to
 * what it promises:
 * - when a wait completes, when the VMM gets a descriptor, and where the head
 *   is after a run, nothing is cached any more that a descriptor before it
 *   asked to drop, unless that one was reported as skipped;
 * - nothing was dropped that no descriptor of the run asked for, except for
 *   the widening that is documented;
 * - each slot that the head passed has had its events, once and in order, and
 *   no slot that it did not pass has;
 * - where nothing fails, an HWPT gets one call between two ordering points,
 *   and without limits each descriptor is one entry, except those of device
 *   TLBs whose range the entry before has;
 * - the result's counts, cause and registers are what happened;
 * - a disabled queue does nothing, and a state that was saved is the state of
 *   the engine that it is restored into.
 */
#ifndef TEST_IQ_WORLD_H
#define TEST_IQ_WORLD_H

#include <check.h>
#include <inttypes.h>

#include <libiommunest-sim.h>

#include "tests/harness/guest.h"

#define WORLD_HWPTS 5
#define WORLD_SCOPES 20
#define WORLD_LOCATIONS 54
#define WORLD_STRUCTURES 6
/* No more than a word has bits. */
#define WORLD_THINGS (WORLD_LOCATIONS + WORLD_STRUCTURES)

/* What a guest writes to IQA_REG, and its mode. */
struct world_base {
	uint64_t addr;
	unsigned int qs;
	bool wide;
	enum iommunest_vtd_ttm ttm;
};

/* What random guests are made from. */
struct world_setup {
	struct world_base base;
	uint32_t policy;
	uint32_t budget;
	/* size 0: none. */
	struct iommunest_vtd_limits limits;
	uint32_t profile;
	/* The VMM has caches of its own. */
	bool caches;
	/* The engine traces no calls. */
	bool untraced;
	/* Each HWPT has a device with ATS; and one without. */
	bool ats;
	bool no_ats;
};

/* A descriptor in the ring, and what this run did with it. */
struct world_slot {
	unsigned int type;
	unsigned int granularity;
	/* The domain; of a device TLB: the source id. */
	uint16_t did;
	uint32_t pasid;
	/* What it drops, where that is not everything. */
	uint64_t first;
	uint64_t last;
	unsigned int am;
	bool leaf_only;
	/* A wait's. */
	bool status;
	bool interrupt;
	uint64_t addr;
	uint32_t data;
	/* A reserved bit is set. */
	bool bad;
	/* Filled in when it is put: the things that it drops, as bits. */
	bool put;
	uint64_t drops;

	/* Sets of HWPTs, by index. */
	uint32_t targets;
	uint32_t skipped;
	uint32_t covered;
	bool wrote;
	bool interrupted;
	bool given;
	bool told;
};

struct world_scope {
	/* (source id, PASID) in place of (domain id, PASID). */
	bool device;
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

	/* The registers, between runs. */
	enum iommunest_vtd_ttm ttm;
	bool enabled;
	uint64_t iqt;
	uint32_t head;
	/* It is halted, for this reason. */
	bool halted;
	struct iommunest_vtd_iq_result fault;
	/* Things, as bits, as far as is known between runs. */
	uint64_t cached[WORLD_HWPTS];

	/* The last run. */
	struct iommunest_vtd_iq_result result;
	int ret;
	/* The head before it, and how far it could go. */
	uint32_t from;
	uint32_t window;
	/* Distances from there: what is looked at, and the last event. */
	uint32_t frozen;
	uint32_t verified;
	uint32_t event;
	/* Things that were seen not to be cached any more. */
	uint64_t gone[WORLD_HWPTS];
	/* Calls for each HWPT since the last ordering point, and the most. */
	unsigned int calls[WORLD_HWPTS];
	unsigned int most_calls;
	uint32_t flushed_all;
	unsigned int total_calls;

	/* Of all runs. */
	uint64_t handled;

	/* What may fail in the next run. */
	bool host_fails;
	/*
	 * The VMM fails on the nth descriptor from now on that it is given or
	 * told of; 0: on none.
	 */
	unsigned int vmm_fails;
	int vmm_error;
	/* Changes scopes now and then, when the VMM gets a descriptor. */
	void (*on_vmm)(struct world *world);
};

/* Where a failure can be had again. */
#define world_check(world, condition, ...)                                \
	do {                                                              \
		if (!(condition))                                         \
			world_fail(world, __FILE__, __LINE__, #condition, \
				   __VA_ARGS__);                          \
	} while (0)

void world_fail(const struct world *world, const char *file, int line,
		const char *condition, const char *format, ...)
	__attribute__((noreturn, format(printf, 5, 6)));

void world_open(struct world *world, uint64_t seed,
		const struct world_setup *setup);
void world_close(struct world *world);

/* ---- Registers ---- */

/* The guest starts again with an empty ring. */
void world_set_base(struct world *world, const struct world_base *base);
void world_set_mode(struct world *world, enum iommunest_vtd_ttm ttm);
void world_disable(struct world *world);
/* The guest's tail is the one that it last kicked with. */
void world_enable(struct world *world);
/* Without scopes, and disabled. */
void world_reset(struct world *world, const struct world_base *base);
void world_clear_fault(struct world *world);

/* On with another engine, which has the same scopes. */
void world_migrate(struct world *world);

/* ---- Scopes ---- */

/* Returns 0, or what the engine says against it. */
int world_add_scope(struct world *world, struct world_scope scope);
void world_remove_scope(struct world *world, struct world_scope scope);
void world_remove_hwpt(struct world *world, unsigned int hwpt);

/* ---- Caches ---- */

/* A device uses the @nth location. */
void world_translate(struct world *world, unsigned int hwpt, unsigned int nth);
/* Its address. */
uint64_t world_location(unsigned int nth);

/* ---- The ring ---- */

/* How many descriptors the guest may still put into the ring. */
uint32_t world_room(const struct world *world);

/* Why hardware refuses it in this ring and mode: enum iommunest_vtd_iqei. */
uint32_t world_iqei(const struct world *world, const struct world_slot *slot);

/* Puts a descriptor that @slot describes, which must be all zero otherwise. */
void world_put(struct world *world, struct guest_desc desc,
	       const struct world_slot *slot);
/* Writes over the one at the head. */
void world_fix(struct world *world, struct guest_desc desc,
	       const struct world_slot *slot);
/* The guest takes the head for its tail: what it had put is nothing. */
void world_forget_ring(struct world *world);

/* Kicks, and checks all that is to be checked. */
void world_kick(struct world *world);

/* Kicks with any tail. */
void world_kick_at(struct world *world, uint64_t iqt);

#endif /* TEST_IQ_WORLD_H */
