/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Walks a guest's stage-1 tables, which are those of AArch64 (Arm Architecture
 * Reference Manual, chapter D8, "The AArch64 Virtual Memory System
 * Architecture"), of all three granules.  All of their addresses go through
 * stage 2.  Whatever the tables say, a walk ends after four entries.
 */
#include "smmu-walk.h"

#include <endian.h>
#include <errno.h>

#include "objects.h"
#include "smmu-cache.h"
#include "smmu-context.h"
#include "stage2.h"

#define BIT(n) (UINT64_C(1) << (n))
#define MASK(bits) (BIT(bits) - 1)

#define ENTRY_VALID BIT(0)
/* A table; on the last level, a page. */
#define ENTRY_TABLE BIT(1)
#define ENTRY_USER BIT(6)
#define ENTRY_READ_ONLY BIT(7)
#define ENTRY_AF BIT(10)
#define ENTRY_NOT_GLOBAL BIT(11)
#define ENTRY_ADDR 0x0000fffffffff000u
#define TABLE_NO_USER BIT(61)
#define TABLE_READ_ONLY BIT(62)

#define LAST_LEVEL 3u
#define ALL_RIGHTS (SIM_ENTRY_WRITE | SIM_ENTRY_USER)

struct walk {
	struct sim_access *access;
	struct sim_asids *asids;
	const struct sim_context *context;
	uint64_t addr;
	/* The table, its level, and what the entries above it allow. */
	uint64_t table;
	unsigned int level;
	uint32_t rights;
	/* Where the entry is, and what it says. */
	uint64_t at;
	uint64_t entry;
};

/* How many bits an entry of the level leaves as they are. */
static unsigned int shift_of(const struct walk *walk, unsigned int level)
{
	const unsigned int granule = walk->context->granule;

	return granule + (LAST_LEVEL - level) * (granule - 3);
}

static unsigned int first_level(const struct sim_context *context)
{
	return 4 - (context->input_width - 4) / (context->granule - 3);
}

static bool is_output(const struct walk *walk, uint64_t addr)
{
	return !(addr >> walk->context->output_width);
}

static int refuse(const struct walk *walk, uint32_t reason)
{
	return iommunest__sim_refuse(walk->access, reason, walk->at);
}

/* ---- Where it begins ---- */

/* At the lowest table that is cached. */
static void start(struct walk *walk)
{
	const struct sim_context *context = walk->context;
	const unsigned int first = first_level(context);
	const struct sim_entry *table;
	unsigned int level;

	for (level = LAST_LEVEL; level > first; level--) {
		table = iommunest__sim_asids_find_table(
			walk->asids, context->asid, walk->addr,
			shift_of(walk, level - 1));
		if (!table)
			continue;
		walk->table = table->addr;
		walk->level = level;
		walk->rights = table->flags & ALL_RIGHTS;
		return;
	}
	walk->table = context->table;
	walk->level = first;
	walk->rights = ALL_RIGHTS;
}

/* ---- Entries ---- */

static int read_entry(struct walk *walk)
{
	const unsigned int shift = shift_of(walk, walk->level);
	const unsigned int bits = walk->context->granule - 3;
	const uint64_t index = walk->addr >> shift & MASK(bits);
	int ret;

	walk->at = walk->table + index * sizeof(walk->entry);
	ret = iommunest__sim_read_stage2(walk->access, walk->at, &walk->entry,
					 sizeof(walk->entry));
	walk->entry = le64toh(walk->entry);
	return ret;
}

static bool is_table(const struct walk *walk)
{
	return walk->level < LAST_LEVEL && walk->entry & ENTRY_TABLE;
}

/* Blocks are of level 2, and of level 1 with pages of 4 KiB. */
static bool is_leaf(const struct walk *walk)
{
	if (walk->level == LAST_LEVEL)
		return walk->entry & ENTRY_TABLE;
	if (walk->entry & ENTRY_TABLE)
		return false;
	return walk->level == 2 ||
	       (walk->level == 1 && walk->context->granule == SIM_PAGE_SHIFT);
}

static int descend(struct walk *walk)
{
	const unsigned int shift = shift_of(walk, walk->level);
	const uint64_t table =
		walk->entry & ENTRY_ADDR & ~MASK(walk->context->granule);
	struct sim_entry cached;

	if (!is_output(walk, table))
		return refuse(walk, IOMMUNEST_SIM_DMA_ADDRESS_SIZE);
	if (!walk->context->ignores_table_rights) {
		if (walk->entry & TABLE_NO_USER)
			walk->rights &= ~SIM_ENTRY_USER;
		if (walk->entry & TABLE_READ_ONLY)
			walk->rights &= ~SIM_ENTRY_WRITE;
	}
	walk->table = table;
	walk->level++;
	cached = (struct sim_entry){
		.addr = table,
		.flags = SIM_ENTRY_KNOWN | walk->rights,
	};
	return iommunest__sim_asids_add_table(walk->asids, walk->context->asid,
					      walk->addr, shift, &cached);
}

