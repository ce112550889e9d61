/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_HWPT_INVALIDATE of a vIOMMU: the call as a whole. */
#include "smmu.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ENTRIES (1u << 19)
/* The kernel's copy of an array is one allocation, of at most 4 MiB. */
#define MAX_COPIED (1u << 18)

static struct conf_command flush_all(void)
{
	return smmu_command(SMMU_NSNH_ALL, 0);
}

static bool smmu_a_size_that_is_no_call_leaves_entry_num(struct conf_env *env)
{
	struct conf_command one = flush_all();
	struct {
		struct iommu_hwpt_invalidate cmd;
		uint64_t tail[3];
	} arg = { .cmd = smmu_call(env, &one, 1), .tail = { 0, 0, 1 } };

	arg.cmd.size = sizeof(arg.cmd) - 1;
	if (!conf_invalidate_is(env, &arg.cmd, -EINVAL, 1))
		return false;
	arg.cmd.size = sizeof(arg);
	return conf_invalidate_is(env, &arg.cmd, -E2BIG, 1) &&
	       conf_ioctl_is(env, IOMMU_HWPT_INVALIDATE, NULL, -EFAULT) &&
	       conf_ioctl_is(env, _IO(';', 0xff), &arg, -ENOTTY);
}

static bool smmu_reserved_is_eopnotsupp(struct conf_env *env)
{
	struct conf_command one = flush_all();
	bool ok = true;
	unsigned int bit;

	for (bit = 0; ok && bit < 32; bit++) {
		struct iommu_hwpt_invalidate cmd = smmu_call(env, &one, 1);

		cmd.__reserved = 1u << bit;
		ok = conf_invalidate_is(env, &cmd, -EOPNOTSUPP, 0);
	}
	return ok;
}

/* Before it is known what has the id. */
static bool smmu_the_array_is_bound(struct conf_env *env)
{
	struct conf_command one = flush_all();
	struct iommu_hwpt_invalidate cmd = smmu_call(env, NULL, 1);

	cmd.hwpt_id = conf_absent(env);
	if (!conf_invalidate_is(env, &cmd, -EINVAL, 0))
		return false;
	cmd = smmu_call(env, &one, 1);
	cmd.hwpt_id = conf_absent(env);
	cmd.entry_len = 0;
	if (!conf_invalidate_is(env, &cmd, -EINVAL, 0))
		return false;
	cmd.entry_num = 1;
	cmd.entry_len = CONF_PAGE + 1;
	if (!conf_invalidate_is(env, &cmd, -EINVAL, 0))
		return false;
	cmd.entry_num = MAX_ENTRIES + 1;
	cmd.entry_len = sizeof(one);
	if (!conf_invalidate_is(env, &cmd, -EINVAL, 0))
		return false;
	cmd.entry_num = MAX_ENTRIES;
	return conf_invalidate_is(env, &cmd, -ENOENT, 0);
}

static bool smmu_an_absent_id_is_enoent(struct conf_env *env)
{
	struct conf_command one = flush_all();
	struct iommu_hwpt_invalidate cmd = smmu_call(env, &one, 1);

	cmd.hwpt_id = conf_absent(env);
	if (!conf_invalidate_is(env, &cmd, -ENOENT, 0))
		return false;
	cmd.entry_num = 1;
	cmd.hwpt_id = 0;
	return conf_invalidate_is(env, &cmd, -ENOENT, 0);
}

static bool smmu_an_id_without_a_cache_is_einval(struct conf_env *env)
{
	const uint32_t ids[] = { env->ioas, env->parent, env->dev,
				 env->vdevice };
	struct conf_command one = flush_all();
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(ids) / sizeof(*ids); i++) {
		struct iommu_hwpt_invalidate cmd = smmu_call(env, &one, 1);

		cmd.hwpt_id = ids[i];
		ok = conf_invalidate_is(env, &cmd, -EINVAL, 0);
	}
	return ok;
}

/* It is the vIOMMU that is flushed. */
static bool smmu_a_nested_hwpt_is_eopnotsupp(struct conf_env *env)
{
	static const uint32_t types[] = { 0, 1, 2, 0xdeadbeef };
	struct conf_command one = flush_all();
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(types) / sizeof(*types); i++) {
		struct iommu_hwpt_invalidate cmd = smmu_call(env, &one, 1);

		cmd.hwpt_id = env->nested;
		cmd.data_type = types[i];
		ok = conf_invalidate_is(env, &cmd, -EOPNOTSUPP, 0);
		cmd.entry_num = 0;
		ok = ok && conf_invalidate_is(env, &cmd, -EOPNOTSUPP, 0);
	}
	return ok;
}

