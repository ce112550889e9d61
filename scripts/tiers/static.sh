# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="shared, the default; static only; and both; just built"
tier_packages="$build_packages $test_packages"

# has SHARED STATIC: which libraries were built.
has() {
	local so=no a=no

	[ ! -e .libs/libiommunest.so ] || so=yes
	[ ! -e .libs/libiommunest.a ] || a=yes
	[ "$so $a" = "$1 $2" ] || {
		say "shared: $so, and not $1; static: $a, and not $2"
		return 1
	}
	record 1 0 0
}

# build_with SHARED STATIC
build_with() {
	local dir=$build/shared-$1-static-$2

	# What an earlier run left would be taken for built.
	rm -rf "$dir"
	mkdir -p "$dir"
	configure_tree "$dir" --enable-shared="$1" --enable-static="$2"
	make_tree "$dir" all
	has "$1" "$2"
}

tier_run() {
	build_with no yes
	build_with yes yes
	use_gcc_build
	make_tree "$build" all
	has yes no
}
