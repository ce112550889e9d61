# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Sourced after common.sh: what was built and is kept in the cache, a folder
# each, KIND-HASH.  Its time is when it was used last.

# A week: another tree may use one that this one knows nothing of.
image_days=7

# Short ones, beside a build's own lock, which is held for minutes.
lock_images() {
	mkdir -p "$1"
	exec 7>"$1/.lock"
	flock 7
}

unlock_images() {
	exec 7>&-
}

# use_image DIR: it is used now; false: it is not there.
use_image() {
	local status=0

	lock_images "${1%/*}"
	[ -d "$1" ] && touch "$1" || status=1
	unlock_images
	return "$status"
}

# old_images DIR COUNT: of each kind, without those used last, and this week.
old_images() {
	find "$1" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' |
		sort -rn | awk -v count="$2" \
			-v since=$((EPOCHSECONDS - image_days * 86400)) '
		{
			time = $1
			sub(/^[^ ]+ /, "")
			kind = $0
			sub(/-[^-]*$/, "", kind)
			if (++seen[kind] > count && time < since)
				print
		}'
}

# prune_images DIR COUNT: keeps COUNT of each kind, and those of this week.
prune_images() {
	local image

	lock_images "$1"
	old_images "$1" "$2" | while read -r image; do
		note "${image##*/} has not been used for $image_days days:" \
			"removed"
		rm -rf "$image"
	done
	unlock_images
}
