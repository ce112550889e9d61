#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Replays captured guests' queues on the simulator; see --help.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/build.sh
. "$here/lib/build.sh"

iq=tests/data/guest-iq/flts-multi.iq
cmdq=tests/data/guest-cmdq/noril-strict-par.cmdq
lag=16

usage() {
	cat <<EOF_USAGE
Usage: scripts/demo.sh [--no-install] [CAPTURE]
Installs what is missing (Debian, as root or with sudo), builds out of tree in
build-demo/ (or \$BUILD_DIR), and replays what guests wrote into their VT-d
invalidation queue and SMMUv3 command queue ($iq and
$cmdq), or CAPTURE, on the built-in simulator.

  --no-install   if packages are missing, name them and stop
  --help         this text
EOF_USAGE
}

case ${1-} in
--no-install)
	export IOMMUNEST_INSTALL=no
	shift
	;;
esac
case ${1-} in
-h | --help)
	usage
	exit 0
	;;
-?*)
	usage >&2
	exit 2
	;;
esac
capture=
[ $# -eq 0 ] || capture=$(realpath -- "$1")

build=${BUILD_DIR:-$top/build-demo}
mkdir -p "$build"
build=$(cd "$build" && pwd)

heading "building in $build"
# shellcheck disable=SC2086 # a list
need_packages $build_packages
configure_tree "$build"
make_tree "$build" all

# replay WHAT CAPTURE OPTION...
replay() {
	local file=$2

	heading "$1"
	shift 2
	cd "$top"
	"$build/tools/iommunest-replay" "$@" "$file"
}

# replay_thrice CAPTURE
replay_thrice() {
	replay "a guest's queue, kick by kick: it waits for each of its flushes" \
		"$1"
	replay "the same with $lag kicks at a time, as a queue thread that lags has them" \
		"$1" --batch-kicks $lag
	replay "that with a call for each descriptor, as VMMs do it today" \
		"$1" --batch-kicks $lag --per-descriptor
}

if [ -n "$capture" ]; then
	replay_thrice "$capture"
	exit
fi
replay_thrice "$iq"
replay "an SMMUv3's guest without range invalidation: up to 64 commands a kick" \
	"$cmdq"
replay "that with a call for each command" "$cmdq" --per-descriptor
