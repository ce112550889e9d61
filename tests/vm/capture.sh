#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# From a real guest to a replay: boots Linux in QEMU, whose trace iommunest-capture
# reads; see --help.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/results.sh
. "$top/scripts/lib/results.sh"
# shellcheck source=tests/vm/machine.sh
. "$here/machine.sh"

build=.
kernel=newest
# Of the processor's time: a guest that hangs is ended.  It takes 5.
processor_seconds=120
pages=200
qemu=()

usage() {
	cat <<EOF_USAGE
Usage: tests/vm/capture.sh [--build DIR] [--kernel KERNEL]
Boots Linux with an emulated device in QEMU 10.0 or later, whose VT-d has a
first stage, and traces its queue while it maps and unmaps.  The trace goes
through iommunest-capture and iommunest-replay of the build tree, and
check_capture.py judges both.  Logs are in capture/ of the build tree.  Exit
status 77: there is no kernel or no QEMU.
EOF_USAGE
}

make_guest() {
	local root file

	file=$(binary_of "$build" tests/qemu/linux-guest) || return
	root=$(mktemp -d)
	mkdir -p "$root"/{dev,lib,lib64,proc,sys}
	cp "$file" "$root/init"
	add_libraries "$root" "$build" "$file" || return
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) \
		>"$out/initramfs"
	rm -rf "$root"
}

# QEMU 11 has other names for the same.
viommu() {
	local mode="x-scalable-mode" first="x-flts"

	if "${qemu[@]}" -device intel-iommu,help | grep -q ' fsts='; then
		mode="scalable-mode"
		first="fsts"
	fi
	say "intel-iommu,intremap=on,$mode=on,$first=on"
}

boot() (
	ulimit -c 0 -t "$processor_seconds"
	exec "${qemu[@]}" -nodefaults -display none -no-reboot \
		-machine q35,kernel-irqchip=off -accel tcg \
		-icount shift=2,sleep=off -cpu Nehalem -m 128 \
		-kernel "$image" -initrd "$out/initramfs" \
		-append "console=ttyS0 quiet panic=-1 oops=panic nowatchdog \
no_timer_check intel_iommu=on,sm_on -- dma $pages" \
		-device "$(viommu)" -device edu,addr=4.0 \
		-serial "file:$out/serial" -D "$out/trace" \
		-trace 'vtd_inv*' -trace vtd_reg_write </dev/null
)

judge() {
	python3 -B "$top/tests/replay/check_capture.py" \
		"$build/tests/replay/iommunest-capture" \
		"$build/tests/replay/iommunest-replay" "$out/trace"
}

run() {
	: >"$out/serial"
	rm -f "$out/trace"
	boot || return
	grep -q "^@@ done $((2 * pages)) 0" "$out/serial" || {
		say "the guest has not copied all"
		return 1
	}
	judge
}

while [ $# -gt 0 ]; do
	case $1 in
	--build) build=$2 ;;
	--kernel) kernel=$2 ;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		usage >&2
		exit 2
		;;
	esac
	shift 2
done
build=$(cd "$build" && pwd)
out=$build/capture
mkdir -p "$out"
RESULTS=${RESULTS:-$out/counts}

# shellcheck disable=SC2046 # a list
need_packages $(packages_for newest) python3 || exit 77
image=$("$top/scripts/kernel.sh" "$kernel")
call=$("$top/scripts/qemu.sh" 10.0)
eval "qemu=($call)"
make_guest
if run >"$out/log" 2>&1; then
	say "  PASS  capture: $(sed 's/^.*: //' "$out/log")"
	record 1 0 0
	exit 0
fi
say "  FAIL  capture"
sed 's/^/        /' "$out/log" | head -n 30
record 0 1 0
exit 1
