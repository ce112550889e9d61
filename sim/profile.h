/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* How the simulated kernels differ. */
#ifndef IOMMUNEST_SIM_PROFILE_H
#define IOMMUNEST_SIM_PROFILE_H

#include "internal.h"

/* @id is an enum iommunest_sim_profile.  NULL: there is no such profile. */
const struct sim_profile *iommunest__sim_profile(uint32_t id);

#endif /* IOMMUNEST_SIM_PROFILE_H */
