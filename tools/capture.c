/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "tools/capture-array.h"
#include "tools/capture.h"

struct capture_ring *capture_last_ring(const struct capture *capture)
{
	return &capture->rings[capture->ring_count - 1];
}

struct capture_kick *capture_last_kick(const struct capture *capture)
{
	return &capture->kicks[capture->kick_count - 1];
}

void capture_set_iqa(struct capture_ring *ring, uint64_t iqa)
{
	bool wide = iqa & IOMMUNEST_VTD_IQA_DW;

	ring->iqa = iqa;
	ring->base = iqa & IOMMUNEST_VTD_IQA_BASE;
	ring->width = wide ? 256 : 128;
	ring->size = 1u << ((iqa & IOMMUNEST_VTD_IQA_QS) + (wide ? 7 : 8));
}

int capture_add_ring(struct capture *capture, uint64_t iqa)
{
	struct capture_ring *rings;

	rings = capture_grow(capture->rings, capture->ring_count,
			     &capture->ring_room, sizeof(*rings));
	if (!rings)
		return -ENOMEM;
	capture->rings = rings;
	rings[capture->ring_count++] = (struct capture_ring){
		.first_kick = capture->kick_count,
	};
	capture_set_iqa(capture_last_ring(capture), iqa);
	return 0;
}

int capture_add_kick(struct capture *capture, uint32_t tail)
{
	struct capture_kick *kicks;

	kicks = capture_grow(capture->kicks, capture->kick_count,
			     &capture->kick_room, sizeof(*kicks));
	if (!kicks)
		return -ENOMEM;
	capture->kicks = kicks;
	kicks[capture->kick_count++] = (struct capture_kick){
		.tail = tail,
		.first = capture->desc_count,
	};
	capture_last_ring(capture)->kick_count++;
	return 0;
}

int capture_add_desc(struct capture *capture, const struct capture_desc *desc)
{
	struct capture_desc *descs;

	descs = capture_grow(capture->descs, capture->desc_count,
			     &capture->desc_room, sizeof(*descs));
	if (!descs)
		return -ENOMEM;
	capture->descs = descs;
	descs[capture->desc_count++] = *desc;
	capture_last_kick(capture)->count++;
	return 0;
}

void capture_free(struct capture *capture)
{
	free(capture->rings);
	free(capture->kicks);
	free(capture->descs);
	cmdq_free(&capture->cmdq);
	memset(capture, 0, sizeof(*capture));
}

/* ---- Writing ---- */

static void write_desc(FILE *out, const struct capture_desc *desc,
		       unsigned int width)
{
	unsigned int i;

	if (desc->note)
		fprintf(out, "# %s\n", desc->note);
	putc('d', out);
	for (i = 0; i < width / 64; i++)
		fprintf(out, " 0x%" PRIx64, desc->words[i]);
	putc('\n', out);
}

static void write_kick(FILE *out, const struct capture *capture,
		       const struct capture_kick *kick, unsigned int width)
{
	uint32_t i;

	fprintf(out, "kick %" PRIu32 "\n", kick->tail);
	for (i = 0; i < kick->count; i++)
		write_desc(out, &capture->descs[kick->first + i], width);
}

void capture_write(FILE *out, const struct capture *capture,
		   const char *comment)
{
	size_t r, k;

	fprintf(out, "%s\n# %s\n", CAPTURE_FIRST_LINE, comment);
	for (r = 0; r < capture->ring_count; r++) {
		const struct capture_ring *ring = &capture->rings[r];

		fprintf(out, "iqa 0x%" PRIx64 "\n", ring->iqa);
		for (k = 0; k < ring->kick_count; k++)
			write_kick(out, capture,
				   &capture->kicks[ring->first_kick + k],
				   ring->width);
	}
}
