/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* VFIO devices: the bytes of each command, and a life on the simulator. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest-sim.h>

#include "tests/harness/script.h"
#include "tests/harness/support.h"

/* Numbers and layouts of the ABI, written out here a second time. */
#define BIND 0x3b76ul
#define ATTACH 0x3b77ul
#define DETACH 0x3b78ul
#define VFIO_FD 77

#define NODE "/dev/vfio/devices/vfio0"
#define UNTOUCHED 0xabcdu

/* ---- What is sent ---- */

TEST(bind_sends_the_iommufd_and_gives_the_device_id)
{
	static const uint32_t words[] = { 16, 0, SCRIPT_FD, 0 };
	static const struct script_row row = { .function = SCRIPT_COMMAND,
					       .fd = VFIO_FD,
					       .request = BIND,
					       .words = words,
					       .out = { { 3, 0x99 } } };
	uint32_t dev_id = UNTOUCHED;
	struct iommunest_ctx *ctx;
	struct script script;

	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_vfio_bind(ctx, VFIO_FD, &dev_id), 0);
	ck_assert_uint_eq(dev_id, 0x99);
	script_done(&script);
	iommunest_close(ctx);
}

TEST(attach_sends_the_id_and_gives_the_one_attached)
{
	static const uint32_t words[] = { 12, 0, 5 };
	static const struct script_row row = { .function = SCRIPT_COMMAND,
					       .fd = VFIO_FD,
					       .request = ATTACH,
					       .words = words,
					       .out = { { 2, 6 } } };
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t pt_id = 5;

	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_vfio_attach(ctx, VFIO_FD, &pt_id), 0);
	ck_assert_uint_eq(pt_id, 6);
	script_done(&script);
	iommunest_close(ctx);
}

TEST(detach_sends_nothing_but_its_size)
{
	static const uint32_t words[] = { 8, 0 };
	static const struct script_row row = { .function = SCRIPT_COMMAND,
					       .fd = VFIO_FD,
					       .request = DETACH,
					       .words = words };
	struct iommunest_ctx *ctx;
	struct script script;

	ctx = script_open(&script, &row, 1);
	ck_assert_int_eq(iommunest_vfio_detach(ctx, VFIO_FD), 0);
	script_done(&script);
	iommunest_close(ctx);
}

TEST(a_pasid_goes_after_the_id)
{
	static const uint32_t attach[] = { 16, 1, 5, 0xfffff };
	static const uint32_t detach[] = { 12, 1, 1 };
	static const struct script_row rows[] = {
		{ .function = SCRIPT_COMMAND,
		  .fd = VFIO_FD,
		  .request = ATTACH,
		  .words = attach,
		  .out = { { 2, 6 } } },
		{ .function = SCRIPT_COMMAND,
		  .fd = VFIO_FD,
		  .request = DETACH,
		  .words = detach },
	};
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t pt_id = 5;

	ctx = script_open(&script, rows, 2);
	ck_assert_int_eq(
		iommunest_vfio_attach_pasid(ctx, VFIO_FD, 0xfffff, &pt_id), 0);
	ck_assert_uint_eq(pt_id, 6);
	ck_assert_int_eq(iommunest_vfio_detach_pasid(ctx, VFIO_FD, 1), 0);
	script_done(&script);
	iommunest_close(ctx);
}

/* To the kernel, 0 is the device itself; the rest it would remember. */
static const uint32_t no_pasids[] = { 0, 0x100000, 0x80000000, UINT32_MAX };

TEST_LOOP(what_is_no_pasid_does_not_reach_the_kernel, ARRAY_LEN(no_pasids))
{
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t pt_id = 5;

	ctx = script_open(&script, NULL, 0);
	ck_assert_int_eq(iommunest_vfio_attach_pasid(ctx, VFIO_FD,
						     no_pasids[_i], &pt_id),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vfio_detach_pasid(ctx, VFIO_FD,
						     no_pasids[_i]),
			 -EINVAL);
	ck_assert_uint_eq(pt_id, 5);
	iommunest_close(ctx);
}

