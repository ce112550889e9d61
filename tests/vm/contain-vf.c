/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Virtual functions.  The emulated NVMe has two; that they have ATS is claimed
 * by a test-only patch, and the physical function belongs to a driver that does
 * nothing but have them.
 */
#include "contain.h"

#include "inject.h"

#include "tests/harness/support.h"

#include <errno.h>
#include <stdio.h>

#define PHYSICAL "0000:04:00.0"
#define FIRST "0000:04:00.1"
#define SECOND "0000:04:00.2"

/* Only for what can be seen of it: nobody has it open. */
static const struct user physical = { .address = PHYSICAL, .sid = 0x0400 };

static bool let_physical_in(void)
{
	return device_is_let_in(&physical);
}

static void set_functions(const char *count)
{
	ck_assert_int_eq(sysfs_device(PHYSICAL, "sriov_numvfs", count), 0);
}

static void have_functions(void)
{
	ck_assert(!sysfs_device_is_there(FIRST));
	set_functions("2");
	ck_assert_int_eq(sysfs_give_to_vfio(FIRST), 0);
	ck_assert_int_eq(sysfs_give_to_vfio(SECOND), 0);
}

static void begin(void)
{
	contain_begin();
	sysfs_device(PHYSICAL, "driver_override", "pci-pf-stub");
	sysfs_write("/sys/bus/pci/drivers_probe", PHYSICAL);
	have_functions();
	user_begin(&user_a, FIRST);
	user_begin(&user_b, SECOND);
}

static void end(void)
{
	contain_end();
	set_functions("0");
}

FIXTURE(begin, end);

TEST(one_that_is_silent_is_cut_off_and_heals_alone)
{
	ck_assert(device_works(&user_a));
	ck_assert(device_works(&user_b));
	contain(&user_a);
	ck_assert(device_works(&user_b));
	ck_assert(let_physical_in());
	ck_assert_int_eq(user_attach(&user_a, user_a.other), -EBUSY);
	/* A reset of its neighbour is none of it. */
	ck_assert_int_eq(user_reset(&user_b), 0);
	ck_assert(!device_is_let_in(&user_a));
	ck_assert_int_eq(user_reset(&user_a), 0);
	ck_assert(device_works(&user_a));
	ck_assert(device_works(&user_b));
}

/*
 * The core tells the IOMMU driver of the physical function's reset only.  A
 * virtual one that is cut off stays so until its own.  (That is not tried here:
 * after the physical one's reset, the emulated NVMe has sometimes lost them.)
 */
TEST(a_reset_of_the_physical_function_lets_no_virtual_one_in)
{
	contain(&user_a);
	ck_assert_int_eq(sysfs_device(PHYSICAL, "reset", "1"), 0);
	ck_assert(let_physical_in());
	ck_assert(device_is_cut_off(&user_a));
	ck_assert_int_eq(user_attach(&user_a, user_a.other), -EBUSY);
	ck_assert(device_works(&user_b));
}

/* Its reset is prepared by what it does not answer, and lets it in again. */
TEST(a_silent_physical_function_takes_no_virtual_one_with_it)
{
	const uint64_t blocked = inject_get("blocked");

	ck_assert(let_physical_in());
	device_falls_silent(&physical);
	ck_assert_int_eq(sysfs_device(PHYSICAL, "reset", "1"), 0);
	ck_assert_uint_eq(inject_get("blocked"), blocked + 1);
	all_devices_answer();
	ck_assert(let_physical_in());
	ck_assert(device_works(&user_a));
	ck_assert(device_works(&user_b));
}

TEST(a_closed_one_heals)
{
	contain(&user_b);
	user_close_device(&user_b);
	ck_assert_int_eq(user_open_device(&user_b), 0);
	ck_assert_int_eq(user_attach(&user_b, user_b.nested), 0);
	ck_assert(device_works(&user_b));
	ck_assert(device_works(&user_a));
}

/* They go while one is silent, and those that come are other devices. */
TEST(virtual_functions_go_and_come_back)
{
	contain(&user_a);
	device_falls_silent(&user_a);
	device_falls_silent(&user_b);
	user_close_device(&user_a);
	user_close_device(&user_b);
	set_functions("0");
	all_devices_answer();
	have_functions();
	ck_assert_int_eq(user_open_device(&user_a), 0);
	ck_assert_int_eq(user_attach(&user_a, user_a.nested), 0);
	ck_assert(device_works(&user_a));
	ck_assert_int_eq(user_open_device(&user_b), 0);
	ck_assert_int_eq(user_attach(&user_b, user_b.nested), 0);
	ck_assert(device_works(&user_b));
}
