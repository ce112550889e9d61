#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# The example vsmmu: what its guest reads, step by step, and its command line.
# Conditions are quoted for check(), which evaluates them.
# shellcheck disable=SC2016,SC2034
set -u

vsmmu=${top_builddir:-.}/examples/vsmmu/vsmmu

srcdir=${top_srcdir:-$(dirname "$0")/../..}
# shellcheck source=tests/replay/check.sh
. "$srcdir/tests/replay/check.sh"

run()
{
	"$vsmmu" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}

# reads TITLE LINE...: what the VMM and the guest see in the step with that
# title, and in that order, with an error in glibc's words.
reads()
{
	title=$1
	shift
	printf '%s\n' "$@" >"$tmp/want"
	awk -v title="$title" '
	/^[^ ]/ { within = $0 == title }
	{ sub(/I\/O error/, "Input/output error") }
	{ sub(/Operation timed out/, "Connection timed out") }
	within && (/^  guest reads: / || /^  vmm: /) { print substr($0, 3) }
	' "$tmp/out" >"$tmp/got"
	check "$title" 'diff -u "$tmp/want" "$tmp/got"'
}

run
check 'runs' '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
check 'all steps' '[ $(grep -c "^[^ ]" "$tmp/out") -eq 25 ]'

reads 'A device is plugged in' \
	'vmm: the device sees guest memory'
reads 'The guest looks at what it has' \
	'guest reads: IDR0 0xd40301a, IDR1 0x1080010, IDR3 0x1400, IDR5 0x72'
reads 'It blocks its device until it has a table' \
	'vmm: the device is blocked'
reads 'It sets up its stream table and command queue' \
	"vmm: slot 0 is the VMM's: CFGI_STE_RANGE sid 0x0 range 31" \
	'guest reads: the sync in slot 1 is done' \
	"vmm: slot 2 is the VMM's: TLBI_NSNH_ALL" \
	'guest reads: the sync in slot 3 is done'
reads 'It turns its SMMU on' \
	'guest reads: CR0ACK 0xd'
reads 'It gives its device a context descriptor' \
	'vmm: slot 4: nobody has stream 0x18: CFGI_CD' \
	"vmm: slot 5 is the VMM's: CFGI_STE sid 0x18 leaf" \
	'vmm: the device is attached to hwpt 7' \
	'guest reads: the sync in slot 6 is done'
reads 'Two of its CPUs invalidate, and wait' \
	'vmm: ioctl: viommu 4, 2 entries' \
	'guest reads: the sync in slot 10 is done' \
	'guest reads: the sync in slot 8 is done' \
	'guest reads: CMDQ_CONS 0xb, GERROR 0x0'
reads 'It changes the context descriptor' \
	'vmm: ioctl: viommu 4, 1 entry' \
	'vmm: ioctl: viommu 4, 1 entry' \
	'guest reads: the sync in slot 14 is done' \
	'guest reads: the sync in slot 12 is done'
reads "It queues more than a vCPU's write handles" \
	'vmm: ioctl: viommu 4, 63 entries' \
	'vmm: ioctl: viommu 4, 1 entry' \
	'guest reads: the sync in slot 79 is not done' \
	'vmm: the main loop goes on with the queue'
reads 'It looks again' \
	'guest reads: the sync in slot 79 is done'
reads 'It makes a mistake, and fixes it' \
	'vmm: ioctl: viommu 4, 1 entry' \
	'vmm: interrupt 2' \
	'vmm: the queue halts at slot 82: CERROR_ILL, not for the kernel, but for the VMM' \
	'guest reads: CMDQ_CONS 0x1000052, GERROR 0x1' \
	'guest reads: the sync in slot 81 is done' \
	'guest reads: the sync in slot 83 is not done' \
	'guest reads: CMDQ_CONS 0x54, GERROR 0x1' \
	'guest reads: the sync in slot 83 is done'
reads 'The host fails, and the guest notices nothing' \
	'vmm: ioctl: viommu 4, 2 entries: Input/output error' \
	'vmm: ioctl: viommu 4, 1 entry: Input/output error' \
	'vmm: ioctl: viommu 4, 1 entry' \
	'vmm: slot 86: Input/output error; all of viommu 4 is flushed instead' \
	'guest reads: the sync in slot 87 is done' \
	'guest reads: the sync in slot 85 is done' \
	'guest reads: CMDQ_CONS 0x58, GERROR 0x1'
