/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * VT-d stage-1 entries into a batch, within the hardware's limits: a block of
 * more than 2^MAMV pages would be an Invalidation Queue Error in the host,
 * which the kernel does not report.
 */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/batch.h"
#include "lib/vtd/batch.h"
#include "lib/vtd/entry.h"

/*
 * What iommunest_batch::type_state holds.  A new batch has zeros: no flags,
 * and blocks of any size.
 */
enum { STATE_FLAGS, STATE_ORDERS, STATE_MAX_BLOCKS };

#define KNOWN_FLAGS (IOMMUNEST_VTD_LIMIT_MAMV | IOMMUNEST_VTD_COALESCE)

static bool is_vtd(const struct iommunest_batch *batch)
{
	return batch->type.data_type == IOMMU_HWPT_INVALIDATE_DATA_VTD_S1 &&
	       batch->type.entry_len == sizeof(struct iommunest_vtd_entry);
}

static bool has_flag(const struct iommunest_batch *batch, uint32_t flag)
{
	return batch->type_state[STATE_FLAGS] & flag;
}

/* As many as the largest batch holds. */
#define MAX_BLOCKS (1u << 27)

/* How many sizes of block there are, from one page up; 0: no limit. */
static uint32_t orders(const struct iommunest_vtd_limits *limits)
{
	if (!(limits->flags & IOMMUNEST_VTD_LIMIT_MAMV))
		return 0;
	return limits->mamv < VTD_ALL_ORDER ? limits->mamv + 1 : VTD_ALL_ORDER;
}

EXPORT int
iommunest_vtd_batch_set_limits(struct iommunest_batch *batch,
			       const struct iommunest_vtd_limits *limits)
{
	struct iommunest_vtd_limits copy;
	int ret;

	if (!batch || !limits || !is_vtd(batch))
		return -EINVAL;
	ret = iommunest_copy_in(&copy, sizeof(copy), limits,
				END_OF(struct iommunest_vtd_limits, reserved));
	if (ret)
		return ret;
	if (copy.flags & ~KNOWN_FLAGS)
		return -EOPNOTSUPP;
	if (copy.mamv > VTD_AM_MAX || copy.reserved ||
	    copy.max_blocks > MAX_BLOCKS)
		return -EINVAL;
	batch->type_state[STATE_FLAGS] = copy.flags;
	batch->type_state[STATE_ORDERS] = orders(&copy);
	batch->type_state[STATE_MAX_BLOCKS] =
		copy.max_blocks ? copy.max_blocks
				: IOMMUNEST_VTD_DEFAULT_BLOCKS;
	return 0;
}

/* The largest block that may leave as one entry that is not "all". */
static unsigned int max_order(const struct iommunest_batch *batch)
{
	uint32_t sizes = batch->type_state[STATE_ORDERS];

	return (sizes ? sizes : VTD_ALL_ORDER) - 1;
}

uint32_t iommunest__vtd_plain_orders(const struct iommunest_batch *batch)
{
	if (has_flag(batch, IOMMUNEST_VTD_COALESCE))
		return 0;
	return max_order(batch) + 1;
}

/* ---- Merging ---- */

static uint64_t pages_of(const struct iommunest_vtd_entry *entry)
{
	return entry->npages == UINT64_MAX ? VTD_ALL_PAGES : entry->npages;
}

/* Dropping all caches for a range does what dropping its leaves does. */
static bool covers(const struct iommunest_vtd_entry *outer,
		   const struct iommunest_vtd_entry *inner)
{
	uint64_t outer_pfn = outer->addr >> VTD_PAGE_SHIFT;
	uint64_t inner_pfn = inner->addr >> VTD_PAGE_SHIFT;

	if (outer->flags & ~inner->flags)
		return false;
	return outer_pfn <= inner_pfn &&
	       inner_pfn + pages_of(inner) <= outer_pfn + pages_of(outer);
}

static bool are_buddies(const struct iommunest_vtd_entry *a,
			const struct iommunest_vtd_entry *b)
{
	uint64_t npages = a->npages;
	uint64_t size = npages << VTD_PAGE_SHIFT;

	if (npages != b->npages || a->flags != b->flags)
		return false;
	if (npages & (npages - 1))
		return false;
	return (a->addr & (size - 1)) == 0 && (a->addr ^ b->addr) == size;
}

/* Makes *@into the union of both; false: that is not one entry. */
static bool merge(const struct iommunest_batch *batch,
		  struct iommunest_vtd_entry *into,
		  const struct iommunest_vtd_entry *entry)
{
	if (covers(into, entry))
		return true;
	if (covers(entry, into)) {
		*into = *entry;
		return true;
	}
	if (!are_buddies(into, entry) ||
	    into->npages >= UINT64_C(1) << max_order(batch))
		return false;
	into->addr &= entry->addr;
	into->npages *= 2;
	return true;
}

/*
 * Merges an entry into the last pending one, and that into the one before it
 * as long as this is possible.  What was sent already is not touched, nor are
 * raw entries and the pieces of a range: each would share the outcome
 * of a neighbour's entry, and nobody could say what became of the range.
 */
