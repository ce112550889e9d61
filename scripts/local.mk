# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
# What a newcomer and CI run.  The folders go whole, so that no tier is
# forgotten.

TESTS += %D%/selftest.sh

EXTRA_DIST += \
	.ci/run \
	%D%/.shellcheckrc \
	%D%/check-kernel-series.sh \
	%D%/check.sh \
	%D%/cross.sh \
	%D%/demo.sh \
	%D%/fetch-uapi-headers.sh \
	%D%/kernel.sh \
	%D%/lib \
	%D%/qemu.sh \
	%D%/selftest.sh \
	%D%/tiers
