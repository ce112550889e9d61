/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of the simulator. */
#ifndef IOMMUNEST_SIM_INTERNAL_H
#define IOMMUNEST_SIM_INTERNAL_H

/* First: config.h in it decides what the system's headers declare. */
#include "lib/uapi-invalidate.h"

#include <libiommunest-sim.h>

#define EXPORT __attribute__((visibility("default")))

#define SIM_PAGE_SHIFT 12
#define SIM_PAGE_SIZE (1u << SIM_PAGE_SHIFT)
/* An address mask from here on is the whole address space. */
#define SIM_AM_ALL (64u - SIM_PAGE_SHIFT)

/* ---- sim.c ---- */

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
	/* One of those that exist; NEWEST has become its own name. */
	enum iommunest_sim_profile profile;
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

static inline bool sim_is_6_12(const struct iommunest_sim *sim)
{
	return sim->profile == IOMMUNEST_SIM_LINUX_6_12 ||
	       sim->profile == IOMMUNEST_SIM_LINUX_6_12_PATCHED;
}

/* With the patches of kernel/. */
static inline bool sim_is_patched(const struct iommunest_sim *sim)
{
	return sim->profile == IOMMUNEST_SIM_LINUX_6_12_PATCHED ||
	       sim->profile == IOMMUNEST_SIM_LINUX_7_3_PATCHED;
}

/* The end of a struct member. */
#define SIM_END_OF(type, member) \
	(offsetof(type, member) + sizeof(((type *)NULL)->member))

/*
 * Copies a caller's struct that starts with its size.  Returns 0, -EINVAL
 * (too small) or -E2BIG (more than is known, and not zero).
 */
int iommunest__sim_copy_options(void *to, size_t to_size, const void *from,
				size_t min);

/* ---- registers.c: what CAP_REG and ECAP_REG say ---- */

uint64_t iommunest__sim_default_cap(void);
uint64_t iommunest__sim_default_ecap(void);
unsigned int iommunest__sim_mamv(const struct iommunest_sim *sim);
bool iommunest__sim_can_nest(const struct iommunest_sim *sim);
bool iommunest__sim_can_first_stage(const struct iommunest_sim *sim);
bool iommunest__sim_can_second_stage(const struct iommunest_sim *sim);
bool iommunest__sim_can_track_dirty(const struct iommunest_sim *sim);
unsigned int iommunest__sim_pasid_width(const struct iommunest_sim *sim);
bool iommunest__sim_can_stage1(const struct iommunest_sim *sim,
			       const struct iommu_hwpt_vtd_s1 *s1);

/* ---- user-memory.c: as the kernel touches it ---- */

/* Finds out how.  Returns 0, or what pipe(2) says. */
int iommunest__sim_user_open(struct iommunest_sim *sim);
void iommunest__sim_user_close(struct iommunest_sim *sim);

/* Copies to @to what can be read from @from on; returns how much that was. */
size_t iommunest__sim_user_read_some(const struct iommunest_sim *sim, void *to,
				     uint64_t from, size_t len);
/* All or -EFAULT. */
int iommunest__sim_user_read(const struct iommunest_sim *sim, void *to,
			     uint64_t from, size_t len);
/* Returns 0, -EFAULT or -ENAMETOOLONG. */
int iommunest__sim_user_read_string(const struct iommunest_sim *sim, char *to,
				    uint64_t from, size_t room);
int iommunest__sim_user_write(const struct iommunest_sim *sim, uint64_t to,
			      const void *from, size_t len);
int iommunest__sim_user_clear(const struct iommunest_sim *sim, uint64_t to,
			      uint64_t len);
/* 1: all zero; 0: not; -EFAULT: the zeros end where memory does. */
int iommunest__sim_user_zeroed(const struct iommunest_sim *sim, uint64_t from,
			       uint64_t len);

/* ---- set.c: sorted sets of numbers ---- */

struct sim_set {
	uint64_t *keys;
	size_t count;
	size_t room;
};

/* Room for one more.  Returns 0 or -ENOMEM. */
int iommunest__sim_set_reserve(struct sim_set *set);
/* Needs a reserve before. */
void iommunest__sim_set_insert(struct sim_set *set, uint64_t key);
bool iommunest__sim_set_has(const struct sim_set *set, uint64_t key);
/* Removes @first to @last, both included. */
void iommunest__sim_set_drop(struct sim_set *set, uint64_t first,
			     uint64_t last);
