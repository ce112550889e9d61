/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * iommunest-check on a real kernel: it finds that the machine nests, and what
 * is in the way where something is.  Made-up machines:
 * tests/replay/nest-check.sh.
 */
#include "checked.h"
#include "real.h"

#include "tests/harness/support.h"

#include <stdio.h>
#include <sys/stat.h>

/* VM_DEVICE and VM_DEVICE_BEHIND_PORT of the machine. */
#define DEVICE "0000:00:02.0"
#define BEHIND_PORT "0000:01:00.0"
#define IOMMUFD "/dev/iommu"
#define AWAY "/dev/iommu-away"
#define NOBODY 65534

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_msg(file, "%s", path);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

TEST(the_machine_nests)
{
	CHECKED(0, NULL);
	checked_said("ok CONFIG_IOMMUFD built in");
	checked_said("dmar0");
	checked_said("has nested HWPTs and their invalidation");
	checked_said("ok VFIO has 2 devices");
	checked_said("VT-d unit dmar0 at 0xfed90000, version 1:0");
	checked_said(" VFIO has: " DEVICE " " BEHIND_PORT " ");
	checked_said("This machine can nest.");
}

TEST(both_devices_nest)
{
	unsigned int i;

	/* Each time: it leaves nothing behind. */
	for (i = 0; i < 3; i++) {
		CHECKED(0, DEVICE, BEHIND_PORT);
		checked_said("a nested HWPT on it");
		checked_said("Device " DEVICE ", behind dmar0");
		checked_said("Device " BEHIND_PORT ", behind dmar0");
		checked_said("nested translation (NEST) yes");
		checked_said("can nest, with the device as it is");
	}
}

TEST(json_has_the_hardware)
{
	CHECKED(0, "--json", DEVICE);
	checked_said("{\"can_nest\":true,");
	checked_said("\"hardware\":{\"type\":1,");
	checked_said("\"features\":[\"ioas\",");
}

TEST(who_may_not_open_iommufd_is_told)
{
	/* The machine's folder was made for one user. */
	ck_assert_int_eq(chmod("/", 0755), 0);
	ck_assert_int_eq(chmod(IOMMUFD, 0), 0);
	checked_as(NOBODY, 1, (const char *const[CHECKED_ARGUMENTS]){ DEVICE });
	checked_said("may not be opened by this user");
	checked_said("node may not be opened");
	ck_assert_int_eq(chmod(IOMMUFD, 0600), 0);
}

TEST(without_iommufd_it_cannot)
{
	ck_assert_int_eq(rename(IOMMUFD, AWAY), 0);
	CHECKED(1, DEVICE);
	checked_said("cannot /dev/iommu there is none");
	ck_assert_int_eq(rename(AWAY, IOMMUFD), 0);
}

TEST(a_device_without_vfio_cannot)
{
	write_file("/sys/bus/pci/drivers/vfio-pci/unbind", BEHIND_PORT);
	CHECKED(1, BEHIND_PORT);
	checked_said("no driver has the device");
	write_file("/sys/bus/pci/drivers_probe", BEHIND_PORT);
	CHECKED(0, BEHIND_PORT);
}

/* Somebody nests with it: that is no reason against the machine. */
TEST(a_device_in_use_is_left_alone)
{
	struct real real = { .device = { -1, -1 } };

	ck_assert_int_eq(real_open(&real, 0, NULL), 0);
	CHECKED(0, DEVICE);
	checked_said("unknown " DEVICE);
	checked_said("is bound already");
	checked_said("1 thing is unknown");
	real_close(&real);
	CHECKED(0, DEVICE);
	checked_said("a nested HWPT on it");
}

TEST(a_device_that_is_not_there_cannot)
{
	CHECKED(1, "0000:00:1c.7");
	checked_said("no PCI device has this address");
	CHECKED(2, "00:1c");
}
