/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What one entry becomes: a block, as the profile's driver computes it, then
 * descriptors in the host's queue, and what the hardware makes of them.
 */
#include "flush.h"

#include "cache.h"
#include "registers.h"

/* The smallest n with 2^n >= @pages; 0 for 0. */
static unsigned int order_up(uint64_t pages)
{
	return pages <= 1 ? 0 : 64u - (unsigned int)__builtin_clzll(pages - 1);
}

/*
 * 6.12 rounds the number of pages up, and widens further where the range is
 * not aligned to that.  It counts pages in 64 bits of bytes, so 2^52 of them
 * are none; and none rounds up to one, because the shift by 64 in between is
 * one by 0 on x86.  The order can reach 53: the carry of a range that passes
 * 2^64 is not lost.
 */
static struct sim_block block_6_12(uint64_t addr, uint64_t npages)
{
	uint64_t pages = (npages << SIM_PAGE_SHIFT) >> SIM_PAGE_SHIFT;
	uint64_t pfn = addr >> SIM_PAGE_SHIFT;
	struct sim_block block = { .addr = 0, .am = order_up(pages) };
	uint64_t below = (1ull << block.am) - 1;

	if (pfn & below) {
		uint64_t same = ~(pfn ^ (pfn + pages - 1)) & ~below;

		block.am = (unsigned int)__builtin_ctzll(same);
	}
	if (block.am < SIM_AM_ALL)
		block.addr = addr >> (block.am + SIM_PAGE_SHIFT)
					     << (block.am + SIM_PAGE_SHIFT);
	return block;
}

/* 7.3 takes the highest bit in which the first and last byte differ. */
static struct sim_block block_7_3(uint64_t addr, uint64_t npages)
{
	uint64_t last = addr + (npages << SIM_PAGE_SHIFT) - 1;
	uint64_t differ = (addr ^ last) | (SIM_PAGE_SIZE - 1);
	unsigned int bits = 64u - (unsigned int)__builtin_clzll(differ);
	struct sim_block block = { .am = bits - SIM_PAGE_SHIFT };

	if (bits == 64)
		block.all = true;
	else
		block.addr = addr >> bits << bits;
	return block;
}

static struct sim_block block_of(const struct iommunest_sim *sim, uint64_t addr,
				 uint64_t npages)
{
	if (sim_is_6_12(sim) && !sim_is_patched(sim))
		return block_6_12(addr, npages);
	return block_7_3(addr, npages);
}

/*
 * The patched drivers do not send the IOTLB a mask that the hardware has not;
 * those of device TLBs have no such limit.
 */
static struct sim_block iotlb_block(const struct iommunest_sim *sim,
				    const struct sim_block *block)
{
	const struct sim_block all = { .am = SIM_AM_ALL, .all = true };

	if (sim_is_patched(sim) && block->am > iommunest__sim_mamv(sim))
		return all;
	return *block;
}

static void emit(struct iommunest_sim *sim,
		 const struct iommunest_sim_desc *desc)
{
	sim->stats.descs++;
	if (desc->refused)
		sim->stats.refused++;
	if (sim->on_desc)
		sim->on_desc(sim->on_desc_user, desc);
}

static bool is_refused(const struct iommunest_sim *sim,
		       const struct sim_block *block)
{
	return sim->flags & IOMMUNEST_SIM_CHECK_MAMV && !block->all &&
	       block->am > iommunest__sim_mamv(sim);
}

/* The hardware's part comes first: whoever is told can look at the caches. */
static void piotlb(struct iommunest_sim *sim, struct sim_hwpt *hwpt,
		   const struct sim_block *block, bool leaves_only, bool lost)
{
	struct iommunest_sim_desc desc = {
		.kind = IOMMUNEST_SIM_PIOTLB_PAGES,
		.hwpt_id = hwpt->obj.id,
		.am = block->am,
		.addr = block->addr,
		.ih = leaves_only,
		.refused = lost || is_refused(sim, block),
	};

	if (block->all) {
		desc.kind = IOMMUNEST_SIM_PIOTLB_ALL;
		desc.am = 0;
		desc.ih = false;
	}
	if (!desc.refused)
		iommunest__sim_iotlb_drop(&hwpt->iotlb, block, desc.ih);
	emit(sim, &desc);
}

static void dev_tlb(struct iommunest_sim *sim, struct sim_device *dev,
		    const struct sim_block *block, bool lost)
{
	const struct iommunest_sim_desc desc = {
		.kind = IOMMUNEST_SIM_DEV_TLB,
		.hwpt_id = dev->hwpt->obj.id,
		.dev_id = dev->obj.id,
		.am = block->am,
		.addr = block->addr,
		.refused = lost,
	};

	if (!lost)
		iommunest__sim_tlb_drop(&dev->tlb, block);
	emit(sim, &desc);
}

/*
 * All devices are behind one IOMMU and share the HWPT's tag there.  6.12
 * leaves ATS off for nested HWPTs.
 */
void iommunest__sim_flush(struct iommunest_sim *sim, struct sim_hwpt *hwpt,
			  uint64_t addr, uint64_t npages, bool leaves_only,
			  bool lost)
{
	struct sim_block block, iotlb;
	struct sim_device *dev;

	if (!hwpt->devices)
		return;
	block = block_of(sim, addr, npages);
	iotlb = iotlb_block(sim, &block);
	piotlb(sim, hwpt, &iotlb, leaves_only, lost);
	if (sim_is_6_12(sim))
		return;
	for (dev = hwpt->devices; dev; dev = dev->next) {
		if (dev->ats)
			dev_tlb(sim, dev, &block, lost);
	}
}
