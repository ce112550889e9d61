/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the queue stops at, and what a guest sees of it.  Queue errors: SMMUv3
 * specification, chapter 7.1, "Command queue errors".
 */
#ifndef IOMMUNEST_SMMUV3_QUEUE_FAULT_H
#define IOMMUNEST_SMMUV3_QUEUE_FAULT_H

#include <libiommunest.h>

struct smmu_fault {
	/* enum iommunest_cause; NONE: there is no fault. */
	uint32_t cause;
	/* Slot of the ring. */
	uint32_t index;
	int error;
	/* The guest's own: iommunest_smmuv3_cmd_reason. */
	uint32_t reason;
	/* The host driver's own code, or 0. */
	uint32_t driver_error;
	/* What the guest sees: iommunest_smmuv3_cerror, or NONE. */
	uint32_t cerror;
	/* The VMM's name for the target that the host failed on; else 0. */
	uint64_t cookie;
};

/* The command is illegal, for a reason or because the VMM says so. */
struct smmu_fault iommunest__smmuv3_fault_of_guest(uint32_t index,
						   uint32_t reason);

/* It could not be read. */
struct smmu_fault iommunest__smmuv3_fault_of_memory(uint32_t index, int error);

/*
 * The host or the VMM failed on it, and nothing healed that.  The guest sees
 * nothing, or @cerror.
 */
struct smmu_fault iommunest__smmuv3_fault_of_host(uint32_t index, int error,
						  uint32_t cerror);

/* An engine can have this fault; where there is none, all of it is zero. */
bool iommunest__smmuv3_fault_is_possible(const struct smmu_fault *fault);

#endif /* IOMMUNEST_SMMUV3_QUEUE_FAULT_H */
