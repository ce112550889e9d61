#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# The command line of iommunest-replay: what it refuses before anything is
# submitted, and what it prints where.
# Conditions are quoted for check(), which evaluates them.
# shellcheck disable=SC2016,SC2034
set -u

srcdir=${top_srcdir:-$(dirname "$0")/../..}
replay=${top_builddir:-.}/tests/replay/iommunest-replay
captures=$srcdir/tests/data/guest-iq
short=$captures/flts-lazy.iq
cmdqs=$srcdir/tests/data/guest-cmdq
cshort=$cmdqs/strict-seq.cmdq

# shellcheck source=tests/replay/check.sh
. "$srcdir/tests/replay/check.sh"

# Leaves what it printed in $tmp/out and $tmp/err, and its status in $status.
run()
{
	"$replay" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}

# ---- Malformed captures: name, line, reason; then the file ----

malformed()
{
	# shellcheck disable=SC2059 # what is written has \n
	printf "$4" >"$tmp/bad.iq"
	for mode in --json --stats --verbose; do
		run $mode "$tmp/bad.iq"
		check "$1, $mode" '[ $status -eq 2 ]'
		check "$1, $mode" '[ ! -s "$tmp/out" ]'
		check "$1, $mode" \
			"grep -q '^$tmp/bad\\.iq:$2: .*$3' \"\$tmp/err\""
		check "$1, $mode" '[ $(wc -l <"$tmp/err") -eq 1 ]'
	done
	"$replay" --json - <"$tmp/bad.iq" >"$tmp/out" 2>"$tmp/err"
	status=$?
	check "$1, stdin" '[ $status -eq 2 ] && [ ! -s "$tmp/out" ]'
	check "$1, stdin" "grep -q '^<stdin>:$2: .*$3' \"\$tmp/err\""
}

head='iq-capture 1\n'
ring='iq-capture 1\niqa 0x1800\n'
good="${ring}kick 2\\nd 0x40036 0x1000 0 0\\nd 0x200000025 0x8000 0 0\\n"

malformed 'empty file' 1 'not a capture' ''
malformed 'other file' 1 'not a capture' 'hello\n'
malformed 'unknown keyword' 6 'unknown keyword "tail"' "${good}tail 3\\n"
malformed 'blank line' 6 'blank line' "${good}\\n"
malformed 'missing word' 3 'fewer' "${ring}kick\\n"
malformed 'extra word' 6 'more' "${good}kick 3 4\\n"
malformed 'bad number' 6 'not a number' "${good}kick 0x\\n"
malformed '65 bits' 2 '64 bits' "${head}iqa 0x10000000000000000\\n"
malformed 'no iqa' 2 'kick before' "${head}kick 1\\n"
malformed 'reserved bits' 2 'reserved bits' "${head}iqa 0x1c00\\n"
malformed 'd before a kick' 3 'd before' "${ring}d 0 0 0 0\\n"
malformed 'words for another width' 7 'fewer' "${good}kick 3\\nd 0x11 0\\n"
malformed 'kick beyond the ring' 6 'beyond' "${good}kick 128\\n"
malformed 'd missing' 8 'lacks 1 d' "${good}kick 4\\nd 4 0 0 0\\n"
malformed 'd missing before a kick' 8 'line 6 lacks 1 d' \
	"${good}kick 4\\nd 4 0 0 0\\nkick 5\\nd 4 0 0 0\\n"
malformed 'd too many' 6 'more descriptors' "${good}d 0x4 0 0 0\\n"
malformed 'NUL byte' 6 'NUL' "${good}kick \\0003\\n"
malformed 'cut off' 7 'truncated' "${good}kick 3\\nd 0x4 0x0 0x0 0x"
malformed 'second ring' 7 'beyond' "${good}iqa 0x1800\\nkick 200\\n"

line=$(printf '%05000d' 0)
malformed 'long line' 6 'more than 4095 bytes' "${good}# $line\\n"

# The same of an SMMUv3's; test-capture-cmdq.c has all of them.
chead='cmdq-capture 1\n'
con="${chead}base 0x1002\\ncr0 8\\n"
cgood="${con}prod 2\\nc 0x30 0\\nc 0x46 0\\n"
malformed 'cmdq: unknown keyword' 7 'unknown keyword "kick"' "${cgood}kick 3\\n"
malformed 'cmdq: bad hex' 7 'not a number' "${cgood}prod 0xg\\n"
malformed 'cmdq: PROD beyond' 7 'beyond the queue of 4' "${cgood}prod 8\\n"
malformed 'cmdq: PROD too far' 7 'moves by 5 slots' "${cgood}prod 7\\n"
malformed 'cmdq: c missing' 9 'line 7 lacks 1 command' \
	"${cgood}prod 4\\nc 0x46 0\\n"
