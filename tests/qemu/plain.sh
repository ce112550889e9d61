#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# What needs no VFIO device and no virtual machine: QEMU's own test of its VT-d,
# and Linux with an emulated device.  Both without and with x-nest=on, which
# must make no difference.  tests/qemu/check.sh calls it.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/results.sh
. "$top/scripts/lib/results.sh"

# Of the processor's time, and not the clock's: a guest that hangs is ended,
# whatever else the machine does.  A guest takes 5.
processor_seconds=120
# Pages that the device copies.
copies=40

usage() {
	cat <<EOF_USAGE
Usage: tests/qemu/plain.sh IMAGE GUEST OUT
IMAGE is what integrations/qemu/build.sh prints.  GUEST has the kernel and the
initramfs of linux-guest, as tests/qemu/check.sh makes them.  Logs are in OUT.
EOF_USAGE
}

# verdict NAME STATUS LOG
verdict() {
	if [ "$2" -eq 0 ]; then
		say "  PASS  $1"
		record 1 0 0
		return
	fi
	say "  FAIL  $1"
	record 0 1 0
	head -n 30 "$3" | sed 's/^/        /'
	result=1
}

# ---- QEMU's own test ----

# It starts $QTEST_QEMU_BINARY with options of its own, and takes the
# architecture from its name.
make_wrapper() {
	local to=$out/$1/qemu-system-x86_64

	shift
	{
		say '#!/bin/sh'
		printf 'exec %q -L %q -nodefaults' "$image/qemu-system-x86_64" \
			"$image"
		printf ' %q' "$@"
		say ' "$@"'
	} >"$to"
	chmod +x "$to"
}

# own_test NAME OPTION...
own_test() {
	local name=$1 log=$out/$1/log status=0

	mkdir -p "$out/$name"
	make_wrapper "$@"
	QTEST_QEMU_BINARY=$out/$name/qemu-system-x86_64 \
		"$image/tests/intel-iommu-test" >"$log" 2>&1 || status=1
	# A program that runs no test succeeds, too.
	grep -q '^ok 1 ' "$log" || status=1
	verdict "$name" "$status" "$log"
}

# ---- Linux, with an emulated device ----

boot() {
	local nest=$1 dir=$2

	(
		ulimit -c 0 -t "$processor_seconds"
		exec "$image/qemu-system-x86_64" -L "$image" -nodefaults \
			-display none -no-reboot \
			-machine q35,kernel-irqchip=off -accel tcg \
			-icount shift=2,sleep=off -cpu Nehalem -m 128 \
			-kernel "$guest/linux-guest.bzImage" \
			-initrd "$guest/linux-guest.initramfs" \
			-append "console=ttyS0 quiet panic=-1 oops=panic \
mitigations=off nowatchdog lockdep.prove_locking=0 no_timer_check \
intel_iommu=on,sm_on -- dma $copies" \
			-device "intel-iommu,x-scalable-mode=on,x-flts=on,\
caching-mode=on,intremap=on,x-nest=$nest" \
			-device edu,addr=4.0 -serial "file:$dir/serial" \
			-D "$dir/trace" -trace 'vtd_inv_desc*' \
			-trace vtd_nest_run -trace vtd_nest_halt
	) >"$dir/said" 2>&1 </dev/null
}

# All that emulated devices are told of, in order; waits are the queue's.
told() {
	grep '^vtd_inv_desc' "$1/trace" | grep -v wait || true
}

count() {
	grep -c "$1" "$2/trace" || true
}

complain_of() {
	say "$*" >>"$log"
	bad=1
}

trouble='WARNING:|BUG:|Oops|Kernel panic|@@ failed|DMAR:.*([Ff]ault|[Ee]rror)'

check_guest() {
	local dir=$1

	grep -q "^@@ done $((2 * copies)) 0" "$dir/serial" ||
		complain_of "the guest has not copied all"
	! grep -m 10 -E "$trouble" "$dir/serial" >>"$log" ||
		complain_of "the guest is in trouble"
	[ ! -s "$dir/said" ] ||
		complain_of "QEMU has something to say: $(cat "$dir/said")"
	[ "$(count '^vtd_nest_halt' "$dir")" -eq 0 ] ||
		complain_of "the queue was halted"
	[ "$(told "$dir" | wc -l)" -ge "$copies" ] ||
		complain_of "no descriptors have reached emulated devices"
}

# Whose the queue is.
check_runs() {
	local nest=$1 runs

	runs=$(count '^vtd_nest_run' "$2")
	say "x-nest=$nest: $runs runs, $(told "$2" | wc -l) descriptors" >>"$log"
	case $nest in
	on) [ "$runs" -gt 0 ] || complain_of "the library has no queue" ;;
	off) [ "$runs" -eq 0 ] || complain_of "the library has the queue" ;;
	esac
}

linux() {
	local nest=$1 name=linux-emulated-$1 bad=0 status=0
	local dir=$out/$name log=$out/$name/log

	mkdir -p "$dir"
	: >"$dir/serial"
	: >"$dir/trace"
	: >"$log"
	boot "$nest" "$dir" || status=$?
	[ "$status" -eq 0 ] || complain_of "QEMU's exit status is $status"
	check_guest "$dir"
	check_runs "$nest" "$dir"
	verdict "$name" "$bad" "$log"
}

compare() {
	local log=$out/linux-emulated.log status=0

	diff -U 2 <(told "$out/linux-emulated-off") \
		<(told "$out/linux-emulated-on") >"$log" || status=1
	verdict linux-emulated-same-descriptors "$status" "$log"
}

[ $# -eq 3 ] || {
	usage >&2
	exit 2
}
image=$1
guest=$2
out=$3
result=0
mkdir -p "$out"
own_test qemu-own-off -global intel-iommu.x-nest=off
own_test qemu-own-on -global intel-iommu.x-nest=on \
	-global intel-iommu.caching-mode=on
linux off
linux on
compare
exit "$result"
