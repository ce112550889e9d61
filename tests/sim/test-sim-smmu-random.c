/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Guests change tables and context descriptors at random, send commands or do
 * not, and their devices read. The oracle knows nothing of how the simulator
 * caches. It keeps two things:
 *
 * - what may be read: all that could have been found since a command named it.
 *   After an invalidation that covers it, nothing stale is in there;
 * - what must be read: what was read before, as long as no command named it,
 * for nothing leaves the simulator's caches by itself.
 *
 * IOMMUNEST_COUNT=N makes so many steps.
 */
#include "smmu-rig.h"

#include "tests/harness/support.h"

#include <stdio.h>
#include <string.h>

#define STEPS 300000u
#define STEPS_OF_A_WORLD 2000u

/* Address spaces, each with two slots of 2 MiB. */
#define SPACES 4u
#define SLOTS 2u
#define TABLES 2u
/* Of the pages of a slot. */
#define PROBES 4u
#define ASIDS 3u
#define VMIDS 2u
#define SLOT_SIZE 0x200000ull
#define VA(slot, probe) ((slot)*SLOT_SIZE + (probe)*PAGE)

/* What is found, by number: pages, and the probes of two blocks. */
#define FRAMES 24u
#define BLOCKS 2u
#define IDS (FRAMES + BLOCKS * PROBES)
#define BLOCK_ID(block, probe) (FRAMES + (block)*PROBES + (probe))
#define BLOCK_AT(block) (0x80000000ull + (block)*SLOT_SIZE)
#define PAGES_MASK ((1u << FRAMES) - 1)
#define BLOCKS_MASK (~PAGES_MASK)
#define NOTHING IDS

/* What a slot may be beside a table: one of the blocks, or nothing. */
#define SLOT_BLOCK(block) (TABLES + (block))
#define SLOT_NOTHING (TABLES + BLOCKS)

struct leaf {
	unsigned int id;
	bool global;
};

struct space {
	uint64_t root;
	uint64_t level2;
	uint64_t level3[SLOTS][TABLES];
	unsigned int slot[SLOTS];
	struct leaf leaf[SLOTS][TABLES][PROBES];
};

/* A context descriptor's value: which tables, with which ASID. */
#define CD(space, asid) ((space)*ASIDS + (asid))
#define CD_SPACE(cd) ((cd) / ASIDS)
#define CD_ASID_OF(cd) ((cd) % ASIDS)
#define CDS (SPACES * ASIDS)

#define HWPTS 2u

struct device {
	unsigned int vmid;
	uint32_t vsid;
	/* It has a TLB of its own, which may hold these. */
	bool ats;
	uint32_t atc[SLOTS][PROBES];
	uint32_t hwpt[HWPTS];
	uint64_t cd_at[HWPTS];
	unsigned int cd[HWPTS];
	unsigned int attached;
	/* CDs that it may be using, a bit for each. */
	uint32_t cds;
};

/* Of an ASID: what may be cached, and what surely is. */
struct cached {
	uint32_t pages[SLOTS][PROBES];
	/* Tables that may be used for a slot, and spaces' level 2. */
	uint32_t tables[SLOTS];
	uint32_t spaces;
	unsigned int must[SLOTS][PROBES];
};

struct world {
	struct support_rng rng;
	struct smmu_rig rig;
	uint32_t viommu[VMIDS];
	uint64_t frame[FRAMES];
	struct space space[SPACES];
	struct device device[RIG_DEVICES];
	struct cached cached[VMIDS][ASIDS];
	uint32_t global[VMIDS][SLOTS][PROBES];
	uint64_t reads;
	uint64_t stale;
	uint64_t sure;
	uint64_t commands;
};

static struct world world;

static uint32_t below(uint32_t n)
{
	return support_rng_below(&world.rng, n);
}

static bool rarely(uint32_t n)
{
	return below(n) == 0;
}

/* ---- The oracle: what may be found ---- */

