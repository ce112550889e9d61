#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Who may include whom, call whom, and allocate; see layers.py.
set -eu

top=${top_srcdir:-${srcdir:-.}}

if ! command -v python3 >/dev/null 2>&1; then
	echo "SKIP: python3 is not installed"
	exit 77
fi
exec python3 "$top/tests/api/layers.py" "$top" "${top_builddir:-.}"
