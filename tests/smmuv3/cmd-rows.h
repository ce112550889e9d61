/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The commands as the SMMU architecture specification draws them (chapter 4),
 * written down a second time: each field by its bits of the 128, and by the
 * member that it becomes.
 */
#ifndef TESTS_SMMUV3_CMD_ROWS_H
#define TESTS_SMMUV3_CMD_ROWS_H

#include <stddef.h>

#include <libiommunest.h>

struct cmd_bits {
	/* Of 127 to 0; both included. */
	unsigned int high;
	unsigned int low;
	/* Where it goes, in bytes; 0: a flag. */
	size_t member;
	size_t width;
	uint32_t flag;
	/* The member keeps the bits below the field, as zeros. */
	bool is_address;
};

#define CMD_BITS_MAX 10u

struct cmd_row {
	const char *name;
	uint8_t opcode;
	/* Linux takes it for a vIOMMU. */
	bool is_entry;
	struct cmd_bits bits[CMD_BITS_MAX];
};

extern const struct cmd_row cmd_rows[];
extern const unsigned int cmd_row_count;

/* NULL: no such command. */
const struct cmd_row *cmd_row(unsigned int opcode);

struct iommunest_smmuv3_entry cmd_entry(uint64_t word0, uint64_t word1);
struct iommunest_smmuv3_cmd cmd_decoded(uint64_t word0, uint64_t word1);

/* Hardware that has all: RIL, substreams, ATS, 16-bit ASIDs, DS. */
struct iommunest_smmuv3_caps cmd_full_caps(void);

#endif /* TESTS_SMMUV3_CMD_ROWS_H */
