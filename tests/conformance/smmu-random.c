/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Two guests' pages are mapped to other frames, and arrays of random commands
 * are sent, some of which are refused.  What a device then reads is a frame
 * that the page has been mapped to since it was last invalidated.
 */
#include "smmu-guest.h"

#include "tests/harness/support.h"

#include <stdio.h>
#include <string.h>

#define PAGES 8u
#define ROUNDS 40u
#define MOST 130u
#define ADDR(page) (GUEST_IOVA + (page)*0x1000ull)

/* Of one device: what the cache may hold, and what the table has. */
struct model {
	struct guest_stage1 stage1;
	unsigned int mapped[PAGES];
	bool may[PAGES][GUEST_FRAMES];
	unsigned int stale;
};

static struct model models[GUEST_DEVICES];
static struct support_rng rng;

static uint16_t asid_of(unsigned int device)
{
	return (uint16_t)(10 + device);
}

/* ---- The model ---- */

static void model_map(unsigned int device, unsigned int page,
		      unsigned int frame)
{
	struct model *model = &models[device];

	model->mapped[page] = frame;
	model->may[page][frame] = true;
	guest_map(&guest, &model->stage1, page, frame);
}

static void model_flush_page(unsigned int device, unsigned int page)
{
	struct model *model = &models[device];

	if (page >= PAGES)
		return;
	memset(model->may[page], 0, sizeof(model->may[page]));
	model->may[page][model->mapped[page]] = true;
}

static void model_flush(unsigned int device, unsigned int first,
			unsigned int count)
{
	unsigned int page;

	for (page = first; page < first + count; page++)
		model_flush_page(device, page);
}

/* A device that has the ASID, or any for @asid 0. */
static void model_flush_asid(uint64_t asid, unsigned int first,
			     unsigned int count)
{
	unsigned int device;

	for (device = 0; device < GUEST_DEVICES; device++) {
		if (!asid || asid == asid_of(device))
			model_flush(device, first, count);
	}
}

/* Ranges have pages of 4 KiB, and scale 0. */
static void model_execute(const struct conf_command *command)
{
	const uint64_t w0 = smmu_word(command, 0);
	const uint64_t w1 = smmu_word(command, 1);
	const uint64_t asid = w0 >> 48;
	const unsigned int first =
		(unsigned int)(((w1 & ~0xfffull) - GUEST_IOVA) >> 12);
	const unsigned int range = w1 & SMMU_TG(3) ? (w0 >> 12 & 0x1f) + 1 : 1;

	switch (w0 & SMMU_OP) {
	case SMMU_NH_VA:
		model_flush_asid(asid, first, range);
		break;
	case SMMU_NH_VAA:
		model_flush_asid(0, first, range);
		break;
	case SMMU_NH_ASID:
		model_flush_asid(asid, 0, PAGES);
		break;
	case SMMU_NH_ALL:
	case SMMU_NSNH_ALL:
		model_flush_asid(0, 0, PAGES);
		break;
	default:
		break;
	}
}

/* ---- Random commands ---- */

static uint64_t any_asid(void)
{
	return SMMU_ASID(asid_of(support_rng_below(&rng, GUEST_DEVICES)));
}

static struct conf_command by_va(uint64_t op)
{
	const uint64_t leaf = support_rng_below(&rng, 2) ? SMMU_LEAF : 0;
	const unsigned int page = support_rng_below(&rng, PAGES);

	if (support_rng_below(&rng, 8))
		return smmu_command(op, ADDR(page) | leaf);
	return smmu_command(op | SMMU_NUM(support_rng_below(&rng, 4)) |
				    SMMU_SCALE(0),
			    ADDR(page & ~3u) | SMMU_TG(1) | SMMU_TTL(3) | leaf);
}

/* Mostly of single pages, so that something stays. */
static struct conf_command any_command(void)
{
	const uint32_t kind = support_rng_below(&rng, 100);

