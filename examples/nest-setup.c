/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * From /dev/iommu to a guest's first invalidations, on the simulator.  The
 * device is attached first: an HWPT without a device accepts every
 * invalidation, and flushes nothing.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include <libiommunest-sim.h>

#define DEVICE "/dev/vfio/devices/vfio0"

static void check(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

int main(void)
{
	/* Without sys and sys_data: the kernel. */
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
	};
	/* From the guest's PASID-table entry. */
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.pgtbl_addr = 0x1000,
		.addr_width = 48,
	};
	struct iommunest_report report = { .size = sizeof(report) };
	uint32_t dev, ioas, s2, hwpt;
	struct iommunest_batch *batch;
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	int fd;

	check(iommunest_sim_new(&sim, NULL), "simulator");
	options.sys_data = sim;
	check(iommunest_open(&ctx, &options), "/dev/iommu");
	/* The VMM maps the guest's memory: iommunest_ioas_map(). */
	check(iommunest_ioas_alloc(ctx, &ioas), "IOAS");
	check(iommunest_batch_new(&batch, iommunest_vtd_s1_type(), 64),
	      "batch");

	check(iommunest_vfio_open(ctx, DEVICE, &fd, &dev), DEVICE);
	check(iommunest_hwpt_alloc_parent(ctx, dev, ioas, &s2), "stage 2");
	check(iommunest_vtd_hwpt_alloc(ctx, dev, s2, &s1, &hwpt), "HWPT");
	check(iommunest_vfio_attach(ctx, fd, &hwpt), "attach");
	/* An add that fails is reported by submit, which sends nothing. */
	iommunest_vtd_batch_add_range(batch, 0x4000, 4, 0, 1);
	iommunest_vtd_batch_add_block(batch, 0x200000, 9, 0, 2);
	iommunest_vtd_batch_add_all(batch, 3); /* 3: our name for it */
	check(iommunest_submit(ctx, hwpt, batch, NULL, &report), "submit");
	printf("%u handled, %u left\n", report.handled, report.pending);

	iommunest_batch_free(batch);
	iommunest_vfio_close(ctx, fd);
	iommunest_close(ctx); /* the IOAS and the HWPTs go with it */
	iommunest_sim_free(sim);
	return 0;
}
