/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What one entry causes: the profile's driver computes a block of pages, puts
 * descriptors into the host's queue, and the hardware drops what is cached.
 */
#include "flush.h"

#include "cache.h"
#include "device.h"
#include "registers.h"

/* CAP_REG.MAMV does not limit device TLBs. */
static struct sim_block iotlb_block(const struct iommunest_sim *sim,
				    const struct sim_block *block)
{
	const struct sim_block all = { .am = SIM_AM_ALL, .all = true };

	if (sim->profile->heeds_mamv && block->am > iommunest__sim_mamv(sim))
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

/* The hardware goes first: on_desc() may look at the caches. */
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

/* All devices are behind one IOMMU, where they share the HWPT's tag. */
void iommunest__sim_flush(struct iommunest_sim *sim, struct sim_hwpt *hwpt,
			  uint64_t addr, uint64_t npages, bool leaves_only,
			  bool lost)
{
	struct sim_block block, iotlb;
	struct sim_device *dev;

	if (!hwpt->devices)
		return;
	block = sim->profile->widen(addr, npages);
	iotlb = iotlb_block(sim, &block);
	piotlb(sim, hwpt, &iotlb, leaves_only, lost);
	for (dev = hwpt->devices; dev; dev = dev->next) {
		if (iommunest__sim_has_dev_tlb(sim, dev))
			dev_tlb(sim, dev, &block, lost);
	}
}
