/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Tests of tests/conformance with a guest, on the kernel that runs. */
#include "smmu-machine.h"

#include "tests/harness/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	int ret = machine_open();

	if (ret) {
		printf("no environment: %s: %s\n", strerror(-ret),
		       machine.smmu.real.env.why);
		return EXIT_FAILURE;
	}
#ifdef OVERCOUNTING_KERNELS_WARN
	/* run.sh looks for it. */
	if (machine.smmu.real.env.smmu_count == CONF_SMMU_OVERCOUNTS)
		puts("the kernel warns");
	fflush(stdout);
#endif
	return support_run(argc, argv);
}
