#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the README shows is so: its example is examples/nest-setup.c without its
# SPDX lines, and the command in it ("    $ ...") prints what follows it.
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
	[ -n "$3" ] && diff -u "$work/is" "$work/shown" || {
		echo "FAIL: README.md does not show the $1"
		failed=1
	}
}

# The README's lines from one that fits $1 to the next that fits $2.
between()
{
	sed -n "/$1/,/$2/p" "$top/README.md"
}

same example "$(sed '/SPDX-/d' "$top/examples/nest-setup.c")" \
	"$(between '^```c$' '^```$' | sed '/^```/d')"

block=$(between '^    \$ ' '^[^ ]' | sed -n 's/^    //p; /^$/p')
command=$(printf '%s\n' "$block" | sed -n '1s/^\$ //p')
same "output of $command" \
	"$(cd "$top" && PATH=$build/tools:$PATH && eval "$command")" \
	"$(printf '%s\n' "$block" | tail -n +2)"

exit $failed