static void absorb_table(unsigned int vmid, struct cached *cached,
			 unsigned int slot, unsigned int table)
{
	const struct leaf *leaf =
		world.space[table / TABLES].leaf[slot][table % TABLES];
	unsigned int p;

	for (p = 0; p < PROBES; p++) {
		if (leaf[p].id == NOTHING)
			continue;
		if (leaf[p].global)
			world.global[vmid][slot][p] |= 1u << leaf[p].id;
		else
			cached->pages[slot][p] |= 1u << leaf[p].id;
	}
}

static void absorb_slot(struct cached *cached, unsigned int space,
			unsigned int slot)
{
	const unsigned int is = world.space[space].slot[slot];
	unsigned int p;

	if (is < TABLES)
		cached->tables[slot] |= 1u << (space * TABLES + is);
	else if (is < SLOT_NOTHING)
		for (p = 0; p < PROBES; p++)
			cached->pages[slot][p] |= 1u
						  << BLOCK_ID(is - TABLES, p);
}

static void absorb_asid(unsigned int vmid, unsigned int asid)
{
	struct cached *cached = &world.cached[vmid][asid];
	unsigned int i, slot;

	for (i = 0; i < RIG_DEVICES * CDS; i++) {
		const struct device *device = &world.device[i / CDS];
		const unsigned int cd = i % CDS;

		if (device->vmid == vmid && device->cds >> cd & 1 &&
		    CD_ASID_OF(cd) == asid)
			cached->spaces |= 1u << CD_SPACE(cd);
	}
	for (slot = 0; slot < SLOTS; slot++) {
		for (i = 0; i < SPACES; i++)
			if (cached->spaces >> i & 1)
				absorb_slot(cached, i, slot);
		for (i = 0; i < SPACES * TABLES; i++)
			if (cached->tables[slot] >> i & 1)
				absorb_table(vmid, cached, slot, i);
	}
}

/* After each change: it may be cached at once. */
static void absorb(void)
{
	unsigned int vmid, asid;

	for (vmid = 0; vmid < VMIDS; vmid++)
		for (asid = 0; asid < ASIDS; asid++)
			absorb_asid(vmid, asid);
}

/* On some way through the tables, there is nothing. */
static bool may_fault_asid(const struct cached *cached, unsigned int slot,
			   unsigned int probe)
{
	unsigned int i;

	for (i = 0; i < SPACES; i++)
		if (cached->spaces >> i & 1 &&
		    world.space[i].slot[slot] == SLOT_NOTHING)
			return true;
	for (i = 0; i < SPACES * TABLES; i++)
		if (cached->tables[slot] >> i & 1 &&
		    world.space[i / TABLES].leaf[slot][i % TABLES][probe].id ==
			    NOTHING)
			return true;
	return false;
}

static uint32_t may_read(const struct device *device, unsigned int slot,
			 unsigned int probe, bool *may_fault)
{
	uint32_t may = device->atc[slot][probe];
	unsigned int cd;

	*may_fault = false;
	for (cd = 0; cd < CDS; cd++) {
		const struct cached *cached =
			&world.cached[device->vmid][CD_ASID_OF(cd)];

		if (!(device->cds >> cd & 1))
			continue;
		may |= cached->pages[slot][probe] |
		       world.global[device->vmid][slot][probe];
		*may_fault |= may_fault_asid(cached, slot, probe);
	}
	return may;
}

/* What it would find with nothing cached. */
static unsigned int current(const struct device *device, unsigned int slot,
			    unsigned int probe)
{
	const struct space *space =
		&world.space[CD_SPACE(device->cd[device->attached])];
	const unsigned int is = space->slot[slot];

	if (is < TABLES)
		return space->leaf[slot][is][probe].id;
	return is < SLOT_NOTHING ? BLOCK_ID(is - TABLES, probe) : NOTHING;
}

/* ---- The oracle: what a command names ---- */

