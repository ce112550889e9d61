#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# iommunest-capture: its command line, what it makes of a few lines or bytes, and
# what it refuses, where and why.
# Conditions are quoted for check(), which evaluates them.
# shellcheck disable=SC2016,SC2034
set -u

srcdir=${top_srcdir:-$(dirname "$0")/../..}
bin=${top_builddir:-.}/tests/replay
traces=$srcdir/tests/data/qemu-trace

# shellcheck source=tests/replay/check.sh
. "$srcdir/tests/replay/check.sh"

run()
{
	"$bin/iommunest-capture" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}

# made WHAT LINES ARGUMENT...: what is written after the comment, joined by ";",
# and that it replays.
made()
{
	what=$1
	want=$2
	shift 2
	run "$@"
	got=$(sed -e 1,2d "$tmp/out" | tr '\n' ';')
	check "$what" '[ $status -eq 0 ]'
	check "$what" '[ "$got" = "$want" ]'
	"$bin/iommunest-replay" --json "$tmp/out" >"$tmp/json" 2>&1
	replayed=$?
	check "$what" '[ $replayed -eq 0 ]'
}

# ---- Traces ----

# trace LINE...: a file of them; what begins with a verb is an event's rest.
trace()
{
	for line; do
		case $line in
		setup*) echo "vtd_inv_qi_setup addr ${line#setup }" ;;
		tail*) echo "vtd_inv_qi_tail write tail ${line#tail }" ;;
		head*) echo "vtd_inv_qi_head read head ${line#head }" ;;
		d\ *) echo "vtd_inv_desc invalidate desc type x ${line#d }" ;;
		reg*) echo "vtd_reg_write addr ${line#reg }" ;;
		*) echo "$line" ;;
		esac
	done >"$tmp/trace"
}

wait='d high 0x8000 low 0x200000025'
iec='d high 0x0 low 0x4'
flush='d high 0x0 low 0x30026'
w128='d 0x200000025 0x8000'
w256='d 0x200000025 0x8000 0x0 0x0'
f256='d 0x30026 0x0 0x0 0x0'
pasids='# not in the trace: a PASID-cache descriptor, taken for a global one;d 0x37 0x0 0x0 0x0'

trace 'tail 0' 'reg 0x90 size 0x8 value 0x1801' 'setup 0x1000 size 256' \
	'tail 2' vtd_inv_qi_fetch 'head 0' "$flush" 'head 1' "$wait"
made 'one kick' "iqa 0x1801;kick 2;$f256;$w256;" "$tmp/trace"
check 'one kick' '[ ! -s "$tmp/err" ]'
sed 's/^/77@1700000000.123456:/' "$tmp/trace" >"$tmp/timed"
made 'with times' "iqa 0x1801;kick 2;$f256;$w256;" "$tmp/timed"
sed '3i 5@x.y:vtd_inv_qi_tailor write\n77@1.2 vtd_inv_desc\nhello' \
	"$tmp/trace" >"$tmp/other"
made 'other lines' "iqa 0x1801;kick 2;$f256;$w256;" "$tmp/other"

trace 'reg 0x90 size 0x4 value 0x1801' 'reg 0x94 size 0x4 value 0x1' \
	'setup 0x100001000 size 256' 'tail 1' 'head 0' "$wait"
made 'IQA in halves' "iqa 0x100001801;kick 1;$w256;" "$tmp/trace"
trace 'setup 0x1000 size 256' 'tail 1' 'head 0' "$flush" \
	'tail 2' 'head 1' "$wait"
made 'the width by a type' "iqa 0x1801;kick 1;$f256;kick 2;$w256;" "$tmp/trace"
trace 'setup 0x1000 size 128' 'tail 1' 'head 0' "$wait"
made 'the width by the least size' "iqa 0x1800;kick 1;$w256;" "$tmp/trace"
trace 'setup 0x1000 size 32768' 'tail 1' 'head 0' "$wait"
made 'the width by the largest size' "iqa 0x1007;kick 1;$w128;" "$tmp/trace"
trace 'setup 0x1000 size 256' 'tail 1' 'head 0' "$wait"
made 'the width as an option' "iqa 0x1000;kick 1;$w128;" --width 128 \
	"$tmp/trace"
