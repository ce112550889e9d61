/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the host's IOMMU can do, and what of it a VMM may show its guest.
 * On the simulator.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <libiommunest-sim.h>

#define DEVICE "/dev/vfio/devices/vfio0"

static void check(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

static void show(const struct iommunest_hw_info *info, uint64_t features)
{
	struct iommunest_vtd_caps caps = { .size = sizeof(caps) };
	struct iommunest_vtd_guest guest = {
		.size = sizeof(guest),
		.features = features,
	};

	check(iommunest_vtd_caps_decode(&caps, info), "not a VT-d");
	printf("nested translation: %s\n", caps.nest ? "yes" : "no");
	printf("first stage: %d levels, 1 GiB pages: %s\n",
	       caps.fs5lp ? 5 : 4, caps.fs1gp ? "yes" : "no");
	printf("PASIDs: %d bits\n", caps.pasid_bits);

	/* The VMM clears what it does not emulate, and adds its own. */
	check(iommunest_vtd_guest_offer(info, &guest), "guest");
	printf("for the guest: CAP 0x%" PRIx64 ", ECAP 0x%" PRIx64 "\n",
	       guest.cap, guest.ecap);
}

int main(void)
{
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
	};
	struct iommunest_hw_info info = { .size = sizeof(info) };
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	uint64_t features;
	uint32_t dev;
	int fd;

	check(iommunest_sim_new(&sim, NULL), "simulator");
	options.sys_data = sim;
	check(iommunest_open(&ctx, &options), "open");
	check(iommunest_vfio_open(ctx, DEVICE, &fd, &dev), DEVICE);

	check(iommunest_hw_info(ctx, dev, &info), "hardware info");
	check(iommunest_features(ctx, &features), "kernel");
	show(&info, features);

	iommunest_vfio_close(ctx, fd);
	iommunest_close(ctx);
	iommunest_sim_free(sim);
	return 0;
}
