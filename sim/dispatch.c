/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Finds the function for an ioctl's number. */
#include "dispatch.h"

#include <errno.h>
#include <string.h>

#include "call.h"
#include "destroy.h"
#include "dirty.h"
#include "fault-queue.h"
#include "fault.h"
#include "hw-info.h"
#include "hwpt.h"
#include "invalidate.h"
#include "ioas.h"
#include "map.h"
#include "uapi-newer.h"
#include "user-memory.h"
#include "veventq.h"
#include "viommu.h"

struct op {
	/* Of its struct: the same in all simulated kernels that know it. */
	uint32_t size;
	/* Of its struct when the ioctl was new. */
	uint32_t min;
	/* NULL: EOPNOTSUPP. */
	int (*run)(struct sim_call *call);
};

#define OP(cmd, size, min, run) [(cmd)-CMD_FIRST] = { size, min, run }

/* include/uapi/linux/iommufd.h */
static const struct op ops[] = {
	OP(CMD_DESTROY, 8, 8, iommunest__sim_destroy),
	OP(CMD_IOAS_ALLOC, 12, 12, iommunest__sim_ioas_alloc),
	OP(CMD_IOAS_ALLOW_IOVAS, 24, 24, iommunest__sim_ioas_allow_iovas),
	OP(CMD_IOAS_COPY, 40, 40, iommunest__sim_ioas_copy),
	OP(CMD_IOAS_IOVA_RANGES, 32, 32, iommunest__sim_ioas_iova_ranges),
	OP(CMD_IOAS_MAP, 40, 40, iommunest__sim_ioas_map),
	OP(CMD_IOAS_UNMAP, 24, 24, iommunest__sim_ioas_unmap),
	OP(CMD_OPTION, 24, 24, iommunest__sim_option),
	OP(CMD_VFIO_IOAS, 12, 12, iommunest__sim_vfio_ioas),
	OP(CMD_HWPT_ALLOC, 48, 24, iommunest__sim_hwpt_alloc),
	OP(CMD_GET_HW_INFO, 40, 32, iommunest__sim_hw_info),
	OP(CMD_HWPT_SET_DIRTY_TRACKING, 16, 16,
	   iommunest__sim_set_dirty_tracking),
	OP(CMD_HWPT_GET_DIRTY_BITMAP, 48, 48, iommunest__sim_get_dirty_bitmap),
	/* Its size is in the profile. */
	OP(CMD_HWPT_INVALIDATE, 0, 32, iommunest__sim_hwpt_invalidate),
	OP(CMD_FAULT_QUEUE_ALLOC, 16, 16, iommunest__sim_fault_queue_alloc),
	OP(CMD_IOAS_MAP_FILE, 40, 40, iommunest__sim_ioas_map_file),
	OP(CMD_VIOMMU_ALLOC, 40, 24, iommunest__sim_viommu_alloc),
	OP(CMD_VDEVICE_ALLOC, 24, 24, iommunest__sim_vdevice_alloc),
	OP(CMD_IOAS_CHANGE_PROCESS, 8, 8, iommunest__sim_ioas_change_process),
	OP(CMD_VEVENTQ_ALLOC, 32, 28, iommunest__sim_veventq_alloc),
	OP(CMD_HW_QUEUE_ALLOC, 40, 40, iommunest__sim_hw_queue_alloc),
	/* As without CONFIG_IOMMUFD_NOIOMMU. */
	OP(CMD_IOAS_NOIOMMU_GET_PA, 40, 40, NULL),
};

