/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the queue engine knows of a batch, to fill it without a call. */
#ifndef IOMMUNEST_VTD_BATCH_H
#define IOMMUNEST_VTD_BATCH_H

#include "lib/batch.h"
#include "lib/vtd/entry.h"

/*
 * How many sizes of block, from one page up, iommunest_vtd_batch_add_block()
 * would add just as vtd_plain_block() makes them: as one entry, with nothing
 * merged.
 */
uint32_t iommunest__vtd_plain_orders(const struct iommunest_batch *batch);

static inline struct iommunest_vtd_entry
vtd_plain_block(uint64_t addr, unsigned int am, uint32_t flags)
{
	uint64_t npages = UINT64_C(1) << am;

	return (struct iommunest_vtd_entry){
		.addr = addr & -(npages << VTD_PAGE_SHIFT),
		.npages = npages,
		.flags = flags,
	};
}

#endif /* IOMMUNEST_VTD_BATCH_H */
