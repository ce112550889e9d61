/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "tools/capture-array.h"
#include "tools/capture-cmdq.h"

const char *const cmdq_register_names[CMDQ_REGISTERS] = {
	[CMDQ_CR0] = "cr0",	    [CMDQ_BASE] = "base", [CMDQ_CONS] = "cons",
	[CMDQ_GERRORN] = "gerrorn", [CMDQ_PROD] = "prod",
};

int cmdq_add_write(struct cmdq_capture *capture, enum cmdq_register reg,
		   uint64_t value)
{
	struct cmdq_write *writes;

	writes = capture_grow(capture->writes, capture->write_count,
			      &capture->write_room, sizeof(*writes));
	if (!writes)
		return -ENOMEM;
	capture->writes = writes;
	writes[capture->write_count++] = (struct cmdq_write){
		.reg = reg,
		.value = value,
		.first = capture->command_count,
	};
	return 0;
}

int cmdq_add_command(struct cmdq_capture *capture,
		     const struct cmdq_command *command)
{
	struct cmdq_command *commands;

	commands = capture_grow(capture->commands, capture->command_count,
				&capture->command_room, sizeof(*commands));
	if (!commands)
		return -ENOMEM;
	capture->commands = commands;
	commands[capture->command_count++] = *command;
	capture->writes[capture->write_count - 1].count++;
	return 0;
}

void cmdq_free(struct cmdq_capture *capture)
{
	free(capture->writes);
	free(capture->commands);
	memset(capture, 0, sizeof(*capture));
}

void cmdq_write(FILE *out, const struct cmdq_capture *capture,
		const char *comment)
{
	size_t i, c;

	fprintf(out, "%s\n# %s\n", CMDQ_FIRST_LINE, comment);
	for (i = 0; i < capture->write_count; i++) {
		const struct cmdq_write *write = &capture->writes[i];

		fprintf(out, "%s 0x%" PRIx64 "\n",
			cmdq_register_names[write->reg], write->value);
		for (c = write->first; c < write->first + write->count; c++)
			fprintf(out, "c 0x%" PRIx64 " 0x%" PRIx64 "\n",
				capture->commands[c].words[0],
				capture->commands[c].words[1]);
	}
}

/* ---- What the guest's writes say of its queue ---- */

bool cmdq_enables(uint64_t cr0)
{
	return cr0 & IOMMUNEST_SMMUV3_CR0_CMDQEN;
}

/* Hardware takes what is too large as the largest. */
static uint32_t slots_of(uint64_t base)
{
	uint64_t log2size = base & IOMMUNEST_SMMUV3_CMDQ_BASE_LOG2SIZE;

	if (log2size > IOMMUNEST_SMMUV3_CMDQS_MAX)
		log2size = IOMMUNEST_SMMUV3_CMDQS_MAX;
	return 1u << log2size;
}

/* Aligned to the queue's size, and to 32 bytes at least. */
uint64_t cmdq_address(uint64_t base)
{
	uint64_t bytes = (uint64_t)slots_of(base) * 16;

	return base & IOMMUNEST_SMMUV3_CMDQ_BASE_ADDR & ~(bytes - 1);
}

static uint32_t position_mask(const struct cmdq_state *state)
{
	return state->size * 2 - 1;
}

uint32_t cmdq_distance(const struct cmdq_state *state, uint32_t from,
		       uint32_t to)
{
	return (to - from) & position_mask(state);
}

bool cmdq_position(const struct cmdq_state *state, uint64_t value,
		   uint32_t *position)
{
	*position = (uint32_t)value & position_mask(state);
	return *position == value;
}

uint32_t cmdq_unknown(const struct cmdq_state *state)
{
	uint32_t pending = cmdq_distance(state, state->cons, state->prod);

	return pending <= state->known ? 0 : pending;
}

/* Of the old queue nothing is known. */
static void apply_base(struct cmdq_state *state, uint64_t base)
{
	state->has_base = true;
	state->size = slots_of(base);
	state->prod &= position_mask(state);
	state->cons &= position_mask(state);
	state->at = state->prod;
	state->known = 0;
}

static void apply_cr0(struct cmdq_state *state, uint64_t cr0)
{
	if (state->enabled == cmdq_enables(cr0))
		return;
	state->enabled = cmdq_enables(cr0);
	state->cons = state->prod;
	state->at = state->prod;
}

static void apply_prod(struct cmdq_state *state, const struct cmdq_write *write)
{
	uint32_t prod = (uint32_t)write->value & position_mask(state);
	uint32_t moved = cmdq_distance(state, state->at, prod);

	state->prod = prod;
	state->at = prod;
	state->known = write->count == moved ? state->known + moved : 0;
	if (state->known > state->size)
		state->known = state->size;
	if (state->enabled)
		state->cons = prod;
}

/* Among what is known, or where the queue is to begin. */
static void apply_cons(struct cmdq_state *state, uint64_t value)
{
	state->cons = (uint32_t)value & position_mask(state);
	if (cmdq_distance(state, state->cons, state->prod) <= state->known)
		return;
	state->at = state->cons;
	state->known = 0;
}

void cmdq_apply(struct cmdq_state *state, const struct cmdq_write *write)
{
	switch (write->reg) {
	case CMDQ_CR0:
		apply_cr0(state, write->value);
		break;
	case CMDQ_BASE:
		apply_base(state, write->value);
		break;
	case CMDQ_CONS:
		apply_cons(state, write->value);
		break;
	case CMDQ_PROD:
		apply_prod(state, write);
		break;
	default:
		break;
	}
}
