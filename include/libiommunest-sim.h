/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libiommunest-sim: a simulated /dev/iommu with Intel VT-d behind it, for
 * tests and demonstrations on any machine.
 *
 * It stands behind the library's system call table (struct iommunest_sys) and
 * knows nothing of the library's inside.  Checks, their order, errnos and
 * counts are those of the kernels named by a profile.  It models what the
 * IOTLB holds, so that a test can ask the only thing that matters: is
 * anything cached that the guest has invalidated?  See libiommunest-sim(7).
 *
 * Threads: one simulator belongs to one thread at a time.
 */
#ifndef LIBIOMMUNEST_SIM_H
#define LIBIOMMUNEST_SIM_H

#include <libiommunest.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iommunest_sim;

enum iommunest_sim_profile {
	/* The newest kernel that the simulator knows: 7.3. */
	IOMMUNEST_SIM_NEWEST = 0,
	IOMMUNEST_SIM_LINUX_6_12 = 1,
	IOMMUNEST_SIM_LINUX_7_3 = 2,
	/* The same with the patches of kernel/. */
	IOMMUNEST_SIM_LINUX_6_12_PATCHED = 3,
	IOMMUNEST_SIM_LINUX_7_3_PATCHED = 4,
};

/*
 * The hardware refuses an address mask above CAP_REG.MAMV: an Invalidation
 * Queue Error, the flush does not happen, and user space is not told, as in
 * kernels without the patches; those with them send no such mask.  Without the
 * flag the mask is not checked.
 */
#define IOMMUNEST_SIM_CHECK_MAMV (1u << 0)

struct iommunest_sim_options {
	size_t size;
	/* enum iommunest_sim_profile. */
	uint32_t profile;
	/* IOMMUNEST_SIM_CHECK_MAMV. */
	uint32_t flags;
	/* CAP_REG and ECAP_REG; 0: a nesting VT-d with a MAMV of 18. */
	uint64_t cap;
	uint64_t ecap;
};

/*
 * Makes a simulator.  @options may be NULL.  The caller owns *@sim.  Returns
 * 0, -EINVAL (NULL, a bad size, profile or flag), -E2BIG, -ENOMEM; where a
 * process may not read its own memory by process_vm_readv(2), the simulator
 * needs a pipe, and may return -EMFILE or -ENFILE.
 */
int iommunest_sim_new(struct iommunest_sim **sim,
		      const struct iommunest_sim_options *options);

/* NULL is allowed.  Contexts on it must have been closed. */
void iommunest_sim_free(struct iommunest_sim *sim);

/*
 * The table for iommunest_open_options::sys; sys_data is the simulator.
 * open() takes "/dev/iommu" and any number of times; each file descriptor
 * has its own objects.  It also takes "/dev/vfio/devices/vfio0" to vfio7,
 * devices without ATS, for iommunest_vfio_open() and its kin; attaching to an
 * IOAS is not simulated and refused.  Its descriptors are numbers of its own
 * and not the process's.
 */
const struct iommunest_sys *iommunest_sim_sys(void);

/* File descriptors that are open now: 0 when nothing leaked. */
unsigned int iommunest_sim_open_fds(const struct iommunest_sim *sim);

/* A simulated device uses ATS: its HWPTs' flushes reach its device TLB. */
#define IOMMUNEST_SIM_ATS (1u << 0)

/*
 * Binds a new device to the iommufd @fd, as a VFIO device would be, and gives
 * its id.  @flags: IOMMUNEST_SIM_ATS.  Returns 0, -EINVAL, -EBADF, -ENOMEM.
 */
int iommunest_sim_bind(struct iommunest_sim *sim, int fd, uint32_t flags,
		       uint32_t *dev_id);

/*
 * Attaches a device to an HWPT, in place of what it was attached to, or
 * detaches it with @hwpt_id 0.  What the device had cached of the old HWPT is
 * dropped, as the driver does.  A stage 1 that the hardware cannot do is
 * refused here, as the driver refuses it.  Returns 0, -EBADF, -ENOENT (no
 * such device or HWPT), -EINVAL.
 */
int iommunest_sim_attach(struct iommunest_sim *sim, int fd, uint32_t dev_id,
			 uint32_t hwpt_id);

/* ---- What is cached ---- */

/*
 * A device attached to @hwpt_id used its stage 1 at @addr: a leaf of 2^@order
 * pages (0, 9 or 18) is cached now, and the paging-structure entry above it.
 * Returns 0, -EBADF, -ENOENT, -EINVAL (@order, or no device is attached),
 * -ENOMEM.
 */
