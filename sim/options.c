/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Copies and checks the options of a new simulator. */
#include "options.h"

#include <errno.h>
#include <string.h>

#include "profile.h"

int iommunest__sim_read_options(struct iommunest_sim_options *to,
				const struct iommunest_sim_options *from)
{
	int ret;

	memset(to, 0, sizeof(*to));
	if (!from)
		return 0;
	ret = iommunest_copy_in(to, sizeof(*to), from,
				END_OF(struct iommunest_sim_options, ecap));
	if (ret)
		return ret;
	if (!iommunest__sim_profile(to->profile) ||
	    to->flags & ~IOMMUNEST_SIM_QEMU_AM_18 ||
	    to->errata & ~IOMMUNEST_SMMUV3_ERRATA_REPEAT || to->reserved)
		return -EINVAL;
	return 0;
}
