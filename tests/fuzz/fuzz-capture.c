/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The reader of captures: what it takes is as the format says, and reads the
 * same when it is written again; what it refuses leaves nothing but a message.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fopencookie */
#endif

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/capture.h"
#include "fuzz.h"

#define NAME "input"
/* A byte of the input, so that a seed is a file with a byte before it. */
#define WHOLE '#'

/* ---- A file that may fail in the middle ---- */

struct file {
	const uint8_t *data;
	size_t left;
	/* Where it ends with an error; past the end: nowhere. */
	size_t fails_at;
};

static ssize_t read_file(void *cookie, char *buf, size_t len)
{
	struct file *file = cookie;

	if (!file->fails_at) {
		errno = EIO;
		return -1;
	}
	if (len > file->left)
		len = file->left;
	if (len > file->fails_at)
		len = file->fails_at;
	memcpy(buf, file->data, len);
	file->data += len;
	file->left -= len;
	file->fails_at -= len;
	return (ssize_t)len;
}

static int read_capture(struct capture *capture, struct file file, char *error,
			size_t size)
{
	const cookie_io_functions_t functions = { .read = read_file };
	FILE *in = fopencookie(&file, "r", functions);
	int ret;

	fuzz_check(in);
	memset(capture, 0x5a, sizeof(*capture));
	ret = capture_read(capture, in, NAME, error, size);
	fclose(in);
	return ret;
}

/* ---- What was read ---- */

static void check_kick(const struct capture *capture,
		       const struct capture_ring *ring,
		       const struct capture_kick *kick, uint32_t head,
		       size_t descs)
{
	uint32_t moved = (kick->tail - head) & (ring->size - 1);

	fuzz_check(kick->tail < ring->size);
	fuzz_check(kick->first == descs);
	fuzz_check(kick->count <= capture->desc_count - descs);
	fuzz_check(kick->unseen <= 1 && kick->unseen + kick->count == moved);
}

static void check_ring(const struct capture_ring *ring)
{
	unsigned int qs = ring->iqa & 7;

	fuzz_check(!(ring->iqa & 0x7f8));
	fuzz_check(ring->base == (ring->iqa & ~UINT64_C(0xfff)));
	fuzz_check(ring->width == (ring->iqa >> 11 & 1 ? 256 : 128));
	fuzz_check(ring->size == (ring->width == 256 ? 128u : 256u) << qs);
}

static void check_capture(const struct capture *capture)
{
	size_t descs = 0, kicks = 0;
	size_t r, k;

	for (r = 0; r < capture->ring_count; r++) {
		const struct capture_ring *ring = &capture->rings[r];
		uint32_t head = 0;

		check_ring(ring);
		fuzz_check(ring->first_kick == kicks);
		fuzz_check(ring->kick_count <= capture->kick_count - kicks);
		for (k = 0; k < ring->kick_count; k++) {
			const struct capture_kick *kick =
				&capture->kicks[kicks + k];

			check_kick(capture, ring, kick, head, descs);
			head = kick->tail;
			descs += kick->count;
		}
		kicks += ring->kick_count;
	}
	fuzz_check(kicks == capture->kick_count);
	fuzz_check(descs == capture->desc_count);
}

/* ---- Written again ---- */

static void write_kick(FILE *out, const struct capture *capture,
		       const struct capture_ring *ring,
		       const struct capture_kick *kick)
{
	uint32_t i;

	fprintf(out, "kick %u\n", kick->tail);
	for (i = 0; i < kick->count; i++) {
		const uint64_t *words = capture->descs[kick->first + i].words;

		fprintf(out, "d %#" PRIx64 " 0%" PRIo64, words[0], words[1]);
		if (ring->width == 256)
			fprintf(out, "\t%" PRIu64 "  %#" PRIx64, words[2],
				words[3]);
		else
			fuzz_check(!words[2] && !words[3]);
		fputc('\n', out);
	}
}

static void write_capture(FILE *out, const struct capture *capture)
{
	size_t r, k;

	fputs("iq-capture 1\n", out);
	for (r = 0; r < capture->ring_count; r++) {
		const struct capture_ring *ring = &capture->rings[r];

		fprintf(out, "iqa %#" PRIx64 "\n# ring\n", ring->iqa);
		for (k = 0; k < ring->kick_count; k++)
			write_kick(out, capture, ring,
				   &capture->kicks[ring->first_kick + k]);
	}
	/* A gap is one only with a line after it. */
	fputs("#\n", out);
}

static bool same(const void *a, const void *b, size_t count, size_t size)
{
	return count == 0 || !memcmp(a, b, count * size);
}

static void check_again(const struct capture *capture)
{
	char error[CAPTURE_ERROR_MAX];
	struct capture again;
	struct file file = { .fails_at = SIZE_MAX };
	char *text = NULL;
	FILE *out = open_memstream(&text, &file.left);

	fuzz_check(out);
	write_capture(out, capture);
	fuzz_check(!fclose(out));
	file.data = (const uint8_t *)text;
	fuzz_check(!read_capture(&again, file, error, sizeof(error)));
	fuzz_check(again.ring_count == capture->ring_count &&
		   again.kick_count == capture->kick_count &&
		   again.desc_count == capture->desc_count);
	fuzz_check(same(again.descs, capture->descs, again.desc_count,
			sizeof(*again.descs)));
	fuzz_check(same(again.kicks, capture->kicks, again.kick_count,
			sizeof(*again.kicks)));
	capture_free(&again);
	free(text);
}

