/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Targets of the queue engine that are named after their HWPT. */
#ifndef TESTS_HARNESS_TARGET_H
#define TESTS_HARNESS_TARGET_H

#include <libiommunest.h>

#define TARGET(context, hwpt)                                \
	(&(const struct iommunest_vtd_target){               \
		.size = sizeof(struct iommunest_vtd_target), \
		.ctx = (context),                            \
		.hwpt_id = (hwpt),                           \
		.cookie = (hwpt),                            \
	})

#endif /* TESTS_HARNESS_TARGET_H */
