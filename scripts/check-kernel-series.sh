#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Checks the kernel patches, one by one; see --help.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/results.sh
. "$here/lib/results.sh"
# shellcheck source=scripts/lib/kernel-tree.sh
. "$here/lib/kernel-tree.sh"

series_packages="$selftest_packages perl sparse"
# What a patch may change, and what stands on that.
built="drivers/iommu/ drivers/vfio/ drivers/pci/"
checked="drivers/iommu/intel/ drivers/iommu/iommufd/"
# What checkpatch is not asked: whether a commit that is named is known, because
# the kernel's history is not here.
deviations=UNKNOWN_COMMIT_ID${CHECKPATCH_IGNORE:+,$CHECKPATCH_IGNORE}

usage() {
	cat <<EOF_USAGE
Usage: scripts/check-kernel-series.sh [BASE...]
For each BASE, 6.12 and newest (default: both): applies the patches of kernel/,
part by part, to Debian's source, and after each builds what it can change and
runs the kernel's checkpatch.pl --strict on it, sparse on what changed, and the
compiler on iommufd's selftest where the patch can change it.  A
warning fails, as an error does; of sparse, those that the tree had before do
not count.  The last line is "N passed, N failed, N skipped".
EOF_USAGE
}

# passes NAME COMMAND...
passes() {
	local name=$1 status=0

	shift
	"$@" >"$log" 2>&1 || status=$?
	if [ "$status" -eq 0 ]; then
		say "  PASS  $name"
		record 1 0 0
		return
	fi
	say "  FAIL  $name"
	tail -n 40 "$log" | sed 's/^/        /'
	record 0 1 0
}

# From a pipe, and without git: it takes a file that is under version control
# for a source of the kernel, and asks this repository for the kernel's commits.
checkpatch() {
	GIT_DIR=$tree/.none perl "$tree/scripts/checkpatch.pl" --root="$tree" \
		--strict --quiet --show-types \
		"--ignore=$deviations" - <"$1"
}

# Not with -Werror, which would have to build all of it again.
build_all() {
	# shellcheck disable=SC2086 # a list
	make -C "$tree" -j"$jobs" $built 2>&1 | tee "$tree/.built" &&
		! grep -F 'warning:' "$tree/.built"
}

# sparse_warnings FILE: without the numbers of lines, which every patch moves.
# A build that fails is not one without warnings.
sparse_warnings() {
	# shellcheck disable=SC2086 # a list
	make -C "$tree" -j"$jobs" C=2 $checked >"$tree/.built" 2>&1 || {
		tail -n 20 "$tree/.built"
		return 1
	}
	grep -E '^[^ ]+:[0-9]+:[0-9]+: (warning|error)' "$tree/.built" |
		sed -E 's/:[0-9]+:[0-9]+:/:/' | sort >"$1" || true
}

no_new_warnings() {
	sparse_warnings "$tree/.sparse" &&
		! comm -13 "$tree/.sparse-before" "$tree/.sparse" | grep .
}

# Where the patch can change it, and where the tree's own compiles: that of 6.12
# does not.
changes_selftest() {
	[ -n "$has_selftest" ] && grep -qE \
		'^\+\+\+ b/(include/uapi|tools/testing/selftests|drivers/iommu/iommufd)/' \
		"$1"
}

selftest_compiles() {
	if ! build_selftest "$tree/.selftest" >"$tree/.built" 2>&1; then
		tail -n 20 "$tree/.built"
		return 1
	fi
	! grep -F 'warning:' "$tree/.built"
}

apply_one() {
	patch -d "$tree" -p1 --forward <"$1" &&
		cp "$1" "$tree/.patches/$(printf '%03d' "$applied")"
}

check_patch() {
	local name=${1#"$top/kernel/$version/"}

	passes "$name: applies" apply_one "$1"
	applied=$((applied + 1))
	passes "$name: builds" build_all
	passes "$name: checkpatch" checkpatch "$1"
	passes "$name: sparse" no_new_warnings
	! changes_selftest "$1" ||
		passes "$name: the selftest compiles" selftest_compiles
}

check_base() {
	local own_patches patch series

	say "Linux $version:"
	own_patches=${#patches[@]}
	add_series "$version"
	name_all
	log=$store/series.log
	lock_store
	patches=("${patches[@]:0:$own_patches}")
	prepare_tree
	configure
	sparse_warnings "$tree/.sparse-before"
	has_selftest=
	! selftest_compiles >/dev/null || has_selftest=1
	mapfile -t series < <(series_patches "$version")
	for patch in "${series[@]}"; do
		check_patch "$patch"
	done
}

# find_all ends the shell where there is no source.
run_base() (
	base=$1
	find_all
	check_base
)

case ${1-} in
-h | --help)
	usage
	exit 0
	;;
esac
[ $# -gt 0 ] || set -- 6.12 newest
export RESULTS=${RESULTS:-$(mktemp)}
: >"$RESULTS"
# shellcheck disable=SC2086 # a list
need_packages $series_packages
for one; do
	status=0
	run_base "$one" || status=$?
	case $status in
	0) ;;
	77) record 0 0 1 ;;
	*) record 0 1 0 ;;
	esac
done
read -r passed failed skipped < <(recorded)
say "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
