#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The README's example is examples/nest-setup.c, but for its SPDX line.
set -eu

top=${top_srcdir:-.}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sed -n '/^```c$/,/^```$/{/^```/!p}' "$top/README.md" >"$work/readme.c"
tail -n +2 "$top/examples/nest-setup.c" >"$work/example.c"
[ -s "$work/readme.c" ] || {
	echo "README.md has no block of C"
	exit 1
}
diff -u "$work/example.c" "$work/readme.c"
