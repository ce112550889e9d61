#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# iommunest-inval: how entries are written, what is sent, and what is refused.
# Conditions are quoted for check(), which evaluates them.
# shellcheck disable=SC2016,SC2034
set -u

bin=${top_builddir:-.}/tools
inval=$bin/iommunest-inval

srcdir=${top_srcdir:-$(dirname "$0")/../..}
# shellcheck source=tests/replay/check.sh
. "$srcdir/tests/replay/check.sh"

# sent STATUS LINES ARGUMENT...: what the hardware saw, lines joined by ";".
sent()
{
	want_status=$1
	want=$2
	shift 2
	"$inval" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	got=$(sed -n 's/^hardware: //p' "$tmp/out" | tr '\n' ';')
	check "$*" '[ $status -eq $want_status ]'
	check "$*" '[ "$got" = "$want" ]'
	check "$*" '[ ! -s "$tmp/err" ]'
}

said()
{
	check "$1" "grep -q -e '$1' \"\$tmp/out\""
}

everything='all of the PASID;'
sent 0 "$everything" all
said 'handled 1, flushed 0, skipped 0, pending 0, calls 1'
sent 0 '2^0 pages at 0x1000;' 0x1000+1
sent 0 '2^2 pages at 0x4000;' 0x4000+4
sent 0 '2^0 pages at 0x1000;2^1 pages at 0x2000;2^0 pages at 0x4000;' 0x1000+4
sent 0 '2^3 pages at 0x0;' 0x1000+7
sent 0 '2^9 pages at 0x200000;' 0x3ff000/9
sent 0 '2^0 pages at 0x1000;' 4096/0
sent 0 '2^0 pages at 0x1000;' 010000/00
sent 0 '2^9 pages at 0x200000, leaf;' 0x200000/9:leaf
sent 0 '2^0 pages at 0x1000, leaf;' 0x1000+1:leaf
sent 0 "$everything" 0/52
sent 0 "$everything" 0x1000/63
sent 0 "$everything" 0+0x10000000000000
sent 0 '2^0 pages at 0xfffffffffffff000;' 0xfffffffffffff000+1
sent 0 "${everything}2^0 pages at 0x1000;" all 0x1000+1
sent 0 '2^20 pages at 0x0;' 0/20
sent 0 '2^20 pages at 0x0: refused, and the kernel does not say so;' \
	--qemu-am-18 0/20
sent 0 '2^0 pages at 0x3ffff000;2^0 pages at 0x40000000;' 0x3ffff000+2
sent 0 '2^19 pages at 0x0;' --blocks 1 0x3ffff000+2
sent 0 '2^2 pages at 0x4000;2^3 pages at 0x8000;2^3 pages at 0x10000;' \
	--blocks 3 0x5000+16
sent 0 '2^1 pages at 0x0;' --coalesce 0+1 0x1000+1
sent 0 '2^0 pages at 0x0;2^0 pages at 0x1000;' 0+1 0x1000+1
sent 0 '2^52 pages at 0x0;' --profile 6.12 all
sent 0 '2^52 pages at 0x0: refused, and the kernel does not say so;' \
	--qemu-am-18 --profile 6.12 all
sent 0 "$everything" --qemu-am-18 --profile 7.3 all
sent 0 "$everything" --profile 7.3 all
sent 0 'plain IOTLB, 2^0 pages at 0x1000, leaf;plain IOTLB, 2^52 pages at 0x0;' \
	--profile 6.18 0x1000+1:leaf all

# EIO's words are the C library's.
sent 1 '2^0 pages at 0x0;' --fail-entry 2:EIO 0+1 0x1000+1 0x2000+1
said '^failed: entry 1, of "0x1000+1": I.*/.* error'
said 'handled 1, flushed 0, skipped 0, pending 2, calls 1'
sent 1 '2^0 pages at 0x0;2^0 pages at 0x2000;' \
	--fail-entry 2:EIO --policy skip 0+1 0x1000+1 0x2000+1
