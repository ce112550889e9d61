# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
tier_title="gcc, a warning is an error; just built"
tier_packages="$build_packages $test_packages"

tier_run() {
	configure_tree "$build" --enable-werror
	make_tree "$build" all
	make_tree "$build" check TESTS=
	record 1 0 0
}
