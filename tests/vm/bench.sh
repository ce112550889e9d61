#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# What invalidations cost on each kernel; see --help.
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/../../scripts/lib/common.sh"

build=.
kernels=$bench_kernels
wanted=

# An instruction takes 2^6 ns where the kernel measures a time itself: enough
# for its unit of 100 ns, and few enough that a tick is rare.
dma_shift=6
# Beside the two behind ports: with 15 that have a device TLB, an unmapping is 16
# descriptors, the longest submission that there is.
more_ports=13

usage() {
	cat <<EOF_USAGE
Usage: tests/vm/bench.sh [--build DIR] [--kernels "KERNEL..."] [MEASUREMENT...]
Runs programs of tests/vm on one kernel after the other, and shows their
results side by side.  KERNEL is what scripts/kernel.sh calls it, without a
variant, or NAME=PLAIN[,IRQSOFF]: images of those variants, for a kernel with
other patches (default: $kernels).

MEASUREMENTs (default: all):
  times         ns for an entry.  What else the machine does is in them
  instructions  for an entry of a nested HWPT, and for the unmapping of a page
  dma           instructions of the DMA API: a page, with iommu.strict=1
  submissions   descriptors of a submission, as QEMU 10.0 sees them
  irqs          instructions for which interrupts are off at a stretch

Of each base the first kernel is what the others are compared with.  It fails
where one of them takes more than 2 % more instructions for a single entry or
page; where 64 entries are not twice better with part b; or where interrupts are
off for longer than the first kernel has them off for an unmapping.  Of times,
nothing is asserted.  Exit status 77: there is no kernel.
EOF_USAGE
}

# ---- Kernels ----

name_of() {
	say "${1%%=*}"
}

# image_of KERNEL VARIANT
image_of() {
	local images=${1#*=}

	case $1 in
	*=*,*)
		[ "$2" = plain ] || images=${images#*,}
		say "${images%,*}"
		;;
	*=*)
		[ "$2" = plain ] || return 77
		say "$images"
		;;
	*) "$top/scripts/kernel.sh" "$1+$2" ;;
	esac
}

# ---- Measurements ----

# run KERNEL VARIANT WHAT PROGRAM: its log becomes $build/bench-NAME-WHAT.
run() {
	local kernel=$1 variant=$2 what=$3 program=$4 name image out status=0

	name=$(name_of "$kernel")
	out=$build/bench-$name-$what
	rm -rf "$out"
	image=$(image_of "$kernel" "$variant") || return
	"$here/run.sh" --build "$build" --kernel "$image" --out "$out" \
		"tests/vm/$program" >"$out.said" 2>&1 || status=$?
	# Nothing is skipped on a kernel that was built for it.
	! grep -q SKIP "$out/$program.trs" || status=1
	[ "$status" -eq 0 ] || {
		say "Linux $name, $what:"
		cat "$out.said"
	}
	return "$status"
}

measure() {
	case $2 in
	times) run "$1" plain times bench-entry ;;
	instructions)
		IOMMUNEST_ICOUNT=0 run "$1" plain instructions bench-entry
		;;
	dma)
		IOMMUNEST_ICOUNT=$dma_shift VM_PARAMETERS="iommu.strict=1" \
			run "$1" plain dma bench-dma
		;;
	submissions)
		IOMMUNEST_BENCH_ONCE=4096 VM_TRACE='vtd_inv_desc' VM_QEMU=10.0 \
			run "$1" plain submissions bench-entry
		;;
	irqs)
		IOMMUNEST_ICOUNT=0 IOMMUNEST_MORE_PORTS=$more_ports \
			run "$1" irqsoff irqs bench-irqs
		;;
	esac
}

# ---- What is shown ----

# Rows "BASE KERNEL NAME ARRAY-LENGTH VALUE" of a measurement.
rows() {
	local kernel name base what=$1

	for kernel in $kernels; do
		name=$(name_of "$kernel")
		case $name in
		6.12*) base=6.12 ;;
		*) base=newest ;;
		esac
		rows_of_log "$what" | sed "s/^/$base $name /"
	done
}

rows_of_log() {
	local dir=$build/bench-$name-$1

	case $1 in
	submissions) submissions_in "$dir/qemu-log" ;;
	*) cat "$dir"/bench-*.log | awk 'NF >= 3 { print $1, $2, $3 }' ;;
	esac 2>/dev/null || true
}

