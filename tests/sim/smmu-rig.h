/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A simulated SMMUv3, and a guest's memory behind it, with tables of any shape.
 * Each page of memory that was taken begins with a word that is its own.
 */
#ifndef TEST_SMMU_RIG_H
#define TEST_SMMU_RIG_H

/* First: config.h in it decides what the system's headers declare. */
#include "tests/conformance/smmu.h"

#include <libiommunest-sim.h>

#define PAGE 4096ull
#define RIG_PAGES 2048u
/* Where memory is in the guest's physical address space. */
#define RIG_RAM 0x40000000ull
#define RIG_DEVICES 3u

/* Of an entry of a table. */
#define S1_VALID 1ull
#define S1_TABLE 3ull
#define S1_PAGE 3ull
#define S1_BLOCK 1ull
#define S1_USER (1ull << 6)
#define S1_READ_ONLY (1ull << 7)
#define S1_AF (1ull << 10)
#define S1_NOT_GLOBAL (1ull << 11)
/* For unprivileged reads and writes, of one ASID. */
#define S1_LEAF (S1_USER | S1_AF | S1_NOT_GLOBAL)

/* Of a context descriptor's first word. */
#define CD_T0SZ(width) (64 - (uint64_t)(width))
#define CD_TG0(tg) ((uint64_t)(tg) << 6)
#define CD_EPD0 (1ull << 14)
#define CD_EPD1 (1ull << 30)
#define CD_V (1ull << 31)
#define CD_IPS(ips) ((uint64_t)(ips) << 32)
#define CD_AFFD (1ull << 35)
#define CD_TBI0 (1ull << 38)
#define CD_AA64 (1ull << 41)
#define CD_R (1ull << 45)
#define CD_A (1ull << 46)
#define CD_ASID(asid) ((uint64_t)(asid) << 48)
/* 4 KiB, addresses of 44 bits after stage 1. */
#define CD_GOOD (CD_EPD1 | CD_V | CD_IPS(4) | CD_AA64 | CD_R | CD_A)

struct smmu_rig {
	struct iommunest_sim *sim;
	struct conf_env env;
	uint32_t dev[RIG_DEVICES];
	char *ram;
	size_t used;
	/* Of the last access. */
	struct iommunest_sim_dma dma;
};

/* ID registers: those that the simulator has by itself, and with more. */
extern const uint32_t smmu_rig_idr[6];
extern const uint32_t smmu_rig_idr_ats[6];
extern const uint32_t smmu_rig_idr_ssids[6];

/*
 * Of Linux 7.3.  A failure in any of these ends the test, unless it says what
 * it returns. The parent and the vIOMMU are env.parent and env.viommu; the
 * first two devices have the stream ids SMMU_VSID and SMMU_OTHER_VSID there.
 */
void smmu_rig_open(struct smmu_rig *rig, const uint32_t idr[6],
		   uint32_t dev_flags);
void smmu_rig_close(struct smmu_rig *rig);

/* Takes cleared pages that are aligned to their size; 2^@order of them. */
uint64_t smmu_rig_take(struct smmu_rig *rig, unsigned int order);
void *smmu_rig_at(const struct smmu_rig *rig, uint64_t gpa);
/* Maps the memory at @from a second time, for stage 2. */
void smmu_rig_alias(const struct smmu_rig *rig, uint32_t ioas, uint64_t from,
		    uint64_t at);

/* Memory with a word, which is what a device reads there. */
uint64_t smmu_rig_frame(struct smmu_rig *rig, uint32_t word);

/* A context descriptor. */
void smmu_rig_set_cd(const struct smmu_rig *rig, uint64_t cd, uint64_t word0,
		     uint64_t table);
/* An entry of the table at @table. */
void smmu_rig_set(const struct smmu_rig *rig, uint64_t table,
		  unsigned int index, uint64_t entry);

/* A nested HWPT of @viommu with a stage 1. */
uint32_t smmu_rig_nested(struct smmu_rig *rig, uint32_t viommu, uint64_t cd,
			 uint64_t word1);
void smmu_rig_attach(const struct smmu_rig *rig, unsigned int device,
		     uint32_t hwpt);

#define RIG_NOTHING UINT32_MAX
/* The word that a device reads; or RIG_NOTHING, and rig->dma.reason. */
uint32_t smmu_rig_read(struct smmu_rig *rig, unsigned int device,
		       uint64_t iova);
/* Returns 0 or -EFAULT. */
int smmu_rig_write(struct smmu_rig *rig, unsigned int device, uint64_t iova);

/* A command to a vIOMMU; it succeeds. */
void smmu_rig_send(struct smmu_rig *rig, uint32_t viommu, uint64_t w0,
		   uint64_t w1);

#endif /* TEST_SMMU_RIG_H */
