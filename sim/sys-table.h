/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is open. */
#ifndef IOMMUNEST_SIM_SYS_TABLE_H
#define IOMMUNEST_SIM_SYS_TABLE_H

#include "internal.h"

/* NULL: no such file descriptor. */
struct sim_file *iommunest__sim_file_get(const struct iommunest_sim *sim,
					 int fd);
void iommunest__sim_files_free(struct iommunest_sim *sim);

#endif /* IOMMUNEST_SIM_SYS_TABLE_H */
