/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * make-seeds FOLDER CAPTURE...: cuts captures of guests into inputs for the
 * targets, into FOLDER/desc, iq, cmdq and capture, which must be there.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/capture.h"
#include "cmdq-input.h"
#include "fuzz.h"
#include "iq-input.h"

#define DESC_SEEDS 96u
#define KICKS_PER_SEED 24u
#define IQ_SEEDS 12u
#define LINES_PER_SEED 64u
#define MIXED_SEEDS 256u
#define ENGINE_SEEDS 96u
#define FLAGS (IQ_HOST_6_12 | IQ_HOST_ATS | IQ_VMM_CHANGES_SCOPES)

/* ---- Files ---- */

static const char *folder;
static const char *base_name;

static FILE *create(const char *target, unsigned int nth)
{
	char path[4096];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s/%s-%03u", folder, target, base_name,
		 nth);
	out = fopen(path, "wb");
	if (!out) {
		perror(path);
		exit(1);
	}
	return out;
}

static void finish(FILE *out)
{
	if (fclose(out)) {
		perror(folder);
		exit(1);
	}
}

static void put_number(FILE *out, uint64_t value, unsigned int bytes)
{
	for (; bytes; bytes--, value >>= 8)
		fputc((int)(value & 0xff), out);
}

static void put(FILE *out, unsigned int byte)
{
	put_number(out, byte, 1);
}

/* As fuzz_shaped() takes it. */
static void put_shaped(FILE *out, uint64_t value)
{
	put(out, 3);
	put_number(out, value, 8);
}

static void put_words(FILE *out, const uint64_t *words)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		put_number(out, words[i], 8);
}

/* ---- Descriptors ---- */

/* Those that differ in more than an address or a number. */
static bool is_new(const struct capture *capture, size_t nth)
{
	const uint64_t kind = UINT64_C(0xfff0000000000fff);
	uint64_t words = capture->descs[nth].words[0] & kind;
	size_t i;

	for (i = 0; i < nth; i++) {
		if ((capture->descs[i].words[0] & kind) == words)
			return nth % 64 == 0;
	}
	return true;
}

static void make_desc_seeds(const struct capture *capture)
{
	unsigned int made = 0;
	size_t i;

	for (i = 0; i < capture->desc_count && made < DESC_SEEDS; i++) {
		FILE *out;

		if (!is_new(capture, i))
			continue;
		out = create("desc", made++);
		put(out, 80);
		put_words(out, capture->descs[i].words);
		finish(out);
	}
}

/* ---- Whole queues ---- */

/* Policies, limits and scopes differ from seed to seed. */
static void put_options(FILE *out, unsigned int nth, unsigned int flags)
{
	uint8_t options[IQ_OPTIONS] = {
		[IQ_POLICY] = (uint8_t)(nth % 3),
		[IQ_BUDGET] = nth % 4 == 3 ? 160 : 0,
		[IQ_LIMITS] =
			nth % 2 ? (uint8_t)(IQ_LIMITS_GIVEN | nth / 2 % 2) : 0,
		[IQ_FLAGS] = (uint8_t)(flags | (nth & FLAGS)),
	};

	fwrite(options, 1, sizeof(options), out);
	if (options[IQ_LIMITS] & IQ_LIMITS_GIVEN)
		put(out, 32);
}

static void put_scopes(FILE *out)
{
	unsigned int did;

	for (did = 1; did < 8; did++) {
		put(out, IQ_OP_ADD_SCOPE);
		put(out, did);
		put(out, 0);
		put(out, did % 3);
	}
	put(out, IQ_OP_ADD_DEVICE);
	put(out, 8);
	put(out, 0xfe);
	put(out, 1);
}

static void put_count(FILE *out, unsigned int count)
{
	put(out, count > 32 ? IQ_DESCS_MANY | (count - 1) : count - 1);
}

/* A few kicks, and now and then something else that a guest does. */
static void put_kick(FILE *out, const struct capture *capture,
		     const struct capture_kick *kick)
{
	uint32_t count =
		kick->count < IQ_DESCS_MAX ? kick->count : IQ_DESCS_MAX;
	uint32_t i;

	if (!count)
		return;
	put(out, IQ_OP_DESCS);
	put_count(out, count);
	for (i = 0; i < count; i++) {
		put(out, 0);
		put_words(out, capture->descs[kick->first + i].words);
	}
	put(out, IQ_OP_RUN_BY);
	put(out, count);
}

