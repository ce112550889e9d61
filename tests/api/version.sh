#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# The header's version is configure's, and NEWS begins with it.
set -eu

top=${top_srcdir:-.}
version=$(sed -n 's/^PACKAGE_VERSION = //p' "${top_builddir:-.}/Makefile")
failed=0

# same WHAT IS
same()
{
	[ "$2" = "$version" ] && return
	echo "FAIL: $1 says \"$2\", and configure.ac \"$version\""
	failed=1
}

# The number after #define IOMMUNEST_VERSION_$1, wherever the header has it.
part()
{
	cat "$top"/include/*.h "$top"/include/*/*.h 2>/dev/null |
		sed -n "s/^#define IOMMUNEST_VERSION_$1 //p"
}

same "the header" "$(part MAJOR).$(part MINOR).$(part PATCH)"
same NEWS "$(sed -n '1s/^libiommunest \([0-9.]*\).*/\1/p' "$top/NEWS")"

exit $failed
