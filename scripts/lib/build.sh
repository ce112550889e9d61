# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced after common.sh: builds the tree, out of tree.

# configure itself is made in the source tree, once.
bootstrap_tree() {
	local made=$top/configure log=$1/bootstrap.log

	mkdir -p "$1"
	[ "$made" -nt "$top/configure.ac" ] && [ -f "$top/Makefile.in" ] &&
		return 0
	quietly "$log" "$top/bootstrap"
}

# configure_tree DIR ARGUMENT...
configure_tree() {
	local dir=$1

	shift
	bootstrap_tree "$dir"
	cd "$dir" || return
	quietly configure.log "$top/configure" "$@"
}

# make_tree DIR ARGUMENT...
make_tree() {
	local dir=$1

	shift
	quietly "$dir/make.log" make -C "$dir" -j"$jobs" "$@"
}

# check_with_uapi DIR SUITE...: make check with the kernel headers of a newer
# Debian.
check_with_uapi() {
	local dir=$1 headers

	shift
	headers=$("$top/scripts/fetch-uapi-headers.sh" "$@") ||
		skip_tier "the headers cannot be had"
	say "headers: $headers"
	configure_tree "$dir" --with-linux-headers="$headers"
	make_tree "$dir"
	check_tree "$dir"
}

# The kernels of tests/vm.  One that cannot be had, or built, does not keep the
# others from it.
prepare_kernels() {
	local kernel worst=0

	for kernel in $vm_kernels; do
		"$top/scripts/kernel.sh" "$kernel" || worst=$?
	done
	return "$worst"
}
