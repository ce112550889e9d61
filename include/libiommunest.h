/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libiommunest: nested translation with Linux iommufd, for VMM authors.
 *
 * A guest with a virtual Intel VT-d IOMMU owns its stage-1 page tables; the
 * host keeps stage 2.  What the guest invalidates has to reach the host
 * kernel by ioctl(IOMMU_HWPT_INVALIDATE).  This library builds those entries,
 * submits them in arrays, resubmits from the reported failing index, and runs
 * a guest's whole invalidation queue.  See libiommunest(7).
 *
 * Conventions
 * - Every function that can fail returns 0 or a positive count on success and
 *   a negated errno value on failure.  The kernel's errno passes unchanged;
 *   errno itself is neither read nor promised.
 * - Objects of the kernel are plain uint32_t ids and file descriptors.
 * - A struct whose first member is `size` may grow: set it to sizeof(struct).
 *   A larger size than the library knows is accepted while the unknown tail
 *   is zero, and refused with -E2BIG otherwise; a size too small for the
 *   first release's members is -EINVAL.
 * - Threads: a context may be used by several threads at once.  A batch and a
 *   queue engine belong to one thread at a time.  Nothing here is safe in a
 *   signal handler.
 */
#ifndef LIBIOMMUNEST_H
#define LIBIOMMUNEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IOMMUNEST_VERSION_MAJOR 0
#define IOMMUNEST_VERSION_MINOR 1
#define IOMMUNEST_VERSION_PATCH 0

/*
 * The version of the library that runs, as "MAJOR.MINOR.PATCH".  The string
 * is static.  Any thread.
 */
const char *iommunest_version(void);

/* ------------------------------------------------------------------------
 * The system call table
 *
 * The only way in which the library touches the kernel.  Each function does
 * what the system call of its name does, but returns a negated errno value in
 * place of -1.  A VMM that sandboxes its own system calls, a simulator or a
 * fault injector puts its own table in place of the default one.
 */
struct iommunest_sys {
	size_t size;
	/* open(path, flags); returns a file descriptor. */
	int (*open)(void *data, const char *path, int flags);
	int (*close)(void *data, int fd);
	int (*ioctl)(void *data, int fd, unsigned long request, void *arg);
	ssize_t (*read)(void *data, int fd, void *buf, size_t len);
	ssize_t (*write)(void *data, int fd, const void *buf, size_t len);
};

/* ------------------------------------------------------------------------
 * Context: one open /dev/iommu
 */
struct iommunest_ctx;

struct iommunest_open_options {
	size_t size;
	/* Device node for iommunest_open(); NULL is "/dev/iommu". */
	const char *path;
	/* NULL is the kernel.  Borrowed: must outlive the context. */
	const struct iommunest_sys *sys;
	/* Passed to each function of the table. */
	void *sys_data;
};

/*
 * Opens /dev/iommu, or options->path, close-on-exec.  @options may be NULL.
 * The caller owns *@ctx and ends it with iommunest_close(); on failure *@ctx
 * is NULL.  Returns 0, or -EINVAL (bad options or an incomplete table),
 * -E2BIG (options from a newer header), -ENOMEM, or what open(2) says, often
 * -ENOENT (no iommufd in this kernel) and -EACCES.
 */
int iommunest_open(struct iommunest_ctx **ctx,
		   const struct iommunest_open_options *options);

/*
 * The same on a file descriptor that the VMM already has.  It stays the
 * VMM's: iommunest_close() leaves it open.  options->path must be NULL.
 * Returns 0, -EBADF (@fd is negative), -EINVAL, -E2BIG or -ENOMEM.
 */
int iommunest_open_fd(struct iommunest_ctx **ctx, int fd,
		      const struct iommunest_open_options *options);

/*
 * Ends a context; NULL is allowed.  No batch or queue engine may be using it.
 * Kernel objects live as long as the file descriptor: with one that
 * iommunest_open() opened, they go too.
 */
void iommunest_close(struct iommunest_ctx *ctx);

/*
 * The context's file descriptor, for the VMM's own ioctls.  Any thread.
 * -EINVAL: @ctx is NULL.
 */
int iommunest_fd(const struct iommunest_ctx *ctx);

/* ------------------------------------------------------------------------
 * Objects (linux/iommufd.h)
 */

/*
 * Destroys an IOAS, an HWPT or another object (IOMMU_DESTROY).  Returns 0,
 * -EINVAL (@ctx is NULL), -ENOENT (no such id), -EBUSY (something uses it).
 */
int iommunest_object_destroy(struct iommunest_ctx *ctx, uint32_t id);

/*
 * Allocates an I/O address space (IOMMU_IOAS_ALLOC) into *@ioas_id.  Returns
 * 0, -EINVAL (@ioas_id is NULL), -ENOMEM.
 */
int iommunest_ioas_alloc(struct iommunest_ctx *ctx, uint32_t *ioas_id);

/*
 * Allocates the stage-2 HWPT that nested ones stand on (IOMMU_HWPT_ALLOC with
 * IOMMU_HWPT_ALLOC_NEST_PARENT) from an IOAS.  @dev_id is the id that binding
 * a VFIO device gave.  Returns 0, -EINVAL (@hwpt_id is NULL, @ioas_id does
 * not exist or is no IOAS), -ENOENT (no such device), -EOPNOTSUPP (the
 * hardware or driver cannot nest), -ENOMEM.
 */
int iommunest_hwpt_alloc_parent(struct iommunest_ctx *ctx, uint32_t dev_id,
				uint32_t ioas_id, uint32_t *hwpt_id);

/* Bits of iommunest_vtd_s1::flags (enum iommu_hwpt_vtd_s1_flags). */
#define IOMMUNEST_VTD_S1_SRE (1u << 0)	/* supervisor requests */
#define IOMMUNEST_VTD_S1_EAFE (1u << 1) /* extended access flag */
#define IOMMUNEST_VTD_S1_WPE (1u << 2)	/* write protect */

/*
 * A guest's stage 1: what its scalable-mode PASID-table entry says (VT-d
 * specification, chapter 9, "Scalable-Mode PASID Table Entry").
 */
struct iommunest_vtd_s1 {
	size_t size;
	/* Guest physical address of the root table, 4 KiB aligned. */
	uint64_t pgtbl_addr;
	/* 48 (4 levels) or 57 (5 levels). */
	uint32_t addr_width;
	/* IOMMUNEST_VTD_S1_*. */
	uint32_t flags;
};

/*
 * Allocates a nested HWPT: a guest's stage 1 on the stage 2 of @parent_id.
 * Refuses here what the kernel accepts and only rejects at attach, or never:
 * unknown flags (-EOPNOTSUPP), an unaligned root table or a width other than
 * 48 and 57 (-EINVAL).  Otherwise returns 0, -EINVAL (a NULL argument,
 * @parent_id is no nest parent), -E2BIG, -ENOENT (no such device),
 * -EOPNOTSUPP (hardware or driver), -ENOMEM.
 */
int iommunest_vtd_hwpt_alloc(struct iommunest_ctx *ctx, uint32_t dev_id,
			     uint32_t parent_id,
			     const struct iommunest_vtd_s1 *s1,
			     uint32_t *hwpt_id);

/* iommunest_hw_info::type (enum iommu_hw_info_type). */
#define IOMMUNEST_HW_NONE 0u
#define IOMMUNEST_HW_INTEL_VTD 1u

/* iommunest_hw_info::vtd_flags: read-only mappings cannot be nested. */
#define IOMMUNEST_HW_VTD_ERRATA_772415_SPR17 (1u << 0)

struct iommunest_hw_info {
	size_t size;
	/* IOMMUNEST_HW_*, or a later kernel's number. */
	uint32_t type;
	/* The kernel's enum iommu_hw_info_vtd_flags; 0 where not VT-d. */
	uint32_t vtd_flags;
	/* CAP_REG and ECAP_REG (VT-d specification, chapter 11); else 0. */
	uint64_t vtd_cap;
	uint64_t vtd_ecap;
	/* enum iommufd_hw_capabilities. */
	uint64_t capabilities;
	/* Width of the device's PASIDs, 0 to 20 bits; 0: no PASID. */
	uint32_t max_pasid_log2;
	uint32_t reserved;
};

