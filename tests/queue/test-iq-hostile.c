/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A guest that means harm: rings of every size and both widths, in both modes,
 * full of random bytes, in memory that is another one at each read, and tails
 * that no ring has.  What the engine asks of the VMM is bounded by the ring,
 * and it uses what it has read, once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/host.h"
#include "tests/harness/support.h"
#include "tests/harness/target.h"

#define BASE UINT64_C(0xfffffffffff80000)
#define PAGE_SIZE 4096u
/* In IQT_REG. */
#define LAST_TAIL UINT64_C(0x7fff0)
#define SIZES 8
/* Sizes, widths and modes. */
#define RINGS (SIZES * 4)

#define KICKS 40u

#define FIRST_HWPT 10u
#define HWPTS 8u

struct hostile {
	struct support_rng rng;
	struct host host;
	struct iommunest_ctx *ctx;
	struct iommunest_vtd_iq *iq;
	struct iommunest_vtd_iq_result result;
	bool scalable;
	uint32_t slots;
	unsigned int shift;
	uint32_t budget;

	/* What the engine was given in this run, by slot; type 0: nothing. */
	uint64_t (*given)[4];
	uint32_t head;
	uint32_t reads;
	uint32_t events;
	/* One of so many reads fails; 0: none. */
	uint32_t fails;
	/* Any bytes, too. */
	bool wild;
};

/* ---- Guest memory ---- */

/* Bits that each type may have; the rest is reserved. */
static const uint64_t allowed[][2] = {
	{ 0, 0 },
	{ 0x0003ffffffff0030, 0 },
	{ 0x00000000ffff00f0, 0xfffffffffffff07f },
	{ 0xfff0ffff001ff000, 0xfffffffffffff001 },
	{ 0x0000fffff8000010, 0 },
	{ 0xffffffff000000f0, 0xfffffffffffffffc },
	{ 0x000fffffffff0030, 0xfffffffffffff07f },
	{ 0x000fffffffff0030, 0 },
	{ 0xfffffffffffff1f0, 0xfffffffffffff801 },
	{ 0x000ffffffffff010, 0xff8 },
};

/* Few domains, PASIDs and devices, so that most are known. */
#define KNOWN UINT64_C(0xfff000030003ffff)

static uint32_t make_type(struct hostile *hostile)
{
	struct support_rng *rng = &hostile->rng;

	if (support_rng_below(rng, 4) == 0)
		return IOMMUNEST_VTD_DESC_WAIT;
	if (!hostile->scalable)
		return 1 + support_rng_below(rng, IOMMUNEST_VTD_DESC_WAIT);
	if (support_rng_below(rng, 2))
		return IOMMUNEST_VTD_DESC_PIOTLB;
	return 1 + support_rng_below(rng, IOMMUNEST_VTD_DESC_PAGE_RESPONSE);
}

/* Where 0, and of PASID caches 2, is not a granularity. */
static uint64_t make_granularity(uint32_t type)
{
	switch (type) {
	case IOMMUNEST_VTD_DESC_CONTEXT_CACHE:
	case IOMMUNEST_VTD_DESC_IOTLB:
	case IOMMUNEST_VTD_DESC_PASID_CACHE:
		return 1u << 4;
	case IOMMUNEST_VTD_DESC_PIOTLB:
		return 2u << 4;
	default:
		return 0;
	}
}

/* What hardware takes; in a wild run any bytes now and then. */
static void make_desc(struct hostile *hostile, uint64_t *words)
{
	struct support_rng *rng = &hostile->rng;
	uint32_t type = make_type(hostile);
	unsigned int i;

	for (i = 0; i < 4; i++)
		words[i] = support_rng_next(rng);
	if (hostile->wild && support_rng_below(rng, 64) == 0)
		return;
	words[0] &= allowed[type][0] & KNOWN;
	words[0] |= type | make_granularity(type);
	words[1] &= allowed[type][1];
	words[2] = words[3] = 0;
}

static uint32_t distance(const struct hostile *hostile, uint32_t index)
{
	return (index - hostile->head) & (hostile->slots - 1);
}

