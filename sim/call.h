/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* An ioctl's struct, copied in and out. */
#ifndef IOMMUNEST_SIM_CALL_H
#define IOMMUNEST_SIM_CALL_H

#include "internal.h"

/*
 * Copies in the struct of the ioctl @request: it has @size bytes in this
 * kernel, and had @min in the first that knew it.  Returns what the kernel
 * does: 0, -EFAULT, -ENOTTY, -EINVAL, -E2BIG.
 */
int iommunest__sim_call_read(struct sim_call *call, uint32_t request,
			     uint32_t size, uint32_t min);
/* Copies @len bytes back, or all that the caller's struct has room for. */
int iommunest__sim_call_respond(const struct sim_call *call, size_t len);

#endif /* IOMMUNEST_SIM_CALL_H */
