/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the IOTLB and the device TLBs hold, leaf size by leaf size. */
#ifndef IOMMUNEST_SIM_CACHE_H
#define IOMMUNEST_SIM_CACHE_H

#include "internal.h"

/* The level of leaves of 2^@order pages, or -EINVAL. */
int iommunest__sim_cache_level(unsigned int order);
/* How many bits of an address are in a leaf of @level. */
unsigned int iommunest__sim_leaf_shift(unsigned int level);

/* Room for one more leaf of @level.  Returns 0 or -ENOMEM. */
int iommunest__sim_tlb_reserve(struct sim_tlb *tlb, unsigned int level);
/*
 * Caches what @leaf says of @addr; its key is set here.  Call
 * iommunest__sim_tlb_reserve() first.
 */
void iommunest__sim_tlb_insert(struct sim_tlb *tlb, unsigned int level,
			       uint64_t addr, const struct sim_entry *leaf);
bool iommunest__sim_tlb_has(const struct sim_tlb *tlb, uint64_t addr);
/* The leaf of @level for @addr; NULL: there is none. */
const struct sim_entry *iommunest__sim_tlb_find(const struct sim_tlb *tlb,
						unsigned int level,
						uint64_t addr);
/* Returns how many leaves there are. */
size_t iommunest__sim_tlb_count(const struct sim_tlb *tlb);
void iommunest__sim_tlb_drop(struct sim_tlb *tlb,
			     const struct sim_block *block);
void iommunest__sim_tlb_free(struct sim_tlb *tlb);

/* The same for leaves with the paging-structure entries above them. */
int iommunest__sim_iotlb_reserve(struct sim_iotlb *iotlb, unsigned int level);
/* The entry above says only that there is one. */
void iommunest__sim_iotlb_insert(struct sim_iotlb *iotlb, unsigned int level,
				 uint64_t addr);
bool iommunest__sim_iotlb_has_structure(const struct sim_iotlb *iotlb,
					uint64_t addr);
/* The entry above leaves of @level. */
int iommunest__sim_structure_reserve(struct sim_iotlb *iotlb,
				     unsigned int level);
void iommunest__sim_structure_insert(struct sim_iotlb *iotlb,
				     unsigned int level, uint64_t addr,
				     const struct sim_entry *entry);
const struct sim_entry *
iommunest__sim_structure_find(const struct sim_iotlb *iotlb, unsigned int level,
			      uint64_t addr);
void iommunest__sim_iotlb_drop(struct sim_iotlb *iotlb,
			       const struct sim_block *block, bool leaves_only);
/* Drops what stage 1 maps to a block, and tables in it. */
void iommunest__sim_iotlb_drop_output(struct sim_iotlb *iotlb,
				      const struct sim_block *block);
void iommunest__sim_iotlb_free(struct sim_iotlb *iotlb);

#endif /* IOMMUNEST_SIM_CACHE_H */
