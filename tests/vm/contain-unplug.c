/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A device is taken away while it is silent or cut off, and comes back: by
 * sysfs, by its slot's power, and by the machine's monitor.
 */
#include "contain.h"

#include "inject.h"

#include "tests/harness/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

FIXTURE(contain_begin, contain_end);

/* The third serial port of the machine. */
#define MONITOR "/dev/ttyS2"
/* In machine.sh. */
#define PLUGGED "plugged"
#define PORT "rp1"
#define SLOTS "/sys/bus/pci/slots/"

/* On a busy machine. */
#define PATIENCE_MS 60000u

static struct user *const user = &user_a;

static const char *plugged(void)
{
	return contain_address(1);
}

/* ---- Ways to go, and to come back ---- */

static void monitor(const char *command)
{
	int fd = open(MONITOR, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios raw;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(tcgetattr(fd, &raw), 0);
	cfmakeraw(&raw);
	ck_assert_int_eq(tcsetattr(fd, TCSANOW, &raw), 0);
	ck_assert_int_eq(write(fd, command, strlen(command)),
			 (ssize_t)strlen(command));
	ck_assert_int_eq(tcdrain(fd), 0);
	close(fd);
}

static void remove_by_sysfs(void)
{
	ck_assert_int_eq(sysfs_device(plugged(), "remove", "1"), 0);
}

/* "0000:02:00" is what the slot of 0000:02:00.0 says. */
static bool is_slot_of(const char *name, const char *address)
{
	char path[300], line[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), SLOTS "%s/address", name);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	return !strncmp(line, address, strlen("0000:02:00"));
}

/* Firmware ejects the device, and the machine has none then. */
static void power_off(void)
{
	DIR *slots = opendir(SLOTS);
	char path[300] = "";
	struct dirent *slot;

	ck_assert_ptr_nonnull(slots);
	while ((slot = readdir(slots)) != NULL) {
		if (slot->d_name[0] != '.' &&
		    is_slot_of(slot->d_name, plugged()))
			snprintf(path, sizeof(path), SLOTS "%s/power",
				 slot->d_name);
	}
	closedir(slots);
	ck_assert_int_eq(sysfs_write(path, "0"), 0);
}

static void unplug(void)
{
	monitor("device_del " PLUGGED "\n");
}

/* As machine.sh has it. */
static void plug(void)
{
	monitor("device_add virtio-rng-pci,id=" PLUGGED ",bus=" PORT
		",disable-legacy=on,iommu_platform=on,ats=on,vectors=0\n");
}

static const struct {
	const char *name;
	void (*go)(void);
	void (*come)(void);
} ways[] = {
	{ "remove and rescan", remove_by_sysfs, sysfs_rescan },
	{ "power of the slot", power_off, plug },
	{ "the monitor", unplug, plug },
};

static void await_departure(void)
{
	const uint64_t end = now_ms() + PATIENCE_MS;

	while (sysfs_device_is_there(plugged())) {
		ck_assert_uint_lt(now_ms(), end);
		sleep_ms(20);
	}
}

/*
 * A slot is taken for a moment after the kernel has left the device; and a
 * device is in sysfs for a moment before drivers can have it.
 */
static void comes_back(int way)
{
	const uint64_t end = now_ms() + PATIENCE_MS;
	unsigned int tries;

	for (tries = 0; !sysfs_device_is_there(plugged()); tries++) {
		ck_assert_uint_lt(now_ms(), end);
		if (tries % 50 == 0)
			ways[way].come();
		sleep_ms(20);
	}
	while (sysfs_give_to_vfio(plugged()) || user_open_device(user)) {
		ck_assert_uint_lt(now_ms(), end);
		sleep_ms(20);
	}
	ck_assert_int_eq(user_attach(user, user->nested), 0);
	ck_assert(device_works(user));
}

static void *go(void *nth)
{
	ways[*(const int *)nth].go();
	return NULL;
}

/* ---- Silent, cut off, and neither ---- */

enum state { SILENT, CUT_OFF, STATES };

static void bring_about(enum state state)
{
	if (state == CUT_OFF)
		contain(user);
	device_falls_silent(user);
}

/*
 * VFIO keeps the device until its user has closed it.  The close resets it, and
 * it is silent again; what takes it from the IOMMU does not wait for ever.  It
 * is another device that comes back.
 */
TEST_LOOP(a_device_goes_while_it_is_open, (int)STATES * 3)
{
	int way = _i % 3;
	pthread_t thread;

	printf("%s: %s\n", ways[way].name,
	       _i / 3 == CUT_OFF ? "cut off" : "silent");
	user_begin(user, plugged());
	bring_about((enum state)(_i / 3));
	ck_assert_int_eq(pthread_create(&thread, NULL, go, &way), 0);
	sleep_ms(200);
	/* Whatever it does meanwhile. */
	ck_assert(user_can_invalidate(user, 4));
	ck_assert_int_eq(user_unmap(user, 3), 0);
	user_close_device(user);
	pthread_join(thread, NULL);
	await_departure();
	ck_assert(!device_is_let_in(user));
	all_devices_answer();
	comes_back(way);
	/* As well as any other. */
	contain(user);
	ck_assert_int_eq(user_reset(user), 0);
	ck_assert(device_works(user));
}

/* Nobody has it open: it is cut off by what its close submits after the reset.
 */
TEST_LOOP(a_device_goes_while_it_is_closed, 2)
{
	const uint64_t blocked = inject_get("blocked");

	user_begin(user, plugged());
	device_falls_silent(user);
	user_close_device(user);
	ck_assert_uint_gt(inject_get("blocked"), blocked);
	ways[_i].go();
	await_departure();
	all_devices_answer();
	comes_back(_i);
}
