/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What a guest sees of a failure; see fault.h. */
#include <config.h>

#include <errno.h>

#include "lib/vtd/bits.h"
#include "lib/vtd/queue/fault.h"

#define ERRNO_MAX 4095

/* ---- From a failure to the registers ---- */

/* @sid is the device whose device TLB it was, or 0. */
static struct vtd_fault fault_of(uint32_t cause, uint32_t index, int error,
				 uint16_t sid)
{
	struct vtd_fault fault = {
		.cause = cause,
		.index = index,
		.error = error,
		.fsts = IOMMUNEST_VTD_FSTS_IQE,
	};

	if (error == -ETIMEDOUT) {
		fault.fsts = IOMMUNEST_VTD_FSTS_ITE;
		fault.iqercd = vtd_put(sid, IOMMUNEST_VTD_IQERCD_ITESID);
	} else if (error == -EREMOTEIO) {
		fault.fsts = IOMMUNEST_VTD_FSTS_ICE;
		fault.iqercd = vtd_put(sid, IOMMUNEST_VTD_IQERCD_ICESID);
	}
	return fault;
}

struct vtd_fault iommunest__vtd_queue_error(uint32_t cause, uint32_t index,
					    int error, uint32_t iqei)
{
	return (struct vtd_fault){
		.cause = cause,
		.index = index,
		.error = error,
		.fsts = IOMMUNEST_VTD_FSTS_IQE,
		.iqercd = iqei,
	};
}

static bool is_dev_tlb(const struct iommunest_vtd_desc *desc)
{
	return desc->type == IOMMUNEST_VTD_DESC_DEV_TLB ||
	       desc->type == IOMMUNEST_VTD_DESC_PASID_DEV_TLB;
}

struct vtd_fault
iommunest__vtd_fault_of_vmm(uint32_t index, int error,
			    const struct iommunest_vtd_desc *desc)
{
	/* Other types have a source id, too, but no device that answers. */
	uint16_t sid = is_dev_tlb(desc) ? desc->sid : 0;

	return fault_of(IOMMUNEST_CAUSE_HOST, index, error, sid);
}

struct vtd_fault iommunest__vtd_fault_of_memory(uint32_t index, int error)
{
	return fault_of(IOMMUNEST_CAUSE_FETCH, index, error, 0);
}

/*
 * The guest has a queue of its own, and did nothing that the host's reason
 * would explain to it: it sees the kind of error, and no more.
 */
struct vtd_fault iommunest__vtd_fault_of_host(uint32_t index, int error,
					      uint64_t cookie,
					      uint32_t driver_error)
{
	struct vtd_fault fault =
		fault_of(IOMMUNEST_CAUSE_HOST, index, error, 0);

	fault.cookie = cookie;
	fault.driver_error = driver_error;
	if (driver_error & IOMMUNEST_VTD_FSTS_ITE)
		fault.fsts = IOMMUNEST_VTD_FSTS_ITE;
	else if (driver_error & IOMMUNEST_VTD_FSTS_ICE)
		fault.fsts = IOMMUNEST_VTD_FSTS_ICE;
	return fault;
}

/* ---- And back: could an engine have shown that? ---- */

/* With ITE or ICE it is in one of two fields, and the other is 0. */
static uint16_t sid_of(uint64_t iqercd)
{
	return (uint16_t)(vtd_get(iqercd, IOMMUNEST_VTD_IQERCD_ITESID) |
			  vtd_get(iqercd, IOMMUNEST_VTD_IQERCD_ICESID));
}

static bool shows_error(const struct vtd_fault *fault, uint16_t sid)
{
	const struct vtd_fault shown =
		fault_of(fault->cause, fault->index, fault->error, sid);

	return fault->fsts == shown.fsts && fault->iqercd == shown.iqercd;
}

/* A kernel that reports errors of the hardware says more than an errno. */
static bool shows_driver_error(const struct vtd_fault *fault)
{
	return !fault->iqercd && (fault->fsts == IOMMUNEST_VTD_FSTS_ITE ||
				  fault->fsts == IOMMUNEST_VTD_FSTS_ICE);
}

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
	if (fault->iqercd == IOMMUNEST_VTD_IQEI_FETCH)
		return fault->fsts == IOMMUNEST_VTD_FSTS_IQE;
	return shows_error(fault, 0);
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
		return shows_driver_error(fault) ||
		       shows_error(fault, sid_of(fault->iqercd));
	default:
		return false;
	}
}
