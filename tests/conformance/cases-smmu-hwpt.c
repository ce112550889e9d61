/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Nested HWPTs of an SMMUv3: the two words of a stream table entry. */
#include "smmu.h"

#include <endian.h>

/* V, Config, S1Fmt, S1ContextPtr, S1CDMax. */
#define ALLOWED_0 0xf80fffffffffffffull
/* S1DSS, S1CIR, S1COR, S1CSH, S1STALLD, EATS. */
#define ALLOWED_1 0x380000ffull
#define EATS_1 (1ull << 28)
#define EATS_2 (1ull << 29)

static bool alloc_is(struct conf_env *env, struct iommu_hwpt_alloc cmd,
		     int want)
{
	return conf_ioctl_is(env, IOMMU_HWPT_ALLOC, &cmd, want) &&
	       (want || conf_destroy_is(env, cmd.out_hwpt_id, 0));
}

static bool ste_is(struct conf_env *env, uint64_t w0, uint64_t w1, int want)
{
	const uint64_t ste[2] = { htole64(w0), htole64(w1) };

	return alloc_is(env, smmu_nested(env, ste), want) ||
	       conf_expect(env, false, "STE %#llx %#llx is not %d",
			   (unsigned long long)w0, (unsigned long long)w1,
			   want);
}

/* Not below the parent, as a VT-d's. */
static bool smmu_a_nested_hwpt_is_on_a_viommu(struct conf_env *env)
{
	static const uint64_t ste[2];
	struct iommu_hwpt_alloc cmd = smmu_nested(env, ste);

	if (!alloc_is(env, cmd, 0))
		return false;
	cmd.pt_id = env->parent;
	if (!alloc_is(env, cmd, -EOPNOTSUPP))
		return false;
	cmd.pt_id = env->nested;
	if (!alloc_is(env, cmd, -EINVAL))
		return false;
	cmd.pt_id = conf_absent(env);
	if (!alloc_is(env, cmd, -EINVAL))
		return false;
	cmd.dev_id = conf_absent(env);
	return alloc_is(env, cmd, -ENOENT);
}

/* FAULT_ID_VALID is taken, and its id looked at last. */
static bool smmu_flags_of_a_nested_hwpt(struct conf_env *env)
{
	static const uint64_t ste[2];
	bool ok = true;
	unsigned int bit;

	for (bit = 0; ok && bit < 32; bit++) {
		struct iommu_hwpt_alloc cmd = smmu_nested(env, ste);

		cmd.flags = 1u << bit;
		cmd.fault_id = conf_absent(env);
		ok = alloc_is(env, cmd,
			      cmd.flags == IOMMU_HWPT_FAULT_ID_VALID
				      ? -ENOENT
				      : -EOPNOTSUPP);
	}
	return ok;
}

static bool smmu_type_and_length_of_an_ste(struct conf_env *env)
{
	static const uint64_t ste[3];
	struct iommu_hwpt_alloc cmd = smmu_nested(env, ste);
	struct iommu_hwpt_alloc none = cmd;
	bool ok = true;
	uint32_t len;

	none.data_type = IOMMU_HWPT_DATA_NONE;
	none.data_len = 0;
	if (!alloc_is(env, none, -EOPNOTSUPP))
		return false;
	cmd.data_type = 1;
	if (!alloc_is(env, cmd, -EINVAL))
		return false;
	cmd.data_type = 3;
	if (!alloc_is(env, cmd, -EINVAL))
		return false;
	cmd.data_type = SMMU_TYPE_HWPT;
	for (len = 0; ok && len <= sizeof(ste); len++) {
		cmd.data_len = len;
		ok = alloc_is(env, cmd, len == 2 * sizeof(*ste) ? 0 : -EINVAL);
	}
	return ok;
}

static bool smmu_an_unreadable_ste_is_efault(struct conf_env *env)
{
	struct conf_pages pages = conf_pages_new(1);
	struct iommu_hwpt_alloc cmd = smmu_nested(env, NULL);
	bool ok = alloc_is(env, cmd, -EFAULT);

	cmd.data_uptr = (uintptr_t)pages.end - 8;
	ok = ok && alloc_is(env, cmd, -EFAULT);
	cmd.data_uptr = (uintptr_t)pages.end - 16;
	ok = ok && alloc_is(env, cmd, 0);
	conf_pages_free(&pages);
	return ok;
}

/* Whatever else is in it, then. */
static bool smmu_an_ste_that_is_not_valid_is_taken(struct conf_env *env)
{
	return ste_is(env, UINT64_MAX & ~STE_V, UINT64_MAX, 0) &&
	       ste_is(env, 0, 0, 0);
}

static bool smmu_three_configs_are_taken(struct conf_env *env)
{
	bool ok = true;
	unsigned int config;

	for (config = 0; ok && config < 8; config++)
		ok = ste_is(env, STE_V | STE_CONFIG(config), 0,
			    config == 0 || config == 4 || config == 5 ? 0
								      : -EIO);
	return ok;
}

/* S1ContextPtr and S1CDMax are not compared with the hardware. */
static bool smmu_bits_of_an_ste(struct conf_env *env)
{
	bool ok = true;
	unsigned int bit;

	for (bit = 4; ok && bit < 64; bit++) {
		const uint64_t one = 1ull << bit;

		ok = ste_is(env, STE_V | STE_S1 | one, 0,
			    ALLOWED_0 & one ? 0 : -EIO);
	}
	for (bit = 0; ok && bit < 64; bit++) {
		const uint64_t one = 1ull << bit;

		ok = ste_is(env, STE_V | STE_S1, one,
			    (ALLOWED_1 & one) && one != EATS_2 ? 0 : -EIO);
	}
	return ok && ste_is(env, STE_V | STE_S1, EATS_1 | EATS_2, -EIO) &&
	       ste_is(env, STE_V | STE_BYPASS, EATS_2, -EIO);
}

const struct conf_case conf_smmu_hwpt_cases[] = {
	CONF_CASE(smmu_a_nested_hwpt_is_on_a_viommu),
	CONF_CASE(smmu_flags_of_a_nested_hwpt),
	CONF_CASE(smmu_type_and_length_of_an_ste),
	CONF_CASE(smmu_an_unreadable_ste_is_efault),
	CONF_CASE(smmu_an_ste_that_is_not_valid_is_taken),
	CONF_CASE(smmu_three_configs_are_taken),
	CONF_CASE(smmu_bits_of_an_ste),
	{ 0 },
};
