/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <config.h>

#ifdef HAVE_LINUX_IOMMUFD_H
#include <linux/iommufd.h>

#include "tests/uapi/uapi-rows.h"

const struct uapi_table uapi_real = {
	.header = "<linux/iommufd.h>",
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
};
#else
#include "tests/uapi/uapi-table.h"

const struct uapi_table uapi_real = { .header = "<linux/iommufd.h>" };
#endif