made 'the width as an option' "iqa 0x1801;kick 1;$w256;" --width 256 \
	"$tmp/trace"

wide='reg 0x90 size 0x8 value 0x1801'
trace "$wide" 'setup 0x1000 size 256' 'tail 2' 'head 0' 'head 1' "$wait"
made 'not shown' "iqa 0x1801;kick 2;$pasids;$w256;" "$tmp/trace"
check 'not shown' 'grep -q "1 descriptor is not in the trace" "$tmp/err"'
trace 'tail 2' "$wide" 'setup 0x1000 size 256' 'head 0' "$flush" 'head 1' "$wait"
made 'the tail first' "iqa 0x1801;kick 2;$f256;$w256;" "$tmp/trace"
trace "$wide" 'setup 0x1000 size 256' 'tail 1' "$wait" 'tail 3' "$flush" "$wait"
made 'slots not announced' \
	"iqa 0x1801;kick 1;$w256;kick 3;$f256;$w256;" "$tmp/trace"
trace "$wide" 'setup 0x1000 size 256' 'tail 1' 'head 0' "$wait" 'tail 0' \
	'setup 0x1000 size 256' 'tail 1' 'head 0' "$wait"
made 'two rings' \
	"iqa 0x1801;kick 1;$w256;iqa 0x1801;kick 1;$w256;" "$tmp/trace"

# Linux copies its wait over a slot that was refused.
trace "$wide" 'setup 0x1000 size 256' 'tail 2' 'head 0' "$iec" 'head 0' \
	"$wait" 'head 1' "$wait"
made 'refused' "iqa 0x1801;kick 2;$w256;$w256;" "$tmp/trace"
check 'refused' 'grep -q "1 slot was fetched again" "$tmp/err"'
trace "$wide" 'setup 0x1000 size 256' 'tail 1' 'head 0' "$iec" 'tail 2' \
	'tail 3' 'head 0' "$wait" 'head 1' "$wait" 'head 2' "$wait"
made 'refused, and kicked again' "iqa 0x1801;kick 3;$w256;$w256;$w256;" \
	"$tmp/trace"
trace "$wide" 'setup 0x1000 size 256' 'tail 2' 'head 0' 'head 0' "$wait" \
	'head 1' "$wait"
made 'refused, and not shown' "iqa 0x1801;kick 2;$w256;$w256;" "$tmp/trace"

trace "$wide" 'setup 0x1000 size 256' 'tail 3' 'head 0' "$wait" 'head 1'
made 'cut off' "iqa 0x1801;kick 1;$w256;" "$tmp/trace"
check 'cut off' 'grep -q "last kick is not there to its end" "$tmp/err"'
printf 'vtd_inv_desc invalidate desc type wait high 0x8000 low 0x20' \
	>>"$tmp/trace"
made 'cut off in a number' "iqa 0x1801;kick 1;$w256;" "$tmp/trace"

trace 'tail 7' 'head 5' "$flush" 'head 6' "$wait" 'tail 0' 'head 7' "$wait"
run "$tmp/trace"
check 'begun late' 'grep -q ":2: .*give --iqa" "$tmp/err"'
trace 'tail 7' 'head 5' "$flush" 'head 6' "$wait" 'tail 8' 'head 7' "$wait"
made 'begun late' "iqa 0x1801;kick 2;$f256;$w256;kick 3;$w256;" --iqa 0x1801 \
	"$tmp/trace"
sed -e '/reg_write addr 0x90/d' "$traces/qemu-11.1.trace" >"$tmp/trace"
run "$traces/qemu-11.1.trace"
cp "$tmp/out" "$tmp/all"
run "$tmp/trace"
check 'nothing of registers' 'cmp -s "$tmp/out" "$tmp/all"'
"$bin/iommunest-capture" - <"$tmp/trace" >"$tmp/out" 2>"$tmp/err"
check 'stdin' 'cmp -s "$tmp/out" "$tmp/all"'

