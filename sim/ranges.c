/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Ranges of I/O virtual addresses.  There are few, so they are searched. */
#include "ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int reserve(struct sim_ranges *ranges)
{
	size_t room = ranges->room ? ranges->room * 2 : 4;
	struct sim_range *all;

	if (ranges->count < ranges->room)
		return 0;
	all = reallocarray(ranges->all, room, sizeof(*all));
	if (!all)
		return -ENOMEM;
	ranges->all = all;
	ranges->room = room;
	return 0;
}

int iommunest__sim_ranges_add(struct sim_ranges *ranges, uint64_t first,
			      uint64_t last, const void *owner)
{
	size_t at = ranges->count;

	if (reserve(ranges))
		return -ENOMEM;
	for (; at > 0 && ranges->all[at - 1].first > first; at--)
		ranges->all[at] = ranges->all[at - 1];
	ranges->all[at] = (struct sim_range){ first, last, owner };
	ranges->count++;
	return 0;
}

const struct sim_range *
iommunest__sim_ranges_find(const struct sim_ranges *ranges, uint64_t first,
			   uint64_t last)
{
	size_t i;

	for (i = 0; i < ranges->count && ranges->all[i].first <= last; i++) {
		if (ranges->all[i].last >= first)
			return &ranges->all[i];
	}
	return NULL;
}

void iommunest__sim_ranges_remove(struct sim_ranges *ranges, const void *owner)
{
	size_t from, to = 0;

	for (from = 0; from < ranges->count; from++) {
		if (ranges->all[from].owner != owner)
			ranges->all[to++] = ranges->all[from];
	}
	ranges->count = to;
}

void iommunest__sim_ranges_free(struct sim_ranges *ranges)
{
	free(ranges->all);
	memset(ranges, 0, sizeof(*ranges));
}
