/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Which command is whose; see rules.h. */
#include <config.h>

#include "lib/abi.h"
#include "lib/smmuv3/cmd-fields.h"
#include "lib/smmuv3/queue/rules.h"

#define ACTION(command) [IOMMUNEST_SMMUV3_##command] = ACTION_##command
#define IS(command, action) [IOMMUNEST_SMMUV3_##command] = ACTION_##action

/*
 * A guest is shown neither EL2 nor stage 2, and no SMMU of a secure state has
 * its commands here.
 */
const uint8_t iommunest__smmuv3_actions[256] = {
	ACTION(TLBI_NH_ALL),
	ACTION(TLBI_NH_ASID),
	ACTION(TLBI_NH_VA),
	ACTION(TLBI_NH_VAA),
	ACTION(TLBI_NSNH_ALL),
	ACTION(CFGI_CD),
	ACTION(CFGI_CD_ALL),
	ACTION(ATC_INV),
	ACTION(SYNC),
	IS(CFGI_STE, VMM),
	IS(CFGI_STE_RANGE, VMM),
	IS(RESUME, VMM),
	IS(STALL_TERM, VMM),
	IS(PRI_RESP, VMM),
	IS(PREFETCH_CONFIG, PREFETCH),
	IS(PREFETCH_ADDR, PREFETCH),
};

static const uint8_t opcodes[SMMU_RULES] = {
	[ACTION_TLBI_NH_ALL] = IOMMUNEST_SMMUV3_TLBI_NH_ALL,
	[ACTION_TLBI_NH_ASID] = IOMMUNEST_SMMUV3_TLBI_NH_ASID,
	[ACTION_TLBI_NH_VA] = IOMMUNEST_SMMUV3_TLBI_NH_VA,
	[ACTION_TLBI_NH_VAA] = IOMMUNEST_SMMUV3_TLBI_NH_VAA,
	[ACTION_TLBI_NSNH_ALL] = IOMMUNEST_SMMUV3_TLBI_NSNH_ALL,
	[ACTION_CFGI_CD] = IOMMUNEST_SMMUV3_CFGI_CD,
	[ACTION_CFGI_CD_ALL] = IOMMUNEST_SMMUV3_CFGI_CD_ALL,
	[ACTION_ATC_INV] = IOMMUNEST_SMMUV3_ATC_INV,
};

static uint8_t class_of(uint32_t has)
{
	if (!(has & HAS(F_SID)))
		return CLASS_TLBI;
	return has & HAS(F_ATC_SIZE) ? CLASS_ATC : CLASS_CFGI;
}

/* Bits whose values never need a look on this hardware. */
static void find_plain(struct smmu_rule *rule,
		       const struct iommunest_smmuv3_caps *caps)
{
	uint64_t looked_at[2] = { 0, 0 };

	/* Where the host has no ATS, not even the opcode is plain. */
	if (rule->class == CLASS_ATC && !caps->ats) {
		rule->odd[0] = UINT64_MAX;
		return;
	}
	if (rule->class == CLASS_TLBI) {
		looked_at[0] = CMD0_NUM | CMD0_SCALE;
		looked_at[1] = CMD1_TG | CMD1_TTL;
		/* Those above the host's. */
		if (rule->has & HAS(F_ASID) && caps->asid_bits < 16)
			looked_at[0] |= CMD0_ASID << caps->asid_bits;
	}
	/* 2^31 pages are legal. */
	if (rule->class == CLASS_ATC)
		looked_at[1] = BIT(5);
	if (rule->class != CLASS_TLBI && !caps->ssid_bits)
		looked_at[0] = CMD0_SSV | CMD0_SSID | CMD0_GLOBAL;
	rule->odd[0] = ~rule->known[0] | looked_at[0];
	rule->odd[1] = ~rule->known[1] | looked_at[1];
}

/* Of 16 KiB granules, level 1 is reserved without 52-bit addresses. */
#define TG_16K_LEVEL_1 (smmu_put(2, CMD1_TG) | smmu_put(1, CMD1_TTL))
/* SCALE has its sixth bit with them only. */
#define SCALE_5 BIT(25)

static void find_range(struct smmu_rule *rule,
		       const struct iommunest_smmuv3_caps *caps)
{
	rule->no_range[0] = rule->odd[0];
	rule->no_range[1] = rule->odd[1];
	if (!(rule->has & HAS(F_TG)) || !caps->ril)
		return;
	rule->no_range[0] &= ~(CMD0_NUM | CMD0_SCALE);
	rule->no_range[1] &= ~(CMD1_TG | CMD1_TTL);
	if (caps->ds)
		return;
	rule->no_range[0] |= SCALE_5;
	rule->no_hint = TG_16K_LEVEL_1;
}

void iommunest__smmuv3_rules_init(struct smmu_rule rules[SMMU_RULES],
				  const struct iommunest_smmuv3_caps *caps)
{
	unsigned int i;

	for (i = ACTION_ILLEGAL + 1; i < SMMU_RULES; i++) {
		const struct smmu_cmd_type *type =
			iommunest__smmuv3_cmd_type(opcodes[i]);

		rules[i] = (struct smmu_rule){
			.has = type->has,
			.class = class_of(type->has),
		};
		iommunest__smmuv3_known_bits(type->has, rules[i].known);
		find_plain(&rules[i], caps);
		find_range(&rules[i], caps);
	}
}

uint32_t iommunest__smmuv3_rule_check(const struct smmu_rule *rule,
				      const struct iommunest_smmuv3_caps *caps,
				      const uint64_t words[2])
{
	if (words[0] & ~rule->known[0] || words[1] & ~rule->known[1])
		return IOMMUNEST_SMMUV3_CMD_REASON_RESERVED;
	return iommunest__smmuv3_check_fields(words, caps, rule->has);
}

uint32_t iommunest__smmuv3_why_illegal(const uint64_t words[2])
{
	const unsigned int opcode =
		(unsigned int)smmu_get(words[0], CMD0_OPCODE);

	return iommunest__smmuv3_cmd_type(opcode)
		       ? IOMMUNEST_SMMUV3_CMD_REASON_OPCODE
		       : IOMMUNEST_SMMUV3_CMD_REASON_UNKNOWN;
}
