/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Does what a sanitizer is to see, until the kernel reports it: by that, the
 * tier vm-sanitizers knows that KASAN and KCSAN see what they are there for. It
 * succeeds either way, so that nothing but the report can make run.sh fail it.
 *
 * IOMMUNEST_BUG: use-after-free, by the kernel's own way to break it; or race,
 * in which a test-only knob of the driver is written while two tasks
 * invalidate, each for a device of its own, so that the driver reads it.
 * IOMMUNEST_SECONDS: for how long at most.
 */
#include "inject.h"
#include "real.h"

#include "tests/harness/support.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECONDS 300u
#define BREAK "/sys/kernel/debug/provoke-crash/DIRECT"

static struct real real[REAL_DEVICES];
static atomic_bool stop;
static atomic_uint_fast64_t calls;

static void *invalidate(void *data)
{
	struct real *on = data;
	struct iommu_hwpt_vtd_s1_invalidate one = { .addr = 0x123000,
						    .npages = 1 };
	struct iommu_hwpt_invalidate cmd;

	while (!atomic_load(&stop)) {
		cmd = conf_call(&on->env, &one, 1);
		if (conf_ioctl(&on->env, IOMMU_HWPT_INVALIDATE, &cmd)) {
			puts("an invalidation failed");
			exit(EXIT_FAILURE);
		}
		atomic_fetch_add(&calls, 1);
	}
	return NULL;
}

/* ---- The bugs ---- */

static void use_after_free(void)
{
	FILE *file = fopen(BREAK, "w");

	if (!file) {
		perror(BREAK);
		exit(EXIT_FAILURE);
	}
	fputs("READ_AFTER_FREE", file);
	fclose(file);
	usleep(100000);
}

/* The value that it has: nothing happens but that it is written. */
static void write_knob(void)
{
	inject_set("refuse", 0);
}

static uint64_t now_ms(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000 + (uint64_t)at.tv_nsec / 1000000;
}

static const struct bug {
	const char *name;
	/* Again and again. */
	void (*run)(void);
	/* A part of the title of its report. */
	const char *title;
} bugs[] = {
	{ "use-after-free", use_after_free,
	  "KASAN: slab-use-after-free in lkdtm_READ_AFTER_FREE" },
	{ "race", write_knob, "KCSAN: data-race in debugfs_u32_set / qi_" },
};

static bool is_reported(const struct bug *bug)
{
	const uint64_t end =
		now_ms() + 1000 * support_number("IOMMUNEST_SECONDS", SECONDS);

	inject_log_lines("");
	while (now_ms() < end) {
		bug->run();
		if (inject_log_lines(bug->title))
			return true;
	}
	return false;
}

static void run(const struct bug *bug)
{
	pthread_t thread[REAL_DEVICES];
	const uint64_t start = now_ms();
	bool reported;
	unsigned int i;

	for (i = 0; i < REAL_DEVICES; i++)
		pthread_create(&thread[i], NULL, invalidate, &real[i]);
	reported = is_reported(bug);
	atomic_store(&stop, true);
	for (i = 0; i < REAL_DEVICES; i++)
		pthread_join(thread[i], NULL);
	printf("%s: %s after %" PRIu64 " invalidations, %" PRIu64 " ms\n",
	       bug->name, reported ? "reported" : "not reported",
	       (uint64_t)atomic_load(&calls), now_ms() - start);
}

static const struct bug *find_bug(const char *name)
{
	size_t i;

	for (i = 0; name && i < ARRAY_LEN(bugs); i++) {
		if (!strcmp(bugs[i].name, name))
			return &bugs[i];
	}
	return NULL;
}

int main(void)
{
	const struct bug *bug = find_bug(getenv("IOMMUNEST_BUG"));
	unsigned int i;
	int ret;

	if (!bug || !inject_is_there()) {
		puts("no bug is named, or the kernel has no knobs");
		return EXIT_FAILURE;
	}
	for (i = 0; i < REAL_DEVICES; i++) {
		ret = real_open(&real[i], i, NULL);
		if (!ret)
			ret = real_populate(&real[i]);
		if (ret) {
			printf("no environment: %s\n", strerror(-ret));
			return EXIT_FAILURE;
		}
	}
	run(bug);
	for (i = 0; i < REAL_DEVICES; i++)
		real_close(&real[i]);
	return EXIT_SUCCESS;
}
