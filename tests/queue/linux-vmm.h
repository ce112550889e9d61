/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Linux's algorithm in front of the engine: a thin VMM with the registers of a
 * queue, and a host that records, and fails by rules.  All calls of the engine
 * are here.
 */
#ifndef TESTS_QUEUE_LINUX_VMM_H
#define TESTS_QUEUE_LINUX_VMM_H

#include "tests/harness/host.h"
#include "tests/harness/linux-guest.h"

/* When the engine runs what the guest has put into its ring. */
enum linux_when {
	/* In the write of IQT_REG; what the budget leaves, in between. */
	LINUX_AT_ONCE,
	/* After all CPUs have taken a step. */
	LINUX_BOTTOM_HALF,
	/* In between, and whenever a CPU reads a register, too. */
	LINUX_ANY_TIME,
	LINUX_WHENS
};

/* What the VMM does about a target whose "all" failed, too. */
enum linux_isolate {
	LINUX_ISOLATE_WORKS,
	LINUX_ISOLATE_FAILS,
};

/*
 * HWPTs, and who they are for the judge.  DID 1 is HWPT 10, DID 2 is 11, DID 3
 * is both 12 and 13.  DID 4 is 14, and FAR of the other context.  DID 5 has
 * PASIDs: PASID_A and PASID_B are 15, which they share; PASID_B is FAR_PASID,
 * too.  SID is a device of HWPT 10.  Descriptors of FOREIGN, and PASID-cache
 * descriptors, are the VMM's.
 *
 * Each has a number, which is the cookie of its target, and its HWPT's id in
 * the first context.  In the other context ids begin at VMM_HWPT again.
 */
#define VMM_HWPT 10u
#define VMM_HWPTS 8u
#define VMM_FAR (VMM_HWPT + 6)
#define VMM_FAR_PASID (VMM_HWPT + 7)
/* What VMM_FAR and VMM_FAR_PASID are in their own context. */
#define VMM_FAR_ID(number) ((number)-VMM_FAR + VMM_HWPT)
#define VMM_BIT(number) (1u << ((number)-VMM_HWPT))
#define VMM_SELF (1u << 31)
#define VMM_PASID_DID 5u
#define VMM_PASID_A 7u
#define VMM_PASID_B 0xfffffu
#define VMM_SID 0x0018u
#define VMM_FOREIGN 0x0020u

/* The VMM's `descriptor` fails. */
struct linux_answer {
	/* enum iommunest_vtd_desc_type; 0: never. */
	unsigned int type;
	int error;
	/* How often; 0: always. */
	unsigned int times;
	/* ... and yet has done it. */
	bool done;
};

/*
 * The attach fails that a PASID-cache descriptor asks for.  The VMM does as the
 * viommu example: it tries again a few times, then detaches the device, and in
 * any case the descriptor is done.
 */
struct linux_attach {
	int error;
	/* How often; 0: always. */
	unsigned int times;
};

struct linux_vmm_setup {
	enum linux_form form;
	enum linux_when when;
	enum linux_isolate isolate;
	enum iommunest_vtd_iq_unhealed unhealed;
	/* enum iommunest_vtd_iq_policy. */
	uint32_t policy;
	uint32_t budget;
	/*
	 * The engine is saved before a run, and another one restored: where it
	 * has halted, or a failure is pending, and now and then.
	 */
	bool migrates;
	/* A PASID-cache descriptor brings back what was cut off. */
	bool readmits;
	/*
	 * The kernel cuts the device off where a call failed: nothing of it is
	 * cached any more, and what is sent from then on succeeds.
	 */
	bool contains;
	/* As in struct linux_setup. */
	bool kicks_each;
	unsigned int patience;
	unsigned int cpus;
	bool (*next_job)(void *data, unsigned int cpu, struct linux_job *job);
	void *data;
};

#define VMM_CONTEXTS 2u

/* A context, and the host that it is on. */
struct linux_context {
	struct linux_vmm *vmm;
	struct host host;
	struct iommunest_ctx *ctx;
};

struct linux_vmm {
	struct linux_vmm_setup setup;
	struct linux_answer answer;
	struct linux_attach attach;
	struct linux_context contexts[VMM_CONTEXTS];
	struct linux_guest guest;
	struct iommunest_vtd_iq *iq;
	unsigned char memory[0x3000];
	uint64_t iqh;
	uint64_t iqt;
	uint64_t iqercd;
	uint32_t fsts;
	/* The engine has something to do. */
	bool pending;
	/* It halts, and no bit is set: the VMM has to act. */
	bool halted;
	/* Targets that nothing is sent to any more, as a mask. */
	uint32_t isolated;
	/* Those that the kernel has cut off. */
	uint32_t contained;
	/* How often the VMM was told of each. */
	unsigned int healed_told[VMM_HWPTS];
	unsigned int isolate_told[VMM_HWPTS];
	/* FSTS_REG bits that were ever set. */
	uint32_t shown;
	unsigned int reads;
	unsigned int runs;
};

#define VMM_SLOTS 128u

void linux_vmm_open(struct linux_vmm *vmm, const struct linux_vmm_setup *setup);
void linux_vmm_close(struct linux_vmm *vmm);

/* The hosts' rules; @number is a target's, and takes its rule's HWPT's place.
 */
void linux_vmm_fail(struct linux_vmm *vmm, uint32_t number,
		    struct host_rule rule);

/* Flushes as its judge wants them; of domain 5, the first is of PASID_B. */
struct linux_flush linux_vmm_page(uint32_t did, uint64_t addr);
struct linux_flush linux_vmm_page_a(uint64_t addr);
struct linux_flush linux_vmm_iotlb(uint32_t did);
struct linux_flush linux_vmm_dev_tlb(uint16_t sid, uint64_t addr);
struct linux_flush linux_vmm_pasid_cache(uint32_t did);

/* Who executes the flushes of a domain with all its PASIDs, as a mask. */
uint32_t linux_vmm_targets(uint32_t did);

#endif /* TESTS_QUEUE_LINUX_VMM_H */
