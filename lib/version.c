/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <config.h>

#include <libiommunest.h>

#include "lib/abi.h"

EXPORT const char *iommunest_version(void)
{
	return PACKAGE_VERSION;
}
