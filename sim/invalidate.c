/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_HWPT_INVALIDATE. */
#include "invalidate.h"

#include <errno.h>

#include "call.h"
#include "fault.h"
#include "flush.h"
#include "objects.h"
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
	/* Up to this one, entries are not flushed: the hardware failed. */
	uint32_t lost_until;
	uint32_t code;
	uint32_t last;
};

/* Without the extension the flags were not read, and are 0. */
static bool reports_errors(const struct sim_call *call)
{
	return call->cmd.invalidate.flags & IOMMUNEST_INVALIDATE_REPORT_ERROR;
}

/* The hardware's error for this entry; 0 if the kernel does not report it. */
static int ask_hardware(struct sim_call *call, struct walk *walk)
{
	struct sim_hardware_error error =
		iommunest__sim_fault_hardware(call->sim);
	uint32_t left = call->cmd.invalidate.entry_num - walk->done - 1;

	if (!error.error)
		return 0;
	if (error.following > left)
		error.following = left;
	walk->lost_until = walk->done + error.following + 1;
	if (!reports_errors(call))
		return 0;
	walk->code = error.code;
	walk->last = walk->done + error.following;
	return error.error;
}

static int do_entry(struct sim_call *call, struct sim_hwpt *hwpt,
		    struct walk *walk)
{
	const struct iommu_hwpt_vtd_s1_invalidate *entry;
	int ret;

	call->sim->stats.entries++;
	ret = iommunest__sim_fault_entry(call->sim);
	if (ret)
		return ret;
	if (call->cmd.invalidate.entry_len != ENTRY_LEN)
		return -EINVAL;
	entry = entry_at(&walk->win, walk->done);
	if (!entry)
		return -EFAULT;
	ret = check_entry(call->sim, entry);
	if (ret)
		return ret;
	ret = ask_hardware(call, walk);
	if (ret)
		return ret;
	iommunest__sim_flush(call->sim, hwpt, entry->addr, entry->npages,
			     entry->flags & IOMMU_VTD_INV_FLAGS_LEAF,
			     walk->done < walk->lost_until);
	return 0;
}

static int walk_array(struct sim_call *call, struct sim_hwpt *hwpt,
		      struct walk *walk)
{
	const struct iommunest_uapi_invalidate *cmd = &call->cmd.invalidate;
	const struct sim_call_faults *faults = &call->faults;
	int ret;

	walk->win.sim = call->sim;
	walk->win.array = cmd->data_uptr;
	walk->win.total = cmd->entry_num;
	walk->win.first = 0;
	walk->win.end = 0;
	for (; walk->done < cmd->entry_num; walk->done++) {
		if (faults->interrupt && walk->done == faults->interrupt_at)
			return faults->interrupt;
		ret = do_entry(call, hwpt, walk);
		if (ret)
			return ret;
	}
	return 0;
}

static int check_call(const struct iommunest_uapi_invalidate *cmd)
{
	if (cmd->reserved || cmd->reserved2 ||
	    cmd->flags & ~IOMMUNEST_INVALIDATE_REPORT_ERROR)
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
	ret = check_call(cmd);
	if (ret)
		return ret;
	if (!iommunest__sim_object_get(call->file, cmd->hwpt_id))
		return -ENOENT;
	hwpt = iommunest__sim_nested_get(call->file, cmd->hwpt_id);
	if (!hwpt)
		return call->sim->profile->not_nested_errno;
	if (cmd->data_type != IOMMU_HWPT_INVALIDATE_DATA_VTD_S1)
		return -EINVAL;
	ret = walk_array(call, hwpt, walk);
	/* An error of the driver's checks is about this entry alone. */
	if (ret && !walk->code)
		walk->last = walk->done;
	return ret;
}

int iommunest__sim_hwpt_invalidate(struct sim_call *call)
{
	struct iommunest_uapi_invalidate *cmd = &call->cmd.invalidate;
	struct walk walk;
	int ret;

	/* The window is large, and stays uninitialised. */
	walk.done = 0;
	walk.lost_until = 0;
	walk.code = 0;
	walk.last = 0;
	ret = invalidate(call, &walk);
	if (call->faults.is_wrong) {
		walk.done = call->faults.wrong_count;
		if (call->faults.wrong_error)
			ret = call->faults.wrong_error;
	}
	cmd->entry_num = walk.done;
	cmd->out_driver_error_code = reports_errors(call) ? walk.code : 0;
	cmd->out_last_index = reports_errors(call) ? walk.last : 0;
	if (iommunest__sim_call_respond(call,
					call->sim->profile->invalidate_size))
		return -EFAULT;
	return ret;
}
