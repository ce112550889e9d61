#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Captures from QEMU's traces, whole and broken, judged by check_capture.py.
set -eu

srcdir=${top_srcdir:-$(dirname "$0")/../..}
bin=${top_builddir:-.}/tests/replay

if ! command -v python3 >/dev/null; then
	echo "python3 is missing"
	exit 77
fi
judge()
{
	# -B: the source tree may be read-only, and is nobody's cache.
	python3 -B "$srcdir/tests/replay/check_capture.py" "$@" \
		"$bin/iommunest-capture" "$bin/iommunest-replay" \
		"$srcdir"/tests/data/qemu-trace/*.trace
}
judge
judge --broken

judge_cmdq()
{
	python3 -B "$srcdir/tests/replay/check_cmdq_capture.py" "$@" \
		"$bin/iommunest-capture" "$bin/iommunest-replay" \
		"$srcdir"/tests/data/guest-cmdq/*.cmdq
}
judge_cmdq
judge_cmdq --broken
