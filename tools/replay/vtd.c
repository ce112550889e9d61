/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A VT-d's invalidation queue, from its capture to the exit status. */
#include <errno.h>

#include "tools/replay/replay.h"

void replay_emit(const struct replay *replay, const struct replay_event *event)
{
	const struct replay_options *options = replay->options;

	if (event->kind == REPLAY_DESC) {
		if (options->descriptors)
			replay_text_event(replay_text_stream(options), replay,
					  event);
		return;
	}
	if (options->json)
		replay_json_event(stdout, replay, event);
	if (event->kind == REPLAY_FAILURE && options->stats)
		replay_text_event(stderr, replay, event);
	else if (options->verbose)
		replay_text_event(replay_text_stream(options), replay, event);
	if (event->kind == REPLAY_SUMMARY && options->stats)
		replay_table(replay_text_stream(options), replay);
}

static void emit_hwpts(const struct replay *replay)
{
	size_t i;

	for (i = 0; i < replay->scan.scope_count; i++) {
		const struct replay_event event = {
			.kind = REPLAY_HWPT,
			.hwpt_id = replay->scan.scopes[i].hwpt_id,
			.did = replay->scan.scopes[i].did,
			.pasid = replay->scan.scopes[i].pasid,
		};

		replay_emit(replay, &event);
	}
}

static void emit_devices(const struct replay *replay)
{
	const struct replay_scan *scan = &replay->scan;
	size_t i;

	for (i = 0; i < scan->device_count; i++) {
		const struct replay_device *device = &scan->devices[i];
		const struct replay_event event = {
			.kind = REPLAY_DEVICE,
			.hwpt_id = scan->scopes[device->scope].hwpt_id,
			.sid = device->sid,
			.pasid = device->pasid,
		};

		replay_emit(replay, &event);
	}
}

static int run(struct replay *replay)
{
	const struct replay_event summary = { .kind = REPLAY_SUMMARY };
	const char *what;
	int ret;

	ret = replay_guest_open(replay, &what);
	if (ret)
		return tool_fail(what, ret);
	emit_hwpts(replay);
	emit_devices(replay);
	ret = replay_guest_run(replay);
	replay_emit(replay, &summary);
	replay_guest_close(replay);
	return ret || replay->totals.failed ? EXIT_FAILED : EXIT_DONE;
}

int replay_vtd(const struct replay_options *options,
	       const struct capture *capture)
{
	struct replay replay = { .options = options, .capture = capture };
	const char *what = "scan the capture";
	int ret, status = EXIT_FAILED;

	ret = replay_scan(&replay.scan, capture);
	if (ret)
		return tool_fail(what, ret);
	ret = replay_nest(&replay.host, options, &replay.scan, &what);
	if (ret) {
		tool_fail(what, ret);
		goto free_scan;
	}
	status = run(&replay);
	replay_host_close(&replay.host);
free_scan:
	replay_scan_free(&replay.scan);
	return status;
}
