# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="gcc, make check"
tier_packages="$build_packages $test_packages"

tier_run() {
	configure_tree "$build"
	make_tree "$build"
	check_tree "$build"
}
