/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <inttypes.h>

#include "tools/json.h"

/* Every reader of JSON keeps numbers up to this one exact. */
#define NUMBER_MAX (UINT64_C(1) << 53)

void json_put_number(FILE *out, const char *name, uint64_t number)
{
	if (number > NUMBER_MAX)
		json_put_hex(out, name, number);
	else
		fprintf(out, ",\"%s\":%" PRIu64, name, number);
}

void json_put_hex(FILE *out, const char *name, uint64_t number)
{
	fprintf(out, ",\"%s\":\"0x%" PRIx64 "\"", name, number);
}

/* What is not ASCII may not be UTF-8 either: each byte is a character. */
void json_text(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ' || c > '~')
			fprintf(out, "\\u%04x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

void json_put_text(FILE *out, const char *name, const char *text)
{
	fprintf(out, ",\"%s\":", name);
	if (text)
		json_text(out, text);
	else
		fputs("null", out);
}
