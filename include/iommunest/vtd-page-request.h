/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Intel VT-d: page requests as a guest sees them, in its page request queue,
 * and its answers to them, in its invalidation queue (VT-d specification,
 * chapter 7, "Recoverable Fault Reporting").  Programs include
 * <libiommunest.h>.
 */
#ifndef IOMMUNEST_VTD_PAGE_REQUEST_H
#define IOMMUNEST_VTD_PAGE_REQUEST_H

#include <iommunest/fault.h>
#include <iommunest/vtd-queue.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of a page request descriptor: 64-bit words, and bytes. */
#define IOMMUNEST_VTD_PAGE_REQUEST_WORDS 4u
#define IOMMUNEST_VTD_PAGE_REQUEST_LEN 32u

/*
 * Writes the page request descriptor that hardware would write into the guest's
 * page request queue for @request of the device with the source id @sid, to the
 * four @words, in the CPU's byte order (guest memory is little-endian).  SID,
 * PASID and group index are what the guest will answer with.  Any thread.
 * Returns 0, -EINVAL (NULL, a bit that is unknown, a PASID or a group index too
 * large); @words are then as they were.
 */
int iommunest_vtd_page_request_build(
	uint64_t *words, const struct iommunest_page_request *request,
	uint16_t sid);

/*
 * The reverse, for tests and for programs that act as a guest: @request gets
 * what the descriptor has, and 0 for the rest.  Reserved bits are not looked
 * at.  Any thread.  Returns 0, -EINVAL (NULL), -EBADMSG (another type).
 */
int iommunest_vtd_page_request_decode(struct iommunest_page_request *request,
				      uint16_t *sid, const uint64_t *words);

/*
 * Passes a guest's page group response on, as the engine hands it to
 * `descriptor`: the oldest group of the device @dev_id that waits by the
 * PASID and group index in @desc gets its answer.  The kernel takes success and
 * invalid; a response failure, and any code that is reserved, is sent as
 * invalid.  Returns 0, -EINVAL (NULL, a descriptor of another type, a size too
 * small), -E2BIG (a size above 4096), -ENOENT (no such group waits: the guest
 * made it up, or the kernel has answered it; there is nothing to do), or the
 * error of iommunest_fault_respond().
 */
int iommunest_vtd_page_response(struct iommunest_fault_reader *reader,
				uint32_t dev_id,
				const struct iommunest_vtd_desc *desc);

#ifdef __cplusplus
}
#endif

#endif /* IOMMUNEST_VTD_PAGE_REQUEST_H */
