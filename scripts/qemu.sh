#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Finds a QEMU that is new enough; see --help.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/suite.sh
. "$here/lib/suite.sh"

suite_minutes=${IOMMUNEST_LISTS_MINUTES-720}
newer_suite=bookworm-backports
store=$cache/qemu

usage() {
	cat <<EOF_USAGE
Usage: scripts/qemu.sh VERSION [MACHINE]
Prints how to call a qemu-system-MACHINE (x86_64, which is the default, or
aarch64) of that version or a later one, for eval: the system's, or else that of
$newer_suite, unpacked into \$IOMMUNEST_CACHE, or libiommunest in the
user's cache folder.  Exit status 77: there is none.
EOF_USAGE
}

# version_of COMMAND...
version_of() {
	"$@" --version 2>/dev/null |
		sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p'
}

is_enough() {
	[ -n "$1" ] && printf '%s\n' "$wanted" "$1" | sort -VC
}

unpack_all() {
	update_suite "$newer_suite" || return
	# shellcheck disable=SC2086 # a list
	unpack_together "$newer_suite" "$store" $packages
}

unpacked() {
	unpack_all || unpacked_in "${packages%% *}" "$store"
}

case ${1-} in
-h | --help)
	usage
	exit 0
	;;
[0-9]*) ;;
*)
	usage >&2
	exit 2
	;;
esac
wanted=$1
program=qemu-system-${2-x86_64}
case $program in
*-x86_64)
	packages="qemu-system-x86 qemu-system-common qemu-system-data seabios"
	;;
*-aarch64) packages="qemu-system-arm qemu-system-common qemu-system-data" ;;
*)
	usage >&2
	exit 2
	;;
esac

if is_enough "$(version_of "$program")"; then
	printf '%s\n' "$program"
	exit 0
fi
suites_can_be_had || exit 77
root=$(unpacked)
[ -n "$root" ] || {
	note "no QEMU $wanted: $newer_suite cannot be reached"
	exit 77
}
modules=$(echo "$root"/usr/lib/*/qemu)
call=(env "QEMU_MODULE_DIR=$modules" "$root/usr/bin/$program"
	-L "$root/usr/share/qemu" -L "$root/usr/share/seabios")
found=$(version_of "${call[@]}")
is_enough "$found" || {
	note "no QEMU $wanted: $newer_suite has ${found:-one that does not run}"
	exit 77
}
printf '%q ' "${call[@]}"
printf '\n'
