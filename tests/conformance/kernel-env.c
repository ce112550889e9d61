/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel-env.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Newer than the headers that this may be built with: linux/vfio.h. */
struct bind_iommufd {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out_devid;
};
#define BIND_IOMMUFD _IO(';', 118)

struct attach_pt {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pt_id;
};
#define ATTACH_PT _IO(';', 119)

struct detach_pt {
	uint32_t argsz;
	uint32_t flags;
};
#define DETACH_PT _IO(';', 120)

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

static const struct iommunest_sys kernel = {
	.size = sizeof(kernel),
	.open = sys_open,
	.close = sys_close,
	.ioctl = sys_ioctl,
	.read = sys_read,
	.write = sys_write,
};

static int attach(struct conf_env *conf, uint32_t hwpt_id)
{
	struct kernel_env *env = conf->user;
	struct attach_pt to = { .argsz = sizeof(to), .pt_id = hwpt_id };
	struct detach_pt from = { .argsz = sizeof(from) };
	int ret = hwpt_id ? ioctl(env->device, ATTACH_PT, &to)
			  : ioctl(env->device, DETACH_PT, &from);

	return ret ? -errno : 0;
}

/* ---- Descriptors, from the event qi_submit ---- */

static void set(const struct kernel_env *env, const char *file,
		const char *value)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", env->tracing, file);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		abort();
	close(fd);
}

static void record(struct conf_env *conf)
{
	const struct kernel_env *env = conf->user;

	set(env, "trace", "\n");
	set(env, "events/intel_iommu/qi_submit/enable", "1");
}

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

/* S and the ones above bit 11 say how large the block is. */
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

/* False: a wait, or of no interest. */
static bool decode(struct conf_desc *desc, uint64_t qw0, uint64_t qw1)
{
	*desc = (struct conf_desc){ 0 };
	switch (qw0 & 0xf) {
	case 3:
		decode_dev_tlb(desc, qw1, 1);
		return true;
	case 6:
		decode_piotlb(desc, qw0, qw1);
		return true;
	case 8:
		decode_dev_tlb(desc, qw1, 1 << 11);
		return true;
	default:
		return false;
	}
}

static bool parse(const char *line, struct conf_desc *desc)
{
	const char *at = strstr(line, " qi_submit: ");
	unsigned long long qw0, qw1;

	if (!at || sscanf(at, " qi_submit: %*s %*s %llx %llx", &qw0, &qw1) != 2)
		return false;
	return decode(desc, qw0, qw1);
}

static size_t stop(struct conf_env *conf, struct conf_desc *descs, size_t max)
{
	const struct kernel_env *env = conf->user;
	char line[512], path[256];
	struct conf_desc desc;
	size_t count = 0;
	FILE *trace;

	set(env, "events/intel_iommu/qi_submit/enable", "0");
	snprintf(path, sizeof(path), "%s/trace", env->tracing);
	trace = fopen(path, "r");
	if (!trace)
		abort();
	while (fgets(line, sizeof(line), trace)) {
		if (!parse(line, &desc))
			continue;
		if (count < max)
			descs[count] = desc;
		count++;
	}
	fclose(trace);
	return count;
}

static bool populate(struct conf_env *env)
{
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = env->dev,
	};

	env->ioas = conf_alloc_ioas(env);
	cmd.pt_id = env->ioas;
	env->parent = conf_alloc_hwpt(env, &cmd);
	cmd = conf_nested(env, &s1);
	env->nested = conf_alloc_hwpt(env, &cmd);
	cmd = conf_nested(env, &s1);
	env->unattached = conf_alloc_hwpt(env, &cmd);
	return env->ioas && env->parent && env->nested && env->unattached;
}

static int bind_device(struct kernel_env *env, const char *vfio)
{
	struct bind_iommufd cmd = {
		.argsz = sizeof(cmd),
		.iommufd = env->env.fd,
	};

	env->device = open(vfio, O_RDWR | O_CLOEXEC);
	if (env->device < 0 || ioctl(env->device, BIND_IOMMUFD, &cmd))
		return -errno;
	env->env.dev = cmd.out_devid;
	return 0;
}

int kernel_env_open(struct kernel_env *env, const char *vfio,
		    const char *tracing, enum conf_kernel version, bool ats)
{
	struct conf_env *conf = &env->env;
	int ret;

	memset(env, 0, sizeof(*env));
	env->device = -1;
	env->tracing = tracing;
	conf->sys = &kernel;
	conf->kernel = version;
	conf->ats = ats;
	conf->attach = attach;
	conf->record = tracing ? record : NULL;
	conf->stop = tracing ? stop : NULL;
	conf->user = env;
	conf->fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (conf->fd < 0)
		return -errno;
	ret = bind_device(env, vfio);
	if (ret)
		return ret;
	return populate(conf) ? attach(conf, conf->nested) : -EIO;
}

void kernel_env_close(struct kernel_env *env)
{
	if (env->device >= 0)
		close(env->device);
	if (env->env.fd >= 0)
		close(env->env.fd);
}
