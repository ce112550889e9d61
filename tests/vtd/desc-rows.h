/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Descriptors in three forms, each worked out by hand from the VT-d
 * specification (chapter 6, "Queued Invalidation Interface"): the words in the
 * ring, the fields, and the text.
 */
#ifndef TESTS_UNIT_DESC_ROWS_H
#define TESTS_UNIT_DESC_ROWS_H

#include <libiommunest.h>

struct desc_row {
	const char *text;
	/* The words are in it, as raw. */
	struct iommunest_vtd_desc desc;
};

#define DESC_ROWS 45

extern const struct desc_row desc_rows[DESC_ROWS];

/* PASID-based types, and page group responses. */
bool desc_is_scalable(unsigned int type);

#endif /* TESTS_UNIT_DESC_ROWS_H */
