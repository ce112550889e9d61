# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
tier_title="shared only, static only, and both; just built"
tier_packages="$build_packages $test_packages"

# has SHARED STATIC: which libraries were built.
has() {
	local so=no a=no

	[ -e lib/.libs/libiommunest.so ] || [ -e .libs/libiommunest.so ] && so=yes
	[ -e .libs/libiommunest.a ] && a=yes
	[ "$so $a" = "$1 $2" ] && record 1 0 0
}

tier_run() {
	local shared static dir

	for shared in yes no; do
		for static in yes no; do
			[ "$shared $static" != "no no" ] || continue
			dir=$build/shared-$shared-static-$static
			mkdir -p "$dir"
			configure_tree "$dir" --enable-shared=$shared \
				--enable-static=$static
			make_tree "$dir" all
			has $shared $static
		done
	done
}
