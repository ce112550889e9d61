/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an HWPT has in the IOTLB, and a device of it in its own TLB: sets of
 * leaves of each size, by the address without its low bits.
 */
#include "cache.h"

#include <errno.h>

#include "files.h"
#include "objects.h"
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
		if (iommunest__sim_set_has(&sets[level], addr >> shift[level]))
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

void iommunest__sim_tlb_drop(struct sim_tlb *tlb, const struct sim_block *block)
{
	drop(tlb->leaves, leaf_shift, block);
}

void iommunest__sim_tlb_free(struct sim_tlb *tlb)
{
	free_sets(tlb->leaves);
}

void iommunest__sim_iotlb_drop(struct sim_iotlb *iotlb,
			       const struct sim_block *block, bool leaves_only)
{
	iommunest__sim_tlb_drop(&iotlb->tlb, block);
	if (!leaves_only)
		drop(iotlb->structures, structure_shift, block);
}

void iommunest__sim_iotlb_free(struct sim_iotlb *iotlb)
{
	iommunest__sim_tlb_free(&iotlb->tlb);
	free_sets(iotlb->structures);
}

/* ATS stays off for nested HWPTs in 6.12. */
static bool has_dev_tlb(const struct iommunest_sim *sim,
			const struct sim_device *dev)
{
	return dev->ats && !sim_is_6_12(sim);
}

/* Room everywhere first: a translation is cached as a whole or not at all. */
static int reserve(const struct iommunest_sim *sim, struct sim_hwpt *hwpt,
		   unsigned int level)
{
	struct sim_device *dev;

	if (iommunest__sim_set_reserve(&hwpt->iotlb.tlb.leaves[level]) ||
	    iommunest__sim_set_reserve(&hwpt->iotlb.structures[level]))
		return -ENOMEM;
	for (dev = hwpt->devices; dev; dev = dev->next) {
		if (has_dev_tlb(sim, dev) &&
		    iommunest__sim_set_reserve(&dev->tlb.leaves[level]))
			return -ENOMEM;
	}
	return 0;
}

static void insert(const struct iommunest_sim *sim, struct sim_hwpt *hwpt,
		   unsigned int level, uint64_t addr)
{
	uint64_t leaf = addr >> leaf_shift[level];
	struct sim_device *dev;

	iommunest__sim_set_insert(&hwpt->iotlb.tlb.leaves[level], leaf);
	iommunest__sim_set_insert(&hwpt->iotlb.structures[level],
				  addr >> structure_shift[level]);
	for (dev = hwpt->devices; dev; dev = dev->next) {
		if (has_dev_tlb(sim, dev))
			iommunest__sim_set_insert(&dev->tlb.leaves[level],
						  leaf);
	}
}

static int level_of(unsigned int order)
{
	int level;

	for (level = 0; level < (int)SIM_LEVELS; level++) {
		if (leaf_order[level] == order)
			return level;
	}
	return -EINVAL;
}

EXPORT int iommunest_sim_translate(struct iommunest_sim *sim, int fd,
				   uint32_t hwpt_id, uint64_t addr,
				   unsigned int order)
{
	struct sim_file *file = iommunest__sim_file_get(sim, fd);
	int level = level_of(order);
	struct sim_hwpt *hwpt;
	int ret;

	if (!file)
		return -EBADF;
	hwpt = iommunest__sim_nested_get(file, hwpt_id);
	if (!hwpt)
		return -ENOENT;
	if (level < 0 || !hwpt->devices)
		return -EINVAL;
	ret = reserve(sim, hwpt, (unsigned int)level);
	if (ret)
		return ret;
	insert(sim, hwpt, (unsigned int)level, addr);
	return 0;
}

static bool in_dev_tlb(const struct sim_hwpt *hwpt, uint64_t addr)
{
	const struct sim_device *dev;

	for (dev = hwpt->devices; dev; dev = dev->next) {
		if (has(dev->tlb.leaves, leaf_shift, addr))
			return true;
	}
	return false;
}

static const struct sim_hwpt *find(const struct iommunest_sim *sim, int fd,
				   uint32_t hwpt_id)
{
	const struct sim_file *file = iommunest__sim_file_get(sim, fd);

	return file ? iommunest__sim_nested_get(file, hwpt_id) : NULL;
}

EXPORT unsigned int iommunest_sim_cached(const struct iommunest_sim *sim,
					 int fd, uint32_t hwpt_id,
					 uint64_t addr)
{
	const struct sim_hwpt *hwpt = find(sim, fd, hwpt_id);
	unsigned int where = 0;

	if (!hwpt)
		return 0;
	if (has(hwpt->iotlb.tlb.leaves, leaf_shift, addr))
		where |= IOMMUNEST_SIM_CACHED_LEAF;
	if (has(hwpt->iotlb.structures, structure_shift, addr))
		where |= IOMMUNEST_SIM_CACHED_STRUCTURE;
	if (in_dev_tlb(hwpt, addr))
		where |= IOMMUNEST_SIM_CACHED_DEV_TLB;
	return where;
}

EXPORT size_t iommunest_sim_cached_count(const struct iommunest_sim *sim,
					 int fd, uint32_t hwpt_id)
{
	const struct sim_hwpt *hwpt = find(sim, fd, hwpt_id);
	size_t count = 0;
	unsigned int level;

	for (level = 0; hwpt && level < SIM_LEVELS; level++)
		count += hwpt->iotlb.tlb.leaves[level].count;
	return count;
}
