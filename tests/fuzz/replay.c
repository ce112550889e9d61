/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A target without libFuzzer: runs the files, and those in the folders, that
 * are its arguments, for compilers that have no libFuzzer and for valgrind.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX (1u << 20)

#ifndef HAVE_LIBFUZZER

static unsigned long runs;

static int complain(const char *path, int error)
{
	fprintf(stderr, "%s: %s\n", path, strerror(error));
	return 1;
}

/* A copy of just its size, so that a step beyond it shows. */
static void run(const unsigned char *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, bytes, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	runs++;
}

static int run_file(const char *path)
{
	static unsigned char bytes[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	int error = 0;
	size_t size;

	if (!file)
		return complain(path, errno);
	size = fread(bytes, 1, sizeof(bytes), file);
	if (ferror(file))
		error = errno;
	fclose(file);
	if (error)
		return complain(path, error);
	run(bytes, size);
	return 0;
}

static int run_folder(const char *path, DIR *folder)
{
	const struct dirent *entry;
	char name[4096];
	int ret = 0;

	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		ret |= run_file(name);
	}
	return ret;
}

int main(int argc, char **argv)
{
	int ret = 0;
	int i;

	for (i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);

		if (!folder) {
			ret |= run_file(argv[i]);
			continue;
		}
		ret |= run_folder(argv[i], folder);
		closedir(folder);
	}
	printf("%lu inputs\n", runs);
	return ret || !runs;
}

#else

/* libFuzzer has a main of its own, and ISO C no empty file. */
typedef int replay_is_not_needed;

#endif
