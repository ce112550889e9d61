/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A machine with a small guest and the smallest possible emulated SMMUv3
 * (regs.h), on a simulated host: it prints what the guest writes to which
 * register, and what happens then.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "guest.h"

/* ---- The machine ---- */

static void note(void *user, const char *text)
{
	(void)user;
	printf("  vmm: %s\n", text);
}

static void schedule(void *user)
{
	struct machine *m = user;

	m->has_work = true;
}

static int main_loop(struct machine *m)
{
	int ret = 0;

	while (!ret && m->has_work) {
		puts("  vmm: the main loop goes on with the queue");
		m->has_work = false;
		ret = vsmmu_work(&m->vsmmu);
	}
	return ret;
}

/* The interrupt controller has one doorbell. */
static int msi(void *user, uint64_t addr, uint32_t data)
{
	(void)user;
	if (addr != DOORBELL)
		return -EFAULT;
	printf("  vmm: interrupt %" PRIu32 "\n", data);
	return 0;
}

/* Guest physical addresses are the device's, where it is not nested. */
static int map_memory(struct machine *m)
{
	uint64_t iova = 0;

	return iommunest_ioas_map(
		m->ctx, m->ioas_id, m->memory, sizeof(m->memory),
		IOMMUNEST_MAP_FIXED | IOMMUNEST_MAP_READ |
			IOMMUNEST_MAP_WRITE,
		&iova);
}

/* A device, and all of guest memory as its stage 2. */
static int open_device(struct machine *m)
{
	struct vsmmu_device *device = &m->device;
	struct iommunest_hw_info info =
		IOMMUNEST_INIT(struct iommunest_hw_info);
	int ret;

	device->caps.size = sizeof(device->caps);
	ret = iommunest_vfio_open(m->ctx, "/dev/vfio/devices/vfio0",
				  &device->fd, &device->dev_id);
	if (ret)
		return ret;
	ret = iommunest_hw_info(m->ctx, device->dev_id, &info);
	if (!ret)
		ret = iommunest_smmuv3_caps_decode(&device->caps, &info);
	if (!ret)
		ret = iommunest_ioas_alloc(m->ctx, &m->ioas_id);
	if (!ret)
		ret = map_memory(m);
	if (!ret)
		ret = iommunest_hwpt_alloc_parent(m->ctx, device->dev_id,
						  m->ioas_id,
						  &device->parent_id);
	return ret;
}

int machine_plug(struct machine *m)
{
	int ret = 0;

	if (m->device.fd < 0)
		ret = open_device(m);
	return ret ? ret : vsmmu_plug(&m->vsmmu, &m->device);
}

/* Stage 2 goes after all that stood on it. */
int machine_unplug(struct machine *m)
{
	int ret;

	ret = vsmmu_unplug(&m->vsmmu);
	if (ret)
		return ret;
	iommunest_vfio_close(m->ctx, m->device.fd);
	m->device.fd = -1;
	ret = iommunest_object_destroy(m->ctx, m->device.parent_id);
	return ret ? ret : iommunest_object_destroy(m->ctx, m->ioas_id);
}

static int play(struct machine *m)
{
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < n_guest_steps; i++) {
		printf("%s%s\n", i ? "\n" : "", guest_steps[i].title);
		ret = guest_steps[i].run(m);
		if (!ret)
			ret = main_loop(m);
	}
	return ret;
}

/* What the guest is shown is of the device that the VMM starts with. */
static int make_vsmmu(struct machine *m)
{
	struct vsmmu_config config = {
		.ctx = m->ctx,
		.memory = m->memory,
		.memory_size = sizeof(m->memory),
		.msi = msi,
		.schedule = schedule,
		.note = note,
		.user = m,
	};
	int ret;

	ret = open_device(m);
	if (ret)
		return ret;
	config.caps = m->device.caps;
	return vsmmu_init(&m->vsmmu, &config);
}

static int set_up_and_play(struct machine *m)
{
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
		.sys_data = m->sim,
	};
	int ret;

	ret = iommunest_open(&m->ctx, &options);
	if (ret)
		return ret;
	ret = make_vsmmu(m);
	if (!ret) {
		ret = play(m);
		vsmmu_fini(&m->vsmmu);
	}
	if (m->device.fd >= 0)
		iommunest_vfio_close(m->ctx, m->device.fd);
	iommunest_close(m->ctx);
	return ret;
}

static const char help[] =
	"Usage: vsmmu\n"
	"Plays a small guest at a small virtual SMMUv3 on a simulated "
	"host, and\n"
	"prints which register it writes and what happens then.\n"
	"  --help              this text\n"
	"\n"
	"Exit status: 0 success, 1 something failed, 2 wrong usage.\n";

/* Returns -1 to go on, or the exit status. */
static int parse(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	option = getopt_long(argc, argv, "h", options, NULL);
	if (option == 'h') {
		fputs(help, stdout);
		return 0;
	}
	if (option == -1 && optind == argc)
		return -1;
	/* getopt_long() has said what is wrong with an option. */
	if (option == -1)
		fprintf(stderr, "vsmmu: unexpected argument \"%s\"\n",
			argv[optind]);
	fputs("Try vsmmu --help.\n", stderr);
	return 2;
}

/* Output that was not written is a failure like any other. */
static int finish(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fputs("vsmmu: cannot write to standard output\n", stderr);
	return 1;
}

int main(int argc, char *argv[])
{
	static const struct iommunest_sim_options options = {
		.size = sizeof(options),
		.profile = IOMMUNEST_SIM_SMMUV3_7_3,
	};
	static struct machine machine = { .device.fd = -1 };
	int status, ret;

	status = parse(argc, argv);
	if (status >= 0)
		return finish(status);
	ret = iommunest_sim_new(&machine.sim, &options);
	if (!ret)
		ret = set_up_and_play(&machine);
	iommunest_sim_free(machine.sim);
	if (ret)
		fprintf(stderr, "vsmmu: %s\n", strerror(-ret));
	return finish(ret ? 1 : 0);
}
