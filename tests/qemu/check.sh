#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Runs the programs of this folder with the QEMU of integrations/qemu, on one
# kernel after the other, and before that plain.sh, which needs none; what the
# tier "qemu" of scripts/check.sh calls.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/results.sh
. "$top/scripts/lib/results.sh"
# shellcheck source=tests/vm/machine.sh
. "$top/tests/vm/machine.sh"

# Linux boots in two emulated machines, one in the other, and the host may be
# busy: a guest that has less than this is not started.
boot_seconds=600

usage() {
	cat <<EOF_USAGE
Usage: tests/qemu/check.sh [OPTION...] [PROGRAM...]
Builds QEMU, and runs PROGRAMs of the build tree (default: all of
tests/qemu) in tests/vm's machine, with each of the kernels.  plain.sh is run
once, and without that machine.  A kernel that cannot be had is skipped; exit
status 77: QEMU cannot be had.

  --build DIR            the build tree (default: here)
  --kernels "KERNEL..."  default: $kernels
  --one-boot             qemu-linux boots one guest, on the last of the kernels
  --minutes N            qemu-linux, whose guest boots for minutes, comes last,
                         and is skipped where it would take longer than that
                         from now on (default: $minutes)
EOF_USAGE
}

# make_kernel KERNEL NAME
make_kernel() {
	local kernel

	kernel=$("$top/scripts/kernel.sh" "$1") || return
	cp "$kernel" "$build/linux-guest/$2"
}

has_program() {
	[[ " ${programs[*]} " == *"/$1 "* ]]
}

# The guests of qemu-linux and plain.sh: two kernels, and one process.  The
# archive is not compressed: what would have to read it is emulated twice.
make_guest() {
	local root file

	has_program qemu-linux || has_program plain.sh || return 0
	file=$(binary_of "$build" tests/qemu/linux-guest) || return
	root=$(mktemp -d)
	mkdir -p "$root"/{dev,lib,lib64,proc,sys} "$build/linux-guest"
	cp "$file" "$root/init"
	add_libraries "$root" "$build" "$file" || return
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) \
		>"$build/linux-guest/linux-guest.initramfs"
	rm -rf "$root"
	make_kernel newest linux-guest.bzImage
	! has_program qemu-linux || [ -n "$one_boot" ] ||
		make_kernel newest-unfixed linux-guest-unfixed.bzImage
}

# What QEMU starts from, and its guest, for the machine.
files_in() {
	find "$@" -maxdepth 1 -type f -printf '--file\n%p\n'
}

# run KERNEL OUT OPTION... PROGRAM...
# QEMU's guest takes 64 or 128 MiB, the peer is 70, and the widest tables are
# the guest's as well.
run() {
	VM_MEMORY=1536 VM_IOMMU=aw-bits=48 "$top/tests/vm/run.sh" \
		--build "$build" --kernel "$1" --out "$build/$2" "${@:3}"
}

run_plain() {
	say "Without VFIO devices:"
	"$here/plain.sh" "$image" "$build/linux-guest" "$build/qemu-plain"
}

# Its own seconds end it before --limit does.
run_linux() {
	local kernel=$1 left=$((minutes * 60 - SECONDS)) files

	[ "$left" -ge "$boot_seconds" ] || {
		say "qemu-linux: skipped, $((left / 60)) minutes are left, and" \
			"it may take $((boot_seconds / 60))"
		record 0 0 1
		return 0
	}
	mapfile -t files < <(files_in "$image" "$build/linux-guest")
	IOMMUNEST_SECONDS=$left IOMMUNEST_BOOTS=${one_boot:-2} run "$kernel" "qemu-linux-$kernel" \
		--limit $((left + 120)) "${files[@]}" tests/qemu/qemu-linux
}

# A device without ATS has PASIDs, where the kernel can give it some.
run_others() {
	local kernel=$1 files

	mapfile -t files < <(files_in "$image" "$top"/tests/data/guest-iq/*.iq)
	[ -z "$peer" ] || files+=(--file "$peer")
	VM_PARAMETERS="${VM_PARAMETERS-} pci_test_pasid=0000:00:02.0" \
		run "$kernel" "qemu-$kernel" "${files[@]}" "${others[@]}"
}

# Of the kernels, those that there are.
find_kernels() {
	local kernel status

	for kernel in $kernels; do
		status=0
		"$top/scripts/kernel.sh" "$kernel" >/dev/null || status=$?
		if [ "$status" -eq 77 ]; then
			say "Linux $kernel: skipped, it cannot be had"
			record 0 0 1
		else
			found+=("$kernel")
		fi
	done
}

build=.
kernels="newest newest-patched"
minutes=60
one_boot=
while [ $# -gt 0 ]; do
	case $1 in
	--build) build=$2 ;;
	--kernels) kernels=${2:-$kernels} ;;
	--minutes) minutes=$2 ;;
	--one-boot)
		one_boot=1
		shift
		continue
		;;
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
[ $# -gt 0 ] ||
	programs=(tests/qemu/qemu-nest tests/qemu/qemu-pasid
		tests/qemu/qemu-random tests/qemu/qemu-replay
		tests/qemu/qemu-peer
		tests/qemu/qemu-linux tests/qemu/plain.sh)
others=()
for program in "${programs[@]}"; do
	case $program in
	*/qemu-linux | */plain.sh) ;;
	*) others+=("$program") ;;
	esac
done
export RESULTS=${RESULTS:-$build/qemu-results}

image=$("$top/integrations/qemu/build.sh")
peer=$("$here/peer.sh") || [ $? -eq 77 ]
make_guest
result=0
! has_program plain.sh || run_plain || result=1
found=()
find_kernels
for kernel in "${found[@]}"; do
	[ ${#others[@]} -gt 0 ] || break
	say "Linux $kernel:"
	run_others "$kernel" || result=1
done
# What the last of the kernels can do contains what the others can.
[ -z "$one_boot" ] || found=("${found[@]: -1}")
for kernel in "${found[@]}"; do
	has_program qemu-linux || break
	say "Linux $kernel, with Linux as the guest:"
	run_linux "$kernel" || result=1
done
exit "$result"
