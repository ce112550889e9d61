/*
 * Nested translation for the emulated VT-d: devices
 * Copyright (C) The libiommunest authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a VFIO device is attached to follows from the guest's registers and
 * tables.  Whenever they may have changed, they are read again, and what is
 * attached is made to fit.  What the host cannot do blocks the device's DMA; a
 * device is never left on a table that the guest took away.
 */

#include "qemu/osdep.h"
#include <sys/utsname.h>
#include <linux/iommufd.h>

#include "qemu/error-report.h"
#include "qemu/log.h"
#include "qapi/error.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "system/iommufd.h"
#include "system/runstate.h"
#include "intel_iommu_nest_internal.h"
#include "trace.h"

/* How often the host is asked for what it may have a moment later */
#define VTD_NEST_TRIES 4
/* Of one device; each is a page table of the host */
#define VTD_NEST_PASIDS_MAX 512

uint16_t vtd_nest_sid(const VTDNestDevice *dev)
{
    /* The guest may have given its buses other numbers */
    return PCI_BUILD_BDF(pci_bus_num(dev->as->bus), dev->as->devfn);
}

static struct iommunest_vtd_target vtd_nest_make_target(VTDNestPASID *np,
                                                        uint32_t hwpt_id)
{
    return (struct iommunest_vtd_target) {
        .size = sizeof(struct iommunest_vtd_target),
        .ctx = np->dev->context->ctx,
        .hwpt_id = hwpt_id,
        .cookie = (uintptr_t)np,
    };
}

struct iommunest_vtd_target vtd_nest_target(VTDNestPASID *np)
{
    return vtd_nest_make_target(np, np->hwpt_id);
}

/* What the guest wants */

typedef struct VTDNestWish {
    VTDNestState state;
    /* Of VTD_NEST_STAGE1 */
    VTDNestStage1 stage1;
    /* Of VTD_NEST_BLOCKED: why, and what the guest sees of it */
    const char *why;
    VTDNestFault fault;
} VTDNestWish;

/*
 * Hardware records a fault when the device does DMA, which is not seen here.
 * What the guest did wrong is recorded when it is found.  What is not there is
 * what each guest begins with, and no fault yet.
 */
static void vtd_nest_wish_blocked(VTDNestWish *wish, const char *why,
                                  VTDNestFault fault)
{
    wish->state = VTD_NEST_BLOCKED;
    wish->why = why;
    wish->fault = fault;
}

static void vtd_nest_wish_no_entry(VTDNestWish *wish, VTDNestFault fault,
                                   bool fpd)
{
    switch (fault) {
    case VTD_NEST_FAULT_ROOT_P:
    case VTD_NEST_FAULT_CONTEXT_P:
    case VTD_NEST_FAULT_DIRECTORY_P:
    case VTD_NEST_FAULT_ENTRY_P:
        fpd = true;
        break;
    default:
        break;
    }
    vtd_nest_wish_blocked(wish, "no valid PASID-table entry",
                          fpd ? VTD_NEST_FAULT_NONE : fault);
}

static VTDNestFault vtd_nest_fault_of(uint32_t reason)
{
    switch (reason) {
    case IOMMUNEST_VTD_PASID_REASON_TYPE:
    case IOMMUNEST_VTD_PASID_REASON_5_LEVEL:
        return VTD_NEST_FAULT_ENTRY_INV;
    case IOMMUNEST_VTD_PASID_REASON_ADDRESS:
        return VTD_NEST_FAULT_TABLE_ACCESS;
    default:
        /* What the guest was not offered is reserved */
        return VTD_NEST_FAULT_ENTRY_RSVD;
    }
}

