/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Commands: decoded and encoded field by field, and printed. */
#include <errno.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/smmuv3/cmd-rows.h"

#define OPCODES 256u
#define ROUNDS 20000u

static uint64_t ones(unsigned int count)
{
	return count == 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

/* The words of a command in which only a field is set. */
static void set(uint64_t words[2], const struct cmd_bits *bits, uint64_t value)
{
	words[bits->low / 64] |= (value & ones(bits->high - bits->low + 1))
				 << bits->low % 64;
}

/* The member, by its own width. */
static uint64_t member(const struct iommunest_smmuv3_cmd *cmd,
		       const struct cmd_bits *bits)
{
	const char *at = (const char *)cmd + bits->member;
	uint64_t value64 = 0;
	uint32_t value32 = 0;
	uint16_t value16 = 0;

	if (!bits->width)
		return cmd->flags & bits->flag ? 1 : 0;
	if (bits->width == 1)
		return *(const uint8_t *)at;
	if (bits->width == 2) {
		memcpy(&value16, at, 2);
		return value16;
	}
	if (bits->width == 4) {
		memcpy(&value32, at, 4);
		return value32;
	}
	memcpy(&value64, at, 8);
	return value64;
}

static uint64_t expected(const struct cmd_bits *bits, uint64_t value)
{
	value &= ones(bits->high - bits->low + 1);
	return bits->is_address ? value << bits->low % 64 : value;
}

static unsigned int fields_of(const struct cmd_row *row)
{
	unsigned int count = 0;

	while (count < CMD_BITS_MAX && row->bits[count].high)
		count++;
	return count;
}

/* ---- Decoding ---- */

static void only(const struct cmd_row *row, unsigned int which, uint64_t value)
{
	const struct cmd_bits *bits = &row->bits[which];
	uint64_t words[2] = { row->opcode, 0 };
	struct iommunest_smmuv3_cmd cmd;
	unsigned int i;

	set(words, bits, value);
	cmd = cmd_decoded(words[0], words[1]);
	ck_assert_uint_eq(cmd.opcode, row->opcode);
	ck_assert_uint_eq(cmd.raw[0], words[0]);
	ck_assert_uint_eq(cmd.raw[1], words[1]);
	for (i = 0; i < fields_of(row); i++)
		ck_assert_msg(member(&cmd, &row->bits[i]) ==
				      (i == which ? expected(bits, value) : 0),
			      "%s: field %u of value %#llx in %u", row->name, i,
			      (unsigned long long)value, which);
	ck_assert(!(cmd.flags & IOMMUNEST_SMMUV3_CMD_RESERVED));
}

TEST_LOOP(each_field_is_where_the_specification_has_it, cmd_row_count)
{
	const struct cmd_row *row = &cmd_rows[_i];
	unsigned int i, bit;

	for (i = 0; i < fields_of(row); i++) {
		only(row, i, UINT64_MAX);
		for (bit = 0; bit <= row->bits[i].high - row->bits[i].low;
		     bit++)
			only(row, i, UINT64_C(1) << bit);
	}
}

static bool is_known(const struct cmd_row *row, unsigned int bit)
{
	unsigned int i;

	for (i = 0; i < fields_of(row); i++) {
		if (bit >= row->bits[i].low && bit <= row->bits[i].high)
			return true;
	}
	return bit < 8;
}

TEST_LOOP(all_other_bits_are_reserved, cmd_row_count)
{
	const struct cmd_row *row = &cmd_rows[_i];
	struct iommunest_smmuv3_cmd cmd;
	unsigned int bit;

	for (bit = 8; bit < 128; bit++) {
		uint64_t words[2] = { row->opcode, 0 };

		words[bit / 64] |= UINT64_C(1) << bit % 64;
		cmd = cmd_decoded(words[0], words[1]);
		ck_assert_msg(!(cmd.flags & IOMMUNEST_SMMUV3_CMD_RESERVED) ==
				      is_known(row, bit),
			      "%s, bit %u", row->name, bit);
	}
}

TEST_LOOP(other_opcodes_are_unknown, OPCODES)
{
	struct iommunest_smmuv3_cmd cmd = cmd_decoded((uint64_t)_i | 0x500, 7);
	const struct cmd_row *row = cmd_row((unsigned int)_i);

	ck_assert_uint_eq(cmd.opcode, (unsigned int)_i);
	ck_assert_uint_eq(cmd.raw[1], 7);
	ck_assert_str_eq(iommunest_smmuv3_cmd_name((unsigned int)_i),
			 row ? row->name : "unknown");
}

/* ---- Encoding ---- */

TEST(what_is_decoded_is_encoded_again)
{
	struct support_rng rng;
	unsigned int round;

	support_rng_start(&rng, "encode");
	for (round = 0; round < ROUNDS; round++) {
		const struct cmd_row *row =
			&cmd_rows[support_rng_below(&rng, cmd_row_count)];
		struct iommunest_smmuv3_entry entry, again;
		uint64_t words[2] = { row->opcode, 0 };
		struct iommunest_smmuv3_cmd cmd;
		unsigned int i;

		for (i = 0; i < fields_of(row); i++)
			set(words, &row->bits[i], support_rng_next(&rng));
		entry = cmd_entry(words[0], words[1]);
		cmd = cmd_decoded(words[0], words[1]);
		support_assert(&rng,
			       !iommunest_smmuv3_cmd_encode(&cmd, &again));
		support_assert(&rng, !memcmp(&entry, &again, sizeof(entry)));
	}
}

static const struct {
	struct iommunest_smmuv3_cmd cmd;
	int ret;
} too_wide[] = {
	{ { .opcode = IOMMUNEST_SMMUV3_CFGI_CD, .ssid = 0xfffff }, 0 },
	{ { .opcode = IOMMUNEST_SMMUV3_CFGI_CD, .ssid = 0x100000 }, -EINVAL },
	{ { .opcode = IOMMUNEST_SMMUV3_TLBI_NH_VA, .num = 32 }, -EINVAL },
	{ { .opcode = IOMMUNEST_SMMUV3_TLBI_NH_VA, .scale = 64 }, -EINVAL },
	{ { .opcode = IOMMUNEST_SMMUV3_TLBI_NH_VA, .tg = 4 }, -EINVAL },
	{ { .opcode = IOMMUNEST_SMMUV3_TLBI_NH_VA, .ttl = 4 }, -EINVAL },
	{ { .opcode = IOMMUNEST_SMMUV3_ATC_INV, .log2 = 64 }, -EINVAL },
	{ { .opcode = IOMMUNEST_SMMUV3_CFGI_STE_RANGE, .log2 = 32 }, -EINVAL },
	{ { .opcode = IOMMUNEST_SMMUV3_PRI_RESP, .tag = 0x200 }, -EINVAL },
	{ { .opcode = IOMMUNEST_SMMUV3_PRI_RESP, .response = 4 }, -EINVAL },
	{ { .opcode = IOMMUNEST_SMMUV3_SYNC, .signal = 4 }, -EINVAL },
	{ { .opcode = IOMMUNEST_SMMUV3_SYNC, .msi_attr = 16 }, -EINVAL },
	{ { .opcode = IOMMUNEST_SMMUV3_TLBI_S2_IPA,
	    .addr = UINT64_C(0xfffffffffffff) },
	  0 },
	{ { .opcode = IOMMUNEST_SMMUV3_TLBI_S2_IPA,
	    .addr = UINT64_C(0x10000000000000) },
	  -EINVAL },
	/* What a command does not have is not looked at. */
	{ { .opcode = IOMMUNEST_SMMUV3_TLBI_NSNH_ALL, .tg = 4, .ssid = ~0u },
	  0 },
	{ { .opcode = 0x42 }, -EOPNOTSUPP },
	{ { .opcode = 0xff }, -EOPNOTSUPP },
};

TEST_LOOP(what_does_not_fit_is_not_encoded, ARRAY_LEN(too_wide))
{
	struct iommunest_smmuv3_cmd cmd = too_wide[_i].cmd;
	struct iommunest_smmuv3_entry entry = cmd_entry(1, 2);
	const struct iommunest_smmuv3_entry before = entry;

	cmd.size = sizeof(cmd);
	ck_assert_int_eq(iommunest_smmuv3_cmd_encode(&cmd, &entry),
			 too_wide[_i].ret);
	ck_assert_int_eq(memcmp(&entry, &before, sizeof(entry)) == 0,
			 too_wide[_i].ret != 0);
}

TEST(arguments_are_checked)
{
	struct iommunest_smmuv3_entry entry = cmd_entry(0x30, 0);
	struct iommunest_smmuv3_cmd cmd = { .size = 8 };
	char text[8];

	ck_assert_int_eq(iommunest_smmuv3_cmd_decode(NULL, &entry), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmd_decode(&cmd, &entry), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmd_encode(&cmd, &entry), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmd_print(&cmd, text, 8), -EINVAL);
	cmd.size = 4097;
	ck_assert_int_eq(iommunest_smmuv3_cmd_decode(&cmd, &entry), -E2BIG);
	ck_assert_int_eq(iommunest_smmuv3_cmd_encode(&cmd, &entry), -E2BIG);
	ck_assert_int_eq(iommunest_smmuv3_cmd_print(&cmd, text, 8), -E2BIG);
	cmd.size = sizeof(cmd);
	ck_assert_int_eq(iommunest_smmuv3_cmd_decode(&cmd, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmd_encode(&cmd, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmd_encode(NULL, &entry), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmd_print(NULL, text, 8), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmd_print(&cmd, NULL, 8), -EINVAL);
}

/* ---- Printing ---- */

static const struct {
	uint64_t words[2];
	const char *text;
} printed[] = {
	{ { 0x30, 0 }, "TLBI_NSNH_ALL" },
	{ { 0x11 | UINT64_C(0x7) << 48, 0 }, "TLBI_NH_ASID asid 7" },
	{ { 0x12 | UINT64_C(0x7) << 48, 0x7fff0000001 },
	  "TLBI_NH_VA asid 7 addr 0x7fff0000000 leaf" },
	{ { 0x12 | 30 << 12 | 2 << 20 | UINT64_C(0x50003) << 32, 0x5400 },
	  "TLBI_NH_VA vmid 3 asid 5 addr 0x5000 num 30 scale 2 tg 1" },
	{ { 0x06 | UINT64_C(0x10) << 32, 0 }, "CFGI_CD_ALL sid 0x10" },
	{ { 0x06 | UINT64_C(0x10) << 32, 1 }, "CFGI_CD_ALL sid 0x10 reserved" },
	{ { 0x05 | UINT64_C(0x10) << 32 | 3 << 12, 1 },
	  "CFGI_CD sid 0x10 ssid 0x3 leaf" },
	{ { 0x40 | UINT64_C(0x10) << 32 | 1 << 11 | 1 << 9, 52 },
	  "ATC_INV sid 0x10 ssv global addr 0x0 size 52" },
	{ { 0x46 | 1 << 12 | UINT64_C(0x99) << 32, 0x1000 },
	  "SYNC signal 1 msh 0 attr 0 addr 0x1000 data 0x99" },
	{ { 0x44 | 1 << 12 | UINT64_C(8) << 32, 0x21 },
	  "RESUME sid 0x8 stag 0x21 retry" },
	{ { 0x4ff, 0x99 }, "unknown 0xff raw 0x4ff 0x99" },
};

TEST_LOOP(commands_are_printed, ARRAY_LEN(printed))
{
	struct iommunest_smmuv3_cmd cmd =
		cmd_decoded(printed[_i].words[0], printed[_i].words[1]);
	const size_t len = strlen(printed[_i].text);
	char text[128];

	ck_assert_int_eq(iommunest_smmuv3_cmd_print(&cmd, text, sizeof(text)),
			 (int)len);
	ck_assert_str_eq(text, printed[_i].text);
	/* Cut off where there is no more room. */
	ck_assert_int_eq(iommunest_smmuv3_cmd_print(&cmd, text, 6), (int)len);
	ck_assert_uint_eq(strlen(text), 5);
	ck_assert_int_eq(iommunest_smmuv3_cmd_print(&cmd, NULL, 0), (int)len);
}
