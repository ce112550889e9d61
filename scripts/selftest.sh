#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Does check.sh count, skip, wait and stop as it says?  With tiers that are made
# for it, in a copy of this folder.  And is what was built kept as long as
# lib/images.sh says?
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export BUILD_DIR=$work/build
bad=0

cp -R "$here" "$work/scripts"
chmod -R u+w "$work/scripts"
rm "$work"/scripts/tiers/*
sed -i -e '/^all_tiers=(/,/)$/c all_tiers=(passes fails dies late skips)' \
	-e 's/^other_tiers=.*/other_tiers=(other lacks)/' \
	-e 's/^default_tiers=.*/default_tiers=(passes)/' \
	"$work/scripts/check.sh"

# tier NAME LINE...
tier() {
	local name=$1

	shift
	printf '%s\n' "tier_title=\"the title of $name\"" "tier_packages=" \
		"$@" >"$work/scripts/tiers/$name.sh"
}

complain() {
	printf 'selftest: %s; check.sh said:\n' "$*"
	cat "$work/said"
	bad=1
}

# run STATUS ARGUMENT...
run() {
	local want=$1 status=0

	shift
	"$work/scripts/check.sh" "$@" >"$work/said" 2>&1 || status=$?
	[ "$status" -eq "$want" ] ||
		complain "$* ended with $status and not $want"
}

# says PATTERN: as a line.
says() {
	grep -qxE -- "$1" "$work/said" || complain "no line is: $1"
}

ends_with() {
	[ "$(tail -n 1 "$work/said")" = "$1" ] || complain "the end is not: $1"
}

tier passes 'tier_run() { record 3 0 0; }'
tier fails 'tier_run() { record 1 2 0; false; record 100 0 0; }'
tier dies 'tier_run() { false; }'
tier late "tier_prepare() { sleep \$(cat $work/sleep);
	touch $work/prepared; echo 'not to be had'; return 3; }" \
	"tier_run() { [ -f $work/prepared ] && record 1 0 0; }"
tier skips 'tier_run() { skip_tier "there is no such thing"; }'
tier other 'tier_run() { record 1 0 0; }'
tier lacks 'tier_packages=no-such-package' 'tier_run() { record 1 0 0; }'

run 0 --help
says "  passes +the title of passes"
says "  other +the title of other"
run 2 no-such-tier
run 2 --start-limit soon

run 0
ends_with "3 passed, 0 failed, 0 skipped"

# Each once, and the order is that of the arguments.
run 0 other passes other
ends_with "4 passed, 0 failed, 0 skipped"

echo 1 >"$work/sleep"
run 1 --all
ends_with "5 passed, 3 failed, 1 skipped"
says "  passes +[0-9]+ +[0-9]+  3, 0, 0"
says "  fails +[0-9]+ +[0-9]+  1, 2, 0"
says "  dies +[0-9]+ +[0-9]+  0, 1, 0"
says "  late:prepared +[0-9]+ +[0-9]+ *"
says "  late +[0-9]+ +[0-9]+  1, 0, 0"
says "  skips +[0-9]+ +[0-9]+  0, 0, 1"
says "waiting for what late prepares.*"
says "could not be prepared \(3\).*"
says "not to be had"
says "skipped: there is no such thing"

# Too late for all of them; what is being prepared is ended.
echo 20 >"$work/sleep"
rm "$work/prepared"
run 1 --all --start-limit 0
ends_with "0 passed, 0 failed, 5 skipped"
says "SKIPPED, for want of time: passes fails dies late skips"
says "no test passed"
[ ! -f "$work/prepared" ] || complain "what was being prepared went on"

if command -v dpkg-query >/dev/null; then
	run 1 --no-install passes lacks
	says ".*missing packages.* no-such-package *"
	[ "$(wc -l <"$work/said")" -eq 1 ] || complain "it did not stop"
fi

tier unlisted 'tier_run() { record 1 0 0; }'
run 2 passes

# ---- What is kept in the cache ----

images=$work/images
mkdir -p "$images"/{one_1-x-a,one_1-x-b,one_1-x-c,one_1-x-new,two_1-a}
touch -d '10 days ago' "$images/one_1-x-a"
touch -d '9 days ago' "$images/one_1-x-b"
touch -d '30 days ago' "$images/one_1-x-c" "$images/two_1-a"
touch -d '6 days ago' "$images/one_1-x-new"
(
	note() { echo "$*"; }
	# shellcheck source=scripts/lib/images.sh
	. "$here/lib/images.sh"
	use_image "$images/one_1-x-c"
	! use_image "$images/none"
	prune_images "$images" 1
) >"$work/said" || complain "images could not be used and pruned"
# Used this week, and the last of its kind.
[ "$(cd "$images" && echo *)" = "one_1-x-c one_1-x-new two_1-a" ] ||
	complain "what is left of the images is $(ls "$images")"
says "one_1-x-a has not been used for 7 days: removed"

# Trees of other configurations go, too, and the one that all tests use stays.
trees=$work/store/trees
mkdir -p "$trees"/{one_1,one_1-old,one_1-new,two_1-old}
touch -d '10 days ago' "$trees"/{one_1,one_1-old,two_1-old}
(
	# shellcheck source=scripts/lib/common.sh
	. "$here/lib/common.sh"
	# shellcheck source=scripts/lib/kernel-tree.sh
	. "$here/lib/kernel-tree.sh"
	store=$work/store package=one
	prune_trees
)
[ "$(cd "$trees" && echo *)" = "one_1 one_1-new two_1-old" ] ||
	complain "what is left of the trees is $(ls "$trees")"

# ---- What is no kernel ----

for kernel in '' 6.13 6.12-unfixed newest-ab newest+nothing 6.12+kasan+; do
	status=0
	timeout 20 "$here/kernel.sh" "$kernel" >"$work/said" 2>&1 || status=$?
	[ "$status" -eq 2 ] || complain "kernel.sh $kernel ended with $status"
done

exit $bad