static void put_trouble(FILE *out, unsigned int nth)
{
	static const uint8_t troubles[][6] = {
		{ IQ_OP_MIGRATE, IQ_OP_CLEAR_FAULT },
		{ IQ_OP_DISABLE, IQ_OP_ENABLE },
		{ IQ_OP_HOST_FAULT, 2, 3, 1, 1, 0 },
		{ IQ_OP_BAD_VMM, 1, 2 },
		{ IQ_OP_BAD_STATUS, 2, 0 },
		{ IQ_OP_BAD_MEMORY, 5, 1, 0 },
		{ IQ_OP_RESTORE, 0, 2, 0, 0x20 },
		{ IQ_OP_REMOVE_HWPT, 1 },
	};
	static const uint8_t lengths[] = { 2, 2, 6, 3, 3, 4, 5, 2 };
	unsigned int i = nth % (unsigned int)sizeof(lengths);

	fwrite(troubles[i], 1, lengths[i], out);
}

static void make_iq_seed(const struct capture *capture,
			 const struct capture_ring *ring, unsigned int nth)
{
	size_t first = (size_t)nth * ring->kick_count / IQ_SEEDS;
	FILE *out = create("iq", nth);
	size_t i;

	put_options(out, nth, IQ_VMM_NOT_READY);
	put(out, IQ_OP_BASE_ANY);
	put_shaped(out, ring->iqa);
	put(out, ring->width == 256);
	put(out, IQ_OP_ENABLE);
	put_scopes(out);
	for (i = 0; i < KICKS_PER_SEED && first + i < ring->kick_count; i++) {
		if (i == KICKS_PER_SEED / 2)
			put_trouble(out, nth);
		put_kick(out, capture,
			 &capture->kicks[ring->first_kick + first + i]);
	}
	finish(out);
}

static void make_iq_seeds(const struct capture *capture)
{
	const struct capture_ring *ring =
		&capture->rings[capture->ring_count - 1];
	unsigned int i;

	for (i = 0; i < IQ_SEEDS; i++)
		make_iq_seed(capture, ring, i);
}

/* ---- Queues that no guest in a capture has ---- */

static uint32_t random_state = 1;

/* Numbers that are the same each time. */
static unsigned int any(unsigned int n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 16) % n;
}

static void put_mixed_descs(FILE *out)
{
	static const uint8_t types[] = { 6, 6, 6, 6, 8, 8, 3, 3,
					 5, 5, 2, 1, 7, 4, 9, 0 };
	unsigned int count = 2 + any(14);
	unsigned int last = any(12) ? 15 : 16;
	unsigned int i;

	put(out, IQ_OP_DESCS);
	put(out, count - 1);
	for (i = 0; i < count; i++) {
		uint8_t type = types[any(last)];

		put(out, type);
		if (type == 0) {
			put_words(out, (const uint64_t[4]){ 0xffff });
			continue;
		}
		/* A scope, bits, a page, and its order. */
		put(out, any(7));
		put(out, any(256));
		put(out, any(8));
		put(out, any(5) ? any(4) : 0x80 | any(64));
	}
	put(out, IQ_OP_RUN_BY);
	put(out, any(3) ? count : any(256));
}

static void put_mixed_trouble(FILE *out)
{
	static const uint8_t ops[] = {
		IQ_OP_HOST_FAULT, IQ_OP_BAD_VMM,     IQ_OP_BAD_VMM,
		IQ_OP_BAD_STATUS, IQ_OP_BAD_MEMORY,  IQ_OP_MIGRATE,
		IQ_OP_RESTORE,	  IQ_OP_MODE,	     IQ_OP_DISABLE,
		IQ_OP_ENABLE,	  IQ_OP_RUN_TO,	     IQ_OP_ADD_SCOPE,
		IQ_OP_ADD_DEVICE, IQ_OP_REMOVE_HWPT,
	};
	uint8_t op = ops[any(sizeof(ops))];
	/* All take this as arguments, or some of it as an operation. */
	unsigned int arguments = op == IQ_OP_HOST_FAULT ? 5 : 3;
	bool takes = op != IQ_OP_MIGRATE && op != IQ_OP_DISABLE &&
		     op != IQ_OP_ENABLE;
	unsigned int i;

	put(out, op);
	for (i = 0; takes && i < arguments; i++)
		put(out, any(5));
}

