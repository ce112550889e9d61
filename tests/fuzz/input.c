/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

void fuzz_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: not true: %s\n", file, line, condition);
	abort();
}

bool fuzz_more(const struct fuzz_input *in)
{
	return in->left;
}

void fuzz_take(struct fuzz_input *in, void *to, size_t size)
{
	size_t there = size < in->left ? size : in->left;

	if (there)
		memcpy(to, in->data, there);
	memset((unsigned char *)to + there, 0, size - there);
	in->data += there;
	in->left -= there;
}

static uint64_t number(struct fuzz_input *in, unsigned int bytes)
{
	uint8_t raw[8];
	uint64_t value = 0;

	fuzz_take(in, raw, bytes);
	while (bytes--)
		value = value << 8 | raw[bytes];
	return value;
}

uint8_t fuzz_u8(struct fuzz_input *in)
{
	return (uint8_t)number(in, 1);
}

uint16_t fuzz_u16(struct fuzz_input *in)
{
	return (uint16_t)number(in, 2);
}

uint32_t fuzz_u32(struct fuzz_input *in)
{
	return (uint32_t)number(in, 4);
}

uint64_t fuzz_u64(struct fuzz_input *in)
{
	return number(in, 8);
}

bool fuzz_bool(struct fuzz_input *in)
{
	return fuzz_u8(in) & 1;
}

unsigned int fuzz_below(struct fuzz_input *in, unsigned int n)
{
	return fuzz_u8(in) % n;
}

uint64_t fuzz_shaped(struct fuzz_input *in)
{
	uint8_t shape = fuzz_u8(in);
	unsigned int bit = shape >> 2 & 63;

	switch (shape & 3) {
	case 0:
		return fuzz_u8(in);
	case 1:
		return (uint64_t)fuzz_u8(in) << bit;
	case 2:
		return ~UINT64_C(0) << bit ^ fuzz_u8(in);
	default:
		return fuzz_u64(in);
	}
}
