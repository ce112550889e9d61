/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "smmu.h"

#include <endian.h>

const struct conf_case *const conf_smmu[] = {
	conf_smmu_call_cases,
	conf_smmu_command_cases,
	conf_smmu_group_cases,
	conf_smmu_object_cases,
	conf_smmu_hwpt_cases,
	conf_smmu_event_cases,
	NULL,
};

bool smmu_hw_info(struct conf_env *env, struct smmu_hw_info *info)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = env->dev,
		.data_len = sizeof(*info),
		.data_uptr = (uintptr_t)info,
	};

	return conf_ioctl_is(env, IOMMU_GET_HW_INFO, &cmd, 0) &&
	       conf_expect(env,
			   cmd.out_data_type == SMMU_TYPE_HW_INFO &&
				   cmd.data_len == sizeof(*info),
			   "hw_info of type %u, %u bytes", cmd.out_data_type,
			   cmd.data_len);
}

bool smmu_features(struct conf_env *env, struct smmu_features *features)
{
	struct smmu_hw_info info;

	if (!smmu_hw_info(env, &info))
		return false;
	*features = (struct smmu_features){
		.asid16 = info.idr[0] >> 12 & 1,
		.ats = info.idr[0] >> 10 & 1,
		.ssid_bits = info.idr[1] >> 6 & 0x1f,
		.ril = info.idr[3] >> 10 & 1,
		.ds = info.idr[5] >> 8 & 1,
	};
	return true;
}

struct conf_command smmu_command(uint64_t w0, uint64_t w1)
{
	return (struct conf_command){ { htole64(w0), htole64(w1) } };
}

uint64_t smmu_word(const struct conf_command *command, unsigned int word)
{
	return le64toh(command->word[word]);
}

struct iommu_hwpt_invalidate smmu_call(const struct conf_env *env,
				       const struct conf_command *commands,
				       uint32_t count)
{
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = env->viommu,
		.data_uptr = (uintptr_t)commands,
		.data_type = SMMU_TYPE_INVALIDATE,
		.entry_len = sizeof(*commands),
		.entry_num = count,
	};

	return cmd;
}

bool smmu_answers(struct conf_env *env, uint64_t w0, uint64_t w1, int want)
{
	struct conf_command command = smmu_command(w0, w1);
	struct iommu_hwpt_invalidate cmd = smmu_call(env, &command, 1);
	int ret = conf_ioctl(env, IOMMU_HWPT_INVALIDATE, &cmd);

	return conf_expect(env, ret == want && cmd.entry_num == (ret == 0),
			   "%#llx %#llx: %d and not %d, entry_num %u",
			   (unsigned long long)w0, (unsigned long long)w1, ret,
			   want, cmd.entry_num);
}

uint32_t smmu_counted(const struct conf_env *env, uint32_t index)
{
	if (env->smmu_count == CONF_SMMU_GROUP_START)
		return index / SMMU_GROUP * SMMU_GROUP;
	return index;
}

uint32_t smmu_sent(const struct conf_env *env, uint32_t index)
{
	if (env->smmu_count == CONF_SMMU_EXACT)
		return index;
	return index / SMMU_GROUP * SMMU_GROUP;
}

struct iommu_hwpt_alloc smmu_nested(const struct conf_env *env,
				    const uint64_t ste[2])
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = env->dev,
		.pt_id = env->viommu,
		.data_type = SMMU_TYPE_HWPT,
		.data_len = 2 * sizeof(*ste),
		.data_uptr = (uintptr_t)ste,
	};

	return cmd;
}

uint32_t smmu_alloc_viommu(struct conf_env *env, uint32_t parent)
{
	struct viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = SMMU_TYPE_VIOMMU,
		.dev_id = env->dev,
		.hwpt_id = parent,
	};

	if (!conf_ioctl_is(env, VIOMMU_ALLOC, &cmd, 0))
		return 0;
	return cmd.out_viommu_id;
}

uint32_t smmu_alloc_vdevice(struct conf_env *env, uint32_t viommu, uint32_t dev,
			    uint64_t vsid)
{
	struct vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.dev_id = dev,
		.virt_id = vsid,
	};

	if (!conf_ioctl_is(env, VDEVICE_ALLOC, &cmd, 0))
		return 0;
	return cmd.out_vdevice_id;
}

uint32_t smmu_alloc_nested(struct conf_env *env, const uint64_t ste[2])
{
	const uint64_t words[2] = { htole64(ste[0]), htole64(ste[1]) };
	struct iommu_hwpt_alloc cmd = smmu_nested(env, words);

	return conf_alloc_hwpt(env, &cmd);
}

bool smmu_populate(struct conf_env *env)
{
	static const uint64_t bypass[2] = { STE_V | STE_BYPASS };
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = env->dev,
	};

	env->ioas = conf_alloc_ioas(env);
	if (!env->ioas)
		return false;
	cmd.pt_id = env->ioas;
	env->parent = conf_alloc_hwpt(env, &cmd);
	if (!env->parent)
		return false;
	env->viommu = smmu_alloc_viommu(env, env->parent);
	if (!env->viommu)
		return false;
	env->vdevice =
		smmu_alloc_vdevice(env, env->viommu, env->dev, env->vsid);
	if (!env->vdevice)
		return false;
	env->nested = smmu_alloc_nested(env, bypass);
	if (!env->nested)
		return false;
	env->unattached = smmu_alloc_nested(env, bypass);
	return env->unattached;
}
