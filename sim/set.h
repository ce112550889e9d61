/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Entries that are sorted by a number. */
#ifndef IOMMUNEST_SIM_SET_H
#define IOMMUNEST_SIM_SET_H

#include "internal.h"

/* Room for one more.  Returns 0 or -ENOMEM. */
int iommunest__sim_set_reserve(struct sim_set *set);
/*
 * Replaces an entry with the same key.  Call iommunest__sim_set_reserve()
 * first.
 */
void iommunest__sim_set_insert(struct sim_set *set,
			       const struct sim_entry *entry);
/* NULL: there is none. */
const struct sim_entry *iommunest__sim_set_find(const struct sim_set *set,
						uint64_t key);
/* Removes @first to @last, both included. */
void iommunest__sim_set_drop(struct sim_set *set, uint64_t first,
			     uint64_t last);
/* Removes those that @is_dropped says. */
void iommunest__sim_set_filter(struct sim_set *set,
			       bool (*is_dropped)(const struct sim_entry *entry,
						  const void *arg),
			       const void *arg);
void iommunest__sim_set_free(struct sim_set *set);

#endif /* IOMMUNEST_SIM_SET_H */
