/*
 * Nested translation for the emulated VT-d: the invalidation queue
 * Copyright (C) The libiommunest authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * libiommunest's engine reads the ring, sends to the host what is the host's,
 * and calls back for the rest.  Here, register writes become calls, and results
 * become registers.  The members of IntelIOMMUState that QEMU's own queue has
 * (iq, iq_head ...) are kept, because they are migrated.
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "hw/pci/pci_bus.h"
#include "system/dma.h"
#include "system/runstate.h"
#include "intel_iommu_nest_internal.h"
#include "trace.h"

/*
 * Descriptors in one exit of a vCPU, or one turn of the main loop, at most.  A
 * guest that waits for each flush queues two.
 */
#define VTD_NEST_BUDGET 256

/*
 * The queue and the status words are memory: what a guest writes there must not
 * come back as an access to a device.
 */
static const MemTxAttrs vtd_nest_attrs = { .memory = true };

static uint64_t vtd_nest_reg(IntelIOMMUState *s, hwaddr addr)
{
    return ldq_le_p(&s->csr[addr]);
}

static void vtd_nest_set_reg(IntelIOMMUState *s, hwaddr addr, uint64_t val)
{
    stq_le_p(&s->csr[addr], val);
}

static uint32_t vtd_nest_fsts(IntelIOMMUState *s)
{
    return ldl_le_p(&s->csr[DMAR_FSTS_REG]);
}

/* What the engine asks for */

static int vtd_nest_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
    return dma_memory_read(&address_space_memory, gpa, buf, len,
                           vtd_nest_attrs) ? -EFAULT : 0;
}

static int vtd_nest_write_status(void *opaque, uint32_t index, uint64_t gpa,
                                 uint32_t data)
{
    trace_vtd_nest_wait(index, data);
    data = cpu_to_le32(data);
    return dma_memory_write(&address_space_memory, gpa, &data, sizeof(data),
                            vtd_nest_attrs) ? -EFAULT : 0;
}

static void vtd_nest_interrupt(void *opaque, uint32_t index)
{
    VTDNest *nest = opaque;

    vtd_generate_completion_event(nest->s);
}

/*
 * The descriptor as emulated devices know it: without the fields that they have
 * no use for, and with all in place of a block that is larger than VTD_MAMV.
 */
static bool vtd_nest_to_emulated(const struct iommunest_vtd_desc *desc,
                                 VTDInvDesc *inv_desc)
{
    struct iommunest_vtd_desc plain = *desc;
    bool large = desc->am > VTD_MAMV;

    switch (desc->type) {
    case IOMMUNEST_VTD_DESC_PIOTLB:
        if (large && desc->granularity == IOMMUNEST_VTD_PIOTLB_PAGES) {
            iommunest_vtd_desc_piotlb(&plain, IOMMUNEST_VTD_PIOTLB_ALL,
                                      desc->did, desc->pasid, 0, 0, 0);
        }
        break;
    case IOMMUNEST_VTD_DESC_IOTLB:
        if (large && desc->granularity == IOMMUNEST_VTD_IOTLB_PAGES) {
            iommunest_vtd_desc_iotlb(&plain, IOMMUNEST_VTD_IOTLB_DOMAIN,
                                     desc->did, 0, 0, 0);
        }
        break;
    case IOMMUNEST_VTD_DESC_DEV_TLB:
    case IOMMUNEST_VTD_DESC_PASID_DEV_TLB:
        plain.pfsid = 0;
        plain.mip = 0;
        if (iommunest_vtd_desc_encode(&plain)) {
            return false;
        }
        break;
    case IOMMUNEST_VTD_DESC_WAIT:
    case IOMMUNEST_VTD_DESC_PAGE_RESPONSE:
        /* There are no page requests: nothing to drain or to answer */
        return false;
    }
    memset(inv_desc, 0, sizeof(*inv_desc));
    memcpy(inv_desc->val, plain.raw, sizeof(plain.raw));
    return true;
}

static void vtd_nest_emulate(VTDNest *nest,
                             const struct iommunest_vtd_desc *desc)
{
    VTDInvDesc inv_desc;

    if (vtd_nest_to_emulated(desc, &inv_desc) &&
        !vtd_handle_inv_desc(nest->s, inv_desc)) {
        /* It knows of less than the engine: then all that is cached goes */
        inv_desc = (VTDInvDesc) {
            .lo = VTD_INV_DESC_IOTLB | VTD_INV_DESC_IOTLB_GLOBAL,
        };
        vtd_handle_inv_desc(nest->s, inv_desc);
    }
}

/* Emulated devices, too, may have been moved to another kind of entry */
static void vtd_nest_switch_emulated(IntelIOMMUState *s)
{
    VTDAddressSpace *as;
    GHashTableIter iter;

    g_hash_table_iter_init(&iter, s->vtd_address_spaces);
    while (g_hash_table_iter_next(&iter, NULL, (void **)&as)) {
        if (!as->nested) {
            vtd_switch_address_space(as);
        }
    }
}