static void vtd_nest_wish_of_entry(VTDNestPASID *np, const VTDNestEntry *pe,
                                   VTDNestWish *wish)
{
    struct iommunest_vtd_pasid_entry entry =
        IOMMUNEST_INIT(struct iommunest_vtd_pasid_entry);
    VTDNestStage1 *stage1 = &wish->stage1;
    uint32_t reason;

    iommunest_vtd_pasid_decode(&entry, pe->words);
    stage1->did = entry.did;
    if (entry.pgtt == IOMMUNEST_VTD_PGTT_PASS_THROUGH) {
        wish->state = VTD_NEST_PARENT;
        return;
    }
    stage1->s1.size = sizeof(stage1->s1);
    if (iommunest_vtd_pasid_to_s1(&entry, &np->dev->info,
                                  np->dev->nest->s->aw_bits, &stage1->s1,
                                  &reason)) {
        vtd_nest_wish_blocked(wish, iommunest_vtd_pasid_reason_text(reason),
                              pe->fpd ? VTD_NEST_FAULT_NONE :
                                        vtd_nest_fault_of(reason));
        return;
    }
    /* All that the device is attached to has it, or no PASID is attached */
    stage1->s1.hwpt_flags = np->dev->pasid_bits ? IOMMUNEST_HWPT_PASID : 0;
    wish->state = VTD_NEST_STAGE1;
}

/* Requests with a PASID have more to pass than those without */
static bool vtd_nest_may_have(const VTDNestContextEntry *ce, uint32_t pasid)
{
    return pasid == PCI_NO_PASID ||
           (ce->pasids && pasid != ce->rid_pasid && !(pasid >> ce->pasid_bits));
}

/* The one copy of the guest's entry */
static void vtd_nest_wish_of_tables(VTDNestPASID *np, VTDNestWish *wish)
{
    VTDNestContextEntry ce;
    VTDNestEntry pe;
    VTDNestFault fault;

    fault = vtd_nest_find_context(np->dev->nest->s, vtd_nest_sid(np->dev),
                                  &ce);
    if (fault) {
        vtd_nest_wish_no_entry(wish, fault, ce.fpd);
        return;
    }
    if (!vtd_nest_may_have(&ce, np->pasid)) {
        vtd_nest_wish_blocked(wish, "no such PASID", VTD_NEST_FAULT_NONE);
        return;
    }
    wish->stage1.pasid =
        np->pasid == PCI_NO_PASID ? ce.rid_pasid : np->pasid;
    fault = vtd_nest_find_entry(&ce, wish->stage1.pasid, &pe);
    if (fault) {
        vtd_nest_wish_no_entry(wish, fault, pe.fpd);
        return;
    }
    vtd_nest_wish_of_entry(np, &pe, wish);
}

static void vtd_nest_find_wish(VTDNestPASID *np, VTDNestWish *wish)
{
    VTDNest *nest = np->dev->nest;

    *wish = (VTDNestWish) { .state = VTD_NEST_PARENT };
    if (!nest->s->dmar_enabled) {
        if (np->pasid != PCI_NO_PASID) {
            vtd_nest_wish_blocked(wish, "the guest does not translate",
                                  VTD_NEST_FAULT_NONE);
        }
        return;
    }
    switch (nest->ttm) {
    case IOMMUNEST_VTD_TTM_SCALABLE:
        vtd_nest_wish_of_tables(np, wish);
        break;
    case IOMMUNEST_VTD_TTM_LEGACY:
        vtd_nest_wish_blocked(wish, "the guest's root table is of legacy mode",
                              VTD_NEST_FAULT_TTM);
        break;
    default:
        /* The abort mode is not offered */
        vtd_nest_wish_blocked(wish, "the guest's root table is of no mode",
                              VTD_NEST_FAULT_TTM);
    }
}

/* What it gets */

static int vtd_nest_attach(VTDNestPASID *np, uint32_t hwpt_id)
{
    struct iommunest_ctx *ctx = np->dev->context->ctx;
    int fd = np->dev->vdev->fd;

    return np->pasid == PCI_NO_PASID ?
           iommunest_vfio_attach(ctx, fd, &hwpt_id) :
           iommunest_vfio_attach_pasid(ctx, fd, np->pasid, &hwpt_id);
}

static int vtd_nest_detach(VTDNestPASID *np)
{
    struct iommunest_ctx *ctx = np->dev->context->ctx;
    int fd = np->dev->vdev->fd;

    return np->pasid == PCI_NO_PASID ?
           iommunest_vfio_detach(ctx, fd) :
           iommunest_vfio_detach_pasid(ctx, fd, np->pasid);
}

