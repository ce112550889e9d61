/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* hw_info, nest parents, vIOMMUs and vDEVICEs of an SMMUv3. */
#include "smmu.h"

#define IDR0_S2P (1u << 0)
#define IDR0_S1P (1u << 1)

/* ---- hw_info ---- */

static bool smmu_it_has_two_stages(struct conf_env *env)
{
	struct smmu_hw_info info;

	return smmu_hw_info(env, &info) &&
	       conf_expect(env,
			   (info.idr[0] & (IDR0_S1P | IDR0_S2P)) ==
				   (IDR0_S1P | IDR0_S2P),
			   "idr0 %#x", info.idr[0]) &&
	       conf_expect(env, !info.flags && !info.reserved,
			   "flags %#x, reserved %#x", info.flags,
			   info.reserved);
}

/* The vendor's type may be asked for by name, and no other's. */
static bool smmu_hw_info_is_of_its_type(struct conf_env *env)
{
	struct smmu_hw_info info;
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.flags = 1,
		.dev_id = env->dev,
		.data_len = sizeof(info),
		.data_uptr = (uintptr_t)&info,
		.out_data_type = SMMU_TYPE_HW_INFO,
	};

	if (!conf_ioctl_is(env, IOMMU_GET_HW_INFO, &cmd, 0) ||
	    !conf_expect(env, cmd.out_data_type == SMMU_TYPE_HW_INFO, "type %u",
			 cmd.out_data_type))
		return false;
	cmd.data_len = sizeof(info);
	cmd.out_data_type = 1;
	return conf_ioctl_is(env, IOMMU_GET_HW_INFO, &cmd, -EOPNOTSUPP);
}

/* ---- Parents ---- */

static bool parent_is(struct conf_env *env, uint32_t flags, int want)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = env->dev,
		.pt_id = env->ioas,
	};

	return conf_ioctl_is(env, IOMMU_HWPT_ALLOC, &cmd, want) &&
	       (want || conf_destroy_is(env, cmd.out_hwpt_id, 0));
}

static bool smmu_a_parent_has_no_other_flag(struct conf_env *env)
{
	const uint32_t nests = IOMMU_HWPT_ALLOC_NEST_PARENT;
	bool ok = parent_is(env, nests, 0);
	unsigned int bit;

	for (bit = 0; ok && bit < 32; bit++) {
		if (1u << bit != nests)
			ok = parent_is(env, nests | 1u << bit, -EOPNOTSUPP);
	}
	return ok;
}

/* ---- vIOMMUs ---- */

static bool viommu_is(struct conf_env *env, struct viommu_alloc cmd, int want)
{
	cmd.size = sizeof(cmd);
	return conf_ioctl_is(env, VIOMMU_ALLOC, &cmd, want) &&
	       (want || conf_destroy_is(env, cmd.out_viommu_id, 0));
}

static struct viommu_alloc right_viommu(const struct conf_env *env)
{
	return (struct viommu_alloc){ .type = SMMU_TYPE_VIOMMU,
				      .dev_id = env->dev,
				      .hwpt_id = env->parent };
}

static bool smmu_a_viommu_is_checked_in_order(struct conf_env *env)
{
	struct viommu_alloc cmd = right_viommu(env);
	bool ok = viommu_is(env, cmd, 0);

	cmd.hwpt_id = conf_absent(env);
	ok = ok && viommu_is(env, cmd, -ENOENT);
	cmd.type = 2;
	ok = ok && viommu_is(env, cmd, -EOPNOTSUPP);
	cmd.dev_id = env->ioas;
	ok = ok && viommu_is(env, cmd, -ENOENT);
	cmd.type = 0;
	ok = ok && viommu_is(env, cmd, -EOPNOTSUPP);
	cmd.type = SMMU_TYPE_VIOMMU;
	cmd.flags = 1;
	return ok && viommu_is(env, cmd, -EOPNOTSUPP);
}