/*
 * Row 10.  Where the array is copied in pieces, none is too many.  A case of
 * its own: 7.3 warns in its log, which is trouble everywhere else.
 */
bool smmu_too_many_for_one_copy_are_enomem(struct conf_env *env)
{
	struct conf_command *commands =
		calloc(MAX_COPIED + 1, sizeof(*commands));
	struct iommu_hwpt_invalidate cmd;
	uint32_t i;
	bool ok;

	if (!commands)
		return conf_skip(env, "no memory");
	for (i = 0; i <= MAX_COPIED; i++)
		commands[i] = smmu_command(SMMU_NH_VAA, i * 0x1000ull);
	cmd = smmu_call(env, commands, MAX_COPIED + 1);
	if (env->smmu_count == CONF_SMMU_OVERCOUNTS)
		ok = conf_invalidate_is(env, &cmd, -ENOMEM, MAX_COPIED + 1);
	else
		ok = conf_invalidate_is(env, &cmd, 0, MAX_COPIED + 1);
	free(commands);
	return ok;
}

static bool smmu_another_data_type_is_einval(struct conf_env *env)
{
	static const uint32_t types[] = { 0, 2, 0xdeadbeef, UINT32_MAX };
	struct conf_command one = flush_all();
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(types) / sizeof(*types); i++) {
		struct iommu_hwpt_invalidate cmd = smmu_call(env, &one, 1);

		cmd.data_type = types[i];
		ok = conf_invalidate_is(env, &cmd, -EINVAL, 0);
		cmd.entry_num = 0;
		ok = ok && conf_invalidate_is(env, &cmd, -EINVAL, 0);
	}
	return ok;
}

/* The kernel's documentation says that it asks for the type. */
static bool smmu_no_commands_are_einval(struct conf_env *env)
{
	struct conf_command one = flush_all();
	struct iommu_hwpt_invalidate cmd = smmu_call(env, &one, 0);
	const int want = env->smmu_count == CONF_SMMU_OVERCOUNTS ? -EINVAL : 0;

	if (!conf_invalidate_is(env, &cmd, want, 0))
		return false;
	cmd = smmu_call(env, NULL, 0);
	return conf_invalidate_is(env, &cmd, want, 0);
}

/* Nothing is sent: all is copied first. */
static bool smmu_an_unreadable_command_is_efault(struct conf_env *env)
{
	const uint32_t counts[] = { 1, 2, SMMU_GROUP, 100 };
	struct conf_pages pages = conf_pages_new(1);
	struct conf_command *end = (struct conf_command *)(void *)pages.end;
	bool ok = true;
	size_t i, k;

	for (i = 0; ok && i < sizeof(counts) / sizeof(*counts); i++) {
		const uint32_t count = counts[i];
		struct conf_command sent[4];
		struct iommu_hwpt_invalidate cmd;
		const uint32_t want =
			env->smmu_count == CONF_SMMU_OVERCOUNTS
				? 0
				: (count - 1) / SMMU_GROUP * SMMU_GROUP;

		for (k = 1; k < count; k++)
			end[-(int)k] = flush_all();
		cmd = smmu_call(env, end - (count - 1), count);
		if (env->record)
			env->record(env);
		ok = conf_invalidate_is(env, &cmd, -EFAULT, want);
		if (ok && env->commands) {
			size_t n = env->commands(env, sent, 4);

			ok = conf_expect(env, n == want + (want != 0),
					 "%zu commands were sent", n);
		}
	}
	conf_pages_free(&pages);
	return ok;
}

static bool smmu_a_longer_entry_needs_a_zero_tail(struct conf_env *env)
{
	struct {
		struct conf_command command;
		uint64_t tail;
	} entries[3] = { { flush_all(), 0 },
			 { flush_all(), 0 },
			 { flush_all(), 0 } };
	struct iommu_hwpt_invalidate cmd =
		smmu_call(env, &entries[0].command, 3);
	size_t i;

	cmd.entry_len = sizeof(entries[0]);
	if (!conf_invalidate_is(env, &cmd, 0, 3))
		return false;
	for (i = 0; i < 3; i++) {
		entries[i].tail = 1ull << 63;
		cmd.entry_num = 3;
		if (!conf_invalidate_is(env, &cmd, -E2BIG, 0))
			return false;
		entries[i].tail = 0;
	}
	return true;
}

