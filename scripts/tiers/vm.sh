# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="real kernels in QEMU, make check-vm"
tier_packages="$build_packages $test_packages $kernel_packages busybox-static
	qemu-system-x86 debian-archive-keyring"

tier_prepare() {
	prepare_kernels "$vm_kernels"
}

# run COMMAND...: 77 is the whole tier's.
run() {
	local status=0

	"$@" || status=$?
	[ "$status" -ne 77 ] || skip_tier "there is no kernel to test on"
	return "$status"
}

# It takes a newer QEMU than the others, which may not be had.
run_capture() {
	local status=0

	"$top/tests/vm/capture.sh" --build "$build" || status=$?
	[ "$status" -ne 77 ] || {
		say "capture: skipped, there is no QEMU 10.0"
		record 0 0 1
		return 0
	}
	return "$status"
}

tier_run() {
	use_gcc_build
	make_tree "$build" all
	make_tree "$build" vm-programs
	run "$top/tests/vm/check.sh" --build "$build"
	run "$top/tests/vm/selftest.sh"
	record 1 0 0
	run_capture
}
