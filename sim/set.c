/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Sorted sets of numbers.  The hot path looks up keys and removes ranges, both
 * in logarithmic time.  An insertion moves all keys above it.
 */
#include "set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The index of the first key that is not below @key. */
static size_t lower_bound(const struct sim_set *set, uint64_t key)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->keys[middle] < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void move(struct sim_set *set, size_t to, size_t from)
{
	memmove(set->keys + to, set->keys + from,
		(set->count - from) * sizeof(*set->keys));
}

int iommunest__sim_set_reserve(struct sim_set *set)
{
	size_t room = set->room ? set->room * 2 : 8;
	uint64_t *keys;

	if (set->count < set->room)
		return 0;
	keys = reallocarray(set->keys, room, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	set->keys = keys;
	set->room = room;
	return 0;
}

void iommunest__sim_set_insert(struct sim_set *set, uint64_t key)
{
	size_t at = lower_bound(set, key);

	if (at < set->count && set->keys[at] == key)
		return;
	move(set, at + 1, at);
	set->keys[at] = key;
	set->count++;
}

bool iommunest__sim_set_has(const struct sim_set *set, uint64_t key)
{
	size_t at = lower_bound(set, key);

	return at < set->count && set->keys[at] == key;
}

/* Keys are addresses without their low bits, so @last + 1 does not overflow. */
void iommunest__sim_set_drop(struct sim_set *set, uint64_t first, uint64_t last)
{
	size_t from, to;

	if (set->count == 0)
		return;
	from = lower_bound(set, first);
	to = lower_bound(set, last + 1);
	if (from == to)
		return;
	move(set, from, to);
	set->count -= to - from;
}

void iommunest__sim_set_free(struct sim_set *set)
{
	free(set->keys);
	memset(set, 0, sizeof(*set));
}
