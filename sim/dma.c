/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A device reads and writes memory.  What it finds in a TLB it uses, whatever
 * the tables say by then; what a walk finds is cached.
 */
#include "internal.h"

#include <errno.h>

#include "cache.h"
#include "device.h"
#include "files.h"
#include "lock.h"
#include "objects.h"
#include "page-request.h"
#include "smmu.h"
#include "smmu-event.h"
#include "smmu-walk.h"
#include "stage2.h"
#include "user-memory.h"
#include "walk.h"

/* A transfer of a device. */
struct transfer {
	struct sim_access access;
	struct sim_attachment attachment;
	const struct sim_file *file;
	struct sim_device *dev;
	uint32_t pasid;
	uint8_t *buf;
	size_t len;
	size_t done;
};

static const struct sim_entry *find_in(const struct transfer *transfer,
				       const struct sim_tlb *tlb,
				       unsigned int *level)
{
	const struct sim_access *access = &transfer->access;

	for (*level = 0; *level < SIM_LEVELS; ++*level) {
		const struct sim_entry *leaf =
			iommunest__sim_tlb_find(tlb, *level, access->iova);

		if (leaf && iommunest__sim_leaf_allows(access, leaf->flags))
			return leaf;
	}
	return NULL;
}

/* A device with a TLB of its own looks there first. */
static const struct sim_entry *find_cached(const struct transfer *transfer,
					   unsigned int *level)
{
	const struct sim_tlb *own = transfer->attachment.tlb;
	const struct sim_entry *leaf =
		own ? find_in(transfer, own, level) : NULL;

	if (leaf)
		return leaf;
	return find_in(transfer, &transfer->access.hwpt->iotlb.tlb, level);
}

static int reserve(const struct transfer *transfer, unsigned int level)
{
	struct sim_tlb *own = transfer->attachment.tlb;

	if (iommunest__sim_tlb_reserve(&transfer->access.hwpt->iotlb.tlb,
				       level))
		return -ENOMEM;
	return own ? iommunest__sim_tlb_reserve(own, level) : 0;
}

static int cache(const struct transfer *transfer, unsigned int level,
		 const struct sim_entry *leaf)
{
	const struct sim_access *access = &transfer->access;

	if (reserve(transfer, level))
		return -ENOMEM;
	iommunest__sim_tlb_insert(&access->hwpt->iotlb.tlb, level, access->iova,
				  leaf);
	if (transfer->attachment.tlb)
		iommunest__sim_tlb_insert(transfer->attachment.tlb, level,
					  access->iova, leaf);
	return 0;
}

/* Stage 1 can be changed so that the access succeeds. */
static bool is_guests(uint32_t reason)
{
	return reason == IOMMUNEST_SIM_DMA_NOT_PRESENT ||
	       reason == IOMMUNEST_SIM_DMA_PERMISSION;
}

static uint32_t wanted(const struct sim_access *access)
{
	return (access->write ? IOMMU_PGFAULT_PERM_WRITE
			      : IOMMU_PGFAULT_PERM_READ) |
	       (access->privileged ? IOMMU_PGFAULT_PERM_PRIV : 0);
}

/*
 * The device got no translation.  One that makes page requests asks for the
 * page, and the access fails nevertheless: it is tried again after the answer.
 */
static int miss(struct transfer *transfer, int error)
{
	const struct sim_access *access = &transfer->access;
	int ret;

	if (error != -EFAULT || !is_guests(access->reason) ||
	    !transfer->attachment.tlb || !access->hwpt->fault_queue ||
	    !transfer->dev->pri)
		return error;
	ret = iommunest__sim_ask_for_page(access->sim, transfer->dev,
					  transfer->pasid, access->iova,
					  wanted(access));
	return ret == -ENOMEM ? ret : error;
}

static int translate(struct transfer *transfer, struct sim_entry *leaf,
		     unsigned int *level)
{
	const struct sim_entry *cached = find_cached(transfer, level);
	int ret;

	if (cached) {
		*leaf = *cached;
		return transfer->attachment.tlb ? cache(transfer, *level, leaf)
						: 0;
	}
	ret = iommunest__sim_walk(&transfer->access, leaf, level);
	if (ret)
		return miss(transfer, ret);
	return cache(transfer, *level, leaf);
}

/* Its IOTLB is by ASID, and not by HWPT. */
static int translate_smmu(struct transfer *transfer, struct sim_entry *page,
			  unsigned int *level)
{
	struct sim_access *access = &transfer->access;
	struct sim_tlb *own = transfer->attachment.tlb;
	const struct sim_entry *cached =
		own ? find_in(transfer, own, level) : NULL;
	int ret;

	if (cached) {
		*page = *cached;
		return 0;
	}
	*level = 0;
	if (own && iommunest__sim_tlb_reserve(own, *level))
		return -ENOMEM;
	ret = iommunest__sim_smmu_translate(access, transfer->dev, page);
	if (ret)
		iommunest__sim_smmu_report(access, transfer->file,
					   transfer->dev, own);
	if (ret)
		return ret;
	if (own)
		iommunest__sim_tlb_insert(own, *level, access->iova, page);
	return 0;
}

