#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: The libiommunest authors
# Runs the kernel's text in the model, before the patches of kernel/BASE and
# after each part of them; see --help.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
# shellcheck source=scripts/lib/common.sh
. "$top/scripts/lib/common.sh"
# shellcheck source=scripts/lib/results.sh
. "$top/scripts/lib/results.sh"
# shellcheck source=scripts/lib/kernel-tree.sh
. "$top/scripts/lib/kernel-tree.sh"

rounds=20
# Many of these take as long as it takes to find that somebody waits for ever.
stock_rounds=4
stock_fails="refused-anywhere stuck-for-ever slow-alone gone-among-others"

usage() {
	cat <<EOF_USAGE
Usage: kernel/model/check.sh [BASE...]
For each BASE, 6.12 and newest (default: both): compiles qi_submit_sync() and
what it calls into a model of the hardware, as Debian's source has them and
after each part of the series, and runs all cases $rounds times.  The source
without patches has to fail where the patches say so, in $stock_rounds rounds of
$stock_fails.  The last line is
"N passed, N failed, N skipped".
EOF_USAGE
}

# verdict NAME STATUS
verdict() {
	if [ "$2" -eq 0 ]; then
		say "  PASS  $1"
		record 1 0 0
	else
		say "  FAIL  $1"
		record 0 1 0
	fi
}

# The few files that the patches change.
unpack_files() {
	[ -d "$store/sources/$source" ] || {
		lock_store
		unpack_from "$suite" "$package" "$store/sources" >/dev/null ||
			unavailable "$source cannot be fetched"
	}
	tar -C "$work" -xf \
		"$store/sources/$source/usr/src/$package.tar.xz" \
		"$package/drivers/iommu" "$package/drivers/pci" \
		"$package/include/linux/iommu.h" \
		"$package/include/uapi/linux/iommufd.h" \
		"$package/Documentation/userspace-api/iommufd.rst" \
		"$package/tools/testing/selftests/iommu" ||
		unavailable "$source cannot be unpacked"
}

build_model() {
	"$here/extract.sh" "$work/$package/drivers/iommu/intel" \
		>"$work/qi-text.h"
	# The kernel's text is not judged by our warnings.
	"${CC:-cc}" -std=gnu11 -O1 -g -w -fsanitize=address,undefined \
		-fno-sanitize-recover=all -I"$work" -I"$here" \
		-o "$work/qi-model" "$here/model.c" "$here/qi-model.c"
}

# run_model STAGE ROUNDS [CASE]: what each case came to, in $work/STAGE.log.  A
# crash is the end of it.
run_model() {
	local status=0

	timeout 600 "$work/qi-model" "${@:2}" >"$work/$1.log" 2>&1 || status=$?
	[ "$status" -le 1 ] || say "FAIL ended with status $status" \
		>>"$work/$1.log"
	# It always says that it does not know swapcontext() well.
	sed '/WARNING: ASan/d; s/^/    /' "$work/$1.log"
}

# The model sees what the patches are for.
check_stock() {
	local case status

	say "$source"
	build_model
	for case in $stock_fails; do
		status=0
		run_model stock "$stock_rounds" "$case"
		grep -q "^FAIL $case:" "$work/stock.log" || status=1
		verdict "stock fails: $case" "$status"
	done
}

check_part() {
	local part=$1 patch status=0

	for patch in "$top/kernel/$version/$part"/000[1-9]*.patch; do
		patch -d "$work/$package" -p1 --silent <"$patch" || status=1
	done
	verdict "$part applies" "$status"
	[ "$status" -eq 0 ] || return 0
	# A part that leaves it alone has been tried with the one before.
	grep -q '^+++ b/drivers/iommu/intel/dmar.c' \
		"$top/kernel/$version/$part"/*.patch || return 0
	build_model
	run_model "$part" "$rounds"
	! grep -q '^FAIL' "$work/$part.log" || status=1
	verdict "$part" "$status"
}

check_base() {
	local part

	base=$1
	find_all
	work=$(mktemp -d)
	# shellcheck disable=SC2064 # as it is now
	trap "rm -rf '$work'" EXIT
	unpack_files
	check_stock
	for part in a-fixes b-latency c-containment d-truth; do
		[ ! -d "$top/kernel/$version/$part" ] || check_part "$part"
	done
}

# In a shell of its own, which ends with 77 where there is no source.
try_base() {
	local status=0

	(check_base "$1") || status=$?
	case $status in
	0) ;;
	77) record 0 0 1 ;;
	*) record 0 1 0 ;;
	esac
}

main() {
	local one total

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
	[ $# -gt 0 ] || set -- 6.12 newest
	for one; do
		case $one in
		6.12 | newest) ;;
		*)
			usage >&2
			exit 2
			;;
		esac
	done
	: "${RESULTS:=$(mktemp)}"
	export RESULTS
	for one; do
		try_base "$one"
	done
	total=$(recorded)
	say "${total% * *} passed, $(cut -d ' ' -f 2 <<<"$total") failed," \
		"${total##* } skipped"
	[ "$(cut -d ' ' -f 2 <<<"$total")" -eq 0 ]
}

main "$@"
exit
