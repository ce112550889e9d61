/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "lib/uapi/iommufd.h"

#include "tests/uapi/uapi-rows.h"

const struct uapi_table uapi_own = {
	.header = "lib/uapi/iommufd.h",
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
};