static bool merge_into_last(struct iommunest_batch *batch,
			    const struct iommunest_vtd_entry *entry)
{
	uint32_t first =
		batch->cursor > batch->sealed ? batch->cursor : batch->sealed;
	uint32_t last = batch->count;

	if (last <= first ||
	    !merge(batch, iommunest_batch_at(batch, last - 1), entry))
		return false;
	for (last--; last > first; last--) {
		if (!merge(batch, iommunest_batch_at(batch, last - 1),
			   iommunest_batch_at(batch, last)))
			break;
		batch->count = last;
	}
	return true;
}

/* ---- Adding ---- */

static int add_entry(struct iommunest_batch *batch,
		     const struct iommunest_vtd_entry *entry, uint64_t cookie)
{
	if (has_flag(batch, IOMMUNEST_VTD_COALESCE) &&
	    merge_into_last(batch, entry))
		return 0;
	if (iommunest_batch_free_slots(batch) == 0)
		return iommunest__batch_fail(batch, -ENOSPC, cookie);
	iommunest_batch_push(batch, entry, cookie);
	return 0;
}

/* The largest aligned block at @pfn within @npages, as log2 of pages. */
static unsigned int block_order(uint64_t pfn, uint64_t npages, unsigned int max)
{
	unsigned int order = 63u - (unsigned int)__builtin_clzll(npages);
	unsigned int align = pfn ? (unsigned int)__builtin_ctzll(pfn) : max;

	if (align < order)
		order = align;
	return order < max ? order : max;
}

/* How many blocks a range takes, counted up to @most + 1. */
static uint32_t count_blocks(uint64_t pfn, uint64_t npages, unsigned int max,
			     uint32_t most)
{
	uint32_t blocks = 0;

	while (npages && blocks <= most) {
		uint64_t block = UINT64_C(1) << block_order(pfn, npages, max);

		pfn += block;
		npages -= block;
		blocks++;
	}
	return blocks;
}

static void add_blocks(struct iommunest_batch *batch,
		       const struct iommunest_vtd_entry *range,
		       unsigned int max, uint64_t cookie)
{
	uint64_t pfn = range->addr >> VTD_PAGE_SHIFT;
	uint64_t npages = range->npages;

	while (npages) {
		struct iommunest_vtd_entry block = {
			.addr = pfn << VTD_PAGE_SHIFT,
			.npages = UINT64_C(1) << block_order(pfn, npages, max),
			.flags = range->flags,
		};

		iommunest_batch_push(batch, &block, cookie);
		pfn += block.npages;
		npages -= block.npages;
	}
	batch->sealed = batch->count;
}

/* Adds a range in blocks that the hardware takes: all of them, or none. */
static int add_split(struct iommunest_batch *batch,
		     const struct iommunest_vtd_entry *range, uint64_t cookie)
{
	uint32_t most = batch->type_state[STATE_MAX_BLOCKS];
	unsigned int max = max_order(batch);
	struct iommunest_vtd_entry all;
	uint32_t blocks;

	blocks = count_blocks(range->addr >> VTD_PAGE_SHIFT, range->npages, max,
			      most);
	if (blocks == 1)
		return add_entry(batch, range, cookie);
	if (blocks > most) {
		iommunest_vtd_entry_all(&all);
		return add_entry(batch, &all, cookie);
	}
	if (blocks > iommunest_batch_free_slots(batch))
		return iommunest__batch_fail(batch, -ENOSPC, cookie);
	add_blocks(batch, range, max, cookie);
	return 0;
}

static int add_built(struct iommunest_batch *batch,
		     const struct iommunest_vtd_entry *entry, uint64_t cookie)
{
	if (batch->type_state[STATE_ORDERS] && entry->npages != UINT64_MAX)
		return add_split(batch, entry, cookie);
	return add_entry(batch, entry, cookie);
}

/* Whether anything can be added: 0, or the error that sticks. */
static int check_add(struct iommunest_batch *batch, uint64_t cookie)
{
	if (!batch)
		return -EINVAL;
	if (batch->error)
		return batch->error;
	if (!is_vtd(batch))
		return iommunest__batch_fail(batch, -EINVAL, cookie);
	return 0;
}

EXPORT int iommunest_vtd_batch_add_all(struct iommunest_batch *batch,
				       uint64_t cookie)
{
	struct iommunest_vtd_entry entry;
	int ret;

	ret = check_add(batch, cookie);
	if (ret)
		return ret;
	iommunest_vtd_entry_all(&entry);
	return add_built(batch, &entry, cookie);
}

EXPORT int iommunest_vtd_batch_add_range(struct iommunest_batch *batch,
					 uint64_t addr, uint64_t npages,
					 uint32_t flags, uint64_t cookie)
{
	struct iommunest_vtd_entry entry;
	int ret;

	ret = check_add(batch, cookie);
	if (ret)
		return ret;
	ret = iommunest_vtd_entry_range(&entry, addr, npages, flags);
	if (ret)
		return iommunest__batch_fail(batch, ret, cookie);
	return add_built(batch, &entry, cookie);
}

EXPORT int iommunest_vtd_batch_add_block(struct iommunest_batch *batch,
					 uint64_t addr, unsigned int am,
					 uint32_t flags, uint64_t cookie)
{
	struct iommunest_vtd_entry entry;
	int ret;

	ret = check_add(batch, cookie);
	if (ret)
		return ret;
	ret = iommunest_vtd_entry_block(&entry, addr, am, flags);
	if (ret)
		return iommunest__batch_fail(batch, ret, cookie);
	return add_built(batch, &entry, cookie);
}
