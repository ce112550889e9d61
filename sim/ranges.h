/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Ranges of I/O virtual addresses, sorted by their first address. */
#ifndef IOMMUNEST_SIM_RANGES_H
#define IOMMUNEST_SIM_RANGES_H

#include "internal.h"

/* Ranges may overlap.  Returns 0 or -ENOMEM. */
int iommunest__sim_ranges_add(struct sim_ranges *ranges, uint64_t first,
			      uint64_t last, const void *owner);
/* The first range that has an address of @first to @last; NULL: none. */
const struct sim_range *
iommunest__sim_ranges_find(const struct sim_ranges *ranges, uint64_t first,
			   uint64_t last);
/* Removes all ranges of @owner. */
void iommunest__sim_ranges_remove(struct sim_ranges *ranges, const void *owner);
void iommunest__sim_ranges_free(struct sim_ranges *ranges);

#endif /* IOMMUNEST_SIM_RANGES_H */
