/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "tests/smmuv3/cmd-rows.h"

#include <check.h>
#include <errno.h>

#include "tests/harness/support.h"

/* clang-format off */
#define TO(member_) \
	offsetof(struct iommunest_smmuv3_cmd, member_), \
	sizeof(((struct iommunest_smmuv3_cmd *)NULL)->member_), 0, false
#define TO_ADDR \
	offsetof(struct iommunest_smmuv3_cmd, addr), 8, 0, true
#define TO_FLAG(name) 0, 0, IOMMUNEST_SMMUV3_CMD_##name, false

#define SSEC { 10, 10, TO_FLAG(SSEC) }
#define SSV { 11, 11, TO_FLAG(SSV) }
#define SSID { 31, 12, TO(ssid) }
#define SID { 63, 32, TO(sid) }
#define LEAF { 64, 64, TO_FLAG(LEAF) }
#define VMID { 47, 32, TO(vmid) }
#define ASID { 63, 48, TO(asid) }
#define NUM { 16, 12, TO(num) }
#define SCALE { 25, 20, TO(scale) }
#define TTL { 73, 72, TO(ttl) }
#define TG { 75, 74, TO(tg) }
#define ADDR { 127, 76, TO_ADDR }

const struct cmd_row cmd_rows[] = {
	{ "PREFETCH_CONFIG", 0x01, false, { SSEC, SSV, SSID, SID } },
	{ "PREFETCH_ADDR", 0x02, false,
	  { SSEC, SSV, SSID, SID, { 68, 64, TO(log2) }, { 73, 69, TO(stride) },
	    ADDR } },
	{ "CFGI_STE", 0x03, false, { SSEC, SID, LEAF } },
	{ "CFGI_STE_RANGE", 0x04, false, { SSEC, SID, { 68, 64, TO(log2) } } },
	{ "CFGI_CD", 0x05, true, { SSEC, SSID, SID, LEAF } },
	{ "CFGI_CD_ALL", 0x06, true, { SSEC, SID } },
	{ "CFGI_VMS_PIDM", 0x07, false, { SSEC, VMID } },
	{ "TLBI_NH_ALL", 0x10, true, { VMID } },
	{ "TLBI_NH_ASID", 0x11, true, { VMID, ASID } },
	{ "TLBI_NH_VA", 0x12, true,
	  { NUM, SCALE, VMID, ASID, LEAF, TTL, TG, ADDR } },
	{ "TLBI_NH_VAA", 0x13, true, { NUM, SCALE, VMID, LEAF, TTL, TG, ADDR } },
	{ "TLBI_EL3_ALL", 0x18, false, { { 0 } } },
	{ "TLBI_EL3_VA", 0x1a, false, { NUM, SCALE, LEAF, TTL, TG, ADDR } },
	{ "TLBI_EL2_ALL", 0x20, false, { { 0 } } },
	{ "TLBI_EL2_ASID", 0x21, false, { ASID } },
	{ "TLBI_EL2_VA", 0x22, false,
	  { NUM, SCALE, ASID, LEAF, TTL, TG, ADDR } },
	{ "TLBI_EL2_VAA", 0x23, false, { NUM, SCALE, LEAF, TTL, TG, ADDR } },
	{ "TLBI_S12_VMALL", 0x28, false, { VMID } },
	{ "TLBI_S2_IPA", 0x2a, false,
	  { NUM, SCALE, VMID, LEAF, TTL, TG, { 115, 76, TO_ADDR } } },
	{ "TLBI_NSNH_ALL", 0x30, true, { { 0 } } },
	{ "ATC_INV", 0x40, true,
	  { { 9, 9, TO_FLAG(GLOBAL) }, SSEC, SSV, SSID, SID,
	    { 69, 64, TO(log2) }, ADDR } },
	{ "PRI_RESP", 0x41, false,
	  { SSEC, SSV, SSID, SID, { 72, 64, TO(tag) },
	    { 77, 76, TO(response) } } },
	{ "RESUME", 0x44, false,
	  { SSEC, { 12, 12, TO_FLAG(RETRY) }, { 13, 13, TO_FLAG(ABORT) }, SID,
	    { 79, 64, TO(tag) } } },
	{ "STALL_TERM", 0x45, false, { SSEC, SID } },
	{ "SYNC", 0x46, false,
	  { { 13, 12, TO(signal) }, { 23, 22, TO(msi_share) },
	    { 27, 24, TO(msi_attr) }, { 63, 32, TO(msi_data) },
	    { 115, 66, TO_ADDR } } },
};
/* clang-format on */

const unsigned int cmd_row_count = ARRAY_LEN(cmd_rows);

const struct cmd_row *cmd_row(unsigned int opcode)
{
	unsigned int i;

	for (i = 0; i < cmd_row_count; i++) {
		if (cmd_rows[i].opcode == opcode)
			return &cmd_rows[i];
	}
	return NULL;
}

/* Byte by byte, so that it is right on any machine. */
struct iommunest_smmuv3_entry cmd_entry(uint64_t word0, uint64_t word1)
{
	const uint64_t words[2] = { word0, word1 };
	struct iommunest_smmuv3_entry entry;
	unsigned char *bytes = (unsigned char *)&entry;
	unsigned int i;

	for (i = 0; i < sizeof(entry); i++)
		bytes[i] = (unsigned char)(words[i / 8] >> i % 8 * 8);
	return entry;
}

struct iommunest_smmuv3_cmd cmd_decoded(uint64_t word0, uint64_t word1)
{
	const struct iommunest_smmuv3_entry entry = cmd_entry(word0, word1);
	struct iommunest_smmuv3_cmd cmd =
		IOMMUNEST_INIT(struct iommunest_smmuv3_cmd);
	const int ret = iommunest_smmuv3_cmd_decode(&cmd, &entry);

	ck_assert_int_eq(ret, cmd_row((unsigned char)word0) ? 0 : -EOPNOTSUPP);
	return cmd;
}

struct iommunest_smmuv3_caps cmd_full_caps(void)
{
	return (struct iommunest_smmuv3_caps){
		.size = sizeof(struct iommunest_smmuv3_caps),
		.asid_bits = 16,
		.ats = true,
		.sid_bits = 32,
		.ssid_bits = 20,
		.ril = true,
		.cd2l = true,
		.gran4k = true,
		.gran16k = true,
		.gran64k = true,
		.ds = true,
	};
}
