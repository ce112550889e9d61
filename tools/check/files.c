/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Files of this machine, or of a folder that has a copy of another's /sys,
 * /proc, /dev, /boot and /lib/modules.  The library looks at the same ones,
 * through a table of system calls.
 */
#include <config.h> /* and for pipe2, syscall */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/check/check.h"

/* A kernel's configuration is a quarter of a megabyte. */
#define FILE_MAX ((size_t)16 << 20)

/* Returns 0 or -ENAMETOOLONG. */
static int below(const char *root, const char *path, char full[CHECK_PATH_MAX])
{
	int length = snprintf(full, CHECK_PATH_MAX, "%s%s", root, path);

	return length < CHECK_PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* ---- The table of system calls ---- */

static int root_open(void *data, const char *path, int flags)
{
	char full[CHECK_PATH_MAX];
	int fd;

	if (below(data, path, full))
		return -ENAMETOOLONG;
	fd = open(full, flags);
	return fd < 0 ? -errno : fd;
}

static int root_close(void *data, int fd)
{
	(void)data;
	return close(fd) ? -errno : 0;
}

static int root_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	int ret;

	(void)data;
	ret = ioctl(fd, (IOCTL_REQUEST)request, arg);
	return ret < 0 ? -errno : ret;
}

static ssize_t root_read(void *data, int fd, void *buf, size_t len)
{
	ssize_t ret;

	(void)data;
	ret = read(fd, buf, len);
	return ret < 0 ? -errno : ret;
}

static ssize_t root_readlink(void *data, const char *path, char *buf,
			     size_t len)
{
	char full[CHECK_PATH_MAX];
	ssize_t ret;

	if (below(data, path, full))
		return -ENAMETOOLONG;
	ret = readlink(full, buf, len);
	return ret < 0 ? -errno : ret;
}

static ssize_t root_getdents64(void *data, int fd, void *buf, size_t len)
{
	long ret;

	(void)data;
	ret = syscall(SYS_getdents64, fd, buf, len);
	return ret < 0 ? -errno : ret;
}

static const struct iommunest_sys root_sys = {
	.size = sizeof(root_sys),
	.open = root_open,
	.close = root_close,
	.ioctl = root_ioctl,
	.read = root_read,
	.readlink = root_readlink,
	.getdents64 = root_getdents64,
};

void check_files_init(struct check *check)
{
	check->files = (struct iommunest_open_options){
		.size = sizeof(check->files),
		.sys = &root_sys,
		/* Only read. */
		.sys_data = (void *)(uintptr_t)check->options.root,
	};
}

bool check_is_copy(const struct check *check)
{
	return check->options.root[0];
}

/* ---- For the tool itself ---- */

static int open_file(const struct check *check, const char *path)
{
	return root_open(check->files.sys_data, path, O_RDONLY | O_CLOEXEC);
}

/* Reads to the end, and closes.  NULL: it cannot be. */
static char *read_fd(int fd)
{
	size_t length = 0, room = 4096;
	char *text = malloc(room + 1);
	ssize_t ret = -1;

	while (text) {
		ret = read(fd, text + length, room - length);
		if (ret <= 0)
			break;
		length += (size_t)ret;
		if (length == room) {
			char *more = room < FILE_MAX
					     ? realloc(text, room * 2 + 1)
					     : NULL;

			if (!more)
				free(text);
			text = more;
			room *= 2;
		}
	}
	close(fd);
	if (text && ret < 0) {
		free(text);
		text = NULL;
	}
	if (text)
		text[length] = '\0';
	return text;
}

char *check_read_all(const struct check *check, const char *path)
{
	int fd = open_file(check, path);

	return fd < 0 ? NULL : read_fd(fd);
}

int check_read_line(const struct check *check, const char *path, char *line,
		    size_t room)
{
	int fd = open_file(check, path);
	ssize_t ret;

	if (fd < 0)
		return fd;
	ret = read(fd, line, room - 1);
	if (ret < 0)
		ret = -errno;
	close(fd);
	if (ret < 0)
		return (int)ret;
	line[ret] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

/* In the child: gzip, from one file descriptor to another. */
static void run_gzip(int from, int to)
{
	static char name[] = "gzip", option[] = "-dc";
	char *const argv[] = { name, option, NULL };
	int null = open("/dev/null", O_WRONLY);

	if (null < 0 || dup2(from, STDIN_FILENO) < 0 ||
	    dup2(to, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
		_exit(127);
	execvp(name, argv);
	_exit(127);
}

char *check_read_gzip(const struct check *check, const char *path)
{
	int fds[2], status = -1, from = open_file(check, path);
	char *text;
	pid_t child;

	if (from < 0)
		return NULL;
	if (pipe2(fds, O_CLOEXEC)) {
		close(from);
		return NULL;
	}
	child = fork();
	if (child == 0)
		run_gzip(from, fds[1]);
	close(from);
	close(fds[1]);
	text = read_fd(fds[0]);
	if (child < 0 || waitpid(child, &status, 0) != child || status) {
		free(text);
		return NULL;
	}
	return text;
}

int check_read_link(const struct check *check, const char *path, char *name,
		    size_t room)
{
	char target[CHECK_PATH_MAX];
	const char *slash;
	ssize_t length;

	length = root_readlink(check->files.sys_data, path, target,
			       sizeof(target) - 1);
	if (length < 0)
		return (int)length;
	target[length] = '\0';
	slash = strrchr(target, '/');
	snprintf(name, room, "%s", slash ? slash + 1 : target);
	return 0;
}

bool check_exists(const struct check *check, const char *path)
{
	char full[CHECK_PATH_MAX];
	struct stat stat_buf;

	return !below(check->options.root, path, full) &&
	       !lstat(full, &stat_buf);
}

int check_open_node(const struct check *check, const char *path)
{
	int fd = root_open(check->files.sys_data, path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int not_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 &&
	       strcmp(entry->d_name, "..") != 0;
}

int check_list(struct check *check, const char *path,
	       void (*each)(struct check *check, const char *name, void *data),
	       void *data)
{
	char full[CHECK_PATH_MAX];
	struct dirent **names;
	int i, count;

	if (below(check->options.root, path, full))
		return -ENAMETOOLONG;
	count = scandir(full, &names, not_dots, alphasort);
	if (count < 0)
		return -errno;
	for (i = 0; i < count; i++) {
		each(check, names[i]->d_name, data);
		free(names[i]);
	}
	free(names);
	return 0;
}
