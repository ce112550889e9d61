/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * libiommunest: nested translation with Linux iommufd, for VMM authors.
 *
 * A guest with a virtual Intel VT-d IOMMU owns its stage-1 page tables; the
 * host keeps stage 2.  What the guest invalidates has to reach the host
 * kernel by ioctl(IOMMU_HWPT_INVALIDATE).  This library builds those entries,
 * submits them in arrays, resubmits from the reported failing index, and runs
 * a guest's whole invalidation queue.  See libiommunest(7).
 *
 * Conventions
 * - Every function that can fail returns 0 or a positive count on success and
 *   a negated errno value on failure.  The kernel's errno passes unchanged;
 *   errno itself has no meaning after a call.
 * - Objects of the kernel are plain uint32_t ids and file descriptors.
 * - A struct whose first member is `size` may grow: set it to sizeof(struct),
 *   as IOMMUNEST_INIT() does.  A larger size than the library knows is
 *   accepted while the unknown tail is zero, and refused with -E2BIG
 *   otherwise, as is any size above 4096; a size too small for the first
 *   release's members is -EINVAL.
 * - Threads: a context may be used by several threads at once.  A batch, a
 *   queue engine and a fault reader belong to one thread at a time.  Nothing
 *   here is safe in a signal handler.
 */
#ifndef LIBIOMMUNEST_H
#define LIBIOMMUNEST_H

#include <iommunest/core.h>
#include <iommunest/features.h>
#include <iommunest/objects.h>
#include <iommunest/fault.h>
#include <iommunest/vfio.h>
#include <iommunest/viommu.h>
#include <iommunest/vtd.h>
#include <iommunest/vtd-queue.h>
#include <iommunest/vtd-page-request.h>
#include <iommunest/smmuv3.h>
#include <iommunest/smmuv3-queue.h>

#endif /* LIBIOMMUNEST_H */
