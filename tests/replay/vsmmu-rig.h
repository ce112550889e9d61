/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The register file of the example vsmmu on the simulator, a guest that writes
 * it, and what its device has cached.
 */
#ifndef TESTS_REPLAY_VSMMU_RIG_H
#define TESTS_REPLAY_VSMMU_RIG_H

#include <libiommunest-sim.h>

#include "examples/vsmmu/regs.h"
#include "tests/harness/smmu-caches.h"

#define L1_TABLE 0x1000u
#define L2_TABLE 0x2000u
#define RING 0x6000u
#define EVENTS 0x8000u
#define MEMORY 0x9000u
#define RING_BITS 5u
#define EVENT_BITS 2u
#define DOORBELL UINT64_C(0x8090040)

extern struct iommunest_sim *sim;
extern struct iommunest_ctx *ctx;
/* Bound. */
extern struct vsmmu_device device;
extern struct vsmmu vsmmu;
extern unsigned char memory[MEMORY];
/* Of the device, which is the first target. */
extern struct caches caches;
extern unsigned int interrupts;
extern uint32_t last_interrupt;
/* vsmmu_work() was asked for, so often. */
extern unsigned int scheduled;
/* The low bits of an ioctl's number. */
#define ANY_BUT_INVALIDATE 0u
#define HWPT_ALLOC 0x89u
#define INVALIDATE 0x8du
#define DEVICE_ATTACH 0x77u
#define DEVICE_DETACH 0x78u
/*
 * ioctls that fail, counted from fail_ioctl() on: from the @nth on, from 1,
 * @times of them, or all of them where that is 0.
 */
extern struct vsmmu_failure {
	unsigned int number;
	unsigned int nth;
	unsigned int times;
	int error;
	/* So many there were. */
	unsigned int count;
} failure;
/* What the device is attached to; 0: it is detached. */
extern uint32_t attached_to;
/* What the kernel's event queue is read as; at most so many bytes. */
extern unsigned char event_bytes[256];
extern size_t event_len;

/* What each test begins and ends with. */
void set_up(void);
void tear_down(void);

/* Opens the device, and makes its stage 2; and the reverse. */
void open_device(void);
void close_device(void);

/* Calls that the host got. */
uint64_t calls(void);
/* The next calls of IOMMU_HWPT_INVALIDATE, or entries of theirs, fail. */
void fail_calls(int error, uint64_t times);
void fail_entries(uint64_t nth, int error, uint64_t times);
void fail_ioctl(unsigned int number, unsigned int nth, unsigned int times,
		int error);
/* Nothing fails any more. */
void repair(void);

/* ---- The guest ---- */

uint32_t read4(uint32_t offset);
void write4(uint32_t offset, uint32_t value);
void write8(uint32_t offset, uint64_t value);
void poke(uint64_t gpa, uint64_t word);
uint64_t peek(uint64_t gpa);

/* The first two words of the device's entry, in the table of two levels. */
void set_ste(uint64_t word0, uint64_t word1);
#define STE(config) ((uint64_t)(config) << 1 | 1)
#define STE_S1(context) ((uint64_t)(context) | STE(5))

/* Commands from the guest's PROD on, which kick() writes. */
void put(const struct iommunest_smmuv3_entry *entry);
void put_page(uint64_t addr);
void put_ste(void);
/* Returns its slot; is_synced() says whether its MSI was written. */
uint32_t put_sync(void);
bool is_synced(uint32_t slot);
/* Returns what vsmmu_write() does. */
int kick(void);
/* All of it at once, and that the guest sees no error. */
void invalidate_ste(void);

/* Table, queues, interrupts; SMMUEN is 0. */
void set_up_guest(void);
/* The same, and the device is nested. */
void start_guest(void);
void expect_dma(enum vsmmu_dma dma);

#endif /* TESTS_REPLAY_VSMMU_RIG_H */
