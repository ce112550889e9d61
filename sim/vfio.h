/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* VFIO device nodes. */
#ifndef IOMMUNEST_SIM_VFIO_H
#define IOMMUNEST_SIM_VFIO_H

#include "internal.h"

/*
 * Returns the number of the device node at @path, or the error of opening it:
 * -ENOENT, -EACCES.
 */
int iommunest__sim_vfio_node(const struct iommunest_sim *sim, const char *path);
int iommunest__sim_vfio_ioctl(struct iommunest_sim *sim, struct sim_file *file,
			      uint32_t cmd, uint64_t arg);
/* Call when the device node @file is closed. */
void iommunest__sim_vfio_close(struct sim_file *file);

#endif /* IOMMUNEST_SIM_VFIO_H */
