/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The rest of a target's submission.  @slot is where its items are gathered;
 * each function returns true where they have outcomes, or a failure is noted.
 */
#ifndef IOMMUNEST_VTD_QUEUE_RECOVER_H
#define IOMMUNEST_VTD_QUEUE_RECOVER_H

#include "lib/abi.h"
#include "lib/submit.h"
#include "lib/vtd/queue/queue.h"

/*
 * A target that is isolated, or was removed by a callback since: nothing is
 * sent, and all is done.
 */
COLD bool iommunest__vtd_pass_over(struct iommunest_vtd_iq *iq, uint16_t slot);

/* The trace is shown the call that handled all. */
void iommunest__vtd_show_call(struct iommunest_vtd_iq *iq, uint16_t slot);

/* All entries were handled; some items did not go as entries of their own. */
bool iommunest__vtd_mark_all(struct iommunest_vtd_iq *iq, uint16_t slot);

/*
 * What one call did not do, from @first on.  @outcomes: some items did not go
 * as entries of their own.
 */
COLD bool iommunest__vtd_submit_in_full(struct iommunest_vtd_iq *iq,
					uint16_t slot, bool outcomes,
					const struct iommunest_reply *first,
					struct iommunest_vtd_iq_result *result);

#endif /* IOMMUNEST_VTD_QUEUE_RECOVER_H */
