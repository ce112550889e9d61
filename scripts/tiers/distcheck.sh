# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
tier_title="make distcheck"
tier_packages="$build_packages $test_packages"

tier_run() {
	configure_tree "$build"
	make_tree "$build" distcheck
	record 1 0 0
}
