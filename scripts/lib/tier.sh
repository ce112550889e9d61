#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# Runs one tier, or what prepares it, in a shell of its own:
#   tier.sh run|prepare FILE BUILD-FOLDER
# Its counts go to $RESULTS; exit status 77 is a tier that cannot run.
set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=scripts/lib/common.sh
. "$here/common.sh"
# shellcheck source=scripts/lib/build.sh
. "$here/build.sh"
# shellcheck source=scripts/lib/results.sh
. "$here/results.sh"

# A tier that cannot run says why.
skip_tier() {
	say "skipped: $*"
	exit 77
}

# For a tier with a part that takes very long: of the 90 minutes that CI gives
# to --all, those that are left, except for the last ten.
minutes_left() {
	say $((80 - (EPOCHSECONDS - ${CHECK_STARTED:-$EPOCHSECONDS}) / 60))
}

build=$3
# shellcheck source=/dev/null
. "$2"
# shellcheck disable=SC2086 # a list
need_packages $tier_packages || skip_tier "packages are missing"
"tier_$1"
