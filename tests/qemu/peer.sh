#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Fetches the QEMU that has a nested VT-d of its own; see --help.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/suite.sh
. "$top/scripts/lib/suite.sh"

suite_minutes=${IOMMUNEST_LISTS_MINUTES-720}
newer_suite=trixie-backports
library_suite=trixie
store=$cache/qemu-peer
only_needed=(--no-recommends --no-suggests --no-conflicts --no-breaks
	--no-replaces --no-enhances)

usage() {
	cat <<EOF_USAGE
Usage: tests/qemu/peer.sh
Unpacks the QEMU of Debian's $newer_suite with the libraries that it takes,
of $library_suite, into \$IOMMUNEST_CACHE, or libiommunest in the user's cache
folder, and prints a folder with all that it needs to run, which is called
"peer", and is started by its file "qemu".  Exit status 77: it cannot be had.
EOF_USAGE
}

depends() {
	of_suite "$1" apt-cache depends "${only_needed[@]}" "${@:2}"
}

# Which libraries it takes, in that suite, and what those take.
libraries() {
	local direct

	mapfile -t direct < <(depends "$newer_suite" qemu-system-x86 |
		sed -n 's/^  Depends: <\?\(lib[^>]*\|zlib1g\)>\?$/\1/p')
	depends "$library_suite" --recurse "${direct[@]}" |
		grep -E '^(lib|zlib1g)' | grep -vx libc6 | sort -u
}

unpack_all() {
	local list

	update_suite "$newer_suite" && update_suite "$library_suite" || return
	qemu=$(unpack_together "$newer_suite" "$store" qemu-system-x86 \
		qemu-system-common) || return
	mapfile -t list < <(libraries)
	root=$(unpack_together "$library_suite" "$store" libc6 "${list[@]}")
}

# By its own loader; in "peer", because that is where it goes in the machine.
gather() {
	local work=$1/peer library libs

	libs=$root/usr/lib/$(gcc -print-multiarch)
	mkdir -p "$work/modules"
	cp "$root/usr/lib64/ld-linux-x86-64.so.2" "$work/ld.so"
	cp "$qemu/usr/bin/qemu-system-x86_64" "$work"
	cp "$qemu"/usr/lib/*/qemu/accel-qtest*.so "$work/modules"
	"$work/ld.so" --library-path "$libs" \
		--list "$work/qemu-system-x86_64" >"$1/list"
	# The loader is there already.
	awk '$2 == "=>" && $3 !~ /ld.so$/ { print $3 }' "$1/list" |
		while read -r library; do
			cp -L "$library" "$work"
		done
	cat >"$work/qemu" <<-'END'
		#!/bin/sh
		here=${0%/*}
		QEMU_MODULE_DIR=$here/modules
		export QEMU_MODULE_DIR
		exec "$here/ld.so" --library-path "$here" \
			"$here/qemu-system-x86_64" "$@"
	END
	chmod +x "$work/qemu"
}

main() {
	local to work

	case ${1-} in
	-h | --help)
		usage
		exit 0
		;;
	'') ;;
	*)
		usage >&2
		exit 2
		;;
	esac
	suites_can_be_had || exit 77
	unpack_all || {
		note "no newer QEMU: $newer_suite cannot be reached"
		exit 77
	}
	to=$store/ready-${qemu##*/}
	if [ ! -d "$to" ]; then
		work=$(mktemp -d "$store/new.XXXXXX")
		gather "$work"
		mv "$work" "$to"
	fi
	say "$to/peer"
}

main "$@"
exit
