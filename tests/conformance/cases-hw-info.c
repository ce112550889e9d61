/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_GET_HW_INFO. */
#include "conformance.h"

#include <string.h>

/* Newer than the headers that this may be built with. */
#define INPUT_TYPE (1u << 0)

#define ECAP_NEST (1ull << 26)
#define ECAP_SMTS (1ull << 43)

static struct iommu_hw_info ask(const struct conf_env *env, void *data,
				uint32_t len)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = env->dev,
		.data_len = len,
		.data_uptr = (uintptr_t)data,
	};

	return cmd;
}

static bool answers(struct conf_env *env, struct iommu_hw_info *cmd, int want)
{
	return conf_ioctl_is(env, IOMMU_GET_HW_INFO, cmd, want);
}

static bool it_is_a_vtd_that_nests(struct conf_env *env)
{
	const uint64_t nests = ECAP_NEST | ECAP_SMTS;
	struct iommu_hw_info_vtd vtd = { 0 };
	struct iommu_hw_info cmd = ask(env, &vtd, sizeof(vtd));

	cmd.out_data_type = 0x5a;
	return answers(env, &cmd, 0) &&
	       conf_expect(env,
			   cmd.out_data_type == IOMMU_HW_INFO_TYPE_INTEL_VTD &&
				   cmd.data_len == sizeof(vtd),
			   "type %u, %u bytes", cmd.out_data_type,
			   cmd.data_len) &&
	       conf_expect(env, (vtd.ecap_reg & nests) == nests, "ecap %#llx",
			   (unsigned long long)vtd.ecap_reg) &&
	       conf_expect(env,
			   vtd.flags == IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17 &&
				   !vtd.__reserved,
			   "flags %#x", vtd.flags);
}

/* For no bytes, no address is looked at. */
static bool no_buffer_tells_the_length(struct conf_env *env)
{
	static const uint64_t addrs[] = { 0, 8, 0xffff800000000000,
					  UINT64_MAX };
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(addrs) / sizeof(*addrs); i++) {
		struct iommu_hw_info cmd = ask(env, NULL, 0);

		cmd.data_uptr = addrs[i];
		ok = answers(env, &cmd, 0) &&
		     conf_expect(env,
				 cmd.data_len ==
					 sizeof(struct iommu_hw_info_vtd),
				 "%u bytes", cmd.data_len);
	}
	return ok;
}

static bool a_short_buffer_is_filled_as_far_as_it_goes(struct conf_env *env)
{
	char full[64] = { 0 }, part[64];
	struct iommu_hw_info cmd = ask(env, full, 24);
	bool ok = answers(env, &cmd, 0);
	uint32_t len;

	for (len = 1; ok && len < 24; len++) {
		memset(part, 0x5a, sizeof(part));
		cmd = ask(env, part, len);
		ok = answers(env, &cmd, 0) &&
		     conf_expect(env,
				 !memcmp(part, full, len) &&
					 part[len] == 0x5a &&
					 cmd.data_len == 24,
				 "%u bytes", len);
	}
	return ok;
}

static bool a_long_buffer_is_cleared_to_its_end(struct conf_env *env)
{
	static const char zeros[9000];
	static char data[9000];
	struct iommu_hw_info cmd = ask(env, data, 8192 + 100);

	memset(data, 0x5a, sizeof(data));
	return answers(env, &cmd, 0) &&
	       conf_expect(env,
			   !memcmp(data + 24, zeros, 8192 + 76) &&
				   data[8192 + 100] == 0x5a,
			   "not cleared, or too far");
}

static bool a_buffer_that_is_none_is_efault(struct conf_env *env)
{
	struct conf_pages pages = conf_pages_new(1);
	struct iommu_hw_info in_data = ask(env, pages.end - 23, 24);
	struct iommu_hw_info in_rest = ask(env, pages.end - 63, 64);
	struct iommu_hw_info null = ask(env, NULL, 1);
	struct iommu_hw_info fits = ask(env, pages.end - 64, 64);
	bool ok = answers(env, &in_data, -EFAULT) &&
		  answers(env, &in_rest, -EFAULT) &&
		  answers(env, &null, -EFAULT) && answers(env, &fits, 0);

	conf_pages_free(&pages);
	return ok;
}

static bool reserved_bytes_are_eopnotsupp(struct conf_env *env)
{
	struct iommu_hw_info cmd;
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < 3; i++) {
		cmd = ask(env, NULL, 0);
		cmd.__reserved[i] = 1;
		ok = answers(env, &cmd, -EOPNOTSUPP);
	}
	return ok;
}

static bool unknown_flags_are_eopnotsupp(struct conf_env *env)
{
	bool ok = true;
	unsigned int bit;

	for (bit = 1; ok && bit < 32; bit++) {
		struct iommu_hw_info cmd = ask(env, NULL, 0);

		cmd.flags = 1u << bit;
		ok = answers(env, &cmd, -EOPNOTSUPP);
	}
	return ok;
}

static bool types_can_be_asked_for_after_6_12(struct conf_env *env)
{
	const bool old = env->kernel == CONF_LINUX_6_12;
	static const struct {
		uint32_t type;
		int error;
	} rows[] = {
		{ 0, 0 }, { 1, 0 }, { 2, -EOPNOTSUPP }, { 0x5a, -EOPNOTSUPP }
	};
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(rows) / sizeof(*rows); i++) {
		struct iommu_hw_info cmd = ask(env, NULL, 0);

		cmd.flags = INPUT_TYPE;
		cmd.out_data_type = rows[i].type;
		ok = answers(env, &cmd, old ? -EOPNOTSUPP : rows[i].error);
	}
	return ok;
}

static bool what_is_no_device_is_enoent(struct conf_env *env)
{
	const uint32_t ids[] = { 0, conf_absent(env), env->ioas, env->parent,
				 env->nested };
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(ids) / sizeof(*ids); i++) {
		struct iommu_hw_info cmd = ask(env, NULL, 1);

		cmd.dev_id = ids[i];
		ok = answers(env, &cmd, -ENOENT);
		cmd.__reserved[2] = 1;
		ok = ok && answers(env, &cmd, -EOPNOTSUPP);
	}
	return ok;
}

const struct conf_case conf_hw_info_cases[] = {
	CONF_CASE(it_is_a_vtd_that_nests),
	CONF_CASE(no_buffer_tells_the_length),
	CONF_CASE(a_short_buffer_is_filled_as_far_as_it_goes),
	CONF_CASE(a_long_buffer_is_cleared_to_its_end),
	CONF_CASE(a_buffer_that_is_none_is_efault),
	CONF_CASE(reserved_bytes_are_eopnotsupp),
	CONF_CASE(unknown_flags_are_eopnotsupp),
	CONF_CASE(types_can_be_asked_for_after_6_12),
	CONF_CASE(what_is_no_device_is_enoent),
	{ 0 },
};
