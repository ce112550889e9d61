/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Leaves one device cut off and one silent, both open and attached, so that the
 * machine has to end with them.  run.sh judges how it does: "kernel" fails if
 * it hangs, or has anything to complain of.
 */
#include "contain.h"

#include "tests/harness/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Not the shell's, which would end it.  The child asserts nothing: libcheck's
 * file of what has passed is its parent's, too, which reads it now.
 */
static void keep_open(void)
{
	pid_t child = fork();

	if (child) {
		ck_assert_int_gt(child, 0);
		return;
	}
	setsid();
	signal(SIGTERM, SIG_IGN);
	fclose(stdout);
	fclose(stderr);
	for (;;)
		pause();
}

TEST(the_machine_ends_with_a_device_cut_off_and_a_silent_one)
{
	user_begin(&user_a, contain_address(0));
	user_begin(&user_b, contain_address(2));
	contain(&user_a);
	device_falls_silent(&user_a);
	device_falls_silent(&user_b);
	keep_open();
}

int main(int argc, char **argv)
{
	if (!contain_can_be_tested())
		return 77;
	setenv("CK_FORK", "no", 1);
	return support_run(argc, argv);
}
