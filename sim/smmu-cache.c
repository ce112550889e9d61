/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What an SMMUv3 has cached of one VMID: pages and tables, by ASID and address.
 * Nothing leaves by itself, and an invalidation removes what it names and no
 * more: what is stale after it is stale on some hardware.
 *
 * Pages are cached by 4 KiB, as a smaller page of stage 2 needs it.  A command
 * is for stage 1's entry, so that each page knows how large that is.
 */
#include "smmu-cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "set.h"

static struct sim_asid *find_asid(const struct sim_asids *asids, uint32_t asid)
{
	size_t i;

	for (i = 0; i < asids->count; i++) {
		if (asids->all[i].asid == asid)
			return &asids->all[i];
	}
	return NULL;
}

static int grow(struct sim_asids *asids)
{
	const size_t room = asids->room ? asids->room * 2 : 4;
	struct sim_asid *all;

	if (asids->count < asids->room)
		return 0;
	all = reallocarray(asids->all, room, sizeof(*all));
	if (!all)
		return -ENOMEM;
	asids->all = all;
	asids->room = room;
	return 0;
}

static struct sim_asid *need_asid(struct sim_asids *asids, uint32_t asid)
{
	struct sim_asid *found = find_asid(asids, asid);

	if (found)
		return found;
	if (grow(asids))
		return NULL;
	found = &asids->all[asids->count++];
	*found = (struct sim_asid){ .asid = asid };
	return found;
}

/* Below 2^58, as no address has more than 52 bits. */
static uint64_t table_key(uint64_t addr, unsigned int shift)
{
	return addr >> shift << 6 | shift;
}

static const struct sim_entry *find_page(const struct sim_asids *asids,
					 uint32_t asid, uint64_t addr)
{
	const struct sim_asid *of = find_asid(asids, asid);

	return of ? iommunest__sim_set_find(&of->pages, addr >> SIM_PAGE_SHIFT)
		  : NULL;
}

const struct sim_entry *iommunest__sim_asids_find(const struct sim_asids *asids,
						  uint32_t asid, uint64_t addr)
{
	const struct sim_entry *page = find_page(asids, asid, addr);

	return page ? page : find_page(asids, SIM_ASID_GLOBAL, addr);
}

const struct sim_entry *
iommunest__sim_asids_find_table(const struct sim_asids *asids, uint32_t asid,
				uint64_t addr, unsigned int shift)
{
	const struct sim_asid *of = find_asid(asids, asid);

	return of ? iommunest__sim_set_find(&of->tables, table_key(addr, shift))
		  : NULL;
}

static int add(struct sim_set *set, uint64_t key, const struct sim_entry *entry)
{
	struct sim_entry copy = *entry;

	if (iommunest__sim_set_reserve(set))
		return -ENOMEM;
	copy.key = key;
	iommunest__sim_set_insert(set, &copy);
	return 0;
}

int iommunest__sim_asids_add(struct sim_asids *asids, uint32_t asid,
			     uint64_t addr, const struct sim_entry *page)
{
	struct sim_asid *of = need_asid(asids, asid);

	return of ? add(&of->pages, addr >> SIM_PAGE_SHIFT, page) : -ENOMEM;
}

int iommunest__sim_asids_add_table(struct sim_asids *asids, uint32_t asid,
				   uint64_t addr, unsigned int shift,
				   const struct sim_entry *table)
{
	struct sim_asid *of = need_asid(asids, asid);

	return of ? add(&of->tables, table_key(addr, shift), table) : -ENOMEM;
}

size_t iommunest__sim_asids_count(const struct sim_asids *asids, uint32_t asid)
{
	const struct sim_asid *of = find_asid(asids, asid);

	return of ? of->pages.count : 0;
}

bool iommunest__sim_asids_has_table(const struct sim_asids *asids,
				    uint32_t asid, uint64_t addr)
{
	unsigned int shift;

	for (shift = SIM_PAGE_SHIFT; shift < 64; shift++) {
		if (iommunest__sim_asids_find_table(asids, asid, addr, shift))
			return true;
	}
	return false;
}

/* ---- Invalidation ---- */

/* Levels of the granules of 4, 16 and 64 KiB differ in size. */
static unsigned int granule_of(unsigned int shift)
{
	const unsigned int bits = shift - SIM_PAGE_SHIFT;

	if (bits % 9 == 0)
		return 12;
	return shift % 11 == 3 ? 14 : 16;
}

static bool is_named(const struct sim_tlbi *tlbi, uint64_t addr,
		     unsigned int shift)
{
	const uint64_t mask = (UINT64_C(1) << shift) - 1;

	if ((addr & ~mask) > tlbi->last || (addr | mask) < tlbi->first)
		return false;
	return !tlbi->granule || granule_of(shift) == tlbi->granule;
}

static bool is_named_page(const struct sim_entry *entry, const void *arg)
{
	const unsigned int shift = SIM_ENTRY_SHIFT_OF(entry->flags);
	const struct sim_tlbi *tlbi = arg;

	return is_named(tlbi, entry->key << SIM_PAGE_SHIFT, shift) &&
	       (!tlbi->shift || shift == tlbi->shift);
}

static bool is_named_table(const struct sim_entry *entry, const void *arg)
{
	const unsigned int shift = entry->key & 0x3f;

	return is_named(arg, entry->key >> 6 << shift, shift);
}

static void drop(struct sim_asid *of, const struct sim_tlbi *tlbi)
{
	iommunest__sim_set_filter(&of->pages, is_named_page, tlbi);
	if (!tlbi->leaves_only)
		iommunest__sim_set_filter(&of->tables, is_named_table, tlbi);
}

void iommunest__sim_asids_drop(struct sim_asids *asids,
			       const struct sim_tlbi *tlbi)
{
	size_t i;

	for (i = 0; i < asids->count; i++) {
		if (tlbi->asid == SIM_ASID_ANY ||
		    asids->all[i].asid == tlbi->asid ||
		    asids->all[i].asid == SIM_ASID_GLOBAL)
			drop(&asids->all[i], tlbi);
	}
}

void iommunest__sim_asids_drop_asid(struct sim_asids *asids, uint32_t asid)
{
	struct sim_asid *of = find_asid(asids, asid);

	if (!of)
		return;
	iommunest__sim_set_free(&of->pages);
	iommunest__sim_set_free(&of->tables);
	*of = asids->all[--asids->count];
}

void iommunest__sim_asids_free(struct sim_asids *asids)
{
	while (asids->count)
		iommunest__sim_asids_drop_asid(asids, asids->all[0].asid);
	free(asids->all);
	memset(asids, 0, sizeof(*asids));
}
