/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The areas of an IOAS, sorted by address. */
#include "areas.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pages.h"

size_t iommunest__sim_areas_index(const struct sim_ioas *ioas, uint64_t iova)
{
	size_t low = 0, high = ioas->area_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ioas->areas[middle]->last < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct sim_area *iommunest__sim_areas_find(const struct sim_ioas *ioas,
					   uint64_t first, uint64_t last)
{
	size_t index = iommunest__sim_areas_index(ioas, first);

	if (index == ioas->area_count || ioas->areas[index]->first > last)
		return NULL;
	return ioas->areas[index];
}

int iommunest__sim_areas_reserve(struct sim_ioas *ioas, size_t more)
{
	size_t room = ioas->area_room ? ioas->area_room : 8;
	struct sim_area **areas;

	if (ioas->area_count + more <= ioas->area_room)
		return 0;
	while (room < ioas->area_count + more)
		room *= 2;
	areas = reallocarray(ioas->areas, room, sizeof(struct sim_area *));
	if (!areas)
		return -ENOMEM;
	ioas->areas = areas;
	ioas->area_room = room;
	return 0;
}

void iommunest__sim_areas_insert(struct sim_ioas *ioas, struct sim_area *area)
{
	size_t at = iommunest__sim_areas_index(ioas, area->first);

	memmove(ioas->areas + at + 1, ioas->areas + at,
		(ioas->area_count - at) * sizeof(*ioas->areas));
	ioas->areas[at] = area;
	ioas->area_count++;
}

void iommunest__sim_areas_remove(struct sim_ioas *ioas, size_t index)
{
	struct sim_area *area = ioas->areas[index];

	ioas->area_count--;
	memmove(ioas->areas + index, ioas->areas + index + 1,
		(ioas->area_count - index) * sizeof(*ioas->areas));
	iommunest__sim_pages_put(area->pages);
	free(area);
}
