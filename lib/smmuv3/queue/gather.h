/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * From words to a kind.  What nearly every command of a busy guest goes through
 * is inline.
 */
#ifndef IOMMUNEST_SMMUV3_QUEUE_GATHER_H
#define IOMMUNEST_SMMUV3_QUEUE_GATHER_H

#include "lib/batch.h"
#include "lib/smmuv3/cmd-fields.h"
#include "lib/smmuv3/queue/queue.h"

/* The next command of the window is this. */
static inline void smmu_gather_as(struct smmu_window *window,
				  enum smmu_kind kind, uint32_t owner)
{
	const uint32_t at = window->end++;

	window->kind[at] = (uint8_t)kind;
	window->owner[at] = (uint8_t)owner;
}

/* What is neither forwarded nor a CMD_SYNC. */
static inline void smmu_gather_other(struct smmu_window *window,
				     enum smmu_kind kind)
{
	window->n_others++;
	smmu_gather_as(window, kind, OWNER_GONE);
}

/* What is gathered does not take another command of the class. */
static inline bool smmu_must_settle(const struct smmu_window *window,
				    uint8_t class)
{
	if (window->n_forwarded == SMMU_GROUP)
		return true;
	return window->classes_before_sync &&
	       window->classes_before_sync != class;
}

/* To an array, as the guest wrote it. */
static inline void smmu_put_entry(struct iommunest_batch *batch, uint32_t at,
				  const uint64_t words[2], uint32_t index)
{
	struct iommunest_smmuv3_entry *entry = (void *)batch->entries;

	entry[at].cmd[0] = smmu_le64(words[0]);
	entry[at].cmd[1] = smmu_le64(words[1]);
	batch->cookies[at] = index;
}

/* The next command of the window, @words, which is of its own. */
static inline void smmu_gather_forwarded(struct iommunest_smmuv3_cmdq *q,
					 const uint64_t *words, uint8_t class,
					 uint32_t owner)
{
	struct smmu_window *window = &q->window;

	if (window->sole)
		smmu_put_entry(q->batch, window->n_forwarded, words,
			       smmu_index(q, window->end));
	window->n_forwarded++;
	window->classes |= class;
	smmu_gather_as(window, KIND_FORWARDED, owner);
}

/* It completes when what is gathered is settled. */
static inline void smmu_gather_sync(struct smmu_window *window)
{
	window->classes_before_sync = window->classes;
	window->syncs[window->n_syncs++] = (uint8_t)window->end;
	smmu_gather_as(window, KIND_SYNC, OWNER_GONE);
}

static inline uint32_t smmu_sid(const uint64_t words[2])
{
	return (uint32_t)smmu_get(words[0], CMD0_SID);
}

/*
 * Whose a stream is: a slot, OWNER_VMM or OWNER_NOBODY.  0, or what ops.stream
 * failed with.
 */
int iommunest__smmuv3_find_owner(const struct iommunest_smmuv3_cmdq *q,
				 uint32_t sid, uint32_t *owner);

#endif /* IOMMUNEST_SMMUV3_QUEUE_GATHER_H */
