/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_HWPT_ALLOC. */
#ifndef IOMMUNEST_SIM_HWPT_H
#define IOMMUNEST_SIM_HWPT_H

#include "internal.h"

int iommunest__sim_hwpt_alloc(struct sim_call *call);

#endif /* IOMMUNEST_SIM_HWPT_H */
