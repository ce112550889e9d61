/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * libiommunest-sim: a simulated /dev/iommu on an Intel VT-d IOMMU, or on an ARM
 * SMMUv3, for tests and demonstrations on any machine.
 *
 * It implements the library's system call table (struct iommunest_sys) and
 * uses nothing internal to the library.  Checks, their order, errnos and
 * counts are those of the kernel that a profile names.  It models what the
 * IOTLB holds, so that a test can ask the only question that matters: is
 * anything still cached that the guest has invalidated?  See
 * libiommunest-sim(7).
 *
 * Threads: any thread may call any function at any time, except that nobody
 * uses a simulator while iommunest_sim_free() has it; one thread at a time is
 * in a simulator.
 */
#ifndef LIBIOMMUNEST_SIM_H
#define LIBIOMMUNEST_SIM_H

#include <libiommunest.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iommunest_sim;

enum iommunest_sim_profile {
	/* The newest unpatched kernel that the simulator knows: 7.3. */
	IOMMUNEST_SIM_NEWEST = 0,
	IOMMUNEST_SIM_LINUX_6_12 = 1,
	IOMMUNEST_SIM_LINUX_7_3 = 2,
	/*
	 * The same kernels with the patches in kernel/: 6.12 has the fixes, and
	 * entries that share submissions; 7.3 also blocks a device that does
	 * not answer, and reports what hardware finds.
	 */
	IOMMUNEST_SIM_LINUX_6_12_PATCHED = 3,
	IOMMUNEST_SIM_LINUX_7_3_PATCHED = 4,
	/*
	 * A kernel with IOMMUNEST_VTD_KERNEL_FAULT_PLAIN_IOTLB: invalidations
	 * of a nested HWPT succeed, and what is cached of it stays.  It was
	 * not examined, and is otherwise as 7.3 where nothing else is known.
	 */
	IOMMUNEST_SIM_LINUX_6_18 = 5,
	/*
	 * Linux 7.3 on an Arm SMMUv3 that can nest, in place of a VT-d; the
	 * kernel in which a refused command fails its group of 63, and which
	 * counts what precedes the group (read, and not run); and 7.3 with the
	 * patches in kernel/.  It caches context descriptors by device, and
	 * translations by VMID, ASID and address; a command removes what it
	 * names, and nothing else does.
	 */
	IOMMUNEST_SIM_SMMUV3_7_3 = 6,
	IOMMUNEST_SIM_SMMUV3_REWORKED = 7,
	IOMMUNEST_SIM_SMMUV3_7_3_PATCHED = 8,
};

/*
 * The IOMMU is emulated by QEMU 10.0.13 or a release candidate of 11.1, which
 * refuse an address mask above 18 in a PASID-based IOTLB descriptor with an
 * Invalidation Queue Error.  The flush does not happen, and user space is not
 * told.  Hardware takes any mask there, whatever CAP_REG.MAMV says, and so does
 * the simulator without this flag.
 */
#define IOMMUNEST_SIM_QEMU_AM_18 (1u << 0)

struct iommunest_sim_options {
	size_t size;
	/* enum iommunest_sim_profile. */
	uint32_t profile;
	/* IOMMUNEST_SIM_QEMU_AM_18. */
	uint32_t flags;
	/* CAP_REG and ECAP_REG; 0: a VT-d that can nest.  SMMUv3: not used. */
	uint64_t cap;
	uint64_t ecap;
	/*
	 * SMMUv3: SMMU_IDR0 to SMMU_IDR5; all 0: those of QEMU's with S2FWB,
	 * which has range invalidation, ASIDs of 16 bits, and neither ATS nor
	 * substreams.  Commands are checked by them, and context descriptors.
	 * Devices have no substreams, whatever they say.
	 */
	uint32_t idr[6];
	/* SMMUv3: IOMMUNEST_SMMUV3_ERRATA_*, which the kernel tells of. */
	uint32_t errata;
	uint32_t reserved;
};

