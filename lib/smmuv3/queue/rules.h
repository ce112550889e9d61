/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Which command is whose, and which are illegal for the guest.  What the host
 * would refuse is refused here: Linux's answer names no command for certain,
 * and fails those around it.
 */
#ifndef IOMMUNEST_SMMUV3_QUEUE_RULES_H
#define IOMMUNEST_SMMUV3_QUEUE_RULES_H

#include "lib/smmuv3/cmd-fields.h"

/* What becomes of a command: it is illegal, or has a rule of that number. */
enum smmu_action {
	ACTION_ILLEGAL,
	ACTION_TLBI_NH_ALL,
	ACTION_TLBI_NH_ASID,
	ACTION_TLBI_NH_VA,
	ACTION_TLBI_NH_VAA,
	ACTION_TLBI_NSNH_ALL,
	ACTION_CFGI_CD,
	ACTION_CFGI_CD_ALL,
	ACTION_ATC_INV,
	SMMU_RULES,
	/* It says how it completes. */
	ACTION_SYNC = SMMU_RULES,
	ACTION_VMM,
	ACTION_PREFETCH,
};

/*
 * Classes.  Hardware orders nothing within an array, so that what a CMD_SYNC
 * stands between must not get into one, unless it is of one class.
 */
#define CLASS_TLBI (1u << 0)
#define CLASS_CFGI (1u << 1)
#define CLASS_ATC (1u << 2)

/* Of a command that is forwarded. */
struct smmu_rule {
	/* Without these bits it is legal; what has them is looked at. */
	uint64_t odd[2];
	/* The same of a range, unless TG and TTL are this reserved pair. */
	uint64_t no_range[2];
	uint64_t no_hint;
	/* Bits that the command has. */
	uint64_t known[2];
	/* The same as HAS(). */
	uint32_t has;
	uint8_t class;
};

void iommunest__smmuv3_rules_init(struct smmu_rule rules[SMMU_RULES],
				  const struct iommunest_smmuv3_caps *caps);

/* By opcode. */
extern const uint8_t iommunest__smmuv3_actions[256];

/* iommunest_smmuv3_cmd_reason of a command that is not plain. */
uint32_t iommunest__smmuv3_rule_check(const struct smmu_rule *rule,
				      const struct iommunest_smmuv3_caps *caps,
				      const uint64_t words[2]);

/* The same of a command that no rule is for and the VMM does not get. */
uint32_t iommunest__smmuv3_why_illegal(const uint64_t words[2]);

/* True: it is legal.  Otherwise that depends on the values of its fields. */
static inline bool smmu_rule_is_plain(const struct smmu_rule *rule,
				      const uint64_t words[2])
{
	const uint64_t odd0 = words[0] & rule->odd[0];
	const uint64_t odd1 = words[1] & rule->odd[1];

	if (!(odd0 | odd1))
		return true;
	/* As most invalidations of a guest with RIL are. */
	return !((words[0] & rule->no_range[0]) |
		 (words[1] & rule->no_range[1])) &&
	       odd1 & CMD1_TG && (odd0 | (odd1 & CMD1_TTL)) &&
	       odd1 != rule->no_hint;
}

#endif /* IOMMUNEST_SMMUV3_QUEUE_RULES_H */
