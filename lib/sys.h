/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#ifndef IOMMUNEST_SYS_H
#define IOMMUNEST_SYS_H

#include <libiommunest.h>

/* The kernel itself. */
extern const struct iommunest_sys iommunest__sys_kernel;

#endif /* IOMMUNEST_SYS_H */
