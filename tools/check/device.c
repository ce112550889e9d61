/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A PCI device, as far as it can be seen without taking it. */
#include <string.h>

#include "tools/check/check.h"

/* Said of the machine already. */
#define OF_THE_MACHINE                                \
	((uint32_t)IOMMUNEST_VFIO_REASON_NO_IOMMUFD | \
	 IOMMUNEST_VFIO_REASON_IOMMUFD_PERMISSION)

static const struct {
	uint32_t reason;
	const char *advice;
} advices[] = {
	{ IOMMUNEST_VFIO_REASON_NO_SYSFS,
	  "Mount it: mount -t sysfs sysfs /sys" },
	{ IOMMUNEST_VFIO_REASON_NO_DEVICE, "lspci -D lists all addresses." },
	{ IOMMUNEST_VFIO_REASON_NO_DRIVER,
	  "Write vfio-pci to its driver_override in sysfs, and its address to "
	  "/sys/bus/pci/drivers_probe." },
	{ IOMMUNEST_VFIO_REASON_HOST_DRIVER,
	  "If the host does without it: write vfio-pci to its driver_override "
	  "in sysfs, its address to driver/unbind there, and then to "
	  "/sys/bus/pci/drivers_probe." },
	{ IOMMUNEST_VFIO_REASON_NO_CDEV,
	  "Take a kernel with CONFIG_VFIO_DEVICE_CDEV." },
	{ IOMMUNEST_VFIO_REASON_NO_NODE,
	  "devtmpfs or udev makes it: look whether they run." },
	{ IOMMUNEST_VFIO_REASON_PERMISSION,
	  "Run this as root, or give the VMM's user access to the node." },
	{ IOMMUNEST_VFIO_REASON_GROUP_HOST_DRIVER,
	  "Bind that one to vfio-pci too, or unbind it from its driver." },
	{ IOMMUNEST_VFIO_REASON_GROUP_OPEN,
	  "Stop the program that has it open." },
	{ IOMMUNEST_VFIO_REASON_GROUP_CONTEXT,
	  "Stop the program that has it, or use both in one VMM." },
	{ IOMMUNEST_VFIO_REASON_BOUND, "Stop the program that has it." },
	{ IOMMUNEST_VFIO_REASON_INTERRUPTS,
	  "Enable interrupt remapping: VT-d in the firmware's setup, and no "
	  "intremap=off." },
	{ IOMMUNEST_VFIO_REASON_TOKEN,
	  "Open it with the token of its physical function's user." },
};

static const char *advice_of(const struct check *check, uint32_t reason)
{
	size_t i;

	if (reason == IOMMUNEST_VFIO_REASON_NO_IOMMU)
		return check_advice_without_iommu(check);
	for (i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (advices[i].reason == reason)
			return advices[i].advice;
	return NULL;
}

void check_add_reasons(struct check *check, const struct check_device *device,
		       uint32_t reasons, enum check_verdict verdict)
{
	const struct iommunest_vfio_device *vfio = &device->vfio;
	uint32_t bit;

	for (bit = 1; bit; bit <<= 1) {
		const char *advice = advice_of(check, bit);

		if (!(reasons & bit))
			continue;
		if (bit == IOMMUNEST_VFIO_REASON_HOST_DRIVER)
			check_add(check, "device", vfio->address, verdict,
				  advice, "%s has it; bind it to vfio-pci",
				  vfio->driver);
		else if (bit == IOMMUNEST_VFIO_REASON_GROUP_HOST_DRIVER)
			check_add(check, "device", vfio->address, verdict,
				  advice, "%s (%s has %s)",
				  iommunest_vfio_reason_text(bit),
				  vfio->other_driver, vfio->other);
		else
			check_add(check, "device", vfio->address, verdict,
				  advice, "%s",
				  iommunest_vfio_reason_text(bit));
	}
}

static void note_mate(struct check *check, const char *name, void *data)
{
	struct check_device *device = data;

	(void)check;
	if (strcmp(name, device->vfio.address) != 0 &&
	    device->mate_count < CHECK_MATES_MAX)
		snprintf(device->mates[device->mate_count++],
			 sizeof(device->mates[0]), "%s", name);
}

static void look_around(struct check *check, struct check_device *device)
{
	char path[CHECK_PATH_MAX];

	snprintf(path, sizeof(path),
		 "/sys/bus/pci/devices/%s/iommu_group/devices",
		 device->vfio.address);
	check_list(check, path, note_mate, device);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu",
		 device->vfio.address);
	if (check_read_link(check, path, device->unit, sizeof(device->unit)))
		device->unit[0] = '\0';
}

static void check_unit_of(struct check *check,
			  const struct check_device *device)
{
	const struct check_unit *unit = check_find_unit(check, device->unit);
	char why[CHECK_SAYS_MAX - 128];

	if (!unit || unit->nests)
		return;
	check_nests(&unit->info, why, sizeof(why));
	check_add(check, "device", device->vfio.address, CHECK_CANNOT,
		  "Take a device behind another unit, if one nests.",
		  "it is behind %s, which does not nest: %s", unit->name, why);
}

static void check_device(struct check *check, struct check_device *device)
{
	const struct iommunest_vfio_device *vfio = &device->vfio;
	uint32_t reasons = vfio->reasons & ~OF_THE_MACHINE;

	look_around(check, device);
	/* Without sysfs, no device can be seen. */
	check_add_reasons(check, device, reasons,
			  reasons & IOMMUNEST_VFIO_REASON_NO_SYSFS
				  ? CHECK_UNKNOWN
				  : CHECK_CANNOT);
	check_unit_of(check, device);
	if (reasons)
		return;
	check_add(check, "device", vfio->address, CHECK_OK, NULL,
		  "%s has it, as %s", vfio->driver, vfio->node);
	if (!vfio->reasons && !check_is_copy(check))
		check_hardware(check, device);
}

void check_devices(struct check *check)
{
	size_t i;

	for (i = 0; i < check->device_count; i++)
		check_device(check, &check->devices[i]);
}
