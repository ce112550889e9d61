/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A device that does not answer invalidations of its TLB: whoever submits one
 * blocks it, is never kept waiting for longer than that takes, and takes the
 * device back.  The device comes back by a reset.  The hardware that does not
 * answer is the kernel's test-only patch; all else is real.
 *
 * The tests are in contain-*.c, by subject.
 *
 * Linux 6.12 uses no device's TLB in nested mode, so that there is nothing to
 * contain; with its part of the series, only the race without a silent device
 * is run on it.
 *
 * IOMMUNEST_TEST: the name of the only one to run, or of its file.
 */
#include "contain.h"

#include "tests/harness/support.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	static char races[] = "contain-races";
	char *only = getenv("IOMMUNEST_TEST");
	char *one[] = { argv[0], NULL, NULL };

	if (!contain_can_be_tested()) {
		if (!contain_can_race())
			return 77;
		only = races;
	}
	one[1] = only;
	/* What one leaves behind, the next one finds. */
	setenv("CK_FORK", "no", 1);
	return only ? support_run(2, one) : support_run(argc, argv);
}
