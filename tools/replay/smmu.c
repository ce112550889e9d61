/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* An SMMUv3's command queue, from its capture to the exit status. */
#include <ctype.h>
#include <stdlib.h>

#include "tools/replay/smmu.h"

void smmu_emit(const struct smmu_replay *replay, const struct smmu_event *event)
{
	const struct replay_options *options = replay->options;

	if (event->kind == SMMU_COMMAND) {
		if (options->descriptors)
			smmu_text_event(replay_text_stream(options), replay,
					event);
		return;
	}
	if (options->json)
		smmu_json_event(stdout, replay, event);
	if (event->kind == SMMU_FAILURE && options->stats)
		smmu_text_event(stderr, replay, event);
	else if (options->verbose)
		smmu_text_event(replay_text_stream(options), replay, event);
	if (event->kind == SMMU_SUMMARY && options->stats)
		smmu_table(replay_text_stream(options), replay);
}

void smmu_type_name(uint8_t opcode, char *buf, size_t len)
{
	const bool prefetches = opcode == IOMMUNEST_SMMUV3_PREFETCH_CONFIG ||
				opcode == IOMMUNEST_SMMUV3_PREFETCH_ADDR;
	char *c;

	snprintf(buf, len, "%s",
		 prefetches ? "prefetch" : iommunest_smmuv3_cmd_name(opcode));
	for (c = buf; *c; c++)
		*c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
}

static void count_command(void *user,
			  const struct iommunest_sim_command *command)
{
	struct smmu_replay *replay = user;

	(void)command;
	replay->totals.hardware++;
}

static int run(struct smmu_replay *replay)
{
	const struct smmu_event viommu = { .kind = SMMU_VIOMMU };
	const struct smmu_event summary = { .kind = SMMU_SUMMARY };
	const char *what;
	int ret;

	ret = smmu_guest_open(replay, &what);
	if (ret)
		return tool_fail(what, ret);
	if (replay->host.sim)
		iommunest_sim_on_command(replay->host.sim, count_command,
					 replay);
	smmu_emit(replay, &viommu);
	ret = smmu_guest_run(replay);
	smmu_emit(replay, &summary);
	smmu_guest_close(replay);
	return ret || replay->totals.failed ? EXIT_FAILED : EXIT_DONE;
}

int replay_smmu(const struct replay_options *options,
		const struct cmdq_capture *capture)
{
	struct smmu_replay replay = { .options = options, .capture = capture };
	const char *what = "find the streams of the capture";
	int ret, status = EXIT_FAILED;

	ret = smmu_streams_find(&replay);
	if (ret)
		return tool_fail(what, ret);
	ret = smmu_host_open(&replay, &what);
	if (ret) {
		tool_fail(what, ret);
		goto free_streams;
	}
	status = run(&replay);
	replay_host_close(&replay.host);
free_streams:
	free(replay.streams);
	return status;
}
