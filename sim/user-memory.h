/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* User memory, accessed as the kernel accesses it. */
#ifndef IOMMUNEST_SIM_USER_MEMORY_H
#define IOMMUNEST_SIM_USER_MEMORY_H

#include "internal.h"

/* Finds out how to access it.  Returns 0, or the error of pipe2(2). */
int iommunest__sim_user_open(struct iommunest_sim *sim);
void iommunest__sim_user_close(struct iommunest_sim *sim);

/* Copies as much as can be read at @from; returns how much that was. */
size_t iommunest__sim_user_read_some(const struct iommunest_sim *sim, void *to,
				     uint64_t from, size_t len);
/* Returns 0, or -EFAULT if any of it cannot be read. */
int iommunest__sim_user_read(const struct iommunest_sim *sim, void *to,
			     uint64_t from, size_t len);
/* Returns 0, -EFAULT or -ENAMETOOLONG. */
int iommunest__sim_user_read_string(const struct iommunest_sim *sim, char *to,
				    uint64_t from, size_t room);
int iommunest__sim_user_write(const struct iommunest_sim *sim, uint64_t to,
			      const void *from, size_t len);
/* The same within a page, for more than an ioctl's struct. */
int iommunest__sim_user_put(const struct iommunest_sim *sim, uint64_t to,
			    const void *from, size_t len);
/*
 * Sets bits of the little-endian number at @at, at once, as far as the
 * process's own threads can tell.  Returns 0 or -EFAULT.
 */
int iommunest__sim_user_set_bits(const struct iommunest_sim *sim, uint64_t at,
				 uint32_t bits);
int iommunest__sim_user_clear(const struct iommunest_sim *sim, uint64_t to,
			      uint64_t len);
/*
 * Makes @len bytes at the page @addr present, and writable if @write; what they
 * hold does not change.  Returns 0 or -EFAULT.
 */
int iommunest__sim_user_populate(const struct iommunest_sim *sim, uint64_t addr,
				 uint64_t len, bool write);
/* Returns 1 (all zero), 0, or -EFAULT (all zero up to a bad address). */
int iommunest__sim_user_zeroed(const struct iommunest_sim *sim, uint64_t from,
			       uint64_t len);

#endif /* IOMMUNEST_SIM_USER_MEMORY_H */
