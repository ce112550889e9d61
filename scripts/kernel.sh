#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Builds a kernel to test on, from Debian's source; see --help.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel-tree.sh
. "$here/lib/kernel-tree.sh"

usage() {
	cat <<EOF_USAGE
Usage: scripts/kernel.sh BASE [PATCH...]
Builds the kernel that the tests run on, and prints the path of what is booted.
BASE is 6.12, or "newest": the newest source package of Debian's
$newest_suite.  It gets the configuration and the test-only patches of
kernel/test, and then the PATCHes.  6.12-patched and newest-patched have the
series of kernel/, too, and the patches that test it.  newest-unfixed lacks a
fix that many a guest lacks.  newest-arm64 and newest-arm64-patched are for
another machine, by a compiler that lib/toolchain.sh unpacks.

Sources, build trees and kernels are kept in \$IOMMUNEST_CACHE, or libiommunest
in the user's cache folder, and nothing is built twice.  Kernels that have not
been used for a week go, except for the last six of a source.  Exit status 77:
the source cannot be had.
EOF_USAGE
}

# The next may find what the last one built.
build_image() {
	lock_store
	! use_image "$image" || return 0
	# shellcheck disable=SC2086 # a list
	need_packages $kernel_packages >&2
	prepare_tree
	configure
	build
	# Up to three of a source are the tests': plain, patched, unfixed.
	prune_images "$store/images" 6
}

main() {
	local patched='' unfixed=''

	case ${1-} in
	-h | --help)
		usage
		exit 0
		;;
	6.12 | newest | 6.12-patched | newest-patched | newest-unfixed) ;;
	newest-arm64 | newest-arm64-patched) arch=arm64 ;;
	*)
		usage >&2
		exit 2
		;;
	esac
	base=${1%%-*}
	case $1 in
	*-patched) patched=1 ;;
	*-unfixed) unfixed=1 ;;
	esac
	shift

	find_all
	[ -z "$patched" ] || add_series "$version"
	[ -z "$unfixed" ] || add_folder "$top/kernel/test/$version/unfixed"
	patches+=("$@")
	name_all
	use_image "$image" || build_image
	say "$image/$boot_file"
}

# In one piece, because a build is long enough for an edit.
main "$@"
exit
