/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The ioctls of an iommufd. */
#ifndef IOMMUNEST_SIM_DISPATCH_H
#define IOMMUNEST_SIM_DISPATCH_H

#include "internal.h"

int iommunest__sim_dispatch(struct iommunest_sim *sim, struct sim_file *file,
			    uint32_t cmd, uint64_t arg);

#endif /* IOMMUNEST_SIM_DISPATCH_H */
