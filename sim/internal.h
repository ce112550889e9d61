/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The simulator's types.  The functions of a module are in its own header. */
#ifndef IOMMUNEST_SIM_INTERNAL_H
#define IOMMUNEST_SIM_INTERNAL_H

/* Comes first: its config.h decides what the system's headers declare. */
#include "lib/uapi/invalidate.h"

#include <libiommunest-sim.h>

#include <pthread.h>

#include "lib/abi.h"

#include "smmu-registers.h"
#include "uapi-newer.h"

#define SIM_PAGE_SHIFT 12
#define SIM_PAGE_SIZE (1u << SIM_PAGE_SHIFT)
/* This address mask, and any above, covers the whole address space. */
#define SIM_AM_ALL (64u - SIM_PAGE_SHIFT)

/* ---- Caches ---- */

/* What a cached entry says; without SIM_ENTRY_KNOWN, only that there is one. */
#define SIM_ENTRY_KNOWN (1u << 0)
/* What stage 1 allows; all, where there is none. */
#define SIM_ENTRY_WRITE (1u << 1)
#define SIM_ENTRY_USER (1u << 2)
/* Stage 1 has the dirty bit. */
#define SIM_ENTRY_DIRTY (1u << 3)
/* What stage 2 allows. */
#define SIM_ENTRY_S2_READ (1u << 4)
#define SIM_ENTRY_S2_WRITE (1u << 5)
/*
 * Of an SMMUv3: how many bits of an address stage 1's entry leaves as they are,
 * from 12.  It is what an invalidation names, whatever is cached of it.
 */
#define SIM_ENTRY_SHIFT(shift) ((uint32_t)(shift) << 8)
#define SIM_ENTRY_SHIFT_OF(flags) ((flags) >> 8 & 0x3f)

struct sim_entry {
	uint64_t key;
	/* What stage 1 maps to, or the table that it points to. */
	uint64_t addr;
	/* Where the process has that. */
	uint64_t host;
	uint32_t flags;
};

/* Sorted by the key. */
struct sim_set {
	struct sim_entry *entries;
	size_t count;
	size_t room;
};

/* 2^@am pages at @addr; with @all, every address. */
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
	/* Entries above the leaves: they cover 2 MiB, 1 GiB and 512 GiB. */
	struct sim_set structures[SIM_LEVELS];
};

/* In place of an ASID: of pages that are global. */
#define SIM_ASID_GLOBAL 0x10000u

/* What an SMMUv3 has cached of one ASID. */
struct sim_asid {
	uint32_t asid;
	/* Of 4 KiB, by number, whatever stage 1's are. */
	struct sim_set pages;
	/* Tables, by their size and the addresses that they are for. */
	struct sim_set tables;
};

/* Of one VMID. */
struct sim_asids {
	struct sim_asid *all;
	size_t count;
	size_t room;
};

/* A context descriptor, as an SMMUv3 has it cached. */
struct sim_context {
	bool cached;
	/* EPD0, TBI0, AFFD, HAD0 and R. */
	bool no_table;
	bool ignores_top_byte;
	bool ignores_access_flag;
	bool ignores_table_rights;
	bool records_faults;
	uint16_t asid;
	uint64_t table;
	/* log2 of the granule; widths of addresses before and after stage 1. */
	unsigned int granule;
	unsigned int input_width;
	unsigned int output_width;
};

/* What an SMMUv3 has cached of a stream's configuration, for SSID 0. */
struct sim_contexts {
	struct sim_context context;
	/* Where a table of two levels has the second. */
	bool has_level2;
	uint64_t level2;
};

/* ---- What is mapped ---- */

struct sim_range {
	uint64_t first;
	uint64_t last;
	/* Who reserved it; NULL where nobody is asked. */
	const void *owner;
};

/* Sorted by the first address. */
struct sim_ranges {
	struct sim_range *all;
	size_t count;
	size_t room;
};

/* Memory that one call mapped. */
struct sim_pages {
	unsigned int users;
	/* Where the process has the first page; 0: nowhere. */
	uint64_t base;
	/* What an address that the kernel chooses is aligned like. */
	uint64_t hint;
	uint64_t count;
	bool writable;
	bool file;
};

