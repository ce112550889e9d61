# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
tier_title="AddressSanitizer, LeakSanitizer and UBSan, make check"
tier_packages="$build_packages $test_packages"

tier_run() {
	export ASAN_OPTIONS=halt_on_error=1:detect_leaks=1:detect_stack_use_after_return=1
	export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

	configure_tree "$build" --enable-sanitizers
	make_tree "$build"
	check_tree "$build"
}