# refused WHAT LINE REASON TRACE-LINE...
refused()
{
	what=$1
	at=$2
	reason=$3
	shift 3
	trace "$@"
	run "$tmp/trace"
	check "$what" '[ $status -eq 2 ] && [ ! -s "$tmp/out" ]'
	check "$what" "grep -q '^$tmp/trace:$at: .*$reason' \"\$tmp/err\""
	check "$what" '[ $(wc -l <"$tmp/err") -eq 1 ]'
}

setup='setup 0x1000 size 256'
refused 'no trace' 3 'no trace of QEMU' hello world
refused 'registers only' 2 'no trace of QEMU' "$wide"
refused 'nothing fetched' 4 'no descriptor' "$wide" "$setup" 'tail 0'
refused 'width' 1 'reg_write.*--width' "$setup" 'tail 1' 'head 0' "$wait"
refused 'lines lost' 6 'slot 2 is fetched, and not 1' "$wide" "$setup" \
	'tail 3' 'head 0' "$wait" 'head 2' "$wait"
refused 'no tail' 3 'vtd_inv_qi_tail' "$wide" "$setup" 'head 0' "$wait"
refused 'no setup' 2 'set up before the trace began' "$wide" 'head 0' "$wait"
refused 'no setup' 1 'vtd_inv_qi_setup' "$wait"
refused 'not announced, not shown' 5 'line 3 has 1 more descriptor than.*qi_head' \
	"$wide" "$setup" 'tail 2' "$wait" 'tail 3'
refused 'not announced' 6 'did not queue' "$wide" "$setup" 'tail 2' 'head 0' \
	"$wait" "$wait"
refused 'more than queued' 5 'did not queue' "$wide" "$setup" 'tail 1' "$wait" \
	"$wait"
refused 'beyond the tail' 6 'before the tail' "$wide" "$setup" 'tail 1' \
	'head 0' "$wait" 'head 1' "$wait"
refused 'tail' 3 'beyond the ring of 256' "$wide" "$setup" 'tail 256'
refused 'another IQA' 2 'not the one of IQA 0x1801' "$wide" \
	'setup 0x1000 size 512'
refused 'another IQA' 2 'not the one of IQA 0x1801' "$wide" \
	'setup 0x2000 size 256'
refused 'no size' 1 'no queue' 'setup 0x1000 size 200'
refused 'no size' 1 'no queue' 'setup 0x1000 size 0'
refused 'no size' 1 'no queue' 'setup 0x1000 size 65536'
refused 'no base' 1 'no queue' 'setup 0x1001 size 256'
refused '128 bits' 5 'not shown' 'reg 0x90 size 0x8 value 0x1000' "$setup" \
	'tail 2' 'head 0' 'head 1' "$wait"
for bad in 'tail' 'tail ' 'tail x' 'tail -1' 'tail 1 2' 'head 0x' 'setup 0x1000' \
	'reg 0x90 size 8' 'd high 0x0 low' 'd high 0x0 low 0x10000000000000000' \
	'setup 0x1000 size 256 ' 'tail 11111111111111111111111111111111111111'; do
	refused "malformed: $bad" 2 'not as QEMU prints' "$wide" "$bad"
done

# ---- Guest memory ----

# word NUMBER: 64 bits, little endian; printf(1) may know no more than 31.
word()
{
	for shift in 0 8 16 24 32 40 48 56; do
		# shellcheck disable=SC2059 # an octal number
		printf "\\$(printf '%03o' $(($1 >> shift & 255)))"
	done
}

desc()
{
	for number; do
		word "$number"
	done
}

# 256 slots of 128 bits at 0x1000: a wait in slots 0 to 2, a flush in 255.
{
	for slot in 0 1 2; do
		desc 0x200000025 0x8000
	done
	head -c $((252 * 16)) /dev/zero
	desc 0x12 0
} >"$tmp/ring"
i128='d 0x12 0x0'
made 'pending' "iqa 0x1000;kick 2;$w128;$w128;" --memory --address 0x1000 \
	--iqa 0x1000 --head 1 --tail 3 "$tmp/ring"