/* I/O virtual addresses, and the pages that they are mapped to. */
struct sim_area {
	uint64_t first;
	uint64_t last;
	/* Where in the pages it starts. */
	uint64_t start;
	struct sim_pages *pages;
	bool readable;
	bool writable;
};

/* ---- Objects ---- */

enum sim_type {
	SIM_IOAS,
	SIM_DEVICE,
	SIM_HWPT_PAGING,
	SIM_HWPT_NESTED,
	SIM_FAULT_QUEUE,
	SIM_VIOMMU,
	SIM_VDEVICE,
	SIM_VEVENTQ,
};

struct sim_object {
	enum sim_type type;
	uint32_t id;
	/* How many others need it; it cannot be destroyed before. */
	unsigned int users;
};

struct sim_ioas {
	struct sim_object obj;
	/* Sorted by address; they do not overlap. */
	struct sim_area **areas;
	size_t area_count;
	size_t area_room;
	struct sim_ranges allowed;
	/* By paging HWPTs and devices. */
	struct sim_ranges reserved;
	/* 1 without a paging HWPT. */
	uint64_t alignment;
	bool small_pages;
	/* A list in the order in which they were made. */
	struct sim_hwpt *hwpts;
};

/* A group of page requests, the last one last. */
struct sim_group {
	struct sim_group *next;
	const struct sim_device *device;
	uint32_t cookie;
	uint32_t count;
	struct iommu_hwpt_pgfault requests[];
};

struct sim_fault_queue {
	struct sim_object obj;
	struct iommunest_sim *sim;
	/* In the order in which they came. */
	struct sim_group *unread;
	/* By cookie. */
	struct sim_group *unanswered;
};

struct sim_hwpt {
	struct sim_object obj;
	/* The IOAS of a paging HWPT; the parent or vIOMMU of a nested one. */
	struct sim_object *base;
	bool nest_parent;
	/* IOMMU_HWPT_ALLOC_PASID. */
	bool for_pasids;
	/* Made by an attach to the IOAS, and destroyed with the last detach. */
	bool automatic;
	/* Has the format of a first stage, where all can be read. */
	bool first_stage;
	bool can_track_dirty;
	bool tracks_dirty;
	/* The next of the same IOAS. */
	struct sim_hwpt *next;
	/* Page frames that a device wrote to, of a paging HWPT. */
	struct sim_set dirty;
	struct iommu_hwpt_vtd_s1 s1;
	/* On an SMMUv3: two words of a stream table entry, without V all 0. */
	uint64_t ste[2];
	/* Of a nest parent on an SMMUv3; its vIOMMUs share it. */
	uint16_t vmid;
	/* What is cached of that, and how many devices use it. */
	struct sim_asids asids;
	unsigned int tagged;
	/* NULL: page requests are answered by the kernel. */
	struct sim_fault_queue *fault_queue;
	/* A list in the order in which they were attached. */
	struct sim_device *devices;
	struct sim_iotlb iotlb;
};

/* Of an SMMUv3. */
struct sim_viommu {
	struct sim_object obj;
	struct sim_hwpt *parent;
};

struct sim_vdevice {
	struct sim_object obj;
	struct sim_viommu *viommu;
	struct sim_device *dev;
	/* The stream id that the guest has for it. */
	uint64_t virt_id;
};

/* Of 32 bytes, as in the hardware's queue. */
#define SIM_EVENT_WORDS 4u

struct sim_event {
	struct sim_event *next;
	uint32_t sequence;
	/* Little endian. */
	uint64_t word[SIM_EVENT_WORDS];
};

struct sim_veventq {
	struct sim_object obj;
	struct sim_viommu *viommu;
	uint32_t type;
	/* A list in the order in which they came, of at most @depth. */
	struct sim_event *events;
	struct sim_event *last;
	uint32_t count;
	uint32_t depth;
	/* Of the next one. */
	uint32_t sequence;
	/* After the last event, there were some without room. */
	bool lost;
	uint32_t lost_sequence;
};

/* A page request whose group is not complete. */
struct sim_request {
	struct sim_request *next;
	struct iommu_hwpt_pgfault request;
};

/*
 * A device.  A PASID of it that is attached is one, too, as the driver keeps
 * lists of both; it is no object, and its id is that of the device.
 */
