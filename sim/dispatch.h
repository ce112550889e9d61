/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ioctls of an iommufd. */
#ifndef IOMMUNEST_SIM_DISPATCH_H
#define IOMMUNEST_SIM_DISPATCH_H

#include "internal.h"

int iommunest__sim_dispatch(struct iommunest_sim *sim, struct sim_file *file,
			    uint32_t cmd, uint64_t arg);
/* Copies the command back, as far as the caller's own size goes. */
int iommunest__sim_respond(const struct sim_call *call, size_t len);

#endif /* IOMMUNEST_SIM_DISPATCH_H */
