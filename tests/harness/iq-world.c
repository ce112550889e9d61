/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/iq-world.h"

void world_fail(const struct world *world, int line, const char *condition,
		const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ck_abort_msg("IOMMUNEST_SEED=%" PRIu64 " IOMMUNEST_COUNT=1: "
		     "iq-world.c:%d: not %s: %s",
		     world->seed, line, condition, text);
	abort();
}

/* ---- What can be cached ---- */

/* A leaf, or the paging-structure entry above some of them. */
struct thing {
	uint64_t first;
	uint64_t last;
	unsigned int order;
	bool structure;
};

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

static struct thing thing_at(uint64_t addr, unsigned int order, bool structure)
{
	uint64_t mask = (UINT64_C(1) << (order + 12 + (structure ? 9 : 0))) - 1;

	return (struct thing){
		.first = addr & ~mask,
		.last = addr | mask,
		.order = order,
		.structure = structure,
	};
}

static struct thing thing_of(unsigned int nth)
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
static struct thing things[WORLD_THINGS];

static void make_things(void)
{
	unsigned int nth;

	for (nth = 0; nth < WORLD_THINGS; nth++)
		things[nth] = thing_of(nth);
}

uint64_t world_location(unsigned int nth)
{
	return things[nth].first;
}

static uint64_t bit_of(unsigned int nth)
{
	return UINT64_C(1) << nth;
}

static unsigned int first_of(uint64_t bits)
{
	return (unsigned int)__builtin_ctzll(bits);
}

static bool is_cached(const struct world *world, unsigned int hwpt,
		      unsigned int nth)
{
	unsigned int where =
		iommunest_sim_cached(world->sim, iommunest_fd(world->ctx),
				     world->hwpts[hwpt], things[nth].first);

	if (things[nth].structure)
		return where & IOMMUNEST_SIM_CACHED_STRUCTURE;
	return where &
	       (IOMMUNEST_SIM_CACHED_LEAF | IOMMUNEST_SIM_CACHED_DEV_TLB);
}

void world_translate(struct world *world, unsigned int hwpt, unsigned int nth)
{
	const struct thing *thing = &things[nth];
	unsigned int i;
	int ret;

	ret = iommunest_sim_translate(world->sim, iommunest_fd(world->ctx),
				      world->hwpts[hwpt], thing->first,
				      thing->order);
	world_check(world, ret == 0, "%d", ret);
	world->cached[hwpt] |= bit_of(nth);
	for (i = WORLD_LOCATIONS; i < WORLD_THINGS; i++) {
		if (thing->first >= things[i].first &&
		    thing->last <= things[i].last)
			world->cached[hwpt] |= bit_of(i);
	}
}

/* ---- What a descriptor asks for ---- */

static bool is_dev_tlb(const struct world_slot *slot)
{
	return slot->type == IOMMUNEST_VTD_DESC_DEV_TLB ||
	       slot->type == IOMMUNEST_VTD_DESC_PASID_DEV_TLB;
}

/* Of a type that the engine forwards, if there is an HWPT for it. */
static bool is_forwardable(const struct world_slot *slot)
{
	return slot->type == IOMMUNEST_VTD_DESC_PIOTLB ||
	       slot->type == IOMMUNEST_VTD_DESC_IOTLB || is_dev_tlb(slot);
}

static bool is_everything(const struct world_slot *slot)
{
	return slot->type == IOMMUNEST_VTD_DESC_IOTLB ||
	       (slot->type == IOMMUNEST_VTD_DESC_PIOTLB &&
		slot->granularity == IOMMUNEST_VTD_PIOTLB_ALL);
}

static bool drops(const struct world_slot *slot, const struct thing *thing)
{
	if (!is_forwardable(slot))
		return false;
	if (is_everything(slot))
		return true;
	if (slot->leaf_only && thing->structure)
		return false;
	return slot->first <= thing->last && thing->first <= slot->last;
}

static uint64_t things_of(const struct world_slot *slot)
{
	uint64_t bits = 0;
	unsigned int nth;

	for (nth = 0; nth < WORLD_THINGS; nth++) {
		if (drops(slot, &things[nth]))
			bits |= bit_of(nth);
	}
	return bits;
}

uint32_t world_iqei(const struct world *world, const struct world_slot *slot)
{
	if (world->scalable && !world->guest.wide)
		return IOMMUNEST_VTD_IQEI_WIDTH;
	if (slot->type < IOMMUNEST_VTD_DESC_CONTEXT_CACHE ||
	    slot->type > IOMMUNEST_VTD_DESC_PAGE_RESPONSE)
		return IOMMUNEST_VTD_IQEI_TYPE;
	if (!world->scalable && slot->type >= IOMMUNEST_VTD_DESC_PIOTLB)
		return IOMMUNEST_VTD_IQEI_TYPE;
	return slot->bad ? IOMMUNEST_VTD_IQEI_RESERVED
			 : IOMMUNEST_VTD_IQEI_NONE;
}

