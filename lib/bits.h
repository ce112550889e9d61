/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Fields of 64-bit words and registers.  A field is the mask of its bits, in
 * place: BITS(5, 4) is the field that a specification calls "5:4".
 */
#ifndef IOMMUNEST_BITS_H
#define IOMMUNEST_BITS_H

#include <stdint.h>

#define BITS(high, low) \
	((~UINT64_C(0) >> (63 - (high))) & ~UINT64_C(0) << (low))
#define BIT(n) BITS(n, n)

/* The value of a field. */
static inline uint64_t bits_get(uint64_t word, uint64_t field)
{
	return (word & field) >> __builtin_ctzll(field);
}

/* The bits of a field that holds @value; what does not fit is cut off. */
static inline uint64_t bits_put(uint64_t value, uint64_t field)
{
	return value << __builtin_ctzll(field) & field;
}

#endif /* IOMMUNEST_BITS_H */
