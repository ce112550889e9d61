/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What invalidation is for: a guest changes its tables at random, invalidates
 * through its queue, and its device accesses memory all the time.  Once the
 * guest's wait has completed, the device finds what the tables say, and nothing
 * that they said before.
 */
#include "tests/harness/guest.h"
#include "tests/harness/sim-guest.h"
#include "tests/harness/support.h"
#include "tests/harness/target.h"

#include <string.h>

#define DID 7u
#define PAGES 32u
#define FRAMES 48u
/* In place of a frame: the page is not there. */
#define NOWHERE 63u
#define FRAME(n) (DATA + (n)*PAGE)
/* The table that is used, and one to change to. */
#define OTHER_PT 0x6000ull
/* Of a guest's wait; above what devices access. */
#define STATUS 0x7ff000ull

struct world {
	struct support_rng rng;
	struct sim_guest sim;
	struct guest guest;
	struct iommunest_ctx *ctx;
	struct iommunest_vtd_iq *iq;
	uint64_t table;
	/* Which frame each page is mapped to. */
	unsigned int frame[PAGES];
	/* What the device may find: frames, as bits. */
	uint64_t allowed[PAGES];
	/* The tables changed, and entries above leaves are stale. */
	bool stale_table;
	/* The device found something else. */
	unsigned int wrong;
};

static uint32_t below(struct world *world, uint32_t n)
{
	return support_rng_below(&world->rng, n);
}

/* ---- The device ---- */

/* Each frame begins with its number. */
static unsigned int find(struct world *world, unsigned int page)
{
	uint32_t word = 0;
	int ret = sim_guest_read(&world->sim, page * PAGE, &word);

	if (!ret)
		return word;
	support_assert(&world->rng, ret == -EFAULT);
	support_assert(&world->rng,
		       world->sim.dma.reason == IOMMUNEST_SIM_DMA_NOT_PRESENT);
	return NOWHERE;
}

/* Where a word comes out that nobody has written before; NOWHERE: nowhere. */
static unsigned int write_somewhere(struct world *world, unsigned int page)
{
	const uint32_t word = (uint32_t)support_rng_next(&world->rng) | 1;
	unsigned int frame;

	if (sim_guest_write(&world->sim, page * PAGE + 8, word))
		return NOWHERE;
	for (frame = 0; frame < FRAMES; frame++) {
		if (sim_guest_get(&world->sim, FRAME(frame) + 8) == word)
			return frame;
	}
	return FRAMES;
}

static void access_page(struct world *world, unsigned int page)
{
	unsigned int frame = below(world, 2) ? find(world, page)
					     : write_somewhere(world, page);

	support_assert(&world->rng, frame < FRAMES || frame == NOWHERE);
	if (!(world->allowed[page] >> frame & 1))
		world->wrong++;
}

/* ---- The guest's tables ---- */

static void map(struct world *world, unsigned int page, unsigned int frame)
{
	uint64_t *entry = sim_guest_entry(&world->sim, world->table, page);

	*entry = frame == NOWHERE ? 0 : FRAME(frame) | FS_ALL;
	world->frame[page] = frame;
	world->allowed[page] |= 1ull << frame;
}

static unsigned int any_frame(struct world *world)
{
	return below(world, 3) ? below(world, FRAMES) : NOWHERE;
}

/* A whole new table.  The old one is not used again before it is flushed. */
static void change_table(struct world *world)
{
	unsigned int page;

	if (world->stale_table)
		return;
	world->table = world->table == PT ? OTHER_PT : PT;
	memset(world->sim.memory + world->table, 0, PAGE);
	for (page = 0; page < PAGES; page++)
		map(world, page,
		    below(world, 2) ? world->frame[page] : any_frame(world));
	*sim_guest_entry(&world->sim, PD, 0) = world->table | FS_ALL;
	world->stale_table = true;
}

/* ---- The guest's queue ---- */

/* What the device may find after a flush of pages. */
static void flushed(struct world *world, unsigned int first, unsigned int count,
		    bool leaves_only)
{
	unsigned int page;

	if (leaves_only && world->stale_table)
		return;
	world->stale_table = false;
	for (page = first; page < first + count && page < PAGES; page++)
		world->allowed[page] = 1ull << world->frame[page];
}

