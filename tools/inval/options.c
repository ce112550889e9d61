/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The command line. */
#include <getopt.h>
#include <stdio.h>

#include "tools/inval/inval.h"

/* Arguments, so that the batch's capacity stays far from its limit. */
#define ENTRIES_MAX (1 << 16)
#define DEFAULT_SID 1u

/* ATS and ASID16; SSIDSIZE 20 and SIDSIZE 32; RIL; DS. */
static const uint32_t full_idr[6] = {
	0x0d44141b, 0x02730520, 0, 0x1514, 0, 0xf4
};

static const char help[] =
	"Usage: iommunest-inval [OPTION]... ENTRY...\n"
	"       iommunest-inval --smmuv3 [OPTION]... COMMAND...\n"
	"Submits stage-1 invalidations to a simulated host in one array.  "
	"Prints the\n"
	"calls, what reached the hardware, and the library's report.\n"
	"\n"
	"An ENTRY is one of\n"
	"  all               everything\n"
	"  ADDR+NPAGES       a range of 4 KiB pages, as 0x1000+4\n"
	"  ADDR/AM           the block of 2^AM pages that holds ADDR, as "
	"0x200000/9\n"
	"A range or block with the suffix :leaf keeps paging-structure "
	"caches.\n"
	"\n"
	"A COMMAND, one argument, is its name and fields or its two words, "
	"as\n"
	"  \"TLBI_NH_VA asid 1 addr 0x1000 leaf\"\n"
	"  \"0x1000000000012 0x1001\"\n"
	"\n"
	"  --policy POLICY   when an entry fails: stop (the default), skip or "
	"flush\n"
	"  --fail CALL:ERRNO, --fail-entry N:ERRNO\n"
	"                    that call or entry fails, counted from 1; ERRNO "
	"is\n"
	"                    a name (EIO) or a number; may be repeated\n"
	"  -h, --help        this text\n"
	"  -V, --version     the version\n"
	"\n"
	"On a VT-d:\n"
	"  --blocks N        a range becomes at most N blocks (default 32)\n"
	"  --coalesce        merge neighbouring entries\n"
	"  --profile KERNEL  6.12, 6.18 or 7.3 (the default)\n"
	"  --qemu-am-18      the host's IOMMU is that of a QEMU that refuses "
	"blocks\n"
	"                    of more than 2^18 pages\n"
	"\n"
	"On an SMMUv3:\n"
	"  --smmuv3          the host's IOMMU is one\n"
	"  --profile KERNEL  7.3 (the default), reworked or patched\n"
	"  --sid SID         the guest's stream id of the device (default 1)\n"
	"  --full            it has ATS, substreams and 52-bit addresses, "
	"too\n"
	"  --erratum         it needs each call twice\n"
	"\n"
	"Exit status: 0 success, 1 something failed or was skipped, 2 wrong "
	"usage.\n";

enum {
	OPTION_BLOCKS = 256,
	OPTION_COALESCE,
	OPTION_POLICY,
	OPTION_PROFILE,
	OPTION_QEMU_AM_18,
	OPTION_FAIL,
	OPTION_FAIL_ENTRY,
	OPTION_SMMUV3,
	OPTION_SID,
	OPTION_FULL,
	OPTION_ERRATUM,
};

