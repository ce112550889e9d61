/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Builders for the commands that the kernel takes. */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/smmuv3/cmd-fields.h"
#include "lib/smmuv3/entry.h"

_Static_assert(sizeof(struct iommunest_smmuv3_entry) ==
		       sizeof(struct iommu_viommu_arm_smmuv3_invalidate),
	       "an entry is sent as it is");

#define SSID_MAX 0xfffffu
#define PAGE_SHIFT 12u

struct iommunest_smmuv3_entry iommunest__smmuv3_entry(uint64_t word0,
						      uint64_t word1)
{
	return (struct iommunest_smmuv3_entry){ { smmu_le64(word0),
						  smmu_le64(word1) } };
}

EXPORT void iommunest_smmuv3_tlbi_nsnh_all(struct iommunest_smmuv3_entry *entry)
{
	*entry = iommunest__smmuv3_entry(IOMMUNEST_SMMUV3_TLBI_NSNH_ALL, 0);
}

EXPORT void iommunest_smmuv3_tlbi_nh_all(struct iommunest_smmuv3_entry *entry)
{
	*entry = iommunest__smmuv3_entry(IOMMUNEST_SMMUV3_TLBI_NH_ALL, 0);
}

EXPORT void iommunest_smmuv3_tlbi_nh_asid(struct iommunest_smmuv3_entry *entry,
					  uint16_t asid)
{
	*entry = iommunest__smmuv3_entry(
		IOMMUNEST_SMMUV3_TLBI_NH_ASID | bits_put(asid, CMD0_ASID), 0);
}

static uint64_t address(uint64_t addr, bool leaf)
{
	return (addr & CMD1_ADDR) | (leaf ? CMD1_LEAF : 0);
}

EXPORT void iommunest_smmuv3_tlbi_nh_va(struct iommunest_smmuv3_entry *entry,
					uint16_t asid, uint64_t addr, bool leaf)
{
	*entry = iommunest__smmuv3_entry(IOMMUNEST_SMMUV3_TLBI_NH_VA |
						 bits_put(asid, CMD0_ASID),
					 address(addr, leaf));
}

EXPORT void iommunest_smmuv3_tlbi_nh_vaa(struct iommunest_smmuv3_entry *entry,
					 uint64_t addr, bool leaf)
{
	*entry = iommunest__smmuv3_entry(IOMMUNEST_SMMUV3_TLBI_NH_VAA,
					 address(addr, leaf));
}

EXPORT int iommunest_smmuv3_cfgi_cd(struct iommunest_smmuv3_entry *entry,
				    uint32_t sid, uint32_t ssid, bool leaf)
{
	if (!entry || ssid > SSID_MAX)
		return -EINVAL;
	*entry = iommunest__smmuv3_entry(IOMMUNEST_SMMUV3_CFGI_CD |
						 bits_put(sid, CMD0_SID) |
						 bits_put(ssid, CMD0_SSID),
					 leaf ? CMD1_LEAF : 0);
	return 0;
}

EXPORT void iommunest_smmuv3_cfgi_cd_all(struct iommunest_smmuv3_entry *entry,
					 uint32_t sid)
{
	*entry = iommunest__smmuv3_entry(
		IOMMUNEST_SMMUV3_CFGI_CD_ALL | bits_put(sid, CMD0_SID), 0);
}

/* The block of 2^@log2 pages that holds it. */
static uint64_t block(uint64_t addr, unsigned int log2)
{
	if (log2 == IOMMUNEST_SMMUV3_ATC_ALL)
		return 0;
	return addr & ~UINT64_C(0) << (PAGE_SHIFT + log2);
}

EXPORT int iommunest_smmuv3_atc_inv(struct iommunest_smmuv3_entry *entry,
				    uint32_t sid, uint32_t ssid, uint64_t addr,
				    unsigned int log2)
{
	uint64_t word0 = IOMMUNEST_SMMUV3_ATC_INV | bits_put(sid, CMD0_SID);

	if (!entry || log2 > IOMMUNEST_SMMUV3_ATC_ALL)
		return -EINVAL;
	if (ssid != IOMMUNEST_SMMUV3_NO_SSID) {
		if (ssid > SSID_MAX)
			return -EINVAL;
		word0 |= CMD0_SSV | bits_put(ssid, CMD0_SSID);
	}
	*entry = iommunest__smmuv3_entry(
		word0, block(addr, log2) | bits_put(log2, CMD1_ATC_SIZE));
	return 0;
}
