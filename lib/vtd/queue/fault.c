/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What a guest sees of a failure; see fault.h. */
#include <config.h>

#include <errno.h>

#include "lib/vtd/queue/fault.h"

#define ERRNO_MAX 4095

/* ---- From a failure to the registers ---- */

/* What a callback returns may be anything; a state has to say an errno. */
static int as_errno(int error)
{
	return error < -ERRNO_MAX ? -EIO : error;
}

struct vtd_fault iommunest__vtd_queue_error(uint32_t cause, uint32_t index,
					    int error, uint32_t iqei)
{
	return (struct vtd_fault){
		.cause = cause,
		.index = index,
		.error = as_errno(error),
		.fsts = IOMMUNEST_VTD_FSTS_IQE,
		.iqercd = iqei,
	};
}

struct vtd_fault iommunest__vtd_fault_of_memory(uint32_t index, int error)
{
	return iommunest__vtd_queue_error(IOMMUNEST_CAUSE_FETCH, index, error,
					  IOMMUNEST_VTD_IQEI_NONE);
}

struct vtd_fault iommunest__vtd_fault_of_host(uint32_t index, int error,
					      uint64_t cookie,
					      uint32_t driver_error)
{
	return (struct vtd_fault){
		.cause = IOMMUNEST_CAUSE_HOST,
		.index = index,
		.error = as_errno(error),
		.cookie = cookie,
		.driver_error = driver_error,
	};
}

struct vtd_fault iommunest__vtd_fault_as_ite(const struct vtd_fault *fault)
{
	struct vtd_fault ite = *fault;

	ite.fsts = IOMMUNEST_VTD_FSTS_ITE;
	return ite;
}

/* ---- And back: could an engine have shown that? ---- */

static bool is_guests_fault(const struct vtd_fault *fault)
{
	return fault->fsts == IOMMUNEST_VTD_FSTS_IQE &&
	       fault->error == -EBADMSG &&
	       fault->iqercd >= IOMMUNEST_VTD_IQEI_TAIL &&
	       fault->iqercd <= IOMMUNEST_VTD_IQEI_TTM &&
	       fault->iqercd != IOMMUNEST_VTD_IQEI_FETCH;
}

/* Of a descriptor that could not be read, or a status not written. */
static bool is_memory_fault(const struct vtd_fault *fault)
{
	return fault->fsts == IOMMUNEST_VTD_FSTS_IQE &&
	       (fault->iqercd == IOMMUNEST_VTD_IQEI_FETCH ||
		fault->iqercd == IOMMUNEST_VTD_IQEI_NONE);
}

/* Not shown, or shown as ITE. */
static bool is_host_fault(const struct vtd_fault *fault)
{
	return !fault->iqercd &&
	       (!fault->fsts || fault->fsts == IOMMUNEST_VTD_FSTS_ITE);
}

bool iommunest__vtd_fault_is_possible(const struct vtd_fault *fault)
{
	if (fault->cause == IOMMUNEST_CAUSE_NONE)
		return !fault->index && !fault->error && !fault->fsts &&
		       !fault->iqercd;
	if (fault->error >= 0 || fault->error < -ERRNO_MAX)
		return false;
	switch (fault->cause) {
	case IOMMUNEST_CAUSE_GUEST:
		return is_guests_fault(fault);
	case IOMMUNEST_CAUSE_FETCH:
		return is_memory_fault(fault);
	case IOMMUNEST_CAUSE_HOST:
		return is_host_fault(fault);
	default:
		return false;
	}
}
