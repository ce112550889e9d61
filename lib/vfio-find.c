/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The VFIO node of a PCI address, and why there is none, or why it cannot be
 * used.  Everything is found by looking: a file that is opened for that is
 * closed again, and nothing is bound.
 */
#include <config.h>

#include <fcntl.h>
#include <stdio.h>

#include "lib/abi.h"
#include "lib/context.h"
#include "lib/sysfs.h"

#define DEVICES "/sys/bus/pci/devices"
#define UNSAFE "/sys/module/iommufd/parameters/allow_unsafe_interrupts"

struct look {
	struct iommunest_ctx *ctx;
	struct iommunest_vfio_device *dev;
	/* Of the first thing that is in the way. */
	int error;
};

static void note(struct look *look, uint32_t reason, int error)
{
	look->dev->reasons |= reason;
	if (!look->error)
		look->error = error;
}

/* ---- Addresses ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* @min to @max hexadecimal digits, and then @end.  NULL: it is not that. */
static const char *parse(const char *text, unsigned int min, unsigned int max,
			 char end, uint32_t *value)
{
	unsigned int count;

	*value = 0;
	for (count = 0; count < max && hex_digit(text[count]) >= 0; count++)
		*value = *value << 4 | (uint32_t)hex_digit(text[count]);
	return count >= min && text[count] == end ? text + count + 1 : NULL;
}

/* As the kernel writes it: in small letters, with the domain. */
static int parse_address(const char *text, char *address, size_t room)
{
	uint32_t domain, bus, device, function;
	const char *rest = parse(text, 4, 8, ':', &domain);

	if (!rest) {
		domain = 0;
		rest = text;
	}
	rest = parse(rest, 2, 2, ':', &bus);
	if (!rest)
		return -EINVAL;
	rest = parse(rest, 2, 2, '.', &device);
	if (!rest || device > 31)
		return -EINVAL;
	if (!parse(rest, 1, 1, '\0', &function) || function > 7)
		return -EINVAL;
	snprintf(address, room, "%04x:%02x:%02x.%x", domain, bus, device,
		 function);
	return 0;
}

/* ---- The device in sysfs ---- */

/* Too long, which no kernel's name is: a path that is not there. */
static void path_of(char path[SYSFS_PATH], const char *address,
		    const char *rest)
{
	int len = snprintf(path, SYSFS_PATH, DEVICES "/%s%s", address, rest);

	if (len < 0 || len >= SYSFS_PATH)
		path[0] = '\0';
}

static int stop_at_first(void *user, const char *name)
{
	(void)user, (void)name;
	return 1;
}

static int find_device(struct look *look)
{
	char path[SYSFS_PATH];
	char name[sizeof(look->dev->address)];
	int ret;

	path_of(path, look->dev->address, "");
	ret = iommunest__sysfs_link(look->ctx, path, name, sizeof(name));
	if (ret == -ENOENT &&
	    iommunest__sysfs_list(look->ctx, DEVICES, stop_at_first, NULL) ==
		    -ENOENT)
		note(look, IOMMUNEST_VFIO_REASON_NO_SYSFS, ret);
	else if (ret == -ENOENT)
		note(look, IOMMUNEST_VFIO_REASON_NO_DEVICE, ret);
	else if (ret)
		note(look, 0, ret);
	return ret;
}

static void find_group(struct look *look)
{
	char path[SYSFS_PATH], name[16];
	uint32_t number;
	const char *c;
	int ret;

	path_of(path, look->dev->address, "/iommu_group");
	ret = iommunest__sysfs_link(look->ctx, path, name, sizeof(name));
	if (ret) {
		note(look, ret == -ENOENT ? IOMMUNEST_VFIO_REASON_NO_IOMMU : 0,
		     ret == -ENOENT ? -ENODEV : ret);
		return;
	}
	for (c = name, number = 0; *c >= '0' && *c <= '9'; c++)
		number = number * 10 + (uint32_t)(*c - '0');
	look->dev->group = (int32_t)(number & INT32_MAX);
}

/* "": no driver has it. */
static int driver_of(struct iommunest_ctx *ctx, const char *address,
		     char *driver, size_t room)
{
	char path[SYSFS_PATH];
	int ret;

	driver[0] = '\0';
	path_of(path, address, "/driver");
	ret = iommunest__sysfs_link(ctx, path, driver, room);
	return ret == -ENOENT ? 0 : ret;
}

static bool is_vfio_driver(const char *driver)
{
	return strstr(driver, "vfio");
}

/* "vfio3", and not "noiommu-vfio3". */
static int copy_node(void *user, const char *name)
{
	struct iommunest_vfio_device *dev = user;

	if (strncmp(name, "vfio", 4) != 0)
		return 0;
	snprintf(dev->node, sizeof(dev->node), "/dev/vfio/devices/%.40s", name);
	return 1;
}

