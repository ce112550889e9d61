/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The real system calls: the only file that makes any. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/sys.h"

static int sys_open(void *data, const char *path, int flags)
{
	int fd = open(path, flags);

	(void)data;
	return fd < 0 ? -errno : fd;
}

static int sys_close(void *data, int fd)
{
	(void)data;
	return close(fd) < 0 ? -errno : 0;
}

static int sys_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, (IOCTL_REQUEST)request, arg);

	(void)data;
	return ret < 0 ? -errno : ret;
}

static ssize_t sys_read(void *data, int fd, void *buf, size_t len)
{
	ssize_t ret = read(fd, buf, len);

	(void)data;
	return ret < 0 ? -errno : ret;
}

static ssize_t sys_write(void *data, int fd, const void *buf, size_t len)
{
	ssize_t ret = write(fd, buf, len);

	(void)data;
	return ret < 0 ? -errno : ret;
}

static int sys_poll(void *data, struct pollfd *fds, nfds_t count,
		    int timeout)
{
	int ret = poll(fds, count, timeout);

	(void)data;
	return ret < 0 ? -errno : ret;
}

static ssize_t sys_readlink(void *data, const char *path, char *buf, size_t len)
{
	ssize_t ret = readlink(path, buf, len);

	(void)data;
	return ret < 0 ? -errno : ret;
}

/* The C library has had a function for it only since glibc 2.30. */
static ssize_t sys_getdents64(void *data, int fd, void *buf, size_t len)
{
	ssize_t ret = syscall(SYS_getdents64, fd, buf, len);

	(void)data;
	return ret < 0 ? -errno : ret;
}

const struct iommunest_sys iommunest__sys_kernel = {
	.size = sizeof(iommunest__sys_kernel),
	.open = sys_open,
	.close = sys_close,
	.ioctl = sys_ioctl,
	.read = sys_read,
	.write = sys_write,
	.poll = sys_poll,
	.readlink = sys_readlink,
	.getdents64 = sys_getdents64,
};
