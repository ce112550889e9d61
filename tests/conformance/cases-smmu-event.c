/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Event queues of a vIOMMU, without events: those take a device's DMA. */
#include "smmu.h"

#define DEPTH_MAX (1u << 19)

static struct veventq_alloc right_queue(const struct conf_env *env)
{
	return (struct veventq_alloc){ .size = sizeof(struct veventq_alloc),
				       .viommu_id = env->viommu,
				       .type = SMMU_TYPE_VEVENTQ,
				       .depth = 4 };
}

static bool close_queue(struct conf_env *env, const struct veventq_alloc *cmd)
{
	env->sys->close(env->sys_data, (int)cmd->out_veventq_fd);
	return conf_destroy_is(env, cmd->out_veventq_id, 0);
}

static bool queue_is(struct conf_env *env, struct veventq_alloc cmd, int want)
{
	return conf_ioctl_is(env, VEVENTQ_ALLOC, &cmd, want) &&
	       (want || close_queue(env, &cmd));
}

static bool smmu_an_event_queue_is_checked_in_order(struct conf_env *env)
{
	struct veventq_alloc cmd = right_queue(env);
	bool ok = queue_is(env, cmd, 0);

	cmd.depth = DEPTH_MAX;
	ok = ok && queue_is(env, cmd, 0);
	cmd.viommu_id = conf_absent(env);
	ok = ok && queue_is(env, cmd, -ENOENT);
	cmd.viommu_id = env->parent;
	ok = ok && queue_is(env, cmd, -ENOENT);
	cmd.depth = DEPTH_MAX + 1;
	ok = ok && queue_is(env, cmd, -EINVAL);
	cmd.depth = 0;
	ok = ok && queue_is(env, cmd, -EINVAL);
	cmd.type = 0;
	ok = ok && queue_is(env, cmd, -EOPNOTSUPP);
	cmd.type = SMMU_TYPE_VEVENTQ;
	cmd.flags = 1;
	ok = ok && queue_is(env, cmd, -EOPNOTSUPP);
	cmd.flags = 0;
	cmd.reserved = 1;
	return ok && queue_is(env, cmd, -EOPNOTSUPP);
}

/* Another type is taken, and nothing ever comes by it. */
static bool smmu_there_is_one_event_queue_of_a_type(struct conf_env *env)
{
	struct veventq_alloc cmd = right_queue(env), second = cmd;
	bool ok;

	if (!conf_ioctl_is(env, VEVENTQ_ALLOC, &cmd, 0))
		return false;
	ok = queue_is(env, second, -EEXIST);
	second.type = 2;
	ok = ok && queue_is(env, second, 0);
	ok = close_queue(env, &cmd) && ok;
	second.type = SMMU_TYPE_VEVENTQ;
	return ok && queue_is(env, second, 0);
}

static bool smmu_an_empty_event_queue_reads_nothing(struct conf_env *env)
{
	struct veventq_alloc cmd = right_queue(env);
	char record[64];
	ssize_t small, empty;
	bool ok;

	if (!conf_ioctl_is(env, VEVENTQ_ALLOC, &cmd, 0))
		return false;
	small = env->sys->read(env->sys_data, (int)cmd.out_veventq_fd, record,
			       sizeof(struct vevent_header) - 1);
	empty = env->sys->read(env->sys_data, (int)cmd.out_veventq_fd, record,
			       sizeof(record));
	ok = conf_expect(env, small == -EINVAL && empty == 0,
			 "read: %zd of 7 bytes, %zd of 64", small, empty);
	return close_queue(env, &cmd) && ok;
}

static bool smmu_an_event_queue_holds_its_viommu(struct conf_env *env)
{
	struct veventq_alloc cmd = right_queue(env);
	bool ok;

	cmd.viommu_id = smmu_alloc_viommu(env, env->parent);
	if (!cmd.viommu_id || !conf_ioctl_is(env, VEVENTQ_ALLOC, &cmd, 0))
		return false;
	ok = conf_destroy_is(env, cmd.viommu_id, -EBUSY);
	ok = close_queue(env, &cmd) && ok;
	return conf_destroy_is(env, cmd.viommu_id, 0) && ok;
}

const struct conf_case conf_smmu_event_cases[] = {
	CONF_CASE(smmu_an_event_queue_is_checked_in_order),
	CONF_CASE(smmu_there_is_one_event_queue_of_a_type),
	CONF_CASE(smmu_an_empty_event_queue_reads_nothing),
	CONF_CASE(smmu_an_event_queue_holds_its_viommu),
	{ 0 },
};