/*
 * Asks what IOMMU @dev_id stands behind (IOMMU_GET_HW_INFO).  @info->size
 * says how much of the struct the caller knows.  Returns 0, -EINVAL (NULL or
 * a bad size), -ENOENT (no such device), -EOPNOTSUPP (a device without an
 * IOMMU), or what the driver says.
 */
int iommunest_hw_info(struct iommunest_ctx *ctx, uint32_t dev_id,
		      struct iommunest_hw_info *info);

/*
 * The largest address mask that the hardware takes, as log2 of 4 KiB pages
 * (CAP_REG.MAMV, bits 53:48): 0 to 63.  -EOPNOTSUPP: @info is not of a VT-d.
 */
int iommunest_vtd_mamv(const struct iommunest_hw_info *info);

/*
 * What CAP_REG and ECAP_REG say (VT-d specification, chapter 11, "Capability
 * Register" and "Extended Capability Register"), by the names that they have
 * there.  FS, SS: first and second stage.
 */
struct iommunest_vtd_caps {
	size_t size;
	/* CAP_REG */
	uint8_t domain_bits; /* ND: width of domain ids, 4 to 16 bits */
	bool afl;	     /* advanced fault logging */
	bool rwbf;	     /* write buffer must be flushed */
	bool plmr;	     /* protected low memory */
	bool phmr;	     /* protected high memory */
	bool cm;	     /* caching mode */
	uint8_t sagaw;	     /* second-stage widths: bit 2 is 48, bit 3 57 */
	uint8_t mgaw;	     /* maximum guest address width, in bits */
	bool zlr;	     /* zero-length reads */
	uint16_t fro;	     /* fault recording registers: offset in bytes */
	uint8_t sslps;	     /* second-stage large pages: 1 2 MiB, 2 1 GiB */
	bool psi;	     /* page-selective invalidation */
	uint16_t nfr;	     /* number of fault recording registers */
	uint8_t mamv;	     /* largest address mask, log2 of pages */
	bool dwd;	     /* write draining */
	bool drd;	     /* read draining */
	bool fs1gp;	     /* first-stage 1 GiB pages */
	bool pi;	     /* posted interrupts */
	bool fs5lp;	     /* first-stage 5-level paging */
	bool ecmds;	     /* enhanced commands */
	bool esirtps;	     /* setting the interrupt table flushes */
	bool esrtps;	     /* setting the root table flushes */
	/* ECAP_REG */
	bool c;		    /* page walks are coherent */
	bool qi;	    /* queued invalidation */
	bool dt;	    /* device TLBs: ATS */
	bool ir;	    /* interrupt remapping */
	bool eim;	    /* extended interrupt mode */
	bool pt;	    /* pass-through */
	bool sc;	    /* snoop control */
	uint16_t iro;	    /* IOTLB registers: offset in bytes */
	uint8_t mhmv;	    /* largest handle mask, log2 of entries */
	bool nest;	    /* nested translation */
	bool prs;	    /* page requests */
	bool ers;	    /* execute requests */
	bool srs;	    /* supervisor requests */
	bool nwfs;	    /* no write flag */
	bool eafs;	    /* extended accessed flag */
	uint8_t pasid_bits; /* PSS: width of PASIDs, 1 to 20; 0: no PASID */
	bool pasid;	    /* requests with PASID */
	bool dit;	    /* device-TLB invalidation throttle */
	bool pds;	    /* page-request drain */
	bool smts;	    /* scalable mode */
	bool vcs;	    /* virtual commands */
	bool ssads;	    /* second-stage accessed and dirty flags */
	bool ssts;	    /* second-stage translation */
	bool fsts;	    /* first-stage translation */
	bool smpwcs;	    /* page walks: coherency as the entry says */
	bool rps;	    /* RID-PASID */
	bool pms;	    /* performance monitoring */
	bool rprivs;	    /* RID-PRIV */
};

/*
 * Decodes what iommunest_hw_info() brought.  Any thread.  Returns 0, -EINVAL
 * (NULL or a bad size), -EOPNOTSUPP (@info is not of a VT-d).
 */
int iommunest_vtd_caps_decode(struct iommunest_vtd_caps *caps,
			      const struct iommunest_hw_info *info);

/*
 * The most that a VMM may show its guest of the host's capabilities, when the
 * guest's first stage is nested with this library: the guest has no second
 * stage of its own and cannot nest again.  What is the VMM's own (interrupt
 * remapping, fault recording, where registers are, numbers of domains ...) is
 * 0, for the VMM to fill in; what it cannot emulate it clears.  Any thread.
 * Returns 0, -EINVAL (NULL), -EOPNOTSUPP (@info is not of a VT-d).
 */
int iommunest_vtd_guest_caps(const struct iommunest_hw_info *info,
			     uint64_t *cap, uint64_t *ecap);

/* iommunest_vtd_guest::flags. */
/* Guest memory that is mapped read-only: ROM, for instance. */
#define IOMMUNEST_VTD_GUEST_READ_ONLY (1u << 0)
/* The guest's device uses ATS, or page requests. */
#define IOMMUNEST_VTD_GUEST_ATS (1u << 1)
#define IOMMUNEST_VTD_GUEST_PRI (1u << 2)

/* What a VMM means to show its guest. */
struct iommunest_vtd_guest {
	size_t size;
	/* The guest's CAP_REG and ECAP_REG. */
	uint64_t cap;
	uint64_t ecap;
	/* IOMMUNEST_VTD_GUEST_*. */
	uint32_t flags;
	uint32_t reserved;
};

/*
 * Why a host cannot serve a guest: bits of *@reasons.  These are the host's
 * fault; NO_ means that it lacks something.
 */
#define IOMMUNEST_VTD_GUEST_REASON_HOST_NOT_VTD (UINT64_C(1) << 0)
/* SMTS, NEST, FSTS, SSTS */
#define IOMMUNEST_VTD_GUEST_REASON_HOST_NO_SCALABLE (UINT64_C(1) << 1)
#define IOMMUNEST_VTD_GUEST_REASON_HOST_NO_NESTING (UINT64_C(1) << 2)
#define IOMMUNEST_VTD_GUEST_REASON_HOST_NO_FIRST_STAGE (UINT64_C(1) << 3)
#define IOMMUNEST_VTD_GUEST_REASON_HOST_NO_SECOND_STAGE (UINT64_C(1) << 4)
/* The erratum, and the guest has read-only mappings. */
#define IOMMUNEST_VTD_GUEST_REASON_HOST_ERRATUM_772415 (UINT64_C(1) << 5)
/* The guest is shown what the host does not have. */
#define IOMMUNEST_VTD_GUEST_REASON_5_LEVEL (UINT64_C(1) << 6)
#define IOMMUNEST_VTD_GUEST_REASON_1GIB_PAGES (UINT64_C(1) << 7)
#define IOMMUNEST_VTD_GUEST_REASON_SUPERVISOR (UINT64_C(1) << 8)
#define IOMMUNEST_VTD_GUEST_REASON_EXTENDED_ACCESS (UINT64_C(1) << 9)
#define IOMMUNEST_VTD_GUEST_REASON_PASID (UINT64_C(1) << 10)
#define IOMMUNEST_VTD_GUEST_REASON_PASID_WIDTH (UINT64_C(1) << 11)
#define IOMMUNEST_VTD_GUEST_REASON_DEVICE_TLB (UINT64_C(1) << 12)
#define IOMMUNEST_VTD_GUEST_REASON_PAGE_REQUESTS (UINT64_C(1) << 13)
#define IOMMUNEST_VTD_GUEST_REASON_EXECUTE (UINT64_C(1) << 14)
#define IOMMUNEST_VTD_GUEST_REASON_COHERENCY (UINT64_C(1) << 15)
/* The guest is shown what nesting cannot give it. */
#define IOMMUNEST_VTD_GUEST_REASON_NESTING (UINT64_C(1) << 16)
#define IOMMUNEST_VTD_GUEST_REASON_SECOND_STAGE (UINT64_C(1) << 17)
/* The guest lacks what it needs to use a first stage at all. */
#define IOMMUNEST_VTD_GUEST_REASON_NO_SCALABLE (UINT64_C(1) << 18)
#define IOMMUNEST_VTD_GUEST_REASON_NO_FIRST_STAGE (UINT64_C(1) << 19)
#define IOMMUNEST_VTD_GUEST_REASON_NO_QUEUE (UINT64_C(1) << 20)

