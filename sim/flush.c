/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What entries cause: the profile's driver computes a block of pages, puts
 * descriptors into the host's queue, and the hardware drops what is cached.
 */
#include "flush.h"

#include "cache.h"
#include "device.h"
#include "registers.h"
#include "objects.h"
#include "smmu-cache.h"

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

/*
 * The hardware goes first: on_desc() may look at the caches.  Returns whether
 * it refused.
 */
static bool piotlb(struct iommunest_sim *sim, struct sim_hwpt *hwpt,
		   uint32_t pasid, const struct sim_block *block,
		   bool leaves_only, bool lost)
{
	struct iommunest_sim_desc desc = {
		.kind = IOMMUNEST_SIM_PIOTLB_PAGES,
		.hwpt_id = hwpt->obj.id,
		.pasid = pasid,
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
	return desc.refused;
}

/*
 * What an IOTLB descriptor that is not PASID-based can say of a block:
 * CAP_REG.MAMV limits it, and what is larger becomes all of the domain.
 */
static struct sim_block iotlb_block(const struct iommunest_sim *sim,
				    const struct sim_block *block)
{
	if (block->all || block->am > SIM_AM_ALL ||
	    block->am > iommunest__sim_mamv(sim))
		return (struct sim_block){ .am = SIM_AM_ALL, .all = true };
	return *block;
}

static void iotlb(struct iommunest_sim *sim, const struct sim_hwpt *hwpt,
		  const struct sim_block *block, bool leaves_only, bool lost)
{
	const struct sim_block told = iotlb_block(sim, block);
	const struct iommunest_sim_desc desc = {
		.kind = IOMMUNEST_SIM_IOTLB,
		.hwpt_id = hwpt->obj.id,
		.am = told.am,
		.addr = told.addr,
		.ih = leaves_only && !told.all,
		.refused = lost,
	};

	emit(sim, &desc);
}

/* A plain one drops nothing: all that is cached belongs to a PASID. */
static void nested_iotlb(struct iommunest_sim *sim, struct sim_hwpt *hwpt,
			 uint32_t pasid, const struct sim_block *block,
			 struct sim_range_to_flush *range)
{
	if (!sim->profile->plain_iotlb) {
		range->refused |= piotlb(sim, hwpt, pasid, block,
					 range->leaves_only, range->lost);
		return;
	}
	iotlb(sim, hwpt, block, range->leaves_only, range->lost);
	range->refused |= range->lost;
}

static void dev_tlb(struct iommunest_sim *sim, struct sim_device *dev,
		    const struct sim_block *block, bool lost)
{
	const struct iommunest_sim_desc desc = {
		.kind = IOMMUNEST_SIM_DEV_TLB,
		.hwpt_id = dev->hwpt->obj.id,
		.dev_id = dev->obj.id,
		.pasid = dev->pasid,
		.am = block->am,
		.addr = block->addr,
		.refused = lost,
	};

	if (!lost)
		iommunest__sim_tlb_drop(&dev->tlb, block);
	emit(sim, &desc);
}

/* Another one before it in the list has the same. */
static bool shares_pasid(const struct sim_hwpt *hwpt,
			 const struct sim_device *dev)
{
	const struct sim_device *other;

	for (other = hwpt->devices; other != dev; other = other->next) {
		if (other->pasid == dev->pasid)
			return true;
	}
	return false;
}

/* ---- Submissions ---- */

/* Descriptors of one, without the wait. */
#define SUBMISSION_MAX 16u

struct slot {
	struct sim_device *dev;
	struct sim_range_to_flush *range;
	struct sim_block block;
	bool dev_tlb;
};

struct submission {
	struct iommunest_sim *sim;
	struct sim_hwpt *hwpt;
	struct slot slots[SUBMISSION_MAX];
	unsigned int count;
};

/* NULL: all devices answer. */
static struct sim_device *find_silent(struct submission *submission)
{
	unsigned int i;

	for (i = 0; i < submission->count; i++) {
		const struct slot *slot = &submission->slots[i];

		if (slot->dev_tlb && slot->range->silent) {
			slot->range->silent = false;
			return slot->dev;
		}
	}
	return NULL;
}

static void run_slot(const struct submission *submission,
		     const struct slot *slot, bool unanswered)
{
	if (!slot->dev_tlb) {
		nested_iotlb(submission->sim, submission->hwpt,
			     slot->dev->pasid, &slot->block, slot->range);
		return;
	}
	slot->range->unanswered |= unanswered;
	dev_tlb(submission->sim, slot->dev, &slot->block,
		slot->range->lost || unanswered);
}

/* What is for the silent device is repeated, and has no answer as a whole. */
static void run_submission(struct submission *submission)
{
	struct sim_device *silent = find_silent(submission);
	unsigned int i;

	for (i = 0; i < submission->count; i++) {
		const struct slot *slot = &submission->slots[i];

		run_slot(submission, slot,
			 silent && slot->dev->obj.id == silent->obj.id);
	}
	if (silent)
		iommunest__sim_device_break(silent);
	submission->count = 0;
}

static void add_slot(struct submission *submission, struct sim_device *dev,
		     struct sim_range_to_flush *range,
		     const struct sim_block *block, bool dev_tlb)
{
	submission->slots[submission->count++] = (struct slot){
		.dev = dev,
		.range = range,
		.block = *block,
		.dev_tlb = dev_tlb,
	};
	if (submission->count == SUBMISSION_MAX)
		run_submission(submission);
}

/*
 * All devices are behind one IOMMU, where they share the HWPT's tag; it is
 * flushed for each PASID once.
 */
static void add_range(struct submission *submission,
		      struct sim_range_to_flush *range)
{
	const struct iommunest_sim *sim = submission->sim;
	const struct sim_hwpt *hwpt = submission->hwpt;
	const struct sim_block block =
		sim->profile->widen(range->addr, range->npages);
	struct sim_device *dev;

	for (dev = hwpt->devices; dev; dev = dev->next) {
		if (!shares_pasid(hwpt, dev))
			add_slot(submission, dev, range, &block, false);
		if (iommunest__sim_has_dev_tlb(sim, dev))
			add_slot(submission, dev, range, &block, true);
	}
}

void iommunest__sim_flush(struct iommunest_sim *sim, struct sim_hwpt *hwpt,
			  struct sim_range_to_flush *ranges, uint32_t count)
{
	struct submission submission;
	uint32_t i;

	/* The slots stay uninitialised. */
	submission.sim = sim;
	submission.hwpt = hwpt;
	submission.count = 0;
	for (i = 0; i < count && hwpt->devices; i++)
		add_range(&submission, &ranges[i]);
	run_submission(&submission);
}

/* ---- What the driver flushes by itself ---- */

static void paging_iotlb(struct iommunest_sim *sim, struct sim_hwpt *hwpt,
			 uint32_t pasid, const struct sim_block *block)
{
	if (hwpt->first_stage)
		piotlb(sim, hwpt, pasid, block, false, false);
	else
		iotlb(sim, hwpt, block, false, false);
}

static void flush_paging(struct iommunest_sim *sim, struct sim_hwpt *hwpt,
			 const struct sim_block *block)
{
	const struct sim_block told = iotlb_block(sim, block);
	struct sim_device *dev;

	if (!hwpt->first_stage)
		iommunest__sim_iotlb_drop(&hwpt->iotlb, &told, false);
	for (dev = hwpt->devices; dev; dev = dev->next) {
		if (!shares_pasid(hwpt, dev))
			paging_iotlb(sim, hwpt, dev->pasid, block);
		if (iommunest__sim_has_dev_tlb(sim, dev))
			dev_tlb(sim, dev, block, false);
	}
}

/*
 * Hardware knows which addresses after stage 1 it has cached.  A device does
 * not, so its TLB is emptied.
 */
static void flush_nested(struct iommunest_sim *sim, struct sim_hwpt *hwpt,
			 const struct sim_block *block)
{
	const struct sim_block all = { .am = SIM_AM_ALL, .all = true };
	const struct sim_block told = iotlb_block(sim, block);
	struct sim_device *dev;

	if (told.all || sim->profile->smmu)
		iommunest__sim_iotlb_drop(&hwpt->iotlb, &all, false);
	else
		iommunest__sim_iotlb_drop_output(&hwpt->iotlb, &told);
	for (dev = hwpt->devices; dev; dev = dev->next) {
		if (!shares_pasid(hwpt, dev))
			iotlb(sim, hwpt, block, false, false);
		if (iommunest__sim_has_dev_tlb(sim, dev))
			dev_tlb(sim, dev, &all, false);
	}
}

static void flush_of_ioas(struct iommunest_sim *sim, struct sim_object *obj,
			  const struct sim_object *ioas,
			  const struct sim_block *block)
{
	struct sim_hwpt *hwpt = (struct sim_hwpt *)obj;

	/* An SMMUv3 has no command for addresses between the stages. */
	if (obj->type == SIM_HWPT_PAGING && hwpt->base == ioas)
		iommunest__sim_asids_free(&hwpt->asids);
	if (obj->type == SIM_HWPT_PAGING && hwpt->base == ioas && hwpt->devices)
		flush_paging(sim, hwpt, block);
	if (obj->type == SIM_HWPT_NESTED && hwpt->devices &&
	    iommunest__sim_parent(hwpt)->base == ioas)
		flush_nested(sim, hwpt, block);
}

void iommunest__sim_flush_unmapped(struct iommunest_sim *sim,
				   const struct sim_file *file,
				   const struct sim_ioas *ioas, uint64_t first,
				   uint64_t last)
{
	const struct sim_block block = sim->profile->widen(
		first, ((last - first) >> SIM_PAGE_SHIFT) + 1);
	uint32_t id;

	for (id = 0; id < file->object_room; id++) {
		if (file->objects[id])
			flush_of_ioas(sim, file->objects[id], &ioas->obj,
				      &block);
	}
}