/* As much as a ring can ask for: for each slot all HWPTs of a scope. */
static void make_full_seed(unsigned int nth, unsigned int type)
{
	FILE *out = create("iq", nth);
	unsigned int i;

	put_options(out, nth, IQ_VMM_NOT_READY);
	put(out, IQ_OP_BASE);
	put(out, IQ_BASE_WIDE | IQ_BASE_SCALABLE);
	put(out, IQ_OP_ENABLE);
	for (i = 0; i < 3; i++) {
		put(out, IQ_OP_ADD_SCOPE);
		put(out, i);
		put(out, 0);
		put(out, i);
		if (type == 6)
			continue;
		put(out, IQ_OP_ADD_DEVICE);
		put(out, 1);
		put(out, i);
		put(out, i);
	}
	put(out, IQ_OP_DESCS);
	put_count(out, 127);
	for (i = 0; i < 127; i++) {
		put(out, i < 126 ? type : 2);
		/* Of a scope; and all that a device or the guest has. */
		put(out, type == 6 ? 0 : 1);
		put(out, i < 126 ? 0x80 : 1);
		put(out, i & 63);
		put(out, 0);
	}
	put(out, IQ_OP_RUN_BY);
	put(out, 127);
	finish(out);
}

static void make_mixed_seeds(void)
{
	unsigned int nth, i;

	for (nth = 0; nth < MIXED_SEEDS; nth++) {
		FILE *out = create("iq", nth);

		put_options(out, nth, 0);
		for (i = 1 + any(6); i; i--) {
			put_mixed_descs(out);
			if (any(2))
				put_mixed_trouble(out);
			if (any(2))
				put(out, IQ_OP_CLEAR_FAULT);
		}
		finish(out);
	}
}

/* ---- Captures ---- */

/* The first lines, and a byte before them. */
static void make_capture_seed(FILE *in)
{
	FILE *out = create("capture", 0);
	unsigned int lines = 0;
	int c;

	rewind(in);
	put(out, '#');
	while (lines < LINES_PER_SEED && (c = getc(in)) != EOF) {
		putc(c, out);
		lines += c == '\n';
	}
	finish(out);
}

static void make_line_seed(unsigned int nth, unsigned int length)
{
	FILE *out = create("capture", nth);

	fputs("#iq-capture 1\n", out);
	while (length--)
		putc('#', out);
	putc('\n', out);
	finish(out);
}

/* The same, of an SMMUv3's command queue. */
static void make_cmdq_seeds(unsigned int nth)
{
	static const char *const texts[] = {
		"base 0x1002\nprod 6\ncons 6\ncr0 0xd\nprod 7\nc 0x46 0\n",
		"base 0x101f\nprod 1\nc 5 6\ncr0 8\ngerrorn 1\nprod 1\n",
		"base 0x1000\ncr0 8\nprod 1\nc 1 2\nprod 0\nc 3 4\ncr0 0\n",
		"base 0x1002\ncons 1\nprod 2\nc 0x30 0\ncons 2\ncr0 8\n",
		"base 0x1002\nprod 5\n",
	};
	unsigned int i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *out = create("capture", nth + i);

		fprintf(out, "#%s\n%s", CMDQ_FIRST_LINE, texts[i]);
		finish(out);
	}
}

/* Where the reader has to draw a line; mutation alone seldom comes there. */
static void make_edge_seeds(void)
{
	static const char *const texts[] = {
		"iqa 0x1000\nkick 256\n",
		"iqa 0x1800\nkick 127\nkick 128\n",
		"iqa 0x1800\nkick 1\nd 1 2 0 0\nd 1 2 0 0\n",
		"iqa 0x1800\nkick 2\nd 5 0 0 0\n#\n",
		"iqa 0x1000\nkick 1\nd 5 0\niqa 0x1000\nkick 1\nd 5 0\n",
		"iqa 0x1000\nkick 1\nd 0xffffffffffffffff 01\n",
		"iqa 0x1000\nkick 18446744073709551616\n",
		"an-unknown-keyword-that-no-message-would-show-in-whole 1\n",
		"kick 0x00000000000000000000000000000000000000000000000z\n",
	};
	unsigned int i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *out = create("capture", i);

		fprintf(out, "#iq-capture 1\n%s", texts[i]);
		finish(out);
	}
	make_line_seed(i, CAPTURE_LINE_MAX);
	make_line_seed(i + 1, CAPTURE_LINE_MAX + 1);
	make_cmdq_seeds(i + 2);
}

/* ---- Command queues of an SMMUv3 ---- */

/* Commands of fuzz-cmdq's table, of streams that a target has or nobody. */
static void put_cmds(FILE *out, unsigned int nth)
{
	static const uint8_t shapes[][8] = {
		{ 2, 2, 9, 2, 2, 8, 4, 9 },    { 7, 7, 9, 7, 9, 7, 7, 9 },
		{ 5, 9, 2, 9, 7, 9, 2, 9 },    { 0, 1, 2, 3, 4, 5, 6, 7 },
		{ 10, 2, 9, 11, 2, 9, 14, 9 }, { 2, 7, 5, 9, 7, 2, 9, 9 },
	};
	const unsigned int row = nth % (unsigned int)(sizeof(shapes) / 8);
	const unsigned int count = 8u << nth % 4;
	unsigned int i;

	put(out, CMDQ_OP_CMDS);
	put(out, count - 1);
	for (i = 0; i < count; i++) {
		/* CS 1 and an address; or a stream. */
		const unsigned int shape = shapes[row][i % 8];

		put(out, shape);
		put(out, shape == 8 || shape == 9 ? 5 : (i + nth) % 3);
	}
}

