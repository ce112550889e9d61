/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The smallest possible emulated SMMUv3, to show where a VMM calls what.
 *
 *   regs.c         the register file: which write becomes which call
 *   events.c       what the guest is told: events, errors, and their MSIs
 *   queue.c        what the engine of the command queue asks of the VMM
 *   nest.c         from the guest's stream table to what the device is
 *                  attached to
 *   guest.c        a small guest that uses it
 *   vsmmu.c        the machine around all of this
 *
 * There is one device behind it, which can be unplugged.  It has the
 * registers of the command queue, of the event queue, of the stream table
 * and of errors. Left out, because the queue does not need them: the
 * secure half, page requests, stalls, wired interrupts, a second stage of
 * the guest's.  What it does not know blocks the device, reads as 0, and
 * is not written.
 *
 * Registers: SMMU architecture specification (IHI 0070), chapter 6.
 */
#ifndef VSMMU_REGS_H
#define VSMMU_REGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libiommunest.h>

/* Offsets. */
#define REG_IDR0 0x00u
#define REG_IDR1 0x04u
#define REG_IDR3 0x0cu
#define REG_IDR5 0x14u
#define REG_AIDR 0x1cu
#define REG_CR0 0x20u
#define REG_CR0ACK 0x24u
#define REG_CR1 0x28u
#define REG_CR2 0x2cu
#define REG_GBPA 0x44u
#define REG_IRQ_CTRL 0x50u
#define REG_IRQ_CTRLACK 0x54u
#define REG_GERROR 0x60u
#define REG_GERRORN 0x64u
#define REG_GERROR_IRQ_CFG0 0x68u
#define REG_GERROR_IRQ_CFG1 0x70u
#define REG_STRTAB_BASE 0x80u
#define REG_STRTAB_BASE_CFG 0x88u
#define REG_CMDQ_BASE 0x90u
#define REG_CMDQ_PROD 0x98u
#define REG_CMDQ_CONS 0x9cu
#define REG_EVENTQ_BASE 0xa0u
#define REG_EVENTQ_PROD 0xa8u
#define REG_EVENTQ_CONS 0xacu
#define REG_EVENTQ_IRQ_CFG0 0xb0u
#define REG_EVENTQ_IRQ_CFG1 0xb8u
/* After the last one.  What is in between and not named reads as 0. */
#define REG_END 0xc0u
/* EVENTQ_PROD and EVENTQ_CONS are in the second page of 64 KiB alone. */
#define REG_PAGE1 0x10000u

/* CR0; CMDQEN is IOMMUNEST_SMMUV3_CR0_CMDQEN. */
#define CR0_SMMUEN (1u << 0)
#define CR0_EVENTQEN (1u << 2)
/* It is remembered, and does nothing. */
#define CR0_ATSCHK (1u << 4)
#define CR0_CMDQEN IOMMUNEST_SMMUV3_CR0_CMDQEN

/* CR2: the guest wants to know of streams that its table does not have. */
#define CR2_RECINVSID (1u << 1)

/* GBPA: what happens to a device while SMMUEN is 0. */
#define GBPA_UPDATE (1u << 31)
#define GBPA_ABORT (1u << 20)

/* IRQ_CTRL */
#define IRQ_CTRL_GERROR (1u << 0)
#define IRQ_CTRL_EVENTQ (1u << 2)

/* GERROR; the others are IOMMUNEST_SMMUV3_GERROR_*. */
#define GERROR_EVENTQ_ABT (1u << 2)
#define GERROR_MSI_EVENTQ_ABT (1u << 6)
#define GERROR_MSI_GERROR_ABT (1u << 7)
#define GERROR_OWN \
	(GERROR_EVENTQ_ABT | GERROR_MSI_EVENTQ_ABT | GERROR_MSI_GERROR_ABT)
#define GERROR_QUEUE                    \
	(IOMMUNEST_SMMUV3_GERROR_CMDQ | \
	 IOMMUNEST_SMMUV3_GERROR_MSI_CMDQ_ABT)

/* EVENTQ_PROD.OVFLG and EVENTQ_CONS.OVACKFLG. */
#define EVENTQ_OVERFLOW (1u << 31)

/* What the guest is shown of widths: its stream ids, its queues. */
#define VSMMU_SID_BITS 16u
#define VSMMU_QUEUE_BITS 8u
/* Width of the machine's guest physical addresses: IDR5.OAS is 2. */
#define VSMMU_GPA_BITS 40u

/* The stream id of the guest's device: 00:03.0. */
#define VSMMU_SID 0x0018u

/* Commands that the write of a vCPU handles; the main loop has the rest.
 */
#define VSMMU_BUDGET 64u

/* What the VMM has; all of it is borrowed. */
struct vsmmu_config {
	struct iommunest_ctx *ctx;
	/* What the guest is shown is of this host SMMU. */
	struct iommunest_smmuv3_caps caps;
	/* Guest physical memory, from address 0 on. */
	unsigned char *memory;
	size_t memory_size;
	/*
	 * Sends the guest a message-signalled interrupt, whose address is
	 * not in memory.  A negated errno: nothing takes it there.
	 */
	int (*msi)(void *user, uint64_t addr, uint32_t data);
	/* There is work left: the main loop is to call vsmmu_work(). */
	void (*schedule)(void *user);
	/* A line on what happened, for a log; may be NULL. */
	void (*note)(void *user, const char *text);
	void *user;
};

/* A device of the host that is bound, and all of guest memory as its
 * stage 2.
 */
struct vsmmu_device {
	int fd;
	uint32_t dev_id;
	/* The nest parent, which the VMM destroys after the device is out.
	 */
	uint32_t parent_id;
	/* Of the SMMU that it is behind. */
	struct iommunest_smmuv3_caps caps;
};