/*
 * Can this host serve that guest?  *@reasons gets a bit,
 * IOMMUNEST_VTD_GUEST_REASON_*, for each reason why not.  Any thread.  Returns
 * how many there are, 0 if it can; -EINVAL (NULL, a bad size, reserved not 0),
 * -E2BIG, -EOPNOTSUPP (unknown flags).
 */
int iommunest_vtd_guest_check(const struct iommunest_hw_info *info,
			      const struct iommunest_vtd_guest *guest,
			      uint64_t *reasons);

/*
 * One reason, a single bit, in words; "unknown" for all else.  Static.  Any
 * thread.
 */
const char *iommunest_vtd_guest_reason_text(uint64_t reason);

/* PASID Granular Translation Type: iommunest_vtd_pasid_entry::pgtt. */
#define IOMMUNEST_VTD_PGTT_FIRST_STAGE 1u
#define IOMMUNEST_VTD_PGTT_SECOND_STAGE 2u
#define IOMMUNEST_VTD_PGTT_NESTED 3u
#define IOMMUNEST_VTD_PGTT_PASS_THROUGH 4u

/*
 * A guest's scalable-mode PASID-table entry, 64 bytes (VT-d specification,
 * chapter 9, "Scalable-Mode PASID Table Entry").  @raw is the one copy that
 * was made of guest memory.
 */
struct iommunest_vtd_pasid_entry {
	uint64_t raw[8];
	/* Root of the first stage, 4 KiB aligned. */
	uint64_t fsptptr;
	/* ... and of the second. */
	uint64_t ssptptr;
	uint16_t did;
	uint8_t pgtt;
	/* First-stage paging mode: 0 is 4 levels, 1 is 5. */
	uint8_t fspm;
	/* Second-stage address width: 2 is 48 bits, 3 is 57. */
	uint8_t aw;
	bool present;
	bool fpd;   /* faults are not recorded */
	bool sre;   /* supervisor requests */
	bool ere;   /* execute requests */
	bool wpe;   /* write protect */
	bool nxe;   /* no-execute */
	bool smep;  /* supervisor-mode execution prevention */
	bool eafe;  /* extended accessed flag */
	bool pwsnp; /* page walks snoop */
	bool pgsnp; /* pages snoop */
	bool cd;    /* cache disable */
	bool emte;  /* extended memory type */
	/* A reserved bit is set. */
	bool reserved_set;
};

/* Decodes an entry; checks nothing.  Any thread.  0 or -EINVAL (NULL). */
int iommunest_vtd_pasid_decode(struct iommunest_vtd_pasid_entry *entry,
			       const uint64_t words[8]);

/* Why an entry does not become a nested HWPT's data: a bit of *@reason. */
enum iommunest_vtd_pasid_reason {
	IOMMUNEST_VTD_PASID_REASON_NONE = 0,
	IOMMUNEST_VTD_PASID_REASON_NOT_PRESENT = 1 << 0,
	/* A reserved bit or value. */
	IOMMUNEST_VTD_PASID_REASON_RESERVED = 1 << 1,
	/* PGTT is not first stage. */
	IOMMUNEST_VTD_PASID_REASON_TYPE = 1 << 2,
	/* The host has 4 levels. */
	IOMMUNEST_VTD_PASID_REASON_5_LEVEL = 1 << 3,
	/* The root is beyond @addr_bits. */
	IOMMUNEST_VTD_PASID_REASON_ADDRESS = 1 << 4,
	/* The host does not have these two. */
	IOMMUNEST_VTD_PASID_REASON_SRE = 1 << 5,
	IOMMUNEST_VTD_PASID_REASON_EAFE = 1 << 6,
	/* The kernel has no way to pass these on; CD and EMTE. */
	IOMMUNEST_VTD_PASID_REASON_ERE = 1 << 7,
	IOMMUNEST_VTD_PASID_REASON_MEMORY_TYPE = 1 << 8,
};

/*
 * Builds the data of a nested HWPT from a guest's PASID-table entry, and
 * refuses here what the kernel would accept at allocation and reject at
 * attach, or drop in silence.  @addr_bits is how wide guest physical
 * addresses are, 32 to 64.  @s1->size must be set.  @reason may be NULL; the
 * first reason found, or NONE, goes there.  Any thread.  Returns 0, or with
 * the reason
 *   -ENOENT      NOT_PRESENT
 *   -EINVAL      RESERVED, ADDRESS; without a reason: NULL, a bad size or
 *                @addr_bits
 *   -EOPNOTSUPP  all others; without a reason: @info is not of a VT-d
 */
int iommunest_vtd_pasid_to_s1(const struct iommunest_vtd_pasid_entry *entry,
			      const struct iommunest_hw_info *info,
			      unsigned int addr_bits,
			      struct iommunest_vtd_s1 *s1, uint32_t *reason);

/*
 * A reason in words, "ok" for NONE; "unknown" for all else.  Static.  Any
 * thread.
 */
const char *iommunest_vtd_pasid_reason_text(uint32_t reason);

/* ------------------------------------------------------------------------
 * VFIO devices (linux/vfio.h, Linux 6.6 and later)
 *
 * A device is its file descriptor, which the VMM uses for everything else
 * that VFIO has, and an id in the context.
 */

/*
 * Opens a VFIO device node, as "/dev/vfio/devices/vfio0", close-on-exec, and
 * binds it to the context.  The caller owns *@fd and ends it, and the
 * binding, with iommunest_vfio_close(); on failure nothing is left open and
 * neither output is written.  Returns 0, -EINVAL (a NULL argument), what
 * open(2) says, or what iommunest_vfio_bind() says.
 */
int iommunest_vfio_open(struct iommunest_ctx *ctx, const char *path, int *fd,
			uint32_t *dev_id);

/*
 * Detaches the device, ends its binding and closes it.  HWPTs that were made
 * for it stay.
 */
void iommunest_vfio_close(struct iommunest_ctx *ctx, int fd);

/*
 * Binds a VFIO device that the VMM opened itself
 * (VFIO_DEVICE_BIND_IOMMUFD); *@dev_id is its id in the context.  Once only
 * for each file descriptor.  Returns 0, -EINVAL (NULL; bound already; the
 * VFIO group is in use), -EBADF, -EBADFD (the context is no iommufd),
 * -ENOTTY (not a VFIO device, or Linux before 6.6), -EBUSY, -EPERM (interrupts
 * are not isolated), -ENODEV, -ENOMEM.
 */
int iommunest_vfio_bind(struct iommunest_ctx *ctx, int fd, uint32_t *dev_id);

/*
 * Attaches a bound device to the IOAS or HWPT *@pt_id, in place of what it
 * was attached to (VFIO_DEVICE_ATTACH_IOMMUFD_PT).  *@pt_id becomes the HWPT
 * that it is attached to: with an IOAS, one that the kernel chose.  A stage 1
 * that the hardware cannot do is refused here.  Returns 0, -EINVAL (NULL; not
 * bound; what cannot be attached), -EBADF, -ENOENT (no such id), -EBUSY,
 * -ENODEV, -ENOMEM.
 */
int iommunest_vfio_attach(struct iommunest_ctx *ctx, int fd, uint32_t *pt_id);