static void put_cmdq_trouble(FILE *out, unsigned int nth)
{
	static const uint8_t troubles[][5] = {
		{ CMDQ_OP_HOST_FAULT, 0, 1, 0, 3 },
		{ CMDQ_OP_HOST_FAULT, 0, 4, 1, 0 },
		{ CMDQ_OP_HOST_FAULT, 1, 200, 1, 255 },
		{ CMDQ_OP_HOST_FAULT, 0, 2, 2, 255 },
		{ CMDQ_OP_VMM_FAULT, 3, 1 },
		{ CMDQ_OP_BAD_MEMORY, 7, 3 },
		{ CMDQ_OP_VMM_REMOVES },
	};
	static const uint8_t lengths[] = { 5, 5, 5, 5, 3, 3, 1 };
	const unsigned int i = nth % (unsigned int)sizeof(lengths);

	fwrite(troubles[i], 1, lengths[i], out);
}

static void put_cmdq_recovery(FILE *out, unsigned int nth)
{
	static const uint8_t ops[][4] = {
		{ CMDQ_OP_ACKNOWLEDGE },
		{ CMDQ_OP_MIGRATE, CMDQ_OP_ACKNOWLEDGE },
		{ CMDQ_OP_CLEAR_FAULT, CMDQ_OP_RUN },
		{ CMDQ_OP_RESTORE, 0, CMDQ_OP_ACKNOWLEDGE },
		{ CMDQ_OP_CR0, 0, CMDQ_OP_CR0, 8 },
	};
	static const uint8_t lengths[] = { 1, 2, 2, 3, 4 };
	const unsigned int i = nth % (unsigned int)sizeof(lengths);

	fwrite(ops[i], 1, lengths[i], out);
}

/* Policies, rings and hosts differ from seed to seed. */
static void make_engine_seed(unsigned int nth)
{
	static const uint8_t policies[] = { 8, 0, 1, 2, 4, 8 };
	FILE *out = create("cmdq", nth);
	unsigned int i;

	put(out, policies[nth % sizeof(policies)] | (nth % 9) << 4);
	put(out, nth % 4 ? 255 : nth % 40);
	put(out, 18);
	put(out, nth % 5 ? 0xff : nth & 0xff);
	put(out, nth % 3 ? CMDQ_NO_ISOLATE : nth >> 1 & 0x1f);
	for (i = 0; i < 6; i++) {
		put_cmds(out, nth + i);
		if (i % 2)
			put_cmdq_trouble(out, nth / 2 + i);
		put(out, CMDQ_OP_RUN_BY);
		put(out, 8 + (nth * 7 + i * 31) % 200);
		put_cmdq_recovery(out, nth + i / 2);
		put(out, CMDQ_OP_RUN);
	}
	finish(out);
}

static void make_engine_seeds(void)
{
	unsigned int nth;

	for (nth = 0; nth < ENGINE_SEEDS; nth++)
		make_engine_seed(nth);
}

static int cut(const char *path)
{
	char error[CAPTURE_ERROR_MAX];
	struct capture capture;
	const char *slash = strrchr(path, '/');
	FILE *in = fopen(path, "r");

	if (!in) {
		perror(path);
		return 1;
	}
	base_name = slash ? slash + 1 : path;
	if (capture_read(&capture, in, path, error, sizeof(error))) {
		fprintf(stderr, "%s\n", error);
		fclose(in);
		return 1;
	}
	if (capture.format == CAPTURE_IQ)
		make_desc_seeds(&capture);
	if (capture.ring_count)
		make_iq_seeds(&capture);
	make_capture_seed(in);
	capture_free(&capture);
	fclose(in);
	return 0;
}

int main(int argc, char **argv)
{
	int ret = 0;
	int i;

	if (argc < 3) {
		fprintf(stderr, "usage: %s FOLDER CAPTURE...\n", argv[0]);
		return 2;
	}
	folder = argv[1];
	for (i = 2; i < argc; i++)
		ret |= cut(argv[i]);
	base_name = "mixed";
	make_mixed_seeds();
	base_name = "full";
	make_full_seed(0, 6);
	make_full_seed(4, 8);
	base_name = "edge";
	make_edge_seeds();
	base_name = "queue";
	make_engine_seeds();
	return ret;
}
