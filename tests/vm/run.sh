#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Runs test programs on a real kernel in a virtual machine; see --help.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/results.sh
. "$top/scripts/lib/results.sh"
# shellcheck source=tests/vm/machine.sh
. "$here/machine.sh"
# shellcheck source=tests/vm/races.sh
. "$here/races.sh"

build=.
out=
kernel=6.12
parameters=${VM_PARAMETERS-}
# For what hangs: many times what a program takes, because the machine that all
# this runs on may have other things to do.
program_limit=${VM_LIMIT:-900}
boot_limit=${VM_BOOT_LIMIT:-300}
# Where PROGRAM.warns are.
warns=${VM_WARNS:-$vm}
# How often a machine is started whose emulator crashes.
attempts=3

usage() {
	cat <<EOF_USAGE
Usage: tests/vm/run.sh [OPTION...] PROGRAM...
Boots a kernel in QEMU and runs programs of the build tree in it, one after
the other.  Each is shown with its verdict; the exit status is 0 if none
failed and the kernel had nothing to complain of, 77 if there is no kernel or
no QEMU.  If QEMU itself crashes, the machine is started again, $attempts times in
all; what it did until then counts only if the kernel complained.

  --kernel KERNEL  6.12, newest, newest-arm64, one of them with -patched after
                   it, or a file: a bzImage, or an Image of arm64
                   (default: $kernel)
  --build DIR      the build tree, where PROGRAMs are (default: here)
  --out DIR        for the logs (default: vm-KERNEL in the build tree)
  --without-vtd    the kernel leaves its VT-d alone (6.12 cannot have that and
                   iommufd's mock)
  --file FILE      goes into the machine, to /tests; may be a folder, and may
                   be repeated
  --limit SECONDS  for each program (default: \$VM_LIMIT or $program_limit)
  --help           this text

Variables named IOMMUNEST_* and CK_* are passed on to the programs.  VM_QEMU is
the lowest version of QEMU to take (default: $(qemu_for x86), or
$(qemu_for arm64) for arm64), VM_PARAMETERS more for the kernel's command line,
VM_IOMMU more options of the emulated VT-d, and VM_MEMORY how much there is, in
MiB (default: 512).
EOF_USAGE
}

# The part of a framed text that belongs to a program.
part_of() {
	tr -d '\r' <"$2" | awk -v name="$1" '
		/@@ / { on = 0 }
		on { print }
		/@@ begin/ && $NF == name { on = 1 }'
}

# Its exit status; nothing if it never ended.
status_of() {
	tr -d '\r' <"$out/results" | awk -v name="$1" '
		$1 == "@@" && $2 == "end" && $3 == name { print $4 }'
}

was_begun() {
	tr -d '\r' <"$out/results" | grep -qx "@@ begin $1"
}

# What a kernel says when something is wrong with it.
trouble='WARNING:|BUG:|Oops|Kernel panic|Call Trace:|Unable to handle'
trouble+='|general protection fault|kernel BUG|blocked for more than'
trouble+='|soft lockup|hard LOCKUP|rcu.*(stall|self-detected)|UBSAN:|KASAN:'
trouble+='|possible (circular|recursive|irq lock)|inconsistent lock state'
trouble+='|suspicious RCU|scheduling while atomic|invalid context'
trouble+='|refcount_t:|list_(add|del) corruption|unchecked MSR|tainted:'

# A part of the warning that PROGRAM.warns has, if there is such a file: a fault
# of the kernel that the program is there to show.
known_of() {
	[ ! -f "$warns/$1.warns" ] || grep -v '^#' "$warns/$1.warns"
}

# without_known NAME: what the kernel said, without that one warning.
without_known() {
	local known

	known=$(known_of "$1")
	if [ -n "$known" ]; then
		awk -v known="$known" '
			index($0, known) { off = 1 }
			!off { print }
			off && /end trace/ { off = 0 }'
	else
		cat
	fi
}

# said_during NAME: what the kernel said while that program ran.
said_during() {
	part_of "$1" "$out/kernel-log" | without_known "$1" | without_others
}

# The kernel itself, before, between and after the programs.
said_outside() {
	tr -d '\r' <"$out/kernel-log" | awk '
		/@@ begin/ { off = 1 }
		!off { print }
		/@@ end/ { off = 0 }' | without_others
}

# The program says that the kernel has to warn, on this one, and it did not.
lacks_warning() {
	grep -qx "the kernel warns" "$out/$1.log" &&
		! part_of "$1" "$out/kernel-log" | grep -qF "$(known_of "$1")"
}

# has_trouble NAME...: the kernel complained, whether one of them ran or not.
has_trouble() {
	local name

	{
		said_outside
		for name; do
			said_during "$name"
		done
	} >"$out/said"
	grep -qE "$trouble" "$out/said"
}

verdict() {
	say ":global-test-result: $2" >"$out/$1.trs"
}

# What is worth reading of a part of the kernel's log: from the trouble on, or
# else its end.
worth_reading() {
	grep -EA 24 -m 1 "$trouble" <<<"$1" || tail -n 25 <<<"$1"
}

# fails NAME REASON LOG
fails() {
	{
		printf '\n%s\n' "$2"
		[ -z "$3" ] || printf 'the log:\n%s\n' "$(worth_reading "$3")"
	} >>"$out/$1.log"
	verdict "$1" FAIL
}

# Why a program failed; nothing if it did not.
reason() {
	local name=$1 status=$2 said=$3

	if grep -qE "$trouble" <<<"$said"; then
		say "trouble in the kernel (exit status ${status:-none})"
	elif [ -z "$status" ] && was_begun "$name"; then
		say "the machine ended before it did"
	elif [ -z "$status" ]; then
		say "the machine ended before it began"
	elif [ "$status" -eq 137 ]; then
		say "killed, after $program_limit s or before"
	elif [ "$status" -gt 128 ]; then
		say "ended by signal $((status - 128))"
	elif [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then
		say "exit status $status"
	elif lacks_warning "$name"; then
		say "the kernel did not give the warning of $name.warns"
	fi
}

judge() {
	local name=$1 status said why

	part_of "$name" "$out/results" | sed -e :a -e '/^\n*$/{$d;N;ba' \
		-e '}' >"$out/$name.log"
	status=$(status_of "$name")
	said=$(said_during "$name")
	why=$(reason "$name" "$status" "$said")
	if [ -n "$why" ]; then
		fails "$name" "$why" "$said"
	elif [ "$status" -eq 77 ]; then
		verdict "$name" SKIP
	else
		verdict "$name" PASS
	fi
}

# The kernel outside of the programs, and how the machine ended.
judge_kernel() {
	local ended=$1 outside

	outside=$(said_outside)
	: >"$out/kernel.log"
	if grep -qE "$trouble" <<<"$outside"; then
		fails kernel "trouble in the kernel" "$outside"
	elif [ "$ended" -eq 124 ]; then
		fails kernel "the machine did not end within $machine_limit s" \
			"$outside"
	elif [ "$ended" -ne 0 ]; then
		fails kernel "QEMU ended with $ended" "$(cat "$out/qemu-log")"
	elif ! grep -q '@@ done' "$out/results"; then
		fails kernel "the machine ended before the programs did" \
			"$outside"
	else
		verdict kernel PASS
	fi
}

# ---- The machine ----

# SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE and SIGSEGV: the emulator's own
# doing.  No kernel in it may bring that about.
is_crash() {
	case $1 in
	132 | 133 | 134 | 135 | 136 | 139) ;;
	*) return 1 ;;
	esac
}

