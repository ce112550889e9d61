/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Context descriptors, for requests without a substream (SMMU architecture
 * specification, chapter 5, "Stream Table Entry", "Level 1 Context Descriptor"
 * and "Context Descriptor").
 */
#include "smmu-context.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define FIELD(word, high, low) \
	((word) >> (low) & (UINT64_MAX >> (63 - (high) + (low))))

#define IDR0_HTTU(info) FIELD((info)->idr[0], 7, 6)
#define IDR0_ASID16(info) FIELD((info)->idr[0], 12, 12)
#define IDR0_CD2L(info) FIELD((info)->idr[0], 19, 19)
#define IDR0_STALL_MODEL(info) FIELD((info)->idr[0], 25, 24)
#define IDR0_TERM_MODEL(info) FIELD((info)->idr[0], 26, 26)
#define IDR1_SSIDSIZE(info) FIELD((info)->idr[1], 10, 6)
#define IDR5_OAS(info) FIELD((info)->idr[5], 2, 0)
#define NO_STALLS 1u

#define STE0_FORMAT(ste) FIELD((ste)[0], 5, 4)
#define STE0_CONTEXT 0x000fffffffffffc0u
#define STE0_CDMAX(ste) FIELD((ste)[0], 63, 59)
#define STE1_DSS(ste) FIELD((ste)[1], 1, 0)
#define FORMAT_LINEAR 0u
#define FORMAT_4K 1u
#define DSS_TERMINATE 0u
#define DSS_BYPASS 1u

#define LEVEL1_V 1u
#define LEVEL1_ADDR 0x000ffffffffff000u

#define CD0_T0SZ(cd) FIELD((cd)[0], 5, 0)
#define CD0_TG0(cd) FIELD((cd)[0], 7, 6)
#define CD0_EPD0(cd) FIELD((cd)[0], 14, 14)
#define CD0_ENDI(cd) FIELD((cd)[0], 15, 15)
#define CD0_V(cd) FIELD((cd)[0], 31, 31)
#define CD0_IPS(cd) FIELD((cd)[0], 34, 32)
#define CD0_AFFD(cd) FIELD((cd)[0], 35, 35)
#define CD0_TBI0(cd) FIELD((cd)[0], 38, 38)
#define CD0_AA64(cd) FIELD((cd)[0], 41, 41)
#define CD0_HD(cd) FIELD((cd)[0], 42, 42)
#define CD0_HA(cd) FIELD((cd)[0], 43, 43)
#define CD0_S(cd) FIELD((cd)[0], 44, 44)
#define CD0_R(cd) FIELD((cd)[0], 45, 45)
#define CD0_A(cd) FIELD((cd)[0], 46, 46)
#define CD0_ASID(cd) FIELD((cd)[0], 63, 48)
#define CD1_HAD0(cd) FIELD((cd)[1], 1, 1)
#define CD1_TTB0 0x000ffffffffffff0u
#define CD_WORDS 8

#define T0SZ_MIN 16u
#define T0SZ_MAX 39u

/* TG0, where IDR5 has it; 0: there is no such granule. */
static unsigned int granule_of(const struct sim_smmu_info *info,
			       const uint64_t cd[CD_WORDS])
{
	static const unsigned int shifts[] = { 12, 16, 14, 0 };
	static const unsigned int idr5[] = { 1u << 4, 1u << 6, 1u << 5, 0 };

	return info->idr[5] & idr5[CD0_TG0(cd)] ? shifts[CD0_TG0(cd)] : 0;
}

static unsigned int output_width(const struct sim_smmu_info *info,
				 const uint64_t cd[CD_WORDS])
{
	static const unsigned int widths[] = { 32, 36, 40, 42, 44, 48, 52, 52 };
	const unsigned int most = widths[IDR5_OAS(info)];
	const unsigned int wanted = widths[CD0_IPS(cd)];

	return wanted < most ? wanted : most;
}

/* Tables are those of AArch64; hardware's flags are taken, and not written. */
static bool is_possible(const struct sim_smmu_info *info,
			const uint64_t cd[CD_WORDS])
{
	if (!CD0_V(cd) || !CD0_AA64(cd))
		return false;
	if (CD0_HA(cd) + CD0_HD(cd) > IDR0_HTTU(info))
		return false;
	if (CD0_S(cd) && IDR0_STALL_MODEL(info) == NO_STALLS)
		return false;
	return CD0_A(cd) || !IDR0_TERM_MODEL(info);
}

static bool has_table(const struct sim_smmu_info *info,
		      const uint64_t cd[CD_WORDS])
{
	return CD0_T0SZ(cd) >= T0SZ_MIN && CD0_T0SZ(cd) <= T0SZ_MAX &&
	       granule_of(info, cd) && !CD0_ENDI(cd) &&
	       !((cd[1] & CD1_TTB0) >> output_width(info, cd));
}

