/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <config.h>

#include "fail-nth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEBUGFS "/sys/kernel/debug/"

/* Of the thread that opened it; libcheck forks. */
static int nth = -1;

static const struct {
	const char *name;
	const char *value;
} knobs[] = {
	/* What may sleep, of any size, and for user space. */
	{ "failslab/ignore-gfp-wait", "N" },
	{ "fail_page_alloc/ignore-gfp-wait", "N" },
	{ "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "fail_page_alloc/min-order", "0" },
	/* A stack in the log would be taken for trouble. */
	{ "failslab/verbose", "0" },
	{ "fail_page_alloc/verbose", "0" },
	{ "fail_usercopy/verbose", "0" },
	/* iommufd's own, of CONFIG_IOMMUFD_TEST. */
	{ "fail_iommufd/verbose", "0" },
};

static bool set_knob(const char *name, const char *value)
{
	char path[128];
	int fd;
	bool ok;

	snprintf(path, sizeof(path), DEBUGFS "%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = write(fd, value, strlen(value)) > 0;
	close(fd);
	return ok;
}

bool fail_nth_open(void)
{
	size_t i;

	for (i = 0; i < sizeof(knobs) / sizeof(*knobs); i++) {
		if (!set_knob(knobs[i].name, knobs[i].value))
			return false;
	}
	nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	return nth >= 0;
}

void fail_nth_close(void)
{
	close(nth);
}

void fail_nth_arm(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(nth, text, (size_t)len, 0) != len) {
		perror("fail-nth");
		abort();
	}
}

/*
 * To read it and to write it copies, too, and counts: what fails here has not
 * failed before.
 */
bool fail_nth_disarm(void)
{
	char text[16] = "";
	ssize_t len = pread(nth, text, sizeof(text) - 1, 0);
	bool failed = len > 0 && strtoul(text, NULL, 10) == 0;

	while (pwrite(nth, "0", 1, 0) != 1) {
		if (errno != EFAULT) {
			perror("fail-nth");
			abort();
		}
	}
	return failed;
}