struct named {
	/* First and last address. */
	uint64_t first;
	uint64_t last;
	bool pages;
	bool blocks;
	bool tables;
};

static bool is_in(const struct named *named, uint64_t addr, uint64_t size)
{
	return addr <= named->last && addr + size - 1 >= named->first;
}

/* The bits that it removes of what is cached for a probe. */
static uint32_t removed(const struct named *named, unsigned int slot,
			unsigned int probe)
{
	uint32_t mask = 0;

	if (named->pages && is_in(named, VA(slot, probe), PAGE))
		mask |= PAGES_MASK;
	if (named->blocks && is_in(named, VA(slot, 0), SLOT_SIZE))
		mask |= BLOCKS_MASK;
	return mask;
}

/* What is global may be what another ASID's is taken for. */
static void forget_global(unsigned int vmid, unsigned int slot,
			  unsigned int probe, uint32_t mask)
{
	const uint32_t gone = world.global[vmid][slot][probe] & mask;
	unsigned int asid;

	world.global[vmid][slot][probe] &= ~mask;
	for (asid = 0; asid < ASIDS; asid++) {
		unsigned int *must =
			&world.cached[vmid][asid].must[slot][probe];

		if (*must != NOTHING && gone >> *must & 1)
			*must = NOTHING;
	}
}

static void forget_probe(struct cached *cached, unsigned int slot,
			 unsigned int probe, uint32_t mask)
{
	unsigned int *must = &cached->must[slot][probe];

	cached->pages[slot][probe] &= ~mask;
	if (*must != NOTHING && mask >> *must & 1)
		*must = NOTHING;
}

static void forget_asid(struct cached *cached, const struct named *named)
{
	unsigned int slot, p;

	for (slot = 0; slot < SLOTS; slot++) {
		for (p = 0; p < PROBES; p++)
			forget_probe(cached, slot, p, removed(named, slot, p));
		if (named->tables && is_in(named, VA(slot, 0), SLOT_SIZE))
			cached->tables[slot] = 0;
	}
	/* All of the slots are in one entry of level 1. */
	if (named->tables && is_in(named, 0, 1ull << 30))
		cached->spaces = 0;
}

/* @asid ASIDS: any. */
static void forget(unsigned int vmid, unsigned int asid,
		   const struct named *named, bool global)
{
	unsigned int i, slot, p;

	for (i = 0; i < ASIDS; i++)
		if (asid == ASIDS || i == asid)
			forget_asid(&world.cached[vmid][i], named);
	for (slot = 0; global && slot < SLOTS; slot++)
		for (p = 0; p < PROBES; p++)
			forget_global(vmid, slot, p, removed(named, slot, p));
	absorb();
}

/* ---- Commands ---- */

static const struct named all = { 0, UINT64_MAX, true, true, true };

static void send(unsigned int vmid, uint64_t w0, uint64_t w1)
{
	world.commands++;
	smmu_rig_send(&world.rig, world.viommu[vmid], w0, w1);
}

/* A few pages, or many; of a granule and a level that are mostly right. */
static struct named range(uint64_t addr, uint64_t *w0, uint64_t *w1)
{
	const unsigned int num = rarely(4) ? below(32) : below(4);
	const unsigned int scale = rarely(4) ? below(12) : 0;
	const unsigned int tg = rarely(6) ? 2 + below(2) : 1;
	const unsigned int ttl = rarely(2) ? 2 + below(2) : 0;
	const uint64_t count = (num + 1ull) << scale;
	struct named named = {
		.first = addr,
		.last = addr + (count << (10 + 2 * tg)) - 1,
		.pages = tg == 1 && ttl != 2,
		.blocks = tg == 1 && ttl != 3,
		.tables = tg == 1,
	};

