/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the IOTLB holds for an HWPT, and the TLB of a device for itself: a set
 * for each leaf size.  A leaf's key is its address without the low bits.
 */
#include "cache.h"

#include <errno.h>

#include "set.h"

static const unsigned int leaf_order[SIM_LEVELS] = { 0, 9, 18 };
static const unsigned int leaf_shift[SIM_LEVELS] = { 12, 21, 30 };
static const unsigned int structure_shift[SIM_LEVELS] = { 21, 30, 39 };

static uint64_t block_last(const struct sim_block *block)
{
	if (block->all || block->am >= SIM_AM_ALL)
		return UINT64_MAX;
	return block->addr | ((1ull << (block->am + SIM_PAGE_SHIFT)) - 1);
}

static uint64_t block_first(const struct sim_block *block)
{
	if (block->all || block->am >= SIM_AM_ALL)
		return 0;
	return block->addr & ~((1ull << (block->am + SIM_PAGE_SHIFT)) - 1);
}

static void drop(struct sim_set *sets, const unsigned int *shift,
		 const struct sim_block *block)
{
	uint64_t first = block_first(block), last = block_last(block);
	unsigned int level;

	for (level = 0; level < SIM_LEVELS; level++)
		iommunest__sim_set_drop(&sets[level], first >> shift[level],
					last >> shift[level]);
}

static bool has(const struct sim_set *sets, const unsigned int *shift,
		uint64_t addr)
{
	unsigned int level;

	for (level = 0; level < SIM_LEVELS; level++) {
		if (iommunest__sim_set_find(&sets[level], addr >> shift[level]))
			return true;
	}
	return false;
}

static void free_sets(struct sim_set *sets)
{
	unsigned int level;

	for (level = 0; level < SIM_LEVELS; level++)
		iommunest__sim_set_free(&sets[level]);
}

int iommunest__sim_cache_level(unsigned int order)
{
	int level;

	for (level = 0; level < (int)SIM_LEVELS; level++) {
		if (leaf_order[level] == order)
			return level;
	}
	return -EINVAL;
}

unsigned int iommunest__sim_leaf_shift(unsigned int level)
{
	return leaf_shift[level];
}

int iommunest__sim_tlb_reserve(struct sim_tlb *tlb, unsigned int level)
{
	return iommunest__sim_set_reserve(&tlb->leaves[level]);
}

static void insert(struct sim_set *set, uint64_t key,
		   const struct sim_entry *entry)
{
	struct sim_entry copy = *entry;

	copy.key = key;
	iommunest__sim_set_insert(set, &copy);
}

void iommunest__sim_tlb_insert(struct sim_tlb *tlb, unsigned int level,
			       uint64_t addr, const struct sim_entry *leaf)
{
	insert(&tlb->leaves[level], addr >> leaf_shift[level], leaf);
}

const struct sim_entry *iommunest__sim_tlb_find(const struct sim_tlb *tlb,
						unsigned int level,
						uint64_t addr)
{
	return iommunest__sim_set_find(&tlb->leaves[level],
				       addr >> leaf_shift[level]);
}

bool iommunest__sim_tlb_has(const struct sim_tlb *tlb, uint64_t addr)
{
	return has(tlb->leaves, leaf_shift, addr);
}

size_t iommunest__sim_tlb_count(const struct sim_tlb *tlb)
{
	size_t count = 0;
	unsigned int level;

	for (level = 0; level < SIM_LEVELS; level++)
		count += tlb->leaves[level].count;
	return count;
}

void iommunest__sim_tlb_drop(struct sim_tlb *tlb, const struct sim_block *block)
{
	drop(tlb->leaves, leaf_shift, block);
}

void iommunest__sim_tlb_free(struct sim_tlb *tlb)
{
	free_sets(tlb->leaves);
}

int iommunest__sim_iotlb_reserve(struct sim_iotlb *iotlb, unsigned int level)
{
	int ret = iommunest__sim_tlb_reserve(&iotlb->tlb, level);

	return ret ? ret : iommunest__sim_structure_reserve(iotlb, level);
}

/* What a walk found is worth more. */
void iommunest__sim_iotlb_insert(struct sim_iotlb *iotlb, unsigned int level,
				 uint64_t addr)
{
	const struct sim_entry unknown = { 0 };

	if (!iommunest__sim_tlb_find(&iotlb->tlb, level, addr))
		iommunest__sim_tlb_insert(&iotlb->tlb, level, addr, &unknown);
	if (!iommunest__sim_structure_find(iotlb, level, addr))
		iommunest__sim_structure_insert(iotlb, level, addr, &unknown);
}

int iommunest__sim_structure_reserve(struct sim_iotlb *iotlb,
				     unsigned int level)
{
	return iommunest__sim_set_reserve(&iotlb->structures[level]);
}

void iommunest__sim_structure_insert(struct sim_iotlb *iotlb,
				     unsigned int level, uint64_t addr,
				     const struct sim_entry *entry)
{
	insert(&iotlb->structures[level], addr >> structure_shift[level],
	       entry);
}

const struct sim_entry *
iommunest__sim_structure_find(const struct sim_iotlb *iotlb, unsigned int level,
			      uint64_t addr)
{
	return iommunest__sim_set_find(&iotlb->structures[level],
				       addr >> structure_shift[level]);
}

bool iommunest__sim_iotlb_has_structure(const struct sim_iotlb *iotlb,
					uint64_t addr)
{
	return has(iotlb->structures, structure_shift, addr);
}

void iommunest__sim_iotlb_drop(struct sim_iotlb *iotlb,
			       const struct sim_block *block, bool leaves_only)
{
	iommunest__sim_tlb_drop(&iotlb->tlb, block);
	if (!leaves_only)
		drop(iotlb->structures, structure_shift, block);
}

/* A leaf's addresses, or those of a table. */
struct output {
	uint64_t first;
	uint64_t last;
	uint64_t size;
};

static bool is_output(const struct sim_entry *entry, const void *arg)
{
	const struct output *output = arg;

	return entry->flags & SIM_ENTRY_KNOWN && entry->addr <= output->last &&
	       entry->addr + output->size - 1 >= output->first;
}

void iommunest__sim_iotlb_drop_output(struct sim_iotlb *iotlb,
				      const struct sim_block *block)
{
	struct output output = { block_first(block), block_last(block), 0 };
	unsigned int level;

	for (level = 0; level < SIM_LEVELS; level++) {
		output.size = 1ull << leaf_shift[level];
		iommunest__sim_set_filter(&iotlb->tlb.leaves[level], is_output,
					  &output);
		output.size = SIM_PAGE_SIZE;
		iommunest__sim_set_filter(&iotlb->structures[level], is_output,
					  &output);
	}
}

void iommunest__sim_iotlb_free(struct sim_iotlb *iotlb)
{
	iommunest__sim_tlb_free(&iotlb->tlb);
	free_sets(iotlb->structures);
}
