/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* States to restore that may come from anywhere. */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/queue/state-rig.h"

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, teardown);

/* ---- What may come from anywhere ---- */

static bool may_have_fault(const state_t *state)
{
	uint64_t iqercd = state->iqercd;

	if (state->error > -1 || state->error < -4095)
		return false;
	switch (state->cause) {
	case IOMMUNEST_CAUSE_GUEST:
		return state->error == -EBADMSG && state->fsts == 1u << 4 &&
		       iqercd >= 1 && iqercd <= 7 && iqercd != 2;
	case IOMMUNEST_CAUSE_FETCH:
		return state->fsts == 1u << 4 && (iqercd == 2 || !iqercd);
	case IOMMUNEST_CAUSE_HOST:
		return !iqercd && (!state->fsts || state->fsts == 1u << 6);
	default:
		return false;
	}
}

static bool may_have_abort(const state_t *state, uint64_t slots)
{
	if (!(state->flags & ABORT))
		return !state->abort_index && !state->abort_error;
	return state->flags & HAS_BASE && state->abort_index < slots &&
	       state->abort_error < 0 && state->abort_error >= -4095;
}

/* An engine might have saved it; as the header has it, in other words. */
static bool is_possible(const state_t *state)
{
	unsigned int shift = state->iqa & 0x800 ? 5 : 4;
	uint64_t slots = (UINT64_C(4096) << (state->iqa & 7)) >> shift;
	uint64_t head = state->iqh >> shift;

	if (state->flags > 7 || state->ttm > 3 || state->iqt & ~0x7fff0ull ||
	    !may_have_abort(state, slots))
		return false;
	if (!(state->flags & HAS_BASE) &&
	    (state->iqa || state->iqh || state->cause ||
	     state->flags & ENABLED))
		return false;
	if (!(state->flags & ENABLED) && state->iqh)
		return false;
	if (state->iqa & 0x7f8 || head >= slots || head << shift != state->iqh)
		return false;
	if (state->cause)
		return state->index < slots &&
		       (head == 0 || head == state->index ||
			state->fsts == 1u << 6) &&
		       may_have_fault(state);
	return !state->index && !state->error && !state->fsts && !state->iqercd;
}

/* Returns whether it was taken. */
static bool try_state(const state_t *state)
{
	state_t before = saved();
	state_t after;
	int ret;

	ret = iommunest_vtd_iq_restore(rig.iq, state);
	after = saved();
	ck_assert_int_eq(ret, is_possible(state) ? 0 : -EINVAL);
	ck_assert_mem_eq(&after, ret ? &before : state, sizeof(after));
	return !ret;
}

TEST_LOOP(one_wrong_bit_is_refused_or_is_what_it_says, WAYS)
{
	state_t state, changed;
	unsigned int bit, taken = 0, refused = 0;

	ways[_i]();
	state = saved();
	ck_assert(is_possible(&state));
	for (bit = 8 * sizeof(state.size); bit < 8 * sizeof(state); bit++) {
		unsigned char *bytes = (unsigned char *)&changed;

		changed = state;
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		if (try_state(&changed))
			taken++;
		else
			refused++;
		ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &state), 0);
	}
	/* IQT_REG has 15 bits; some other field is anything's. */
	ck_assert_uint_ge(taken, 15);
	ck_assert_uint_ge(refused, 100);
}

/* Each field by itself, to what is at the border of something. */
static const uint64_t borders[] = {
	0,
	1,
	2,
	3,
	4,
	5,
	7,
	8,
	15,
	16,
	31,
	32,
	0x40,
	0x50,
	0x60,
	127,
	128,
	0x7f8,
	0x800,
	0xfe0,
	0xff0,
	0x1000,
	0x7ffe0,
	0x7fff0,
	0x7ffff,
	0x80000,
	0x7fffffff,
	0x80000000,
	0xfffff000,
	0xfffff001,
	0xffffff4b,
	0xffffff87,
	0xffffff92,
	0xffffffb6,
	0xfffffffb,
	0xffffffff,
	1ull << 32,
	1ull << 47,
	1ull << 48,
	1ull << 63,
	0xfffull << 52,
	UINT64_MAX,
};

