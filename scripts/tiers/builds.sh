# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="other compilations: LTO, -O3, i386, musl, s390x, blanks, less"
tier_packages="$build_packages $test_packages debian-archive-keyring"

# The programs of "make check", as each is another compilation of the same; its
# scripts only where a path has blanks.  The big-endian machine is emulated, and
# has those programs that have to do with the order of bytes.

# shellcheck source=scripts/lib/toolchain.sh
. "$top/scripts/lib/toolchain.sh"

variants=(lto o3 m32 musl s390x blanks libraries)

# Warnings are errors in all of them.
test_build() {
	local dir=$1 target=$2

	shift 2
	configure_tree "$dir" --enable-werror "$@"
	make_tree "$dir" all
	check_tree "$dir" "$target"
}

build_lto() {
	test_build "$1" check-unit CFLAGS="-O2 -flto=auto -ffat-lto-objects"
}

build_o3() {
	test_build "$1" check-unit CFLAGS=-O3
}

build_m32() {
	cc_i386 "$bin" || skip_tier "no libraries for i386"
	test_build "$1" check-unit --host=i686-linux-gnu CC=i386-cc \
		"${glibc_check[@]}"
}

build_musl() {
	local check

	need_packages musl-tools || skip_tier "no musl-tools"
	cc_musl "$bin"
	check=$(check_musl) || skip_tier "no libcheck for musl"
	test_build "$1" check-unit CC=musl-cc CHECK_CFLAGS="-I$check/include" \
		CHECK_LIBS="$check/lib/libcheck.a"
}

# Static, so that the programs are no wrappers of libtool's.
build_s390x() {
	cc_s390x "$bin" || skip_tier "no compiler, libraries or QEMU for s390x"
	LOG_COMPILER=s390x-run test_build "$1" check-codecs \
		--host=s390x-linux-gnu --disable-shared --enable-static \
		"${glibc_check[@]}"
}

# The tree itself, too.  A build folder has to be within it then: configure
# refuses a blank in the path from there to here.
build_blanks() {
	local tree="$1/a tree" dir="$1/a tree/build here"

	rm -rf "$1"
	mkdir -p "$tree"
	tar -C "$top" --exclude=./.git --exclude='./build*' \
		--exclude="./${build#"$top"/}" --exclude=./configure -c . |
		tar -C "$tree" -x
	top=$tree test_build "$dir" check-scripts
	quietly "$1/demo.log" env -u BUILD_DIR "$tree/scripts/demo.sh"
	record 1 0 0
}

# Without the programs, their pages and their tests.
build_libraries() {
	local root=$1/root

	rm -rf "$root"
	test_build "$1" check-scripts --disable-tools --disable-examples
	quietly "$1/install.log" make -C "$1" install DESTDIR="$root"
	if [ -e "$1/examples/nest-setup" ] ||
		[ -n "$(find "$root" -name 'iommunest-*')" ]; then
		say "something of them is there"
		return 1
	fi
	record 1 0 0
}

# A variant is a tier within the tier: what it cannot have is counted as
# skipped, and what went wrong without a test's fault, as a failure.  It is not
# itself in a condition, where its commands could fail and it go on.
run_variant() {
	local name=$1 status=0 before

	say "- $name"
	before=$(failures)
	mkdir -p "$build/$name"
	"build_$name" "$build/$name" &
	wait $! || status=$?
	case $status in
	0) ;;
	77) record 0 0 1 ;;
	*)
		say "$name FAILED"
		[ "$(failures)" -ne "$before" ] || record 0 1 0
		;;
	esac
}

failures() {
	recorded | cut -d ' ' -f 2
}

tier_run() {
	local bin=$build/bin name

	PATH=$bin:$PATH
	for name in ${IOMMUNEST_BUILDS:-"${variants[@]}"}; do
		run_variant "$name"
	done
	[ "$(failures)" -eq 0 ]
}