struct sim_device {
	struct sim_object obj;
	bool ats;
	bool pri;
	/* Width of its PASIDs; 0: it has none. */
	unsigned int pasid_width;
	/* 0: the device itself. */
	uint32_t pasid;
	/* NULL: it has none. */
	struct sim_vdevice *vdevice;
	/* PASIDs that are attached: a list, which goes on in each of them. */
	struct sim_device *pasids;
	/* Of a PASID: the device. */
	struct sim_device *owner;
	/*
	 * The device itself did not answer, and the driver has blocked it with
	 * its PASIDs, until it is reset.
	 */
	bool broken;
	/*
	 * A PASID whose DMA is blocked, while the driver still flushes for it:
	 * another HWPT was refused.
	 */
	bool silent;
	/* Detached by the driver, while iommufd has it attached. */
	bool blocked;
	struct sim_hwpt *hwpt;
	struct sim_device *next;
	struct sim_tlb tlb;
	struct sim_contexts contexts;
	/* Who is told of its faults, and by which number; NULL: nobody. */
	const struct sim_viommu *told;
	uint32_t told_stream;
	/* In the order in which they came. */
	struct sim_request *requests;
};

/* ---- The simulator and its files ---- */

#define SIM_SHARED_MAX 16u

/* What an SMMUv3's driver counts where a command is refused. */
enum sim_smmu_count {
	/* There is no SMMUv3. */
	SIM_SMMU_NONE,
	/* All that precedes it, although nothing of its group was issued. */
	SIM_SMMU_OVERCOUNTS,
	/* What precedes its group. */
	SIM_SMMU_GROUP_START,
	/* What precedes it, and that was issued. */
	SIM_SMMU_EXACT,
};

/* How a kernel differs from others. */
struct sim_profile {
	/* _IOC_NR() of the newest ioctl that it knows. */
	uint32_t last_cmd;
	/* Of struct iommu_hwpt_invalidate, with or without the extension. */
	uint32_t invalidate_size;
	/* The flags it accepts: IOMMU_HWPT_ALLOC and IOMMU_GET_HW_INFO. */
	uint32_t paging_flags;
	uint32_t nested_flags;
	uint32_t hw_info_flags;
	/* IOMMU_HWPT_INVALIDATE, when the id is not a nested HWPT. */
	int not_nested_errno;
	/* A paging HWPT needs a stage that the hardware supports. */
	bool checks_stage;
	/* An attach that needs page requests is refused before it begins. */
	bool requests_first;
	/* When an attach is refused, the device goes on with its old HWPT. */
	bool attach_rolls_back;
	/* IOMMU_GET_HW_INFO reports that a device does not support ATS. */
	bool reports_no_ats;
	/* ATS stays on for nested HWPTs. */
	bool nested_ats;
	/* Nested HWPTs get IOTLB descriptors, not PASID-based ones. */
	bool plain_iotlb;
	/* Computes the block that covers a range of pages. */
	struct sim_block (*widen)(uint64_t addr, uint64_t npages);
	/* VFIO knows tokens of SR-IOV, and PASIDs. */
	bool has_pasids;
	/* An entry that is empty, or passes the last address, is refused. */
	bool checks_range;
	/* So many entries go to the hardware together: 1 to SIM_SHARED_MAX. */
	uint32_t shared;
	/* A device that does not answer is blocked. */
	bool blocks_broken;
	/* What the hardware refuses fails; user space may ask for more. */
	bool reports;
	/* IOMMU_IOAS_MAP looks for an overflow before the length. */
	bool checks_overflow_first;
	/* Plain HWPTs use the first stage where there is one. */
	bool prefers_first_stage;
	/* On an SMMUv3, and not on a VT-d. */
	enum sim_smmu_count smmu;
	/* Dirty bits are read only while they are tracked. */
	bool reads_only_tracked;
};

enum sim_file_kind {
	SIM_FILE_IOMMUFD,
	/* A VFIO device node. */
	SIM_FILE_VFIO,
	/* A file or a folder of sysfs. */
	SIM_FILE_SYSFS,
	SIM_FILE_FAULT_QUEUE,
	SIM_FILE_VEVENTQ,
};

