/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The host, simulated or real: a vIOMMU, and a vDEVICE for each stream. */
#include <errno.h>

#include "tools/replay/smmu.h"

/* Each has a device of its own. */
#define STREAMS_MAX ((size_t)1 << 12)

/* A capture does not say how wide the guest's stream ids are. */
#define SID_BITS 32

/*
 * A capture does not say what its guest was shown, so that the simulated SMMU
 * takes all: that of QEMU, with ATS, substreams and 52-bit addresses.
 */
static const uint32_t full_idr[6] = {
	0x0d44141b, 0x02730520, 0, 0x1514, 0, 0xf4
};

static int read_caps(struct smmu_replay *replay, uint32_t dev_id)
{
	struct iommunest_hw_info info = { .size = sizeof(info) };
	int ret = iommunest_hw_info(replay->host.ctx, dev_id, &info);

	if (ret)
		return ret;
	replay->caps.size = sizeof(replay->caps);
	return iommunest_smmuv3_caps_decode(&replay->caps, &info);
}

/* @number: among the streams that have a device. */
static int add_stream(struct smmu_replay *replay, struct smmu_stream *stream,
		      size_t number, const char **what)
{
	struct replay_host *host = &replay->host;
	uint32_t dev_id = 0, vdevice_id;
	int ret = 0;

	if (!host->sim && number >= host->device_count) {
		stream->whose = IOMMUNEST_SMMUV3_STREAM_NOBODY;
		return 0;
	}
	*what = "bind a device";
	if (host->sim)
		ret = iommunest_sim_bind(host->sim, iommunest_fd(host->ctx),
					 IOMMUNEST_SIM_ATS, &dev_id);
	else
		dev_id = host->device_ids[number];
	if (ret)
		return ret;
	*what = "allocate a vDEVICE";
	return iommunest_smmuv3_vdevice_alloc(host->ctx, replay->viommu_id,
					      dev_id, stream->sid, SID_BITS,
					      &vdevice_id);
}

static int add_streams(struct smmu_replay *replay, const char **what)
{
	size_t i, number = 0;
	int ret = 0;

	for (i = 0; !ret && i < replay->stream_count; i++) {
		struct smmu_stream *stream = &replay->streams[i];

		if (stream->whose == IOMMUNEST_SMMUV3_STREAM_TARGET)
			ret = add_stream(replay, stream, number++, what);
	}
	return ret;
}

static int set_up(struct smmu_replay *replay, const char **what)
{
	const struct iommunest_sim_options sim_options = {
		.size = sizeof(sim_options),
		.profile = replay->options->profile,
		.idr = { full_idr[0], full_idr[1], full_idr[2], full_idr[3],
			 full_idr[4], full_idr[5] },
	};
	struct replay_host *host = &replay->host;
	uint32_t dev_id;
	int ret;

	ret = replay_host_start(host, replay->options, &sim_options,
				IOMMUNEST_SIM_ATS, &dev_id, what);
	if (ret)
		return ret;
	*what = "read what the SMMUv3 can";
	ret = read_caps(replay, dev_id);
	if (ret)
		return ret;
	*what = "allocate the vIOMMU";
	ret = iommunest_smmuv3_viommu_alloc(host->ctx, dev_id, host->parent_id,
					    &replay->viommu_id);
	if (!ret)
		ret = add_streams(replay, what);
	if (!ret && host->sim) {
		*what = "inject faults into the simulator";
		ret = tool_inject(host->sim, &replay->options->faults);
	}
	return ret;
}

int smmu_host_open(struct smmu_replay *replay, const char **what)
{
	int ret;

	*what = "set up more than 4096 streams";
	if (replay->stream_count > STREAMS_MAX)
		return -ENOSPC;
	ret = set_up(replay, what);
	if (ret)
		replay_host_close(&replay->host);
	return ret;
}
