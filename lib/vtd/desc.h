/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Descriptors within the library: decoding, and what goes without it. */
#ifndef IOMMUNEST_VTD_DESC_H
#define IOMMUNEST_VTD_DESC_H

#include <libiommunest.h>

#include "lib/abi.h"
#include "lib/vtd/desc-layout.h"
#include "lib/vtd/entry.h"

/*
 * Guests at work write PASID-based IOTLB descriptors and waits, and hardly
 * anything else.  Both are handled without decoding all of them; this says the
 * same as decoding does, of a 256-bit descriptor in scalable mode.  Type,
 * reserved bits, and what else is known of the first word are one comparison.
 */
#define VTD_DESC_TYPE_BITS (FIELD_TYPE_HIGH | FIELD_TYPE_LOW)
#define VTD_PIOTLB_G_ALL bits_put(IOMMUNEST_VTD_PIOTLB_ALL, FIELD_G)

/* Hardware would take it.  G is 2 or 3. */
static inline bool vtd_is_piotlb(const uint64_t *words)
{
	const uint64_t known =
		VTD_DESC_TYPE_BITS | PIOTLB_RESERVED_0 | VTD_PIOTLB_G_ALL;

	return (words[0] & known) ==
		       (IOMMUNEST_VTD_DESC_PIOTLB | VTD_PIOTLB_G_ALL) &&
	       !((words[1] & PIOTLB_RESERVED_1) | words[2] | words[3]);
}

/* The same of a wait that drains no page requests. */
static inline bool vtd_is_plain_wait(const uint64_t *words)
{
	const uint64_t known =
		VTD_DESC_TYPE_BITS | WAIT_RESERVED_0 | FIELD_WAIT_PD;

	return (words[0] & known) == IOMMUNEST_VTD_DESC_WAIT &&
	       !((words[1] & WAIT_RESERVED_1) | words[2] | words[3]);
}

/* Of a PASID-based IOTLB descriptor. */
static inline bool vtd_piotlb_is_all(const uint64_t *words)
{
	return (words[0] & FIELD_G) == VTD_PIOTLB_G_ALL;
}

/* Its scope, as vtd_scope_key() has it: DID and PASID are neighbours. */
static inline uint64_t vtd_piotlb_scope(const uint64_t *words)
{
	return bits_get(words[0], FIELD_PASID | FIELD_DID);
}

/* Hardware ignores the address bits within a block of 2^@am pages. */
static inline uint64_t vtd_block(uint64_t addr, unsigned int am)
{
	if (am >= VTD_ALL_ORDER)
		return 0;
	return addr & ~BITS(am + VTD_PAGE_SHIFT - 1, 0);
}

/* The field has two bits. */
static inline bool vtd_is_ttm(enum iommunest_vtd_ttm ttm)
{
	return (unsigned int)ttm <= IOMMUNEST_VTD_TTM_ABORT;
}

/* The size in a descriptor is one: 0, -EINVAL or -E2BIG. */
static inline int vtd_check_desc(const struct iommunest_vtd_desc *desc)
{
	return iommunest_check_size(desc, END_OF(struct iommunest_vtd_desc,
						 reserved));
}

/* iommunest_vtd_desc_decode() for arguments that are known to be good. */
int iommunest__vtd_desc_decode(struct iommunest_vtd_desc *desc,
			       const uint64_t *words, unsigned int width,
			       enum iommunest_vtd_ttm ttm);

#endif /* IOMMUNEST_VTD_DESC_H */
