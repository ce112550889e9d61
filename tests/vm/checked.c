/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "checked.h"

#include "tests/harness/support.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK "/tests/iommunest-check"

/* What it said. */
static char output[65536];

static void squeeze(void)
{
	char *from, *to = output;

	for (from = output; *from; from++) {
		if (*from != ' ' && *from != '\n')
			*to++ = *from;
		else if (to > output && to[-1] != ' ')
			*to++ = ' ';
	}
	*to = '\0';
}

static void read_output(int fd)
{
	size_t length = 0;
	ssize_t ret;

	while ((ret = read(fd, output + length, sizeof(output) - 1 - length)) >
	       0)
		length += (size_t)ret;
	output[length] = '\0';
	squeeze();
}

/* Does not return. */
static void run_as(uid_t uid, const char *const arguments[CHECKED_ARGUMENTS])
{
	char *argv[CHECKED_ARGUMENTS + 2] = { (char[]){ "iommunest-check" } };

	/* execv() only reads them. */
	memcpy(&argv[1], arguments, CHECKED_ARGUMENTS * sizeof(*argv));
	if (!setgid(uid) && !setuid(uid))
		execv(CHECK, argv);
	_exit(127);
}

void checked_as(uid_t uid, int wanted,
		const char *const arguments[CHECKED_ARGUMENTS])
{
	int fds[2], status;
	pid_t child;

	ck_assert_int_eq(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		run_as(uid, arguments);
	}
	ck_assert_int_gt(child, 0);
	close(fds[1]);
	read_output(fds[0]);
	close(fds[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status), "%.3000s", output);
	ck_assert_msg(WEXITSTATUS(status) == wanted, "exit status %d:\n%.3000s",
		      WEXITSTATUS(status), output);
}

void checked_said(const char *words)
{
	ck_assert_msg(strstr(output, words), "no \"%s\" in:\n%.3000s", words,
		      output);
}
