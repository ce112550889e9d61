/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random guests on random hosts; iq-world.h says what has to hold.
 *
 * IOMMUNEST_SEED is the first guest's seed, and each further guest's is one
 * more; IOMMUNEST_COUNT says how many descriptors there are in all.  A failure
 * names the seed of its guest.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iq-world.h"

#define DESCS_PER_WORLD 1000u
#define DEFAULT_COUNT 200000u

/* Chosen so that most descriptors name a scope that there is. */
#define DOMAINS 3u
#define PASIDS 2u

#define STATUS_ADDR UINT64_C(0x5000)

static uint64_t first_seed;
static uint64_t rng;
static struct world world;

/* Guests tend to stay where they were. */
static struct {
	uint16_t did;
	uint32_t pasid;
	unsigned int place;
} last;

/* ---- Chance ---- */

/* SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014. */
static uint64_t any(void)
{
	uint64_t z = (rng += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)(any() % n);
}

static bool one_in(uint32_t n)
{
	return below(n) == 0;
}

static int any_error(void)
{
	static const int errors[] = { -EIO,	   -EPERM, -ENOENT, -EINVAL,
				      -EOPNOTSUPP, -EINTR, -EAGAIN, -EFAULT,
				      -ETIMEDOUT,  -ENOMEM };

	return errors[below(sizeof(errors) / sizeof(errors[0]))];
}

/* ---- Random descriptors ---- */

struct choice {
	struct guest_desc desc;
	struct world_slot slot;
};

/*
 * In a calm world few blocks are so large that they cover all others, and few
 * descriptors are points of order.
 */
static bool calm;

/* In a crowded world most HWPTs share their scopes, and rings are filled. */
static bool crowded;

static unsigned int any_am(void)
{
	if (calm)
		return below(6);
	switch (below(8)) {
	case 0:
		return below(64);
	case 1:
		return below(12);
	case 2:
	case 3:
		return below(7);
	default:
		return below(4);
	}
}

static unsigned int any_place(void)
{
	if (one_in(3))
		last.place = below(WORLD_LOCATIONS);
	else
		last.place = (last.place + below(3)) % WORLD_LOCATIONS;
	return last.place;
}

static void choose_scope(struct world_slot *slot)
{
	if (one_in(3)) {
		last.did = (uint16_t)below(DOMAINS);
		last.pasid = below(PASIDS) * 0xfffff;
	}
	slot->did = last.did;
	slot->pasid = last.pasid;
}

static void choose_range(struct choice *choice)
{
	struct world_slot *slot = &choice->slot;
	uint64_t addr = world_location(any_place());
	uint64_t mask;

	slot->am = any_am();
	slot->leaf_only = one_in(2);
	if (one_in(4))
		addr += (any() % 8) << 12;
	mask = slot->am < 52 ? (UINT64_C(1) << slot->am << 12) - 1 : UINT64_MAX;
	slot->first = addr & ~mask;
	slot->last = addr | mask;
	choice->desc = guest_piotlb_pages(slot->did, slot->pasid, addr,
					  slot->am, slot->leaf_only);
}

static void choose_piotlb(struct choice *choice)
{
	struct world_slot *slot = &choice->slot;

	slot->type = IOMMUNEST_VTD_DESC_PIOTLB;
	choose_scope(slot);
	slot->granularity = one_in(calm ? 100 : 16)
				    ? IOMMUNEST_VTD_PIOTLB_ALL
				    : IOMMUNEST_VTD_PIOTLB_PAGES;
	if (slot->granularity == IOMMUNEST_VTD_PIOTLB_ALL)
		choice->desc = guest_piotlb_all(slot->did, slot->pasid);
	else
		choose_range(choice);
	if (!world.setup.wide)
		slot->iqei = IOMMUNEST_VTD_IQEI_WIDTH;
}

static void choose_iotlb(struct choice *choice)
{
	struct world_slot *slot = &choice->slot;

	slot->type = IOMMUNEST_VTD_DESC_IOTLB;
	slot->did = (uint16_t)below(DOMAINS);
	slot->granularity = 1 + below(3);
	choice->desc = guest_iotlb(slot->granularity, slot->did,
				   any() & ~UINT64_C(0xfff), below(64));
}

static void choose_wait(struct choice *choice)
{
	struct world_slot *slot = &choice->slot;
	uint32_t flags = 0;

	slot->type = IOMMUNEST_VTD_DESC_WAIT;
	slot->status = !one_in(3);
	slot->interrupt = one_in(3);
	slot->addr = STATUS_ADDR + below(8) * 4;
	slot->data = (uint32_t)any();
	if (slot->status)
		flags |= IOMMUNEST_VTD_DESC_SW;
	if (slot->interrupt)
		flags |= IOMMUNEST_VTD_DESC_IF;
	if (one_in(4))
		flags |= IOMMUNEST_VTD_DESC_FN;
	choice->desc = guest_wait(flags, slot->addr, slot->data);
}

