/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Runs iommunest-check, and looks at what it says.  A failure ends the test. */
#ifndef VM_CHECKED_H
#define VM_CHECKED_H

#include <sys/types.h>

#define CHECKED_ARGUMENTS 4

/* Run as that user, with arguments that end with NULL, it ends with @status. */
void checked_as(uid_t uid, int status,
		const char *const arguments[CHECKED_ARGUMENTS]);

/* The same as root, with these. */
#define CHECKED(status, ...)  \
	checked_as(0, status, \
		   (const char *const[CHECKED_ARGUMENTS]){ __VA_ARGS__ })

/* It said so; a blank is whatever was between two words. */
void checked_said(const char *words);

#endif /* VM_CHECKED_H */
