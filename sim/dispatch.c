/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From an ioctl's number and argument to the one that does it. */
#include "dispatch.h"

#include <errno.h>
#include <string.h>

#include "device.h"
#include "fault.h"
#include "hwpt.h"
#include "invalidate.h"
#include "objects.h"
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

/* Whether all of @cmd is right, and not only its last byte. */
static bool is_exact(uint32_t cmd)
{
	return cmd == _IO(IOMMUFD_TYPE, _IOC_NR(cmd));
}

/* A longer struct is taken as long as what is not known of it is zero. */
static int check_tail(const struct sim_call *call, uint32_t known)
{
	int ret;

	if (call->user_size <= known)
		return 0;
	ret = iommunest__sim_user_zeroed(call->sim, call->arg + known,
					 call->user_size - known);
	if (ret < 0)
		return ret;
	return ret ? 0 : -E2BIG;
}

/*
 * One read gets the size, and all of the struct if it is there.  A pipe is
 * another matter: a sanitizer looks at what is put into it, and would find
 * too much of a caller's shorter struct.
 */
static size_t first_read(const struct sim_call *call, const struct op *op)
{
	return call->sim->pipe[0] < 0 ? op->size : sizeof(call->cmd.size);
}

static int read_cmd(struct sim_call *call, const struct op *op, uint32_t cmd)
{
	size_t got = iommunest__sim_user_read_some(
		call->sim, &call->cmd, call->arg, first_read(call, op));
	size_t len;
	int ret;

	if (got < sizeof(call->cmd.size))
		return -EFAULT;
	if (!is_exact(cmd))
		return -ENOTTY;
	call->user_size = call->cmd.size;
	if (call->user_size < op->min)
		return -EINVAL;
	ret = check_tail(call, op->size);
	if (ret)
		return ret;
	len = call->user_size < op->size ? call->user_size : op->size;
	if (got < len &&
	    iommunest__sim_user_read(call->sim, &call->cmd, call->arg, len))
		return -EFAULT;
	memset((char *)&call->cmd + len, 0, sizeof(call->cmd) - len);
	return 0;
}

int iommunest__sim_respond(const struct sim_call *call, size_t len)
{
	if (len > call->user_size)
		len = call->user_size;
	return iommunest__sim_user_write(call->sim, call->arg, &call->cmd, len);
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
	ret = read_cmd(&call, op, cmd);
	if (ret)
		return ret;
	return op->run ? op->run(&call) : -EOPNOTSUPP;
}
