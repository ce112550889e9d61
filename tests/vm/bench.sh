#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# How long an entry takes on each kernel; see --help.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/../../scripts/lib/common.sh"

build=.
kernels=$vm_kernels
program=tests/vm/bench-entry

usage() {
	cat <<EOF_USAGE
Usage: tests/vm/bench.sh [--build DIR] [--kernels "KERNEL..."]
Runs $program on one kernel after the other (default: $kernels), and
shows how long an entry of an array took on each.  Asserts nothing: what else
the machine does is in the numbers, so compare those of one run, of a quiet
machine.  Exit status 77: there is no kernel.
EOF_USAGE
}

# measure KERNEL: fails where there is no such kernel.
measure() {
	local kernel=$1 out=$build/vm-$1-bench status=0

	rm -rf "$out"
	"$here/run.sh" --build "$build" --kernel "$kernel" --out "$out" \
		"$program" >"$build/vm-$kernel-bench.said" 2>&1 || status=$?
	[ "$status" -eq 0 ] || {
		say "Linux $kernel:"
		cat "$build/vm-$kernel-bench.said"
	}
	return "$status"
}

# One row for each length of an array, one column for each kernel.
show() {
	local kernel logs=()

	for kernel; do
		logs+=("$build/vm-$kernel-bench/${program##*/}.log")
	done
	awk -v kernels="$*" '
	$1 == "array" {
		if (!($2 in row))
			lengths[++rows] = $2
		row[$2] = row[$2] sprintf(" %15d", $4)
	}
	END {
		count = split(kernels, kernel)
		printf "%-20s", "ns for an entry"
		for (i = 1; i <= count; i++)
			printf " %15s", kernel[i]
		printf "\n"
		for (i = 1; i <= rows; i++)
			printf "array of %-11s%s\n", lengths[i], row[lengths[i]]
	}' "${logs[@]}"
}

while [ $# -gt 0 ]; do
	case $1 in
	--build) build=${2?} ;;
	--kernels) kernels=${2:-$vm_kernels} ;;
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
result=0
measured=()
for kernel in $kernels; do
	status=0
	measure "$kernel" || status=$?
	case $status in
	0) measured+=("$kernel") ;;
	77) ;;
	*) result=$status ;;
	esac
done
if [ ${#measured[@]} -gt 0 ]; then
	show "${measured[@]}"
elif [ "$result" -eq 0 ]; then
	result=77
fi
exit "$result"
