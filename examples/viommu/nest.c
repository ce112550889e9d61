/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * From the guest's tables to what its device is attached to.
 * Tables: VT-d specification, chapters 3 and 9, scalable mode.
 *
 * What the guest wants is found anew, from its registers and tables, whenever
 * they may have changed; then the device is moved from where it is to there.
 * Whatever fails on this way, it never keeps what the guest took away: it is
 * detached, and the guest reads of a fault.
 */
#include <errno.h>
#include <string.h>

#include "regs.h"

/* Width of the machine's guest physical addresses. */
#define GPA_BITS 39u

#define PRESENT UINT64_C(1)
#define TABLE (~UINT64_C(0xfff))

/* ---- What the guest wants ---- */

struct wanted {
	struct viommu_nest nest;
	/* Why the device is blocked, FAULT_*, if the guest is to be told. */
	uint32_t fault;
};

/*
 * The address in entry @index of a table, if it is present.  A table outside
 * of memory has no entry that is.
 */
static bool next_table(const struct viommu *viommu, uint64_t *table,
		       uint32_t index, size_t entry_size)
{
	uint64_t word;

	if (viommu_read_memory(viommu, *table + index * entry_size, &word,
			       sizeof(word)))
		return false;
	*table = word & TABLE;
	return word & PRESENT;
}

/* Root table, context table, PASID directory, PASID table. */
static bool find_entry(const struct viommu *viommu, uint64_t words[8])
{
	const uint32_t bus = VIOMMU_SID >> 8, devfn = VIOMMU_SID & 0xff;
	/* Without RID-PASID in ECAP_REG, requests without one have PASID 0. */
	const uint32_t pasid = 0;
	uint64_t table = viommu->root & TABLE;

	/* A root entry has two words: devices 0 to 15, and 16 to 31. */
	return next_table(viommu, &table, 2 * bus + (devfn >> 7), 8) &&
	       next_table(viommu, &table, devfn & 0x7f, 32) &&
	       next_table(viommu, &table, pasid >> 6, 8) &&
	       !viommu_read_memory(viommu, table + (pasid & 0x3f) * 64, words,
				   64);
}

/* A PASID-table entry is copied once, then judged, and only the copy is used.
 */
static void judge(const struct viommu *viommu, const uint64_t words[8],
		  struct wanted *want)
{
	struct iommunest_vtd_pasid_entry entry =
		IOMMUNEST_INIT(struct iommunest_vtd_pasid_entry);
	uint32_t reason;
	int ret;

	iommunest_vtd_pasid_decode(&entry, words);
	ret = iommunest_vtd_pasid_to_s1(&entry, &viommu->device.info, GPA_BITS,
					&want->nest.s1, &reason);
	want->nest.did = entry.did;
	if (!ret) {
		want->nest.dma = VIOMMU_NESTED;
		return;
	}
	/* No table of the guest's: what nothing else is wrong with. */
	if (reason == IOMMUNEST_VTD_PASID_REASON_TYPE &&
	    entry.pgtt == IOMMUNEST_VTD_PGTT_PASS_THROUGH) {
		want->nest.dma = VIOMMU_PARENT;
		return;
	}
	if (reason == IOMMUNEST_VTD_PASID_REASON_NOT_PRESENT)
		return;
	viommu_note(viommu, "PASID-table entry refused: %s",
		    iommunest_vtd_pasid_reason_text(reason));
	/* FPD: the guest wants to know of no faults of this entry. */
	if (!entry.fpd)
		want->fault = reason == IOMMUNEST_VTD_PASID_REASON_RESERVED
				      ? FAULT_ENTRY_RESERVED
				      : FAULT_ENTRY_INVALID;
}

/* Without translation a device sees guest memory; without an entry, nothing. */
static void find_wanted(const struct viommu *viommu, struct wanted *want)
{
	uint64_t words[8];

	*want = (struct wanted){
		.nest = { .dma = VIOMMU_BLOCKED,
			  .s1.size = sizeof(want->nest.s1) },
	};
	if (!viommu_is_set(viommu, REG_GSTS, GCMD_TE))
		want->nest.dma = VIOMMU_PARENT;
	else if (IOMMUNEST_VTD_RTADDR_TTM(viommu->root) !=
		 IOMMUNEST_VTD_TTM_SCALABLE)
		viommu_note(viommu, "nothing is nested in this mode");
	else if (find_entry(viommu, words))
		judge(viommu, words, want);
}

