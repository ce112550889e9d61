/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Commands to the vIOMMU of an ARM SMMUv3: a range, a stream that is not
 * known, an ASID.  The second is named, fixed, and submitted again with
 * the others.  The simulator has no SMMU, so a few lines stand in for
 * Linux 7.3 here.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <libiommunest.h>

#define VIOMMU 5
#define STREAM 0x10

/* The head of struct iommu_hwpt_invalidate. */
struct call {
	uint32_t size;
	uint32_t hwpt_id;
	uint64_t data_uptr;
	uint32_t data_type;
	uint32_t entry_len;
	uint32_t entry_num;
};

/* Of a call with a stream that has no vDEVICE nothing is done. */
static int invalidate(void *data, int fd, unsigned long request, void *arg)
{
	struct call *call = arg;
	const struct iommunest_smmuv3_entry *entries =
		(const void *)(uintptr_t)call->data_uptr;
	struct iommunest_smmuv3_cmd cmd =
		IOMMUNEST_INIT(struct iommunest_smmuv3_cmd);
	uint32_t i;

	(void)data, (void)fd, (void)request;
	for (i = 0; i < call->entry_num; i++) {
		iommunest_smmuv3_cmd_decode(&cmd, &entries[i]);
		if (cmd.sid == 0 || cmd.sid == STREAM)
			continue;
		call->entry_num = i;
		return -EIO;
	}
	return 0;
}

static int no_open(void *data, const char *path, int flags)
{
	(void)data, (void)path, (void)flags;
	return -ENOENT;
}

static int no_close(void *data, int fd)
{
	(void)data, (void)fd;
	return 0;
}

static void check(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

static void submit(struct iommunest_ctx *ctx,
		   struct iommunest_batch *batch)
{
	struct iommunest_report report = { .size = sizeof(report) };
	int ret = iommunest_submit(ctx, VIOMMU, batch, NULL, &report);

	printf("%" PRIu32 " handled, %" PRIu32 " left\n", report.handled,
	       report.pending);
	if (ret == 0)
		return;
	if (report.blame != IOMMUNEST_BLAME_ENTRY)
		errx(1, "submit: %s", strerror(-ret));
	printf("cookie %" PRIu64 ": %s\n", report.cookie, strerror(-ret));
	iommunest_smmuv3_cfgi_cd_all(
		iommunest_batch_entry(batch, report.index), STREAM);
	submit(ctx, batch);
}

int main(void)
{
	/* What iommunest_smmuv3_caps_decode() says of a real one. */
	const struct iommunest_smmuv3_caps caps = {
		.size = sizeof(caps),
		.asid_bits = 16,
		.ril = true,
		.gran4k = true,
	};
	const struct iommunest_smmuv3_range range = {
		.size = sizeof(range),
		.addr = 0x7f0000400000,
		.count = 100,
		.granule = 12,
		.asid = 7,
	};
	const struct iommunest_sys sys = {
		.size = sizeof(sys),
		.open = no_open,
		.close = no_close,
		.ioctl = invalidate,
	};
	const struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &sys,
	};
	struct iommunest_inv_type type =
		IOMMUNEST_INIT(struct iommunest_inv_type);
	struct iommunest_smmuv3_entry entry;
	struct iommunest_batch *batch;
	struct iommunest_ctx *ctx;

	check(iommunest_open_fd(&ctx, 3, &options), "open");
	check(iommunest_smmuv3_type(&type, &caps, NULL), "type");
	check(iommunest_batch_new(&batch, &type, 64), "batch");

	/* 100 pages are 25 times 4: one command. */
	check(iommunest_smmuv3_batch_add_range(batch, &caps, &range, 1),
	      "range");
	iommunest_smmuv3_cfgi_cd_all(&entry, STREAM + 1);
	iommunest_batch_add(batch, &entry, 2);
	iommunest_smmuv3_tlbi_nh_asid(&entry, 8);
	iommunest_batch_add(batch, &entry, 3);
	submit(ctx, batch);

	iommunest_batch_free(batch);
	iommunest_close(ctx);
	return 0;
}
