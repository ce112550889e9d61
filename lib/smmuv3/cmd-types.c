/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The tables of commands and fields.  What belongs to secure or realm states
 * is not here: a guest does not have it.  NS, TTL128 and the like are reserved
 * in the queue of a guest.
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/smmuv3/cmd-fields.h"

/* clang-format off */
#define MEMBER(member) \
	.offset = offsetof(struct iommunest_smmuv3_cmd, member), \
	.width = sizeof(((struct iommunest_smmuv3_cmd *)NULL)->member)
#define FLAG(which) .flag = IOMMUNEST_SMMUV3_CMD_##which
/* clang-format on */

const struct smmu_field iommunest__smmuv3_fields[F_COUNT] = {
	[F_SID] = { "sid", CMD0_SID, 0, MEMBER(sid), .in_hex = true },
	[F_SSV] = { "ssv", CMD0_SSV, 0, FLAG(SSV) },
	[F_SSID] = { "ssid", CMD0_SSID, 0, MEMBER(ssid), .in_hex = true },
	[F_GLOBAL] = { "global", CMD0_GLOBAL, 0, FLAG(GLOBAL) },
	[F_VMID] = { "vmid", CMD0_VMID, 0, MEMBER(vmid) },
	[F_ASID] = { "asid", CMD0_ASID, 0, MEMBER(asid) },
	[F_ADDR] = { "addr", CMD1_ADDR, 1, MEMBER(addr), .in_place = true,
		     .in_hex = true },
	[F_IPA] = { "addr", CMD1_IPA, 1, MEMBER(addr), .in_place = true,
		    .in_hex = true },
	[F_NUM] = { "num", CMD0_NUM, 0, MEMBER(num) },
	[F_SCALE] = { "scale", CMD0_SCALE, 0, MEMBER(scale) },
	[F_TG] = { "tg", CMD1_TG, 1, MEMBER(tg) },
	[F_TTL] = { "ttl", CMD1_TTL, 1, MEMBER(ttl) },
	[F_LEAF] = { "leaf", CMD1_LEAF, 1, FLAG(LEAF) },
	[F_RANGE] = { "range", CMD1_RANGE, 1, MEMBER(log2) },
	[F_ATC_SIZE] = { "size", CMD1_ATC_SIZE, 1, MEMBER(log2) },
	[F_PREFETCH_SIZE] = { "size", CMD1_PREFETCH_SIZE, 1, MEMBER(log2) },
	[F_STRIDE] = { "stride", CMD1_STRIDE, 1, MEMBER(stride) },
	[F_PRGINDEX] = { "prgi", CMD1_PRGINDEX, 1, MEMBER(tag) },
	[F_RESP] = { "response", CMD1_RESP, 1, MEMBER(response) },
	[F_STAG] = { "stag", CMD1_STAG, 1, MEMBER(tag), .in_hex = true },
	[F_AC] = { "retry", CMD0_AC, 0, FLAG(RETRY) },
	[F_AB] = { "abort", CMD0_AB, 0, FLAG(ABORT) },
	[F_CS] = { "signal", CMD0_CS, 0, MEMBER(signal) },
	[F_MSH] = { "msh", CMD0_MSH, 0, MEMBER(msi_share) },
	[F_MSIATTR] = { "attr", CMD0_MSIATTR, 0, MEMBER(msi_attr) },
	[F_MSIADDR] = { "addr", CMD1_MSIADDR, 1, MEMBER(addr), .in_place = true,
			.in_hex = true },
	[F_MSIDATA] = { "data", CMD0_MSIDATA, 0, MEMBER(msi_data),
			.in_hex = true },
	[F_SSEC] = { "ssec", CMD0_SSEC, 0, FLAG(SSEC) },
};

#define STREAM (HAS(F_SID) | HAS(F_SSEC))
#define SUBSTREAM (STREAM | HAS(F_SSV) | HAS(F_SSID))
#define RANGE (HAS(F_NUM) | HAS(F_SCALE) | HAS(F_TG) | HAS(F_TTL))
#define VA (HAS(F_ADDR) | HAS(F_LEAF) | RANGE)
#define VMID HAS(F_VMID)
#define ASID HAS(F_ASID)

