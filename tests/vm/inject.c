/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "inject.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "/sys/kernel/debug/iommu/intel/"

static FILE *open_knob(const char *knob, const char *mode)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), FOLDER "inject/%s", knob);
	file = fopen(path, mode);
	if (!file) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	return file;
}

bool inject_is_there(void)
{
	return access(FOLDER "inject/refuse", F_OK) == 0;
}

static void close_knob(const char *knob, FILE *file)
{
	if (fclose(file)) {
		perror(knob);
		exit(EXIT_FAILURE);
	}
}

void inject_set(const char *knob, uint64_t value)
{
	FILE *file = open_knob(knob, "w");

	fprintf(file, "%" PRIu64 "\n", value);
	close_knob(knob, file);
}

void inject_list(const char *knob, const uint16_t *sids, size_t count)
{
	FILE *file = open_knob(knob, "w");
	size_t i;

	for (i = 0; i < count; i++)
		fprintf(file, "%s%u", i ? "," : "", (unsigned int)sids[i]);
	fprintf(file, "\n");
	close_knob(knob, file);
}

void inject_sid(const char *knob, uint16_t sid)
{
	inject_list(knob, &sid, 1);
}

uint64_t inject_get(const char *knob)
{
	FILE *file = open_knob(knob, "r");
	char line[32] = "";

	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	return strtoull(line, NULL, 0);
}

/* Not all kernels have these. */
static void set_if_there(const char *knob, uint64_t value)
{
	char path[128];

	snprintf(path, sizeof(path), FOLDER "inject/%s", knob);
	if (access(path, F_OK) == 0)
		inject_set(knob, value);
}

void inject_clear(void)
{
	static const char *const numbers[] = {
		"refuse",     "refuse_more", "refuse_wait",  "refuse_again",
		"refuse_any", "timeout",     "timeout_more", "timeout_behind",
		"delay",      "head",	     "completion",
	};
	static const char *const lists[] = { "silent_sid", "timeout_sid",
					     "reported_sid" };
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		inject_list(lists[i], NULL, 0);
	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		inject_set(numbers[i], 0);
	inject_set("reports_sid", 1);
	/* As they are at boot: a reserved type, and hardware's own reason. */
	inject_set("refuse_qw0", 0xf);
	set_if_there("reported_reason", INJECT_TRUE_REASON);
	/* Where devices are blocked. */
	set_if_there("block_delay", 0);
	set_if_there("attach_delay", 0);
}

/* "... Head: N Tail: N ...", in slots. */
unsigned int inject_tail(void)
{
	FILE *file = fopen(FOLDER "invalidation_queue", "r");
	unsigned int tail = 0;
	char line[256];
	char *at;

	if (!file) {
		perror("invalidation_queue");
		exit(EXIT_FAILURE);
	}
	while (fgets(line, sizeof(line), file)) {
		at = strstr(line, "Tail:");
		if (at) {
			tail = (unsigned int)strtoul(at + 5, NULL, 0);
			break;
		}
	}
	fclose(file);
	return tail;
}

unsigned int inject_log_lines(const char *text)
{
	static int fd = -1;
	unsigned int count = 0;
	char record[1024];
	ssize_t len;

	if (fd < 0) {
		fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		lseek(fd, 0, SEEK_END);
	}
	while ((len = read(fd, record, sizeof(record) - 1)) > 0) {
		record[len] = 0;
		count += strstr(record, text) != NULL;
	}
	return count;
}