_Static_assert(sizeof(struct iommu_destroy) == 8, "uAPI size");
_Static_assert(sizeof(struct iommu_ioas_alloc) == 12, "uAPI size");
_Static_assert(sizeof(struct iommu_hwpt_alloc) == 48, "uAPI size");
_Static_assert(sizeof(struct iommu_hw_info) == 40, "uAPI size");
_Static_assert(sizeof(struct iommu_ioas_allow_iovas) == 24, "uAPI size");
_Static_assert(sizeof(struct iommu_ioas_copy) == 40, "uAPI size");
_Static_assert(sizeof(struct iommu_ioas_iova_ranges) == 32, "uAPI size");
_Static_assert(sizeof(struct iommu_ioas_map) == 40, "uAPI size");
_Static_assert(sizeof(struct iommu_ioas_unmap) == 24, "uAPI size");
_Static_assert(sizeof(struct iommu_option) == 24, "uAPI size");
_Static_assert(sizeof(struct sim_vfio_ioas) == 12, "uAPI size");
_Static_assert(sizeof(struct iommu_hwpt_set_dirty_tracking) == 16, "uAPI size");
_Static_assert(sizeof(struct iommu_hwpt_get_dirty_bitmap) == 48, "uAPI size");
_Static_assert(sizeof(struct iommu_ioas_map_file) == 40, "uAPI size");
_Static_assert(sizeof(struct iommu_ioas_change_process) == 8, "uAPI size");
_Static_assert(sizeof(struct iommu_fault_alloc) == 16, "uAPI size");
_Static_assert(sizeof(struct sim_viommu_alloc) == 40, "uAPI size");
_Static_assert(sizeof(struct sim_vdevice_alloc) == 24, "uAPI size");
_Static_assert(sizeof(struct sim_veventq_alloc) == 32, "uAPI size");
_Static_assert(sizeof(struct sim_hw_queue_alloc) == 40, "uAPI size");
_Static_assert(IOMMU_DESTROY == _IO(';', CMD_DESTROY), "uAPI number");
_Static_assert(IOMMU_IOAS_ALLOC == _IO(';', CMD_IOAS_ALLOC), "uAPI number");
_Static_assert(IOMMU_HWPT_ALLOC == _IO(';', CMD_HWPT_ALLOC), "uAPI number");
_Static_assert(IOMMU_GET_HW_INFO == _IO(';', CMD_GET_HW_INFO), "uAPI number");
_Static_assert(IOMMU_FAULT_QUEUE_ALLOC == _IO(';', CMD_FAULT_QUEUE_ALLOC),
	       "uAPI number");
_Static_assert(IOMMU_HWPT_INVALIDATE == _IO(';', CMD_HWPT_INVALIDATE),
	       "uAPI number");

static const struct op *find_op(const struct iommunest_sim *sim, uint32_t nr)
{
	if (nr < CMD_FIRST || nr > sim->profile->last_cmd)
		return NULL;
	return &ops[nr - CMD_FIRST];
}

static uint32_t size_of(const struct iommunest_sim *sim, uint32_t nr)
{
	if (nr == CMD_HWPT_INVALIDATE)
		return sim->profile->invalidate_size;
	return ops[nr - CMD_FIRST].size;
}

/*
 * An empty call of the extension's struct, with its flag or without, only asks
 * whether that is known.  It is not a flush that a test would count, or make
 * fail.
 */
static bool is_probe(const struct sim_call *call)
{
	struct iommunest_uapi_invalidate cmd;

	if (iommunest__sim_user_read(call->sim, &cmd, call->arg,
				     sizeof(cmd.size)) ||
	    cmd.size != sizeof(cmd) ||
	    iommunest__sim_user_read(call->sim, &cmd, call->arg, sizeof(cmd)))
		return false;
	return cmd.entry_num == 0 &&
	       !(cmd.flags & ~IOMMUNEST_INVALIDATE_REPORT_ERROR);
}

int iommunest__sim_dispatch(struct iommunest_sim *sim, struct sim_file *file,
			    uint32_t cmd, uint64_t arg)
{
	const uint32_t nr = _IOC_NR(cmd);
	struct sim_call call = { .sim = sim, .file = file, .arg = arg };
	const struct op *op = find_op(sim, nr);
	int ret;

	if (cmd == IOMMU_HWPT_INVALIDATE && !is_probe(&call)) {
		sim->stats.calls++;
		iommunest__sim_fault_call(sim, &call.faults);
		if (call.faults.fail_untouched)
			return call.faults.fail_untouched;
	}
	if (!op)
		return -ENOTTY;
	ret = iommunest__sim_call_read(&call, cmd, size_of(sim, nr), op->min);
	if (ret)
		return ret;
	return op->run ? op->run(&call) : -EOPNOTSUPP;
}
