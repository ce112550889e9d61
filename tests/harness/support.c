/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/support.h"

/* For a machine that is busy, and a build with sanitizers. */
#define TIMEOUT_SECONDS 120.0

int support_run(const char *name, const struct support_test *tests,
		size_t count)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int failed;
	size_t i;

	tcase_set_timeout(tcase, TIMEOUT_SECONDS);
	for (i = 0; i < count; i++)
		tcase_add_loop_test(tcase, *tests[i].test, 0, tests[i].loops);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

void *support_sized(const void *from, size_t from_size, size_t size)
{
	unsigned char *copy = calloc(1, size);

	ck_assert_ptr_nonnull(copy);
	ck_assert(size >= sizeof(size));
	memcpy(copy, from, from_size < size ? from_size : size);
	memcpy(copy, &size, sizeof(size));
	return copy;
}

/* ---- Random numbers: splitmix64 ---- */

static uint64_t fresh_seed(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec +
	       ((uint64_t)getpid() << 40);
}

void support_rng_start(struct support_rng *rng, const char *name)
{
	const char *given = getenv("IOMMUNEST_TEST_SEED");

	rng->seed = given ? strtoull(given, NULL, 0) : fresh_seed();
	rng->state = rng->seed;
	printf("%s: IOMMUNEST_TEST_SEED=%#llx\n", name,
	       (unsigned long long)rng->seed);
	fflush(stdout);
}

uint64_t support_rng_next(struct support_rng *rng)
{
	uint64_t mixed;

	rng->state += UINT64_C(0x9e3779b97f4a7c15);
	mixed = rng->state;
	mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ (mixed >> 31);
}

uint32_t support_rng_below(struct support_rng *rng, uint32_t n)
{
	return (uint32_t)((support_rng_next(rng) >> 32) * n >> 32);
}

/* ---- Choices ---- */

uint32_t support_choose(struct support_choices *choices, uint32_t n)
{
	uint32_t at = choices->made;

	if (at >= choices->limit)
		return 0;
	choices->made++;
	if (choices->rng)
		return support_rng_below(choices->rng, n);
	ck_assert(at < SUPPORT_CHOICES_MAX);
	choices->out_of[at] = n;
	return choices->taken[at];
}

bool support_next_path(struct support_choices *choices)
{
	uint32_t at = choices->made;

	choices->made = 0;
	while (at--) {
		if (++choices->taken[at] < choices->out_of[at])
			return true;
		choices->taken[at] = 0;
	}
	return false;
}

const char *support_path(const struct support_choices *choices)
{
	static char path[16 * SUPPORT_CHOICES_MAX];
	int len = 0;
	uint32_t i;

	if (choices->rng) {
		snprintf(path, sizeof(path), "again: IOMMUNEST_TEST_SEED=%#llx",
			 (unsigned long long)choices->rng->seed);
		return path;
	}
	for (i = 0; i < choices->made; i++)
		len += snprintf(path + len, sizeof(path) - (size_t)len, " %u",
				choices->taken[i]);
	return path;
}
