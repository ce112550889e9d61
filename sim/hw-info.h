/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_GET_HW_INFO. */
#ifndef IOMMUNEST_SIM_HW_INFO_H
#define IOMMUNEST_SIM_HW_INFO_H

#include "internal.h"

int iommunest__sim_hw_info(struct sim_call *call);

#endif /* IOMMUNEST_SIM_HW_INFO_H */
