/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What there is to know of a type of invalidation descriptor, in one row.
 * Decoding, encoding and printing read it.
 */
#ifndef IOMMUNEST_VTD_DESC_TYPES_H
#define IOMMUNEST_VTD_DESC_TYPES_H

#include <libiommunest.h>

/* Fields that are printed. */
#define HAS_DID (1u << 0)
#define HAS_SID (1u << 1)
#define HAS_FM (1u << 2)
#define HAS_PFSID (1u << 3)
#define HAS_PASID (1u << 4)
#define HAS_MIP (1u << 5)
#define HAS_RANGE (1u << 6)
#define HAS_INDEX (1u << 7)
#define HAS_STATUS (1u << 8)
#define HAS_RESPONSE (1u << 9)

struct vtd_granularity {
	/* NULL: reserved.  "": the type has no granularities. */
	const char *name;
	/* HAS_*. */
	uint32_t has;
};

struct vtd_desc_type {
	const char *name;
	/* Reads desc->raw into the members of a zeroed *@desc. */
	void (*decode)(struct iommunest_vtd_desc *desc);
	/* Adds the members to @raw, which has only the type yet. */
	void (*encode)(const struct iommunest_vtd_desc *desc, uint64_t *raw);
	/* Bits of the first two words that must be zero. */
	uint64_t reserved[2];
	/* By number; the widest field has two bits. */
	struct vtd_granularity granularities[4];
	/* Legacy mode does not have it. */
	bool scalable;
};

/* NULL: there is no such type. */
const struct vtd_desc_type *iommunest__vtd_desc_type(unsigned int type);

#endif /* IOMMUNEST_VTD_DESC_TYPES_H */
