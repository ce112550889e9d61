/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What iommunest-inval reads as a command: each, written out; all that is
 * printed of one; and what is none.
 */
#include <string.h>

#include "tests/harness/support.h"
#include "tests/smmuv3/cmd-rows.h"
#include "tools/inval/inval.h"

#define ROUNDS 20000u
#define TEXT_MAX 256

static bool is_entry(const struct iommunest_smmuv3_entry *entry, uint64_t word0,
		     uint64_t word1)
{
	const struct iommunest_smmuv3_entry want = cmd_entry(word0, word1);

	return !memcmp(entry, &want, sizeof(want));
}

static const struct {
	const char *text;
	uint64_t word[2];
} rows[] = {
	{ "PREFETCH_CONFIG sid 0x10 ssv ssid 0x5", { 0x1000005801, 0 } },
	{ "PREFETCH_ADDR sid 0x10 addr 0x7000 size 3 stride 2",
	  { 0x1000000002, 0x7043 } },
	{ "CFGI_STE sid 0x10 leaf", { 0x1000000003, 1 } },
	{ "CFGI_STE_RANGE sid 0x0 range 31", { 0x04, 31 } },
	{ "CFGI_CD sid 0x10 ssid 0x5 leaf", { 0x1000005005, 1 } },
	{ "CFGI_CD_ALL sid 0xffffffff", { 0xffffffff00000006, 0 } },
	{ "CFGI_VMS_PIDM vmid 7", { 0x700000007, 0 } },
	{ "TLBI_NH_ALL vmid 7", { 0x700000010, 0 } },
	{ "TLBI_NH_ASID asid 1", { 0x1000000000011, 0 } },
	{ "TLBI_NH_VA asid 1 addr 0x1000 leaf", { 0x1000000000012, 0x1001 } },
	{ "TLBI_NH_VA asid 1 addr 0x1000 num 3 scale 2 tg 1 ttl 3",
	  { 0x1000000203012, 0x1700 } },
	{ "TLBI_NH_VAA addr 0xfffffffffffff000", { 0x13, 0xfffffffffffff000 } },
	{ "TLBI_EL3_ALL", { 0x18, 0 } },
	{ "TLBI_EL3_VA addr 0x1000", { 0x1a, 0x1000 } },
	{ "TLBI_EL2_ALL", { 0x20, 0 } },
	{ "TLBI_EL2_ASID asid 65535", { 0xffff000000000021, 0 } },
	{ "TLBI_EL2_VA asid 1 addr 0x1000", { 0x1000000000022, 0x1000 } },
	{ "TLBI_EL2_VAA addr 0x1000 leaf", { 0x23, 0x1001 } },
	{ "TLBI_S12_VMALL vmid 1", { 0x100000028, 0 } },
	{ "TLBI_S2_IPA vmid 1 addr 0xffffffffff000 leaf",
	  { 0x10000002a, 0xffffffffff001 } },
	{ "TLBI_NSNH_ALL", { 0x30, 0 } },
	{ "ATC_INV sid 0x10 ssv ssid 0x5 global addr 0x4000 size 2",
	  { 0x1000005a40, 0x4002 } },
	{ "PRI_RESP sid 0x10 prgi 511 response 2", { 0x1000000041, 0x21ff } },
	{ "RESUME sid 0x10 stag 0xffff retry abort", { 0x1000003044, 0xffff } },
	{ "STALL_TERM sid 0x10 ssec", { 0x1000000445, 0 } },
	{ "SYNC signal 1 msh 3 attr 15 addr 0x1004 data 0x2a",
	  { 0x2a0fc01046, 0x1004 } },
	{ "unknown 0x42 raw 0x1042 0x7", { 0x1042, 7 } },
	/* Not as it is printed. */
	{ "TLBI_NH_VA leaf addr 4096 asid 0x1", { 0x1000000000012, 0x1001 } },
	{ "  TLBI_NH_VA  asid 1   addr 0x1000 leaf ",
	  { 0x1000000000012, 0x1001 } },
	{ "TLBI_NH_VA", { 0x12, 0 } },
	{ "0x1000000000012 0x1001", { 0x1000000000012, 0x1001 } },
	{ "18 0", { 0x12, 0 } },
	{ "0xffffffffffffffff 0xffffffffffffffff", { UINT64_MAX, UINT64_MAX } },
};

TEST_LOOP(a_command_is_read, ARRAY_LEN(rows))
{
	struct iommunest_smmuv3_entry entry;
	const char *wrong = inval_parse_command(rows[_i].text, &entry);

	ck_assert_msg(!wrong, "%s: %s", rows[_i].text, wrong);
	ck_assert_msg(is_entry(&entry, rows[_i].word[0], rows[_i].word[1]),
		      "%s: %#llx %#llx", rows[_i].text,
		      (unsigned long long)entry.cmd[0],
		      (unsigned long long)entry.cmd[1]);
}

/* No command was forgotten above. */
TEST_LOOP(each_command_has_a_row, cmd_row_count)
{
	bool found = false;
	size_t i;

	for (i = 0; !found && i < ARRAY_LEN(rows); i++)
		found = (rows[i].word[0] & 0xff) == cmd_rows[_i].opcode;
	ck_assert_msg(found, "%s", cmd_rows[_i].name);
}

