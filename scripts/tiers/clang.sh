# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="clang, a warning is an error, make check-quick"
tier_packages="$build_packages $test_packages clang"

# Asks for clang's warnings, and whether its code does the same.  The long
# judgement of iommunest-replay is left out: it looks at what is sent and not at
# how it was compiled, and each function that it reaches is in a quick test.
tier_run() {
	configure_tree "$build" --enable-werror CC=clang CXX=clang++
	make_tree "$build"
	check_tree "$build" check-quick
}
