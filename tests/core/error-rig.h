/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A batch of entries, and what a submission of it reports, for the files that
 * test what hardware finds.  There is one at a time.
 */
#ifndef TESTS_CORE_ERROR_RIG_H
#define TESTS_CORE_ERROR_RIG_H

#include "tests/harness/support.h"

#include <libiommunest.h>

#define COUNT 40u
#define CODE_IQE (IOMMUNEST_VTD_FSTS_IQE | 4u << 8)

/* The file opens it, and makes or names the nested HWPT. */
extern struct iommunest_ctx *ctx;
extern uint32_t nested;
extern struct iommunest_batch *batch;
extern struct iommunest_report report;

/* A batch of COUNT pages with gaps; the cookie of entry i is i + 100. */
void add_entries_of(const struct iommunest_inv_type *type);
void add_entries(void);

int submit(uint32_t policy);

/* Whether errors are reported for the nested HWPT. */
int knows(void);

#endif /* TESTS_CORE_ERROR_RIG_H */
