/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/support.h"

/* For a machine that is busy, and a build with sanitizers. */
#define TIMEOUT_SECONDS 300.0

/* ---- The runner ---- */

static struct support_test *tests;
static struct support_fixture *fixtures;

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void support_add(struct support_test *row)
{
	const char *base = base_of(row->test.file);
	struct support_test **at = &tests;

	/* "tests/queue/test-ring.c" is the group "test-ring". */
	if (!row->group[0])
		snprintf(row->group, sizeof(row->group), "%.*s",
			 (int)strcspn(base, "."), base);
	while (*at)
		at = &(*at)->next;
	*at = row;
}

void support_add_fixture(struct support_fixture *fixture)
{
	fixture->next = fixtures;
	fixtures = fixture;
}

/* The length of a name that may be followed by ":LOOP". */
static size_t name_length(const char *name)
{
	return strcspn(name, ":");
}

static bool is_called(const char *what, const char *name)
{
	return strlen(what) == name_length(name) &&
	       !strncmp(what, name, name_length(name));
}

static bool is_wanted(const struct support_test *row, const char *name)
{
	return is_called(row->test.name, name) || !strcmp(row->group, name);
}

/* Each argument names something. */
static bool names_are_known(int argc, char **argv)
{
	const struct support_test *row;
	int i;

	for (i = 1; i < argc; i++) {
		for (row = tests; row && !is_wanted(row, argv[i]);)
			row = row->next;
		if (row)
			continue;
		fprintf(stderr, "no test and no group is called '%s'\n",
			argv[i]);
		return false;
	}
	return true;
}

/* Adds what is wanted of a test: all its loops, or one. */
static void add_loops(TCase *tcase, const struct support_test *row,
		      const char *name)
{
	int first = row->first, end = row->end;

	if (name && name[name_length(name)]) {
		first = atoi(name + name_length(name) + 1);
		end = first < end ? first + 1 : first;
	}
	tcase_add_loop_test(tcase, &row->test, first, end);
}

static bool is_chosen(const struct support_test *row, int argc, char **argv,
		      const char **name)
{
	int i;

	for (i = 1; i < argc && !is_wanted(row, argv[i]);)
		i++;
	*name = argv[i];
	return argc < 2 || i < argc;
}

static TCase *new_group(Suite *suite, const struct support_test *row)
{
	const struct support_fixture *fixture = fixtures;
	TCase *tcase = tcase_create(row->group);

	tcase_set_timeout(tcase, TIMEOUT_SECONDS);
	for (; fixture; fixture = fixture->next) {
		if (!strcmp(fixture->file, row->test.file))
			tcase_add_checked_fixture(tcase, fixture->setup,
						  fixture->teardown);
	}
	suite_add_tcase(suite, tcase);
	return tcase;
}

static Suite *make_suite(int argc, char **argv)
{
	Suite *suite = suite_create(base_of(argv[0]));
	const struct support_test *row;
	const char *group = "", *name;
	TCase *tcase = NULL;

	for (row = tests; row; row = row->next) {
		if (!is_chosen(row, argc, argv, &name))
			continue;
		if (strcmp(row->group, group))
			tcase = new_group(suite, row);
		group = row->group;
		add_loops(tcase, row, name);
	}
	return suite;
}

int support_run(int argc, char **argv)
{
	char *only[] = { argv[0], getenv("IOMMUNEST_TEST"), NULL };
	SRunner *runner;
	int failed, ran;

	if (argc < 2 && only[1]) {
		argv = only;
		argc = 2;
	}
	if (!names_are_known(argc, argv))
		return EXIT_FAILURE;
	runner = srunner_create(make_suite(argc, argv));
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	ran = srunner_ntests_run(runner);
	srunner_free(runner);
	return failed || !ran ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- Structs that grow ---- */

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

uint64_t support_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static uint64_t fresh_seed(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec +
	       ((uint64_t)getpid() << 40);
}

void support_rng_start(struct support_rng *rng, const char *name)
{
	rng->seed = support_number(SUPPORT_SEED, fresh_seed());
	rng->state = rng->seed;
	printf("%s: " SUPPORT_SEED "=%#llx\n", name,
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
		snprintf(path, sizeof(path), "again: " SUPPORT_SEED "=%#llx",
			 (unsigned long long)choices->rng->seed);
		return path;
	}
	for (i = 0; i < choices->made; i++)
		len += snprintf(path + len, sizeof(path) - (size_t)len, " %u",
				choices->taken[i]);
	return path;
}
