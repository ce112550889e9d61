/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the driver of an SMMUv3 does: stream table entries of nested HWPTs, and
 * commands, which it checks and sends in groups.
 */
#include "smmu.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "fault.h"
#include "objects.h"
#include "smmu-command.h"
#include "smmu-context.h"
#include "smmu-execute.h"
#include "user-memory.h"

#define HWPT_TYPE 2u
#define INVALIDATE_TYPE 1u
#define FAULT_ID ((uint32_t)IOMMU_HWPT_FAULT_ID_VALID)

/* The driver's batch has 64, one of which is its CMD_SYNC. */
#define GROUP 63u
/* A copy of all is one allocation, of at most 4 MiB. */
#define COPIED_MAX (1u << 18)

/* SMMU architecture specification, chapter 5, "Stream Table Entry". */
#define STE0_V 1u
#define STE0_CONFIG_SHIFT 1
#define STE0_ALLOWED 0xf80fffffffffffffu
#define STE1_ALLOWED 0x380000ffu
#define STE1_EATS_SHIFT 28
#define CONFIG_ABORT 0u
#define CONFIG_BYPASS 4u
#define CONFIG_S1 5u
#define EATS_FULL 1u

/* ---- Stream table entries ---- */

static unsigned int config_of(const uint64_t ste[2])
{
	return ste[0] >> STE0_CONFIG_SHIFT & 7;
}

static int check_ste(const uint64_t ste[2])
{
	const unsigned int config = config_of(ste);

	if (ste[0] & ~STE0_ALLOWED || ste[1] & ~(uint64_t)STE1_ALLOWED)
		return -EIO;
	if (config != CONFIG_ABORT && config != CONFIG_BYPASS &&
	    config != CONFIG_S1)
		return -EIO;
	return (ste[1] >> STE1_EATS_SHIFT & 3) > EATS_FULL ? -EIO : 0;
}

int iommunest__sim_smmu_read_ste(const struct sim_call *call, uint64_t ste[2])
{
	const struct iommu_hwpt_alloc *cmd = &call->cmd.hwpt_alloc;
	uint64_t raw[2];

	if (cmd->flags & ~FAULT_ID || !cmd->data_len)
		return -EOPNOTSUPP;
	if (cmd->data_type != HWPT_TYPE || cmd->data_len != sizeof(raw))
		return -EINVAL;
	if (iommunest__sim_user_read(call->sim, raw, cmd->data_uptr,
				     sizeof(raw)))
		return -EFAULT;
	ste[0] = le64toh(raw[0]);
	ste[1] = le64toh(raw[1]);
	if (ste[0] & STE0_V)
		return check_ste(ste);
	ste[0] = ste[1] = 0;
	return 0;
}

static bool has_config_s1(const struct sim_hwpt *hwpt)
{
	return hwpt->obj.type == SIM_HWPT_NESTED && hwpt->ste[0] & STE0_V &&
	       config_of(hwpt->ste) == CONFIG_S1;
}

bool iommunest__sim_smmu_has_stage1(const struct sim_hwpt *hwpt)
{
	return has_config_s1(hwpt) && !iommunest__sim_smmu_bypasses(hwpt);
}

/* An STE without V has Config 0. */
bool iommunest__sim_smmu_aborts(const struct sim_hwpt *hwpt)
{
	return hwpt->obj.type == SIM_HWPT_NESTED &&
	       config_of(hwpt->ste) == CONFIG_ABORT;
}

/* EATS is looked at with a stage 1 only. */
bool iommunest__sim_smmu_allows_ats(const struct sim_hwpt *hwpt)
{
	return !has_config_s1(hwpt) ||
	       (hwpt->ste[1] >> STE1_EATS_SHIFT & 3) == EATS_FULL;
}

int iommunest__sim_smmu_check_attach(const struct sim_device *dev,
				     const struct sim_hwpt *hwpt)
{
	if (!has_config_s1(hwpt))
		return 0;
	if (!dev->vdevice || &dev->vdevice->viommu->obj != hwpt->base)
		return -ENOENT;
	return 0;
}

/* ---- Commands ---- */

struct array {
	struct sim_call *call;
	const struct sim_viommu *viommu;
	/* The group that is being gathered, and its first index. */
	uint64_t group[GROUP][2];
	uint32_t start;
	uint32_t count;
	/* Those of the group that the hardware refuses, a bit for each. */
	uint64_t refused;
	/* It does not answer. */
	bool silent;
};

/* As the kernel copies a struct that may be longer or shorter than its own. */
static int read_entry(const struct sim_call *call, uint32_t index,
		      uint64_t word[2])
{
	const struct iommunest_uapi_invalidate *cmd = &call->cmd.invalidate;
	const uint64_t from = cmd->data_uptr + (uint64_t)index * cmd->entry_len;
	uint64_t raw[2] = { 0, 0 };
	size_t len = cmd->entry_len;
	int ret;

	if (len > sizeof(raw)) {
		ret = iommunest__sim_user_zeroed(call->sim, from + sizeof(raw),
						 len - sizeof(raw));
		if (ret <= 0)
			return ret ? ret : -E2BIG;
		len = sizeof(raw);
	}
	ret = iommunest__sim_user_read(call->sim, raw, from, len);
	word[0] = le64toh(raw[0]);
	word[1] = le64toh(raw[1]);
	return ret;
}