static const struct {
	size_t offset;
	size_t size;
} fields[] = {
#define FIELD(name)                                                   \
	{                                                             \
		offsetof(state_t, name), sizeof(((state_t *)0)->name) \
	}
	FIELD(iqa),   FIELD(iqh),   FIELD(iqt),	 FIELD(flags), FIELD(cause),
	FIELD(index), FIELD(error), FIELD(fsts), FIELD(ttm),   FIELD(iqercd),
#undef FIELD
};

static void set_field(state_t *state, size_t nth, uint64_t value)
{
	memcpy((char *)state + fields[nth].offset, &value, fields[nth].size);
}

/* Two fields at a time, from each way that an engine can be. */
TEST_LOOP(two_wrong_fields_are_refused_or_are_what_they_say, WAYS)
{
	state_t state, changed;
	size_t a, b, i, j;

	ways[_i]();
	state = saved();
	for (a = 0; a < ARRAY_LEN(fields); a++) {
		for (b = 0; b < a; b++) {
			for (i = 0; i < ARRAY_LEN(borders) * ARRAY_LEN(borders);
			     i++) {
				j = i / ARRAY_LEN(borders);
				changed = state;
				set_field(&changed, a,
					  borders[i % ARRAY_LEN(borders)]);
				set_field(&changed, b, borders[j]);
				if (is_possible(&changed) ==
				    !iommunest_vtd_iq_restore(rig.iq, &changed))
					continue;
				ck_abort_msg(
					"fields %zu %zu values %#jx %#jx", a, b,
					(uintmax_t)
						borders[i % ARRAY_LEN(borders)],
					(uintmax_t)borders[j]);
			}
		}
	}
}

/* What is taken does no harm: the engine stays in the ring that it was told. */
TEST(a_state_that_is_accepted_can_be_run)
{
	state_t state;
	uint32_t i;

	be_idle();
	for (i = 0; i < rig.guest.slots; i++)
		guest_set(&rig.guest, i, guest_wait(0, 0, 0));
	state = saved();
	state.iqh = 40 * SLOT;
	state.iqt = 90 * SLOT;
	ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &state), 0);
	rig.guest.tail = 39;
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.descriptors, 255);
	/* A tail beyond the ring is the guest's fault, as ever. */
	state.iqt = 0x7fff0;
	ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &state), 0);
	disable();
	ck_assert_int_eq(rig_enable(&rig), -EBADMSG);
}

/* ---- From registers alone ---- */

typedef struct iommunest_vtd_iq_registers registers_t;

/* What a VMM's register file has, after the last run. */
static registers_t registers_of(const state_t *state)
{
	return (registers_t){
		.size = sizeof(registers_t),
		.iqa = state->iqa,
		.iqh = state->iqh,
		.iqt = state->iqt,
		.iqercd = state->iqercd,
		.fsts = state->fsts,
		.ttm = state->ttm,
		.enabled = !!(state->flags & ENABLED),
	};
}

/* Of a fault that the guest sees, only its cause and error may be others. */
TEST_LOOP(registers_restore_what_the_guest_sees, WAYS)
{
	registers_t registers;
	state_t before, after;

	ways[_i]();
	before = saved();
	registers = registers_of(&before);
	take(another(0));
	ck_assert_int_eq(iommunest_vtd_iq_restore_registers(rig.iq, &registers),
			 0);
	after = saved();
	ck_assert_uint_eq(after.iqt, before.iqt);
	ck_assert_uint_eq(after.ttm, before.ttm);
	ck_assert_uint_eq(after.flags & ENABLED, before.flags & ENABLED);
	if (!registers.enabled) {
		ck_assert_uint_eq(after.flags, 0);
		ck_assert_uint_eq(after.cause, 0);
		return;
	}
	ck_assert_uint_eq(after.iqa, before.iqa);
	ck_assert_uint_eq(after.iqh, before.iqh);
	ck_assert_uint_eq(after.fsts, before.fsts);
	ck_assert_uint_eq(after.iqercd, before.iqercd);
	ck_assert_uint_eq(!after.cause, !before.fsts);
}

