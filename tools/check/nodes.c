/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* /dev/iommu, and the devices that VFIO has. */
#include <errno.h>
#include <string.h>

#include "tools/check/check.h"

#define IOMMUFD "/dev/iommu"
/* Any sysfs has it. */
#define BUSES "/sys/bus"
#define DEVICES BUSES "/pci/devices"
#define DRIVERS BUSES "/pci/drivers"

/* ---- /dev/iommu ---- */

static const struct {
	uint64_t feature;
	const char *name;
	const char *advice;
	/* On an SMMU. */
	bool arm;
} needed[] = {
	{ IOMMUNEST_FEATURE_NESTED, "nested HWPTs", "Take Linux 6.8 or later.",
	  false },
	{ IOMMUNEST_FEATURE_INVALIDATE, "invalidation of nested HWPTs",
	  "Take Linux 6.8 or later.", false },
	{ IOMMUNEST_FEATURE_VIOMMU, "vIOMMUs, on which SMMUs nest",
	  "Take Linux 7.3, on which the library was tested.", true },
};

static bool lacks(const struct check *check, size_t row)
{
	if (needed[row].arm && check->vendor != CHECK_VENDOR_ARM)
		return false;
	return !(check->features & needed[row].feature);
}

static void check_needed(struct check *check)
{
	size_t i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (!lacks(check, i))
			continue;
		check_add(check, "features", IOMMUFD, CHECK_CANNOT,
			  needed[i].advice, "lacks %s", needed[i].name);
		return;
	}
	check_add(check, "features", IOMMUFD, CHECK_OK, NULL,
		  "has nested HWPTs and their invalidation%s",
		  check->vendor == CHECK_VENDOR_ARM ? ", and vIOMMUs" : "");
}

static void check_features(struct check *check)
{
	struct iommunest_ctx *ctx;
	int ret;

	ret = iommunest_open(&ctx, &check->files);
	if (!ret)
		ret = iommunest_features(ctx, &check->features);
	iommunest_close(ctx);
	if (ret) {
		check_add(check, "features", IOMMUFD, CHECK_UNKNOWN, NULL,
			  "what it can do cannot be asked: %s", strerror(-ret));
		return;
	}
	check->has_features = true;
	check_needed(check);
}

static void check_iommufd(struct check *check)
{
	int ret = check_open_node(check, IOMMUFD);

	switch (ret) {
	case 0:
		check_add(check, "iommufd", IOMMUFD, CHECK_OK, NULL,
			  check_is_copy(check) ? "is there" : "can be opened");
		if (!check_is_copy(check))
			check_features(check);
		break;
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		check_add(check, "iommufd", IOMMUFD, CHECK_CANNOT,
			  "modprobe iommufd, or take a kernel with "
			  "CONFIG_IOMMUFD.",
			  "there is none");
		break;
	case -EACCES:
	case -EPERM:
		check_add(check, "iommufd", IOMMUFD, CHECK_CANNOT,
			  "Run this as root, or give the VMM's user access to "
			  "it, with a udev rule for KERNEL==\"iommu\".",
			  "may not be opened by this user");
		break;
	default:
		check_add(check, "iommufd", IOMMUFD, CHECK_CANNOT, NULL,
			  "cannot be opened: %s", strerror(-ret));
		break;
	}
}

/* ---- VFIO ---- */

static void note_driver(struct check *check, const char *name, void *data)
{
	bool *found = data;

	(void)check;
	*found |= strstr(name, "vfio") != NULL;
}

static void note_device(struct check *check, const char *name, void *data)
{
	char path[CHECK_PATH_MAX], driver[CHECK_NAME_MAX];

	(void)data;
	snprintf(path, sizeof(path), DEVICES "/%s/driver", name);
	if (check_read_link(check, path, driver, sizeof(driver)) ||
	    !strstr(driver, "vfio") || check->vfio_count == CHECK_DEVICES_MAX)
		return;
	snprintf(check->vfio[check->vfio_count++], sizeof(check->vfio[0]), "%s",
		 name);
}

static void check_vfio(struct check *check)
{
	bool has_driver = false;

	if (!check_exists(check, BUSES)) {
		check_add(check, "vfio", "VFIO", CHECK_UNKNOWN, NULL,
			  "there is no sysfs to look into: no " BUSES);
		return;
	}
	check_list(check, DRIVERS, note_driver, &has_driver);
	check_list(check, DEVICES, note_device, NULL);
	if (!has_driver)
		check_add(check, "vfio", "VFIO", CHECK_CANNOT,
			  "modprobe vfio-pci, or take a kernel with "
			  "CONFIG_VFIO_PCI.",
			  "the kernel has no VFIO driver for PCI devices");
	else if (!check->vfio_count)
		check_add(check, "vfio", "VFIO", CHECK_WARNING,
			  "Give it one, with its address in place of A: "
			  "echo vfio-pci >/sys/bus/pci/devices/A/"
			  "driver_override; echo A >/sys/bus/pci/devices/A/"
			  "driver/unbind; echo A >/sys/bus/pci/drivers_probe",
			  "has no device yet");
	else
		check_add(check, "vfio", "VFIO", CHECK_OK, NULL,
			  "has %zu device%s", check->vfio_count,
			  check->vfio_count == 1 ? "" : "s");
}

void check_nodes(struct check *check)
{
	check_iommufd(check);
	check_vfio(check);
}
