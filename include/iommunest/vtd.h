/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Intel VT-d: capabilities, a guest's PASID-table entry, nested HWPTs, and
 * stage-1 entries.  Programs include <libiommunest.h>.
 */
#ifndef IOMMUNEST_VTD_H
#define IOMMUNEST_VTD_H

#include <iommunest/features.h>
#include <iommunest/objects.h>

#ifdef __cplusplus
extern "C" {
#endif

/* iommunest_hw_info::type of a VT-d. */
#define IOMMUNEST_HW_INTEL_VTD 1u

/* iommunest_vtd_caps::flags: read-only mappings cannot be nested. */
#define IOMMUNEST_VTD_ERRATA_772415_SPR17 (1u << 0)

/*
 * The fields of CAP_REG and ECAP_REG (VT-d specification, chapter 11,
 * "Capability Register" and "Extended Capability Register"), by their names
 * there.  FS, SS: first and second stage.
 */
struct iommunest_vtd_caps {
	size_t size;
	/* The registers themselves, and enum iommu_hw_info_vtd_flags. */
	uint64_t cap;
	uint64_t ecap;
	uint32_t flags;
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
	uint8_t mamv;	     /* second stage: largest address mask */
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
 * Decodes what iommunest_hw_info() stored.  Any thread.  Returns 0, -EINVAL
 * (NULL or a size too small), -E2BIG (above 4096), -EOPNOTSUPP (@info is not
 * of a VT-d).
 */
int iommunest_vtd_caps_decode(struct iommunest_vtd_caps *caps,
			      const struct iommunest_hw_info *info);

/* CAP_REG: fields that a VMM fills in by itself. */
/* ND of domain ids with 16 bits. */
#define IOMMUNEST_VTD_CAP_ND_16_BITS UINT64_C(6)
#define IOMMUNEST_VTD_CAP_CM (UINT64_C(1) << 7)
/* Where the fault recording registers are, in bytes, and how many. */
#define IOMMUNEST_VTD_CAP_FRO(offset) ((uint64_t)(offset) / 16 << 24)
#define IOMMUNEST_VTD_CAP_NFR(count) ((uint64_t)((count)-1) << 40)
#define IOMMUNEST_VTD_CAP_ESRTPS (UINT64_C(1) << 63)
/* ... and what it may clear. */
#define IOMMUNEST_VTD_CAP_FS1GP (UINT64_C(1) << 56)
#define IOMMUNEST_VTD_CAP_FS5LP (UINT64_C(1) << 60)
/* The same of ECAP_REG. */
#define IOMMUNEST_VTD_ECAP_IR (UINT64_C(1) << 3)
#define IOMMUNEST_VTD_ECAP_EIM (UINT64_C(1) << 4)
#define IOMMUNEST_VTD_ECAP_PT (UINT64_C(1) << 6)
#define IOMMUNEST_VTD_ECAP_IRO(offset) ((uint64_t)(offset) / 16 << 8)
#define IOMMUNEST_VTD_ECAP_MHMV(log2) ((uint64_t)(log2) << 20)
#define IOMMUNEST_VTD_ECAP_DT (UINT64_C(1) << 2)
#define IOMMUNEST_VTD_ECAP_SC (UINT64_C(1) << 7)
#define IOMMUNEST_VTD_ECAP_PRS (UINT64_C(1) << 29)
#define IOMMUNEST_VTD_ECAP_PSS (UINT64_C(0x1f) << 35)
#define IOMMUNEST_VTD_ECAP_PASID (UINT64_C(1) << 40)
#define IOMMUNEST_VTD_ECAP_PDS (UINT64_C(1) << 42)

/*
 * The largest set of host capabilities that a VMM may expose to its guest, if
 * the guest's first stage is nested with this library: the guest has no second
 * stage of its own and cannot nest again.  The VMM's own fields (interrupt
 * remapping, fault recording, offsets of registers, number of domains ...) are
 * 0, for the VMM to fill in; it clears what it does not emulate.  There are no
 * PASIDs and no page requests in it, as it does not know the kernel:
 * iommunest_vtd_guest_offer() does.  Any thread.  Returns 0, -EINVAL (NULL),
 * -EOPNOTSUPP (@info is not of a VT-d).
 */
int iommunest_vtd_guest_caps(const struct iommunest_hw_info *info,
			     uint64_t *cap, uint64_t *ecap);

/* iommunest_vtd_guest::flags. */
/* Guest memory that is mapped read-only: ROM, for instance. */
#define IOMMUNEST_VTD_GUEST_READ_ONLY (1u << 0)
/* The guest's device uses ATS, or page requests. */
#define IOMMUNEST_VTD_GUEST_ATS (1u << 1)
#define IOMMUNEST_VTD_GUEST_PRI (1u << 2)

/* What a VMM intends to expose to its guest. */
struct iommunest_vtd_guest {
	size_t size;
	/* The guest's CAP_REG and ECAP_REG. */
	uint64_t cap;
	uint64_t ecap;
	/* IOMMUNEST_VTD_GUEST_*. */
	uint32_t flags;
	uint32_t reserved;
	/* What iommunest_features() stored; 0: the kernel is not known. */
	uint64_t features;
	/* What iommunest_vtd_kernel_faults() stored. */
	uint64_t kernel_faults;
};

/*
 * The same as iommunest_vtd_guest_caps(), for the kernel that guest->features
 * and guest->kernel_faults tell of: with PASIDs and page requests, if hardware,
 * kernel and library can carry them.  It goes to guest->cap and guest->ecap;
 * iommunest_vtd_guest_check() has nothing against these.  Any thread.  Returns
 * 0, -EINVAL (NULL, a bad size, reserved not 0), -E2BIG, -EOPNOTSUPP (@info is
 * not of a VT-d, unknown flags).
 */
int iommunest_vtd_guest_offer(const struct iommunest_hw_info *info,
			      struct iommunest_vtd_guest *guest);

/*
 * Why a host cannot serve a guest: bits of *@reasons.  First, of the host; NO_
 * means that it lacks something.
 */
#define IOMMUNEST_VTD_GUEST_REASON_HOST_NOT_VTD (UINT64_C(1) << 0)
/* SMTS, NEST, FSTS, SSTS */
#define IOMMUNEST_VTD_GUEST_REASON_HOST_NO_SCALABLE (UINT64_C(1) << 1)
#define IOMMUNEST_VTD_GUEST_REASON_HOST_NO_NESTING (UINT64_C(1) << 2)
#define IOMMUNEST_VTD_GUEST_REASON_HOST_NO_FIRST_STAGE (UINT64_C(1) << 3)
#define IOMMUNEST_VTD_GUEST_REASON_HOST_NO_SECOND_STAGE (UINT64_C(1) << 4)
/* The erratum, and the guest has read-only mappings. */
#define IOMMUNEST_VTD_GUEST_REASON_HOST_ERRATUM_772415 (UINT64_C(1) << 5)
/* The guest has what the host does not have. */
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
/* The guest has what nesting cannot provide. */
#define IOMMUNEST_VTD_GUEST_REASON_NESTING (UINT64_C(1) << 16)
#define IOMMUNEST_VTD_GUEST_REASON_SECOND_STAGE (UINT64_C(1) << 17)
/* The guest lacks what it needs for a first stage. */
#define IOMMUNEST_VTD_GUEST_REASON_NO_SCALABLE (UINT64_C(1) << 18)
#define IOMMUNEST_VTD_GUEST_REASON_NO_FIRST_STAGE (UINT64_C(1) << 19)
#define IOMMUNEST_VTD_GUEST_REASON_NO_QUEUE (UINT64_C(1) << 20)
/* Addresses and tables are wider than the host's. */
#define IOMMUNEST_VTD_GUEST_REASON_MGAW (UINT64_C(1) << 21)
#define IOMMUNEST_VTD_GUEST_REASON_SAGAW (UINT64_C(1) << 22)
/* More of what the host does not have: ZLR; DWD, DRD; NWFS; DIT. */
#define IOMMUNEST_VTD_GUEST_REASON_ZERO_LENGTH_READ (UINT64_C(1) << 23)
#define IOMMUNEST_VTD_GUEST_REASON_DRAINING (UINT64_C(1) << 24)
#define IOMMUNEST_VTD_GUEST_REASON_NO_WRITE_FLAG (UINT64_C(1) << 25)
#define IOMMUNEST_VTD_GUEST_REASON_THROTTLE (UINT64_C(1) << 26)
/* What nobody can pass on to the host: MTS; RPRIVS; PTRS; SMS. */
#define IOMMUNEST_VTD_GUEST_REASON_MEMORY_TYPE (UINT64_C(1) << 27)
#define IOMMUNEST_VTD_GUEST_REASON_PRIVILEGE (UINT64_C(1) << 28)
#define IOMMUNEST_VTD_GUEST_REASON_TRANSLATED_PASID (UINT64_C(1) << 29)
#define IOMMUNEST_VTD_GUEST_REASON_STOP_MARKER (UINT64_C(1) << 30)
/* RWBF, ECMDS, PMS; and HPTS, HPT1GPS, TDXCS, RDTS. */
#define IOMMUNEST_VTD_GUEST_REASON_HOST_REGISTERS (UINT64_C(1) << 31)
#define IOMMUNEST_VTD_GUEST_REASON_HOST_TABLES (UINT64_C(1) << 32)
#define IOMMUNEST_VTD_GUEST_REASON_RESERVED (UINT64_C(1) << 33)
/* Of the kernel, by guest->features and guest->kernel_faults. */
#define IOMMUNEST_VTD_GUEST_REASON_KERNEL_NO_NESTING (UINT64_C(1) << 34)
#define IOMMUNEST_VTD_GUEST_REASON_KERNEL_NO_PASID (UINT64_C(1) << 35)
#define IOMMUNEST_VTD_GUEST_REASON_KERNEL_NO_PAGE_REQUESTS (UINT64_C(1) << 36)
#define IOMMUNEST_VTD_GUEST_REASON_KERNEL_FAULT (UINT64_C(1) << 37)

/*
 * Checks whether the host can serve the guest.  *@reasons gets a bit,
 * IOMMUNEST_VTD_GUEST_REASON_*, for each reason why it cannot.  Any thread.
 * Returns how many there are, 0 if it can; -EINVAL (NULL, a bad size, reserved
 * not 0), -E2BIG, -EOPNOTSUPP (unknown flags).
 */
int iommunest_vtd_guest_check(const struct iommunest_hw_info *info,
			      const struct iommunest_vtd_guest *guest,
			      uint64_t *reasons);

/*
 * Describes one reason, a single bit; "unknown" for anything else.  Static.
 * Any thread.
 */
const char *iommunest_vtd_guest_reason_text(uint64_t reason);

/* Known faults of kernels: bits of *@faults. */
/*
 * Invalidations of a nested HWPT are sent as plain IOTLB descriptors, and
 * succeed: what is cached of stage 1 stays.  From 6.16.8 to 6.18.15, and from
 * 6.19 to 6.19.5.
 */
#define IOMMUNEST_VTD_KERNEL_FAULT_PLAIN_IOTLB (UINT64_C(1) << 0)
/*
 * "All" is sent page-selective with an address mask of 52.  What hardware
 * makes of that is not known.  From 6.10 to before 7.1, except where
 * PLAIN_IOTLB is reported.
 */
#define IOMMUNEST_VTD_KERNEL_FAULT_ALL_AM_52 (UINT64_C(1) << 1)
/* ATS is off in nested mode, so that no device has a device TLB.  6.12. */
#define IOMMUNEST_VTD_KERNEL_FAULT_NO_NESTED_ATS (UINT64_C(1) << 2)

/*
 * Which faults the kernel @release, as uname(2) gives it ("6.12.117",
 * "6.18.3-amd64"), is known to have where a guest is nested.  6.12.117 and
 * 7.3.4 were examined; where a fault begins and ends is inferred.  It goes by
 * the numbers alone: what a distribution has fixed, or broken, it does not
 * see, and a release candidate is taken for its release.  Any thread.  Returns
 * how many there are, 0 if none is known; -EINVAL (NULL, or @release does not
 * begin with two or three numbers).
 */
int iommunest_vtd_kernel_faults(const char *release, uint64_t *faults);

/*
 * Describes one fault, a single bit; "unknown" for anything else.  Static.
 * Any thread.
 */
const char *iommunest_vtd_kernel_fault_text(uint64_t fault);

/* Bits of iommunest_vtd_s1::flags (enum iommu_hwpt_vtd_s1_flags). */
#define IOMMUNEST_VTD_S1_SRE (1u << 0)	/* supervisor requests */
#define IOMMUNEST_VTD_S1_EAFE (1u << 1) /* extended access flag */
#define IOMMUNEST_VTD_S1_WPE (1u << 2)	/* write protect */

/*
 * A guest's stage 1, from its scalable-mode PASID-table entry (VT-d
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
	/*
	 * Of the HWPT, and not from the guest's entry: IOMMUNEST_HWPT_FAULT_ID,
	 * IOMMUNEST_HWPT_PASID.
	 */
	uint32_t hwpt_flags;
	/* With IOMMUNEST_HWPT_FAULT_ID; else 0. */
	uint32_t fault_id;
};

/*
 * Allocates a nested HWPT: a guest's stage 1 on the stage 2 of @parent_id.
 * Refuses here what the kernel accepts and only rejects at attach, or never:
 * unknown flags (-EOPNOTSUPP), an unaligned root table, a width other than 48
 * and 57, or a fault_id without its flag (-EINVAL).  Otherwise returns 0,
 * -EINVAL (a NULL argument, @parent_id is no nest parent), -E2BIG, -ENOENT (no
 * such device or fault queue), -EOPNOTSUPP (hardware, driver, or hwpt_flags
 * that the kernel does not know), -ENOMEM.
 */
int iommunest_vtd_hwpt_alloc(struct iommunest_ctx *ctx, uint32_t dev_id,
			     uint32_t parent_id,
			     const struct iommunest_vtd_s1 *s1,
			     uint32_t *hwpt_id);

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
	size_t size;
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

/*
 * Decodes an entry, whose words are in the CPU's byte order; checks nothing.
 * entry->size must be set.  Any thread.
 * Returns 0, -EINVAL (NULL or a size too small), -E2BIG (above 4096).
 */
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
	/* The host does not support these two. */
	IOMMUNEST_VTD_PASID_REASON_SRE = 1 << 5,
	IOMMUNEST_VTD_PASID_REASON_EAFE = 1 << 6,
	/* The kernel has no way to pass these on; CD and EMTE. */
	IOMMUNEST_VTD_PASID_REASON_ERE = 1 << 7,
	IOMMUNEST_VTD_PASID_REASON_MEMORY_TYPE = 1 << 8,
};

