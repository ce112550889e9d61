/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "life.h"

#include "tests/harness/support.h"
#include "tests/harness/target.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The guest's memory: some pages, and where the guest sees them. */
#define MEMORY 0x40000ull
#define MEMORY_AT 0x100000ull
/* Its stage 1, and its queue. */
#define ROOT_AT(stage) (MEMORY_AT + 0x1000ull * ((stage) + 1))
#define RING_AT 0x10000ull
#define STATUS_AT 0x20000ull
#define DID 7

/* ---- From the device to a stage 1 ---- */

/* Without a node of its own, it lives in an iommufd that is there. */
static int open_iommu(struct life *life)
{
	const struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = life->sys,
		.sys_data = life->sys_data,
	};

	if (life->node)
		return iommunest_open(&life->ctx, &options);
	return iommunest_open_fd(&life->ctx, life->device.iommu, &options);
}

static int open_device(struct life *life)
{
	if (!life->node)
		return 0;
	return iommunest_vfio_open(life->ctx, life->node, &life->device.fd,
				   &life->device.dev);
}

static int ask_hw_info(struct life *life)
{
	int ret;

	life->info.size = sizeof(life->info);
	ret = iommunest_hw_info(life->ctx, life->device.dev, &life->info);
	if (!ret)
		life->device.pasids = life->info.max_pasid_log2 > 0;
	return ret;
}

static int alloc_ioas(struct life *life)
{
	return iommunest_ioas_alloc(life->ctx, &life->ioas);
}

static int get_memory(struct life *life)
{
	life->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (life->memory != MAP_FAILED)
		return 0;
	life->memory = NULL;
	return -ENOMEM;
}

static int map_memory(struct life *life)
{
	uint64_t iova = MEMORY_AT;
	int ret = iommunest_ioas_map(
		life->ctx, life->ioas, life->memory, MEMORY,
		IOMMUNEST_MAP_FIXED | IOMMUNEST_MAP_READ | IOMMUNEST_MAP_WRITE,
		&iova);

	life->mapped = ret == 0;
	return ret;
}

static int alloc_parent(struct life *life)
{
	return iommunest_hwpt_alloc_parent(life->ctx, life->device.dev,
					   life->ioas, &life->parent);
}

/* A guest's entry: first stage, 4 levels. */
static int stage_of_entry(const struct life *life, unsigned int nth,
			  struct iommunest_vtd_s1 *s1)
{
	const uint64_t words[8] = {
		1 | (uint64_t)IOMMUNEST_VTD_PGTT_FIRST_STAGE << 6,
		DID,
		ROOT_AT(nth),
	};
	struct iommunest_vtd_pasid_entry entry = { .size = sizeof(entry) };
	int ret = iommunest_vtd_pasid_decode(&entry, words);

	s1->size = sizeof(*s1);
	return ret ? ret
		   : iommunest_vtd_pasid_to_s1(&entry, &life->info, 48, s1,
					       NULL);
}

/* What is to be beside a PASID has to be made for that. */
static int alloc_with_pasids(struct life *life,
			     const struct iommunest_vtd_s1 *s1, uint32_t *id)
{
	const struct iommu_hwpt_vtd_s1 data = {
		.pgtbl_addr = s1->pgtbl_addr,
		.addr_width = s1->addr_width,
		.flags = s1->flags,
	};
	const struct iommunest_nested_hwpt nested = {
		.size = sizeof(nested),
		.data_type = IOMMU_HWPT_DATA_VTD_S1,
		.data_len = sizeof(data),
		.data = &data,
		.flags = IOMMUNEST_HWPT_PASID,
	};

	return iommunest_hwpt_alloc_nested(life->ctx, life->device.dev,
					   life->parent, &nested, id);
}

static int alloc_stage(struct life *life, unsigned int nth)
{
	struct iommunest_vtd_s1 s1;
	int ret = stage_of_entry(life, nth, &s1);

	if (ret)
		return ret;
	if (life->device.pasids)
		return alloc_with_pasids(life, &s1, &life->stage[nth]);
	return iommunest_vtd_hwpt_alloc(life->ctx, life->device.dev,
					life->parent, &s1, &life->stage[nth]);
}

static int alloc_first_stage(struct life *life)
{
	return alloc_stage(life, 0);
}

static int alloc_second_stage(struct life *life)
{
	return alloc_stage(life, 1);
}

/* ---- What the device is attached to ---- */

static int attach(struct life *life, uint32_t hwpt)
{
	uint32_t id = hwpt;
	int ret = iommunest_vfio_attach(life->ctx, life->device.fd, &id);

	if (!ret)
		life->attached = hwpt;
	return ret;
}

static int attach_first(struct life *life)
{
	return attach(life, life->stage[0]);
}

static int replace(struct life *life)
{
	return attach(life, life->stage[1]);
}

static int detach(struct life *life)
{
	int ret = iommunest_vfio_detach(life->ctx, life->device.fd);

	if (!ret)
		life->attached = 0;
	return ret;
}

