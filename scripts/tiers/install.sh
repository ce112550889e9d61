# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="installed, used by a program outside the tree, and removed"
tier_packages="$build_packages $test_packages"

# The flags that pkg-config gives for a library staged below $1.
flags() {
	local root=$1

	shift
	PKG_CONFIG_SYSROOT_DIR=$root \
		PKG_CONFIG_PATH=$root/usr/local/lib/pkgconfig \
		pkg-config --cflags --libs "$@"
}

# use COMPILER SOURCE PACKAGE...: builds it against the staged libraries alone
# and runs it.
use() {
	local compiler=$1 source=$2 found

	shift 2
	found=$(flags "$root" "$@")
	# shellcheck disable=SC2086 # a list
	$compiler -Wall -Wextra -Werror "$source" -o "$work/program" $found
	readelf -d "$work/program" | grep -q 'NEEDED.*libiommunest\.so\.[0-9]'
	LD_LIBRARY_PATH=$root/usr/local/lib "$work/program"
	record 1 0 0
}

# Each runs with the staged libraries, and has a page.
use_tools() {
	local tool

	for tool in capture check inval replay; do
		tool=iommunest-$tool
		LD_LIBRARY_PATH=$root/usr/local/lib \
			"$root/usr/local/bin/$tool" --version |
			grep -q "^$tool "
		[ -f "$root/usr/local/share/man/man1/$tool.1" ]
		record 1 0 0
	done
}

tier_run() {
	local root=$build/root left

	use_gcc_build
	make_tree "$build"
	rm -rf "$root"
	quietly "$build/install.log" make -C "$build" install DESTDIR="$root"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	cd "$work" || return

	cat >version.c <<-PROGRAM
		#include <libiommunest.h>
		#include <stdio.h>

		int main(void)
		{
			return puts(iommunest_version()) < 0;
		}
	PROGRAM
	cp version.c version.cc
	use gcc version.c libiommunest
	use g++ version.cc libiommunest
	use gcc "$top/examples/nest-setup.c" libiommunest libiommunest-sim
	use_tools

	quietly "$build/install.log" make -C "$build" uninstall \
		DESTDIR="$root"
	left=$(find "$root" ! -type d)
	[ -z "$left" ] || {
		say "make uninstall left behind:" "$left"
		return 1
	}
	record 1 0 0
}
