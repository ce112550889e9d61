/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Members of JSON objects; each function but the last puts a comma first. */
#ifndef JSON_H
#define JSON_H

#include <stdint.h>
#include <stdio.h>

/* Above 2^53, which not every reader keeps exact, a string in hexadecimal. */
void json_put_number(FILE *out, const char *name, uint64_t number);

/* A string in hexadecimal. */
void json_put_hex(FILE *out, const char *name, uint64_t number);

/* Text of any bytes; NULL is null. */
void json_put_text(FILE *out, const char *name, const char *text);

/* The string alone, with its quotes. */
void json_text(FILE *out, const char *text);

#endif /* JSON_H */
