/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Whether an SMMUv3 nests: by what the kernel makes, not by the registers.  The
 * kernel has errata to go by, and the firmware's CANWBS, which it tells nobody.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "tools/check/check.h"

/*
 * Fields that the kernel hands out, and does not stand by: only to explain what
 * it has refused (SMMU architecture specification, chapter 6).
 */
#define IDR0_S2P (UINT32_C(1) << 0)
#define IDR0_S1P (UINT32_C(1) << 1)
#define IDR3_FWB (UINT32_C(1) << 8)

/* In struct iommu_hw_info_arm_smmuv3, after flags. */
#define IDR_OFFSET 8

/* Of the guest's memory; nothing is mapped. */
#define ADDR_BITS 48

struct smmuv3 {
	struct check *check;
	const struct check_device *device;
	struct iommunest_ctx *ctx;
	uint32_t dev_id;
	struct iommunest_smmuv3_caps caps;
	uint32_t parent_id;
	uint32_t viommu_id;
};

static uint32_t raw_idr(const struct iommunest_hw_info *info, size_t index)
{
	const unsigned char *data = (const void *)info->data;
	uint32_t idr;

	memcpy(&idr, data + IDR_OFFSET + index * sizeof(idr), sizeof(idr));
	return idr;
}

__attribute__((format(printf, 4, 5))) static void
say(const struct smmuv3 *smmu, enum check_verdict verdict, const char *advice,
    const char *format, ...)
{
	char text[CHECK_SAYS_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	check_add(smmu->check, "hardware", smmu->device->vfio.address, verdict,
		  advice, "%s", text);
}

/* ---- Why an object was not made ---- */

#define OTHER_SMMU "Take a device behind another SMMU, if one nests."

static void no_parent(const struct smmuv3 *smmu, int error)
{
	const uint32_t idr0 = raw_idr(&smmu->device->info, 0);

	if (error != -EOPNOTSUPP)
		check_refused(smmu->check, smmu->device,
			      "the kernel makes no nest parent", error);
	else if (!(idr0 & IDR0_S1P))
		say(smmu, CHECK_CANNOT, OTHER_SMMU,
		    "the kernel makes no nest parent: the SMMU has no stage 1 "
		    "(S1P)");
	else if (!(idr0 & IDR0_S2P))
		say(smmu, CHECK_CANNOT, OTHER_SMMU,
		    "the kernel makes no nest parent: the SMMU has no stage 2 "
		    "(S2P)");
	else
		say(smmu, CHECK_CANNOT, OTHER_SMMU,
		    "the kernel makes no nest parent, though the SMMU has both "
		    "stages: it is older than Linux 6.13, or this is one of "
		    "the early MMU-600 and MMU-700, whose errata forbid it");
}

static void no_viommu(const struct smmuv3 *smmu, int error)
{
	if (error == -ENOTTY)
		say(smmu, CHECK_CANNOT,
		    "Take Linux 7.3, on which the library was tested.",
		    "the kernel has no vIOMMUs, which came with Linux 6.13");
	else if (error != -EOPNOTSUPP)
		check_refused(smmu->check, smmu->device,
			      "the kernel makes no vIOMMU", error);
	else if (!(raw_idr(&smmu->device->info, 3) & IDR3_FWB))
		say(smmu, CHECK_CANNOT, OTHER_SMMU,
		    "the kernel makes no vIOMMU: a guest's memory types would "
		    "reach past the caches, as the SMMU has no S2FWB (FWB), "
		    "and the firmware does not say that it does without "
		    "(CANWBS)");
	else
		say(smmu, CHECK_CANNOT, OTHER_SMMU,
		    "the kernel makes no vIOMMU, though the SMMU has S2FWB: "
		    "CONFIG_ARM_SMMU_V3_IOMMUFD is not set, or an erratum "
		    "forbids it");
}

static void no_vdevice(const struct smmuv3 *smmu, int error)
{
	if (error == -EOPNOTSUPP)
		say(smmu, CHECK_CANNOT, "Take another device.",
		    "the kernel makes no vDEVICE: the device has more than one "
		    "stream, or none");
	else
		check_refused(smmu->check, smmu->device,
			      "the kernel makes no vDEVICE", error);
}

/* ---- Objects ---- */

static bool make_viommu(struct smmuv3 *smmu)
{
	uint32_t ioas_id;
	int ret;

	ret = iommunest_ioas_alloc(smmu->ctx, &ioas_id);
	if (ret) {
		check_refused(smmu->check, smmu->device,
			      "the kernel makes no IOAS", ret);
		return false;
	}
	ret = iommunest_hwpt_alloc_parent(smmu->ctx, smmu->dev_id, ioas_id,
					  &smmu->parent_id);
	if (ret) {
		no_parent(smmu, ret);
		return false;
	}
	ret = iommunest_smmuv3_viommu_alloc(smmu->ctx, smmu->dev_id,
					    smmu->parent_id, &smmu->viommu_id);
	if (ret)
		no_viommu(smmu, ret);
	return !ret;
}

/* Destroyed before the device is closed, as a VMM does it. */
static bool make_vdevice(const struct smmuv3 *smmu)
{
	uint32_t vdevice_id;
	int ret;

	ret = iommunest_smmuv3_vdevice_alloc(smmu->ctx, smmu->viommu_id,
					     smmu->dev_id, 0,
					     smmu->caps.sid_bits, &vdevice_id);
	if (ret) {
		no_vdevice(smmu, ret);
		return false;
	}
	iommunest_object_destroy(smmu->ctx, vdevice_id);
	return true;
}

/* Bypass: a stage 1 would need a context descriptor. */
static bool make_hwpt(const struct smmuv3 *smmu)
{
	const struct iommunest_smmuv3_ste ste = {
		.size = sizeof(ste),
		.valid = true,
		.config = IOMMUNEST_SMMUV3_CONFIG_BYPASS,
	};
	struct iommunest_smmuv3_s1 s1;
	uint32_t hwpt_id;
	int ret;

	ret = iommunest_smmuv3_ste_to_s1(&ste, &smmu->caps, ADDR_BITS, &s1,
					 NULL);
	if (!ret)
		ret = iommunest_smmuv3_hwpt_alloc(smmu->ctx, smmu->dev_id,
						  smmu->viommu_id, &s1,
						  &hwpt_id);
	if (ret)
		check_refused(smmu->check, smmu->device,
			      "the kernel makes no nested HWPT", ret);
	return !ret;
}

/* ---- What to keep in mind ---- */

static void say_nests(const struct smmuv3 *smmu)
{
	const bool fwb = raw_idr(&smmu->device->info, 3) & IDR3_FWB;

	say(smmu, CHECK_OK, NULL,
	    "the kernel makes a nest parent, a vIOMMU, a vDEVICE and a nested "
	    "HWPT; memory types are safe from a guest by %s",
	    fwb ? "S2FWB" : "what the firmware says (CANWBS)");
}

static void say_limits(const struct smmuv3 *smmu)
{
	const struct iommunest_smmuv3_caps *caps = &smmu->caps;

	if (caps->flags & IOMMUNEST_SMMUV3_ERRATA_REPEAT)
		say(smmu, CHECK_WARNING,
		    "The library sends them twice; a VMM's own ioctls have to.",
		    "the SMMU has erratum T264-SMMU-3: TLBI and CFGI commands "
		    "are needed twice");
	if (!caps->ril)
		say(smmu, CHECK_WARNING, NULL,
		    "the SMMU invalidates no ranges (RIL): each page of a "
		    "range is a command, and a guest may not be shown RIL");
	if (caps->asid_bits < 16)
		say(smmu, CHECK_WARNING, NULL,
		    "ASIDs have 8 bits: a guest may not be shown ASID16");
}

void check_ask_smmuv3(struct check *check, const struct check_device *device,
		      struct iommunest_ctx *ctx, uint32_t dev_id)
{
	struct smmuv3 smmu = {
		.check = check,
		.device = device,
		.ctx = ctx,
		.dev_id = dev_id,
		.caps.size = sizeof(smmu.caps),
	};
	int ret;

	ret = iommunest_smmuv3_caps_decode(&smmu.caps, &device->info);
	if (ret) {
		check_refused(check, device,
			      "the kernel does not say what its SMMU can do",
			      ret);
		return;
	}
	if (make_viommu(&smmu) && make_vdevice(&smmu) && make_hwpt(&smmu))
		say_nests(&smmu);
	say_limits(&smmu);
}