/* What is copied at once is copied before anything of it is looked at. */
static int check_readable(const struct sim_call *call, uint32_t first,
			  uint32_t count)
{
	const uint32_t left = call->cmd.invalidate.entry_num - first;
	uint64_t word[2];
	uint32_t i;
	int ret = 0;

	for (i = 0; !ret && i < count && i < left; i++)
		ret = read_entry(call, first + i, word);
	return ret;
}

static void put(struct iommunest_sim *sim, const uint64_t word[2])
{
	const struct iommunest_sim_command command = {
		.word = { word[0], word[1] },
	};

	if (sim->on_command)
		sim->on_command(sim->on_command_user, &command);
}

/* The hardware goes first: on_command() may look at the caches. */
static void issue_one(const struct array *array, uint32_t i)
{
	struct iommunest_sim *sim = array->call->sim;

	sim->stats.descs++;
	if (!array->silent && !(array->refused >> i & 1))
		iommunest__sim_smmu_execute(array->call->file, array->viommu,
					    array->group[i]);
	put(sim, array->group[i]);
}

static int issue(struct array *array)
{
	static const uint64_t sync[2] = { SIM_SMMU_SYNC, 0 };
	struct iommunest_sim *sim = array->call->sim;
	uint32_t i;

	if (!array->count)
		return 0;
	for (i = 0; i < array->count; i++)
		issue_one(array, i);
	put(sim, sync);
	return array->silent ? -ETIMEDOUT : 0;
}

static int gather_one(struct array *array)
{
	struct sim_call *call = array->call;
	const struct sim_call_faults *faults = &call->faults;
	const uint32_t index = array->start + array->count;
	uint64_t *word = array->group[array->count];
	struct sim_hardware_error error;
	int ret;

	if (faults->interrupt && index == faults->interrupt_at)
		return faults->interrupt;
	call->sim->stats.entries++;
	ret = iommunest__sim_fault_entry(call->sim);
	if (!ret)
		ret = read_entry(call, index, word);
	if (!ret)
		ret = iommunest__sim_smmu_convert(call, array->viommu, word);
	if (ret)
		return ret;
	error = iommunest__sim_fault_hardware(call->sim);
	/* The driver skips what the hardware refuses, and tells nobody. */
	if (error.refused) {
		call->sim->stats.refused++;
		array->refused |= UINT64_C(1) << array->count;
	}
	array->silent |= error.silent;
	array->count++;
	return 0;
}

static int gather(struct array *array)
{
	const uint32_t left =
		array->call->cmd.invalidate.entry_num - array->start;
	int ret = 0;

	array->count = 0;
	array->refused = 0;
	array->silent = false;
	while (!ret && array->count < left && array->count < GROUP)
		ret = gather_one(array);
	return ret;
}

/* A command of the group is refused with @error. */
static int refuse(struct array *array, int error, uint32_t *done)
{
	const enum sim_smmu_count counts = array->call->sim->profile->smmu;
	int ret = 0;

	*done = array->start;
	/* The group cannot be copied. */
	if (counts == SIM_SMMU_GROUP_START || error == -EFAULT ||
	    error == -E2BIG)
		return error;
	if (counts == SIM_SMMU_EXACT)
		ret = issue(array);
	if (ret)
		return ret;
	*done += array->count;
	return error;
}

static int send_groups(struct array *array, uint32_t *done)
{
	struct sim_call *call = array->call;
	int ret;

	while (array->start < call->cmd.invalidate.entry_num) {
		*done = array->start;
		ret = check_readable(call, array->start, GROUP);
		if (ret)
			return ret;
		ret = gather(array);
		if (ret)
			return refuse(array, ret, done);
		ret = issue(array);
		if (ret) {
			*done = array->start;
			if (call->sim->profile->smmu == SIM_SMMU_OVERCOUNTS)
				*done += array->count - 1;
			return ret;
		}
		array->start += array->count;
	}
	*done = array->start;
	return 0;
}

/* 7.3 copies all in one piece. */
static int check_copy(const struct sim_call *call, uint32_t *done)
{
	const struct iommunest_uapi_invalidate *cmd = &call->cmd.invalidate;
	const bool at_once = call->sim->profile->smmu == SIM_SMMU_OVERCOUNTS;

	if (at_once && cmd->entry_num > COPIED_MAX) {
		*done = cmd->entry_num;
		return -ENOMEM;
	}
	if (cmd->data_type != INVALIDATE_TYPE)
		return -EINVAL;
	if (!at_once)
		return 0;
	return cmd->entry_num ? check_readable(call, 0, cmd->entry_num)
			      : -EINVAL;
}

int iommunest__sim_smmu_invalidate(struct sim_call *call, uint32_t *done)
{
	const uint32_t id = call->cmd.invalidate.hwpt_id;
	struct array array;
	int ret;

	/* The group is large, and stays uninitialised. */
	array.call = call;
	array.viommu = iommunest__sim_viommu_get(call->file, id);
	array.start = 0;
	if (!array.viommu)
		return -EINVAL;
	/* The driver reports nothing of what hardware finds. */
	if (call->cmd.invalidate.flags)
		return -EOPNOTSUPP;
	ret = check_copy(call, done);
	return ret ? ret : send_groups(&array, done);
}