/*
 * Detaches a bound device: its DMA is blocked (VFIO_DEVICE_DETACH_IOMMUFD_PT).
 * Returns 0, -EINVAL (NULL, not bound), -EBADF.
 */
int iommunest_vfio_detach(struct iommunest_ctx *ctx, int fd);

/* ------------------------------------------------------------------------
 * Invalidation data types
 *
 * The core of batches and submission knows entries, cookies and how to
 * recover, and nothing of VT-d.  A type tells it the rest.
 */
enum iommunest_recovery {
	/* A failed call's count is the index of the entry that failed. */
	IOMMUNEST_RECOVERY_EXACT = 0,
	/*
	 * It is only an upper bound of what was done: after a failure all
	 * that the call carried counts as not handled and is sent again.
	 */
	IOMMUNEST_RECOVERY_REPLAY = 1,
};

struct iommunest_inv_type {
	size_t size;
	/* For people. */
	const char *name;
	/* enum iommu_hwpt_invalidate_data_type. */
	uint32_t data_type;
	/* Bytes of an entry: 1 to 4096. */
	uint32_t entry_len;
	/* enum iommunest_recovery. */
	uint32_t recovery;
	uint32_t reserved;
	/* Writes the entry that drops all of an HWPT; NULL: there is none. */
	void (*make_all)(void *entry);
};

/*
 * VT-d stage 1 (struct iommu_hwpt_vtd_s1_invalidate).  Static.  A function,
 * and not a variable, so that the struct may grow without breaking programs
 * that were linked before.
 */
const struct iommunest_inv_type *iommunest_vtd_s1_type(void);

/* ------------------------------------------------------------------------
 * VT-d stage-1 entries
 */

/* The kernel's own layout, 24 bytes: a batch is sent without a copy. */
struct iommunest_vtd_entry {
	/* First address, 4 KiB aligned. */
	uint64_t addr;
	/* 4 KiB pages; UINT64_MAX with addr 0 is all. */
	uint64_t npages;
	/* IOMMUNEST_VTD_LEAF or 0. */
	uint32_t flags;
	uint32_t reserved;
};

/*
 * Only leaf entries changed: paging-structure caches may stay (the IH bit of
 * a guest's descriptor, IOMMU_VTD_INV_FLAGS_LEAF).
 */
#define IOMMUNEST_VTD_LEAF (1u << 0)

/* Everything that stage 1 cached for the HWPT. */
void iommunest_vtd_entry_all(struct iommunest_vtd_entry *entry);

/*
 * @npages pages from @addr.  The hardware drops the smallest aligned
 * power-of-two block that holds the range.  The whole address space (@addr 0,
 * 2^52 pages) becomes all.  Returns 0, -EINVAL (empty, unaligned, past 2^64),
 * -EOPNOTSUPP (@flags other than IOMMUNEST_VTD_LEAF).
 */
int iommunest_vtd_entry_range(struct iommunest_vtd_entry *entry, uint64_t addr,
			      uint64_t npages, uint32_t flags);

/*
 * The block of 2^@am pages that holds @addr, as a guest's descriptor says it
 * (VT-d specification, chapter 6, "PASID-based-IOTLB Invalidate Descriptor"):
 * address bits below the block are ignored.  @am is 0 to 63; from 52 on, the
 * block is the whole address space and becomes all.  Returns 0, -EINVAL
 * (@am > 63), -EOPNOTSUPP.
 */
int iommunest_vtd_entry_block(struct iommunest_vtd_entry *entry, uint64_t addr,
			      unsigned int am, uint32_t flags);

/* ------------------------------------------------------------------------
 * Batch: an array of entries, and a cookie beside each
 *
 * A batch holds up to its capacity of entries.  Those before its cursor are
 * done (handled, or skipped by the caller); those from it on are pending.
 */
struct iommunest_batch;

/*
 * Allocates a batch for 1 to 2^27 entries of @type, which is borrowed and
 * must outlive it.  The caller owns *@batch; on failure it is NULL.  Returns
 * 0, -EINVAL (NULL, a bad type or capacity), -E2BIG (a type from a newer
 * header), -ENOMEM.
 */
int iommunest_batch_new(struct iommunest_batch **batch,
			const struct iommunest_inv_type *type,
			uint32_t capacity);

/* NULL is allowed. */
void iommunest_batch_free(struct iommunest_batch *batch);

/* Empties it: no entries, cursor 0, no error.  Limits stay. */
void iommunest_batch_reset(struct iommunest_batch *batch);

uint32_t iommunest_batch_capacity(const struct iommunest_batch *batch);
/* Entries added, done or not. */
uint32_t iommunest_batch_count(const struct iommunest_batch *batch);
/* Index of the first entry that is not known to be done. */
uint32_t iommunest_batch_cursor(const struct iommunest_batch *batch);

/*
 * The entry at @index, 0 to count - 1, in the type's layout; NULL beyond.
 * It may be changed while it is pending: this is how a caller mends an entry
 * that failed.  Valid until the batch is reset or freed.
 */
void *iommunest_batch_entry(struct iommunest_batch *batch, uint32_t index);
/* Its cookie; 0 beyond the end. */
uint64_t iommunest_batch_cookie(const struct iommunest_batch *batch,
				uint32_t index);

/*
 * Adds a copy of a raw entry of the type's length.  @cookie is the caller's
 * own name for it and comes back in reports.
 *
 * The error of any add is sticky: the batch keeps it, with the cookie, all
 * later adds return it and add nothing, and iommunest_submit() refuses to
 * send anything, so that a run of adds needs one check and none is lost in
 * silence.  An add that fails leaves the entries as they were.
 *
 * Returns 0, -ENOSPC (full), -EINVAL (NULL), or the error that sticks.
 */
int iommunest_batch_add(struct iommunest_batch *batch, const void *entry,
			uint64_t cookie);

/*
 * The error that sticks, or 0; the cookie of the add that failed goes to
 * *@cookie unless that is NULL.  -EINVAL: @batch is NULL.
 */
int iommunest_batch_error(const struct iommunest_batch *batch,
			  uint64_t *cookie);

/* Forgets it, after the caller has dealt with the add that failed. */
void iommunest_batch_clear_error(struct iommunest_batch *batch);

/*
 * Moves the cursor behind the entry at it, which the caller gives up or has
 * dealt with in another way.  Returns 0, -EINVAL (NULL), -ENOENT (nothing is
 * pending).
 */
int iommunest_batch_skip(struct iommunest_batch *batch);

/* ---- VT-d stage-1 entries straight into a batch ---- */

/* iommunest_vtd_limits::mamv counts.  Otherwise ranges are not split. */
#define IOMMUNEST_VTD_LIMIT_MAMV (1u << 0)
/*
 * Merge an add with the entry before it where one holds the other, or where
 * both have the same flags and their union is an aligned power of two.  The
 * entry keeps its first cookie.  A range that is split is left alone.
 */
#define IOMMUNEST_VTD_COALESCE (1u << 1)

#define IOMMUNEST_VTD_DEFAULT_BLOCKS 32u

struct iommunest_vtd_limits {
	size_t size;
	uint32_t flags;
	/* Largest block as log2 of pages, 0 to 63; see iommunest_vtd_mamv(). */
	uint32_t mamv;
	/*
	 * A range that needs more blocks than this, up to 2^27, becomes
	 * "all"; 0 is IOMMUNEST_VTD_DEFAULT_BLOCKS.
	 */
	uint32_t max_blocks;
	uint32_t reserved;
};

/*
 * Sets what the three functions below do with a range.  By default they
 * neither split nor merge.  Returns 0, -EINVAL (NULL, a bad value, a batch of
 * another type), -EOPNOTSUPP (unknown flags), -E2BIG.
 */
int iommunest_vtd_batch_set_limits(struct iommunest_batch *batch,
				   const struct iommunest_vtd_limits *limits);

