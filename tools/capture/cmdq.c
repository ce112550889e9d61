/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * An SMMUv3's command queue.  QEMU's trace has what the guest wrote into
 * registers, and not its commands; those are read from guest memory, as it was
 * when the trace ended.  So a slot that was filled twice is lost.
 */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* le64toh */
#endif

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/capture-array.h"
#include "tools/capture/make.h"

/* Offsets of registers; BASE may be written in halves. */
#define REG_CR0 0x20
#define REG_GERRORN 0x64
#define REG_BASE 0x90
#define REG_BASE_HIGH 0x94
#define REG_PROD 0x98
#define REG_CONS 0x9c

#define COMMAND_BYTES 16u

/* A write, and where the trace has it. */
struct traced {
	enum cmdq_register reg;
	uint64_t value;
	unsigned long line;
};

/* Guest memory that commands were read from. */
struct range {
	uint64_t from, to;
};

struct both {
	struct make *make;
	FILE *memory;
	struct traced *writes;
	size_t count, room;
	uint64_t base;
	unsigned long end_line;

	/* What is made of them. */
	struct cmdq_state state;
	uint64_t address;
	struct range *ranges;
	size_t range_count, range_room;
};

static int no_memory(void)
{
	return tool_fail("keep the capture", -ENOMEM);
}

/* ---- The trace ---- */

static int keep(struct both *both, enum cmdq_register reg, uint64_t value,
		unsigned long line)
{
	struct traced *writes;

	writes = capture_grow(both->writes, both->count, &both->room,
			      sizeof(*writes));
	if (!writes)
		return no_memory();
	both->writes = writes;
	writes[both->count++] = (struct traced){
		.reg = reg,
		.value = value,
		.line = line,
	};
	return -1;
}

/* Halves: the second one makes it a register again. */
static int keep_base(struct both *both, uint64_t offset, uint64_t value,
		     bool half, unsigned long line)
{
	struct traced *last =
		both->count ? &both->writes[both->count - 1] : NULL;

	if (!half)
		both->base = value;
	else if (offset == REG_BASE)
		both->base = (both->base >> 32 << 32) | (uint32_t)value;
	else
		both->base = value << 32 | (uint32_t)both->base;
	if (half && last && last->reg == CMDQ_BASE && last->line + 1 == line) {
		last->value = both->base;
		return -1;
	}
	return keep(both, CMDQ_BASE, both->base, line);
}

static int on_write(struct both *both, const struct event *event,
		    unsigned long line)
{
	const uint64_t offset = event->values[0], value = event->values[1];
	const uint64_t size = event->values[2];

	/* QEMU has refused it. */
	if (event->values[3])
		return -1;
	if (size == 8 && offset == REG_BASE)
		return keep_base(both, offset, value, false, line);
	if (size != 4)
		return -1;
	switch (offset) {
	case REG_CR0:
		return keep(both, CMDQ_CR0, value, line);
	case REG_GERRORN:
		return keep(both, CMDQ_GERRORN, value, line);
	case REG_BASE:
	case REG_BASE_HIGH:
		return keep_base(both, offset, value, true, line);
	case REG_PROD:
		return keep(both, CMDQ_PROD, value, line);
	case REG_CONS:
		return keep(both, CMDQ_CONS, value, line);
	default:
		return -1;
	}
}

static int take_line(void *user, const char *line, unsigned long number)
{
	struct both *both = user;
	struct event event;

	both->end_line = number;
	if (!line)
		return -1;
	event_parse(&event, line);
	/* Of 4 bytes, and more than 32 bits. */
	if (event.kind == EVENT_SMMU && event.values[2] == 4 &&
	    event.values[1] > UINT32_MAX)
		event.kind = EVENT_MALFORMED;
	if (event.kind == EVENT_SMMU)
		return on_write(both, &event, number);
	if (event.kind == EVENT_MALFORMED)
		return trace_fail(both->make, number,
				  "not as QEMU prints this event");
	return -1;
}

/* ---- Commands ---- */

