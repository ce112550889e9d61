#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Builds QEMU with nested VT-d by this library; see --help.
set -euo pipefail

own=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$own/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/suite.sh
. "$top/scripts/lib/suite.sh"
# shellcheck source=scripts/lib/images.sh
. "$top/scripts/lib/images.sh"

# Half a day: a new QEMU is not news.
suite_minutes=${IOMMUNEST_LISTS_MINUTES-720}
source_suite=trixie
series=10.0
# QEMU wants a meson that Debian 12 does not have.
meson_suite=bookworm-backports

packages="$build_packages patch dpkg-dev ninja-build python3 python3-venv
	python3-wheel python3-setuptools flex bison libglib2.0-dev
	seabios qemu-system-data"

store=$cache/qemu-nest
images_kept=3
library=$store/library
log=$store/log

usage() {
	cat <<EOF_USAGE
Usage: integrations/qemu/build.sh [--style]
Builds qemu-system-x86_64, statically, from the source package of Debian's
$source_suite ($series) with the files, the patch and the devices of this folder, and
prints the folder with it, the ROMs that it starts with, and, in tests/, QEMU's
own test of its VT-d.
  --style  runs QEMU's checkpatch.pl on the files and the patch instead

Sources, build trees and what was built are kept in \$IOMMUNEST_CACHE, or
libiommunest in the user's cache folder, and nothing is built twice.  What has
not been used for a week goes, except for the last $images_kept.  Exit status 77: the
source cannot be had.
EOF_USAGE
}

unavailable() {
	note "QEMU: $*"
	exit 77
}

# ---- Which source ----

# What an earlier run left is as good, where the suite is out of reach.
find_source() {
	local sources=$store/source

	mkdir -p "$sources"
	{ update_suite "$source_suite/source" && (cd "$sources" &&
		of_suite "$source_suite/source" apt-get source \
			--download-only qemu >&2); } ||
		note "QEMU: $source_suite cannot be reached"
	dsc=$(find "$sources" -name "qemu_$series.*.dsc" | sort -V |
		tail -n 1)
	[ -n "$dsc" ] || unavailable "no source package of $series can be had"
	version=${dsc##*/}
	version=${version%.dsc}
	tree=$store/trees/$version
	build=$tree.build
}

find_meson() {
	{ update_suite "$meson_suite" &&
		meson=$(unpack_from "$meson_suite" meson "$store"); } ||
		meson=$(unpacked_in meson "$store")
	[ -n "$meson" ] || unavailable "no meson can be had"
	export PATH=$meson/usr/bin:$PATH
	export PYTHONPATH=$meson/usr/lib/python3/dist-packages
}

# ---- What is made of it ----

# What a change of makes another QEMU.
inputs() {
	find include lib integrations/qemu -type f ! -name '*.md'
	printf '%s\n' configure.ac
}

hash_of_all() {
	(cd "$top" && inputs | LC_ALL=C sort | xargs sha256sum) | sha256sum |
		cut -c 1-16
}

# ---- The tree ----

# put FILE TO: what does not differ keeps its time, and is not compiled again.
put() {
	cmp -s "$1" "$2" || {
		mkdir -p "$(dirname "$2")"
		cp "$1" "$2"
	}
}

patched_files() {
	sed -n 's/^+++ b\///p' "$own/qemu-$series.patch"
}

# As it was before any patch.
pristine() {
	local kept=$tree/.pristine/$1

	[ -f "$kept" ] || {
		mkdir -p "$(dirname "$kept")"
		cp "$tree/$1" "$kept"
	}
	printf '%s\n' "$kept"
}

# In a folder of its own, from which the tree takes what differs.
apply_patch() {
	local work file kept

	work=$(mktemp -d "$store/new.XXXXXX")
	mkdir -p "$tree/.pristine"
	{
		find "$tree/.pristine" -type f -printf '%P\n'
		patched_files
	} | sort -u >"$work/.files"
	while read -r file; do
		kept=$(pristine "$file")
		mkdir -p "$work/$(dirname "$file")"
		cp "$kept" "$work/$file"
	done <"$work/.files"
	patch -d "$work" -p1 --forward --silent <"$own/qemu-$series.patch" \
		>&2 || {
		note "qemu-$series.patch does not apply to $version"
		rm -rf "$work"
		return 1
	}
	while read -r file; do
		put "$work/$file" "$tree/$file"
	done <"$work/.files"
	rm -rf "$work"
}

unpack_tree() {
	local work

	[ ! -d "$tree" ] || return 0
	note "unpacking $version"
	mkdir -p "$store/trees"
	work=$(mktemp -d "$store/trees/new.XXXXXX")
	quietly "$log" dpkg-source --no-check -x "$dsc" "$work/tree"
	# Of another version: what was built is there still.
	rm -rf "$store/trees/qemu_"*
	mv "$work/tree" "$tree"
	rm -rf "$work"
}

prepare_tree() {
	local file

	unpack_tree
	apply_patch
	for file in "$own"/hw/i386/*.[ch]; do
		put "$file" "$tree/hw/i386/${file##*/}"
	done
	put "$own/devices.mak" \
		"$tree/configs/devices/x86_64-softmmu/iommunest.mak"
}

