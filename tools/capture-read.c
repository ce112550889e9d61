/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* strtok_r */
#endif

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "tools/capture.h"

#define BLANKS " \t"

/* IQA_REG */
#define IQA_RESERVED UINT64_C(0x7f8)

/* A descriptor's type: bits 3:0 and 11:9. */
#define DESC_TYPE UINT64_C(0xe0f)
#define DESC_TYPE_WAIT 5

/* A keyword and four numbers; one more shows that there are too many. */
#define WORDS_MAX 6

#define SHOWN_MAX 40

struct reader {
	struct capture *capture;
	FILE *in;
	const char *name;
	char *error;
	size_t error_size;
	unsigned long line_number;
	size_t length;
	char line[CAPTURE_LINE_MAX + 1];
	char *words[WORDS_MAX];
	unsigned int word_count;
	/* A word as a message may show it. */
	char shown[SHOWN_MAX];
	/* The last kick's line, and how many descriptors it still lacks. */
	unsigned long kick_line;
	uint32_t missing;
	uint32_t head;
};

__attribute__((format(printf, 3, 4))) static int
fail(struct reader *reader, int error, const char *format, ...)
{
	va_list args;
	int length;

	length = snprintf(reader->error, reader->error_size,
			  "%s:%lu: ", reader->name, reader->line_number);
	if (length < 0 || (size_t)length >= reader->error_size)
		return error;
	va_start(args, format);
	vsnprintf(reader->error + length, reader->error_size - (size_t)length,
		  format, args);
	va_end(args);
	return error;
}

/* The file is not trusted: a message shows little of it, and no controls. */
static const char *show(struct reader *reader, const char *word)
{
	size_t i;

	for (i = 0; word[i] && i < SHOWN_MAX - 4; i++)
		reader->shown[i] =
			word[i] < ' ' || word[i] > '~' ? '?' : word[i];
	strcpy(reader->shown + i, word[i] ? "..." : "");
	return reader->shown;
}

/* ---- Lines and words ---- */

static int end_of_input(struct reader *reader)
{
	int error = errno;

	if (ferror(reader->in))
		return fail(reader, error ? -error : -EIO, "cannot read: %s",
			    strerror(error ? error : EIO));
	if (reader->length)
		return fail(reader, -EINVAL,
			    "the last line has no newline (truncated?)");
	return 0;
}

/* Returns 1 with a line, 0 at the end of the file. */
static int read_line(struct reader *reader)
{
	int c;

	reader->line_number++;
	reader->length = 0;
	errno = 0;
	while ((c = getc(reader->in)) != EOF && c != '\n') {
		if (c == '\0')
			return fail(reader, -EINVAL, "a NUL byte");
		if (reader->length == CAPTURE_LINE_MAX)
			return fail(reader, -EINVAL,
				    "a line of more than %d bytes",
				    CAPTURE_LINE_MAX);
		reader->line[reader->length++] = (char)c;
	}
	reader->line[reader->length] = '\0';
	return c == EOF ? end_of_input(reader) : 1;
}

static int check_line_ends(struct reader *reader)
{
	const char *line = reader->line;

	if (!reader->length)
		return fail(reader, -EINVAL, "a blank line");
	if (strchr(BLANKS, line[0]))
		return fail(reader, -EINVAL, "the line begins with a blank");
	if (strchr(BLANKS, line[reader->length - 1]))
		return fail(reader, -EINVAL, "the line ends with a blank");
	if (line[reader->length - 1] == '\r')
		return fail(reader, -EINVAL,
			    "the line ends with a carriage return");
	return 0;
}

static int split_words(struct reader *reader)
{
	char *word, *rest = NULL;
	int ret;

	ret = check_line_ends(reader);
	if (ret)
		return ret;
	reader->word_count = 0;
	word = strtok_r(reader->line, BLANKS, &rest);
	while (word && reader->word_count < WORDS_MAX) {
		reader->words[reader->word_count++] = word;
		word = strtok_r(NULL, BLANKS, &rest);
	}
	return 0;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/*
 * A C literal.  strtoull() also takes a sign, leading blanks, and numbers that
 * only some C libraries know.
 */
static int parse_number(struct reader *reader, const char *word,
			uint64_t *value)
{
	const char *digit = word;
	unsigned int base = 10;

	if (digit[0] == '0' && (digit[1] == 'x' || digit[1] == 'X')) {
		base = 16;
		digit += 2;
	} else if (digit[0] == '0') {
		base = 8;
	}
	*value = 0;
	do {
		unsigned int d = (unsigned int)digit_value(*digit);

		if (d >= base)
			return fail(reader, -EINVAL, "\"%s\" is not a number",
				    show(reader, word));
		if (__builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, d, value))
			return fail(reader, -EINVAL,
				    "\"%s\" is more than 64 bits",
				    show(reader, word));
	} while (*++digit);
	return 0;
}

static int expect_numbers(struct reader *reader, unsigned int count)
{
	if (reader->word_count == count + 1)
		return 0;
	return fail(reader, -EINVAL, "%s takes %u number%s, and there are %s",
		    reader->words[0], count, count == 1 ? "" : "s",
		    reader->word_count < count + 1 ? "fewer" : "more");
}

/* ---- What the lines say ---- */

static struct capture_ring *last_ring(const struct reader *reader)
{
	return capture_last_ring(reader->capture);
}

static struct capture_kick *last_kick(const struct reader *reader)
{
	return capture_last_kick(reader->capture);
}

