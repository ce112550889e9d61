/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <config.h>

#ifdef HAVE_LINUX_IOMMUFD_H
#include <linux/iommufd.h>

/* What this header is too old to have is not compared with it. */
#include "lib/uapi/iommufd-newer.h"

#include "tests/uapi/uapi-rows.h"

const struct uapi_table uapi_real = {
	.headers = { "<linux/iommufd.h>" },
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
};
#else
#include "tests/uapi/uapi-table.h"

const struct uapi_table uapi_real = { .headers = { "<linux/iommufd.h>" } };
#endif
