/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * iommunest-check on a machine with an SMMUv3.  vm-check.c is the same for a
 * VT-d, with what may stand in the way of both; what is made up:
 * tests/replay/test-check-smmuv3.c.
 */
#include "checked.h"
#include "real.h"

#include "tests/harness/support.h"

/* VM_DEVICE and VM_DEVICE_BEHIND_PORT of the machine. */
#define DEVICE "0000:00:02.0"
#define BEHIND_PORT "0000:01:00.0"

/* A VT-d tells user space what it can; an SMMU does so with a device only. */
TEST(without_a_device_nothing_is_known_of_the_smmu)
{
	CHECKED(0, NULL);
	checked_said("ok CONFIG_ARM_SMMU_V3_IOMMUFD built in");
	checked_said("unknown smmu3.0x0000000009050000 an SMMUv3; whether it "
		     "nests, the kernel says only of a device");
	checked_said("has nested HWPTs and their invalidation, and vIOMMUs");
	checked_said("ok VFIO has 2 devices");
	checked_said(" VFIO has: " DEVICE " " BEHIND_PORT " ");
	checked_said("keeps this machine from nesting; 1 thing is unknown.");
}

TEST(both_devices_nest)
{
	unsigned int i;

	/* Each time: it leaves nothing behind. */
	for (i = 0; i < 3; i++) {
		CHECKED(0, DEVICE, BEHIND_PORT);
		checked_said("ok smmu3.0x0000000009050000 an SMMUv3");
		checked_said("ok " DEVICE " the kernel makes a nest parent, a "
			     "vIOMMU, a vDEVICE and a nested HWPT");
		checked_said("ok " BEHIND_PORT " the kernel makes a nest "
			     "parent, a vIOMMU, a vDEVICE and a nested HWPT");
		checked_said("Device " DEVICE ", behind smmu3.");
		checked_said("Device " BEHIND_PORT ", behind smmu3.");
		checked_said("This machine can nest, with the device as it is");
	}
}

/* Those of QEMU's SMMU. */
TEST(the_registers_are_read)
{
	CHECKED(0, DEVICE);
	checked_said("ASIDs (ASID16) 16 bits streams (SIDSIZE) 16 bits "
		     "substreams: PASIDs (SSIDSIZE) no");
	checked_said("granules (GRAN4K, 16K, 64K) 4 KiB 16 KiB 64 KiB");
	checked_said("invalidation of ranges (RIL) yes the device's ATS no");
	checked_said("commands go twice (T264-SMMU-3) no");
}

TEST(json_has_the_hardware)
{
	CHECKED(0, "--json", DEVICE);
	checked_said("{\"can_nest\":true,");
	checked_said("\"smmus\":[\"smmu3.0x0000000009050000\"]");
	checked_said("\"hardware\":{\"type\":2,");
	checked_said("\"ats\":false,\"erratum_repeat\":false}");
}

/* Somebody nests with it: that is no reason against the machine. */
TEST(a_device_in_use_is_left_alone)
{
	struct real real = { .device = { -1, -1 } };

	ck_assert_int_eq(real_open(&real, 0, NULL), 0);
	CHECKED(0, DEVICE);
	checked_said("unknown " DEVICE);
	checked_said("is bound already");
	real_close(&real);
	CHECKED(0, DEVICE);
	checked_said("This machine can nest, with the device as it is");
}

TEST(a_device_that_is_not_there_cannot)
{
	CHECKED(1, "0000:00:1c.7");
	checked_said("no PCI device has this address");
}
