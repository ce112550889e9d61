/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Random guests on random hosts; iq-world.h says what has to hold.
 *
 * IOMMUNEST_TEST_SEED is the first guest's seed, and each further guest's is
 * one more; IOMMUNEST_COUNT says how many descriptors there are in all, at
 * least.
 * A failure names the seed of its guest; with that one, and a count of 1, this
 * program does the same again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/harness/iq-world.h"
#include "tests/harness/support.h"

#define DESCS_PER_WORLD 1000u
#define DEFAULT_COUNT 200000u

/*
 * Chosen so that most descriptors name a scope that there is.  Devices have
 * the same numbers as domains, and are not to be mixed up with them.
 */
#define DOMAINS 3u
#define PASIDS 2u

#define STATUS_ADDR UINT64_C(0x5000)

static uint64_t first_seed;
static uint64_t rng;
static struct world world;

/* What all the guests' processes have done together. */
static uint64_t *handled;

/* Guests tend to stay where they were. */
static struct {
	uint16_t did;
	uint32_t pasid;
	unsigned int place;
	uint64_t addr;
	unsigned int am;
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
	static const int errors[] = { -EIO,	   -EPERM,  -ENOENT, -EINVAL,
				      -EOPNOTSUPP, -EINTR,  -EAGAIN, -EFAULT,
				      -ETIMEDOUT,  -ENOMEM, -ENXIO };

	return errors[below(sizeof(errors) / sizeof(errors[0]))];
}

/* ---- Random descriptors ---- */

struct choice {
	struct guest_desc desc;
	struct world_slot slot;
};

/*
 * In a calm world few blocks are so large that they cover all others, and few
 * descriptors are ordering points.
 */
static bool calm;

/* In a crowded world most HWPTs share their scopes, and rings are filled. */
static bool crowded;

/* In a plain world nothing fails, and registers stay as they are. */
static bool plain;

/* Nested translation is at work. */
static bool is_modern(void)
{
	return world.ttm != IOMMUNEST_VTD_TTM_LEGACY && world.guest.wide;
}

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

static void set_range(struct world_slot *slot, uint64_t addr)
{
	uint64_t mask = slot->am < 52 ? (UINT64_C(1) << slot->am << 12) - 1
				      : UINT64_MAX;

	slot->first = addr & ~mask;
	slot->last = addr | mask;
	last.addr = addr;
	last.am = slot->am;
}

static uint64_t any_addr(void)
{
	uint64_t addr = world_location(any_place());

	return one_in(4) ? addr + ((any() % 8) << 12) : addr;
}

static void choose_range(struct choice *choice)
{
	struct world_slot *slot = &choice->slot;
	uint64_t addr = any_addr();

	slot->am = any_am();
	slot->leaf_only = one_in(2);
	set_range(slot, addr);
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
}

/* Of the range before, or something like it; or of any other. */
static uint64_t choose_dev_range(struct world_slot *slot)
{
	uint64_t addr = last.addr;

	slot->leaf_only = true;
	slot->am = last.am;
	switch (below(6)) {
	case 0:
		addr = any_addr();
		slot->am = any_am();
		break;
	case 1:
		slot->am = any_am();
		break;
	case 2:
		addr ^= UINT64_C(0x1000) << below(8);
		break;
	default:
		break;
	}
	if (slot->am > 52)
		slot->am = 52;
	set_range(slot, addr);
	return addr;
}

static void choose_dev_tlb(struct choice *choice)
{
	struct world_slot *slot = &choice->slot;
	uint64_t addr;

	choose_scope(slot);
	addr = choose_dev_range(slot);
	slot->type = IOMMUNEST_VTD_DESC_PASID_DEV_TLB;
	if (!is_modern() || one_in(3)) {
		slot->type = IOMMUNEST_VTD_DESC_DEV_TLB;
		slot->pasid = IOMMUNEST_VTD_NO_PASID;
		choice->desc = guest_dev_tlb(slot->did, addr, slot->am);
	} else if (one_in(calm ? 20 : 6)) {
		slot->granularity = IOMMUNEST_VTD_DEV_TLB_GLOBAL;
		choice->desc = guest_pasids_dev_tlb(slot->did, addr, slot->am);
	} else {
		choice->desc = guest_pasid_dev_tlb(slot->did, slot->pasid, addr,
						   slot->am);
	}
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
	choice->desc = guest_vmms(below(is_modern() ? GUEST_VMMS : 3));
	choice->slot.type = choice->desc.words[0] & 15;
}