static void choose_other(struct choice *choice)
{
	static const unsigned int types[] = { 1, 3, 4, 7, 8, 9 };
	unsigned int count = world.setup.wide ? 6 : 3;

	choice->slot.type = types[below(count)];
	choice->desc = guest_typed(choice->slot.type);
	choice->desc.words[1] = any();
}

/* One that hardware refuses: its type, or a bit too many. */
static void choose_bad(struct choice *choice)
{
	if (one_in(3)) {
		choice->slot.type = one_in(2) ? 0 : 10 + below(118);
		choice->slot.iqei = IOMMUNEST_VTD_IQEI_TYPE;
		choice->desc = guest_typed(choice->slot.type);
		return;
	}
	if (one_in(2)) {
		choose_wait(choice);
		choice->desc.words[0] |= UINT64_C(1) << (12 + below(20));
	} else if (one_in(2) || !world.setup.wide) {
		choose_iotlb(choice);
		choice->desc.words[0] |= UINT64_C(1) << (32 + below(32));
	} else {
		choose_piotlb(choice);
		choice->desc.words[1 + below(3)] |= 1u << (7 + below(5));
	}
	choice->slot.iqei = IOMMUNEST_VTD_IQEI_RESERVED;
}

static struct choice choose(void)
{
	struct choice choice;
	uint32_t kind = below(calm ? 1000 : 100);

	memset(&choice, 0, sizeof(choice));
	if (kind < 1)
		choose_bad(&choice);
	else if (kind < 5)
		choose_other(&choice);
	else if (kind < 7 || (!world.setup.wide && one_in(8)))
		choose_iotlb(&choice);
	else if (one_in(5) || (!world.setup.wide && !one_in(50)))
		choose_wait(&choice);
	else
		choose_piotlb(&choice);
	return choice;
}

/* ---- Random worlds ---- */

static struct iommunest_vtd_limits any_limits(void)
{
	struct iommunest_vtd_limits limits = { .size = sizeof(limits) };

	if (one_in(2))
		limits.flags |= IOMMUNEST_VTD_COALESCE;
	if (one_in(2))
		limits.flags |= IOMMUNEST_VTD_LIMIT_MAMV;
	/* The simulated hardware's own MAMV is 18. */
	limits.mamv = one_in(3) ? 18 : below(6);
	if (one_in(4))
		limits.max_blocks = 1 + below(64);
	return limits;
}

static struct world_setup any_setup(void)
{
	struct world_setup setup = {
		.qs = below(2),
		.wide = !one_in(8),
		.scalable = !one_in(16),
		.policy = below(3),
		.budget = one_in(3) ? 1 + below(60) : 0,
		.profile = one_in(3) ? IOMMUNEST_SIM_LINUX_6_12
				     : IOMMUNEST_SIM_LINUX_7_3,
		.ats = one_in(2),
	};

	if (!one_in(3))
		setup.limits = any_limits();
	/* 6.12 exceeds it by itself, where it flushes all. */
	setup.check_mamv = setup.profile == IOMMUNEST_SIM_LINUX_7_3 &&
			   setup.limits.flags & IOMMUNEST_VTD_LIMIT_MAMV;
	return setup;
}

static void add_any_scope(struct world *of)
{
	bool usual = crowded && !one_in(4);

	world_add_scope(of,
			(struct world_scope){
				.did = usual ? 0 : (uint16_t)below(DOMAINS),
				.pasid = usual ? 0 : below(PASIDS) * 0xfffff,
				.hwpt = below(WORLD_HWPTS),
			});
}

static void change_scopes(struct world *of)
{
	if (one_in(8))
		world_remove_hwpt(of, below(WORLD_HWPTS));
	if (one_in(4))
		add_any_scope(of);
}

/* ---- Random failures ---- */

static void fail_host(void)
{
	struct iommunest_sim_fault fault = {
		.size = sizeof(fault),
		.kind = one_in(2) ? IOMMUNEST_SIM_FAIL_ENTRY : 1 + below(5),
		.error = any_error(),
		.nth = 1 + below(4),
		.repeat = one_in(4) ? 1 + below(40) : 1,
		.count = below(6),
	};

	if (fault.kind == IOMMUNEST_SIM_FAIL_ENTRY)
		fault.nth += below(20);
	if (fault.kind == IOMMUNEST_SIM_LIE && one_in(2))
		fault.error = 0;
	world_check(&world, iommunest_sim_inject(world.sim, &fault) == 0, "%u",
		    fault.kind);
	world.host_fails = true;
}