/* What the device's DMA reaches. */
enum vsmmu_dma {
	/* Not known: the last change failed halfway. */
	VSMMU_UNKNOWN,
	/* Nothing: it is detached. */
	VSMMU_BLOCKED,
	/* All of guest memory: it is attached to the nest parent. */
	VSMMU_PARENT,
	/* What the guest's tables say: to a nested HWPT. */
	VSMMU_NESTED,
};

struct vsmmu_nest {
	enum vsmmu_dma dma;
	/* What a nested HWPT was made of; hwpt_id is 0 where there is
	 * none. */
	uint32_t hwpt_id;
	struct iommunest_smmuv3_s1 s1;
};

/* What stands for the guest's SMMU on the host, from plugging to
 * unplugging. */
struct vsmmu_host {
	uint32_t viommu_id;
	uint32_t vdevice_id;
	uint32_t event_queue_id;
	/* -1: there is none. */
	int event_fd;
	struct iommunest_event_reader *events;
	/* The engine sends commands to the vIOMMU. */
	bool reached;
};

struct vsmmu {
	struct vsmmu_config config;
	struct iommunest_smmuv3_cmdq *cmdq;
	uint32_t regs[REG_END / 4];
	bool plugged;
	struct vsmmu_device device;
	struct vsmmu_host host;
	struct vsmmu_nest nest;
};

/*
 * Functions that return int return 0 or the negated errno of something
 * that the VMM or its host could not do, and nothing made good: the VMM
 * stops the guest.  What the guest does wrong is no error here: it reads
 * about that in its registers.
 *
 * One thread at a time.  A VMM has a lock around each of them, so that
 * what a vCPU reads is all from before a step of the queue, or all from
 * after it.
 */
int vsmmu_init(struct vsmmu *vsmmu, const struct vsmmu_config *config);
/* The device leaves first, as by vsmmu_unplug(). */
void vsmmu_fini(struct vsmmu *vsmmu);

/*
 * The guest's machine was reset, and its device before it: DMA of the
 * guest that was must not reach all of memory.
 */
int vsmmu_reset(struct vsmmu *vsmmu);

/*
 * A device appears, or goes.  -EOPNOTSUPP: its host SMMU cannot do what
 * the guest was shown; -EBUSY: there is one.  Once it is out nothing of
 * this file has the parent in use.
 */
int vsmmu_plug(struct vsmmu *vsmmu, const struct vsmmu_device *device);
int vsmmu_unplug(struct vsmmu *vsmmu);

/* What config.schedule asked for; it may ask again.  Never too often. */
int vsmmu_work(struct vsmmu *vsmmu);

/* The host has events: host.event_fd can be read.  Never too often. */
int vsmmu_read_events(struct vsmmu *vsmmu);

/*
 * MMIO of 4 bytes, or of 8 where the register has so many, @offset a
 * multiple of that; others are ignored.
 */
uint64_t vsmmu_read(const struct vsmmu *vsmmu, uint64_t offset,
		    unsigned int size);
int vsmmu_write(struct vsmmu *vsmmu, uint64_t offset, uint64_t value,
		unsigned int size);

/* ---- Between the files ---- */

extern const struct iommunest_smmuv3_cmdq_ops vsmmu_cmdq_ops;

__attribute__((format(printf, 2, 3))) void
vsmmu_note(const struct vsmmu *vsmmu, const char *format, ...);

/* Registers as they are, without what a guest's access does. */
static inline uint32_t vsmmu_get32(const struct vsmmu *vsmmu,
				   uint32_t offset)
{
	return vsmmu->regs[offset / 4];
}

static inline uint64_t vsmmu_get64(const struct vsmmu *vsmmu,
				   uint32_t offset)
{
	return vsmmu_get32(vsmmu, offset) |
	       (uint64_t)vsmmu_get32(vsmmu, offset + 4) << 32;
}

static inline void vsmmu_put32(struct vsmmu *vsmmu, uint32_t offset,
			       uint32_t value)
{
	vsmmu->regs[offset / 4] = value;
}

static inline bool vsmmu_is_set(const struct vsmmu *vsmmu, uint32_t offset,
				uint32_t bits)
{
	return vsmmu_get32(vsmmu, offset) & bits;
}

/* events.c: errors that are active are toggled, and those of the engine
 * shown.
 */
void vsmmu_raise_error(struct vsmmu *vsmmu, uint32_t error);
void vsmmu_show_errors(struct vsmmu *vsmmu, uint32_t gerror);
/* An event of 4 words for the guest's queue, or one of the VMM's own. */
void vsmmu_add_event(struct vsmmu *vsmmu, const uint64_t words[4]);
void vsmmu_record_fault(struct vsmmu *vsmmu, uint8_t type);

/* queue.c: copies guest memory, and back; 0 or -EFAULT. */
int vsmmu_read_memory(const struct vsmmu *vsmmu, uint64_t gpa, void *buf,
		      size_t len);
int vsmmu_write_memory(const struct vsmmu *vsmmu, uint64_t gpa,
		       const void *buf, size_t len);

/*
 * nest.c: the guest's stream table may say something else than before.
 * @invalidate: and so may what hangs on it, which may be cached.  What the
 * host cannot do blocks the device, and the guest reads of a fault: an
 * error means that even this failed.
 */
int vsmmu_nest_update(struct vsmmu *vsmmu, bool invalidate);
/* Blocks the device in the same way. */
int vsmmu_nest_cut_off(struct vsmmu *vsmmu);
/* The engine has forgotten the vIOMMU. */
void vsmmu_nest_forgotten(struct vsmmu *vsmmu);

#endif /* VSMMU_REGS_H */
