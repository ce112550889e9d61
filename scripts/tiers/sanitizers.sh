# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="AddressSanitizer, LeakSanitizer and UBSan, make check-quick"
tier_packages="$build_packages $test_packages"

# The long judgement of iommunest-replay is left out: it starts the program
# thousands of times on the same few captures, and most of its time would be
# that of starting.  The tier fuzz has the same code with the same sanitizers,
# and captures that nobody thought of.
#
# -O1, as the sanitizers' makers advise: less to build, and stacks that are
# whole.
tier_run() {
	export ASAN_OPTIONS=halt_on_error=1:detect_leaks=1:detect_stack_use_after_return=1
	export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

	configure_tree "$build" --enable-sanitizers CFLAGS="-g -O1"
	make_tree "$build"
	check_tree "$build" check-quick
}
