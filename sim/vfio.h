/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VFIO device nodes. */
#ifndef IOMMUNEST_SIM_VFIO_H
#define IOMMUNEST_SIM_VFIO_H

#include "internal.h"

#define SIM_VFIO_NODES 8u

/* The number of a device node that exists, or -ENOENT. */
int iommunest__sim_vfio_node(const char *path);
int iommunest__sim_vfio_ioctl(struct iommunest_sim *sim, struct sim_file *file,
			      uint32_t cmd, uint64_t arg);
/* A device node is closed. */
void iommunest__sim_vfio_close(struct iommunest_sim *sim,
			       struct sim_file *file);
/* An iommufd is closed. */
void iommunest__sim_vfio_forget(struct iommunest_sim *sim,
				const struct sim_file *iommufd);

#endif /* IOMMUNEST_SIM_VFIO_H */
