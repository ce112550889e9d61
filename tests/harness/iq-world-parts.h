/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the files of iq-world share, and nobody else uses. */
#ifndef TESTS_HARNESS_IQ_WORLD_PARTS_H
#define TESTS_HARNESS_IQ_WORLD_PARTS_H

#include "tests/harness/iq-world.h"

/* ---- iq-world-things.c: what can be cached, and what drops it ---- */

/* A leaf, or the paging-structure entry above some of them. */
struct world_thing {
	uint64_t first;
	uint64_t last;
	unsigned int order;
	bool structure;
};

/* All of them, by number; sets of them are the bits of a word. */
extern struct world_thing world_things[WORLD_THINGS];

static inline uint64_t world_bit(unsigned int nth)
{
	return UINT64_C(1) << nth;
}

static inline unsigned int world_first_bit(uint64_t bits)
{
	return (unsigned int)__builtin_ctzll(bits);
}

void world_make_things(void);
bool world_is_cached(const struct world *world, unsigned int hwpt,
		     unsigned int nth);
bool world_is_dev_tlb(const struct world_slot *slot);
/* Of a type that the engine forwards, if there is an HWPT for it. */
bool world_is_forwardable(const struct world_slot *slot);
bool world_is_everything(const struct world_slot *slot);
uint64_t world_things_of(const struct world_slot *slot);

uint32_t world_scope_targets(const struct world *world,
			     const struct world_slot *slot);

/* ---- iq-world-check.c: what a run did, held against what it promises ---- */

/* How many slots after the head of the last run; and the slot there. */
uint32_t world_distance(const struct world *world, uint32_t index);
struct world_slot *world_slot_at(const struct world *world, uint32_t at);

/* The hook of the guest: an event. */
int world_see(struct guest *guest, const struct guest_event *event);
void world_note_fault(struct world *world);
void world_check_result(struct world *world);

/* ---- iq-world-watch.c: the simulator's calls; their data is the world ---- */

extern const struct iommunest_sys world_watched_sys;

#endif /* TESTS_HARNESS_IQ_WORLD_PARTS_H */