/*
 * Makes a simulator.  @options may be NULL.  The caller owns *@sim.  Returns
 * 0, -EINVAL (@sim is NULL; a bad size, profile or flag), -E2BIG (a newer
 * struct with something unknown in it, or a size above a page), -ENOMEM.
 * Where a process may not read its own memory with process_vm_readv(2), the
 * simulator needs a pipe: -EMFILE, -ENFILE.
 */
int iommunest_sim_new(struct iommunest_sim **sim,
		      const struct iommunest_sim_options *options);

/* NULL is allowed.  Close all contexts on the simulator first. */
void iommunest_sim_free(struct iommunest_sim *sim);

/*
 * The table for iommunest_open_options::sys; sys_data is the simulator, and
 * without one each function of the table fails with EINVAL.  "/dev/iommu" can
 * be opened any number of times; each file descriptor has its own objects.
 * "/dev/vfio/devices/vfio0" to vfio7 are devices, to be opened by
 * iommunest_vfio_open().  Their PCI addresses are "0000:00:02.0" to
 * "0000:00:09.0", and the part of sysfs that iommunest_vfio_find() looks at is
 * there, too.  The file descriptors are the simulator's own, and mean nothing
 * to the process; only IOMMU_IOAS_MAP_FILE takes those of the process.
 */
const struct iommunest_sys *iommunest_sim_sys(void);

/* Returns how many file descriptors are open: 0 when nothing leaked. */
unsigned int iommunest_sim_open_fds(const struct iommunest_sim *sim);

/* ---- Devices ---- */

/* The device uses ATS: flushes of its HWPT reach its device TLB, too. */
#define IOMMUNEST_SIM_ATS (1u << 0)
/* It has no PASIDs; others have as many as the IOMMU's registers say. */
#define IOMMUNEST_SIM_NO_PASID (1u << 2)

/* It can make page requests; only together with IOMMUNEST_SIM_ATS. */
#define IOMMUNEST_SIM_PRI (1u << 1)

/*
 * Binds a new device to the iommufd @fd, as VFIO does, and stores its id in
 * *@dev_id.  @flags is 0 or these.  Returns 0, -EINVAL (@dev_id is NULL, or an
 * unknown flag), -EBADF, -ENOMEM.
 */
int iommunest_sim_bind(struct iommunest_sim *sim, int fd, uint32_t flags,
		       uint32_t *dev_id);

/*
 * Attaches a device to an HWPT, in place of the one that it was attached to;
 * @pt_id 0 detaches it.  An IOAS gets an HWPT of its own, which goes with its
 * last device.  What is cached of the old HWPT is dropped, as the driver does.
 * A stage 1 that the hardware does not support is refused here, as by the
 * driver.  Page requests of the device that have no answer are answered with
 * IOMMUNEST_FAULT_INVALID.  Returns 0, -EBADF, -ENOENT (no such device, HWPT or
 * IOAS), -EINVAL, -EADDRINUSE (something is mapped or allowed where the
 * device's interrupts go, or that the HWPT cannot map), -EFAULT (memory that is
 * mapped is not there), -ENODEV (an HWPT with a fault queue, and a device
 * without page requests), -EOPNOTSUPP, -ENOMEM.
 */
int iommunest_sim_attach(struct iommunest_sim *sim, int fd, uint32_t dev_id,
			 uint32_t pt_id);

/*
 * The same for a PASID of the device, from 1 to IOMMUNEST_PASID_MAX; a @pt_id
 * of 0 detaches it.  Returns 0, -EBADF, -ENOENT, -EINVAL (no such PASID; what
 * the kernel refuses, which has rules for HWPTs with PASIDs), -EOPNOTSUPP (a
 * profile without PASIDs), -ENOMEM.
 */
int iommunest_sim_attach_pasid(struct iommunest_sim *sim, int fd,
			       uint32_t dev_id, uint32_t pasid, uint32_t pt_id);

