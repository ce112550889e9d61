/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The example's register file on the simulator, and a guest that writes it. */
#ifndef TESTS_REPLAY_VIOMMU_RIG_H
#define TESTS_REPLAY_VIOMMU_RIG_H

#include <libiommunest-sim.h>

#include "examples/viommu/regs.h"

#define ROOT_TABLE 0x1000u
#define CONTEXT_TABLE 0x2000u
#define PASID_DIRECTORY 0x3000u
#define PASID_TABLE 0x4000u
#define RING 0x8000u
#define STATUS 0x9000u
#define MEMORY 0xa000u

#define DID 3u
#define IQE IOMMUNEST_VTD_FSTS_IQE
#define ITE IOMMUNEST_VTD_FSTS_ITE
#define ICE IOMMUNEST_VTD_FSTS_ICE

extern struct iommunest_sim *sim;
extern struct iommunest_ctx *ctx;
/* Bound; what start_guest() nests. */
extern struct viommu_device device;
extern struct viommu viommu;
extern unsigned char memory[MEMORY];
extern unsigned int interrupts;
/* viommu_work() was asked for, so often. */
extern unsigned int scheduled;
extern uint64_t msi_addr;
extern uint32_t msi_data;
/* What the guest could read when the last one came. */
extern struct at_msi {
	uint32_t fsts;
	uint64_t iqh;
	uint64_t iqercd;
	/* Of the wait in slot 0. */
	uint32_t status;
} at_msi;
/* The low bits of an ioctl's number. */
#define ANY_BUT_INVALIDATE 0u
#define HWPT_DESTROY 0x80u
#define HWPT_ALLOC 0x89u
#define INVALIDATE 0x8du
#define DEVICE_ATTACH 0x77u
#define DEVICE_DETACH 0x78u
/*
 * ioctls that fail, counted from fail_ioctl() on: from the @nth on, from 1,
 * @times of them, or all of them where that is 0.
 */
extern struct ioctl_failure {
	unsigned int number;
	unsigned int nth;
	unsigned int times;
	int error;
	/* So many there were. */
	unsigned int count;
} ioctl_failure;
/* What the device is attached to; 0: it is detached. */
extern uint32_t attached_to;
extern unsigned int detaches;

/* What each test begins and ends with. */
void set_up(void);
void tear_down(void);

/* Opens the device, and makes its stage 2; and the reverse. */
void open_device(void);
void close_device(void);

/* Calls that the host got. */
uint64_t calls(void);
void fail_entry(uint64_t nth, int error);
void fail_ioctl(unsigned int number, unsigned int nth, unsigned int times,
		int error);
/* Nothing fails any more. */
void repair(void);

/* ---- The guest ---- */

uint32_t read4(uint32_t offset);
uint64_t read8(uint32_t offset);
void write4(uint32_t offset, uint32_t value);
void write8(uint32_t offset, uint64_t value);

/* Into its memory. */
void poke(uint64_t gpa, uint64_t word);
void set_pasid_entry(uint64_t root);
void put(uint32_t slot, const struct iommunest_vtd_desc *desc);
void put_piotlb(uint32_t slot, uint64_t addr);
/* Each wait has the status word of its slot. */
void put_wait(uint32_t slot, uint32_t flags);
void put_bad(uint32_t slot);
void put_pasid_cache(uint32_t slot);
/* Of the wait in that slot. */
uint32_t status(unsigned int word);

/* Registers, in the order in which a guest writes them. */
void enable_queue(void);
/* Queue enabled, scalable mode, translation on, device nested. */
void start_guest(void);
void kick(uint32_t tail);

#endif /* TESTS_REPLAY_VIOMMU_RIG_H */
