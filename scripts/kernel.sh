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
Usage: scripts/kernel.sh KERNEL [PATCH...]
Builds the kernel that the tests run on, and prints the path of what is booted.
KERNEL is BASE[-arm64][-SERIES][+VARIANT...].  BASE is 6.12, or "newest": the
newest source package of Debian's $newest_suite; of the latter there is one for
another machine, too, by a compiler that lib/toolchain.sh unpacks.  It gets the
configuration and the test-only patches of kernel/test, and then the PATCHes.
SERIES:
  patched   the series of kernel/, too, and the patches that test it
  a ... e   the series up to and with this part, and nothing that tests it
  unfixed   "newest" only: without a fix that many a guest lacks
A VARIANT is a file of kernel/test/config.d, whose options come on top:
$(list_variants)

Sources, build trees and kernels are kept in \$IOMMUNEST_CACHE, or libiommunest
in the user's cache folder, and nothing is built twice.  Each VARIANT has a tree
of its own, of some 2 GB.  What has not been used for a week goes: kernels,
except for the last six of a source and variant, and the trees of variants.
Exit status 77: the source cannot be had.
EOF_USAGE
}

# The first line of each says what it is for.
list_variants() {
	local file

	for file in "$top"/kernel/test/config.d/*; do
		printf '  %-9s %s\n' "${file##*/}" \
			"$(head -n 1 "$file" | cut -c 3-)"
	done
}

bad_usage() {
	usage >&2
	exit 2
}

# parse KERNEL: sets base, arch, series and variants.
parse() {
	local one

	[[ $1 =~ ^[^+]+(\+[^+]+)*$ ]] || bad_usage
	IFS=+ read -r -a words <<<"$1"
	variants=${words[*]:1}
	for one in $variants; do
		[ -f "$top/kernel/test/config.d/$one" ] || bad_usage
	done
	base=${words[0]%%-*}
	series=${words[0]#"$base"}
	series=${series#-}
	case $base-$series in
	6.12- | 6.12-patched | 6.12-[a-z]) ;;
	newest- | newest-patched | newest-unfixed | newest-[a-z]) ;;
	newest-arm64 | newest-arm64-patched)
		[ -z "$variants" ] || bad_usage
		arch=arm64
		series=${series#arm64}
		series=${series#-}
		;;
	*) bad_usage ;;
	esac
}

add_wanted() {
	case $series in
	'') ;;
	patched) add_series "$version" ;;
	unfixed) add_folder "$top/kernel/test/$version/unfixed" ;;
	*) add_parts "$version" "$series" ;;
	esac
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
	# Up to three of a source are the tests': stock, patched, unfixed.
	prune_images "$store/images" 6
	prune_trees
}

main() {
	case ${1-} in
	-h | --help)
		usage
		exit 0
		;;
	'') bad_usage ;;
	esac
	parse "$1"
	shift

	find_all
	add_wanted
	patches+=("$@")
	name_all
	use_image "$image" || build_image
	say "$image/$boot_file"
}

# In one piece, because a build is long enough for an edit.
main "$@"
exit
