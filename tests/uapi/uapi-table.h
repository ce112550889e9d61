/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What a header says of the ABI, as a table that can be compared. */
#ifndef TESTS_UAPI_TABLE_H
#define TESTS_UAPI_TABLE_H

#include <stddef.h>

/* A constant, a struct ("struct x") or a member of one ("struct x.y"). */
struct uapi_row {
	const char *name;
	/* The constant's value; a member's offset. */
	unsigned long long value;
	/* The constant's own size, a struct's or a member's. */
	size_t size;
};

struct uapi_table {
	/* Where they are declared; the second may be NULL. */
	const char *headers[2];
	const struct uapi_row *rows;
	size_t count;
};

/* lib/uapi/iommufd.h, and what is newer */
extern const struct uapi_table uapi_own;
/* <linux/iommufd.h>; no rows where configure found none. */
extern const struct uapi_table uapi_real;

#endif /* TESTS_UAPI_TABLE_H */