/* Each byte of guest memory is read once. */
static int note_range(struct both *both, const struct traced *prod,
		      uint64_t from, uint64_t to)
{
	struct range *ranges;
	size_t i;

	for (i = 0; i < both->range_count; i++) {
		if (from < both->ranges[i].to && both->ranges[i].from < to)
			return trace_fail(
				both->make, prod->line,
				"slots are filled again: what was in them is "
				"no longer in memory");
	}
	if (both->range_count && both->ranges[i - 1].to == from) {
		both->ranges[i - 1].to = to;
		return -1;
	}
	ranges = capture_grow(both->ranges, both->range_count,
			      &both->range_room, sizeof(*ranges));
	if (!ranges)
		return no_memory();
	both->ranges = ranges;
	ranges[both->range_count++] = (struct range){ .from = from, .to = to };
	return -1;
}

static int read_slots(struct both *both, const struct traced *prod,
		      uint64_t from, void *bytes, size_t length)
{
	const struct make *make = both->make;
	int ret;

	ret = image_read(both->memory, make->options->address, from, bytes,
			 length);
	if (!ret)
		return -1;
	if (ret == -EFAULT)
		return trace_fail(make, prod->line,
				  "0x%" PRIx64 " to 0x%" PRIx64
				  ", where its commands are, is not in %s",
				  from, from + length - 1,
				  make->options->memory_path);
	return trace_fail(make, prod->line, "cannot read %s: %s",
			  make->options->memory_path, strerror(-ret));
}

/* Slots without a wrap. */
static int add_slots(struct both *both, const struct traced *prod,
		     uint32_t first, uint32_t count)
{
	const uint64_t from = both->address + (uint64_t)first * COMMAND_BYTES;
	const size_t length = (size_t)count * COMMAND_BYTES;
	struct cmdq_command *commands;
	uint32_t i;
	int status;

	status = note_range(both, prod, from, from + length);
	if (status >= 0)
		return status;
	commands = malloc(length);
	if (!commands)
		return no_memory();
	status = read_slots(both, prod, from, commands, length);
	for (i = 0; status < 0 && i < count; i++) {
		commands[i].words[0] = le64toh(commands[i].words[0]);
		commands[i].words[1] = le64toh(commands[i].words[1]);
		if (cmdq_add_command(&both->make->capture.cmdq, &commands[i]))
			status = no_memory();
	}
	free(commands);
	return status;
}

static int add_commands(struct both *both, const struct traced *prod,
			uint32_t count)
{
	uint32_t first = both->state.at & (both->state.size - 1);
	uint32_t straight = both->state.size - first;
	int status = -1;

	if (straight > count)
		straight = count;
	if (straight)
		status = add_slots(both, prod, first, straight);
	if (status < 0 && count > straight)
		status = add_slots(both, prod, 0, count - straight);
	return status;
}

/* ---- Writes ---- */

static int check_position(const struct both *both, const struct traced *write)
{
	uint64_t value = write->value;
	uint32_t position;

	if (!both->state.has_base)
		return trace_fail(both->make, write->line,
				  "the queue was set up before the trace "
				  "began");
	if (write->reg == CMDQ_CONS)
		value &= ~(uint64_t)IOMMUNEST_SMMUV3_CMDQ_CONS_ERR;
	if (cmdq_position(&both->state, value, &position))
		return -1;
	return trace_fail(both->make, write->line,
			  "0x%" PRIx64 " is beyond the queue of %u slots",
			  write->value, both->state.size);
}

static int check_write(const struct both *both, const struct traced *write)
{
	if (both->state.enabled && write->reg == CMDQ_BASE)
		return trace_fail(both->make, write->line,
				  "CMDQ_BASE is written while the queue is "
				  "enabled");
	if (both->state.enabled && write->reg == CMDQ_CONS)
		return trace_fail(both->make, write->line,
				  "CMDQ_CONS is written while the queue is "
				  "enabled");
	if (write->reg == CMDQ_PROD || write->reg == CMDQ_CONS)
		return check_position(both, write);
	if (write->reg == CMDQ_CR0 && cmdq_enables(write->value) &&
	    !both->state.has_base)
		return trace_fail(both->make, write->line,
				  "the queue was set up before the trace "
				  "began");
	return -1;
}

static uint32_t moved_by(const struct both *both, const struct traced *prod)
{
	return cmdq_distance(&both->state, both->state.at,
			     (uint32_t)prod->value);
}

