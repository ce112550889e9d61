/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Batch: entries as the kernel wants them, and a cookie beside each. */
#include <config.h>

#include <stdlib.h>

#include "lib/abi.h"
#include "lib/batch.h"

#define MAX_CAPACITY (1u << 27)
#define MAX_ENTRY_LEN 4096u

/* An errno of its own, and none that has another meaning. */
static bool is_refusal(int32_t error)
{
	return error < 0 && error >= -4095 && error != -EINTR &&
	       error != -EAGAIN && error != -ENOMEM && error != -ETIMEDOUT;
}

static bool has_valid_recovery(const struct iommunest_inv_type *type)
{
	if (type->recovery > IOMMUNEST_RECOVERY_REPLAY)
		return false;
	if (type->recovery == IOMMUNEST_RECOVERY_GROUP || type->refused)
		return is_refusal(type->refused);
	return true;
}

/* One way to flush all, at most. */
static bool has_valid_all(const struct iommunest_inv_type *type)
{
	if (!type->make_all_list)
		return type->all_classes == 0;
	return type->all_classes && !type->make_all;
}

static int copy_type(struct iommunest_inv_type *to,
		     const struct iommunest_inv_type *from)
{
	int ret;

	ret = iommunest_copy_in(to, sizeof(*to), from,
				END_OF(struct iommunest_inv_type, user));
	if (ret)
		return ret;
	if (to->entry_len == 0 || to->entry_len > MAX_ENTRY_LEN)
		return -EINVAL;
	if (to->flags & ~(IOMMUNEST_INV_NO_PROBE | IOMMUNEST_INV_REPEAT) ||
	    to->reserved)
		return -EINVAL;
	if (to->call_max > IOMMUNEST_CALL_MAX || !has_valid_recovery(to) ||
	    !has_valid_all(to))
		return -EINVAL;
	if (to->call_max == 0)
		to->call_max = IOMMUNEST_CALL_MAX;
	return 0;
}

/* Bytes for the struct and what follows it; 0 where size_t cannot say. */
static size_t batch_size(uint32_t capacity, uint32_t entry_len)
{
	size_t per_entry = sizeof(uint64_t) + entry_len;
	size_t size;

	if (__builtin_mul_overflow(per_entry, capacity, &size) ||
	    __builtin_add_overflow(size, sizeof(struct iommunest_batch), &size))
		return 0;
	return size;
}

EXPORT int iommunest_batch_new(struct iommunest_batch **batch,
			       const struct iommunest_inv_type *type,
			       uint32_t capacity)
{
	struct iommunest_inv_type copy;
	struct iommunest_batch *new;
	size_t size;
	int ret;

	if (!batch)
		return -EINVAL;
	*batch = NULL;
	if (!type || capacity == 0 || capacity > MAX_CAPACITY)
		return -EINVAL;
	ret = copy_type(&copy, type);
	if (ret)
		return ret;

	size = batch_size(capacity, copy.entry_len);
	new = size ? calloc(1, size) : NULL;
	if (!new)
		return -ENOMEM;
	new->type = copy;
	/* What is repeated is two calls. */
	new->at_once_max = copy.flags &IOMMUNEST_INV_REPEAT ? 0 : copy.call_max;
	new->capacity = capacity;
	new->cookies = (uint64_t *)(new + 1);
	new->entries = (unsigned char *)(new->cookies + capacity);
	*batch = new;
	return 0;
}

EXPORT void iommunest_batch_free(struct iommunest_batch *batch)
{
	free(batch);
}

EXPORT void iommunest_batch_reset(struct iommunest_batch *batch)
{
	if (batch)
		iommunest_batch_empty(batch);
}

EXPORT uint32_t iommunest_batch_capacity(const struct iommunest_batch *batch)
{
	return batch ? batch->capacity : 0;
}

EXPORT uint32_t iommunest_batch_count(const struct iommunest_batch *batch)
{
	return batch ? batch->count : 0;
}

EXPORT uint32_t iommunest_batch_cursor(const struct iommunest_batch *batch)
{
	return batch ? batch->cursor : 0;
}

EXPORT void *iommunest_batch_entry(struct iommunest_batch *batch,
				   uint32_t index)
{
	if (!batch || index >= batch->count)
		return NULL;
	return iommunest_batch_at(batch, index);
}

EXPORT uint64_t iommunest_batch_cookie(const struct iommunest_batch *batch,
				       uint32_t index)
{
	if (!batch || index >= batch->count)
		return 0;
	return batch->cookies[index];
}

int iommunest__batch_fail(struct iommunest_batch *batch, int error,
			  uint64_t cookie)
{
	if (batch->error)
		return batch->error;
	batch->error = error;
	batch->error_cookie = cookie;
	return error;
}

EXPORT int iommunest_batch_add(struct iommunest_batch *batch, const void *entry,
			       uint64_t cookie)
{
	if (!batch)
		return -EINVAL;
	if (batch->error)
		return batch->error;
	if (!entry)
		return iommunest__batch_fail(batch, -EINVAL, cookie);
	if (iommunest_batch_free_slots(batch) == 0)
		return iommunest__batch_fail(batch, -ENOSPC, cookie);
	iommunest_batch_push(batch, entry, cookie);
	/* Nobody has checked it: what merges with it could be refused too. */
	batch->sealed = batch->count;
	return 0;
}

EXPORT int iommunest_batch_error(const struct iommunest_batch *batch,
				 uint64_t *cookie)
{
	if (!batch)
		return -EINVAL;
	if (cookie)
		*cookie = batch->error_cookie;
	return batch->error;
}

EXPORT void iommunest_batch_clear_error(struct iommunest_batch *batch)
{
	if (!batch)
		return;
	batch->error = 0;
	batch->error_cookie = 0;
}

/* In front of the other pending ones, which keep their order. */
static void move_to_cursor(struct iommunest_batch *batch, uint32_t index)
{
	const size_t len = batch->type.entry_len;
	const size_t count = index - batch->cursor;
	const uint64_t cookie = batch->cookies[index];
	unsigned char *first = iommunest_batch_at(batch, batch->cursor);
	uint64_t *first_cookie = batch->cookies + batch->cursor;
	unsigned char entry[MAX_ENTRY_LEN];

	memcpy(entry, first + count * len, len);
	memmove(first + len, first, count * len);
	memcpy(first, entry, len);
	memmove(first_cookie + 1, first_cookie, count * sizeof(cookie));
	*first_cookie = cookie;
}

EXPORT int iommunest_batch_skip(struct iommunest_batch *batch)
{
	if (!batch)
		return -EINVAL;
	if (batch->cursor == batch->count)
		return -ENOENT;
	if (batch->failed > batch->cursor)
		move_to_cursor(batch, batch->failed);
	batch->failed = 0;
	batch->cursor++;
	return 0;
}
