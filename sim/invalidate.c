/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_HWPT_INVALIDATE. */
#include "invalidate.h"

#include <errno.h>

#include "call.h"
#include "fault.h"
#include "flush.h"
#include "objects.h"
#include "smmu.h"
#include "user-memory.h"

/* An arbitrary limit of the kernel, since 6.12.96. */
#define MAX_ENTRIES (1u << 19)

#define ENTRY_LEN sizeof(struct iommu_hwpt_vtd_s1_invalidate)
#define CHUNK 256u

/* The part of the caller's array that was read last. */
struct window {
	const struct iommunest_sim *sim;
	uint64_t array;
	uint32_t total;
	uint32_t first;
	uint32_t end;
	struct iommu_hwpt_vtd_s1_invalidate entries[CHUNK];
};

/* NULL: the entry cannot be read. */
static const struct iommu_hwpt_vtd_s1_invalidate *entry_at(struct window *win,
							   uint32_t index)
{
	uint32_t count = win->total - index;
	size_t got;

	if (index >= win->end) {
		if (count > CHUNK)
			count = CHUNK;
		got = iommunest__sim_user_read_some(
			win->sim, win->entries, win->array + index * ENTRY_LEN,
			count * ENTRY_LEN);
		win->first = index;
		win->end = index + (uint32_t)(got / ENTRY_LEN);
	}
	return index < win->end ? &win->entries[index - win->first] : NULL;
}

/* Empty, or passes the last address. */
static bool is_bad_range(const struct iommu_hwpt_vtd_s1_invalidate *entry)
{
	const uint64_t pages = (UINT64_MAX - entry->addr) / SIM_PAGE_SIZE + 1;

	if (entry->npages == UINT64_MAX)
		return false;
	return entry->npages == 0 || entry->npages > pages;
}

static int check_entry(const struct iommunest_sim *sim,
		       const struct iommu_hwpt_vtd_s1_invalidate *entry)
{
	if (entry->flags & ~(uint32_t)IOMMU_VTD_INV_FLAGS_LEAF ||
	    entry->__reserved)
		return -EOPNOTSUPP;
	if (entry->addr & (SIM_PAGE_SIZE - 1))
		return -EINVAL;
	if (entry->npages == UINT64_MAX && entry->addr)
		return -EINVAL;
	if (sim->profile->checks_range && is_bad_range(entry))
		return -EINVAL;
	return 0;
}

/* How far the walk through the array is, and what it found. */
struct walk {
	struct window win;
	uint32_t done;
	/* The entries that follow, and go to the hardware together. */
	struct sim_range_to_flush ranges[SIM_SHARED_MAX];
	uint32_t count;
	/* Up to this one, the hardware refuses entries, and why. */
	uint32_t refused_until;
	uint32_t reason;
	uint32_t code;
	uint32_t last;
};

/* Where the kernel does not know the flag, it is refused before. */
static bool reports_errors(const struct sim_call *call)
{
	return call->cmd.invalidate.flags & IOMMUNEST_INVALIDATE_REPORT_ERROR;
}

/* Whether a device does not answer; what is refused is noted. */
static bool ask_hardware(struct iommunest_sim *sim, struct walk *walk,
			 uint32_t index)
{
	const struct sim_hardware_error error =
		iommunest__sim_fault_hardware(sim);

	if (error.refused) {
		walk->reason = error.code;
		walk->refused_until = index + 1 + error.following;
		if (walk->refused_until <= index)
			walk->refused_until = UINT32_MAX;
	}
	/* Other kernels repeat the commands until it answers. */
	return error.silent && sim->profile->blocks_broken;
}

/* Entry @index goes with those that are gathered. */
static int gather_entry(struct sim_call *call, struct walk *walk,
			uint32_t index)
{
	const struct sim_call_faults *faults = &call->faults;
	const struct iommu_hwpt_vtd_s1_invalidate *entry;
	bool silent;
	int ret;

	if (faults->interrupt && index == faults->interrupt_at)
		return faults->interrupt;
	call->sim->stats.entries++;
	ret = iommunest__sim_fault_entry(call->sim);
	if (ret)
		return ret;
	if (call->cmd.invalidate.entry_len != ENTRY_LEN)
		return -EINVAL;
	entry = entry_at(&walk->win, index);
	if (!entry)
		return -EFAULT;
	ret = check_entry(call->sim, entry);
	if (ret)
		return ret;
	silent = ask_hardware(call->sim, walk, index);
	walk->ranges[walk->count++] = (struct sim_range_to_flush){
		.addr = entry->addr,
		.npages = entry->npages,
		.leaves_only = entry->flags & IOMMU_VTD_INV_FLAGS_LEAF,
		.lost = index < walk->refused_until,
		.silent = silent,
	};
	return 0;
}

/* Returns the error of the entry that ends them. */
static int gather(struct sim_call *call, struct walk *walk)
{
	const uint32_t left = call->cmd.invalidate.entry_num - walk->done;
	const uint32_t shared = call->sim->profile->shared;
	int ret = 0;

	walk->count = 0;
	while (!ret && walk->count < left && walk->count < shared)
		ret = gather_entry(call, walk, walk->done + walk->count);
	return ret;
}

