/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IOMMU_HWPT_INVALIDATE. */
#include "sim.h"

#include <errno.h>

/* An arbitrary bound of the kernel's, since 6.12.96. */
#define MAX_ENTRIES (1u << 19)

#define ENTRY_LEN sizeof(struct iommu_hwpt_vtd_s1_invalidate)
#define CHUNK 256u

/* A window on the caller's array. */
struct window {
	const struct iommunest_sim *sim;
	uint64_t array;
	uint32_t total;
	uint32_t first;
	uint32_t end;
	struct iommu_hwpt_vtd_s1_invalidate entries[CHUNK];
};

/* NULL: not readable. */
static const struct iommu_hwpt_vtd_s1_invalidate *entry_at(struct window *win,
							   uint32_t index)
{
	uint32_t count = win->total - index;
	size_t got;

	if (index >= win->end) {
		if (count > CHUNK)
			count = CHUNK;
		got = sim_user_read_some(win->sim, win->entries,
					 win->array + index * ENTRY_LEN,
					 count * ENTRY_LEN);
		win->first = index;
		win->end = index + (uint32_t)(got / ENTRY_LEN);
	}
	return index < win->end ? &win->entries[index - win->first] : NULL;
}

static int check_entry(const struct iommu_hwpt_vtd_s1_invalidate *entry)
{
	if (entry->flags & ~(uint32_t)IOMMU_VTD_INV_FLAGS_LEAF ||
	    entry->__reserved)
		return -EOPNOTSUPP;
	if (entry->addr & (SIM_PAGE_SIZE - 1))
		return -EINVAL;
	if (entry->npages == UINT64_MAX && entry->addr)
		return -EINVAL;
	return 0;
}

static int do_entry(struct sim_call *call, struct sim_hwpt *hwpt,
		    struct window *win, uint32_t index)
{
	const struct iommu_hwpt_vtd_s1_invalidate *entry;
	int ret;

	call->sim->stats.entries++;
	ret = sim_fault_entry(call->sim);
	if (ret)
		return ret;
	if (call->cmd.invalidate.entry_len != ENTRY_LEN)
		return -EINVAL;
	entry = entry_at(win, index);
	if (!entry)
		return -EFAULT;
	ret = check_entry(entry);
	if (ret)
		return ret;
	sim_flush(call->sim, hwpt, entry->addr, entry->npages,
		  entry->flags & IOMMU_VTD_INV_FLAGS_LEAF);
	return 0;
}

static int walk(struct sim_call *call, struct sim_hwpt *hwpt, uint32_t *done)
{
	const struct iommu_hwpt_invalidate *cmd = &call->cmd.invalidate;
	const struct sim_call_faults *faults = &call->faults;
	struct window win;
	int ret;

	win.sim = call->sim;
	win.array = cmd->data_uptr;
	win.total = cmd->entry_num;
	win.first = 0;
	win.end = 0;
	for (*done = 0; *done < cmd->entry_num; (*done)++) {
		if (faults->interrupt && *done == faults->interrupt_at)
			return faults->interrupt;
		ret = do_entry(call, hwpt, &win, *done);
		if (ret)
			return ret;
	}
	return 0;
}

static int check_call(const struct iommu_hwpt_invalidate *cmd)
{
	if (cmd->__reserved)
		return -EOPNOTSUPP;
	if (cmd->entry_num == 0)
		return 0;
	if (!cmd->data_uptr || !cmd->entry_len ||
	    cmd->entry_len > SIM_PAGE_SIZE || cmd->entry_num > MAX_ENTRIES)
		return -EINVAL;
	return 0;
}

static int invalidate(struct sim_call *call, uint32_t *done)
{
	const struct iommu_hwpt_invalidate *cmd = &call->cmd.invalidate;
	struct sim_hwpt *hwpt;
	int ret;

	if (call->faults.fail)
		return call->faults.fail;
	ret = check_call(cmd);
	if (ret)
		return ret;
	if (!sim_object_get(call->file, cmd->hwpt_id))
		return -ENOENT;
	hwpt = sim_nested_get(call->file, cmd->hwpt_id);
	if (!hwpt)
		return sim_is_6_12(call->sim) ? -ENOENT : -EINVAL;
	if (cmd->data_type != IOMMU_HWPT_INVALIDATE_DATA_VTD_S1)
		return -EINVAL;
	return walk(call, hwpt, done);
}

int sim_hwpt_invalidate(struct sim_call *call)
{
	struct iommu_hwpt_invalidate *cmd = &call->cmd.invalidate;
	uint32_t done = 0;
	int ret = invalidate(call, &done);

	if (call->faults.lie) {
		done = call->faults.lie_count;
		if (call->faults.lie_error)
			ret = call->faults.lie_error;
	}
	cmd->entry_num = done;
	if (sim_respond(call, sizeof(*cmd)))
		return -EFAULT;
	return ret;
}