/* All of what the entry has and the host gets, changed in place or not. */
static bool is_same(const struct viommu_nest *a, const struct viommu_nest *b)
{
	if (a->dma != b->dma)
		return false;
	if (a->dma != VIOMMU_NESTED)
		return true;
	return a->did == b->did && a->pasid == b->pasid &&
	       a->s1.pgtbl_addr == b->s1.pgtbl_addr &&
	       a->s1.addr_width == b->s1.addr_width &&
	       a->s1.flags == b->s1.flags;
}

/* ---- The host ---- */

/* How often it is asked for what it may be able to do a moment later. */
#define TRIES 4u

static bool may_try_again(int ret, unsigned int *tries)
{
	return (ret == -ENOMEM || ret == -EBUSY || ret == -EINTR) &&
	       ++*tries < TRIES;
}

/* One context, so that the HWPT's id names it well enough. */
static struct iommunest_vtd_target target_of(const struct viommu *viommu,
					     uint32_t hwpt_id)
{
	return (struct iommunest_vtd_target){
		.size = sizeof(struct iommunest_vtd_target),
		.ctx = viommu->config.ctx,
		.hwpt_id = hwpt_id,
		.cookie = hwpt_id,
	};
}

/*
 * The device has left it.  The engine forgets it first: it would flush what is
 * not there any more.  One that cannot be destroyed is in nobody's way, except
 * that it has the parent in use.
 */
static void drop(struct viommu *viommu, uint32_t hwpt_id)
{
	const struct iommunest_vtd_target target = target_of(viommu, hwpt_id);
	unsigned int tries = 0;
	int ret;

	if (!hwpt_id)
		return;
	/* If the engine was never told of it, this fails and does no harm. */
	iommunest_vtd_iq_forget(viommu->iq, &target);
	do
		ret = iommunest_object_destroy(viommu->config.ctx, hwpt_id);
	while (may_try_again(ret, &tries));
	viommu_note(viommu, "hwpt %u %s%s", hwpt_id,
		    ret ? "cannot be destroyed: " : "goes",
		    ret ? strerror(-ret) : "");
}

/*
 * The domain id and PASID that PASID-based IOTLB descriptors will name, and
 * the source id of device-TLB descriptors, which have no PASID here.
 */
static int tell_engine(struct viommu *viommu, const struct viommu_nest *nest)
{
	const struct iommunest_vtd_target target =
		target_of(viommu, nest->hwpt_id);
	int ret;

	ret = iommunest_vtd_iq_add_scope(viommu->iq, nest->did, nest->pasid,
					 &target);
	if (ret)
		return ret;
	return iommunest_vtd_iq_add_device(viommu->iq, VIOMMU_SID,
					   IOMMUNEST_VTD_NO_PASID, &target);
}

static int attach(const struct viommu *viommu, uint32_t pt_id)
{
	return iommunest_vfio_attach(viommu->config.ctx, viommu->device.fd,
				     &pt_id);
}

/* ---- Moving the device ---- */

/*
 * The engine knows the new HWPT before the device uses it, and forgets the old
 * one after the device has left it: nothing is ever cached that no descriptor
 * would reach.
 */
static int enter(struct viommu *viommu, struct viommu_nest *nest)
{
	const struct viommu_device *device = &viommu->device;
	int ret;

	ret = iommunest_vtd_hwpt_alloc(viommu->config.ctx, device->dev_id,
				       device->parent_id, &nest->s1,
				       &nest->hwpt_id);
	if (ret)
		return ret;
	ret = tell_engine(viommu, nest);
	if (!ret)
		ret = attach(viommu, nest->hwpt_id);
	if (ret)
		drop(viommu, nest->hwpt_id);
	return ret;
}

