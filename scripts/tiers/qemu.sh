# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="QEMU with integrations/qemu, make check-qemu"
tier_packages="$build_packages $test_packages $kernel_packages busybox-static
	qemu-system-x86 debian-archive-keyring patch dpkg-dev ninja-build
	python3-venv python3-wheel python3-setuptools libglib2.0-dev"

# Of --all, one guest is booted; tests/qemu/README.md has the reason.
is_of_all() {
	[ -n "${CHECK_STARTED-}" ]
}

tier_prepare() {
	"$top/scripts/kernel.sh" newest
	is_of_all || "$top/scripts/kernel.sh" newest-unfixed
	"$top/scripts/kernel.sh" newest-patched
	"$top/integrations/qemu/build.sh"
}

tier_run() {
	local status=0 boots=()

	! is_of_all || boots=(--one-boot)
	use_gcc_build
	make_tree "$build" all
	make_tree "$build" qemu-programs
	"$top/integrations/qemu/build.sh" --style || status=$?
	[ "$status" -ne 77 ] || skip_tier "QEMU's source cannot be had"
	[ "$status" -eq 0 ] || return "$status"
	record 1 0 0
	"$top/tests/qemu/check.sh" --build "$build" \
		--minutes "$(minutes_left)" "${boots[@]}"
}