/*
 * Add "all", a range or a block, as the builders above, and with the batch's
 * limits.  With a MAMV, a range goes as aligned blocks of at most 2^MAMV
 * pages, which together are the range exactly, or, past max_blocks of them,
 * as "all"; either all its blocks are added or none.  Errors are the
 * builders' and iommunest_batch_add()'s, and they stick; -EINVAL also for a
 * batch of another type.
 */
int iommunest_vtd_batch_add_all(struct iommunest_batch *batch, uint64_t cookie);
int iommunest_vtd_batch_add_range(struct iommunest_batch *batch, uint64_t addr,
				  uint64_t npages, uint32_t flags,
				  uint64_t cookie);
int iommunest_vtd_batch_add_block(struct iommunest_batch *batch, uint64_t addr,
				  unsigned int am, uint32_t flags,
				  uint64_t cookie);

/* ------------------------------------------------------------------------
 * Submission, and resubmission from the reported failing index
 */

/* What to do with an entry that fails. */
enum iommunest_policy {
	/* Stop at it: it and all entries after it stay pending. */
	IOMMUNEST_POLICY_STOP = 0,
	/* Record it in the report, and go on with the next. */
	IOMMUNEST_POLICY_SKIP = 1,
	/* Send one "all" entry in place of it and all entries after it. */
	IOMMUNEST_POLICY_FLUSH_ALL = 2,
	/* Call `ask`. */
	IOMMUNEST_POLICY_ASK = 3,
};

/* What `ask` answers: the first three as the policies of their names. */
enum iommunest_answer {
	IOMMUNEST_ANSWER_STOP = 0,
	IOMMUNEST_ANSWER_SKIP = 1,
	IOMMUNEST_ANSWER_FLUSH_ALL = 2,
	/* Send the entry again, as it is now. */
	IOMMUNEST_ANSWER_RETRY = 3,
};

/* The most entries that the kernel takes in one call. */
#define IOMMUNEST_CALL_MAX (1u << 19)

/* One entry that failed. */
struct iommunest_failure {
	/* In the batch. */
	uint32_t index;
	/* Negated errno. */
	int32_t error;
	uint64_t cookie;
	/* The driver's own code, where the kernel reports one; else 0. */
	uint32_t driver_error;
	/* How often `ask` has been called for it without a break, from 1. */
	uint32_t attempt;
	/*
	 * Entries from `index` up to this one may not be done.  Where it is
	 * not `index`, the failing one is not known, and cannot be skipped.
	 */
	uint32_t last_index;
	uint32_t reserved;
};

/* One ioctl(IOMMU_HWPT_INVALIDATE), just returned. */
struct iommunest_call {
	/* The nested HWPT or vIOMMU that it was sent to. */
	uint32_t id;
	/* Entries sent; 0: the empty call that tells whose error it is. */
	uint32_t count;
	/* The count that came back, as the kernel wrote it. */
	uint32_t handled;
	/* 0 or negated errno. */
	int32_t error;
	/* The entries, in the type's layout, and their cookies. */
	const void *entries;
	const uint64_t *cookies;
	/* This is the one "all" entry of IOMMUNEST_POLICY_FLUSH_ALL. */
	bool flush_all;
	/* The driver's own code, where the kernel reports one; else 0. */
	uint32_t driver_error;
};

struct iommunest_submit_options {
	size_t size;
	/* enum iommunest_policy. */
	uint32_t policy;
	/*
	 * How often in a row -EINTR or -EAGAIN without progress is tried
	 * again; 0 is IOMMUNEST_DEFAULT_STALLS.
	 */
	uint32_t max_stalls;
	/*
	 * For the policy ASK: may change *entry, and answers what to do.
	 * Only this function limits retries: failure->attempt counts them.
	 */
	enum iommunest_answer (*ask)(void *user,
				     const struct iommunest_failure *failure,
				     void *entry);
	/* Called after each ioctl; may be NULL. */
	void (*trace)(void *user, const struct iommunest_call *call);
	void *user;
};

#define IOMMUNEST_DEFAULT_STALLS 16u

/* What the error in a report applies to. */
enum iommunest_blame {
	IOMMUNEST_BLAME_NONE = 0,
	/* An add failed earlier; nothing was sent. */
	IOMMUNEST_BLAME_BATCH = 1,
	/* The call as a whole: a wrong id or type, an old kernel. */
	IOMMUNEST_BLAME_CALL = 2,
	/* The entry at `index`. */
	IOMMUNEST_BLAME_ENTRY = 3,
};

struct iommunest_report {
	size_t size;
	/*
	 * In: room for entries that were skipped, the caller's; may be NULL.
	 * With no room left, the policy SKIP stops: nothing is given up
	 * without a record.  (What `ask` answered SKIP for, it has seen;
	 * skipped_count may then be more than skipped_max.)
	 */
	struct iommunest_failure *skipped;
	uint32_t skipped_max;
	/* Out, from here on. */
	uint32_t skipped_count;
	/* Entries given to the kernel, each time counted. */
	uint32_t sent;
	/* Entries that the kernel says it handled. */
	uint32_t handled;
	/* Entries that one "all" entry covered in their place. */
	uint32_t flushed;
	/* Entries still pending in the batch. */
	uint32_t pending;
	/* ioctls, the empty ones included. */
	uint32_t calls;
	/* How often work went on after a call that did not do all of it. */
	uint32_t resumes;
	/* enum iommunest_blame: what `error` applies to. */
	uint32_t blame;
	/*
	 * What stopped it, or, where `flushed` is not 0, made it flush all:
	 * negated errno; otherwise 0.
	 */
	int32_t error;
	/* The failing entry, with IOMMUNEST_BLAME_ENTRY. */
	uint32_t index;
	/* The driver's own code, where the kernel reports one; else 0. */
	uint32_t driver_error;
	/* Cookie of the failing entry, or of the add that failed. */
	uint64_t cookie;
	/* `index` is the entry at fault, and no entry before it is undone. */
	bool exact;
	/*
	 * Entries from `index` up to this one may not be done.  With a kernel
	 * that reports hardware errors and a hardware that does not tell
	 * which of a few descriptors it was, this is more than `index`.
	 */
	uint32_t last_index;
};

/*
 * Whether the kernel brings errors of the hardware back to user space, with a
 * code and the range that may be at fault: Linux with the patches that come
 * with this library.  iommunest_vtd_hwpt_alloc() and iommunest_submit() ask
 * by themselves, once for each context.  @id is any nested HWPT or
 * vIOMMU, and @type its data type.  Any thread.  Returns 1 or 0, -EINVAL
 * (NULL), or what the kernel says of the HWPT.
 */
int iommunest_reports_errors(struct iommunest_ctx *ctx, uint32_t id,
			     const struct iommunest_inv_type *type);

/*
 * driver_error of VT-d: the bits of FSTS_REG, IQERCD_REG.IQEI in bits 11:8
 * with IQE, and the device's source id in bits 31:16 with ITE and ICE.
 */
#define IOMMUNEST_VTD_ERROR_IQE (1u << 4)
#define IOMMUNEST_VTD_ERROR_ICE (1u << 5)
#define IOMMUNEST_VTD_ERROR_ITE (1u << 6)
#define IOMMUNEST_VTD_ERROR_IQEI(code) ((code) >> 8 & 0xfu)
#define IOMMUNEST_VTD_ERROR_SID(code) ((code) >> 16)

/*
 * Sends the batch's pending entries to a nested HWPT, or to a vIOMMU where the
 * type's entries go to one (@id), from the cursor on, in as many calls as the
 * kernel's limit asks for, and moves the cursor over what was handled.  What
 * was handled is never sent twice.  At every return
 * each entry is in exactly one of: handled, flushed, skipped (and recorded, or
 * seen by `ask`), pending.  @options and @report may be NULL (policy STOP; no
 * report).  The report is written at every return, unless its own size is
 * invalid.
 *
 * After a stop the batch holds its tail: mend the entry at the cursor
 * (iommunest_batch_entry()) or skip it (iommunest_batch_skip()), and call
 * again.
 *
 * Returns 0 when nothing is pending any more, the number of skipped entries
 * where the policy skipped some and nothing is pending, or
 *   what the kernel says  of the entry at the cursor or of the call:
 *              -EOPNOTSUPP, -EINVAL, -EFAULT, -ENOENT, -ENOTTY (Linux before
 *              6.8) ...; report->blame tells which
 *   -EINTR, -EAGAIN       too often without progress
 *   -EPROTO    the kernel claims to have handled more than was sent, or
 *              success with nothing handled (of a REPLAY type: with less
 *              than all); nothing moved
 *   the sticky error of an add (blame BATCH)
 *   -EINVAL    NULL @ctx or @batch, bad options or report size, ASK without
 *              `ask`, or an answer of it that is none
 *   -E2BIG     options or report from a newer header with unknown content
 */
