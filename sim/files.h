/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What is open, by file descriptor. */
#ifndef IOMMUNEST_SIM_FILES_H
#define IOMMUNEST_SIM_FILES_H

#include "internal.h"

/* Returns a new file descriptor, or -ENOMEM. */
int iommunest__sim_file_open(struct iommunest_sim *sim, int flags);
/* Frees the file, and its objects. */
void iommunest__sim_file_close(struct iommunest_sim *sim, int fd);
/* NULL: no such file descriptor. */
struct sim_file *iommunest__sim_file_get(const struct iommunest_sim *sim,
					 int fd);
/* NULL: no such file descriptor, or not an iommufd's. */
struct sim_file *iommunest__sim_iommufd_get(const struct iommunest_sim *sim,
					    int fd);
/*
 * A device of it, or a fault queue, was closed, which may have been the last to
 * need it.
 */
void iommunest__sim_iommufd_put(struct sim_file *iommufd);
void iommunest__sim_files_free(struct iommunest_sim *sim);

#endif /* IOMMUNEST_SIM_FILES_H */