static const int errors[] = { -EINVAL, -EBADF,	    -EBADFD, -ENOTTY,
			      -ENOENT, -EBUSY,	    -EPERM,  -ENODEV,
			      -ENOMEM, -EOPNOTSUPP, -EFAULT, -EADDRINUSE };

TEST_LOOP(the_kernels_errors_pass_unchanged, sizeof(errors) / sizeof(errors[0]))
{
	static const uint32_t bind[] = { 16, 0, SCRIPT_FD, 0 };
	static const uint32_t attach[] = { 12, 0, UNTOUCHED };
	static const uint32_t detach[] = { 8, 0 };
	static const uint32_t attach_pasid[] = { 16, 1, UNTOUCHED, 3 };
	static const uint32_t detach_pasid[] = { 12, 1, 3 };
	const struct script_row rows[] = {
		{ .function = SCRIPT_COMMAND,
		  .fd = VFIO_FD,
		  .request = BIND,
		  .words = bind,
		  .out = { { 3, 1 } },
		  .ret = errors[_i] },
		{ .function = SCRIPT_COMMAND,
		  .fd = VFIO_FD,
		  .request = ATTACH,
		  .words = attach,
		  .out = { { 2, 1 } },
		  .ret = errors[_i] },
		{ .function = SCRIPT_COMMAND,
		  .fd = VFIO_FD,
		  .request = DETACH,
		  .words = detach,
		  .ret = errors[_i] },
		{ .function = SCRIPT_COMMAND,
		  .fd = VFIO_FD,
		  .request = ATTACH,
		  .words = attach_pasid,
		  .out = { { 2, 1 } },
		  .ret = errors[_i] },
		{ .function = SCRIPT_COMMAND,
		  .fd = VFIO_FD,
		  .request = DETACH,
		  .words = detach_pasid,
		  .ret = errors[_i] },
	};
	struct iommunest_ctx *ctx;
	struct script script;
	uint32_t id = UNTOUCHED;

	ctx = script_open(&script, rows, ARRAY_LEN(rows));
	ck_assert_int_eq(iommunest_vfio_bind(ctx, VFIO_FD, &id), errors[_i]);
	ck_assert_uint_eq(id, UNTOUCHED);
	ck_assert_int_eq(iommunest_vfio_attach(ctx, VFIO_FD, &id), errors[_i]);
	ck_assert_uint_eq(id, UNTOUCHED);
	ck_assert_int_eq(iommunest_vfio_detach(ctx, VFIO_FD), errors[_i]);
	ck_assert_int_eq(iommunest_vfio_attach_pasid(ctx, VFIO_FD, 3, &id),
			 errors[_i]);
	ck_assert_uint_eq(id, UNTOUCHED);
	ck_assert_int_eq(iommunest_vfio_detach_pasid(ctx, VFIO_FD, 3),
			 errors[_i]);
	script_done(&script);
	iommunest_close(ctx);
}

/* ---- Why it could not be attached ---- */

#define R(name) IOMMUNEST_VFIO_REASON_##name
#define DEV 9u
#define ITSELF IOMMUNEST_VFIO_NO_PASID

