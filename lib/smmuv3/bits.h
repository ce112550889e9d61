/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Fields of 64-bit words.  A field is the mask of its bits, in place.  All that
 * is in memory is little-endian: commands, stream table entries, events.
 */
#ifndef IOMMUNEST_SMMUV3_BITS_H
#define IOMMUNEST_SMMUV3_BITS_H

#include <stdint.h>

#define BITS(high, low) \
	((~UINT64_C(0) >> (63 - (high))) & ~UINT64_C(0) << (low))
#define BIT(n) BITS(n, n)

/* The value of a field. */
static inline uint64_t smmu_get(uint64_t word, uint64_t field)
{
	return (word & field) >> __builtin_ctzll(field);
}

/* The bits of a field that holds @value; what does not fit is cut off. */
static inline uint64_t smmu_put(uint64_t value, uint64_t field)
{
	return value << __builtin_ctzll(field) & field;
}

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
