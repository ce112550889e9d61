/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The ioctls of an I/O address space, except those that map. */
#ifndef IOMMUNEST_SIM_IOAS_H
#define IOMMUNEST_SIM_IOAS_H

#include "internal.h"

int iommunest__sim_ioas_alloc(struct sim_call *call);
int iommunest__sim_ioas_iova_ranges(struct sim_call *call);
int iommunest__sim_ioas_allow_iovas(struct sim_call *call);
/* IOMMU_OPTION */
int iommunest__sim_option(struct sim_call *call);
/* IOMMU_VFIO_IOAS */
int iommunest__sim_vfio_ioas(struct sim_call *call);

#endif /* IOMMUNEST_SIM_IOAS_H */
