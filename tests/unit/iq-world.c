/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iq-world.h"

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

uint64_t world_location(unsigned int nth)
{
	return thing_of(nth).first;
}

static bool is_cached(const struct world *world, unsigned int hwpt,
		      const struct thing *thing)
{
	unsigned int where =
		iommunest_sim_cached(world->sim, iommunest_fd(world->ctx),
				     world->hwpts[hwpt], thing->first);

	if (thing->structure)
		return where & IOMMUNEST_SIM_CACHED_STRUCTURE;
	return where &
	       (IOMMUNEST_SIM_CACHED_LEAF | IOMMUNEST_SIM_CACHED_DEV_TLB);
}

void world_translate(struct world *world, unsigned int hwpt, unsigned int nth)
{
	struct thing thing = thing_of(nth);
	unsigned int i;
	int ret;

	ret = iommunest_sim_translate(world->sim, iommunest_fd(world->ctx),
				      world->hwpts[hwpt], thing.first,
				      thing.order);
	world_check(world, ret == 0, "%d", ret);
	world->cached[hwpt][nth] = true;
	for (i = WORLD_LOCATIONS; i < WORLD_THINGS; i++) {
		struct thing above = thing_of(i);

		if (thing.first >= above.first && thing.last <= above.last)
			world->cached[hwpt][i] = true;
	}
}

/* ---- What a descriptor asks for ---- */

static bool is_forwarded(const struct world_slot *slot)
{
	return slot->targets && (slot->type == IOMMUNEST_VTD_DESC_PIOTLB ||
				 slot->type == IOMMUNEST_VTD_DESC_IOTLB);
}

static bool is_everything(const struct world_slot *slot)
{
	return slot->type == IOMMUNEST_VTD_DESC_IOTLB ||
	       slot->granularity == IOMMUNEST_VTD_PIOTLB_ALL;
}

