/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * iommunest-inval: invalidations from the command line, submitted to the
 * simulated host; shows the calls, what reached the hardware, and the report.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest-sim.h>

#include "tools/tool.h"

/* Entries that one argument may become. */
#define BLOCKS_MAX IOMMUNEST_VTD_DEFAULT_BLOCKS
/* Arguments, so that the batch's capacity stays far from its limit. */
#define ENTRIES_MAX (1 << 16)
#define ENTRY_TEXT_MAX 80

/* What was asked for. */
struct inval_options {
	char **texts;
	uint32_t count;
	uint32_t policy;
	struct iommunest_sim_options sim;
	struct iommunest_vtd_limits limits;
	struct tool_faults faults;
};

/* What is needed to do it. */
struct inval {
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	uint32_t hwpt_id;
	struct iommunest_batch *batch;
	struct iommunest_failure *skipped;
	uint32_t room;
	uint32_t calls;
};

static const char help[] =
	"Usage: iommunest-inval [OPTION]... ENTRY...\n"
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
	"  --blocks N        a range becomes at most N blocks (default 32)\n"
	"  --coalesce        merge neighbouring entries\n"
	"  --policy POLICY   when an entry fails: stop (the default), skip or "
	"flush\n"
	"  --profile KERNEL  6.12, 6.18 or 7.3 (the default)\n"
	"  --qemu-am-18      the host's IOMMU is that of a QEMU that refuses "
	"blocks\n"
	"                    of more than 2^18 pages\n"
	"  --fail CALL:ERRNO, --fail-entry N:ERRNO\n"
	"                    that call or entry fails, counted from 1; ERRNO "
	"is\n"
	"                    a name (EIO) or a number; may be repeated\n"
	"  -h, --help        this text\n"
	"  -V, --version     the version\n"
	"\n"
	"Exit status: 0 success, 1 something failed or was skipped, 2 wrong "
	"usage.\n";

/* ---- Command line ---- */

enum {
	OPTION_BLOCKS = 256,
	OPTION_COALESCE,
	OPTION_POLICY,
	OPTION_PROFILE,
	OPTION_QEMU_AM_18,
	OPTION_FAIL,
	OPTION_FAIL_ENTRY,
};

