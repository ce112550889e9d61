/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The part of sysfs in which the VFIO devices are. */
#ifndef IOMMUNEST_SIM_SYSFS_H
#define IOMMUNEST_SIM_SYSFS_H

#include "internal.h"

/* Room for any file name that exists. */
#define SIM_PATH 128

/* Returns a file descriptor, or the error of open(2). */
int iommunest__sim_sysfs_open(struct iommunest_sim *sim, const char *path,
			      int flags);
/* As readlink(2), read(2) and getdents64(2), with user memory at @buf. */
ssize_t iommunest__sim_sysfs_readlink(const struct iommunest_sim *sim,
				      const char *path, uint64_t buf,
				      size_t len);
ssize_t iommunest__sim_sysfs_read(const struct iommunest_sim *sim,
				  struct sim_file *file, uint64_t buf,
				  size_t len);
ssize_t iommunest__sim_sysfs_getdents(const struct iommunest_sim *sim,
				      struct sim_file *file, uint64_t buf,
				      size_t len);

#endif /* IOMMUNEST_SIM_SYSFS_H */
