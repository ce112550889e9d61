/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The CPU, and the kernel's release. */
#include <stdlib.h>
#include <string.h>

#include "tools/check/check.h"

/* ---- CPU ---- */

static const struct {
	/* A part of /proc/cpuinfo. */
	const char *words;
	enum check_vendor vendor;
} vendors[] = {
	{ "GenuineIntel", CHECK_VENDOR_INTEL },
	{ "AuthenticAMD", CHECK_VENDOR_AMD },
	{ "HygonGenuine", CHECK_VENDOR_AMD },
	{ "CPU implementer", CHECK_VENDOR_ARM },
};

static enum check_vendor vendor_in(const char *cpuinfo)
{
	size_t i;

	for (i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++)
		if (strstr(cpuinfo, vendors[i].words))
			return vendors[i].vendor;
	return CHECK_VENDOR_UNKNOWN;
}

static void check_cpu(struct check *check)
{
	char *cpuinfo = check_read_all(check, "/proc/cpuinfo");

	if (cpuinfo)
		check->vendor = vendor_in(cpuinfo);
	free(cpuinfo);
	/* As an emulator may have it. */
	if (check->unit_count && check->vendor != CHECK_VENDOR_INTEL) {
		check->vendor = CHECK_VENDOR_INTEL;
		check_add(check, "cpu", "CPU", CHECK_OK, NULL,
			  "not Intel's, but the IOMMU is a VT-d");
		return;
	}
	switch (check->vendor) {
	case CHECK_VENDOR_INTEL:
		check_add(check, "cpu", "CPU", CHECK_OK, NULL,
			  check->unit_count
				  ? "Intel: the IOMMU is a VT-d"
				  : "Intel: its IOMMU, if there is one, is a "
				    "VT-d");
		break;
	case CHECK_VENDOR_AMD:
		check_add(check, "cpu", "CPU", CHECK_CANNOT,
			  "Nest on a machine with Intel VT-d or an ARM SMMUv3.",
			  "AMD: newer kernels nest on this IOMMU, but cannot "
			  "be told what a guest invalidates, and the library "
			  "does not support it yet");
		break;
	case CHECK_VENDOR_ARM:
		check_add(check, "cpu", "CPU", CHECK_OK, NULL,
			  "ARM: its IOMMU, if there is one, is an SMMU");
		break;
	case CHECK_VENDOR_UNKNOWN:
		check_add(check, "cpu", "CPU", CHECK_UNKNOWN, NULL,
			  "neither Intel's, AMD's nor ARM's");
		break;
	}
}

/* ---- Release ---- */

static void check_faults(struct check *check)
{
	uint64_t bit;

	for (bit = 1; bit; bit <<= 1) {
		if (!(check->faults & bit))
			continue;
		if (bit == IOMMUNEST_VTD_KERNEL_FAULT_PLAIN_IOTLB)
			check_add(check, "kernel-fault", check->release,
				  CHECK_CANNOT,
				  "Take another kernel: 6.18.16, 6.19.6, or "
				  "7.0 and later.",
				  "%s", iommunest_vtd_kernel_fault_text(bit));
		else
			check_add(check, "kernel-fault", check->release,
				  CHECK_WARNING,
				  "Linux 7.1 and later are not known to have "
				  "this.",
				  "%s", iommunest_vtd_kernel_fault_text(bit));
	}
}

static void check_release(struct check *check)
{
	int count;

	if (check_read_line(check, "/proc/sys/kernel/osrelease", check->release,
			    sizeof(check->release))) {
		check_add(check, "kernel", "kernel", CHECK_UNKNOWN, NULL,
			  "/proc/sys/kernel/osrelease cannot be read");
		return;
	}
	/* All known faults are those of the VT-d's driver. */
	if (check->vendor == CHECK_VENDOR_ARM) {
		check_add(check, "kernel", "kernel", CHECK_OK, NULL, "Linux %s",
			  check->release);
		return;
	}
	count = iommunest_vtd_kernel_faults(check->release, &check->faults);
	if (count < 0) {
		check_add(check, "kernel", "kernel", CHECK_UNKNOWN, NULL,
			  "a release of another form: %s", check->release);
		return;
	}
	if (count > 1)
		check_add(check, "kernel", "kernel", CHECK_WARNING, NULL,
			  "Linux %s, which has %d known faults", check->release,
			  count);
	else if (count)
		check_add(check, "kernel", "kernel", CHECK_WARNING, NULL,
			  "Linux %s, which has a known fault", check->release);
	else
		check_add(check, "kernel", "kernel", CHECK_OK, NULL,
			  "Linux %s, which has no known faults",
			  check->release);
	check_faults(check);
}

void check_kernel(struct check *check)
{
	check_cpu(check);
	check_release(check);
}
