/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What all tests share: the runner, random numbers, choices, growing structs.
 */
#ifndef TESTS_HARNESS_SUPPORT_H
#define TESTS_HARNESS_SUPPORT_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* The size of a struct that ends with the member. */
#define SIZE_TO(type, member) \
	(offsetof(type, member) + sizeof(((type *)NULL)->member))

/*
 * A test:
 *
 *	TEST(what_it_claims)
 *	{
 *		ck_assert(...);
 *	}
 *
 * To write it is to register it.  TEST_LOOP() runs it @loops times, with _i
 * from 0; TEST_RANGE() with _i from @first to @end - 1.  What is not a constant
 * there is evaluated before main().
 */
#define TEST(name_) TEST_RANGE(name_, 0, 1)
#define TEST_LOOP(name_, loops_) TEST_RANGE(name_, 0, loops_)
#define TEST_RANGE(name_, first_, end_)                                \
	static void name_(int _i);                                     \
	__attribute__((constructor)) static void name_##_row(void)     \
	{                                                              \
		static struct support_test row = {                     \
			.test = { #name_, name_, __FILE__, __LINE__ }, \
		};                                                     \
                                                                       \
		row.first = (int)(first_);                             \
		row.end = (int)(end_);                                 \
		support_add(&row);                                     \
	}                                                              \
	static void name_(int _i CK_ATTRIBUTE_UNUSED)

/* What each test of this file begins and ends with; either may be NULL. */
#define FIXTURE(setup_, teardown_)                                  \
	__attribute__((constructor)) static void file_fixture(void) \
	{                                                           \
		static struct support_fixture fixture = {           \
			.file = __FILE__,                           \
			.setup = (setup_),                          \
			.teardown = (teardown_),                    \
		};                                                  \
                                                                    \
		support_add_fixture(&fixture);                      \
	}                                                           \
	struct support_fixture

struct support_test {
	TTest test;
	/* What it is shown with; empty: the name of its file. */
	char group[48];
	int first;
	int end;
	struct support_test *next;
};

struct support_fixture {
	const char *file;
	void (*setup)(void);
	void (*teardown)(void);
	struct support_fixture *next;
};

/* For tests whose names are known at run time only.  The row has to stay. */
void support_add(struct support_test *row);
void support_add_fixture(struct support_fixture *fixture);

/*
 * Runs them, each in a process of its own, and returns what main() returns.
 * Arguments name the tests to run, or their groups; "NAME:LOOP" is one loop of
 * a test.  Without any, IOMMUNEST_TEST is one, and without that, all run.
 * A program without a main() of its own has one that does just this.
 */
int support_run(int argc, char **argv);

/*
 * A copy on the heap, of exactly @size bytes, so that a sanitizer sees a step
 * beyond them; its first member is @size.  It is @from's @from_size bytes, cut
 * short, or with zeros after them.  The caller frees it.
 */
void *support_sized(const void *from, size_t from_size, size_t size);

/* A number in the environment; @otherwise where there is none. */
uint64_t support_number(const char *name, uint64_t otherwise);

/* The seed of whatever is random in any test. */
#define SUPPORT_SEED "IOMMUNEST_TEST_SEED"

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
			ck_abort_msg("%s; again: " SUPPORT_SEED "=%#llx",     \
				     #expr, (unsigned long long)(rng)->seed); \
	} while (0)

/*
 * Choices: random ones, or all there are, one path of them after the other.
 * After @limit choices, each one is 0, so that a path ends.
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

#endif /* TESTS_HARNESS_SUPPORT_H */