/* By opcode. */
static const struct smmu_cmd_type types[] = {
	[IOMMUNEST_SMMUV3_PREFETCH_CONFIG] = { "PREFETCH_CONFIG", SUBSTREAM,
					       false },
	[IOMMUNEST_SMMUV3_PREFETCH_ADDR] = { "PREFETCH_ADDR",
					     SUBSTREAM | HAS(F_ADDR) |
						     HAS(F_PREFETCH_SIZE) |
						     HAS(F_STRIDE),
					     false },
	[IOMMUNEST_SMMUV3_CFGI_STE] = { "CFGI_STE", STREAM | HAS(F_LEAF),
					false },
	[IOMMUNEST_SMMUV3_CFGI_STE_RANGE] = { "CFGI_STE_RANGE",
					      STREAM | HAS(F_RANGE), false },
	[IOMMUNEST_SMMUV3_CFGI_CD] = { "CFGI_CD",
				       STREAM | HAS(F_SSID) | HAS(F_LEAF),
				       true },
	[IOMMUNEST_SMMUV3_CFGI_CD_ALL] = { "CFGI_CD_ALL", STREAM, true },
	[IOMMUNEST_SMMUV3_CFGI_VMS_PIDM] = { "CFGI_VMS_PIDM",
					     VMID | HAS(F_SSEC), false },
	[IOMMUNEST_SMMUV3_TLBI_NH_ALL] = { "TLBI_NH_ALL", VMID, true },
	[IOMMUNEST_SMMUV3_TLBI_NH_ASID] = { "TLBI_NH_ASID", VMID | ASID, true },
	[IOMMUNEST_SMMUV3_TLBI_NH_VA] = { "TLBI_NH_VA", VMID | ASID | VA,
					  true },
	[IOMMUNEST_SMMUV3_TLBI_NH_VAA] = { "TLBI_NH_VAA", VMID | VA, true },
	[IOMMUNEST_SMMUV3_TLBI_EL3_ALL] = { "TLBI_EL3_ALL", 0, false },
	[IOMMUNEST_SMMUV3_TLBI_EL3_VA] = { "TLBI_EL3_VA", VA, false },
	[IOMMUNEST_SMMUV3_TLBI_EL2_ALL] = { "TLBI_EL2_ALL", 0, false },
	[IOMMUNEST_SMMUV3_TLBI_EL2_ASID] = { "TLBI_EL2_ASID", ASID, false },
	[IOMMUNEST_SMMUV3_TLBI_EL2_VA] = { "TLBI_EL2_VA", ASID | VA, false },
	[IOMMUNEST_SMMUV3_TLBI_EL2_VAA] = { "TLBI_EL2_VAA", VA, false },
	[IOMMUNEST_SMMUV3_TLBI_S12_VMALL] = { "TLBI_S12_VMALL", VMID, false },
	[IOMMUNEST_SMMUV3_TLBI_S2_IPA] = { "TLBI_S2_IPA",
					   VMID | HAS(F_IPA) | HAS(F_LEAF) |
						   RANGE,
					   false },
	[IOMMUNEST_SMMUV3_TLBI_NSNH_ALL] = { "TLBI_NSNH_ALL", 0, true },
	[IOMMUNEST_SMMUV3_ATC_INV] = { "ATC_INV",
				       SUBSTREAM | HAS(F_GLOBAL) | HAS(F_ADDR) |
					       HAS(F_ATC_SIZE),
				       true },
	[IOMMUNEST_SMMUV3_PRI_RESP] = { "PRI_RESP",
					SUBSTREAM | HAS(F_PRGINDEX) |
						HAS(F_RESP),
					false },
	[IOMMUNEST_SMMUV3_RESUME] = { "RESUME",
				      STREAM | HAS(F_STAG) | HAS(F_AC) |
					      HAS(F_AB),
				      false },
	[IOMMUNEST_SMMUV3_STALL_TERM] = { "STALL_TERM", STREAM, false },
	[IOMMUNEST_SMMUV3_SYNC] = { "SYNC",
				    HAS(F_CS) | HAS(F_MSH) | HAS(F_MSIATTR) |
					    HAS(F_MSIADDR) | HAS(F_MSIDATA),
				    false },
};

const struct smmu_cmd_type *iommunest__smmuv3_cmd_type(unsigned int opcode)
{
	if (opcode >= ARRAY_LEN(types) || !types[opcode].name)
		return NULL;
	return &types[opcode];
}

EXPORT const char *iommunest_smmuv3_cmd_name(unsigned int opcode)
{
	const struct smmu_cmd_type *type = iommunest__smmuv3_cmd_type(opcode);

	return type ? type->name : "unknown";
}
