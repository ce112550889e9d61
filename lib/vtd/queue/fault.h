/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What a guest sees of a failure: FSTS_REG and IQERCD_REG (VT-d specification,
 * chapter 11).  This is the one place that decides it, and that says whether a
 * saved state shows what an engine would have shown.
 */
#ifndef IOMMUNEST_VTD_QUEUE_FAULT_H
#define IOMMUNEST_VTD_QUEUE_FAULT_H

#include <libiommunest.h>

struct vtd_fault {
	/* enum iommunest_cause; NONE: there is no fault. */
	uint32_t cause;
	uint32_t index;
	int error;
	/* The host driver's own code, or 0. */
	uint32_t driver_error;
	/* The VMM's name for the target that the host failed on; else 0. */
	uint64_t cookie;
	/* What the guest sees of it. */
	uint32_t fsts;
	uint64_t iqercd;
};

/* What hardware would find by itself in slot @index: IQE. */
struct vtd_fault iommunest__vtd_queue_error(uint32_t cause, uint32_t index,
					    int error, uint32_t iqei);

/* A wait's status could not be written: IQE. */
struct vtd_fault iommunest__vtd_fault_of_memory(uint32_t index, int error);

/*
 * The host or the VMM failed on slot @index, and nothing healed it.  The guest
 * sees nothing: IQE would make its driver drop the flush.
 */
struct vtd_fault iommunest__vtd_fault_of_host(uint32_t index, int error,
					      uint64_t cookie,
					      uint32_t driver_error);

/* The same, shown as ITE at a wait after it.  IQERCD names no device. */
struct vtd_fault iommunest__vtd_fault_as_ite(const struct vtd_fault *fault);

/* An engine can have this fault; where there is none, all of it is zero. */
bool iommunest__vtd_fault_is_possible(const struct vtd_fault *fault);

#endif /* IOMMUNEST_VTD_QUEUE_FAULT_H */
