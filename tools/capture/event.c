/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* QEMU's trace, as its log has it: a line. */
#include <stdlib.h>
#include <string.h>

#include "tools/capture/make.h"

/*
 * The words of each event, from QEMU's hw/i386/trace-events and
 * hw/arm/trace-events; 7.2, 10.0 and 11.1 have the same.  "#" is a number, "*"
 * a word.  The log backend puts the event's name before its words.
 */
static const struct form {
	const char *name;
	const char *words;
	enum event_kind kind;
} forms[] = {
	{ "vtd_reg_write", " addr # size # value #", EVENT_REGISTER },
	{ "vtd_inv_qi_enable", " enabled #", EVENT_ENABLE },
	{ "vtd_inv_qi_setup", " addr # size #", EVENT_SETUP },
	{ "vtd_inv_qi_tail", " write tail #", EVENT_TAIL },
	{ "vtd_inv_qi_head", " read head #", EVENT_HEAD },
	{ "vtd_inv_desc", " invalidate desc type * high # low #", EVENT_DESC },
	{ "smmuv3_write_mmio", " addr: # val:# size: #(#)", EVENT_SMMU },
};

static const char *skip_digits(const char *text)
{
	return text + strspn(text, "0123456789");
}

/* "-msg timestamp=on" puts "PID@SECONDS.MICROSECONDS:" before the name. */
static const char *skip_time(const char *line)
{
	const char *text = skip_digits(line);

	if (text == line || *text != '@')
		return line;
	text = skip_digits(text + 1);
	if (*text != '.')
		return line;
	text = skip_digits(text + 1);
	return *text == ':' ? text + 1 : line;
}

static size_t word_length(const char *text)
{
	return strcspn(text, " \t");
}

/* Brackets may be around a number, without a blank. */
static size_t number_length(const char *text)
{
	return strcspn(text, " \t()");
}

static const char *take_number(const char *text, uint64_t *value)
{
	size_t length = number_length(text);
	char word[32];

	if (length >= sizeof(word))
		return NULL;
	memcpy(word, text, length);
	word[length] = '\0';
	return arg_number(word, 0, UINT64_MAX, value) ? text + length : NULL;
}

/* The events print no more numbers than there is room for. */
static bool match(const char *text, const char *words, uint64_t *values)
{
	for (; text && *words; words++) {
		if (*words == '#')
			text = take_number(text, values++);
		else if (*words == '*')
			text += word_length(text);
		else if (*words == *text)
			text++;
		else
			return false;
	}
	return text && !*text;
}

void event_parse(struct event *event, const char *line)
{
	const char *text = skip_time(line);
	size_t length = word_length(text);
	size_t i;

	*event = (struct event){ .kind = EVENT_OTHER };
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strlen(forms[i].name) != length ||
		    memcmp(forms[i].name, text, length) != 0)
			continue;
		event->kind =
			match(text + length, forms[i].words, event->values)
				? forms[i].kind
				: EVENT_MALFORMED;
	}
}
