# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Sourced after common.sh: compilers for other machines and C libraries, with
# their libcheck, beside the system's.  Nothing of them is installed, as Debian's
# cross compilers and gcc-multilib put each other out.  All are of the system's
# own suite, unpacked in the cache; compilers are called by scripts in a folder
# that goes into $PATH.

# shellcheck source=scripts/lib/suite.sh
. "$top/scripts/lib/suite.sh"

suite_minutes=${IOMMUNEST_LISTS_MINUTES-720}
store=$cache/toolchains

own_suite() {
	sed -n 's/^VERSION_CODENAME=//p' /etc/os-release
}

# unpack_newest ARCHITECTURE PACKAGE...: of the system's suite, into one folder,
# which is printed; what an earlier run left, if the suite is out of reach.
unpack_newest() {
	local suite dir=$store/$1

	suite=$(own_suite)/$1
	shift
	{ update_suite "$suite" && unpack_together "$suite" "$dir" "$@"; } ||
		{ dir=$(unpacked_in "$1" "$dir") && [ -n "$dir" ] && say "$dir"; }
}

own_gcc() {
	gcc -dumpversion | cut -d . -f 1
}

# libraries_for ARCHITECTURE: its C library, with what compiles and tests for it.
libraries_for() {
	unpack_newest "$1" libc6 libc6-dev linux-libc-dev libgcc-s1 \
		"libgcc-$(own_gcc)-dev" check libsubunit-dev
}

# put_script FILE LINE...
put_script() {
	local file=$1

	shift
	mkdir -p "$(dirname "$file")"
	printf '%s\n' '#!/bin/sh' "$@" >"$file"
	chmod +x "$file"
}

# What links with a libcheck of glibc's.
glibc_check=(CHECK_CFLAGS=-pthread
	CHECK_LIBS="-lcheck_pic -lsubunit -lrt -lm")

# quoted WORD...: for a script.
quoted() {
	printf '%q ' "$@"
}

# cc_with ROOT TRIPLET COMPILER...: a call with the libraries below ROOT, whose
# folders are named after TRIPLET.
cc_with() {
	local root=$1 triplet=$2 own

	shift 2
	own=("$root"/usr/lib/gcc/*/*)
	quoted "$@" --sysroot="$root" -B "${own[0]}/" -L "${own[0]}" \
		-B "$root/usr/lib/$triplet/" -L "$root/usr/lib/$triplet" \
		-idirafter "$root/usr/include/$triplet"
}

# cc_i386 BIN: i386-cc, of the system's own gcc.  Its programs run with the
# libraries that they were linked with.
cc_i386() {
	local root

	root=$(libraries_for i386) || return
	put_script "$1/i386-cc" "exec $(cc_with "$root" i386-linux-gnu gcc -m32 \
		"-Wl,--dynamic-linker=$root/lib/ld-linux.so.2" \
		"-Wl,-rpath,$root/lib/i386-linux-gnu") \"\$@\""
}

# cross_tools BIN ARCHITECTURE TRIPLET: TRIPLET-gcc, which makes programs with
# the libraries of that machine, its tools, and TRIPLET-bare-gcc, which has no
# libraries, for a kernel.
cross_tools() {
	local bin=$1 target=$2 triplet=$3 own root tools path tool
	local call=()

	own=$(dpkg --print-architecture)
	root=$(libraries_for "$target") || return
	tools=$(unpack_newest "$own" "gcc-$(own_gcc)-$triplet" \
		"cpp-$(own_gcc)-$triplet" "binutils-$triplet") || return
	path=$tools/usr/bin/$triplet
	call=("LD_LIBRARY_PATH=$(quoted "$tools/usr/lib/$(gcc -print-multiarch)")"
		"export LD_LIBRARY_PATH")
	for tool in ar as ld nm objcopy objdump ranlib readelf strip; do
		put_script "$bin/$triplet-$tool" "${call[@]}" \
			"exec $(quoted "$path-$tool") \"\$@\""
	done
	put_script "$bin/$triplet-gcc" "${call[@]}" \
		"exec $(cc_with "$root" "$triplet" "$path-gcc-$(own_gcc)" \
			-B "$path-") \"\$@\""
	put_script "$bin/$triplet-bare-gcc" "${call[@]}" \
		"exec $(quoted "$path-gcc-$(own_gcc)" -B "$path-") \"\$@\""
}

# cc_s390x BIN: s390x-linux-gnu-gcc and its tools, and s390x-run, which runs
# what they make.
cc_s390x() {
	local bin=$1 root qemu

	cross_tools "$bin" s390x s390x-linux-gnu || return
	root=$(libraries_for s390x) || return
	qemu=$(unpack_newest "$(dpkg --print-architecture)" \
		qemu-user-static) || return
	# Of forty machines.
	find "$qemu/usr/bin" -type f ! -name qemu-s390x-static -delete
	put_script "$bin/s390x-run" \
		"exec $(quoted "$qemu/usr/bin/qemu-s390x-static" -L "$root") \"\$@\""
}

# cc_musl BIN: musl-cc, with the kernel's headers and nothing else of glibc's.
cc_musl() {
	local headers=$1/../musl-headers machine

	machine=$(gcc -print-multiarch)
	mkdir -p "$headers"
	ln -sfn /usr/include/linux /usr/include/asm-generic "$headers"
	ln -sfn "/usr/include/$machine/asm" "$headers"
	put_script "$1/musl-cc" \
		"exec musl-gcc \"\$@\" -idirafter $(quoted "$headers")"
}

# Debian's source of its libcheck; the newest that is there already, if the
# suite is out of reach.
check_source() {
	local suite dir=$store/source

	suite=$(own_suite)/source
	mkdir -p "$dir"
	{ update_suite "$suite" && (cd "$dir" &&
		of_suite "$suite" apt-get source --download-only check >&2); } ||
		note "$suite: not reached"
	find "$dir" -name 'check_*.orig.tar.*' ! -name '*.asc' | sort -V |
		tail -n 1 | grep .
}

# check_musl: libcheck built with musl-cc, which is in $PATH; prints its folder.
check_musl() {
	local tar to work

	tar=$(check_source) || return
	to=${tar##*/check_}
	to=$store/musl/check_${to%.orig.*}
	[ ! -d "$to" ] || {
		say "$to"
		return
	}
	mkdir -p "$store/musl"
	work=$(mktemp -d "$store/musl/new.XXXXXX")
	build_check "$work" "$tar" >"$to.log" 2>&1 || {
		note "libcheck does not build: $to.log"
		rm -rf "$work"
		return 1
	}
	mv "$work/to" "$to"
	rm -rf "$work"
	say "$to"
}

# The library alone; the rest wants more of a system.
build_check() {
	cd "$1" &&
		tar -xf "$2" --strip-components=1 &&
		./configure --quiet CC=musl-cc --disable-subunit \
			--disable-shared --disable-build-docs --prefix="$1/to" &&
		make -C lib -j"$jobs" &&
		make -C src -j"$jobs" install-libLTLIBRARIES \
			install-includeHEADERS &&
		make install-includeHEADERS
}
