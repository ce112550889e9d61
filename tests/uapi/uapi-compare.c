/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Holds the library's own declarations of the ABI against the kernel's: each
 * number, and each struct's members, their sizes and offsets.  Also that
 * nothing is declared without being compared, which needs no real header.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/uapi/uapi-table.h"

#define EXIT_SKIPPED 77
#define NAME_MAX_LEN 64

TEST_LOOP(own_declaration_is_the_kernels, uapi_real.count)
{
	const struct uapi_row *own = &uapi_own.rows[_i];
	const struct uapi_row *real = &uapi_real.rows[_i];

	ck_assert_str_eq(own->name, real->name);
	ck_assert_msg(own->value == real->value,
		      "%s: %#llx, the kernel's %#llx", own->name, own->value,
		      real->value);
	ck_assert_msg(own->size == real->size,
		      "%s: %zu bytes, the kernel's %zu", own->name, own->size,
		      real->size);
}

static bool is_struct(const struct uapi_row *row)
{
	return !strncmp(row->name, "struct ", 7) && !strchr(row->name, '.');
}

static bool is_member(const struct uapi_row *row, const struct uapi_row *of)
{
	size_t len = strlen(of->name);

	return !strncmp(row->name, of->name, len) && row->name[len] == '.';
}

/* A member that has no row would leave a gap. */
TEST(members_fill_their_struct)
{
	const struct uapi_row *end = uapi_own.rows + uapi_own.count;
	const struct uapi_row *row = uapi_own.rows;
	const struct uapi_row *of;
	size_t filled;

	while (row < end) {
		of = row++;
		if (!is_struct(of))
			continue;
		for (filled = 0; row < end && is_member(row, of); row++) {
			ck_assert_msg(row->value == filled,
				      "%s is at %llu, and before it ends %zu",
				      row->name, row->value, filled);
			filled += row->size;
		}
		ck_assert_msg(filled == of->size, "%s: %zu bytes, members %zu",
			      of->name, of->size, filled);
	}
}

static bool has_row(const char *name)
{
	size_t i;

	for (i = 0; i < uapi_own.count; i++) {
		if (!strcmp(uapi_own.rows[i].name, name))
			return true;
	}
	return false;
}

static FILE *open_own_header(const char *header)
{
	const char *top = getenv("top_srcdir");
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", top ? top : ".", header);
	file = fopen(path, "r");
	ck_assert_msg(file != NULL, "%s: cannot be read", path);
	return file;
}

/* The name that a line declares: "struct x" or a constant, or nothing. */
static bool declared_name(const char *line, char name[NAME_MAX_LEN])
{
	char tag[NAME_MAX_LEN - sizeof("struct ")];

	if (sscanf(line, "struct %50[a-z0-9_] {", tag) == 1) {
		snprintf(name, NAME_MAX_LEN, "struct %s", tag);
		return true;
	}
	return (sscanf(line, "#define %63[A-Z0-9_]", name) == 1 ||
		sscanf(line, "\t%63[A-Z0-9_] =", name) == 1) &&
	       !strncmp(name, "IOMMU", 5);
}

/* Of the guards around a header. */
static bool is_guard(const char *name)
{
	size_t len = strlen(name);

	return !strncmp(name, "IOMMUNEST_", 10) &&
	       !strcmp(name + len - 2, "_H");
}

TEST_LOOP(each_declaration_is_compared, ARRAY_LEN(uapi_own.headers))
{
	FILE *header = open_own_header(uapi_own.headers[_i]);
	size_t found = 0;
	char line[256];
	char name[NAME_MAX_LEN];

	while (fgets(line, sizeof(line), header)) {
		if (!declared_name(line, name) || is_guard(name))
			continue;
		found++;
		ck_assert_msg(has_row(name), "%s has no row", name);
	}
	fclose(header);
	/* Constants and structs; the other rows are members. */
	ck_assert_uint_ge(found, _i == 0 ? 40 : 4);
}

int main(int argc, char **argv)
{
	int ret = support_run(argc, argv);

	if (ret || uapi_real.count)
		return ret;
	puts("configure found no usable <linux/iommufd.h> to compare with");
	return EXIT_SKIPPED;
}
