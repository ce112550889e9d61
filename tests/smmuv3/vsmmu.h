/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Linux's vIOMMU of an SMMUv3 as far as its invalidations go, and a log of the
 * commands that reached the hardware and were waited for.  Three kernels give
 * the count of a failed call three meanings.
 */
#ifndef TESTS_SMMUV3_VSMMU_H
#define TESTS_SMMUV3_VSMMU_H

#include <stdbool.h>
#include <stdint.h>

#include <libiommunest.h>

#define VSMMU_ID 0x71u
#define VSMMU_GROUP 63u
#define VSMMU_LOG (1u << 19)

enum vsmmu_meaning {
	/*
	 * Linux 7.3: the index of the command that it does not take.  Nothing
	 * of its group is issued.
	 */
	VSMMU_COUNTS_CHECKED,
	/* Later: the first of its group, of which nothing is issued. */
	VSMMU_COUNTS_GROUPS,
	/* Patched: its index, and all before it are issued. */
	VSMMU_COUNTS_DONE,
	VSMMU_MEANINGS,
};

struct vsmmu {
	enum vsmmu_meaning meaning;
	struct iommunest_smmuv3_caps caps;
	/* Streams that have a vDEVICE. */
	uint32_t sids[128];
	uint32_t sid_count;
	/* More in one call: -ENOMEM. */
	uint32_t memory;
	/* After so many groups, none is answered any more. */
	bool dies;
	uint32_t dies_after;

	struct iommunest_ctx *ctx;
	/* Words of commands, in order, and how many. */
	uint64_t (*log)[2];
	uint32_t issued;
	uint32_t syncs;
	uint32_t calls;
};

/* Bits @high to @low. */
uint64_t vsmmu_bits(unsigned int high, unsigned int low);
/* Its rules for the fields of a command, as Linux 7.3 has them. */
bool vsmmu_takes(const struct iommunest_smmuv3_caps *caps,
		 const uint64_t word[2]);

void vsmmu_start(struct vsmmu *vsmmu, enum vsmmu_meaning meaning);
void vsmmu_finish(struct vsmmu *vsmmu);

/* How often a command was issued and waited for. */
unsigned int vsmmu_times(const struct vsmmu *vsmmu, uint64_t word0,
			 uint64_t word1);

#endif /* TESTS_SMMUV3_VSMMU_H */
