/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The commands: what fields each has, as a row; and where each field is.
 * Decoding, encoding, checking and printing read these.  Formats: SMMU
 * architecture specification, chapter 4.
 */
#ifndef IOMMUNEST_SMMUV3_CMD_FIELDS_H
#define IOMMUNEST_SMMUV3_CMD_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include <libiommunest.h>

#include "lib/smmuv3/bits.h"

#define CMD0_OPCODE BITS(7, 0)
#define CMD0_GLOBAL BIT(9)
#define CMD0_SSEC BIT(10)
#define CMD0_SSV BIT(11)
#define CMD0_SSID BITS(31, 12)
#define CMD0_SID BITS(63, 32)
#define CMD0_NUM BITS(16, 12)
#define CMD0_SCALE BITS(25, 20)
#define CMD0_VMID BITS(47, 32)
#define CMD0_ASID BITS(63, 48)
#define CMD0_AC BIT(12)
#define CMD0_AB BIT(13)
#define CMD0_CS BITS(13, 12)
#define CMD0_MSH BITS(23, 22)
#define CMD0_MSIATTR BITS(27, 24)
#define CMD0_MSIDATA BITS(63, 32)
#define CMD1_LEAF BIT(0)
#define CMD1_RANGE BITS(4, 0)
#define CMD1_TTL BITS(9, 8)
#define CMD1_TG BITS(11, 10)
#define CMD1_ADDR BITS(63, 12)
#define CMD1_IPA BITS(51, 12)
#define CMD1_ATC_SIZE BITS(5, 0)
#define CMD1_PREFETCH_SIZE BITS(4, 0)
#define CMD1_STRIDE BITS(9, 5)
#define CMD1_PRGINDEX BITS(8, 0)
#define CMD1_RESP BITS(13, 12)
#define CMD1_STAG BITS(15, 0)
#define CMD1_MSIADDR BITS(51, 2)

/* Indices of the table of fields, in the order in which they are printed. */
enum smmu_field_id {
	F_SID,
	F_SSV,
	F_SSID,
	F_GLOBAL,
	F_VMID,
	F_ASID,
	F_ADDR,
	F_IPA,
	F_NUM,
	F_SCALE,
	F_TG,
	F_TTL,
	F_LEAF,
	F_RANGE,
	F_ATC_SIZE,
	F_PREFETCH_SIZE,
	F_STRIDE,
	F_PRGINDEX,
	F_RESP,
	F_STAG,
	F_AC,
	F_AB,
	F_CS,
	F_MSH,
	F_MSIATTR,
	F_MSIADDR,
	F_MSIDATA,
	F_SSEC,
	F_COUNT,
};

#define HAS(id) (UINT32_C(1) << (id))

struct smmu_field {
	/* As it is printed. */
	const char *name;
	uint64_t mask;
	/* Which word. */
	unsigned int word;
	/* The member, in bytes: where, and of what width. */
	size_t offset;
	size_t width;
	/* In place of a member, a bit of iommunest_smmuv3_cmd::flags. */
	uint32_t flag;
	/* The member has its bits where the field has them. */
	bool in_place;
	bool in_hex;
};

struct smmu_cmd_type {
	const char *name;
	/* HAS(). */
	uint32_t has;
	/* The kernel takes it as an entry. */
	bool is_entry;
};

extern const struct smmu_field iommunest__smmuv3_fields[F_COUNT];

/* NULL: there is no such command. */
const struct smmu_cmd_type *iommunest__smmuv3_cmd_type(unsigned int opcode);

/* The bits that a command has, except for its secure one. */
void iommunest__smmuv3_known_bits(uint32_t has, uint64_t known[2]);

/*
 * cmd-check.c: of a command that the kernel takes and that has no other bits,
 * what is wrong with their values: iommunest_smmuv3_cmd_reason.
 */
uint32_t
iommunest__smmuv3_check_fields(const uint64_t words[2],
			       const struct iommunest_smmuv3_caps *caps,
			       uint32_t has);

/* The value of a member or flag. */
uint64_t iommunest__smmuv3_member(const struct iommunest_smmuv3_cmd *cmd,
				  const struct smmu_field *field);

/* 0, -EINVAL or -E2BIG. */
int iommunest__smmuv3_copy_cmd(struct iommunest_smmuv3_cmd *to,
			       const struct iommunest_smmuv3_cmd *from);

#endif /* IOMMUNEST_SMMUV3_CMD_FIELDS_H */
