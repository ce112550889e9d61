/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A host that fails, whatever the reason: ioctls of another process return an
 * error without having been made.
 */
#ifndef REFUSE_H
#define REFUSE_H

#include <sys/types.h>

/* So often that it never ends. */
#define REFUSE_ALWAYS UINT32_MAX

struct refuse_rule {
	/* Of ioctl(2); a second one, or 0. */
	unsigned long requests[2];
	/* An errno. */
	int error;
	/* These many of them, and the following ones are made. */
	unsigned int times;
};

struct refuse;

/*
 * From now on, of the main thread of the process @pid, until refuse_end().
 * What fails here ends the test.
 */
struct refuse *refuse_start(pid_t pid, const struct refuse_rule *rule);
/* Returns how many were refused. */
unsigned int refuse_end(struct refuse *refuse);

#endif /* REFUSE_H */
