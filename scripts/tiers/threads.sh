# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="ThreadSanitizer: threads that share contexts"
tier_packages="$build_packages $test_packages"

# Only what has threads: no other test would say more with it.  -O1, as for the
# other sanitizers.
tier_run() {
	export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1

	configure_tree "$build" --enable-sanitizers=threads --disable-tools \
		--disable-examples CFLAGS="-g -O1"
	make_tree "$build" libiommunest.la libiommunest-sim.la
	check_tree "$build" check-threads
}
