/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Links, files and folders of sysfs, through the system-call table. */
#include <config.h>

#include <fcntl.h>

#include "lib/abi.h"
#include "lib/sysfs.h"

/* What getdents64(2) writes; its header is not one that programs have. */
struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void copy_name(char *to, const char *from, size_t room)
{
	size_t len = strnlen(from, room - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

int iommunest__sysfs_link(struct iommunest_ctx *ctx, const char *path,
			  char *name, size_t room)
{
	/* valgrind does not see what a simulator writes here. */
	char target[512] = { 0 };
	ssize_t len;

	if (!ctx->sys.readlink)
		return -ENOSYS;
	len = ctx->sys.readlink(ctx->sys_data, path, target,
				sizeof(target) - 1);
	if (len < 0)
		return (int)len;
	target[len] = '\0';
	copy_name(name, last_part(target), room);
	return 0;
}

static int open_read(struct iommunest_ctx *ctx, const char *path, int flags)
{
	return ctx->sys.open(ctx->sys_data, path, O_RDONLY | O_CLOEXEC | flags);
}

int iommunest__sysfs_read(struct iommunest_ctx *ctx, const char *path,
			  char *text, size_t room)
{
	ssize_t len;
	int fd;

	if (!ctx->sys.read)
		return -ENOSYS;
	fd = open_read(ctx, path, 0);
	if (fd < 0)
		return fd;
	memset(text, 0, room);
	len = ctx->sys.read(ctx->sys_data, fd, text, room - 1);
	ctx->sys.close(ctx->sys_data, fd);
	if (len < 0)
		return (int)len;
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The entries of one getdents64(). */
static int each_of(const char *buf, size_t len,
		   int (*each)(void *user, const char *name), void *user)
{
	const size_t head = offsetof(struct entry, name);
	uint16_t reclen;
	size_t at;
	int ret;

	for (at = 0; len - at > head; at += reclen) {
		memcpy(&reclen, buf + at + offsetof(struct entry, reclen),
		       sizeof(reclen));
		if (reclen <= head || reclen > len - at ||
		    !memchr(buf + at + head, 0, reclen - head))
			return -EIO;
		if (is_dots(buf + at + head))
			continue;
		ret = each(user, buf + at + head);
		if (ret)
			return ret;
	}
	return 0;
}

int iommunest__sysfs_list(struct iommunest_ctx *ctx, const char *path,
			  int (*each)(void *user, const char *name), void *user)
{
	char buf[1024] = { 0 };
	ssize_t len;
	int fd, ret = 0;

	if (!ctx->sys.getdents64)
		return -ENOSYS;
	fd = open_read(ctx, path, O_DIRECTORY);
	if (fd < 0)
		return fd;
	while (!ret) {
		len = ctx->sys.getdents64(ctx->sys_data, fd, buf, sizeof(buf));
		if (len <= 0) {
			ret = (int)len;
			break;
		}
		ret = each_of(buf, (size_t)len, each, user);
	}
	ctx->sys.close(ctx->sys_data, fd);
	return ret;
}
