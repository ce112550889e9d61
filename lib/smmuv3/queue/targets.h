/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Where commands go: the vIOMMUs of the guest's SMMU, and whose its streams
 * are.
 */
#ifndef IOMMUNEST_SMMUV3_QUEUE_TARGETS_H
#define IOMMUNEST_SMMUV3_QUEUE_TARGETS_H

#include <libiommunest.h>

#define SMMU_TARGETS 64u

/*
 * Whose a command or a stream is: the slot of a target, or one of these.
 * OWNER_GONE: no target gets it; its target may have been removed since it was
 * gathered.
 */
#define OWNER_ALL 0xffu
#define OWNER_VMM 0xfeu
#define OWNER_NOBODY 0xfdu
#define OWNER_GONE 0xfcu

struct smmu_target {
	/* NULL: the slot is free. */
	struct iommunest_ctx *ctx;
	/* The VMM's own name for it. */
	uint64_t cookie;
	uint32_t viommu_id;
	/* The VMM has cut it off, and not added it again since. */
	bool isolated;
};

/* A place of the hash table of streams; OWNER_NOBODY: it is empty. */
struct smmu_stream {
	uint32_t sid;
	uint8_t owner;
};

struct smmu_targets {
	struct smmu_target slots[SMMU_TARGETS];
	/* How many there are; all are before slot @end. */
	uint32_t count;
	uint32_t end;
	/* A power of two of places, less one, half of them empty at least. */
	uint32_t mask;
	uint32_t n_streams;
	struct smmu_stream *streams;
};

/* 0 or -ENOMEM. */
int iommunest__smmuv3_targets_init(struct smmu_targets *table);
void iommunest__smmuv3_targets_free(struct smmu_targets *table);
/* Forgets all. */
void iommunest__smmuv3_targets_clear(struct smmu_targets *table);

/* The slot of a target that was added, or OWNER_NOBODY. */
uint8_t iommunest__smmuv3_targets_find(const struct smmu_targets *table,
				       const struct iommunest_ctx *ctx,
				       uint32_t viommu_id);

/* 0, -EEXIST or -ENOSPC. */
int iommunest__smmuv3_targets_add(struct smmu_targets *table,
				  const struct iommunest_smmuv3_target *target);

/* With its streams. */
void iommunest__smmuv3_targets_remove(struct smmu_targets *table, uint8_t slot);

/* 0, -EEXIST or -ENOMEM, and what there is stays. */
int iommunest__smmuv3_streams_add(struct smmu_targets *table, uint32_t sid,
				  uint8_t owner);
/* 0 or -ENOENT. */
int iommunest__smmuv3_streams_remove(struct smmu_targets *table, uint32_t sid);

/* Where a stream is, or else the empty place where it would be. */
static inline struct smmu_stream *
smmu_streams_place(const struct smmu_targets *table, uint32_t sid)
{
	/* Multiplication by the golden ratio spreads small numbers well. */
	uint32_t i = sid * UINT32_C(0x9e3779b1) >> 7 & table->mask;

	while (table->streams[i].owner != OWNER_NOBODY &&
	       table->streams[i].sid != sid)
		i = (i + 1) & table->mask;
	return &table->streams[i];
}

/* A slot, OWNER_VMM or OWNER_NOBODY. */
static inline uint8_t smmu_streams_owner(const struct smmu_targets *table,
					 uint32_t sid)
{
	return smmu_streams_place(table, sid)->owner;
}

#endif /* IOMMUNEST_SMMUV3_QUEUE_TARGETS_H */
