# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="gcc, make check with the long tests; all other programs are built"
tier_packages="$build_packages $test_packages"

# What other tiers run in machines of their own is built here, too: the tier that
# everybody runs is to find what a change has left behind in it.
tier_run() {
	configure_tree "$build" --enable-long-tests
	make_tree "$build"
	make_tree "$build" extra-programs
	record 1 0 0
	check_tree "$build"
}