made 'pending, around' "iqa 0x1000;kick 3;$i128;$w128;$w128;" --memory \
	--address 0x1000 --iqa 0x1000 --head 255 --tail 2 "$tmp/ring"
made 'history' "iqa 0x1000;kick 2;$i128;$w128;kick 3;$w128;kick 4;$w128;" \
	--memory --address 0x1000 --iqa 0x1000 --history --tail 3 "$tmp/ring"
{
	head -c 4096 /dev/zero
	cat "$tmp/ring"
	echo more
} >"$tmp/memory"
made 'all of memory' "iqa 0x1000;kick 1;$w128;" --memory --iqa 0x1000 --head 0 \
	--tail 1 "$tmp/memory"
for slot in $(seq 128); do
	desc 0x30026 0 0 0
done >"$tmp/full"
run --memory --iqa 0x1800 --address 0x1000 --history --tail 9 "$tmp/full"
check 'a ring without waits' \
	'[ $(grep -c "^d 0x30026" "$tmp/out") -eq 128 ]'
"$bin/iommunest-replay" "$tmp/out" >"$tmp/json" 2>&1
check 'a ring without waits' 'grep -q "descriptors done  *128" "$tmp/json"'

# An ELF core with one segment: 0x1000 of memory is at 120 of the file.
{
	printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\4\0\76\0\1\0\0\0'
	desc 0 64 0
	printf '\0\0\0\0\100\0\70\0\1\0\0\0\0\0\0\0'
	printf '\1\0\0\0\0\0\0\0'
	desc 120 0 0x1000 4096 4096 0
	cat "$tmp/ring"
} >"$tmp/core"
made 'a core' "iqa 0x1000;kick 1;$w128;" --memory --iqa 0x1000 --head 0 \
	--tail 1 "$tmp/core"

unreadable()
{
	what=$1
	reason=$2
	shift 2
	run --memory "$@"
	check "$what" '[ $status -eq 2 ] && [ ! -s "$tmp/out" ]'
	check "$what" "grep -q '$reason' \"\$tmp/err\""
	check "$what" '[ $(wc -l <"$tmp/err") -le 2 ]'
}
unreadable 'cut off' '0x1000 to 0x1fff, where the ring is, is not in it' \
	--iqa 0x1000 --head 0 --tail 1 "$tmp/ring"
unreadable 'before the file' 'is not in it' --iqa 0x1000 --head 0 --tail 1 \
	--address 0x2000 "$tmp/ring"
unreadable 'not in the core' 'is not in it' --iqa 0x2000 --head 0 --tail 1 \
	"$tmp/core"
head -c 200 "$tmp/core" >"$tmp/short"
unreadable 'a core, cut off' 'is not in it' --iqa 0x1000 --head 0 --tail 1 \
	"$tmp/short"
unreadable 'no slot' '256 slots' --iqa 0x1000 --head 256 --tail 1 \
	--address 0x1000 "$tmp/ring"
unreadable 'no slot' '256 slots' --iqa 0x1000 --head 0 --tail 256 \
	--address 0x1000 "$tmp/ring"
unreadable 'nothing pending' 'nothing is between' --iqa 0x1000 --head 1 \
	--tail 1 --address 0x1000 "$tmp/ring"
unreadable 'empty ring' 'the ring is empty' --iqa 0x1000 --history --tail 1 \
	--address 0x1000 /dev/zero
unreadable 'a folder' 'cannot read: Is a directory' --iqa 0x1000 --history \
	--tail 1 "$tmp"

# ---- An SMMUv3: a trace, and guest memory ----

# mmio LINE...: "REGISTER VALUE" of 4 bytes, or other lines.
mmio()
{
	for line; do
		value=${line#* }
		size=4
		case $line in
		cr0\ *) offset=0x20 ;;
		gerrorn\ *) offset=0x64 ;;
		base\ *) offset=0x90 size=8 ;;
		low\ *) offset=0x90 ;;
		high\ *) offset=0x94 ;;
		prod\ *) offset=0x98 ;;
		cons\ *) offset=0x9c ;;
		*)
			echo "$line"
			continue
			;;
		esac
		echo "smmuv3_write_mmio addr: $offset val:$value size: 0x$size(0)"
	done >"$tmp/trace"
}

