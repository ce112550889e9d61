#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
echo "-flto without -ffat-lto-objects: no tests of failing allocations"
exit 77
