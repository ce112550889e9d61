/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/check/check.h"

/* Returns -1 to go on, or the exit status: one of them is no address. */
static int find_devices(struct check *check)
{
	const struct check_options *options = &check->options;
	size_t i;
	int ret;

	for (i = 0; i < options->address_count; i++) {
		struct iommunest_vfio_device *vfio = &check->devices[i].vfio;

		vfio->size = sizeof(*vfio);
		ret = iommunest_vfio_find(&check->files, options->addresses[i],
					  vfio);
		if (!vfio->address[0])
			return ret == -EINVAL
				       ? tool_usage("\"%s\" is not a PCI "
						    "address, as 0000:00:02.0",
						    options->addresses[i])
				       : tool_fail("look at devices", ret);
	}
	check->device_count = options->address_count;
	return -1;
}

static int run(struct check *check)
{
	int status = find_devices(check);

	if (status >= 0)
		return status;
	check_read_units(check);
	check_kernel(check);
	check_configuration(check);
	check_units(check);
	check_command_line(check);
	check_nodes(check);
	check_devices(check);
	if (check->incomplete)
		return tool_fail("keep what was found", -ENOMEM);
	if (check->options.json)
		check_report_json(stdout, check);
	else
		check_report_text(stdout, check);
	return check_can_nest(check) ? EXIT_DONE : EXIT_FAILED;
}

int main(int argc, char *argv[])
{
	static struct check check;
	int status;

	tool_set_name("iommunest-check", argv);
	status = check_options_parse(&check.options, argc, argv);
	if (status < 0) {
		check_files_init(&check);
		status = run(&check);
	}
	free(check.config);
	free(check.findings);
	return tool_finish(status);
}
