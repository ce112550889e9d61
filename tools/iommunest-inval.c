/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* iommunest-inval: tools/inval/inval.h says what it does. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/inval/inval.h"

/* ---- The simulated host ---- */

static int nest(struct inval *inval)
{
	int fd = iommunest_fd(inval->ctx);
	uint32_t ioas_id, dev_id, parent_id;
	int ret;

	ret = iommunest_sim_bind(inval->sim, fd, inval->iommu->device_flags,
				 &dev_id);
	if (ret)
		return ret;
	ret = iommunest_ioas_alloc(inval->ctx, &ioas_id);
	if (ret)
		return ret;
	ret = iommunest_hwpt_alloc_parent(inval->ctx, dev_id, ioas_id,
					  &parent_id);
	return ret ? ret : inval->iommu->nest(inval, dev_id, parent_id);
}

static int open_host(struct inval *inval)
{
	struct iommunest_open_options open_options = {
		.size = sizeof(open_options),
		.sys = iommunest_sim_sys(),
	};
	int ret;

	ret = iommunest_sim_new(&inval->sim, &inval->options->sim);
	if (ret)
		return ret;
	open_options.sys_data = inval->sim;
	ret = iommunest_open(&inval->ctx, &open_options);
	if (!ret)
		ret = nest(inval);
	if (!ret)
		ret = tool_inject(inval->sim, &inval->options->faults);
	return ret;
}

static int make_batch(struct inval *inval)
{
	int ret = inval->iommu->make_batch(inval);

	if (ret)
		return ret;
	inval->skipped = calloc(inval->room, sizeof(*inval->skipped));
	if (!inval->skipped)
		return -ENOMEM;
	inval->skipped[0].size = sizeof(*inval->skipped);
	return 0;
}

static int add_entries(struct inval *inval)
{
	int ret = -1;
	uint32_t i;

	for (i = 0; ret < 0 && i < inval->options->count; i++)
		ret = inval->iommu->add(inval, i);
	return ret;
}

static void close_all(struct inval *inval)
{
	free(inval->reasons);
	free(inval->skipped);
	iommunest_batch_free(inval->batch);
	iommunest_close(inval->ctx);
	iommunest_sim_free(inval->sim);
}

/* ---- Submission ---- */

static void print_checks(const struct inval *inval)
{
	const char *reason;
	uint32_t i;

	for (i = 0; i < inval->options->count; i++) {
		reason = inval->iommu->reason(inval, i);
		if (reason)
			printf("check: \"%s\" will be refused: %s\n",
			       inval->options->texts[i], reason);
	}
}

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

/* The cookie is the argument's number, from 1. */
static void print_failure(const struct inval *inval, const char *what,
			  uint32_t index, uint64_t cookie, int error)
{
	const uint32_t argument = (uint32_t)cookie - 1;
	const char *reason = inval->iommu->reason(inval, argument);

	printf("%s: entry %u, of \"%s\": %s", what, index,
	       inval->options->texts[argument], strerror(-error));
	if (reason)
		printf(": %s", reason);
	printf("\n");
}

static void print_report(const struct inval *inval,
			 const struct iommunest_report *report)
{
	uint32_t i;

	printf("handled %u, flushed %u, skipped %u, pending %u, calls %u\n",
	       report->handled, report->flushed, report->skipped_count,
	       report->pending, report->calls);
	for (i = 0; i < report->skipped_count; i++)
		print_failure(inval, "skipped", report->skipped[i].index,
			      report->skipped[i].cookie,
			      report->skipped[i].error);
	if (report->blame == IOMMUNEST_BLAME_ENTRY && !report->exact)
		printf("in doubt: entries %u to %u: %s\n", report->index,
		       report->last_index, strerror(-report->error));
	else if (report->blame == IOMMUNEST_BLAME_ENTRY)
		print_failure(inval,
			      report->flushed ? "flushed all after" : "failed",
			      report->index, report->cookie, report->error);
	else if (report->error)
		printf("failed: the call: %s\n", strerror(-report->error));
}

static int submit(struct inval *inval)
{
	const struct iommunest_submit_options submit_options = {
		.size = sizeof(submit_options),
		.policy = inval->options->policy,
		.trace = print_call,
		.user = inval,
	};
	struct iommunest_report report = {
		.size = sizeof(report),
		.skipped = inval->skipped,
		.skipped_max = inval->room,
	};
	int ret;

	print_checks(inval);
	ret = iommunest_submit(inval->ctx, inval->target_id, inval->batch,
			       &submit_options, &report);
	print_report(inval, &report);
	return ret ? EXIT_FAILED : EXIT_DONE;
}

static int run(struct inval *inval)
{
	int ret;

	ret = open_host(inval);
	if (ret)
		return tool_fail("set up the simulated host", ret);
	ret = make_batch(inval);
	if (ret)
		return tool_fail("make a batch", ret);
	ret = add_entries(inval);
	return ret >= 0 ? ret : submit(inval);
}

int main(int argc, char *argv[])
{
	struct inval_options options;
	struct inval inval = { .options = &options };
	int status;

	tool_set_name("iommunest-inval", argv);
	status = inval_parse_options(&options, argc, argv);
	if (status >= 0)
		return tool_finish(status);
	inval.iommu = options.smmuv3 ? &inval_smmuv3 : &inval_vtd;
	status = run(&inval);
	close_all(&inval);
	return tool_finish(status);
}