malformed 'cmdq: c too many' 7 'more commands' "${cgood}c 0x46 0\\n"
malformed 'cmdq: base while enabled' 7 'base while' "${cgood}base 0x1002\\n"
malformed 'cmdq: cons while enabled' 7 'cons while' "${cgood}cons 0\\n"
malformed 'cmdq: no base' 2 'prod before' "${chead}prod 0\\n"
malformed 'cmdq: cut off' 7 'truncated' "${cgood}prod 0x"

# ---- Arguments ----

usage()
{
	run "$@"
	check "$*" '[ $status -eq 2 ] && [ ! -s "$tmp/out" ]'
	check "$*" 'grep -q "^Try iommunest-replay --help" "$tmp/err"'
}

usage
check 'no capture' 'grep -qx "iommunest-replay: missing capture file" "$tmp/err"'
usage "$short" "$short"
usage --frobnicate "$short"
check 'the short name' 'grep -q "^iommunest-replay: .*frobnicate" "$tmp/err"'
usage --json=1 "$short"
usage --batch-kicks
for value in 0 -1 +1 '' x 1x 0x ' 1' 18446744073709551616; do
	usage --batch-kicks "$value" "$short"
done
for value in 0:EIO 1 1: :EIO 1:0 1:4096 1:EFOO 1:EIO: -1:EIO 1:-5 1:eio \
	1x:EIO x:EIO '' 18446744073709551616:EIO \
	00000000000000000000000000000000000001:EIO; do
	usage --fail "$value" "$short"
	usage --fail-entry "$value" "$short"
done
for value in '' ask STOP flush-all; do
	usage --policy "$value" "$short"
done
for value in '' 6.6 7; do
	usage --profile "$value" "$short"
	usage --backend "$value" "$short"
done
usage --profile reworked "$short"
check 'a profile of an SMMUv3' 'grep -q "captures of an SMMUv3" "$tmp/err"'
for profile in 6.12 6.18; do
	usage --profile $profile "$cshort"
done
check 'a profile of a VT-d' 'grep -q "captures of a VT-d" "$tmp/err"'
usage --coalesce "$cshort"
usage --vmm-stream 1 "$short"
usage --no-stream 1 "$short"
for value in '' x -1 +1 0x 1x 0x100000000; do
	usage --vmm-stream "$value" "$cshort"
	usage --no-stream "$value" "$cshort"
done
usage --vmm-stream 1 --vmm-stream 0x1 "$cshort"
usage --vmm-stream 16 --no-stream 0x10 "$cshort"
streams=
for n in $(seq 64); do
	streams="$streams --no-stream $n"
done
# shellcheck disable=SC2086 # several options
run $streams "$cshort"
check '64 streams' '[ $status -eq 0 ]'
# shellcheck disable=SC2086 # several options
usage $streams --no-stream 65 "$cshort"
usage --device node "$short"
usage --backend vfio "$short"
usage --backend vfio --device node --fail 1:EIO "$short"
usage --backend vfio --device node --profile 6.12 "$short"
faults=
for n in $(seq 64); do
	faults="$faults --fail $n:EAGAIN"
done
run $faults --policy skip "$short"
check '64 failures' '[ $status -eq 1 ]'
# shellcheck disable=SC2086 # several options
usage $faults --fail 65:EIO "$short"

run "$tmp/no-such.iq"
check 'no file' '[ $status -eq 2 ] && [ ! -s "$tmp/out" ]'
check 'no file' 'grep -q "no-such.iq: No such file" "$tmp/err"'
run "$tmp"
check 'a folder' '[ $status -eq 2 ] && [ ! -s "$tmp/out" ]'
check 'a folder' 'grep -q ":1: cannot read: Is a directory" "$tmp/err"'

run --help
check 'help' '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
for option in json stats verbose descriptors batch-kicks coalesce per-descriptor fail \
	fail-entry policy profile vmm-stream no-stream backend device help version; do
	check 'help' "grep -q -e '--$option' \"\$tmp/out\""
done
check 'help counts from 1' 'grep -q "counted from 1" "$tmp/out"'
check 'help fits a terminal' '! grep -q ".\{80\}" "$tmp/out"'
version='iommunest-replay [0-9.]* (libiommunest [0-9.]*)'
for option in --version -V; do
	run $option
	check 'version' '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
	check 'version' 'grep -qx "$version" "$tmp/out"'
