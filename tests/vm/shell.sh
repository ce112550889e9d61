#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# A shell in the virtual machine; see --help.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/../../scripts/lib/common.sh"
# shellcheck source=tests/vm/machine.sh
. "$here/machine.sh"

build=.
kernel=6.12
program_limit=0

usage() {
	cat <<EOF_USAGE
Usage: tests/vm/shell.sh [--kernel KERNEL] [--build DIR] [PROGRAM...]
A shell in the machine that run.sh runs programs in; the PROGRAMs of the build
tree are in its /tests.  KERNEL is as for run.sh (default: $kernel).
"poweroff -f", or C-a x, ends it.
EOF_USAGE
}

while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2 ;;
	--build) build=$2 ;;
	-h | --help)
		usage
		exit 0
		;;
	-*)
		usage >&2
		exit 2
		;;
	*) break ;;
	esac
	shift 2
done
build=$(cd "$build" && pwd)

# shellcheck disable=SC2046 # a list
need_packages $(packages_for "$kernel")
image=$kernel
[ -f "$image" ] || image=$("$top/scripts/kernel.sh" "$kernel")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make_initramfs "$image" "$work/initramfs" "$build" "$@"
set_machine "$image" "$work/initramfs" \
	"loglevel=4 vm_shell ${VM_PARAMETERS-}"
"${machine[@]}" -serial mon:stdio -serial null
