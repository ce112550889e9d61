#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Each manual page passes mandoc's lint without a warning, has its own name as
# title, is no wider than a terminal of 80 columns, refers only to pages that
# exist, and is listed in libiommunest(7).
set -eu

top=${top_srcdir:-${srcdir:-.}}
man=$top/man
# Pages of the system that ours refer to.
system_pages='close.2 getrlimit.2 ioctl.2 open.2 poll.2 read.2 uname.2 write.2'

if ! command -v mandoc >/dev/null 2>&1; then
	echo "SKIP: mandoc is not installed"
	exit 77
fi

failed=0
fail()
{
	echo "FAIL: $*"
	failed=1
}

# Every name of a page, with its section.
names()
{
	for page in "$man"/*.[0-9].in; do
		base=$(basename "$page" .in)
		echo "$base"
		sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([^ ]*\).*/\1/p' "$page" |
			sed "s/\$/.${base##*.}/"
	done | sort -u
}

# What a page refers to, with its section.
references()
{
	sed -n 's/^\.\(It \)\{0,1\}Xr \([^ ]*\) \([0-9]\).*/\2.\3/p' "$1" |
		sort -u
}

# The lines that do not fit.  Text is filled; what is wide is a literal block.
wide_lines()
{
	mandoc -T ascii -O width=80 "$1" | sed "s/.$(printf '\b')//g" |
		awk 'length($0) > 80'
}

known=$(names)
count=0

for page in "$man"/*.[0-9].in; do
	base=$(basename "$page" .in)
	count=$((count + 1))
	lint=$(mandoc -T lint -W warning "$page" 2>&1 |
		grep -v 'outdated mandoc.db' || :)
	[ -z "$lint" ] || fail "$lint"
	title=$(echo "${base%.*} ${base##*.}" | tr '[:lower:]' '[:upper:]')
	grep -qxF ".Dt $title" "$page" || fail "$base: .Dt is not $title"
	wide=$(wide_lines "$page")
	[ -z "$wide" ] || fail "$base: wider than 80 columns: $wide"

	for ref in $(references "$page"); do
		case " $system_pages " in
		*" $ref "*) continue ;;
		esac
		echo "$known" | grep -qxF "$ref" ||
			fail "$base refers to $ref, which does not exist"
	done

	[ "$base" = libiommunest.7 ] ||
		grep -q "^\.It Xr ${base%.*} ${base##*.}\$" \
			"$man/libiommunest.7.in" ||
		fail "libiommunest.7 does not list $base"
done

[ "$count" -gt 0 ] || fail "no pages in $man"
[ $failed -eq 0 ] && echo "$count pages"
exit $failed