static void no_node(struct look *look)
{
	if (!look->dev->driver[0])
		note(look, IOMMUNEST_VFIO_REASON_NO_DRIVER, -ENXIO);
	else if (!is_vfio_driver(look->dev->driver))
		note(look, IOMMUNEST_VFIO_REASON_HOST_DRIVER, -ENXIO);
	else
		note(look, IOMMUNEST_VFIO_REASON_NO_CDEV, -EOPNOTSUPP);
}

/* A kernel without nodes has the folder, but no number of a node in it. */
static void check_cdev(struct look *look)
{
	char path[SYSFS_PATH], rest[80], number[24];
	int ret;

	snprintf(rest, sizeof(rest), "/vfio-dev%s/dev",
		 strrchr(look->dev->node, '/'));
	path_of(path, look->dev->address, rest);
	ret = iommunest__sysfs_read(look->ctx, path, number, sizeof(number));
	if (ret != -ENOENT)
		return;
	look->dev->node[0] = '\0';
	no_node(look);
}

static void find_node(struct look *look)
{
	char path[SYSFS_PATH];
	int ret;

	path_of(path, look->dev->address, "/vfio-dev");
	ret = iommunest__sysfs_list(look->ctx, path, copy_node, look->dev);
	if (ret == 1)
		check_cdev(look);
	else if (ret == -ENOENT)
		no_node(look);
	else if (ret == 0)
		/* "noiommu-vfio3", with a group that VFIO made up. */
		note(look, IOMMUNEST_VFIO_REASON_NO_IOMMU, -ENODEV);
	else
		note(look, 0, ret);
}

/* Its group, driver and node. */
static void look_at_device(struct look *look)
{
	int ret;

	if (find_device(look))
		return;
	find_group(look);
	ret = driver_of(look->ctx, look->dev->address, look->dev->driver,
			sizeof(look->dev->driver));
	if (ret)
		note(look, 0, ret);
	else
		find_node(look);
}

/* ---- Its group ---- */

/* These do no DMA of their own, and leave a group to others. */
static bool is_harmless(const char *driver)
{
	return !driver[0] || is_vfio_driver(driver) ||
	       strcmp(driver, "pcieport") == 0 ||
	       strcmp(driver, "pci-stub") == 0;
}

struct mates {
	struct iommunest_ctx *ctx;
	struct iommunest_vfio_device *dev;
	/* Another device of the group that is VFIO's. */
	bool vfio;
};

static int look_at_mate(void *user, const char *address)
{
	struct mates *mates = user;
	struct iommunest_vfio_device *dev = mates->dev;
	char driver[sizeof(dev->other_driver)];

	if (strcmp(address, dev->address) == 0 ||
	    driver_of(mates->ctx, address, driver, sizeof(driver)))
		return 0;
	mates->vfio |= is_vfio_driver(driver);
	if (is_harmless(driver))
		return 0;
	snprintf(dev->other, sizeof(dev->other), "%s", address);
	memcpy(dev->other_driver, driver, sizeof(driver));
	return 1;
}

/* Whether a host's driver has another device of the group. */
static bool is_host_group(struct mates *mates)
{
	char path[SYSFS_PATH];

	path_of(path, mates->dev->address, "/iommu_group/devices");
	return iommunest__sysfs_list(mates->ctx, path, look_at_mate, mates) ==
	       1;
}

static void look_at_group(struct look *look)
{
	struct mates mates = { .ctx = look->ctx, .dev = look->dev };

	if (look->dev->group >= 0 && is_host_group(&mates))
		note(look, IOMMUNEST_VFIO_REASON_GROUP_HOST_DRIVER, -EPERM);
}

/* ---- Nodes ---- */

static bool is_denied(int error)
{
	return error == -EACCES || error == -EPERM;
}

static uint32_t why_not_opened(int error, uint32_t absent, uint32_t denied)
{
	if (error == -ENOENT)
		return absent;
	return is_denied(error) ? denied : 0;
}

