/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/harness/script.h"

static const struct script_row *next_row(struct script *script,
					 const char *call)
{
	ck_assert_msg(script->next < script->count,
		      "%s is one call more than the %zu of the script", call,
		      script->count);
	return &script->rows[script->next++];
}

static void check_function(const struct script *script,
			   const struct script_row *row,
			   enum script_function function, const char *call)
{
	ck_assert_msg(row->function == function,
		      "call %zu is %s, the script has function %d",
		      script->next - 1, call, (int)row->function);
}

static void check_number(const struct script *script, const char *what,
			 uint64_t value, uint64_t expected)
{
	ck_assert_msg(value == expected, "call %zu: %s is %#llx, not %#llx",
		      script->next - 1, what, (unsigned long long)value,
		      (unsigned long long)expected);
}

static void check_bytes(const struct script *script, const char *what,
			const void *bytes, const void *expected, size_t len)
{
	const unsigned char *is = bytes;
	const unsigned char *be = expected;
	size_t i = 0;

	if (len == 0 || !memcmp(is, be, len))
		return;
	while (is[i] == be[i])
		i++;
	ck_abort_msg("call %zu: byte %zu of %s is %#x, not %#x",
		     script->next - 1, i, what, is[i], be[i]);
}

/* ---- open, close ---- */

static int script_sys_open(void *data, const char *path, int flags)
{
	struct script *script = data;
	const struct script_row *row = next_row(script, "open");

	check_function(script, row, SCRIPT_OPEN, "open");
	ck_assert_str_eq(path, row->path);
	ck_assert_int_eq(flags, row->flags);
	script->fd = row->ret;
	return row->ret;
}

static int script_sys_close(void *data, int fd)
{
	struct script *script = data;
	const struct script_row *row = next_row(script, "close");

	check_function(script, row, SCRIPT_CLOSE, "close");
	ck_assert_int_eq(fd, script->fd);
	return row->ret;
}

/* ---- ioctl ---- */

static void *pointer_at(const uint32_t *words)
{
	uint64_t pointer;

	memcpy(&pointer, words, sizeof(pointer));
	return (void *)(uintptr_t)pointer;
}

/* Word by word, except for a pointer. */
static void check_words(const struct script *script,
			const struct script_row *row, const uint32_t *words)
{
	uint32_t count = row->words[0] / (uint32_t)sizeof(*words);
	uint32_t i;

	check_number(script, "size", words[0], row->words[0]);
	for (i = 1; i < count; i++) {
		if (row->pointer && (i & ~1u) == row->pointer)
			continue;
		ck_assert_msg(words[i] == row->words[i],
			      "call %zu: word %u is %#x, not %#x",
			      script->next - 1, i, words[i], row->words[i]);
	}
}

static int command(struct script *script, const struct script_row *row,
		   unsigned long request, uint32_t *words)
{
	size_t i;

	check_number(script, "the request", request, row->request);
	check_words(script, row, words);
	if (row->data)
		check_bytes(script, "the data",
			    pointer_at(words + row->pointer), row->data,
			    row->data_len);
	for (i = 0; i < SCRIPT_OUT_MAX && row->out[i].word; i++)
		words[row->out[i].word] = row->out[i].value;
	if (row->out_data)
		memcpy(pointer_at(words + row->pointer), row->out_data,
		       row->data_len);
	return row->ret;
}

static int invalidate(struct script *script, const struct script_row *row,
		      unsigned long request, struct script_invalidate *cmd)
{
	size_t len = script->entry_len;
	const unsigned char *entries = row->entries;

	check_number(script, "the request", request, SCRIPT_HWPT_INVALIDATE);
	check_number(script, "size", cmd->size, sizeof(*cmd));
	check_number(script, "hwpt_id", cmd->hwpt_id, SCRIPT_HWPT);
	check_number(script, "data_type", cmd->data_type, script->data_type);
	check_number(script, "entry_len", cmd->entry_len, len);
	check_number(script, "entry_num", cmd->entry_num, row->count);
	check_number(script, "flags", cmd->flags, 0);
	if (!entries && row->count)
		entries = script->entries + row->first * len;
	check_bytes(script, "the entries", (void *)(uintptr_t)cmd->data_uptr,
		    entries, row->count * len);
	if (row->handled != SCRIPT_UNTOUCHED)
		cmd->entry_num = (uint32_t)row->handled;
	return row->ret;
}

