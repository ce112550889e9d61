#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# What the README shows is so: its example is consecutive lines of
# examples/nest-setup.c, and the command in it ("    $ ...") prints what follows
# it.
set -eu

top=${top_srcdir:-.}
build=$(cd "${top_builddir:-.}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# same WHAT IS SHOWN
same()
{
	printf '%s\n' "$2" >"$work/is"
	printf '%s\n' "$3" >"$work/shown"
	if [ -n "$3" ] && diff -u "$work/is" "$work/shown"; then
		return
	fi
	echo "FAIL: README.md does not show the $1"
	failed=1
}

# The README's lines from one that fits $1 to the next that fits $2.
between()
{
	sed -n "/$1/,/$2/p" "$top/README.md"
}

# The file's lines from the README's first to its last.
shown=$(between '^```c$' '^```$' | sed '/^```/d')
first=$(printf '%s\n' "$shown" | head -n 1)
last=$(printf '%s\n' "$shown" | tail -n 1)
export first last
excerpt=$(awk '
	$0 == ENVIRON["first"] { on = 1 }
	on { print }
	$0 == ENVIRON["last"] { exit }' "$top/examples/nest-setup.c")
same 'lines of nest-setup.c' "$excerpt" "$shown"

block=$(between '^    \$ ' '^[^ ]' | sed -n 's/^    //p; /^$/p')
command=$(printf '%s\n' "$block" | sed -n '1s/^\$ //p')
same "output of $command" \
	"$(cd "$top" && PATH=$build/tests/replay:$PATH && eval "$command")" \
	"$(printf '%s\n' "$block" | tail -n +2)"

exit $failed
