/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From /dev/iommu to a guest's first invalidations, on the simulator. */
#include <stdio.h>
#include <string.h>
#include <libiommunest-sim.h>

static int invalidate(struct iommunest_ctx *ctx, uint32_t hwpt)
{
	struct iommunest_report report = { .size = sizeof(report) };
	struct iommunest_batch *batch;
	int ret = iommunest_batch_new(&batch, iommunest_vtd_s1_type(), 64);

	if (ret)
		return ret;
	/* A failed add sticks to the batch and surfaces in submit. */
	iommunest_vtd_batch_add_range(batch, 0x1000, 4, IOMMUNEST_VTD_LEAF, 1);
	iommunest_vtd_batch_add_block(batch, 0x200000, 9, 0, 2);
	iommunest_vtd_batch_add_all(batch, 3); /* its cookie: our name for it */
	ret = iommunest_submit(ctx, hwpt, batch, NULL, &report);
	printf("%u handled, %u left\n", report.handled, report.pending);
	iommunest_batch_free(batch);
	return ret;
}

static int nest(struct iommunest_ctx *ctx, uint32_t dev)
{
	struct iommunest_vtd_s1 s1 = { .size = sizeof(s1), .addr_width = 48 };
	uint32_t ioas, parent, nested;
	int ret;

	s1.pgtbl_addr = 0x1000; /* from the guest's PASID-table entry */
	ret = iommunest_ioas_alloc(ctx, &ioas);
	if (ret)
		return ret;
	ret = iommunest_hwpt_alloc_parent(ctx, dev, ioas, &parent);
	if (ret)
		return ret;
	ret = iommunest_vtd_hwpt_alloc(ctx, dev, parent, &s1, &nested);
	return ret ? ret : invalidate(ctx, nested);
}

int main(void)
{
	struct iommunest_open_options options = { .size = sizeof(options) };
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	uint32_t dev;
	int ret;

	ret = iommunest_sim_new(&sim, NULL);
	if (ret)
		goto out;
	options.sys = iommunest_sim_sys(); /* without these two: the kernel */
	options.sys_data = sim;
	ret = iommunest_open(&ctx, &options);
	if (ret)
		goto free_sim;
	ret = iommunest_sim_bind(sim, iommunest_fd(ctx), 0, &dev);
	if (!ret)
		ret = nest(ctx, dev);
	iommunest_close(ctx); /* the IOAS and the HWPTs go with it */
free_sim:
	iommunest_sim_free(sim);
out:
	if (ret)
		fprintf(stderr, "nest-setup: %s\n", strerror(-ret));
	return ret ? 1 : 0;
}
