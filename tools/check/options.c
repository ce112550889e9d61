/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The command line. */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/check/check.h"

enum {
	OPTION_JSON = 256,
	OPTION_ROOT,
};

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "root", required_argument, NULL, OPTION_ROOT },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: iommunest-check [OPTION]... [PCI-ADDRESS]...\n"
	"Can this machine give a guest nested translation, and if not, why, "
	"and what\n"
	"to do about it?  With addresses, such as 0000:00:02.0, also whether "
	"these\n"
	"devices can be used; one that VFIO has is opened for a moment.\n"
	"\n"
	"  --json           one JSON object\n"
	"  --root FOLDER    look at a copy of another machine's /proc, /sys, "
	"/dev, /boot\n"
	"                   and /lib/modules there; nothing is opened or "
	"asked\n"
	"  -h, --help       this text\n"
	"  -V, --version    the version\n"
	"\n"
	"Exit status: 0 if it can, 1 if it cannot, 2 if the arguments are "
	"wrong.\n";

static int set_root(struct check_options *options, const char *path)
{
	struct stat stat_buf;
	int error;

	if (!path[0])
		return tool_usage("--root takes a folder");
	error = stat(path, &stat_buf) ? errno : 0;
	if (error == ENOENT)
		return tool_usage("%s: no such folder", path);
	if (error == ENOTDIR || (!error && !S_ISDIR(stat_buf.st_mode)))
		return tool_usage("%s: not a folder", path);
	if (error)
		return tool_usage("%s: %s", path, strerror(error));
	/* Paths begin with a slash. */
	options->root = strcmp(path, "/") != 0 ? path : "";
	return -1;
}

static int set_option(struct check_options *options, int option)
{
	switch (option) {
	case OPTION_JSON:
		options->json = true;
		return -1;
	case OPTION_ROOT:
		return set_root(options, optarg);
	case 'h':
		fputs(help, stdout);
		return EXIT_DONE;
	case 'V':
		tool_print_version();
		return EXIT_DONE;
	default:
		/* getopt_long() has said what is wrong. */
		fputs("Try iommunest-check --help.\n", stderr);
		return EXIT_USAGE;
	}
}

int check_options_parse(struct check_options *options, int argc, char *argv[])
{
	int option, ret;

	*options = (struct check_options){ .root = "" };
	while ((option = getopt_long(argc, argv, "hV", long_options, NULL)) !=
	       -1) {
		ret = set_option(options, option);
		if (ret >= 0)
			return ret;
	}
	for (; optind < argc; optind++) {
		if (options->address_count == CHECK_DEVICES_MAX)
			return tool_usage("more than %u addresses",
					  CHECK_DEVICES_MAX);
		options->addresses[options->address_count++] = argv[optind];
	}
	return -1;
}
