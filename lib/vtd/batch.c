/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * VT-d stage-1 entries into a batch.  The hardware flushes aligned blocks of
 * 2^n pages, and nothing else: of a range that is none, the kernel flushes the
 * smallest block that holds it, which for two pages can be 2 GiB.
 */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/batch.h"
#include "lib/vtd/batch.h"
#include "lib/vtd/entry.h"

#define KNOWN_FLAGS IOMMUNEST_VTD_COALESCE

static bool is_vtd(const struct iommunest_batch *batch)
{
	return batch->type.data_type == IOMMU_HWPT_INVALIDATE_DATA_VTD_S1 &&
	       batch->type.entry_len == sizeof(struct iommunest_vtd_entry);
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
				END_OF(struct iommunest_vtd_limits,
				       max_blocks));
	if (ret)
		return ret;
	if (copy.flags & ~KNOWN_FLAGS)
		return -EOPNOTSUPP;
	batch->type_state[VTD_STATE_FLAGS] = copy.flags;
	batch->type_state[VTD_STATE_MAX_BLOCKS] = copy.max_blocks;
	return 0;
}

static uint32_t max_blocks(const struct iommunest_batch *batch)
{
	uint32_t most = batch->type_state[VTD_STATE_MAX_BLOCKS];

	return most ? most : IOMMUNEST_VTD_DEFAULT_BLOCKS;
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
static bool merge(struct iommunest_vtd_entry *into,
		  const struct iommunest_vtd_entry *entry)
{
	if (covers(into, entry))
		return true;
	if (covers(entry, into)) {
		*into = *entry;
		return true;
	}
	if (into->npages == UINT64_C(1) << VTD_MAX_ORDER)
		return false;
	if (!are_buddies(into, entry))
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

	if (last <= first || !merge(iommunest_batch_at(batch, last - 1), entry))
		return false;
	for (last--; last > first; last--) {
		if (!merge(iommunest_batch_at(batch, last - 1),
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
	if (vtd_batch_has_flag(batch, IOMMUNEST_VTD_COALESCE) &&
	    merge_into_last(batch, entry))
		return 0;
	if (iommunest_batch_free_slots(batch) == 0)
		return iommunest__batch_fail(batch, -ENOSPC, cookie);
	iommunest_batch_push(batch, entry, cookie);
	return 0;
}

/* ---- Ranges ---- */

/* Pages from @first up to, but without, @end, which is at most 2^52. */
struct span {
	uint64_t first;
	uint64_t end;
};

static uint64_t span_pages(struct span span)
{
	return span.end - span.first;
}

/* Both ends, rounded outwards to a multiple of 2^@order pages. */
static struct span round_out(struct span span, unsigned int order)
{
	uint64_t below = (UINT64_C(1) << order) - 1;

	return (struct span){
		.first = span.first & ~below,
		.end = (span.end + below) & ~below,
	};
}

/*
 * How many aligned blocks a span takes.  They grow up to its best-aligned
 * address, and shrink from there on: a block for each bit of either side.
 */
static unsigned int count_blocks(struct span span)
{
	unsigned int top =
		63u - (unsigned int)__builtin_clzll(span.first ^ span.end);
	uint64_t middle = span.end >> top << top;

	return (unsigned int)(__builtin_popcountll(middle - span.first) +
			      __builtin_popcountll(span.end - middle));
}

/*
 * The span to flush for a range, in at most @most blocks.  A block costs a
 * submission to the hardware, and a page that is flushed beside the range may
 * cost the guest a walk of its tables: each of them counts as 1.  Of several
 * that cost the same, the one nearest to the range is taken.
 */
static struct span cheapest_span(struct span range, uint32_t most)
{
	struct span best = range;
	uint64_t least = UINT64_MAX;
	unsigned int order;

	for (order = 0; order <= VTD_ALL_ORDER; order++) {
		struct span span = round_out(range, order);
		uint64_t beside = span_pages(span) - span_pages(range);
		unsigned int blocks = count_blocks(span);

		/* The pages beside only become more. */
		if (beside >= least)
			break;
		if (blocks <= most && beside + blocks < least) {
			best = span;
			least = beside + blocks;
		}
	}
	return best;
}

/* The largest aligned block that a span begins with, as log2 of pages. */
static unsigned int first_order(struct span span)
{
	unsigned int order =
		63u - (unsigned int)__builtin_clzll(span_pages(span));
	unsigned int align =
		span.first ? (unsigned int)__builtin_ctzll(span.first) : order;

	return align < order ? align : order;
}

static struct iommunest_vtd_entry first_block(struct span span, uint32_t flags)
{
	struct iommunest_vtd_entry block;

	vtd_plain_block(&block, span.first << VTD_PAGE_SHIFT, first_order(span),
			flags);
	return block;
}

/* All blocks of a span, or none. */
static int add_blocks(struct iommunest_batch *batch, struct span span,
		      uint32_t flags, uint64_t cookie)
{
	if (count_blocks(span) > iommunest_batch_free_slots(batch))
		return iommunest__batch_fail(batch, -ENOSPC, cookie);
	while (span.first < span.end) {
		struct iommunest_vtd_entry block = first_block(span, flags);

		iommunest_batch_push(batch, &block, cookie);
		span.first += block.npages;
	}
	batch->sealed = batch->count;
	return 0;
}

static int add_span(struct iommunest_batch *batch, struct span range,
		    uint32_t flags, uint64_t cookie)
{
	struct span span = cheapest_span(range, max_blocks(batch));
	struct iommunest_vtd_entry entry;

	if (count_blocks(span) > 1)
		return add_blocks(batch, span, flags, cookie);
	if (span_pages(span) == VTD_ALL_PAGES)
		iommunest_vtd_entry_all(&entry);
	else
		entry = first_block(span, flags);
	return add_entry(batch, &entry, cookie);
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
	return add_entry(batch, &entry, cookie);
}

EXPORT int iommunest_vtd_batch_add_range(struct iommunest_batch *batch,
					 uint64_t addr, uint64_t npages,
					 uint32_t flags, uint64_t cookie)
{
	struct iommunest_vtd_entry entry;
	struct span range;
	int ret;

	ret = check_add(batch, cookie);
	if (ret)
		return ret;
	ret = iommunest_vtd_entry_range(&entry, addr, npages, flags);
	if (ret)
		return iommunest__batch_fail(batch, ret, cookie);
	range.first = addr >> VTD_PAGE_SHIFT;
	range.end = range.first + npages;
	return add_span(batch, range, flags, cookie);
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
	return add_entry(batch, &entry, cookie);
}