/* Nothing is attached to it any more.  The engine forgets it first. */
static void vtd_nest_drop(VTDNestPASID *np, uint32_t hwpt_id)
{
    struct iommunest_vtd_target target = vtd_nest_make_target(np, hwpt_id);
    int ret;

    if (!hwpt_id) {
        return;
    }
    /* If it never knew of it, this fails and does no harm */
    iommunest_vtd_iq_forget(np->dev->nest->iq, &target);
    ret = iommunest_object_destroy(np->dev->context->ctx, hwpt_id);
    if (ret) {
        trace_vtd_nest_error(np->dev->vdev->name, "destroy", ret);
    }
}

static void vtd_nest_left_stage1(VTDNestPASID *np, VTDNestState state)
{
    uint32_t old = np->hwpt_id;

    np->state = state;
    np->hwpt_id = 0;
    vtd_nest_drop(np, old);
}

static bool vtd_nest_is_same(const VTDNestStage1 *a, const VTDNestStage1 *b)
{
    return a->did == b->did && a->pasid == b->pasid &&
           a->s1.pgtbl_addr == b->s1.pgtbl_addr &&
           a->s1.addr_width == b->s1.addr_width && a->s1.flags == b->s1.flags;
}

/*
 * The engine knows the new HWPT before the device uses it, and the old one goes
 * after the device has left it: nothing is ever cached that no descriptor would
 * reach.  It is new if no more than the domain id is, because what was cached
 * under the old one is not invalidated by the new one.
 */
static int vtd_nest_enter(VTDNestPASID *np, const VTDNestStage1 *stage1)
{
    VTDNestDevice *dev = np->dev;
    struct iommunest_vtd_target target;
    uint32_t hwpt_id, old = np->hwpt_id;
    int ret;

    ret = iommunest_vtd_hwpt_alloc(dev->context->ctx, dev->vdev->devid,
                                   dev->parent_id, &stage1->s1, &hwpt_id);
    if (ret) {
        return ret;
    }
    target = vtd_nest_make_target(np, hwpt_id);
    ret = iommunest_vtd_iq_add_scope(dev->nest->iq, stage1->did, stage1->pasid,
                                     &target);
    if (!ret) {
        ret = vtd_nest_attach(np, hwpt_id);
    }
    if (ret) {
        vtd_nest_drop(np, hwpt_id);
        return ret;
    }
    trace_vtd_nest_attach(dev->vdev->name, hwpt_id, stage1->did, stage1->pasid,
                          stage1->s1.pgtbl_addr);
    np->state = VTD_NEST_STAGE1;
    np->hwpt_id = hwpt_id;
    np->stage1 = *stage1;
    vtd_nest_drop(np, old);
    return 0;
}

static int vtd_nest_grant(VTDNestPASID *np, const VTDNestWish *wish)
{
    int ret;

    if (wish->state == VTD_NEST_STAGE1) {
        return np->state == VTD_NEST_STAGE1 &&
               vtd_nest_is_same(&np->stage1, &wish->stage1) ?
               0 : vtd_nest_enter(np, &wish->stage1);
    }
    if (wish->state == np->state) {
        ret = 0;
    } else if (wish->state == VTD_NEST_PARENT) {
        trace_vtd_nest_parent(np->dev->vdev->name, np->pasid);
        ret = vtd_nest_attach(np, np->dev->parent_id);
    } else {
        trace_vtd_nest_block(np->dev->vdev->name, np->pasid, wish->why);
        ret = vtd_nest_detach(np);
    }
    if (!ret) {
        vtd_nest_left_stage1(np, wish->state);
        np->stage1 = wish->stage1;
    }
    return ret;
}

static void vtd_nest_record_fault(VTDNestPASID *np, VTDNestFault fault)
{
    bool is_pasid = np->pasid != PCI_NO_PASID;

    vtd_report_dmar_fault(np->dev->nest->s, vtd_nest_sid(np->dev), 0,
                          (VTDFaultReason)fault, false, is_pasid,
                          is_pasid ? np->pasid : 0);
}

int vtd_nest_isolate(VTDNestPASID *np, const char *what, int error)
{
    VTDNestDevice *dev = np->dev;
    int ret;

    trace_vtd_nest_error(dev->vdev->name, what, error);
    ret = vtd_nest_detach(np);
    if (!dev->said_failed || ret) {
        error_report("%s: %s: %s; %s", dev->vdev->name, what, strerror(-error),
                     ret ? "and it cannot be detached" : "its DMA is blocked");
        dev->said_failed = true;
    }
    if (ret) {
        return ret;
    }
    vtd_nest_left_stage1(np, VTD_NEST_BLOCKED);
    vtd_nest_record_fault(np, VTD_NEST_FAULT_ENTRY_INV);
    return 0;
}

