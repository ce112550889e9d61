/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Addresses that the kernel chooses. */
#ifndef IOMMUNEST_SIM_IOVA_H
#define IOMMUNEST_SIM_IOVA_H

#include "internal.h"

/*
 * Finds @length free bytes for memory at @hint.  Returns 0, -EOVERFLOW (none,
 * or too many), -EINVAL (they cannot be aligned as the IOAS needs it), -ENOSPC.
 */
int iommunest__sim_iova_choose(const struct sim_ioas *ioas, uint64_t hint,
			       uint64_t length, uint64_t *iova);
/*
 * The first part of @from to the last address that nobody reserved.  Returns
 * whether there is one.
 */
bool iommunest__sim_iova_usable(const struct sim_ioas *ioas, uint64_t from,
				struct sim_range *part);

#endif /* IOMMUNEST_SIM_IOVA_H */
