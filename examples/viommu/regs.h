/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The smallest possible emulated DRHD, to show where a VMM calls what.
 *
 *   regs.c         the register file: which write becomes which call
 *   events.c       what the guest is told by interrupts: waits, errors, faults
 *   queue.c        what the queue engine asks of the VMM
 *   nest.c         from the guest's tables to what the device is attached to
 *   guest.c        a small guest that uses it
 *   viommu.c       the machine around all of this
 *
 * There is one device behind it, which can be unplugged.  It has the registers
 * of the invalidation queue and of faults, and those that a guest needs to get
 * there.  Left out, because the queue does not need them: register-based
 * invalidation, interrupt remapping, page requests, PASIDs other than 0.
 *
 * Registers: VT-d specification, chapter 11, "Register Descriptions".
 */
#ifndef VIOMMU_REGS_H
#define VIOMMU_REGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libiommunest.h>

/* Offsets. */
#define REG_VER 0x00u
#define REG_CAP 0x08u
#define REG_ECAP 0x10u
#define REG_GCMD 0x18u
#define REG_GSTS 0x1cu
#define REG_RTADDR 0x20u
#define REG_FSTS 0x34u
#define REG_FECTL 0x38u
#define REG_FEDATA 0x3cu
#define REG_FEADDR 0x40u
#define REG_FEUADDR 0x44u
#define REG_IQH 0x80u
#define REG_IQT 0x88u
#define REG_IQA 0x90u
#define REG_ICS 0x9cu
#define REG_IECTL 0xa0u
#define REG_IEDATA 0xa4u
#define REG_IEADDR 0xa8u
#define REG_IEUADDR 0xacu
#define REG_IQERCD 0xb0u
/* The one fault recording register, of 128 bits; CAP_REG says where it is. */
#define REG_FRCD 0x200u
/* After the last one.  What is in between and not named reads as 0. */
#define REG_END 0x210u

/* GCMD_REG, and the same bits in GSTS_REG. */
#define GCMD_TE (UINT32_C(1) << 31)
#define GCMD_SRTP (UINT32_C(1) << 30)
#define GCMD_QIE (UINT32_C(1) << 26)

/* RTADDR_REG */
#define RTADDR_TTM_SCALABLE UINT64_C(0x400)

/* FSTS_REG; the others are IOMMUNEST_VTD_FSTS_*. */
#define FSTS_PPF UINT32_C(0x2)
/* What the queue halts at until the guest clears it; ICE is not of these. */
#define FSTS_HALTS (IOMMUNEST_VTD_FSTS_IQE | IOMMUNEST_VTD_FSTS_ITE)

/* FECTL_REG and IECTL_REG. */
#define ECTL_IM (UINT32_C(1) << 31)
#define ECTL_IP (UINT32_C(1) << 30)

/* ICS_REG */
#define ICS_IWC UINT32_C(1)

/* FRCD_REG, bits 127:96: a fault is recorded, and its reason in bits 7:0. */
#define FRCD_F (UINT32_C(1) << 31)

/* Fault reasons of a scalable-mode PASID-table entry. */
#define FAULT_ENTRY_ACCESS 0x58u
#define FAULT_ENTRY_RESERVED 0x5au
#define FAULT_ENTRY_INVALID 0x5bu

/* What the guest takes for its device's source id: 00:03.0. */
#define VIOMMU_SID 0x0018u

/* Descriptors that the write of a vCPU handles; the main loop has the rest. */
#define VIOMMU_BUDGET 64u

/* What the VMM has; all of it is borrowed. */
struct viommu_config {
	struct iommunest_ctx *ctx;
	/* What the guest is shown is of this host IOMMU. */
	struct iommunest_hw_info info;
	/* Guest physical memory, from address 0 on. */
	unsigned char *memory;
	size_t memory_size;
	/* Sends the guest a message-signalled interrupt. */
	void (*msi)(void *user, uint64_t addr, uint32_t data);
	/* There is work left: the main loop is to call viommu_work(). */
	void (*schedule)(void *user);
	/* A line on what happened, for a log; may be NULL. */
	void (*note)(void *user, const char *text);
	void *user;
};

/* A device of the host that is bound, and all of guest memory as its stage 2.
 */
struct viommu_device {
	int fd;
	uint32_t dev_id;
	/* The nest parent, which the VMM destroys after the device is out. */
	uint32_t parent_id;
	struct iommunest_hw_info info;
};

/* What the device's DMA reaches. */
enum viommu_dma {
	/* Not known: the last change failed halfway. */
	VIOMMU_UNKNOWN,
	/* Nothing: it is detached. */
	VIOMMU_BLOCKED,
	/* All of guest memory: it is attached to the nest parent. */
	VIOMMU_PARENT,
	/* What the guest's page table says: to a nested HWPT. */
	VIOMMU_NESTED,
};