static int try_to_move(struct viommu *viommu, struct viommu_nest *nest)
{
	const struct viommu_device *device = &viommu->device;

	switch (nest->dma) {
	case VIOMMU_NESTED:
		return enter(viommu, nest);
	case VIOMMU_PARENT:
		return attach(viommu, device->parent_id);
	default:
		return iommunest_vfio_detach(viommu->config.ctx, device->fd);
	}
}

static void note_move(const struct viommu *viommu)
{
	const struct viommu_nest *nest = &viommu->nest;

	if (nest->dma == VIOMMU_NESTED)
		viommu_note(viommu, "hwpt %u is domain id %u, PASID %u",
			    nest->hwpt_id, nest->did, nest->pasid);
	else
		viommu_note(viommu, nest->dma == VIOMMU_PARENT
					    ? "the device sees guest memory"
					    : "the device is blocked");
}

static int move(struct viommu *viommu, const struct viommu_nest *to)
{
	uint32_t old = viommu->nest.hwpt_id;
	struct viommu_nest nest = *to;
	unsigned int tries = 0;
	int ret;

	if (is_same(to, &viommu->nest))
		return 0;
	do
		ret = try_to_move(viommu, &nest);
	while (may_try_again(ret, &tries));
	if (ret) {
		/* It is where it was, or blocked: drivers differ. */
		viommu->nest.dma = VIOMMU_UNKNOWN;
		return ret;
	}
	viommu->nest = nest;
	note_move(viommu);
	drop(viommu, old);
	return 0;
}

/* A device that is detached reaches nothing, and has nothing cached. */
static int block(struct viommu *viommu)
{
	const struct viommu_nest blocked = { .dma = VIOMMU_BLOCKED };

	return move(viommu, &blocked);
}

/* To the guest it is as if its IOMMU could not read the entry. */
int viommu_nest_cut_off(struct viommu *viommu)
{
	int ret = block(viommu);

	if (!ret && viommu_is_set(viommu, REG_GSTS, GCMD_TE))
		viommu_record_fault(viommu, FAULT_ENTRY_ACCESS);
	return ret;
}

int viommu_nest_update(struct viommu *viommu)
{
	struct wanted want;
	int ret;

	if (!viommu->plugged)
		return 0;
	find_wanted(viommu, &want);
	ret = move(viommu, &want.nest);
	if (ret) {
		viommu_note(viommu, "the host cannot do it: %s",
			    strerror(-ret));
		return viommu_nest_cut_off(viommu);
	}
	if (want.fault)
		viommu_record_fault(viommu, want.fault);
	return 0;
}

/* ---- Plugging ---- */

/* The guest was shown CAP_REG and ECAP_REG before the device came. */
static int check_host(const struct viommu *viommu,
		      const struct iommunest_hw_info *info)
{
	const struct iommunest_vtd_guest guest = {
		.size = sizeof(guest),
		.cap = viommu_get64(viommu, REG_CAP),
		.ecap = viommu_get64(viommu, REG_ECAP),
	};
	uint64_t reasons;
	unsigned int i;
	int ret;

	ret = iommunest_vtd_guest_check(info, &guest, &reasons);
	for (i = 0; ret > 0 && i < 64; i++)
		if (reasons & UINT64_C(1) << i)
			viommu_note(viommu, "%s",
				    iommunest_vtd_guest_reason_text(UINT64_C(1)
								    << i));
	return ret > 0 ? -EOPNOTSUPP : ret;
}

/*
 * Where the guest has translation on already, the device goes from nothing to
 * what its entry says, and sees no more of memory on the way.
 */
int viommu_plug(struct viommu *viommu, const struct viommu_device *device)
{
	int ret;

	if (viommu->plugged)
		return -EBUSY;
	ret = check_host(viommu, &device->info);
	if (ret)
		return ret;
	viommu->device = *device;
	viommu->nest = (struct viommu_nest){ .dma = VIOMMU_UNKNOWN };
	viommu->plugged = true;
	return viommu_nest_update(viommu);
}

/*
 * Not back to the parent: the guest's DMA may go on until the device is reset,
 * and would see all of memory.
 */
int viommu_unplug(struct viommu *viommu)
{
	int ret;

	if (!viommu->plugged)
		return 0;
	ret = block(viommu);
	if (!ret)
		viommu->plugged = false;
	return ret;
}
