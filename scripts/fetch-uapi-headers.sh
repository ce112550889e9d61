#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Fetches the kernel's user-space headers from a newer Debian suite than the
# system's, beside the system's own and without touching it: with an apt
# configuration of its own, and unpacked, not installed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/suite.sh
. "$here/lib/suite.sh"

suites=(trixie-backports bookworm-backports)

usage() {
	cat <<USAGE
Usage: fetch-uapi-headers.sh [SUITE...]
Prints the include folder of the newest linux-libc-dev of the first SUITE that
can be had (default: ${suites[*]}).
Kept in \$IOMMUNEST_CACHE, or libiommunest in the user's cache folder; what is
there serves when the network does not.
USAGE
}

include_of() {
	local suite=$1 dir=$cache/linux-libc-dev/$1 root

	if ! { update_suite "$suite" &&
		root=$(unpack_from "$suite" linux-libc-dev "$dir"); }; then
		root=$(unpacked_in linux-libc-dev "$dir")
		[ -z "$root" ] || note "$suite: not reached; taking ${root##*/}"
	fi
	[ -f "$root/usr/include/linux/iommufd.h" ] || return 1
	printf '%s\n' "$root/usr/include"
}

case ${1-} in
-h | --help)
	usage
	exit 0
	;;
-*)
	usage >&2
	exit 2
	;;
esac
[ $# -eq 0 ] || suites=("$@")

suites_can_be_had || exit 1
for suite in "${suites[@]}"; do
	if include_of "$suite"; then
		exit 0
	fi
	note "$suite: no linux/iommufd.h to be had"
done
exit 1
