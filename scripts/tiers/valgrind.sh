# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
tier_title="valgrind, unit tests"
tier_packages="$build_packages $test_packages valgrind"

tier_run() {
	configure_tree "$build"
	make_tree "$build"
	check_tree "$build" check-valgrind
}
