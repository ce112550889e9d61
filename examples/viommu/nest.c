/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * From the guest's tables to a nested HWPT.
 * Tables: VT-d specification, chapters 3 and 9, scalable mode.
 */
#include <errno.h>
#include <string.h>

#include "regs.h"

/* Width of the machine's guest physical addresses. */
#define GPA_BITS 39u

#define PRESENT UINT64_C(1)
#define TABLE (~UINT64_C(0xfff))

/* ---- What the guest wants ---- */

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

/*
 * The nested HWPT that the guest's tables ask for; false: none, or one that
 * the host cannot give, and the device's DMA is to be blocked.
 */
static bool find_nest(const struct viommu *viommu, struct viommu_nest *nest)
{
	struct iommunest_vtd_pasid_entry entry =
		IOMMUNEST_INIT(struct iommunest_vtd_pasid_entry);
	uint64_t words[8];
	uint32_t reason;
	int ret;

	*nest = (struct viommu_nest){ .s1.size = sizeof(nest->s1) };
	if (!viommu_is_set(viommu, REG_GSTS, GCMD_TE) ||
	    (viommu->root & RTADDR_TTM) != RTADDR_TTM_SCALABLE ||
	    !find_entry(viommu, words))
		return false;
	iommunest_vtd_pasid_decode(&entry, words);
	ret = iommunest_vtd_pasid_to_s1(&entry, &viommu->config.info, GPA_BITS,
					&nest->s1, &reason);
	if (ret && reason != IOMMUNEST_VTD_PASID_REASON_NOT_PRESENT)
		viommu_note(viommu, "PASID-table entry refused: %s",
			    iommunest_vtd_pasid_reason_text(reason));
	nest->did = entry.did;
	return !ret;
}

static bool is_same(const struct viommu_nest *a, const struct viommu_nest *b)
{
	return a->did == b->did && a->pasid == b->pasid &&
	       a->s1.pgtbl_addr == b->s1.pgtbl_addr &&
	       a->s1.addr_width == b->s1.addr_width &&
	       a->s1.flags == b->s1.flags;
}

/* ---- What it gets ---- */

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

/* The engine forgets it first: it would flush what is not there any more. */
static int drop(struct viommu *viommu, uint32_t hwpt_id)
{
	const struct iommunest_vtd_target target = target_of(viommu, hwpt_id);

	if (!hwpt_id)
		return 0;
	viommu_note(viommu, "hwpt %u goes", hwpt_id);
	/* If the engine was never told of it, this fails and does no harm. */
	iommunest_vtd_iq_forget(viommu->iq, &target);
	return iommunest_object_destroy(viommu->config.ctx, hwpt_id);
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

/*
 * The engine knows the new HWPT before the device uses it, and the old one is
 * destroyed after the device has left it: nothing is ever cached that no
 * descriptor would reach.
 */
static int enter(struct viommu *viommu, struct viommu_nest *nest)
{
	const struct viommu_config *config = &viommu->config;
	uint32_t old = viommu->nest.hwpt_id;
	uint32_t pt_id;
	int ret;

	ret = iommunest_vtd_hwpt_alloc(config->ctx, config->dev_id,
				       config->parent_id, &nest->s1,
				       &nest->hwpt_id);
	if (ret)
		return ret;
	ret = tell_engine(viommu, nest);
	pt_id = nest->hwpt_id;
	if (!ret)
		ret = iommunest_vfio_attach(config->ctx, config->device_fd,
					    &pt_id);
	if (ret) {
		drop(viommu, nest->hwpt_id);
		return ret;
	}
	viommu_note(viommu, "hwpt %u is domain id %u, PASID %u", nest->hwpt_id,
		    nest->did, nest->pasid);
	viommu->nest = *nest;
	return drop(viommu, old);
}

/* Without translation a device sees guest memory; without an entry, none. */
static int leave(struct viommu *viommu)
{
	const struct viommu_config *config = &viommu->config;
	uint32_t old = viommu->nest.hwpt_id;
	uint32_t pt_id = config->parent_id;
	int ret;

	if (viommu_is_set(viommu, REG_GSTS, GCMD_TE))
		ret = iommunest_vfio_detach(config->ctx, config->device_fd);
	else
		ret = iommunest_vfio_attach(config->ctx, config->device_fd,
					    &pt_id);
	if (ret)
		return ret;
	viommu->nest = (struct viommu_nest){ 0 };
	return drop(viommu, old);
}

/* A device that is detached reaches nothing, and has nothing cached. */
int viommu_nest_cut_off(struct viommu *viommu)
{
	const struct viommu_config *config = &viommu->config;
	uint32_t old = viommu->nest.hwpt_id;
	int ret;

	ret = iommunest_vfio_detach(config->ctx, config->device_fd);
	if (ret)
		return ret;
	viommu_note(viommu, "the device is cut off");
	viommu->nest = (struct viommu_nest){ 0 };
	/* What cannot be destroyed is in nobody's way. */
	drop(viommu, old);
	return 0;
}

int viommu_nest_update(struct viommu *viommu)
{
	struct viommu_nest nest;

	if (!find_nest(viommu, &nest))
		return leave(viommu);
	if (viommu->nest.hwpt_id && is_same(&nest, &viommu->nest))
		return 0;
	return enter(viommu, &nest);
}
