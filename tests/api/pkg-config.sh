#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# The .pc files are valid, have the fields that distributions read, and the
# simulator's asks for the library of its own version, shared and static.
set -eu

build=${top_builddir:-.}
command -v pkg-config >/dev/null || {
	echo "SKIP: pkg-config is not installed"
	exit 77
}
PKG_CONFIG_PATH=$(cd "$build" && pwd)/lib:$(cd "$build" && pwd)/sim
export PKG_CONFIG_PATH
version=$(sed -n 's/^PACKAGE_VERSION = //p' "$build/Makefile")
failed=0

# same WHAT IS WANTED
same()
{
	[ "$2" = "$3" ] && return
	echo "FAIL: $1 is \"$2\", not \"$3\""
	failed=1
}

# The libraries that a program links, in their order.
libs()
{
	pkg-config --libs "$@" | tr ' ' '\n' | grep '^-l' | tr '\n' ' '
}

for file in lib/libiommunest sim/libiommunest-sim; do
	name=${file#*/}
	pkg-config --validate "$name"
	same "version of $name" "$(pkg-config --modversion "$name")" "$version"
	for field in Name Description License Version Requires Libs \
		Libs.private Cflags; do
		grep -q "^$field:" "$build/$file.pc" || {
			echo "FAIL: $file.pc has no $field"
			failed=1
		}
	done
	! grep -n '@' "$build/$file.pc" || failed=1
done

same "what the simulator requires" \
	"$(pkg-config --print-requires libiommunest-sim)" \
	"libiommunest = $version"
for static in '' --static; do
	# shellcheck disable=SC2086 # no argument, or one
	{
		same "libraries${static:+ with }$static" \
			"$(libs $static libiommunest)" "-liommunest "
		same "the simulator's libraries${static:+ with }$static" \
			"$(libs $static libiommunest-sim)" \
			"-liommunest-sim -liommunest "
	}
done

exit $failed
