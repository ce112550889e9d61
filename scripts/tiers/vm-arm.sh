# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="real kernels for arm64 in QEMU: an SMMUv3, judged by a device's DMA"
tier_packages="$build_packages $test_packages $kernel_packages qemu-system-arm
	debian-archive-keyring"

# shellcheck source=scripts/lib/toolchain.sh
. "$top/scripts/lib/toolchain.sh"

tier_prepare() {
	prepare_kernels "$vm_arm_kernels"
}

# Static, as the machine has no libraries.
tier_run() {
	local status=0 programs

	"$top/scripts/cross.sh" arm64 "$build/bin" ||
		skip_tier "no compiler for arm64"
	PATH=$build/bin:$PATH
	configure_tree "$build/tree" --host=aarch64-linux-gnu \
		--disable-shared --enable-static "${glibc_check[@]}"
	make_tree "$build/tree" LDFLAGS=-all-static vm-arm-programs
	mapfile -t programs < <(cd "$build/tree" &&
		find tests/vm -maxdepth 1 -name 'smmu-*' ! -name '*.*' \
			-type f | sort)
	# Of a hundred thousand requests, where others use the machine, too.
	VM_LIMIT=${VM_LIMIT:-900} "$top/tests/vm/check.sh" --build "$build/tree" \
		--kernels "$vm_arm_kernels" "${programs[@]}" || status=$?
	[ "$status" -ne 77 ] || skip_tier "there is no kernel to test on"
	return "$status"
}
