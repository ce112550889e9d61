# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="gcc, a warning is an error; just built"
tier_packages="$build_packages $test_packages"

# Programs that only other tiers run are built, too.
tier_run() {
	configure_tree "$build" --enable-werror
	make_tree "$build" all
	make_tree "$build" check TESTS=
	make_tree "$build" extra-programs
	record 1 0 0
}