int iommunest_submit(struct iommunest_ctx *ctx, uint32_t id,
		     struct iommunest_batch *batch,
		     const struct iommunest_submit_options *options,
		     struct iommunest_report *report);

/* ------------------------------------------------------------------------
 * The guest's invalidation queue (VT-d specification, chapter 6, "Queued
 * Invalidation Interface", and chapter 11 for the registers)
 */

/* Descriptor types: bits 3:0 and 11:9 of the first word. */
enum iommunest_vtd_desc_type {
	IOMMUNEST_VTD_DESC_CONTEXT_CACHE = 1,
	IOMMUNEST_VTD_DESC_IOTLB = 2,
	IOMMUNEST_VTD_DESC_DEV_TLB = 3,
	IOMMUNEST_VTD_DESC_IEC = 4,
	IOMMUNEST_VTD_DESC_WAIT = 5,
	IOMMUNEST_VTD_DESC_PIOTLB = 6,
	IOMMUNEST_VTD_DESC_PASID_CACHE = 7,
	IOMMUNEST_VTD_DESC_PASID_DEV_TLB = 8,
	IOMMUNEST_VTD_DESC_PAGE_RESPONSE = 9,
};

/* iommunest_vtd_desc::granularity, by type. */
#define IOMMUNEST_VTD_CONTEXT_GLOBAL 1u
#define IOMMUNEST_VTD_CONTEXT_DOMAIN 2u
#define IOMMUNEST_VTD_CONTEXT_DEVICE 3u
#define IOMMUNEST_VTD_IOTLB_GLOBAL 1u
#define IOMMUNEST_VTD_IOTLB_DOMAIN 2u
#define IOMMUNEST_VTD_IOTLB_PAGES 3u
#define IOMMUNEST_VTD_IEC_GLOBAL 0u
#define IOMMUNEST_VTD_IEC_INDEX 1u
#define IOMMUNEST_VTD_PIOTLB_ALL 2u
#define IOMMUNEST_VTD_PIOTLB_PAGES 3u
#define IOMMUNEST_VTD_PASID_CACHE_DOMAIN 0u
#define IOMMUNEST_VTD_PASID_CACHE_PASID 1u
#define IOMMUNEST_VTD_PASID_CACHE_GLOBAL 3u
#define IOMMUNEST_VTD_DEV_TLB_PASID 0u
#define IOMMUNEST_VTD_DEV_TLB_GLOBAL 1u /* all PASIDs of the device */

/* iommunest_vtd_desc::flags. */
#define IOMMUNEST_VTD_DESC_IH (1u << 0) /* invalidation hint: leaf only */
#define IOMMUNEST_VTD_DESC_SW (1u << 1) /* wait: status write */
#define IOMMUNEST_VTD_DESC_IF (1u << 2) /* wait: interrupt */
#define IOMMUNEST_VTD_DESC_FN (1u << 3) /* wait: fence */
#define IOMMUNEST_VTD_DESC_PD (1u << 4) /* wait: page-request drain */
#define IOMMUNEST_VTD_DESC_DW (1u << 5) /* IOTLB: drain writes */
#define IOMMUNEST_VTD_DESC_DR (1u << 6) /* IOTLB: drain reads */
#define IOMMUNEST_VTD_DESC_PP (1u << 7) /* page response: has a PASID */

/* iommunest_vtd_desc::response. */
#define IOMMUNEST_VTD_RESPONSE_SUCCESS 0x0u
#define IOMMUNEST_VTD_RESPONSE_INVALID 0x1u
#define IOMMUNEST_VTD_RESPONSE_FAILURE 0xfu

/* Why hardware would refuse a descriptor: IQERCD_REG.IQEI. */
enum iommunest_vtd_iqei {
	IOMMUNEST_VTD_IQEI_NONE = 0,
	IOMMUNEST_VTD_IQEI_TAIL = 1,	 /* tail beyond the ring */
	IOMMUNEST_VTD_IQEI_FETCH = 2,	 /* descriptor could not be read */
	IOMMUNEST_VTD_IQEI_TYPE = 3,	 /* unknown type, or not in this mode */
	IOMMUNEST_VTD_IQEI_RESERVED = 4, /* reserved field or value */
	IOMMUNEST_VTD_IQEI_WIDTH = 5,	 /* 128-bit ring in scalable mode */
	IOMMUNEST_VTD_IQEI_TAIL_ALIGN = 6, /* tail not of a 256-bit slot */
	IOMMUNEST_VTD_IQEI_TTM = 7,	   /* reserved translation table mode */
};

/*
 * One decoded descriptor.  Fields that a type does not have are 0.  @raw is
 * the only copy that was made of guest memory; in a 128-bit ring its last two
 * words are 0.
 */
struct iommunest_vtd_desc {
	uint64_t raw[4];
	/*
	 * Page address, aligned down to 2^am pages; of a wait: STADDR, a
	 * multiple of 4.
	 */
	uint64_t addr;
	/* Of a wait: STDATA. */
	uint32_t status_data;
	/* IOMMUNEST_VTD_DESC_*. */
	uint32_t flags;
	/* 20 bits. */
	uint32_t pasid;
	uint16_t did;
	/* Source id: bus, device, function; and of its physical function. */
	uint16_t sid;
	uint16_t pfsid;
	/* Interrupt entry cache: the first interrupt index. */
	uint16_t iidx;
	/* Page response: the page request group, 9 bits. */
	uint16_t prgi;
	/* enum iommunest_vtd_desc_type, or the unknown number. */
	uint8_t type;
	uint8_t granularity;
	/*
	 * log2 of pages, 0 to 63; of a device TLB 0 to 52, and 52 is all.  Of
	 * an interrupt entry cache: IM, log2 of interrupts, 0 to 31.
	 */
	uint8_t am;
	/* Context cache: function mask, 0 to 3. */
	uint8_t fm;
	/* Device TLB: most invalidations pending, 0 to 31. */
	uint8_t mip;
	/* Page response: IOMMUNEST_VTD_RESPONSE_*, 4 bits. */
	uint8_t response;
	/* enum iommunest_vtd_iqei of a descriptor that was refused. */
	uint8_t iqei;
	uint8_t reserved;
};

/*
 * Decodes the @width / 64 words at @words; @width is 128 or 256 bits, and
 * @scalable the mode that the guest's root table has (RTADDR_REG.TTM).
 * Everything that hardware looks at is checked.  Any thread.  Returns 0,
 * -EINVAL (NULL or another width), or -EBADMSG: hardware would refuse it, and
 * desc->iqei says why.
 */
int iommunest_vtd_desc_decode(struct iommunest_vtd_desc *desc,
			      const uint64_t *words, unsigned int width,
			      bool scalable);

/*
 * The reverse: builds desc->raw from the other fields, so that decoding it
 * gives them again; fields that the type does not have must be 0.  Any
 * thread.  Returns 0, -EINVAL (NULL, an unknown type, a value that its field
 * cannot hold or that is reserved, an address that is not aligned to its
 * block); raw is then as it was.
 */
int iommunest_vtd_desc_encode(struct iommunest_vtd_desc *desc);

/*
 * A builder for each type, for tests and for programs that are a guest.  Each
 * fills *@desc, raw included.  An address is aligned down to its block.
 * Returns as iommunest_vtd_desc_encode() does.  Any thread.
 */
