#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Does run.sh see what goes wrong?  Programs that do, on purpose:
#   selftest.sh [KERNEL]
# Exit status 77: there is no such kernel.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
kernel=${1:-6.12}
[ -f "$kernel" ] || kernel=$("$here/../../scripts/kernel.sh" "$kernel")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# With a list of functions of its own.
mkdir "$work/kernel"
ln -s "$kernel" "$work/kernel/bzImage"
echo qi_submit_sync >"$work/kernel/functions"
kernel=$work/kernel/bzImage
unset RESULTS
bad=0

program() {
	printf '#!/bin/sh\n%s\n' "$2" >"$work/$1"
	chmod +x "$work/$1"
}

complain() {
	printf 'selftest: %s\n' "$*"
	bad=1
}

# run STATUS ARGUMENT...: run.sh ends with that status.
run() {
	local want=$1 status=0

	shift
	rm -rf "$work/out"
	"$here/run.sh" --build "$work" --kernel "$kernel" --out "$work/out" \
		--limit 10 "$@" >"$work/said" 2>&1 || status=$?
	[ "$status" -eq "$want" ] || {
		complain "run.sh $* ended with $status and not $want:"
		cat "$work/said"
	}
}

# is NAME VERDICT [TEXT]: and its log has the text.
is() {
	grep -qx ":global-test-result: $2" "$work/out/$1.trs" ||
		complain "$1 is not $2: $(cat "$work/out/$1.trs")"
	[ $# -lt 3 ] || grep -q "$3" "$work/out/$1.log" || {
		complain "the log of $1 does not say: $3"
		cat "$work/out/$1.log"
	}
}

# emulator LINE...: a QEMU that runs these lines first, each time that it boots a
# machine; $boots is the how-manieth time, $log and $results are the machine's.
emulator() {
	rm -rf "$work/emulator"
	mkdir "$work/emulator"
	cat >"$work/emulator/qemu-system-x86_64" <<-EOF_EMULATOR
		#!/usr/bin/env bash
		here=$work/emulator
		real=$(command -v qemu-system-x86_64)
		case \$* in
		*--version*) exec "\$real" "\$@" ;;
		esac
		echo >>"\$here/boots"
		boots=\$(wc -l <"\$here/boots")
		log=$work/out/kernel-log
		results=$work/out/results
		$(printf '%s\n' "$@")
		exec "\$real" "\$@"
	EOF_EMULATOR
	chmod +x "$work/emulator/qemu-system-x86_64"
}

# boots N: so often it booted a machine.
boots() {
	local found

	found=$(wc -l <"$work/emulator/boots")
	[ "$found" -eq "$1" ] ||
		complain "the machine was started $found times and not $1"
}

# run_emulated STATUS ARGUMENT...: run, with that emulator.
run_emulated() {
	PATH=$work/emulator:$PATH run "$@"
}

# tells_of_crashes N: in what run.sh printed.
tells_of_crashes() {
	local found

	found=$(grep -c 'QEMU CRASHED' "$work/said") || true
	[ "$found" -eq "$1" ] ||
		complain "run.sh told of $found crashes and not of $1"
}

# The kernel's own ways to break it.
provoke() {
	say "echo $1 >/sys/kernel/debug/provoke-crash/DIRECT"
}

say() {
	printf '%s\n' "$*"
}

program passes 'echo "1..1"; echo "ok 1 - fine"'
program skips 'echo "there is no such thing"; exit 77'
program fails 'echo "that was wrong"; exit 1'
program hangs 'echo "that takes long"; sleep 1000'
program crashes 'kill -SEGV $$'
program complains 'echo "<3>BUG: looks like one" >/dev/kmsg'
program warns "$(provoke WARNING)"
# A warning that is known, and has to come.
owed="echo 'the kernel warns'"
for name in owes owes-and-more lacks differs may; do
	printf '# A comment.\nlkdtm/bugs.c:\n' >"$work/$name.warns"
done
program owes "$owed; $(provoke WARNING)"
program owes-and-more "$owed; $(provoke WARNING)
	echo '<3>BUG: looks like one' >/dev/kmsg"
