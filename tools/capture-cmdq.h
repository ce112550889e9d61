/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Captured SMMUv3 command queues: format `cmdq-capture 1`, see
 * tests/data/guest-cmdq/README.md.
 *
 *   capture-cmdq-read.c    reads a file
 *   capture-cmdq.c         puts one together, and writes a file
 */
#ifndef CAPTURE_CMDQ_H
#define CAPTURE_CMDQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CMDQ_FIRST_LINE "cmdq-capture 1"

/* The largest queue: 2^19 slots. */
#define CMDQ_SLOTS_MAX ((size_t)1 << 19)

/* Registers; each is a keyword, in this order. */
enum cmdq_register {
	CMDQ_CR0,
	CMDQ_BASE,
	CMDQ_CONS,
	CMDQ_GERRORN,
	CMDQ_PROD,
	CMDQ_REGISTERS,
};

extern const char *const cmdq_register_names[CMDQ_REGISTERS];

struct cmdq_command {
	uint64_t words[2];
};

/* The guest wrote a register. */
struct cmdq_write {
	enum cmdq_register reg;
	uint64_t value;
	/*
	 * PROD: the commands in the slots before it, as many as PROD moved,
	 * from `first` on in cmdq_capture::commands.
	 */
	uint32_t count;
	size_t first;
};

/* A command's index in `commands` is its place among the file's `c` lines. */
struct cmdq_capture {
	struct cmdq_write *writes;
	struct cmdq_command *commands;
	size_t write_count;
	size_t command_count;
	/* How many each array has room for. */
	size_t write_room;
	size_t command_room;
};

/*
 * Each adds one at the end: a write, or a command of the last write, which is
 * of PROD.  Returns 0 or -ENOMEM.
 */
int cmdq_add_write(struct cmdq_capture *capture, enum cmdq_register reg,
		   uint64_t value);
int cmdq_add_command(struct cmdq_capture *capture,
		     const struct cmdq_command *command);

void cmdq_free(struct cmdq_capture *capture);

/* Writes it, with @comment, a line of text.  The caller looks at @out's error.
 */
void cmdq_write(FILE *out, const struct cmdq_capture *capture,
		const char *comment);

/* ---- What the guest's writes say of its queue ---- */

/*
 * A position is a slot's index, and the wrap bit above it.  Positions have no
 * bits of registers above that.
 */
struct cmdq_state {
	/* CMDQEN; SMMU_CMDQ_BASE has been written. */
	bool enabled;
	bool has_base;
	/* Slots, a power of two. */
	uint32_t size;
	uint32_t prod;
	/* While the queue is enabled it is at PROD, once all is done. */
	uint32_t cons;
	/* From where the next write of PROD moves it. */
	uint32_t at;
	/* How many slots before PROD have commands that are known. */
	uint32_t known;
};

/* The address of the first slot. */
uint64_t cmdq_address(uint64_t base);

uint32_t cmdq_distance(const struct cmdq_state *state, uint32_t from,
		       uint32_t to);

/* The position that a value of PROD or CONS has, and whether it is one. */
bool cmdq_position(const struct cmdq_state *state, uint64_t value,
		   uint32_t *position);

/*
 * Commands between CONS and PROD that are not known, while the queue is
 * disabled: it cannot be enabled so.
 */
uint32_t cmdq_unknown(const struct cmdq_state *state);

/*
 * A register is written that may be: BASE and CONS while the queue is disabled,
 * and before the others but CR0, BASE; PROD with as many commands as are known.
 */
void cmdq_apply(struct cmdq_state *state, const struct cmdq_write *write);

/* CMDQEN of SMMU_CR0. */
bool cmdq_enables(uint64_t cr0);

#endif /* CAPTURE_CMDQ_H */