/* Something else at each read; and once only for each slot that is read. */
static int hostile_read(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	struct hostile *hostile = vmm;
	const struct support_rng *rng = &hostile->rng;
	uint64_t offset = gpa - BASE;
	uint64_t size = (uint64_t)hostile->slots << hostile->shift;
	size_t bytes = (size_t)1 << hostile->shift;
	uint32_t slot = (uint32_t)(offset >> hostile->shift);
	size_t i;

	hostile->reads++;
	support_assert(rng, len > 0);
	support_assert(rng, !((offset | len) & (bytes - 1)));
	support_assert(rng, offset < size && len <= size - offset);
	support_assert(rng, (gpa & (PAGE_SIZE - 1)) + len <= PAGE_SIZE);
	if (hostile->fails &&
	    support_rng_below(&hostile->rng, hostile->fails) == 0) {
		memset(buf, 0x25, len);
		return -EFAULT;
	}
	for (i = 0; i < len / bytes; i++, slot++) {
		uint64_t *words = hostile->given[slot];

		support_assert(rng, !words[0]);
		make_desc(hostile, words);
		/* So that it is known to be there; a reserved bit at worst. */
		if (!words[0])
			words[0] = 1;
		memcpy((char *)buf + i * bytes, words, bytes);
		if (bytes < sizeof(hostile->given[slot]))
			words[2] = words[3] = 0;
	}
	return 0;
}

/* ---- What it led to ---- */

/* The words that the slot was read with. */
static const uint64_t *see(struct hostile *hostile, uint32_t index)
{
	support_assert(&hostile->rng, index < hostile->slots);
	support_assert(&hostile->rng, hostile->given[index][0]);
	hostile->events++;
	return hostile->given[index];
}

static bool is_wait(const uint64_t *words, uint64_t flag)
{
	return (words[0] & 0xe0f) == IOMMUNEST_VTD_DESC_WAIT && words[0] & flag;
}

static int hostile_write_status(void *vmm, uint32_t index, uint64_t gpa,
				uint32_t data)
{
	struct hostile *hostile = vmm;
	const uint64_t *words = see(hostile, index);

	support_assert(&hostile->rng, is_wait(words, 1u << 5));
	support_assert(&hostile->rng, gpa == words[1]);
	support_assert(&hostile->rng, data == words[0] >> 32);
	return 0;
}

static void hostile_interrupt(void *vmm, uint32_t index)
{
	struct hostile *hostile = vmm;
	const uint64_t *words = see(hostile, index);

	support_assert(&hostile->rng, is_wait(words, 1u << 4));
}

static int hostile_descriptor(void *vmm, uint32_t index,
			      const struct iommunest_vtd_desc *desc)
{
	struct hostile *hostile = vmm;
	const uint64_t *words = see(hostile, index);

	support_assert(&hostile->rng,
		       !memcmp(desc->raw, words, sizeof(desc->raw)));
	support_assert(&hostile->rng, !desc->iqei);
	return 0;
}

static void hostile_covered(void *vmm, uint32_t index, uint64_t cookie)
{
	struct hostile *hostile = vmm;

	see(hostile, index);
	support_assert(&hostile->rng,
		       cookie >= FIRST_HWPT && cookie < FIRST_HWPT + HWPTS);
}

static const struct iommunest_vtd_iq_ops hostile_ops = {
	.size = sizeof(hostile_ops),
	.read = hostile_read,
	.write_status = hostile_write_status,
	.interrupt = hostile_interrupt,
	.descriptor = hostile_descriptor,
	.covered = hostile_covered,
};

/* ---- Setting up ---- */

static uint64_t iqa_of(int ring)
{
	return BASE | (ring & 8 ? IOMMUNEST_VTD_IQA_DW : 0) |
	       (unsigned int)(ring & 7);
}

static void hostile_open(struct hostile *hostile, const char *name, int ring)
{
	struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.policy = IOMMUNEST_VTD_IQ_STOP,
	};
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	uint32_t i;

	memset(hostile, 0, sizeof(*hostile));
	support_rng_start(&hostile->rng, name);
	host_init(&hostile->host);
	hostile->ctx = host_open(&hostile->host);
	hostile->scalable = ring & 16;
	hostile->shift = ring & 8 ? 5 : 4;
	hostile->slots = (PAGE_SIZE >> hostile->shift) << (ring & 7);
	hostile->given = calloc(hostile->slots, sizeof(*hostile->given));
	ck_assert_ptr_nonnull(hostile->given);
	options.budget = support_rng_below(&hostile->rng, 4)
				 ? 0
				 : 1 + support_rng_below(&hostile->rng, 200);
	hostile->budget = options.budget;
	ck_assert_int_eq(iommunest_vtd_iq_new(&hostile->iq, &hostile_ops,
					      hostile, &options),
			 0);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(
				 hostile->iq, iqa_of(ring),
				 hostile->scalable ? IOMMUNEST_VTD_TTM_SCALABLE
						   : IOMMUNEST_VTD_TTM_LEGACY),
			 0);
	ck_assert_int_eq(iommunest_vtd_iq_enable(hostile->iq, &result), 0);
	for (i = 0; i < 8; i++) {
		ck_assert_int_eq(iommunest_vtd_iq_add_scope(
					 hostile->iq, (uint16_t)(i & 3), i >> 1,
					 TARGET(hostile->ctx, FIRST_HWPT + i)),
				 0);
		ck_assert_int_eq(iommunest_vtd_iq_add_device(
					 hostile->iq, (uint16_t)(i & 3), i >> 1,
					 TARGET(hostile->ctx, FIRST_HWPT + i)),
				 0);
	}
}

