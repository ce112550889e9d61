/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the kernel's iommufd can do, by name.  Programs include
 * <libiommunest.h>.
 */
#ifndef IOMMUNEST_FEATURES_H
#define IOMMUNEST_FEATURES_H

#include <iommunest/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Bits of *@features: what this kernel has, of whatever vendor the hardware
 * is.  Beside each, the release that brought it.
 */
/* I/O address spaces: without it, this is no iommufd.  6.2 */
#define IOMMUNEST_FEATURE_IOAS (UINT64_C(1) << 0)
/* iommunest_hw_info().  6.6 */
#define IOMMUNEST_FEATURE_HW_INFO (UINT64_C(1) << 1)
/* HWPTs of one's own, beside those that the kernel makes at attach.  6.6 */
#define IOMMUNEST_FEATURE_HWPT (UINT64_C(1) << 2)
/* Nest parents, and nested HWPTs on them.  6.7 */
#define IOMMUNEST_FEATURE_NESTED (UINT64_C(1) << 3)
/* Which pages devices wrote to, for live migration.  6.7 */
#define IOMMUNEST_FEATURE_DIRTY_TRACKING (UINT64_C(1) << 4)
/* iommunest_submit(), and with it nesting as a whole.  6.8 */
#define IOMMUNEST_FEATURE_INVALIDATE (UINT64_C(1) << 5)
/* Fault queues: page requests, and responses.  6.11 */
#define IOMMUNEST_FEATURE_FAULT_QUEUE (UINT64_C(1) << 6)
/* Memory is mapped by file, without an address in the process.  6.13 */
#define IOMMUNEST_FEATURE_MAP_FILE (UINT64_C(1) << 7)
/* vIOMMUs, and vDEVICEs behind them.  6.13 */
#define IOMMUNEST_FEATURE_VIOMMU (UINT64_C(1) << 8)
/* Mappings of files go over to another process.  6.14 */
#define IOMMUNEST_FEATURE_CHANGE_PROCESS (UINT64_C(1) << 9)
/* A vIOMMU's events.  6.15 */
#define IOMMUNEST_FEATURE_VEVENTQ (UINT64_C(1) << 10)
/*
 * HWPTs can be attached to PASIDs.  Only a device could tell; it came with
 * event queues, and is taken to be where they are.  6.15
 */
#define IOMMUNEST_FEATURE_PASID (UINT64_C(1) << 11)
/* Hardware information of a type that the caller chooses.  6.17 */
#define IOMMUNEST_FEATURE_HW_INFO_TYPE (UINT64_C(1) << 12)
/* Queues of a vIOMMU that the hardware reads by itself.  6.17 */
#define IOMMUNEST_FEATURE_HW_QUEUE (UINT64_C(1) << 13)
/*
 * Invalidations report what hardware finds: in no release, but with the
 * patches that come with this library.
 */
#define IOMMUNEST_FEATURE_ERROR_REPORT (UINT64_C(1) << 14)

/*
 * Asks the kernel which of IOMMUNEST_FEATURE_* it has.  Nothing is allocated,
 * changed or flushed: the questions are calls that every kernel refuses, for a
 * size or an id that cannot be.  Each is asked once for a context, which keeps
 * the answer; any thread.  Returns 0, -EINVAL (NULL), or the error of a
 * question that was no answer: -EBADF, -EPERM where the VMM's sandbox refuses
 * the ioctl, -ENOMEM, -EINTR after several tries, -EPROTO (it succeeded).  Then
 * *@features has what is known, and the next call asks again for the rest.
 */
int iommunest_features(struct iommunest_ctx *ctx, uint64_t *features);

/*
 * The name of one feature, a single bit, as in "fault-queue"; "unknown" for
 * anything else, so that a program can go through the bits.  Static.  Any
 * thread.
 */
const char *iommunest_feature_name(uint64_t feature);

/*
 * What it is good for, and the release that brought it; "unknown" for anything
 * else.  Static.  Any thread.
 */
const char *iommunest_feature_text(uint64_t feature);

#ifdef __cplusplus
}
#endif

#endif /* IOMMUNEST_FEATURES_H */