int iommunest_sim_translate(struct iommunest_sim *sim, int fd, uint32_t hwpt_id,
			    uint64_t addr, unsigned int order);

/* iommunest_sim_cached(): which caches still hold @addr. */
#define IOMMUNEST_SIM_CACHED_LEAF (1u << 0)
#define IOMMUNEST_SIM_CACHED_STRUCTURE (1u << 1)
#define IOMMUNEST_SIM_CACHED_DEV_TLB (1u << 2)

unsigned int iommunest_sim_cached(const struct iommunest_sim *sim, int fd,
				  uint32_t hwpt_id, uint64_t addr);

/* How many leaves an HWPT has in the IOTLB. */
size_t iommunest_sim_cached_count(const struct iommunest_sim *sim, int fd,
				  uint32_t hwpt_id);

/* ---- What reached the hardware ---- */

enum iommunest_sim_desc_kind {
	/* PASID-selective: all of the HWPT's. */
	IOMMUNEST_SIM_PIOTLB_ALL = 1,
	/* Page-selective within PASID: 2^am pages at addr. */
	IOMMUNEST_SIM_PIOTLB_PAGES = 2,
	/* Device TLB: 2^am pages at addr; am 52: all. */
	IOMMUNEST_SIM_DEV_TLB = 3,
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
	/* The hardware refused it: nothing was flushed. */
	bool refused;
};

/* Calls @fn for each; NULL ends it. */
void iommunest_sim_on_desc(struct iommunest_sim *sim,
			   void (*fn)(void *user,
				      const struct iommunest_sim_desc *desc),
			   void *user);

struct iommunest_sim_stats {
	size_t size;
	/* ioctl(IOMMU_HWPT_INVALIDATE), failed and empty ones too. */
	uint64_t calls;
	/* Entries that the driver looked at, the failing ones too. */
	uint64_t entries;
	/* Descriptors that reached the hardware, and were refused there. */
	uint64_t descs;
	uint64_t refused;
};

/*
 * Fills @stats as far as its size goes.  Returns 0, -EINVAL (NULL, or a size
 * that is too small), -E2BIG (a size above a page).
 */
int iommunest_sim_stats(const struct iommunest_sim *sim,
			struct iommunest_sim_stats *stats);

/* ---- Failures on demand ---- */

enum iommunest_sim_fault_kind {
	/*
	 * The @nth invalidation call from now on fails before it does
	 * anything, with @error, and its count comes back 0.
	 */
	IOMMUNEST_SIM_FAIL_CALL = 1,
	/*
	 * The same, but the count stays as the caller wrote it, as when a
	 * kernel rejects a call before it looks at it.
	 */
	IOMMUNEST_SIM_FAIL_CALL_UNTOUCHED = 2,
	/*
	 * The @nth entry that the driver looks at from now on fails with
	 * @error; entries before it in its call are done.
	 */
	IOMMUNEST_SIM_FAIL_ENTRY = 3,
	/*
	 * The @nth call is done, but @count is reported in place of what was
	 * handled; with @error not 0 it also fails.
	 */
	IOMMUNEST_SIM_LIE = 4,
	/* The @nth call stops before its entry @count with @error. */
	IOMMUNEST_SIM_INTERRUPT = 5,
	/*
	 * The hardware fails on the @nth entry: it is not flushed, nor are the
	 * @count behind it of the same call.  A patched kernel, if asked to
	 * report errors, fails the call with @error and @code; others do not
	 * tell.
	 */
	IOMMUNEST_SIM_HARDWARE_ERROR = 6,
};

/* Counts are from 1.  Up to 64 faults wait at a time. */
struct iommunest_sim_fault {
	size_t size;
	/* enum iommunest_sim_fault_kind. */
	uint32_t kind;
	/* Negated errno. */
	int32_t error;
	uint64_t nth;
	/* How many calls or entries in a row; 0 is 1. */
	uint64_t repeat;
	uint32_t count;
	/* Of HARDWARE_ERROR: the driver's error code; else 0. */
	uint32_t code;
};

/* Returns 0, -EINVAL, -E2BIG, -ENOSPC. */
int iommunest_sim_inject(struct iommunest_sim *sim,
			 const struct iommunest_sim_fault *fault);

/* Forgets all faults that have not happened. */
void iommunest_sim_clear_faults(struct iommunest_sim *sim);

#ifdef __cplusplus
}
#endif

#endif /* LIBIOMMUNEST_SIM_H */