done

# ---- What goes where ----

run --json "$short"
cp "$tmp/out" "$tmp/json"
check 'json' '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
check 'json' '! grep -v "^{\"event\":\"[a-z]*\".*}$" "$tmp/out"'
"$replay" --json - <"$short" >"$tmp/out" 2>"$tmp/err"
check 'stdin' 'cmp -s "$tmp/json" "$tmp/out"'

run "$short"
cp "$tmp/out" "$tmp/table"
check 'table' '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
check 'table' 'grep -q "entries per ioctl" "$tmp/out"'
run --stats "$short"
check 'stats is the default' 'cmp -s "$tmp/table" "$tmp/out"'
run --json --stats "$short"
check 'json and stats' 'cmp -s "$tmp/json" "$tmp/out"'
check 'json and stats' 'cmp -s "$tmp/table" "$tmp/err"'
run --verbose "$short"
calls=$(grep -c '"event":"submit"' "$tmp/json")
check 'verbose' '[ $(grep -c "^call [0-9]*: hwpt " "$tmp/out") -eq $calls ]'
check 'verbose' 'grep -v "^call" "$tmp/out" | cmp -s "$tmp/table" -'

run --descriptors "$short"
check 'descriptors' '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
check 'descriptors' \
	'[ $(grep -c "^#[0-9]* slot [0-9]*: " "$tmp/out") -eq \
	$(grep -c "^d " "$short") ]'
check 'descriptors' \
	'grep -qx "#0 slot 0: iec global" "$tmp/out"'
check 'descriptors' \
	'grep -qx "slot 12, not recorded: pasid-cache global" "$tmp/out"'
grep -v slot "$tmp/table" >"$tmp/shown"
check 'descriptors' 'grep -v slot "$tmp/out" | cmp -s "$tmp/shown" -'
run --json --descriptors "$short"
check 'json and descriptors' 'cmp -s "$tmp/json" "$tmp/out"'
check 'json and descriptors' 'grep -q "^#0 slot 0: " "$tmp/err"'
run "$captures/flts-ats-lazy.iq"
check 'devices' 'grep -qx "device 01:00.0: hwpt 9" "$tmp/out"'
check 'devices' 'grep -q "covered by others  *51$" "$tmp/out"'

run --fail-entry 3:EIO "$short"
check 'stop' '[ $status -eq 1 ]'
check 'stop' '! grep -q "the guest reads" "$tmp/err"'
check 'stop' 'grep -q "^  piotlb [ap].* did 4 pasid 0x0" "$tmp/err"'
check 'stop' 'grep -q "^descriptor #[0-9]* in slot .*(host): " "$tmp/err"'
run --json --fail-entry 3:5 --policy skip "$short"
check 'skip' '[ $status -eq 1 ] && [ ! -s "$tmp/err" ]'
check 'skip' 'grep -q "\"errno\":5,\"cause\":\"host\"" "$tmp/out"'
check 'skip' 'tail -n 1 "$tmp/out" | grep -q "\"failed\":1}"'
run --json --fail-entry 3:5 --policy flush "$short"
check 'flush' '[ $status -eq 0 ]'
run --json --fail 1:EINTR "$short"
check 'an interrupted call goes on' '[ $status -eq 0 ]'
for profile in 6.12 7.3; do
	run --json --profile $profile "$short"
	check "profile $profile" 'cmp -s "$tmp/json" "$tmp/out"'
done

# ---- An SMMUv3 ----

run --json "$cshort"
cp "$tmp/out" "$tmp/json"
check 'cmdq, json' '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
check 'cmdq, json' '! grep -v "^{\"event\":\"[a-z]*\".*}$" "$tmp/out"'
check 'cmdq, json' 'head -n 1 "$tmp/out" | grep -q "^{.event.:.viommu.,.id.:4}"'
check 'cmdq, json' 'grep -qx "{\"event\":\"vmm\",\"seq\":8,\"index\":8,\
\"type\":\"cfgi-ste\"}" "$tmp/out"'
check 'cmdq, json' 'grep -qx "{\"event\":\"sync\",\"seq\":3,\"index\":3}" \
	"$tmp/out"'