reads 'The host keeps failing, and the device is cut off' \
	'vmm: ioctl: viommu 4, 1 entry: Connection timed out' \
	'vmm: ioctl: viommu 4, 1 entry: Connection timed out' \
	'vmm: slot 88: Connection timed out, and nothing flushes it' \
	'vmm: the device is blocked' \
	'vmm: hwpt 7 goes' \
	'vmm: event F_STE_FETCH' \
	'vmm: interrupt 1' \
	'guest reads: the sync in slot 89 is done' \
	'guest reads: F_STE_FETCH of stream 0x18'
reads 'It invalidates the entry, and has its device back' \
	"vmm: slot 90 is the VMM's: CFGI_STE sid 0x18 leaf" \
	'vmm: the device is attached to hwpt 7' \
	'guest reads: the sync in slot 91 is done'
reads 'The device uses it, and the host has an event' \
	'vmm: event C_BAD_CD from the host' \
	'vmm: interrupt 1' \
	'guest reads: C_BAD_CD of stream 0x18'
reads 'It has its syncs send interrupts' \
	'vmm: interrupt 3' \
	'vmm: interrupt 2' \
	'guest reads: CMDQ_CONS 0x5e, GERROR 0x11'
reads 'It changes its entry in place' \
	"vmm: slot 94 is the VMM's: CFGI_STE sid 0x18 leaf" \
	'vmm: the device is attached to hwpt 8' \
	'vmm: hwpt 7 goes' \
	'guest reads: the sync in slot 95 is done'
reads 'It asks for bypass' \
	"vmm: slot 96 is the VMM's: CFGI_STE sid 0x18 leaf" \
	'vmm: the device sees guest memory' \
	'vmm: hwpt 8 goes' \
	'guest reads: the sync in slot 97 is done'
reads 'It asks for what it was not shown' \
	"vmm: slot 98 is the VMM's: CFGI_STE sid 0x18 leaf" \
	'vmm: stream table entry refused: Config is not abort, bypass or stage 1' \
	'vmm: the device is blocked' \
	'vmm: event C_BAD_STE' \
	'vmm: interrupt 1' \
	'guest reads: the sync in slot 99 is done' \
	'guest reads: C_BAD_STE of stream 0x18'
reads 'It gives its device a context descriptor again' \
	"vmm: slot 100 is the VMM's: CFGI_STE sid 0x18 leaf" \
	'vmm: the device is attached to hwpt 7' \
	'guest reads: the sync in slot 101 is done'
reads 'The device is unplugged' \
	'vmm: the device is blocked' \
	'vmm: hwpt 7 goes' \
	"vmm: slot 102 is the VMM's: TLBI_NH_VA asid 7 addr 0x700000 leaf" \
	'guest reads: the sync in slot 103 is done'
reads 'It is plugged in again' \
	'vmm: the device is attached to hwpt 7'
reads "It has its device's DMA aborted" \
	"vmm: slot 104 is the VMM's: CFGI_STE sid 0x18 leaf" \
	'vmm: the device is blocked' \
	'vmm: hwpt 7 goes' \
	'guest reads: the sync in slot 105 is done'
reads 'It turns its SMMU off' \
	'vmm: the device sees guest memory' \
	'vmm: the device is blocked'

for argument in x --what '' --help=1 -x; do
	run "$argument"
	check "\"$argument\"" '[ $status -eq 2 ] && [ ! -s "$tmp/out" ]'
	check "\"$argument\"" 'grep -q "^Try vsmmu --help" "$tmp/err"'
done
run x
check 'the argument is named' 'grep -q "unexpected argument \"x\"" "$tmp/err"'
run --what
check 'the option is named' 'sed 1q "$tmp/err" | grep -q what'
run --help
check help '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
check help 'grep -q "^Usage: vsmmu" "$tmp/out"'
check help '! grep -q ".\{80\}" "$tmp/out"'
if [ -w /dev/full ]; then
	"$vsmmu" >/dev/full 2>"$tmp/err"
	status=$?
	: >"$tmp/out"
	check 'full device' '[ $status -eq 1 ]'
fi

finish