static void put_flush(struct world *world)
{
	const unsigned int am = below(world, 6);
	const unsigned int first = below(world, PAGES) >> am << am;
	const bool leaves_only = below(world, 2);

	switch (below(world, 8)) {
	case 0:
		guest_put(&world->guest, guest_piotlb_all(DID, 0));
		flushed(world, 0, PAGES, false);
		break;
	case 1:
		/* All of the domain. */
		guest_put(&world->guest, guest_iotlb(2, DID, 0, 0));
		flushed(world, 0, PAGES, false);
		break;
	default:
		guest_put(&world->guest,
			  guest_piotlb_pages(DID, 0, first * PAGE, am,
					     leaves_only));
		flushed(world, first, 1u << am, leaves_only);
	}
}

static void invalidate(struct world *world)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	unsigned int count = 1 + below(world, 4);

	while (count-- > 0)
		put_flush(world);
	guest_put(&world->guest, guest_wait(IOMMUNEST_VTD_DESC_SW, STATUS, 1));
	support_assert(&world->rng,
		       guest_kick(&world->guest, world->iq, &result) == 0);
	support_assert(&world->rng, result.waits == 1 && result.fsts == 0);
}

/* ---- All together ---- */

static void step(struct world *world)
{
	switch (below(world, 16)) {
	case 0:
		change_table(world);
		break;
	case 1:
	case 2:
	case 3:
		map(world, below(world, PAGES), any_frame(world));
		break;
	case 4:
	case 5:
		invalidate(world);
		break;
	default:
		access_page(world, below(world, PAGES));
	}
}

static void start(struct world *world, uint32_t profile, uint32_t dev_flags)
{
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
	};
	unsigned int i;

	memset(world, 0, sizeof(*world));
	support_rng_start(&world->rng, "sim-guest");
	sim_guest_open(&world->sim, profile, dev_flags);
	options.sys_data = world->sim.rig.sim;
	ck_assert_int_eq(
		iommunest_open_fd(&world->ctx, world->sim.rig.fd, &options), 0);
	guest_init(&world->guest, guest_iqa(0x100000, 0, true));
	ck_assert_int_eq(iommunest_vtd_iq_new(&world->iq, &guest_ops,
					      &world->guest, NULL),
			 0);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(world->iq,
						   guest_iqa(0x100000, 0, true),
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
	enable_engine(world->iq);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(
				 world->iq, DID, 0,
				 TARGET(world->ctx, world->sim.rig.nested)),
			 0);
	world->table = PT;
	for (i = 0; i < FRAMES; i++)
		sim_guest_put(&world->sim, FRAME(i), i);
	for (i = 0; i < PAGES; i++)
		map(world, i, NOWHERE);
}

static void end(struct world *world)
{
	iommunest_vtd_iq_free(world->iq);
	iommunest_close(world->ctx);
	guest_free(&world->guest);
	sim_guest_close(&world->sim);
}

static unsigned int run(uint32_t profile, uint32_t dev_flags)
{
	uint64_t steps = support_number("IOMMUNEST_COUNT", 20000);
	struct world world;

	start(&world, profile, dev_flags);
	while (steps-- > 0)
		step(&world);
	if (profile != IOMMUNEST_SIM_LINUX_6_18)
		support_assert(&world.rng, world.wrong == 0);
	end(&world);
	return world.wrong;
}

TEST_RANGE(after_its_wait_a_device_finds_what_the_tables_say,
	   IOMMUNEST_SIM_LINUX_6_12, IOMMUNEST_SIM_LINUX_6_18)
{
	run((uint32_t)_i, 0);
	run((uint32_t)_i, IOMMUNEST_SIM_ATS);
}

/* What is asked above is not true of any kernel. */
TEST(a_kernel_with_a_fault_lets_it_find_old_pages)
{
	ck_assert_uint_gt(run(IOMMUNEST_SIM_LINUX_6_18, 0), 0);
}