int iommunest_vtd_desc_context_cache(struct iommunest_vtd_desc *desc,
				     unsigned int granularity, uint16_t did,
				     uint16_t sid, unsigned int fm);
/* @flags: IH, DW, DR. */
int iommunest_vtd_desc_iotlb(struct iommunest_vtd_desc *desc,
			     unsigned int granularity, uint16_t did,
			     uint64_t addr, unsigned int am, uint32_t flags);
int iommunest_vtd_desc_dev_tlb(struct iommunest_vtd_desc *desc, uint16_t sid,
			       uint16_t pfsid, unsigned int mip, uint64_t addr,
			       unsigned int am);
int iommunest_vtd_desc_iec(struct iommunest_vtd_desc *desc,
			   unsigned int granularity, uint16_t iidx,
			   unsigned int im);
/* @flags: SW, IF, FN, PD. */
int iommunest_vtd_desc_wait(struct iommunest_vtd_desc *desc, uint32_t flags,
			    uint64_t status_addr, uint32_t status_data);
/* @flags: IH. */
int iommunest_vtd_desc_piotlb(struct iommunest_vtd_desc *desc,
			      unsigned int granularity, uint16_t did,
			      uint32_t pasid, uint64_t addr, unsigned int am,
			      uint32_t flags);
int iommunest_vtd_desc_pasid_cache(struct iommunest_vtd_desc *desc,
				   unsigned int granularity, uint16_t did,
				   uint32_t pasid);
int iommunest_vtd_desc_pasid_dev_tlb(struct iommunest_vtd_desc *desc,
				     unsigned int granularity, uint16_t sid,
				     uint16_t pfsid, uint32_t pasid,
				     unsigned int mip, uint64_t addr,
				     unsigned int am);
/* @flags: PP. */
int iommunest_vtd_desc_page_response(struct iommunest_vtd_desc *desc,
				     uint16_t sid, uint32_t pasid,
				     uint32_t flags, unsigned int prgi,
				     unsigned int response);

/*
 * Writes a descriptor for people, in one line without a newline, as
 * "piotlb pages did 5 pasid 0x10 addr 0x1000 am 0 ih".  As snprintf(3), it
 * ends the text with a 0 where @len is not 0, and returns how long all of it
 * is.  -EINVAL: @desc is NULL, or @buf is with @len not 0.  Any thread.
 */
int iommunest_vtd_desc_print(const struct iommunest_vtd_desc *desc, char *buf,
			     size_t len);

/* A type's name in lower case, as "piotlb"; "unknown" for others.  Static. */
const char *iommunest_vtd_desc_name(unsigned int type);

/* IQEI in words; "unknown" for others.  Static.  Any thread. */
const char *iommunest_vtd_iqei_text(unsigned int iqei);

struct iommunest_vtd_iq;

/*
 * What the engine asks of the VMM.  Each function gets `vmm` first, runs
 * within iommunest_vtd_iq_run(), and must not call the engine, but for
 * `descriptor`, which may add and remove HWPTs.  Functions that return int
 * return 0 or a negated errno.
 */
struct iommunest_vtd_iq_ops {
	size_t size;
	/* Copies @len bytes of guest memory, never across a 4 KiB border. */
	int (*read)(void *vmm, uint64_t gpa, void *buf, size_t len);
	/*
	 * Writes the 32 bits @data at @gpa, for the wait descriptor in slot
	 * @index, as one access that vCPUs see whole.
	 */
	int (*write_status)(void *vmm, uint32_t index, uint64_t gpa,
			    uint32_t data);
	/* A wait with the interrupt flag is done: set ICS.IWC, interrupt. */
	void (*interrupt)(void *vmm, uint32_t index);
	/*
	 * Takes a descriptor that is the VMM's: context cache, PASID cache,
	 * interrupt entry cache, page group response, IOTLB (each, beside
	 * what is forwarded of it), PASID-based IOTLB of a scope without a
	 * nested HWPT, device TLB of a device without one.  All that precedes
	 * it in the ring has been submitted.  A wait with
	 * IOMMUNEST_VTD_DESC_PD comes here too, before it completes: the VMM
	 * drains its page requests.  -ETIMEDOUT is shown to the
	 * guest as a device that did not answer (ITE), -EREMOTEIO as one that
	 * answered wrongly (ICE), any other error as IQE.
	 */
	int (*descriptor)(void *vmm, uint32_t index,
			  const struct iommunest_vtd_desc *desc);
	/*
	 * Optional.  The descriptor in slot @index was covered by another
	 * one's entry, or by a flush of its whole HWPT, and is done.  A device
	 * TLB descriptor is covered by the descriptor before it of the same
	 * HWPT, if that has its range: the kernel flushes device TLBs itself.
	 */
	void (*covered)(void *vmm, uint32_t index, uint32_t hwpt_id);
	/*
	 * Needed for the policy SKIP.  The host failed on the descriptor in
	 * slot @index, and the engine goes on behind it.
	 */
	void (*skipped)(void *vmm, uint32_t index, uint32_t hwpt_id, int error);
	/* Optional: each ioctl; the cookies are ring indices. */
	void (*trace)(void *vmm, const struct iommunest_call *call);
};

#define IOMMUNEST_VTD_IQ_DEFAULT_TARGETS 32u

struct iommunest_vtd_iq_options {
	size_t size;
	/*
	 * enum iommunest_policy: STOP, SKIP, or FLUSH_ALL (all of the HWPT,
	 * then go on).
	 */
	uint32_t policy;
	/*
	 * Scopes and devices that it can know, up to 2^14; 0 is
	 * IOMMUNEST_VTD_IQ_DEFAULT_TARGETS.
	 */
	uint32_t max_targets;
	/* Descriptors that one run handles at most; 0: no limit. */
	uint32_t budget;
	uint32_t reserved;
	/* How blocks become entries; NULL: not split, not merged. */
	const struct iommunest_vtd_limits *limits;
};

/*
 * Makes an engine: one for each emulated DRHD.  @ctx and @vmm are borrowed
 * and must outlive it; @ops and @options (which may be NULL) are copied.
 * The caller owns *@iq; on failure it is NULL.  Returns 0, -EINVAL (a NULL, a
 * needed function missing, a bad option), -E2BIG, -EOPNOTSUPP (unknown flags
 * in the limits), -ENOMEM.
 */
int iommunest_vtd_iq_new(struct iommunest_vtd_iq **iq,
			 struct iommunest_ctx *ctx,
			 const struct iommunest_vtd_iq_ops *ops, void *vmm,
			 const struct iommunest_vtd_iq_options *options);

/* NULL is allowed. */
void iommunest_vtd_iq_free(struct iommunest_vtd_iq *iq);

/*
 * The guest wrote IQA_REG: base in bits 63:12, DW (256-bit descriptors) in
 * bit 11, QS in bits 2:0; the ring has 2^(QS+8) slots, or 2^(QS+7) with DW.
 * The head is 0 again, and so is the tail unless the queue is disabled; a
 * fault is forgotten.  @scalable is whether the guest's root table is in
 * scalable mode: in legacy mode nothing is forwarded, and scalable mode takes
 * a 256-bit ring.
 * This allocates, in proportion to the ring; running it does not.  Returns 0,
 * -EINVAL (NULL, reserved bits), -ENOMEM (the engine is as before).
 */
int iommunest_vtd_iq_set_base(struct iommunest_vtd_iq *iq, uint64_t iqa,
			      bool scalable);

/*
 * The guest set its root table (GCMD_REG.SRTP), and with it RTADDR_REG.TTM,
 * after the base.  The ring stays as it is.  Returns 0, -EINVAL (NULL).
 */
int iommunest_vtd_iq_set_mode(struct iommunest_vtd_iq *iq, bool scalable);

/*
 * Says which nested HWPT carries what a guest's (domain id, PASID) caches.
 * Several may share a scope, and one HWPT may have several.  @pasid is 20
 * bits.  May allocate, where more HWPTs share a scope than ever before.
 * Returns 0, -EINVAL, -EEXIST (the same three again), -ENOSPC (more scopes
 * than max_targets), -ENOMEM.
 */
