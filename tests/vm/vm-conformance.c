/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The cases of tests/conformance, against the kernel that runs. */
#include "real.h"

#include "tests/harness/support.h"

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

static void hold_nth(int _i)
{
	size_t cases = conf_count(conf_vtd);

	hold(conf_get(conf_vtd, (size_t)_i % cases), &real[(size_t)_i / cases]);
}

static const char *device_name(size_t device)
{
	return device ? "with ATS" : "without ATS";
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

int main(int argc, char **argv)
{
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
	ret = conf_run(argc, argv, conf_vtd, device_name, REAL_DEVICES,
		       hold_nth);
	for (i = 0; i < REAL_DEVICES; i++)
		real_close(&real[i]);
	trace_close(trace);
	return ret;
}
