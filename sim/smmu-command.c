/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Which commands the driver takes for a vIOMMU, and what it makes of them.
 * Formats: SMMU architecture specification, chapter 4.
 */
#include "smmu-command.h"

#include <errno.h>

#define BITS(high, low) (UINT64_MAX >> (63 - (high)) & UINT64_MAX << (low))

#define OPCODE BITS(7, 0)
#define VMID BITS(47, 32)
#define ASID_8 BITS(55, 48)
#define ASID_16 BITS(63, 48)
#define SID BITS(63, 32)
#define SSID BITS(31, 12)
#define SSV BITS(11, 11)
#define GLOBAL BITS(9, 9)
#define NUM BITS(16, 12)
#define SCALE_5 BITS(24, 20)
#define SCALE_6 BITS(25, 20)
#define LEAF BITS(0, 0)
#define TTL BITS(9, 8)
#define TG BITS(11, 10)
#define ADDR BITS(63, 12)
#define ATC_SIZE BITS(5, 0)

#define ATC_SIZE_ALL 52u
#define TG_16K (UINT64_C(2) << 10)
#define TTL_1 (UINT64_C(1) << 8)

/* Of the ID registers. */
struct features {
	bool ats;
	bool asid16;
	bool ssid;
	bool ril;
	bool ds;
};

static struct features read_features(const struct sim_smmu_info *info)
{
	return (struct features){
		.ats = iommunest__sim_smmu_has_ats(info),
		.asid16 = info->idr[0] >> 12 & 1,
		.ssid = info->idr[1] >> 6 & 0x1f,
		.ril = info->idr[3] >> 10 & 1,
		.ds = info->idr[5] >> 7 & 1,
	};
}

/* Fields that depend on each other; without ranges there are none of them. */
static bool is_range_wrong(const struct features *has, const uint64_t word[2])
{
	const bool range = word[0] & (NUM | SCALE_6);
	const uint64_t ttl = word[1] & TTL, tg = word[1] & TG;

	if (!has->ril)
		return false;
	if (!tg)
		return range || ttl;
	if (tg == TG_16K && ttl == TTL_1 && !has->ds)
		return true;
	return !range && !ttl;
}

static bool allow_va(const struct features *has, const uint64_t word[2],
		     uint64_t allowed[2])
{
	allowed[0] |= VMID;
	allowed[1] |= LEAF | ADDR;
	if (has->ril) {
		allowed[0] |= NUM | (has->ds ? SCALE_6 : SCALE_5);
		allowed[1] |= TTL | TG;
	}
	return !is_range_wrong(has, word);
}

static bool allow_atc(const struct features *has, const uint64_t word[2],
		      uint64_t allowed[2])
{
	allowed[0] |= SID;
	allowed[1] |= ADDR | ATC_SIZE;
	if (has->ssid)
		allowed[0] |= SSV | SSID | GLOBAL;
	return has->ats && (word[1] & ATC_SIZE) <= ATC_SIZE_ALL;
}

/* The bits that it may have.  False: it is not taken, whatever it has. */
static bool allow(const struct features *has, const uint64_t word[2],
		  uint64_t allowed[2])
{
	const uint64_t asid = has->asid16 ? ASID_16 : ASID_8;

	switch (word[0] & OPCODE) {
	case SIM_SMMU_NSNH_ALL:
		return true;
	case SIM_SMMU_NH_ALL:
		allowed[0] |= VMID;
		return true;
	case SIM_SMMU_NH_ASID:
		allowed[0] |= VMID | asid;
		return true;
	case SIM_SMMU_NH_VA:
		allowed[0] |= asid;
		return allow_va(has, word, allowed);
	case SIM_SMMU_NH_VAA:
		return allow_va(has, word, allowed);
	case SIM_SMMU_CFGI_CD:
		allowed[0] |= SID | (has->ssid ? SSID : 0);
		allowed[1] |= LEAF;
		return true;
	case SIM_SMMU_CFGI_CD_ALL:
		allowed[0] |= SID;
		return true;
	case SIM_SMMU_ATC_INV:
		return allow_atc(has, word, allowed);
	default:
		return false;
	}
}

/* NULL: the vIOMMU has no such stream. */
static const struct sim_device *find_stream(const struct sim_file *file,
					    const struct sim_viommu *viommu,
					    uint64_t virt_id)
{
	uint32_t id;

	for (id = 0; id < file->object_room; id++) {
		const struct sim_object *obj = file->objects[id];
		const struct sim_vdevice *vdevice = (const void *)obj;

		if (obj && obj->type == SIM_VDEVICE &&
		    vdevice->viommu == viommu && vdevice->virt_id == virt_id)
			return vdevice->dev;
	}
	return NULL;
}

/* The host's number is not a guest's by accident. */
#define FIRST_STREAM 0x10000u

uint32_t iommunest__sim_smmu_device(uint64_t stream)
{
	return (uint32_t)stream - FIRST_STREAM;
}

static uint64_t stream_of(const struct sim_device *dev)
{
	return FIRST_STREAM + (uint64_t)dev->obj.id;
}

static bool has_stream(uint64_t opcode)
{
	return opcode == SIM_SMMU_CFGI_CD || opcode == SIM_SMMU_CFGI_CD_ALL ||
	       opcode == SIM_SMMU_ATC_INV;
}

int iommunest__sim_smmu_convert(const struct sim_call *call,
				const struct sim_viommu *viommu,
				uint64_t word[2])
{
	const struct features has = read_features(&call->sim->smmu_info);
	const uint64_t opcode = word[0] & OPCODE;
	uint64_t allowed[2] = { OPCODE, 0 };
	const struct sim_device *dev;

	if (!allow(&has, word, allowed) || word[0] & ~allowed[0] ||
	    word[1] & ~allowed[1])
		return -EIO;
	if (has_stream(opcode)) {
		dev = find_stream(call->file, viommu, word[0] >> 32);
		if (!dev)
			return -EIO;
		word[0] = (word[0] & ~SID) | stream_of(dev) << 32;
		return 0;
	}
	if (opcode == SIM_SMMU_NSNH_ALL)
		word[0] = SIM_SMMU_NH_ALL;
	word[0] = (word[0] & ~VMID) | (uint64_t)viommu->parent->vmid << 32;
	return 0;
}
