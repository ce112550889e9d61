/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The simulator's types.  What a module does is in its own header. */
#ifndef IOMMUNEST_SIM_INTERNAL_H
#define IOMMUNEST_SIM_INTERNAL_H

/* First: config.h in it decides what the system's headers declare. */
#include "lib/uapi-invalidate.h"

#include <libiommunest-sim.h>

#include "lib/abi.h"

#define SIM_PAGE_SHIFT 12
#define SIM_PAGE_SIZE (1u << SIM_PAGE_SHIFT)
/* An address mask from here on is the whole address space. */
#define SIM_AM_ALL (64u - SIM_PAGE_SHIFT)

/* ---- Caches ---- */

/* A sorted set of numbers. */
struct sim_set {
	uint64_t *keys;
	size_t count;
	size_t room;
};

/* 2^@am pages at @addr; @all: everything there is. */
struct sim_block {
	uint64_t addr;
	unsigned int am;
	bool all;
};

/* Leaves are 4 KiB, 2 MiB and 1 GiB. */
#define SIM_LEVELS 3u

struct sim_tlb {
	struct sim_set leaves[SIM_LEVELS];
};

struct sim_iotlb {
	struct sim_tlb tlb;
	/* The entry above a leaf: it covers 2 MiB, 1 GiB or 512 GiB. */
	struct sim_set structures[SIM_LEVELS];
};

/* ---- Objects ---- */

enum sim_type {
	SIM_IOAS,
	SIM_DEVICE,
	SIM_HWPT_PAGING,
	SIM_HWPT_NESTED,
};

struct sim_object {
	enum sim_type type;
	uint32_t id;
	/* What else needs it to exist. */
	unsigned int users;
};

struct sim_hwpt {
	struct sim_object obj;
	/* The IOAS of a paging one, the parent of a nested one. */
	struct sim_object *base;
	bool nest_parent;
	struct iommu_hwpt_vtd_s1 s1;
	/* In the order in which they were attached. */
	struct sim_device *devices;
	struct sim_iotlb iotlb;
};

struct sim_device {
	struct sim_object obj;
	bool ats;
	/* The driver has taken it off its HWPT, and iommufd has not. */
	bool blocked;
	struct sim_hwpt *hwpt;
	struct sim_device *next;
	struct sim_tlb tlb;
};

/* ---- The simulator and its files ---- */

/* A kernel, as far as it differs from others. */
struct sim_profile {
	/* The newest ioctl, as its _IOC_NR(). */
	uint32_t last_cmd;
	/* Of struct iommu_hwpt_invalidate: with or without the extension. */
	uint32_t invalidate_size;
	/* The flags of IOMMU_HWPT_ALLOC, and of IOMMU_GET_HW_INFO. */
	uint32_t paging_flags;
	uint32_t nested_flags;
	uint32_t hw_info_flags;
	/* IOMMU_HWPT_INVALIDATE of an id that is no nested HWPT's. */
	int not_nested_errno;
	/* A plain HWPT needs a stage that the hardware has. */
	bool checks_stage;
	/* Where an attach is refused, the device keeps its old HWPT. */
	bool attach_rolls_back;
	/* IOMMU_GET_HW_INFO says so where a device has no ATS. */
	bool reports_no_ats;
	/* ATS stays on for nested HWPTs. */
	bool nested_ats;
	/* The block that a range of pages becomes. */
	struct sim_block (*widen)(uint64_t addr, uint64_t npages);
	/* Refuses a range that is empty or passes the last address. */
	bool checks_range;
	/* Sends the IOTLB no address mask above CAP_REG.MAMV. */
	bool heeds_mamv;
};

struct sim_file {
	/* O_RDONLY, O_WRONLY or O_RDWR. */
	int access;
	/* By id; [0] is never used. */
	struct sim_object **objects;
	uint32_t object_room;
	/* No id below is free. */
	uint32_t lowest_free;
	/* A VFIO device node, and not an iommufd: its number. */
	bool vfio;
	unsigned int node;
	/* Bound once; NULL: to one that is closed by now. */
	bool bound;
	struct sim_file *iommufd;
	uint32_t dev_id;
};

#define SIM_MAX_FAULTS 64u

struct sim_fault {
	enum iommunest_sim_fault_kind kind;
	int error;
	uint32_t count;
	uint32_t code;
	/* In calls or entries since the simulator was made, from 1. */
	uint64_t first;
	uint64_t last;
};

struct iommunest_sim {
	const struct sim_profile *profile;
	uint32_t flags;
	uint64_t cap;
	uint64_t ecap;
	/* User memory goes through it; -1: that is not needed. */
	int pipe[2];
	struct sim_file **files;
	unsigned int file_room;
	unsigned int file_count;
	void (*on_desc)(void *user, const struct iommunest_sim_desc *desc);
	void *on_desc_user;
	struct iommunest_sim_stats stats;
	struct sim_fault faults[SIM_MAX_FAULTS];
	unsigned int fault_count;
};

/* ---- One ioctl ---- */

/* What faults on demand do to one invalidation call; 0: nothing. */
struct sim_call_faults {
	int fail_untouched;
	int fail;
	bool lie;
	int lie_error;
	uint32_t lie_count;
	int interrupt;
	uint32_t interrupt_at;
};

struct sim_call {
	struct iommunest_sim *sim;
	struct sim_file *file;
	uint64_t arg;
	uint32_t user_size;
	struct sim_call_faults faults;
	union {
		uint32_t size;
		struct iommu_destroy destroy;
		struct iommu_ioas_alloc ioas_alloc;
		struct iommu_hwpt_alloc hwpt_alloc;
		struct iommu_hw_info hw_info;
		struct iommunest_uapi_invalidate invalidate;
	} cmd;
};

#endif /* IOMMUNEST_SIM_INTERNAL_H */
