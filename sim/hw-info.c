/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_GET_HW_INFO. */
#include "hw-info.h"

#include <errno.h>

#include "call.h"
#include "objects.h"
#include "registers.h"
#include "uapi-newer.h"
#include "user-memory.h"

static int check_hw_info(const struct iommunest_sim *sim,
			 const struct iommu_hw_info *cmd)
{
	if (cmd->flags & ~sim->profile->hw_info_flags)
		return -EOPNOTSUPP;
	if (cmd->__reserved[0] || cmd->__reserved[1] || cmd->__reserved[2])
		return -EOPNOTSUPP;
	return 0;
}

static int write_blob(const struct iommunest_sim *sim,
		      const struct iommu_hw_info *cmd, const void *blob,
		      uint32_t size)
{
	uint32_t len = cmd->data_len < size ? cmd->data_len : size;
	int ret = iommunest__sim_user_write(sim, cmd->data_uptr, blob, len);

	if (ret || len == cmd->data_len)
		return ret;
	return iommunest__sim_user_clear(sim, cmd->data_uptr + len,
					 cmd->data_len - len);
}

/* Sets the length. */
static int write_data(const struct iommunest_sim *sim,
		      struct iommu_hw_info *cmd)
{
	const struct iommu_hw_info_vtd vtd = {
		.flags = IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17,
		.cap_reg = sim->cap,
		.ecap_reg = sim->ecap,
	};
	const void *blob = &vtd;
	uint32_t size = sizeof(vtd);
	int ret;

	if (sim->profile->smmu) {
		blob = &sim->smmu_info;
		size = sizeof(sim->smmu_info);
	}
	ret = write_blob(sim, cmd, blob, size);
	if (!ret)
		cmd->data_len = size;
	return ret;
}

static bool can_ats(const struct iommunest_sim *sim,
		    const struct sim_device *dev)
{
	if (sim->profile->smmu && !iommunest__sim_smmu_has_ats(&sim->smmu_info))
		return false;
	return dev->ats;
}

int iommunest__sim_hw_info(struct sim_call *call)
{
	const struct iommunest_sim *sim = call->sim;
	struct iommu_hw_info *cmd = &call->cmd.hw_info;
	const uint32_t type = sim->profile->smmu ? SMMU_INFO_TYPE
						 : IOMMU_HW_INFO_TYPE_INTEL_VTD;
	const struct sim_device *dev;
	int ret = check_hw_info(sim, cmd);

	if (ret)
		return ret;
	dev = iommunest__sim_device_get(call->file, cmd->dev_id);
	if (!dev)
		return -ENOENT;
	if (cmd->flags & HW_INFO_INPUT_TYPE &&
	    cmd->out_data_type != IOMMU_HW_INFO_TYPE_NONE &&
	    cmd->out_data_type != type)
		return -EOPNOTSUPP;
	ret = write_data(sim, cmd);
	if (ret)
		return ret;
	cmd->out_data_type = type;
	if (sim->profile->has_pasids)
		cmd->out_max_pasid_log2 = (uint8_t)dev->pasid_width;
	cmd->out_capabilities = 0;
	if (iommunest__sim_can_track_dirty(sim))
		cmd->out_capabilities |= HW_INFO_CAP_DIRTY_TRACKING;
	if (sim->profile->reports_no_ats && !can_ats(sim, dev))
		cmd->out_capabilities |= HW_INFO_CAP_PCI_ATS_NOT_SUPPORTED;
	return iommunest__sim_call_respond(call, sizeof(*cmd));
}
