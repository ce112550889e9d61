/*
 * Nested translation for the emulated VT-d: the guest's tables
 * Copyright (C) The libiommunest authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From a device's source id and a PASID to the guest's PASID-table entry, in
 * scalable mode.  What is wrong on the way is a fault reason, as hardware would
 * record it (VT-d specification, 7.1.3).  What is not of a PASID-table entry is
 * checked here, the entry itself by libiommunest.
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_bus.h"
#include "system/dma.h"
#include "intel_iommu_nest_internal.h"

#define VTD_NEST_P              (1ULL << 0)
#define VTD_NEST_FPD            (1ULL << 1)
#define VTD_NEST_ADDR           (~0xfffULL)

/* A root entry has two halves, each for 128 functions */
#define VTD_NEST_ROOT_SIZE      16
#define VTD_NEST_CONTEXT_SIZE   32

/* Of the first word of a context entry */
#define VTD_NEST_PASIDE         (1ULL << 3)
#define VTD_NEST_PDTS(word0)    (((word0) >> 9) & 7)

/* Entries of a PASID table, which an entry of a PASID directory leads to */
#define VTD_NEST_TABLE_BITS     6
#define VTD_NEST_TABLE_ENTRIES  (1 << VTD_NEST_TABLE_BITS)

/* Reads words, which are little-endian; false: there is no memory */
static bool vtd_nest_read_words(hwaddr addr, uint64_t *words, size_t count)
{
    size_t i;

    if (dma_memory_read(&address_space_memory, addr, words,
                        count * sizeof(*words), MEMTXATTRS_UNSPECIFIED)) {
        return false;
    }
    for (i = 0; i < count; i++) {
        words[i] = le64_to_cpu(words[i]);
    }
    return true;
}

static VTDNestFault vtd_nest_read_root(IntelIOMMUState *s, uint16_t sid,
                                       uint64_t *root)
{
    hwaddr addr = s->root + (sid >> 7) * (VTD_NEST_ROOT_SIZE / 2);

    if (!vtd_nest_read_words(addr, root, 1)) {
        return VTD_NEST_FAULT_ROOT_ACCESS;
    }
    if (!(*root & VTD_NEST_P)) {
        return VTD_NEST_FAULT_ROOT_P;
    }
    if (*root & VTD_ROOT_ENTRY_RSVD(s->aw_bits)) {
        return VTD_NEST_FAULT_ROOT_RSVD;
    }
    return VTD_NEST_FAULT_NONE;
}

VTDNestFault vtd_nest_find_context(IntelIOMMUState *s, uint16_t sid,
                                   VTDNestContextEntry *ce)
{
    uint64_t root, words[2];
    VTDNestFault fault;

    *ce = (VTDNestContextEntry) { };
    fault = vtd_nest_read_root(s, sid, &root);
    if (fault) {
        return fault;
    }
    if (!vtd_nest_read_words((root & VTD_NEST_ADDR) +
                             (sid & 0x7f) * VTD_NEST_CONTEXT_SIZE, words, 2)) {
        return VTD_NEST_FAULT_CONTEXT_ACCESS;
    }
    ce->fpd = words[0] & VTD_NEST_FPD;
    if (!(words[0] & VTD_NEST_P)) {
        return VTD_NEST_FAULT_CONTEXT_P;
    }
    if (words[0] & VTD_SM_CONTEXT_ENTRY_RSVD_VAL0(s->aw_bits) ||
        words[1] & VTD_SM_CONTEXT_ENTRY_RSVD_VAL1) {
        return VTD_NEST_FAULT_CONTEXT_RSVD;
    }
    ce->directory = words[0] & VTD_NEST_ADDR;
    ce->pasid_bits = VTD_NEST_PDTS(words[0]) + 7 + VTD_NEST_TABLE_BITS;
    ce->pasids = words[0] & VTD_NEST_PASIDE;
    ce->rid_pasid = words[1] & VTD_SM_CONTEXT_ENTRY_RID2PASID_MASK;
    if (ce->rid_pasid >> ce->pasid_bits) {
        return VTD_NEST_FAULT_CONTEXT_INV;
    }
    return VTD_NEST_FAULT_NONE;
}

static VTDNestFault vtd_nest_find_table(const VTDNestContextEntry *ce,
                                        uint32_t pasid, uint64_t *table)
{
    hwaddr addr = ce->directory + (pasid >> VTD_NEST_TABLE_BITS) * 8;

    if (!vtd_nest_read_words(addr, table, 1)) {
        return VTD_NEST_FAULT_DIRECTORY_ACCESS;
    }
    return *table & VTD_NEST_P ? VTD_NEST_FAULT_NONE :
                                 VTD_NEST_FAULT_DIRECTORY_P;
}

VTDNestFault vtd_nest_find_entry(const VTDNestContextEntry *ce, uint32_t pasid,
                                 VTDNestEntry *entry)
{
    VTDNestFault fault;
    uint64_t table;

    *entry = (VTDNestEntry) { };
    fault = vtd_nest_find_table(ce, pasid, &table);
    if (fault == VTD_NEST_FAULT_DIRECTORY_ACCESS) {
        return fault;
    }
    if (fault) {
        entry->fpd = ce->fpd || table & VTD_NEST_FPD;
        return fault;
    }
    if (!vtd_nest_read_words((table & VTD_NEST_ADDR) +
                             pasid % VTD_NEST_TABLE_ENTRIES *
                             sizeof(entry->words), entry->words,
                             ARRAY_SIZE(entry->words))) {
        return VTD_NEST_FAULT_ENTRY_ACCESS;
    }
    entry->fpd = ce->fpd || (table | entry->words[0]) & VTD_NEST_FPD;
    return entry->words[0] & VTD_NEST_P ? VTD_NEST_FAULT_NONE :
                                          VTD_NEST_FAULT_ENTRY_P;
}

static bool vtd_nest_each_in_table(const uint64_t *table, uint32_t first,
                                   VTDNestEachPASID *each, void *opaque)
{
    unsigned int i;

    for (i = 0; i < VTD_NEST_TABLE_ENTRIES; i++) {
        if (table[i * VTD_NEST_ENTRY_WORDS] & VTD_NEST_P &&
            !each(opaque, first + i)) {
            return false;
        }
    }
    return true;
}

void vtd_nest_each_pasid(const VTDNestContextEntry *ce, unsigned int bits,
                         VTDNestEachPASID *each, void *opaque)
{
    uint64_t table[VTD_NEST_TABLE_ENTRIES * VTD_NEST_ENTRY_WORDS];
    uint32_t end = 1u << MIN(bits, ce->pasid_bits);
    uint32_t pasid;
    uint64_t entry;

    for (pasid = 0; pasid < end; pasid += VTD_NEST_TABLE_ENTRIES) {
        if (!vtd_nest_find_table(ce, pasid, &entry) &&
            vtd_nest_read_words(entry & VTD_NEST_ADDR, table,
                                ARRAY_SIZE(table)) &&
            !vtd_nest_each_in_table(table, pasid, each, opaque)) {
            return;
        }
    }
}