	*w0 |= SMMU_NUM(num) | SMMU_SCALE(scale);
	*w1 |= SMMU_TG(tg) | SMMU_TTL(ttl);
	/* Reserved: then it is of one level. */
	if (!num && !scale && !ttl) {
		*w1 |= SMMU_TTL(3);
		named.blocks = false;
	}
	return named;
}

static void invalidate_va(unsigned int vmid)
{
	const unsigned int asid = below(ASIDS);
	const bool any = rarely(4), leaf = below(2);
	const uint64_t addr = VA(below(SLOTS), below(PROBES));
	uint64_t w0 = any ? SMMU_NH_VAA : SMMU_NH_VA | SMMU_ASID(asid + 1);
	uint64_t w1 = addr | (leaf ? SMMU_LEAF : 0);
	struct named named = { addr, addr, true, true, true };

	if (rarely(2))
		named = range(addr, &w0, &w1);
	if (leaf)
		named.tables = false;
	send(vmid, w0, w1);
	forget(vmid, any ? ASIDS : asid, &named, true);
}

static void invalidate(void)
{
	const unsigned int vmid = below(VMIDS), asid = below(ASIDS);

	switch (below(20)) {
	case 0:
		send(vmid, rarely(2) ? SMMU_NH_ALL : SMMU_NSNH_ALL, 0);
		forget(vmid, ASIDS, &all, true);
		break;
	case 1:
	case 2:
		send(vmid, SMMU_NH_ASID | SMMU_ASID(asid + 1), 0);
		forget(vmid, asid, &all, false);
		break;
	default:
		invalidate_va(vmid);
		break;
	}
}

static void invalidate_context(void)
{
	struct device *device = &world.device[below(RIG_DEVICES)];
	const uint64_t sid = SMMU_SID(device->vsid);

	if (rarely(2))
		send(device->vmid, SMMU_CFGI_CD | sid, below(2));
	else
		send(device->vmid, SMMU_CFGI_CD_ALL | sid, 0);
	device->cds = 1u << device->cd[device->attached];
	absorb();
}

static void invalidate_device(void)
{
	struct device *device = &world.device[below(RIG_DEVICES)];
	const unsigned int size = rarely(4) ? 52 : below(12);
	const uint64_t addr = VA(below(SLOTS), below(PROBES));
	const uint64_t mask = size == 52 ? UINT64_MAX : (PAGE << size) - 1;
	const struct named named = { addr & ~mask, addr | mask, 0, 0, 0 };
	unsigned int slot, p;

	send(device->vmid, SMMU_ATC_INV | SMMU_SID(device->vsid), addr | size);
	for (slot = 0; slot < SLOTS; slot++)
		for (p = 0; p < PROBES; p++)
			if (is_in(&named, VA(slot, p), PAGE))
				device->atc[slot][p] = 0;
}

/* ---- Changes ---- */

static void set_leaf(unsigned int s, unsigned int slot, unsigned int table,
		     unsigned int probe, struct leaf leaf)
{
	struct space *space = &world.space[s];
	uint64_t entry = 0;

	space->leaf[slot][table][probe] = leaf;
	if (leaf.id != NOTHING)
		entry = world.frame[leaf.id] | S1_PAGE | S1_LEAF;
	if (leaf.global)
		entry &= ~S1_NOT_GLOBAL;
	smmu_rig_set(&world.rig, space->level3[slot][table], probe, entry);
}

static void set_slot(unsigned int s, unsigned int slot, unsigned int is)
{
	struct space *space = &world.space[s];
	uint64_t entry = 0;

	space->slot[slot] = is;
	if (is < TABLES)
		entry = space->level3[slot][is] | S1_TABLE;
	else if (is < SLOT_NOTHING)
		entry = BLOCK_AT(is - TABLES) | S1_BLOCK | S1_LEAF;
	smmu_rig_set(&world.rig, space->level2, slot, entry);
}