program lacks "$owed"
program differs "$(provoke WARNING)"
echo "mm/page_alloc.c:" >"$work/differs.warns"
program may 'echo "1..1"'
program races "echo '<3>BUG: KCSAN: data-race in vfs_read / qi_submit_sync' \
	>/dev/kmsg"
program others-race "echo '<3>BUG: KCSAN: data-race in vfs_read+1 / vfs_write' \
	>/dev/kmsg"
program knob-race "echo '<3>BUG: KCSAN: data-race in debugfs_u32_set / \
qi_submit_sync' >/dev/kmsg"
program panics "echo 'that was it'; $(provoke PANIC)"
program oopses "$(provoke EXCEPTION)"

run 0 passes skips
is passes PASS "ok 1 - fine"
is skips SKIP "no such thing"
is kernel PASS

run 1 fails hangs crashes complains warns passes panics skips
is fails FAIL "exit status 1"
is hangs FAIL "killed"
is crashes FAIL "signal 11"
is complains FAIL "trouble in the kernel"
is warns FAIL "WARNING:"
is passes PASS
is panics FAIL "Kernel panic"
is skips FAIL "ended before it began"
is kernel FAIL

export VM_WARNS=$work
run 0 owes may
is owes PASS
is may PASS
run 1 owes-and-more lacks differs
is owes-and-more FAIL "looks like one"
is lacks FAIL "did not give the warning of lacks.warns"
is differs FAIL "WARNING:"
is kernel PASS
unset VM_WARNS

run 1 oopses
is oopses FAIL "Oops:"

# Data races of code that is tested here, and of other code.
run 1 races others-race knob-race
is races FAIL "KCSAN: data-race"
is others-race PASS
is knob-race PASS
grep -qx "  2 data races in code that is not tested here, 1 in code that is" \
	"$work/said" || complain "the data races are not counted"
VM_KNOB_RACES=ours run 1 knob-race
is knob-race FAIL "KCSAN: data-race"

# No init: a panic while no program runs.
VM_PARAMETERS="rdinit=/nothing init=/nothing" run 1 passes
is passes FAIL "ended before it began"
is kernel FAIL "Kernel panic"

# A machine that does not end.
VM_BOOT_LIMIT=-9 run 1 passes
is passes FAIL "ended before it began"
is kernel FAIL "did not end within 1 s"

# An emulator that crashes, once and twice: what the machine did is forgotten.
for times in 1 2; do
	emulator "[ \$boots -gt $times ] || {" \
		"	printf '@@ begin fails\n@@ end fails 0\n' >\$results" \
		"	kill -SEGV \$\$" "}"
	run_emulated 1 passes fails
	boots $((times + 1))
	tells_of_crashes $times
	is passes PASS "ok 1 - fine"
	is fails FAIL "exit status 1"
	is kernel PASS
done

# One that always does.
emulator 'kill -ABRT $$'
run_emulated 1 passes
boots 3
tells_of_crashes 2
is passes FAIL "ended before it began"
is kernel FAIL "QEMU ended with 134"

# One that fails, or is killed, has not crashed.
emulator 'echo "no such device"' 'exit 1'
run_emulated 1 passes
boots 1
is kernel FAIL "no such device"
emulator 'kill -KILL $$'
run_emulated 1 passes
boots 1
is kernel FAIL "QEMU ended with 137"

# A complaint of the kernel is one whatever comes after it.
# shellcheck disable=SC2016 # the emulator's
emulator '[ $boots -gt 1 ] || {' \
	'	echo "BUG: looks like one" >$log' \
	'	kill -SEGV $$' '}'
run_emulated 1 passes
boots 1
is kernel FAIL "looks like one"
# shellcheck disable=SC2016
emulator '[ $boots -gt 1 ] || {' \
	'	printf "@@ begin passes\nBUG: looks like one\n" >$log' \
	'	kill -SEGV $$' '}'
run_emulated 1 passes
boots 1
is passes FAIL "looks like one"

[ $bad -ne 0 ] || echo "selftest: run.sh sees what goes wrong"
exit $bad
