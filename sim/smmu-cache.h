/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What an SMMUv3 has cached of one VMID, by ASID and address. */
#ifndef IOMMUNEST_SIM_SMMU_CACHE_H
#define IOMMUNEST_SIM_SMMU_CACHE_H

#include "internal.h"

/* In place of an ASID: all of them, and what is global. */
#define SIM_ASID_ANY UINT32_MAX

/* What a command names; its ASID is one, or SIM_ASID_ANY. */
struct sim_tlbi {
	uint32_t asid;
	uint64_t first;
	uint64_t last;
	/* 0, or what else an entry has to be: see SIM_ENTRY_SHIFT(). */
	unsigned int granule;
	unsigned int shift;
	bool leaves_only;
};

/* The page of @addr, of the ASID or global; NULL: there is none. */
const struct sim_entry *iommunest__sim_asids_find(const struct sim_asids *asids,
						  uint32_t asid, uint64_t addr);
/* The table whose entries are for 2^@shift bytes at @addr. */
const struct sim_entry *
iommunest__sim_asids_find_table(const struct sim_asids *asids, uint32_t asid,
				uint64_t addr, unsigned int shift);
/* Both cache an entry, whose key is set here.  They return 0 or -ENOMEM. */
int iommunest__sim_asids_add(struct sim_asids *asids, uint32_t asid,
			     uint64_t addr, const struct sim_entry *page);
int iommunest__sim_asids_add_table(struct sim_asids *asids, uint32_t asid,
				   uint64_t addr, unsigned int shift,
				   const struct sim_entry *table);
/* How many pages there are of the ASID. */
size_t iommunest__sim_asids_count(const struct sim_asids *asids, uint32_t asid);
/* Whether a table is cached for @addr. */
bool iommunest__sim_asids_has_table(const struct sim_asids *asids,
				    uint32_t asid, uint64_t addr);

/* By address: what is global belongs to each ASID. */
void iommunest__sim_asids_drop(struct sim_asids *asids,
			       const struct sim_tlbi *tlbi);
/* By ASID: what is global stays. */
void iommunest__sim_asids_drop_asid(struct sim_asids *asids, uint32_t asid);
void iommunest__sim_asids_free(struct sim_asids *asids);

#endif /* IOMMUNEST_SIM_SMMU_CACHE_H */
