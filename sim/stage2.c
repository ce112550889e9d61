/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The second stage.  There are no tables: a paging HWPT maps what its IOAS
 * maps, in leaves as large as address, memory and area allow.
 */
#include "stage2.h"

#include <errno.h>

#include "areas.h"
#include "cache.h"
#include "set.h"

static bool fits(const struct sim_area *area, uint64_t addr, uint64_t host,
		 unsigned int level)
{
	const uint64_t mask = (1ull << iommunest__sim_leaf_shift(level)) - 1;

	return (addr & mask) == (host & mask) &&
	       (addr & ~mask) >= area->first && (addr | mask) <= area->last;
}

static unsigned int largest_leaf(const struct sim_ioas *ioas,
				 const struct sim_area *area, uint64_t addr,
				 uint64_t host)
{
	unsigned int level = ioas->small_pages ? 0 : SIM_LEVELS - 1;

	while (level > 0 && !fits(area, addr, host, level))
		level--;
	return level;
}

bool iommunest__sim_stage2(const struct sim_hwpt *paging, uint64_t addr,
			   struct sim_stage2 *to)
{
	const struct sim_ioas *ioas = (const struct sim_ioas *)paging->base;
	const struct sim_area *area =
		iommunest__sim_areas_find(ioas, addr, addr);

	if (!area)
		return false;
	to->host = area->pages->base + area->start + (addr - area->first);
	to->readable = area->readable || paging->first_stage;
	to->writable = area->writable;
	to->level = largest_leaf(ioas, area, addr, to->host);
	return true;
}

int iommunest__sim_mark_dirty(struct sim_hwpt *paging, uint64_t addr)
{
	const struct sim_entry page = { .key = addr >> SIM_PAGE_SHIFT };

	if (!paging->tracks_dirty ||
	    iommunest__sim_set_find(&paging->dirty, page.key))
		return 0;
	if (iommunest__sim_set_reserve(&paging->dirty))
		return -ENOMEM;
	iommunest__sim_set_insert(&paging->dirty, &page);
	return 0;
}
