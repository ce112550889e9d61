# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="valgrind, unit tests"
tier_packages="$build_packages $test_packages valgrind"

# Asks for what no sanitizer of gcc sees, the use of what was never written.
# Which programs: VALGRIND_TESTS in tests/local.mk.
tier_run() {
	use_gcc_build
	make_tree "$build"
	check_tree "$build" check-valgrind
}
