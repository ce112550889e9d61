/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The device of a PCI address, and why there is none that can be used. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest-sim.h>

#include "tests/harness/support.h"

#define NODE "/dev/vfio/devices/vfio0"
#define ADDRESS "0000:00:02.0"
#define UNTOUCHED 0xabcd

#define R(name) IOMMUNEST_VFIO_REASON_##name

/*
 * A table before the simulator's: one call may fail, and readdir may lie.
 */
struct front {
	struct iommunest_sim *sim;
	/* The number of the call that fails, from 1; 0: none. */
	unsigned int fail_at;
	int error;
	unsigned int calls;
	/* Bytes that getdents64 gives in place of the simulator's. */
	const void *lie;
	size_t lie_len;
};

static int fails(struct front *front)
{
	return ++front->calls == front->fail_at ? front->error : 0;
}

static int front_open(void *data, const char *path, int flags)
{
	struct front *front = data;
	int ret = fails(front);

	return ret ? ret : iommunest_sim_sys()->open(front->sim, path, flags);
}

static int front_close(void *data, int fd)
{
	struct front *front = data;

	return iommunest_sim_sys()->close(front->sim, fd);
}

static int front_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct front *front = data;
	int ret = fails(front);

	return ret ? ret
		   : iommunest_sim_sys()->ioctl(front->sim, fd, request, arg);
}

static ssize_t front_read(void *data, int fd, void *buf, size_t len)
{
	struct front *front = data;
	int ret = fails(front);

	return ret ? ret : iommunest_sim_sys()->read(front->sim, fd, buf, len);
}

static ssize_t front_readlink(void *data, const char *path, char *buf,
			      size_t len)
{
	struct front *front = data;
	int ret = fails(front);

	return ret ? ret
		   : iommunest_sim_sys()->readlink(front->sim, path, buf, len);
}

static ssize_t front_getdents64(void *data, int fd, void *buf, size_t len)
{
	struct front *front = data;
	int ret = fails(front);

	if (ret)
		return ret;
	if (!front->lie)
		return iommunest_sim_sys()->getdents64(front->sim, fd, buf,
						       len);
	memcpy(buf, front->lie, front->lie_len);
	return (ssize_t)front->lie_len;
}

static const struct iommunest_sys front_sys = {
	.size = sizeof(front_sys),
	.open = front_open,
	.close = front_close,
	.ioctl = front_ioctl,
	.read = front_read,
	.readlink = front_readlink,
	.getdents64 = front_getdents64,
};

static struct front front;
static struct iommunest_open_options options;

static void set_up(void)
{
	front = (struct front){ 0 };
	options = (struct iommunest_open_options){
		.size = sizeof(options),
		.sys = &front_sys,
		.sys_data = &front,
	};
	ck_assert_int_eq(iommunest_sim_new(&front.sim, NULL), 0);
}

static void tear_down(void)
{
	ck_assert_uint_eq(iommunest_sim_open_fds(front.sim), 0);
	iommunest_sim_free(front.sim);
}

FIXTURE(set_up, tear_down);

static void set_state(unsigned int n, uint32_t state)
{
	ck_assert_int_eq(iommunest_sim_set_vfio(front.sim, n, state), 0);
}

static struct iommunest_vfio_device blank(void)
{
	struct iommunest_vfio_device device;

	memset(&device, 0xa5, sizeof(device));
	device.size = sizeof(device);
	return device;
}

static int find(const char *address, struct iommunest_vfio_device *device)
{
	*device = blank();
	return iommunest_vfio_find(&options, address, device);
}

/* Opens, and closes again what that left open. */
static int open_pci(const char *address, struct iommunest_vfio_device *device)
{
	struct iommunest_ctx *ctx;
	uint32_t dev_id = UNTOUCHED;
	int fd = UNTOUCHED, ret;

	*device = blank();
	ck_assert_int_eq(iommunest_open(&ctx, &options), 0);
	ret = iommunest_vfio_open_pci(ctx, address, &fd, &dev_id, device);
	if (ret) {
		ck_assert_int_eq(fd, UNTOUCHED);
		ck_assert_uint_eq(dev_id, UNTOUCHED);
		ck_assert_uint_eq(iommunest_sim_open_fds(front.sim), 1);
	} else {
		ck_assert_int_eq(iommunest_object_destroy(ctx, dev_id), -EBUSY);
		iommunest_vfio_close(ctx, fd);
	}
	iommunest_close(ctx);
	return ret;
}

/* ---- What is found ---- */

