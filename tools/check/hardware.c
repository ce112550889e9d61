/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What iommufd says of a device, and whether it makes the HWPTs that nesting
 * takes.  Nothing is attached, and all is gone when the files are closed.
 */
#include <string.h>

#include "tools/check/check.h"

/* Nothing walks it. */
#define STAGE1_ROOT UINT64_C(0x1000)

/* Somebody else has the device: it could do, and cannot be asked. */
#define IN_USE                                        \
	((uint32_t)IOMMUNEST_VFIO_REASON_GROUP_OPEN | \
	 IOMMUNEST_VFIO_REASON_GROUP_CONTEXT | IOMMUNEST_VFIO_REASON_BOUND)

/* A nest parent, and a guest's stage 1 on it. */
static int try_to_nest(struct iommunest_ctx *ctx, uint32_t dev_id,
		       const char **what)
{
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.pgtbl_addr = STAGE1_ROOT,
		.addr_width = 48,
	};
	uint32_t ioas_id, parent_id, hwpt_id;
	int ret;

	*what = "the kernel makes no IOAS";
	ret = iommunest_ioas_alloc(ctx, &ioas_id);
	if (ret)
		return ret;
	*what = "the kernel makes no nest parent";
	ret = iommunest_hwpt_alloc_parent(ctx, dev_id, ioas_id, &parent_id);
	if (ret)
		return ret;
	*what = "the kernel makes no nested HWPT";
	return iommunest_vtd_hwpt_alloc(ctx, dev_id, parent_id, &s1, &hwpt_id);
}

static void check_erratum(struct check *check,
			  const struct check_device *device)
{
	struct iommunest_vtd_caps caps = { .size = sizeof(caps) };

	if (iommunest_vtd_caps_decode(&caps, &device->info) ||
	    !(caps.flags & IOMMUNEST_VTD_ERRATA_772415_SPR17))
		return;
	check_add(check, "hardware", device->vfio.address, CHECK_WARNING,
		  "Map all of guest memory writable, ROM too.",
		  "the hardware has erratum 772415: nothing read-only may be "
		  "mapped for a guest that is nested");
}

static void check_info(struct check *check, const struct check_device *device)
{
	char why[CHECK_SAYS_MAX - 64];
	enum check_verdict verdict =
		check_nests(&device->info, why, sizeof(why));

	if (verdict == CHECK_OK)
		check_add(check, "hardware", device->vfio.address, CHECK_OK,
			  NULL, "its IOMMU nests");
	else
		check_add(check, "hardware", device->vfio.address, verdict,
			  NULL, "of its IOMMU, the kernel says: %s", why);
	check_erratum(check, device);
}

static void ask_vtd(struct check *check, const struct check_device *device,
		    struct iommunest_ctx *ctx, uint32_t dev_id)
{
	const char *what;
	int ret;

	check_info(check, device);
	ret = try_to_nest(ctx, dev_id, &what);
	if (ret)
		check_refused(check, device, what, ret);
	else
		check_add(check, "hardware", device->vfio.address, CHECK_OK,
			  NULL,
			  "the kernel makes a nest parent, and a nested HWPT "
			  "on it");
}

void check_ask(struct check *check, struct check_device *device,
	       struct iommunest_ctx *ctx, uint32_t dev_id)
{
	int ret;

	device->info.size = sizeof(device->info);
	ret = iommunest_hw_info(ctx, dev_id, &device->info);
	if (ret) {
		check_refused(check, device,
			      "the kernel does not say what its IOMMU can do",
			      ret);
		return;
	}
	device->has_info = true;
	if (device->info.type == IOMMUNEST_HW_ARM_SMMUV3)
		check_ask_smmuv3(check, device, ctx, dev_id);
	else
		ask_vtd(check, device, ctx, dev_id);
}

static void not_opened(struct check *check, struct check_device *device,
		       uint32_t reasons, int error)
{
	if (!reasons)
		check_refused(check, device, "it cannot be opened", error);
	else if (reasons & IN_USE)
		check_add_reasons(check, device, reasons, CHECK_UNKNOWN);
	else
		check_add_reasons(check, device, reasons, CHECK_CANNOT);
}

void check_hardware(struct check *check, struct check_device *device)
{
	struct iommunest_vfio_device vfio = { .size = sizeof(vfio) };
	struct iommunest_ctx *ctx;
	uint32_t dev_id;
	int fd, ret;

	ret = iommunest_open(&ctx, &check->files);
	if (ret) {
		check_refused(check, device, "/dev/iommu cannot be opened",
			      ret);
		return;
	}
	ret = iommunest_vfio_open_pci(ctx, device->vfio.address, &fd, &dev_id,
				      &vfio);
	if (ret) {
		not_opened(check, device, vfio.reasons, ret);
	} else {
		check_ask(check, device, ctx, dev_id);
		iommunest_vfio_close(ctx, fd);
	}
	iommunest_close(ctx);
}