static void write_cd(const struct device *device, unsigned int h)
{
	const unsigned int cd = device->cd[h];

	smmu_rig_set_cd(&world.rig, device->cd_at[h],
			CD_GOOD | CD_T0SZ(39) | CD_ASID(CD_ASID_OF(cd) + 1ull),
			world.space[CD_SPACE(cd)].root);
}

static void set_cd(struct device *device, unsigned int h, unsigned int cd)
{
	device->cd[h] = cd;
	write_cd(device, h);
	if (h == device->attached)
		device->cds |= 1u << cd;
}

/* Its driver sends CFGI_STE, and invalidates the device's TLB. */
static void reattach(struct device *device)
{
	const unsigned int index = (unsigned int)(device - world.device);

	device->attached = !device->attached;
	smmu_rig_attach(&world.rig, index, device->hwpt[device->attached]);
	device->cds = 1u << device->cd[device->attached];
	memset(device->atc, 0, sizeof(device->atc));
}

static struct leaf any_leaf(void)
{
	return (struct leaf){ .id = rarely(6) ? NOTHING : below(FRAMES),
			      .global = rarely(12) };
}

static void change(void)
{
	struct device *device = &world.device[below(RIG_DEVICES)];

	switch (below(40)) {
	case 0:
		reattach(device);
		break;
	case 1:
	case 2:
		set_cd(device, below(HWPTS), below(CDS));
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		set_slot(below(SPACES), below(SLOTS), below(SLOT_NOTHING + 1));
		break;
	default:
		set_leaf(below(SPACES), below(SLOTS), below(TABLES),
			 below(PROBES), any_leaf());
		break;
	}
	absorb();
}

/* ---- Reads ---- */

static bool is_sure(const struct device *device)
{
	return !device->ats && !(device->cds & (device->cds - 1));
}

static void judge(struct device *device, unsigned int slot, unsigned int probe,
		  unsigned int id)
{
	struct support_rng *rng = &world.rng;
	unsigned int *must =
		&world
			 .cached[device->vmid][CD_ASID_OF(
				 (unsigned int)__builtin_ctz(device->cds))]
			 .must[slot][probe];
	bool may_fault;
	const uint32_t may = may_read(device, slot, probe, &may_fault);

	support_assert(rng, id == NOTHING ? may_fault : may >> id & 1);
	world.reads++;
	world.stale += id != current(device, slot, probe);
	if (device->ats && id != NOTHING)
		device->atc[slot][probe] |= 1u << id;
	if (!is_sure(device))
		return;
	if (*must != NOTHING) {
		support_assert(rng, id == *must);
		world.sure++;
	}
	*must = id;
}

static void read_one(void)
{
	const unsigned int index = below(RIG_DEVICES);
	const unsigned int slot = below(SLOTS), probe = below(PROBES);
	const uint32_t word = smmu_rig_read(&world.rig, index, VA(slot, probe));

	support_assert(&world.rng,
		       word != RIG_NOTHING ||
			       world.rig.dma.reason ==
				       IOMMUNEST_SIM_DMA_NOT_PRESENT);
	judge(&world.device[index], slot, probe,
	      word == RIG_NOTHING ? NOTHING : word);
}

/* ---- A world ---- */

static void make_memory(void)
{
	struct smmu_rig *rig = &world.rig;
	unsigned int i, p;

	for (i = 0; i < FRAMES; i++)
		world.frame[i] = smmu_rig_frame(rig, i);
	for (i = 0; i < BLOCKS; i++)
		for (p = 0; p < PROBES; p++)
			smmu_rig_alias(rig, rig->env.ioas,
				       smmu_rig_frame(rig, BLOCK_ID(i, p)),
				       BLOCK_AT(i) + p * PAGE);
}

