/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * iommunest-capture: a guest's invalidation queue, from what QEMU says of it or
 * from guest memory; or an SMMUv3's command queue, from both.
 *
 *   options.c         the command line
 *   trace.c           QEMU's trace: what happened to the queue
 *   cmdq.c            the same of an SMMUv3, and its queue in guest memory
 *   lines.c           QEMU's trace: lines
 *   event.c           QEMU's trace: a line
 *   memory.c          a ring in guest memory
 *   image.c           a file of guest memory
 */
#ifndef MAKE_H
#define MAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/capture.h"
#include "tools/tool.h"

struct make_options {
	/* "-" is standard input. */
	const char *path;
	/* Of a trace: 128 or 256; 0: as the trace says. */
	uint64_t width;
	bool has_iqa;
	uint64_t iqa;
	/* The file is guest memory, beginning at this address. */
	bool memory;
	uint64_t address;
	/* The file is a trace of an SMMUv3, and this one guest memory. */
	bool cmdq;
	const char *memory_path;
	uint64_t head;
	uint64_t tail;
	bool history;
};

/* What was read, and what is to be said of it. */
struct make {
	const struct make_options *options;
	/* The file's name for messages. */
	const char *name;
	struct capture capture;
	/* Slots whose descriptor the trace does not show. */
	uint64_t guessed;
	/* Slots that were fetched again, after an error. */
	uint64_t replaced;
	/* The last kick is not there to its end. */
	bool cut_off;
};

/* Returns -1 to go on, or the exit status. */
int make_options_parse(struct make_options *options, int argc, char *argv[]);

/*
 * Each fills in the capture.  Returns -1 to go on, or the exit status after a
 * message.
 */
int make_from_trace(struct make *make, FILE *in);
int make_from_memory(struct make *make, FILE *in);
int make_from_both(struct make *make, FILE *in, FILE *memory);

/* ---- A trace ---- */

/*
 * Calls @fn for each line, without its newline, with its number from 1, and
 * with NULL at the end; what has no newline was cut off, and is left out.
 * Returns -1 to go on, as @fn does, or the exit status after a message.
 */
int trace_lines(const struct make *make, FILE *in,
		int (*fn)(void *user, const char *line, unsigned long number),
		void *user);

/* "FILE:LINE: " and a reason.  Returns the exit status. */
__attribute__((format(printf, 3, 4))) int trace_fail(const struct make *make,
						     unsigned long line,
						     const char *format, ...);

/* ---- A line of a trace ---- */

enum event_kind {
	/* Nothing of the queue. */
	EVENT_OTHER,
	/* Of the queue, and not as QEMU prints it. */
	EVENT_MALFORMED,
	/* A register is written: address, size, value. */
	EVENT_REGISTER,
	/* The queue is enabled, 1, or disabled, 0. */
	EVENT_ENABLE,
	/* ... with this base and number of slots. */
	EVENT_SETUP,
	/* IQT is written: a slot. */
	EVENT_TAIL,
	/* A slot is about to be fetched. */
	EVENT_HEAD,
	/* What was in it: high and low word. */
	EVENT_DESC,
	/* A register of an SMMUv3 was written: offset, value, size, result. */
	EVENT_SMMU,
};

struct event {
	enum event_kind kind;
	uint64_t values[4];
};

void event_parse(struct event *event, const char *line);

/* ---- A file of guest memory ---- */

/*
 * Copies guest memory from it: what begins at @address, or where the file is an
 * ELF core, wherever that has it.  Returns 0, -EFAULT (not in it), or why the
 * file cannot be read.
 */
int image_read(FILE *in, uint64_t address, uint64_t gpa, void *buf, size_t len);

#endif /* MAKE_H */
