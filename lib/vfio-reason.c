/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A sentence for each thing that stands in the way of using a device. */
#include <config.h>

#include "lib/abi.h"
#include "lib/context.h"

static const struct {
	uint32_t reason;
	const char *text;
} texts[] = {
	{ IOMMUNEST_VFIO_REASON_NO_SYSFS, "sysfs is not mounted at /sys" },
	{ IOMMUNEST_VFIO_REASON_NO_DEVICE, "no PCI device has this address" },
	{ IOMMUNEST_VFIO_REASON_NO_IOMMU,
	  "the device has no IOMMU, or the kernel does not use it" },
	{ IOMMUNEST_VFIO_REASON_NO_DRIVER,
	  "no driver has the device: bind it to vfio-pci" },
	{ IOMMUNEST_VFIO_REASON_HOST_DRIVER,
	  "a driver of the host has the device: bind it to vfio-pci" },
	{ IOMMUNEST_VFIO_REASON_NO_CDEV,
	  "the kernel has no VFIO device nodes (CONFIG_VFIO_DEVICE_CDEV)" },
	{ IOMMUNEST_VFIO_REASON_NO_NODE,
	  "the device's node is missing from /dev/vfio/devices" },
	{ IOMMUNEST_VFIO_REASON_PERMISSION,
	  "the device's node may not be opened" },
	{ IOMMUNEST_VFIO_REASON_GROUP_HOST_DRIVER,
	  "a driver of the host has another device of the IOMMU group" },
	{ IOMMUNEST_VFIO_REASON_GROUP_OPEN,
	  "the IOMMU group is in use through /dev/vfio/GROUP" },
	{ IOMMUNEST_VFIO_REASON_GROUP_CONTEXT,
	  "another context has bound a device of the IOMMU group" },
	{ IOMMUNEST_VFIO_REASON_BOUND,
	  "the device is bound already, through another file descriptor" },
	{ IOMMUNEST_VFIO_REASON_INTERRUPTS,
	  "the platform does not isolate interrupts (interrupt remapping)" },
	{ IOMMUNEST_VFIO_REASON_TOKEN,
	  "the device asks for a VF token (SR-IOV)" },
	{ IOMMUNEST_VFIO_REASON_NO_IOMMUFD,
	  "there is no /dev/iommu (CONFIG_IOMMUFD)" },
	{ IOMMUNEST_VFIO_REASON_IOMMUFD_PERMISSION,
	  "/dev/iommu may not be opened" },
	{ IOMMUNEST_VFIO_REASON_NOT_IOMMUFD,
	  "the context's file descriptor is not an iommufd's" },
	{ IOMMUNEST_VFIO_REASON_NOT_BOUND, "the device is not bound" },
	{ IOMMUNEST_VFIO_REASON_OTHER_CONTEXT,
	  "the device is not one of this context" },
	{ IOMMUNEST_VFIO_REASON_NO_OBJECT,
	  "the context has no object with this id" },
	{ IOMMUNEST_VFIO_REASON_KERNEL_PASID,
	  "the kernel cannot attach PASIDs: it takes Linux 6.15" },
	{ IOMMUNEST_VFIO_REASON_DRIVER_PASID,
	  "the VFIO or the IOMMU driver cannot attach PASIDs" },
	{ IOMMUNEST_VFIO_REASON_DEVICE_PASID, "the device has no PASIDs" },
	{ IOMMUNEST_VFIO_REASON_PASID_RANGE,
	  "the PASID is 0, or above those of the device" },
	{ IOMMUNEST_VFIO_REASON_PAGE_TABLE,
	  "the page table does not fit the device, or its PASIDs" },
	{ IOMMUNEST_VFIO_REASON_PAGE_REQUESTS,
	  "a fault queue needs page requests, which the device does not make" },
	{ IOMMUNEST_VFIO_REASON_ADDRESSES,
	  "the IOAS maps or allows what the device needs, as for interrupts" },
};

EXPORT const char *iommunest_vfio_reason_text(uint32_t reason)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i].reason == reason)
			return texts[i].text;
	}
	return "unknown";
}
