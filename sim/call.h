/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A command of an ioctl, in and out. */
#ifndef IOMMUNEST_SIM_CALL_H
#define IOMMUNEST_SIM_CALL_H

#include "internal.h"

/*
 * Reads the command of the ioctl @request, whose struct has @size bytes in
 * this kernel, and had @min in the first.  Returns 0 or what the kernel says.
 */
int iommunest__sim_call_read(struct sim_call *call, uint32_t request,
			     uint32_t size, uint32_t min);
/* Copies @len bytes of the command back, but no more than the caller has. */
int iommunest__sim_call_respond(const struct sim_call *call, size_t len);

#endif /* IOMMUNEST_SIM_CALL_H */