/* What stands in the way of a VFIO device. */
enum iommunest_sim_vfio_state {
	/* Nothing. */
	IOMMUNEST_SIM_VFIO_READY = 0,
	/* It is not there. */
	IOMMUNEST_SIM_VFIO_ABSENT = 1,
	/* It has no IOMMU. */
	IOMMUNEST_SIM_VFIO_NO_IOMMU = 2,
	/* No driver has it, or the host's driver e1000e. */
	IOMMUNEST_SIM_VFIO_NO_DRIVER = 3,
	IOMMUNEST_SIM_VFIO_HOST_DRIVER = 4,
	/* The kernel has no device nodes; or this one is missing. */
	IOMMUNEST_SIM_VFIO_NO_CDEV = 5,
	IOMMUNEST_SIM_VFIO_NO_NODE = 6,
	/* The process may not open the node. */
	IOMMUNEST_SIM_VFIO_PERMISSION = 7,
	/* Function 1 of the device is in the same group, and e1000e has it. */
	IOMMUNEST_SIM_VFIO_GROUP_HOST_DRIVER = 8,
	/* Somebody has the group open. */
	IOMMUNEST_SIM_VFIO_GROUP_OPEN = 9,
	/* Function 1 is VFIO's and bound elsewhere. */
	IOMMUNEST_SIM_VFIO_GROUP_CONTEXT = 10,
	/* Another process has bound it. */
	IOMMUNEST_SIM_VFIO_BOUND = 11,
	/* Interrupts are not isolated. */
	IOMMUNEST_SIM_VFIO_INTERRUPTS = 12,
	/* It asks for a token: 7.3 only. */
	IOMMUNEST_SIM_VFIO_TOKEN = 13,
};

/*
 * Says what stands in the way of the device "/dev/vfio/devices/vfioN", with @n
 * from 0 to 7, for what is opened and bound from now on.  @state is one of the
 * enum.  Returns 0, or -EINVAL (NULL, no such device or state).
 */
int iommunest_sim_set_vfio(struct iommunest_sim *sim, unsigned int n,
			   uint32_t state);

/*
 * What the device will be once it is bound: @flags as of iommunest_sim_bind().
 * Returns 0, or -EINVAL (NULL, no such device, an unknown flag).
 */
int iommunest_sim_set_vfio_flags(struct iommunest_sim *sim, unsigned int n,
				 uint32_t flags);

/* ---- Page requests ---- */

/*
 * Acts as a device that makes a page request: request->dev_id says which, and
 * length, cookie and reserved are 0.  The group that the request with
 * IOMMUNEST_PAGE_REQUEST_LAST ends can be read from the fault queue of the
 * device's HWPT.  Returns 0, -EINVAL (NULL; a member that no request has;
 * nobody handles the device's requests, and the answer to it was
 * IOMMUNEST_FAULT_INVALID), -EBADF, -ENOENT (no such device), -ENOMEM.
 */
int iommunest_sim_page_request(struct iommunest_sim *sim, int fd,
			       const struct iommunest_page_request *request);

/* The answer that a device got to a group. */
struct iommunest_sim_page_response {
	uint32_t dev_id;
	/* 0 or IOMMUNEST_PAGE_REQUEST_PASID. */
	uint32_t flags;
	uint32_t pasid;
	uint32_t prgi;
	/* IOMMUNEST_FAULT_SUCCESS or _INVALID. */
	uint32_t code;
};

/*
 * Calls @fn for each answer from now on; NULL: for none.  It may not call the
 * simulator.
 */
void iommunest_sim_on_page_response(
	struct iommunest_sim *sim,
	void (*fn)(void *user,
		   const struct iommunest_sim_page_response *response),
	void *user);

/* ---- DMA ---- */

