/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "smmu-registers.h"

#include <string.h>

#define IDR0_ATS (1u << 10)

/*
 * QEMU's, with S2FWB: two stages, coherent, ASIDs and VMIDs of 16 bits, no ATS;
 * 16 bits of streams and none of substreams; range invalidation; 44 bits.
 */
static const uint32_t of_qemu[6] = {
	0x0d44101b, 0x02730010, 0, 0x1514, 0, 0x74
};

struct sim_smmu_info iommunest__sim_smmu_info(const uint32_t idr[6],
					      uint32_t errata)
{
	static const uint32_t none[6];
	struct sim_smmu_info info = { .flags = errata };

	if (!memcmp(idr, none, sizeof(none)))
		idr = of_qemu;
	memcpy(info.idr, idr, sizeof(info.idr));
	return info;
}

bool iommunest__sim_smmu_has_ats(const struct sim_smmu_info *info)
{
	return info->idr[0] & IDR0_ATS;
}

uint64_t iommunest__sim_smmu_last_iova(bool first_stage)
{
	return (UINT64_C(1) << (first_stage ? 48 : 44)) - 1;
}