static void hostile_close(struct hostile *hostile)
{
	ck_assert_uint_eq(hostile->host.bad_entries, 0);
	iommunest_vtd_iq_free(hostile->iq);
	iommunest_close(hostile->ctx);
	host_free(&hostile->host);
	free(hostile->given);
}

static int kick(struct hostile *hostile, uint64_t iqt)
{
	if (hostile->reads)
		memset(hostile->given, 0,
		       hostile->slots * sizeof(*hostile->given));
	host_forget(&hostile->host);
	hostile->reads = hostile->events = 0;
	hostile->head = (uint32_t)(hostile->result.iqh >> hostile->shift);
	hostile->result = (struct iommunest_vtd_iq_result){
		.size = sizeof(hostile->result),
	};
	return iommunest_vtd_iq_run(hostile->iq, iqt, &hostile->result);
}

static uint32_t new_head(const struct hostile *hostile)
{
	return (uint32_t)(hostile->result.iqh >> hostile->shift);
}

/* The work of a run is bounded by the slots that it may handle. */
static void check_bounds(const struct hostile *hostile, uint32_t window)
{
	const struct iommunest_vtd_iq_result *result = &hostile->result;
	uint32_t calls = hostile->host.n_calls;

	if (hostile->budget && window > hostile->budget)
		window = hostile->budget;
	ck_assert_uint_lt(new_head(hostile), hostile->slots);
	ck_assert_uint_le(distance(hostile, new_head(hostile)), window);
	ck_assert_uint_eq(result->descriptors,
			  distance(hostile, new_head(hostile)));
	ck_assert_uint_le(hostile->reads, 2 * window);
	/* Of each slot: what it covers of all HWPTs, and the VMM's part. */
	ck_assert_uint_le(hostile->events, (HWPTS + 1) * window);
	ck_assert_uint_le(calls, HWPTS * window);
	ck_assert_uint_eq(result->calls, calls);
}

/* Refused, as hardware would; or all of it is done. */
static void check_answer(const struct hostile *hostile, int ret, uint32_t tail)
{
	const struct iommunest_vtd_iq_result *result = &hostile->result;
	uint32_t head = new_head(hostile);

	if (ret >= 0) {
		ck_assert_int_eq(ret, head != tail);
		ck_assert_uint_eq(result->cause, IOMMUNEST_CAUSE_NONE);
		ck_assert_uint_eq(result->fsts, 0);
		return;
	}
	ck_assert_uint_eq(result->index, head);
	ck_assert_uint_eq(result->fsts, IOMMUNEST_VTD_FSTS_IQE);
	if (result->cause == IOMMUNEST_CAUSE_FETCH) {
		ck_assert_int_eq(ret, -EFAULT);
		ck_assert_uint_ne(hostile->fails, 0);
		ck_assert_uint_eq(result->iqercd, IOMMUNEST_VTD_IQEI_FETCH);
		return;
	}
	ck_assert_uint_eq(result->cause, IOMMUNEST_CAUSE_GUEST);
	ck_assert_int_eq(ret, -EBADMSG);
	ck_assert_uint_ge(result->iqercd, IOMMUNEST_VTD_IQEI_TYPE);
	ck_assert_uint_le(result->iqercd, IOMMUNEST_VTD_IQEI_WIDTH);
}

/* The whole ring, a few slots, none; and bits that are not the tail's. */
static uint32_t any_tail(struct hostile *hostile)
{
	uint32_t moves;

	switch (support_rng_below(&hostile->rng, 4)) {
	case 0:
		moves = hostile->slots - 1;
		break;
	case 1:
		moves = support_rng_below(&hostile->rng, hostile->slots);
		break;
	default:
		moves = support_rng_below(&hostile->rng, 100);
		break;
	}
	return (new_head(hostile) + moves) & (hostile->slots - 1);
}

/* Scalable mode takes no 128-bit ring. */
static bool is_refused(int ring)
{
	return (ring & 24) == 16;
}

/* Fewer of the large ones, which are no different. */
static uint32_t rounds(int ring)
{
	return 2 + (KICKS >> (ring & 7));
}