static bool is_any_refused(const struct walk *walk)
{
	uint32_t i;

	for (i = 0; i < walk->count; i++)
		if (walk->ranges[i].refused)
			return true;
	return false;
}

static bool is_any_unanswered(const struct walk *walk)
{
	uint32_t i;

	for (i = 0; i < walk->count; i++)
		if (walk->ranges[i].unanswered)
			return true;
	return false;
}

/*
 * What user space is told of entries that were flushed together; 0: nothing.
 * Of a device that does not answer, which is blocked, only who asks is told.
 * Then its entries are done, so that those which were refused are named.
 */
static int report(const struct sim_call *call, struct walk *walk)
{
	const bool asks = reports_errors(call);
	const bool refused = is_any_refused(walk);
	const bool silent = asks && is_any_unanswered(walk);
	uint32_t first = walk->count, last = 0;
	uint32_t i;

	if (!refused && !silent)
		return 0;
	for (i = 0; i < walk->count; i++) {
		const struct sim_range_to_flush *range = &walk->ranges[i];

		if (refused ? !range->refused : !range->unanswered)
			continue;
		if (first == walk->count)
			first = i;
		last = i;
	}
	if (asks) {
		walk->code =
			refused ? walk->reason | IOMMUNEST_VTD_FSTS_IQE : 0;
		walk->code |= silent ? IOMMUNEST_VTD_FSTS_ITE : 0;
		walk->last = walk->done + last;
	}
	walk->done += first;
	return refused ? -EIO : -ETIMEDOUT;
}

/* Flushes what is gathered.  Returns what the kernel makes of the hardware. */
static int flush(struct sim_call *call, struct sim_hwpt *hwpt,
		 struct walk *walk)
{
	int ret;

	iommunest__sim_flush(call->sim, hwpt, walk->ranges, walk->count);
	ret = call->sim->profile->reports ? report(call, walk) : 0;
	if (!ret)
		walk->done += walk->count;
	return ret;
}

static int walk_array(struct sim_call *call, struct sim_hwpt *hwpt,
		      struct walk *walk)
{
	const struct iommunest_uapi_invalidate *cmd = &call->cmd.invalidate;
	int ret = 0, error;

	walk->win.sim = call->sim;
	walk->win.array = cmd->data_uptr;
	walk->win.total = cmd->entry_num;
	walk->win.first = 0;
	walk->win.end = 0;
	while (!ret && walk->done < cmd->entry_num) {
		ret = gather(call, walk);
		error = flush(call, hwpt, walk);
		if (error)
			return error;
	}
	return ret;
}

static int check_call(const struct sim_profile *profile,
		      const struct iommunest_uapi_invalidate *cmd)
{
	/* It came with what it asks for, whether the driver knows it or not. */
	const uint32_t known =
		profile->invalidate_size > IOMMUNEST_UAPI_INVALIDATE_SIZE
			? IOMMUNEST_INVALIDATE_REPORT_ERROR
			: 0;

	if (cmd->flags & ~known)
		return -EOPNOTSUPP;
	if (cmd->entry_num == 0)
		return 0;
	if (!cmd->data_uptr || !cmd->entry_len ||
	    cmd->entry_len > SIM_PAGE_SIZE || cmd->entry_num > MAX_ENTRIES)
		return -EINVAL;
	return 0;
}

static int invalidate(struct sim_call *call, struct walk *walk)
{
	const struct iommunest_uapi_invalidate *cmd = &call->cmd.invalidate;
	struct sim_hwpt *hwpt;
	int ret;

	if (call->faults.fail)
		return call->faults.fail;
	ret = check_call(call->sim->profile, cmd);
	if (ret)
		return ret;
	if (!iommunest__sim_object_get(call->file, cmd->hwpt_id))
		return -ENOENT;
	hwpt = iommunest__sim_nested_get(call->file, cmd->hwpt_id);
	if (call->sim->profile->smmu)
		return hwpt ? -EOPNOTSUPP
			    : iommunest__sim_smmu_invalidate(call, &walk->done);
	if (!hwpt)
		return call->sim->profile->not_nested_errno;
	if (cmd->data_type != IOMMU_HWPT_INVALIDATE_DATA_VTD_S1)
		return -EINVAL;
	return walk_array(call, hwpt, walk);
}

int iommunest__sim_hwpt_invalidate(struct sim_call *call)
{
	struct iommunest_uapi_invalidate *cmd = &call->cmd.invalidate;
	struct walk walk;
	int ret;

	/* The window is large, and stays uninitialised. */
	walk.done = 0;
	walk.refused_until = 0;
	walk.reason = 0;
	walk.code = 0;
	walk.last = 0;
	ret = invalidate(call, &walk);
	if (call->faults.is_wrong) {
		walk.done = call->faults.wrong_count;
		if (call->faults.wrong_error)
			ret = call->faults.wrong_error;
	}
	cmd->entry_num = walk.done;
	cmd->out_driver_error_code = walk.code;
	cmd->out_last_index = walk.last;
	if (iommunest__sim_call_respond(call,
					call->sim->profile->invalidate_size))
		return -EFAULT;
	return ret;
}
