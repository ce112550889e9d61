/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* How an address of a device is translated. */
#ifndef IOMMUNEST_SIM_WALK_H
#define IOMMUNEST_SIM_WALK_H

#include "stage2.h"

/* One access within a page. */
struct sim_access {
	struct iommunest_sim *sim;
	struct sim_hwpt *hwpt;
	uint64_t iova;
	bool write;
	bool privileged;
	/* Why it failed: enum iommunest_sim_dma_reason, and where. */
	uint32_t reason;
	uint64_t fault_addr;
};

/*
 * Walks the tables of a nested HWPT, or looks up a paging one.  The leaf is for
 * the access's address; entries above it are cached.  Returns 0, -EFAULT (see
 * the reason), -ENOMEM.
 */
int iommunest__sim_walk(struct sim_access *access, struct sim_entry *leaf,
			unsigned int *level);
/* Whether @flags of a leaf allow the access without another walk. */
bool iommunest__sim_leaf_allows(const struct sim_access *access,
				uint32_t flags);
/* Whether stage 1's @rights do. */
bool iommunest__sim_stage1_allows(const struct sim_access *access,
				  uint32_t rights);
/* What of a leaf's flags stage 2 says. */
uint32_t iommunest__sim_stage2_flags(const struct sim_stage2 *to);
/* Reads what is in one page, after stage 1.  Returns 0 or -EFAULT. */
int iommunest__sim_read_stage2(struct sim_access *access, uint64_t addr,
			       void *to, size_t len);
/* The paging HWPT that translates last. */
struct sim_hwpt *iommunest__sim_stage2_of(struct sim_hwpt *hwpt);
int iommunest__sim_refuse(struct sim_access *access, uint32_t reason,
			  uint64_t addr);

#endif /* IOMMUNEST_SIM_WALK_H */
