/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "real.h"
#include "vfio-uapi.h"

#include "lib/uapi/invalidate.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

/* ---- System calls ---- */

static int sys_open(void *data, const char *path, int flags)
{
	int fd = open(path, flags);

	(void)data;
	return fd < 0 ? -errno : fd;
}

static int sys_close(void *data, int fd)
{
	(void)data;
	return close(fd) ? -errno : 0;
}

static int sys_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	(void)data;
	return ret < 0 ? -errno : ret;
}

static ssize_t sys_read(void *data, int fd, void *buf, size_t len)
{
	ssize_t ret = read(fd, buf, len);

	(void)data;
	return ret < 0 ? -errno : ret;
}

static ssize_t sys_write(void *data, int fd, const void *buf, size_t len)
{
	ssize_t ret = write(fd, buf, len);

	(void)data;
	return ret < 0 ? -errno : ret;
}

static int sys_poll(void *data, struct pollfd *fds, nfds_t count, int timeout)
{
	int ret = poll(fds, count, timeout);

	(void)data;
	return ret < 0 ? -errno : ret;
}

static const struct iommunest_sys calls = {
	.size = sizeof(calls),
	.open = sys_open,
	.close = sys_close,
	.ioctl = sys_ioctl,
	.read = sys_read,
	.write = sys_write,
	.poll = sys_poll,
};

const struct iommunest_sys *real_sys(void)
{
	return &calls;
}

/* ---- Devices ---- */

static const char *const nodes[REAL_ALL] = { "VM_DEVICE",
					     "VM_DEVICE_BEHIND_PORT",
					     "VM_DEVICE_BEHIND_SECOND_PORT" };

#define SECOND_PORT "0000:02:00.0"
#define SYSFS_PCI "/sys/bus/pci/"

static int write_sysfs(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		ret = -errno;
	close(fd);
	return ret;
}

int real_second_port(void)
{
	struct iommunest_vfio_device device = { .size = sizeof(device) };
	int ret;

	ret = write_sysfs(SYSFS_PCI "devices/" SECOND_PORT "/driver_override",
			  "vfio-pci");
	if (!ret)
		ret = write_sysfs(SYSFS_PCI "drivers_probe", SECOND_PORT);
	if (!ret)
		ret = iommunest_vfio_find(NULL, SECOND_PORT, &device);
	if (!ret)
		setenv(nodes[REAL_SECOND_PORT], device.node, 1);
	return ret;
}

int real_bind(struct real *real, unsigned int device)
{
	struct vm_vfio_bind cmd = {
		.argsz = sizeof(cmd),
		.iommufd = real->env.fd,
	};
	const char *node = getenv(nodes[device]);

	real->device[device] = open(node ? node : "", O_RDWR | O_CLOEXEC);
	if (real->device[device] < 0 ||
	    ioctl(real->device[device], VM_VFIO_BIND, &cmd))
		return -errno;
	real->dev[device] = cmd.out_devid;
	return 0;
}

int real_attach(struct real *real, unsigned int device, uint32_t hwpt_id)
{
	struct vm_vfio_attach to = { .argsz = sizeof(to), .pt_id = hwpt_id };
	struct vm_vfio_detach from = { .argsz = sizeof(from) };
	int fd = real->device[device];
	int ret = hwpt_id ? ioctl(fd, VM_VFIO_ATTACH, &to)
			  : ioctl(fd, VM_VFIO_DETACH, &from);

	return ret ? -errno : 0;
}

void real_second_port_end(void)
{
	write_sysfs(SYSFS_PCI "drivers/vfio-pci/unbind", SECOND_PORT);
	write_sysfs(SYSFS_PCI "devices/" SECOND_PORT "/driver_override", "\n");
	unsetenv(nodes[REAL_SECOND_PORT]);
}

int real_reset(struct real *real, unsigned int device)
{
	return ioctl(real->device[device], VM_VFIO_RESET) ? -errno : 0;
}

/* ---- Descriptors ---- */

static void decode_piotlb(struct conf_desc *desc, uint64_t qw0, uint64_t qw1)
{
	if ((qw0 >> 4 & 3) == 2) {
		desc->kind = CONF_PIOTLB_ALL;
		return;
	}
	desc->kind = CONF_PIOTLB_PAGES;
	desc->am = qw1 & 0x3f;
	desc->ih = qw1 >> 6 & 1;
	desc->addr = qw1 & ~0xfffull;
}

/*
 * With S, the address bits from 12 on up to the first 0 say how large the
 * block is.
 */
