#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Runs the programs of this folder with the QEMU of integrations/qemu, on one
# kernel after the other; what the tier "qemu" of scripts/check.sh calls.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/results.sh
. "$top/scripts/lib/results.sh"

usage() {
	cat <<EOF_USAGE
Usage: tests/qemu/check.sh [--build DIR] [--kernels "KERNEL..."] [PROGRAM...]
Builds QEMU, and runs PROGRAMs of the build tree (default: all of
tests/qemu) in tests/vm's machine, with each of the kernels (default:
$kernels).  A kernel that cannot be had is skipped; exit status 77: QEMU
cannot be had.
EOF_USAGE
}

# Where QEMU starts from, for the machine; and the peer, if it can be had.
qemu_files() {
	find "$image" -type f -printf '--file\n%p\n'
	[ -z "$peer" ] || printf '%s\n' --file "$peer"
}

run_on() {
	local kernel=$1 found=0 files

	"$top/scripts/kernel.sh" "$kernel" >/dev/null || found=$?
	if [ "$found" -eq 77 ]; then
		say "Linux $kernel: skipped, it cannot be had"
		record 0 0 1
		return 0
	fi
	say "Linux $kernel:"
	mapfile -t files < <(qemu_files)
	# QEMU's guest takes 64 MiB, the peer is 70, and the widest tables are
	# the guest's as well.
	VM_MEMORY=1536 VM_IOMMU=aw-bits=48 "$top/tests/vm/run.sh" \
		--build "$build" --kernel "$kernel" \
		--out "$build/qemu-$kernel" "${files[@]}" "${programs[@]}"
}

build=.
kernels="newest newest-patched"
while [ $# -gt 0 ]; do
	case $1 in
	--build) build=$2 ;;
	--kernels) kernels=${2:-$kernels} ;;
	-h | --help)
		usage
		exit 0
		;;
	*) break ;;
	esac
	shift 2
done
build=$(cd "$build" && pwd)
programs=("$@")
[ $# -gt 0 ] || programs=(tests/qemu/qemu-nest tests/qemu/qemu-random
	tests/qemu/qemu-peer)
export RESULTS=${RESULTS:-$build/qemu-results}

image=$("$top/integrations/qemu/build.sh")
peer=$("$here/peer.sh") || [ $? -eq 77 ]
result=0
for kernel in $kernels; do
	run_on "$kernel" || result=1
done
exit "$result"
