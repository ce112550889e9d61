/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A guest in front of QEMU's VT-d, in scalable mode: its tables, its queue, and
 * its registers.  Nothing runs in it: the test is the guest.
 */
#ifndef QEMU_GUEST_H
#define QEMU_GUEST_H

#include "qtest.h"

#include <libiommunest.h>

#include <stdbool.h>

#define GUEST_REG_CAP 0x08u
#define GUEST_REG_ECAP 0x10u
#define GUEST_REG_GCMD 0x18u
#define GUEST_REG_GSTS 0x1cu
#define GUEST_REG_RTADDR 0x20u
#define GUEST_REG_FSTS 0x34u
#define GUEST_REG_FECTL 0x38u
#define GUEST_REG_IQH 0x80u
#define GUEST_REG_IQT 0x88u
#define GUEST_REG_IQA 0x90u
#define GUEST_REG_IQERCD 0xb0u

/* A fault of DMA is recorded. */
#define GUEST_FSTS_PPF 2u
/* Which register it is in. */
#define GUEST_FSTS_FRI 0xff00u
/* FR, of scalable mode (VT-d specification, 7.1.3). */
#define GUEST_FAULT_MODE 0x30u
#define GUEST_FAULT_ROOT_RESERVED 0x3au
#define GUEST_FAULT_CONTEXT_RESERVED 0x42u
#define GUEST_FAULT_CONTEXT_INVALID 0x43u
#define GUEST_FAULT_ENTRY_RESERVED 0x5au
#define GUEST_FAULT_ENTRY_INVALID 0x5bu
#define GUEST_FAULT_TABLE 0x73u

#define GUEST_TE (UINT32_C(1) << 31)
#define GUEST_SRTP (UINT32_C(1) << 30)
#define GUEST_QIE (UINT32_C(1) << 26)

struct guest {
	struct qtest *qtest;
	/* The queue, as far as the guest has thought of it. */
	unsigned char *ring;
	uint32_t slots;
	unsigned int slot_bytes;
	uint32_t tail;
	/* GSTS, as far as the guest has set it. */
	uint32_t status;
	/* Of the last wait. */
	uint32_t waits;
	/* What is not in guest memory yet. */
	uint32_t pending;
};

uint64_t guest_reg(struct guest *guest, uint32_t reg, unsigned int size);
void guest_set_reg(struct guest *guest, uint32_t reg, unsigned int size,
		   uint64_t value);

/* Enables a queue of 2^(@qs + 7) slots, and sets the root table. */
void guest_init(struct guest *guest, struct qtest *qtest, unsigned int qs);
/*
 * Enables another queue, empty, in place of the one there is; of @iqa the size
 * and the width.
 */
void guest_set_ring(struct guest *guest, uint64_t iqa);
/* Ends QEMU. */
void guest_end(struct guest *guest);
/* RTADDR.TTM, 1 after guest_init(). */
void guest_set_root(struct guest *guest, unsigned int ttm);
void guest_translate(struct guest *guest, bool on);
/*
 * Bits 127:64 of the first fault-recording register, or 0: no fault.  It is
 * free for the next one then.
 */
uint64_t guest_take_fault(struct guest *guest);
#define GUEST_FAULT_REASON(fault) ((fault) >> 32 & 0xffu)
#define GUEST_FAULT_SID(fault) ((fault)&0xffffu)
/* 0: of a request without one. */
#define GUEST_FAULT_PASID(fault) \
	((fault) >> 31 & 1 ? (uint32_t)((fault) >> 40 & 0xfffffu) : 0)

/* The host's device 00:02.0 has PASIDs. */
bool guest_host_has_pasids(void);

/* In place of a slot: the device 01:00.0, behind the port 00:06.0. */
#define GUEST_BEHIND_PORT 16u

/* The PASID-table entry of the device 00:@slot.0; @did 0: not present. */
void guest_set_entry(struct guest *guest, unsigned int slot, uint16_t did,
		     uint64_t root);
/* The same, of any two words. */
void guest_set_raw_entry(struct guest *guest, unsigned int slot, uint64_t word0,
			 uint64_t word1, uint64_t word2);

/* The same for requests with a PASID, which is below GUEST_PASIDS. */
#define GUEST_PASIDS 128u
void guest_set_pasid(struct guest *guest, unsigned int slot, uint32_t pasid,
		     uint16_t did, uint64_t root);
void guest_set_raw_pasid(struct guest *guest, unsigned int slot, uint32_t pasid,
			 const uint64_t words[3]);
/* The first table of PASIDs is also the @count - 1 that follow it. */
void guest_repeat_table(struct guest *guest, unsigned int slot,
			unsigned int count);
/* Of a context entry: PASIDs are enabled. */
#define GUEST_PASIDE UINT64_C(8)

/* Changes bits of what leads to it. */
void guest_flip_root(struct guest *guest, uint64_t bits);
void guest_flip_context(struct guest *guest, unsigned int slot, uint64_t word0,
			uint64_t word1);

/* These are in guest memory after guest_write_queue(), or guest_kick(). */
void guest_queue(struct guest *guest, const struct iommunest_vtd_desc *desc);
void guest_queue_piotlb(struct guest *guest, uint16_t did, uint64_t addr,
			unsigned int am, bool leaf);
void guest_queue_pasid_cache(struct guest *guest, uint16_t did);
/* The same of a PASID; those above are of requests without one. */
void guest_queue_pasid_flush(struct guest *guest, uint16_t did, uint32_t pasid,
			     uint64_t addr);
void guest_queue_pasid_cache_of(struct guest *guest, uint16_t did,
				uint32_t pasid);
void guest_write_queue(struct guest *guest);
/* Kicks, without a wait of its own. */
void guest_ring_doorbell(struct guest *guest);
/* Queues a wait, too, and kicks; true: the wait is done. */
bool guest_kick(struct guest *guest);
/* The last wait is done. */
bool guest_is_done(struct guest *guest);

#endif /* QEMU_GUEST_H */