bool script_is_question(unsigned long request, const void *arg)
{
	const struct script_invalidate *cmd = arg;

	return request == SCRIPT_HWPT_INVALIDATE &&
	       cmd->size == SCRIPT_LONG_INVALIDATE && cmd->entry_num == 0;
}

int script_no_extension(const void *arg)
{
	const struct script_invalidate *cmd = arg;

	return cmd->flags ? -EOPNOTSUPP : 0;
}

/* Where entries are sent, it is about these and their HWPT. */
static void check_question(const struct script *script,
			   const struct script_invalidate *cmd)
{
	if (!script->entries)
		return;
	check_number(script, "the question's hwpt_id", cmd->hwpt_id,
		     SCRIPT_HWPT);
	check_number(script, "the question's data_type", cmd->data_type,
		     script->data_type);
	check_number(script, "the question's entry_len", cmd->entry_len,
		     script->entry_len);
}

static int script_sys_ioctl(void *data, int fd, unsigned long request,
			    void *arg)
{
	struct script *script = data;
	const struct script_row *row;

	if (script_is_question(request, arg)) {
		check_question(script, arg);
		return script_no_extension(arg);
	}
	row = next_row(script, "ioctl");
	ck_assert_int_eq(fd, row->fd ? row->fd : script->fd);
	if (row->function == SCRIPT_INVALIDATE)
		return invalidate(script, row, request, arg);
	check_function(script, row, SCRIPT_COMMAND, "ioctl");
	return command(script, row, request, arg);
}

/* ---- read, write, poll: nothing uses them ---- */

static ssize_t script_sys_read(void *data, int fd, void *buf, size_t len)
{
	(void)data;
	(void)fd;
	(void)buf;
	ck_abort_msg("a read of %zu bytes", len);
	return 0;
}

static ssize_t script_sys_write(void *data, int fd, const void *buf, size_t len)
{
	(void)data;
	(void)fd;
	(void)buf;
	ck_abort_msg("a write of %zu bytes", len);
	return 0;
}

static int script_sys_poll(void *data, struct pollfd *fds, nfds_t count,
			   int timeout)
{
	(void)data;
	(void)fds;
	(void)timeout;
	ck_abort_msg("a poll of %lu descriptors", (unsigned long)count);
	return 0;
}

const struct iommunest_sys script_sys = {
	.size = sizeof(script_sys),
	.open = script_sys_open,
	.close = script_sys_close,
	.ioctl = script_sys_ioctl,
	.read = script_sys_read,
	.write = script_sys_write,
	.poll = script_sys_poll,
};

/* ---- Start and end ---- */

void script_start(struct script *script, const struct script_row *rows,
		  size_t count)
{
	*script = (struct script){
		.rows = rows,
		.count = count,
		.fd = SCRIPT_FD,
		.entry_len = sizeof(struct iommunest_vtd_entry),
	};
}

struct iommunest_ctx *script_open(struct script *script,
				  const struct script_row *rows, size_t count)
{
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &script_sys,
		.sys_data = script,
	};
	struct iommunest_ctx *ctx;

	script_start(script, rows, count);
	ck_assert_int_eq(iommunest_open_fd(&ctx, SCRIPT_FD, &options), 0);
	return ctx;
}

void script_done(const struct script *script)
{
	ck_assert_msg(script->next == script->count,
		      "%zu of the script's %zu calls were made", script->next,
		      script->count);
}