/* ---- An SMMUv3's command queue ---- */

static const struct cmdq_write *check_write(const struct cmdq_capture *capture,
					    size_t nth, size_t commands)
{
	const struct cmdq_write *write = &capture->writes[nth];

	fuzz_check(write->reg < CMDQ_REGISTERS);
	fuzz_check(write->first == commands);
	fuzz_check(write->count <= capture->command_count - commands);
	fuzz_check(write->reg == CMDQ_PROD || !write->count);
	fuzz_check(write->reg == CMDQ_BASE || write->value <= UINT32_MAX);
	return write;
}

/* What holds while it is enabled, from which a guest's commands follow. */
static void check_cmdq(const struct cmdq_capture *capture)
{
	uint32_t slots = 0, prod = 0;
	bool enabled = false;
	size_t commands = 0;
	size_t i;

	for (i = 0; i < capture->write_count; i++) {
		const struct cmdq_write *write =
			check_write(capture, i, commands);
		uint32_t log2size = write->value & 0x1f;

		commands += write->count;
		if (write->reg == CMDQ_BASE)
			slots = 1u << (log2size > 19 ? 19 : log2size);
		if (write->reg == CMDQ_CR0)
			enabled = write->value >> 3 & 1;
		fuzz_check(slots || (!enabled && write->reg != CMDQ_PROD &&
				     write->reg != CMDQ_CONS));
		fuzz_check(!enabled || (write->reg != CMDQ_BASE &&
					write->reg != CMDQ_CONS));
		if (write->reg == CMDQ_CONS)
			fuzz_check((write->value & 0x80ffffff) < 2 * slots);
		if (write->reg != CMDQ_PROD)
			continue;
		fuzz_check(write->value < 2 * slots && write->count <= slots);
		fuzz_check(!enabled || write->count == ((write->value - prod) &
							(2 * slots - 1)));
		prod = (uint32_t)write->value;
	}
	fuzz_check(commands == capture->command_count);
}

/* Not their padding. */
static bool same_writes(const struct cmdq_capture *a,
			const struct cmdq_capture *b)
{
	size_t i;

	for (i = 0; i < a->write_count; i++) {
		const struct cmdq_write *x = &a->writes[i], *y = &b->writes[i];

		if (x->reg != y->reg || x->value != y->value ||
		    x->count != y->count || x->first != y->first)
			return false;
	}
	return true;
}

static void check_cmdq_again(const struct cmdq_capture *capture)
{
	char error[CAPTURE_ERROR_MAX];
	struct capture again;
	struct file file = { .fails_at = SIZE_MAX };
	char *text = NULL;
	FILE *out = open_memstream(&text, &file.left);

	fuzz_check(out);
	cmdq_write(out, capture, "again");
	fuzz_check(!fclose(out));
	file.data = (const uint8_t *)text;
	fuzz_check(!read_capture(&again, file, error, sizeof(error)));
	fuzz_check(again.format == CAPTURE_CMDQ &&
		   again.cmdq.write_count == capture->write_count &&
		   again.cmdq.command_count == capture->command_count);
	fuzz_check(same_writes(&again.cmdq, capture));
	fuzz_check(same(again.cmdq.commands, capture->commands,
			capture->command_count, sizeof(*capture->commands)));
	capture_free(&again);
	free(text);
}

/* ---- Refused ---- */

static void check_error(const struct capture *capture, int ret,
			const char *error, size_t size)
{
	size_t i;

	fuzz_check(ret == -EINVAL || ret == -EIO);
	fuzz_check(!capture->rings && !capture->kicks && !capture->descs);
	fuzz_check(!capture->cmdq.writes && !capture->cmdq.commands);
	fuzz_check(!capture->ring_count && !capture->kick_count &&
		   !capture->desc_count);
	if (!size)
		return;
	fuzz_check(memchr(error, 0, size));
	if (size == CAPTURE_ERROR_MAX) {
		fuzz_check(!strncmp(error, NAME ":", strlen(NAME ":")));
		fuzz_check(strlen(error) < size - 1);
	}
	for (i = 0; error[i]; i++)
		fuzz_check(error[i] >= ' ' && error[i] <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { .data = data, .left = size };
	uint8_t first = fuzz_u8(&in);
	bool whole = first == WHOLE;
	size_t room = whole ? CAPTURE_ERROR_MAX : first & 63;
	struct file file = { in.data, in.left, SIZE_MAX };
	char *error = malloc(room ? room : 1);
	struct capture capture;
	int ret;

	fuzz_check(error);
	memset(error, 0, room ? room : 1);
	if (first & 0x80)
		file.fails_at = (size_t)(first & 0x7f) * in.left / 0x80;
	ret = read_capture(&capture, file, error, room);
	if (ret) {
		check_error(&capture, ret, error, room);
	} else if (capture.format == CAPTURE_CMDQ) {
		check_cmdq(&capture.cmdq);
		check_cmdq_again(&capture.cmdq);
		capture_free(&capture);
	} else {
		check_capture(&capture);
		check_again(&capture);
		capture_free(&capture);
	}
	free(error);
	return 0;
}
