/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <libiommunest.h>

#include "tools/capture-lines.h"
#include "tools/capture.h"

/* IQA_REG */
#define IQA_RESERVED UINT64_C(0x7f8)

/* A descriptor's type: bits 3:0 and 11:9. */
#define DESC_TYPE UINT64_C(0xe0f)
#define DESC_TYPE_WAIT 5

struct reader {
	struct capture *capture;
	struct capture_lines *lines;
	/* The last kick's line, and how many descriptors it still lacks. */
	unsigned long kick_line;
	uint32_t missing;
	uint32_t head;
};

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
	return capture_fail(reader->lines, -EINVAL,
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
		return capture_fail(reader->lines, -ENOMEM, "out of memory");
	reader->head = 0;
	return 0;
}

static int line_iqa(struct reader *reader)
{
	uint64_t iqa;
	int ret;

	ret = end_kick(reader);
	if (!ret)
		ret = capture_expect(reader->lines, 1);
	if (!ret)
		ret = capture_number(reader->lines, reader->lines->words[1],
				     &iqa);
	if (ret)
		return ret;
	if (iqa & IQA_RESERVED)
		return capture_fail(reader->lines, -EINVAL,
				    "iqa has reserved bits set (10:3)");
	return add_ring(reader, iqa);
}

static int add_kick(struct reader *reader, uint32_t tail)
{
	if (capture_add_kick(reader->capture, tail))
		return capture_fail(reader->lines, -ENOMEM, "out of memory");
	reader->missing = (tail - reader->head) & (last_ring(reader)->size - 1);
	reader->head = tail;
	reader->kick_line = reader->lines->line_number;
	return 0;
}

static int line_kick(struct reader *reader)
{
	uint64_t tail;
	int ret;

	ret = end_kick(reader);
	if (!ret)
		ret = capture_expect(reader->lines, 1);
	if (!ret)
		ret = capture_number(reader->lines, reader->lines->words[1],
				     &tail);
	if (ret)
		return ret;
	if (!reader->capture->ring_count)
		return capture_fail(reader->lines, -EINVAL,
				    "kick before the first iqa");
	if (tail >= last_ring(reader)->size)
		return capture_fail(reader->lines, -EINVAL,
				    "kick %s is beyond the ring of %u slots",
				    capture_show(reader->lines,
						 reader->lines->words[1]),
				    last_ring(reader)->size);
	return add_kick(reader, (uint32_t)tail);
}

static int add_desc(struct reader *reader, const struct capture_desc *desc)
{
	if (capture_add_desc(reader->capture, desc))
		return capture_fail(reader->lines, -ENOMEM, "out of memory");
	reader->missing--;
	return 0;
}

static int line_desc(struct reader *reader)
{
	struct capture_desc desc = { .note = NULL };
	unsigned int i, count;
	int ret;

	if (!reader->capture->ring_count || !last_ring(reader)->kick_count)
		return capture_fail(reader->lines, -EINVAL,
				    "d before the ring's first kick");
	if (!reader->missing)
		return capture_fail(
			reader->lines, -EINVAL,
			"more descriptors than the kick in line %lu has",
			reader->kick_line);
	count = last_ring(reader)->width / 64;
	ret = capture_expect(reader->lines, count);
	for (i = 0; !ret && i < count; i++)
		ret = capture_number(reader->lines, reader->lines->words[i + 1],
				     &desc.words[i]);
	return ret ? ret : add_desc(reader, &desc);
}

static int parse_line(struct reader *reader)
{
	int ret;

	if (reader->lines->line[0] == '#')
		return 0;
	ret = capture_split(reader->lines);
	if (ret)
		return ret;
	if (!strcmp(reader->lines->words[0], "d"))
		return line_desc(reader);
	if (!strcmp(reader->lines->words[0], "kick"))
		return line_kick(reader);
	if (!strcmp(reader->lines->words[0], "iqa"))
		return line_iqa(reader);
	return capture_fail(reader->lines, -EINVAL, "unknown keyword \"%s\"",
			    capture_show(reader->lines,
					 reader->lines->words[0]));
}

static int read_lines(struct reader *reader)
{
	int ret = 0;

	while (!ret) {
		ret = capture_line(reader->lines);
		if (!ret)
			return reader->missing ? fail_missing(reader) : 0;
		if (ret > 0)
			ret = parse_line(reader);
	}
	return ret;
}

static int read_first_line(struct capture *capture, struct capture_lines *lines)
{
	int ret = capture_line(lines);

	if (ret < 0)
		return ret;
	if (ret && !strcmp(lines->line, CMDQ_FIRST_LINE))
		capture->format = CAPTURE_CMDQ;
	else if (!ret || strcmp(lines->line, CAPTURE_FIRST_LINE))
		return capture_fail(lines, -EINVAL,
				    "not a capture: the first line is neither "
				    "\"%s\" nor \"%s\"",
				    CAPTURE_FIRST_LINE, CMDQ_FIRST_LINE);
	return 0;
}

static int read_all(struct capture *capture, struct capture_lines *lines)
{
	struct reader reader = { .capture = capture, .lines = lines };
	int ret;

	ret = read_first_line(capture, lines);
	if (ret)
		return ret;
	if (capture->format == CAPTURE_CMDQ)
		return cmdq_read(&capture->cmdq, lines);
	return read_lines(&reader);
}

int capture_read(struct capture *capture, FILE *in, const char *name,
		 char *error, size_t size)
{
	struct capture_lines lines = {
		.in = in,
		.name = name,
		.error = error,
		.error_size = size,
	};
	int ret;

	memset(capture, 0, sizeof(*capture));
	ret = read_all(capture, &lines);
	if (ret)
		capture_free(capture);
	return ret;
}
