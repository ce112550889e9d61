/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the readers of captures share: lines, words, numbers, messages. */
#ifndef CAPTURE_LINES_H
#define CAPTURE_LINES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/capture.h"

/* A keyword and four numbers; one more shows that there are too many. */
#define CAPTURE_WORDS_MAX 6

#define CAPTURE_SHOWN_MAX 40

struct capture_lines {
	FILE *in;
	/* The file's name for messages, and where they go. */
	const char *name;
	char *error;
	size_t error_size;
	unsigned long line_number;
	size_t length;
	char line[CAPTURE_LINE_MAX + 1];
	char *words[CAPTURE_WORDS_MAX];
	unsigned int word_count;
	/* A word as a message may show it. */
	char shown[CAPTURE_SHOWN_MAX];
};

/* Writes "NAME:LINE: " and a reason.  Returns @error. */
__attribute__((format(printf, 3, 4))) int
capture_fail(struct capture_lines *lines, int error, const char *format, ...);

/* The file is not trusted: a message shows little of it, and no controls. */
const char *capture_show(struct capture_lines *lines, const char *word);

/* Returns 1 with a line, 0 at the end of the file, or a negated errno. */
int capture_line(struct capture_lines *lines);

/* Its words.  Returns 0 or -EINVAL. */
int capture_split(struct capture_lines *lines);

/* A word as a number.  Returns 0 or -EINVAL. */
int capture_number(struct capture_lines *lines, const char *word,
		   uint64_t *value);

/* The line has @count words after its keyword.  Returns 0 or -EINVAL. */
int capture_expect(struct capture_lines *lines, unsigned int count);

/*
 * Reads what follows the first line of an SMMUv3's command queue.  Returns 0,
 * -EINVAL, -ENOMEM, or why the file could not be read.
 */
int cmdq_read(struct cmdq_capture *capture, struct capture_lines *lines);

#endif /* CAPTURE_LINES_H */
