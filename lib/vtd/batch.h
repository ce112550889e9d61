/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the queue engine knows of a batch, to fill it without a call. */
#ifndef IOMMUNEST_VTD_BATCH_H
#define IOMMUNEST_VTD_BATCH_H

#include "lib/batch.h"
#include "lib/vtd/entry.h"

/* What iommunest_batch::type_state holds.  A new batch has zeros. */
enum { VTD_STATE_FLAGS, VTD_STATE_MAX_BLOCKS };

static inline bool vtd_batch_has_flag(const struct iommunest_batch *batch,
				      uint32_t flag)
{
	return batch->type_state[VTD_STATE_FLAGS] & flag;
}

/*
 * How many sizes of block, from one page up, iommunest_vtd_batch_add_block()
 * would add just as vtd_plain_block() makes them: as one entry, with nothing
 * merged.
 */
static inline uint32_t vtd_plain_orders(const struct iommunest_batch *batch)
{
	return vtd_batch_has_flag(batch, IOMMUNEST_VTD_COALESCE)
		       ? 0
		       : VTD_MAX_ORDER + 1;
}

static inline void vtd_plain_block(struct iommunest_vtd_entry *entry,
				   uint64_t addr, unsigned int am,
				   uint32_t flags)
{
	uint64_t npages = UINT64_C(1) << am;

	*entry = (struct iommunest_vtd_entry){
		.addr = addr & -(npages << VTD_PAGE_SHIFT),
		.npages = npages,
		.flags = flags,
	};
}

/*
 * A run of plain blocks into a batch that has no error: one loop without a
 * call.  Between begin and end nothing else may touch the batch.
 */
struct vtd_block_run {
	struct iommunest_vtd_entry *entries;
	uint64_t *cookies;
	uint32_t count;
	uint32_t capacity;
	uint32_t orders;
};

static inline struct vtd_block_run
vtd_block_run_begin(const struct iommunest_batch *batch)
{
	return (struct vtd_block_run){
		.entries = (void *)batch->entries,
		.cookies = batch->cookies,
		.count = batch->count,
		.capacity = batch->capacity,
		.orders = vtd_plain_orders(batch),
	};
}

static inline bool vtd_block_run_has_room(const struct vtd_block_run *run)
{
	return run->count < run->capacity;
}

/* Whether a block of that size is a plain one. */
static inline bool vtd_block_run_takes(const struct vtd_block_run *run,
				       unsigned int am)
{
	return am < run->orders;
}

static inline void vtd_block_run_add(struct vtd_block_run *run, uint64_t addr,
				     unsigned int am, uint32_t flags,
				     uint64_t cookie)
{
	vtd_plain_block(&run->entries[run->count], addr, am, flags);
	run->cookies[run->count++] = cookie;
}

static inline void vtd_block_run_end(const struct vtd_block_run *run,
				     struct iommunest_batch *batch)
{
	batch->count = run->count;
}

#endif /* IOMMUNEST_VTD_BATCH_H */