static bool smmu_a_viommu_is_on_a_parent(struct conf_env *env)
{
	const uint32_t others[] = { env->ioas, env->nested, env->viommu, 0 };
	struct iommu_hwpt_alloc plain = {
		.size = sizeof(plain),
		.dev_id = env->dev,
		.pt_id = env->ioas,
	};
	struct viommu_alloc cmd = right_viommu(env);
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(others) / sizeof(*others); i++) {
		cmd.hwpt_id = others[i];
		ok = viommu_is(env, cmd, -ENOENT);
	}
	cmd.hwpt_id = ok ? conf_alloc_hwpt(env, &plain) : 0;
	if (!cmd.hwpt_id)
		return false;
	ok = viommu_is(env, cmd, -EINVAL);
	return conf_destroy_is(env, cmd.hwpt_id, 0) && ok;
}

/* So a caller's mistake in these is never found. */
static bool smmu_reserved_and_data_are_not_checked(struct conf_env *env)
{
	struct viommu_alloc cmd = right_viommu(env);

	cmd.reserved = 1;
	if (!viommu_is(env, cmd, 0))
		return false;
	cmd.data_len = 16;
	cmd.data_uptr = 8;
	return viommu_is(env, cmd, 0);
}

static bool smmu_what_is_in_use_is_ebusy(struct conf_env *env)
{
	uint32_t viommu = smmu_alloc_viommu(env, env->parent);
	uint32_t vdevice;
	bool ok;

	if (!viommu)
		return false;
	vdevice = smmu_alloc_vdevice(env, viommu, env->other_dev, 1);
	if (!vdevice)
		return false;
	ok = conf_destroy_is(env, viommu, -EBUSY);
	ok = conf_destroy_is(env, vdevice, 0) && ok;
	ok = conf_destroy_is(env, viommu, 0) && ok;
	return ok && conf_destroy_is(env, env->viommu, -EBUSY) &&
	       conf_destroy_is(env, env->parent, -EBUSY);
}

/* ---- vDEVICEs ---- */

static bool vdevice_is(struct conf_env *env, struct vdevice_alloc cmd, int want)
{
	cmd.size = sizeof(cmd);
	return conf_ioctl_is(env, VDEVICE_ALLOC, &cmd, want) &&
	       (want || conf_destroy_is(env, cmd.out_vdevice_id, 0));
}

static bool smmu_a_vdevice_is_checked_in_order(struct conf_env *env)
{
	const uint32_t others[] = { 0, conf_absent(env), env->parent,
				    env->nested };
	struct vdevice_alloc cmd = { .viommu_id = env->viommu,
				     .dev_id = env->other_dev,
				     .virt_id = env->vsid };
	bool ok = true;
	size_t i;

	/* Its own id is taken, and then the device has one already. */
	ok = vdevice_is(env, cmd, -EEXIST);
	cmd.dev_id = env->dev;
	cmd.virt_id = env->vsid + 1;
	ok = ok && vdevice_is(env, cmd, -EEXIST);
	cmd.dev_id = env->ioas;
	ok = ok && vdevice_is(env, cmd, -ENOENT);
	cmd.dev_id = env->other_dev;
	ok = ok && vdevice_is(env, cmd, 0);
	for (i = 0; ok && i < sizeof(others) / sizeof(*others); i++) {
		cmd.viommu_id = others[i];
		ok = vdevice_is(env, cmd, -ENOENT);
	}
	return ok;
}

/* A command has 32 bits for it, so that this one can never be named. */
static bool smmu_a_stream_id_may_be_too_wide(struct conf_env *env)
{
	struct vdevice_alloc cmd = { .viommu_id = env->viommu,
				     .dev_id = env->other_dev,
				     .virt_id = 1ull << 40 };
	bool ok;

	cmd.size = sizeof(cmd);
	if (!conf_ioctl_is(env, VDEVICE_ALLOC, &cmd, 0))
		return false;
	ok = smmu_answers(env, SMMU_CFGI_CD, 0, -EIO);
	return conf_destroy_is(env, cmd.out_vdevice_id, 0) && ok;
}

/* ---- Attached ---- */

