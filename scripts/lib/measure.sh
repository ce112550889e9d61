#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# measure.sh FILE COMMAND...: runs a command, and puts into FILE how many
# seconds it took: of the clock, of its own on a processor, and of the kernel
# for it.  Processes that it waited for are counted with it.
file=$1
shift
TIMEFORMAT='%R %U %S'
{ time "$@" 2>&3; } 3>&2 2>"$file"
