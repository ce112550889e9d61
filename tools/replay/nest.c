/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The host's nested HWPTs, set up as a VMM does it. */
#include <errno.h>

#include "tools/replay/replay.h"

/*
 * A VMM takes it from the guest's PASID-table entry, which a capture does not
 * have.  Any will do here: nothing walks it.
 */
#define STAGE1_ROOT UINT64_C(0x1000)

/* The limit of a queue engine; see struct iommunest_vtd_iq_options. */
#define SCOPES_MAX ((size_t)1 << 14)

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

int replay_nest(struct replay_host *host, const struct replay_options *options,
		struct replay_scan *scan, const char **what)
{
	const struct iommunest_sim_options sim_options = {
		.size = sizeof(sim_options),
		.profile = options->profile,
	};
	uint32_t dev_id = 0;
	size_t i;
	int ret;

	*what = "set up more than 16384 scopes and devices";
	if (scan->scope_count + scan->device_count > SCOPES_MAX)
		return -ENOSPC;
	ret = replay_host_start(host, options, &sim_options, 0, &dev_id, what);
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
