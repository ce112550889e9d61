/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cases of tests/conformance, against the kernel that runs. */
#include "real.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Opened once: closing a device resets it, which takes a second. */
static struct real real[REAL_DEVICES];

static void hold(const struct conf_case *c, struct real *on)
{
	bool ok = c->run(&on->env);

	ck_assert_msg(ok, "%s: %s", c->name, on->env.why);
	/* This environment can do all. */
	ck_assert_msg(!on->env.skipped, "%s: skipped: %s", c->name,
		      on->env.why);
}

START_TEST(holds)
{
	size_t cases = conf_count();

	hold(conf_get((size_t)_i % cases), &real[(size_t)_i / cases]);
}
END_TEST

static void add(SRunner *runner, unsigned int device)
{
	Suite *suite = suite_create(device ? "with ATS" : "without ATS");
	size_t first = device * conf_count();
	size_t i;

	for (i = 0; i < conf_count(); i++) {
		TCase *tcase = tcase_create(conf_get(i)->name);

		tcase_add_loop_test(tcase, holds, (int)(first + i),
				    (int)(first + i + 1));
		suite_add_tcase(suite, tcase);
	}
	srunner_add_suite(runner, suite);
}

static int open_devices(struct trace *trace)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < REAL_DEVICES && !ret; i++) {
		ret = real_open(&real[i], i, trace);
		if (!ret)
			ret = real_populate(&real[i]);
	}
	return ret;
}

int main(void)
{
	SRunner *runner = srunner_create(NULL);
	struct trace *trace = trace_open(256);
	unsigned int i;
	int ret;

	if (!trace) {
		printf("no trace events of a VT-d: %s\n", strerror(errno));
		return 77;
	}
	ret = open_devices(trace);
	if (ret) {
		printf("no environment: %s\n", strerror(-ret));
		return EXIT_FAILURE;
	}
	for (i = 0; i < REAL_DEVICES; i++)
		add(runner, i);
	srunner_run_all(runner, CK_ENV);
	ret = srunner_ntests_failed(runner);
	srunner_free(runner);
	for (i = 0; i < REAL_DEVICES; i++)
		real_close(&real[i]);
	trace_close(trace);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