/* Of a target of the slot. */
static bool must_drop(const struct world_slot *slot, const struct thing *thing)
{
	if (is_everything(slot))
		return true;
	if (slot->leaf_only && thing->structure)
		return false;
	return slot->first <= thing->last && thing->first <= slot->last;
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

static uint32_t scope_targets(const struct world *world,
			      const struct world_slot *slot)
{
	bool all_pasids = slot->type == IOMMUNEST_VTD_DESC_IOTLB;
	bool all_domains =
		all_pasids && slot->granularity == IOMMUNEST_VTD_IOTLB_GLOBAL;
	uint32_t targets = 0;
	unsigned int i;

	if (!world->setup.scalable || slot->iqei)
		return 0;
	for (i = 0; i < world->n_scopes; i++) {
		const struct world_scope *scope = &world->scopes[i];

		if ((all_domains || scope->did == slot->did) &&
		    (all_pasids || scope->pasid == slot->pasid))
			targets |= 1u << scope->hwpt;
	}
	return targets;
}

/* ---- The ring, from the head of the last run on ---- */

static uint32_t distance(const struct world *world, uint32_t index)
{
	return (index - world->head) & (world->guest.slots - 1);
}

static struct world_slot *slot_at(const struct world *world, uint32_t at)
{
	return &world->slots[(world->head + at) & (world->guest.slots - 1)];
}

/* Scopes may change from here on, and what is before it has its targets. */
static void freeze(struct world *world, uint32_t upto)
{
	for (; world->frozen < upto; world->frozen++) {
		struct world_slot *slot = slot_at(world, world->frozen);

		if (slot->type == IOMMUNEST_VTD_DESC_PIOTLB ||
		    slot->type == IOMMUNEST_VTD_DESC_IOTLB)
			slot->targets = scope_targets(world, slot);
	}
}

static void verify_slot(const struct world *world, uint32_t at)
{
	const struct world_slot *slot = slot_at(world, at);
	unsigned int hwpt, nth;

	if (!is_forwarded(slot))
		return;
	for (hwpt = 0; hwpt < WORLD_HWPTS; hwpt++) {
		if (!((slot->targets & ~slot->skipped) >> hwpt & 1))
			continue;
		for (nth = 0; nth < WORLD_THINGS; nth++) {
			struct thing thing = thing_of(nth);

			if (!world->cached[hwpt][nth] ||
			    !must_drop(slot, &thing))
				continue;
			world_check(world, !is_cached(world, hwpt, &thing),
				    "slot %u, HWPT %u, %#" PRIx64
				    " structure %d",
				    at, hwpt, thing.first, thing.structure);
		}
	}
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
			    world->setup.policy == IOMMUNEST_SKIP &&
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

static bool had_its_events(const struct world_slot *slot, bool passed)
{
	bool vmm = slot->type != IOMMUNEST_VTD_DESC_WAIT && !slot->iqei &&
		   (slot->type != IOMMUNEST_VTD_DESC_PIOTLB || !slot->targets);

	if (!passed)
		return !slot->wrote && !slot->interrupted && !slot->given;
	return !slot->iqei && slot->wrote == slot->status &&
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

		world_check(world, had_its_events(slot, at < passed),
			    "slot %u of %u, type %u", at, passed, slot->type);
		if (at >= passed)
			continue;
		waits += slot->type == IOMMUNEST_VTD_DESC_WAIT;
		vmm += slot->given;
		forwarded += is_forwarded(slot) && !slot->skipped;
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

static bool was_asked_for(const struct world *world, unsigned int hwpt,
			  const struct thing *thing)
{
	uint32_t at;

	for (at = 0; at < world->window; at++) {
		const struct world_slot *slot = slot_at(world, at);

		if (slot->targets >> hwpt & 1 && must_drop(slot, thing))
			return true;
	}
	return may_drop_all(world, hwpt);
}

static void check_drops(struct world *world)
{
	unsigned int hwpt, nth;

	for (hwpt = 0; hwpt < WORLD_HWPTS; hwpt++) {
		for (nth = 0; nth < WORLD_THINGS; nth++) {
			struct thing thing = thing_of(nth);

			if (!world->cached[hwpt][nth] ||
			    is_cached(world, hwpt, &thing))
				continue;
			world->cached[hwpt][nth] = false;
			world_check(world, was_asked_for(world, hwpt, &thing),
				    "HWPT %u, %#" PRIx64 " structure %d", hwpt,
				    thing.first, thing.structure);
		}
	}
}

/*
 * One, but that what has been gathered for scopes of several HWPTs goes early
 * where it would not fit.
 */
static void check_calls(const struct world *world)
{
	uint32_t items = 0;
	uint32_t at;

	if (world->host_fails)
		return;
	for (at = 0; at < world->window; at++) {
		const struct world_slot *slot = slot_at(world, at);

		items += slot->type == IOMMUNEST_VTD_DESC_WAIT;
		items += (uint32_t)__builtin_popcount(slot->targets);
	}
	world_check(world, world->most_calls <= 1 + items / world->guest.slots,
		    "%u calls for %u items", world->most_calls, items);
}

static bool is_bad_memory(const struct guest *guest, uint32_t index)
{
	return guest->bad_count && index >= guest->bad_first &&
	       index < guest->bad_first + guest->bad_count;
}

static void check_cause(const struct world *world)
{
	const struct iommunest_vtd_iq_result *result = &world->result;
	const struct world_slot *slot = &world->slots[result->index];
	const struct guest *guest = &world->guest;
	bool host = result->hwpt_id != 0;

	switch (result->cause) {
	case IOMMUNEST_CAUSE_GUEST:
		world_check(world, slot->iqei && result->iqercd == slot->iqei,
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
					    slot->addr == guest->bad_status,
				    "slot %u", result->index);
		break;
	case IOMMUNEST_CAUSE_HOST:
		world_check(world, result->iqercd == 0, "%" PRIu64,
			    result->iqercd);
		if (host)
			world_check(
				world,
				world->host_fails &&
					slot->targets >>
							hwpt_index(
								world,
								result->hwpt_id) &
						1,
				"slot %u", result->index);
		else
			world_check(world,
				    result->error == world->vmm_error &&
					    !slot->given,
				    "slot %u", result->index);
		break;
	default:
		world_fail(world, __LINE__, "cause", "%u", result->cause);
	}
}

static void check_result(struct world *world)
{
	const struct iommunest_vtd_iq_result *result = &world->result;
	const struct guest *guest = &world->guest;
	uint32_t head = (uint32_t)(result->iqh >> guest->shift);
	uint32_t passed = distance(world, head);
	uint32_t fsts = result->error == -ETIMEDOUT ? IOMMUNEST_VTD_FSTS_ITE
						    : IOMMUNEST_VTD_FSTS_IQE;

	world_check(world, head < guest->slots, "%" PRIx64, result->iqh);
	world_check(world, passed <= world->window, "%u of %u", passed,
		    world->window);
	verify(world, passed);
	freeze(world, world->window);
	check_drops(world);
	check_counts(world, passed);
	check_calls(world);
	if (world->ret >= 0) {
		world_check(world,
			    passed == world->window && !result->cause &&
				    !result->fsts && !result->error,
			    "%u of %u", passed, world->window);
		world_check(world, world->ret == (head != guest->tail), "%d",
			    world->ret);
		return;
	}
	world_check(world, result->error == world->ret, "%d", result->error);
	world_check(world, result->index == head, "%u", result->index);
	world_check(world, result->fsts == fsts, "%#x", result->fsts);
	check_cause(world);
	world->stands = true;
}

/* ---- A run ---- */

static void start_run(struct world *world)
{
	struct guest *guest = &world->guest;
	uint32_t at;

	world->head = (uint32_t)(world->result.iqh >> guest->shift);
	world->window = distance(world, guest->tail);
	if (world->setup.budget && world->window > world->setup.budget)
		world->window = world->setup.budget;
	for (at = 0; at < world->window; at++) {
		struct world_slot *slot = slot_at(world, at);

		slot->targets = slot->skipped = slot->covered = 0;
		slot->wrote = slot->interrupted = slot->given = false;
	}
	world->frozen = world->verified = world->event = 0;
	memset(world->calls, 0, sizeof(world->calls));
	world->total_calls = 0;
	world->most_calls = 0;
	world->flushed_all = 0;
	guest_forget(guest);
}

/* A fault stays, and says the same again, until it is cleared. */
static void kick_standing(struct world *world)
{
	struct iommunest_vtd_iq_result again;
	int ret = guest_kick(&world->guest, world->iq, &again);

	world_check(world, ret == world->ret, "%d", ret);
	world_check(world,
		    again.iqh == world->result.iqh &&
			    again.iqercd == world->result.iqercd &&
			    again.fsts == world->result.fsts &&
			    again.cause == world->result.cause &&
			    again.index == world->result.index &&
			    again.error == world->result.error &&
			    again.hwpt_id == world->result.hwpt_id,
		    "slot %u", again.index);
	world_check(world, !again.descriptors && !again.calls && !again.entries,
		    "%u", again.descriptors);
}

void world_kick(struct world *world)
{
	if (world->stands) {
		kick_standing(world);
		return;
	}
	start_run(world);
	world->ret = guest_kick(&world->guest, world->iq, &world->result);
	check_result(world);
}

void world_kick_wildly(struct world *world, uint64_t iqt, uint32_t iqei)
{
	struct iommunest_vtd_iq_result *result = &world->result;
	uint64_t iqh = result->iqh;

	start_run(world);
	result->size = sizeof(*result);
	world->ret = iommunest_vtd_iq_run(world->iq, iqt, result);
	world_check(world, world->ret == -EBADMSG, "%d", world->ret);
	world_check(world, result->iqh == iqh && result->iqercd == iqei,
		    "%" PRIx64, result->iqh);
	world_check(world, result->cause == IOMMUNEST_CAUSE_GUEST, "%u",
		    result->cause);
	world_check(world, world->guest.n_events == 0, "%u",
		    world->guest.n_events);
	world->stands = true;
}

/* ---- The guest ---- */

uint32_t world_room(const struct world *world)
{
	const struct guest *guest = &world->guest;
	uint32_t head = (uint32_t)(world->result.iqh >> guest->shift);

	return (head - guest->tail - 1) & (guest->slots - 1);
}

void world_put(struct world *world, struct guest_desc desc,
	       const struct world_slot *slot)
{
	world->slots[guest_put(&world->guest, desc)] = *slot;
}

void world_mend(struct world *world, struct guest_desc desc,
		const struct world_slot *slot)
{
	uint32_t head = (uint32_t)(world->result.iqh >> world->guest.shift);

	guest_set(&world->guest, head, desc);
	world->slots[head] = *slot;
}

/* ---- Scopes ---- */

int world_add_scope(struct world *world, struct world_scope scope)
{
	int ret = iommunest_vtd_iq_add_hwpt(world->iq, scope.did, scope.pasid,
					    world->hwpts[scope.hwpt]);
	unsigned int i;
	int want = 0;

	for (i = 0; i < world->n_scopes; i++) {
		if (world->scopes[i].did == scope.did &&
		    world->scopes[i].pasid == scope.pasid &&
		    world->scopes[i].hwpt == scope.hwpt)
			want = -EEXIST;
	}
	if (!want && world->n_scopes == WORLD_SCOPES)
		want = -ENOSPC;
	world_check(world, ret == want, "%d, not %d", ret, want);
	if (!ret)
		world->scopes[world->n_scopes++] = scope;
	return ret;
}

void world_remove_hwpt(struct world *world, unsigned int hwpt)
{
	int ret = iommunest_vtd_iq_remove_hwpt(world->iq, world->hwpts[hwpt]);
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

static uint64_t iqa_of(const struct world *world)
{
	return guest_iqa(0x123456789000, world->setup.qs, world->setup.wide);
}

static void make_hwpts(struct world *world)
{
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.addr_width = 48,
	};
	uint32_t flags = world->setup.ats ? IOMMUNEST_SIM_ATS : 0;
	int fd = iommunest_fd(world->ctx);
	uint32_t ioas, parent = 0, dev;
	unsigned int i;

	ck_assert_int_eq(iommunest_ioas_alloc(world->ctx, &ioas), 0);
	for (i = 0; i < WORLD_HWPTS; i++) {
		ck_assert_int_eq(
			iommunest_sim_bind(world->sim, fd, flags, &dev), 0);
		if (i == 0)
			ck_assert_int_eq(iommunest_hwpt_alloc_parent(world->ctx,
								     dev, ioas,
								     &parent),
					 0);
		ck_assert_int_eq(iommunest_hwpt_alloc_vtd_s1(world->ctx, dev,
							     parent, &s1,
							     &world->hwpts[i]),
				 0);
		ck_assert_int_eq(iommunest_sim_attach(world->sim, fd, dev,
						      world->hwpts[i]),
				 0);
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
		.max_hwpts = WORLD_SCOPES,
		.budget = setup->budget,
		.limits = setup->limits.size ? &setup->limits : NULL,
	};

	ck_assert_int_eq(iommunest_vtd_iq_new(&world->iq, world->ctx,
					      &guest_ops, &world->guest,
					      &options),
			 0);
}

void world_set_base(struct world *world)
{
	struct guest *guest = &world->guest;

	ck_assert_int_eq(iommunest_vtd_iq_set_base(world->iq, iqa_of(world),
						   world->setup.scalable),
			 0);
	guest->tail = 0;
	memset(world->slots, 0, guest->slots * sizeof(*world->slots));
	world->result.iqh = 0;
	world->stands = false;
}

void world_open(struct world *world, uint64_t seed,
		const struct world_setup *setup)
{
	struct guest *guest = &world->guest;

	memset(world, 0, sizeof(*world));
	world->seed = seed;
	world->setup = *setup;
	guest_init(guest, iqa_of(world));
	guest->hook = see;
	guest->user = world;
	world->slots = calloc(guest->slots, sizeof(*world->slots));
	ck_assert_ptr_nonnull(world->slots);
	make_host(world);
	make_hwpts(world);
	make_engine(world);
	world_set_base(world);
}

void world_close(struct world *world)
{
	struct iommunest_sim_stats stats;

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
