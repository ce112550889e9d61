/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* strtok_r */
#endif

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "tools/capture-lines.h"

#define BLANKS " \t"

int capture_fail(struct capture_lines *lines, int error, const char *format,
		 ...)
{
	va_list args;
	int length;

	length = snprintf(lines->error, lines->error_size,
			  "%s:%lu: ", lines->name, lines->line_number);
	if (length < 0 || (size_t)length >= lines->error_size)
		return error;
	va_start(args, format);
	vsnprintf(lines->error + length, lines->error_size - (size_t)length,
		  format, args);
	va_end(args);
	return error;
}

const char *capture_show(struct capture_lines *lines, const char *word)
{
	size_t i;

	for (i = 0; word[i] && i < CAPTURE_SHOWN_MAX - 4; i++)
		lines->shown[i] =
			word[i] < ' ' || word[i] > '~' ? '?' : word[i];
	strcpy(lines->shown + i, word[i] ? "..." : "");
	return lines->shown;
}

/* ---- Lines and words ---- */

static int end_of_input(struct capture_lines *lines)
{
	int error = errno;

	if (ferror(lines->in))
		return capture_fail(lines, error ? -error : -EIO,
				    "cannot read: %s",
				    strerror(error ? error : EIO));
	if (lines->length)
		return capture_fail(
			lines, -EINVAL,
			"the last line has no newline (truncated?)");
	return 0;
}

int capture_line(struct capture_lines *lines)
{
	int c;

	lines->line_number++;
	lines->length = 0;
	errno = 0;
	while ((c = getc(lines->in)) != EOF && c != '\n') {
		if (c == '\0')
			return capture_fail(lines, -EINVAL, "a NUL byte");
		if (lines->length == CAPTURE_LINE_MAX)
			return capture_fail(lines, -EINVAL,
					    "a line of more than %d bytes",
					    CAPTURE_LINE_MAX);
		lines->line[lines->length++] = (char)c;
	}
	lines->line[lines->length] = '\0';
	return c == EOF ? end_of_input(lines) : 1;
}

static int check_line_ends(struct capture_lines *lines)
{
	const char *line = lines->line;

	if (!lines->length)
		return capture_fail(lines, -EINVAL, "a blank line");
	if (strchr(BLANKS, line[0]))
		return capture_fail(lines, -EINVAL,
				    "the line begins with a blank");
	if (strchr(BLANKS, line[lines->length - 1]))
		return capture_fail(lines, -EINVAL,
				    "the line ends with a blank");
	if (line[lines->length - 1] == '\r')
		return capture_fail(lines, -EINVAL,
				    "the line ends with a carriage return");
	return 0;
}

int capture_split(struct capture_lines *lines)
{
	char *word, *rest = NULL;
	int ret;

	ret = check_line_ends(lines);
	if (ret)
		return ret;
	lines->word_count = 0;
	word = strtok_r(lines->line, BLANKS, &rest);
	while (word && lines->word_count < CAPTURE_WORDS_MAX) {
		lines->words[lines->word_count++] = word;
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
int capture_number(struct capture_lines *lines, const char *word,
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
			return capture_fail(lines, -EINVAL,
					    "\"%s\" is not a number",
					    capture_show(lines, word));
		if (__builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, d, value))
			return capture_fail(lines, -EINVAL,
					    "\"%s\" is more than 64 bits",
					    capture_show(lines, word));
	} while (*++digit);
	return 0;
}

int capture_expect(struct capture_lines *lines, unsigned int count)
{
	if (lines->word_count == count + 1)
		return 0;
	return capture_fail(lines, -EINVAL,
			    "%s takes %u number%s, and there are %s",
			    lines->words[0], count, count == 1 ? "" : "s",
			    lines->word_count < count + 1 ? "fewer" : "more");
}