# Only those of nested HWPTs: the descriptors between two waits, if a
# PASID-based one of the IOTLB is among them; with and without device TLBs.
submissions_in() {
	awk '
	$1 != "vtd_inv_desc" { next }
	/ type wait / {
		if (nested) {
			kind = devices ? "ats-array" : "array"
			count[kind]++
			total[kind] += all
			if (all > longest[kind])
				longest[kind] = all
		}
		all = nested = devices = 0
		next
	}
	{ all++ }
	/ type p-iotlb / { nested = 1 }
	/ type device / { devices = 1 }
	END {
		for (kind in count) {
			print kind "-descriptors", 4096, total[kind]
			print kind "-submissions", 4096, count[kind]
			print kind "-longest", 4096, longest[kind]
		}
	}' "$1" | sort
}

show() {
	rows "$1" | awk -v title="$2" '
	!($2 in seen) {
		seen[$2] = 1
		kernel[++kernels] = $2
		if (!($1 in first))
			first[$1] = $2
		base[$2] = $1
	}
	!(($3, $4) in known) {
		known[$3, $4] = 1
		label[++rows] = $3 " " $4
	}
	{ value[$3 " " $4, $2] = $5 }
	END {
		printf "%-24s", title
		for (i = 1; i <= kernels; i++)
			printf " %18s", kernel[i]
		printf "\n"
		for (r = 1; r <= rows; r++) {
			printf "%-24s", label[r]
			for (i = 1; i <= kernels; i++)
				cell(label[r], kernel[i])
			printf "\n"
		}
	}
	function cell(row, kernel,    v, of)
	{
		v = value[row, kernel]
		of = value[row, first[base[kernel]]]
		if (v == "")
			printf " %18s", "-"
		else if (kernel == first[base[kernel]] || !of)
			printf " %18s", v
		else
			printf " %10s %6.3fx", v, v / of
	}'
}

# ---- What may not be ----

# The last line of each is empty where nothing is wrong.
judge_instructions() {
	rows "$1" | awk '
	!($1 in first) { first[$1] = $2 }
	{ value[$2, $3, $4] = $5 }
	$2 == first[$1] { next }
	{ of = value[first[$1], $3, $4] }
	$4 == 1 && $5 > of * 1.02 {
		printf "%s: %s 1 takes %.1f %% more\n", $2, $3,
			100 * ($5 / of - 1)
		bad = 1
	}
	$4 == 64 && $2 ~ /-[b-z]/ && $5 * 2 > of {
		printf "%s: %s 64 is not twice better\n", $2, $3
		bad = 1
	}
	END { exit bad }'
}

judge_irqs() {
	rows irqs | awk '
	!($1 in first) { first[$1] = $2 }
	$2 == first[$1] {
		if ($3 == "irqs-unmap" && $5 > bound[$1])
			bound[$1] = $5
		next
	}
	$3 == "irqs-array" && $5 > bound[$1] {
		printf "%s: interrupts are off for %d instructions, and for %d in an unmapping of %s\n",
			$2, $5, bound[$1], first[$1]
		bad = 1
	}
	END { exit bad }'
}

judge() {
	case $1 in
	instructions | dma) judge_instructions "$1" ;;
	irqs) judge_irqs ;;
	esac
}

title_of() {
	case $1 in
	times) say "ns (an entry)" ;;
	instructions | dma) say "instructions" ;;
	submissions) say "of 4096 entries" ;;
	irqs) say "interrupts off" ;;
	esac
}

# ---- All ----

bad_usage() {
	usage >&2
	exit 2
}

while [ $# -gt 0 ]; do
	case $1 in
	--build)
		build=${2?}
		shift
		;;
	--kernels)
		kernels=${2:-$kernels}
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	times | instructions | dma | submissions | irqs) wanted+=" $1" ;;
	*) bad_usage ;;
	esac
	shift
done
wanted=${wanted:-times instructions dma submissions irqs}
build=$(cd "$build" && pwd)
result=77
for what in $wanted; do
	measured=
	for kernel in $kernels; do
		status=0
		measure "$kernel" "$what" || status=$?
		case $status in
		0) measured=yes ;;
		77) ;;
		*) result=1 ;;
		esac
	done
	[ -n "$measured" ] || continue
	[ "$result" -eq 1 ] || result=0
	printf '\n'
	show "$what" "$(title_of "$what")"
	judge "$what" || result=1
done
exit "$result"