said '^skipped: entry 1, of "0x1000+1": I.*/.* error'
said 'handled 2, flushed 0, skipped 1, pending 0, calls 2'
sent 0 "2^0 pages at 0x0;$everything" \
	--fail-entry 2:EIO --policy flush 0+1 0x1000+1 0x2000+1
said 'handled 1, flushed 2, skipped 0, pending 0, calls 2'
said '^flushed all after: entry 1, of "0x1000+1": I.*/.* error'
sent 1 '' --fail 1:ENOENT --fail 2:ENOENT 0+1
said '^failed: the call: No such file'

# ---- An SMMUv3 ----

va='TLBI_NH_VA asid 1 addr 0x1000 leaf'
sent_va='TLBI_NH_VA vmid 1 asid 1 addr 0x1000 leaf;'
sent 0 "${sent_va}SYNC;" --smmuv3 "$va"
said 'handled 1, flushed 0, skipped 0, pending 0, calls 1'
sent 0 "${sent_va}SYNC;" --smmuv3 '0x1000000000012 0x1001'
sent 0 "${sent_va}TLBI_NH_ALL vmid 1;CFGI_CD_ALL sid 0x10001;SYNC;" \
	--smmuv3 "$va" TLBI_NSNH_ALL 'CFGI_CD_ALL sid 1'
sent 0 'CFGI_CD_ALL sid 0x10001;SYNC;' \
	--sid 0x20 --smmuv3 'CFGI_CD_ALL sid 0x20'