static int translate_any(struct transfer *transfer, struct sim_entry *leaf,
			 unsigned int *level)
{
	const struct sim_access *access = &transfer->access;

	return access->sim->profile->smmu &&
			       iommunest__sim_smmu_has_stage1(access->hwpt)
		       ? translate_smmu(transfer, leaf, level)
		       : translate(transfer, leaf, level);
}

/* @addr is after stage 1. */
static int move(struct transfer *transfer, uint64_t addr, uint64_t host,
		size_t len)
{
	struct sim_access *access = &transfer->access;
	uint8_t *ours = transfer->buf + transfer->done;
	int ret = 0;

	if (access->write)
		ret = iommunest__sim_mark_dirty(
			iommunest__sim_stage2_of(access->hwpt), addr);
	if (ret)
		return ret;
	ret = access->write
		      ? iommunest__sim_user_put(access->sim, host, ours, len)
		      : iommunest__sim_user_read(access->sim, ours, host, len);
	return ret ? iommunest__sim_refuse(access,
					   IOMMUNEST_SIM_DMA_HOST_MEMORY, addr)
		   : 0;
}

static int move_in_page(struct transfer *transfer)
{
	const uint64_t iova = transfer->access.iova;
	size_t len = SIM_PAGE_SIZE - (iova & (SIM_PAGE_SIZE - 1));
	struct sim_entry leaf;
	unsigned int level;
	uint64_t offset;
	int ret = translate_any(transfer, &leaf, &level);

	if (ret)
		return ret;
	if (len > transfer->len - transfer->done)
		len = transfer->len - transfer->done;
	offset = iova & ((1ull << iommunest__sim_leaf_shift(level)) - 1);
	ret = move(transfer, leaf.addr + offset, leaf.host + offset, len);
	if (ret)
		return ret;
	transfer->done += len;
	transfer->access.iova += len;
	return 0;
}

static int run(struct transfer *transfer)
{
	int ret = 0;

	if (!transfer->access.hwpt)
		return iommunest__sim_refuse(&transfer->access,
					     IOMMUNEST_SIM_DMA_BLOCKED,
					     transfer->access.iova);
	while (!ret && transfer->done < transfer->len)
		ret = move_in_page(transfer);
	return ret;
}

static int start(struct iommunest_sim *sim, int fd,
		 const struct iommunest_sim_dma *dma, struct transfer *transfer)
{
	const struct sim_file *file = iommunest__sim_iommufd_get(sim, fd);
	struct sim_device *dev;

	if (!file)
		return -EBADF;
	dev = iommunest__sim_device_get(file, dma->dev_id);
	if (!dev)
		return -ENOENT;
	transfer->file = file;
	transfer->dev = dev;
	transfer->pasid = dma->pasid;
	transfer->attachment = iommunest__sim_attachment(sim, dev, dma->pasid);
	transfer->access.sim = sim;
	transfer->access.hwpt = transfer->attachment.hwpt;
	transfer->access.iova = dma->iova;
	transfer->access.privileged = dma->flags & IOMMUNEST_SIM_DMA_PRIVILEGED;
	return run(transfer);
}

static int access_memory(struct iommunest_sim *sim, int fd,
			 struct iommunest_sim_dma *dma,
			 struct transfer *transfer)
{
	SIM_LOCKED(sim);
	struct iommunest_sim_dma copy;
	int ret;

	if (!sim || !dma || (!transfer->buf && transfer->len > 0))
		return -EINVAL;
	ret = iommunest_copy_in(&copy, sizeof(copy), dma,
				END_OF(struct iommunest_sim_dma, fault_addr));
	if (ret)
		return ret;
	if (copy.flags & ~IOMMUNEST_SIM_DMA_PRIVILEGED)
		return -EINVAL;
	ret = start(sim, fd, &copy, transfer);
	copy.reason = transfer->access.reason;
	copy.done = transfer->done;
	copy.fault_addr = transfer->access.fault_addr;
	iommunest_copy_out(dma, &copy, sizeof(copy));
	return ret;
}

EXPORT int iommunest_sim_dma_read(struct iommunest_sim *sim, int fd,
				  struct iommunest_sim_dma *dma, void *buf,
				  size_t len)
{
	struct transfer transfer = { .buf = buf, .len = len };

	return access_memory(sim, fd, dma, &transfer);
}

/* The buffer is only read. */
EXPORT int iommunest_sim_dma_write(struct iommunest_sim *sim, int fd,
				   struct iommunest_sim_dma *dma,
				   const void *buf, size_t len)
{
	struct transfer transfer = {
		.access.write = true,
		.buf = (uint8_t *)(uintptr_t)buf,
		.len = len,
	};

	return access_memory(sim, fd, dma, &transfer);
}
