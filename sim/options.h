/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The options of a new simulator. */
#ifndef IOMMUNEST_SIM_OPTIONS_H
#define IOMMUNEST_SIM_OPTIONS_H

#include "internal.h"

/* @from may be NULL.  Returns 0, -EINVAL or -E2BIG. */
int iommunest__sim_read_options(struct iommunest_sim_options *to,
				const struct iommunest_sim_options *from);

#endif /* IOMMUNEST_SIM_OPTIONS_H */
