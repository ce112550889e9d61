/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_HWPT_SET_DIRTY_TRACKING and IOMMU_HWPT_GET_DIRTY_BITMAP. */
#ifndef IOMMUNEST_SIM_DIRTY_H
#define IOMMUNEST_SIM_DIRTY_H

#include "internal.h"

int iommunest__sim_set_dirty_tracking(struct sim_call *call);
int iommunest__sim_get_dirty_bitmap(struct sim_call *call);

#endif /* IOMMUNEST_SIM_DIRTY_H */