static int add_write(struct both *both, const struct traced *write,
		     uint32_t count)
{
	struct cmdq_capture *capture = &both->make->capture.cmdq;
	int status = -1;

	if (cmdq_add_write(capture, write->reg, write->value))
		return no_memory();
	if (count)
		status = add_commands(both, write, count);
	if (status >= 0)
		return status;
	cmdq_apply(&both->state, &capture->writes[capture->write_count - 1]);
	if (write->reg == CMDQ_BASE)
		both->address = cmdq_address(write->value);
	return -1;
}

static int add_enabled(struct both *both, const struct traced *write)
{
	uint32_t moved = 0;
	int status = check_write(both, write);

	if (status >= 0)
		return status;
	if (write->reg == CMDQ_PROD)
		moved = moved_by(both, write);
	if (moved > both->state.size)
		return trace_fail(both->make, write->line,
				  "CMDQ_PROD moves by %u slots, and the queue "
				  "has %u: lines are missing before this one",
				  moved, both->state.size);
	return add_write(both, write, moved);
}

/* ---- While the queue is disabled ---- */

static bool ends_segment(const struct traced *write)
{
	return write->reg == CMDQ_BASE ||
	       (write->reg == CMDQ_CR0 && cmdq_enables(write->value));
}

/*
 * PROD has commands if they are among those that run once the queue is enabled;
 * otherwise it is put where the queue is to begin.
 */
static uint32_t queued(const struct both *both, const struct traced *prod,
		       uint32_t last_cons, uint32_t last_prod)
{
	const struct cmdq_state *state = &both->state;
	uint32_t pending = cmdq_distance(state, last_cons, last_prod);
	uint32_t end = cmdq_distance(state, last_cons, (uint32_t)prod->value);
	uint32_t moved = moved_by(both, prod);

	if (pending > state->size || moved > state->size)
		return 0;
	return end && end <= pending ? moved : 0;
}

static int add_segment(struct both *both, size_t from, size_t to)
{
	uint32_t cons = both->state.cons, prod = both->state.prod;
	uint32_t count;
	size_t i;
	int status = -1;

	for (i = from; status < 0 && i < to; i++) {
		const struct traced *write = &both->writes[i];

		status = check_write(both, write);
		if (write->reg == CMDQ_CONS)
			cons = (uint32_t)write->value;
		if (write->reg == CMDQ_PROD)
			prod = (uint32_t)write->value;
	}
	for (i = from; status < 0 && i < to; i++) {
		const struct traced *write = &both->writes[i];

		count = write->reg == CMDQ_PROD
				? queued(both, write, cons, prod)
				: 0;
		status = add_write(both, write, count);
	}
	return status;
}

/* Up to what enables the queue, or sets up another. */
static int add_disabled(struct both *both, size_t *at)
{
	size_t from = *at, to = from;
	unsigned long line;
	int status;

	while (to < both->count && !ends_segment(&both->writes[to]))
		to++;
	status = add_segment(both, from, to);
	if (status >= 0)
		return status;
	line = to < both->count ? both->writes[to].line : both->end_line;
	if ((to == both->count || both->writes[to].reg == CMDQ_CR0) &&
	    cmdq_unknown(&both->state))
		return trace_fail(both->make, line,
				  "between CMDQ_CONS and CMDQ_PROD are slots "
				  "that the trace does not show being filled");
	*at = to;
	if (to == both->count)
		return -1;
	status = check_write(both, &both->writes[to]);
	if (status >= 0)
		return status;
	*at = to + 1;
	return add_write(both, &both->writes[to], 0);
}

static int add_all(struct both *both)
{
	size_t i = 0;
	int status = -1;

	while (status < 0 && i < both->count) {
		if (both->state.enabled)
			status = add_enabled(both, &both->writes[i++]);
		else
			status = add_disabled(both, &i);
	}
	if (status < 0 && !both->make->capture.cmdq.command_count)
		status = trace_fail(both->make, both->end_line,
				    both->count ? "no command was queued"
						: "no trace of QEMU's "
						  "smmuv3_write_mmio event");
	return status;
}

int make_from_both(struct make *make, FILE *in, FILE *memory)
{
	struct both both = {
		.make = make,
		.memory = memory,
		/* Until there is a base. */
		.state = { .size = 1 },
	};
	int status;

	make->capture.format = CAPTURE_CMDQ;
	status = trace_lines(make, in, take_line, &both);
	if (status < 0)
		status = add_all(&both);
	free(both.ranges);
	free(both.writes);
	return status;
}
