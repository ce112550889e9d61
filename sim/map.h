/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_IOAS_MAP, _MAP_FILE, _COPY, _UNMAP and _CHANGE_PROCESS. */
#ifndef IOMMUNEST_SIM_MAP_H
#define IOMMUNEST_SIM_MAP_H

#include "internal.h"

int iommunest__sim_ioas_map(struct sim_call *call);
int iommunest__sim_ioas_map_file(struct sim_call *call);
int iommunest__sim_ioas_copy(struct sim_call *call);
int iommunest__sim_ioas_unmap(struct sim_call *call);
int iommunest__sim_ioas_change_process(struct sim_call *call);

#endif /* IOMMUNEST_SIM_MAP_H */
