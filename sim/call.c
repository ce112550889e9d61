/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Copies an ioctl's struct from user memory and back, and checks its size. */
#include "call.h"

#include <errno.h>
#include <string.h>

#include "user-memory.h"

/* The number alone selects an ioctl; the rest of @request must match, too. */
static bool is_exact(uint32_t request)
{
	return request == _IO(IOMMUFD_TYPE, _IOC_NR(request));
}

/* A longer struct is accepted if all that the kernel does not know is 0. */
static int check_tail(const struct sim_call *call, uint32_t known)
{
	int ret;

	if (call->user_size <= known)
		return 0;
	ret = iommunest__sim_user_zeroed(call->sim, call->arg + known,
					 call->user_size - known);
	if (ret < 0)
		return ret;
	return ret ? 0 : -E2BIG;
}

/*
 * How much to read before the size is known.  All of the struct, to save a
 * second read; but only the size through a pipe, because a sanitizer checks
 * what write(2) reads, and would complain about a struct that is shorter.
 */
static size_t first_read(const struct sim_call *call, uint32_t size)
{
	return call->sim->pipe[0] < 0 ? size : sizeof(call->cmd.size);
}

int iommunest__sim_call_read(struct sim_call *call, uint32_t request,
			     uint32_t size, uint32_t min)
{
	size_t got = iommunest__sim_user_read_some(
		call->sim, &call->cmd, call->arg, first_read(call, size));
	size_t len;
	int ret;

	if (got < sizeof(call->cmd.size))
		return -EFAULT;
	if (!is_exact(request))
		return -ENOTTY;
	call->user_size = call->cmd.size;
	if (call->user_size < min)
		return -EINVAL;
	ret = check_tail(call, size);
	if (ret)
		return ret;
	len = call->user_size < size ? call->user_size : size;
	if (got < len &&
	    iommunest__sim_user_read(call->sim, &call->cmd, call->arg, len))
		return -EFAULT;
	memset((char *)&call->cmd + len, 0, sizeof(call->cmd) - len);
	return 0;
}

int iommunest__sim_call_respond(const struct sim_call *call, size_t len)
{
	if (len > call->user_size)
		len = call->user_size;
	return iommunest__sim_user_write(call->sim, call->arg, &call->cmd, len);
}
