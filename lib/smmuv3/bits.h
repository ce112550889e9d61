/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* All that is in memory is little-endian: commands, entries, events. */
#ifndef IOMMUNEST_SMMUV3_BITS_H
#define IOMMUNEST_SMMUV3_BITS_H

#include "lib/bits.h"

/* As the queue calls them. */
#define smmu_get bits_get
#define smmu_put bits_put

/* Between memory and the CPU, in either direction. */
static inline uint64_t smmu_le64(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return __builtin_bswap64(word);
#else
	return word;
#endif
}

#endif /* IOMMUNEST_SMMUV3_BITS_H */
