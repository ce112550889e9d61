# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Sourced after common.sh: trees of the kernel's source, patched and configured
# for the tests.  "base" is 6.12 or newest, "arch" x86 or arm64, and "variants"
# names files of kernel/test/config.d; the functions set package, suite, source,
# version, patches, image, tree and log.

# shellcheck source=scripts/lib/suite.sh
. "$top/scripts/lib/suite.sh"
# shellcheck source=scripts/lib/images.sh
. "$top/scripts/lib/images.sh"

# More configurations, of kernel/test/config.d.
variants=
# Half a day: a new kernel is not news.
suite_minutes=${IOMMUNEST_LISTS_MINUTES-720}
# The newest base comes from here; the first that has 6.12 is taken for it.
newest_suite=trixie-backports
suites_of_6_12="system bookworm-security trixie"

store=$cache/kernel
arch=x86

# Not from within $( ), which would only end itself.
unavailable() {
	note "$base: $*"
	exit 77
}

# ---- Which source ----

newest_package() {
	of_suite "$1" apt-cache pkgnames linux-source- 2>/dev/null |
		grep -xE 'linux-source-[0-9]+\.[0-9]+' | sort -V | tail -n 1
}

# Sets package, suite and source, the name of a package with its version.
find_in() {
	local deb

	suite=$1
	update_suite "$suite" || return
	package=linux-source-$base
	[ "$base" != newest ] || package=$(newest_package "$suite") || return
	deb=$(newest_in_suite "$suite" "$package") || return
	[ -n "$deb" ] || return
	source=${deb%.deb}
}