/* ---- Leaves ---- */

static uint32_t leaf_rights(const struct walk *walk)
{
	uint32_t rights = walk->rights;

	if (!(walk->entry & ENTRY_USER))
		rights &= ~SIM_ENTRY_USER;
	if (walk->entry & ENTRY_READ_ONLY)
		rights &= ~SIM_ENTRY_WRITE;
	return rights;
}

/* Also what does not allow the access: only another walk would show it. */
static int cache_page(struct walk *walk, const struct sim_entry *page)
{
	const bool global = !(walk->entry & ENTRY_NOT_GLOBAL);

	return iommunest__sim_asids_add(
		walk->asids, global ? SIM_ASID_GLOBAL : walk->context->asid,
		walk->addr, page);
}

static int take_leaf(struct walk *walk, struct sim_entry *page)
{
	const unsigned int shift = shift_of(walk, walk->level);
	const uint64_t addr = (walk->entry & ENTRY_ADDR & ~MASK(shift)) |
			      (walk->addr & MASK(shift));
	const uint64_t first = addr & ~MASK(SIM_PAGE_SHIFT);
	const struct sim_hwpt *stage2 =
		iommunest__sim_stage2_of(walk->access->hwpt);
	struct sim_stage2 to;

	if (!is_output(walk, addr))
		return refuse(walk, IOMMUNEST_SIM_DMA_ADDRESS_SIZE);
	if (!(walk->entry & ENTRY_AF) && !walk->context->ignores_access_flag)
		return refuse(walk, IOMMUNEST_SIM_DMA_ACCESS_FLAG);
	if (!iommunest__sim_stage2(stage2, first, &to))
		return iommunest__sim_refuse(
			walk->access, IOMMUNEST_SIM_DMA_S2_NOT_MAPPED, addr);
	*page = (struct sim_entry){
		.addr = first,
		.host = to.host,
		.flags = SIM_ENTRY_KNOWN | SIM_ENTRY_DIRTY | leaf_rights(walk) |
			 iommunest__sim_stage2_flags(&to) |
			 SIM_ENTRY_SHIFT(shift),
	};
	return cache_page(walk, page);
}

static int walk_tables(struct walk *walk, struct sim_entry *page)
{
	int ret;

	start(walk);
	for (;;) {
		ret = read_entry(walk);
		if (ret)
			return ret;
		if (!(walk->entry & ENTRY_VALID) ||
		    (!is_table(walk) && !is_leaf(walk)))
			return refuse(walk, IOMMUNEST_SIM_DMA_NOT_PRESENT);
		if (is_leaf(walk))
			return take_leaf(walk, page);
		ret = descend(walk);
		if (ret)
			return ret;
	}
}

/* ---- Translation ---- */

static int check_rights(struct sim_access *access, const struct sim_entry *page)
{
	const uint32_t stage2 =
		access->write ? SIM_ENTRY_S2_WRITE : SIM_ENTRY_S2_READ;

	if (!iommunest__sim_stage1_allows(access, page->flags))
		return iommunest__sim_refuse(
			access, IOMMUNEST_SIM_DMA_PERMISSION, page->addr);
	if (!(page->flags & stage2))
		return iommunest__sim_refuse(
			access, IOMMUNEST_SIM_DMA_S2_PERMISSION, page->addr);
	return 0;
}

/* TTB1 is not simulated: the upper half has no tables. */
static bool has_tables(const struct walk *walk)
{
	return !walk->context->no_table &&
	       !(walk->addr >> walk->context->input_width);
}

int iommunest__sim_smmu_translate(struct sim_access *access,
				  struct sim_device *dev,
				  struct sim_entry *page)
{
	struct walk walk = {
		.access = access,
		.asids = &iommunest__sim_stage2_of(access->hwpt)->asids,
		.context = iommunest__sim_smmu_context(access, dev),
		.addr = access->iova,
		.at = access->iova,
	};
	const struct sim_entry *cached;
	int ret;

	if (!walk.context)
		return -EFAULT;
	if (walk.context->ignores_top_byte)
		walk.addr &= MASK(56);
	if (!has_tables(&walk))
		return refuse(&walk, IOMMUNEST_SIM_DMA_NOT_PRESENT);
	cached = iommunest__sim_asids_find(walk.asids, walk.context->asid,
					   walk.addr);
	if (cached) {
		*page = *cached;
		return check_rights(access, page);
	}
	ret = walk_tables(&walk, page);
	return ret ? ret : check_rights(access, page);
}