static void vtd_nest_sync(VTDNestPASID *np)
{
    VTDNestDevice *dev = np->dev;
    VTDNestWish wish;
    int ret, tries = 0;

    vtd_nest_find_wish(np, &wish);
    do {
        ret = vtd_nest_grant(np, &wish);
    } while ((ret == -ENOMEM || ret == -EBUSY || ret == -EINTR) &&
             ++tries < VTD_NEST_TRIES);
    if (ret) {
        if (vtd_nest_isolate(np, "attach", ret)) {
            vtd_nest_stop(dev->nest);
        }
        return;
    }
    if (wish.fault) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: its DMA is blocked: %s\n",
                      dev->vdev->name, wish.why);
        vtd_nest_record_fault(np, wish.fault);
    }
    if (dev->nest->s->dmar_enabled && !dev->said_legacy &&
        dev->nest->ttm == IOMMUNEST_VTD_TTM_LEGACY) {
        warn_report("%s: its DMA is blocked, because the guest uses the vIOMMU "
                    "in legacy mode (Linux: intel_iommu=on,sm_on)",
                    dev->vdev->name);
        dev->said_legacy = true;
    }
}

static VTDNestPASID *vtd_nest_add_pasid(VTDNestDevice *dev, uint32_t pasid,
                                        VTDNestState state)
{
    VTDNestPASID *np = g_new0(VTDNestPASID, 1);

    np->dev = dev;
    np->pasid = pasid;
    np->state = state;
    QLIST_INSERT_HEAD(&dev->pasids, np, next);
    dev->n_pasids++;
    return np;
}

static void vtd_nest_remove_pasid(VTDNestPASID *np)
{
    QLIST_REMOVE(np, next);
    np->dev->n_pasids--;
    g_free(np);
}

static VTDNestPASID *vtd_nest_find_pasid(VTDNestDevice *dev, uint32_t pasid)
{
    VTDNestPASID *np;

    QLIST_FOREACH(np, &dev->pasids, next) {
        if (np->pasid == pasid) {
            return np;
        }
    }
    return NULL;
}

/*
 * Not more than it reaches: what the guest is still writing to another entry is
 * not to be seen half.  It names the domain of the old entry or of the new one.
 */
static bool vtd_nest_is_reached(VTDNestPASID *np,
                                const struct iommunest_vtd_desc *desc)
{
    VTDNestWish wish;

    if (desc->granularity == IOMMUNEST_VTD_PASID_CACHE_GLOBAL) {
        return true;
    }
    vtd_nest_find_wish(np, &wish);
    if (desc->granularity == IOMMUNEST_VTD_PASID_CACHE_PASID &&
        desc->pasid != wish.stage1.pasid && desc->pasid != np->stage1.pasid) {
        return false;
    }
    return desc->did == wish.stage1.did ||
           (np->state != VTD_NEST_BLOCKED && desc->did == np->stage1.did);
}

/* What a descriptor reaches of a device; all, without one */
typedef struct VTDNestReach {
    VTDNestDevice *dev;
    const struct iommunest_vtd_desc *desc;
} VTDNestReach;

/* Only what is attached is kept: others, too, have no DMA */
static void vtd_nest_sync_pasid(VTDNestPASID *np,
                                const struct iommunest_vtd_desc *desc)
{
    if (!desc || vtd_nest_is_reached(np, desc)) {
        vtd_nest_sync(np);
    }
    if (np->pasid != PCI_NO_PASID && np->state == VTD_NEST_BLOCKED) {
        vtd_nest_remove_pasid(np);
    }
}

/* False: there are too many */
static bool vtd_nest_found_pasid(void *opaque, uint32_t pasid)
{
    VTDNestReach *reach = opaque;
    VTDNestDevice *dev = reach->dev;

    if (!pasid || vtd_nest_find_pasid(dev, pasid)) {
        return true;
    }
    if (dev->n_pasids > VTD_NEST_PASIDS_MAX) {
        warn_report_once("%s: the guest uses more than %d PASIDs; the others "
                         "are blocked", dev->vdev->name, VTD_NEST_PASIDS_MAX);
        return false;
    }
    vtd_nest_sync_pasid(vtd_nest_add_pasid(dev, pasid, VTD_NEST_BLOCKED),
                        reach->desc);
    return true;
}

