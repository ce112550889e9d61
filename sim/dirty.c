/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Which pages devices wrote to. */
#include "dirty.h"

#include <errno.h>

#include "areas.h"
#include "objects.h"
#include "set.h"
#include "user-memory.h"

#define ENABLE ((uint32_t)IOMMU_HWPT_DIRTY_TRACKING_ENABLE)
#define NO_CLEAR ((uint32_t)IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR)

static const struct sim_ioas *ioas_of(const struct sim_hwpt *paging)
{
	return (const struct sim_ioas *)paging->base;
}

int iommunest__sim_set_dirty_tracking(struct sim_call *call)
{
	const struct iommu_hwpt_set_dirty_tracking *cmd = &call->cmd.set_dirty;
	struct sim_hwpt *hwpt;

	if (cmd->flags & ~ENABLE)
		return -EOPNOTSUPP;
	hwpt = iommunest__sim_paging_get(call->file, cmd->hwpt_id);
	if (!hwpt)
		return -ENOENT;
	if (!hwpt->can_track_dirty)
		return -EOPNOTSUPP;
	if (cmd->flags & ENABLE)
		iommunest__sim_set_drop(&hwpt->dirty, 0,
					UINT64_MAX >> SIM_PAGE_SHIFT);
	hwpt->tracks_dirty = cmd->flags & ENABLE;
	return 0;
}

static bool is_multiple(uint64_t n, uint64_t of)
{
	return (n & (of - 1)) == 0;
}

static int check_range(const struct sim_ioas *ioas,
		       const struct iommu_hwpt_get_dirty_bitmap *cmd)
{
	const uint64_t end = cmd->iova + cmd->length;

	if (cmd->length == 0)
		return -EINVAL;
	if (end - 1 < cmd->iova)
		return -EOVERFLOW;
	if (!is_multiple(cmd->iova, ioas->alignment) ||
	    !is_multiple(end, ioas->alignment))
		return -EINVAL;
	if (cmd->page_size == 0)
		return -EINVAL;
	if (!is_multiple(cmd->iova, cmd->page_size) ||
	    !is_multiple(end, cmd->page_size))
		return -EINVAL;
	return 0;
}

/* How many bytes from @first on, up to @last, are mapped without a hole. */
static uint64_t mapped(const struct sim_ioas *ioas, uint64_t first,
		       uint64_t last)
{
	size_t index = iommunest__sim_areas_index(ioas, first);
	uint64_t next = first;

	for (; index < ioas->area_count; index++) {
		const struct sim_area *area = ioas->areas[index];

		if (area->first > next)
			break;
		if (area->last >= last)
			return last - first + 1;
		next = area->last + 1;
	}
	return next - first;
}

/* A bitmap that cannot be written stays as it is, and the call succeeds. */
static void set_bit(struct sim_call *call, uint64_t bit)
{
	const uint64_t at = call->cmd.get_dirty.data + bit / 8;
	uint8_t byte;

	if (iommunest__sim_user_read(call->sim, &byte, at, 1))
		return;
	byte |= (uint8_t)(1u << bit % 8);
	(void)iommunest__sim_user_write(call->sim, at, &byte, 1);
}

static void report(struct sim_call *call, struct sim_hwpt *hwpt,
		   uint64_t length)
{
	const struct iommu_hwpt_get_dirty_bitmap *cmd = &call->cmd.get_dirty;
	const uint64_t first_frame = cmd->iova >> SIM_PAGE_SHIFT;
	const uint64_t last_frame = (cmd->iova + length - 1) >> SIM_PAGE_SHIFT;
	const unsigned int shift =
		(unsigned int)__builtin_ctzll(cmd->page_size);
	size_t i;

	for (i = 0; i < hwpt->dirty.count; i++) {
		uint64_t frame = hwpt->dirty.entries[i].key;
		uint64_t offset = (frame << SIM_PAGE_SHIFT) - cmd->iova;

		if (frame >= first_frame && frame <= last_frame)
			set_bit(call, offset >> shift);
	}
	if (!(cmd->flags & NO_CLEAR))
		iommunest__sim_set_drop(&hwpt->dirty, first_frame, last_frame);
}

/*
 * What goes wrong after the checks is not reported.  The first hole in what is
 * mapped ends the report, and so does 6.12 where nothing is tracked.
 */
int iommunest__sim_get_dirty_bitmap(struct sim_call *call)
{
	const struct iommu_hwpt_get_dirty_bitmap *cmd = &call->cmd.get_dirty;
	struct sim_hwpt *hwpt;
	uint64_t length;
	int ret;

	if (cmd->flags & ~NO_CLEAR || cmd->__reserved)
		return -EOPNOTSUPP;
	hwpt = iommunest__sim_paging_get(call->file, cmd->hwpt_id);
	if (!hwpt)
		return -ENOENT;
	ret = check_range(ioas_of(hwpt), cmd);
	if (ret)
		return ret;
	if (!hwpt->can_track_dirty)
		return -EOPNOTSUPP;
	if (call->sim->profile->reads_only_tracked && !hwpt->tracks_dirty)
		return 0;
	length = mapped(ioas_of(hwpt), cmd->iova, cmd->iova + cmd->length - 1);
	if (length > 0)
		report(call, hwpt, length);
	return 0;
}
