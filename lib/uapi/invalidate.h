/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * struct iommu_hwpt_invalidate as the patches of kernel/ extend it, so that
 * what hardware finds comes back to the entry that met it.  Kernels without
 * them refuse the flag, because it is in what is reserved there.
 */
#ifndef IOMMUNEST_UAPI_INVALIDATE_H
#define IOMMUNEST_UAPI_INVALIDATE_H

#include <stddef.h>

#include "lib/uapi/uapi.h"

#define IOMMUNEST_INVALIDATE_REPORT_ERROR (1u << 0)

struct iommunest_uapi_invalidate {
	__u32 size;
	__u32 hwpt_id;
	__aligned_u64 data_uptr;
	__u32 data_type;
	__u32 entry_len;
	__u32 entry_num;
	/* Reserved, without the extension. */
	__u32 flags;
	/* From here on the extension. */
	__u32 out_driver_error_code;
	__u32 out_last_index;
};

/* Of a kernel without it. */
#define IOMMUNEST_UAPI_INVALIDATE_SIZE \
	offsetof(struct iommunest_uapi_invalidate, out_driver_error_code)

_Static_assert(sizeof(struct iommunest_uapi_invalidate) == 40, "uAPI size");
_Static_assert(IOMMUNEST_UAPI_INVALIDATE_SIZE == 32, "uAPI size");
_Static_assert(offsetof(struct iommu_hwpt_invalidate, entry_num) ==
		       offsetof(struct iommunest_uapi_invalidate, entry_num),
	       "uAPI layout");

#endif /* IOMMUNEST_UAPI_INVALIDATE_H */
