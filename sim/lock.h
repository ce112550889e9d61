/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* One thread at a time is in a simulator. */
#ifndef IOMMUNEST_SIM_LOCK_H
#define IOMMUNEST_SIM_LOCK_H

#include "internal.h"

#include <time.h>

/* Returns 0 or an error. */
int iommunest__sim_lock_init(struct iommunest_sim *sim);
void iommunest__sim_lock_destroy(struct iommunest_sim *sim);
/* NULL: does nothing. */
struct iommunest_sim *iommunest__sim_lock(const struct iommunest_sim *sim);
void iommunest__sim_unlock(struct iommunest_sim **sim);

/*
 * Lets others in until there is something to read, or, unless it is NULL, until
 * that time of CLOCK_MONOTONIC; false: the time is over.  Within a callback,
 * nobody gets in.
 */
bool iommunest__sim_wait(struct iommunest_sim *sim,
			 const struct timespec *until);
void iommunest__sim_wake(struct iommunest_sim *sim);

/*
 * Locks the simulator until the end of the block.  Each function that users
 * call begins with this, and no other has it.
 */
#define SIM_LOCKED(sim)                                                   \
	struct iommunest_sim *locked                                      \
		__attribute__((cleanup(iommunest__sim_unlock), unused)) = \
			iommunest__sim_lock(sim)

#endif /* IOMMUNEST_SIM_LOCK_H */