# 8 slots at 0x1000, and 4 at 0x2000: each command is its number.
{
	for number in 1 2 3 4 5 6 7 8; do
		desc 0x30 "$number"
	done
	head -c $((4096 - 8 * 16)) /dev/zero
	for number in 9 10 11 12; do
		desc 0x30 "$number"
	done
} >"$tmp/ram"

# queue WHAT LINES MMIO-LINE...
queue()
{
	what=$1
	want=$2
	shift 2
	mmio "$@"
	run --cmdq --address 0x1000 "$tmp/trace" "$tmp/ram"
	got=$(sed -e 1,2d "$tmp/out" | tr '\n' ';')
	check "$what" '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
	check "$what" '[ "$got" = "$want" ]'
	check "$what" '[ "$(head -n 1 "$tmp/out")" = "cmdq-capture 1" ]'
	"$bin/iommunest-replay" --json "$tmp/out" >"$tmp/json" 2>&1
	# The commands have bits that they should not have.
	replayed=$?
	check "$what" '[ $replayed -le 1 ]'
}
c1='c 0x30 0x1'
c2='c 0x30 0x2'
c3='c 0x30 0x3'
queue 'one command' "base 0x1003;cr0 0x8;prod 0x1;$c1;" \
	'base 0x1003' 'cr0 0x8' 'prod 0x1'
queue 'other lines' "base 0x1003;cr0 0x8;prod 0x1;$c1;" hello 'base 0x1003' \
	'smmuv3_write_mmio addr: 0x98 val:0x7 size: 0x4(1)' \
	'smmuv3_write_mmio addr: 0x98 val:0x7 size: 0x8(0)' \
	'smmuv3_write_mmio addr: 0x80 val:0x7 size: 0x8(0)' \
	'smmuv3_write_mmioo' 'cr0 0x8' 'prod 0x1'
queue 'BASE in halves' "base 0x1003;cr0 0x8;prod 0x1;$c1;" 'low 0x1003' \
	'high 0x0' 'cr0 0x8' 'prod 0x1'
queue 'queued while disabled' "base 0x1003;prod 0x2;$c1;$c2;prod 0x3;$c3;cr0 0x8;" \
	'base 0x1003' 'prod 0x2' 'prod 0x3' 'cr0 0x8'
queue 'where it begins' "base 0x1003;prod 0xa;cons 0xa;cr0 0x8;prod 0xb;$c3;" \
	'base 0x1003' 'prod 0xa' 'cons 0xa' 'cr0 0x8' 'prod 0xb'
queue 'queued, and CONS among them' \
	"base 0x1003;prod 0x2;$c1;$c2;cons 0x1;cr0 0x8;" \
	'base 0x1003' 'prod 0x2' 'cons 0x1' 'cr0 0x8'
queue 'around' "base 0x1003;prod 0x7;cons 0x7;cr0 0x8;prod 0xa;c 0x30 0x8;$c1;$c2;" \
	'base 0x1003' 'prod 0x7' 'cons 0x7' 'cr0 0x8' 'prod 0xa'
queue 'another queue' "base 0x1003;cr0 0x8;prod 0x1;$c1;cr0 0x0;base 0x2002;\
prod 0x0;cons 0x0;cr0 0x8;gerrorn 0x1;prod 0x1;c 0x30 0x9;" \
	'base 0x1003' 'cr0 0x8' 'prod 0x1' 'cr0 0x0' 'base 0x2002' 'prod 0x0' \
	'cons 0x0' 'cr0 0x8' 'gerrorn 0x1' 'prod 0x1'
queue 'cut off' "base 0x1003;cr0 0x8;prod 0x1;$c1;" \
	'base 0x1003' 'cr0 0x8' 'prod 0x1'
