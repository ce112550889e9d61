#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Runs the kernel's own selftest of iommufd in the virtual machine; see --help.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/kernel-tree.sh
. "$top/scripts/lib/kernel-tree.sh"

# Its tests are some hundreds, and some of them pin a lot.
limit=${VM_LIMIT:-900}

usage() {
	cat <<EOF_USAGE
Usage: tests/vm/kernel-selftest.sh [--out DIR] [BASE [OPTION...]]
Builds tools/testing/selftests/iommu/iommufd of the kernel BASE, newest or
newest-patched (default), and runs it in that kernel with the OPTIONs, which are
those of the kernel's test harness: "-f iommufd_ioas", say, is one fixture.  The
log, and those of run.sh, are in DIR (default: vm-kernel-selftest, here).  The
exit status is run.sh's; some tests fail here without the series, too, and do
not count.  The selftest of 6.12 does not compile against its own headers.
EOF_USAGE
}

# In the tree that kernel.sh has built from, if nobody has taken it meanwhile.
take_selftest() (
	lock_store
	prepare_tree
	build_selftest "$1"
)

out=vm-kernel-selftest
if [ "${1-}" = --out ]; then
	out=$2
	shift 2
fi
case ${1-newest-patched} in
-h | --help)
	usage
	exit 0
	;;
newest | newest-patched) ;;
*)
	usage >&2
	exit 2
	;;
esac
which=${1-newest-patched}
[ $# -eq 0 ] || shift
base=${which%-patched}

# shellcheck disable=SC2086 # a list
need_packages $selftest_packages
find_all
[ "$which" = "$base" ] || add_series "$version"
name_all
image=$("$top/scripts/kernel.sh" "$which")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
take_selftest "$work/iommufd"

# Those that fail in this machine with or without the series, and have nothing to
# do with invalidation.
known='iommufd_ioas\..*\.(area_auto_iova|dmabuf_revoke|dmabuf_simple)$'
known+='|iommufd_ioas\.no_domain\.reserved_overflow$'

# Huge pages for the variants that want them; in a build tree of its own.
cat >"$work/kernel-selftest" <<EOF_PROGRAM
#!/bin/sh
echo 90 >/proc/sys/vm/nr_hugepages
/tests/iommufd $* >/tmp/said
cat /tmp/said
grep -q '^# Totals:' /tmp/said || exit 1
others=\$(grep '^not ok' /tmp/said | grep -cvE '$known')
echo "\$others failed that do not fail without the series"
[ "\$others" -eq 0 ]
EOF_PROGRAM
chmod +x "$work/kernel-selftest"
mkdir -p "$out"
VM_MEMORY=${VM_MEMORY:-1024} "$here/run.sh" --build "$work" --out "$out" \
	--kernel "$image" --file "$work/iommufd" --limit "$limit" \
	--without-vtd kernel-selftest
