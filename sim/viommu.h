/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_VIOMMU_ALLOC, and what needs a vIOMMU, except for event queues. */
#ifndef IOMMUNEST_SIM_VIOMMU_H
#define IOMMUNEST_SIM_VIOMMU_H

#include "internal.h"

int iommunest__sim_viommu_alloc(struct sim_call *call);
int iommunest__sim_vdevice_alloc(struct sim_call *call);
int iommunest__sim_hw_queue_alloc(struct sim_call *call);

#endif /* IOMMUNEST_SIM_VIOMMU_H */