static struct sim_context decode(const struct sim_smmu_info *info,
				 const uint64_t cd[CD_WORDS])
{
	const uint16_t asids = IDR0_ASID16(info) ? UINT16_MAX : UINT8_MAX;

	return (struct sim_context){
		.cached = true,
		.no_table = CD0_EPD0(cd),
		.ignores_top_byte = CD0_TBI0(cd),
		.ignores_access_flag = CD0_AFFD(cd) || CD0_HA(cd),
		.ignores_table_rights = CD1_HAD0(cd),
		.records_faults = CD0_R(cd),
		.asid = (uint16_t)CD0_ASID(cd) & asids,
		.table = cd[1] & CD1_TTB0,
		.granule = granule_of(info, cd),
		.input_width = 64 - (unsigned int)CD0_T0SZ(cd),
		.output_width = output_width(info, cd),
	};
}

/* ---- Where it is ---- */

static int find_level2(struct sim_access *access, struct sim_contexts *contexts)
{
	const uint64_t at = access->hwpt->ste[0] & STE0_CONTEXT;
	uint64_t level1;
	int ret;

	if (contexts->has_level2)
		return 0;
	ret = iommunest__sim_read_stage2(access, at, &level1, sizeof(level1));
	if (ret)
		return ret;
	level1 = le64toh(level1);
	if (!(level1 & LEVEL1_V))
		return iommunest__sim_refuse(access,
					     IOMMUNEST_SIM_DMA_SUBSTREAM, at);
	contexts->has_level2 = true;
	contexts->level2 = level1 & LEVEL1_ADDR;
	return 0;
}

/* The one of SSID 0 is the first. */
static int find(struct sim_access *access, struct sim_contexts *contexts,
		uint64_t *at)
{
	const struct sim_smmu_info *info = &access->sim->smmu_info;
	const uint64_t *ste = access->hwpt->ste;
	int ret;

	*at = ste[0] & STE0_CONTEXT;
	if (STE0_CDMAX(ste) > IDR1_SSIDSIZE(info))
		return iommunest__sim_refuse(access, IOMMUNEST_SIM_DMA_STE,
					     *at);
	if (STE0_CDMAX(ste) == 0)
		return 0;
	if (STE0_FORMAT(ste) != FORMAT_LINEAR && !IDR0_CD2L(info))
		return iommunest__sim_refuse(access, IOMMUNEST_SIM_DMA_STE,
					     *at);
	if (STE1_DSS(ste) == DSS_TERMINATE)
		return iommunest__sim_refuse(access,
					     IOMMUNEST_SIM_DMA_STREAM_DISABLED,
					     access->iova);
	if (STE0_FORMAT(ste) == FORMAT_LINEAR)
		return 0;
	ret = find_level2(access, contexts);
	*at = contexts->level2;
	return ret;
}

/* What is refused is not cached. */
static int fetch(struct sim_access *access, struct sim_contexts *contexts)
{
	const struct sim_smmu_info *info = &access->sim->smmu_info;
	uint64_t cd[CD_WORDS], at;
	unsigned int i;
	int ret = find(access, contexts, &at);

	if (!ret)
		ret = iommunest__sim_read_stage2(access, at, cd, sizeof(cd));
	if (ret)
		return ret;
	for (i = 0; i < CD_WORDS; i++)
		cd[i] = le64toh(cd[i]);
	if (!is_possible(info, cd) || (!CD0_EPD0(cd) && !has_table(info, cd)))
		return iommunest__sim_refuse(access, IOMMUNEST_SIM_DMA_CD, at);
	contexts->context = decode(info, cd);
	return 0;
}

const struct sim_context *iommunest__sim_smmu_context(struct sim_access *access,
						      struct sim_device *dev)
{
	if (!dev->contexts.context.cached && fetch(access, &dev->contexts))
		return NULL;
	return &dev->contexts.context;
}

bool iommunest__sim_smmu_bypasses(const struct sim_hwpt *hwpt)
{
	return STE0_CDMAX(hwpt->ste) && STE1_DSS(hwpt->ste) == DSS_BYPASS;
}

/* ---- Invalidation ---- */

/* How many an entry of the first level is for. */
static uint32_t ssids_of_level2(const struct sim_hwpt *hwpt)
{
	return STE0_FORMAT(hwpt->ste) == FORMAT_4K ? 64 : 1024;
}

void iommunest__sim_smmu_forget_context(struct sim_device *dev, uint32_t ssid,
					bool leaf)
{
	if (ssid == 0)
		dev->contexts.context.cached = false;
	if (dev->hwpt && ssid < ssids_of_level2(dev->hwpt) && !leaf)
		dev->contexts.has_level2 = false;
}

void iommunest__sim_smmu_forget(struct sim_device *dev)
{
	memset(&dev->contexts, 0, sizeof(dev->contexts));
}