/* Why a device's access failed. */
enum iommunest_sim_dma_reason {
	IOMMUNEST_SIM_DMA_NONE = 0,
	/* The device, or its PASID, is attached to nothing. */
	IOMMUNEST_SIM_DMA_BLOCKED = 1,
	/* Stage 1: an entry is not present. */
	IOMMUNEST_SIM_DMA_NOT_PRESENT = 2,
	/* Stage 1: a write to what can be read, or a page of the supervisor. */
	IOMMUNEST_SIM_DMA_PERMISSION = 3,
	/* Stage 1: an entry has bits that no entry has. */
	IOMMUNEST_SIM_DMA_RESERVED_BITS = 4,
	/* Stage 1: the upper bits of the address are not all the same. */
	IOMMUNEST_SIM_DMA_NOT_CANONICAL = 5,
	/* Stage 1 takes no privileged requests (SRE). */
	IOMMUNEST_SIM_DMA_PRIVILEGE = 6,
	/* Stage 2 does not map the address, or not for this access. */
	IOMMUNEST_SIM_DMA_S2_NOT_MAPPED = 7,
	IOMMUNEST_SIM_DMA_S2_PERMISSION = 8,
	/*
	 * The process unmapped the memory, or took away rights to it.  The
	 * kernel would not notice, because it has the pages pinned.
	 */
	IOMMUNEST_SIM_DMA_HOST_MEMORY = 9,
	/*
	 * SMMUv3: the stream table entry has context descriptors that there
	 * cannot be; the context descriptor is not valid.
	 */
	IOMMUNEST_SIM_DMA_STE = 10,
	IOMMUNEST_SIM_DMA_CD = 11,
	/* SMMUv3: stage 1 has an address that is too large, or no access flag.
	 */
	IOMMUNEST_SIM_DMA_ADDRESS_SIZE = 12,
	IOMMUNEST_SIM_DMA_ACCESS_FLAG = 13,
	/*
	 * SMMUv3: a table of context descriptors has no second level; the
	 * stream is for substreams only.
	 */
	IOMMUNEST_SIM_DMA_SUBSTREAM = 14,
	IOMMUNEST_SIM_DMA_STREAM_DISABLED = 15,
};

/* Of iommunest_sim_dma::flags: a request for a privileged mode. */
#define IOMMUNEST_SIM_DMA_PRIVILEGED (1u << 0)

struct iommunest_sim_dma {
	size_t size;
	uint32_t dev_id;
	/* 0: the request has no PASID. */
	uint32_t pasid;
	/* IOMMUNEST_SIM_DMA_PRIVILEGED. */
	uint32_t flags;
	/* Result: enum iommunest_sim_dma_reason. */
	uint32_t reason;
	/* Where in the device's address space, in bytes. */
	uint64_t iova;
	/* Result: how many bytes were transferred. */
	uint64_t done;
	/*
	 * Result, for a reason: the address at fault after stage 1, be it that
	 * of an entry of stage 1, of a context descriptor or of the memory; the
	 * iova for BLOCKED, NOT_CANONICAL and PRIVILEGE, and where a context
	 * descriptor has no table for it.
	 */
	uint64_t fault_addr;
};

/*
 * Acts as a device that reads @len bytes from memory into @buf, or writes them.
 * Addresses are translated as by hardware: stage 1 of a nested HWPT is the
 * guest's own tables, in memory that the parent's IOAS maps; a VT-d sets
 * accessed and dirty bits there; stage 2 is what the IOAS maps.  What is cached
 * is used, even if the tables say something else by now; what a walk finds is
 * cached.  On an SMMUv3, the tables are those of AArch64 that a context
 * descriptor's TTB0 has, with pages of 4, 16 or 64 KiB.  Returns 0, -EINVAL
 * (NULL; a bad size or flag), -E2BIG (a newer struct with something unknown in
 * it, or a size above a page), -EBADF, -ENOENT (no such device), -EFAULT (see
 * the reason; what is before the address was transferred), -ENOMEM.
 */
int iommunest_sim_dma_read(struct iommunest_sim *sim, int fd,
			   struct iommunest_sim_dma *dma, void *buf,
			   size_t len);
int iommunest_sim_dma_write(struct iommunest_sim *sim, int fd,
			    struct iommunest_sim_dma *dma, const void *buf,
			    size_t len);

/* ---- What is cached ---- */

/*
 * Acts as a device that is attached to @hwpt_id and accesses @addr, for tests
 * that have no tables.  Caches the leaf of 2^@order pages (0, 9 or 18) that
 * maps @addr, and the paging-structure entry above it; DMA does not find memory
 * by these.  Returns 0, -EBADF, -ENOENT, -EINVAL (a bad
 * @order, or no device is attached), -EOPNOTSUPP (an SMMUv3), -ENOMEM.
 */
