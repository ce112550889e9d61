#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Runs the programs of this folder on one kernel after the other; what
# "make check-vm" and the tier "vm" of scripts/check.sh call.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/results.sh
. "$top/scripts/lib/results.sh"

usage() {
	cat <<EOF_USAGE
Usage: tests/vm/check.sh [--build DIR] [--kernels "KERNEL..."] [PROGRAM...]
Like run.sh, for several kernels (default: $kernels), with all PROGRAMs that
are built.  A kernel that cannot be had is skipped; exit status 77: none of
them could be had.
EOF_USAGE
}

# Linux 6.12 takes every device for the VT-d's, the mock's too.
needs_no_vtd() {
	[ "${1##*/}" = vm-mock ]
}

# A device with PASIDs, where the kernel's test-only patches can make it claim
# them; and the kernel looks for what is lost, which is slow.
is_of_life() {
	case ${1##*/} in
	vm-fail | vm-life) ;;
	*) return 1 ;;
	esac
}
life_parameters="pci_test_pasid=0000:00:02.0 kmemleak=on"

# A machine with more devices, which are taken away; it ends by a reboot, with
# two devices that do not answer.
is_of_containment() {
	case ${1##*/} in
	vm-contain | vm-contain-end) ;;
	*) return 1 ;;
	esac
}
contain_parameters="pci_test_ats=0000:04:00 vm_reboot"

# The same with PASIDs: to invalidate a device's TLB by them takes QEMU 10.0.
is_of_contained_pasids() {
	[ "${1##*/}" = vm-contain-pasid ]
}

# The same in legacy mode, without nesting.
is_of_legacy_containment() {
	[ "${1##*/}" = vm-contain-legacy ]
}
legacy_parameters="intel_iommu=on,sm_off"

# start KERNEL IMAGE OPTION... -- PROGRAM...: a machine, beside the others.
start() {
	local name=$1 image=$2

	shift 2
	while [ "$(jobs -pr | wc -l)" -ge "$jobs" ]; do
		wait -n || true
	done
	IOMMUNEST_VM_KERNEL=$name "$here/run.sh" --build "$build" \
		--kernel "$image" \
		--out "$build/vm-$name" "$@" >"$build/vm-$name.said" 2>&1 &
	started+=("$name $!")
}

start_on() {
	local kernel=$1 image=$2 with=() without=() life=() contain=() pasid=()
	local legacy=() program

	for program in "${programs[@]}"; do
		if needs_no_vtd "$program"; then
			without+=("$program")
		elif is_of_life "$program"; then
			life+=("$program")
		elif is_of_containment "$program"; then
			contain+=("$program")
		elif is_of_contained_pasids "$program"; then
			pasid+=("$program")
		elif is_of_legacy_containment "$program"; then
			legacy+=("$program")
		else
			with+=("$program")
		fi
	done
	[ ${#with[@]} -eq 0 ] || start "$kernel" "$image" "${with[@]}"
	[ ${#without[@]} -eq 0 ] ||
		start "$kernel-without-vtd" "$image" --without-vtd \
			"${without[@]}"
	[ ${#life[@]} -eq 0 ] ||
		VM_PARAMETERS="${VM_PARAMETERS-} $life_parameters" \
			start "$kernel-life" "$image" "${life[@]}"
	[ ${#contain[@]} -eq 0 ] ||
		VM_PARAMETERS="${VM_PARAMETERS-} $contain_parameters" \
			VM_MACHINE=contain \
			start "$kernel-contain" "$image" "${contain[@]}"
	[ ${#pasid[@]} -eq 0 ] ||
		VM_PARAMETERS="${VM_PARAMETERS-} pci_test_pasid=0000:01:00.0" \
			VM_MACHINE=contain VM_QEMU=10.0 \
			start "$kernel-contain-pasid" "$image" "${pasid[@]}"
	[ ${#legacy[@]} -eq 0 ] ||
		VM_PARAMETERS="${VM_PARAMETERS-} $legacy_parameters" \
			VM_MACHINE=contain \
			start "$kernel-contain-legacy" "$image" "${legacy[@]}"
}

# In the order in which they were started.
finish_all() {
	local one name pid status

	for one in "${started[@]}"; do
		read -r name pid <<<"$one"
		status=0
		wait "$pid" || status=$?
		say "Linux $name:"
		cat "$build/vm-$name.said"
		case $status in
		0) [ "$result" -eq 1 ] || result=0 ;;
		77) record 0 0 1 ;;
		*) result=1 ;;
		esac
	done
}

built_programs() {
	find "$build/tests/vm" -maxdepth 1 -name 'vm-*' ! -name '*.*' \
		-type f -perm -u+x -printf 'tests/vm/%f\n' | sort
}

build=.
kernels=$vm_kernels
while [ $# -gt 0 ]; do
	case $1 in
	--build) build=$2 ;;
	--kernels) kernels=${2:-$vm_kernels} ;;
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
[ $# -gt 0 ] || mapfile -t programs < <(built_programs)
[ ${#programs[@]} -gt 0 ] || {
	complain "nothing is built: make vm-programs"
	exit 1
}
result=77
started=()
export RESULTS=${RESULTS:-$build/vm-results}

# The kernels first, so that the machines run side by side.
images=()
for kernel in $kernels; do
	found=0
	image=$("$top/scripts/kernel.sh" "$kernel") || found=$?
	case $found in
	0) images+=("$kernel $image") ;;
	77)
		say "Linux $kernel: skipped, it cannot be had"
		record 0 0 1
		;;
	*)
		say "Linux $kernel: the kernel could not be built"
		record 0 1 0
		result=1
		;;
	esac
done
for one in "${images[@]}"; do
	read -r kernel image <<<"$one"
	start_on "$kernel" "$image"
done
finish_all
exit "$result"