/* How many entries it becomes; 0: one "all". */
static uint32_t pieces(const struct world *world, const struct world_slot *slot)
{
	const struct iommunest_vtd_limits *limits = &world->setup.limits;
	uint32_t most = limits->max_blocks ? limits->max_blocks
					   : IOMMUNEST_VTD_DEFAULT_BLOCKS;

	if (is_everything(slot) || slot->am >= 52)
		return 0;
	if (!(limits->flags & IOMMUNEST_VTD_LIMIT_MAMV) ||
	    slot->am <= limits->mamv)
		return 1;
	if (slot->am - limits->mamv > 31 ||
	    1u << (slot->am - limits->mamv) > most)
		return 0;
	return 1u << (slot->am - limits->mamv);
}

static bool is_in_scope(const struct world_slot *slot,
			const struct world_scope *scope)
{
	if (scope->device != is_dev_tlb(slot))
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

static uint32_t scope_targets(const struct world *world,
			      const struct world_slot *slot)
{
	uint32_t targets = 0;
	unsigned int i;

	if (!world->scalable || world_iqei(world, slot))
		return 0;
	for (i = 0; i < world->n_scopes; i++) {
		if (is_in_scope(slot, &world->scopes[i]))
			targets |= 1u << world->scopes[i].hwpt;
	}
	return targets;
}

/* ---- The ring, from the head of the last run on ---- */

static uint32_t distance(const struct world *world, uint32_t index)
{
	return (index - world->from) & (world->guest.slots - 1);
}

static struct world_slot *slot_at(const struct world *world, uint32_t at)
{
	return &world->slots[(world->from + at) & (world->guest.slots - 1)];
}

/* Scopes may change from here on, and what is before it has its targets. */
static void freeze(struct world *world, uint32_t upto)
{
	for (; world->frozen < upto; world->frozen++) {
		struct world_slot *slot = slot_at(world, world->frozen);

		if (is_forwardable(slot))
			slot->targets = scope_targets(world, slot);
	}
}

static void verify_on(struct world *world, uint32_t at, unsigned int hwpt)
{
	uint64_t want = world->cached[hwpt] & ~world->gone[hwpt] &
			slot_at(world, at)->drops;

	for (; want; want &= want - 1) {
		unsigned int nth = first_of(want);

		world_check(world, !is_cached(world, hwpt, nth),
			    "slot %u, HWPT %u, %#" PRIx64 " structure %d", at,
			    hwpt, things[nth].first, things[nth].structure);
		world->gone[hwpt] |= bit_of(nth);
	}
}

static void verify_slot(struct world *world, uint32_t at)
{
	const struct world_slot *slot = slot_at(world, at);
	uint32_t left = slot->targets & ~slot->skipped;

	for (; left; left &= left - 1)
		verify_on(world, at, first_of(left));
}

/* All before it is done. */
static void verify(struct world *world, uint32_t upto)
{
	freeze(world, upto);
	for (; world->verified < upto; world->verified++)
		verify_slot(world, world->verified);
}

/* ---- Events ---- */

static unsigned int hwpt_index(const struct world *world, uint32_t hwpt_id)
{
	unsigned int i;

	for (i = 0; i < WORLD_HWPTS; i++) {
		if (world->hwpts[i] == hwpt_id)
			return i;
	}
	world_fail(world, __LINE__, "hwpt", "no HWPT %u", hwpt_id);
}

static uint32_t hwpt_bit(const struct world *world,
			 const struct guest_event *event)
{
	return 1u << hwpt_index(world, event->hwpt_id);
}

static int give(struct world *world, const struct guest_event *event,
		uint32_t at, struct world_slot *slot)
{
	struct guest_desc desc = guest_get(&world->guest, event->index);

	freeze(world, at + 1);
	world_check(world, !slot->given, "slot %u", at);
	world_check(world, !memcmp(event->desc.raw, desc.words, sizeof(desc)),
		    "slot %u", at);
	memset(world->calls, 0, sizeof(world->calls));
	if (world->vmm_fails && --world->vmm_fails == 0)
		return world->vmm_error;
	slot->given = true;
	if (world->on_vmm)
		world->on_vmm(world);
	return 0;
}

static void see_call(struct world *world, const struct guest_event *event)
{
	unsigned int hwpt = hwpt_index(world, event->hwpt_id);

	world->total_calls++;
	world->calls[hwpt]++;
	if (world->calls[hwpt] > world->most_calls)
		world->most_calls = world->calls[hwpt];
	if (event->flush_all)
		world->flushed_all |= 1u << hwpt;
}

static void see_fate(struct world *world, const struct guest_event *event,
		     uint32_t at, struct world_slot *slot)
{
	uint32_t bit = hwpt_bit(world, event);

	freeze(world, at + 1);
	world_check(world, slot->targets & bit, "slot %u", at);
	world_check(world, !((slot->skipped | slot->covered) & bit), "slot %u",
		    at);
	if (event->kind == GUEST_COVERED) {
		slot->covered |= bit;
		return;
	}
	world_check(world,
		    world->host_fails &&
			    world->setup.policy == IOMMUNEST_POLICY_SKIP &&
			    event->error < 0,
		    "slot %u", at);
	slot->skipped |= bit;
}

static int see_slot(struct world *world, const struct guest_event *event)
{
	uint32_t at = distance(world, event->index);
	struct world_slot *slot = slot_at(world, at);

	world_check(world, at < world->window, "slot %u", at);
	world_check(world, at >= world->event, "slot %u after %u", at,
		    world->event);
	world->event = at;
	/* What is before it is done; where it is skipped, that is known. */
	verify(world, at);
	switch (event->kind) {
	case GUEST_STATUS:
		world_check(world,
			    slot->status && !slot->wrote && !slot->interrupted,
			    "slot %u", at);
		world_check(world,
			    slot->addr == event->addr &&
				    slot->data == event->data,
			    "slot %u", at);
		slot->wrote = true;
		return 0;
	case GUEST_INTERRUPT:
		world_check(world,
			    slot->interrupt && !slot->interrupted &&
				    slot->wrote == slot->status,
			    "slot %u", at);
		slot->interrupted = true;
		return 0;
	case GUEST_DESCRIPTOR:
		return give(world, event, at, slot);
	default:
		break;
	}
	see_fate(world, event, at, slot);
	return 0;
}

static int see(struct guest *guest, const struct guest_event *event)
{
	struct world *world = guest->user;

	if (event->kind != GUEST_CALL)
		return see_slot(world, event);
	see_call(world, event);
	return 0;
}

/* ---- After a run ---- */

static bool had_its_events(const struct world *world,
			   const struct world_slot *slot, bool passed)
{
	bool vmm = slot->type == IOMMUNEST_VTD_DESC_IOTLB ||
		   (slot->type != IOMMUNEST_VTD_DESC_WAIT && !slot->targets);

	if (!passed)
		return !slot->wrote && !slot->interrupted && !slot->given;
	return !world_iqei(world, slot) && slot->wrote == slot->status &&
	       slot->interrupted == slot->interrupt && slot->given == vmm;
}

/* The counts of the slots that the head passed. */
static void check_counts(const struct world *world, uint32_t passed)
{
	const struct iommunest_vtd_iq_result *result = &world->result;
	uint32_t waits = 0, vmm = 0, forwarded = 0, skipped = 0;
	uint32_t at;

	for (at = 0; at < world->window; at++) {
		const struct world_slot *slot = slot_at(world, at);

		world_check(world, had_its_events(world, slot, at < passed),
			    "slot %u of %u, type %u", at, passed, slot->type);
		if (at >= passed)
			continue;
		waits += slot->type == IOMMUNEST_VTD_DESC_WAIT;
		vmm += slot->given;
		forwarded += slot->targets && !slot->skipped;
		skipped += slot->skipped != 0;
	}
	world_check(
		world,
		result->descriptors == passed && result->waits == waits &&
			result->vmm == vmm && result->forwarded == forwarded &&
			result->skipped == skipped &&
			result->calls == world->total_calls,
		"%u waits, %u vmm, %u forwarded, %u skipped, not %u %u %u %u",
		waits, vmm, forwarded, skipped, result->waits, result->vmm,
		result->forwarded, result->skipped);
}

/* A flush of the HWPT stood for them, or they had no room as pieces. */
static bool may_drop_all(const struct world *world, unsigned int hwpt)
{
	uint32_t total = 0;
	uint32_t at;

	if (world->flushed_all >> hwpt & 1)
		return true;
	for (at = 0; at < world->window; at++) {
		const struct world_slot *slot = slot_at(world, at);
		if (!(slot->targets >> hwpt & 1))
			continue;
		if (pieces(world, slot) == 0)
			return true;
		total += pieces(world, slot);
	}
	return total > world->guest.slots;
}

/* What the descriptors of the run ask an HWPT to drop. */
static uint64_t asked_for(const struct world *world, unsigned int hwpt)
{
	uint64_t asked = 0;
	uint32_t at;

	for (at = 0; at < world->window; at++) {
		const struct world_slot *slot = slot_at(world, at);

		if (slot->targets >> hwpt & 1)
			asked |= slot->drops;
	}
	return asked;
}

static void check_drops_on(struct world *world, unsigned int hwpt)
{
	uint64_t left = world->cached[hwpt] & ~world->gone[hwpt];
	uint64_t wrong;

	for (; left; left &= left - 1) {
		if (!is_cached(world, hwpt, first_of(left)))
			world->gone[hwpt] |= left & -left;
	}
	wrong = world->gone[hwpt] & ~asked_for(world, hwpt);
	world->cached[hwpt] &= ~world->gone[hwpt];
	if (!wrong || may_drop_all(world, hwpt))
		return;
	world_fail(world, __LINE__, "asked for",
		   "HWPT %u, %#" PRIx64 " structure %d", hwpt,
		   things[first_of(wrong)].first,
		   things[first_of(wrong)].structure);
}

static void check_calls(const struct world *world)
{
	world_check(world, world->host_fails || world->most_calls <= 1,
		    "%u calls for one HWPT", world->most_calls);
}

static bool has_range(const struct world_slot *outer,
		      const struct world_slot *inner)
{
	return is_everything(outer) ||
	       (outer->first <= inner->first && inner->last <= outer->last);
}

/* Covered is what the entry before has, and nothing else; returns the rest. */
static uint32_t check_rides(const struct world *world, unsigned int hwpt)
{
	const struct world_slot *before = NULL;
	uint32_t entries = 0;
	uint32_t at;

	for (at = 0; at < world->window; at++) {
		const struct world_slot *slot = slot_at(world, at);

		if (slot->targets >> hwpt & 1) {
			bool rides = is_dev_tlb(slot) && before &&
				     has_range(before, slot);

			world_check(world, rides == (slot->covered >> hwpt & 1),
				    "slot %u, type %u", at, slot->type);
			if (!rides)
				before = slot;
			entries += !rides;
		}
		/* A point of order. */
		if (slot->given)
			before = NULL;
	}
	return entries;
}

/* Without limits and failures: an entry each, but for what rides. */
static void check_entries(const struct world *world)
{
	uint32_t entries = 0;
	unsigned int hwpt;

	if (world->host_fails || world->ret < 0 || world->setup.limits.size)
		return;
	for (hwpt = 0; hwpt < WORLD_HWPTS; hwpt++)
		entries += check_rides(world, hwpt);
	world_check(world, world->result.entries == entries,
		    "%u entries, not %u", entries, world->result.entries);
}

static bool is_bad_memory(const struct guest *guest, uint32_t index)
{
	return guest->bad_count && index >= guest->bad_first &&
	       index < guest->bad_first + guest->bad_count;
}

/* A device that did not answer is named; of the host's nobody knows which. */
static uint64_t iqercd_of(const struct world_slot *slot, int error)
{
	if (error == -ETIMEDOUT && is_dev_tlb(slot))
		return (uint64_t)slot->did << 32;
	if (error == -EREMOTEIO && is_dev_tlb(slot))
		return (uint64_t)slot->did << 48;
	return 0;
}

static void check_host_cause(const struct world *world,
			     const struct world_slot *slot)
{
	const struct iommunest_vtd_iq_result *result = &world->result;

	if (!result->hwpt_id) {
		world_check(world,
			    result->error == world->vmm_error && !slot->given,
			    "slot %u", result->index);
		world_check(world,
			    !is_dev_tlb(slot) ||
				    result->iqercd ==
					    iqercd_of(slot, result->error),
			    "%#" PRIx64, result->iqercd);
		return;
	}
	world_check(
		world,
		world->host_fails &&
			slot->targets >> hwpt_index(world, result->hwpt_id) & 1,
		"slot %u", result->index);
	world_check(world,
		    !result->iqercd ||
			    result->iqercd == iqercd_of(slot, result->error),
		    "%#" PRIx64, result->iqercd);
}

static void check_cause(const struct world *world)
{
	const struct iommunest_vtd_iq_result *result = &world->result;
	const struct world_slot *slot = &world->slots[result->index];
	const struct guest *guest = &world->guest;

	switch (result->cause) {
	case IOMMUNEST_CAUSE_GUEST:
		world_check(world,
			    world_iqei(world, slot) &&
				    result->iqercd == world_iqei(world, slot),
			    "%" PRIu64, result->iqercd);
		world_check(world, result->error == -EBADMSG, "%d",
			    result->error);
		break;
	case IOMMUNEST_CAUSE_FETCH:
		if (result->iqercd == IOMMUNEST_VTD_IQEI_FETCH)
			world_check(world, is_bad_memory(guest, result->index),
				    "slot %u", result->index);
		else
			world_check(world,
				    slot->status && guest->write_error &&
					    slot->addr == guest->bad_status &&
					    !result->iqercd,
				    "slot %u", result->index);
		break;
	case IOMMUNEST_CAUSE_HOST:
		check_host_cause(world, slot);
		break;
	default:
		world_fail(world, __LINE__, "cause", "%u", result->cause);
	}
}

/* FSTS_REG, as the cause asks for. */
static uint32_t want_fsts(const struct iommunest_vtd_iq_result *result)
{
	if (result->cause == IOMMUNEST_CAUSE_GUEST ||
	    result->iqercd == IOMMUNEST_VTD_IQEI_FETCH)
		return IOMMUNEST_VTD_FSTS_IQE;
	if (result->error == -ETIMEDOUT)
		return IOMMUNEST_VTD_FSTS_ITE;
	return result->error == -EREMOTEIO ? IOMMUNEST_VTD_FSTS_ICE
					   : IOMMUNEST_VTD_FSTS_IQE;
}

static void stand(struct world *world)
{
	world->stands = true;
	world->fault = world->result;
}

static void check_result(struct world *world)
{
	const struct iommunest_vtd_iq_result *result = &world->result;
	const struct guest *guest = &world->guest;
	uint32_t head = (uint32_t)(result->iqh >> guest->shift);
	uint32_t passed = distance(world, head);
	unsigned int hwpt;

	world_check(world, head < guest->slots, "%" PRIx64, result->iqh);
	world_check(world, passed <= world->window, "%u of %u", passed,
		    world->window);
	verify(world, passed);
	freeze(world, world->window);
	for (hwpt = 0; hwpt < WORLD_HWPTS; hwpt++)
		check_drops_on(world, hwpt);
	check_counts(world, passed);
	check_calls(world);
	check_entries(world);
	world->head = head;
	world->handled += passed;
	if (world->ret >= 0) {
		world_check(world,
			    passed == world->window && !result->cause &&
				    !result->fsts && !result->error,
			    "%u of %u", passed, world->window);
		world_check(world,
			    world->ret == (head != world->iqt >> guest->shift),
			    "%d", world->ret);
		return;
	}
	world_check(world, result->error == world->ret, "%d", result->error);
	world_check(world, result->index == head, "%u", result->index);
	world_check(world, result->fsts == want_fsts(result), "%#x",
		    result->fsts);
	check_cause(world);
	stand(world);
}

/* ---- A run ---- */

/* Why hardware refuses the tail. */
static uint32_t tail_iqei(const struct world *world)
{
	if (world->guest.wide && world->iqt & 16)
		return IOMMUNEST_VTD_IQEI_TAIL_ALIGN;
	if (world->iqt >> world->guest.shift >= world->guest.slots)
		return IOMMUNEST_VTD_IQEI_TAIL;
	return IOMMUNEST_VTD_IQEI_NONE;
}

static void start_run(struct world *world)
{
	uint32_t at;

	world->from = world->head;
	world->window =
		distance(world, (uint32_t)(world->iqt >> world->guest.shift));
	if (world->setup.budget && world->window > world->setup.budget)
		world->window = world->setup.budget;
	for (at = 0; at < world->window; at++) {
		struct world_slot *slot = slot_at(world, at);

		slot->targets = slot->skipped = slot->covered = 0;
		slot->wrote = slot->interrupted = slot->given = false;
	}
	world->frozen = world->verified = world->event = 0;
	memset(world->calls, 0, sizeof(world->calls));
	memset(world->gone, 0, sizeof(world->gone));
	world->total_calls = 0;
	world->most_calls = 0;
	world->flushed_all = 0;
}

/* Nothing was done; the registers are these, whatever the reason. */
static void check_idle(const struct world *world, int ret)
{
	const struct iommunest_vtd_iq_result *result = &world->result;

	world_check(world, world->ret == ret, "%d, not %d", world->ret, ret);
	world_check(world,
		    result->iqh == (uint64_t)world->head << world->guest.shift,
		    "%" PRIx64, result->iqh);
	world_check(world,
		    world->guest.n_events == 0 && !result->descriptors &&
			    !result->forwarded && !result->waits &&
			    !result->vmm && !result->skipped &&
			    !result->calls && !result->entries,
		    "%u events, %u descriptors", world->guest.n_events,
		    result->descriptors);
}

/* A fault stays, and says the same again, until it is cleared. */
static void check_standing(const struct world *world, int ret)
{
	const struct iommunest_vtd_iq_result *result = &world->result;
	const struct iommunest_vtd_iq_result *fault = &world->fault;

	check_idle(world, ret);
	world_check(world,
		    result->iqercd == fault->iqercd &&
			    result->fsts == fault->fsts &&
			    result->cause == fault->cause &&
			    result->index == fault->index &&
			    result->error == fault->error &&
			    result->hwpt_id == fault->hwpt_id,
		    "slot %u", result->index);
}

static void check_bad_tail(struct world *world, uint32_t iqei)
{
	const struct iommunest_vtd_iq_result *result = &world->result;

	check_idle(world, -EBADMSG);
	world_check(world,
		    result->iqercd == iqei && result->index == world->head &&
			    result->cause == IOMMUNEST_CAUSE_GUEST &&
			    result->error == -EBADMSG &&
			    result->fsts == IOMMUNEST_VTD_FSTS_IQE &&
			    !result->hwpt_id,
		    "%" PRIu64, result->iqercd);
	stand(world);
}

/* Calls the engine, which is enabled or is about to be. */
static void run(struct world *world,
		int (*call)(struct guest *guest, struct iommunest_vtd_iq *iq,
			    struct iommunest_vtd_iq_result *result))
{
	uint32_t iqei = tail_iqei(world);

	guest_forget(&world->guest);
	world->guest.user = world;
	if (!world->stands && !iqei)
		start_run(world);
	world->ret = call(&world->guest, world->iq, &world->result);
	if (world->stands)
		check_standing(world, world->fault.error);
	else if (iqei)
		check_bad_tail(world, iqei);
	else
		check_result(world);
}

static int run_at_iqt(struct guest *guest, struct iommunest_vtd_iq *iq,
		      struct iommunest_vtd_iq_result *result)
{
	const struct world *world = guest->user;

	return guest_kick_at(guest, iq, world->iqt, result);
}

void world_kick_at(struct world *world, uint64_t iqt)
{
	world->iqt = iqt & 0x7fff0;
	if (world->enabled) {
		run(world, run_at_iqt);
		return;
	}
	guest_forget(&world->guest);
	world->ret = run_at_iqt(&world->guest, world->iq, &world->result);
	check_standing(world, 0);
}

void world_kick(struct world *world)
{
	world_kick_at(world, guest_iqt(&world->guest));
}

void world_enable(struct world *world)
{
	struct guest *guest = &world->guest;

	if (world->enabled) {
		guest_forget(guest);
		world->ret = guest_enable(guest, world->iq, &world->result);
		check_standing(world, 0);
		return;
	}
	guest->tail =
		tail_iqei(world) ? 0 : (uint32_t)(world->iqt >> guest->shift);
	world->enabled = true;
	run(world, guest_enable);
}

/* ---- The guest ---- */

uint32_t world_room(const struct world *world)
{
	const struct guest *guest = &world->guest;

	return (world->head - guest->tail - 1) & (guest->slots - 1);
}

static void describe(struct world *world, uint32_t index,
		     const struct world_slot *slot)
{
	world->slots[index] = *slot;
	world->slots[index].put = true;
	world->slots[index].drops = things_of(slot);
}

void world_put(struct world *world, struct guest_desc desc,
	       const struct world_slot *slot)
{
	describe(world, guest_put(&world->guest, desc), slot);
}

void world_mend(struct world *world, struct guest_desc desc,
		const struct world_slot *slot)
{
	guest_set(&world->guest, world->head, desc);
	describe(world, world->head, slot);
}

void world_forget_ring(struct world *world)
{
	world->guest.tail = world->head;
}

/* ---- Registers ---- */

void world_clear_fault(struct world *world)
{
	iommunest_vtd_iq_clear_fault(world->iq);
	memset(&world->fault, 0, sizeof(world->fault));
	world->stands = false;
}

static uint64_t iqa_of(const struct world_base *base)
{
	return guest_iqa(base->addr, base->qs, base->wide);
}

/* The guest's side of a new base. */
static void renew_ring(struct world *world, const struct world_base *base)
{
	guest_set_base(&world->guest, iqa_of(base));
	free(world->slots);
	world->slots = calloc(world->guest.slots, sizeof(*world->slots));
	world_check(world, world->slots, "%u slots", world->guest.slots);
	world->head = 0;
}

void world_set_base(struct world *world, const struct world_base *base)
{
	int ret = iommunest_vtd_iq_set_base(world->iq, iqa_of(base),
					    base->scalable);

	world_check(world, ret == 0, "%d", ret);
	renew_ring(world, base);
	world->scalable = base->scalable;
	if (world->enabled)
		world->iqt = 0;
	world->stands = false;
	memset(&world->fault, 0, sizeof(world->fault));
}

void world_set_mode(struct world *world, bool scalable)
{
	int ret = iommunest_vtd_iq_set_mode(world->iq, scalable);

	world_check(world, ret == 0, "%d", ret);
	world->scalable = scalable;
}

void world_disable(struct world *world)
{
	int ret = iommunest_vtd_iq_disable(world->iq);

	world_check(world, ret == 0, "%d", ret);
	world->enabled = false;
	world->head = 0;
}

void world_reset(struct world *world, const struct world_base *base,
		 bool disabled)
{
	iommunest_vtd_iq_reset(world->iq);
	world->n_scopes = 0;
	world->enabled = true;
	world->iqt = 0;
	world->head = 0;
	world->fault.hwpt_id = 0;
	if (disabled)
		world_disable(world);
	world_set_base(world, base);
}

/* ---- Migration ---- */

static struct iommunest_vtd_iq_state save(const struct world *world)
{
	struct iommunest_vtd_iq_state state = { .size = sizeof(state) };
	int ret = iommunest_vtd_iq_save(world->iq, &state);

	world_check(world, ret == 0, "%d", ret);
	return state;
}

static void check_saved(const struct world *world,
			const struct iommunest_vtd_iq_state *state)
{
	const struct iommunest_vtd_iq_result *fault = &world->fault;
	uint32_t flags = IOMMUNEST_VTD_IQ_HAS_BASE;

	if (world->scalable)
		flags |= IOMMUNEST_VTD_IQ_SCALABLE;
	if (world->enabled)
		flags |= IOMMUNEST_VTD_IQ_ENABLED;
	world_check(world,
		    state->iqh == (uint64_t)world->head << world->guest.shift &&
			    state->iqt == world->iqt && state->flags == flags,
		    "%" PRIx64 " %" PRIx64 " %u", state->iqh, state->iqt,
		    state->flags);
	world_check(world,
		    state->cause == fault->cause &&
			    state->index == fault->index &&
			    state->error == fault->error &&
			    state->fsts == fault->fsts &&
			    state->iqercd == fault->iqercd && !state->reserved,
		    "cause %u", state->cause);
}

/* ---- Scopes ---- */

static int tell_engine(const struct world *world, struct world_scope scope)
{
	uint32_t hwpt_id = world->hwpts[scope.hwpt];

	if (scope.device)
		return iommunest_vtd_iq_add_device(world->iq, scope.did,
						   scope.pasid, hwpt_id);
	return iommunest_vtd_iq_add_scope(world->iq, scope.did, scope.pasid,
					  hwpt_id);
}

/* Its number, or how many there are. */
static unsigned int find_scope(const struct world *world,
			       struct world_scope scope)
{
	unsigned int i;

	for (i = 0; i < world->n_scopes; i++) {
		if (world->scopes[i].device == scope.device &&
		    world->scopes[i].did == scope.did &&
		    world->scopes[i].pasid == scope.pasid &&
		    world->scopes[i].hwpt == scope.hwpt)
			break;
	}
	return i;
}

int world_add_scope(struct world *world, struct world_scope scope)
{
	int ret = tell_engine(world, scope);
	int want = 0;

	if (find_scope(world, scope) < world->n_scopes)
		want = -EEXIST;
	if (!want && world->n_scopes == WORLD_SCOPES)
		want = -ENOSPC;
	world_check(world, ret == want, "%d, not %d", ret, want);
	if (!ret)
		world->scopes[world->n_scopes++] = scope;
	return ret;
}

void world_remove_scope(struct world *world, struct world_scope scope)
{
	uint32_t hwpt_id = world->hwpts[scope.hwpt];
	unsigned int at = find_scope(world, scope);
	int ret;

	if (scope.device)
		ret = iommunest_vtd_iq_remove_device(world->iq, scope.did,
						     scope.pasid, hwpt_id);
	else
		ret = iommunest_vtd_iq_remove_scope(world->iq, scope.did,
						    scope.pasid, hwpt_id);
	world_check(world, ret == (at < world->n_scopes ? 0 : -ENOENT), "%d",
		    ret);
	if (!ret)
		world->scopes[at] = world->scopes[--world->n_scopes];
}

void world_remove_hwpt(struct world *world, unsigned int hwpt)
{
	int ret = iommunest_vtd_iq_forget(world->iq, world->hwpts[hwpt]);
	unsigned int kept = 0;
	unsigned int i;

	for (i = 0; i < world->n_scopes; i++) {
		if (world->scopes[i].hwpt != hwpt)
			world->scopes[kept++] = world->scopes[i];
	}
	world_check(world, ret == (kept == world->n_scopes ? -ENOENT : 0), "%d",
		    ret);
	world->n_scopes = kept;
}

/* ---- Setting up ---- */

static void attach(struct world *world, uint32_t flags, unsigned int hwpt)
{
	int fd = iommunest_fd(world->ctx);
	uint32_t dev;

	ck_assert_int_eq(iommunest_sim_bind(world->sim, fd, flags, &dev), 0);
	ck_assert_int_eq(iommunest_sim_attach(world->sim, fd, dev,
					      world->hwpts[hwpt]),
			 0);
}

static void make_hwpts(struct world *world)
{
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.addr_width = 48,
	};
	int fd = iommunest_fd(world->ctx);
	uint32_t ioas, parent, dev;
	unsigned int i;

	ck_assert_int_eq(iommunest_ioas_alloc(world->ctx, &ioas), 0);
	ck_assert_int_eq(iommunest_sim_bind(world->sim, fd, 0, &dev), 0);
	ck_assert_int_eq(
		iommunest_hwpt_alloc_parent(world->ctx, dev, ioas, &parent), 0);
	for (i = 0; i < WORLD_HWPTS; i++) {
		ck_assert_int_eq(iommunest_vtd_hwpt_alloc(world->ctx, dev,
							  parent, &s1,
							  &world->hwpts[i]),
				 0);
		if (world->setup.ats)
			attach(world, IOMMUNEST_SIM_ATS, i);
		if (world->setup.no_ats || !world->setup.ats)
			attach(world, 0, i);
	}
}

