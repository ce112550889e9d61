/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The main() of each test program that has none of its own. */
#include "tests/harness/support.h"

int main(int argc, char **argv)
{
	return support_run(argc, argv);
}
