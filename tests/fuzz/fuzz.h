/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the fuzz targets share: the entry point, checks, and reading an input.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libFuzzer calls it, or replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property: an input that breaks it is a finding, as a crash is. */
#define fuzz_check(condition)                                      \
	do {                                                       \
		if (!(condition))                                  \
			fuzz_fail(__FILE__, __LINE__, #condition); \
	} while (0)

void fuzz_fail(const char *file, int line, const char *condition)
	__attribute__((noreturn));

/*
 * An input, read from its beginning: numbers are little-endian, and 0 after
 * its end.
 */
struct fuzz_input {
	const uint8_t *data;
	size_t left;
};

bool fuzz_more(const struct fuzz_input *in);
void fuzz_take(struct fuzz_input *in, void *to, size_t size);

uint8_t fuzz_u8(struct fuzz_input *in);
uint16_t fuzz_u16(struct fuzz_input *in);
uint32_t fuzz_u32(struct fuzz_input *in);
uint64_t fuzz_u64(struct fuzz_input *in);
bool fuzz_bool(struct fuzz_input *in);

/* A byte as 0 to @n - 1. */
unsigned int fuzz_below(struct fuzz_input *in, unsigned int n);

/*
 * 64 bits for a few bytes of input, of a kind that borders are made of: small
 * numbers, page addresses, powers of two, runs of ones; or any.
 */
uint64_t fuzz_shaped(struct fuzz_input *in);

#endif /* TESTS_FUZZ_H */
