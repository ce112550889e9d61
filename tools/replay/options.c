/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The command line. */
#include <getopt.h>
#include <string.h>

#include "tools/replay/replay.h"

enum {
	OPTION_JSON = 256,
	OPTION_STATS,
	OPTION_VERBOSE,
	OPTION_DESCRIPTORS,
	OPTION_BATCH_KICKS,
	OPTION_COALESCE,
	OPTION_PER_DESCRIPTOR,
	OPTION_FAIL,
	OPTION_FAIL_ENTRY,
	OPTION_POLICY,
	OPTION_PROFILE,
	OPTION_BACKEND,
	OPTION_DEVICE,
	OPTION_VMM_STREAM,
	OPTION_NO_STREAM,
};

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "stats", no_argument, NULL, OPTION_STATS },
	{ "verbose", no_argument, NULL, OPTION_VERBOSE },
	{ "descriptors", no_argument, NULL, OPTION_DESCRIPTORS },
	{ "batch-kicks", required_argument, NULL, OPTION_BATCH_KICKS },
	{ "coalesce", no_argument, NULL, OPTION_COALESCE },
	{ "per-descriptor", no_argument, NULL, OPTION_PER_DESCRIPTOR },
	{ "vmm-stream", required_argument, NULL, OPTION_VMM_STREAM },
	{ "no-stream", required_argument, NULL, OPTION_NO_STREAM },
	{ "fail", required_argument, NULL, OPTION_FAIL },
	{ "fail-entry", required_argument, NULL, OPTION_FAIL_ENTRY },
	{ "policy", required_argument, NULL, OPTION_POLICY },
	{ "profile", required_argument, NULL, OPTION_PROFILE },
	{ "backend", required_argument, NULL, OPTION_BACKEND },
	{ "device", required_argument, NULL, OPTION_DEVICE },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: iommunest-replay [OPTION]... CAPTURE\n"
	"Runs a captured guest's VT-d invalidation queue or SMMUv3 command "
	"queue, kick\n"
	"after kick.  CAPTURE is a file of the format `iq-capture 1` or\n"
	"`cmdq-capture 1`, or - for standard input.\n"
	"\n"
	"Output:\n"
	"  --stats             a table of what was done (the default)\n"
	"  --verbose           each call to the kernel, and the table\n"
	"  --descriptors       each descriptor or command of the guest, and "
	"the table\n"
	"  --json              one JSON object a line for each event; the "
	"output of\n"
	"                      the others then goes to standard error\n"
	"How the queue is run:\n"
	"  --batch-kicks N     run the engine once for N kicks\n"
	"  --per-descriptor    one call for each descriptor or command, to "
	"compare\n"
	"  --policy POLICY     when the host fails on an entry: stop (the "
	"default), skip\n"
	"                      it, or flush everything that can be meant\n"
	"  --coalesce          VT-d: merge neighbouring blocks\n"
	"  --vmm-stream SID    SMMUv3: a stream of the VMM's, an emulated "
	"device\n"
	"  --no-stream SID     SMMUv3: a stream that nobody has\n"
	"The host:\n"
	"  --backend BACKEND   sim (the default), or vfio: the kernel's "
	"iommufd\n"
	"  --device NODE       with vfio: a device such as "
	"/dev/vfio/devices/vfio0;\n"
	"                      the first is attached to the first HWPT, and "
	"so on; an\n"
	"                      HWPT without a device sends nothing to the "
	"hardware;\n"
	"                      SMMUv3: the first has the first stream, and "
	"so on; a\n"
	"                      stream without a device is nobody's\n"
	"The simulated host:\n"
	"  --profile KERNEL    6.12, 6.18 or 7.3 (the default); of an SMMUv3 "
	"7.3 (the\n"
	"                      default), reworked or patched\n"
	"  --fail CALL:ERRNO   that invalidation call fails\n"
	"  --fail-entry N:ERRNO\n"
	"                      that entry fails\n"
	"                      Calls and entries are counted from 1; ERRNO is "
	"a name\n"
	"                      (EIO) or a number; both may be repeated.\n"
	"  -h, --help          this text\n"
	"  -V, --version       the version\n"
	"\n"
	"Exit status: 0 success, 1 something failed or was skipped, 2 wrong "
	"usage\n"
	"or a malformed capture; then nothing was submitted.\n";

static bool has_stream(const uint32_t *streams, size_t count, uint32_t sid)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (streams[i] == sid)
			return true;
	}
	return false;
}

static int add_stream(struct replay_options *options, const char *name,
		      uint32_t *streams, size_t *count, const char *text)
{
	uint64_t sid;

	if (!arg_number(text, 0, UINT32_MAX, &sid))
		return tool_usage("%s must be a stream id of 32 bits, not "
				  "\"%s\"",
				  name, text);
	if (*count == REPLAY_STREAMS_MAX)
		return tool_usage("more than %u %s", REPLAY_STREAMS_MAX, name);
	if (has_stream(options->vmm_streams, options->vmm_stream_count,
		       (uint32_t)sid) ||
	    has_stream(options->no_streams, options->no_stream_count,
		       (uint32_t)sid))
		return tool_usage("stream %s is given twice", text);
	streams[(*count)++] = (uint32_t)sid;
	return -1;
}