/* One that hardware refuses: its type, or a bit too many. */
static void choose_bad(struct choice *choice)
{
	if (one_in(3)) {
		choice->slot.type = one_in(2) ? 0 : 10 + below(118);
		choice->desc = guest_typed(choice->slot.type);
		return;
	}
	if (one_in(3)) {
		choose_wait(choice);
		choice->desc.words[0] |= UINT64_C(1) << (12 + below(20));
	} else if (one_in(2)) {
		choose_iotlb(choice);
		choice->desc.words[0] |= UINT64_C(1) << (32 + below(32));
	} else if (one_in(2)) {
		choose_dev_tlb(choice);
		choice->desc.words[1] |= UINT64_C(1) << (1 + below(10));
	} else {
		choose_piotlb(choice);
		choice->desc.words[1] |= UINT64_C(1) << (7 + below(5));
		if (is_modern())
			choice->desc.words[2 + below(2)] |= any() & 1;
	}
	choice->slot.bad = true;
}

static struct choice choose(void)
{
	struct choice choice;
	uint32_t kind = below(calm ? 1000 : 100);

	memset(&choice, 0, sizeof(choice));
	if (kind < 1 && !plain)
		choose_bad(&choice);
	else if (kind < 5)
		choose_other(&choice);
	else if (kind < 7 || (!is_modern() && one_in(8)))
		choose_iotlb(&choice);
	else if (one_in(5) || (!is_modern() && !one_in(20)))
		choose_wait(&choice);
	else if (one_in(3) || (!is_modern() && !one_in(4)))
		choose_dev_tlb(&choice);
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
	if (one_in(4))
		limits.max_blocks = 1 + below(64);
	return limits;
}

/* Nearly always one that takes descriptors of that width. */
static enum iommunest_vtd_ttm any_ttm(bool wide)
{
	if (plain)
		return IOMMUNEST_VTD_TTM_SCALABLE;
	if (one_in(wide ? 8 : 16))
		return (enum iommunest_vtd_ttm)below(4);
	return wide ? IOMMUNEST_VTD_TTM_SCALABLE : IOMMUNEST_VTD_TTM_LEGACY;
}

static struct world_base any_base(void)
{
	static const uint64_t addrs[] = { 0, 0x123456789000, 0x7ffffffffffff000,
					  0xffffffff00000000 };
	struct world_base base = {
		.addr = addrs[below(4)],
		.qs = one_in(16) ? 2 + below(2) : below(2),
		.wide = plain || !one_in(8),
	};

	base.ttm = any_ttm(base.wide);
	/* Its last byte is that of all memory. */
	if (one_in(8))
		base.addr = -(UINT64_C(4096) << base.qs);
	return base;
}

static struct world_setup any_setup(void)
{
	struct world_setup setup = {
		.base = any_base(),
		.policy = below(3),
		.budget = !crowded && one_in(3) ? 1 + below(60) : 0,
		.caches = one_in(2),
		.untraced = one_in(2),
		.profile = one_in(3) ? IOMMUNEST_SIM_LINUX_6_12
				     : IOMMUNEST_SIM_LINUX_7_3,
		.ats = !one_in(3),
		.no_ats = one_in(3),
	};

	if (!one_in(3))
		setup.limits = any_limits();
	return setup;
}

/* A device's HWPT is often that of the domain with its number. */
static struct world_scope any_scope(void)
{
	bool usual = crowded && !one_in(4);
	struct world_scope scope = {
		.device = one_in(2),
		.did = usual ? 0 : (uint16_t)below(DOMAINS),
		.pasid = usual ? 0 : below(PASIDS) * 0xfffff,
		.hwpt = below(WORLD_HWPTS),
	};

	if (!crowded && one_in(2))
		scope.hwpt = (scope.did * 2 + scope.pasid % 2) % WORLD_HWPTS;
	if (scope.device && one_in(3))
		scope.pasid = IOMMUNEST_VTD_NO_PASID;
	return scope;
}

static void change_scopes(struct world *of)
{
	if (one_in(16))
		world_remove_hwpt(of, below(WORLD_HWPTS));
	if (one_in(8))
		world_remove_scope(of, any_scope());
	if (one_in(8) && of->n_scopes)
		world_remove_scope(of, of->scopes[below(of->n_scopes)]);
	if (one_in(3))
		world_add_scope(of, any_scope());
}

static void add_scopes(void)
{
	unsigned int i;

	for (i = 0; i < 14; i++)
		world_add_scope(&world, any_scope());
}

/* ---- Registers that change ---- */

static void reset(void)
{
	const struct world_base base = any_base();

	world_reset(&world, &base);
	add_scopes();
}