/* What is missing is zero: so a command of one byte is taken. */
static bool smmu_a_shorter_entry_is_filled_with_zeros(struct conf_env *env)
{
	struct conf_command one = flush_all();
	bool ok = true;
	uint32_t len;

	one.word[1] = UINT64_MAX;
	for (len = 1; ok && len <= 8; len++) {
		struct iommu_hwpt_invalidate cmd = smmu_call(env, &one, 1);

		cmd.entry_len = len;
		ok = conf_invalidate_is(env, &cmd, 0, 1);
	}
	for (; ok && len <= 16; len++) {
		struct iommu_hwpt_invalidate cmd = smmu_call(env, &one, 1);

		cmd.entry_len = len;
		ok = conf_invalidate_is(env, &cmd, -EIO, 0);
	}
	return ok;
}

static bool smmu_several_viommus_are_flushed_alike(struct conf_env *env)
{
	struct conf_command one = flush_all();
	struct iommu_hwpt_invalidate cmd = smmu_call(env, &one, 1);
	bool ok;

	cmd.hwpt_id = smmu_alloc_viommu(env, env->parent);
	if (!cmd.hwpt_id)
		return false;
	ok = conf_invalidate_is(env, &cmd, 0, 1);
	return conf_destroy_is(env, cmd.hwpt_id, 0) && ok;
}

/* What is copied at once is copied before any of it is looked at. */
static bool smmu_an_unreadable_command_comes_first(struct conf_env *env)
{
	struct conf_pages pages = conf_pages_new(1);
	struct conf_command *last =
		(struct conf_command *)(void *)pages.end - 1;
	struct iommu_hwpt_invalidate cmd = smmu_call(env, last, 2);
	bool ok;

	*last = smmu_command(SMMU_SYNC, 0);
	ok = conf_invalidate_is(env, &cmd, -EFAULT, 0);
	conf_pages_free(&pages);
	return ok;
}

/*
 * With the patches of kernel/, iommufd knows the flag, and what it asks for is
 * written; the driver refuses it, once it is asked.
 */
static bool smmu_a_report_is_refused_by_the_driver(struct conf_env *env)
{
	const bool known = env->smmu_count == CONF_SMMU_EXACT;
	struct conf_command one = flush_all();
	struct iommu_hwpt_invalidate cmd = smmu_call(env, &one, 1);

	cmd.__reserved = 1;
	if (!conf_invalidate_is(env, &cmd, -EOPNOTSUPP, 0))
		return false;
	cmd.entry_num = MAX_ENTRIES + 1;
	if (!conf_invalidate_is(env, &cmd, known ? -EINVAL : -EOPNOTSUPP, 0))
		return false;
	cmd.entry_num = 1;
	cmd.hwpt_id = env->parent;
	return conf_invalidate_is(env, &cmd, known ? -EINVAL : -EOPNOTSUPP, 0);
}

const struct conf_case conf_smmu_call_cases[] = {
	CONF_CASE(smmu_a_report_is_refused_by_the_driver),
	CONF_CASE(smmu_an_unreadable_command_comes_first),
	CONF_CASE(smmu_a_size_that_is_no_call_leaves_entry_num),
	CONF_CASE(smmu_reserved_is_eopnotsupp),
	CONF_CASE(smmu_the_array_is_bound),
	CONF_CASE(smmu_an_absent_id_is_enoent),
	CONF_CASE(smmu_an_id_without_a_cache_is_einval),
	CONF_CASE(smmu_a_nested_hwpt_is_eopnotsupp),
	CONF_CASE(smmu_another_data_type_is_einval),
	CONF_CASE(smmu_no_commands_are_einval),
	CONF_CASE(smmu_an_unreadable_command_is_efault),
	CONF_CASE(smmu_a_longer_entry_needs_a_zero_tail),
	CONF_CASE(smmu_a_shorter_entry_is_filled_with_zeros),
	CONF_CASE(smmu_several_viommus_are_flushed_alike),
	{ 0 },
};