static void vtd_nest_sync_new_pasids(VTDNestReach *reach)
{
    VTDNestDevice *dev = reach->dev;
    const struct iommunest_vtd_desc *desc = reach->desc;
    IntelIOMMUState *s = dev->nest->s;
    VTDNestContextEntry ce;

    if (!dev->pasid_bits || !s->dmar_enabled ||
        dev->nest->ttm != IOMMUNEST_VTD_TTM_SCALABLE ||
        vtd_nest_find_context(s, vtd_nest_sid(dev), &ce) || !ce.pasids) {
        return;
    }
    if (!desc || desc->granularity != IOMMUNEST_VTD_PASID_CACHE_PASID) {
        vtd_nest_each_pasid(&ce, dev->pasid_bits, vtd_nest_found_pasid, reach);
    } else if (!(desc->pasid >> dev->pasid_bits)) {
        vtd_nest_found_pasid(reach, desc->pasid);
    }
}

static void vtd_nest_sync_reached(VTDNestDevice *dev,
                                  const struct iommunest_vtd_desc *desc)
{
    VTDNestReach reach = { .dev = dev, .desc = desc };
    VTDNestPASID *np, *next;

    QLIST_FOREACH_SAFE(np, &dev->pasids, next, next) {
        vtd_nest_sync_pasid(np, desc);
    }
    vtd_nest_sync_new_pasids(&reach);
}

static void vtd_nest_sync_whole(VTDNestDevice *dev)
{
    vtd_nest_sync_reached(dev, NULL);
}

void vtd_nest_sync_all(IntelIOMMUState *s)
{
    VTDNestDevice *dev;

    if (!s->nest) {
        return;
    }
    QLIST_FOREACH(dev, &s->nest->devices, next) {
        vtd_nest_sync_whole(dev);
    }
}

void vtd_nest_sync_device(VTDNest *nest, uint16_t sid, unsigned int fm)
{
    /* The function mask takes bits of the function from the comparison */
    static const uint8_t masks[] = { 0, 4, 6, 7 };
    VTDNestDevice *dev;

    QLIST_FOREACH(dev, &nest->devices, next) {
        if (!((vtd_nest_sid(dev) ^ sid) & ~masks[fm & 3])) {
            vtd_nest_sync_whole(dev);
        }
    }
}

void vtd_nest_sync_pasid_cache(VTDNest *nest,
                               const struct iommunest_vtd_desc *desc)
{
    VTDNestDevice *dev;

    QLIST_FOREACH(dev, &nest->devices, next) {
        vtd_nest_sync_reached(dev, desc);
    }
}

/* Plugging */

/* Faults that the running kernel's version is known for */
static uint64_t vtd_nest_kernel_faults(void)
{
    struct utsname name;
    uint64_t faults;

    if (uname(&name) ||
        iommunest_vtd_kernel_faults(name.release, &faults) < 0) {
        return 0;
    }
    return faults;
}

static void vtd_nest_add_reason(GString *text, const char *reason)
{
    g_string_append_printf(text, "%s%s", text->len ? "; " : "", reason);
}

/* What keeps the host from nesting what the vIOMMU promises; or nothing */
static GString *vtd_nest_why_not(IntelIOMMUState *s, struct iommunest_ctx *ctx,
                                 const struct iommunest_hw_info *info)
{
    struct iommunest_vtd_guest guest = {
        .size = sizeof(guest),
        .cap = s->cap,
        .ecap = s->ecap,
    };
    GString *text = g_string_new(NULL);
    uint64_t reasons = 0;

    /* Where it fails, the kernel is taken for one without any */
    iommunest_features(ctx, &guest.features);
    iommunest_vtd_guest_check(info, &guest, &reasons);
    if (reasons & IOMMUNEST_VTD_GUEST_REASON_1GIB_PAGES) {
        vtd_nest_add_reason(text, "use intel-iommu's fs1gp=off");
    }
    for (; reasons; reasons &= reasons - 1) {
        vtd_nest_add_reason(text, iommunest_vtd_guest_reason_text(reasons &
                                                                  -reasons));
    }
    if (vtd_nest_kernel_faults() & IOMMUNEST_VTD_KERNEL_FAULT_PLAIN_IOTLB) {
        vtd_nest_add_reason(text, iommunest_vtd_kernel_fault_text(
                                IOMMUNEST_VTD_KERNEL_FAULT_PLAIN_IOTLB));
    }
    return text;
}

