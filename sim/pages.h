/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The memory that a call maps: of the process, or of a file. */
#ifndef IOMMUNEST_SIM_PAGES_H
#define IOMMUNEST_SIM_PAGES_H

#include "internal.h"

/*
 * What IOMMU_IOAS_MAP takes.  Nothing is accessed before the pages are pinned.
 * Returns 0, -EINVAL, -EOVERFLOW, -ENOMEM; the caller has the one user.
 */
int iommunest__sim_pages_of_process(const struct iommunest_sim *sim,
				    uint64_t addr, uint64_t length,
				    bool writable, struct sim_pages **pages);
/* The same for IOMMU_IOAS_MAP_FILE; also -EBADF. */
int iommunest__sim_pages_of_file(int fd, uint64_t start, uint64_t length,
				 bool writable, struct sim_pages **pages);
void iommunest__sim_pages_get(struct sim_pages *pages);
/* Frees them with the last user. */
void iommunest__sim_pages_put(struct sim_pages *pages);

/*
 * Makes the pages of @length bytes from @start present, as the kernel does to
 * pin them.  They can go away again: nothing here holds them.  Returns 0,
 * -EFAULT, or -EINVAL (a file that is no memfd, or too short).
 */
int iommunest__sim_pages_pin(const struct iommunest_sim *sim,
			     const struct sim_pages *pages, uint64_t start,
			     uint64_t length);

#endif /* IOMMUNEST_SIM_PAGES_H */