/* After all that, a slot with what hardware takes is done. */
static void check_still_works(struct hostile *hostile, int ring)
{
	uint32_t tail = (new_head(hostile) + 1) & (hostile->slots - 1);
	int ret;

	hostile->wild = false;
	hostile->fails = 0;
	ret = kick(hostile, (uint64_t)tail << hostile->shift);
	check_bounds(hostile, 1);
	check_answer(hostile, ret, tail);
	ck_assert_int_eq(ret, is_refused(ring) ? -EBADMSG : 0);
}

static void run_any(struct hostile *hostile, int ring)
{
	uint32_t i;

	for (i = 0; i < rounds(ring); i++) {
		uint32_t tail = any_tail(hostile);
		uint64_t junk = support_rng_next(&hostile->rng) &
				UINT64_C(0xfffffffffff8000f);
		uint64_t iqt = (uint64_t)tail << hostile->shift;
		int ret;

		hostile->wild = support_rng_below(&hostile->rng, 2);
		ret = kick(hostile, iqt | junk);
		check_bounds(hostile, distance(hostile, tail));
		check_answer(hostile, ret, tail);
		iommunest_vtd_iq_clear_fault(hostile->iq);
	}
	check_still_works(hostile, ring);
}

/* ---- Tests ---- */

TEST_LOOP(memory_that_changes_is_used_as_it_was_read, RINGS)
{
	struct hostile hostile;

	hostile_open(&hostile, "iq-hostile", _i);
	run_any(&hostile, _i);
	hostile_close(&hostile);
}

TEST_LOOP(memory_that_fails_now_and_then_costs_one_read_more, RINGS)
{
	struct hostile hostile;

	hostile_open(&hostile, "iq-hostile", _i);
	hostile.fails = 3;
	run_any(&hostile, _i);
	hostile_close(&hostile);
}

TEST_LOOP(memory_that_always_fails_is_read_twice, RINGS)
{
	struct hostile hostile;
	int ret;

	hostile_open(&hostile, "iq-hostile", _i);
	hostile.fails = 1;
	ret = kick(&hostile, (uint64_t)(hostile.slots - 1) << hostile.shift);
	ck_assert_int_eq(ret, -EFAULT);
	ck_assert_uint_eq(hostile.reads, 2);
	ck_assert_uint_eq(hostile.result.iqh, 0);
	check_bounds(&hostile, hostile.slots - 1);
	check_answer(&hostile, ret, hostile.slots - 1);
	hostile_close(&hostile);
}

static void check_tail(struct hostile *hostile, uint64_t iqt, uint32_t iqei)
{
	const struct iommunest_vtd_iq_result *result = &hostile->result;
	uint64_t iqh = result->iqh;
	int ret = kick(hostile, iqt);

	support_assert(&hostile->rng, ret == -EBADMSG);
	support_assert(&hostile->rng, !hostile->reads && !hostile->events);
	support_assert(&hostile->rng, !hostile->host.n_calls);
	support_assert(&hostile->rng, result->iqh == iqh);
	support_assert(&hostile->rng, result->iqercd == iqei);
	support_assert(&hostile->rng, result->cause == IOMMUNEST_CAUSE_GUEST);
	iommunest_vtd_iq_clear_fault(hostile->iq);
}

/* The first after the ring, the last there can be, and many between. */
TEST_LOOP(tails_that_no_ring_has_are_refused, RINGS)
{
	struct hostile hostile;
	uint64_t first, iqt;

	hostile_open(&hostile, "iq-hostile", _i);
	first = (uint64_t)hostile.slots << hostile.shift;
	if (first <= LAST_TAIL)
		check_tail(&hostile, first, IOMMUNEST_VTD_IQEI_TAIL);
	for (iqt = 0; iqt <= LAST_TAIL;
	     iqt += 16 * (1 + support_rng_below(&hostile.rng, 63))) {
		if (hostile.shift == 5 && iqt & 16)
			check_tail(&hostile, iqt,
				   IOMMUNEST_VTD_IQEI_TAIL_ALIGN);
		else if (iqt >= first)
			check_tail(&hostile, iqt, IOMMUNEST_VTD_IQEI_TAIL);
	}
	if (hostile.shift == 5)
		check_tail(&hostile, LAST_TAIL, IOMMUNEST_VTD_IQEI_TAIL_ALIGN);
	else if (LAST_TAIL >= first)
		check_tail(&hostile, LAST_TAIL, IOMMUNEST_VTD_IQEI_TAIL);
	ck_assert_int_eq(kick(&hostile, 0), 0);
	hostile_close(&hostile);
}
