# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Sourced after common.sh: builds the tree, out of tree.

# False: configure or Makefile.in is missing or old.
is_bootstrapped() {
	local made=$top/Makefile.in

	[ -f "$top/configure" ] && [ -f "$made" ] &&
		[ -z "$(find "$top" -maxdepth 3 \( -name configure.ac -o \
			-name Makefile.am -o -name local.mk \) \
			-newer "$made" -print -quit)" ]
}

# configure itself is made in the source tree, once: what a tier prepares may
# build as well, beside another tier.
bootstrap_tree() {
	mkdir -p "$1"
	(
		flock 9
		is_bootstrapped || quietly "$1/bootstrap.log" "$top/bootstrap"
	) 9<"$top"
}

# configure_tree DIR ARGUMENT...
# configure takes no blank in the path that it is called by, and so it is not
# the whole one.
configure_tree() {
	local dir=$1 source

	shift
	bootstrap_tree "$dir"
	cd "$dir" || return
	source=$(realpath --relative-to=. "$top")
	# Its 77 is no test that cannot run.
	quietly configure.log "$source/configure" "$@" || return 1
}

# make_tree DIR ARGUMENT...
make_tree() {
	local dir=$1

	shift
	quietly "$dir/make.log" make -C "$dir" -j"$jobs" "$@"
}

# For a tier that asks something of the default configuration: the build folder
# is that of the tier gcc, so that it is built once, by whoever comes first.
use_gcc_build() {
	build=$(dirname "$build")/gcc
	bootstrap_tree "$build"
	[ "$build/Makefile" -nt "$top/Makefile.in" ] || configure_tree "$build"
	cd "$build" || return
}

# check_with_uapi DIR SUITE...: with the kernel headers of a newer Debian.  All
# is built with them, and what is laid out by them is tested; the rest is the
# same code as with any others.
check_with_uapi() {
	local dir=$1 headers

	shift
	headers=$("$top/scripts/fetch-uapi-headers.sh" "$@") ||
		skip_tier "the headers cannot be had"
	say "headers: $headers"
	configure_tree "$dir" --with-linux-headers="$headers"
	make_tree "$dir"
	check_tree "$dir" check-uapi
}

# prepare_kernels "KERNEL...": those of tests/vm.  One that cannot be had, or
# built, does not keep the others from it.
prepare_kernels() {
	local kernel worst=0

	for kernel in $1; do
		"$top/scripts/kernel.sh" "$kernel" || worst=$?
	done
	return "$worst"
}