printf 'smmuv3_write_mmio addr: 0x98 val:0x' >>"$tmp/trace"
run --cmdq --address 0x1000 - "$tmp/ram" <"$tmp/trace"

# no_queue WHAT LINE REASON MMIO-LINE...
no_queue()
{
	what=$1
	at=$2
	reason=$3
	shift 3
	mmio "$@"
	run --cmdq --address 0x1000 "$tmp/trace" "$tmp/ram"
	check "$what" '[ $status -eq 2 ] && [ ! -s "$tmp/out" ]'
	check "$what" "grep -q '^$tmp/trace:$at: .*$reason' \"\$tmp/err\""
	check "$what" '[ $(wc -l <"$tmp/err") -eq 1 ]'
}
b='base 0x1003'
no_queue 'no trace' 2 'no trace of QEMU' hello
no_queue 'nothing queued' 3 'no command' "$b" 'cr0 0x8'
no_queue 'begun late' 1 'before the trace began' 'prod 0x1'
no_queue 'begun late' 2 'before the trace began' 'cr0 0x0' 'cr0 0x8'
no_queue 'beyond' 3 '0x10 is beyond the queue of 8' "$b" 'cr0 0x8' 'prod 0x10'
no_queue 'beyond' 2 'beyond the queue' "$b" 'cons 0x10'
no_queue 'more than it has' 4 'moves by 9 .*missing' "$b" 'cr0 0x8' 'prod 0x1' \
	'prod 0xa'
no_queue 'wrapped' 4 'filled again' "$b" 'cr0 0x8' 'prod 0x8' 'prod 0x9'
no_queue 'wrapped' 5 'filled again' "$b" 'cr0 0x8' 'prod 0x6' 'prod 0x8' \
	'prod 0x9'
no_queue 'set up again' 8 'filled again' "$b" 'cr0 0x8' 'prod 0x2' 'cr0 0x0' \
	'prod 0x0' 'cons 0x0' 'cr0 0x8' 'prod 0x1'
no_queue 'set up again, elsewhere in it' 6 'filled again' "$b" 'cr0 0x8' \
	'prod 0x8' 'cr0 0x0' 'base 0x1042' 'prod 0x1' 'cons 0x0'
no_queue 'BASE while enabled' 3 'CMDQ_BASE is written' "$b" 'cr0 0x8' "$b"
no_queue 'CONS while enabled' 3 'CMDQ_CONS is written' "$b" 'cr0 0x8' 'cons 0x0'
no_queue 'not shown' 3 'between CMDQ_CONS and' "$b" 'cons 0xe' 'cr0 0x8'
no_queue 'not shown' 3 'between CMDQ_CONS and' "$b" 'cons 0xe'
no_queue 'not in memory' 3 'not in .*ram' 'base 0x8003' 'cr0 0x8' 'prod 0x1'
no_queue 'not in memory' 3 'not in .*ram' 'base 0x2004' 'cr0 0x8' 'prod 0x5'
no_queue 'before memory' 3 '0x10 to 0xf, where\|0x0 to 0xf, where' \
	'base 0x3' 'cr0 0x8' 'prod 0x1'
for bad in 'addr: 0x98 val:0x1 size: 0x4' 'addr: 0x98 val:0x1 size: 0x4(0' \
	'addr: 0x98 val:x size: 0x4(0)' 'addr: 0x98 val:0x1' '' \
	'addr: 0x98 val:0x100000000 size: 0x4(0)' \
	'addr: 0x98 val:0x1 size: 0x4(0) '; do
	no_queue "malformed: $bad" 3 'not as QEMU prints' "$b" 'cr0 0x8' \
		"smmuv3_write_mmio $bad"
done
mmio "$b" 'cr0 0x8' 'prod 0x1'
run --cmdq "$tmp/trace" "$tmp"
check 'memory is a folder' '[ $status -eq 2 ] && [ ! -s "$tmp/out" ]'
check 'memory is a folder' 'grep -q ":3: cannot read .*: Is a dir" "$tmp/err"'
run --cmdq "$tmp/trace" "$tmp/no-such"
check 'no memory' '[ $status -eq 2 ] && grep -q "no-such: No such" "$tmp/err"'

