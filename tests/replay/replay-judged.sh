#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Replays captures in every way, and has each run judged by check_replay.py and
# check_cmdq_replay.py.
set -eu

srcdir=${top_srcdir:-$(dirname "$0")/../..}
replay=${top_builddir:-.}/tests/replay/iommunest-replay

if ! command -v python3 >/dev/null; then
	echo "python3 is missing"
	exit 77
fi
# -B: the source tree may be read-only, and is nobody's cache.
status=0
python3 -B "$srcdir/tests/replay/check_replay.py" "$replay" \
	"$srcdir/tests/data/guest-iq" || status=$?
python3 -B "$srcdir/tests/replay/check_cmdq_replay.py" "$replay" \
	"$srcdir/tests/data/guest-cmdq" || status=$?
exit $status