# Sets ended.
start_machine() {
	ended=0
	: >"$out/results"
	: >"$out/kernel-log"
	timeout -k 5 "$machine_limit" "${machine[@]}" \
		-serial "file:$out/kernel-log" -serial "file:$out/results" \
		</dev/null >"$out/qemu-log" 2>&1 || ended=$?
}

# keep_crash NTH: what that attempt left.
keep_crash() {
	local to=$out/crash-$1

	mkdir -p "$to"
	mv "$out/results" "$out/kernel-log" "$out/qemu-log" "$to"
	say "  QEMU CRASHED: it ended with $ended.  The machine is started again," \
		"attempt $(($1 + 1)) of $attempts; see $to"
}

# run_machine NAME...: until it does not crash, or the kernel complains.
run_machine() {
	local nth

	for ((nth = 1; ; nth++)); do
		start_machine
		if ! is_crash "$ended" || [ "$nth" -eq "$attempts" ] ||
			has_trouble "$@"; then
			return
		fi
		keep_crash "$nth"
	done
}

while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2 ;;
	--build) build=$2 ;;
	--out) out=$2 ;;
	--file) vm_files+=("$2") ;;
	--limit) program_limit=$2 ;;
	--without-vtd)
		parameters+=' intel_iommu=off'
		shift
		continue
		;;
	-h | --help)
		usage
		exit 0
		;;
	-*)
		usage >&2
		exit 2
		;;
	*) break ;;
	esac
	shift 2
done
build=$(cd "$build" && pwd)
out=${out:-$build/vm-${kernel##*/}}
mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -f "$out"/*.log "$out"/*.trs
rm -rf "$out"/crash-*
# For results.sh, where this is not a part of check.sh.
RESULTS=${RESULTS:-$out/counts}
machine_limit=$((boot_limit + $# * program_limit))

# shellcheck disable=SC2046 # a list
need_packages $(packages_for "$kernel") || exit 77
image=$kernel
[ -f "$image" ] || image=$("$top/scripts/kernel.sh" "$kernel")
tested=${image%/*}/functions
set_machine "$image" "$out/initramfs" "$parameters"
make_initramfs "$image" "$out/initramfs" "$build" "$@"

run_machine "${@##*/}"
for program; do
	judge "${program##*/}"
done
judge_kernel "$ended"
show_others
report_tests "$out"
! grep -q FAIL "$out"/*.trs