/* What a kernel says when it is asked, and what was to be attached. */
static const struct why {
	uint32_t pasid;
	int error;
	/* VFIO_DEVICE_GET_INFO, IOMMU_GET_HW_INFO, detaching a PASID. */
	int info;
	int hw_info;
	int detach;
	uint32_t width;
	uint32_t reasons;
} whys[] = {
	{ ITSELF, -EINVAL, -EINVAL, 0, 0, 0, R(NOT_BOUND) },
	{ 1, -EINVAL, -EINVAL, 0, 0, 0, R(NOT_BOUND) },
	{ ITSELF, -ENOENT, 0, -ENOENT, 0, 0, R(OTHER_CONTEXT) },
	{ ITSELF, -ENOENT, 0, 0, 0, 0, R(NO_OBJECT) },
	{ ITSELF, -EINVAL, 0, 0, 0, 0, R(PAGE_TABLE) },
	{ ITSELF, -EBUSY, 0, 0, 0, 0, 0 },
	{ ITSELF, -EINVAL, 0, -EOPNOTSUPP, 0, 0, R(PAGE_TABLE) },
	{ 0, -EINVAL, 0, 0, 0, 20, R(PASID_RANGE) },
	{ 0x100000, -EINVAL, 0, 0, 0, 20, R(PASID_RANGE) },
	{ 1, -EINVAL, 0, 0, -EINVAL, 20, R(KERNEL_PASID) },
	{ 1, -EOPNOTSUPP, 0, 0, -EOPNOTSUPP, 20, R(DRIVER_PASID) },
	{ 1, -EOPNOTSUPP, 0, 0, 0, 20, R(DRIVER_PASID) },
	{ 1, -EINVAL, 0, 0, 0, 0, R(DEVICE_PASID) },
	{ 8, -EINVAL, 0, 0, 0, 3, R(PASID_RANGE) },
	{ 7, -EINVAL, 0, 0, 0, 3, R(PAGE_TABLE) },
	{ 7, -ENOENT, 0, 0, 0, 3, R(NO_OBJECT) },
	{ 8, -ENOENT, 0, 0, 0, 3, R(PASID_RANGE) | R(NO_OBJECT) },
	{ 1, -ENOMEM, 0, 0, 0, 20, 0 },
	{ ITSELF, -ENODEV, 0, 0, 0, 0, R(PAGE_REQUESTS) },
	{ 1, -ENODEV, 0, 0, 0, 20, R(PAGE_REQUESTS) },
	{ ITSELF, -EADDRINUSE, 0, 0, 0, 0, R(ADDRESSES) },
	{ ITSELF, -EFAULT, 0, 0, 0, 0, 0 },
};

/* The questions, of which a row answers each that is asked. */
static int answer(void *data, int fd, unsigned long request, void *arg)
{
	const struct why *why = *(const struct why **)data;
	uint32_t *words = arg;

	switch (request) {
	case 0x3b6b:
		ck_assert_int_eq(fd, VFIO_FD);
		ck_assert_uint_eq(words[0], 16);
		return why->info;
	case DETACH:
		/* One that nobody has. */
		ck_assert_int_eq(fd, VFIO_FD);
		ck_assert_uint_eq(words[1], 1);
		ck_assert_uint_gt(words[2], IOMMUNEST_PASID_MAX);
		return why->detach;
	case SCRIPT_GET_HW_INFO:
		ck_assert_int_eq(fd, SCRIPT_FD);
		ck_assert_uint_eq(words[2], DEV);
		((unsigned char *)arg)[28] = (unsigned char)why->width;
		return why->hw_info;
	default:
		ck_abort_msg("ioctl %#lx", request);
		return 0;
	}
}

TEST_LOOP(why_it_was_not_attached_is_found_by_asking, ARRAY_LEN(whys))
{
	const struct why *why = &whys[_i];
	struct iommunest_sys sys = script_sys;
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &sys,
		.sys_data = &why,
	};
	uint32_t reasons = UNTOUCHED;
	struct iommunest_ctx *ctx;

	sys.ioctl = answer;
	ck_assert_int_eq(iommunest_open_fd(&ctx, SCRIPT_FD, &options), 0);
	ck_assert_int_eq(iommunest_vfio_attach_reasons(ctx, VFIO_FD, DEV,
						       why->pasid, why->error,
						       &reasons),
			 0);
	ck_assert_uint_eq(reasons, why->reasons);
	iommunest_close(ctx);
}

/* ---- On the simulator ---- */

struct host {
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	uint32_t dev, parent, nested;
	int fd;
};

