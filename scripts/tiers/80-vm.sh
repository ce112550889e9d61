# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
tier_title="real kernels in QEMU, make check-vm"
tier_packages="$build_packages $test_packages busybox-static cpio
	qemu-system-x86 debian-archive-keyring"

tier_run() {
	configure_tree "$build" --enable-werror
	make_tree "$build" all
	make_tree "$build" vm-programs
	"$top/tests/vm/check.sh" --build "$build" || {
		[ $? -ne 77 ] || skip_tier "no kernel to test on"
		return 1
	}
	"$top/tests/vm/selftest.sh"
	record 1 0 0
}
