/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What a guest sees of a failure; see fault.h. */
#include <config.h>

#include "lib/abi.h"
#include "lib/smmuv3/queue/fault.h"

#define ERRNO_MAX 4095

/* What a callback returns may be anything; a state has to say an errno. */
static int as_errno(int error)
{
	return error < -ERRNO_MAX ? -EIO : error;
}

struct smmu_fault iommunest__smmuv3_fault_of_guest(uint32_t index,
						   uint32_t reason)
{
	return (struct smmu_fault){
		.cause = IOMMUNEST_CAUSE_GUEST,
		.index = index,
		.error = -EBADMSG,
		.reason = reason,
		.cerror = IOMMUNEST_SMMUV3_CERROR_ILL,
	};
}

struct smmu_fault iommunest__smmuv3_fault_of_memory(uint32_t index, int error)
{
	return (struct smmu_fault){
		.cause = IOMMUNEST_CAUSE_FETCH,
		.index = index,
		.error = as_errno(error),
		.cerror = IOMMUNEST_SMMUV3_CERROR_ABT,
	};
}

struct smmu_fault iommunest__smmuv3_fault_of_host(uint32_t index, int error,
						  uint32_t cerror)
{
	return (struct smmu_fault){
		.cause = IOMMUNEST_CAUSE_HOST,
		.index = index,
		.error = as_errno(error),
		.cerror = cerror,
	};
}

/* One reason, or none where the VMM refused the command. */
static bool is_reason(uint32_t reason)
{
	return reason <= IOMMUNEST_SMMUV3_CMD_REASON_SIZE &&
	       !(reason & (reason - 1));
}

bool iommunest__smmuv3_fault_is_possible(const struct smmu_fault *fault)
{
	if (fault->cause == IOMMUNEST_CAUSE_NONE)
		return !fault->index && !fault->error && !fault->reason &&
		       !fault->cerror;
	if (fault->error >= 0 || fault->error < -ERRNO_MAX)
		return false;
	if (fault->cause == IOMMUNEST_CAUSE_GUEST)
		return fault->error == -EBADMSG && is_reason(fault->reason) &&
		       fault->cerror == IOMMUNEST_SMMUV3_CERROR_ILL;
	if (fault->reason)
		return false;
	if (fault->cause == IOMMUNEST_CAUSE_FETCH)
		return fault->cerror == IOMMUNEST_SMMUV3_CERROR_ABT;
	return fault->cause == IOMMUNEST_CAUSE_HOST &&
	       (fault->cerror == IOMMUNEST_SMMUV3_CERROR_NONE ||
		fault->cerror == IOMMUNEST_SMMUV3_CERROR_ABT ||
		fault->cerror == IOMMUNEST_SMMUV3_CERROR_ATC_INV_SYNC);
}

EXPORT const char *iommunest_smmuv3_cerror_name(unsigned int cerror)
{
	switch (cerror) {
	case IOMMUNEST_SMMUV3_CERROR_NONE:
		return "CERROR_NONE";
	case IOMMUNEST_SMMUV3_CERROR_ILL:
		return "CERROR_ILL";
	case IOMMUNEST_SMMUV3_CERROR_ABT:
		return "CERROR_ABT";
	case IOMMUNEST_SMMUV3_CERROR_ATC_INV_SYNC:
		return "CERROR_ATC_INV_SYNC";
	default:
		return "unknown";
	}
}