static void host_open(struct host *host)
{
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
	};
	struct iommunest_vtd_s1 s1 = { .size = sizeof(s1), .addr_width = 48 };
	uint32_t ioas;

	ck_assert_int_eq(iommunest_sim_new(&host->sim, NULL), 0);
	options.sys_data = host->sim;
	ck_assert_int_eq(iommunest_open(&host->ctx, &options), 0);
	ck_assert_int_eq(
		iommunest_vfio_open(host->ctx, NODE, &host->fd, &host->dev), 0);
	ck_assert_int_eq(iommunest_ioas_alloc(host->ctx, &ioas), 0);
	ck_assert_int_eq(iommunest_hwpt_alloc_parent(host->ctx, host->dev, ioas,
						     &host->parent),
			 0);
	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(host->ctx, host->dev,
						  host->parent, &s1,
						  &host->nested),
			 0);
}

static void host_close(struct host *host)
{
	iommunest_vfio_close(host->ctx, host->fd);
	iommunest_close(host->ctx);
	ck_assert_uint_eq(iommunest_sim_open_fds(host->sim), 0);
	iommunest_sim_free(host->sim);
}

/* What an invalidation puts into the hardware's queue. */
static uint64_t descs_of_a_flush(const struct host *host)
{
	struct iommunest_sim_stats before = { .size = sizeof(before) };
	struct iommunest_sim_stats after = { .size = sizeof(after) };
	struct iommunest_batch *batch;

	ck_assert_int_eq(
		iommunest_batch_new(&batch, iommunest_vtd_s1_type(), 1), 0);
	iommunest_vtd_batch_add_all(batch, 1);
	iommunest_sim_stats(host->sim, &before);
	ck_assert_int_eq(iommunest_submit(host->ctx, host->nested, batch, NULL,
					  NULL),
			 0);
	iommunest_sim_stats(host->sim, &after);
	iommunest_batch_free(batch);
	return after.descs - before.descs;
}

TEST(flushes_reach_the_hardware_while_a_device_is_attached)
{
	struct host host;
	uint32_t pt_id;

	host_open(&host);
	pt_id = host.nested;
	ck_assert_uint_eq(descs_of_a_flush(&host), 0);
	ck_assert_int_eq(iommunest_vfio_attach(host.ctx, host.fd, &pt_id), 0);
	ck_assert_uint_eq(pt_id, host.nested);
	ck_assert_uint_eq(descs_of_a_flush(&host), 1);
	ck_assert_int_eq(iommunest_object_destroy(host.ctx, host.nested),
			 -EBUSY);
	ck_assert_int_eq(iommunest_vfio_detach(host.ctx, host.fd), 0);
	ck_assert_uint_eq(descs_of_a_flush(&host), 0);
	host_close(&host);
}

TEST(closing_a_device_detaches_it_and_its_id_is_gone)
{
	struct host host;

	host_open(&host);
	ck_assert_int_eq(iommunest_vfio_attach(host.ctx, host.fd, &host.nested),
			 0);
	iommunest_vfio_close(host.ctx, host.fd);
	ck_assert_int_eq(iommunest_object_destroy(host.ctx, host.nested), 0);
	ck_assert_int_eq(iommunest_object_destroy(host.ctx, host.dev), -ENOENT);
	ck_assert_int_eq(
		iommunest_vfio_open(host.ctx, NODE, &host.fd, &host.dev), 0);
	host_close(&host);
}

/* The device has the iommufd, too: what is attached goes on. */
TEST(a_device_outlives_its_context)
{
	struct host host;
	uint32_t pt_id;

	host_open(&host);
	pt_id = host.nested;
	ck_assert_int_eq(iommunest_vfio_attach(host.ctx, host.fd, &pt_id), 0);
	/* With the file descriptor of the iommufd, which a VMM may close. */
	ck_assert_int_eq(iommunest_sim_sys()->close(host.sim,
						    iommunest_fd(host.ctx)),
			 0);
	ck_assert_uint_eq(iommunest_sim_open_fds(host.sim), 1);
	pt_id = host.parent;
	ck_assert_int_eq(iommunest_vfio_attach(host.ctx, host.fd, &pt_id), 0);
	ck_assert_int_eq(iommunest_vfio_detach(host.ctx, host.fd), 0);
	iommunest_vfio_close(host.ctx, host.fd);
	ck_assert_uint_eq(iommunest_sim_open_fds(host.sim), 0);
	iommunest_close(host.ctx);
	iommunest_sim_free(host.sim);
}

