/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The kernel's ABI: from the system where it is new enough. */
#ifndef IOMMUNEST_UAPI_UAPI_H
#define IOMMUNEST_UAPI_UAPI_H

#include <config.h>

#ifdef HAVE_LINUX_IOMMUFD_H
#include <linux/iommufd.h>
#else
#include "lib/uapi/iommufd.h"
#endif
#include "lib/uapi/iommufd-newer.h"

#endif /* IOMMUNEST_UAPI_UAPI_H */