static bool is_wait(const struct capture_desc *desc)
{
	return (desc->words[0] & DESC_TYPE) == DESC_TYPE_WAIT;
}

/*
 * QEMU's trace, which captures are made from, leaves PASID-cache descriptors
 * out, and Linux puts each before a wait of its own.  So two slots with
 * nothing but a wait are known to have had one; any other gap is not.
 */
static bool lacks_pasid_cache(const struct reader *reader)
{
	const struct capture *capture = reader->capture;

	return reader->missing == 1 && last_kick(reader)->count == 1 &&
	       last_ring(reader)->width == 256 &&
	       is_wait(&capture->descs[capture->desc_count - 1]);
}

static int fail_missing(struct reader *reader)
{
	return fail(reader, -EINVAL,
		    "the kick in line %lu lacks %u descriptor%s",
		    reader->kick_line, reader->missing,
		    reader->missing == 1 ? "" : "s");
}

/* Another line follows, so the kick before it has to be complete. */
static int end_kick(struct reader *reader)
{
	if (!reader->missing)
		return 0;
	if (!lacks_pasid_cache(reader))
		return fail_missing(reader);
	last_kick(reader)->unseen = reader->missing;
	reader->missing = 0;
	return 0;
}

static int add_ring(struct reader *reader, uint64_t iqa)
{
	if (capture_add_ring(reader->capture, iqa))
		return fail(reader, -ENOMEM, "out of memory");
	reader->head = 0;
	return 0;
}

static int line_iqa(struct reader *reader)
{
	uint64_t iqa;
	int ret;

	ret = end_kick(reader);
	if (!ret)
		ret = expect_numbers(reader, 1);
	if (!ret)
		ret = parse_number(reader, reader->words[1], &iqa);
	if (ret)
		return ret;
	if (iqa & IQA_RESERVED)
		return fail(reader, -EINVAL,
			    "iqa has reserved bits set (10:3)");
	return add_ring(reader, iqa);
}

static int add_kick(struct reader *reader, uint32_t tail)
{
	if (capture_add_kick(reader->capture, tail))
		return fail(reader, -ENOMEM, "out of memory");
	reader->missing = (tail - reader->head) & (last_ring(reader)->size - 1);
	reader->head = tail;
	reader->kick_line = reader->line_number;
	return 0;
}

static int line_kick(struct reader *reader)
{
	uint64_t tail;
	int ret;

	ret = end_kick(reader);
	if (!ret)
		ret = expect_numbers(reader, 1);
	if (!ret)
		ret = parse_number(reader, reader->words[1], &tail);
	if (ret)
		return ret;
	if (!reader->capture->ring_count)
		return fail(reader, -EINVAL, "kick before the first iqa");
	if (tail >= last_ring(reader)->size)
		return fail(reader, -EINVAL,
			    "kick %s is beyond the ring of %u slots",
			    show(reader, reader->words[1]),
			    last_ring(reader)->size);
	return add_kick(reader, (uint32_t)tail);
}

static int add_desc(struct reader *reader, const struct capture_desc *desc)
{
	if (capture_add_desc(reader->capture, desc))
		return fail(reader, -ENOMEM, "out of memory");
	reader->missing--;
	return 0;
}

static int line_desc(struct reader *reader)
{
	struct capture_desc desc = { .note = NULL };
	unsigned int i, count;
	int ret;

	if (!reader->capture->ring_count || !last_ring(reader)->kick_count)
		return fail(reader, -EINVAL, "d before the ring's first kick");
	if (!reader->missing)
		return fail(reader, -EINVAL,
			    "more descriptors than the kick in line %lu has",
			    reader->kick_line);
	count = last_ring(reader)->width / 64;
	ret = expect_numbers(reader, count);
	for (i = 0; !ret && i < count; i++)
		ret = parse_number(reader, reader->words[i + 1],
				   &desc.words[i]);
	return ret ? ret : add_desc(reader, &desc);
}

static int parse_line(struct reader *reader)
{
	int ret;

	if (reader->line[0] == '#')
		return 0;
	ret = split_words(reader);
	if (ret)
		return ret;
	if (!strcmp(reader->words[0], "d"))
		return line_desc(reader);
	if (!strcmp(reader->words[0], "kick"))
		return line_kick(reader);
	if (!strcmp(reader->words[0], "iqa"))
		return line_iqa(reader);
	return fail(reader, -EINVAL, "unknown keyword \"%s\"",
		    show(reader, reader->words[0]));
}

static int read_first_line(struct reader *reader)
{
	int ret = read_line(reader);

	if (ret < 0)
		return ret;
	if (!ret || strcmp(reader->line, CAPTURE_FIRST_LINE))
		return fail(reader, -EINVAL,
			    "not a capture: the first line is not \"%s\"",
			    CAPTURE_FIRST_LINE);
	return 0;
}

static int read_all(struct reader *reader)
{
	int ret;

	ret = read_first_line(reader);
	while (!ret) {
		ret = read_line(reader);
		if (!ret)
			return reader->missing ? fail_missing(reader) : 0;
		if (ret > 0)
			ret = parse_line(reader);
	}
	return ret;
}

int capture_read(struct capture *capture, FILE *in, const char *name,
		 char *error, size_t size)
{
	struct reader reader = {
		.capture = capture,
		.in = in,
		.name = name,
		.error = error,
		.error_size = size,
	};
	int ret;

	memset(capture, 0, sizeof(*capture));
	ret = read_all(&reader);
	if (ret)
		capture_free(capture);
	return ret;
}