/*
 * Builds the data of a nested HWPT from a guest's PASID-table entry, and
 * refuses here what the kernel would accept at allocation and reject at
 * attach, or drop silently.  @addr_bits is the width of guest physical
 * addresses, 32 to 64.  @s1->size must be set; what is not from the entry
 * becomes 0: set `hwpt_flags` and `fault_id` after the call.  @reason may be
 * NULL; the first reason found, or NONE, goes there.  Any thread.  Returns 0,
 * or with the reason
 *   -ENOENT      NOT_PRESENT
 *   -EINVAL      RESERVED, ADDRESS; without a reason: NULL, a bad size or
 *                @addr_bits
 *   -E2BIG       without a reason: a size above 4096
 *   -EOPNOTSUPP  all others; without a reason: @info is not of a VT-d
 */
int iommunest_vtd_pasid_to_s1(const struct iommunest_vtd_pasid_entry *entry,
			      const struct iommunest_hw_info *info,
			      unsigned int addr_bits,
			      struct iommunest_vtd_s1 *s1, uint32_t *reason);

/*
 * Describes a reason, "ok" for NONE; "unknown" for anything else.  Static.  Any
 * thread.
 */
const char *iommunest_vtd_pasid_reason_text(uint32_t reason);

/* ------------------------------------------------------------------------
 * VT-d stage-1 entries
 */