static bool vtd_nest_check_host(IntelIOMMUState *s, VFIODevice *vdev,
                                struct iommunest_ctx *ctx, Error **errp)
{
    struct iommunest_hw_info info = IOMMUNEST_INIT(struct iommunest_hw_info);
    g_autoptr(GString) why_not = NULL;
    int ret;

    ret = iommunest_hw_info(ctx, vdev->devid, &info);
    if (ret) {
        error_setg_errno(errp, -ret, "x-nest=on: the host's IOMMU");
        return false;
    }
    why_not = vtd_nest_why_not(s, ctx, &info);
    if (why_not->len && s->nest_check) {
        error_setg(errp, "x-nest=on: the host cannot nest this vIOMMU: %s",
                   why_not->str);
        return false;
    }
    if (why_not->len) {
        warn_report("%s: nested, although the host cannot do it: %s",
                    vdev->name, why_not->str);
    }
    if (!vdev->hwpt ||
        !(vdev->hwpt->hwpt_flags & IOMMU_HWPT_ALLOC_NEST_PARENT)) {
        error_setg(errp, "x-nest=on: the kernel makes no nest parent of the "
                   "device's page table%s",
                   s->pasid ? " that allows for PASIDs" : "");
        return false;
    }
    return true;
}

bool vtd_nest_check(IntelIOMMUState *s, HostIOMMUDevice *hiod, Error **errp)
{
    VFIODevice *vdev = hiod->agent;
    struct iommunest_ctx *ctx;
    PCIDevice *pdev;
    bool ok;
    int ret;

    if (!object_dynamic_cast(OBJECT(hiod),
                             TYPE_HOST_IOMMU_DEVICE_IOMMUFD_VFIO)) {
        error_setg(errp, "x-nest=on needs a device on an iommufd");
        error_append_hint(errp, "Use -object iommufd,id=ID and "
                          "-device vfio-pci,iommufd=ID\n");
        return false;
    }
    pdev = PCI_DEVICE(vdev->dev);
    if (hiod->aliased_bus != pci_get_bus(pdev) ||
        hiod->aliased_devfn != pdev->devfn) {
        error_setg(errp, "x-nest=on: the device is behind a bridge that hides "
                   "its source id");
        return false;
    }
    ret = iommunest_open_fd(&ctx, vdev->iommufd->fd, NULL);
    if (ret) {
        error_setg_errno(errp, -ret, "x-nest=on: libiommunest");
        return false;
    }
    ok = vtd_nest_check_host(s, vdev, ctx, errp);
    iommunest_close(ctx);
    return ok;
}

static VTDNestContext *vtd_nest_get_context(VTDNest *nest, IOMMUFDBackend *be)
{
    VTDNestContext *context;

    QLIST_FOREACH(context, &nest->contexts, next) {
        if (context->be == be) {
            context->users++;
            return context;
        }
    }
    context = g_new0(VTDNestContext, 1);
    context->be = be;
    context->users = 1;
    if (iommunest_open_fd(&context->ctx, be->fd, NULL)) {
        /* It is a file descriptor, so that only memory can be missing */
        g_error("libiommunest: no memory");
    }
    QLIST_INSERT_HEAD(&nest->contexts, context, next);
    return context;
}

/* VFIO closes the file descriptor after its last device has gone */
static void vtd_nest_put_context(VTDNestContext *context)
{
    if (--context->users) {
        return;
    }
    QLIST_REMOVE(context, next);
    iommunest_close(context->ctx);
    g_free(context);
}

static VTDNestDevice *vtd_nest_find(VTDNest *nest, PCIBus *bus, int devfn)
{
    VTDNestDevice *dev;

    QLIST_FOREACH(dev, &nest->devices, next) {
        if (dev->as->bus == bus && dev->as->devfn == devfn) {
            return dev;
        }
    }
    return NULL;
}