static void vtd_nest_trace_desc(uint32_t index,
                                const struct iommunest_vtd_desc *desc)
{
    char text[128];

    if (trace_event_get_state_backends(TRACE_VTD_NEST_DESC)) {
        iommunest_vtd_desc_print(desc, text, sizeof(text));
        trace_vtd_nest_desc(index, text);
    }
}

/*
 * All that precedes it in the ring is done.  What the host cannot do blocks the
 * device: the guest has no use for an error here.
 */
static int vtd_nest_descriptor(void *opaque, uint32_t index,
                               const struct iommunest_vtd_desc *desc)
{
    VTDNest *nest = opaque;

    vtd_nest_trace_desc(index, desc);
    vtd_nest_emulate(nest, desc);
    switch (desc->type) {
    case IOMMUNEST_VTD_DESC_CONTEXT_CACHE:
        /* The others have gone through vtd_switch_address_space_all() */
        if (desc->granularity == IOMMUNEST_VTD_CONTEXT_DEVICE) {
            vtd_nest_sync_device(nest, desc->sid, desc->fm);
        }
        break;
    case IOMMUNEST_VTD_DESC_PASID_CACHE:
        vtd_nest_switch_emulated(nest->s);
        vtd_nest_sync_pasid_cache(nest, desc);
        break;
    }
    return 0;
}

/* The host has it; an emulated device may be in the same domain */
static int vtd_nest_forwarded(void *opaque, uint32_t index,
                              const struct iommunest_vtd_desc *desc)
{
    vtd_nest_trace_desc(index, desc);
    vtd_nest_emulate(opaque, desc);
    return 0;
}

/* A device-TLB descriptor for this PASID, or for all, is for this one, too */
static bool vtd_nest_has_pasid(const VTDNestPASID *np, uint32_t pasid)
{
    switch (pasid) {
    case IOMMUNEST_VTD_ALL_PASIDS:
        return true;
    case IOMMUNEST_VTD_NO_PASID:
        return np->pasid == PCI_NO_PASID;
    default:
        return np->stage1.pasid == pasid;
    }
}

/* Devices are looked up, because their source ids change with the guest's */
static int vtd_nest_device(void *opaque, uint16_t sid, uint32_t pasid,
                           uint32_t nth, struct iommunest_vtd_target *target)
{
    VTDNest *nest = opaque;
    VTDNestDevice *dev;
    VTDNestPASID *np;

    QLIST_FOREACH(dev, &nest->devices, next) {
        if (vtd_nest_sid(dev) != sid) {
            continue;
        }
        QLIST_FOREACH(np, &dev->pasids, next) {
            if (np->state == VTD_NEST_STAGE1 &&
                vtd_nest_has_pasid(np, pasid) && !nth--) {
                *target = vtd_nest_target(np);
                return 1;
            }
        }
    }
    return 0;
}

static void vtd_nest_healed(void *opaque, uint64_t cookie, uint32_t index,
                            int error, uint32_t code)
{
    VTDNestPASID *np = (VTDNestPASID *)(uintptr_t)cookie;

    trace_vtd_nest_heal(np->dev->vdev->name, index, error, code);
    warn_report_once("%s: the host failed to invalidate (%s, code 0x%x); all "
                     "of the device's mappings were invalidated instead",
                     np->dev->vdev->name, strerror(-error), code);
}

static int vtd_nest_isolate_target(void *opaque, uint64_t cookie,
                                   uint32_t index, int error, uint32_t code)
{
    return vtd_nest_isolate((VTDNestPASID *)(uintptr_t)cookie, "invalidate",
                            error);
}

static void vtd_nest_trace(void *opaque, uint64_t cookie,
                           const struct iommunest_call *call)
{
    VTDNestPASID *np = (VTDNestPASID *)(uintptr_t)cookie;

    trace_vtd_nest_call(np->dev->vdev->name, call->id, call->count,
                        call->handled, call->error);
}

static const struct iommunest_vtd_iq_ops vtd_nest_ops = {
    .size = sizeof(vtd_nest_ops),
    .read = vtd_nest_read,
    .write_status = vtd_nest_write_status,
    .interrupt = vtd_nest_interrupt,
    .descriptor = vtd_nest_descriptor,
    .forwarded = vtd_nest_forwarded,
    .device = vtd_nest_device,
    .healed = vtd_nest_healed,
    .isolate = vtd_nest_isolate_target,
    .trace = vtd_nest_trace,
};

/* Runs, and what the guest sees of them */

