/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A simulator with one device on a nested HWPT, for its own tests. */
#ifndef TEST_SIM_RIG_H
#define TEST_SIM_RIG_H

/* Comes first: its config.h decides what the system's headers declare. */
#include "lib/uapi/uapi.h"

#include <libiommunest-sim.h>

#include <errno.h>

#define RIG_DESCS 16u
#define PAGE 4096ull
#define ALL UINT64_MAX
#define LEAF IOMMU_VTD_INV_FLAGS_LEAF

/* iommunest_sim_cached() of a translation in the IOTLB. */
#define IN_IOTLB (IOMMUNEST_SIM_CACHED_LEAF | IOMMUNEST_SIM_CACHED_STRUCTURE)

struct rig {
	struct iommunest_sim *sim;
	int fd;
	uint32_t dev_flags;
	uint32_t dev;
	uint32_t ioas;
	uint32_t parent;
	uint32_t nested;
	/* Those of the last submission. */
	struct iommunest_sim_desc descs[RIG_DESCS];
	size_t desc_count;
};

/* A failure in any of these ends the test, unless it says what it returns. */
void rig_open(struct rig *rig, uint32_t profile, uint32_t sim_flags,
	      uint32_t dev_flags);
void rig_open_with(struct rig *rig, const struct iommunest_sim_options *options,
		   uint32_t dev_flags);
void rig_close(struct rig *rig);
/* Makes a device and its HWPT on @rig->fd, which is new. */
void rig_populate(struct rig *rig);

int rig_ioctl(const struct rig *rig, unsigned long request, void *cmd);
uint32_t rig_bind(const struct rig *rig, uint32_t flags);
uint32_t rig_alloc_nested(const struct rig *rig, uint32_t addr_width);
void rig_attach(const struct rig *rig, uint32_t dev, uint32_t hwpt);
void rig_translate(const struct rig *rig, uint32_t hwpt, uint64_t addr,
		   unsigned int order);
unsigned int rig_cached(const struct rig *rig, uint64_t addr);

/* Returns what the ioctl returns; *@num is entry_num, in and out. */
int rig_submit(struct rig *rig, uint32_t hwpt,
	       const struct iommu_hwpt_vtd_s1_invalidate *entries,
	       uint32_t *num);
/* Submits @count entries of one page each; returns what the ioctl returns. */
int rig_submit_pages(struct rig *rig, uint32_t count, uint32_t *handled);
/* Submits one entry, which succeeds. */
void rig_flush(struct rig *rig, uint64_t addr, uint64_t npages, uint32_t flags);

struct iommunest_sim_stats rig_stats(const struct rig *rig);

#endif /* TEST_SIM_RIG_H */
