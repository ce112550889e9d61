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

/* The largest address mask that some versions of QEMU take. */
#define QEMU_AM_MAX 18u

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
	return sim->flags & IOMMUNEST_SIM_QEMU_AM_18 && !block->all &&
	       block->am > QEMU_AM_MAX;
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

/*
 * Drops nothing: all that is cached belongs to a PASID.  CAP_REG.MAMV limits
 * this kind, and what is larger becomes all of the domain.
 */
static void plain_iotlb(struct iommunest_sim *sim, const struct sim_hwpt *hwpt,
			const struct sim_block *block, bool leaves_only,
			bool lost)
{
	struct iommunest_sim_desc desc = {
		.kind = IOMMUNEST_SIM_IOTLB,
		.hwpt_id = hwpt->obj.id,
		.am = block->am,
		.addr = block->addr,
		.ih = leaves_only,
		.refused = lost,
	};

	if (block->all || block->am > SIM_AM_ALL ||
	    block->am > iommunest__sim_mamv(sim)) {
		desc.am = SIM_AM_ALL;
		desc.addr = 0;
		desc.ih = false;
	}
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
	struct sim_block block;
	struct sim_device *dev;

	if (!hwpt->devices)
		return;
	block = sim->profile->widen(addr, npages);
	if (sim->profile->plain_iotlb)
		plain_iotlb(sim, hwpt, &block, leaves_only, lost);
	else
		piotlb(sim, hwpt, &block, leaves_only, lost);
	for (dev = hwpt->devices; dev; dev = dev->next) {
		if (iommunest__sim_has_dev_tlb(sim, dev))
			dev_tlb(sim, dev, &block, lost);
	}
}
