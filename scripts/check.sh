#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the tree and runs its tests; see --help.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/results.sh
. "$here/lib/results.sh"

default_tiers=(gcc)

usage() {
	cat <<EOF_USAGE
Usage: scripts/check.sh [--all | TIER...]
Installs what is missing (Debian, as root or with sudo), builds out of tree in
build-check/ (or \$BUILD_DIR) and runs the tests.  The last line is
"N passed, N failed, N skipped"; the exit status is 0 if nothing failed.

  --all    all of the tiers below (default: ${default_tiers[*]})
  --help   this text

Tiers:
$(list_tiers)
EOF_USAGE
}

all_tiers() {
	local file

	for file in "$here"/tiers/[0-9][0-9]-*.sh; do
		file=${file##*/[0-9][0-9]-}
		say "${file%.sh}"
	done
}

list_tiers() {
	local tier

	for tier in $(all_tiers); do
		# shellcheck source=/dev/null
		(. "$(file_of "$tier")" && printf '  %-14s %s\n' "$tier" \
			"$tier_title")
	done
}

file_of() {
	local file=("$here"/tiers/[0-9][0-9]-"$1".sh)

	[ -f "${file[0]}" ] && say "${file[0]}"
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

tiers=()
while [ $# -gt 0 ]; do
	case $1 in
	--all) mapfile -t tiers < <(all_tiers) ;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		file_of "$1" >/dev/null || {
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