# The same of what an earlier run left.
find_in_store() {
	local dir

	suite=none
	package=linux-source-$base
	[ "$base" != newest ] || package='linux-source-[0-9]*'
	dir=$(unpacked_in "$package" "$store/sources")
	[ -n "$dir" ] || return
	source=${dir##*/}
	package=${source%%_*}
	note "$base: nothing newer can be reached; taking $source"
}

find_source() {
	local suites=$newest_suite one

	[ "$base" != 6.12 ] || suites=$suites_of_6_12
	for one in $suites; do
		! find_in "$one" || return 0
	done
	find_in_store || unavailable "no linux-source package can be had:" \
		"the network or the mirror is missing"
}

# ---- What is made of it ----

# The version whose folders in kernel and kernel/test go with the source: its
# own, or the highest, in the hope that it fits.
own_version() {
	local version=${package#linux-source-} highest

	if [ ! -d "$top/kernel/test/$version" ]; then
		highest=$(find "$top/kernel/test" -mindepth 1 -maxdepth 1 \
			-type d -name '[0-9]*' | sort -V | tail -n 1)
		note "$version: has no folder in kernel/test; trying" \
			"${highest##*/}"
		version=${highest##*/}
	fi
	say "$version"
}

add_folder() {
	local files=("$1"/*.patch)

	[ -f "${files[0]}" ] || {
		note "no patches in $1"
		return 1
	}
	patches+=("${files[@]}")
}

# series_patches VERSION [PART]: the parts in their order, up to and with the one
# whose letter is given, without the cover letters.
series_patches() {
	find "$top/kernel/$1" -mindepth 2 -name '0*.patch' \
		! -name '0000-*' -path "$top/kernel/$1/[a-${2:-z}]-*" | sort
}

# has_part VERSION PART
has_part() {
	compgen -G "$top/kernel/$1/$2-*/" >/dev/null
}

# The series up to PART, and nothing that tests it.
add_parts() {
	local files

	has_part "$1" "$2" || {
		note "kernel/$1 has no part $2"
		return 1
	}
	mapfile -t files < <(series_patches "$1" "$2")
	patches+=("${files[@]}")
}

# The series, and what it takes to test it.
add_series() {
	local files

	mapfile -t files < <(series_patches "$1")
	[ "${#files[@]}" -gt 0 ] || {
		note "no series in kernel/$1"
		return 1
	}
	patches+=("${files[@]}")
	[ ! -d "$own/patched" ] || add_folder "$own/patched"
}

# Each option once: what comes later has it its own way.
fragment() {
	local variant files=("$common/config")

	[ ! -f "$own/config" ] || files+=("$own/config")
	for variant in $variants; do
		files+=("$common/config.d/$variant")
	done
	awk '
	function option(line)
	{
		sub(/^# /, "", line)
		sub(/[= ].*/, "", line)
		return line
	}
	!/^(# )?CONFIG_/ { next }
	{
		name = option($0)
		if (!(name in line))
			order[++count] = name
		line[name] = $0
	}
	END {
		for (i = 1; i <= count; i++)
			print line[order[i]]
	}' "${files[@]}"
}

hash_of_all() {
	{
		fragment
		cat "${patches[@]}"
	} | sha256sum | cut -c 1-16
}

# ---- The tree ----

unpack_tree() {
	local dir=$store/sources/$source work tar

	[ -d "$dir" ] || {
		note "fetching $source"
		unpack_from "$suite" "$package" "$store/sources" >/dev/null ||
			unavailable "$source cannot be fetched"
	}
	tar=$dir/usr/src/$package.tar.xz
	note "unpacking $source"
	mkdir -p "${tree%/*}"
	work=$(mktemp -d "${tree%/*}/new.XXXXXX")
	tar -C "$work" -xf "$tar" || unavailable "$tar cannot be unpacked"
	# Of another version: the images are there still.
	find "${tree%/*}" -mindepth 1 -maxdepth 1 -name "${package}_*" \
		! -name "$source" ! -name "$source-*" -exec rm -rf {} +
	mv "$work/$package" "$tree"
	rmdir "$work"
}

# A tree that has this is between two states: who was changing it was killed.
changing=.changing

# Not with fuzz: a patch that has found another place may still compile.
apply_patch() {
	patch -d "$tree" -p1 --forward --fuzz=0 --silent "$@" >&2
}

# One that does not apply leaves nothing behind: what is built next would have
# half of it.
try_patches() {
	local patch

	mkdir -p "$tree/.patches"
	for patch in "${patches[@]}"; do
		apply_patch --dry-run <"$patch" || {
			note "$patch does not apply to $source"
			return 1
		}
		: >"$tree/$changing"
		apply_patch <"$patch"
		cp "$patch" "$tree/.patches/$(printf '%03d' "$applied")"
		rm "$tree/$changing"
		applied=$((applied + 1))
	done
}

# Takes the patches of an earlier run back.
revert_patches() {
	local patch

	[ ! -e "$tree/$changing" ] || return 1
	for patch in $(find "$tree/.patches" -type f 2>/dev/null | sort -r); do
		: >"$tree/$changing"
		patch -d "$tree" -p1 -R --force --silent <"$patch" >&2 ||
			return 1
		rm "$patch" "$tree/$changing"
	done
}

prepare_tree() {
	applied=0
	[ -d "$tree" ] || unpack_tree
	revert_patches || {
		note "$tree has been changed: starting afresh"
		rm -rf "$tree"
		unpack_tree
	}
	try_patches
}

# ---- Build ----

# An option that was asked for and is not there: it has another name here, or
# needs others.  One that was to be off and is on: another selects it.
missing_options() {
	fragment | while read -r option; do
		case $option in
		'#'*) ! grep -q "^$(cut -d ' ' -f 2 <<<"$option")=" \
			"$tree/.config" ;;
		*) grep -qxF "$option" "$tree/.config" ;;
		esac || say "$option"
	done
}

# Sets make, which builds the kernel for $arch.  The compiler is another
# script's, as both have a folder that they call their store.
set_make() {
	local bin=$store/bin-$arch triplet=aarch64-linux-gnu

	make=(make -C "$tree" -j"$jobs")
	[ "$arch" = arm64 ] || return 0
	"$top/scripts/cross.sh" arm64 "$bin" ||
		unavailable "there is no compiler for $arch"
	make+=(ARCH=arm64 "CROSS_COMPILE=$bin/$triplet-"
		"CC=$bin/$triplet-bare-gcc")
}

configure() {
	local missing

	set_make
	fragment >"$tree/.fragment"
	quietly "$log" "${make[@]}" KCONFIG_ALLCONFIG=.fragment allnoconfig
	missing=$(missing_options)
	[ -z "$missing" ] || {
		note "$source has not taken:" "$missing"
		return 1
	}
}

# Those of the code that the tests are for, by which run.sh knows it in the
# kernel's log.
tested_functions() {
	find "$tree/drivers/iommu" "$tree/drivers/vfio" -name '*.o' \
		! -name 'built-in*' -exec nm {} + |
		awk '$2 ~ /^[tT]$/ { print $3 }' | sort -u
}

build() {
	local start=$SECONDS work=$image.new

	note "building $source for $arch" \
		"(some 5 minutes on 2 CPUs, less after a patch)"
	quietly "$log" "${make[@]}" "$boot_file"
	rm -rf "$work"
	mkdir -p "$work"
	cp "$tree/arch/$arch/boot/$boot_file" "$tree/.config" "$work"
	[ "$arch" != x86 ] || tested_functions >"$work/functions"
	mv "$work" "$image"
	touch "$tree"
	note "built in $((SECONDS - start)) s"
}

# build_selftest FILE: the kernel's selftest of iommufd, by the tree's own headers.
selftest_packages="$kernel_packages libcap-dev"
build_selftest() {
	local tests=$tree/tools/testing/selftests

	make -C "$tree" -j"$jobs" headers >/dev/null
	"${CC:-gcc}" -O2 -Wall -Wno-unused-function -D_GNU_SOURCE -static \
		-o "$1" -isystem "$tree/usr/include" -I"$tests" \
		"$tests/iommu/iommufd.c" -lcap
}

# One at a time: what takes the lock may change the trees.
lock_store() {
	mkdir -p "$store"
	exec 9>"$store/lock"
	flock 9
}

# All of them for $base and a list of more patches.
find_all() {
	suites_can_be_had || unavailable "the source is Debian's"
	find_source
	version=$(own_version)
	common=$top/kernel/test
	own=$common/$version
	boot_file=bzImage
	[ "$arch" = x86 ] || {
		common+=/$arch
		own+=/$arch
		boot_file=Image
	}
	patches=("$own"/*.patch)
}

# Each machine has trees of its own, and so has a configuration: with another
# one, nothing of a build is of use to the next.
name_all() {
	local of=${arch#x86} suffix=

	[ -z "$variants" ] || suffix=-${variants// /-}
	image=$store/images/$source${of:+-$of}$suffix-$(hash_of_all)
	tree=$store/trees/${of:+$of/}$source$suffix
	log=$store/$package${of:+-$of}$suffix.log
}

# Those of configurations that nobody has asked for this week; a build touches
# the tree's folder.
prune_trees() {
	find "$store/trees" -mindepth 1 -maxdepth 1 -name "${package}_*-*" \
		-mtime "+$image_days" -exec rm -rf {} +
}
