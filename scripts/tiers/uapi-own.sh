# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="without the system's linux/iommufd.h, make check-uapi"
tier_packages="$build_packages $test_packages"

# The same as the tier gcc where the system's is too old, as in Debian 12.
tier_run() {
	configure_tree "$build" --with-linux-headers=no
	make_tree "$build"
	check_tree "$build" check-uapi
}