static const struct option long_options[] = {
	{ "blocks", required_argument, NULL, OPTION_BLOCKS },
	{ "coalesce", no_argument, NULL, OPTION_COALESCE },
	{ "policy", required_argument, NULL, OPTION_POLICY },
	{ "profile", required_argument, NULL, OPTION_PROFILE },
	{ "qemu-am-18", no_argument, NULL, OPTION_QEMU_AM_18 },
	{ "fail", required_argument, NULL, OPTION_FAIL },
	{ "fail-entry", required_argument, NULL, OPTION_FAIL_ENTRY },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int set_blocks(struct inval_options *options, const char *text)
{
	uint64_t blocks;

	if (!arg_number(text, 1, BLOCKS_MAX, &blocks))
		return tool_usage("--blocks must be 1 to %u, not \"%s\"",
				  BLOCKS_MAX, text);
	options->limits.max_blocks = (uint32_t)blocks;
	return -1;
}

/* Returns -1 to go on, or the exit status. */
static int set_option(struct inval_options *options, int option)
{
	switch (option) {
	case OPTION_BLOCKS:
		return set_blocks(options, optarg);
	case OPTION_COALESCE:
		options->limits.flags |= IOMMUNEST_VTD_COALESCE;
		return -1;
	case OPTION_POLICY:
		if (arg_policy(optarg, &options->policy))
			return -1;
		return tool_usage(
			"--policy must be stop, skip or flush, not \"%s\"",
			optarg);
	case OPTION_PROFILE:
		if (arg_profile(optarg, &options->sim.profile))
			return -1;
		return tool_usage(
			"--profile must be 6.12, 6.18 or 7.3, not \"%s\"",
			optarg);
	case OPTION_QEMU_AM_18:
		options->sim.flags |= IOMMUNEST_SIM_QEMU_AM_18;
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

static int parse_options(struct inval_options *options, int argc, char *argv[])
{
	int option, ret;

	*options = (struct inval_options){
		.policy = IOMMUNEST_POLICY_STOP,
		.sim.size = sizeof(options->sim),
		.limits.size = sizeof(options->limits),
		.limits.max_blocks = BLOCKS_MAX,
	};
	while ((option = getopt_long(argc, argv, "hV", long_options, NULL)) !=
	       -1) {
		ret = set_option(options, option);
		if (ret >= 0)
			return ret;
	}
	if (optind == argc)
		return tool_usage("missing entries");
	if (argc - optind > ENTRIES_MAX)
		return tool_usage("more than %d entries", ENTRIES_MAX);
	options->texts = argv + optind;
	options->count = (uint32_t)(argc - optind);
	return -1;
}

/* ---- Entries ---- */

/* Cuts a suffix off; returns whether it was there. */
static bool cut_suffix(char *text, const char *suffix)
{
	size_t length = strlen(text), cut = strlen(suffix);

	if (length < cut || strcmp(text + length - cut, suffix))
		return false;
	text[length - cut] = '\0';
	return true;
}

/* The batch keeps the error, too; here it is reported at once. */
static int add_parsed(struct iommunest_batch *batch, char *text, char *mark,
		      uint32_t flags, uint64_t cookie)
{
	bool is_block = *mark == '/';
	uint64_t addr, size;

	*mark = '\0';
	if (!arg_number(text, 0, UINT64_MAX, &addr) ||
	    !arg_number(mark + 1, 0, is_block ? 63 : UINT64_MAX, &size))
		return -EINVAL;
	if (is_block)
		return iommunest_vtd_batch_add_block(
			batch, addr, (unsigned int)size, flags, cookie);
	return iommunest_vtd_batch_add_range(batch, addr, size, flags, cookie);
}

static int add_entry(struct iommunest_batch *batch, const char *argument,
		     uint64_t cookie)
{
	char text[ENTRY_TEXT_MAX];
	uint32_t flags = 0;
	char *mark;

	if (strlen(argument) >= sizeof(text))
		return -EINVAL;
	strcpy(text, argument);
	if (!strcmp(text, "all"))
		return iommunest_vtd_batch_add_all(batch, cookie);
	if (cut_suffix(text, ":leaf"))
		flags = IOMMUNEST_VTD_LEAF;
	mark = strpbrk(text, "+/");
	return mark ? add_parsed(batch, text, mark, flags, cookie) : -EINVAL;
}

/* Cookies are the arguments' numbers, from 1. */
static int add_entries(struct inval *inval, const struct inval_options *options)
{
	uint32_t i;

	for (i = 0; i < options->count; i++)
		if (add_entry(inval->batch, options->texts[i], i + 1))
			return tool_usage(
				"\"%s\" is not an entry: all, ADDR+NPAGES "
				"(4 KiB aligned, not empty, within 64 "
				"bits) or ADDR/AM (0 to 63), with or "
				"without :leaf",
				options->texts[i]);
	return -1;
}

/* ---- The simulated host ---- */

static void print_desc(void *user, const struct iommunest_sim_desc *desc)
{
	(void)user;
	printf("hardware: ");
	switch (desc->kind) {
	case IOMMUNEST_SIM_PIOTLB_ALL:
		printf("all of the PASID");
		break;
	case IOMMUNEST_SIM_PIOTLB_PAGES:
		printf("2^%u pages at 0x%" PRIx64 "%s", desc->am, desc->addr,
		       desc->ih ? ", leaf" : "");
		break;
	case IOMMUNEST_SIM_IOTLB:
		printf("plain IOTLB, 2^%u pages at 0x%" PRIx64 "%s", desc->am,
		       desc->addr, desc->ih ? ", leaf" : "");
		break;
	default:
		printf("device TLB, 2^%u pages at 0x%" PRIx64, desc->am,
		       desc->addr);
		break;
	}
	printf("%s\n", desc->refused
			       ? ": refused, and the kernel does not say so"
			       : "");
}

static int nest(struct inval *inval)
{
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.pgtbl_addr = 0x1000,
		.addr_width = 48,
	};
	int fd = iommunest_fd(inval->ctx);
	uint32_t ioas_id, dev_id, parent_id;
	int ret;

	ret = iommunest_sim_bind(inval->sim, fd, 0, &dev_id);
	if (ret)
		return ret;
	ret = iommunest_ioas_alloc(inval->ctx, &ioas_id);
	if (ret)
		return ret;
	ret = iommunest_hwpt_alloc_parent(inval->ctx, dev_id, ioas_id,
					  &parent_id);
	if (ret)
		return ret;
	ret = iommunest_vtd_hwpt_alloc(inval->ctx, dev_id, parent_id, &s1,
				       &inval->hwpt_id);
	if (ret)
		return ret;
	return iommunest_sim_attach(inval->sim, fd, dev_id, inval->hwpt_id);
}

static int open_host(struct inval *inval, const struct inval_options *options)
{
	struct iommunest_open_options open_options = {
		.size = sizeof(open_options),
		.sys = iommunest_sim_sys(),
	};
	int ret;

	ret = iommunest_sim_new(&inval->sim, &options->sim);
	if (ret)
		return ret;
	open_options.sys_data = inval->sim;
	ret = iommunest_open(&inval->ctx, &open_options);
	if (!ret)
		ret = nest(inval);
	if (!ret)
		ret = tool_inject(inval->sim, &options->faults);
	iommunest_sim_on_desc(inval->sim, print_desc, NULL);
	return ret;
}

static int make_batch(struct inval *inval, const struct inval_options *options)
{
	int ret;

	inval->room = options->count * BLOCKS_MAX;
	ret = iommunest_batch_new(&inval->batch, iommunest_vtd_s1_type(),
				  inval->room);
	if (ret)
		return ret;
	inval->skipped = calloc(inval->room, sizeof(*inval->skipped));
	if (!inval->skipped)
		return -ENOMEM;
	inval->skipped[0].size = sizeof(*inval->skipped);
	return iommunest_vtd_batch_set_limits(inval->batch, &options->limits);
}

static void close_all(struct inval *inval)
{
	free(inval->skipped);
	iommunest_batch_free(inval->batch);
	iommunest_close(inval->ctx);
	iommunest_sim_free(inval->sim);
}

/* ---- Submission ---- */

static void print_call(void *user, const struct iommunest_call *call)
{
	struct inval *inval = user;

	printf("call %u: %u of %u handled", ++inval->calls, call->handled,
	       call->count);
	if (!call->count)
		printf(" (empty, to tell a bad call from a bad entry)");
	if (call->flush_all)
		printf(" (\"all\", in place of the rest)");
	printf(": %s\n", call->error ? strerror(-call->error) : "done");
}

static void print_report(const struct inval_options *options,
			 const struct iommunest_report *report)
{
	uint32_t i;

	printf("handled %u, flushed %u, skipped %u, pending %u, calls %u\n",
	       report->handled, report->flushed, report->skipped_count,
	       report->pending, report->calls);
	for (i = 0; i < report->skipped_count; i++)
		printf("skipped: entry %u, of \"%s\": %s\n",
		       report->skipped[i].index,
		       options->texts[report->skipped[i].cookie - 1],
		       strerror(-report->skipped[i].error));
	if (report->blame == IOMMUNEST_BLAME_ENTRY)
		printf("%s: entry %u, of \"%s\": %s\n",
		       report->flushed ? "flushed all after" : "failed",
		       report->index, options->texts[report->cookie - 1],
		       strerror(-report->error));
	else if (report->error)
		printf("failed: the call: %s\n", strerror(-report->error));
}

static int submit(struct inval *inval, const struct inval_options *options)
{
	const struct iommunest_submit_options submit_options = {
		.size = sizeof(submit_options),
		.policy = options->policy,
		.trace = print_call,
		.user = inval,
	};
	struct iommunest_report report = {
		.size = sizeof(report),
		.skipped = inval->skipped,
		.skipped_max = inval->room,
	};
	int ret;

	ret = iommunest_submit(inval->ctx, inval->hwpt_id, inval->batch,
			       &submit_options, &report);
	print_report(options, &report);
	return ret ? EXIT_FAILED : EXIT_DONE;
}

static int run(struct inval *inval, const struct inval_options *options)
{
	int ret;

	ret = open_host(inval, options);
	if (ret)
		return tool_fail("set up the simulated host", ret);
	ret = make_batch(inval, options);
	if (ret)
		return tool_fail("make a batch", ret);
	ret = add_entries(inval, options);
	return ret >= 0 ? ret : submit(inval, options);
}

int main(int argc, char *argv[])
{
	struct inval_options options;
	struct inval inval = { 0 };
	int status;

	tool_set_name("iommunest-inval", argv);
	status = parse_options(&options, argc, argv);
	if (status >= 0)
		return tool_finish(status);
	status = run(&inval, &options);
	close_all(&inval);
	return tool_finish(status);
}
