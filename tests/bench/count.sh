#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Counts the instructions of the library's own object on what guests do, and
# compares them with tests/bench/figures; see --help.
set -euo pipefail
# A run that fails is no figure.
shopt -s inherit_errexit

here=$(cd "$(dirname "$0")" && pwd)
figures=$here/figures

usage() {
	cat <<EOF_USAGE
Usage: tests/bench/count.sh BUILD-FOLDER [--figures]
Runs bench-iq and bench-cmdq of a build folder under callgrind, and prints for
each case how many instructions of libiommunest a kick, a pair, a descriptor or a
command costs: the difference of two runs, so that what both do once does not
count.

Where compiler and C library are those that tests/bench/figures names, a rise of
more than 3 % is a failure, status 1.  Elsewhere the figures say nothing, and the
status is 77.  --figures prints a new file.
EOF_USAGE
}

# Name, unit, descriptors of a unit, of the shorter run; the engine, scopes or
# targets, pairs, whether the VMM is told, whether commands are ATC_INV.
cases="rings descriptor 1 16383 iq 1 0 0
rings-64 descriptor 1 16383 iq 64 0 0
kick kick 2 4096 iq 1 1 0
kick-64 kick 2 4096 iq 64 1 0
kick-1024 kick 2 4096 iq 1024 1 0
kick-told kick 2 4096 iq 1 1 1
pairs-16 pair 2 8192 iq 1 16 0
pairs-16-64 pair 2 8192 iq 64 16 0
pairs-16-1024 pair 2 8192 iq 1024 16 0
pairs-16-told pair 2 8192 iq 1 16 1
cmdq-63 command 64/63 8192 cmdq 1 0 0
cmdq-63-told command 64/63 8192 cmdq 1 0 1
cmdq-63-atc command 64/63 8192 cmdq 1 0 0 1
cmdq-kick kick 2 4096 cmdq 1 1 0
cmdq-kick-4 kick 2 4096 cmdq 4 1 0
cmdq-kick-told kick 2 4096 cmdq 1 1 1
cmdq-kick-atc kick 2 4096 cmdq 1 1 0 1
cmdq-pairs-16 pair 2 8192 cmdq 1 16 0"

# What decides how many instructions the same source becomes.
environment() {
	printf '%s; %s; %s\n' "$(gcc --version | sed 1q)" \
		"$(ldd --version | sed 1q)" "$(uname -m)"
}

# count ENGINE DESCRIPTORS SCOPES PAIRS TOLD [ATC]: instructions of the library's
# object.
count() {
	local engine=$1 out=$build/callgrind.out

	shift

	"$build/libtool" --mode=execute valgrind --tool=callgrind \
		--callgrind-out-file="$out" "$build/tests/bench/bench-$engine" \
		7 "$@" >"$build/bench-$engine.log" 2>&1 </dev/null
	# Its format names an object once, and then by number; a line after
	# "calls=" is what the called function took.
	awk '
	/^c?ob=/ {
		match($0, /\([0-9]+\)/)
		named = substr($0, RSTART, RLENGTH)
		if ($0 ~ /libiommunest\.so/)
			own[named] = 1
		if ($0 ~ /^ob=/)
			id = named
	}
	/^calls=/ { getline; next }
	/^[0-9+*-]/ && id in own { n += $2 }
	END { print n + 0 }' "$out"
}

# Each case's name, unit and cost.
measure() {
	local name unit each first engine rest a b

	while read -r name unit each first engine rest; do
		# shellcheck disable=SC2086 # several arguments
		a=$(count "$engine" "$first" $rest)
		# shellcheck disable=SC2086
		b=$(count "$engine" $((2 * first)) $rest)
		awk -v name="$name" -v unit="$unit" -v n=$((b - a)) \
			-v first="$first" -v each="$each" 'BEGIN {
			split(each "/1", of, "/")
			printf "%-14s %-11s %8.1f\n", name, unit,
				n * of[1] / of[2] / first }'
	done <<<"$cases"
}

# Lines of a file and of what was measured with the same name.
compare() {
	awk 'NR == FNR { if ($1 !~ /^#/) was[$1] = $3; next }
	{
		change = was[$1] ? 100 * ($3 / was[$1] - 1) : 0
		printf "  %-14s %8.1f instructions a %-11s %+5.1f %%\n",
			$1, $3, $2, change
		if (!($1 in was) || change > 3)
			bad = 1
	}
	END { exit bad }' "$figures" "$1"
}

case ${1-} in
-h | --help)
	usage
	exit 0
	;;
'' | -*)
	usage >&2
	exit 2
	;;
esac
build=$(cd "$1" && pwd)

if [ "${2-}" = --figures ]; then
	sed -n '2,3p' "$0"
	printf '# %s\n# Made by tests/bench/count.sh --figures.\n' \
		"$(environment)"
	measure
	exit
fi
measured=$build/figures
measure >"$measured"
status=0
compare "$measured" || status=1
grep -qxF "# $(environment)" "$figures" && exit "$status"
echo "  not compared: the figures are of another compiler or C library"
exit 77