int iommunest_vtd_iq_add_scope(struct iommunest_vtd_iq *iq, uint16_t did,
			       uint32_t pasid, uint32_t hwpt_id);

/* In place of a PASID: what a device asks for without one. */
#define IOMMUNEST_VTD_NO_PASID UINT32_MAX

/*
 * Says which nested HWPT a device's requests go through, so that device-TLB
 * descriptors are forwarded to it, unless the descriptor before covers them.
 * Device-TLB descriptors of other devices are the VMM's.  @sid is what the
 * guest takes for the device's source id.  Counted and answered like
 * iommunest_vtd_iq_add_scope().
 */
int iommunest_vtd_iq_add_device(struct iommunest_vtd_iq *iq, uint16_t sid,
				uint32_t pasid, uint32_t hwpt_id);

/*
 * Take one of these back: the guest's PASID-table entry has changed.  Return
 * 0, -EINVAL, -ENOENT.
 */
int iommunest_vtd_iq_remove_scope(struct iommunest_vtd_iq *iq, uint16_t did,
				  uint32_t pasid, uint32_t hwpt_id);
int iommunest_vtd_iq_remove_device(struct iommunest_vtd_iq *iq, uint16_t sid,
				   uint32_t pasid, uint32_t hwpt_id);

/*
 * Forgets all scopes and devices of an HWPT.  Returns 0, -EINVAL (NULL),
 * -ENOENT.
 */
int iommunest_vtd_iq_forget(struct iommunest_vtd_iq *iq, uint32_t hwpt_id);

/* Whose failure stopped the queue. */
enum iommunest_cause {
	IOMMUNEST_CAUSE_NONE = 0,
	/* A descriptor, or the tail, that hardware would refuse. */
	IOMMUNEST_CAUSE_GUEST = 1,
	/* Guest memory could not be read or written. */
	IOMMUNEST_CAUSE_FETCH = 2,
	/* The host kernel, or the VMM's `descriptor` function. */
	IOMMUNEST_CAUSE_HOST = 3,
};

/* FSTS_REG bits that a failure sets. */
#define IOMMUNEST_VTD_FSTS_IQE (1u << 4) /* queue error */
#define IOMMUNEST_VTD_FSTS_ICE (1u << 5) /* a device answered wrongly */
#define IOMMUNEST_VTD_FSTS_ITE (1u << 6) /* a device did not answer */

struct iommunest_vtd_iq_result {
	size_t size;
	/* IQH_REG: the slot behind the last descriptor that is done. */
	uint64_t iqh;
	/*
	 * IQERCD_REG: IQEI in bits 3:0.  With ITE bits 47:32, with ICE bits
	 * 63:48 hold the source id of the device-TLB descriptor that the VMM
	 * failed on; else 0: the host does not know the guest's numbers.
	 */
	uint64_t iqercd;
	/* Bits to OR into FSTS_REG. */
	uint32_t fsts;
	/* enum iommunest_cause, and the ring index of what failed. */
	uint32_t cause;
	uint32_t index;
	/* Negated errno, or 0. */
	int32_t error;
	/* The HWPT, where the host failed on one; else 0. */
	uint32_t hwpt_id;
	/* Descriptors done in this run; the head moved by so many. */
	uint32_t descriptors;
	/* ... of which so many were forwarded or covered, */
	uint32_t forwarded;
	/* ... were waits, */
	uint32_t waits;
	/* ... were given to the VMM's `descriptor` function, */
	uint32_t vmm;
	/* ... and were skipped after a host failure. */
	uint32_t skipped;
	/* Entries that the kernel handled, and ioctls made. */
	uint32_t entries;
	uint32_t calls;
	/* The host driver's own code, where the kernel reports one; else 0. */
	uint32_t driver_error;
	uint32_t reserved;
};

/*
 * The guest wrote IQT_REG, or the VMM goes on with a run that the budget
 * ended: handles the descriptors from the head up to @iqt (the register's
 * value).  Forwardable ones are gathered, one array per nested HWPT, and
 * submitted before anything that must come after them: a wait's completion, a
 * descriptor for the VMM, the end of the run.  @result is written at every
 * return, if its size is good.
 *
 * The first failing slot wins: waits before it complete, waits behind it do
 * not, and the head points at it.  The engine then stands still, and reports
 * the same again, until iommunest_vtd_iq_clear_fault() (the guest cleared
 * FSTS_REG) or a new base; then it starts again from the head.
 *
 * Returns 0 (head is at the tail), 1 (the budget ended the run: call again),
 * -EINVAL (NULL, or no base set), -EBADMSG (cause GUEST), or the failure's
 * own errno from `read`, `write_status`, `descriptor` or iommunest_submit().
 */
int iommunest_vtd_iq_run(struct iommunest_vtd_iq *iq, uint64_t iqt,
			 struct iommunest_vtd_iq_result *result);

/* The guest cleared the fault: the next run starts at the head. */
void iommunest_vtd_iq_clear_fault(struct iommunest_vtd_iq *iq);

/*
 * The guest disabled its queue (GCMD_REG.QIE was 1 and is 0): the head is 0
 * again, and runs remember the tail and do nothing.  A fault stays.  A new
 * engine is enabled; a VMM whose guest has not enabled its queue yet says so.
 * Returns 0, -EINVAL (NULL).
 */
int iommunest_vtd_iq_disable(struct iommunest_vtd_iq *iq);

/*
 * The guest enabled its queue: what was in the ring up to the last tail,
 * which some guests write first, is handled as iommunest_vtd_iq_run() would.
 * Returns what that returns; 0 and nothing done where it was enabled already.
 */
int iommunest_vtd_iq_enable(struct iommunest_vtd_iq *iq,
			    struct iommunest_vtd_iq_result *result);

/*
 * As iommunest_vtd_iq_new() left it: no base, no scopes, no fault, enabled.
 * NULL is allowed.
 */
void iommunest_vtd_iq_reset(struct iommunest_vtd_iq *iq);

/* iommunest_vtd_iq_state::flags. */
#define IOMMUNEST_VTD_IQ_HAS_BASE (1u << 0)
#define IOMMUNEST_VTD_IQ_SCALABLE (1u << 1)
#define IOMMUNEST_VTD_IQ_ENABLED (1u << 2)

/*
 * All that an engine knows of its guest between two runs, for live migration.
 * HWPTs and their scopes are not in it: the destination has its own.
 */
struct iommunest_vtd_iq_state {
	size_t size;
	/* IQA_REG, and IQH_REG and IQT_REG as the guest sees them. */
	uint64_t iqa;
	uint64_t iqh;
	uint64_t iqt;
	/* IOMMUNEST_VTD_IQ_*. */
	uint32_t flags;
	/* The fault that it stands still at: enum iommunest_cause, or 0. */
	uint32_t cause;
	uint32_t index;
	int32_t error;
	/* Its FSTS_REG bits and IQERCD_REG. */
	uint32_t fsts;
	uint32_t reserved;
	uint64_t iqercd;
};

/*
 * Takes the state out of an engine, between two runs.  Returns 0, -EINVAL
 * (NULL or a bad size).
 */
int iommunest_vtd_iq_save(const struct iommunest_vtd_iq *iq,
			  struct iommunest_vtd_iq_state *state);

/*
 * Puts a state into an engine, whose scopes stay.  It may come from anywhere,
 * and is checked: on failure the engine is as it was.  Go on with
 * iommunest_vtd_iq_run() and the state's iqt.  Returns 0, -EINVAL (NULL, a
 * bad size, a state that no engine saves), -E2BIG, -ENOMEM.
 */
int iommunest_vtd_iq_restore(struct iommunest_vtd_iq *iq,
			     const struct iommunest_vtd_iq_state *state);

#ifdef __cplusplus
}
#endif

#endif /* LIBIOMMUNEST_H */
