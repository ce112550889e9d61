/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "tests/harness/groups.h"
#include "tests/harness/submit-rig.h"

struct iommunest_inv_type groups_type(void)
{
	return (struct iommunest_inv_type){
		.size = sizeof(struct iommunest_inv_type),
		.name = "groups",
		.data_type = GROUPS_TYPE,
		.entry_len = sizeof(struct groups_command),
		.recovery = IOMMUNEST_RECOVERY_GROUP,
		.call_max = GROUPS_SIZE,
		.refused = -EIO,
		.flags = IOMMUNEST_INV_NO_PROBE,
	};
}

static void issue_all(struct groups *groups, uint32_t class)
{
	ck_assert_uint_lt(class, GROUPS_CLASSES);
	if (class < groups->last_all)
		groups->all_out_of_order = true;
	groups->last_all = class;
	groups->all[class]++;
}

static void issue(struct groups *groups, const struct groups_command *first,
		  uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (first[i].number & GROUPS_ALL) {
			issue_all(groups, first[i].number & ~GROUPS_ALL);
			continue;
		}
		ck_assert_uint_lt(first[i].number, groups->commands);
		groups->done[first[i].number]++;
	}
}

/* The first illegal one; @count where all are legal. */
static uint32_t check(const struct groups_command *first, uint32_t count)
{
	uint32_t i = 0;

	while (i < count && !first[i].illegal)
		i++;
	return i;
}

/* The count for an illegal command at @bad of the group at @start. */
static uint32_t refuse(struct groups *groups,
		       const struct groups_command *first, uint32_t start,
		       uint32_t bad)
{
	switch (groups->meaning) {
	case GROUPS_COUNTS_GROUPS:
		return start;
	case GROUPS_COUNTS_DONE:
		issue(groups, first + start, bad);
		break;
	default:
		break;
	}
	return start + bad;
}

static int take_groups(struct groups *groups, struct script_invalidate *cmd)
{
	const struct groups_command *first =
		(const void *)(uintptr_t)cmd->data_uptr;
	const uint32_t count = cmd->entry_num;
	uint32_t start, len, bad;

	for (start = 0; start < count; start += len) {
		len = count - start < GROUPS_SIZE ? count - start : GROUPS_SIZE;
		bad = check(first + start, len);
		if (bad == len) {
			issue(groups, first + start, len);
			continue;
		}
		if (count == 1) {
			groups->refused_alone++;
			groups->last_refused = first->number;
		}
		cmd->entry_num = refuse(groups, first, start, bad);
		return -EIO;
	}
	return 0;
}

static int take(struct groups *groups, struct script_invalidate *cmd)
{
	const uint32_t count = cmd->entry_num;
	enum groups_chance chance = GROUPS_WELL;

	if (count == 0) {
		groups->empty_calls++;
		return groups->meaning == GROUPS_COUNTS_CHECKED ? -EINVAL : 0;
	}
	if (groups->choices)
		chance = support_choose(groups->choices, GROUPS_CHANCES);
	if (count > groups->memory || chance == GROUPS_NO_MEMORY) {
		if (groups->meaning == GROUPS_COUNTS_DONE)
			cmd->entry_num = 0;
		return -ENOMEM;
	}
	switch (chance) {
	case GROUPS_TIMEOUT:
		cmd->entry_num = 0;
		if (groups->meaning != GROUPS_COUNTS_CHECKED)
			return -ETIMEDOUT;
		cmd->entry_num =
			(count < GROUPS_SIZE ? count : GROUPS_SIZE) - 1;
		return -ETIMEDOUT;
	case GROUPS_INTERRUPTED:
		cmd->entry_num = 0;
		return -EINTR;
	case GROUPS_UNREADABLE:
		cmd->entry_num = 0;
		return -EFAULT;
	default:
		return take_groups(groups, cmd);
	}
}

static int groups_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct script_invalidate *cmd = arg;
	struct groups *groups = data;

	ck_assert_int_eq(fd, SCRIPT_FD);
	ck_assert_uint_eq(request, SCRIPT_HWPT_INVALIDATE);
	if (script_is_question(request, arg))
		return script_no_extension(arg);
	ck_assert_uint_eq(cmd->data_type, GROUPS_TYPE);
	ck_assert_uint_eq(cmd->entry_len, sizeof(struct groups_command));
	groups->calls++;
	if (groups->longest < cmd->entry_num)
		groups->longest = cmd->entry_num;
	return take(groups, cmd);
}

void groups_start(struct groups *groups, enum groups_meaning meaning,
		  uint32_t commands)
{
	static struct iommunest_sys sys;
	struct iommunest_open_options options = { .size = sizeof(options),
						  .sys = &sys,
						  .sys_data = groups };

	sys = script_sys;
	sys.ioctl = groups_ioctl;
	*groups = (struct groups){
		.meaning = meaning,
		.memory = 1u << 18,
		.commands = commands,
		.done = calloc(commands, sizeof(*groups->done)),
	};
	ck_assert_ptr_nonnull(groups->done);
	ck_assert_int_eq(iommunest_open_fd(&groups->ctx, SCRIPT_FD, &options),
			 0);
}

struct iommunest_batch *groups_batch(const struct groups *groups,
				     const struct iommunest_inv_type *type)
{
	struct groups_command command = { 0 };
	struct iommunest_batch *batch;

	ck_assert_int_eq(iommunest_batch_new(&batch, type, groups->commands),
			 0);
	for (; command.number < groups->commands; command.number++)
		iommunest_batch_add(batch, &command,
				    rig_cookie(command.number));
	ck_assert_int_eq(iommunest_batch_error(batch, NULL), 0);
	return batch;
}

void groups_finish(struct groups *groups)
{
	iommunest_close(groups->ctx);
	free(groups->done);
}

struct groups_command *groups_command(struct iommunest_batch *batch,
				      uint32_t index)
{
	struct groups_command *command = iommunest_batch_entry(batch, index);

	ck_assert_ptr_nonnull(command);
	return command;
}