# ---- Arguments ----

usage()
{
	run "$@"
	check "usage: $*" '[ $status -eq 2 ] && [ ! -s "$tmp/out" ]'
	check "usage: $*" 'grep -q "^Try iommunest-capture --help" "$tmp/err"'
}
usage
check 'no file' 'grep -qx "iommunest-capture: missing file" "$tmp/err"'
usage "$tmp/trace" "$tmp/trace"
usage --frobnicate "$tmp/trace"
for value in '' 0 129 64 512 x 128x; do
	usage --width "$value" "$tmp/trace"
done
for value in '' x -1 0x1008 0x10000000000000000; do
	usage --iqa "$value" "$tmp/trace"
done
for value in '' x -1 32768 0x; do
	usage --memory --iqa 0x1000 --head "$value" --tail 1 "$tmp/ring"
	usage --memory --iqa 0x1000 --head 1 --tail "$value" "$tmp/ring"
done
usage --memory --iqa 0x1000 --address x --head 1 --tail 2 "$tmp/ring"
usage --memory "$tmp/ring"
usage --memory --iqa 0x1000 --head 0 "$tmp/ring"
usage --memory --head 0 --tail 1 "$tmp/ring"
usage --memory --iqa 0x1000 --tail 1 "$tmp/ring"
usage --memory --iqa 0x1000 --tail 1 --head 0 --history "$tmp/ring"
usage --memory --iqa 0x1000 --tail 1 --head 0 --width 128 "$tmp/ring"
for option in '--address 0' '--head 0' '--tail 0' --history; do
	# shellcheck disable=SC2086 # an option and its value
	usage $option "$tmp/trace"
done
usage --cmdq
check 'cmdq, no file' 'grep -qx "iommunest-capture: missing file" "$tmp/err"'
usage --cmdq "$tmp/trace"
check 'cmdq, one file' 'grep -q "a trace and a file of guest mem" "$tmp/err"'
usage --cmdq "$tmp/trace" "$tmp/ram" "$tmp/ram"
check 'cmdq, three files' 'grep -q "more than two files" "$tmp/err"'
usage --cmdq - -
for option in --memory '--width 128' '--iqa 0x1000' '--head 0' '--tail 0' \
	--history; do
	# shellcheck disable=SC2086 # an option and its value
	usage --cmdq $option "$tmp/trace" "$tmp/ram"
done
run "$tmp/no-such"
check 'no file' '[ $status -eq 2 ] && [ ! -s "$tmp/out" ]'
check 'no file' 'grep -q "no-such: No such file" "$tmp/err"'
run "$tmp"
check 'a folder' '[ $status -eq 2 ] && [ ! -s "$tmp/out" ]'
check 'a folder' 'grep -q ":1: cannot read: Is a directory" "$tmp/err"'

run --help
check help '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
for option in width iqa memory address head tail history cmdq help version; do
	check help "grep -q -e '--$option' \"\$tmp/out\""
done
# A form of the command line that takes both would be refused.
manual=$srcdir/man/iommunest-capture.1.in
forms=$(sed -n '/^.Sh SYNOPSIS/,/^.Sh DESC/p' "$manual" | grep -v '^.Sh' |
	tr '\n' ' ')
for option in 'head Ar n' history; do
	check "the manual has --$option" 'echo "$forms" |
		grep -qF ".Fl -iqa Ar value .Fl -$option .Fl -tail Ar n .Ar file .Nm"'
done
check 'help fits a terminal' '! grep -q ".\{80\}" "$tmp/out"'
version='iommunest-capture [0-9.]* (libiommunest [0-9.]*)'
for option in --version -V; do
	run $option
	check version '[ $status -eq 0 ] && grep -qx "$version" "$tmp/out"'
done
if [ -w /dev/full ]; then
	"$bin/iommunest-capture" "$traces/qemu-11.1.trace" >/dev/full 2>"$tmp/err"
	status=$?
	: >"$tmp/out"
	check 'a full device' '[ $status -eq 1 ]'
fi

finish
