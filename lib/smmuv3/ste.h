/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The first two words of a stream table entry: SMMU architecture specification,
 * chapter 5, "Stream Table Entry".
 */
#ifndef IOMMUNEST_SMMUV3_STE_H
#define IOMMUNEST_SMMUV3_STE_H

#include <stdbool.h>

#include <libiommunest.h>

#include "lib/smmuv3/bits.h"

#define STE0_V BIT(0)
#define STE0_CONFIG BITS(3, 1)
#define STE0_S1FMT BITS(5, 4)
#define STE0_S1CONTEXTPTR BITS(51, 6)
#define STE0_S1CDMAX BITS(63, 59)
#define STE1_S1DSS BITS(1, 0)
#define STE1_S1CIR BITS(3, 2)
#define STE1_S1COR BITS(5, 4)
#define STE1_S1CSH BITS(7, 6)
#define STE1_S1STALLD BIT(27)
#define STE1_EATS BITS(29, 28)
#define STE1_STRW BITS(31, 30)

/* What the kernel takes for a nested HWPT. */
#define STE0_NESTING \
	(STE0_V | STE0_CONFIG | STE0_S1FMT | STE0_S1CONTEXTPTR | STE0_S1CDMAX)
#define STE1_NESTING                                                         \
	(STE1_S1DSS | STE1_S1CIR | STE1_S1COR | STE1_S1CSH | STE1_S1STALLD | \
	 STE1_EATS)

#define STE_EATS_FULL 1u

/* The kernel nests these. */
static inline bool smmu_is_config(uint8_t config)
{
	return config == IOMMUNEST_SMMUV3_CONFIG_ABORT ||
	       config == IOMMUNEST_SMMUV3_CONFIG_BYPASS ||
	       config == IOMMUNEST_SMMUV3_CONFIG_S1;
}

#endif /* IOMMUNEST_SMMUV3_STE_H */
