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
};

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "stats", no_argument, NULL, OPTION_STATS },
	{ "verbose", no_argument, NULL, OPTION_VERBOSE },
	{ "descriptors", no_argument, NULL, OPTION_DESCRIPTORS },
	{ "batch-kicks", required_argument, NULL, OPTION_BATCH_KICKS },
	{ "coalesce", no_argument, NULL, OPTION_COALESCE },
	{ "per-descriptor", no_argument, NULL, OPTION_PER_DESCRIPTOR },
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
	"Runs a captured guest's VT-d invalidation queue, kick after kick.\n"
	"CAPTURE is a file of the format `iq-capture 1`, or - for standard "
	"input.\n"
	"\n"
	"Output:\n"
	"  --stats             a table of what was done (the default)\n"
	"  --verbose           each call to the kernel, and the table\n"
	"  --descriptors       each descriptor of the guest, and the table\n"
	"  --json              one JSON object a line for each event; the "
	"output of\n"
	"                      the others then goes to standard error\n"
	"How the queue is run:\n"
	"  --batch-kicks N     run the engine once for N kicks\n"
	"  --coalesce          merge neighbouring blocks\n"
	"  --per-descriptor    one call for each descriptor, to compare\n"
	"  --policy POLICY     when the host fails on an entry: stop (the "
	"default), skip\n"
	"                      it, or flush everything of that HWPT\n"
	"The host:\n"
	"  --backend BACKEND   sim (the default), or vfio: the kernel's "
	"iommufd\n"
	"  --device NODE       with vfio: a device such as "
	"/dev/vfio/devices/vfio0;\n"
	"                      the first is attached to the first HWPT, and "
	"so on; an\n"
	"                      HWPT without a device sends nothing to the "
	"hardware\n"
	"The simulated host:\n"
	"  --profile KERNEL    6.12, 6.18 or 7.3 (the default)\n"
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
		if (arg_profile(text, &options->profile))
			return -1;
		return tool_usage(
			"--profile must be 6.12, 6.18 or 7.3, not \"%s\"",
			text);
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
	if (options->vfio &&
	    (options->faults.count || options->profile != IOMMUNEST_SIM_NEWEST))
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
		.profile = IOMMUNEST_SIM_NEWEST,
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