static void try_open(struct look *look, const char *path, uint32_t absent,
		     uint32_t denied)
{
	struct iommunest_ctx *ctx = look->ctx;
	int fd = ctx->sys.open(ctx->sys_data, path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		note(look, why_not_opened(fd, absent, denied), fd);
	else
		ctx->sys.close(ctx->sys_data, fd);
}

/* ---- Why a device could not be bound ---- */

static bool may_be_unsafe(struct iommunest_ctx *ctx)
{
	char text[8];

	return iommunest__sysfs_read(ctx, UNSAFE, text, sizeof(text)) != 0 ||
	       text[0] != 'Y';
}

/* The group has an owner, or interrupts are not isolated. */
static uint32_t why_not_permitted(struct look *look)
{
	struct mates mates = { .ctx = look->ctx, .dev = look->dev };
	uint32_t reasons = 0;

	if (is_host_group(&mates))
		return IOMMUNEST_VFIO_REASON_GROUP_HOST_DRIVER;
	if (mates.vfio)
		reasons |= IOMMUNEST_VFIO_REASON_GROUP_CONTEXT;
	if (may_be_unsafe(look->ctx))
		reasons |= IOMMUNEST_VFIO_REASON_INTERRUPTS;
	return reasons;
}

static uint32_t why_busy(struct look *look)
{
	struct mates mates = { .ctx = look->ctx, .dev = look->dev };

	return is_host_group(&mates) ? IOMMUNEST_VFIO_REASON_GROUP_HOST_DRIVER
				     : IOMMUNEST_VFIO_REASON_GROUP_OPEN;
}

static uint32_t why_not_bound(struct look *look, int error)
{
	switch (error) {
	case -EINVAL:
		return IOMMUNEST_VFIO_REASON_BOUND;
	case -EBUSY:
		return why_busy(look);
	case -EPERM:
		return why_not_permitted(look);
	case -EACCES:
		return IOMMUNEST_VFIO_REASON_TOKEN;
	case -EBADF:
	case -EBADFD:
		return IOMMUNEST_VFIO_REASON_NOT_IOMMUFD;
	default:
		return 0;
	}
}

/* ---- The public functions ---- */

static int start(struct iommunest_vfio_device *dev, const char *address)
{
	*dev = (struct iommunest_vfio_device){ .size = sizeof(*dev),
					       .group = -1 };
	return parse_address(address, dev->address, sizeof(dev->address));
}

/* A call that fails without a reason leaves none of an earlier call. */
static int clear_reasons(struct iommunest_vfio_device *device)
{
	int ret = iommunest_check_size(
		device, END_OF(struct iommunest_vfio_device, other_driver));

	if (!ret)
		device->reasons = 0;
	return ret;
}

EXPORT int iommunest_vfio_find(const struct iommunest_open_options *options,
			       const char *address,
			       struct iommunest_vfio_device *device)
{
	struct iommunest_vfio_device dev;
	struct iommunest_ctx ctx = { .fd = -1 };
	struct look look = { .ctx = &ctx, .dev = &dev };
	const char *iommufd;
	int ret;

	if (!device)
		return -EINVAL;
	ret = clear_reasons(device);
	if (!ret && !address)
		ret = -EINVAL;
	if (!ret)
		ret = iommunest__context_init(&ctx, options, &iommufd);
	if (!ret)
		ret = start(&dev, address);
	if (ret)
		return ret;
	look_at_device(&look);
	if (dev.node[0])
		try_open(&look, dev.node, IOMMUNEST_VFIO_REASON_NO_NODE,
			 IOMMUNEST_VFIO_REASON_PERMISSION);
	look_at_group(&look);
	try_open(&look, iommufd, IOMMUNEST_VFIO_REASON_NO_IOMMUFD,
		 IOMMUNEST_VFIO_REASON_IOMMUFD_PERMISSION);
	iommunest_copy_out(device, &dev, sizeof(dev));
	return look.error;
}

/* The node is known. */
static void open_and_bind(struct look *look, int *fd, uint32_t *dev_id)
{
	struct iommunest_ctx *ctx = look->ctx;
	int new = ctx->sys.open(ctx->sys_data, look->dev->node,
				O_RDWR | O_CLOEXEC);
	int ret;

	if (new < 0) {
		note(look,
		     why_not_opened(new, IOMMUNEST_VFIO_REASON_NO_NODE,
				    IOMMUNEST_VFIO_REASON_PERMISSION),
		     new);
		return;
	}
	ret = iommunest_vfio_bind(ctx, new, dev_id);
	if (ret) {
		ctx->sys.close(ctx->sys_data, new);
		note(look, why_not_bound(look, ret), ret);
		return;
	}
	*fd = new;
}

EXPORT int iommunest_vfio_open_pci(struct iommunest_ctx *ctx,
				   const char *address, int *fd,
				   uint32_t *dev_id,
				   struct iommunest_vfio_device *device)
{
	struct iommunest_vfio_device dev;
	struct look look = { .ctx = ctx, .dev = &dev };
	int ret;

	ret = device ? clear_reasons(device) : 0;
	if (!ret && (!ctx || !address || !fd || !dev_id))
		ret = -EINVAL;
	if (!ret)
		ret = start(&dev, address);
	if (ret)
		return ret;
	look_at_device(&look);
	if (dev.node[0]) {
		/* From here on, the kernel says what is in the way. */
		dev.reasons = 0;
		look.error = 0;
		open_and_bind(&look, fd, dev_id);
	}
	if (device)
		iommunest_copy_out(device, &dev, sizeof(dev));
	return look.error;
}
