/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* vIOMMUs, virtual devices and event queues: VT-d has none. */
#include "conformance.h"
#include "viommu-uapi.h"

#define DEPTH_MAX (1u << 19)

/* 6.12 does not know any of them. */
static int since_7_3(const struct conf_env *env, int error)
{
	return env->kernel == CONF_LINUX_6_12 ? -ENOTTY : error;
}

static bool viommu_is(struct conf_env *env, struct viommu_alloc cmd, int error)
{
	cmd.size = sizeof(cmd);
	return conf_ioctl_is(env, VIOMMU_ALLOC, &cmd, since_7_3(env, error)) &&
	       conf_expect(env, !cmd.out_viommu_id, "an id");
}

static bool a_vtd_has_no_viommu(struct conf_env *env)
{
	struct viommu_alloc cmd = { .dev_id = env->dev,
				    .hwpt_id = env->parent };
	bool ok = true;

	/* The default type, those of other vendors, and none that there is. */
	for (cmd.type = 0; ok && cmd.type < 5; cmd.type++)
		ok = viommu_is(env, cmd, -EOPNOTSUPP);
	return ok;
}

static bool a_viommu_is_checked_in_order(struct conf_env *env)
{
	struct viommu_alloc cmd = { .type = 1, .dev_id = conf_absent(env) };
	bool ok = viommu_is(env, cmd, -ENOENT);

	cmd.dev_id = env->ioas;
	ok = ok && viommu_is(env, cmd, -ENOENT);
	cmd.flags = 1;
	ok = ok && viommu_is(env, cmd, -EOPNOTSUPP);
	cmd.flags = 0;
	cmd.type = 0;
	return ok && viommu_is(env, cmd, -EOPNOTSUPP);
}

static bool a_virtual_device_needs_a_viommu(struct conf_env *env)
{
	const uint32_t ids[] = { 0, conf_absent(env), env->parent, env->nested,
				 env->dev };
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(ids) / sizeof(*ids); i++) {
		struct vdevice_alloc cmd = { .size = sizeof(cmd),
					     .viommu_id = ids[i],
					     .dev_id = env->dev };

		ok = conf_ioctl_is(env, VDEVICE_ALLOC, &cmd,
				   since_7_3(env, -ENOENT));
	}
	return ok;
}

static bool queue_is(struct conf_env *env, struct veventq_alloc cmd, int error)
{
	cmd.size = sizeof(cmd);
	return conf_ioctl_is(env, VEVENTQ_ALLOC, &cmd, since_7_3(env, error));
}

static bool an_event_queue_needs_a_viommu(struct conf_env *env)
{
	struct veventq_alloc cmd = { .viommu_id = env->parent,
				     .type = 1,
				     .depth = DEPTH_MAX };
	bool ok = queue_is(env, cmd, -ENOENT);

	cmd.depth = DEPTH_MAX + 1;
	ok = ok && queue_is(env, cmd, -EINVAL);
	cmd.depth = 0;
	ok = ok && queue_is(env, cmd, -EINVAL);
	cmd.type = 0;
	ok = ok && queue_is(env, cmd, -EOPNOTSUPP);
	cmd.type = 1;
	cmd.flags = 1;
	ok = ok && queue_is(env, cmd, -EOPNOTSUPP);
	cmd.flags = 0;
	cmd.reserved = 1;
	return ok && queue_is(env, cmd, -EOPNOTSUPP);
}

const struct conf_case conf_viommu_cases[] = {
	CONF_CASE(a_vtd_has_no_viommu),
	CONF_CASE(a_viommu_is_checked_in_order),
	CONF_CASE(a_virtual_device_needs_a_viommu),
	CONF_CASE(an_event_queue_needs_a_viommu),
	{ 0 },
};