static int attach_pasid(struct life *life)
{
	uint32_t id = life->stage[0];
	int ret = iommunest_vfio_attach_pasid(life->ctx, life->device.fd,
					      LIFE_PASID, &id);

	if (!ret)
		life->pasid_attached = life->stage[0];
	return ret;
}

static int detach_pasid(struct life *life)
{
	int ret = iommunest_vfio_detach_pasid(life->ctx, life->device.fd,
					      LIFE_PASID);

	if (!ret)
		life->pasid_attached = 0;
	return ret;
}

/* ---- Invalidation ---- */

static int make_batch(struct life *life)
{
	return iommunest_batch_new(&life->batch, iommunest_vtd_s1_type(), 8);
}

static int submit_batch(struct life *life)
{
	iommunest_batch_reset(life->batch);
	iommunest_vtd_batch_add_range(life->batch, 0x4000, 4, 0, 1);
	iommunest_vtd_batch_add_block(life->batch, 0x200000, 9, 0, 2);
	iommunest_vtd_batch_add_all(life->batch, 3);
	return iommunest_submit(life->ctx, life->attached, life->batch, NULL,
				NULL);
}

static int make_engine(struct life *life)
{
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.policy = IOMMUNEST_VTD_IQ_STOP,
	};
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	const uint64_t iqa = guest_iqa(RING_AT, 0, true);
	int ret = iommunest_vtd_iq_new(&life->engine, &guest_ops, &life->guest,
				       &options);

	if (ret)
		return ret;
	guest_init(&life->guest, iqa);
	ret = iommunest_vtd_iq_set_base(life->engine, iqa,
					IOMMUNEST_VTD_TTM_SCALABLE);
	return ret ? ret : guest_enable(&life->guest, life->engine, &result);
}

/* A flush and a wait: the guest's own work, which is done when it is told. */
static int run_engine(struct life *life)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	unsigned int i;
	int ret;

	for (i = 0; i < LIFE_STAGES; i++)
		iommunest_vtd_iq_forget(life->engine,
					TARGET(life->ctx, life->stage[i]));
	ret = iommunest_vtd_iq_add_scope(life->engine, DID, 0,
					 TARGET(life->ctx, life->attached));
	if (ret)
		return ret;
	/* What failed is still in the ring, and goes first. */
	iommunest_vtd_iq_clear_fault(life->engine);
	guest_forget(&life->guest);
	guest_put(&life->guest, guest_piotlb_pages(DID, 0, 0x7000, 0, false));
	guest_put(&life->guest,
		  guest_wait(IOMMUNEST_VTD_DESC_SW, STATUS_AT, 1));
	ret = guest_kick(&life->guest, life->engine, &result);
	if (!ret && !guest_count(&life->guest, GUEST_STATUS))
		return -ENODATA;
	return ret;
}

static int free_engine(struct life *life)
{
	iommunest_vtd_iq_free(life->engine);
	life->engine = NULL;
	guest_free(&life->guest);
	memset(&life->guest, 0, sizeof(life->guest));
	return 0;
}

static int free_batch(struct life *life)
{
	iommunest_batch_free(life->batch);
	life->batch = NULL;
	return 0;
}

/* ---- And back ---- */

static int destroy(struct life *life, uint32_t *id)
{
	int ret = *id ? iommunest_object_destroy(life->ctx, *id) : 0;

	if (!ret)
		*id = 0;
	return ret;
}

static int destroy_second_stage(struct life *life)
{
	return destroy(life, &life->stage[1]);
}

static int destroy_first_stage(struct life *life)
{
	return destroy(life, &life->stage[0]);
}

static int destroy_parent(struct life *life)
{
	return destroy(life, &life->parent);
}

static int unmap_memory(struct life *life)
{
	int ret = iommunest_ioas_unmap(life->ctx, life->ioas, MEMORY_AT, MEMORY,
				       NULL);

	if (!ret)
		life->mapped = false;
	return ret;
}

static int destroy_ioas(struct life *life)
{
	return destroy(life, &life->ioas);
}

static int free_memory(struct life *life)
{
	munmap(life->memory, MEMORY);
	life->memory = NULL;
	return 0;
}

static int close_device(struct life *life)
{
	if (life->node && life->device.fd >= 0) {
		iommunest_vfio_close(life->ctx, life->device.fd);
		life->device.fd = -1;
	}
	return 0;
}

static int close_iommu(struct life *life)
{
	iommunest_close(life->ctx);
	life->ctx = NULL;
	return 0;
}

/* ---- Steps that may have been taken ---- */

static int undo_map(struct life *life)
{
	int ret = unmap_memory(life);

	return ret == -ENOENT ? 0 : ret;
}

static int undo_unmap(struct life *life)
{
	int ret = map_memory(life);

	life->mapped = ret == 0 || ret == -EEXIST;
	return ret == -EEXIST ? 0 : ret;
}

/*
 * The PASID is attached; and it is the device without a PASID that VFIO has
 * detached in 7.3, when it could not write the answer.
 */
