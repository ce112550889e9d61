# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="instructions of the library, times of the kernels; asserts nothing"
tier_packages="$build_packages $test_packages $kernel_packages valgrind
	busybox-static qemu-system-x86 debian-archive-keyring"

tier_prepare() {
	prepare_kernels
}

# What callgrind counted of bench-iq, beside what that did.
count_instructions() {
	local log=$build/bench.log

	quietly "$log" make -C "$build" bench
	awk '
	$1 == "descriptors" { descriptors = $2; calls = $4 }
	/Collected :/ { instructions = $NF }
	END {
		if (!descriptors || !instructions)
			exit 1
		printf "  full rings of flushes: %.1f instructions for a " \
			"descriptor (%d in %d calls)\n",
			instructions / descriptors, descriptors, calls
	}' "$log"
	record 1 0 0
}

# The programs of the vm tier are not asked, only the one that has a clock.
measure_kernels() {
	local status=0

	make_tree "$build" tests/vm/bench-entry
	"$top/tests/vm/bench.sh" --build "$build" || status=$?
	case $status in
	0) record 1 0 0 ;;
	77) record 0 0 1 ;;
	*) return "$status" ;;
	esac
}

tier_run() {
	use_gcc_build
	count_instructions
	measure_kernels
}
