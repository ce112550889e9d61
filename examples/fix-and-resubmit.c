/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The second of three entries is refused, fixed, and submitted again with
 * the third.  On the simulator; nest-setup.c explains the set-up.
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

static int submit(struct iommunest_ctx *ctx, uint32_t hwpt,
		  struct iommunest_batch *batch)
{
	struct iommunest_report report = { .size = sizeof(report) };
	struct iommunest_vtd_entry *entry;
	int ret;

	ret = iommunest_submit(ctx, hwpt, batch, NULL, &report);
	printf("%" PRIu32 " handled, %" PRIu32 " left\n", report.handled,
	       report.pending);
	/* Another error is not an entry's, and nothing here can fix it. */
	if (ret == 0 || report.blame != IOMMUNEST_BLAME_ENTRY)
		return ret;

	printf("cookie %" PRIu64 ": %s\n", report.cookie, strerror(-ret));
	entry = iommunest_batch_entry(batch, report.index);
	entry->addr &= ~UINT64_C(0xfff);

	/* The batch knows where to go on. */
	ret = iommunest_submit(ctx, hwpt, batch, NULL, &report);
	printf("%" PRIu32 " handled, %" PRIu32 " left\n", report.handled,
	       report.pending);
	return ret;
}

int main(void)
{
	/* An address within a page, which the typed adds would refuse. */
	const struct iommunest_vtd_entry bad = { .addr = 0x2010,
						 .npages = 1 };
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
	};
	struct iommunest_batch *batch;
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	uint32_t hwpt;

	check(iommunest_sim_new(&sim, NULL), "simulator");
	options.sys_data = sim;
	check(iommunest_open(&ctx, &options), "open");
	hwpt = set_up(ctx, sim);

	check(iommunest_batch_new(&batch, iommunest_vtd_s1_type(), 8),
	      "batch");
	iommunest_vtd_batch_add_range(batch, 0x1000, 1, 0, 100);
	iommunest_batch_add(batch, &bad, 101);
	iommunest_vtd_batch_add_all(batch, 102);
	check(submit(ctx, hwpt, batch), "submit");

	iommunest_batch_free(batch);
	iommunest_close(ctx);
	iommunest_sim_free(sim);
	return 0;
}