static void make_host(struct world *world)
{
	const struct iommunest_sim_options sim_options = {
		.size = sizeof(sim_options),
		.profile = world->setup.profile,
		.flags = world->setup.check_mamv ? IOMMUNEST_SIM_CHECK_MAMV : 0,
	};
	struct iommunest_open_options open_options = {
		.size = sizeof(open_options),
		.sys = iommunest_sim_sys(),
	};

	ck_assert_int_eq(iommunest_sim_new(&world->sim, &sim_options), 0);
	open_options.sys_data = world->sim;
	ck_assert_int_eq(iommunest_open(&world->ctx, &open_options), 0);
}

static void make_engine(struct world *world)
{
	const struct world_setup *setup = &world->setup;
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.policy = setup->policy,
		.max_targets = WORLD_SCOPES,
		.budget = setup->budget,
		.limits = setup->limits.size ? &setup->limits : NULL,
	};

	ck_assert_int_eq(iommunest_vtd_iq_new(&world->iq, world->ctx,
					      &guest_ops, &world->guest,
					      &options),
			 0);
}

void world_migrate(struct world *world)
{
	const struct iommunest_vtd_iq_state before = save(world);
	struct iommunest_vtd_iq *old = world->iq;
	struct iommunest_vtd_iq_state after;
	unsigned int i;
	int ret;

	check_saved(world, &before);
	make_engine(world);
	for (i = 0; i < world->n_scopes; i++) {
		ret = tell_engine(world, world->scopes[i]);
		world_check(world, ret == 0, "%d", ret);
	}
	ret = iommunest_vtd_iq_restore(world->iq, &before);
	world_check(world, ret == 0, "%d", ret);
	after = save(world);
	world_check(world, !memcmp(&before, &after, sizeof(after)), "%" PRIx64,
		    after.iqa);
	/* The destination has other HWPTs. */
	world->fault.hwpt_id = 0;
	iommunest_vtd_iq_free(old);
}

void world_open(struct world *world, uint64_t seed,
		const struct world_setup *setup)
{
	memset(world, 0, sizeof(*world));
	world->seed = seed;
	world->setup = *setup;
	world->enabled = true;
	make_things();
	guest_init(&world->guest, iqa_of(&setup->base));
	world->guest.hook = see;
	world->guest.user = world;
	make_host(world);
	make_hwpts(world);
	make_engine(world);
	world_set_base(world, &setup->base);
}

void world_close(struct world *world)
{
	struct iommunest_sim_stats stats = { .size = sizeof(stats) };

	iommunest_sim_stats(world->sim, &stats);
	world_check(world, stats.refused == 0, "%" PRIu64 " descriptors",
		    stats.refused);
	iommunest_vtd_iq_free(world->iq);
	iommunest_close(world->ctx);
	world_check(world, iommunest_sim_open_fds(world->sim) == 0, "fds");
	iommunest_sim_free(world->sim);
	guest_free(&world->guest);
	free(world->slots);
}
