/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What a run tells the VMM at its end. */
#ifndef IOMMUNEST_VTD_QUEUE_RESULT_H
#define IOMMUNEST_VTD_QUEUE_RESULT_H

#include "lib/abi.h"
#include "lib/vtd/queue/queue.h"

static inline void vtd_show_fault(const struct vtd_fault *fault,
				  struct iommunest_vtd_iq_result *result)
{
	result->iqercd = fault->iqercd;
	result->fsts |= fault->fsts;
	result->cause = fault->cause;
	result->index = fault->index;
	result->error = fault->error;
	result->cookie = fault->cookie;
	result->driver_error = fault->driver_error;
}

/* *@out has the counts, and is zero otherwise; *@result is the VMM's. */
static inline void vtd_give_result(const struct iommunest_vtd_iq *iq,
				   struct iommunest_vtd_iq_result *out,
				   struct iommunest_vtd_iq_result *result)
{
	out->iqh = (uint64_t)iq->head << iq->desc_shift;
	if (iq->fault.cause)
		vtd_show_fault(&iq->fault, out);
	iommunest_copy_out(result, out, sizeof(*out));
}

#endif /* IOMMUNEST_VTD_QUEUE_RESULT_H */
