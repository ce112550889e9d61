# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="instructions of the library, times of the kernels"
tier_packages="$build_packages $test_packages $kernel_packages valgrind
	busybox-static qemu-system-x86 debian-archive-keyring"

tier_prepare() {
	prepare_kernels "$vm_kernels"
}

# Times are not compared with anything; counts are, where they can be.
count_instructions() {
	local status=0

	make_tree "$build" tests/bench/bench-iq
	"$top/tests/bench/count.sh" "$build" || status=$?
	case $status in
	0) record 1 0 0 ;;
	1) record 0 1 0 ;;
	77) record 0 0 1 ;;
	*) return "$status" ;;
	esac
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
