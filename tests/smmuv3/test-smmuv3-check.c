/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Which commands are said to be refused, and why. */
#include <errno.h>

#include "tests/harness/support.h"
#include "tests/smmuv3/cmd-rows.h"

/* Which member is made what: in the order of the switch below. */
enum less {
	ALL,
	NO_RIL,
	NO_DS,
	NO_SSID,
	NO_ATS,
	ASID_8,
};

static const struct {
	uint64_t word[2];
	enum less less;
	uint32_t reason;
	int ret;
} refused[] = {
	{ { 0x30, 0 }, ALL, IOMMUNEST_SMMUV3_CMD_REASON_NONE, 0 },
	{ { 0x42, 0 }, ALL, IOMMUNEST_SMMUV3_CMD_REASON_UNKNOWN, -EIO },
	{ { 0x46, 0 }, ALL, IOMMUNEST_SMMUV3_CMD_REASON_OPCODE, -EOPNOTSUPP },
	{ { 0x03, 0 }, ALL, IOMMUNEST_SMMUV3_CMD_REASON_OPCODE, -EOPNOTSUPP },
	/* A VMID, an ASID, a leaf, SSV, the secure bit. */
	{ { 0x30 | UINT64_C(1) << 32, 0 },
	  ALL,
	  IOMMUNEST_SMMUV3_CMD_REASON_RESERVED,
	  -EIO },
	{ { 0x13 | UINT64_C(1) << 48, 0 },
	  ALL,
	  IOMMUNEST_SMMUV3_CMD_REASON_RESERVED,
	  -EIO },
	{ { 0x06, 1 }, ALL, IOMMUNEST_SMMUV3_CMD_REASON_RESERVED, -EIO },
	{ { 0x05 | 1 << 11, 0 },
	  ALL,
	  IOMMUNEST_SMMUV3_CMD_REASON_RESERVED,
	  -EIO },
	{ { 0x06 | 1 << 10, 0 },
	  ALL,
	  IOMMUNEST_SMMUV3_CMD_REASON_RESERVED,
	  -EIO },
	{ { 0x11 | UINT64_C(0xff) << 48, 0 },
	  ASID_8,
	  IOMMUNEST_SMMUV3_CMD_REASON_NONE,
	  0 },
	{ { 0x11 | UINT64_C(0x100) << 48, 0 },
	  ASID_8,
	  IOMMUNEST_SMMUV3_CMD_REASON_ASID,
	  -EIO },
	{ { 0x12 | 1 << 12, 1 << 10 },
	  ALL,
	  IOMMUNEST_SMMUV3_CMD_REASON_NONE,
	  0 },
	{ { 0x12 | 1 << 12, 1 << 10 },
	  NO_RIL,
	  IOMMUNEST_SMMUV3_CMD_REASON_NO_RANGE,
	  -EIO },
	{ { 0x12, 1 << 8 },
	  NO_RIL,
	  IOMMUNEST_SMMUV3_CMD_REASON_NO_RANGE,
	  -EIO },
	{ { 0x12 | 1 << 12, 0 }, ALL, IOMMUNEST_SMMUV3_CMD_REASON_RANGE, -EIO },
	{ { 0x12, 1 << 8 }, ALL, IOMMUNEST_SMMUV3_CMD_REASON_RANGE, -EIO },
	{ { 0x12, 1 << 10 }, ALL, IOMMUNEST_SMMUV3_CMD_REASON_RANGE, -EIO },
	{ { 0x12, 1 << 10 | 3 << 8 },
	  ALL,
	  IOMMUNEST_SMMUV3_CMD_REASON_NONE,
	  0 },
	{ { 0x12 | 32 << 20, 1 << 10 },
	  ALL,
	  IOMMUNEST_SMMUV3_CMD_REASON_NONE,
	  0 },
	{ { 0x12 | 32 << 20, 1 << 10 },
	  NO_DS,
	  IOMMUNEST_SMMUV3_CMD_REASON_RANGE,
	  -EIO },
	{ { 0x12, 2 << 10 | 1 << 8 },
	  ALL,
	  IOMMUNEST_SMMUV3_CMD_REASON_NONE,
	  0 },
	{ { 0x12, 2 << 10 | 1 << 8 },
	  NO_DS,
	  IOMMUNEST_SMMUV3_CMD_REASON_RANGE,
	  -EIO },
	{ { 0x05 | 1 << 12, 0 }, ALL, IOMMUNEST_SMMUV3_CMD_REASON_NONE, 0 },
	{ { 0x05 | 1 << 12, 0 },
	  NO_SSID,
	  IOMMUNEST_SMMUV3_CMD_REASON_SUBSTREAM,
	  -EIO },
	{ { 0x40 | 1 << 11, 52 },
	  NO_SSID,
	  IOMMUNEST_SMMUV3_CMD_REASON_SUBSTREAM,
	  -EIO },
	{ { 0x40 | 1 << 9, 52 },
	  NO_SSID,
	  IOMMUNEST_SMMUV3_CMD_REASON_SUBSTREAM,
	  -EIO },
	{ { 0x40 | 1 << 9 | 1 << 11, 52 },
	  ALL,
	  IOMMUNEST_SMMUV3_CMD_REASON_NONE,
	  0 },
	{ { 0x40, 53 }, ALL, IOMMUNEST_SMMUV3_CMD_REASON_SIZE, -EIO },
	{ { 0x40, 52 }, NO_ATS, IOMMUNEST_SMMUV3_CMD_REASON_ATS, -EIO },
};

