/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the requests are made of. */
#ifndef VM_DIFF_GEN_H
#define VM_DIFF_GEN_H

#include "diff.h"

/* ---- Numbers ---- */

static inline uint64_t next(struct diff_gen *gen)
{
	uint64_t x = gen->state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	gen->state = x;
	return x >> 20;
}

static inline uint32_t below(struct diff_gen *gen, uint32_t end)
{
	return (uint32_t)(next(gen) % end);
}

/* True once in @in. */
static inline bool rarely(struct diff_gen *gen, uint32_t in)
{
	return below(gen, in) == 0;
}

/* Of any length, and often with all bits alike. */
static inline uint64_t any(struct diff_gen *gen)
{
	uint64_t bits = next(gen) << 30 ^ next(gen);
	unsigned int shift = below(gen, 64);

	switch (below(gen, 4)) {
	case 0:
		return bits >> shift;
	case 1:
		return ~(bits >> shift);
	case 2:
		return 1ull << shift;
	default:
		return (1ull << shift) - 1;
	}
}

static inline uint32_t any32(struct diff_gen *gen)
{
	return (uint32_t)any(gen);
}

/* ---- Objects and places ---- */

/* Of objects, of what may have been one, and of none. */
uint32_t diff_any_id(struct diff_gen *gen);
uint32_t diff_any_ioas(struct diff_gen *gen);
/* Of nothing that can be accessed, or nearly so. */
uint64_t diff_bad_addr(struct diff_gen *gen);
/* Of @size bytes: mostly where all succeeds; else at and across borders. */
uint32_t diff_place(struct diff_gen *gen, const struct diff_region *in,
		    uint32_t size);

/* ---- Requests ---- */

/*
 * Makes a request of a struct that starts with its size, which is set here,
 * mostly to @size.
 */
void diff_finish(struct diff_gen *gen, struct diff_request *request,
		 unsigned long number, const void *cmd, uint32_t size);
/* The object whose id is at @at of the answer. */
void diff_remember(struct diff_gen *gen, const unsigned char *arg, size_t at,
		   enum diff_made_kind kind);

/* What does not depend on the IOMMU. */
void diff_ioas_alloc(struct diff_gen *gen, struct diff_request *request);
void diff_hw_info(struct diff_gen *gen, struct diff_request *request);
void diff_other(struct diff_gen *gen, struct diff_request *request);

/* ---- What IOASs map ---- */

union diff_ioas_cmd {
	struct iommu_ioas_iova_ranges ranges;
	struct iommu_ioas_allow_iovas allow;
	struct iommu_ioas_map map;
	struct iommu_ioas_map_file map_file;
	struct iommu_ioas_copy copy;
	struct iommu_ioas_unmap unmap;
	struct iommu_ioas_change_process change;
	struct iommu_option option;
	struct iommu_hwpt_set_dirty_tracking set_dirty;
	struct iommu_hwpt_get_dirty_bitmap get_dirty;
};

/* One of their ioctls, its struct without the size, and the size. */
uint32_t diff_ioas(struct diff_gen *gen, unsigned long *number,
		   union diff_ioas_cmd *cmd);

#endif /* VM_DIFF_GEN_H */
