/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Which commands the kernel takes.  It says EIO of all others, and on some
 * releases does not tell which of a group it was; so it is known here first.
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/smmuv3/caps.h"
#include "lib/smmuv3/cmd-fields.h"

#define TG_16K 2u
/* SCALE has a sixth bit with DS only. */
#define SCALE_MAX 31u

#define RANGE0 (CMD0_NUM | CMD0_SCALE)
#define RANGE1 (CMD1_TG | CMD1_TTL)

static uint32_t check_range(const uint64_t words[2],
			    const struct iommunest_smmuv3_caps *caps)
{
	const uint64_t scale = bits_get(words[0], CMD0_SCALE);
	const uint64_t ttl = bits_get(words[1], CMD1_TTL);
	const uint64_t tg = bits_get(words[1], CMD1_TG);
	const bool any = words[0] & RANGE0 || words[1] & RANGE1;
	const bool is_range = words[0] & RANGE0;

	if (!any)
		return IOMMUNEST_SMMUV3_CMD_REASON_NONE;
	if (!caps->ril)
		return IOMMUNEST_SMMUV3_CMD_REASON_NO_RANGE;
	if (!tg || (!is_range && !ttl))
		return IOMMUNEST_SMMUV3_CMD_REASON_RANGE;
	if (!caps->ds && (scale > SCALE_MAX || (tg == TG_16K && ttl == 1)))
		return IOMMUNEST_SMMUV3_CMD_REASON_RANGE;
	return IOMMUNEST_SMMUV3_CMD_REASON_NONE;
}

static uint32_t check_tlbi(const uint64_t words[2],
			   const struct iommunest_smmuv3_caps *caps,
			   uint32_t has)
{
	if (has & HAS(F_ASID) &&
	    bits_get(words[0], CMD0_ASID) >> caps->asid_bits)
		return IOMMUNEST_SMMUV3_CMD_REASON_ASID;
	if (has & HAS(F_TG))
		return check_range(words, caps);
	return IOMMUNEST_SMMUV3_CMD_REASON_NONE;
}

static uint32_t check_stream(const uint64_t words[2],
			     const struct iommunest_smmuv3_caps *caps,
			     uint32_t has)
{
	uint64_t substream = 0;

	if (has & HAS(F_ATC_SIZE)) {
		if (!caps->ats)
			return IOMMUNEST_SMMUV3_CMD_REASON_ATS;
		if (bits_get(words[1], CMD1_ATC_SIZE) >
		    IOMMUNEST_SMMUV3_ATC_ALL)
			return IOMMUNEST_SMMUV3_CMD_REASON_SIZE;
		substream = CMD0_SSV | CMD0_GLOBAL;
	}
	if (has & HAS(F_SSID))
		substream |= CMD0_SSID;
	if (!caps->ssid_bits && words[0] & substream)
		return IOMMUNEST_SMMUV3_CMD_REASON_SUBSTREAM;
	return IOMMUNEST_SMMUV3_CMD_REASON_NONE;
}

void iommunest__smmuv3_known_bits(uint32_t has, uint64_t known[2])
{
	unsigned int id;

	known[0] = CMD0_OPCODE;
	known[1] = 0;
	for (id = 0; id < F_COUNT; id++) {
		if (has & HAS(id) && id != F_SSEC)
			known[iommunest__smmuv3_fields[id].word] |=
				iommunest__smmuv3_fields[id].mask;
	}
}

uint32_t
iommunest__smmuv3_check_fields(const uint64_t words[2],
			       const struct iommunest_smmuv3_caps *caps,
			       uint32_t has)
{
	if (has & HAS(F_SID))
		return check_stream(words, caps, has);
	return check_tlbi(words, caps, has);
}

/* The members say it too, but a caller may have changed them. */
static uint32_t check(const uint64_t words[2],
		      const struct iommunest_smmuv3_caps *caps)
{
	const struct smmu_cmd_type *type = iommunest__smmuv3_cmd_type(
		(unsigned int)bits_get(words[0], CMD0_OPCODE));
	uint64_t known[2];

	if (!type)
		return IOMMUNEST_SMMUV3_CMD_REASON_UNKNOWN;
	if (!type->is_entry)
		return IOMMUNEST_SMMUV3_CMD_REASON_OPCODE;
	iommunest__smmuv3_known_bits(type->has, known);
	if (words[0] & ~known[0] || words[1] & ~known[1])
		return IOMMUNEST_SMMUV3_CMD_REASON_RESERVED;
	return iommunest__smmuv3_check_fields(words, caps, type->has);
}

EXPORT int iommunest_smmuv3_cmd_check(const struct iommunest_smmuv3_cmd *cmd,
				      const struct iommunest_smmuv3_caps *caps,
				      uint32_t *reason)
{
	struct iommunest_smmuv3_caps host;
	struct iommunest_smmuv3_cmd in;
	uint32_t found;
	int ret;

	if (reason)
		*reason = IOMMUNEST_SMMUV3_CMD_REASON_NONE;
	ret = iommunest__smmuv3_copy_cmd(&in, cmd);
	if (!ret)
		ret = iommunest__smmuv3_copy_caps(&host, caps);
	if (ret)
		return ret;
	found = check(in.raw, &host);
	if (reason)
		*reason = found;
	if (found == IOMMUNEST_SMMUV3_CMD_REASON_OPCODE)
		return -EOPNOTSUPP;
	return found ? -EIO : 0;
}

EXPORT const char *iommunest_smmuv3_cmd_reason_text(uint32_t reason)
{
	switch (reason) {
	case IOMMUNEST_SMMUV3_CMD_REASON_NONE:
		return "ok";
	case IOMMUNEST_SMMUV3_CMD_REASON_UNKNOWN:
		return "unknown command";
	case IOMMUNEST_SMMUV3_CMD_REASON_OPCODE:
		return "not for the kernel, but for the VMM";
	case IOMMUNEST_SMMUV3_CMD_REASON_RESERVED:
		return "reserved bit";
	case IOMMUNEST_SMMUV3_CMD_REASON_ASID:
		return "ASID wider than the host's";
	case IOMMUNEST_SMMUV3_CMD_REASON_NO_RANGE:
		return "range, and the host has none";
	case IOMMUNEST_SMMUV3_CMD_REASON_RANGE:
		return "reserved range";
	case IOMMUNEST_SMMUV3_CMD_REASON_SUBSTREAM:
		return "substream, and the host has none";
	case IOMMUNEST_SMMUV3_CMD_REASON_ATS:
		return "device TLB, and the host has none";
	case IOMMUNEST_SMMUV3_CMD_REASON_SIZE:
		return "more than the whole address space";
	default:
		return "unknown";
	}
}