static struct iommunest_smmuv3_caps caps_with(enum less less)
{
	struct iommunest_smmuv3_caps caps = cmd_full_caps();

	switch (less) {
	case ALL:
		break;
	case NO_RIL:
		caps.ril = false;
		break;
	case NO_DS:
		caps.ds = false;
		break;
	case NO_SSID:
		caps.ssid_bits = 0;
		break;
	case NO_ATS:
		caps.ats = false;
		break;
	case ASID_8:
		caps.asid_bits = 8;
		break;
	}
	return caps;
}

TEST_LOOP(each_reason_is_told, ARRAY_LEN(refused))
{
	const struct iommunest_smmuv3_caps caps = caps_with(refused[_i].less);
	struct iommunest_smmuv3_cmd cmd =
		cmd_decoded(refused[_i].word[0], refused[_i].word[1]);
	uint32_t reason = 77;

	ck_assert_int_eq(iommunest_smmuv3_cmd_check(&cmd, &caps, &reason),
			 refused[_i].ret);
	ck_assert_uint_eq(reason, refused[_i].reason);
	ck_assert_int_eq(iommunest_smmuv3_cmd_check(&cmd, &caps, NULL),
			 refused[_i].ret);
}

TEST(each_reason_has_a_text_of_its_own)
{
	uint32_t a, b;

	ck_assert_str_eq(iommunest_smmuv3_cmd_reason_text(0), "ok");
	for (a = 1; a <= IOMMUNEST_SMMUV3_CMD_REASON_SIZE; a <<= 1) {
		ck_assert_str_ne(iommunest_smmuv3_cmd_reason_text(a),
				 "unknown");
		for (b = 1; b < a; b <<= 1)
			ck_assert_str_ne(iommunest_smmuv3_cmd_reason_text(a),
					 iommunest_smmuv3_cmd_reason_text(b));
	}
	ck_assert_str_eq(iommunest_smmuv3_cmd_reason_text(a), "unknown");
	ck_assert_str_eq(iommunest_smmuv3_cmd_reason_text(3), "unknown");
}

TEST(check_wants_both_structs)
{
	struct iommunest_smmuv3_caps caps = cmd_full_caps();
	struct iommunest_smmuv3_cmd cmd = cmd_decoded(0x30, 0);

	ck_assert_int_eq(iommunest_smmuv3_cmd_check(NULL, &caps, NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmd_check(&cmd, NULL, NULL), -EINVAL);
	caps.size = 4;
	ck_assert_int_eq(iommunest_smmuv3_cmd_check(&cmd, &caps, NULL),
			 -EINVAL);
	caps.size = 4097;
	ck_assert_int_eq(iommunest_smmuv3_cmd_check(&cmd, &caps, NULL), -E2BIG);
	caps.size = sizeof(caps);
	cmd.size = 4097;
	ck_assert_int_eq(iommunest_smmuv3_cmd_check(&cmd, &caps, NULL), -E2BIG);
}