static void decode_dev_tlb(struct conf_desc *desc, uint64_t qw1, uint64_t s)
{
	desc->kind = CONF_DEV_TLB;
	desc->addr = qw1 & ~0xfffull;
	if (!(qw1 & s))
		return;
	do {
		desc->addr &= ~(1ull << (12 + desc->am));
		desc->am++;
	} while (desc->am < 52 && qw1 >> (11 + desc->am) & 1);
}

bool real_decode(const struct trace_event *event, struct conf_desc *desc)
{
	*desc = (struct conf_desc){ 0 };
	if (event->kind != TRACE_DESC)
		return false;
	switch (event->qw0 & 0xf) {
	case 3:
		decode_dev_tlb(desc, event->qw1, 1);
		return true;
	case 6:
		decode_piotlb(desc, event->qw0, event->qw1);
		desc->pasid = event->qw0 >> 32 & 0xfffff;
		return true;
	case 8:
		decode_dev_tlb(desc, event->qw1, 1 << 11);
		desc->pasid = event->qw0 >> 32 & 0xfffff;
		return true;
	default:
		return false;
	}
}

/* ---- An environment for the cases ---- */

static int attach(struct conf_env *env, uint32_t hwpt_id)
{
	struct real *real = env->user;

	return real_attach(real, real->first, hwpt_id);
}

static void record(struct conf_env *env)
{
	trace_discard(((struct real *)env->user)->trace);
}

static size_t stop(struct conf_env *env, struct conf_desc *descs, size_t max)
{
	struct trace *trace = ((struct real *)env->user)->trace;
	struct trace_event event;
	struct conf_desc desc;
	size_t count = 0;

	while (trace_next(trace, &event)) {
		if (!real_decode(&event, &desc))
			continue;
		if (count < max)
			descs[count] = desc;
		count++;
	}
	return count;
}

enum conf_kernel real_kernel(void)
{
	struct utsname name;

	uname(&name);
	return strncmp(name.release, "6.12.", 5) ? CONF_LINUX_7_3
						 : CONF_LINUX_6_12;
}

/* A kernel that does not know the flag refuses it before it looks at the id. */
static bool reports(struct conf_env *env)
{
	struct iommunest_uapi_invalidate cmd = {
		.size = sizeof(cmd),
		.flags = IOMMUNEST_INVALIDATE_REPORT_ERROR,
	};

	return conf_ioctl(env, IOMMU_HWPT_INVALIDATE, &cmd) == -ENOENT;
}

bool real_reports(void)
{
	struct conf_env env = { .sys = &calls };
	bool yes;

	env.fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (env.fd < 0)
		return false;
	yes = reports(&env);
	close(env.fd);
	return yes;
}

/* A range beyond the last address, of an HWPT that has nothing to flush. */
static bool is_fixed(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1_invalidate beyond = {
		.addr = ~(uint64_t)(CONF_PAGE - 1),
		.npages = 2,
	};
	struct iommu_hwpt_invalidate cmd = conf_call(env, &beyond, 1);

	cmd.hwpt_id = env->unattached;
	return conf_ioctl(env, IOMMU_HWPT_INVALIDATE, &cmd) == -EINVAL;
}

bool real_is_fixed(void)
{
	struct real real;
	bool fixed;

	fixed = !real_open(&real, 0, NULL) && !real_populate(&real) &&
		real.env.fixed;
	real_close(&real);
	return fixed;
}

int real_open(struct real *real, unsigned int device, struct trace *trace)
{
	struct conf_env *env = &real->env;
	unsigned int i;
	int ret;

	memset(real, 0, sizeof(*real));
	for (i = 0; i < REAL_ALL; i++)
		real->device[i] = -1;
	real->first = device;
	real->trace = trace;
	env->sys = &calls;
	env->kernel = real_kernel();
	env->ats = device == 1;
	env->attach = attach;
	env->record = trace ? record : NULL;
	env->stop = trace ? stop : NULL;
	env->user = real;
	env->fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (env->fd < 0)
		return -errno;
	env->reports = reports(env);
	ret = real_bind(real, device);
	env->dev = real->dev[device];
	env->device = real->device[device];
	env->node = getenv(nodes[device]);
	return ret;
}

void real_close(struct real *real)
{
	unsigned int i;

	for (i = 0; i < REAL_ALL; i++) {
		if (real->device[i] >= 0)
			close(real->device[i]);
	}
	if (real->env.fd >= 0)
		close(real->env.fd);
}

int real_populate(struct real *real)
{
	if (!conf_populate(&real->env))
		return -EIO;
	real->env.fixed = is_fixed(&real->env);
	return real_attach(real, real->first, real->env.nested);
}
