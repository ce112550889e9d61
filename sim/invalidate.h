/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_HWPT_INVALIDATE. */
#ifndef IOMMUNEST_SIM_INVALIDATE_H
#define IOMMUNEST_SIM_INVALIDATE_H

#include "internal.h"

int iommunest__sim_hwpt_invalidate(struct sim_call *call);

#endif /* IOMMUNEST_SIM_INVALIDATE_H */
