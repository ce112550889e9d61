/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The host, simulated or real: set up as a VMM does it. */
#include <errno.h>
#include <string.h>

#include "tools/replay/replay.h"

/*
 * A VMM takes it from the guest's PASID-table entry, which a capture does not
 * have.  Any will do here: nothing walks it.
 */
#define STAGE1_ROOT UINT64_C(0x1000)

/* The limit of a queue engine; see struct iommunest_vtd_iq_options. */
#define SCOPES_MAX ((size_t)1 << 14)

static int open_sim(struct replay_host *host,
		    const struct replay_options *options, const char **what)
{
	struct iommunest_sim_options sim_options = {
		.size = sizeof(sim_options),
		.profile = options->profile,
	};
	struct iommunest_open_options open_options = {
		.size = sizeof(open_options),
		.sys = iommunest_sim_sys(),
	};
	int ret;

	*what = "make a simulator";
	ret = iommunest_sim_new(&host->sim, &sim_options);
	if (ret)
		return ret;
	*what = "open the simulated iommufd";
	open_options.sys_data = host->sim;
	return iommunest_open(&host->ctx, &open_options);
}

/* The real devices, bound; the first of them stands for all. */
static int open_devices(struct replay_host *host,
			const struct replay_options *options, uint32_t *dev_id,
			const char **what)
{
	uint32_t id;
	size_t i;
	int ret;

	*what = "open the iommufd";
	ret = iommunest_open(&host->ctx, NULL);
	if (ret)
		return ret;
	*what = "bind a device";
	for (i = 0; i < options->device_count; i++) {
		ret = iommunest_vfio_open(host->ctx, options->devices[i],
					  &host->devices[i], &id);
		if (ret)
			return ret;
		host->device_count++;
		if (i == 0)
			*dev_id = id;
	}
	return 0;
}

static int open_host(struct replay_host *host,
		     const struct replay_options *options, uint32_t *dev_id,
		     const char **what)
{
	int ret;

	if (options->vfio)
		return open_devices(host, options, dev_id, what);
	ret = open_sim(host, options, what);
	if (ret)
		return ret;
	*what = "bind a device";
	return iommunest_sim_bind(host->sim, iommunest_fd(host->ctx), 0,
				  dev_id);
}

/* Stage 2. */
static int set_up_parent(struct replay_host *host, uint32_t dev_id,
			 const char **what)
{
	uint32_t ioas_id;
	int ret;

	*what = "allocate an IOAS";
	ret = iommunest_ioas_alloc(host->ctx, &ioas_id);
	if (ret)
		return ret;
	*what = "allocate the nest parent";
	return iommunest_hwpt_alloc_parent(host->ctx, dev_id, ioas_id,
					   &host->parent_id);
}

/* Without a device, its flushes would not reach the hardware. */
static int attach_scope(struct replay_host *host,
			const struct replay_scope *scope, size_t number,
			uint32_t dev_id)
{
	uint32_t pt_id = scope->hwpt_id;

	if (host->sim)
		return iommunest_sim_attach(host->sim, iommunest_fd(host->ctx),
					    dev_id, pt_id);
	if (number >= host->device_count)
		return 0;
	return iommunest_vfio_attach(host->ctx, host->devices[number], &pt_id);
}

/* Has the scope with this number a device with a TLB? */
static bool has_dev_tlb(const struct replay_scan *scan, size_t number)
{
	size_t i;

	for (i = 0; i < scan->device_count; i++)
		if (scan->devices[i].scope == number)
			return true;
	return false;
}

static int set_up_scope(struct replay_host *host, struct replay_scan *scan,
			size_t number, uint32_t dev_id, const char **what)
{
	struct replay_scope *scope = &scan->scopes[number];
	uint32_t flags = has_dev_tlb(scan, number) ? IOMMUNEST_SIM_ATS : 0;
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.pgtbl_addr = STAGE1_ROOT,
		.addr_width = 48,
	};
	int ret = 0;

	*what = "bind a device";
	if (host->sim)
		ret = iommunest_sim_bind(host->sim, iommunest_fd(host->ctx),
					 flags, &dev_id);
	if (ret)
		return ret;
	*what = "allocate a nested HWPT";
	ret = iommunest_vtd_hwpt_alloc(host->ctx, dev_id, host->parent_id, &s1,
				       &scope->hwpt_id);
	if (ret)
		return ret;
	*what = "attach a device to its HWPT";
	return attach_scope(host, scope, number, dev_id);
}

int replay_host_open(struct replay_host *host,
		     const struct replay_options *options,
		     struct replay_scan *scan, const char **what)
{
	uint32_t dev_id = 0;
	size_t i;
	int ret;

	memset(host, 0, sizeof(*host));
	*what = "set up more than 16384 scopes and devices";
	if (scan->scope_count + scan->device_count > SCOPES_MAX)
		return -ENOSPC;
	ret = open_host(host, options, &dev_id, what);
	if (!ret)
		ret = set_up_parent(host, dev_id, what);
	for (i = 0; !ret && i < scan->scope_count; i++)
		ret = set_up_scope(host, scan, i, dev_id, what);
	if (!ret && host->sim) {
		*what = "inject faults into the simulator";
		ret = tool_inject(host->sim, &options->faults);
	}
	if (ret)
		replay_host_close(host);
	return ret;
}

void replay_host_close(struct replay_host *host)
{
	while (host->device_count)
		iommunest_vfio_close(host->ctx,
				     host->devices[--host->device_count]);
	iommunest_close(host->ctx);
	iommunest_sim_free(host->sim);
	memset(host, 0, sizeof(*host));
}
