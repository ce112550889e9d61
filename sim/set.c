/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Sorted sets.  The hot path looks up keys and removes ranges, both in
 * logarithmic time.  An insertion moves all entries above it.
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

		if (set->entries[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void move(struct sim_set *set, size_t to, size_t from)
{
	memmove(set->entries + to, set->entries + from,
		(set->count - from) * sizeof(*set->entries));
}

int iommunest__sim_set_reserve(struct sim_set *set)
{
	size_t room = set->room ? set->room * 2 : 8;
	struct sim_entry *entries;

	if (set->count < set->room)
		return 0;
	entries = reallocarray(set->entries, room, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	set->entries = entries;
	set->room = room;
	return 0;
}

void iommunest__sim_set_insert(struct sim_set *set,
			       const struct sim_entry *entry)
{
	size_t at = lower_bound(set, entry->key);

	if (at == set->count || set->entries[at].key != entry->key) {
		move(set, at + 1, at);
		set->count++;
	}
	set->entries[at] = *entry;
}

const struct sim_entry *iommunest__sim_set_find(const struct sim_set *set,
						uint64_t key)
{
	size_t at = lower_bound(set, key);

	if (at == set->count || set->entries[at].key != key)
		return NULL;
	return &set->entries[at];
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

void iommunest__sim_set_filter(struct sim_set *set,
			       bool (*is_dropped)(const struct sim_entry *entry,
						  const void *arg),
			       const void *arg)
{
	size_t from, to = 0;

	for (from = 0; from < set->count; from++) {
		if (!is_dropped(&set->entries[from], arg))
			set->entries[to++] = set->entries[from];
	}
	set->count = to;
}

void iommunest__sim_set_free(struct sim_set *set)
{
	free(set->entries);
	memset(set, 0, sizeof(*set));
}
