/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From an ioctl's number and argument to the one that does it. */
#include "dispatch.h"

#include <errno.h>
#include <string.h>

#include "call.h"
#include "destroy.h"
#include "fault.h"
#include "hw-info.h"
#include "hwpt.h"
#include "invalidate.h"
#include "ioas.h"
#include "user-memory.h"

#define FIRST_NR 0x80u

struct op {
	/* Of the struct, as the profile's kernel knows it. */
	uint32_t size;
	/* As it was when the ioctl was new. */
	uint32_t min;
	/* NULL: the simulator has no such objects. */
	int (*run)(struct sim_call *call);
};

/* include/uapi/linux/iommufd.h; none of the structs differs in size. */
static const struct op ops[] = {
	{ 8, 8, iommunest__sim_destroy },
	{ 12, 12, iommunest__sim_ioas_alloc },
	{ 24, 24, NULL }, /* IOAS_ALLOW_IOVAS */
	{ 40, 40, NULL }, /* IOAS_COPY */
	{ 32, 32, NULL }, /* IOAS_IOVA_RANGES */
	{ 40, 40, NULL }, /* IOAS_MAP */
	{ 24, 24, NULL }, /* IOAS_UNMAP */
	{ 24, 24, NULL }, /* OPTION */
	{ 12, 12, NULL }, /* VFIO_IOAS */
	{ 48, 24, iommunest__sim_hwpt_alloc },
	{ 40, 32, iommunest__sim_hw_info },
	{ 16, 16, NULL }, /* HWPT_SET_DIRTY_TRACKING */
	{ 48, 48, NULL }, /* HWPT_GET_DIRTY_BITMAP */
	{ 32, 32,
	  iommunest__sim_hwpt_invalidate }, /* patched: see patched_op */
	{ 16, 16, NULL }, /* FAULT_QUEUE_ALLOC, the last in 6.12 */
	{ 40, 40, NULL }, /* IOAS_MAP_FILE */
	{ 40, 24, NULL }, /* VIOMMU_ALLOC */
	{ 24, 24, NULL }, /* VDEVICE_ALLOC */
	{ 8, 8, NULL },	  /* IOAS_CHANGE_PROCESS */
	{ 32, 28, NULL }, /* VEVENTQ_ALLOC */
	{ 40, 40, NULL }, /* HW_QUEUE_ALLOC */
	{ 40, 40, NULL }, /* IOAS_NOIOMMU_GET_PA, the last in 7.3 */
};

_Static_assert(sizeof(struct iommu_destroy) == 8, "uAPI size");
_Static_assert(sizeof(struct iommu_ioas_alloc) == 12, "uAPI size");
_Static_assert(sizeof(struct iommu_hwpt_alloc) == 48, "uAPI size");
_Static_assert(sizeof(struct iommu_hw_info) == 40, "uAPI size");
_Static_assert(sizeof(struct iommunest_uapi_invalidate) == 48, "uAPI size");
_Static_assert(IOMMU_DESTROY == _IO(';', 0x80), "uAPI number");
_Static_assert(IOMMU_IOAS_ALLOC == _IO(';', 0x81), "uAPI number");
_Static_assert(IOMMU_HWPT_ALLOC == _IO(';', 0x89), "uAPI number");
_Static_assert(IOMMU_GET_HW_INFO == _IO(';', 0x8a), "uAPI number");
_Static_assert(IOMMU_HWPT_INVALIDATE == _IO(';', 0x8d), "uAPI number");

static const struct op patched_op = { 48, 32, iommunest__sim_hwpt_invalidate };

static const struct op *find_op(const struct iommunest_sim *sim, uint32_t cmd)
{
	const uint32_t known = sim_is_6_12(sim) ? 15 : 22;
	const uint32_t nr = _IOC_NR(cmd);

	if (nr < FIRST_NR || nr - FIRST_NR >= known)
		return NULL;
	if (nr == _IOC_NR(IOMMU_HWPT_INVALIDATE) && sim_is_patched(sim))
		return &patched_op;
	return &ops[nr - FIRST_NR];
}

/*
 * An empty call that asks for the extension: a question about the kernel, and
 * no flush that a test would count, or fail.
 */
static bool is_question(const struct sim_call *call)
{
	struct iommunest_uapi_invalidate cmd;

	if (iommunest__sim_user_read(call->sim, &cmd, call->arg,
				     sizeof(cmd.size)) ||
	    cmd.size != sizeof(cmd) ||
	    iommunest__sim_user_read(call->sim, &cmd, call->arg, sizeof(cmd)))
		return false;
	return cmd.entry_num == 0 &&
	       cmd.flags == IOMMUNEST_INVALIDATE_REPORT_ERROR;
}

int iommunest__sim_dispatch(struct iommunest_sim *sim, struct sim_file *file,
			    uint32_t cmd, uint64_t arg)
{
	struct sim_call call = { .sim = sim, .file = file, .arg = arg };
	const struct op *op = find_op(sim, cmd);
	int ret;

	if (cmd == IOMMU_HWPT_INVALIDATE && !is_question(&call)) {
		sim->stats.calls++;
		iommunest__sim_fault_call(sim, &call.faults);
		if (call.faults.fail_untouched)
			return call.faults.fail_untouched;
	}
	if (!op)
		return -ENOTTY;
	ret = iommunest__sim_call_read(&call, cmd, op->size, op->min);
	if (ret)
		return ret;
	return op->run ? op->run(&call) : -EOPNOTSUPP;
}
