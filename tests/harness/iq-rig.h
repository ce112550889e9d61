/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A guest, an engine and a recording host, put together for one test. */
#ifndef TEST_IQ_RIG_H
#define TEST_IQ_RIG_H

#include <check.h>
#include <errno.h>

#include "tests/harness/guest.h"
#include "tests/harness/host.h"

#define RIG_BASE UINT64_C(0xfedcba9876540000)
#define RIG_STATUS UINT64_C(0x123456789abcd0)

/*
 * All zero: a ring of 128 slots of 256 bits, scalable mode, policy STOP.  A
 * narrow one has 256 slots of 128 bits, and is in legacy mode.
 */
struct rig_setup {
	unsigned int qs;
	bool narrow;
	bool legacy;
	uint32_t policy;
	/* 0: none. */
	uint32_t budget;
	/* The VMM has caches of its own. */
	bool caches;
	struct iommunest_vtd_limits limits;
};

struct rig {
	struct host host;
	struct guest guest;
	struct iommunest_ctx *ctx;
	struct iommunest_vtd_iq *iq;
	/* Of the last kick. */
	struct iommunest_vtd_iq_result result;
};

/*
 * With HWPT 10 for (1, 0), 11 for (1, 5) and 12 for (2, 0).  @setup may be
 * NULL.
 */
void rig_open(struct rig *rig, const struct rig_setup *setup);
/* The usual rig with an engine of these; @options may be NULL. */
void rig_open_with(struct rig *rig, const struct iommunest_vtd_iq_ops *ops,
		   const struct iommunest_vtd_iq_options *options);
void rig_close(struct rig *rig);
/* Closes it if it is open, and leaves zeros: for a FIXTURE(). */
void rig_end(struct rig *rig);

void rig_add(struct rig *rig, uint16_t did, uint32_t pasid, uint32_t hwpt_id);
void rig_add_device(struct rig *rig, uint16_t sid, uint32_t pasid,
		    uint32_t hwpt_id);

/*
 * The guest writes IQA_REG: an empty ring of 256-bit slots, scalable mode; and
 * enables its queue, if it was not.
 */
void rig_set_base(struct rig *rig, uint64_t base, unsigned int qs);

/* Writes at the tail; returns the slot. */
uint32_t rig_put(struct rig *rig, struct guest_desc desc);

/* One page of DID 1, PASID 0: HWPT 10. */
uint32_t rig_page(struct rig *rig, uint64_t addr);
/* One page of HWPT 10, 11 or 12. */
uint32_t rig_page_of(struct rig *rig, uint32_t hwpt_id, uint64_t addr);
/* A wait that writes its status, the slot's number, to RIG_STATUS. */
uint32_t rig_wait(struct rig *rig);
/* A descriptor for the VMM: of the TLB of a device that nobody added. */
uint32_t rig_vmm(struct rig *rig);

/* Puts @count waits with no effect, and kicks: the head moves on. */
void rig_advance(struct rig *rig, uint32_t count);

/* Kicks; the records are of this kick only. */
int rig_kick(struct rig *rig);
/* Enables the queue, in the same way. */
int rig_enable(struct rig *rig);

/* The events of the last kick are these, in this order. */
void rig_tells(struct rig *rig, const char *story);

/* The counts of the last result. */
struct rig_counts {
	uint32_t descriptors;
	uint32_t forwarded;
	uint32_t waits;
	uint32_t vmm;
	uint32_t skipped;
	uint32_t entries;
	uint32_t calls;
};

void rig_counts(const struct rig *rig, struct rig_counts counts);

/* Nothing failed, and the head is at the tail. */
void rig_is_done(const struct rig *rig);

/* It halts at @slot, and the guest sees what the error asks for. */
void rig_stands(const struct rig *rig, uint32_t cause, uint32_t slot,
		int error);

/* The @nth entry of the @call-th call. */
void rig_entry(const struct rig *rig, uint32_t call, uint32_t nth,
	       uint64_t addr, uint64_t npages, uint32_t flags);

/* The same, of an "all" entry. */
void rig_entry_all(const struct rig *rig, uint32_t call, uint32_t nth);

#endif /* TEST_IQ_RIG_H */
