/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/iq-world-parts.h"

/* ---- The ring, from the head of the last run on ---- */

uint32_t world_distance(const struct world *world, uint32_t index)
{
	return (index - world->from) & (world->guest.slots - 1);
}

struct world_slot *world_slot_at(const struct world *world, uint32_t at)
{
	return &world->slots[(world->from + at) & (world->guest.slots - 1)];
}

/* Scopes may change from here on, and what is before it has its targets. */
static void freeze(struct world *world, uint32_t upto)
{
	for (; world->frozen < upto; world->frozen++) {
		struct world_slot *slot = world_slot_at(world, world->frozen);

		if (world_is_forwardable(slot))
			slot->targets = world_scope_targets(world, slot);
	}
}

static void verify_on(struct world *world, uint32_t at, unsigned int hwpt)
{
	uint64_t want = world->cached[hwpt] & ~world->gone[hwpt] &
			world_slot_at(world, at)->drops;

	for (; want; want &= want - 1) {
		unsigned int nth = world_first_bit(want);

		world_check(world, !world_is_cached(world, hwpt, nth),
			    "slot %u, HWPT %u, %#" PRIx64 " structure %d", at,
			    hwpt, world_things[nth].first,
			    world_things[nth].structure);
		world->gone[hwpt] |= world_bit(nth);
	}
}

static void verify_slot(struct world *world, uint32_t at)
{
	const struct world_slot *slot = world_slot_at(world, at);
	uint32_t left = slot->targets & ~slot->skipped;

	for (; left; left &= left - 1)
		verify_on(world, at, world_first_bit(left));
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
	world_fail(world, __FILE__, __LINE__, "hwpt", "no HWPT %u", hwpt_id);
}

static uint32_t hwpt_bit(const struct world *world,
			 const struct guest_event *event)
{
	return 1u << hwpt_index(world, event->hwpt_id);
}

/* Given or told: the VMM's answer. */
static int answer(struct world *world, const struct guest_event *event,
		  uint32_t at)
{
	struct guest_desc desc = guest_get(&world->guest, event->index);

	world_check(world, !memcmp(event->desc.raw, desc.words, sizeof(desc)),
		    "slot %u", at);
	if (world->vmm_fails && --world->vmm_fails == 0)
		return world->vmm_error;
	return 0;
}

static int tell(struct world *world, const struct guest_event *event,
		uint32_t at, struct world_slot *slot)
{
	int error;

	freeze(world, at + 1);
	world_check(world, slot->targets && !slot->told, "slot %u", at);
	error = answer(world, event, at);
	slot->told = !error;
	return error;
}

static int give(struct world *world, const struct guest_event *event,
		uint32_t at, struct world_slot *slot)
{
	int error;

	freeze(world, at + 1);
	world_check(world, !slot->given && !slot->targets, "slot %u", at);
	memset(world->calls, 0, sizeof(world->calls));
	error = answer(world, event, at);
	if (error)
		return error;
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

static void see_outcome(struct world *world, const struct guest_event *event,
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
	uint32_t at = world_distance(world, event->index);
	struct world_slot *slot = world_slot_at(world, at);

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
	case GUEST_FORWARDED:
		return tell(world, event, at, slot);
	default:
		break;
	}
	see_outcome(world, event, at, slot);
	return 0;
}

int world_see(struct guest *guest, const struct guest_event *event)
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
	bool vmm = slot->type != IOMMUNEST_VTD_DESC_WAIT && !slot->targets;
	bool told = world->setup.caches && slot->targets;

	if (!passed)
		return !slot->wrote && !slot->interrupted && !slot->given &&
		       !slot->told;
	return !world_iqei(world, slot) && slot->wrote == slot->status &&
	       slot->interrupted == slot->interrupt && slot->given == vmm &&
	       slot->told == told;
}