/* Nothing is leaked, or freed twice. */
TEST_LOOP(what_is_open_when_the_simulator_ends_is_freed, 2)
{
	const struct iommunest_sys *sys = iommunest_sim_sys();
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = sys,
	};
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	int iommufd, fd;
	uint32_t dev;

	ck_assert_int_eq(iommunest_sim_new(&sim, NULL), 0);
	options.sys_data = sim;
	iommufd = sys->open(sim, "/dev/iommu", O_RDWR);
	ck_assert_int_eq(iommunest_open_fd(&ctx, iommufd, &options), 0);
	ck_assert_int_eq(iommunest_vfio_open(ctx, NODE, &fd, &dev), 0);
	if (_i)
		sys->close(sim, iommufd);
	iommunest_close(ctx);
	iommunest_sim_free(sim);
}

TEST(a_device_is_bound_once)
{
	uint32_t dev = UNTOUCHED;
	struct host host;
	int fd = -1;

	host_open(&host);
	ck_assert_int_eq(iommunest_vfio_bind(host.ctx, host.fd, &dev), -EINVAL);
	ck_assert_int_eq(iommunest_vfio_open(host.ctx, NODE, &fd, &dev),
			 -EINVAL);
	ck_assert_int_eq(fd, -1);
	ck_assert_uint_eq(dev, UNTOUCHED);
	/* The iommufd and one device: what was opened in vain is closed. */
	ck_assert_uint_eq(iommunest_sim_open_fds(host.sim), 2);
	host_close(&host);
}

TEST(what_is_no_device_is_refused)
{
	static const char *const paths[] = { "/dev/vfio/devices/vfio8",
					     "/dev/vfio/devices/vfio",
					     "/dev/vfio/devices/vfio00" };
	struct host host;
	uint32_t id = 0;
	size_t i;
	int fd;

	host_open(&host);
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		ck_assert_int_eq(iommunest_vfio_open(host.ctx, paths[i], &fd,
						     &id),
				 -ENOENT);
	/* An iommufd is none, and has no such ioctl. */
	ck_assert_int_eq(iommunest_vfio_bind(host.ctx, iommunest_fd(host.ctx),
					     &id),
			 -ENOTTY);
	ck_assert_int_eq(iommunest_vfio_bind(host.ctx, 3, &id), -EBADF);
	ck_assert_int_eq(iommunest_vfio_detach(host.ctx, 3), -EBADF);
	host_close(&host);
}

TEST(what_cannot_be_attached_is_refused)
{
	struct host host;
	uint32_t id;

	host_open(&host);
	id = 0x1000;
	ck_assert_int_eq(iommunest_vfio_attach(host.ctx, host.fd, &id),
			 -ENOENT);
	id = host.dev;
	ck_assert_int_eq(iommunest_vfio_attach(host.ctx, host.fd, &id),
			 -EINVAL);
	host_close(&host);
}

static uint32_t why_refused(const struct host *host, int error)
{
	uint32_t reasons = UNTOUCHED;

	ck_assert_int_eq(iommunest_vfio_attach_reasons(host->ctx, host->fd,
						       host->dev, ITSELF, error,
						       &reasons),
			 0);
	return reasons;
}

/* Attach refuses it: the device has no PRI. */
static uint32_t alloc_with_queue(const struct host *host)
{
	struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.addr_width = 48,
		.hwpt_flags = IOMMUNEST_HWPT_FAULT_ID,
	};
	uint32_t id;
	int queue;

	ck_assert_int_eq(iommunest_fault_queue_alloc(host->ctx, &s1.fault_id,
						     &queue),
			 0);
	ck_assert_int_eq(iommunest_vtd_hwpt_alloc(host->ctx, host->dev,
						  host->parent, &s1, &id),
			 0);
	ck_assert_int_eq(iommunest_sim_sys()->close(host->sim, queue), 0);
	return id;
}

