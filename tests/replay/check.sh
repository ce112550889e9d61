# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Sourced by the scripts that run a program: its output goes to $tmp/out and
# $tmp/err.

tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
checks=0
failed=0

# check WHAT CONDITION: evaluates it, and shows the output if it does not hold.
check()
{
	checks=$((checks + 1))
	if eval "$2"; then
		return
	fi
	failed=$((failed + 1))
	echo "FAIL: $1: $2"
	sed 's/^/  stderr: /' "$tmp/err"
	head -n 20 "$tmp/out" | sed 's/^/  stdout: /'
}

# The last line, and the exit status.
finish()
{
	echo "$checks checks, $failed failed"
	[ $failed -eq 0 ]
}
