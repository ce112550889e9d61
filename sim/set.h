/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Sorted sets of numbers. */
#ifndef IOMMUNEST_SIM_SET_H
#define IOMMUNEST_SIM_SET_H

#include "internal.h"

/* Room for one more.  Returns 0 or -ENOMEM. */
int iommunest__sim_set_reserve(struct sim_set *set);
/* Call iommunest__sim_set_reserve() first. */
void iommunest__sim_set_insert(struct sim_set *set, uint64_t key);
bool iommunest__sim_set_has(const struct sim_set *set, uint64_t key);
/* Removes @first to @last, both included. */
void iommunest__sim_set_drop(struct sim_set *set, uint64_t first,
			     uint64_t last);
void iommunest__sim_set_free(struct sim_set *set);

#endif /* IOMMUNEST_SIM_SET_H */