void iommunest__sim_set_free(struct sim_set *set);

/* ---- cache.c: what is cached ---- */

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

void iommunest__sim_tlb_drop(struct sim_tlb *tlb,
			     const struct sim_block *block);
void iommunest__sim_tlb_free(struct sim_tlb *tlb);
void iommunest__sim_iotlb_drop(struct sim_iotlb *iotlb,
			       const struct sim_block *block, bool leaves_only);
void iommunest__sim_iotlb_free(struct sim_iotlb *iotlb);

/* ---- objects.c ---- */

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

/* Makes an object with the lowest free id.  NULL: no memory. */
void *iommunest__sim_object_new(struct sim_file *file, size_t size,
				enum sim_type type);
/* NULL: no such id. */
struct sim_object *iommunest__sim_object_get(const struct sim_file *file,
					     uint32_t id);
/* NULL: no such id, or of another type. */
struct sim_device *iommunest__sim_device_get(const struct sim_file *file,
					     uint32_t id);
struct sim_hwpt *iommunest__sim_nested_get(const struct sim_file *file,
					   uint32_t id);
/* Takes it off the table and frees it. */
void iommunest__sim_object_destroy(struct sim_file *file,
				   struct sim_object *obj);
void iommunest__sim_objects_free(struct sim_file *file);

/* ---- table.c ---- */

/* NULL: no such file descriptor. */
struct sim_file *iommunest__sim_file_get(const struct iommunest_sim *sim,
					 int fd);
void iommunest__sim_files_free(struct iommunest_sim *sim);

/* ---- device.c ---- */

int iommunest__sim_bind(struct sim_file *iommufd, uint32_t flags,
			uint32_t *dev_id);
int iommunest__sim_attach(struct iommunest_sim *sim, struct sim_file *iommufd,
			  uint32_t dev_id, uint32_t hwpt_id);

/* ---- vfio.c ---- */

#define SIM_VFIO_NODES 8u

/* The number of a device node that exists, or -ENOENT. */
int iommunest__sim_vfio_node(const char *path);
int iommunest__sim_vfio_ioctl(struct iommunest_sim *sim, struct sim_file *file,
			      uint32_t cmd, uint64_t arg);
/* A device node is closed. */
void iommunest__sim_vfio_close(struct iommunest_sim *sim,
			       struct sim_file *file);
/* An iommufd is closed. */
void iommunest__sim_vfio_forget(struct iommunest_sim *sim,
				const struct sim_file *iommufd);

/* ---- dispatch.c ---- */

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

/* One ioctl. */
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

int iommunest__sim_dispatch(struct iommunest_sim *sim, struct sim_file *file,
			    uint32_t cmd, uint64_t arg);
/* Copies the command back, as far as the caller's own size goes. */
int iommunest__sim_respond(const struct sim_call *call, size_t len);

/* The ioctls. */
int iommunest__sim_destroy(struct sim_call *call);
int iommunest__sim_ioas_alloc(struct sim_call *call);
int iommunest__sim_hwpt_alloc(struct sim_call *call);
int iommunest__sim_hw_info(struct sim_call *call);
int iommunest__sim_hwpt_invalidate(struct sim_call *call);

/* ---- flush.c ---- */

/* What the profile's driver does for one entry; @lost: the hardware fails. */
void iommunest__sim_flush(struct iommunest_sim *sim, struct sim_hwpt *hwpt,
			  uint64_t addr, uint64_t npages, bool leaves_only,
			  bool lost);

/* ---- fault.c ---- */

/* The call that stats.calls has just counted. */
void iommunest__sim_fault_call(struct iommunest_sim *sim,
			       struct sim_call_faults *faults);
/* The entry that stats.entries has just counted: 0 or its error. */
int iommunest__sim_fault_entry(struct iommunest_sim *sim);

struct sim_hardware_error {
	/* 0: there is none. */
	int error;
	uint32_t code;
	/* How many entries behind it are not done, either. */
	uint32_t behind;
};

/* What the hardware makes of the same entry. */
struct sim_hardware_error
iommunest__sim_fault_hardware(struct iommunest_sim *sim);

#endif /* IOMMUNEST_SIM_INTERNAL_H */
