/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The streams that a capture names. */
#include <errno.h>
#include <stdlib.h>

#include "tools/replay/smmu.h"

/* Ranges of streams, CFGI_ALL among them, name none. */
static bool names_stream(uint8_t opcode)
{
	switch (opcode) {
	case IOMMUNEST_SMMUV3_PREFETCH_CONFIG:
	case IOMMUNEST_SMMUV3_PREFETCH_ADDR:
	case IOMMUNEST_SMMUV3_CFGI_STE:
	case IOMMUNEST_SMMUV3_CFGI_CD:
	case IOMMUNEST_SMMUV3_CFGI_CD_ALL:
	case IOMMUNEST_SMMUV3_ATC_INV:
	case IOMMUNEST_SMMUV3_PRI_RESP:
	case IOMMUNEST_SMMUV3_RESUME:
	case IOMMUNEST_SMMUV3_STALL_TERM:
		return true;
	default:
		return false;
	}
}

static bool contains(const uint32_t *sids, size_t count, uint32_t sid)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (sids[i] == sid)
			return true;
	}
	return false;
}

static int whose(const struct replay_options *options, uint32_t sid)
{
	if (contains(options->vmm_streams, options->vmm_stream_count, sid))
		return IOMMUNEST_SMMUV3_STREAM_VMM;
	if (contains(options->no_streams, options->no_stream_count, sid))
		return IOMMUNEST_SMMUV3_STREAM_NOBODY;
	return IOMMUNEST_SMMUV3_STREAM_TARGET;
}

/* ---- One of each, in the order of their first appearance ---- */

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_streams(const void *a, const void *b)
{
	const struct smmu_stream *x = a, *y = b;

	if (x->sid != y->sid)
		return compare(x->sid, y->sid);
	return compare(x->seq, y->seq);
}

static int compare_seqs(const void *a, const void *b)
{
	const struct smmu_stream *x = a, *y = b;

	return compare(x->seq, y->seq);
}

static void make_unique(struct smmu_replay *replay)
{
	struct smmu_stream *streams = replay->streams;
	size_t i, kept = 0;

	qsort(streams, replay->stream_count, sizeof(*streams), compare_streams);
	for (i = 0; i < replay->stream_count; i++) {
		if (kept && streams[kept - 1].sid == streams[i].sid)
			continue;
		streams[kept++] = streams[i];
	}
	replay->stream_count = kept;
	qsort(streams, kept, sizeof(*streams), compare_seqs);
}

int smmu_streams_find(struct smmu_replay *replay)
{
	const struct cmdq_capture *capture = replay->capture;
	size_t i;

	replay->streams =
		calloc(capture->command_count + 1, sizeof(*replay->streams));
	if (!replay->streams)
		return -ENOMEM;
	for (i = 0; i < capture->command_count; i++) {
		uint64_t word = capture->commands[i].words[0];
		uint32_t sid = (uint32_t)(word >> 32);

		if (!names_stream((uint8_t)word))
			continue;
		replay->streams[replay->stream_count++] = (struct smmu_stream){
			.sid = sid,
			.seq = i,
			.whose = whose(replay->options, sid),
		};
	}
	make_unique(replay);
	return 0;
}
