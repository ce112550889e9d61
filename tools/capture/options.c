/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The command line. */
#include <getopt.h>
#include <string.h>

#include "tools/capture/make.h"

/* IQA_REG */
#define IQA_RESERVED UINT64_C(0x7f8)

/* The largest ring has as many slots. */
#define SLOTS_MAX 32768

enum {
	OPTION_WIDTH = 256,
	OPTION_IQA,
	OPTION_MEMORY,
	OPTION_ADDRESS,
	OPTION_HEAD,
	OPTION_TAIL,
	OPTION_HISTORY,
	OPTION_CMDQ,
};

static const struct option long_options[] = {
	{ "width", required_argument, NULL, OPTION_WIDTH },
	{ "iqa", required_argument, NULL, OPTION_IQA },
	{ "memory", no_argument, NULL, OPTION_MEMORY },
	{ "address", required_argument, NULL, OPTION_ADDRESS },
	{ "head", required_argument, NULL, OPTION_HEAD },
	{ "tail", required_argument, NULL, OPTION_TAIL },
	{ "history", no_argument, NULL, OPTION_HISTORY },
	{ "cmdq", no_argument, NULL, OPTION_CMDQ },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: iommunest-capture [--width BITS] [--iqa VALUE] TRACE\n"
	"       iommunest-capture --memory --iqa VALUE --head N --tail N "
	"MEMORY\n"
	"       iommunest-capture --memory --iqa VALUE --history --tail N "
	"MEMORY\n"
	"       iommunest-capture --cmdq [--address GPA] TRACE MEMORY\n"
	"Writes a guest's VT-d invalidation queue, or with --cmdq an SMMUv3's\n"
	"command queue, to standard output, for iommunest-replay.  TRACE is "
	"what QEMU\n"
	"prints with -trace 'vtd_inv*' and -trace vtd_reg_write, or of an "
	"SMMUv3 with\n"
	"-trace smmuv3_write_mmio; MEMORY is a file of guest memory; - is "
	"standard\n"
	"input.\n"
	"\n"
	"With a trace:\n"
	"  --width BITS     of a descriptor, 128 or 256, where the trace does "
	"not say\n"
	"  --iqa VALUE      the guest's IQA register, where the queue was set "
	"up before\n"
	"                   the trace began\n"
	"With guest memory:\n"
	"  --memory         the file is guest memory: bytes, or an ELF core\n"
	"  --address GPA    the guest physical address of its first byte "
	"(default: 0);\n"
	"                   an ELF core says so itself\n"
	"  --iqa VALUE      the guest's IQA register\n"
	"  --head N         take what is pending, from slot N\n"
	"  --history        take all that is still in the ring\n"
	"  --tail N         the slot that the guest fills next\n"
	"With both:\n"
	"  --cmdq           an SMMUv3's command queue: a trace from the "
	"guest's "
	"start,\n"
	"                   and its memory at the end\n"
	"Other:\n"
	"  -h, --help       this text\n"
	"  -V, --version    the version\n"
	"\n"
	"Slots are counted from 0.  Exit status: 0, 1 if something failed, 2 "
	"if the\n"
	"arguments are wrong or the file cannot be read as one of these.\n";

/* What was given, of the options that go together. */
struct given {
	bool width, iqa, address, head, tail;
};

static int set_iqa(struct make_options *options, const char *text)
{
	if (!arg_number(text, 0, UINT64_MAX, &options->iqa))
		return tool_usage("--iqa must be a number, not \"%s\"", text);
	if (options->iqa & IQA_RESERVED)
		return tool_usage("--iqa has reserved bits set (10:3)");
	options->has_iqa = true;
	return -1;
}

static int set_width(struct make_options *options, const char *text)
{
	if (arg_number(text, 128, 256, &options->width) &&
	    (options->width == 128 || options->width == 256))
		return -1;
	return tool_usage("--width must be 128 or 256, not \"%s\"", text);
}

static int set_slot(const char *name, const char *text, uint64_t *slot)
{
	if (arg_number(text, 0, SLOTS_MAX - 1, slot))
		return -1;
	return tool_usage("%s must be a slot, 0 to %d, not \"%s\"", name,
			  SLOTS_MAX - 1, text);
}

static int set_address(struct make_options *options, const char *text)
{
	if (arg_number(text, 0, UINT64_MAX, &options->address))
		return -1;
	return tool_usage("--address must be a number, not \"%s\"", text);
}

static int set_value(struct make_options *options, struct given *given,
		     int option, const char *text)
{
	switch (option) {
	case OPTION_WIDTH:
		given->width = true;
		return set_width(options, text);
	case OPTION_IQA:
		given->iqa = true;
		return set_iqa(options, text);
	case OPTION_ADDRESS:
		given->address = true;
		return set_address(options, text);
	case OPTION_HEAD:
		given->head = true;
		return set_slot("--head", text, &options->head);
	case OPTION_TAIL:
		given->tail = true;
		return set_slot("--tail", text, &options->tail);
	default:
		/* getopt_long() has said what is wrong. */
		fputs("Try iommunest-capture --help.\n", stderr);
		return EXIT_USAGE;
	}
}

static int set_option(struct make_options *options, struct given *given,
		      int option)
{
	switch (option) {
	case OPTION_MEMORY:
		options->memory = true;
		return -1;
	case OPTION_HISTORY:
		options->history = true;
		return -1;
	case OPTION_CMDQ:
		options->cmdq = true;
		return -1;
	case 'h':
		fputs(help, stdout);
		return EXIT_DONE;
	case 'V':
		tool_print_version();
		return EXIT_DONE;
	default:
		return set_value(options, given, option, optarg);
	}
}

static int check_trace(const struct make_options *options,
		       const struct given *given)
{
	if (given->address || given->head || given->tail || options->history)
		return tool_usage("--address, --head, --tail and --history "
				  "require --memory");
	return -1;
}

static int check_cmdq(const struct make_options *options,
		      const struct given *given)
{
	if (options->memory || given->width || given->iqa || given->head ||
	    given->tail || options->history)
		return tool_usage("--cmdq takes no other option than "
				  "--address");
	return -1;
}

static int check_memory(const struct make_options *options,
			const struct given *given)
{
	if (given->width)
		return tool_usage("--width is for traces: with --memory, "
				  "--iqa says it");
	if (!given->iqa || !given->tail)
		return tool_usage("--memory requires --iqa and --tail");
	if (given->head == options->history)
		return tool_usage("--memory requires --head or --history, "
				  "and not both");
	return -1;
}

static int check_options(const struct make_options *options,
			 const struct given *given)
{
	if (options->cmdq)
		return check_cmdq(options, given);
	return options->memory ? check_memory(options, given)
			       : check_trace(options, given);
}

static int set_files(struct make_options *options, int count, char *files[])
{
	const int wanted = options->cmdq ? 2 : 1;

	if (count == 0)
		return tool_usage("missing file");
	if (count < wanted)
		return tool_usage("--cmdq takes a trace and a file of guest "
				  "memory");
	if (count > wanted)
		return tool_usage("more than %s: \"%s\"",
				  options->cmdq ? "two files" : "one file",
				  files[wanted]);
	options->path = files[0];
	options->memory_path = files[wanted - 1];
	if (options->cmdq && !strcmp(files[0], "-") && !strcmp(files[1], "-"))
		return tool_usage("two files cannot be standard input");
	return -1;
}

int make_options_parse(struct make_options *options, int argc, char *argv[])
{
	struct given given = { .iqa = false };
	int option, ret;

	*options = (struct make_options){ .path = NULL };
	while ((option = getopt_long(argc, argv, "hV", long_options, NULL)) !=
	       -1) {
		ret = set_option(options, &given, option);
		if (ret >= 0)
			return ret;
	}
	ret = check_options(options, &given);
	return ret >= 0 ? ret
			: set_files(options, argc - optind, argv + optind);
}
