/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#ifndef IOMMUNEST_BATCH_H
#define IOMMUNEST_BATCH_H

#include <string.h>

#include <libiommunest.h>

struct iommunest_batch {
	struct iommunest_inv_type type;
	/* A call of so many pending entries, or fewer, is a whole submission.
	 */
	uint32_t at_once_max;
	uint32_t capacity;
	uint32_t count;
	uint32_t cursor;
	/* Entries before it are as they were added, and not merged with. */
	uint32_t sealed;
	/* Where the last submission failed; it may be after the cursor. */
	uint32_t failed;
	int error;
	uint64_t error_cookie;
	/* For the adds of one data type; the core does not look at it. */
	uint32_t type_state[4];
	/* After the struct, in the same allocation. */
	uint64_t *cookies;
	unsigned char *entries;
};

static inline void iommunest_batch_empty(struct iommunest_batch *batch)
{
	batch->count = 0;
	batch->cursor = 0;
	batch->sealed = 0;
	batch->failed = 0;
	batch->error = 0;
	batch->error_cookie = 0;
}

static inline void *iommunest_batch_at(const struct iommunest_batch *batch,
				       uint32_t index)
{
	return batch->entries + (size_t)index * batch->type.entry_len;
}

static inline uint32_t
iommunest_batch_free_slots(const struct iommunest_batch *batch)
{
	return batch->capacity - batch->count;
}

static inline uint32_t
iommunest_batch_pending(const struct iommunest_batch *batch)
{
	return batch->count - batch->cursor;
}

/* Adds where there is room: the caller has checked. */
static inline void iommunest_batch_push(struct iommunest_batch *batch,
					const void *entry, uint64_t cookie)
{
	memcpy(iommunest_batch_at(batch, batch->count), entry,
	       batch->type.entry_len);
	batch->cookies[batch->count++] = cookie;
}

/* Makes an add's error stick, unless one does already; returns which. */
int iommunest__batch_fail(struct iommunest_batch *batch, int error,
			  uint64_t cookie);

#endif /* IOMMUNEST_BATCH_H */
