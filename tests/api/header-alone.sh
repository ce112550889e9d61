#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Each public header compiles alone, and a second time after itself, as C11 and
# as C++17, without a warning.
set -eu

top=${top_srcdir:-${srcdir:-.}}
build=${top_builddir:-.}

variable()
{
	[ ! -f "$build/Makefile" ] ||
		sed -n "s/^$1 = //p" "$build/Makefile" | sed 1q
}

cc=${CC:-$(variable CC)}
cc=${cc:-gcc}
cxx=${CXX:-$(variable CXX)}
cxx=${cxx:-g++}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

failed=0
missing=

# compile COMPILER STANDARD SUFFIX
compile()
{
	if ! command -v "${1%% *}" >/dev/null 2>&1; then
		missing="$missing $1"
		return
	fi
	for header in "$top"/include/*.h "$top"/include/*/*.h; do
		name=${header#"$top/include/"}
		printf '#include <%s>\n#include <%s>\n' "$name" "$name" \
			>"$work/alone.$3"
		if $1 "$2" -Wall -Wextra -Wpedantic -Werror -I"$top/include" \
			-c -o "$work/alone.o" "$work/alone.$3"; then
			echo "$name: $2"
		else
			echo "FAIL: $name does not compile alone with $1 $2"
			failed=1
		fi
	done
}

compile "$cc" -std=c11 c
compile "$cxx" -std=c++17 cc

[ $failed -eq 0 ] || exit 1
if [ -n "$missing" ]; then
	echo "SKIP: there is no compiler$missing"
	exit 77
fi
