/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A command as text.  Which fields a command has is known to the library, and
 * asked there: it prints those.
 */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "tools/inval/inval.h"

#define TEXT_MAX 256
#define TOKENS_MAX 32
#define OPCODES 256u

struct field {
	const char *name;
	/* A member, in bytes; without a width, a flag. */
	size_t offset;
	size_t width;
	uint32_t flag;
};

/* clang-format off */
#define MEMBER(name_, member) \
	{ name_, offsetof(struct iommunest_smmuv3_cmd, member), \
	  sizeof(((struct iommunest_smmuv3_cmd *)NULL)->member), 0 }
#define FLAG(name_, which) { name_, 0, 0, IOMMUNEST_SMMUV3_CMD_##which }

static const struct field fields[] = {
	MEMBER("sid", sid),
	FLAG("ssv", SSV),
	MEMBER("ssid", ssid),
	FLAG("global", GLOBAL),
	MEMBER("vmid", vmid),
	MEMBER("asid", asid),
	MEMBER("addr", addr),
	MEMBER("num", num),
	MEMBER("scale", scale),
	MEMBER("tg", tg),
	MEMBER("ttl", ttl),
	FLAG("leaf", LEAF),
	MEMBER("range", log2),
	MEMBER("size", log2),
	MEMBER("stride", stride),
	MEMBER("prgi", tag),
	MEMBER("response", response),
	MEMBER("stag", tag),
	FLAG("retry", RETRY),
	FLAG("abort", ABORT),
	MEMBER("signal", signal),
	MEMBER("msh", msi_share),
	MEMBER("attr", msi_attr),
	MEMBER("data", msi_data),
	FLAG("ssec", SSEC),
};
/* clang-format on */

struct tokens {
	char text[TEXT_MAX];
	char *list[TOKENS_MAX];
	unsigned int count;
};

static bool split(struct tokens *tokens, const char *text)
{
	char *save, *token;

	tokens->count = 0;
	if (strlen(text) >= sizeof(tokens->text))
		return false;
	strcpy(tokens->text, text);
	for (token = strtok_r(tokens->text, " ", &save); token;
	     token = strtok_r(NULL, " ", &save)) {
		if (tokens->count == TOKENS_MAX)
			return false;
		tokens->list[tokens->count++] = token;
	}
	return tokens->count;
}

/* ---- By name ---- */

static bool find_opcode(const char *name, uint8_t *opcode)
{
	unsigned int i;

	/* What the library says of all others. */
	if (!strcmp(name, "unknown"))
		return false;
	for (i = 0; i < OPCODES; i++) {
		if (strcmp(name, iommunest_smmuv3_cmd_name(i)))
			continue;
		*opcode = (uint8_t)i;
		return true;
	}
	return false;
}

static const struct field *find_field(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!strcmp(name, fields[i].name))
			return &fields[i];
	}
	return NULL;
}

/* Returns whether it fits the member. */
static bool set(struct iommunest_smmuv3_cmd *cmd, const struct field *field,
		uint64_t value)
{
	void *to = (char *)cmd + field->offset;
	const uint32_t value32 = (uint32_t)value;
	const uint16_t value16 = (uint16_t)value;

	switch (field->width) {
	case 0:
		cmd->flags |= field->flag;
		return true;
	case sizeof(value):
		memcpy(to, &value, sizeof(value));
		return true;
	case sizeof(value32):
		memcpy(to, &value32, sizeof(value32));
		return value <= UINT32_MAX;
	case sizeof(value16):
		memcpy(to, &value16, sizeof(value16));
		return value <= UINT16_MAX;
	default:
		*(uint8_t *)to = (uint8_t)value;
		return value <= UINT8_MAX;
	}
}

/* The library prints it. */
static bool has_field(uint8_t opcode, const struct field *field)
{
	struct iommunest_smmuv3_cmd cmd = { .size = sizeof(cmd),
					    .opcode = opcode };
	struct tokens tokens;
	char text[TEXT_MAX];
	unsigned int i;

	set(&cmd, field, 1);
	if (iommunest_smmuv3_cmd_print(&cmd, text, sizeof(text)) < 0 ||
	    !split(&tokens, text))
		return false;
	for (i = 1; i < tokens.count; i++) {
		if (!strcmp(tokens.list[i], field->name))
			return true;
	}
	return false;
}

