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
 */
#include "contain.h"

#include "tests/harness/support.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	static char races[] = "contain-races";
	char *only_races[] = { argv[0], races, NULL };
	const bool all = contain_can_be_tested();

	if (!all && !contain_can_race())
		return 77;
	/* What one leaves behind, the next one finds. */
	setenv("CK_FORK", "no", 1);
	return all ? support_run(argc, argv) : support_run(2, only_races);
}
