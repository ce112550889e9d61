# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
tier_title="the kernel's queue driver against a model of the hardware"
tier_packages="$build_packages patch xz-utils debian-archive-keyring"

# Beside them, "vm" builds kernels from the same source.
tier_run() {
	"$top/kernel/model/check.sh"
}