/* Of a command's own fields; a bit that it does not have is not printed. */
static void random_words(struct support_rng *rng, const struct cmd_row *row,
			 uint64_t word[2])
{
	const struct cmd_bits *bits;
	unsigned int bit;
	size_t i;

	word[0] = row->opcode;
	word[1] = 0;
	for (i = 0; i < CMD_BITS_MAX && row->bits[i].high; i++) {
		bits = &row->bits[i];
		if (!support_rng_below(rng, 3))
			continue;
		for (bit = bits->low; bit <= bits->high; bit++)
			word[bit / 64] |= (uint64_t)support_rng_below(rng, 2)
					  << bit % 64;
	}
}

TEST(what_is_printed_is_read_back)
{
	struct iommunest_smmuv3_entry entry;
	struct iommunest_smmuv3_cmd cmd;
	const struct cmd_row *row;
	struct support_rng rng;
	char text[TEXT_MAX];
	unsigned int round;
	uint64_t word[2];
	const char *wrong;

	support_rng_start(&rng, "command");
	for (round = 0; round < ROUNDS; round++) {
		row = &cmd_rows[support_rng_below(&rng, cmd_row_count)];
		random_words(&rng, row, word);
		cmd = cmd_decoded(word[0], word[1]);
		support_assert(&rng, iommunest_smmuv3_cmd_print(&cmd, text,
								sizeof(text)) <
					     (int)sizeof(text));
		wrong = inval_parse_command(text, &entry);
		ck_assert_msg(!wrong, "%s: %s", text, wrong);
		support_assert(&rng, is_entry(&entry, word[0], word[1]));
	}
}

static const struct {
	const char *text;
	/* What is said of it. */
	const char *wrong;
} bad[] = {
	{ "", "empty" },
	{ "   ", "empty" },
	{ "TLBI_NH_V", "no such command" },
	{ "tlbi_nh_va", "no such command" },
	{ "all", "no such command" },
	{ "-1 0", "no such command" },
	{ "TLBI_NH_VA sid 1", "no such field" },
	{ "TLBI_NH_VAA asid 1", "no such field" },
	{ "TLBI_NH_ALL leaf", "no such field" },
	{ "CFGI_STE_RANGE size 1", "no such field" },
	{ "ATC_INV range 1", "no such field" },
	{ "TLBI_NH_VA asid 1 2", "no such field" },
	{ "TLBI_NH_VA 1", "no such field" },
	{ "TLBI_NH_VA asid", "no number" },
	{ "TLBI_NH_VA asid leaf", "no number" },
	{ "TLBI_NH_VA asid -1", "no number" },
	{ "TLBI_NH_VA asid 0x", "no number" },
	{ "TLBI_NH_VA asid 65536", "too large" },
	{ "TLBI_NH_VA addr 0x10000000000000000", "no number" },
	{ "TLBI_S2_IPA addr 0x10000000000000", "too large" },
	{ "CFGI_CD ssid 0x100000", "too large" },
	{ "CFGI_CD sid 0x100000000", "too large" },
	{ "ATC_INV size 64", "too large" },
	{ "ATC_INV size 256", "too large" },
	{ "TLBI_NH_VA addr 0x1001", "not aligned" },
	{ "SYNC addr 0x1002", "not aligned" },
	{ "TLBI_NH_VA asid 1 asid 2", "twice" },
	{ "TLBI_NH_VA leaf leaf", "twice" },
	{ "TLBI_NH_VA reserved", "as words" },
	{ "0x12", "two words" },
	{ "0x12 0 0", "two words" },
	{ "0x12 leaf", "64 bits" },
	{ "0x10000000000000000 0", "64 bits" },
	{ "unknown 0x42", "its opcode and its words" },
	{ "unknown 0x42 raw 0x42", "its opcode and its words" },
	{ "unknown 0x42 row 0x42 0", "its opcode and its words" },
	{ "unknown 0x142 raw 0x142 0", "its opcode and its words" },
	{ "unknown 0x42 raw 0x43 0", "not that of its words" },
	{ "unknown 0x42 raw x 0", "64 bits" },
};

TEST_LOOP(what_is_no_command_is_refused, ARRAY_LEN(bad))
{
	struct iommunest_smmuv3_entry entry;
	const char *wrong = inval_parse_command(bad[_i].text, &entry);

	ck_assert_msg(wrong, "%s was read", bad[_i].text);
	ck_assert_msg(strstr(wrong, bad[_i].wrong), "%s: %s", bad[_i].text,
		      wrong);
}

TEST(a_text_without_end_is_refused)
{
	struct iommunest_smmuv3_entry entry;
	char text[4096];
	size_t i;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_ptr_nonnull(inval_parse_command(text, &entry));
	/* Many words. */
	memset(text, ' ', sizeof(text) - 1);
	for (i = 0; i < 200; i += 2)
		text[i] = '1';
	text[200] = '\0';
	ck_assert_ptr_nonnull(inval_parse_command(text, &entry));
}
