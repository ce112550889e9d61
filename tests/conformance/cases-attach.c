/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What a stage 1 says is looked at when a device is attached. */
#include "conformance.h"

#define BIT(n) (1ull << (n))
#define CAP_FL5LP BIT(60)
#define ECAP_SRS BIT(31)
#define ECAP_EAFS BIT(34)

static bool registers(struct conf_env *env, struct iommu_hw_info_vtd *vtd)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = env->dev,
		.data_len = sizeof(*vtd),
		.data_uptr = (uintptr_t)vtd,
	};

	return conf_ioctl_is(env, IOMMU_GET_HW_INFO, &cmd, 0);
}

/* As at first, whatever has been refused. */
static bool go_back(struct conf_env *env)
{
	int off = env->attach(env, 0), on = env->attach(env, env->nested);

	return conf_expect(env, off == 0 && on == 0, "detach %d, attach %d",
			   off, on);
}

/* Attaches a new HWPT of @s1, and then the usual one again. */
static bool attach_is(struct conf_env *env, const struct iommu_hwpt_vtd_s1 *s1,
		      int want)
{
	struct iommu_hwpt_alloc cmd = conf_nested(env, s1);
	uint32_t id = conf_alloc_hwpt(env, &cmd);
	int ret;

	if (!id)
		return false;
	ret = env->attach(env, id);
	return go_back(env) &&
	       conf_expect(env, ret == want,
			   "width %u flags %#llx: %d and not %d",
			   s1->addr_width, (unsigned long long)s1->flags, ret,
			   want) &&
	       conf_destroy_is(env, id, 0);
}

static bool widths_are_those_of_4_and_5_levels(struct conf_env *env)
{
	static const uint32_t wrong[] = { 0, 39, 47, 49, 56, 58, 64 };
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hw_info_vtd vtd = { 0 };
	bool ok = true;
	size_t i;

	if (!env->attach)
		return conf_skip(env, "devices cannot be attached");
	if (!registers(env, &vtd) || !attach_is(env, &s1, 0))
		return false;
	for (i = 0; ok && i < sizeof(wrong) / sizeof(*wrong); i++) {
		s1.addr_width = wrong[i];
		ok = attach_is(env, &s1, -EINVAL);
	}
	s1.addr_width = 57;
	return ok && attach_is(env, &s1, vtd.cap_reg & CAP_FL5LP ? 0 : -EINVAL);
}

static bool flags_need_the_hardware(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hw_info_vtd vtd = { 0 };

	if (!env->attach)
		return conf_skip(env, "devices cannot be attached");
	if (!registers(env, &vtd))
		return false;
	s1.flags = IOMMU_VTD_S1_SRE;
	if (!attach_is(env, &s1, vtd.ecap_reg & ECAP_SRS ? 0 : -EINVAL))
		return false;
	s1.flags = IOMMU_VTD_S1_EAFE;
	return attach_is(env, &s1, vtd.ecap_reg & ECAP_EAFS ? 0 : -EINVAL);
}

static bool other_flags_are_not_looked_at(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();

	if (!env->attach)
		return conf_skip(env, "devices cannot be attached");
	s1.flags = ~(uint64_t)(IOMMU_VTD_S1_SRE | IOMMU_VTD_S1_EAFE);
	s1.__reserved = UINT32_MAX;
	return attach_is(env, &s1, 0);
}

static bool an_attached_hwpt_is_in_use_until_it_is_not(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hwpt_alloc cmd = conf_nested(env, &s1);
	bool ok = true;
	uint32_t id;

	if (!env->attach)
		return conf_skip(env, "devices cannot be attached");
	id = conf_alloc_hwpt(env, &cmd);
	ok = id && conf_expect(env, env->attach(env, id) == 0, "attach") &&
	     conf_destroy_is(env, id, -EBUSY) &&
	     conf_expect(env, env->attach(env, 0) == 0, "detach") &&
	     conf_destroy_is(env, id, 0);
	return go_back(env) && ok;
}

/* As the entries of any HWPT without a device. */
static bool nothing_is_sent_for_an_hwpt_that_was_left(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1_invalidate one = { .npages = 1 };
	struct iommu_hwpt_invalidate call = conf_call(env, &one, 1);
	struct conf_desc descs[8];
	size_t count;
	bool ok;

	if (!env->attach || !env->record)
		return conf_skip(env, "descriptors cannot be seen");
	if (!conf_expect(env, env->attach(env, 0) == 0, "detach"))
		return false;
	env->record(env);
	ok = conf_invalidate_is(env, &call, 0, 1);
	count = env->stop(env, descs, 8);
	ok = ok && conf_expect(env, count == 0, "%zu descriptors", count);
	return go_back(env) && ok;
}

static size_t flushes_of_one_entry(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1_invalidate one = { .npages = 1 };
	struct iommu_hwpt_invalidate call = conf_call(env, &one, 1);
	struct conf_desc descs[8];
	size_t count, i, piotlb = 0;

	env->record(env);
	conf_ioctl(env, IOMMU_HWPT_INVALIDATE, &call);
	count = env->stop(env, descs, 8);
	for (i = 0; i < count && i < 8; i++)
		piotlb += descs[i].kind != CONF_DEV_TLB;
	return piotlb;
}

/*
 * The driver blocks the device before it looks.  6.12 attaches it again to
 * what it had; 7.3 does not, and attaching that once more changes nothing.
 */
static bool a_refused_attach_stops_flushes_in_7_3(struct conf_env *env)
{
	const size_t want = env->kernel == CONF_LINUX_6_12 ? 1 : 0;
	struct iommu_hwpt_vtd_s1 s1 = { .addr_width = 39 };
	struct iommu_hwpt_alloc cmd = conf_nested(env, &s1);
	size_t refused, again, back;
	uint32_t id;
	int ret;

	if (!env->attach || !env->record)
		return conf_skip(env, "descriptors cannot be seen");
	id = conf_alloc_hwpt(env, &cmd);
	if (!id ||
	    !conf_expect(env, env->attach(env, id) == -EINVAL, "not refused"))
		return false;
	refused = flushes_of_one_entry(env);
	ret = env->attach(env, env->nested);
	again = flushes_of_one_entry(env);
	if (!go_back(env) ||
	    !conf_expect(env, ret == 0, "attached again: %d", ret))
		return false;
	back = flushes_of_one_entry(env);
	return conf_expect(env, refused == want && again == want && back == 1,
			   "%zu, %zu and %zu flushes", refused, again, back) &&
	       conf_destroy_is(env, id, 0);
}

const struct conf_case conf_attach_cases[] = {
	CONF_CASE(widths_are_those_of_4_and_5_levels),
	CONF_CASE(flags_need_the_hardware),
	CONF_CASE(other_flags_are_not_looked_at),
	CONF_CASE(an_attached_hwpt_is_in_use_until_it_is_not),
	CONF_CASE(nothing_is_sent_for_an_hwpt_that_was_left),
	CONF_CASE(a_refused_attach_stops_flushes_in_7_3),
	{ 0 },
};