int iommunest_sim_translate(struct iommunest_sim *sim, int fd, uint32_t hwpt_id,
			    uint64_t addr, unsigned int order);

/* Of iommunest_sim_cached(). */
#define IOMMUNEST_SIM_CACHED_LEAF (1u << 0)
#define IOMMUNEST_SIM_CACHED_STRUCTURE (1u << 1)
#define IOMMUNEST_SIM_CACHED_DEV_TLB (1u << 2)
/* SMMUv3: the context descriptor of a device on the HWPT, for any @addr. */
#define IOMMUNEST_SIM_CACHED_CONTEXT (1u << 3)

/*
 * Returns the caches that hold @addr, as a mask; 0 also for no such HWPT.  An
 * SMMUv3 looks for it by the ASIDs of the context descriptors that it has
 * cached of the HWPT's devices.
 */
unsigned int iommunest_sim_cached(const struct iommunest_sim *sim, int fd,
				  uint32_t hwpt_id, uint64_t addr);

/*
 * The same for an ASID of a vIOMMU, whose VMID all on the same parent share: a
 * mask of IOMMUNEST_SIM_CACHED_LEAF and _STRUCTURE; 0 also for no such vIOMMU.
 */
unsigned int iommunest_sim_cached_asid(const struct iommunest_sim *sim, int fd,
				       uint32_t viommu_id, uint32_t asid,
				       uint64_t addr);

/*
 * Returns how many leaves of an HWPT the IOTLB holds; on an SMMUv3, pages of 4
 * KiB, by ASID as above, without those that are global.
 */
size_t iommunest_sim_cached_count(const struct iommunest_sim *sim, int fd,
				  uint32_t hwpt_id);

/* ---- What reached the hardware ---- */

enum iommunest_sim_desc_kind {
	/* PASID-selective: everything of the HWPT. */
	IOMMUNEST_SIM_PIOTLB_ALL = 1,
	/* Page-selective within PASID: 2^am pages at addr. */
	IOMMUNEST_SIM_PIOTLB_PAGES = 2,
	/* Device TLB: 2^am pages at addr; am 52: all. */
	IOMMUNEST_SIM_DEV_TLB = 3,
	/*
	 * Not PASID-based: 2^am pages of second-stage addresses at addr; am
	 * 52: all of the domain.  This is what unmapping sends.
	 */
	IOMMUNEST_SIM_IOTLB = 4,
};

/* One descriptor that the driver put into the host's queue. */
struct iommunest_sim_desc {
	/* enum iommunest_sim_desc_kind. */
	uint32_t kind;
	uint32_t hwpt_id;
	uint32_t dev_id;
	uint32_t am;
	uint64_t addr;
	bool ih;
	/* The hardware refused it, and flushed nothing. */
	bool refused;
	/* 0: of what has no PASID. */
	uint32_t pasid;
};

/*
 * Calls @fn for each descriptor from now on; NULL: for none.  It is called by
 * the thread whose call caused the descriptor, and no other gets into the
 * simulator meanwhile.  It may call iommunest_sim_cached(),
 * iommunest_sim_cached_count() and iommunest_sim_stats(), and nothing else of
 * the simulator.
 */
void iommunest_sim_on_desc(struct iommunest_sim *sim,
			   void (*fn)(void *user,
				      const struct iommunest_sim_desc *desc),
			   void *user);

/* A command that the driver put into an SMMUv3's queue, or its CMD_SYNC. */
struct iommunest_sim_command {
	/* As the hardware reads it, in this machine's byte order. */
	uint64_t word[2];
};

/*
 * Calls @fn for each command of IOMMU_HWPT_INVALIDATE from now on; NULL: for
 * none.  A VT-d has none.  It may call iommunest_sim_cached(),
 * iommunest_sim_cached_asid(), iommunest_sim_cached_count() and
 * iommunest_sim_stats(), and nothing else of the simulator.
 */
