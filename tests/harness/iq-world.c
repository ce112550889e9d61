/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/iq-world-parts.h"
#include "tests/harness/support.h"
#include "tests/harness/target.h"
#include "tests/harness/policy.h"

void world_fail(const struct world *world, const char *file, int line,
		const char *condition, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ck_abort_msg(SUPPORT_SEED "=%" PRIu64 " IOMMUNEST_COUNT=1: "
				  "%s:%d: not %s: %s",
		     world->seed, file, line, condition, text);
	abort();
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
	world->window = world_distance(world, (uint32_t)(world->iqt >>
							 world->guest.shift));
	if (world->setup.budget && world->window > world->setup.budget)
		world->window = world->setup.budget;
	for (at = 0; at < world->window; at++) {
		struct world_slot *slot = world_slot_at(world, at);

		slot->targets = slot->skipped = slot->covered = 0;
		slot->wrote = slot->interrupted = false;
		slot->given = slot->told = false;
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
static void check_halted(const struct world *world, int ret)
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
			    result->cookie == fault->cookie,
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
			    !result->cookie,
		    "%" PRIu64, result->iqercd);
	world_note_fault(world);
}

/* Calls the engine, which is enabled or is about to be. */
static void run(struct world *world,
		int (*call)(struct guest *guest, struct iommunest_vtd_iq *iq,
			    struct iommunest_vtd_iq_result *result))
{
	uint32_t iqei = tail_iqei(world);

	guest_forget(&world->guest);
	world->guest.user = world;
	if (!world->halted && !iqei)
		start_run(world);
	world->ret = call(&world->guest, world->iq, &world->result);
	if (world->halted)
		check_halted(world, world->fault.error);
	else if (iqei)
		check_bad_tail(world, iqei);
	else
		world_check_result(world);
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
	check_halted(world, 0);
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
		check_halted(world, 0);
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
	world->slots[index].drops = world_things_of(slot);
}

void world_put(struct world *world, struct guest_desc desc,
	       const struct world_slot *slot)
{
	describe(world, guest_put(&world->guest, desc), slot);
}

void world_fix(struct world *world, struct guest_desc desc,
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
	world->halted = false;
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
	int ret = iommunest_vtd_iq_set_base(world->iq, iqa_of(base), base->ttm);

	world_check(world, ret == 0, "%d", ret);
	renew_ring(world, base);
	world->ttm = base->ttm;
	if (world->enabled)
		world->iqt = 0;
	world->halted = false;
	memset(&world->fault, 0, sizeof(world->fault));
}

void world_set_mode(struct world *world, enum iommunest_vtd_ttm ttm)
{
	int ret = iommunest_vtd_iq_set_mode(world->iq, ttm);

	world_check(world, ret == 0, "%d", ret);
	world->ttm = ttm;
}

void world_disable(struct world *world)
{
	int ret = iommunest_vtd_iq_disable(world->iq);

	world_check(world, ret == 0, "%d", ret);
	world->enabled = false;
	world->head = 0;
}

void world_reset(struct world *world, const struct world_base *base)
{
	iommunest_vtd_iq_reset(world->iq);
	world->n_scopes = 0;
	world->enabled = false;
	world->iqt = 0;
	world->head = 0;
	world->fault.cookie = 0;
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
			    state->iqercd == fault->iqercd &&
			    state->ttm == world->ttm,
		    "cause %u", state->cause);
}

/* ---- Scopes ---- */

static int tell_engine(const struct world *world, struct world_scope scope)
{
	uint32_t hwpt_id = world->hwpts[scope.hwpt];

	if (scope.device)
		return iommunest_vtd_iq_add_device(world->iq, scope.did,
						   scope.pasid,
						   TARGET(world->ctx, hwpt_id));
	return iommunest_vtd_iq_add_scope(world->iq, scope.did, scope.pasid,
					  TARGET(world->ctx, hwpt_id));
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
	int want = 0;
	int ret;

	if (find_scope(world, scope) < world->n_scopes)
		want = -EEXIST;
	if (!want && world->n_scopes == WORLD_SCOPES)
		return -ENOSPC;
	ret = tell_engine(world, scope);
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
		ret = iommunest_vtd_iq_remove_device(
			world->iq, scope.did, scope.pasid,
			TARGET(world->ctx, hwpt_id));
	else
		ret = iommunest_vtd_iq_remove_scope(
			world->iq, scope.did, scope.pasid,
			TARGET(world->ctx, hwpt_id));
	world_check(world, ret == (at < world->n_scopes ? 0 : -ENOENT), "%d",
		    ret);
	if (!ret)
		world->scopes[at] = world->scopes[--world->n_scopes];
}

void world_remove_hwpt(struct world *world, unsigned int hwpt)
{
	int ret = iommunest_vtd_iq_forget(
		world->iq, TARGET(world->ctx, world->hwpts[hwpt]));
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
	};
	struct iommunest_open_options open_options = {
		.size = sizeof(open_options),
		.sys = iommunest_sim_sys(),
	};

	ck_assert_int_eq(iommunest_sim_new(&world->sim, &sim_options), 0);
	open_options.sys_data = world->sim;
	if (world->setup.untraced) {
		open_options.sys = &world_watched_sys;
		open_options.sys_data = world;
	}
	ck_assert_int_eq(iommunest_open(&world->ctx, &open_options), 0);
}

static void make_engine(struct world *world)
{
	const struct world_setup *setup = &world->setup;
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.policy = engine_policy(setup->policy),
		.budget = setup->budget ? setup->budget
					: IOMMUNEST_VTD_IQ_NO_BUDGET,
		.limits = setup->limits.size ? &setup->limits : NULL,
	};
	struct iommunest_vtd_iq_ops ops =
		setup->caches ? caching_guest_ops : guest_ops;

	if (setup->untraced)
		ops.trace = NULL;
	ck_assert_int_eq(iommunest_vtd_iq_new(&world->iq, &ops, &world->guest,
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
	world->fault.cookie = 0;
	iommunest_vtd_iq_free(old);
}

void world_open(struct world *world, uint64_t seed,
		const struct world_setup *setup)
{
	memset(world, 0, sizeof(*world));
	world->seed = seed;
	world->setup = *setup;
	world->enabled = true;
	world_make_things();
	guest_init(&world->guest, iqa_of(&setup->base));
	world->guest.hook = world_see;
	world->guest.user = world;
	make_host(world);
	make_hwpts(world);
	make_engine(world);
	world_set_base(world, &setup->base);
	world_enable(world);
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
