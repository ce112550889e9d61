/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "smmu-registers.h"

/*
 * QEMU's, with S2FWB: two stages, coherent, ASIDs and VMIDs of 16 bits, no ATS;
 * 16 bits of streams and none of substreams; range invalidation; 44 bits.
 */
struct sim_smmu_info iommunest__sim_smmu_info(void)
{
	return (struct sim_smmu_info){
		.idr = { 0x0d44101b, 0x02730010, 0, 0x1514, 0, 0x74 },
	};
}

uint64_t iommunest__sim_smmu_last_iova(bool first_stage)
{
	return (UINT64_C(1) << (first_stage ? 48 : 44)) - 1;
}
