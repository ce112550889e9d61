/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_IOAS_ALLOC. */
#ifndef IOMMUNEST_SIM_IOAS_H
#define IOMMUNEST_SIM_IOAS_H

#include "internal.h"

int iommunest__sim_ioas_alloc(struct sim_call *call);

#endif /* IOMMUNEST_SIM_IOAS_H */
