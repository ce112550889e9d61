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
Runs bench-iq of a build folder under callgrind, and prints for each case how
many instructions of libiommunest a kick, a pair or a descriptor costs: the
difference of two runs, so that what both do once does not count.

Where compiler and C library are those that tests/bench/figures names, a rise of
more than 3 % is a failure, status 1.  Elsewhere the figures say nothing, and the
status is 77.  --figures prints a new file.
EOF_USAGE
}

# Name, unit, scopes, pairs, whether the VMM is told, descriptors of a unit, of
# the shorter run.
cases="rings descriptor 1 0 0 1 16383
rings-64 descriptor 64 0 0 1 16383
kick kick 1 1 0 2 4096
kick-64 kick 64 1 0 2 4096
kick-1024 kick 1024 1 0 2 4096
kick-told kick 1 1 1 2 4096
pairs-16 pair 1 16 0 2 8192
pairs-16-64 pair 64 16 0 2 8192
pairs-16-1024 pair 1024 16 0 2 8192
pairs-16-told pair 1 16 1 2 8192"

# What decides how many instructions the same source becomes.
environment() {
	printf '%s; %s; %s\n' "$(gcc --version | sed 1q)" \
		"$(ldd --version | sed 1q)" "$(uname -m)"
}

# count DESCRIPTORS SCOPES PAIRS TOLD: instructions of the library's object.
count() {
	local out=$build/callgrind.out

	"$build/libtool" --mode=execute valgrind --tool=callgrind \
		--callgrind-out-file="$out" "$build/tests/bench/bench-iq" \
		7 "$@" >"$build/bench-iq.log" 2>&1 </dev/null
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
	local name unit scopes pairs told each first a b

	while read -r name unit scopes pairs told each first; do
		a=$(count "$first" "$scopes" "$pairs" "$told")
		b=$(count $((2 * first)) "$scopes" "$pairs" "$told")
		awk -v name="$name" -v unit="$unit" -v n=$((b - a)) \
			-v units=$((first / each)) 'BEGIN {
			printf "%-14s %-11s %8.1f\n", name, unit, n / units }'
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
