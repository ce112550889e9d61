/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The lines of an SMMUv3's command queue. */
#include <errno.h>
#include <string.h>

#include <libiommunest.h>

#include "tools/capture-lines.h"

struct reader {
	struct cmdq_capture *capture;
	struct capture_lines *lines;
	/* As it was before the last PROD, while that lacks commands. */
	struct cmdq_state state;
	/* The last PROD's line, how far it moved and how many it lacks. */
	unsigned long prod_line;
	uint32_t moved;
	uint32_t missing;
};

/* ---- The commands of PROD ---- */

static int fail_missing(struct reader *reader, uint32_t missing)
{
	return capture_fail(reader->lines, -EINVAL,
			    "the prod in line %lu lacks %u command%s",
			    reader->prod_line, missing,
			    missing == 1 ? "" : "s");
}

/*
 * Another line than `c` follows.  While the queue is disabled, PROD may be
 * where it will begin, with CONS there, too: no command is meant then.
 */
static int end_prod(struct reader *reader)
{
	const struct cmdq_capture *capture = reader->capture;
	const struct cmdq_write *last;

	if (!capture->write_count)
		return 0;
	last = &capture->writes[capture->write_count - 1];
	if (last->reg != CMDQ_PROD)
		return 0;
	if (reader->missing && (reader->state.enabled || last->count))
		return fail_missing(reader, reader->missing);
	reader->missing = 0;
	cmdq_apply(&reader->state, last);
	return 0;
}

static int line_command(struct reader *reader)
{
	struct cmdq_command command;
	int ret;

	if (!reader->prod_line)
		return capture_fail(reader->lines, -EINVAL,
				    "c before the first prod");
	if (!reader->missing)
		return capture_fail(
			reader->lines, -EINVAL,
			"more commands than the prod in line %lu has",
			reader->prod_line);
	ret = capture_expect(reader->lines, 2);
	if (!ret)
		ret = capture_number(reader->lines, reader->lines->words[1],
				     &command.words[0]);
	if (!ret)
		ret = capture_number(reader->lines, reader->lines->words[2],
				     &command.words[1]);
	if (ret)
		return ret;
	if (cmdq_add_command(reader->capture, &command))
		return capture_fail(reader->lines, -ENOMEM, "out of memory");
	reader->missing--;
	return 0;
}

/* ---- Registers ---- */

static int fail_beyond(struct reader *reader)
{
	return capture_fail(
		reader->lines, -EINVAL, "%s %s is beyond the queue of %u slots",
		reader->lines->words[0],
		capture_show(reader->lines, reader->lines->words[1]),
		reader->state.size);
}

static int check_prod(struct reader *reader, uint64_t value)
{
	struct cmdq_state *state = &reader->state;
	uint32_t prod;

	if (!cmdq_position(state, value, &prod))
		return fail_beyond(reader);
	reader->prod_line = reader->lines->line_number;
	reader->moved = cmdq_distance(state, state->at, prod);
	reader->missing = reader->moved;
	if (reader->moved <= state->size)
		return 0;
	if (state->enabled)
		return capture_fail(
			reader->lines, -EINVAL,
			"%s moves by %u slots, and the queue has %u",
			reader->lines->words[0], reader->moved, state->size);
	/* It goes back. */
	reader->missing = 0;
	return 0;
}

static int check_cons(struct reader *reader, uint64_t value)
{
	uint32_t cons;

	if (reader->state.enabled)
		return capture_fail(reader->lines, -EINVAL,
				    "cons while the queue is enabled");
	value &= ~(uint64_t)IOMMUNEST_SMMUV3_CMDQ_CONS_ERR;
	return cmdq_position(&reader->state, value, &cons)
		       ? 0
		       : fail_beyond(reader);
}

static int check_cr0(struct reader *reader, uint64_t value)
{
	const struct cmdq_state *state = &reader->state;

	if (state->enabled || !cmdq_enables(value))
		return 0;
	if (!state->has_base)
		return capture_fail(reader->lines, -EINVAL,
				    "cr0 enables the queue before a base");
	if (cmdq_unknown(state))
		return capture_fail(reader->lines, -EINVAL,
				    "cr0 enables the queue with %u command%s "
				    "in it that no line has",
				    cmdq_unknown(state),
				    cmdq_unknown(state) == 1 ? "" : "s");
	return 0;
}

static int check_write(struct reader *reader, enum cmdq_register reg,
		       uint64_t value)
{
	if (reg == CMDQ_BASE && reader->state.enabled)
		return capture_fail(reader->lines, -EINVAL,
				    "base while the queue is enabled");
	if (reg != CMDQ_BASE && value > UINT32_MAX)
		return capture_fail(reader->lines, -EINVAL,
				    "%s has more than 32 bits",
				    cmdq_register_names[reg]);
	if ((reg == CMDQ_PROD || reg == CMDQ_CONS) && !reader->state.has_base)
		return capture_fail(reader->lines, -EINVAL,
				    "%s before the first base",
				    cmdq_register_names[reg]);
	if (reg == CMDQ_PROD)
		return check_prod(reader, value);
	if (reg == CMDQ_CONS)
		return check_cons(reader, value);
	if (reg == CMDQ_CR0)
		return check_cr0(reader, value);
	return 0;
}

static int add_write(struct reader *reader, enum cmdq_register reg,
		     uint64_t value)
{
	struct cmdq_capture *capture = reader->capture;

	if (cmdq_add_write(capture, reg, value))
		return capture_fail(reader->lines, -ENOMEM, "out of memory");
	if (reg != CMDQ_PROD)
		cmdq_apply(&reader->state,
			   &capture->writes[capture->write_count - 1]);
	return 0;
}

static int line_register(struct reader *reader, enum cmdq_register reg)
{
	uint64_t value;
	int ret;

	ret = end_prod(reader);
	if (!ret)
		ret = capture_expect(reader->lines, 1);
	if (!ret)
		ret = capture_number(reader->lines, reader->lines->words[1],
				     &value);
	if (!ret)
		ret = check_write(reader, reg, value);
	return ret ? ret : add_write(reader, reg, value);
}

/* ---- Lines ---- */

static int parse_line(struct reader *reader)
{
	const char *keyword;
	unsigned int reg;
	int ret;

	if (reader->lines->line[0] == '#')
		return 0;
	ret = capture_split(reader->lines);
	if (ret)
		return ret;
	keyword = reader->lines->words[0];
	if (!strcmp(keyword, "c"))
		return line_command(reader);
	for (reg = 0; reg < CMDQ_REGISTERS; reg++) {
		if (!strcmp(keyword, cmdq_register_names[reg]))
			return line_register(reader, reg);
	}
	return capture_fail(reader->lines, -EINVAL, "unknown keyword \"%s\"",
			    capture_show(reader->lines, keyword));
}

/* A PROD that the queue was never enabled with has to have its commands. */
static int end_of_file(struct reader *reader)
{
	uint32_t missing = reader->missing;
	int ret;

	ret = end_prod(reader);
	if (ret)
		return ret;
	if (reader->state.enabled)
		return 0;
	if (!missing)
		missing = cmdq_unknown(&reader->state);
	return missing ? fail_missing(reader, missing) : 0;
}

int cmdq_read(struct cmdq_capture *capture, struct capture_lines *lines)
{
	struct reader reader = {
		.capture = capture,
		.lines = lines,
		/* Until there is a base. */
		.state = { .size = 1 },
	};
	int ret = 0;

	while (!ret) {
		ret = capture_line(lines);
		if (!ret)
			return end_of_file(&reader);
		if (ret > 0)
			ret = parse_line(&reader);
	}
	return ret;
}
