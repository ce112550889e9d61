/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "lib/uapi/iommufd.h"

#include "lib/uapi/iommufd-newer.h"

#include "tests/uapi/uapi-rows.h"

const struct uapi_table uapi_own = {
	.headers = { "lib/uapi/iommufd.h", "lib/uapi/iommufd-newer.h" },
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
};
