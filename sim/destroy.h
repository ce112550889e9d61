/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_DESTROY. */
#ifndef IOMMUNEST_SIM_DESTROY_H
#define IOMMUNEST_SIM_DESTROY_H

#include "internal.h"

int iommunest__sim_destroy(struct sim_call *call);

#endif /* IOMMUNEST_SIM_DESTROY_H */