/* Reads a field at *@at, and moves that past it. */
static const char *read_field(const struct tokens *tokens, unsigned int *at,
			      struct iommunest_smmuv3_cmd *cmd)
{
	const struct field *field = find_field(tokens->list[*at]);
	uint64_t value = 1;

	if (!strcmp(tokens->list[*at], "reserved"))
		return "reserved bits can only be written as words";
	if (!field || !has_field(cmd->opcode, field))
		return "the command has no such field";
	(*at)++;
	if (!field->width) {
		set(cmd, field, value);
		return NULL;
	}
	if (*at == tokens->count ||
	    !arg_number(tokens->list[*at], 0, UINT64_MAX, &value))
		return "a field has no number";
	(*at)++;
	return set(cmd, field, value) ? NULL : "a number is too large";
}

/* A field is there once: the second would win, and be what nobody wants. */
static bool is_repeated(const struct tokens *tokens, unsigned int at)
{
	unsigned int i;

	for (i = 1; i < at; i++) {
		if (!strcmp(tokens->list[i], tokens->list[at]))
			return true;
	}
	return false;
}

static const char *encode(const struct iommunest_smmuv3_cmd *cmd,
			  struct iommunest_smmuv3_entry *entry)
{
	struct iommunest_smmuv3_cmd read = { .size = sizeof(read) };

	if (iommunest_smmuv3_cmd_encode(cmd, entry))
		return "a number is too large";
	/* What is below the field was dropped. */
	if (iommunest_smmuv3_cmd_decode(&read, entry) || read.addr != cmd->addr)
		return "the address is not aligned";
	return NULL;
}

static const char *parse_named(const struct tokens *tokens,
			       struct iommunest_smmuv3_entry *entry)
{
	struct iommunest_smmuv3_cmd cmd = { .size = sizeof(cmd) };
	const char *wrong = NULL;
	unsigned int at = 1;

	if (!find_opcode(tokens->list[0], &cmd.opcode))
		return "there is no such command";
	while (!wrong && at < tokens->count) {
		if (is_repeated(tokens, at))
			return "a field is there twice";
		wrong = read_field(tokens, &at, &cmd);
	}
	return wrong ? wrong : encode(&cmd, entry);
}

/* ---- By words ---- */

static const char *parse_words(char *const words[2],
			       struct iommunest_smmuv3_entry *entry)
{
	uint64_t value[2];

	if (!arg_number(words[0], 0, UINT64_MAX, &value[0]) ||
	    !arg_number(words[1], 0, UINT64_MAX, &value[1]))
		return "a word is not a number of 64 bits";
	entry->cmd[0] = htole64(value[0]);
	entry->cmd[1] = htole64(value[1]);
	return NULL;
}

/* "unknown 0x42 raw 0x42 0x0": how an unknown command is printed. */
static const char *parse_unknown(const struct tokens *tokens,
				 struct iommunest_smmuv3_entry *entry)
{
	const char *wrong;
	uint64_t opcode;

	if (tokens->count != 5 || strcmp(tokens->list[2], "raw") ||
	    !arg_number(tokens->list[1], 0, OPCODES - 1, &opcode))
		return "an unknown command is its opcode and its words";
	wrong = parse_words(&tokens->list[3], entry);
	if (!wrong && (le64toh(entry->cmd[0]) & (OPCODES - 1)) != opcode)
		return "its opcode is not that of its words";
	return wrong;
}

const char *inval_parse_command(const char *text,
				struct iommunest_smmuv3_entry *entry)
{
	struct tokens tokens;

	if (!split(&tokens, text))
		return "it is empty or too long";
	if (!strcmp(tokens.list[0], "unknown"))
		return parse_unknown(&tokens, entry);
	if (tokens.list[0][0] < '0' || tokens.list[0][0] > '9')
		return parse_named(&tokens, entry);
	if (tokens.count != 2)
		return "a command has two words";
	return parse_words(tokens.list, entry);
}
