#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Builds the tree and runs its tests; see --help.
#
# A tier is a file tiers/NAME.sh, which lib/tier.sh sources in a shell of its
# own.  It has
#   tier_title        a line for --help
#   tier_packages     Debian's packages that it takes
#   tier_run          the tests: fails, or calls skip_tier, or succeeds; what it
#                     counts goes through lib/results.sh.  $build is its folder.
#   tier_prepare      if it is there: what takes long and can be kept, such as a
#                     kernel.  It is started with the first tier and runs beside
#                     those before it, at a low priority; tier_run comes after
#                     it, and is the one to judge what is missing.
# and its name goes into one of the two lists below.
#
# The time: CI has 90 minutes on two processors that others may use too.
# - No test passes or fails by a clock.  Times are for the tier "bench", which
#   shows them and asserts nothing.
# - A tier that exists for one question asks that one, and does not repeat all
#   of "make check"; what it leaves out, and why, is said in its file.
# - Without what is prepared, --all is to take 20 minutes of processor time: 14,
#   and 6 of "builds", which compiles all of it for other machines.  The table
#   at the end has each tier's; more than that is said there.
# - Of --all, a tier that would start after minute 65 is skipped, counted as
#   such and named at the end.  That happens where a machine is loaded.  Where it
#   happens twice in a row, the tiers have become too long.  A part of a tier
#   that may take much longer asks lib/tier.sh's minutes_left.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/results.sh
. "$here/lib/results.sh"

# The tiers of --all, in the order in which they run, and those that only run
# when they are named.
all_tiers=(gcc werror clang sanitizers threads valgrind property fuzz
	uapi-newest uapi-backports uapi-own builds distcheck install static vm
	vm-arm kernel-model qemu)
other_tiers=(bench vm-sanitizers)
default_tiers=(gcc)

# In minutes.
start_limit=65
cpu_budget=20

usage() {
	cat <<EOF_USAGE
Usage: scripts/check.sh [OPTION...] [--all | TIER...]
Installs what is missing (Debian, as root or with sudo), builds out of tree in
build-check/ (or \$BUILD_DIR) and runs the tests.  The last line is
"N passed, N failed, N skipped"; the exit status is 0 if nothing failed.

  --all              all of these tiers (default: ${default_tiers[*]})
  --no-install       if packages are missing, name them and stop
  --start-limit MIN  of --all, skip a tier that would start later
                     (default: $start_limit)
  --help             this text

Tiers:
$(list_tiers "${all_tiers[@]}")
EOF_USAGE
	[ ${#other_tiers[@]} -eq 0 ] || cat <<EOF_USAGE

Not in --all:
$(list_tiers "${other_tiers[@]}")
EOF_USAGE
}

list_tiers() {
	local tier

	for tier; do
		printf '  %-14s %s\n' "$tier" "$(title_of "$tier")"
	done
}

title_of() {
	# shellcheck source=/dev/null
	(. "$(file_of "$1")" && say "$tier_title")
}

file_of() {
	say "$here/tiers/$1.sh"
}

is_tier() {
	local tier

	for tier in "${all_tiers[@]}" "${other_tiers[@]}"; do
		[ "$1" != "$tier" ] || return 0
	done
	return 1
}

# A file that no list names would never run.
check_lists() {
	local file name

	for file in "$here"/tiers/*.sh; do
		name=${file##*/}
		is_tier "${name%.sh}" || {
			complain "$file is in no list of this script"
			exit 2
		}
	done
}

# ---- Packages ----

packages_of() {
	local tier

	for tier; do
		# shellcheck source=/dev/null
		(. "$(file_of "$tier")" && say "$tier_packages")
	done
}

# All at once, before anything else may want to install.  One that cannot be
# had is no reason to stop here: its tier is skipped when its turn comes.
install_packages() {
	local list

	read -r -d '' -a list < <(packages_of "$@") || true
	need_packages "${list[@]}" || [ "${IOMMUNEST_INSTALL-}" != no ]
}

# ---- What a tier prepares beside those before it ----

declare -A preparing

# "timeout" makes it a group of processes, which stop_preparing can end.
start_preparing() {
	local tier=$1 file limit=0

	file=$(file_of "$tier")
	grep -q '^tier_prepare()' "$file" || return 0
	[ -z "$all" ] || limit=$((start_limit * 60))
	timeout -k 10 "$limit" nice "$here/lib/measure.sh" \
		"$build/$tier.prepare-time" "$here/lib/tier.sh" prepare \
		"$file" "$build/$tier" >"$build/$tier.prepare-log" 2>&1 \
		</dev/null &
	preparing[$tier]=$!
}

end_preparing() {
	local tier=$1 status=0 log=$build/$1.prepare-log

	[ -n "${preparing[$tier]-}" ] || return 0
	! kill -0 "${preparing[$tier]}" 2>/dev/null ||
		say "waiting for what $tier prepares, see $log"
	wait "${preparing[$tier]}" || status=$?
	unset "preparing[$tier]"
	add_row "$tier:prepared" "$build/$tier.prepare-time"
	case $status in
	0 | 77) ;;
	124 | 143) say "$tier was not prepared by minute $start_limit" ;;
	*)
		say "could not be prepared ($status); the end of $log:"
		tail -n 40 "$log"
		;;
	esac
}