/* The counts of the slots that the head passed. */
static void check_counts(const struct world *world, uint32_t passed)
{
	const struct iommunest_vtd_iq_result *result = &world->result;
	uint32_t waits = 0, vmm = 0, forwarded = 0, skipped = 0;
	uint32_t at;

	for (at = 0; at < world->window; at++) {
		const struct world_slot *slot = world_slot_at(world, at);

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

/* A flush of the HWPT stood for them, or one of them is that. */
static bool may_drop_all(const struct world *world, unsigned int hwpt)
{
	uint32_t at;

	if (world->flushed_all >> hwpt & 1)
		return true;
	for (at = 0; at < world->window; at++) {
		const struct world_slot *slot = world_slot_at(world, at);

		if (slot->targets >> hwpt & 1 &&
		    (world_is_everything(slot) || slot->am >= 52))
			return true;
	}
	return false;
}

/* What the descriptors of the run ask an HWPT to drop. */
static uint64_t asked_for(const struct world *world, unsigned int hwpt)
{
	uint64_t asked = 0;
	uint32_t at;

	for (at = 0; at < world->window; at++) {
		const struct world_slot *slot = world_slot_at(world, at);

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
		if (!world_is_cached(world, hwpt, world_first_bit(left)))
			world->gone[hwpt] |= left & -left;
	}
	wrong = world->gone[hwpt] & ~asked_for(world, hwpt);
	world->cached[hwpt] &= ~world->gone[hwpt];
	if (!wrong || may_drop_all(world, hwpt))
		return;
	world_fail(world, __FILE__, __LINE__, "asked for",
		   "HWPT %u, %#" PRIx64 " structure %d", hwpt,
		   world_things[world_first_bit(wrong)].first,
		   world_things[world_first_bit(wrong)].structure);
}

static void check_calls(const struct world *world)
{
	world_check(world, world->host_fails || world->most_calls <= 1,
		    "%u calls for one HWPT", world->most_calls);
}

/* The entry before makes one for the slot needless. */
static bool is_piggybacked(const struct world_slot *before,
			   const struct world_slot *slot)
{
	if (world_is_dev_tlb(slot))
		return world_is_everything(before) ||
		       (before->first <= slot->first &&
			slot->last <= before->last);
	return world_is_everything(slot) &&
	       (world_is_everything(before) ||
		(world_is_dev_tlb(before) && before->am >= 52));
}

/* Covered is what the entry before has, and nothing else; returns the rest. */
static uint32_t check_piggybacked(const struct world *world, unsigned int hwpt)
{
	const struct world_slot *before = NULL;
	uint32_t entries = 0;
	uint32_t at;

	for (at = 0; at < world->window; at++) {
		const struct world_slot *slot = world_slot_at(world, at);

		if (slot->targets >> hwpt & 1) {
			bool piggybacked =
				before && is_piggybacked(before, slot);

			world_check(world,
				    piggybacked == (slot->covered >> hwpt & 1),
				    "slot %u, type %u", at, slot->type);
			if (!piggybacked)
				before = slot;
			entries += !piggybacked;
		}
		/* An ordering point. */
		if (slot->given)
			before = NULL;
	}
	return entries;
}

/* Without limits and failures: an entry each, except what is piggybacked. */
static void check_entries(const struct world *world)
{
	uint32_t entries = 0;
	unsigned int hwpt;

	if (world->host_fails || world->ret < 0 || world->setup.limits.size)
		return;
	for (hwpt = 0; hwpt < WORLD_HWPTS; hwpt++)
		entries += check_piggybacked(world, hwpt);
	world_check(world, world->result.entries == entries,
		    "%u entries, not %u", entries, world->result.entries);
}

static bool is_bad_memory(const struct guest *guest, uint32_t index)
{
	return guest->bad_count && index >= guest->bad_first &&
	       index < guest->bad_first + guest->bad_count;
}

static void check_host_cause(const struct world *world,
			     const struct world_slot *slot)
{
	const struct iommunest_vtd_iq_result *result = &world->result;
	unsigned int hwpt;

	world_check(world, !result->iqercd, "%#" PRIx64, result->iqercd);
	if (!result->cookie) {
		world_check(world,
			    result->error == world->vmm_error && !slot->given &&
				    !slot->told,
			    "slot %u", result->index);
		return;
	}
	hwpt = hwpt_index(world, (uint32_t)result->cookie);
	world_check(world, world->host_fails && slot->targets >> hwpt & 1,
		    "slot %u", result->index);
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
		world_fail(world, __FILE__, __LINE__, "cause", "%u",
			   result->cause);
	}
}

/* FSTS_REG, as the cause asks for: a host's failure is not shown. */
static uint32_t want_fsts(const struct iommunest_vtd_iq_result *result)
{
	return result->cause == IOMMUNEST_CAUSE_HOST ? 0
						     : IOMMUNEST_VTD_FSTS_IQE;
}

void world_note_fault(struct world *world)
{
	world->halted = true;
	world->fault = world->result;
}

void world_check_result(struct world *world)
{
	const struct iommunest_vtd_iq_result *result = &world->result;
	const struct guest *guest = &world->guest;
	uint32_t head = (uint32_t)(result->iqh >> guest->shift);
	uint32_t passed = world_distance(world, head);
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
	world_note_fault(world);
}
