/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The areas of an IOAS, sorted by address. */
#ifndef IOMMUNEST_SIM_AREAS_H
#define IOMMUNEST_SIM_AREAS_H

#include "internal.h"

/* The index of the first area that ends at @iova or later. */
size_t iommunest__sim_areas_index(const struct sim_ioas *ioas, uint64_t iova);
/* The first area that has an address of @first to @last; NULL: none. */
struct sim_area *iommunest__sim_areas_find(const struct sim_ioas *ioas,
					   uint64_t first, uint64_t last);
/* Room for @more areas.  Returns 0 or -ENOMEM. */
int iommunest__sim_areas_reserve(struct sim_ioas *ioas, size_t more);
/* Call iommunest__sim_areas_reserve() first. */
void iommunest__sim_areas_insert(struct sim_ioas *ioas, struct sim_area *area);
/* Takes the area with this index out, and frees it. */
void iommunest__sim_areas_remove(struct sim_ioas *ioas, size_t index);

static inline uint64_t sim_area_size(const struct sim_area *area)
{
	return area->last - area->first + 1;
}

#endif /* IOMMUNEST_SIM_AREAS_H */