static const struct option long_options[] = {
	{ "blocks", required_argument, NULL, OPTION_BLOCKS },
	{ "coalesce", no_argument, NULL, OPTION_COALESCE },
	{ "policy", required_argument, NULL, OPTION_POLICY },
	{ "profile", required_argument, NULL, OPTION_PROFILE },
	{ "qemu-am-18", no_argument, NULL, OPTION_QEMU_AM_18 },
	{ "fail", required_argument, NULL, OPTION_FAIL },
	{ "fail-entry", required_argument, NULL, OPTION_FAIL_ENTRY },
	{ "smmuv3", no_argument, NULL, OPTION_SMMUV3 },
	{ "sid", required_argument, NULL, OPTION_SID },
	{ "full", no_argument, NULL, OPTION_FULL },
	{ "erratum", no_argument, NULL, OPTION_ERRATUM },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* What only means something once all options are known. */
struct pending {
	const char *profile;
	/* The last option of one IOMMU only, or NULL. */
	const char *vtd;
	const char *smmuv3;
};

static int set_blocks(struct inval_options *options, const char *text)
{
	uint64_t blocks;

	if (!arg_number(text, 1, IOMMUNEST_VTD_DEFAULT_BLOCKS, &blocks))
		return tool_usage("--blocks must be 1 to %u, not \"%s\"",
				  IOMMUNEST_VTD_DEFAULT_BLOCKS, text);
	options->limits.max_blocks = (uint32_t)blocks;
	return -1;
}

static int set_sid(struct inval_options *options, const char *text)
{
	uint64_t sid;

	if (!arg_number(text, 0, UINT32_MAX, &sid))
		return tool_usage("--sid must be a number of 32 bits, "
				  "not \"%s\"",
				  text);
	options->sid = (uint32_t)sid;
	return -1;
}

static int set_vtd_option(struct inval_options *options,
			  struct pending *pending, int option)
{
	switch (option) {
	case OPTION_BLOCKS:
		pending->vtd = "--blocks";
		return set_blocks(options, optarg);
	case OPTION_COALESCE:
		pending->vtd = "--coalesce";
		options->limits.flags |= IOMMUNEST_VTD_COALESCE;
		return -1;
	default:
		pending->vtd = "--qemu-am-18";
		options->sim.flags |= IOMMUNEST_SIM_QEMU_AM_18;
		return -1;
	}
}

static int set_smmuv3_option(struct inval_options *options,
			     struct pending *pending, int option)
{
	switch (option) {
	case OPTION_SID:
		pending->smmuv3 = "--sid";
		return set_sid(options, optarg);
	case OPTION_FULL:
		pending->smmuv3 = "--full";
		options->full = true;
		return -1;
	default:
		pending->smmuv3 = "--erratum";
		options->sim.errata = IOMMUNEST_SMMUV3_ERRATA_REPEAT;
		return -1;
	}
}

/* Returns -1 to go on, or the exit status. */
static int set_option(struct inval_options *options, struct pending *pending,
		      int option)
{
	switch (option) {
	case OPTION_BLOCKS:
	case OPTION_COALESCE:
	case OPTION_QEMU_AM_18:
		return set_vtd_option(options, pending, option);
	case OPTION_SID:
	case OPTION_FULL:
	case OPTION_ERRATUM:
		return set_smmuv3_option(options, pending, option);
	case OPTION_SMMUV3:
		options->smmuv3 = true;
		return -1;
	case OPTION_POLICY:
		if (arg_policy(optarg, &options->policy))
			return -1;
		return tool_usage(
			"--policy must be stop, skip or flush, not \"%s\"",
			optarg);
	case OPTION_PROFILE:
		pending->profile = optarg;
		return -1;
	case OPTION_FAIL:
		return tool_add_fault(&options->faults, IOMMUNEST_SIM_FAIL_CALL,
				      optarg);
	case OPTION_FAIL_ENTRY:
		return tool_add_fault(&options->faults,
				      IOMMUNEST_SIM_FAIL_ENTRY, optarg);
	case 'h':
		fputs(help, stdout);
		return EXIT_DONE;
	case 'V':
		tool_print_version();
		return EXIT_DONE;
	default:
		fputs("Try iommunest-inval --help.\n", stderr);
		return EXIT_USAGE;
	}
}

static int set_vtd(struct inval_options *options, const struct pending *pending)
{
	if (pending->smmuv3)
		return tool_usage("%s needs --smmuv3", pending->smmuv3);
	if (!pending->profile ||
	    arg_profile(pending->profile, &options->sim.profile))
		return -1;
	return tool_usage("--profile must be 6.12, 6.18 or 7.3, not \"%s\"",
			  pending->profile);
}

static int set_smmuv3(struct inval_options *options,
		      const struct pending *pending)
{
	const char *profile = pending->profile ? pending->profile : "7.3";
	unsigned int i;

	if (pending->vtd)
		return tool_usage("%s is for a VT-d only", pending->vtd);
	if (!arg_smmuv3_profile(profile, &options->sim.profile))
		return tool_usage("with --smmuv3, --profile must be 7.3, "
				  "reworked or patched, not \"%s\"",
				  profile);
	for (i = 0; options->full && i < 6; i++)
		options->sim.idr[i] = full_idr[i];
	return -1;
}

static int set_texts(struct inval_options *options, int argc, char *argv[])
{
	if (optind == argc)
		return tool_usage("missing entries");
	if (argc - optind > ENTRIES_MAX)
		return tool_usage("more than %d entries", ENTRIES_MAX);
	options->texts = argv + optind;
	options->count = (uint32_t)(argc - optind);
	return -1;
}

int inval_parse_options(struct inval_options *options, int argc, char *argv[])
{
	struct pending pending = { NULL, NULL, NULL };
	int option, ret;

	*options = (struct inval_options){
		.policy = IOMMUNEST_POLICY_STOP,
		.sid = DEFAULT_SID,
		.sim.size = sizeof(options->sim),
		.limits.size = sizeof(options->limits),
		.limits.max_blocks = IOMMUNEST_VTD_DEFAULT_BLOCKS,
	};
	while ((option = getopt_long(argc, argv, "hV", long_options, NULL)) !=
	       -1) {
		ret = set_option(options, &pending, option);
		if (ret >= 0)
			return ret;
	}
	ret = options->smmuv3 ? set_smmuv3(options, &pending)
			      : set_vtd(options, &pending);
	return ret >= 0 ? ret : set_texts(options, argc, argv);
}
