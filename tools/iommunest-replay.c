/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* iommunest-replay: reads a capture, and runs it (replay.h). */
#include <errno.h>

#include "tools/replay/replay.h"

/* Returns -1 to go on, or the exit status. */
static int read_capture(struct capture *capture, const char *path)
{
	char error[CAPTURE_ERROR_MAX];
	const char *name;
	FILE *in;
	int ret;

	ret = tool_open(path, &in, &name);
	if (ret >= 0)
		return ret;
	ret = capture_read(capture, in, name, error, sizeof(error));
	if (in != stdin)
		fclose(in);
	if (!ret)
		return -1;
	fprintf(stderr, "%s\n", error);
	return ret == -ENOMEM ? EXIT_FAILED : EXIT_USAGE;
}

static int run(struct replay_options *options, const struct capture *capture)
{
	int status = replay_options_check(options, capture->format);

	if (status >= 0)
		return status;
	return capture->format == CAPTURE_CMDQ
		       ? replay_smmu(options, &capture->cmdq)
		       : replay_vtd(options, capture);
}

int main(int argc, char *argv[])
{
	struct replay_options options;
	struct capture capture;
	int status;

	tool_set_name("iommunest-replay", argv);
	status = replay_options_parse(&options, argc, argv);
	if (status >= 0)
		return tool_finish(status);
	status = read_capture(&capture, options.path);
	if (status >= 0)
		return status;
	status = run(&options, &capture);
	capture_free(&capture);
	return tool_finish(status);
}