TEST(a_device_is_found_by_its_address)
{
	struct iommunest_vfio_device device;

	ck_assert_int_eq(find("0000:00:05.0", &device), 0);
	ck_assert_uint_eq(device.reasons, 0);
	ck_assert_str_eq(device.address, "0000:00:05.0");
	ck_assert_str_eq(device.driver, "vfio-pci");
	ck_assert_str_eq(device.node, "/dev/vfio/devices/vfio3");
	ck_assert_int_eq(device.group, 11);
	ck_assert_str_eq(device.other, "");
	ck_assert_str_eq(device.other_driver, "");
}

TEST(it_is_opened_and_bound_by_its_address)
{
	struct iommunest_vfio_device device;

	ck_assert_int_eq(open_pci("00:09.0", &device), 0);
	ck_assert_uint_eq(device.reasons, 0);
	ck_assert_str_eq(device.address, "0000:00:09.0");
	ck_assert_str_eq(device.node, "/dev/vfio/devices/vfio7");
}

static const struct {
	const char *text;
	/* NULL: it is not an address. */
	const char *address;
} addresses[] = {
	{ "00:02.0", ADDRESS },
	{ "0000:00:02.0", ADDRESS },
	{ "00000000:00:02.0", ADDRESS },
	{ "ABCD:EF:1F.7", "abcd:ef:1f.7" },
	{ "12345:00:02.0", "12345:00:02.0" },
	{ "ffffffff:ff:1f.7", "ffffffff:ff:1f.7" },
	{ "", NULL },
	{ ":", NULL },
	{ "02.0", NULL },
	{ "0:02.0", NULL },
	{ "00:2.0", NULL },
	{ "00:02", NULL },
	{ "00:02.", NULL },
	{ "00:02.8", NULL },
	{ "00:20.0", NULL },
	{ "00:02.00", NULL },
	{ "00:02.0 ", NULL },
	{ " 00:02.0", NULL },
	{ "000:00:02.0", NULL },
	{ "123456789:00:02.0", NULL },
	{ "0000:00:02:0", NULL },
	{ "0000:00:02.0/..", NULL },
	{ "0000:0g:02.0", NULL },
	{ "-000:00:02.0", NULL },
};

TEST_LOOP(an_address_has_one_form_in_full, ARRAY_LEN(addresses))
{
	struct iommunest_vfio_device device;
	int ret = find(addresses[_i].text, &device);

	if (addresses[_i].address) {
		ck_assert_int_ne(ret, -EINVAL);
		ck_assert_str_eq(device.address, addresses[_i].address);
	} else {
		ck_assert_int_eq(ret, -EINVAL);
		ck_assert_uint_eq(device.reasons, 0);
		ck_assert_int_eq(device.group, (int32_t)0xa5a5a5a5u);
		ck_assert_int_eq(open_pci(addresses[_i].text, &device),
				 -EINVAL);
		ck_assert_uint_eq(device.reasons, 0);
	}
}

/* ---- What is in the way ---- */

static const struct {
	uint32_t state;
	int find;
	uint32_t seen;
	int open;
	uint32_t found_out;
} rows[] = {
	{ IOMMUNEST_SIM_VFIO_READY, 0, 0, 0, 0 },
	{ IOMMUNEST_SIM_VFIO_ABSENT, -ENOENT, R(NO_DEVICE), -ENOENT,
	  R(NO_DEVICE) },
	{ IOMMUNEST_SIM_VFIO_NO_IOMMU, -ENODEV, R(NO_IOMMU) | R(NO_DRIVER),
	  -ENODEV, R(NO_IOMMU) | R(NO_DRIVER) },
	{ IOMMUNEST_SIM_VFIO_NO_DRIVER, -ENXIO, R(NO_DRIVER), -ENXIO,
	  R(NO_DRIVER) },
	{ IOMMUNEST_SIM_VFIO_HOST_DRIVER, -ENXIO, R(HOST_DRIVER), -ENXIO,
	  R(HOST_DRIVER) },
	{ IOMMUNEST_SIM_VFIO_NO_CDEV, -EOPNOTSUPP, R(NO_CDEV), -EOPNOTSUPP,
	  R(NO_CDEV) },
	{ IOMMUNEST_SIM_VFIO_NO_NODE, -ENOENT, R(NO_NODE), -ENOENT,
	  R(NO_NODE) },
	{ IOMMUNEST_SIM_VFIO_PERMISSION, -EACCES, R(PERMISSION), -EACCES,
	  R(PERMISSION) },
	{ IOMMUNEST_SIM_VFIO_GROUP_HOST_DRIVER, -EPERM, R(GROUP_HOST_DRIVER),
	  -EPERM, R(GROUP_HOST_DRIVER) },
	/* From here on, it takes a try. */
	{ IOMMUNEST_SIM_VFIO_GROUP_OPEN, 0, 0, -EBUSY, R(GROUP_OPEN) },
	{ IOMMUNEST_SIM_VFIO_GROUP_CONTEXT, 0, 0, -EPERM,
	  R(GROUP_CONTEXT) | R(INTERRUPTS) },
	{ IOMMUNEST_SIM_VFIO_BOUND, 0, 0, -EINVAL, R(BOUND) },
	{ IOMMUNEST_SIM_VFIO_INTERRUPTS, 0, 0, -EPERM, R(INTERRUPTS) },
	{ IOMMUNEST_SIM_VFIO_TOKEN, 0, 0, -EACCES, R(TOKEN) },
};