# A kernel that issues what precedes a refused command is told it again: its
# count alone does not say that it is done.
once="${sent_va}SYNC;"
for row in "7.3::2:$once$once" "reworked:$once:3:$once$once" \
	"patched:$once:2:$once$once$once"; do
	profile=${row%%:*}
	row=${row#*:}
	stopped=${row%%:*}
	row=${row#*:}
	calls=${row%%:*}
	sent 1 "$stopped" --profile "$profile" --smmuv3 "$va" SYNC "$va"
	said '^check: "SYNC" will be refused: not for the kernel, but for the VMM$'
	said '^failed: entry 1, of "SYNC": .*: not for the kernel, but for the VMM$'
	said "calls $calls\$"
	sent 1 "${row#*:}" --smmuv3 --profile "$profile" \
		--policy skip "$va" 'CFGI_CD_ALL sid 9' "$va"
	said '^skipped: entry 1, .*: no such stream$'
	said 'handled 2, flushed 0, skipped 1, pending 0'
done
said_all='CFGI_CD_ALL sid 0x10001;SYNC;TLBI_NH_ALL vmid 1;SYNC;'
sent 0 "$said_all" --smmuv3 --policy flush SYNC "$va"
said '^flushed all after: entry 0, of "SYNC"'
sent 0 "${said_all}ATC_INV sid 0x10001 addr 0x0 size 52;SYNC;" \
	--smmuv3 --full --policy flush SYNC "$va"
sent 0 "${sent_va}SYNC;${sent_va}SYNC;" --smmuv3 --erratum "$va"

# refusal WHY [OPTION...] COMMAND: what the check says of it, and the kernel.
refusal()
{
	why=$1
	shift
	sent 1 '' --smmuv3 "$@"
	said "^check: .* will be refused: $why\$"
	said "^failed: entry 0, .*: $why\$"
}
refusal 'unknown command' 'unknown 0x42 raw 0x42 0x0'
refusal 'reserved bit' '0x30 0x1'
refusal 'reserved range' --profile 7.3 'TLBI_NH_VA addr 0x1000 tg 1'
refusal 'device TLB, and the host has none' 'ATC_INV sid 1 size 52'
refusal 'substream, and the host has none' 'CFGI_CD sid 1 ssid 1'
refusal 'more than the whole address space' --full 'ATC_INV sid 1 size 53'
sent 0 'ATC_INV sid 0x10001 ssv ssid 0x1 addr 0x0 size 52;SYNC;' \
	--smmuv3 --full 'ATC_INV sid 1 ssv ssid 1 size 52'
sent 1 '' --smmuv3 --fail-entry 1:EIO "$va"
said '^failed: entry 0, of ".*": I.*/.* error$'
sent 1 '' --smmuv3 --fail 1:ETIMEDOUT "$va" "$va"
said '^in doubt: entries 0 to 1: Connection timed out$'

refused()
{
	"$inval" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	check "$*" '[ $status -eq 2 ] && [ ! -s "$tmp/out" ]'
	check "$*" 'grep -q "^Try iommunest-inval --help" "$tmp/err"'
}

refused
check 'no entry' 'grep -qx "iommunest-inval: missing entries" "$tmp/err"'
for entry in '' All everything 0x1000 0x1000+ +1 /1 0x1000+0 0x1001+1 \
	0x1000+0x10000000000000 0xfffffffffffff000+2 0x1000/64 0x1000/-1 \
	0x1000+-1 0x1000/9:leaf:leaf 0x1000/9:Leaf 0x1000/9/9 0x1000+1/1 \
	'0x1000 +1' '0x1000+ 1' all:leaf 0x1000:leaf :leaf 0x1000+1x \
	0x10000000000000000+1 "$(printf '%0100d' 1)+1"; do
	refused "$entry"
	refused all "$entry"
done
for blocks in '' 0 33 -1 x; do
	refused --blocks "$blocks" all
done
refused --policy ask all
refused --profile 5 all
refused --fail 0:EIO all
refused --fail-entry 1:NO all
refused --what all
check 'the short name' 'grep -q "^iommunest-inval: .*--what" "$tmp/err"'
for command in all 'TLBI_NH_VA 1' '0x12' ''; do
	refused --smmuv3 "$command"
	refused --smmuv3 "$va" "$command"
done
refused --smmuv3
refused --smmuv3 "$va" all
check 'why' 'grep -qx "iommunest-inval: \"all\" is not a command: there is no such command" "$tmp/err"'
refused --smmuv3 --profile 6.12 "$va"
refused --smmuv3 --profile 6.18 "$va"
refused --profile patched all
refused --profile reworked all
for option in '--blocks 2' --coalesce --qemu-am-18; do
	# shellcheck disable=SC2086 # an option and its number
	refused --smmuv3 $option "$va"
done
for option in '--sid 2' --full --erratum; do
	# shellcheck disable=SC2086
	refused $option all
	check "$option" 'grep -q "needs --smmuv3" "$tmp/err"'
done
for sid in '' -1 0x100000000 x; do
	refused --smmuv3 --sid "$sid" "$va"
done

"$inval" --help >"$tmp/out" 2>"$tmp/err"
status=$?
check help '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
check help '! grep -q ".\{80\}" "$tmp/out"'
version='iommunest-inval [0-9.]* (libiommunest [0-9.]*)'
for option in --version -V; do
	"$inval" $option >"$tmp/out" 2>"$tmp/err"
	status=$?
	check version '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
	check version 'grep -qx "$version" "$tmp/out"'
done
# What the page's examples print, in the words of this C library.
awk -v out="$tmp/example" '
/^\.Sh / { examples = $2 == "EXAMPLES" }
/^\.Bd/ && examples { block = 1; count++; name = out count; next }
/^\.Ed/ { block = 0 }
!block { next }
/^\$ / { sub(/^\$ iommunest-inval/, ""); command = 1 }
{ more = sub(/\\e$/, "\\") }
command { print > (name ".command"); command = more; next }
{ print > (name ".out") }' "$srcdir/man/iommunest-inval.1.in"
examples=0
for example in "$tmp"/example*.command; do
	examples=$((examples + 1))
	eval "\"$inval\" $(cat "$example")" >"$tmp/got" 2>"$tmp/err" </dev/null
	sed 's,I/O error,Input/output error,' "$tmp/got" >"$tmp/out"
	check "$(cat "$example")" \
		'diff "${example%.command}.out" "$tmp/out" >"$tmp/err"'
done
check 'the examples of the page' '[ $examples -eq 3 ]'

if [ -w /dev/full ]; then
	"$inval" all >/dev/full 2>"$tmp/err"
	status=$?
	check 'full device' '[ $status -eq 1 ]'
fi

finish
