/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the tools share: arguments, messages, exit statuses. */
/* A file may be guest memory. */
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tool.h"

/* The kernel's MAX_ERRNO. */
#define ERRNO_MAX 4095

/* Only glibc can name a number, and no C library the reverse. */
static const struct {
	const char *name;
	int number;
} errors[] = {
#define ERROR(number_) { .name = #number_, .number = (number_) },
#include "tools/tool-errors.h"
#undef ERROR
};

static const char *tool_name = "";

void tool_set_name(const char *name, char *argv[])
{
	tool_name = name;
	/* getopt_long() only reads it. */
	argv[0] = (char *)(uintptr_t)name;
}

void tool_print_version(void)
{
	printf("%s %d.%d.%d (libiommunest %s)\n", tool_name,
	       IOMMUNEST_VERSION_MAJOR, IOMMUNEST_VERSION_MINOR,
	       IOMMUNEST_VERSION_PATCH, iommunest_version());
}

int tool_usage(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", tool_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nTry %s --help.\n", tool_name);
	return EXIT_USAGE;
}

int tool_fail(const char *what, int error)
{
	fprintf(stderr, "%s: cannot %s: %s\n", tool_name, what,
		strerror(-error));
	return EXIT_FAILED;
}

int tool_open(const char *path, FILE **in, const char **name)
{
	*in = stdin;
	*name = "<stdin>";
	if (!strcmp(path, "-"))
		return -1;
	*name = path;
	*in = fopen(path, "r");
	if (*in)
		return -1;
	fprintf(stderr, "%s: %s: %s\n", tool_name, path, strerror(errno));
	return EXIT_USAGE;
}

int tool_finish(int status)
{
	int error = fflush(stdout) ? errno : 0;

	if (!error && !ferror(stdout))
		return status;
	tool_fail("write to standard output", error ? -error : -EIO);
	return status == EXIT_DONE ? EXIT_FAILED : status;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool arg_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	unsigned long long number;
	char *end;

	/* strtoull() also takes a sign and leading blanks. */
	if (!is_digit(text[0]))
		return false;
	errno = 0;
	number = strtoull(text, &end, 0);
	if (errno || *end || number < min || number > max)
		return false;
	*value = number;
	return true;
}

static int errno_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!strcmp(name, errors[i].name))
			return errors[i].number;
	return 0;
}

static bool arg_errno(const char *text, int32_t *error)
{
	uint64_t number;

	if (!is_digit(text[0]))
		number = (uint64_t)errno_by_name(text);
	else if (!arg_number(text, 1, ERRNO_MAX, &number))
		return false;
	if (!number)
		return false;
	*error = -(int32_t)number;
	return true;
}

static bool arg_fault(const char *text, uint32_t kind,
		      struct iommunest_sim_fault *fault)
{
	const char *colon = strchr(text, ':');
	char count[32];
	uint64_t nth;
	int32_t error;

	if (!colon || (size_t)(colon - text) >= sizeof(count))
		return false;
	memcpy(count, text, (size_t)(colon - text));
	count[colon - text] = '\0';
	if (!arg_number(count, 1, UINT64_MAX, &nth) ||
	    !arg_errno(colon + 1, &error))
		return false;
	*fault = (struct iommunest_sim_fault){
		.size = sizeof(*fault),
		.kind = kind,
		.error = error,
		.nth = nth,
	};
	return true;
}

int tool_add_fault(struct tool_faults *faults, uint32_t kind, const char *text)
{
	if (faults->count == TOOL_FAULTS_MAX)
		return tool_usage("more than %d --fail and --fail-entry",
				  TOOL_FAULTS_MAX);
	if (!arg_fault(text, kind, &faults->list[faults->count]))
		return tool_usage(
			"\"%s\" is not N:ERRNO with N from 1, as 3:EIO", text);
	faults->count++;
	return -1;
}

int tool_inject(struct iommunest_sim *sim, const struct tool_faults *faults)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < faults->count; i++)
		ret = iommunest_sim_inject(sim, &faults->list[i]);
	return ret;
}

bool arg_policy(const char *text, uint32_t *policy)
{
	if (!strcmp(text, "stop"))
		*policy = IOMMUNEST_POLICY_STOP;
	else if (!strcmp(text, "skip"))
		*policy = IOMMUNEST_POLICY_SKIP;
	else if (!strcmp(text, "flush"))
		*policy = IOMMUNEST_POLICY_FLUSH_ALL;
	else
		return false;
	return true;
}

bool arg_profile(const char *text, uint32_t *profile)
{
	if (!strcmp(text, "6.12"))
		*profile = IOMMUNEST_SIM_LINUX_6_12;
	else if (!strcmp(text, "6.18"))
		*profile = IOMMUNEST_SIM_LINUX_6_18;
	else if (!strcmp(text, "7.3"))
		*profile = IOMMUNEST_SIM_LINUX_7_3;
	else
		return false;
	return true;
}

bool arg_smmuv3_profile(const char *text, uint32_t *profile)
{
	if (!strcmp(text, "7.3"))
		*profile = IOMMUNEST_SIM_SMMUV3_7_3;
	else if (!strcmp(text, "reworked"))
		*profile = IOMMUNEST_SIM_SMMUV3_REWORKED;
	else if (!strcmp(text, "patched"))
		*profile = IOMMUNEST_SIM_SMMUV3_7_3_PATCHED;
	else
		return false;
	return true;
}