TEST_LOOP(what_is_in_the_way_is_said, ARRAY_LEN(rows))
{
	struct iommunest_vfio_device device;

	/* The others are as they are. */
	set_state(0, rows[_i].state);
	ck_assert_int_eq(find(ADDRESS, &device), rows[_i].find);
	ck_assert_uint_eq(device.reasons, rows[_i].seen);
	ck_assert_str_eq(device.address, ADDRESS);
	ck_assert_int_eq(open_pci(ADDRESS, &device), rows[_i].open);
	ck_assert_uint_eq(device.reasons, rows[_i].found_out);
	ck_assert_int_eq(open_pci("00:03.0", &device), 0);
}

TEST(the_driver_that_is_in_the_way_is_named)
{
	struct iommunest_vfio_device device;

	set_state(0, IOMMUNEST_SIM_VFIO_HOST_DRIVER);
	find(ADDRESS, &device);
	ck_assert_str_eq(device.driver, "e1000e");
	ck_assert_str_eq(device.node, "");
	set_state(0, IOMMUNEST_SIM_VFIO_GROUP_HOST_DRIVER);
	find(ADDRESS, &device);
	ck_assert_str_eq(device.driver, "vfio-pci");
	ck_assert_str_eq(device.other, "0000:00:02.1");
	ck_assert_str_eq(device.other_driver, "e1000e");
}

TEST(a_device_of_the_same_process_is_bound_once)
{
	struct iommunest_vfio_device device;
	struct iommunest_ctx *ctx;
	uint32_t dev_id;
	int fd;

	ck_assert_int_eq(iommunest_open(&ctx, &options), 0);
	ck_assert_int_eq(
		iommunest_vfio_open_pci(ctx, ADDRESS, &fd, &dev_id, NULL), 0);
	device = blank();
	ck_assert_int_eq(iommunest_vfio_open_pci(ctx, ADDRESS, &fd, &dev_id,
						 &device),
			 -EINVAL);
	ck_assert_uint_eq(device.reasons, R(BOUND));
	iommunest_vfio_close(ctx, fd);
	iommunest_close(ctx);
}

TEST(a_context_that_is_no_iommufd_is_said)
{
	struct iommunest_vfio_device device = blank();
	struct iommunest_ctx *ctx;
	uint32_t dev_id;
	int node, fd;

	node = front_open(&front, "/dev/vfio/devices/vfio1", 2);
	ck_assert_int_eq(iommunest_open_fd(&ctx, node, &options), 0);
	ck_assert_int_eq(iommunest_vfio_open_pci(ctx, ADDRESS, &fd, &dev_id,
						 &device),
			 -EBADFD);
	ck_assert_uint_eq(device.reasons, R(NOT_IOMMUFD));
	iommunest_close(ctx);
	front_close(&front, node);
}

TEST(dev_iommu_is_looked_at)
{
	struct iommunest_vfio_device device;

	options.path = "/dev/other";
	ck_assert_int_eq(find(ADDRESS, &device), -ENOENT);
	ck_assert_uint_eq(device.reasons, R(NO_IOMMUFD));
	/* It is the last that is opened. */
	options.path = NULL;
	front.calls = 0;
	find(ADDRESS, &device);
	front.fail_at = front.calls;
	front.calls = 0;
	front.error = -EACCES;
	ck_assert_int_eq(find(ADDRESS, &device), -EACCES);
	ck_assert_uint_eq(device.reasons, R(IOMMUFD_PERMISSION));
}

TEST(each_reason_has_a_sentence_of_its_own)
{
	const char *text, *other;
	unsigned int i, j;

	for (i = 0; i < 27; i++) {
		text = iommunest_vfio_reason_text(1u << i);
		ck_assert_str_ne(text, "unknown");
		for (j = 0; j < i; j++) {
			other = iommunest_vfio_reason_text(1u << j);
			ck_assert_str_ne(text, other);
		}
	}
	ck_assert_str_eq(iommunest_vfio_reason_text(1u << 27), "unknown");
	ck_assert_str_eq(iommunest_vfio_reason_text(0), "unknown");
	ck_assert_str_eq(iommunest_vfio_reason_text(3), "unknown");
}