static void fail_something(void)
{
	struct guest *guest = &world.guest;

	if (one_in(3))
		fail_host();
	if (one_in(24)) {
		guest->bad_first = below(guest->slots);
		guest->bad_count = 1 + below(guest->slots);
		guest->read_error = any_error();
	}
	if (one_in(24)) {
		guest->bad_status = STATUS_ADDR + below(8) * 4;
		guest->write_error = any_error();
	}
	if (one_in(24)) {
		world.vmm_fails = 1 + below(4);
		world.vmm_error = any_error();
	}
}

static void mend_everything(void)
{
	iommunest_sim_clear_faults(world.sim);
	world.host_fails = false;
	world.vmm_fails = 0;
	world.vmm_error = 0;
	world.guest.bad_count = 0;
	world.guest.write_error = 0;
}

/* ---- A guest's life ---- */

static void use_devices(void)
{
	uint32_t n = below(100);

	while (n--)
		world_translate(&world, below(WORLD_HWPTS),
				below(WORLD_LOCATIONS));
}

static uint32_t put_some(void)
{
	uint32_t room = world_room(&world);
	uint32_t n = one_in(4) ? below(room + 1) : below(crowded ? 1000 : 30);
	uint32_t i;

	if (n > room)
		n = room;
	for (i = 0; i < n; i++) {
		struct choice choice = choose();

		world_put(&world, choice.desc, &choice.slot);
	}
	return n;
}

static void kick_wildly(void)
{
	const struct guest *guest = &world.guest;

	if (world.stands)
		return;
	if (guest->wide && one_in(2))
		world_kick_wildly(&world, guest_iqt(guest) | 16,
				  IOMMUNEST_VTD_IQEI_TAIL_ALIGN);
	else
		world_kick_wildly(&world,
				  (uint64_t)(guest->slots + below(100))
					  << guest->shift,
				  IOMMUNEST_VTD_IQEI_TAIL);
}

/* The guest puts another one in place of what was refused, or starts again. */
static void recover(void)
{
	struct choice choice;

	if (one_in(4))
		world_kick(&world);
	if (one_in(16)) {
		world_set_base(&world);
		return;
	}
	if (world.result.cause == IOMMUNEST_CAUSE_GUEST) {
		memset(&choice, 0, sizeof(choice));
		choose_wait(&choice);
		if (world.slots[world.result.index].iqei)
			world_mend(&world, choice.desc, &choice.slot);
	}
	iommunest_vtd_iq_clear_fault(world.iq);
	world.stands = false;
}

/* Until the queue is empty, or it stands still. */
static void kick(void)
{
	do {
		world_kick(&world);
		if (one_in(2))
			use_devices();
	} while (world.ret == 1 && !one_in(8));
	mend_everything();
	if (world.stands)
		recover();
}

START_TEST(nothing_is_lost_and_nothing_is_claimed)
{
	struct world_setup setup;
	uint32_t put = 0;
	int i;

	rng = first_seed + (uint64_t)_i;
	memset(&last, 0, sizeof(last));
	setup = any_setup();
	calm = one_in(2);
	crowded = one_in(4);
	if (crowded)
		setup.budget = 0;
	world_open(&world, first_seed + (uint64_t)_i, &setup);
	world.on_vmm = change_scopes;
	for (i = 0; i < 8; i++)
		add_any_scope(&world);
	while (put < DESCS_PER_WORLD) {
		use_devices();
		put += put_some();
		if (one_in(4))
			change_scopes(&world);
		if (one_in(50))
			kick_wildly();
		if (world.stands)
			recover();
		fail_something();
		kick();
	}
	world_close(&world);
}
END_TEST

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

int main(void)
{
	uint64_t count = from_environment("IOMMUNEST_COUNT", DEFAULT_COUNT);
	uint64_t worlds = (count + DESCS_PER_WORLD - 1) / DESCS_PER_WORLD;
	Suite *suite = suite_create("iq-random");
	SRunner *runner = srunner_create(suite);
	TCase *tcase = tcase_create("random");
	int failed;

	first_seed = from_environment("IOMMUNEST_SEED", 1);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, nothing_is_lost_and_nothing_is_claimed, 0,
			    (int)worlds);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	if (failed)
		printf("The seed is %llu and the number behind a test's "
		       "name.\n",
		       (unsigned long long)first_seed);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
