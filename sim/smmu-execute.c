/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the hardware does with a vIOMMU's commands (SMMU architecture
 * specification, chapter 4): it removes from its caches what they name.
 */
#include "smmu-execute.h"

#include "cache.h"
#include "objects.h"
#include "smmu-cache.h"
#include "smmu-command.h"
#include "smmu-context.h"

#define NUM(word) ((unsigned int)((word)[0] >> 12 & 0x1f))
#define SCALE(word) ((unsigned int)((word)[0] >> 20 & 0x3f))
#define SSV(word) ((word)[0] & 1 << 11)
#define SSID(word) ((uint32_t)((word)[0] >> 12 & 0xfffff))
#define ASID(word) ((uint32_t)((word)[0] >> 48))
#define LEAF(word) ((word)[1] & 1)
#define TTL(word) ((unsigned int)((word)[1] >> 8 & 3))
#define TG(word) ((unsigned int)((word)[1] >> 10 & 3))
#define ADDR(word) ((word)[1] & ~UINT64_C(0xfff))
#define ATC_SIZE(word) ((unsigned int)((word)[1] & 0x3f))

/* The last address of @count granules. */
static uint64_t last_of(uint64_t first, uint64_t count, unsigned int granule)
{
	const uint64_t most = (UINT64_MAX - first) >> granule;

	return count > most ? UINT64_MAX : first + (count << granule) - 1;
}

/* Without a granule, it is the one entry that translates the address. */
static struct sim_tlbi read_range(const uint64_t word[2], uint32_t asid)
{
	struct sim_tlbi tlbi = {
		.asid = asid,
		.first = ADDR(word),
		.last = ADDR(word),
		.leaves_only = LEAF(word),
	};

	if (!TG(word))
		return tlbi;
	tlbi.granule = 10 + 2 * TG(word);
	tlbi.last =
		last_of(tlbi.first, (NUM(word) + UINT64_C(1)) << SCALE(word),
			tlbi.granule);
	/* The level of the leaves, as a promise. */
	if (TTL(word))
		tlbi.shift =
			tlbi.granule + (3 - TTL(word)) * (tlbi.granule - 3);
	return tlbi;
}

static void drop_range(struct sim_asids *asids, const uint64_t word[2],
		       uint32_t asid)
{
	const struct sim_tlbi tlbi = read_range(word, asid);

	iommunest__sim_asids_drop(asids, &tlbi);
}

static void drop_dev_tlb(struct sim_device *dev, const uint64_t word[2])
{
	const struct sim_block block = {
		.addr = ADDR(word),
		.am = ATC_SIZE(word),
	};

	/* With one, it is for what the device has of that substream. */
	if (!SSV(word))
		iommunest__sim_tlb_drop(&dev->tlb, &block);
}

static struct sim_device *device_of(const struct sim_file *file,
				    const uint64_t word[2])
{
	return iommunest__sim_device_get(
		file, iommunest__sim_smmu_device(word[0] >> 32));
}

void iommunest__sim_smmu_execute(const struct sim_file *file,
				 const struct sim_viommu *viommu,
				 const uint64_t word[2])
{
	struct sim_asids *asids = &viommu->parent->asids;

	switch (word[0] & 0xff) {
	case SIM_SMMU_NH_ALL:
		iommunest__sim_asids_free(asids);
		break;
	case SIM_SMMU_NH_ASID:
		iommunest__sim_asids_drop_asid(asids, ASID(word));
		break;
	case SIM_SMMU_NH_VA:
		drop_range(asids, word, ASID(word));
		break;
	case SIM_SMMU_NH_VAA:
		drop_range(asids, word, SIM_ASID_ANY);
		break;
	case SIM_SMMU_CFGI_CD:
		iommunest__sim_smmu_forget_context(device_of(file, word),
						   SSID(word), LEAF(word));
		break;
	case SIM_SMMU_CFGI_CD_ALL:
		iommunest__sim_smmu_forget(device_of(file, word));
		break;
	case SIM_SMMU_ATC_INV:
		drop_dev_tlb(device_of(file, word), word);
		break;
	default:
		break;
	}
}
