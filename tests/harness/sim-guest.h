/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A guest whose device is on the simulator: memory that the parent's IOAS maps
 * from 0 on, first-stage tables in it, and the device's DMA.
 */
#ifndef TEST_SIM_GUEST_H
#define TEST_SIM_GUEST_H

#include "tests/harness/sim-rig.h"

#define GUEST_SIZE (8u << 20)

/* Bits of first-stage entries. */
#define FS_P (1ull << 0)
#define FS_WRITE (1ull << 1)
#define FS_USER (1ull << 2)
#define FS_A (1ull << 5)
#define FS_D (1ull << 6)
#define FS_LARGE (1ull << 7)
#define FS_EA (1ull << 10)
#define FS_ALL (FS_P | FS_WRITE | FS_USER)

/* Where the tables are: each is a page, the first of its level. */
#define PML5 0x1000ull
#define PML4 0x2000ull
#define PDPT 0x3000ull
#define PD 0x4000ull
#define PT 0x5000ull
/* From here on, memory is free. */
#define DATA 0x10000ull

struct sim_guest {
	struct rig rig;
	uint8_t *memory;
	/* Of the last access. */
	struct iommunest_sim_dma dma;
	/* For accesses to come: IOMMUNEST_SIM_DMA_PRIVILEGED. */
	uint32_t flags;
};

/* The device is on a nested HWPT of 4 levels, without flags; PD is empty. */
void sim_guest_open(struct sim_guest *guest, uint32_t profile,
		    uint32_t dev_flags);
void sim_guest_close(struct sim_guest *guest);
/* Moves the device to a new nested HWPT. */
void sim_guest_nest(struct sim_guest *guest, uint64_t pgtbl_addr,
		    uint32_t addr_width, uint64_t flags);

/* An entry of the table at @table. */
uint64_t *sim_guest_entry(const struct sim_guest *guest, uint64_t table,
			  unsigned int index);
/* Maps the 4 KiB page with this number in PT. */
void sim_guest_map(const struct sim_guest *guest, unsigned int page,
		   uint64_t addr, uint64_t bits);
/* Writes a word at an address of the guest. */
void sim_guest_put(const struct sim_guest *guest, uint64_t addr, uint32_t word);
uint32_t sim_guest_get(const struct sim_guest *guest, uint64_t addr);

/* The device reads or writes a word.  Returns 0 or an error. */
int sim_guest_read(struct sim_guest *guest, uint64_t iova, uint32_t *word);
int sim_guest_write(struct sim_guest *guest, uint64_t iova, uint32_t word);
/* It reads this word. */
void sim_guest_reads(struct sim_guest *guest, uint64_t iova, uint32_t word);
/* It fails with -EFAULT for this reason. */
void sim_guest_cannot_read(struct sim_guest *guest, uint64_t iova,
			   uint32_t reason);
void sim_guest_cannot_write(struct sim_guest *guest, uint64_t iova,
			    uint32_t reason);

#endif /* TEST_SIM_GUEST_H */
