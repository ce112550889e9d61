/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A guest's stream table entry, and what a nested HWPT is made of.  The kernel
 * checks which bits are set, Config and EATS.  What the hardware then makes of
 * the rest, it does not look at.
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/smmuv3/caps.h"
#include "lib/smmuv3/ste.h"

#define S1FMT_RESERVED 3u
#define S1DSS_RESERVED 3u

EXPORT int iommunest_smmuv3_ste_decode(struct iommunest_smmuv3_ste *ste,
				       const uint64_t words[2])
{
	struct iommunest_smmuv3_ste out = { 0 };
	uint64_t word0, word1;
	int ret;

	if (!ste || !words)
		return -EINVAL;
	ret = iommunest_check_size(ste,
				   END_OF(struct iommunest_smmuv3_ste, strw));
	if (ret)
		return ret;
	word0 = out.raw[0] = smmu_le64(words[0]);
	word1 = out.raw[1] = smmu_le64(words[1]);
	out.valid = word0 & STE0_V;
	out.config = (uint8_t)bits_get(word0, STE0_CONFIG);
	out.s1fmt = (uint8_t)bits_get(word0, STE0_S1FMT);
	out.s1contextptr = word0 & STE0_S1CONTEXTPTR;
	out.s1cdmax = (uint8_t)bits_get(word0, STE0_S1CDMAX);
	out.s1dss = (uint8_t)bits_get(word1, STE1_S1DSS);
	out.s1cir = (uint8_t)bits_get(word1, STE1_S1CIR);
	out.s1cor = (uint8_t)bits_get(word1, STE1_S1COR);
	out.s1csh = (uint8_t)bits_get(word1, STE1_S1CSH);
	out.s1stalld = word1 & STE1_S1STALLD;
	out.eats = (uint8_t)bits_get(word1, STE1_EATS);
	out.strw = (uint8_t)bits_get(word1, STE1_STRW);
	iommunest_copy_out(ste, &out, sizeof(out));
	return 0;
}

/* Hardware looks at these only if there are several descriptors. */
static uint32_t check_substreams(const struct iommunest_smmuv3_ste *ste,
				 const struct iommunest_smmuv3_caps *caps)
{
	if (!ste->s1cdmax)
		return IOMMUNEST_SMMUV3_STE_REASON_NONE;
	if (ste->s1cdmax > caps->ssid_bits)
		return IOMMUNEST_SMMUV3_STE_REASON_S1CDMAX;
	if (ste->s1fmt == S1FMT_RESERVED ||
	    (ste->s1fmt != IOMMUNEST_SMMUV3_S1FMT_LINEAR && !caps->cd2l))
		return IOMMUNEST_SMMUV3_STE_REASON_S1FMT;
	if (ste->s1dss == S1DSS_RESERVED)
		return IOMMUNEST_SMMUV3_STE_REASON_S1DSS;
	return IOMMUNEST_SMMUV3_STE_REASON_NONE;
}

static uint32_t check_s1(const struct iommunest_smmuv3_ste *ste,
			 const struct iommunest_smmuv3_caps *caps,
			 unsigned int addr_bits)
{
	if (ste->strw)
		return IOMMUNEST_SMMUV3_STE_REASON_STRW;
	if (addr_bits < 64 && ste->s1contextptr >> addr_bits)
		return IOMMUNEST_SMMUV3_STE_REASON_ADDRESS;
	return check_substreams(ste, caps);
}

static uint32_t check(const struct iommunest_smmuv3_ste *ste,
		      const struct iommunest_smmuv3_caps *caps,
		      unsigned int addr_bits)
{
	uint32_t reason = IOMMUNEST_SMMUV3_STE_REASON_NONE;

	if (!smmu_is_config(ste->config))
		return IOMMUNEST_SMMUV3_STE_REASON_CONFIG;
	if (ste->config == IOMMUNEST_SMMUV3_CONFIG_S1)
		reason = check_s1(ste, caps, addr_bits);
	if (reason)
		return reason;
	if (ste->eats > STE_EATS_FULL || (ste->eats && !caps->ats))
		return IOMMUNEST_SMMUV3_STE_REASON_EATS;
	return IOMMUNEST_SMMUV3_STE_REASON_NONE;
}

static int error_of(uint32_t reason)
{
	switch (reason) {
	case IOMMUNEST_SMMUV3_STE_REASON_NONE:
		return 0;
	case IOMMUNEST_SMMUV3_STE_REASON_CONFIG:
	case IOMMUNEST_SMMUV3_STE_REASON_STRW:
	case IOMMUNEST_SMMUV3_STE_REASON_EATS:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
}

/* Without a stage 1, only what is looked at. */
static struct iommunest_smmuv3_s1 s1_of(const struct iommunest_smmuv3_ste *ste)
{
	uint64_t mask0 = STE0_V | STE0_CONFIG;
	uint64_t mask1 = STE1_EATS;

	if (!ste->valid)
		return (struct iommunest_smmuv3_s1){ { 0, 0 } };
	if (ste->config == IOMMUNEST_SMMUV3_CONFIG_S1) {
		mask0 = STE0_NESTING;
		mask1 = STE1_NESTING;
	}
	return (struct iommunest_smmuv3_s1){ { smmu_le64(ste->raw[0] & mask0),
					       smmu_le64(ste->raw[1] &
							 mask1) } };
}

EXPORT int iommunest_smmuv3_ste_to_s1(const struct iommunest_smmuv3_ste *ste,
				      const struct iommunest_smmuv3_caps *caps,
				      unsigned int addr_bits,
				      struct iommunest_smmuv3_s1 *s1,
				      uint32_t *reason)
{
	uint32_t found = IOMMUNEST_SMMUV3_STE_REASON_NONE;
	struct iommunest_smmuv3_caps host;
	struct iommunest_smmuv3_ste in;
	int ret;

	if (reason)
		*reason = found;
	if (!ste || !s1 || addr_bits < 32 || addr_bits > 64)
		return -EINVAL;
	ret = iommunest_copy_in(&in, sizeof(in), ste,
				END_OF(struct iommunest_smmuv3_ste, strw));
	if (!ret)
		ret = iommunest__smmuv3_copy_caps(&host, caps);
	if (ret)
		return ret;
	if (in.valid)
		found = check(&in, &host, addr_bits);
	if (reason)
		*reason = found;
	if (!found)
		*s1 = s1_of(&in);
	return error_of(found);
}

EXPORT const char *iommunest_smmuv3_ste_reason_text(uint32_t reason)
{
	switch (reason) {
	case IOMMUNEST_SMMUV3_STE_REASON_NONE:
		return "ok";
	case IOMMUNEST_SMMUV3_STE_REASON_CONFIG:
		return "Config is not abort, bypass or stage 1";
	case IOMMUNEST_SMMUV3_STE_REASON_STRW:
		return "stage 1 is not of EL1";
	case IOMMUNEST_SMMUV3_STE_REASON_S1FMT:
		return "format of context descriptors that the host lacks";
	case IOMMUNEST_SMMUV3_STE_REASON_S1CDMAX:
		return "more context descriptors than the host has substreams";
	case IOMMUNEST_SMMUV3_STE_REASON_ADDRESS:
		return "context descriptors beyond the guest's addresses";
	case IOMMUNEST_SMMUV3_STE_REASON_S1DSS:
		return "reserved behaviour without a substream";
	case IOMMUNEST_SMMUV3_STE_REASON_EATS:
		return "ATS that the host or its kernel lacks";
	default:
		return "unknown";
	}
}