/* ---- What goes wrong while looking ---- */

/*
 * Each call in turn fails with an error that means nothing here.  What could
 * not be seen is no reason, except that a node which may or may not be there is
 * tried; nothing stays open.
 */
TEST_LOOP(a_call_that_fails_leaks_nothing, ARRAY_LEN(rows))
{
	struct iommunest_vfio_device device;
	const uint32_t tried =
		rows[_i].state == IOMMUNEST_SIM_VFIO_NO_CDEV ? R(NO_NODE) : 0;
	unsigned int count, i;

	set_state(0, rows[_i].state);
	find(ADDRESS, &device);
	count = front.calls;
	front.error = -EIO;
	for (i = 1; i <= count; i++) {
		front.fail_at = i;
		front.calls = 0;
		ck_assert_int_le(find(ADDRESS, &device), 0);
		ck_assert_uint_eq(device.reasons & ~(rows[_i].seen | tried), 0);
		ck_assert_uint_eq(iommunest_sim_open_fds(front.sim), 0);
	}
}

TEST(without_a_function_that_it_takes_it_is_enosys)
{
	struct iommunest_sys sys = front_sys;
	struct iommunest_vfio_device device;

	options.sys = &sys;
	sys.readlink = NULL;
	ck_assert_int_eq(find(ADDRESS, &device), -ENOSYS);
	ck_assert_uint_eq(device.reasons, 0);
	ck_assert_int_eq(open_pci(ADDRESS, &device), -ENOSYS);
	sys = front_sys;
	sys.getdents64 = NULL;
	ck_assert_int_eq(find(ADDRESS, &device), -ENOSYS);
	ck_assert_int_eq(open_pci(ADDRESS, &device), -ENOSYS);
	sys = front_sys;
	sys.read = NULL;
	ck_assert_int_eq(find(ADDRESS, &device), 0);
	ck_assert_str_eq(device.node, NODE);
}

/* A record too short, too long, without an end, without a name. */
static const struct {
	uint16_t reclen;
	char name[5];
	size_t len;
} lies[] = {
	{ 0, "vfio", 24 },   { 8, "vfio", 24 },	     { 32, "vfio", 24 },
	{ 24, "vfioX", 24 }, { 0xffff, "vfio", 24 }, { 19, "", 20 },
};

TEST_LOOP(a_folder_that_cannot_be_read_is_eio, ARRAY_LEN(lies))
{
	struct iommunest_vfio_device device;
	char record[24] = { 0 };

	memcpy(record + 16, &lies[_i].reclen, 2);
	memcpy(record + 19, lies[_i].name, sizeof(lies[_i].name));
	front.lie = record;
	front.lie_len = lies[_i].len;
	ck_assert_int_eq(find(ADDRESS, &device), -EIO);
	ck_assert_uint_eq(device.reasons, 0);
	ck_assert_str_eq(device.node, "");
}

TEST(null_is_einval)
{
	struct iommunest_vfio_device device = blank();
	struct iommunest_ctx *ctx;
	uint32_t id;
	int fd;

	ck_assert_int_eq(iommunest_vfio_find(&options, NULL, &device), -EINVAL);
	ck_assert_uint_eq(device.reasons, 0);
	ck_assert_int_eq(iommunest_vfio_find(&options, ADDRESS, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_open(&ctx, &options), 0);
	ck_assert_int_eq(iommunest_vfio_open_pci(NULL, ADDRESS, &fd, &id,
						 &device),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vfio_open_pci(ctx, NULL, &fd, &id, &device),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vfio_open_pci(ctx, ADDRESS, NULL, &id,
						 &device),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vfio_open_pci(ctx, ADDRESS, &fd, NULL,
						 &device),
			 -EINVAL);
	ck_assert_int_eq(iommunest_sim_set_vfio(NULL, 0, 0), -EINVAL);
	ck_assert_int_eq(iommunest_sim_set_vfio(front.sim, 8, 0), -EINVAL);
	ck_assert_int_eq(iommunest_sim_set_vfio(front.sim, 0, 14), -EINVAL);
	iommunest_close(ctx);
}

/* On the kernel that this runs on: no address ends so. */
TEST(the_kernels_own_sysfs_is_looked_at_without_options)
{
	struct iommunest_vfio_device device = blank();

	ck_assert_int_eq(iommunest_vfio_find(NULL, "ffffffff:ff:1f.7", &device),
			 -ENOENT);
	ck_assert(device.reasons & (R(NO_DEVICE) | R(NO_SYSFS)));
	ck_assert_int_eq(device.group, -1);
}
