/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * iommunest_features() itself, where it counts: it is right about the kernel,
 * and leaves no trace in it.
 */
#include "conformance.h"

/* include/uapi/linux/iommufd.h and drivers/iommu/iommufd/main.c of 6.12.117 */
#define OF_6_12                                                            \
	(IOMMUNEST_FEATURE_IOAS | IOMMUNEST_FEATURE_HW_INFO |              \
	 IOMMUNEST_FEATURE_HWPT | IOMMUNEST_FEATURE_NESTED |               \
	 IOMMUNEST_FEATURE_DIRTY_TRACKING | IOMMUNEST_FEATURE_INVALIDATE | \
	 IOMMUNEST_FEATURE_FAULT_QUEUE)
/* ... and of 7.3.4 */
#define OF_7_3                                                             \
	(OF_6_12 | IOMMUNEST_FEATURE_MAP_FILE | IOMMUNEST_FEATURE_VIOMMU | \
	 IOMMUNEST_FEATURE_CHANGE_PROCESS | IOMMUNEST_FEATURE_VEVENTQ |    \
	 IOMMUNEST_FEATURE_PASID | IOMMUNEST_FEATURE_HW_INFO_TYPE |        \
	 IOMMUNEST_FEATURE_HW_QUEUE)

static uint64_t expected(const struct conf_env *env)
{
	uint64_t features = env->kernel == CONF_LINUX_6_12 ? OF_6_12 : OF_7_3;

	if (env->reports)
		features |= IOMMUNEST_FEATURE_ERROR_REPORT;
	return features;
}

/* False, and the reason noted: there was an error. */
static bool ask(struct conf_env *env, uint64_t *features)
{
	const struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = env->sys,
		.sys_data = env->sys_data,
	};
	struct iommunest_ctx *ctx;
	int ret;

	ret = iommunest_open_fd(&ctx, env->fd, &options);
	if (!conf_expect(env, !ret, "no context: %d", ret))
		return false;
	ret = iommunest_features(ctx, features);
	iommunest_close(ctx);
	return conf_expect(env, !ret, "no answer: %d", ret);
}

static bool a_kernel_has_the_features_of_its_release(struct conf_env *env)
{
	uint64_t features = 0, want = expected(env);

	return ask(env, &features) &&
	       conf_expect(env, features == want,
			   "features %#llx instead of %#llx",
			   (unsigned long long)features,
			   (unsigned long long)want);
}

/* An object would have the lowest free id. */
static bool asking_for_features_makes_no_object(struct conf_env *env)
{
	uint32_t before = conf_alloc_ioas(env), after;
	uint64_t features;

	if (!before || !conf_destroy_is(env, before, 0) || !ask(env, &features))
		return false;
	after = conf_alloc_ioas(env);
	return conf_expect(env, after == before, "id %u instead of %u", after,
			   before) &&
	       conf_destroy_is(env, after, 0);
}

static bool asking_for_features_flushes_nothing(struct conf_env *env)
{
	struct conf_desc desc;
	uint64_t features;
	size_t count;

	if (!env->record)
		return conf_skip(env, "descriptors cannot be seen");
	env->record(env);
	if (!ask(env, &features))
		return false;
	count = env->stop(env, &desc, 1);
	return conf_expect(env, count == 0, "%zu descriptors", count);
}

const struct conf_case conf_features_cases[] = {
	CONF_CASE(a_kernel_has_the_features_of_its_release),
	CONF_CASE(asking_for_features_makes_no_object),
	CONF_CASE(asking_for_features_flushes_nothing),
	{ 0 },
};
