# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Sourced: packages of another Debian suite than the system's, beside the
# system's own and without touching it: with an apt configuration of its own,
# and unpacked, not installed.

cache=${IOMMUNEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/libiommunest}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# Lists that are younger than this are not fetched again.
suite_minutes=${IOMMUNEST_LISTS_MINUTES-60}

note() {
	printf '%s\n' "$*" >&2
}

# What the functions below take; false, and why, where it is missing.
suites_can_be_had() {
	local tool

	for tool in apt-get dpkg; do
		command -v "$tool" >/dev/null || {
			note "$tool is not here: this needs a Debian system"
			return 1
		}
	done
	[ -r "$keyring" ] || {
		note "$keyring is missing (package debian-archive-keyring)"
		return 1
	}
}

# Where the system's own Debian packages come from, in any of apt's formats;
# those of a security suite may come from elsewhere.
mirror_of() {
	# shellcheck disable=SC2016 # apt expands these
	apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' \
		'Created-By: Packages' |
		awk -v suite="$1" '
		BEGIN { security = suite ~ /-security$/ }
		($2 ~ /-security/) != security { next }
		$1 == "Debian" || $NF ~ /\/debian(-security)?\/?$/ {
			print $NF
			exit
		}'
}

# of_suite SUITE COMMAND...: apt's COMMAND with lists, cache and sources of its
# own; of the suite "system", with the system's.  SUITE/ARCHITECTURE is that of
# another machine, and SUITE/source what the packages are made from.
of_suite() {
	local suite=$1 command=$2 machine=()

	shift 2
	[ "$suite" != system ] || {
		"$command" -qq "$@"
		return
	}
	case $suite in
	*/source) ;;
	*/*)
		machine=(-o APT::Architecture="${suite#*/}"
			-o APT::Architectures="${suite#*/}")
		;;
	esac
	"$command" -qq "${machine[@]}" \
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

is_fresh() {
	[ -n "$(find "$cache/apt/$1/updated" -mmin "-$suite_minutes" \
		2>/dev/null)" ]
}

fetch_lists() {
	local suite=$1 uri type=deb

	[ "${suite#*/}" != source ] || type="deb-src"
	uri=$(mirror_of "${suite%%/*}")
	if [ -z "$uri" ]; then
		note "$suite: apt knows no Debian mirror"
		return 1
	fi
	mkdir -p "$cache/apt/$suite/lists/partial" \
		"$cache/apt/$suite/cache/archives/partial"
	printf '%s [signed-by=%s] %s %s main\n' "$type" "$keyring" "$uri" \
		"${suite%%/*}" >"$cache/apt/$suite/sources.list"
	of_suite "$suite" apt-get update >&2 || return
	touch "$cache/apt/$suite/updated"
}

# A kernel that is built beside a tier may want the same lists.
update_suite() {
	local suite=$1

	[ "$suite" != system ] || return 0
	mkdir -p "$cache/apt/$suite"
	(
		flock 8
		is_fresh "$suite" || fetch_lists "$suite"
	) 8>"$cache/apt/$suite/lock"
}

# The file name of the newest package of that name.
newest_in_suite() {
	of_suite "$1" apt-get download --print-uris "$2" 2>/dev/null |
		awk '{ print $2; exit }'
}

# unpack_together SUITE DIR PACKAGE...: unpacks the newest ones into one folder,
# DIR/NAME_VERSION_ARCH of the first, unless that is done already; prints it.
unpack_together() {
	local suite=$1 dir=$2 deb to work

	shift 2
	deb=$(newest_in_suite "$suite" "$1")
	[ -n "$deb" ] || return 1
	to=$dir/${deb%.deb}
	if [ ! -d "$to" ]; then
		mkdir -p "$dir"
		work=$(mktemp -d "$dir/new.XXXXXX")
		(cd "$work" &&
			of_suite "$suite" apt-get download "$@" >&2 &&
			for deb in ./*.deb; do
				dpkg -x "$deb" root || exit
			done) || {
			rm -rf "$work"
			return 1
		}
		mv "$work/root" "$to"
		rm -rf "$work"
	fi
	printf '%s\n' "$to"
}

# unpack_from SUITE PACKAGE DIR: one of them.
unpack_from() {
	unpack_together "$1" "$3" "$2"
}

# The newest PACKAGE that an earlier run left in DIR.
unpacked_in() {
	find "$2" -mindepth 1 -maxdepth 1 -type d -name "$1_*" 2>/dev/null |
		sort -V | tail -n 1
}