static void make_space(unsigned int s)
{
	struct space *space = &world.space[s];
	unsigned int i, p;

	space->root = smmu_rig_take(&world.rig, 0);
	space->level2 = smmu_rig_take(&world.rig, 0);
	smmu_rig_set(&world.rig, space->root, 0, space->level2 | S1_TABLE);
	for (i = 0; i < SLOTS * TABLES; i++) {
		space->level3[i / TABLES][i % TABLES] =
			smmu_rig_take(&world.rig, 0);
		for (p = 0; p < PROBES; p++)
			set_leaf(s, i / TABLES, i % TABLES, p, any_leaf());
	}
	for (i = 0; i < SLOTS; i++)
		set_slot(s, i, below(TABLES));
}

static void make_viommus(void)
{
	struct conf_env *env = &world.rig.env;
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = env->dev,
		.pt_id = env->ioas,
	};
	const uint32_t parent = conf_alloc_hwpt(env, &cmd);

	ck_assert_msg(parent, "%s", env->why);
	world.viommu[0] = env->viommu;
	world.viommu[1] = smmu_alloc_viommu(env, parent);
	ck_assert(smmu_alloc_vdevice(env, world.viommu[1], world.rig.dev[2],
				     0x77));
}

/* The second one has a TLB, and the third a VMID of its own. */
static void make_device(unsigned int index)
{
	static const uint32_t vsid[] = { SMMU_VSID, SMMU_OTHER_VSID, 0x77 };
	struct device *device = &world.device[index];
	unsigned int h;

	device->vmid = index == 2;
	device->vsid = vsid[index];
	device->ats = index == 1;
	for (h = 0; h < HWPTS; h++) {
		device->cd_at[h] = smmu_rig_take(&world.rig, 0);
		device->cd[h] = below(CDS);
		write_cd(device, h);
		device->hwpt[h] =
			smmu_rig_nested(&world.rig, world.viommu[device->vmid],
					device->cd_at[h],
					device->ats ? 1ull << 28 : 0);
	}
	reattach(device);
}

static void make_world(void)
{
	unsigned int i;

	memset(world.cached, 0, sizeof(world.cached));
	memset(world.global, 0, sizeof(world.global));
	memset(world.device, 0, sizeof(world.device));
	for (i = 0; i < VMIDS * ASIDS * SLOTS * PROBES; i++)
		world.cached[i / (ASIDS * SLOTS * PROBES)]
			    [i / (SLOTS * PROBES) % ASIDS]
				    .must[i / PROBES % SLOTS][i % PROBES] =
			NOTHING;
	smmu_rig_open(&world.rig, smmu_rig_idr_ats, IOMMUNEST_SIM_ATS);
	make_memory();
	for (i = 0; i < SPACES; i++)
		make_space(i);
	make_viommus();
	for (i = 0; i < RIG_DEVICES; i++)
		make_device(i);
	absorb();
}

static void step(void)
{
	const uint32_t kind = below(100);

	if (kind < 50)
		read_one();
	else if (kind < 75)
		change();
	else if (kind < 92)
		invalidate();
	else if (kind < 95)
		invalidate_context();
	else
		invalidate_device();
}

TEST(nothing_stale_after_what_covers_it_and_nothing_lost_before)
{
	const uint64_t steps = support_number("IOMMUNEST_COUNT", STEPS);
	uint64_t i;

	support_rng_start(&world.rng, "test-sim-smmu-random");
	for (i = 0; i < steps; i++) {
		if (i % STEPS_OF_A_WORLD == 0)
			make_world();
		step();
		if ((i + 1) % STEPS_OF_A_WORLD == 0 || i + 1 == steps)
			smmu_rig_close(&world.rig);
	}
	printf("%llu steps, %llu commands, %llu reads: %llu stale, %llu sure\n",
	       (unsigned long long)steps, (unsigned long long)world.commands,
	       (unsigned long long)world.reads, (unsigned long long)world.stale,
	       (unsigned long long)world.sure);
	/* Otherwise nothing was shown. */
	if (steps >= STEPS) {
		support_assert(&world.rng, world.stale > steps / 100);
		support_assert(&world.rng, world.sure > steps / 100);
	}
}
