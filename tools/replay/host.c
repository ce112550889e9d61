/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The host, simulated or real: set up as a VMM does it. */
#include <errno.h>
#include <string.h>

#include "tools/replay/replay.h"

static int open_sim(struct replay_host *host,
		    const struct iommunest_sim_options *sim_options,
		    const char **what)
{
	struct iommunest_open_options open_options = {
		.size = sizeof(open_options),
		.sys = iommunest_sim_sys(),
	};
	int ret;

	*what = "make a simulator";
	ret = iommunest_sim_new(&host->sim, sim_options);
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
		host->device_ids[host->device_count++] = id;
	}
	*dev_id = host->device_ids[0];
	return 0;
}

static int open_host(struct replay_host *host,
		     const struct replay_options *options,
		     const struct iommunest_sim_options *sim_options,
		     uint32_t flags, uint32_t *dev_id, const char **what)
{
	int ret;

	if (options->vfio)
		return open_devices(host, options, dev_id, what);
	ret = open_sim(host, sim_options, what);
	if (ret)
		return ret;
	*what = "bind a device";
	return iommunest_sim_bind(host->sim, iommunest_fd(host->ctx), flags,
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

int replay_host_start(struct replay_host *host,
		      const struct replay_options *options,
		      const struct iommunest_sim_options *sim_options,
		      uint32_t flags, uint32_t *dev_id, const char **what)
{
	int ret;

	memset(host, 0, sizeof(*host));
	ret = open_host(host, options, sim_options, flags, dev_id, what);
	return ret ? ret : set_up_parent(host, *dev_id, what);
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