struct viommu_nest {
	enum viommu_dma dma;
	/* What a nested HWPT was made of; hwpt_id is 0 where there is none. */
	uint32_t hwpt_id;
	uint16_t did;
	uint32_t pasid;
	struct iommunest_vtd_s1 s1;
};

struct viommu {
	struct viommu_config config;
	struct iommunest_vtd_iq *iq;
	uint32_t regs[REG_END / 4];
	/* RTADDR_REG as it was when the guest set the root table. */
	uint64_t root;
	/* The queue halts until the guest clears what FSTS_REG has of it. */
	bool halted;
	bool plugged;
	struct viommu_device device;
	struct viommu_nest nest;
};

/*
 * Functions that return int return 0 or the negated errno of something that
 * the VMM or its host could not do, and nothing made good: the VMM stops the
 * guest.  What the guest does wrong is no error here: it reads about that in
 * its registers.
 *
 * One thread at a time.  A VMM has a lock around each of them, so that what
 * a vCPU reads is all from before a step of the queue, or all from after it.
 */
int viommu_init(struct viommu *viommu, const struct viommu_config *config);
/* The device leaves first, as by viommu_unplug(). */
void viommu_fini(struct viommu *viommu);

/*
 * The guest's machine was reset, and its device before it: DMA of the guest
 * that was must not reach all of memory.
 */
int viommu_reset(struct viommu *viommu);

/*
 * A device appears, or goes.  -EOPNOTSUPP: its host IOMMU cannot do what the
 * guest was shown; -EBUSY: there is one.  Once it is out nothing of this file
 * has the parent in use.
 */
int viommu_plug(struct viommu *viommu, const struct viommu_device *device);
int viommu_unplug(struct viommu *viommu);

/* What config.schedule asked for; it may ask again.  Never too often. */
int viommu_work(struct viommu *viommu);

/* MMIO of 4 or 8 bytes, @offset a multiple of that; others are ignored. */
uint64_t viommu_read(const struct viommu *viommu, uint64_t offset,
		     unsigned int size);
int viommu_write(struct viommu *viommu, uint64_t offset, uint64_t value,
		 unsigned int size);

/* ---- Between the files ---- */

extern const struct iommunest_vtd_iq_ops viommu_iq_ops;

__attribute__((format(printf, 2, 3))) void
viommu_note(const struct viommu *viommu, const char *format, ...);

/* Registers as they are, without what a guest's access does. */
static inline uint32_t viommu_get32(const struct viommu *viommu,
				    uint32_t offset)
{
	return viommu->regs[offset / 4];
}

static inline uint64_t viommu_get64(const struct viommu *viommu,
				    uint32_t offset)
{
	return viommu_get32(viommu, offset) |
	       (uint64_t)viommu_get32(viommu, offset + 4) << 32;
}

static inline void viommu_put32(struct viommu *viommu, uint32_t offset,
				uint32_t value)
{
	viommu->regs[offset / 4] = value;
}

static inline void viommu_put64(struct viommu *viommu, uint32_t offset,
				uint64_t value)
{
	viommu_put32(viommu, offset, (uint32_t)value);
	viommu_put32(viommu, offset + 4, (uint32_t)(value >> 32));
}

static inline bool viommu_is_set(const struct viommu *viommu, uint32_t offset,
				 uint32_t bits)
{
	return viommu_get32(viommu, offset) & bits;
}

static inline void viommu_set(struct viommu *viommu, uint32_t offset,
			      uint32_t bits)
{
	viommu_put32(viommu, offset, viommu_get32(viommu, offset) | bits);
}

static inline void viommu_clear(struct viommu *viommu, uint32_t offset,
				uint32_t bits)
{
	viommu_put32(viommu, offset, viommu_get32(viommu, offset) & ~bits);
}

/* events.c: what happened, ... */
void viommu_wait_done(struct viommu *viommu);
void viommu_set_status(struct viommu *viommu, uint32_t fsts);
void viommu_record_fault(struct viommu *viommu, uint32_t reason);
/* ... and that the guest has seen it, or unmasked an interrupt. */
void viommu_wait_seen(struct viommu *viommu);
void viommu_status_seen(struct viommu *viommu);
void viommu_fault_seen(struct viommu *viommu);
void viommu_unmasked(struct viommu *viommu, uint32_t ectl);

/* Copies guest memory; 0 or -EFAULT. */
int viommu_read_memory(const struct viommu *viommu, uint64_t gpa, void *buf,
		       size_t len);

/*
 * nest.c: the guest's tables may say something else than before.  What the
 * host cannot do blocks the device, and the guest reads of a fault: an error
 * means that even this failed.
 */
int viommu_nest_update(struct viommu *viommu);
/* Blocks the device in the same way. */
int viommu_nest_cut_off(struct viommu *viommu);

#endif /* VIOMMU_REGS_H */