static int undo_attach_pasid(struct life *life)
{
	int ret = detach_pasid(life);

	return ret || !life->attached ? ret : attach(life, life->attached);
}

/* ---- Step by step ---- */

static const struct step {
	const char *name;
	int (*take)(struct life *life);
	bool pasids;
	int (*undo)(struct life *life);
} steps[] = {
	{ "open /dev/iommu", open_iommu, false, NULL },
	{ "open the device", open_device, false, NULL },
	{ "hardware information", ask_hw_info, false, NULL },
	{ "allocate an IOAS", alloc_ioas, false, NULL },
	{ "get memory", get_memory, false, NULL },
	{ "map it", map_memory, false, undo_map },
	{ "allocate the parent", alloc_parent, false, NULL },
	{ "allocate the first stage 1", alloc_first_stage, false, NULL },
	{ "allocate the second stage 1", alloc_second_stage, false, NULL },
	{ "make a batch", make_batch, false, NULL },
	{ "make an engine", make_engine, false, NULL },
	{ "attach the first", attach_first, false, NULL },
	{ "submit a batch", submit_batch, false, NULL },
	{ "run the engine", run_engine, false, NULL },
	{ "replace it by the second", replace, false, NULL },
	{ "submit a batch to the second", submit_batch, false, NULL },
	{ "run the engine on the second", run_engine, false, NULL },
	{ "attach a PASID", attach_pasid, true, undo_attach_pasid },
	{ "submit a batch beside a PASID", submit_batch, true, NULL },
	{ "detach the PASID", detach_pasid, true, NULL },
	{ "detach", detach, false, NULL },
	{ "free the engine", free_engine, false, NULL },
	{ "free the batch", free_batch, false, NULL },
	{ "destroy the second stage 1", destroy_second_stage, false, NULL },
	{ "destroy the first stage 1", destroy_first_stage, false, NULL },
	{ "destroy the parent", destroy_parent, false, NULL },
	{ "unmap", unmap_memory, false, undo_unmap },
	{ "destroy the IOAS", destroy_ioas, false, NULL },
	{ "free the memory", free_memory, false, NULL },
	{ "close the device", close_device, false, NULL },
	{ "close /dev/iommu", close_iommu, false, NULL },
};

int life_go_on(struct life *life)
{
	const struct step *step;
	int ret;

	for (; life->step < ARRAY_LEN(steps); life->step++) {
		step = &steps[life->step];
		if (step->pasids && !life->device.pasids)
			continue;
		ret = step->take(life);
		if (ret)
			return ret;
	}
	return 0;
}

const char *life_step_name(const struct life *life)
{
	return life->step < ARRAY_LEN(steps) ? steps[life->step].name : "end";
}

int life_undo_step(struct life *life)
{
	const struct step *step = &steps[life->step];

	return step->undo ? step->undo(life) : 0;
}

int life_give_up(struct life *life)
{
	int ret = 0;

	if (life->pasid_attached)
		ret = detach_pasid(life);
	if (!ret && life->attached)
		ret = detach(life);
	free_engine(life);
	free_batch(life);
	if (!ret)
		ret = destroy_second_stage(life);
	if (!ret)
		ret = destroy_first_stage(life);
	if (!ret)
		ret = destroy_parent(life);
	if (!ret && life->mapped)
		ret = unmap_memory(life);
	if (!ret)
		ret = destroy_ioas(life);
	if (life->memory)
		free_memory(life);
	close_device(life);
	close_iommu(life);
	return ret;
}

/* ---- Looking at it ---- */

static unsigned int flushes_in(struct trace *trace, uint32_t pasid)
{
	struct trace_event event;
	unsigned int count = 0;

	while (trace_next(trace, &event)) {
		if (event.kind == TRACE_DESC && (event.qw0 & 0xf) == 6)
			count += (event.qw0 >> 32 & 0xfffff) == pasid;
	}
	return count;
}

int life_flushes(struct life *life, uint32_t hwpt, uint32_t pasid)
{
	struct iommu_hwpt_vtd_s1_invalidate page = { .addr = 0x5000,
						     .npages = 1 };
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
		.data_uptr = (uintptr_t)&page,
		.entry_len = sizeof(page),
		.entry_num = 1,
	};
	int ret;

	trace_discard(life->trace);
	ret = life->sys->ioctl(life->sys_data, iommunest_fd(life->ctx),
			       IOMMU_HWPT_INVALIDATE, &cmd);
	return ret ? ret : (int)flushes_in(life->trace, pasid);
}

/* ---- A device that stays open ---- */

int life_open_device(struct life_device *device, const char *node)
{
	struct iommunest_ctx *ctx;
	int ret;

	device->iommu = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (device->iommu < 0)
		return -errno;
	ret = iommunest_open_fd(&ctx, device->iommu, NULL);
	if (ret)
		return ret;
	ret = iommunest_vfio_open(ctx, node, &device->fd, &device->dev);
	iommunest_close(ctx);
	return ret;
}

void life_close_device(struct life_device *device)
{
	close(device->fd);
	close(device->iommu);
}