/*
 * VT-d stage 1 (struct iommu_hwpt_vtd_s1_invalidate).  Static.  A function and
 * not a variable, so that the struct can grow without breaking programs that
 * were linked before.
 */
const struct iommunest_inv_type *iommunest_vtd_s1_type(void);

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
 * Only leaf entries changed: paging-structure caches are kept (the IH bit of a
 * guest's descriptor, IOMMU_VTD_INV_FLAGS_LEAF).
 */
#define IOMMUNEST_VTD_LEAF (1u << 0)

/* Everything that is cached of the HWPT's stage 1. */
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
 * The block of 2^@am pages that holds @addr, as in a guest's descriptor
 * (VT-d specification, chapter 6, "PASID-based-IOTLB Invalidate Descriptor"):
 * address bits below the block are ignored.  @am is 0 to 63; from 52 on, the
 * block is the whole address space and becomes all.  Returns 0, -EINVAL
 * (@am > 63), -EOPNOTSUPP.
 */
int iommunest_vtd_entry_block(struct iommunest_vtd_entry *entry, uint64_t addr,
			      unsigned int am, uint32_t flags);

/* ---- VT-d stage-1 entries straight into a batch ---- */

/*
 * Merge an add with the entry before it where one holds the other, or where
 * both have the same flags and their union is one aligned block of 2^n pages.
 * The merged entry flushes their union, no more and no less, and keeps its
 * first cookie.  A range that goes as several blocks is left alone.
 */
#define IOMMUNEST_VTD_COALESCE (1u << 0)

#define IOMMUNEST_VTD_DEFAULT_BLOCKS 32u

struct iommunest_vtd_limits {
	size_t size;
	/* IOMMUNEST_VTD_COALESCE or 0. */
	uint32_t flags;
	/*
	 * The most blocks that a range may become; 0 is
	 * IOMMUNEST_VTD_DEFAULT_BLOCKS.
	 */
	uint32_t max_blocks;
};

/*
 * Sets what the three functions below do.  By default they do not merge.
 * Returns 0, -EINVAL (NULL, a bad size, a batch of another type), -EOPNOTSUPP
 * (unknown flags), -E2BIG.
 */
int iommunest_vtd_batch_set_limits(struct iommunest_batch *batch,
				   const struct iommunest_vtd_limits *limits);

/*
 * Add "all", a range or a block, as the builders above.  A range goes as
 * naturally aligned blocks of 2^n pages: first both its ends are rounded
 * outwards to a multiple of 2^k pages, with the k for which the number of
 * blocks plus the number of pages beside the range is least, among those with
 * at most max_blocks blocks.  Usually k is 0, and the blocks are the range
 * exactly.  If they are the whole address space, "all" is added.  Either all
 * blocks are added or none.  Errors are the builders' and
 * iommunest_batch_add()'s, and they stick; -EINVAL also for a batch of another
 * type.
 */
int iommunest_vtd_batch_add_all(struct iommunest_batch *batch, uint64_t cookie);
int iommunest_vtd_batch_add_range(struct iommunest_batch *batch, uint64_t addr,
				  uint64_t npages, uint32_t flags,
				  uint64_t cookie);
int iommunest_vtd_batch_add_block(struct iommunest_batch *batch, uint64_t addr,
				  unsigned int am, uint32_t flags,
				  uint64_t cookie);

/* Errors of the invalidation queue in FSTS_REG. */
#define IOMMUNEST_VTD_FSTS_IQE (1u << 4) /* queue error */
#define IOMMUNEST_VTD_FSTS_ICE (1u << 5) /* a device answered wrongly */
#define IOMMUNEST_VTD_FSTS_ITE (1u << 6) /* a device did not answer */

/*
 * driver_error of VT-d, where the kernel reports it: IOMMUNEST_VTD_FSTS_IQE (an
 * entry was refused) with IQERCD_REG.IQEI in bits 11:8, IOMMUNEST_VTD_FSTS_ITE
 * (a device did not answer, and the host has blocked it), or both.  With both,
 * the indexes are of what was refused: the rest is done.
 */
#define IOMMUNEST_VTD_ERROR_IQEI(code) ((code) >> 8 & 0xfu)

#ifdef __cplusplus
}
#endif

#endif /* IOMMUNEST_VTD_H */
