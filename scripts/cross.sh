#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Makes a compiler for another machine; see --help.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/toolchain.sh
. "$here/lib/toolchain.sh"

usage() {
	cat <<EOF_USAGE
Usage: scripts/cross.sh arm64 DIR | --busybox
Puts aarch64-linux-gnu-gcc and its tools into DIR, as scripts that call what
Debian has for this machine.  It is unpacked into \$IOMMUNEST_CACHE, or
libiommunest in the user's cache folder, and not installed.  Exit status 77: it
cannot be had.  With --busybox: prints the path of that machine's busybox.
EOF_USAGE
}

case ${1-} in
-h | --help)
	usage
	exit 0
	;;
esac
if [ $# -ne 2 ] || [ "$1" != arm64 ]; then
	usage >&2
	exit 2
fi
suites_can_be_had || exit 77
# Debian has a compiler for arm64 on other machines too; nobody has tried it.
[ "$(dpkg --print-architecture)" = amd64 ] || {
	complain "$(dpkg --print-architecture): only tried on amd64"
	exit 77
}
if [ "$2" = --busybox ]; then
	root=$(unpack_newest "$1" busybox-static) && say "$root/bin/busybox" &&
		exit
	complain "no busybox can be fetched"
	exit 77
fi
cross_tools "$2" "$1" aarch64-linux-gnu || {
	complain "the compiler, or its libraries, cannot be fetched"
	exit 77
}