TEST(a_fault_queue_needs_page_requests)
{
	struct host host;
	uint32_t id;
	int ret;

	host_open(&host);
	id = alloc_with_queue(&host);
	ret = iommunest_vfio_attach(host.ctx, host.fd, &id);
	ck_assert_int_eq(ret, -ENODEV);
	ck_assert_uint_eq(why_refused(&host, ret), R(PAGE_REQUESTS));
	host_close(&host);
}

TEST(nothing_may_be_mapped_where_interrupts_go)
{
	static _Alignas(4096) char page[4096];
	uint64_t iova = 0xfee00000;
	struct host host;
	uint32_t id;
	int ret;

	host_open(&host);
	ck_assert_int_eq(iommunest_ioas_alloc(host.ctx, &id), 0);
	ck_assert_int_eq(iommunest_ioas_map(host.ctx, id, page, sizeof(page),
					    IOMMUNEST_MAP_FIXED |
						    IOMMUNEST_MAP_READ,
					    &iova),
			 0);
	ret = iommunest_vfio_attach(host.ctx, host.fd, &id);
	ck_assert_int_eq(ret, -EADDRINUSE);
	ck_assert_uint_eq(why_refused(&host, ret), R(ADDRESSES));
	host_close(&host);
}

/* To iommufd it still has the old HWPT; to the driver it has none. */
TEST(after_a_failure_the_way_back_is_to_detach_first)
{
	struct host host;
	uint32_t old, wrong;

	host_open(&host);
	old = host.nested;
	ck_assert_int_eq(iommunest_vfio_attach(host.ctx, host.fd, &old), 0);
	wrong = alloc_with_queue(&host);
	ck_assert_int_eq(iommunest_vfio_attach(host.ctx, host.fd, &wrong),
			 -ENODEV);
	ck_assert_int_eq(iommunest_vfio_attach(host.ctx, host.fd, &old), 0);
	ck_assert_uint_eq(descs_of_a_flush(&host), 0);
	ck_assert_int_eq(iommunest_vfio_detach(host.ctx, host.fd), 0);
	ck_assert_int_eq(iommunest_vfio_attach(host.ctx, host.fd, &old), 0);
	ck_assert_uint_eq(descs_of_a_flush(&host), 1);
	host_close(&host);
}

TEST(null_is_einval)
{
	struct host host;
	uint32_t id = 1;
	int fd;

	host_open(&host);
	ck_assert_int_eq(iommunest_vfio_open(NULL, NODE, &fd, &id), -EINVAL);
	ck_assert_int_eq(iommunest_vfio_open(host.ctx, NULL, &fd, &id),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vfio_open(host.ctx, NODE, NULL, &id),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vfio_open(host.ctx, NODE, &fd, NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vfio_bind(NULL, 1, &id), -EINVAL);
	ck_assert_int_eq(iommunest_vfio_bind(host.ctx, 1, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_vfio_attach(NULL, 1, &id), -EINVAL);
	ck_assert_int_eq(iommunest_vfio_attach(host.ctx, 1, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_vfio_detach(NULL, 1), -EINVAL);
	ck_assert_int_eq(iommunest_vfio_attach_pasid(NULL, 1, 1, &id), -EINVAL);
	ck_assert_int_eq(iommunest_vfio_attach_pasid(host.ctx, 1, 1, NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vfio_detach_pasid(NULL, 1, 1), -EINVAL);
	ck_assert_int_eq(iommunest_vfio_attach_reasons(NULL, 1, 1, 1, -EINVAL,
						       &id),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vfio_attach_reasons(host.ctx, 1, 1, 1, 0,
						       &id),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vfio_attach_reasons(host.ctx, 1, 1, 1,
						       -EINVAL, NULL),
			 -EINVAL);
	host_close(&host);
}
