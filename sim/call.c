/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies an ioctl's command from user memory and back, with its checks. */
#include "call.h"

#include <errno.h>
#include <string.h>

#include "user-memory.h"

/* Whether all of @request is right, and not only its last byte. */
static bool is_exact(uint32_t request)
{
	return request == _IO(IOMMUFD_TYPE, _IOC_NR(request));
}

/* A longer struct is taken as long as what is not known of it is zero. */
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
 * One read gets the size, and all of the struct if it is there.  A pipe is
 * another matter: a sanitizer looks at what is put into it, and would find
 * too much of a caller's shorter struct.
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
