# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="gcc, make check with the long tests"
tier_packages="$build_packages $test_packages"

tier_run() {
	configure_tree "$build" --enable-long-tests
	make_tree "$build"
	check_tree "$build"
}
