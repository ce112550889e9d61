/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests share: a main, random numbers, choices, structs that grow. */
#ifndef TESTS_UNIT_SUPPORT_H
#define TESTS_UNIT_SUPPORT_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* The size of a struct that ends with the member. */
#define SIZE_TO(type, member) \
	(offsetof(type, member) + sizeof(((type *)NULL)->member))

struct support_test {
	/* START_TEST() makes a variable. */
	const TTest *const *test;
	/* How often it runs, _i counting from 0. */
	int loops;
};

#define TEST(name_)                          \
	{                                    \
		.test = &(name_), .loops = 1 \
	}
#define TEST_LOOP(name_, loops_)                    \
	{                                           \
		.test = &(name_), .loops = (loops_) \
	}

/* Runs them, each in a process of its own; what main() returns. */
int support_run(const char *name, const struct support_test *tests,
		size_t count);

/*
 * A copy on the heap, of exactly @size bytes, so that a sanitizer sees a step
 * beyond them; its first member is @size.  It is @from's @from_size bytes, cut
 * short, or with zeros behind.  The caller frees it.
 */
void *support_sized(const void *from, size_t from_size, size_t size);

/*
 * Random numbers.  IOMMUNEST_TEST_SEED=number in the environment runs again
 * what failed; otherwise each run has a seed of its own, and prints it.
 */
struct support_rng {
	uint64_t seed;
	uint64_t state;
};

void support_rng_start(struct support_rng *rng, const char *name);
uint64_t support_rng_next(struct support_rng *rng);
/* 0 to @n - 1. */
uint32_t support_rng_below(struct support_rng *rng, uint32_t n);

/*
 * An assertion that says how to see it fail again; and that is made so often
 * that libcheck's own, which note each place they come by, would be slow.
 */
#define support_assert(rng, expr)                                             \
	do {                                                                  \
		if (!(expr))                                                  \
			ck_abort_msg("%s; again: IOMMUNEST_TEST_SEED=%#llx",  \
				     #expr, (unsigned long long)(rng)->seed); \
	} while (0)

/*
 * Choices: random ones, or all there are, one path of them after the other.
 * Behind @limit choices, each one is 0, so that a path ends.
 */
#define SUPPORT_CHOICES_MAX 16u

struct support_choices {
	/* NULL: all there are. */
	struct support_rng *rng;
	uint32_t limit;
	uint32_t made;
	uint32_t taken[SUPPORT_CHOICES_MAX];
	uint32_t out_of[SUPPORT_CHOICES_MAX];
};

/* 0 to @n - 1. */
uint32_t support_choose(struct support_choices *choices, uint32_t n);
/* To the next path; false where there is none.  Only without a rng. */
bool support_next_path(struct support_choices *choices);
/* How to see the same again, for a message.  Static. */
const char *support_path(const struct support_choices *choices);

#endif /* TESTS_UNIT_SUPPORT_H */