static bool attach_other_is(struct conf_env *env, uint32_t hwpt, int want)
{
	int ret = env->attach_other(env, hwpt);

	return conf_expect(env, ret == want, "attach: %d and not %d", ret,
			   want);
}

static bool smmu_stage_1_takes_a_vdevice(struct conf_env *env)
{
	static const uint64_t stes[][2] = {
		{ 0, 0 },
		{ STE_V | STE_ABORT, 0 },
		{ STE_V | STE_BYPASS, 0 },
	};
	static const uint64_t stage1[2] = { STE_V | STE_S1 };
	uint32_t hwpt, vdevice;
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(stes) / sizeof(*stes); i++) {
		hwpt = smmu_alloc_nested(env, stes[i]);
		ok = hwpt && attach_other_is(env, hwpt, 0);
		ok = attach_other_is(env, 0, 0) && ok;
		ok = conf_destroy_is(env, hwpt, 0) && ok;
	}
	hwpt = ok ? smmu_alloc_nested(env, stage1) : 0;
	if (!hwpt)
		return false;
	ok = attach_other_is(env, hwpt, -ENOENT);
	vdevice = smmu_alloc_vdevice(env, env->viommu, env->other_dev, 7);
	ok = vdevice && attach_other_is(env, hwpt, 0) && ok;
	ok = attach_other_is(env, 0, 0) && ok;
	ok = conf_destroy_is(env, vdevice, 0) && ok;
	return conf_destroy_is(env, hwpt, 0) && ok;
}

/* Then its commands are refused, and the device goes on with its cache. */
static bool smmu_a_vdevice_goes_while_it_is_attached(struct conf_env *env)
{
	static const uint64_t stage1[2] = { STE_V | STE_S1 };
	const uint64_t cd = SMMU_CFGI_CD | SMMU_SID(7);
	uint32_t hwpt = smmu_alloc_nested(env, stage1);
	uint32_t vdevice =
		smmu_alloc_vdevice(env, env->viommu, env->other_dev, 7);
	bool ok = hwpt && vdevice && attach_other_is(env, hwpt, 0) &&
		  smmu_answers(env, cd, 0, 0) &&
		  conf_destroy_is(env, vdevice, 0) &&
		  smmu_answers(env, cd, 0, -EIO) &&
		  smmu_answers(env, SMMU_CFGI_CD_ALL | SMMU_SID(7), 0, -EIO) &&
		  smmu_answers(env, SMMU_NH_ALL, 0, 0);

	ok = attach_other_is(env, 0, 0) && ok;
	return conf_destroy_is(env, hwpt, 0) && ok;
}

/* Which is found out once the vIOMMU is found. */
static bool smmu_a_viommu_has_no_hardware_queues(struct conf_env *env)
{
	struct hw_queue_alloc cmd = { .size = sizeof(cmd),
				      .viommu_id = env->viommu,
				      .type = 1,
				      .length = CONF_PAGE };

	if (!conf_ioctl_is(env, HW_QUEUE_ALLOC, &cmd, -EOPNOTSUPP))
		return false;
	cmd.viommu_id = env->parent;
	return conf_ioctl_is(env, HW_QUEUE_ALLOC, &cmd, -ENOENT);
}

const struct conf_case conf_smmu_object_cases[] = {
	CONF_CASE(smmu_a_viommu_has_no_hardware_queues),
	CONF_CASE(smmu_it_has_two_stages),
	CONF_CASE(smmu_hw_info_is_of_its_type),
	CONF_CASE(smmu_a_parent_has_no_other_flag),
	CONF_CASE(smmu_a_viommu_is_checked_in_order),
	CONF_CASE(smmu_a_viommu_is_on_a_parent),
	CONF_CASE(smmu_reserved_and_data_are_not_checked),
	CONF_CASE(smmu_what_is_in_use_is_ebusy),
	CONF_CASE(smmu_a_vdevice_is_checked_in_order),
	CONF_CASE(smmu_a_stream_id_may_be_too_wide),
	CONF_CASE(smmu_stage_1_takes_a_vdevice),
	CONF_CASE(smmu_a_vdevice_goes_while_it_is_attached),
	{ 0 },
};
