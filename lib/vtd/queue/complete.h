/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * After a submission.  What nearly every one ends with is inline: only waits
 * have anything to be told.
 */
#ifndef IOMMUNEST_VTD_QUEUE_COMPLETE_H
#define IOMMUNEST_VTD_QUEUE_COMPLETE_H

#include "lib/vtd/queue/queue.h"

/* The status of the wait in slot @index could not be written. */
bool iommunest__vtd_fail_wait(struct iommunest_vtd_iq *iq, uint32_t index,
			      int error);

/* False: that failed, and iq->failure says how. */
static inline bool vtd_complete_wait(struct iommunest_vtd_iq *iq,
				     const struct vtd_item *wait,
				     struct iommunest_vtd_iq_result *result)
{
	/* Adding an HWPT, as the VMM may do, moves the items. */
	const uint32_t index = wait->index;
	const uint32_t flags = wait->flags;
	int ret = 0;

	if (flags & ITEM_STATUS)
		ret = iq->ops.write_status(iq->vmm, index, wait->status_addr,
					   wait->status_data);
	if (ret < 0)
		return iommunest__vtd_fail_wait(iq, index, ret);
	if (flags & ITEM_INTERRUPT)
		iq->ops.interrupt(iq->vmm, index);
	result->waits++;
	return true;
}

/*
 * All waits, where nothing else is to be told.  False: one failed, and what was
 * forwarded before it is not counted.
 */
static inline bool vtd_complete_waits(struct iommunest_vtd_iq *iq,
				      struct iommunest_vtd_iq_result *result)
{
	uint32_t i;

	for (i = 0; i < iq->n_waits; i++) {
		if (!vtd_complete_wait(iq, vtd_iq_wait(iq, i), result))
			return false;
	}
	result->forwarded += iq->n_forwarded;
	return true;
}

/*
 * Descriptor by descriptor, up to the slot in iq->failure, or else to @end:
 * outcomes are told, and what was forwarded, waits completed; returns the new
 * head.  A status that cannot be written becomes the failure, and so does what
 * `forwarded` returns.  A failure in iq->abort becomes it at the first wait
 * from slot *@abort_from on that the guest looks at; `forwarded` may fail
 * before that slot, which is the later one then.
 */
uint32_t iommunest__vtd_complete_each(struct iommunest_vtd_iq *iq, uint32_t end,
				      uint32_t *abort_from,
				      struct iommunest_vtd_iq_result *result);

#endif /* IOMMUNEST_VTD_QUEUE_COMPLETE_H */
