#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# The example viommu: what its guest reads, step by step, and its command line.
# Conditions are quoted for check(), which evaluates them.
# shellcheck disable=SC2016,SC2034
set -u

viommu=${top_builddir:-.}/examples/viommu/viommu

srcdir=${top_srcdir:-$(dirname "$0")/../..}
# shellcheck source=tests/replay/check.sh
. "$srcdir/tests/replay/check.sh"

run()
{
	"$viommu" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
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
	{ sub(/: I\/O error$/, ": Input/output error") }
	within && (/^  guest reads: / || /^  vmm: /) { print substr($0, 3) }
	' "$tmp/out" >"$tmp/got"
	check "$title" 'diff -u "$tmp/want" "$tmp/got"'
}

run
check 'runs' '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
check 'all steps' '[ $(grep -c "^[^ ]" "$tmp/out") -eq 22 ]'

reads 'A device is plugged in' \
	'vmm: the device sees guest memory'
reads 'It sets up its queue' \
	'guest reads: GSTS 0x4000000'
reads 'It sets its root table, and turns translation on' \
	"vmm: slot 0 is the VMM's: context-cache global" \
	"vmm: slot 1 is the VMM's: pasid-cache global" \
	"vmm: slot 2 is the VMM's: iotlb global" \
	'guest reads: wait 0 is done' \
	'vmm: the device is blocked' \
	'guest reads: GSTS 0xc4000000'
reads 'It gives its device a page table' \
	"vmm: slot 4 is the VMM's: pasid-cache pasid did 7 pasid 0x0" \
	'vmm: hwpt 4 is domain id 7, PASID 0' \
	'guest reads: wait 1 is done'
reads 'It invalidates, and waits' \
	'vmm: ioctl: hwpt 4, 2 of 2 entries' \
	'guest reads: wait 2 is done' \
	'guest reads: IQH 0x140, FSTS 0x0'
reads "It queues more than a vCPU's write handles" \
	'vmm: ioctl: hwpt 4, 64 of 64 entries' \
	'guest reads: wait 3 is not done' \
	'vmm: the main loop goes on with the queue'
reads 'It looks again' \
	'guest reads: wait 3 is done'
reads 'It makes a mistake, and fixes it' \
	'vmm: ioctl: hwpt 4, 1 of 1 entries' \
	'vmm: the queue halts at slot 77: unknown type, or not in this mode' \
	'guest reads: IQH 0x9a0, FSTS 0x10, IQERCD 0x3' \
	'guest reads: wait 4 is done' \
	'guest reads: wait 5 is not done' \
	'vmm: ioctl: hwpt 4, 1 of 1 entries' \
	'guest reads: IQH 0x9e0, FSTS 0x0' \
	'guest reads: wait 5 is done'
reads 'The host fails, and the guest notices nothing' \
	'vmm: ioctl: hwpt 4, 1 of 2 entries: Input/output error' \
	'vmm: ioctl: hwpt 4, 1 of 1 entries' \
	'vmm: slot 81: Input/output error; all of hwpt 4 is flushed instead' \
	'guest reads: IQH 0xa60, FSTS 0x0' \
	'guest reads: wait 6 is done' \
	'guest reads: wait 7 is done'
reads 'It waits for an interrupt' \
	'vmm: ioctl: hwpt 4, 1 of 1 entries' \
	'guest reads: ICS 0x1, IECTL 0xc0000000' \
	'vmm: interrupt, 0x31 to 0xfee00000'
reads 'It changes its entry in place' \
	"vmm: slot 85 is the VMM's: pasid-cache pasid did 8 pasid 0x0" \
	'vmm: hwpt 5 is domain id 8, PASID 0' \
	'vmm: hwpt 4 goes' \
	'guest reads: wait 8 is done'
reads 'It asks for pass-through' \
	"vmm: slot 87 is the VMM's: pasid-cache pasid did 7 pasid 0x0" \
	'vmm: the device sees guest memory' \
	'vmm: hwpt 5 goes' \
	'guest reads: wait 9 is done'
reads 'It asks for what it was not shown' \
	"vmm: slot 89 is the VMM's: pasid-cache pasid did 7 pasid 0x0" \
	'vmm: PASID-table entry refused: not of the first stage' \
	'vmm: the device is blocked' \
	'vmm: fault, reason 0x5b' \
	'guest reads: wait 10 is done' \
	'guest reads: FSTS 0x2, fault reason 0x5b, source id 0x18'
reads 'It gives its device a page table again' \
	"vmm: slot 91 is the VMM's: pasid-cache pasid did 7 pasid 0x0" \
	'vmm: hwpt 4 is domain id 7, PASID 0' \
	'guest reads: wait 11 is done'
reads 'The host keeps failing, and the device is cut off' \
	'vmm: ioctl: hwpt 4, 0 of 1 entries: Input/output error' \
	'vmm: ioctl: hwpt 4, 0 of 0 entries' \
	'vmm: ioctl: hwpt 4, 0 of 1 entries: Input/output error' \
	'vmm: slot 93: Input/output error, and nothing flushes it' \
	'vmm: the device is blocked' \
	'vmm: hwpt 4 goes' \
	'vmm: fault, reason 0x58' \
	'guest reads: wait 12 is done' \
	'guest reads: FSTS 0x2, fault reason 0x58, source id 0x18'
reads 'It invalidates the entry, and has its device back' \
	"vmm: slot 95 is the VMM's: pasid-cache pasid did 7 pasid 0x0" \
	'vmm: hwpt 4 is domain id 7, PASID 0' \
	'guest reads: wait 13 is done'
reads 'The device is unplugged' \
	'vmm: the device is blocked' \
	'vmm: hwpt 4 goes' \
	"vmm: slot 97 is the VMM's: piotlb pages did 7 pasid 0x0 addr 0x700000 am 0 ih" \
	'guest reads: wait 14 is done'
reads 'It is plugged in again' \
	'vmm: hwpt 4 is domain id 7, PASID 0'
reads 'The guest starts its queue anew, with the tail first' \
	'guest reads: wait 15 is not done' \
	'vmm: ioctl: hwpt 4, 1 of 1 entries' \
	'guest reads: IQH 0x40, FSTS 0x0' \
	'guest reads: wait 15 is done'
reads 'It takes the page table away again' \
	"vmm: slot 2 is the VMM's: pasid-cache pasid did 7 pasid 0x0" \
	'vmm: the device is blocked' \
	'vmm: hwpt 4 goes' \
	'guest reads: wait 16 is done'
reads 'It turns translation off' \
	'vmm: the device sees guest memory' \
	'vmm: the device is blocked'

for argument in x --what '' --help=1 -x; do
	run "$argument"
	check "\"$argument\"" '[ $status -eq 2 ] && [ ! -s "$tmp/out" ]'
	check "\"$argument\"" 'grep -q "^Try viommu --help" "$tmp/err"'
done
run x
check 'the argument is named' 'grep -q "unexpected argument \"x\"" "$tmp/err"'
run --what
check 'the option is named' 'sed 1q "$tmp/err" | grep -q what'
run --help
check help '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
check help 'grep -q "^Usage: viommu" "$tmp/out"'
check help '! grep -q ".\{80\}" "$tmp/out"'
if [ -w /dev/full ]; then
	"$viommu" >/dev/full 2>"$tmp/err"
	status=$?
	: >"$tmp/out"
	check 'full device' '[ $status -eq 1 ]'
fi

finish