# ---- Build ----

build_library() {
	local work=$store/library.build source

	rm -rf "$work" "$library"
	mkdir -p "$work"
	# shellcheck source=scripts/lib/build.sh
	. "$top/scripts/lib/build.sh"
	bootstrap_tree "$work"
	source=$(realpath --relative-to="$work" "$top")
	(cd "$work" && quietly "$log" "$source/configure" --quiet \
		--prefix="$library" --enable-static --disable-shared \
		--disable-tools --disable-examples &&
		quietly "$log" make -s -j"$jobs" install)
}

# What the tests do not need makes it large.
arguments=(--target-list=x86_64-softmmu --without-default-features
	--without-default-devices --with-devices-x86_64=iommunest
	--enable-tcg --disable-kvm --static --disable-pie --disable-werror
	--enable-trace-backends=log --disable-docs --disable-tools
	--disable-guest-agent --disable-install-blobs --disable-download
	--python=/usr/bin/python3)

configure_qemu() {
	local all=("${arguments[@]}" "-Dpkg_config_path=$library/lib/pkgconfig")

	[ ! -f "$build/build.ninja" ] ||
		[ "${all[*]}" != "$(cat "$build/.arguments")" ] || return 0
	rm -rf "$build"
	mkdir -p "$build"
	(cd "$build" && quietly "$log" "$tree/configure" "${all[@]}")
	printf '%s\n' "${all[*]}" >"$build/.arguments"
}

build_qemu() {
	local start=$SECONDS work=$image.new

	note "building $version (some 4 minutes on 2 CPUs, less after a change)"
	build_library
	configure_qemu
	# The library is linked anew.
	rm -f "$build/qemu-system-x86_64"
	quietly "$log" ninja -C "$build" -j"$jobs" qemu-system-x86_64 \
		tests/qtest/intel-iommu-test
	rm -rf "$work"
	mkdir -p "$work/tests"
	strip -o "$work/qemu-system-x86_64" "$build/qemu-system-x86_64"
	strip -o "$work/tests/intel-iommu-test" \
		"$build/tests/qtest/intel-iommu-test"
	cp /usr/share/seabios/bios-256k.bin /usr/share/qemu/linuxboot_dma.bin \
		/usr/share/qemu/kvmvapic.bin "$work"
	mkdir -p "$store/images"
	mv "$work" "$image"
	note "built in $((SECONDS - start)) s"
}

# One at a time; the next may find what the last one built.
build_image() {
	mkdir -p "$store/images"
	exec 9>"$store/lock"
	flock 9
	! use_image "$image" || return 0
	# shellcheck disable=SC2086 # a list
	need_packages $packages >&2
	find_meson
	prepare_tree
	build_qemu
	prune_images "$store/images" "$images_kept"
}

check_style() {
	exec 9>"$store/lock"
	flock 9
	# shellcheck disable=SC2086 # a list
	need_packages dpkg-dev patch perl >&2
	unpack_tree
	cd "$tree"
	perl scripts/checkpatch.pl --no-tree --no-signoff --quiet \
		"$own/qemu-$series.patch"
	perl scripts/checkpatch.pl --no-tree --quiet -f "$own"/hw/i386/*.[ch]
}

main() {
	case ${1-} in
	-h | --help)
		usage
		exit 0
		;;
	'' | --style) ;;
	*)
		usage >&2
		exit 2
		;;
	esac
	suites_can_be_had || unavailable "the source is Debian's"
	find_source
	if [ "${1-}" = --style ]; then
		check_style
		return
	fi
	image=$store/images/$version-$(hash_of_all)
	use_image "$image" || build_image
	say "$image"
}

# In one piece, because a build is long enough for an edit.
main "$@"
exit