check 'cmdq, json' 'grep -qx "{\"event\":\"submit\",\"id\":4,\"commands\":\
\[{\"seq\":4,\"index\":4,\"w0\":\"0x5\",\"w1\":\"0x1\"}\],\"handled\":1,\
\"errno\":0}" "$tmp/out"'
"$replay" --json - <"$cshort" >"$tmp/out" 2>"$tmp/err"
check 'cmdq, stdin' 'cmp -s "$tmp/json" "$tmp/out"'
for profile in 7.3 reworked patched; do
	run --json --profile $profile "$cshort"
	check "cmdq, profile $profile" 'cmp -s "$tmp/json" "$tmp/out"'
done

run "$cshort"
cp "$tmp/out" "$tmp/table"
check 'cmdq, table' '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
check 'cmdq, table' 'grep -qx "  commands done  *280" "$tmp/out"'
check 'cmdq, table' 'grep -qx "  hardware commands  *268" "$tmp/out"'
check 'cmdq, table' 'grep -qx "queue at 0x41800000: 262144 slots" "$tmp/out"'
check 'cmdq, table' 'grep -qx "stream 0x10: viommu 4" "$tmp/out"'
run --json --stats "$cshort"
check 'cmdq, both' 'cmp -s "$tmp/json" "$tmp/out" && cmp -s "$tmp/table" "$tmp/err"'
run --verbose "$cshort"
check 'cmdq, verbose' '[ $(grep -c "^call [0-9]*: viommu 4, " "$tmp/out") -eq 134 ]'
check 'cmdq, verbose' 'grep -v "^call" "$tmp/out" | cmp -s "$tmp/table" -'
check 'cmdq, verbose' 'grep -qx "call 2: viommu 4, 1 of 1 handled: \
#4 CFGI_CD sid 0x0 leaf" "$tmp/out"'
run --descriptors "$cshort"
check 'cmdq, descriptors' '[ $(grep -c "^#[0-9]* slot [0-9]*: " "$tmp/out") -eq 280 ]'
check 'cmdq, descriptors' 'grep -qx "#2 slot 2: TLBI_NSNH_ALL" "$tmp/out"'
run --per-descriptor --batch-kicks 1000 "$cmdqs/noril-strict-par.cmdq"
check 'cmdq, per descriptor' 'grep -qx "  ioctls  *9397" "$tmp/out"'
run --vmm-stream 0 --no-stream 16 "$cshort"
check 'cmdq, streams' 'grep -qx "stream 0x0: the VMM" "$tmp/out"'
check 'cmdq, streams' 'grep -qx "stream 0x10: nobody" "$tmp/out"'
check 'cmdq, streams' 'grep -qx "  for the VMM  *8" "$tmp/out"'
check 'cmdq, streams' 'grep -qx "  for nobody  *3" "$tmp/out"'
run --json --vmm-stream 0 --no-stream 16 "$cshort"
check 'cmdq, streams' 'grep -qx "{\"event\":\"vmm\",\"seq\":12,\"index\":12,\
\"type\":\"prefetch\"}" "$tmp/out"'
check 'cmdq, streams' 'grep -qx "{\"event\":\"dropped\",\"seq\":13,\
\"index\":13}" "$tmp/out"'

run --fail-entry 3:ETIMEDOUT "$cshort"
check 'cmdq, stop' '[ $status -eq 1 ]'
check 'cmdq, stop' 'grep -q "^command #6 in slot 6 failed (host): " "$tmp/err"'
check 'cmdq, stop' '! grep -q "the guest reads" "$tmp/err"'
run --json --fail-entry 3:EIO --policy skip "$cshort"
check 'cmdq, skip' '[ $status -eq 1 ] && [ ! -s "$tmp/err" ]'
check 'cmdq, skip' 'tail -n 1 "$tmp/out" | grep -q "\"failed\":1}"'
check 'cmdq, skip' 'grep -q "\"seq\":6,\"index\":6,\"errno\":5,\"cause\":\"host\",\
\"reason\":null,\"cerror\":0,\"gerror\":\"0x0\"" "$tmp/out"'
run --json --fail-entry 3:EIO --policy flush "$cshort"
check 'cmdq, flush' '[ $status -eq 0 ]'
# In the place of what failed, and under its name.
check 'cmdq, flush' 'grep -q "{\"seq\":6,\"index\":6,\"w0\":\"0x30\",\"w1\":\
\"0x0\"}\],\"handled\":1" "$tmp/out"'

