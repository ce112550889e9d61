/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Arrays: in which groups they are sent, and what is counted. */
#include "smmu.h"

#define MOST 200u
/* Each group's CMD_SYNC besides. */
#define ROOM (MOST + 8)

/* Each has an address of its own. */
static void fill(struct conf_command *commands)
{
	uint32_t i;

	for (i = 0; i < MOST; i++)
		commands[i] = smmu_command(SMMU_NH_VAA,
					   (i + 1) * 0x1000ull | SMMU_LEAF);
}

/* A CMD_SYNC after each 63, and after the last. */
static bool are_sent_in_groups(struct conf_env *env, uint32_t count)
{
	struct conf_command sent[ROOM];
	size_t total = env->commands(env, sent, ROOM);
	uint32_t next = 0;
	size_t i;

	for (i = 0; i < total; i++) {
		const uint64_t op = smmu_word(&sent[i], 0) & SMMU_OP;
		const bool sync =
			next && (next == count || next % SMMU_GROUP == 0) &&
			(smmu_word(&sent[i - 1], 0) & SMMU_OP) != SMMU_SYNC;

		if (sync && op == SMMU_SYNC)
			continue;
		if (!conf_expect(env,
				 !sync && op == SMMU_NH_VAA &&
					 smmu_word(&sent[i], 1) ==
						 ((next + 1) * 0x1000ull |
						  SMMU_LEAF),
				 "%u commands: number %zu in the queue is "
				 "%#llx %#llx",
				 count, i,
				 (unsigned long long)smmu_word(&sent[i], 0),
				 (unsigned long long)smmu_word(&sent[i], 1)))
			return false;
		next++;
	}
	return conf_expect(env,
			   next == count &&
				   total == count + (count + SMMU_GROUP - 1) /
							    SMMU_GROUP,
			   "%u commands: %u were sent, %zu with CMD_SYNCs",
			   count, next, total);
}

static bool smmu_each_63_have_a_sync(struct conf_env *env)
{
	static const uint32_t counts[] = { 1,  2,   62,	 63,  64,
					   65, 126, 127, 189, MOST };
	struct conf_command commands[MOST];
	bool ok = true;
	size_t i;

	if (!env->commands)
		return conf_skip(env, "the queue is not seen");
	fill(commands);
	for (i = 0; ok && i < sizeof(counts) / sizeof(*counts); i++) {
		struct iommu_hwpt_invalidate cmd =
			smmu_call(env, commands, counts[i]);

		env->record(env);
		ok = conf_invalidate_is(env, &cmd, 0, counts[i]) &&
		     are_sent_in_groups(env, counts[i]);
	}
	return ok;
}

/* A refused command at each place that matters, by an opcode and by a field. */
static bool smmu_a_refused_command_is_counted_to(struct conf_env *env)
{
	static const uint32_t at[] = { 0,  1,  10,  61,	 62,  63,  64,
				       70, 99, 125, 126, 127, 188, 199 };
	const struct conf_command bad[] = {
		smmu_command(SMMU_SYNC, 0),
		smmu_command(SMMU_CFGI_STE | SMMU_SID(env->vsid), 0),
		smmu_command(SMMU_NH_VAA | SMMU_ASID(1), 0),
		smmu_command(SMMU_CFGI_CD | SMMU_SID(env->vsid + 1), 0),
	};
	bool ok = true;
	size_t i;

	if (!env->commands)
		return conf_skip(env, "the queue is not seen");
	for (i = 0; ok && i < sizeof(at) / sizeof(*at); i++) {
		struct conf_command commands[MOST];
		struct iommu_hwpt_invalidate cmd;

		fill(commands);
		commands[at[i]] = bad[i % 4];
		cmd = smmu_call(env, commands, MOST);
		env->record(env);
		ok = conf_invalidate_is(env, &cmd, -EIO,
					smmu_counted(env, at[i])) &&
		     are_sent_in_groups(env, smmu_sent(env, at[i]));
	}
	return ok;
}

static bool smmu_the_first_refused_one_counts(struct conf_env *env)
{
	struct conf_command commands[MOST];
	struct iommu_hwpt_invalidate cmd;

	fill(commands);
	commands[70] = smmu_command(SMMU_SYNC, 0);
	commands[80] = smmu_command(SMMU_SYNC, 0);
	cmd = smmu_call(env, commands, MOST);
	return conf_invalidate_is(env, &cmd, -EIO, smmu_counted(env, 70));
}

static bool smmu_an_array_may_mix_commands_in_order(struct conf_env *env)
{
	const uint64_t sid = SMMU_SID(env->vsid);
	const struct conf_command commands[] = {
		smmu_command(SMMU_NH_VA | SMMU_ASID(1), 0x1000),
		smmu_command(SMMU_CFGI_CD | sid, 0),
		smmu_command(SMMU_NH_ASID | SMMU_ASID(2), 0),
		smmu_command(SMMU_CFGI_CD_ALL | sid, 0),
		smmu_command(SMMU_NH_VAA, 0x2000),
		smmu_command(SMMU_NH_ALL, 0),
	};
	const uint32_t count = sizeof(commands) / sizeof(*commands);
	struct iommu_hwpt_invalidate cmd = smmu_call(env, commands, count);
	struct conf_command sent[8];
	uint32_t i;

	if (!env->commands)
		return conf_skip(env, "the queue is not seen");
	env->record(env);
	if (!conf_invalidate_is(env, &cmd, 0, count) ||
	    !conf_expect(env, env->commands(env, sent, 8) == count + 1,
			 "others were sent"))
		return false;
	for (i = 0; i < count; i++) {
		if (!conf_expect(env,
				 (smmu_word(&sent[i], 0) & SMMU_OP) ==
					 (smmu_word(&commands[i], 0) & SMMU_OP),
				 "another order"))
			return false;
	}
	return true;
}

const struct conf_case conf_smmu_group_cases[] = {
	CONF_CASE(smmu_each_63_have_a_sync),
	CONF_CASE(smmu_a_refused_command_is_counted_to),
	CONF_CASE(smmu_the_first_refused_one_counts),
	CONF_CASE(smmu_an_array_may_mix_commands_in_order),
	{ 0 },
};
