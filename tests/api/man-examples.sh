#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# The program in each page's EXAMPLES compiles without a warning, links with
# the libraries of the build tree, runs, and exits with 0; what it invalidates
# reaches the simulated hardware.  With the simulator, the page says how to link
# it.  Comments above the program say what else is to be known of it:
#	.\" example: not run (REASON)	it needs more than the simulator
#	.\" example: examples/FILE.c	it is that one, without its SPDX lines
# and those above other blocks, that they are what it prints, one after another,
# or lines of a file that is compiled elsewhere:
#	.\" example: prints
#	.\" example: from examples/DIRECTORY/FILE.c
set -eu

# shellcheck source=tests/api/example-programs.sh
. "${top_srcdir:-${srcdir:-.}}/tests/api/example-programs.sh"

# shellcheck disable=SC2016 # the reader's shell expands it
link_line='.Dl cc example.c $(pkg-config --cflags --libs libiommunest-sim)'

# Without roff's escapes; an escape that is not known here would be a wrong
# program, and is an error.
# shellcheck disable=SC2016 # awk's
unescape='function unescape(line,    out, at, rest)
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
'

# The program's lines.
extract()
{
	awk "$unescape"'
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

# The page shows the example that it names, if any.
shows_its_file()
{
	file=$(sed -n 's/^\.\\" example: \(examples\/.*\)/\1/p' "$1")
	[ -z "$file" ] || sed "/SPDX-/d" "$top/$file" | diff -u - "$2"
}

# Each block that says so is in its file, as it is there.
shows_its_excerpts()
{
	awk -v top="$top" "$unescape"'
	function is_in(file, text,    line, all)
	{
		all = ""
		while ((getline line < file) > 0)
			all = all line "\n"
		close(file)
		return index(all, "\n" text)
	}
	/^\.\\" example: from examples\/[^ ]*\.c$/ { file = $4 }
	file && /^\.Bd -literal/ { block = 1; text = ""; next }
	block && /^\.Ed/ {
		if (!text || !is_in(top "/" file, text)) {
			print "not in " file ":\n" text
			bad = 1
		}
		block = 0
		file = ""
		next
	}
	block { text = text unescape($0) "\n" }
	END { exit bad || file }
	' "$1"
}

# The page has no output of the program, or all of it.
shows_its_output()
{
	awk '
	/^\.\\" example: prints$/ { next_block = 1 }
	next_block && /^\.Bd/ { block = 1; next_block = 0; next }
	/^\.Ed/ { block = 0 }
	block' "$1" >"$work/shown"
	[ ! -s "$work/shown" ] || diff -u "$work/out" "$work/shown"
}

built=0
ran=0
flushed=0
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
	if ! build_example "$work/$name" "$work/$name.c"; then
		fail "$name: the example does not build"
		continue
	fi
	built=$((built + 1))
	shows_its_file "$page" "$work/$name.c" ||
		fail "$name: the example is not the file that it names"
	shows_its_excerpts "$page" ||
		fail "$name: a block is not what its file has"
	! grep -q libiommunest-sim "$work/$name.c" ||
		grep -qxF "$link_line" "$page" ||
		fail "$name does not say how to link with the simulator"
	grep -q '^\.\\" example: not run (.*)$' "$page" && continue
	ran=$((ran + 1))
	run_example "$work/$name" || {
		fail "$name: the example exits with $?:"
		cat "$work/out"
	}
	shows_its_output "$page" ||
		fail "$name: the example prints something else"
	has_entries || continue
	flushed=$((flushed + 1))
	reaches_hardware ||
		fail "$name: nothing is flushed; is a device attached?"
done

[ "$ran" -gt 0 ] || fail "no example ran"
[ "$flushed" -gt 0 ] || fail "no example invalidates anything"
echo "$built examples built, $ran run; $flushed invalidate"
exit $failed
