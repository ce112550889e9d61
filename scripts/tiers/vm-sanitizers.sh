# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Not in --all: four kernels that are built for this alone, each slower than the
# others.  Before a release, and after a change of kernel/.
tier_title="patched kernels that look for bad memory (KASAN) and data races (KCSAN)"
tier_packages="$build_packages $test_packages $kernel_packages busybox-static
	qemu-system-x86 debian-archive-keyring"

sanitizer_kernels="newest-patched+kasan newest-patched+kcsan
	6.12-patched+kasan 6.12-patched+kcsan"
# What drives the code that the series changes.  The others ask the library, or
# what the series leaves alone.
sanitizer_programs="vm-conformance vm-resubmit vm-errors vm-contain vm-life
	vm-diff"

tier_prepare() {
	local kernel

	for kernel in $sanitizer_kernels; do
		"$top/scripts/kernel.sh" "$kernel" || return
	done
}

# Those that there are.
built_here() {
	local program

	for program in $sanitizer_programs; do
		[ ! -x "$build/tests/vm/$program" ] || say "tests/vm/$program"
	done
}

tier_run() {
	local status=0 programs

	use_gcc_build
	make_tree "$build" all
	make_tree "$build" vm-programs
	mapfile -t programs < <(built_here)
	# Many times slower: what hangs is still found.
	VM_MEMORY=1024 VM_LIMIT=900 VM_BOOT_LIMIT=600 IOMMUNEST_COUNT=2000 \
		"$top/tests/vm/check.sh" --build "$build" \
		--kernels "$sanitizer_kernels" "${programs[@]}" || status=$?
	[ "$status" -ne 77 ] || skip_tier "there is no kernel to test on"
	return "$status"
}
