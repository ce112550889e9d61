/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A ring in guest memory: what is in it between head and tail, or all that is
 * still there of what was in it.
 */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* le64toh */
#endif

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/capture/make.h"

/* A descriptor's type: bits 3:0 and 11:9. */
#define DESC_TYPE UINT64_C(0xe0f)

struct memory {
	struct make *make;
	unsigned char *bytes;
	/* From IQA. */
	unsigned int width;
	uint32_t size;
	uint64_t base;
};

__attribute__((format(printf, 2, 3))) static int fail(const struct make *make,
						      const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", make->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	putc('\n', stderr);
	return EXIT_USAGE;
}

static int no_memory(void)
{
	return tool_fail("keep the capture", -ENOMEM);
}

static size_t ring_bytes(const struct memory *memory)
{
	return (size_t)memory->size * memory->width / 8;
}

static struct capture_desc desc_at(const struct memory *memory, uint64_t slot)
{
	const size_t bytes = memory->width / 8;
	struct capture_desc desc = { .note = NULL };
	size_t i;

	slot &= memory->size - 1;
	memcpy(desc.words, memory->bytes + slot * bytes, bytes);
	for (i = 0; i < bytes / 8; i++)
		desc.words[i] = le64toh(desc.words[i]);
	return desc;
}

static bool is_empty(const struct capture_desc *desc)
{
	return !(desc->words[0] | desc->words[1] | desc->words[2] |
		 desc->words[3]);
}

static bool is_wait(const struct capture_desc *desc)
{
	return (desc->words[0] & DESC_TYPE) == IOMMUNEST_VTD_DESC_WAIT;
}

/* One kick; slots are counted from the first that is in the capture. */
static int add_kick(struct memory *memory, uint64_t origin, uint32_t from,
		    uint32_t to)
{
	struct capture *capture = &memory->make->capture;
	uint32_t i;

	if (capture_add_kick(capture, to & (memory->size - 1)))
		return no_memory();
	for (i = from; i < to; i++) {
		const struct capture_desc desc = desc_at(memory, origin + i);

		if (capture_add_desc(capture, &desc))
			return no_memory();
	}
	return -1;
}

static int add_pending(struct memory *memory)
{
	const struct make_options *options = memory->make->options;
	uint32_t count =
		(uint32_t)(options->tail - options->head) & (memory->size - 1);

	if (!count)
		return fail(memory->make,
			    "nothing is between head and tail; --history "
			    "takes what was");
	return add_kick(memory, options->head, 0, count);
}

/* Where the guest waited is not known: after each wait, as Linux does. */
static int add_history(struct memory *memory)
{
	uint64_t tail = memory->make->options->tail;
	struct capture_desc desc;
	uint32_t empty = 0, from = 0, i, count;
	int status = -1;

	for (; empty < memory->size; empty++) {
		desc = desc_at(memory, tail + empty);
		if (!is_empty(&desc))
			break;
	}
	count = memory->size - empty;
	if (!count)
		return fail(memory->make, "the ring is empty");
	for (i = 0; status < 0 && i < count; i++) {
		desc = desc_at(memory, tail + empty + i);
		/* No kick fills a ring. */
		if (!is_wait(&desc) && i + 1 < count &&
		    i + 2 - from < memory->size)
			continue;
		status = add_kick(memory, tail + empty, from, i + 1);
		from = i + 1;
	}
	return status;
}

static int check_slots(const struct memory *memory)
{
	const struct make_options *options = memory->make->options;

	if (options->head >= memory->size || options->tail >= memory->size)
		return tool_usage("the ring of that --iqa has %u slots, and "
				  "--head and --tail count them from 0",
				  memory->size);
	return -1;
}

static int read_ring(struct memory *memory, FILE *in)
{
	int ret;

	ret = image_read(in, memory->make->options->address, memory->base,
			 memory->bytes, ring_bytes(memory));
	if (!ret)
		return -1;
	if (ret == -EFAULT)
		return fail(memory->make,
			    "0x%" PRIx64 " to 0x%" PRIx64
			    ", where the ring is, is not in it",
			    memory->base,
			    memory->base + ring_bytes(memory) - 1);
	return fail(memory->make, "cannot read: %s", strerror(-ret));
}

int make_from_memory(struct make *make, FILE *in)
{
	struct memory memory = { .make = make };
	struct capture *capture = &make->capture;
	int status;

	if (capture_add_ring(capture, make->options->iqa))
		return no_memory();
	memory.width = capture->rings[0].width;
	memory.size = capture->rings[0].size;
	memory.base = capture->rings[0].base;
	status = check_slots(&memory);
	if (status >= 0)
		return status;
	memory.bytes = malloc(ring_bytes(&memory));
	if (!memory.bytes)
		return no_memory();
	status = read_ring(&memory, in);
	if (status < 0 && make->options->history)
		status = add_history(&memory);
	else if (status < 0)
		status = add_pending(&memory);
	free(memory.bytes);
	return status;
}