/* Not an internal error, after which QEMU wants a reset before it goes on */
void vtd_nest_stop(VTDNest *nest)
{
    nest->halted = true;
    error_report("x-nest=on: a device may use memory that the guest took from "
                 "it; the machine stops");
    vm_stop(RUN_STATE_IO_ERROR);
}

/* A step's registers change together, after its status words */
static void vtd_nest_show(VTDNest *nest, int ret,
                          const struct iommunest_vtd_iq_result *result)
{
    IntelIOMMUState *s = nest->s;
    uint32_t fsts = vtd_nest_fsts(s);

    trace_vtd_nest_run(vtd_nest_reg(s, DMAR_IQT_REG), result->iqh,
                       result->descriptors, result->entries, result->calls,
                       ret);
    vtd_nest_set_reg(s, DMAR_IQERCD_REG, result->iqercd);
    vtd_nest_set_reg(s, DMAR_IQH_REG, result->iqh);
    s->iq_head = VTD_IQT_QT(s->iq_dw, result->iqh);
    if (result->fsts & ~fsts) {
        stl_le_p(&s->csr[DMAR_FSTS_REG], fsts | result->fsts);
        vtd_generate_fault_event(s, fsts);
    }
    if (result->cause == IOMMUNEST_CAUSE_NONE) {
        return;
    }
    if (!nest->halted) {
        trace_vtd_nest_halt(result->index, result->cause, result->error,
                            result->fsts);
        nest->halted = true;
    }
    if (result->cause == IOMMUNEST_CAUSE_HOST && runstate_is_running()) {
        vtd_nest_stop(nest);
    }
}

/* It costs the fast path, and the monitor can turn it on at any time */
static void vtd_nest_choose_trace(VTDNest *nest)
{
    iommunest_vtd_iq_set_trace(
        nest->iq, trace_event_get_state_backends(TRACE_VTD_NEST_CALL));
}

/* Returns as iommunest_vtd_iq_run() does: 1, the budget has ended it */
static int vtd_nest_run(VTDNest *nest)
{
    struct iommunest_vtd_iq_result result =
        IOMMUNEST_INIT(struct iommunest_vtd_iq_result);
    int ret;

    vtd_nest_choose_trace(nest);
    ret = iommunest_vtd_iq_run(nest->iq, vtd_nest_reg(nest->s, DMAR_IQT_REG),
                               &result);
    if (ret != -EBUSY) {
        vtd_nest_show(nest, ret, &result);
    }
    return ret;
}

static void vtd_nest_run_or_schedule(VTDNest *nest)
{
    if (vtd_nest_run(nest) == 1) {
        qemu_bh_schedule(nest->bh);
    }
}

/* Nothing in FSTS: the host was at fault, and may have been helped since */
static void vtd_nest_try_again(VTDNest *nest)
{
    nest->halted = false;
    iommunest_vtd_iq_clear_fault(nest->iq);
    vtd_nest_sync_all(nest->s);
}

/* A machine that is stopped does not change: it goes on when that one does */
static void vtd_nest_bh(void *opaque)
{
    VTDNest *nest = opaque;

    if (!runstate_is_running()) {
        return;
    }
    if (nest->halted && !(vtd_nest_fsts(nest->s) & VTD_FSTS_IQ_MASK)) {
        vtd_nest_try_again(nest);
    }
    if (nest->s->qi_enabled) {
        vtd_nest_run_or_schedule(nest);
    }
}

/* Here, or on the machine that this one was migrated to */
static void vtd_nest_vm_changed(void *opaque, bool running, RunState state)
{
    VTDNest *nest = opaque;

    if (running) {
        qemu_bh_schedule(nest->bh);
    }
}

/* Register writes */

bool vtd_nest_handle_iqt(IntelIOMMUState *s)
{
    uint64_t iqt = vtd_nest_reg(s, DMAR_IQT_REG);

    if (!s->nest) {
        return false;
    }
    s->iq_tail = VTD_IQT_QT(s->iq_dw, iqt);
    trace_vtd_inv_qi_tail(s->iq_tail);
    /* Of a queue that is not enabled, the engine keeps the tail */
    vtd_nest_run_or_schedule(s->nest);
    return true;
}

/*
 * The guest has dealt with the error, and the queue goes on before the write
 * returns: Linux uses its slots again right after it.
 */
void vtd_nest_handle_fsts(IntelIOMMUState *s)
{
    VTDNest *nest = s->nest;

    if (!nest || !nest->halted || vtd_nest_fsts(s) & VTD_FSTS_IQ_MASK) {
        return;
    }
    nest->halted = false;
    iommunest_vtd_iq_clear_fault(nest->iq);
    while (vtd_nest_run(nest) == 1) {
        /* No more than what is in the ring */
    }
}

