/*
 * Nested translation for the emulated VT-d: what its files share
 * Copyright (C) The libiommunest authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 *   intel_iommu_nest.c        devices: what each is attached to, and why
 *   intel_iommu_nest_tables.c the guest's tables, read
 *   intel_iommu_nest_queue.c  the queue: registers, and the engine's callbacks
 */

#ifndef HW_I386_INTEL_IOMMU_NEST_INTERNAL_H
#define HW_I386_INTEL_IOMMU_NEST_INTERNAL_H

#include <libiommunest.h>

#include "hw/vfio/vfio-common.h"
#include "intel_iommu_nest.h"

/* One /dev/iommu, which is an iommufd object's, and the devices on it */
typedef struct VTDNestContext {
    IOMMUFDBackend *be;
    struct iommunest_ctx *ctx;
    unsigned int users;
    QLIST_ENTRY(VTDNestContext) next;
} VTDNestContext;

typedef enum VTDNestState {
    /* The nest parent: all of guest memory, as without a vIOMMU */
    VTD_NEST_PARENT,
    /* Detached: no DMA */
    VTD_NEST_BLOCKED,
    /* A nested HWPT: the guest's first stage */
    VTD_NEST_STAGE1,
} VTDNestState;

/* A guest's first stage, and by what its descriptors name it */
typedef struct VTDNestStage1 {
    uint16_t did;
    uint32_t pasid;
    struct iommunest_vtd_s1 s1;
} VTDNestStage1;

typedef struct VTDNestDevice VTDNestDevice;

/* What a device's requests with one PASID are attached to */
typedef struct VTDNestPASID {
    VTDNestDevice *dev;
    /* PCI_NO_PASID: requests without one */
    uint32_t pasid;
    VTDNestState state;
    /* Of VTD_NEST_STAGE1 */
    uint32_t hwpt_id;
    /* Of VTD_NEST_PARENT, the domain and the PASID only */
    VTDNestStage1 stage1;
    QLIST_ENTRY(VTDNestPASID) next;
} VTDNestPASID;

struct VTDNestDevice {
    VTDNest *nest;
    VTDNestContext *context;
    VFIODevice *vdev;
    VTDAddressSpace *as;
    uint32_t parent_id;
    struct iommunest_hw_info info;
    /* Of PASIDs that the guest may use with it; 0: none */
    unsigned int pasid_bits;
    /* What the user has been told already, of what a guest can repeat */
    bool said_legacy;
    bool said_failed;
    /* Requests without PASID, and what else the guest has entries for */
    unsigned int n_pasids;
    QLIST_HEAD(, VTDNestPASID) pasids;
    QLIST_ENTRY(VTDNestDevice) next;
};

struct VTDNest {
    IntelIOMMUState *s;
    struct iommunest_vtd_iq *iq;
    /* Goes on where the budget ended a run */
    QEMUBH *bh;
    /* The mode of the root table that is set */
    enum iommunest_vtd_ttm ttm;
    /* The queue halts; with nothing in FSTS, the host is at fault */
    bool halted;
    QLIST_HEAD(, VTDNestContext) contexts;
    QLIST_HEAD(, VTDNestDevice) devices;
};

/* The guest's tables, in scalable mode */

/* Fault reasons, as the VT-d specification numbers them */
typedef enum VTDNestFault {
    VTD_NEST_FAULT_NONE = 0,
    VTD_NEST_FAULT_TTM = 0x30,
    VTD_NEST_FAULT_ROOT_ACCESS = 0x38,
    VTD_NEST_FAULT_ROOT_P = 0x39,
    VTD_NEST_FAULT_ROOT_RSVD = 0x3a,
    VTD_NEST_FAULT_CONTEXT_ACCESS = 0x40,
    VTD_NEST_FAULT_CONTEXT_P = 0x41,
    VTD_NEST_FAULT_CONTEXT_RSVD = 0x42,
    VTD_NEST_FAULT_CONTEXT_INV = 0x43,
    VTD_NEST_FAULT_DIRECTORY_ACCESS = 0x50,
    VTD_NEST_FAULT_DIRECTORY_P = 0x51,
    VTD_NEST_FAULT_ENTRY_ACCESS = 0x58,
    VTD_NEST_FAULT_ENTRY_P = 0x59,
    VTD_NEST_FAULT_ENTRY_RSVD = 0x5a,
    VTD_NEST_FAULT_ENTRY_INV = 0x5b,
    VTD_NEST_FAULT_TABLE_ACCESS = 0x73,
} VTDNestFault;

typedef struct VTDNestContextEntry {
    hwaddr directory;
    /* PASIDs that the directory has room for */
    unsigned int pasid_bits;
    /* Requests with a PASID are translated */
    bool pasids;
    /* Of requests without one */
    uint32_t rid_pasid;
    bool fpd;
} VTDNestContextEntry;

#define VTD_NEST_ENTRY_WORDS 8

typedef struct VTDNestEntry {
    uint64_t words[VTD_NEST_ENTRY_WORDS];
    /*
     * Fault processing disable, of this entry or of one that led to it; of a
     * failed access, which is recorded all the same, it is false
     */
    bool fpd;
} VTDNestEntry;

VTDNestFault vtd_nest_find_context(IntelIOMMUState *s, uint16_t sid,
                                   VTDNestContextEntry *ce);
/* @pasid has no more than ce->pasid_bits */
VTDNestFault vtd_nest_find_entry(const VTDNestContextEntry *ce, uint32_t pasid,
                                 VTDNestEntry *entry);
/* False: no more of them */
typedef bool VTDNestEachPASID(void *opaque, uint32_t pasid);
/* Of PASIDs of @bits, those that have an entry */
void vtd_nest_each_pasid(const VTDNestContextEntry *ce, unsigned int bits,
                         VTDNestEachPASID *each, void *opaque);

/* Devices */

uint16_t vtd_nest_sid(const VTDNestDevice *dev);
struct iommunest_vtd_target vtd_nest_target(VTDNestPASID *np);
/* What a context-cache descriptor for some functions of a device reaches */
void vtd_nest_sync_device(VTDNest *nest, uint16_t sid, unsigned int fm);
/* What a PASID-cache descriptor reaches */
void vtd_nest_sync_pasid_cache(VTDNest *nest,
                               const struct iommunest_vtd_desc *desc);
/*
 * Blocks the DMA of what the host failed on, until the guest's next PASID-cache
 * descriptor.  Returns 0 or a negated errno: it may still reach guest memory.
 */
int vtd_nest_isolate(VTDNestPASID *np, const char *what, int error);

/* The queue */

bool vtd_nest_queue_init(VTDNest *nest, bool no_all, Error **errp);
/* The host fails, and a device cannot be kept from guest memory: no way on */
void vtd_nest_stop(VTDNest *nest);

#endif /* HW_I386_INTEL_IOMMU_NEST_INTERNAL_H */
