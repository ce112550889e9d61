#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# The programs in examples/: they include public headers only, build without a
# warning, print what is expected, and what they invalidate reaches the
# simulated hardware.  tests/replay/viommu.sh and vsmmu.sh look at the output of
# those two.
set -eu

# shellcheck source=tests/api/example-programs.sh
. "${top_srcdir:-${srcdir:-.}}/tests/api/example-programs.sh"

examples=$top/examples

# build_and_run NAME FILE.c...
build_and_run()
{
	name=$1
	shift
	if ! build_example "$work/$name" "$@"; then
		fail "$name does not build"
		return 1
	fi
	run_example "$work/$name" || fail "$name exits with $?"
}

flushes()
{
	if ! has_entries || ! reaches_hardware; then
		fail "$name: nothing is flushed; is a device attached?"
	fi
}

# prints LINE...: all that the last one printed.
prints()
{
	printf '%s\n' "$@" >"$work/want"
	diff -u "$work/want" "$work/out" || fail "$name: other output"
}

if build_and_run nest-setup "$examples/nest-setup.c"; then
	prints '3 handled, 0 left'
	flushes
fi

if build_and_run nesting "$examples/nesting.c"; then
	prints 'the host can nest this guest' \
		'boot: 0x100000 is written' \
		'nested: 0x40000000 is written' \
		'nested: 0x100000 is blocked' \
		'migration: 0x40000000 is written' \
		'dirty: page 0x100000' \
		'unmapped: 0x40000000 is blocked' \
		'reset: 0x100000 is written' \
		'left open: 0'
	flushes
fi

if build_and_run submit "$examples/submit.c"; then
	prints '3 entries in 1 ioctl'
	flushes
fi

if build_and_run fix-and-resubmit "$examples/fix-and-resubmit.c"; then
	prints '1 handled, 2 left' \
		'cookie 101: Invalid argument' \
		'2 handled, 0 left'
	flushes
fi

# Nothing that is simulated: it brings its own kernel.
if build_and_run smmuv3-resubmit "$examples/smmuv3-resubmit.c"; then
	prints '0 handled, 3 left' \
		'cookie 2: Input/output error' \
		'3 handled, 0 left'
fi

if build_and_run smmuv3-queue "$examples/smmuv3-queue.c"; then
	prints 'ioctl: target 1, slots 0 2: done' \
		'ioctl: target 2, slots 0 2: fails' \
		'ioctl: target 2, slots 2: fails' \
		'ioctl: target 2, slots 2: done' \
		'slot 2: healed' \
		'slot 1: CMD_SYNC completes' \
		'slot 3: CMD_SYNC completes' \
		'ioctl: target 1, slots 4: done' \
		'slot 5: dropped' \
		'slot 6: CMD_SYNC completes' \
		'slot 7: for the VMM: CFGI_STE sid 0x11' \
		'CMDQ_CONS 0x8, GERROR 0x0, commands 8, ioctls 5'
	flushes
fi

if build_and_run fault-loop "$examples/fault-loop.c"; then
	prints '2 requests: 0x1000 0x2000' \
		"the device's group 7: success" \
		'1 requests: 0xdead000' \
		"the device's group 8: invalid"
fi

if build_and_run dirty-loop "$examples/dirty-loop.c"; then
	prints 'round 1: 256 pages' \
		'round 2: 128 pages' \
		'round 3: 32 pages' \
		'round 4: 8 pages' \
		'the rest: 2 pages'
fi

if build_and_run host-caps "$examples/host-caps.c"; then
	prints 'nested translation: yes' \
		'first stage: 5 levels, 1 GiB pages: yes' \
		'PASIDs: 20 bits' \
		'for the guest: CAP 0x11d2008000380c00, ECAP 0x18d9ca0000087'
fi

if build_and_run porting "$examples/porting.c"; then
	prints 'before: 120 ioctls' \
		'after: 8 ioctls, 121 flushes of emulated devices'
	flushes
fi

if build_and_run viommu "$examples"/viommu/*.c; then
	flushes
fi

if build_and_run vsmmu "$examples"/vsmmu/*.c; then
	flushes
fi

# Each is here: a new one needs its output above.
for file in "$examples"/*.c; do
	[ -x "$work/$(basename "$file" .c)" ] || fail "$file is not tested"
done

headers=$(grep -h '^#include <.*iommunest' "$examples"/*.c \
	"$examples"/viommu/*.[ch] "$examples"/vsmmu/*.[ch] | sort -u | tr '\n' ' ')
case $headers in
'#include <libiommunest-sim.h> #include <libiommunest.h> ') ;;
*) fail "they include $headers" ;;
esac

exit $failed
