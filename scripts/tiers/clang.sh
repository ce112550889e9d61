# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
tier_title="clang, a warning is an error, make check"
tier_packages="$build_packages $test_packages clang"

tier_run() {
	configure_tree "$build" --enable-werror CC=clang CXX=clang++
	make_tree "$build"
	check_tree "$build"
}
