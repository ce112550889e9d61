/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Captured guest queues: VT-d's invalidation queues, format `iq-capture 1`, see
 * tests/data/guest-iq/README.md; and SMMUv3's command queues, capture-cmdq.h.
 *
 *   capture-lines.c   what readers share: lines, words, numbers, messages
 *   capture-read.c    reads a file
 *   capture.c         puts one of VT-d together, and writes a file
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/capture-cmdq.h"

#define CAPTURE_FIRST_LINE "iq-capture 1"

/* Longest line, without its newline. */
#define CAPTURE_LINE_MAX 4095

/* Any error message fits, unless the file's name is long. */
#define CAPTURE_ERROR_MAX 512

/* One descriptor; in a 128-bit ring the last two words are 0. */
struct capture_desc {
	uint64_t words[4];
	/* A comment before it, or NULL; not read from files. */
	const char *note;
};

/* The guest wrote IQT: `unseen` + `count` slots on, to `tail`. */
struct capture_kick {
	/* The new tail, as a ring index. */
	uint32_t tail;
	/* Slots, the first ones, whose descriptor was not recorded. */
	uint32_t unseen;
	/* Descriptors after these, from `first` on in capture::descs. */
	uint32_t count;
	size_t first;
};

/* The guest wrote IQA. */
struct capture_ring {
	uint64_t iqa;
	/* Guest physical address. */
	uint64_t base;
	/* Bits of a descriptor: 128 or 256. */
	unsigned int width;
	/* Slots. */
	uint32_t size;
	/* Its kicks, in capture::kicks. */
	size_t first_kick;
	size_t kick_count;
};

enum capture_format {
	CAPTURE_IQ,
	CAPTURE_CMDQ,
};

/* A descriptor's index in `descs` is its place among the file's `d` lines. */
struct capture {
	enum capture_format format;
	/* Of CAPTURE_CMDQ; all else is of CAPTURE_IQ. */
	struct cmdq_capture cmdq;
	struct capture_ring *rings;
	struct capture_kick *kicks;
	struct capture_desc *descs;
	size_t ring_count;
	size_t kick_count;
	size_t desc_count;
	/* How many each array has room for. */
	size_t ring_room;
	size_t kick_room;
	size_t desc_room;
};

/*
 * Reads and checks a whole capture.  @name is the file's name for messages.
 * The caller ends *@capture with capture_free().  Returns 0, or a negated
 * errno and "NAME:LINE: reason" in @error (@size bytes); *@capture is then
 * empty.  -EINVAL: malformed, -ENOMEM, or why @in could not be read.
 */
int capture_read(struct capture *capture, FILE *in, const char *name,
		 char *error, size_t size);

void capture_free(struct capture *capture);

/*
 * Each adds one at the end: a kick to the last ring, a descriptor to the last
 * kick.  Returns 0 or -ENOMEM.
 */
int capture_add_ring(struct capture *capture, uint64_t iqa);
int capture_add_kick(struct capture *capture, uint32_t tail);
int capture_add_desc(struct capture *capture, const struct capture_desc *desc);

/* There is one. */
struct capture_ring *capture_last_ring(const struct capture *capture);
struct capture_kick *capture_last_kick(const struct capture *capture);

/* Sets what IQA says of a ring. */
void capture_set_iqa(struct capture_ring *ring, uint64_t iqa);

/*
 * Writes it, with @comment, a line of text, and the notes of descriptors.  Each
 * kick has all of its descriptors.  The caller looks at @out's error.
 */
void capture_write(FILE *out, const struct capture *capture,
		   const char *comment);

#endif /* CAPTURE_H */