static void change_registers(void)
{
	const struct world_base base = any_base();

	switch (below(7)) {
	case 0:
		world_disable(&world);
		break;
	case 1:
		world_enable(&world);
		break;
	case 2:
		world_set_base(&world, &base);
		break;
	case 3:
		world_set_mode(&world, any_ttm(true));
		break;
	case 4:
		if (one_in(3))
			reset();
		break;
	default:
		world_migrate(&world);
		break;
	}
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
	if (fault.kind == IOMMUNEST_SIM_WRONG_COUNT && one_in(2))
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

static void fix_everything(void)
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

static void put_some(void)
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
}

static void kick_wildly(void)
{
	const struct guest *guest = &world.guest;

	if (guest->wide && one_in(2))
		world_kick_at(&world, guest_iqt(guest) | 16);
	else
		world_kick_at(&world, (uint64_t)(guest->slots + below(100))
					      << guest->shift);
}

/* Puts a wait in place of what was refused, or leaves the ring as it is. */
static void fix_head(void)
{
	struct choice choice;

	if (!world.slots[world.head].put && one_in(2)) {
		world_forget_ring(&world);
		return;
	}
	memset(&choice, 0, sizeof(choice));
	choose_wait(&choice);
	if (world_iqei(&world, &world.slots[world.head]))
		world_fix(&world, choice.desc, &choice.slot);
}

/* The guest starts again, or clears the fault and goes on. */
static void recover(void)
{
	const struct world_base base = any_base();

	if (one_in(4))
		world_kick(&world);
	if (one_in(16)) {
		world_set_base(&world, &base);
		return;
	}
	if (world.fault.iqercd == IOMMUNEST_VTD_IQEI_WIDTH)
		world_set_mode(&world, false);
	else if (world.fault.iqercd == IOMMUNEST_VTD_IQEI_TYPE && one_in(2))
		world_set_mode(&world, world.guest.wide);
	if (world.fault.cause == IOMMUNEST_CAUSE_GUEST)
		fix_head();
	world_clear_fault(&world);
}

/* Until the queue is empty, or it halts. */
static void kick(void)
{
	if (!world.enabled && one_in(3))
		world_enable(&world);
	do {
		world_kick(&world);
		if (one_in(2))
			use_devices();
		if (!plain && one_in(40))
			world_migrate(&world);
	} while (world.ret == 1 && !one_in(8));
	fix_everything();
	if (world.halted)
		recover();
}

static void live(void)
{
	use_devices();
	put_some();
	if (one_in(4))
		change_scopes(&world);
	if (!plain) {
		if (one_in(12))
			change_registers();
		if (one_in(50))
			kick_wildly();
		if (world.halted && !one_in(8))
			recover();
		fail_something();
	}
	kick();
}

static uint64_t worlds(void)
{
	uint64_t count = support_number("IOMMUNEST_COUNT", DEFAULT_COUNT);

	return (count + DESCS_PER_WORLD - 1) / DESCS_PER_WORLD;
}

TEST_LOOP(no_flush_is_lost_or_reported_done_too_early, worlds())
{
	struct world_setup setup;
	unsigned int rounds = 0;

	rng = first_seed + (uint64_t)_i;
	memset(&last, 0, sizeof(last));
	calm = one_in(2);
	crowded = one_in(4);
	plain = one_in(6);
	setup = any_setup();
	world_open(&world, first_seed + (uint64_t)_i, &setup);
	world.on_vmm = change_scopes;
	add_scopes();
	for (; world.handled < DESCS_PER_WORLD; rounds++) {
		world_check(&world, rounds < 100 * DESCS_PER_WORLD,
			    "%" PRIu64 " descriptors", world.handled);
		live();
	}
	__atomic_add_fetch(handled, world.handled, __ATOMIC_RELAXED);
	world_close(&world);
}

int main(int argc, char **argv)
{
	int ret;

	handled = mmap(NULL, sizeof(*handled), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (handled == MAP_FAILED)
		return EXIT_FAILURE;
	first_seed = support_number(SUPPORT_SEED, 1);
	ret = support_run(argc, argv);
	if (ret)
		printf("To see one again: its seed, which is %" PRIu64
		       " and the number after the test's name, as "
		       "IOMMUNEST_TEST_SEED, and IOMMUNEST_COUNT=1.\n",
		       first_seed);
	printf("%" PRIu64 " descriptors, seeds %" PRIu64 " to %" PRIu64 "\n",
	       *handled, first_seed, first_seed + worlds() - 1);
	return ret;
}
