#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Fetches the kernel's user-space headers from a newer Debian suite than the
# system's, beside the system's own and without touching it: with an apt
# configuration of its own, and unpacked, not installed.
set -euo pipefail

suites=(trixie-backports bookworm-backports)
cache=${IOMMUNEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/libiommunest}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

usage() {
	cat <<USAGE
Usage: fetch-uapi-headers.sh [SUITE...]
Prints the include folder of the newest linux-libc-dev of the first SUITE that
can be had (default: ${suites[*]}).
Kept in \$IOMMUNEST_CACHE, or libiommunest in the user's cache folder; what is
there serves when the network does not.
USAGE
}

say() {
	printf '%s\n' "$*" >&2
}

# Where the system's own Debian packages come from, in any of apt's formats.
mirror() {
	# shellcheck disable=SC2016 # apt expands these
	apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' \
		'Created-By: Packages' |
		awk '$2 !~ /-security/ && ($1 == "Debian" || $NF ~ /\/debian\/?$/) {
			print $NF
			exit
		}'
}

# apt-get of one suite, with lists, cache and sources of its own.
apt_of() {
	local suite=$1

	shift
	apt-get -qq \
		-o Dir::Etc::SourceList="$cache/apt/$suite/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null \
		-o Dir::Etc::PreferencesParts=/dev/null \
		-o Dir::State::Lists="$cache/apt/$suite/lists" \
		-o Dir::State::Status=/dev/null \
		-o Dir::Cache="$cache/apt/$suite/cache" \
		-o Acquire::Languages=none \
		-o Acquire::Retries=2 \
		-o APT::Sandbox::User="$(id -un)" \
		"$@"
}

update() {
	local suite=$1 uri

	uri=$(mirror)
	if [ -z "$uri" ]; then
		say "$suite: apt knows no Debian mirror"
		return 1
	fi
	mkdir -p "$cache/apt/$suite/lists/partial" \
		"$cache/apt/$suite/cache/archives/partial"
	printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$uri" "$suite" \
		>"$cache/apt/$suite/sources.list"
	apt_of "$suite" update >&2
}

# Unpacks the newest package of a suite, unless that is done already.
fetch() {
	local suite=$1 deb to work

	deb=$(apt_of "$suite" download --print-uris linux-libc-dev |
		awk '{ print $2; exit }')
	[ -n "$deb" ] || return 1
	to=$cache/linux-libc-dev/$suite/${deb%.deb}
	if [ ! -d "$to" ]; then
		mkdir -p "$cache/linux-libc-dev/$suite"
		work=$(mktemp -d "$cache/linux-libc-dev/new.XXXXXX")
		(cd "$work" && apt_of "$suite" download linux-libc-dev >&2 &&
			dpkg -x ./*.deb root) || {
			rm -rf "$work"
			return 1
		}
		mv "$work/root" "$to"
		rm -rf "$work"
	fi
	printf '%s\n' "$to"
}

# The newest that an earlier run left.
cached() {
	find "$cache/linux-libc-dev/$1" -mindepth 1 -maxdepth 1 -type d \
		2>/dev/null | sort -V | tail -n 1
}

include_of() {
	local suite=$1 root

	if ! { update "$suite" && root=$(fetch "$suite"); }; then
		root=$(cached "$suite")
		[ -z "$root" ] || say "$suite: not reached; taking ${root##*/}"
	fi
	[ -f "$root/usr/include/linux/iommufd.h" ] || return 1
	printf '%s\n' "$root/usr/include"
}

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
[ $# -eq 0 ] || suites=("$@")

for tool in apt-get dpkg; do
	command -v "$tool" >/dev/null || {
		say "$tool is not here: this needs a Debian system"
		exit 1
	}
done
[ -r "$keyring" ] || {
	say "$keyring is missing (package debian-archive-keyring)"
	exit 1
}
for suite in "${suites[@]}"; do
	if include_of "$suite"; then
		exit 0
	fi
	say "$suite: no linux/iommufd.h to be had"
done
exit 1
