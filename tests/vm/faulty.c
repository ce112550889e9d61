/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "faulty.h"
#include "fail-nth.h"
#include "real.h"

/* Whether this is the call that fails, and not within the kernel. */
static bool fails_here(struct faulty *faulty, unsigned long request)
{
	if (++faulty->calls != faulty->at)
		return false;
	faulty->request = request;
	if (faulty->error) {
		faulty->failed = true;
		return true;
	}
	fail_nth_arm(faulty->nth);
	return false;
}

static void after_call(struct faulty *faulty)
{
	if (faulty->calls == faulty->at && !faulty->error)
		faulty->failed = fail_nth_disarm();
}

static int faulty_open(void *data, const char *path, int flags)
{
	struct faulty *faulty = data;
	int ret;

	if (fails_here(faulty, 0))
		return faulty->error;
	ret = real_sys()->open(NULL, path, flags);
	after_call(faulty);
	return ret;
}

/* Linux closes it, whatever it says. */
static int faulty_close(void *data, int fd)
{
	struct faulty *faulty = data;
	bool fails = fails_here(faulty, 0);
	int ret = real_sys()->close(NULL, fd);

	after_call(faulty);
	return fails ? faulty->error : ret;
}

static int faulty_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct faulty *faulty = data;
	int ret;

	if (fails_here(faulty, request))
		return faulty->error;
	ret = real_sys()->ioctl(NULL, fd, request, arg);
	after_call(faulty);
	return ret;
}

static ssize_t faulty_read(void *data, int fd, void *buf, size_t len)
{
	(void)data;
	return real_sys()->read(NULL, fd, buf, len);
}

static ssize_t faulty_write(void *data, int fd, const void *buf, size_t len)
{
	(void)data;
	return real_sys()->write(NULL, fd, buf, len);
}

const struct iommunest_sys *faulty_sys(void)
{
	static const struct iommunest_sys sys = {
		.size = sizeof(sys),
		.open = faulty_open,
		.close = faulty_close,
		.ioctl = faulty_ioctl,
		.read = faulty_read,
		.write = faulty_write,
	};

	return &sys;
}
