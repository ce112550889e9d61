#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Each path that a document names is there.  Capital letters stand for a name
# that the reader chooses, and *, [ and { for several.
set -eu

cd "${top_srcdir:-.}"
failed=0

for file in README.md HACKING.md CONTRIBUTING.md RELEASING.md SECURITY.md \
	tests/*.md tests/*/README.md tests/*/*/README.md; do
	[ -e "$file" ] || continue
	# shellcheck disable=SC2016 # a Markdown quote
	paths=$(grep -o '`[^` ]*/[^` ]*`' "$file" | tr -d '`' | sort -u)
	for path in $paths; do
		case $path in
		[!a-z]* | *[*\[\{\$]*) continue ;;
		*README*) ;;
		*[A-Z][A-Z]* | *[A-Z].[A-Z]*) continue ;;
		esac
		[ -e "$path" ] || [ -e "${file%/*}/$path" ] || {
			echo "FAIL: $file names $path, which is not there"
			failed=1
		}
	done
done

exit $failed
