#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the tree and runs its tests; see --help.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/results.sh
. "$here/lib/results.sh"

# The tiers of --all, in the order in which they run, and those that only run
# when they are named.  tiers/NAME.sh has one each.
all_tiers=(gcc werror clang sanitizers valgrind property fuzz
	uapi-newest uapi-backports uapi-own distcheck install static vm)
other_tiers=()
default_tiers=(gcc)

usage() {
	cat <<EOF_USAGE
Usage: scripts/check.sh [--all | TIER...]
Installs what is missing (Debian, as root or with sudo), builds out of tree in
build-check/ (or \$BUILD_DIR) and runs the tests.  The last line is
"N passed, N failed, N skipped"; the exit status is 0 if nothing failed.

  --all    all of these tiers (default: ${default_tiers[*]})
  --help   this text

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
		# shellcheck source=/dev/null
		(. "$(file_of "$tier")" && printf '  %-14s %s\n' "$tier" \
			"$tier_title")
	done
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

# A tier that ends badly without having counted a failure is one.
run_tier() {
	local tier=$1 file status=0 start=$SECONDS before after

	file=$(file_of "$tier")
	before=$(recorded)
	bash "$here/lib/tier.sh" "$file" "$build/$tier" 2>&1 ||
		status=$?
	after=$(recorded)
	case $status in
	0) ;;
	77) record 0 0 1 ;;
	*)
		say "tier $tier FAILED"
		[ "$(cut -d ' ' -f 2 <<<"$before")" != \
			"$(cut -d ' ' -f 2 <<<"$after")" ] || record 0 1 0
		;;
	esac
	say "-- $tier: $((SECONDS - start)) s"
}

check_lists
tiers=()
while [ $# -gt 0 ]; do
	case $1 in
	--all) tiers+=("${all_tiers[@]}") ;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		is_tier "$1" || {
			complain "no such option or tier: $1; see --help"
			exit 2
		}
		tiers+=("$1")
		;;
	esac
	shift
done
[ ${#tiers[@]} -gt 0 ] || tiers=("${default_tiers[@]}")

build=${BUILD_DIR:-$top/build-check}
mkdir -p "$build"
build=$(cd "$build" && pwd)
RESULTS=$build/results
export RESULTS
: >"$RESULTS"

for tier in "${tiers[@]}"; do
	run_tier "$tier"
done

read -r passed failed skipped < <(recorded)
heading "all tiers: $SECONDS s"
[ "$passed" -gt 0 ] || say "no test passed"
say "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
