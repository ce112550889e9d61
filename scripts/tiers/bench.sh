# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="instructions of the library; instructions and times of the kernels"
tier_packages="$build_packages $test_packages $kernel_packages valgrind
	busybox-static qemu-system-x86 debian-archive-keyring"

tier_prepare() {
	local kernel

	for kernel in $bench_kernels; do
		"$top/scripts/kernel.sh" "$kernel+plain"
		"$top/scripts/kernel.sh" "$kernel+irqsoff"
	done
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

# The programs of the vm tier are not asked.
measure_kernels() {
	local status=0

	make_tree "$build" vm-bench
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
