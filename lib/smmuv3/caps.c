/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the ID registers say, as far as they may be read. */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/smmuv3/bits.h"
#include "lib/smmuv3/caps.h"

_Static_assert(IOMMUNEST_HW_ARM_SMMUV3 == IOMMU_HW_INFO_TYPE_ARM_SMMUV3,
	       "uAPI type");

/* SMMU architecture specification, chapter 6. */
#define IDR0_ST_LEVEL BITS(28, 27)
#define IDR0_TERM_MODEL BIT(26)
#define IDR0_STALL_MODEL BITS(25, 24)
#define IDR0_TTENDIAN BITS(22, 21)
#define IDR0_CD2L BIT(19)
#define IDR0_ASID16 BIT(12)
#define IDR0_TTF BITS(3, 2)
#define IDR1_SSIDSIZE BITS(10, 6)
#define IDR1_SIDSIZE BITS(5, 0)
#define IDR3_BBML BITS(12, 11)
#define IDR3_RIL BIT(10)
#define IDR5_VAX BITS(11, 10)
#define IDR5_DS BIT(7)
#define IDR5_GRAN64K BIT(6)
#define IDR5_GRAN16K BIT(5)
#define IDR5_GRAN4K BIT(4)

/*
 * The kernel hands the registers out as they are, and says which fields it
 * stands by, today and in later releases.
 */
static const uint64_t readable[6] = {
	[0] = IDR0_ST_LEVEL | IDR0_TERM_MODEL | IDR0_STALL_MODEL |
	      IDR0_TTENDIAN | IDR0_CD2L | IDR0_ASID16 | IDR0_TTF,
	[1] = IDR1_SSIDSIZE | IDR1_SIDSIZE,
	[3] = IDR3_BBML | IDR3_RIL,
	[5] = IDR5_VAX | IDR5_DS | IDR5_GRAN64K | IDR5_GRAN16K | IDR5_GRAN4K,
};

static void decode(struct iommunest_smmuv3_caps *to)
{
	const uint32_t *idr = to->idr;

	to->st_level = (uint8_t)bits_get(idr[0], IDR0_ST_LEVEL);
	to->term_model = idr[0] & IDR0_TERM_MODEL;
	to->stall_model = (uint8_t)bits_get(idr[0], IDR0_STALL_MODEL);
	to->ttendian = (uint8_t)bits_get(idr[0], IDR0_TTENDIAN);
	to->cd2l = idr[0] & IDR0_CD2L;
	to->asid_bits = idr[0] & IDR0_ASID16 ? 16 : 8;
	to->ttf = (uint8_t)bits_get(idr[0], IDR0_TTF);
	to->sid_bits = (uint8_t)bits_get(idr[1], IDR1_SIDSIZE);
	to->ssid_bits = (uint8_t)bits_get(idr[1], IDR1_SSIDSIZE);
	to->bbml = (uint8_t)bits_get(idr[3], IDR3_BBML);
	to->ril = idr[3] & IDR3_RIL;
	to->vax = (uint8_t)bits_get(idr[5], IDR5_VAX);
	to->gran4k = idr[5] & IDR5_GRAN4K;
	to->gran16k = idr[5] & IDR5_GRAN16K;
	to->gran64k = idr[5] & IDR5_GRAN64K;
	to->ds = idr[5] & IDR5_DS;
}

EXPORT int iommunest_smmuv3_caps_decode(struct iommunest_smmuv3_caps *caps,
					const struct iommunest_hw_info *info)
{
	struct iommunest_smmuv3_caps out = { 0 };
	struct iommu_hw_info_arm_smmuv3 host;
	unsigned int i;
	int ret;

	if (!caps || !info ||
	    info->size < END_OF(struct iommunest_hw_info, data))
		return -EINVAL;
	ret = iommunest_check_size(caps,
				   END_OF(struct iommunest_smmuv3_caps, ds));
	if (ret)
		return ret;
	if (info->type != IOMMUNEST_HW_ARM_SMMUV3 ||
	    info->data_len < sizeof(host))
		return -EOPNOTSUPP;
	memcpy(&host, info->data, sizeof(host));
	out.flags = host.flags;
	for (i = 0; i < ARRAY_LEN(readable); i++)
		out.idr[i] = host.idr[i] & (uint32_t)readable[i];
	out.iidr = host.iidr;
	out.aidr = host.aidr;
	decode(&out);
	out.ats = !(info->capabilities & IOMMUNEST_HW_CAP_NO_ATS);
	iommunest_copy_out(caps, &out, sizeof(out));
	return 0;
}

int iommunest__smmuv3_copy_caps(struct iommunest_smmuv3_caps *to,
				const struct iommunest_smmuv3_caps *from)
{
	if (!from)
		return -EINVAL;
	return iommunest_copy_in(to, sizeof(*to), from,
				 END_OF(struct iommunest_smmuv3_caps, ds));
}