struct sim_file {
	enum sim_file_kind kind;
	/* O_RDONLY, O_WRONLY or O_RDWR. */
	int access;
	/* Indexed by id; id 0 is never used. */
	struct sim_object **objects;
	uint32_t object_room;
	/* No id below this one is free. */
	uint32_t lowest_free;
	uint32_t object_count;
	/* IOMMU_OPTION_RLIMIT_MODE: by process. */
	bool counts_by_process;
	/* Of IOMMU_VFIO_IOAS; NULL: none. */
	struct sim_ioas *vfio_ioas;
	/* Number of a VFIO device node. */
	unsigned int node;
	/* A node is bound once. */
	bool bound;
	struct sim_file *iommufd;
	uint32_t dev_id;
	/* Of an iommufd: how many nodes and queues need it; it was closed. */
	unsigned int users;
	bool closed;
	/* The device itself was attached as PASID 0, which VFIO takes. */
	bool as_pasid_0;
	/* Sysfs: what a file has, or the names in a folder, a line each. */
	bool folder;
	char text[256];
	size_t text_len;
	size_t text_at;
	/* A fault queue, which is there as long as @iommufd is. */
	struct sim_fault_queue *queue;
	/* Likewise, an event queue. */
	struct sim_veventq *veventq;
};

#define SIM_VFIO_NODES 8u

#define SIM_MAX_FAULTS 64u

struct sim_fault {
	enum iommunest_sim_fault_kind kind;
	int error;
	uint32_t count;
	uint32_t code;
	/* Numbers of calls or entries, from 1 when the simulator is made. */
	uint64_t first;
	uint64_t last;
};

struct iommunest_sim {
	/* Of all that follows. */
	pthread_mutex_t mutex;
	/* There is something to read. */
	pthread_cond_t readable;
	const struct sim_profile *profile;
	uint32_t flags;
	uint64_t cap;
	uint64_t ecap;
	struct sim_smmu_info smmu_info;
	/* Copies user memory; -1: not needed. */
	int pipe[2];
	/* The pipe only shows valgrind what was copied. */
	bool pipe_shows;
	struct sim_file **files;
	unsigned int file_room;
	unsigned int file_count;
	/* enum iommunest_sim_vfio_state */
	uint32_t vfio_states[SIM_VFIO_NODES];
	/* IOMMUNEST_SIM_ATS ... */
	uint32_t vfio_flags[SIM_VFIO_NODES];
	void (*on_desc)(void *user, const struct iommunest_sim_desc *desc);
	void *on_desc_user;
	void (*on_command)(void *user,
			   const struct iommunest_sim_command *command);
	void *on_command_user;
	/* The last that a nest parent got. */
	uint16_t vmid;
	void (*on_page_response)(
		void *user, const struct iommunest_sim_page_response *response);
	void *on_page_response_user;
	struct iommunest_sim_stats stats;
	struct sim_fault faults[SIM_MAX_FAULTS];
	unsigned int fault_count;
};

/* ---- One ioctl ---- */

/* What pending faults do to one invalidation call; 0: nothing. */
struct sim_call_faults {
	int fail_untouched;
	int fail;
	bool is_wrong;
	int wrong_error;
	uint32_t wrong_count;
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
		struct iommu_ioas_iova_ranges iova_ranges;
		struct iommu_ioas_allow_iovas allow_iovas;
		struct iommu_ioas_map map;
		struct iommu_ioas_map_file map_file;
		struct iommu_ioas_copy copy;
		struct iommu_ioas_unmap unmap;
		struct iommu_ioas_change_process change_process;
		struct iommu_option option;
		struct sim_vfio_ioas vfio_ioas;
		struct sim_viommu_alloc viommu;
		struct sim_vdevice_alloc vdevice;
		struct sim_veventq_alloc veventq;
		struct sim_hw_queue_alloc hw_queue;
		struct iommu_hwpt_set_dirty_tracking set_dirty;
		struct iommu_hwpt_get_dirty_bitmap get_dirty;
		struct iommu_hwpt_alloc hwpt_alloc;
		struct iommu_hw_info hw_info;
		struct iommunest_uapi_invalidate invalidate;
		struct iommu_fault_alloc fault_alloc;
	} cmd;
};

#endif /* IOMMUNEST_SIM_INTERNAL_H */