	if (kind < 40)
		return by_va(SMMU_NH_VA | any_asid());
	if (kind < 48)
		return by_va(SMMU_NH_VAA);
	if (kind < 50)
		return smmu_command(SMMU_NH_ASID | any_asid(), 0);
	if (kind < 51)
		return smmu_command(SMMU_NH_ALL, 0);
	if (kind < 52)
		return smmu_command(SMMU_NSNH_ALL, 0);
	if (kind < 60)
		return smmu_command(
			SMMU_CFGI_CD | SMMU_SID(guest_vsid(support_rng_below(
					       &rng, GUEST_DEVICES))),
			SMMU_LEAF);
	/* Of nothing that is there. */
	return smmu_command(SMMU_NH_VA | SMMU_ASID(0x99), ADDR(0));
}

/* Short arrays mostly; one in three is refused somewhere. */
static void send_array(void)
{
	struct conf_command commands[MOST];
	const uint32_t count =
		1 +
		support_rng_below(&rng, support_rng_below(&rng, 4) ? 6 : MOST);
	const bool refused = support_rng_below(&rng, 3) == 0;
	const uint32_t bad = support_rng_below(&rng, count);
	uint32_t i, done, counted = count;
	int ret;

	for (i = 0; i < count; i++)
		commands[i] = any_command();
	if (refused)
		commands[bad] = smmu_command(SMMU_SYNC, 0);
	ret = guest_invalidate_all(&guest, commands, &counted);
	support_assert(&rng, ret == (refused ? -EIO : 0));
	support_assert(
		&rng, counted == (refused ? smmu_counted(guest_env(&guest), bad)
					  : count));
	done = refused ? smmu_sent(guest_env(&guest), bad) : count;
	for (i = 0; i < done; i++)
		model_execute(&commands[i]);
}

/* ---- Rounds ---- */

static void remap_some(void)
{
	uint32_t some = 1 + support_rng_below(&rng, 4);

	while (some--)
		model_map(support_rng_below(&rng, GUEST_DEVICES),
			  support_rng_below(&rng, PAGES),
			  support_rng_below(&rng, GUEST_FRAMES));
}

static void judge(void)
{
	unsigned int page[GUEST_DEVICES], device;
	uint32_t frame[GUEST_DEVICES];

	for (device = 0; device < GUEST_DEVICES; device++)
		page[device] = support_rng_below(&rng, PAGES);
	guest_read_both(&guest, page, frame);
	for (device = 0; device < GUEST_DEVICES; device++) {
		struct model *model = &models[device];

		support_assert(&rng, frame[device] < GUEST_FRAMES);
		support_assert(&rng, model->may[page[device]][frame[device]]);
		model->stale += frame[device] != model->mapped[page[device]];
	}
}

static void set_up(void)
{
	unsigned int device, page;

	for (device = 0; device < GUEST_DEVICES; device++) {
		const uint64_t sid = SMMU_SID(guest_vsid(device));

		models[device].stage1 =
			guest_new_stage1(&guest, asid_of(device));
		for (page = 0; page < PAGES; page++)
			model_map(device, page, page);
		guest_set_stage1(&guest, device, &models[device].stage1);
		ck_assert_int_eq(
			guest_invalidate(&guest, SMMU_CFGI_CD_ALL | sid, 0), 0);
	}
	ck_assert_int_eq(guest_invalidate(&guest, SMMU_NSNH_ALL, 0), 0);
}

FIXTURE(set_up, NULL);

/* Devices read something stale, as long as nobody had invalidated it. */
static bool has_shown(void)
{
	return models[0].stale && models[1].stale;
}

TEST(what_is_invalidated_is_read_no_more)
{
	const uint64_t rounds = support_number("IOMMUNEST_COUNT", ROUNDS);
	/* Few rounds may show nothing; so many do not. */
	const uint64_t most = rounds + 100 * ROUNDS;
	uint64_t round;

	support_rng_start(&rng, "smmu-random");
	for (round = 0; round < rounds || (!has_shown() && round < most);
	     round++) {
		remap_some();
		if (support_rng_below(&rng, 2))
			send_array();
		judge();
	}
	printf("%llu rounds, stale: %u and %u\n", (unsigned long long)round,
	       models[0].stale, models[1].stale);
	support_assert(&rng, has_shown());
}