void vtd_nest_plug(IntelIOMMUState *s, PCIBus *bus, int devfn,
                   HostIOMMUDevice *hiod)
{
    VTDNest *nest = s->nest;
    VTDNestDevice *dev;

    if (!nest) {
        return;
    }
    dev = g_new0(VTDNestDevice, 1);
    dev->nest = nest;
    dev->vdev = hiod->agent;
    dev->context = vtd_nest_get_context(nest, dev->vdev->iommufd);
    dev->parent_id = dev->vdev->hwpt->hwpt_id;
    dev->info.size = sizeof(dev->info);
    iommunest_hw_info(dev->context->ctx, dev->vdev->devid, &dev->info);
    dev->as = vtd_find_add_as(s, bus, devfn, PCI_NO_PASID);
    QLIST_INIT(&dev->pasids);
    dev->pasid_bits = s->pasid ? dev->info.max_pasid_log2 : 0;
    /* VFIO has attached it to the nest parent */
    vtd_nest_add_pasid(dev, PCI_NO_PASID, VTD_NEST_PARENT);
    QLIST_INSERT_HEAD(&nest->devices, dev, next);
    trace_vtd_nest_plug(dev->vdev->name, dev->vdev->devid, dev->parent_id,
                        dev->pasid_bits);

    /* If the guest translates, the device is off before memory is mapped */
    vtd_nest_sync_whole(dev);
    dev->as->nested = true;
    vtd_switch_address_space(dev->as);
}

/*
 * Not back to the parent: DMA that is still under way would reach all of guest
 * memory.  VFIO frees the parent later, so that nothing may use it.
 */
void vtd_nest_unplug(IntelIOMMUState *s, PCIBus *bus, int devfn)
{
    VTDNestDevice *dev = s->nest ? vtd_nest_find(s->nest, bus, devfn) : NULL;
    VTDNestPASID *np, *next;
    int ret;

    if (!dev) {
        return;
    }
    trace_vtd_nest_unplug(dev->vdev->name);
    QLIST_FOREACH_SAFE(np, &dev->pasids, next, next) {
        ret = vtd_nest_detach(np);
        if (ret) {
            trace_vtd_nest_error(dev->vdev->name, "detach", ret);
        }
        vtd_nest_left_stage1(np, VTD_NEST_BLOCKED);
        vtd_nest_remove_pasid(np);
    }
    QLIST_REMOVE(dev, next);
    /* The next device in its place has the same address space */
    dev->as->nested = false;
    vtd_switch_address_space(dev->as);
    vtd_nest_put_context(dev->context);
    g_free(dev);
}

void vtd_nest_machine_done(IntelIOMMUState *s, Object *vfio_pci)
{
    PCIDevice *pdev =
        (PCIDevice *)object_dynamic_cast(vfio_pci, TYPE_PCI_DEVICE);

    if (!s->nest || !pdev || !object_dynamic_cast(vfio_pci, "vfio-pci") ||
        pci_device_iommu_address_space(pdev) == &address_space_memory ||
        vtd_nest_find(s->nest, pci_get_bus(pdev), pdev->devfn)) {
        return;
    }
    error_report("x-nest=on: %s was created before the vIOMMU, which knows "
                 "nothing of it: put -device intel-iommu first",
                 vfio_get_vfio_device(vfio_pci)->name);
    exit(1);
}

/* Life cycle */

bool vtd_nest_init(IntelIOMMUState *s, Error **errp)
{
    const uint64_t no_all = IOMMUNEST_VTD_KERNEL_FAULT_PLAIN_IOTLB |
                            IOMMUNEST_VTD_KERNEL_FAULT_ALL_AM_52;
    VTDNest *nest;

    if (!s->nest_enabled) {
        return true;
    }
    if (!s->scalable_mode || !s->flts || !s->caching_mode) {
        error_setg(errp, "x-nest=on needs x-scalable-mode=on, x-flts=on and "
                   "caching-mode=on");
        return false;
    }
    nest = g_new0(VTDNest, 1);
    nest->s = s;
    QLIST_INIT(&nest->contexts);
    QLIST_INIT(&nest->devices);
    if (!vtd_nest_queue_init(nest, vtd_nest_kernel_faults() & no_all, errp)) {
        g_free(nest);
        return false;
    }
    s->nest = nest;
    return true;
}
