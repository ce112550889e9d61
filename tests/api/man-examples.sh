#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The program in each page's EXAMPLES compiles without a warning, links with
# the libraries of the build tree, runs, and exits with 0.  One that needs
# more than the simulator says so in a comment above it and is not run:
#	.\" example: not run (REASON)
set -eu

top=${top_srcdir:-${srcdir:-.}}
build=${top_builddir:-.}
libs=$build/.libs

# What the tree was configured with: a sanitized library needs its runtime.
variable()
{
	[ ! -f "$build/Makefile" ] ||
		sed -n "s/^$1 = //p" "$build/Makefile" | sed 1q
}

cc=${CC:-$(variable CC)}
cc=${cc:-gcc}
san=$(variable SAN_CFLAGS)

# The first word: it may have options.
if ! command -v "${cc%% *}" >/dev/null 2>&1; then
	echo "SKIP: there is no compiler $cc"
	exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# The program's lines, without roff's escapes; an escape that is not known here
# would be a wrong program, and is an error.
extract()
{
	awk '
	function unescape(line,    out, at, rest)
	{
		out = ""
		while ((at = index(line, "\\")) > 0) {
			out = out substr(line, 1, at - 1)
			rest = substr(line, at + 1)
			if (rest ~ /^e/)
				out = out "\\"
			else if (rest ~ /^-/)
				out = out "-"
			else if (rest ~ /^\(aq/)
				out = out "\047"
			else if (rest ~ /^\(ti/)
				out = out "~"
			else if (rest ~ /^\(ha/)
				out = out "^"
			else if (rest !~ /^&/)
				return "#error unknown escape: \\" rest
			line = substr(rest, rest ~ /^\(/ ? 4 : 2)
		}
		return out line
	}
	/^\.Sh / { examples = $2 == "EXAMPLES" }
	examples && /^\.Bd -literal/ { block = 1; text = ""; next }
	block && /^\.Ed/ {
		if (text ~ /#include/)
			printf "%s", text
		block = 0
		next
	}
	block { text = text unescape($0) "\n" }
	' "$1"
}

failed=0
fail()
{
	echo "FAIL: $*"
	failed=1
}

built=0
ran=0
for page in "$top"/man/*.[37].in; do
	name=$(basename "$page" .in)
	extract "$page" >"$work/$name.c"
	if [ ! -s "$work/$name.c" ]; then
		fail "$name has no example program"
		continue
	fi
	if [ "$(grep -c '^int main(' "$work/$name.c")" -ne 1 ]; then
		fail "$name: not exactly one main()"
		continue
	fi
	# shellcheck disable=SC2086 # lists of options
	if ! $cc $san -std=gnu11 -Wall -Wextra -Werror -I"$top/include" \
		-o "$work/$name" "$work/$name.c" -L"$libs" -Wl,-rpath,"$libs" \
		-liommunest-sim -liommunest; then
		fail "$name: the example does not build"
		continue
	fi
	built=$((built + 1))
	grep -q '^\.\\" example: not run (.*)$' "$page" && continue
	ran=$((ran + 1))
	LD_LIBRARY_PATH=$libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
		"$work/$name" >"$work/out" 2>&1 || {
		fail "$name: the example exits with $?:"
		cat "$work/out"
	}
done

[ "$ran" -gt 0 ] || fail "no example ran"
echo "$built examples built, $ran run"
exit $failed