static const struct {
	uint32_t fsts;
	uint64_t iqercd;
	uint32_t cause;
	int error;
	uint64_t shown;
} seen[] = {
	{ 0, 0x1234567800000003, 0, 0, 0 },
	/* ICE halts nothing, nor do faults of address translation. */
	{ 1u << 5 | 0x3, 0, 0, 0, 0 },
	{ 1u << 4, 0, IOMMUNEST_CAUSE_FETCH, -EFAULT, 0 },
	{ 1u << 4, 2, IOMMUNEST_CAUSE_FETCH, -EFAULT, 2 },
	{ 1u << 4, 1, IOMMUNEST_CAUSE_GUEST, -EBADMSG, 1 },
	{ 1u << 4, 7, IOMMUNEST_CAUSE_GUEST, -EBADMSG, 7 },
	/* IQEI without IQE, source ids without their bit. */
	{ 1u << 6, 0x0000010000000003, IOMMUNEST_CAUSE_HOST, -EIO, 0 },
	{ 1u << 4 | 1u << 6, 0x0000010000000003, IOMMUNEST_CAUSE_GUEST,
	  -EBADMSG, 3 },
};

TEST_LOOP(bits_say_why_it_halts, ARRAY_LEN(seen))
{
	registers_t registers;
	state_t state;

	be_idle();
	state = saved();
	registers = registers_of(&state);
	registers.fsts = seen[_i].fsts;
	registers.iqercd = seen[_i].iqercd;
	ck_assert_int_eq(iommunest_vtd_iq_restore_registers(rig.iq, &registers),
			 0);
	state = saved();
	ck_assert_uint_eq(state.cause, seen[_i].cause);
	ck_assert_int_eq(state.error, seen[_i].error);
	ck_assert_uint_eq(state.iqercd, seen[_i].shown);
	ck_assert_uint_eq(state.index, state.cause ? 200 : 0);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), seen[_i].error);
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_STATUS),
			  seen[_i].cause ? 1 : 0);
}

static const struct {
	registers_t registers;
	bool taken;
} files[] = {
	{ { .enabled = 2 }, false },
	{ { .enabled = 1, .reserved = 1 }, false },
	{ { .enabled = 1, .ttm = 4 }, false },
	{ { .enabled = 1, .iqa = 0x8 }, false },
	/* A head beyond the ring, and one within a slot. */
	{ { .enabled = 1, .iqa = 0x800, .iqh = 0x1000 }, false },
	{ { .enabled = 1, .iqa = 0x800, .iqh = 0x10 }, false },
	{ { .enabled = 1, .iqa = 0, .iqh = 0x10 }, true },
	{ { .enabled = 1, .iqa = 0x800, .fsts = 1u << 4, .iqercd = 8 }, false },
	/* Of a disabled queue they do not matter. */
	{ { .enabled = 0, .iqa = 0x8, .iqh = 0x10, .fsts = 1u << 4 }, true },
	/* Nor do bits that the tail's register does not have. */
	{ { .enabled = 1, .iqa = 0x800, .iqt = UINT64_MAX }, true },
};

TEST_LOOP(registers_are_checked, ARRAY_LEN(files))
{
	registers_t registers = files[_i].registers;
	state_t before, after;

	be_idle();
	before = saved();
	registers.size = sizeof(registers);
	ck_assert_int_eq(iommunest_vtd_iq_restore_registers(rig.iq, &registers),
			 files[_i].taken ? 0 : -EINVAL);
	after = saved();
	if (!files[_i].taken)
		ck_assert_mem_eq(&before, &after, sizeof(before));
	ck_assert_int_eq(iommunest_vtd_iq_restore_registers(NULL, &registers),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_restore_registers(rig.iq, NULL),
			 -EINVAL);
}
