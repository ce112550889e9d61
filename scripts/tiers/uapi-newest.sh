# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="the newest linux/iommufd.h that Debian has, make check-uapi"
tier_packages="$build_packages $test_packages debian-archive-keyring"

tier_run() {
	check_with_uapi "$build"
}