static void vtd_nest_enable(VTDNest *nest)
{
    struct iommunest_vtd_iq_result result =
        IOMMUNEST_INIT(struct iommunest_vtd_iq_result);
    IntelIOMMUState *s = nest->s;
    uint64_t iqa = vtd_nest_reg(s, DMAR_IQA_REG);
    int ret;

    ret = iommunest_vtd_iq_set_base(nest->iq, iqa, nest->ttm);
    if (ret) {
        error_report("x-nest=on: the invalidation queue cannot be enabled: %s",
                     strerror(-ret));
        return;
    }
    s->iq = iqa & VTD_IQA_IQA_MASK(s->aw_bits);
    s->iq_size = 1UL << ((iqa & VTD_IQA_QS) + 8 - s->iq_dw);
    s->qi_enabled = true;
    nest->halted = false;
    trace_vtd_inv_qi_setup(s->iq, s->iq_size);
    stl_le_p(&s->csr[DMAR_GSTS_REG],
             ldl_le_p(&s->csr[DMAR_GSTS_REG]) | VTD_GSTS_QIES);
    vtd_nest_choose_trace(nest);
    ret = iommunest_vtd_iq_enable(nest->iq, &result);
    vtd_nest_show(nest, ret, &result);
    /* Windows has written the tail before */
    vtd_nest_run_or_schedule(nest);
}

static void vtd_nest_disable(VTDNest *nest)
{
    IntelIOMMUState *s = nest->s;

    if (iommunest_vtd_iq_disable(nest->iq)) {
        return;
    }
    vtd_nest_set_reg(s, DMAR_IQH_REG, 0);
    s->iq_head = 0;
    s->qi_enabled = false;
    stl_le_p(&s->csr[DMAR_GSTS_REG],
             ldl_le_p(&s->csr[DMAR_GSTS_REG]) & ~VTD_GSTS_QIES);
}

bool vtd_nest_handle_qie(IntelIOMMUState *s, bool en)
{
    if (!s->nest) {
        return false;
    }
    if (en) {
        vtd_nest_enable(s->nest);
    } else {
        vtd_nest_disable(s->nest);
    }
    return true;
}

void vtd_nest_set_mode(IntelIOMMUState *s)
{
    VTDNest *nest = s->nest;

    if (nest) {
        nest->ttm =
            IOMMUNEST_VTD_RTADDR_TTM(vtd_nest_reg(s, DMAR_RTADDR_REG));
        iommunest_vtd_iq_set_mode(nest->iq, nest->ttm);
    }
}

/* Life cycle */

void vtd_nest_reset(IntelIOMMUState *s)
{
    VTDNest *nest = s->nest;

    if (!nest) {
        return;
    }
    qemu_bh_cancel(nest->bh);
    iommunest_vtd_iq_reset(nest->iq);
    nest->ttm = IOMMUNEST_VTD_TTM_LEGACY;
    nest->halted = false;
}

/* The stream has the registers, and nothing else is needed */
void vtd_nest_post_load(IntelIOMMUState *s)
{
    VTDNest *nest = s->nest;
    struct iommunest_vtd_iq_registers registers;
    int ret;

    if (!nest) {
        return;
    }
    registers = (struct iommunest_vtd_iq_registers) {
        .size = sizeof(registers),
        /* The base as it was when the queue was enabled */
        .iqa = s->iq | (vtd_nest_reg(s, DMAR_IQA_REG) &
                        (VTD_IQA_QS | VTD_IQA_DW_MASK)),
        .iqh = vtd_nest_reg(s, DMAR_IQH_REG),
        .iqt = vtd_nest_reg(s, DMAR_IQT_REG),
        .iqercd = vtd_nest_reg(s, DMAR_IQERCD_REG),
        .fsts = vtd_nest_fsts(s),
        .ttm = nest->ttm,
        .enabled = s->qi_enabled,
    };
    ret = iommunest_vtd_iq_restore_registers(nest->iq, &registers);
    if (ret) {
        error_report("x-nest=on: the queue that was loaded makes no sense: %s",
                     strerror(-ret));
    }
    nest->halted = vtd_nest_fsts(s) & VTD_FSTS_IQ_MASK;
}

bool vtd_nest_queue_init(VTDNest *nest, bool no_all, Error **errp)
{
    const struct iommunest_vtd_iq_options options = {
        .size = sizeof(options),
        .budget = VTD_NEST_BUDGET,
        .flags = no_all ? IOMMUNEST_VTD_IQ_NO_ALL : 0,
    };
    int ret;

    ret = iommunest_vtd_iq_new(&nest->iq, &vtd_nest_ops, nest, &options);
    if (ret) {
        error_setg_errno(errp, -ret, "x-nest=on: libiommunest");
        return false;
    }
    nest->bh = qemu_bh_new_guarded(vtd_nest_bh, nest,
                                   &DEVICE(nest->s)->mem_reentrancy_guard);
    qemu_add_vm_change_state_handler(vtd_nest_vm_changed, nest);
    return true;
}