static bool is_profile(const char *text)
{
	uint32_t profile;

	return arg_profile(text, &profile) ||
	       arg_smmuv3_profile(text, &profile);
}

static int set_value(struct replay_options *options, int option,
		     const char *text)
{
	switch (option) {
	case OPTION_BATCH_KICKS:
		if (arg_number(text, 1, UINT64_MAX, &options->batch_kicks))
			return -1;
		return tool_usage(
			"--batch-kicks must be a number from 1, not \"%s\"",
			text);
	case OPTION_FAIL:
		return tool_add_fault(&options->faults, IOMMUNEST_SIM_FAIL_CALL,
				      text);
	case OPTION_FAIL_ENTRY:
		return tool_add_fault(&options->faults,
				      IOMMUNEST_SIM_FAIL_ENTRY, text);
	case OPTION_POLICY:
		if (arg_policy(text, &options->policy))
			return -1;
		return tool_usage(
			"--policy must be stop, skip or flush, not \"%s\"",
			text);
	case OPTION_BACKEND:
		options->vfio = strcmp(text, "vfio") == 0;
		if (options->vfio || strcmp(text, "sim") == 0)
			return -1;
		return tool_usage("--backend must be sim or vfio, not \"%s\"",
				  text);
	case OPTION_DEVICE:
		if (options->device_count == REPLAY_DEVICES_MAX)
			return tool_usage("more than %u devices",
					  REPLAY_DEVICES_MAX);
		options->devices[options->device_count++] = text;
		return -1;
	case OPTION_PROFILE:
		options->profile_name = text;
		if (is_profile(text))
			return -1;
		return tool_usage("--profile must be 6.12, 6.18 or 7.3, or of "
				  "an SMMUv3 7.3, reworked or patched, not "
				  "\"%s\"",
				  text);
	case OPTION_VMM_STREAM:
		return add_stream(options, "--vmm-stream", options->vmm_streams,
				  &options->vmm_stream_count, text);
	case OPTION_NO_STREAM:
		return add_stream(options, "--no-stream", options->no_streams,
				  &options->no_stream_count, text);
	default:
		/* getopt_long() has said what is wrong. */
		fputs("Try iommunest-replay --help.\n", stderr);
		return EXIT_USAGE;
	}
}

static int set_option(struct replay_options *options, int option)
{
	switch (option) {
	case OPTION_JSON:
		options->json = true;
		return -1;
	case OPTION_STATS:
		options->stats = true;
		return -1;
	case OPTION_VERBOSE:
		options->verbose = true;
		return -1;
	case OPTION_DESCRIPTORS:
		options->descriptors = true;
		return -1;
	case OPTION_COALESCE:
		options->coalesce = true;
		return -1;
	case OPTION_PER_DESCRIPTOR:
		options->per_descriptor = true;
		return -1;
	case 'h':
		fputs(help, stdout);
		return EXIT_DONE;
	case 'V':
		tool_print_version();
		return EXIT_DONE;
	default:
		return set_value(options, option, optarg);
	}
}

/* Options of one kind of host are mistakes with the other. */
static int check_backend(const struct replay_options *options)
{
	if (!options->vfio && options->device_count)
		return tool_usage("--device requires --backend vfio");
	if (options->vfio && !options->device_count)
		return tool_usage("--backend vfio requires --device");
	if (options->vfio && (options->faults.count || options->profile_name))
		return tool_usage("--fail, --fail-entry and --profile "
				  "require --backend sim");
	return -1;
}

int replay_options_parse(struct replay_options *options, int argc, char *argv[])
{
	int option, ret;

	*options = (struct replay_options){
		.batch_kicks = 1,
		.policy = IOMMUNEST_POLICY_STOP,
	};
	while ((option = getopt_long(argc, argv, "hV", long_options, NULL)) !=
	       -1) {
		ret = set_option(options, option);
		if (ret >= 0)
			return ret;
	}
	ret = check_backend(options);
	if (ret >= 0)
		return ret;
	if (optind == argc)
		return tool_usage("missing capture file");
	if (optind + 1 < argc)
		return tool_usage("more than one capture file: \"%s\"",
				  argv[optind + 1]);
	options->path = argv[optind];
	if (!options->json || options->verbose || options->descriptors)
		options->stats = true;
	return -1;
}

static int check_vtd(struct replay_options *options)
{
	const char *name = options->profile_name;

	if (options->vmm_stream_count || options->no_stream_count)
		return tool_usage("--vmm-stream and --no-stream are for "
				  "captures of an SMMUv3");
	options->profile = IOMMUNEST_SIM_NEWEST;
	if (name && !arg_profile(name, &options->profile))
		return tool_usage("--profile %s is for captures of an SMMUv3",
				  name);
	return -1;
}

static int check_smmu(struct replay_options *options)
{
	const char *name = options->profile_name;

	if (options->coalesce)
		return tool_usage("--coalesce is for captures of a VT-d");
	options->profile = IOMMUNEST_SIM_SMMUV3_7_3;
	if (name && !arg_smmuv3_profile(name, &options->profile))
		return tool_usage("--profile %s is for captures of a VT-d",
				  name);
	return -1;
}

int replay_options_check(struct replay_options *options,
			 enum capture_format format)
{
	return format == CAPTURE_CMDQ ? check_smmu(options)
				      : check_vtd(options);
}