void iommunest_sim_on_command(
	struct iommunest_sim *sim,
	void (*fn)(void *user, const struct iommunest_sim_command *command),
	void *user);

struct iommunest_sim_stats {
	size_t size;
	/* Calls of IOMMU_HWPT_INVALIDATE, including failed and empty ones. */
	uint64_t calls;
	/* Entries that the driver looked at, including those that failed. */
	uint64_t entries;
	/* Descriptors that reached the hardware. */
	uint64_t descs;
	/* Those of them that the hardware refused. */
	uint64_t refused;
};

/*
 * Stores what was counted since the simulator was made.  Returns 0, -EINVAL
 * (NULL, or a size that is too small), -E2BIG (a size above a page).
 */
int iommunest_sim_stats(const struct iommunest_sim *sim,
			struct iommunest_sim_stats *stats);

/* ---- Failures on demand ---- */

enum iommunest_sim_fault_kind {
	/*
	 * The @nth invalidation call from now on fails with @error before it
	 * does anything, and reports that it handled 0 entries.
	 */
	IOMMUNEST_SIM_FAIL_CALL = 1,
	/*
	 * The same, but the call's entry_num stays as the caller wrote it, as
	 * when a kernel rejects a call without reading it.
	 */
	IOMMUNEST_SIM_FAIL_CALL_UNTOUCHED = 2,
	/*
	 * The @nth entry that the driver looks at from now on fails with
	 * @error; entries before it in its call are done.
	 */
	IOMMUNEST_SIM_FAIL_ENTRY = 3,
	/*
	 * The @nth call runs, but reports that it handled @count entries,
	 * whatever it did.  If @error is not 0, it also fails with that.
	 */
	IOMMUNEST_SIM_WRONG_COUNT = 4,
	/* The @nth call stops before its entry @count with @error. */
	IOMMUNEST_SIM_INTERRUPT = 5,
	/*
	 * The hardware fails on the @nth entry, while the HWPT has a device.
	 *
	 * @error -EIO, @code IOMMUNEST_VTD_FSTS_IQE with an IQEI in bits 11:8:
	 * it refuses that one and the @count entries after it in the same call,
	 * and does not flush them.  LINUX_7_3_PATCHED fails the call with -EIO
	 * at the first, and the code, if it was asked for; the others count
	 * them as done.
	 *
	 * @error -ETIMEDOUT, @code IOMMUNEST_VTD_FSTS_ITE: the first device
	 * that uses a device TLB does not answer; @count does not matter.
	 * LINUX_7_3_PATCHED blocks the device, whose accesses fail and whose
	 * new attachments are -EBUSY until ioctl(VFIO_DEVICE_RESET), and fails
	 * the call only if it was asked to report; all is done then.  The
	 * others try again until the device answers: nothing is seen of it.
	 */
	IOMMUNEST_SIM_HARDWARE_ERROR = 6,
};

/* A failure to come.  Up to 64 can be pending. */
struct iommunest_sim_fault {
	size_t size;
	/* enum iommunest_sim_fault_kind. */
	uint32_t kind;
	/* Negated errno. */
	int32_t error;
	/* Which call or entry, from 1. */
	uint64_t nth;
	/* How many calls or entries in a row; 0 means 1. */
	uint64_t repeat;
	/* See the kind; otherwise ignored. */
	uint32_t count;
	/* IOMMUNEST_SIM_HARDWARE_ERROR: the driver's error code; else 0. */
	uint32_t code;
};

/*
 * Makes an invalidation fail that is still to come.  Returns 0, -EINVAL (NULL,
 * or a member with a bad value), -E2BIG (a newer struct with something unknown
 * in it, or a size above a page), -ENOSPC (64 are pending).
 */
int iommunest_sim_inject(struct iommunest_sim *sim,
			 const struct iommunest_sim_fault *fault);

/* Drops all faults that are pending. */
void iommunest_sim_clear_faults(struct iommunest_sim *sim);

#ifdef __cplusplus
}
#endif

#endif /* LIBIOMMUNEST_SIM_H */
