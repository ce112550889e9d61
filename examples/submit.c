/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Several invalidations in one ioctl, on the simulator.  The first part is
 * set-up, which nest-setup.c explains.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <libiommunest-sim.h>

static void check(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

/* A nested HWPT with a device attached. */
static uint32_t set_up(struct iommunest_ctx *ctx,
		       struct iommunest_sim *sim)
{
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.pgtbl_addr = 0x1000,
		.addr_width = 48,
	};
	const int fd = iommunest_fd(ctx);
	uint32_t dev, ioas, s2, hwpt;

	check(iommunest_sim_bind(sim, fd, 0, &dev), "bind");
	check(iommunest_ioas_alloc(ctx, &ioas), "IOAS");
	check(iommunest_hwpt_alloc_parent(ctx, dev, ioas, &s2), "stage 2");
	check(iommunest_vtd_hwpt_alloc(ctx, dev, s2, &s1, &hwpt), "HWPT");
	check(iommunest_sim_attach(sim, fd, dev, hwpt), "attach");
	return hwpt;
}

/* 0, or the negated errno of the first that was not flushed. */
static int flush(struct iommunest_ctx *ctx, uint32_t hwpt,
		 struct iommunest_batch *batch)
{
	struct iommunest_report report = { .size = sizeof(report) };
	int ret;

	iommunest_batch_reset(batch);
	/* The last argument is a cookie: our own name for the entry. */
	iommunest_vtd_batch_add_range(batch, 0x4000, 4, 0, 100);
	iommunest_vtd_batch_add_range(batch, 0x9000, 1, IOMMUNEST_VTD_LEAF,
				      101);
	iommunest_vtd_batch_add_block(batch, 0x200000, 9, 0, 102);

	/* An add that failed is reported here, and nothing is sent. */
	ret = iommunest_submit(ctx, hwpt, batch, NULL, &report);
	printf("%" PRIu32 " entries in %" PRIu32 " ioctl\n",
	       report.handled, report.calls);
	if (ret < 0)
		warnx("cookie %" PRIu64 ": %s; %" PRIu32
		      " entries are left",
		      report.cookie, strerror(-ret), report.pending);
	return ret;
}

int main(void)
{
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
	};
	struct iommunest_batch *batch;
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	uint32_t hwpt;
	int ret;

	check(iommunest_sim_new(&sim, NULL), "simulator");
	options.sys_data = sim;
	check(iommunest_open(&ctx, &options), "open");
	hwpt = set_up(ctx, sim);

	/* Room for 64 entries; it is used again and again. */
	check(iommunest_batch_new(&batch, iommunest_vtd_s1_type(), 64),
	      "batch");
	ret = flush(ctx, hwpt, batch);

	iommunest_batch_free(batch);
	iommunest_close(ctx);
	iommunest_sim_free(sim);
	return ret < 0 ? 1 : 0;
}
