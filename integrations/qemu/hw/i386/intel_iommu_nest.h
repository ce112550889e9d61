/*
 * Nested translation for the emulated VT-d: what intel_iommu.c calls
 * Copyright (C) The libiommunest authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * With x-nest=on, the guest's invalidation queue is run by libiommunest, and
 * VFIO devices use the guest's first-stage tables in the host's IOMMU.
 *
 * All of it runs with the BQL held, and without iommu_lock, except
 * vtd_nest_check().
 */

#ifndef HW_I386_INTEL_IOMMU_NEST_H
#define HW_I386_INTEL_IOMMU_NEST_H

#include CONFIG_DEVICES
#include "hw/i386/intel_iommu.h"
#include "intel_iommu_internal.h"

/* Of intel_iommu.c */
bool vtd_handle_inv_desc(IntelIOMMUState *s, VTDInvDesc inv_desc);
bool vtd_switch_address_space(VTDAddressSpace *as);
void vtd_switch_address_space_all(IntelIOMMUState *s);
void vtd_generate_completion_event(IntelIOMMUState *s);
void vtd_generate_fault_event(IntelIOMMUState *s, uint32_t pre_fsts);
void vtd_report_dmar_fault(IntelIOMMUState *s, uint16_t source_id,
                           hwaddr addr, VTDFaultReason fault, bool is_write,
                           bool is_pasid, uint32_t pasid);

#ifdef CONFIG_VTD_NEST

/* Makes s->nest, if x-nest is on.  False: errp says why it cannot be */
bool vtd_nest_init(IntelIOMMUState *s, Error **errp);
/* The registers have been reset; translation is off */
void vtd_nest_reset(IntelIOMMUState *s);
/* The registers have been loaded, and nothing has been switched yet */
void vtd_nest_post_load(IntelIOMMUState *s);

/* The guest's root table has been set */
void vtd_nest_set_mode(IntelIOMMUState *s);
/* The guest's tables, or GSTS.TES, may say something else than before */
void vtd_nest_sync_all(IntelIOMMUState *s);

/* Register writes; true: done */
bool vtd_nest_handle_qie(IntelIOMMUState *s, bool en);
bool vtd_nest_handle_iqt(IntelIOMMUState *s);
void vtd_nest_handle_fsts(IntelIOMMUState *s);

/* Whether the host can nest what the guest's registers promise */
bool vtd_nest_check(IntelIOMMUState *s, HostIOMMUDevice *hiod, Error **errp);
void vtd_nest_plug(IntelIOMMUState *s, PCIBus *bus, int devfn,
                   HostIOMMUDevice *hiod);
void vtd_nest_unplug(IntelIOMMUState *s, PCIBus *bus, int devfn);
/* Refuses a VFIO device that is there, and that nobody plugged */
void vtd_nest_machine_done(IntelIOMMUState *s, Object *vfio_pci);

#else

static inline bool vtd_nest_init(IntelIOMMUState *s, Error **errp)
{
    if (s->nest_enabled) {
        error_setg(errp, "x-nest=on: this QEMU was built without libiommunest");
    }
    return !s->nest_enabled;
}

static inline void vtd_nest_reset(IntelIOMMUState *s)
{
}

static inline void vtd_nest_post_load(IntelIOMMUState *s)
{
}

static inline void vtd_nest_set_mode(IntelIOMMUState *s)
{
}

static inline void vtd_nest_sync_all(IntelIOMMUState *s)
{
}

static inline bool vtd_nest_handle_qie(IntelIOMMUState *s, bool en)
{
    return false;
}

static inline bool vtd_nest_handle_iqt(IntelIOMMUState *s)
{
    return false;
}

static inline void vtd_nest_handle_fsts(IntelIOMMUState *s)
{
}

static inline bool vtd_nest_check(IntelIOMMUState *s, HostIOMMUDevice *hiod,
                                  Error **errp)
{
    g_assert_not_reached();
}

static inline void vtd_nest_plug(IntelIOMMUState *s, PCIBus *bus, int devfn,
                                 HostIOMMUDevice *hiod)
{
}

static inline void vtd_nest_unplug(IntelIOMMUState *s, PCIBus *bus, int devfn)
{
}

static inline void vtd_nest_machine_done(IntelIOMMUState *s, Object *vfio_pci)
{
}

#endif /* CONFIG_VTD_NEST */

#endif /* HW_I386_INTEL_IOMMU_NEST_H */
