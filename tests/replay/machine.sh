# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Sourced by scripts: a folder with a made-up machine's files, from the lines of
# tests/data/machines/NAME; $machines is that folder.

# make_machine NAME FOLDER
make_machine()
{
	while read -r kind path text; do
		at=$2$path
		case $kind in
		'' | '#') ;;
		like) make_machine "$path" "$2" ;;
		dir) mkdir -p "$at" ;;
		without) rm -rf "$at" ;;
		file)
			at=$2$(printf '%b' "$path")
			mkdir -p "${at%/*}"
			printf '%b\n' "$text" >"$at"
			;;
		link)
			mkdir -p "${at%/*}"
			ln -sfn "$text" "$at"
			;;
		*) echo "$1: no line begins with $kind" && return 1 ;;
		esac
	done <"${machines:?}/$1"
}
