/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Targets and streams.  Looking up is on the hot path and hashes; adding and
 * removing is not.
 */
#include <config.h>

#include <stdlib.h>

#include "lib/abi.h"
#include "lib/smmuv3/queue/targets.h"

#define FIRST_ROOM 16u

static struct smmu_stream *new_streams(uint32_t room)
{
	struct smmu_stream *streams = calloc(room, sizeof(*streams));
	uint32_t i;

	for (i = 0; streams && i < room; i++)
		streams[i].owner = OWNER_NOBODY;
	return streams;
}

int iommunest__smmuv3_targets_init(struct smmu_targets *table)
{
	*table = (struct smmu_targets){ .mask = FIRST_ROOM - 1 };
	table->streams = new_streams(FIRST_ROOM);
	return table->streams ? 0 : -ENOMEM;
}

void iommunest__smmuv3_targets_free(struct smmu_targets *table)
{
	free(table->streams);
	*table = (struct smmu_targets){ 0 };
}

void iommunest__smmuv3_targets_clear(struct smmu_targets *table)
{
	uint32_t i;

	memset(table->slots, 0, sizeof(table->slots));
	table->count = 0;
	table->end = 0;
	for (i = 0; i <= table->mask; i++)
		table->streams[i].owner = OWNER_NOBODY;
	table->n_streams = 0;
}

/* ---- Streams ---- */

static int grow(struct smmu_targets *table)
{
	const struct smmu_targets old = *table;
	const uint32_t room = (old.mask + 1) * 2;
	struct smmu_stream *streams = room ? new_streams(room) : NULL;
	uint32_t i;

	if (!streams)
		return -ENOMEM;
	table->streams = streams;
	table->mask = room - 1;
	for (i = 0; i <= old.mask; i++) {
		if (old.streams[i].owner != OWNER_NOBODY)
			*smmu_streams_place(table, old.streams[i].sid) =
				old.streams[i];
	}
	free(old.streams);
	return 0;
}

int iommunest__smmuv3_streams_add(struct smmu_targets *table, uint32_t sid,
				  uint8_t owner)
{
	int ret;

	if (smmu_streams_owner(table, sid) != OWNER_NOBODY)
		return -EEXIST;
	if (table->n_streams >= (table->mask + 1) / 2) {
		ret = grow(table);
		if (ret)
			return ret;
	}
	*smmu_streams_place(table, sid) = (struct smmu_stream){
		.sid = sid,
		.owner = owner,
	};
	table->n_streams++;
	return 0;
}

/*
 * Empties a place.  Streams after it, up to the next empty place, are found
 * where they are only if there is no gap before them: each is put in again.
 */
static void close_gap(struct smmu_targets *table, uint32_t gap)
{
	uint32_t i;

	table->streams[gap].owner = OWNER_NOBODY;
	table->n_streams--;
	for (i = (gap + 1) & table->mask;
	     table->streams[i].owner != OWNER_NOBODY;
	     i = (i + 1) & table->mask) {
		const struct smmu_stream stream = table->streams[i];

		table->streams[i].owner = OWNER_NOBODY;
		*smmu_streams_place(table, stream.sid) = stream;
	}
}

int iommunest__smmuv3_streams_remove(struct smmu_targets *table, uint32_t sid)
{
	const struct smmu_stream *place = smmu_streams_place(table, sid);

	if (place->owner == OWNER_NOBODY)
		return -ENOENT;
	close_gap(table, (uint32_t)(place - table->streams));
	return 0;
}

/* ---- Targets ---- */

uint8_t iommunest__smmuv3_targets_find(const struct smmu_targets *table,
				       const struct iommunest_ctx *ctx,
				       uint32_t viommu_id)
{
	uint8_t i;

	for (i = 0; i < table->end; i++) {
		if (table->slots[i].ctx == ctx &&
		    table->slots[i].viommu_id == viommu_id)
			return i;
	}
	return OWNER_NOBODY;
}

/* There is one. */
static uint8_t free_slot(const struct smmu_targets *table)
{
	uint8_t i = 0;

	while (table->slots[i].ctx)
		i++;
	return i;
}

int iommunest__smmuv3_targets_add(struct smmu_targets *table,
				  const struct iommunest_smmuv3_target *target)
{
	uint8_t slot = iommunest__smmuv3_targets_find(table, target->ctx,
						      target->viommu_id);

	if (slot != OWNER_NOBODY && !table->slots[slot].isolated)
		return -EEXIST;
	if (slot == OWNER_NOBODY) {
		if (table->count == SMMU_TARGETS)
			return -ENOSPC;
		slot = free_slot(table);
		table->count++;
	}
	table->slots[slot] = (struct smmu_target){
		.ctx = target->ctx,
		.cookie = target->cookie,
		.viommu_id = target->viommu_id,
	};
	if (table->end <= slot)
		table->end = slot + 1u;
	return 0;
}

void iommunest__smmuv3_targets_remove(struct smmu_targets *table, uint8_t slot)
{
	uint32_t i;

	table->slots[slot] = (struct smmu_target){ 0 };
	table->count--;
	while (table->end && !table->slots[table->end - 1].ctx)
		table->end--;
	for (i = 0; i <= table->mask; i++) {
		/* What moves into the gap may be its own, too. */
		while (table->streams[i].owner == slot)
			close_gap(table, i);
	}
}
