/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Capabilities that a caller hands in. */
#ifndef IOMMUNEST_SMMUV3_CAPS_H
#define IOMMUNEST_SMMUV3_CAPS_H

#include <libiommunest.h>

/* 0, -EINVAL (also for NULL) or -E2BIG. */
int iommunest__smmuv3_copy_caps(struct iommunest_smmuv3_caps *to,
				const struct iommunest_smmuv3_caps *from);

#endif /* IOMMUNEST_SMMUV3_CAPS_H */
