/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <inttypes.h>
#include <stdio.h>

#include "tools/capture/make.h"

static void say(uint64_t count, const char *one, const char *several,
		const char *what)
{
	if (count)
		fprintf(stderr, "iommunest-capture: %" PRIu64 " %s %s\n", count,
			count == 1 ? one : several, what);
}

/* What the file does not tell, and a reader of the capture should know. */
static void print_notes(const struct make *make)
{
	say(make->guessed, "descriptor is", "descriptors are",
	    "not in the trace: taken for global PASID-cache descriptors");
	say(make->replaced, "slot was", "slots were",
	    "fetched again, after a queue error: what was refused is left out");
	if (make->cut_off)
		fputs("iommunest-capture: the last kick is not there to its "
		      "end: it is cut\n",
		      stderr);
}

static int open_both(struct make *make, FILE *in)
{
	const char *name;
	FILE *memory;
	int status;

	status = tool_open(make->options->memory_path, &memory, &name);
	if (status >= 0)
		return status;
	status = make_from_both(make, in, memory);
	if (memory != stdin)
		fclose(memory);
	return status;
}

static int read_files(struct make *make)
{
	FILE *in;
	int status;

	status = tool_open(make->options->path, &in, &make->name);
	if (status >= 0)
		return status;
	if (make->options->cmdq)
		status = open_both(make, in);
	else if (make->options->memory)
		status = make_from_memory(make, in);
	else
		status = make_from_trace(make, in);
	if (in != stdin)
		fclose(in);
	return status;
}

static int make_capture(struct make *make)
{
	int status = read_files(make);

	if (status >= 0)
		return status;
	if (make->options->cmdq)
		cmdq_write(stdout, &make->capture.cmdq,
			   "iommunest-capture, from QEMU's trace and guest "
			   "memory");
	else
		capture_write(stdout, &make->capture,
			      make->options->memory
				      ? "iommunest-capture, from guest memory"
				      : "iommunest-capture, from QEMU's trace");
	print_notes(make);
	return EXIT_DONE;
}

int main(int argc, char *argv[])
{
	struct make_options options;
	struct make make = { .options = &options };
	int status;

	tool_set_name("iommunest-capture", argv);
	status = make_options_parse(&options, argc, argv);
	if (status < 0)
		status = make_capture(&make);
	capture_free(&make.capture);
	return tool_finish(status);
}