# What the guest did wrong, and how it goes on.
printf '%b' "${con}prod 3\\nc 0x30 0\\nc 0x99 0\\nc 0x46 0\\n" >"$tmp/ill.cmdq"
run "$tmp/ill.cmdq"
check 'illegal' '[ $status -eq 1 ]'
check 'illegal' 'grep -qx "  the guest reads CERROR_ILL, GERROR 0x1" "$tmp/err"'
check 'illegal' 'grep -q "^command #1 in slot 1 failed (guest): .*: " "$tmp/err"'
check 'illegal' 'grep -qx "  commands done  *1" "$tmp/out"'
echo 'gerrorn 1' >>"$tmp/ill.cmdq"
run --json "$tmp/ill.cmdq"
check 'fetched again' '[ $(grep -c "\"event\":\"failure\"" "$tmp/out") -eq 2 ]'
printf '%b' 'cr0 0\ncons 0x1000002\ngerrorn 0\ncr0 8\nprod 4\nc 0x46 0\n' \
	>>"$tmp/ill.cmdq"
run --json "$tmp/ill.cmdq"
check 'past it' '[ $status -eq 1 ]'
check 'past it' 'grep -qx "{\"event\":\"sync\",\"seq\":2,\"index\":2}" "$tmp/out"'
check 'past it' 'grep -qx "{\"event\":\"sync\",\"seq\":3,\"index\":3}" "$tmp/out"'
check 'past it' 'tail -n 1 "$tmp/out" | grep -q "\"commands\":3,.*\"failed\":2}"'
# The bit of GERROR toggles: it is 0 when the second error is active, ...
printf '%b' "${con}prod 1\\nc 0x99 0\\ngerrorn 1\\nprod 2\\nc 0x46 0\\n" \
	>"$tmp/second.cmdq"
run --json "$tmp/second.cmdq"
check 'a second error' '[ $(grep -c "\"event\":\"failure\"" "$tmp/out") -eq 2 ]'
check 'a second error' 'tail -n 1 "$tmp/out" | grep -q "\"kicks\":2,\"failed\":2}"'
# ... and still 1 when none is active, and the host fails.
printf '%b' "${con}prod 1\\nc 0x99 0\\ncr0 0\\ngerrorn 1\\ncons 1\\ncr0 8\\n" \
	>"$tmp/unseen.cmdq"
printf '%b' 'prod 2\nc 0x30 0\nprod 3\nc 0x46 0\n' >>"$tmp/unseen.cmdq"
run --json --fail 1:EIO "$tmp/unseen.cmdq"
check 'after an error' '[ $status -eq 1 ]'
check 'after an error' 'grep -q "{\"event\":\"failure\",\"seq\":1,\"index\":1,\
\"errno\":5,\"cause\":\"host\"" "$tmp/out"'
check 'after an error' 'tail -n 1 "$tmp/out" | grep -q "\"kicks\":2,\"failed\":2}"'
# The machine of the capture had an error, and this one has none.
printf '%b' "${cgood}gerrorn 0x11\\nprod 3\\nc 0x46 0\\n" >"$tmp/other.cmdq"
run --json "$tmp/other.cmdq"
check 'an error that is not there' '[ $status -eq 0 ]'
check 'an error that is not there' 'grep -q "\"sync\",\"seq\":2" "$tmp/out"'

# ---- Captures of nothing ----

# nothing WHAT TEXT: in the table alone.
nothing()
{
	# shellcheck disable=SC2059 # what is written has \n
	printf "$2" >"$tmp/nothing.iq"
	run "$tmp/nothing.iq"
	check "$1" '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
	check "$1" 'grep -q "^nothing was captured" "$tmp/out"'
	run --json "$tmp/nothing.iq"
	check "$1, json" '[ $status -eq 0 ] && [ ! -s "$tmp/err" ]'
	check "$1, json" 'grep -q "^{\"event\":\"summary\"" "$tmp/out"'
	check "$1, json" '! grep -q "nothing" "$tmp/out"'
}
nothing 'a header' "$head"
nothing 'a ring without a kick' "$ring"
nothing 'cmdq, a header' "$chead"
nothing 'cmdq, a queue without a kick' "$con"
run "$short"
check 'something' '! grep -q "nothing was captured" "$tmp/out"'

if [ -w /dev/full ]; then
	for mode in --json --stats --verbose --help; do
		"$replay" $mode "$short" >/dev/full 2>"$tmp/err"
		status=$?
		: >"$tmp/out"
		check "$mode to a full device" '[ $status -eq 1 ]'
		check "$mode to a full device" \
			'grep -q "cannot write to standard output" "$tmp/err"'
	done
fi

finish