# stop_preparing TIER...
stop_preparing() {
	local tier

	for tier; do
		[ -z "${preparing[$tier]-}" ] ||
			kill "${preparing[$tier]}" 2>/dev/null || true
	done
}

# ---- The tiers ----

late=()

# add_row NAME FILE [COUNTS]: what measure.sh put into FILE, and what was
# counted, for the table.
add_row() {
	local wall user sys

	read -r wall user sys <"$2" || wall=0 user=0 sys=0
	say "$1 $wall $user $sys ${3:-0 0 0}" >>"$table"
}

is_late() {
	[ -n "$all" ] && [ "$SECONDS" -ge $((start_limit * 60)) ]
}

skip_late() {
	say "SKIPPED: it would start after minute $start_limit"
	late+=("$1")
	record 0 0 1
	add_row "$1" /dev/null "$(recorded)"
}

# A tier that ends badly without having counted a failure is one.
run_tier() {
	local tier=$1 file status=0 took=$build/$1.time

	file=$(file_of "$tier")
	export RESULTS=$build/$tier.results
	: >"$RESULTS"
	heading "$tier: $(title_of "$tier")"
	! is_late || stop_preparing "$tier"
	end_preparing "$tier"
	! is_late || {
		skip_late "$tier"
		return
	}
	"$here/lib/measure.sh" "$took" "$here/lib/tier.sh" run "$file" \
		"$build/$tier" 2>&1 || status=$?
	case $status in
	0) ;;
	77) record 0 0 1 ;;
	*)
		say "tier $tier FAILED"
		[ "$(recorded | cut -d ' ' -f 2)" -ne 0 ] || record 0 1 0
		;;
	esac
	add_row "$tier" "$took" "$(recorded)"
}

# ---- What it came to ----

show_table() {
	awk -v budget="$cpu_budget" -v wall="$SECONDS" '
	function row(name, cpu, wall, rest)
	{
		printf "  %-16s %7.0f %7.0f  %s\n", name, cpu, wall, rest
	}
	BEGIN {
		printf "  %-16s %7s %7s  %s\n", "tier", "CPU s", "wall s",
			"passed, failed, skipped"
	}
	{
		prepared = $1 ~ /:prepared$/
		row($1, $3 + $4, $2, prepared ? "" : $5 ", " $6 ", " $7)
		cpu[prepared] += $3 + $4
	}
	END {
		row("all", cpu[0] + cpu[1], wall, "")
		if (cpu[0] > budget * 60)
			printf "more than the %d CPU minutes that the tiers " \
				"are to take without what is prepared\n", budget
	}' "$table"
}

show_totals() {
	local passed failed skipped

	read -r passed failed skipped < <(awk '
		{ p += $5; f += $6; s += $7 }
		END { print p + 0, f + 0, s + 0 }' "$table")
	[ ${#late[@]} -eq 0 ] || say "SKIPPED, for want of time: ${late[*]}"
	[ "$passed" -gt 0 ] || say "no test passed"
	say "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# ---- The whole of it ----

# Each once.
add_tiers() {
	local tier

	for tier; do
		[[ " ${tiers[*]} " == *" $tier "* ]] || tiers+=("$tier")
	done
}

parse() {
	while [ $# -gt 0 ]; do
		case $1 in
		--all)
			all=yes
			add_tiers "${all_tiers[@]}"
			;;
		--no-install) export IOMMUNEST_INSTALL=no ;;
		--start-limit)
			[[ ${2-} =~ ^[0-9]+$ ]] || {
				complain "--start-limit takes minutes"
				exit 2
			}
			start_limit=$2
			shift
			;;
		-h | --help)
			usage
			exit 0
			;;
		*)
			is_tier "$1" || {
				complain "no such option or tier: $1;" \
					"see --help"
				exit 2
			}
			add_tiers "$1"
			;;
		esac
		shift
	done
	[ ${#tiers[@]} -gt 0 ] || tiers=("${default_tiers[@]}")
}

main() {
	local tier

	check_lists
	parse "$@"
	build=${BUILD_DIR:-$top/build-check}
	mkdir -p "$build"
	build=$(cd "$build" && pwd)
	table=$build/table
	: >"$table"
	[ -z "$all" ] || export CHECK_STARTED=$EPOCHSECONDS

	install_packages "${tiers[@]}"
	trap 'stop_preparing "${!preparing[@]}"' EXIT
	for tier in "${tiers[@]}"; do
		start_preparing "$tier"
	done
	for tier in "${tiers[@]}"; do
		run_tier "$tier"
	done
	heading "in all"
	show_table
	show_totals
}

all=
tiers=()
# In one piece, because a run is long enough for an edit.
main "$@"
exit
