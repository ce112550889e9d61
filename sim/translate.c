/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Fills the caches as a device does, and shows what they hold. */
#include "internal.h"

#include <errno.h>

#include "cache.h"
#include "device.h"
#include "files.h"
#include "lock.h"
#include "objects.h"
#include "smmu.h"
#include "smmu-cache.h"
#include "walk.h"

/* Reserves room in all caches first: a translation is cached in all or none. */
static int reserve(const struct iommunest_sim *sim, struct sim_hwpt *hwpt,
		   unsigned int level)
{
	struct sim_device *dev;

	if (iommunest__sim_iotlb_reserve(&hwpt->iotlb, level))
		return -ENOMEM;
	for (dev = hwpt->devices; dev; dev = dev->next) {
		if (iommunest__sim_has_dev_tlb(sim, dev) && !dev->silent &&
		    iommunest__sim_tlb_reserve(&dev->tlb, level))
			return -ENOMEM;
	}
	return 0;
}

static void insert(const struct iommunest_sim *sim, struct sim_hwpt *hwpt,
		   unsigned int level, uint64_t addr)
{
	const struct sim_entry unknown = { 0 };
	struct sim_device *dev;

	iommunest__sim_iotlb_insert(&hwpt->iotlb, level, addr);
	for (dev = hwpt->devices; dev; dev = dev->next) {
		if (iommunest__sim_has_dev_tlb(sim, dev) && !dev->silent &&
		    !iommunest__sim_tlb_find(&dev->tlb, level, addr))
			iommunest__sim_tlb_insert(&dev->tlb, level, addr,
						  &unknown);
	}
}

static bool can_translate(const struct sim_hwpt *hwpt)
{
	const struct sim_device *dev = hwpt->devices;

	while (dev && (dev->silent || iommunest__sim_is_broken(dev)))
		dev = dev->next;
	return dev;
}

EXPORT int iommunest_sim_translate(struct iommunest_sim *sim, int fd,
				   uint32_t hwpt_id, uint64_t addr,
				   unsigned int order)
{
	SIM_LOCKED(sim);
	struct sim_file *file = iommunest__sim_file_get(sim, fd);
	int level = iommunest__sim_cache_level(order);
	struct sim_hwpt *hwpt;
	int ret;

	if (!file)
		return -EBADF;
	hwpt = iommunest__sim_nested_get(file, hwpt_id);
	if (!hwpt)
		return -ENOENT;
	if (sim->profile->smmu)
		return -EOPNOTSUPP;
	if (level < 0 || !can_translate(hwpt))
		return -EINVAL;
	ret = reserve(sim, hwpt, (unsigned int)level);
	if (ret)
		return ret;
	insert(sim, hwpt, (unsigned int)level, addr);
	return 0;
}

static bool is_in_dev_tlb(const struct sim_hwpt *hwpt, uint64_t addr)
{
	const struct sim_device *dev;

	for (dev = hwpt->devices; dev; dev = dev->next) {
		if (iommunest__sim_tlb_has(&dev->tlb, addr))
			return true;
	}
	return false;
}

/* ---- On an SMMUv3, by the context descriptors of an HWPT's devices ---- */

static unsigned int cached_of_asid(const struct sim_asids *asids, uint32_t asid,
				   uint64_t addr)
{
	unsigned int where = 0;

	if (iommunest__sim_asids_find(asids, asid, addr))
		where |= IOMMUNEST_SIM_CACHED_LEAF;
	if (iommunest__sim_asids_has_table(asids, asid, addr))
		where |= IOMMUNEST_SIM_CACHED_STRUCTURE;
	return where;
}

static unsigned int cached_of_contexts(struct sim_hwpt *hwpt, uint64_t addr)
{
	const struct sim_asids *asids = &iommunest__sim_stage2_of(hwpt)->asids;
	const struct sim_device *dev;
	unsigned int where = 0;

	for (dev = hwpt->devices; dev; dev = dev->next) {
		if (dev->contexts.context.cached)
			where |= IOMMUNEST_SIM_CACHED_CONTEXT |
				 cached_of_asid(asids,
						dev->contexts.context.asid,
						addr);
	}
	return where;
}

/* Two devices may have the same. */
static bool is_counted(const struct sim_hwpt *hwpt,
		       const struct sim_device *dev)
{
	const struct sim_device *other;

	for (other = hwpt->devices; other != dev; other = other->next) {
		if (other->contexts.context.cached &&
		    other->contexts.context.asid == dev->contexts.context.asid)
			return true;
	}
	return false;
}

static size_t count_of_contexts(struct sim_hwpt *hwpt)
{
	const struct sim_asids *asids = &iommunest__sim_stage2_of(hwpt)->asids;
	const struct sim_device *dev;
	size_t count = 0;

	for (dev = hwpt->devices; dev; dev = dev->next) {
		if (dev->contexts.context.cached && !is_counted(hwpt, dev))
			count += iommunest__sim_asids_count(
				asids, dev->contexts.context.asid);
	}
	return count;
}

/* ---- Both ---- */

static struct sim_hwpt *find(const struct iommunest_sim *sim, int fd,
			     uint32_t hwpt_id)
{
	const struct sim_file *file = iommunest__sim_file_get(sim, fd);

	return file ? iommunest__sim_hwpt_get(file, hwpt_id) : NULL;
}

static bool has_asids(const struct iommunest_sim *sim,
		      const struct sim_hwpt *hwpt)
{
	return sim->profile->smmu && iommunest__sim_smmu_has_stage1(hwpt);
}

EXPORT unsigned int iommunest_sim_cached(const struct iommunest_sim *sim,
					 int fd, uint32_t hwpt_id,
					 uint64_t addr)
{
	SIM_LOCKED(sim);
	struct sim_hwpt *hwpt = find(sim, fd, hwpt_id);
	unsigned int where = 0;

	if (!hwpt)
		return 0;
	if (has_asids(sim, hwpt))
		where = cached_of_contexts(hwpt, addr);
	if (iommunest__sim_tlb_has(&hwpt->iotlb.tlb, addr))
		where |= IOMMUNEST_SIM_CACHED_LEAF;
	if (iommunest__sim_iotlb_has_structure(&hwpt->iotlb, addr))
		where |= IOMMUNEST_SIM_CACHED_STRUCTURE;
	if (is_in_dev_tlb(hwpt, addr))
		where |= IOMMUNEST_SIM_CACHED_DEV_TLB;
	return where;
}

EXPORT size_t iommunest_sim_cached_count(const struct iommunest_sim *sim,
					 int fd, uint32_t hwpt_id)
{
	SIM_LOCKED(sim);
	struct sim_hwpt *hwpt = find(sim, fd, hwpt_id);

	if (!hwpt)
		return 0;
	return has_asids(sim, hwpt)
		       ? count_of_contexts(hwpt)
		       : iommunest__sim_tlb_count(&hwpt->iotlb.tlb);
}

EXPORT unsigned int iommunest_sim_cached_asid(const struct iommunest_sim *sim,
					      int fd, uint32_t viommu_id,
					      uint32_t asid, uint64_t addr)
{
	SIM_LOCKED(sim);
	const struct sim_file *file = iommunest__sim_file_get(sim, fd);
	const struct sim_viommu *viommu =
		file ? iommunest__sim_viommu_get(file, viommu_id) : NULL;

	if (!viommu || asid > UINT16_MAX)
		return 0;
	return cached_of_asid(&viommu->parent->asids, asid, addr);
}
