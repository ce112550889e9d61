/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/iq-world-parts.h"

/* ---- What can be cached ---- */

/*
 * Pages of four 2 MiB regions, each in a GiB of its own; leaves of 2 MiB in
 * one GiB, and of 1 GiB in 512 GiB, where nothing else is.
 */
#define SMALL_PER_REGION 12u
#define SMALL (4 * SMALL_PER_REGION)
#define LARGE 4u

static const uint64_t regions[] = { 0, 0x40000000, 0x7fffc0000000,
				    0xffffffffffe00000 };
static const uint64_t large_region = 0x0001000000000000;
static const uint64_t huge_region = 0x0002000000000000;

static struct world_thing thing_at(uint64_t addr, unsigned int order,
				   bool structure)
{
	uint64_t mask = (UINT64_C(1) << (order + 12 + (structure ? 9 : 0))) - 1;

	return (struct world_thing){
		.first = addr & ~mask,
		.last = addr | mask,
		.order = order,
		.structure = structure,
	};
}

static struct world_thing thing_of(unsigned int nth)
{
	static const uint16_t pages[SMALL_PER_REGION] = {
		0, 1, 2, 3, 7, 8, 9, 16, 31, 32, 33, 511
	};
	static const uint16_t large[LARGE] = { 0, 1, 2, 511 };

	if (nth < SMALL)
		return thing_at(regions[nth / SMALL_PER_REGION] +
					((uint64_t)pages[nth % SMALL_PER_REGION]
					 << 12),
				0, false);
	nth -= SMALL;
	if (nth < LARGE)
		return thing_at(large_region + ((uint64_t)large[nth] << 21), 9,
				false);
	nth -= LARGE;
	if (nth < 2)
		return thing_at(huge_region + ((uint64_t)nth << 30), 18, false);
	nth -= 2;
	if (nth < 4)
		return thing_at(regions[nth], 0, true);
	if (nth == 4)
		return thing_at(large_region, 9, true);
	return thing_at(huge_region, 18, true);
}

/* All of them, by number. */
struct world_thing world_things[WORLD_THINGS];

void world_make_things(void)
{
	unsigned int nth;

	for (nth = 0; nth < WORLD_THINGS; nth++)
		world_things[nth] = thing_of(nth);
}

uint64_t world_location(unsigned int nth)
{
	return world_things[nth].first;
}

bool world_is_cached(const struct world *world, unsigned int hwpt,
		     unsigned int nth)
{
	unsigned int where =
		iommunest_sim_cached(world->sim, iommunest_fd(world->ctx),
				     world->hwpts[hwpt],
				     world_things[nth].first);

	if (world_things[nth].structure)
		return where & IOMMUNEST_SIM_CACHED_STRUCTURE;
	return where &
	       (IOMMUNEST_SIM_CACHED_LEAF | IOMMUNEST_SIM_CACHED_DEV_TLB);
}

void world_translate(struct world *world, unsigned int hwpt, unsigned int nth)
{
	const struct world_thing *thing = &world_things[nth];
	unsigned int i;
	int ret;

	ret = iommunest_sim_translate(world->sim, iommunest_fd(world->ctx),
				      world->hwpts[hwpt], thing->first,
				      thing->order);
	world_check(world, ret == 0, "%d", ret);
	world->cached[hwpt] |= world_bit(nth);
	for (i = WORLD_LOCATIONS; i < WORLD_THINGS; i++) {
		if (thing->first >= world_things[i].first &&
		    thing->last <= world_things[i].last)
			world->cached[hwpt] |= world_bit(i);
	}
}

/* ---- What a descriptor asks for ---- */

bool world_is_dev_tlb(const struct world_slot *slot)
{
	return slot->type == IOMMUNEST_VTD_DESC_DEV_TLB ||
	       slot->type == IOMMUNEST_VTD_DESC_PASID_DEV_TLB;
}

/* Of a type that the engine forwards, if there is an HWPT for it. */
bool world_is_forwardable(const struct world_slot *slot)
{
	return slot->type == IOMMUNEST_VTD_DESC_PIOTLB ||
	       slot->type == IOMMUNEST_VTD_DESC_IOTLB || world_is_dev_tlb(slot);
}

bool world_is_everything(const struct world_slot *slot)
{
	return slot->type == IOMMUNEST_VTD_DESC_IOTLB ||
	       (slot->type == IOMMUNEST_VTD_DESC_PIOTLB &&
		slot->granularity == IOMMUNEST_VTD_PIOTLB_ALL);
}

static bool drops(const struct world_slot *slot,
		  const struct world_thing *thing)
{
	if (!world_is_forwardable(slot))
		return false;
	if (world_is_everything(slot))
		return true;
	if (slot->leaf_only && thing->structure)
		return false;
	return slot->first <= thing->last && thing->first <= slot->last;
}

uint64_t world_things_of(const struct world_slot *slot)
{
	uint64_t bits = 0;
	unsigned int nth;

	for (nth = 0; nth < WORLD_THINGS; nth++) {
		if (drops(slot, &world_things[nth]))
			bits |= world_bit(nth);
	}
	return bits;
}

uint32_t world_iqei(const struct world *world, const struct world_slot *slot)
{
	if (world->ttm == IOMMUNEST_VTD_TTM_RESERVED)
		return IOMMUNEST_VTD_IQEI_TTM;
	if (world->ttm != IOMMUNEST_VTD_TTM_LEGACY && !world->guest.wide)
		return IOMMUNEST_VTD_IQEI_WIDTH;
	if (slot->type < IOMMUNEST_VTD_DESC_CONTEXT_CACHE ||
	    slot->type > IOMMUNEST_VTD_DESC_PAGE_RESPONSE)
		return IOMMUNEST_VTD_IQEI_TYPE;
	if (world->ttm == IOMMUNEST_VTD_TTM_LEGACY &&
	    slot->type >= IOMMUNEST_VTD_DESC_PIOTLB)
		return IOMMUNEST_VTD_IQEI_TYPE;
	return slot->bad ? IOMMUNEST_VTD_IQEI_RESERVED
			 : IOMMUNEST_VTD_IQEI_NONE;
}

static bool is_in_scope(const struct world_slot *slot,
			const struct world_scope *scope)
{
	if (scope->device != world_is_dev_tlb(slot))
		return false;
	switch (slot->type) {
	case IOMMUNEST_VTD_DESC_IOTLB:
		return slot->granularity == IOMMUNEST_VTD_IOTLB_GLOBAL ||
		       scope->did == slot->did;
	case IOMMUNEST_VTD_DESC_PASID_DEV_TLB:
		if (slot->granularity == IOMMUNEST_VTD_DEV_TLB_GLOBAL)
			return scope->did == slot->did;
		break;
	default:
		break;
	}
	return scope->did == slot->did && scope->pasid == slot->pasid;
}

uint32_t world_scope_targets(const struct world *world,
			     const struct world_slot *slot)
{
	uint32_t targets = 0;
	unsigned int i;

	if (world->ttm == IOMMUNEST_VTD_TTM_LEGACY || world_iqei(world, slot))
		return 0;
	for (i = 0; i < world->n_scopes; i++) {
		if (is_in_scope(slot, &world->scopes[i]))
			targets |= 1u << world->scopes[i].hwpt;
	}
	return targets;
}
