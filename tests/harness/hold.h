/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* An assertion for what is asked thousands of times. */
#ifndef TESTS_HARNESS_HOLD_H
#define TESTS_HARNESS_HOLD_H

#include <check.h>

/* libcheck's own note each place they come by, with a system call. */
#define hold(condition)                                 \
	do {                                            \
		if (!(condition))                       \
			ck_abort_msg("%s", #condition); \
	} while (0)

#endif /* TESTS_HARNESS_HOLD_H */
