/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * VFIO devices by PCI address on a real kernel: what is found, and what is said
 * of what is in the way.  tests/core/test-vfio-find.c has the same on the
 * simulator.
 */
#include "real.h"

#include "tests/harness/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ADDRESS "0000:00:02.0"
#define BEHIND_PORT "0000:01:00.0"
#define PORT "0000:00:03.0"
/* The ISA bridge of the chipset, which has no driver. */
#define BRIDGE "0000:00:1f.0"

#define R(name) IOMMUNEST_VFIO_REASON_##name

static struct iommunest_vfio_device device;

static void set_up(void)
{
	memset(&device, 0xa5, sizeof(device));
	device.size = sizeof(device);
}

FIXTURE(set_up, NULL);

static int open_fds(void)
{
	int fd, count = 0;

	for (fd = 0; fd < 64; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static bool write_sysfs(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 &&
		  write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* ---- What is found ---- */

TEST(the_devices_of_the_machine_are_found)
{
	ck_assert_int_eq(iommunest_vfio_find(NULL, "00:02.0", &device), 0);
	ck_assert_uint_eq(device.reasons, 0);
	ck_assert_str_eq(device.address, ADDRESS);
	ck_assert_str_eq(device.driver, "vfio-pci");
	ck_assert_str_eq(device.node, getenv("VM_DEVICE"));
	ck_assert_int_ge(device.group, 0);
	ck_assert_int_eq(iommunest_vfio_find(NULL, BEHIND_PORT, &device), 0);
	ck_assert_str_eq(device.node, getenv("VM_DEVICE_BEHIND_PORT"));
}

TEST(a_device_is_opened_close_on_exec_by_its_address)
{
	const int before = open_fds();
	struct iommunest_ctx *ctx;
	uint32_t dev_id;
	int fd;

	ck_assert_int_eq(iommunest_open(&ctx, NULL), 0);
	ck_assert_int_eq(iommunest_vfio_open_pci(ctx, ADDRESS, &fd, &dev_id,
						 &device),
			 0);
	ck_assert_uint_eq(device.reasons, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(iommunest_fd(ctx), F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(open_fds(), before + 2);
	iommunest_vfio_close(ctx, fd);
	iommunest_close(ctx);
	ck_assert_int_eq(open_fds(), before);
}

/* ---- What is in the way ---- */

static const struct {
	const char *address;
	int ret;
	uint32_t reasons;
	const char *driver;
} absent[] = {
	{ "0000:00:1e.0", -ENOENT, R(NO_DEVICE), "" },
	{ "ffff:ff:1f.7", -ENOENT, R(NO_DEVICE), "" },
	{ PORT, -ENXIO, R(HOST_DRIVER), "pcieport" },
	{ BRIDGE, -ENXIO, R(NO_DRIVER), NULL },
};

TEST_LOOP(what_is_not_vfios_is_said, ARRAY_LEN(absent))
{
	struct iommunest_ctx *ctx;
	uint32_t dev_id;
	int fd;

	ck_assert_int_eq(iommunest_vfio_find(NULL, absent[_i].address, &device),
			 absent[_i].ret);
	ck_assert_uint_eq(device.reasons & absent[_i].reasons,
			  absent[_i].reasons);
	if (absent[_i].driver)
		ck_assert_str_eq(device.driver, absent[_i].driver);
	ck_assert_int_eq(iommunest_open(&ctx, NULL), 0);
	ck_assert_int_eq(iommunest_vfio_open_pci(ctx, absent[_i].address, &fd,
						 &dev_id, &device),
			 absent[_i].ret);
	ck_assert_uint_eq(device.reasons, absent[_i].reasons);
	iommunest_close(ctx);
}

TEST(a_device_is_bound_once_in_any_context)
{
	const int before = open_fds();
	struct iommunest_ctx *ctx, *other;
	uint32_t dev_id, again;
	int fd, second;

	ck_assert_int_eq(iommunest_open(&ctx, NULL), 0);
	ck_assert_int_eq(iommunest_open(&other, NULL), 0);
	ck_assert_int_eq(
		iommunest_vfio_open_pci(ctx, ADDRESS, &fd, &dev_id, NULL), 0);
	ck_assert_int_eq(iommunest_vfio_open_pci(other, ADDRESS, &second,
						 &again, &device),
			 -EINVAL);
	ck_assert_uint_eq(device.reasons, R(BOUND));
	ck_assert_int_eq(iommunest_vfio_open_pci(ctx, ADDRESS, &second, &again,
						 &device),
			 -EINVAL);
	ck_assert_uint_eq(device.reasons, R(BOUND));
	/* It looks free, and is not touched. */
	ck_assert_int_eq(iommunest_vfio_find(NULL, ADDRESS, &device), 0);
	ck_assert_int_eq(iommunest_vfio_bind(ctx, fd, &again), -EINVAL);
	iommunest_vfio_close(ctx, fd);
	ck_assert_int_eq(
		iommunest_vfio_open_pci(other, ADDRESS, &fd, &dev_id, NULL), 0);
	iommunest_vfio_close(other, fd);
	iommunest_close(other);
	iommunest_close(ctx);
	ck_assert_int_eq(open_fds(), before);
}

TEST(a_context_that_is_no_iommufd_is_said)
{
	struct iommunest_ctx *ctx;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	uint32_t dev_id;
	int fd;

	ck_assert_int_eq(iommunest_open_fd(&ctx, null, NULL), 0);
	ck_assert_int_eq(iommunest_vfio_open_pci(ctx, ADDRESS, &fd, &dev_id,
						 &device),
			 -EBADFD);
	ck_assert_uint_eq(device.reasons, R(NOT_IOMMUFD));
	iommunest_close(ctx);
	close(null);
}

/* ---- Groups of two ---- */

/*
 * Functions of one device, which share a group.  The test kernel has no driver
 * for a PCI device, so that a host's driver in the way is for the simulator.
 */
#define FIRST "0000:00:04.0"
#define SECOND "0000:00:04.1"

static void give_to_vfio(const char *address)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override",
		 address);
	ck_assert(write_sysfs(path, "vfio-pci"));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind",
		 address);
	write_sysfs(path, address);
	ck_assert(write_sysfs("/sys/bus/pci/drivers_probe", address));
}

static int open_pci(struct iommunest_ctx *ctx, const char *address, int *fd)
{
	uint32_t dev_id;

	return iommunest_vfio_open_pci(ctx, address, fd, &dev_id, &device);
}

/* In one test: what it changes in the machine, it changes in this order. */
TEST(what_is_in_the_way_in_a_group_is_said)
{
	struct iommunest_ctx *ctx, *other;
	int fd, second;

	ck_assert_int_eq(iommunest_vfio_find(NULL, FIRST, &device), -ENXIO);
	ck_assert_uint_eq(device.reasons, R(NO_DRIVER));
	give_to_vfio(FIRST);
	give_to_vfio(SECOND);
	ck_assert_int_eq(iommunest_vfio_find(NULL, FIRST, &device), 0);
	ck_assert_int_eq(iommunest_open(&ctx, NULL), 0);
	ck_assert_int_eq(open_pci(ctx, FIRST, &fd), 0);
	ck_assert_int_eq(iommunest_open(&other, NULL), 0);
	ck_assert_int_eq(open_pci(other, SECOND, &second), -EPERM);
	ck_assert_uint_eq(device.reasons, R(GROUP_CONTEXT) | R(INTERRUPTS));
	ck_assert_int_eq(open_pci(ctx, SECOND, &second), 0);
	iommunest_vfio_close(ctx, second);
	iommunest_vfio_close(ctx, fd);
	ck_assert_int_eq(open_pci(other, SECOND, &second), 0);
	iommunest_vfio_close(other, second);
	iommunest_close(other);
	iommunest_close(ctx);
}

/* ---- Without the right to ---- */

static int in_child(int (*child)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		ck_assert_int_eq(setgid(65534), 0);
		ck_assert_int_eq(setuid(65534), 0);
		_exit(child());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int nobody_finds(void)
{
	if (iommunest_vfio_find(NULL, ADDRESS, &device) != -EACCES)
		return 1;
	return device.reasons == (R(PERMISSION) | R(IOMMUFD_PERMISSION)) ? 0
									 : 2;
}

static int nobody_opens(void)
{
	struct iommunest_ctx *ctx;
	uint32_t dev_id;
	int fd;

	if (iommunest_open(&ctx, NULL))
		return 1;
	if (iommunest_vfio_open_pci(ctx, ADDRESS, &fd, &dev_id, &device) !=
	    -EACCES)
		return 2;
	return device.reasons == R(PERMISSION) ? 0 : 3;
}

TEST(a_node_that_may_not_be_opened_is_said)
{
	/* The machine's files were made by somebody who kept them private. */
	ck_assert_int_eq(chmod("/", 0755), 0);
	ck_assert_int_eq(chmod(getenv("VM_DEVICE"), 0600), 0);
	ck_assert_int_eq(chmod("/dev/iommu", 0600), 0);
	ck_assert_int_eq(in_child(nobody_finds), 0);
	ck_assert_int_eq(chmod("/dev/iommu", 0666), 0);
	ck_assert_int_eq(in_child(nobody_opens), 0);
}

TEST(a_node_that_is_missing_is_said)
{
	char hidden[80];
	const char *node = getenv("VM_DEVICE");

	snprintf(hidden, sizeof(hidden), "%s-hidden", node);
	ck_assert_int_eq(rename(node, hidden), 0);
	ck_assert_int_eq(iommunest_vfio_find(NULL, ADDRESS, &device), -ENOENT);
	ck_assert_uint_eq(device.reasons, R(NO_NODE));
	ck_assert_str_eq(device.node, node);
	ck_assert_int_eq(rename(hidden, node), 0);
	ck_assert_int_eq(iommunest_vfio_find(NULL, ADDRESS, &device), 0);
}

/* ---- Ends ---- */

/* A child that was not started by exec has the files, too. */
TEST(a_device_is_bound_until_each_copy_is_closed)
{
	struct iommunest_ctx *ctx, *other;
	int go[2], fd, status;
	uint32_t dev_id;
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(go), 0);
	ck_assert_int_eq(iommunest_open(&ctx, NULL), 0);
	ck_assert_int_eq(open_pci(ctx, ADDRESS, &fd), 0);
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		_exit(read(go[0], &byte, 1) != 0);
	}
	iommunest_vfio_close(ctx, fd);
	iommunest_close(ctx);
	ck_assert_int_eq(iommunest_open(&other, NULL), 0);
	ck_assert_int_eq(open_pci(other, ADDRESS, &fd), -EINVAL);
	ck_assert_uint_eq(device.reasons, R(BOUND));
	close(go[0]);
	close(go[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(
		iommunest_vfio_open_pci(other, ADDRESS, &fd, &dev_id, NULL), 0);
	iommunest_vfio_close(other, fd);
	iommunest_close(other);
}

/* Prints its files, of which those that are ours would be two more. */
static int files_after_exec(void)
{
	FILE *out = popen("exec /bin/busybox ls /proc/self/fd", "r");
	char line[16];
	int count = 0;

	ck_assert_ptr_nonnull(out);
	while (fgets(line, sizeof(line), out))
		count++;
	pclose(out);
	return count;
}

TEST(a_program_that_is_started_has_none_of_the_files)
{
	const int before = files_after_exec();
	struct iommunest_ctx *ctx;
	int fd;

	ck_assert_int_eq(iommunest_open(&ctx, NULL), 0);
	ck_assert_int_eq(open_pci(ctx, ADDRESS, &fd), 0);
	ck_assert_int_eq(files_after_exec(), before);
	iommunest_vfio_close(ctx, fd);
	iommunest_close(ctx);
}

/* The device keeps the iommufd, and what is in it, until it is closed. */
TEST(a_device_outlives_its_context)
{
	struct iommunest_ctx *ctx, *other;
	struct iommunest_open_options none = { .size = sizeof(none) };
	uint32_t dev_id, ioas, parent, pt_id;
	int fd;

	ck_assert_int_eq(iommunest_open(&ctx, NULL), 0);
	ck_assert_int_eq(
		iommunest_vfio_open_pci(ctx, ADDRESS, &fd, &dev_id, NULL), 0);
	ck_assert_int_eq(iommunest_ioas_alloc(ctx, &ioas), 0);
	ck_assert_int_eq(
		iommunest_hwpt_alloc_parent(ctx, dev_id, ioas, &parent), 0);
	pt_id = parent;
	ck_assert_int_eq(iommunest_vfio_attach(ctx, fd, &pt_id), 0);
	iommunest_close(ctx);
	/* Any context has the system calls for the device. */
	ck_assert_int_eq(iommunest_open(&other, &none), 0);
	pt_id = ioas;
	ck_assert_int_eq(iommunest_vfio_attach(other, fd, &pt_id), 0);
	ck_assert_int_eq(iommunest_vfio_detach(other, fd), 0);
	pt_id = parent;
	ck_assert_int_eq(iommunest_vfio_attach(other, fd, &pt_id), 0);
	iommunest_vfio_close(other, fd);
	ck_assert_int_eq(open_pci(other, ADDRESS, &fd), 0);
	iommunest_vfio_close(other, fd);
	iommunest_close(other);
}
