/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Intel VT-d: a guest's invalidation queue, its descriptors and the engine that
 * runs it.  Programs include <libiommunest.h>.
 */
#ifndef IOMMUNEST_VTD_QUEUE_H
#define IOMMUNEST_VTD_QUEUE_H

#include <iommunest/vtd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------
 * The guest's invalidation queue (VT-d specification, chapter 6, "Queued
 * Invalidation Interface", and chapter 11 for the registers)
 */

/* Descriptor types: bits 3:0 and 11:9 of the first word. */
enum iommunest_vtd_desc_type {
	IOMMUNEST_VTD_DESC_CONTEXT_CACHE = 1,
	IOMMUNEST_VTD_DESC_IOTLB = 2,
	IOMMUNEST_VTD_DESC_DEV_TLB = 3,
	IOMMUNEST_VTD_DESC_IEC = 4,
	IOMMUNEST_VTD_DESC_WAIT = 5,
	IOMMUNEST_VTD_DESC_PIOTLB = 6,
	IOMMUNEST_VTD_DESC_PASID_CACHE = 7,
	IOMMUNEST_VTD_DESC_PASID_DEV_TLB = 8,
	IOMMUNEST_VTD_DESC_PAGE_RESPONSE = 9,
};

/* iommunest_vtd_desc::granularity, by type. */
#define IOMMUNEST_VTD_CONTEXT_GLOBAL 1u
#define IOMMUNEST_VTD_CONTEXT_DOMAIN 2u
#define IOMMUNEST_VTD_CONTEXT_DEVICE 3u
#define IOMMUNEST_VTD_IOTLB_GLOBAL 1u
#define IOMMUNEST_VTD_IOTLB_DOMAIN 2u
#define IOMMUNEST_VTD_IOTLB_PAGES 3u
#define IOMMUNEST_VTD_IEC_GLOBAL 0u
#define IOMMUNEST_VTD_IEC_INDEX 1u
#define IOMMUNEST_VTD_PIOTLB_ALL 2u
#define IOMMUNEST_VTD_PIOTLB_PAGES 3u
#define IOMMUNEST_VTD_PASID_CACHE_DOMAIN 0u
#define IOMMUNEST_VTD_PASID_CACHE_PASID 1u
#define IOMMUNEST_VTD_PASID_CACHE_GLOBAL 3u
#define IOMMUNEST_VTD_DEV_TLB_PASID 0u
#define IOMMUNEST_VTD_DEV_TLB_GLOBAL 1u /* all PASIDs of the device */

/* iommunest_vtd_desc::flags. */
#define IOMMUNEST_VTD_DESC_IH (1u << 0) /* invalidation hint: leaf only */
#define IOMMUNEST_VTD_DESC_SW (1u << 1) /* wait: status write */
#define IOMMUNEST_VTD_DESC_IF (1u << 2) /* wait: interrupt */
#define IOMMUNEST_VTD_DESC_FN (1u << 3) /* wait: fence */
#define IOMMUNEST_VTD_DESC_PD (1u << 4) /* wait: page-request drain */
#define IOMMUNEST_VTD_DESC_DW (1u << 5) /* IOTLB: drain writes */
#define IOMMUNEST_VTD_DESC_DR (1u << 6) /* IOTLB: drain reads */
#define IOMMUNEST_VTD_DESC_PP (1u << 7) /* page response: has a PASID */

/* iommunest_vtd_desc::response. */
#define IOMMUNEST_VTD_RESPONSE_SUCCESS 0x0u
#define IOMMUNEST_VTD_RESPONSE_INVALID 0x1u
#define IOMMUNEST_VTD_RESPONSE_FAILURE 0xfu

/* Why hardware would refuse a descriptor: IQERCD_REG.IQEI. */
enum iommunest_vtd_iqei {
	IOMMUNEST_VTD_IQEI_NONE = 0,
	IOMMUNEST_VTD_IQEI_TAIL = 1,	 /* tail beyond the ring */
	IOMMUNEST_VTD_IQEI_FETCH = 2,	 /* descriptor could not be read */
	IOMMUNEST_VTD_IQEI_TYPE = 3,	 /* unknown type, or not in this mode */
	IOMMUNEST_VTD_IQEI_RESERVED = 4, /* reserved field or value */
	IOMMUNEST_VTD_IQEI_WIDTH = 5,	 /* 128-bit ring, mode of 256 bits */
	IOMMUNEST_VTD_IQEI_TAIL_ALIGN = 6, /* tail not of a 256-bit slot */
	IOMMUNEST_VTD_IQEI_TTM = 7,	   /* reserved translation table mode */
};

/*
 * RTADDR_REG.TTM, bits 11:10: the guest's translation table mode.  Legacy mode
 * has the first five descriptor types; scalable and abort-DMA mode have all,
 * in 256-bit rings; the reserved mode has none.
 */
enum iommunest_vtd_ttm {
	IOMMUNEST_VTD_TTM_LEGACY = 0,
	IOMMUNEST_VTD_TTM_SCALABLE = 1,
	IOMMUNEST_VTD_TTM_RESERVED = 2,
	IOMMUNEST_VTD_TTM_ABORT = 3, /* all DMA is aborted */
};

/* The mode that a guest wrote to RTADDR_REG. */
#define IOMMUNEST_VTD_RTADDR_TTM(rtaddr) \
	((enum iommunest_vtd_ttm)((rtaddr) >> 10 & 3))

/*
 * One decoded descriptor.  Fields that a type does not have are 0.  @raw is
 * the only copy that was made of guest memory; in a 128-bit ring its last two
 * words are 0.
 */
struct iommunest_vtd_desc {
	size_t size;
	uint64_t raw[4];
	/*
	 * Page address, aligned down to 2^am pages; of a wait: STADDR, a
	 * multiple of 4.
	 */
	uint64_t addr;
	/* Of a wait: STDATA. */
	uint32_t status_data;
	/* IOMMUNEST_VTD_DESC_*. */
	uint32_t flags;
	/* 20 bits. */
	uint32_t pasid;
	uint16_t did;
	/* Source id: bus, device, function; and of its physical function. */
	uint16_t sid;
	uint16_t pfsid;
	/* Interrupt entry cache: the first interrupt index. */
	uint16_t iidx;
	/* Page response: the page request group, 9 bits. */
	uint16_t prgi;
	/* enum iommunest_vtd_desc_type, or the unknown number. */
	uint8_t type;
	uint8_t granularity;
	/*
	 * log2 of pages, 0 to 63; of a device TLB 0 to 52, and 52 is all.  Of
	 * an interrupt entry cache: IM, log2 of interrupts, 0 to 31.
	 */
	uint8_t am;
	/* Context cache: function mask, 0 to 3. */
	uint8_t fm;
	/* Device TLB: most invalidations pending, 0 to 31. */
	uint8_t mip;
	/* Page response: IOMMUNEST_VTD_RESPONSE_*, 4 bits. */
	uint8_t response;
	/* enum iommunest_vtd_iqei of a descriptor that was refused. */
	uint8_t iqei;
	uint8_t reserved;
};

/*
 * Decodes the @width / 64 words at @words, in the CPU's byte order (guest
 * memory is little-endian); @width is 128 or 256 bits.  Everything that
 * hardware checks is checked.  desc->size must be set.  Any thread.  Returns 0,
 * -EINVAL (NULL, another width or mode, a size too small), -E2BIG (a size above
 * 4096), or -EBADMSG: hardware would refuse it, and desc->iqei says why.
 */
int iommunest_vtd_desc_decode(struct iommunest_vtd_desc *desc,
			      const uint64_t *words, unsigned int width,
			      enum iommunest_vtd_ttm ttm);

/*
 * The reverse: builds desc->raw from the other fields, so that decoding it
 * returns the same fields; those that the type does not have must be 0.  Any
 * thread.  Returns 0, -EINVAL (NULL, a size too small, an unknown type, a
 * value that its field cannot hold or that is reserved, an address that is not
 * aligned to its block), -E2BIG (a newer header's members are set, or the size
 * is above 4096); raw is then as it was.
 */
int iommunest_vtd_desc_encode(struct iommunest_vtd_desc *desc);

/*
 * A builder for each type, for tests and for programs that act as a guest.
 * Each fills *@desc, whose size must be set, including raw.  An address is
 * aligned down to its block.  Returns as iommunest_vtd_desc_encode() does.  Any
 * thread.
 */
int iommunest_vtd_desc_context_cache(struct iommunest_vtd_desc *desc,
				     unsigned int granularity, uint16_t did,
				     uint16_t sid, unsigned int fm);
/* @flags: IH, DW, DR. */
int iommunest_vtd_desc_iotlb(struct iommunest_vtd_desc *desc,
			     unsigned int granularity, uint16_t did,
			     uint64_t addr, unsigned int am, uint32_t flags);
int iommunest_vtd_desc_dev_tlb(struct iommunest_vtd_desc *desc, uint16_t sid,
			       uint16_t pfsid, unsigned int mip, uint64_t addr,
			       unsigned int am);
int iommunest_vtd_desc_iec(struct iommunest_vtd_desc *desc,
			   unsigned int granularity, uint16_t iidx,
			   unsigned int im);
/* @flags: SW, IF, FN, PD. */
int iommunest_vtd_desc_wait(struct iommunest_vtd_desc *desc, uint32_t flags,
			    uint64_t status_addr, uint32_t status_data);
/* @flags: IH. */
int iommunest_vtd_desc_piotlb(struct iommunest_vtd_desc *desc,
			      unsigned int granularity, uint16_t did,
			      uint32_t pasid, uint64_t addr, unsigned int am,
			      uint32_t flags);
int iommunest_vtd_desc_pasid_cache(struct iommunest_vtd_desc *desc,
				   unsigned int granularity, uint16_t did,
				   uint32_t pasid);
int iommunest_vtd_desc_pasid_dev_tlb(struct iommunest_vtd_desc *desc,
				     unsigned int granularity, uint16_t sid,
				     uint16_t pfsid, uint32_t pasid,
				     unsigned int mip, uint64_t addr,
				     unsigned int am);
/* @flags: PP. */
int iommunest_vtd_desc_page_response(struct iommunest_vtd_desc *desc,
				     uint16_t sid, uint32_t pasid,
				     uint32_t flags, unsigned int prgi,
				     unsigned int response);

/*
 * Formats a descriptor as human-readable text: one line, no newline, such as
 * "piotlb pages did 5 pasid 0x10 addr 0x1000 am 0 ih".  Like snprintf(3), it
 * ends the text with a 0 if @len is not 0, and returns the length of the whole
 * text.  -EINVAL: @desc is NULL or its size too small, or @buf is NULL with
 * @len not 0.  -E2BIG: a size above 4096.  Any thread.
 */
int iommunest_vtd_desc_print(const struct iommunest_vtd_desc *desc, char *buf,
			     size_t len);

/* A type's name in lower case, such as "piotlb", or "unknown".  Static. */
const char *iommunest_vtd_desc_name(unsigned int type);

/* Describes a value of IQEI; "unknown" for others.  Static.  Any thread. */
const char *iommunest_vtd_iqei_text(unsigned int iqei);

/* IQA_REG: size of the ring, 256-bit descriptors, address of the ring. */
#define IOMMUNEST_VTD_IQA_QS UINT64_C(0x7)
#define IOMMUNEST_VTD_IQA_DW (UINT64_C(1) << 11)
#define IOMMUNEST_VTD_IQA_BASE UINT64_C(0xfffffffffffff000)

/* IQH_REG and IQT_REG: the byte offset of a slot. */
#define IOMMUNEST_VTD_IQT_OFFSET UINT64_C(0x7fff0)

/* IQERCD_REG: why, and with ITE and ICE the device's source id. */
#define IOMMUNEST_VTD_IQERCD_IQEI UINT64_C(0xf)
#define IOMMUNEST_VTD_IQERCD_ITESID (UINT64_C(0xffff) << 32)
#define IOMMUNEST_VTD_IQERCD_ICESID (UINT64_C(0xffff) << 48)

struct iommunest_vtd_iq;

/*
 * Where the descriptors of a scope or a device go: a nested HWPT of a context.
 * A VMM with several contexts has an engine that goes to all of them.
 */
struct iommunest_vtd_target {
	size_t size;
	/* Borrowed: it outlives the target's scopes and devices. */
	struct iommunest_ctx *ctx;
	uint32_t hwpt_id;
	uint32_t reserved;
	/*
	 * The VMM's own name for it, which callbacks and results carry.  A
	 * target is the same one where context and HWPT are.
	 */
	uint64_t cookie;
};

/* In place of a PASID: a device's requests without one. */
#define IOMMUNEST_VTD_NO_PASID UINT32_MAX
/* Of `device`: all of its requests. */
#define IOMMUNEST_VTD_ALL_PASIDS (UINT32_MAX - 1)

/*
 * What the engine asks of the VMM.  Each function gets `vmm` first, runs
 * within iommunest_vtd_iq_run(), and may add and remove scopes and devices;
 * what would pull the ring from under the run is -EBUSY.  Functions that return
 * int return 0 or a negated errno, and `device` also 1.
 */
struct iommunest_vtd_iq_ops {
	size_t size;
	/*
	 * Copies @len bytes of guest memory as they are, which is
	 * little-endian; never across a 4 KiB border.
	 */
	int (*read)(void *vmm, uint64_t gpa, void *buf, size_t len);
	/*
	 * Writes the 32 bits @data, little-endian, at @gpa, for the wait
	 * descriptor in slot @index, as one access that vCPUs see whole.
	 */
	int (*write_status)(void *vmm, uint32_t index, uint64_t gpa,
			    uint32_t data);
	/* A wait with the interrupt flag is done: set ICS.IWC, interrupt. */
	void (*interrupt)(void *vmm, uint32_t index);
	/*
	 * Takes a descriptor that is the VMM's alone: context cache, PASID
	 * cache, interrupt entry cache, page group response; IOTLB and
	 * PASID-based IOTLB of a domain or scope without a target, device TLB
	 * of a device without one.  All that precedes it in the ring has been
	 * submitted.  A wait with
	 * IOMMUNEST_VTD_DESC_PD comes here too, before it completes: the VMM
	 * drains its page requests.
	 *
	 * It should not fail: an emulated device that is gone has no TLB (0),
	 * a silent one is cut off (0), and what the host cannot do for a
	 * PASID-cache descriptor detaches the device (0).  -EREMOTEIO: it is
	 * done, and a device sent an unexpected completion besides, which the
	 * guest sees as ICE.  Any other error goes by options->unhealed.
	 */
	int (*descriptor)(void *vmm, uint32_t index,
			  const struct iommunest_vtd_desc *desc);
	/*
	 * Optional.  The descriptor in slot @index was covered by another
	 * one's entry, or by a flush of its whole HWPT, and is done.  A device
	 * TLB descriptor is covered by the descriptor before it of the same
	 * HWPT, if that has its range: the kernel flushes device TLBs itself.
	 */
	void (*covered)(void *vmm, uint32_t index, uint64_t cookie);
	/*
	 * Required for the policy SKIP.  The host failed on the descriptor in
	 * slot @index, and the engine goes on after it.
	 */
	void (*skipped)(void *vmm, uint32_t index, uint64_t cookie, int error);
	/*
	 * Optional.  The host failed on the descriptor in slot @index, with
	 * the driver's own @code or 0, and a flush of all of the target took
	 * its place.  It is called once for each target and submission.
	 */
	void (*healed)(void *vmm, uint64_t cookie, uint32_t index, int error,
		       uint32_t code);
	/*
	 * That flush failed, too.  Cuts the target off: returns 0 only when
	 * every (device, PASID) that is attached to the HWPT is detached or
	 * blocked.  All that the guest asks of the target counts as done then,
	 * and is not sent, until the VMM adds it again.  May change the
	 * engine's tables, and destroy the HWPT.  Required for the policy HEAL,
	 * unless options->unhealed is set.
	 */
	int (*isolate)(void *vmm, uint64_t cookie, uint32_t index, int error,
		       uint32_t code);
	/* Optional: each ioctl; the cookies of its entries are ring indices. */
	void (*trace)(void *vmm, uint64_t cookie,
		      const struct iommunest_call *call);
	/*
	 * Optional, for a VMM that has caches of its own, of emulated devices
	 * behind the same vIOMMU.  The descriptor in slot @index had at least
	 * one target.  It is called exactly once for each such slot that is
	 * consumed, covered or isolated ones too, whatever the host answered:
	 * after the submission, in the order of the ring, before a later
	 * descriptor is given to `descriptor` and before the next wait
	 * completes.  With `descriptor` it sees each TLB descriptor once.
	 * Returns as `descriptor` does.
	 */
	int (*forwarded)(void *vmm, uint32_t index,
			 const struct iommunest_vtd_desc *desc);
	/*
	 * Optional, in place of iommunest_vtd_iq_add_device(), for a VMM whose
	 * guest renumbers its buses.  Which targets do requests of the device
	 * with source id @sid go through, with @pasid (20 bits), without one
	 * (IOMMUNEST_VTD_NO_PASID), or at all (IOMMUNEST_VTD_ALL_PASIDS)?
	 * Asked for a device-TLB descriptor with @nth from 0 on.  Returns 1
	 * and the target's ctx and hwpt_id, 0 where there are no more, or a
	 * negated errno, which goes by options->unhealed, whichever it is.  So
	 * do a target without a scope (-ENOENT) and a list of more than 65534
	 * (-E2BIG).
	 */
	int (*device)(void *vmm, uint16_t sid, uint32_t pasid, uint32_t nth,
		      struct iommunest_vtd_target *target);
};

/* What the engine does when the host fails on an entry or a call. */
enum iommunest_vtd_iq_policy {
	/*
	 * Flush all of the target in its place (`healed`), else cut the target
	 * off (`isolate`), else go by `unhealed`.
	 */
	IOMMUNEST_VTD_IQ_HEAL = 0,
	/* The queue halts at the slot, and the guest sees nothing of it. */
	IOMMUNEST_VTD_IQ_STOP = 1,
	/* Tell `skipped` of the entry, and go on; a call that fails halts. */
	IOMMUNEST_VTD_IQ_SKIP = 2,
};

/* What is left where nothing healed a failure, or a function failed. */
enum iommunest_vtd_iq_unhealed {
	/* Not set: HALT, and `isolate` is required. */
	IOMMUNEST_VTD_UNHEALED_DEFAULT = 0,
	/*
	 * The queue halts at the slot, and the guest sees nothing of it: the
	 * VMM stops the guest, or heals, clears the fault and runs again.
	 */
	IOMMUNEST_VTD_UNHEALED_HALT = 1,
	/*
	 * The first wait with SW or IF after the slot is not completed, and
	 * the guest sees ITE; its driver submits again.  Linux 6.12 to 6.19
	 * without a fix of March 2026 locks up on ITE: for VMMs that know
	 * their guests.
	 */
	IOMMUNEST_VTD_UNHEALED_ITE = 2,
};

/* iommunest_vtd_iq_options::flags: this kernel's "all" does not flush all. */
#define IOMMUNEST_VTD_IQ_NO_ALL (1u << 0)

/* iommunest_vtd_iq_options::budget. */
#define IOMMUNEST_VTD_IQ_DEFAULT_BUDGET 1024u
#define IOMMUNEST_VTD_IQ_NO_BUDGET UINT32_MAX

struct iommunest_vtd_iq_options {
	size_t size;
	/* enum iommunest_vtd_iq_policy. */
	uint32_t policy;
	/* Descriptors that one run handles at most; 0: the default. */
	uint32_t budget;
	/* How blocks become entries; NULL: neither split nor merged. */
	const struct iommunest_vtd_limits *limits;
	/* enum iommunest_vtd_iq_unhealed; ITE with the policy HEAL only. */
	uint32_t unhealed;
	/* IOMMUNEST_VTD_IQ_NO_ALL. */
	uint32_t flags;
};

/*
 * Makes an engine: one for each emulated DRHD.  @vmm is borrowed; @ops and
 * @options (which may be NULL) are copied.  The caller owns *@iq; on failure it
 * is NULL.  Returns 0, -EINVAL (a NULL, a required function missing, a bad
 * option), -E2BIG, -EOPNOTSUPP (unknown flags in the options or the limits),
 * -ENOMEM.
 */
int iommunest_vtd_iq_new(struct iommunest_vtd_iq **iq,
			 const struct iommunest_vtd_iq_ops *ops, void *vmm,
			 const struct iommunest_vtd_iq_options *options);

/*
 * Whether ops->trace is called from the next run on, as it is at first.  Runs
 * are faster without it.  Returns 0, -EINVAL (NULL; @on, and there is no
 * ops->trace), -EBUSY (within a callback).
 */
int iommunest_vtd_iq_set_trace(struct iommunest_vtd_iq *iq, bool on);

/* NULL is allowed.  Not within a callback, where it does nothing. */
void iommunest_vtd_iq_free(struct iommunest_vtd_iq *iq);

/*
 * Where the guest's ring is: the value of IQA_REG.  The VMM keeps the register,
 * which a guest may write in halves, and calls this when GCMD_REG.QIE is set,
 * before iommunest_vtd_iq_enable().  The base is in bits 63:12, DW (256-bit
 * descriptors) in bit 11, QS in bits 2:0; the ring has 2^(QS+8) slots, or
 * 2^(QS+7) with DW.
 * The head is 0 again, and so is the tail unless the queue is disabled; a
 * fault is forgotten.  @ttm is the mode that the guest set last; what it does
 * not have is refused, and in legacy mode nothing is forwarded.
 *
 * This allocates, in proportion to the ring; running it does not.  Returns 0,
 * -EINVAL (NULL, reserved bits, another mode), -EBUSY (within a callback),
 * -ENOMEM (the engine is as before).
 */
int iommunest_vtd_iq_set_base(struct iommunest_vtd_iq *iq, uint64_t iqa,
			      enum iommunest_vtd_ttm ttm);

/*
 * The guest set its root table (GCMD_REG.SRTP), and with it RTADDR_REG.TTM,
 * after the base.  The ring stays as it is.  Returns 0, -EINVAL (NULL, another
 * mode), -EBUSY (within a callback).
 */
int iommunest_vtd_iq_set_mode(struct iommunest_vtd_iq *iq,
			      enum iommunest_vtd_ttm ttm);

/*
 * Says which target holds what a guest's (domain id, PASID) caches.  Several
 * may share a scope, and one target may have several.  @pasid is 20 bits.
 * *@target is copied.  Allocates, as the table grows with what is added.  It
 * may be called within a callback.
 * Returns 0, -EINVAL (NULL, @pasid, a size too small, reserved not 0, a target
 * that has another cookie), -E2BIG, -EEXIST (the same three again, with
 * whatever cookie), -ENOSPC (65534 scopes and devices are there), -ENOMEM (the
 * engine is as before).
 */
int iommunest_vtd_iq_add_scope(struct iommunest_vtd_iq *iq, uint16_t did,
			       uint32_t pasid,
			       const struct iommunest_vtd_target *target);

/*
 * Says which target a device's requests go through, so that device-TLB
 * descriptors are forwarded to it, unless the descriptor before covers them.
 * Device-TLB descriptors of other devices are the VMM's.  @sid is the device's
 * source id in the guest; @pasid may also be IOMMUNEST_VTD_NO_PASID.  Counts
 * and returns as iommunest_vtd_iq_add_scope() does; -EINVAL also where ops
 * has `device`.
 */
int iommunest_vtd_iq_add_device(struct iommunest_vtd_iq *iq, uint16_t sid,
				uint32_t pasid,
				const struct iommunest_vtd_target *target);

/*
 * Remove one of these, for example when the guest's PASID-table entry has
 * changed.  The target's cookie is not looked at.  Return 0, -EINVAL, -E2BIG,
 * -ENOENT.
 */
int iommunest_vtd_iq_remove_scope(struct iommunest_vtd_iq *iq, uint16_t did,
				  uint32_t pasid,
				  const struct iommunest_vtd_target *target);
int iommunest_vtd_iq_remove_device(struct iommunest_vtd_iq *iq, uint16_t sid,
				   uint32_t pasid,
				   const struct iommunest_vtd_target *target);

/*
 * Removes all scopes and devices of a target, whose cookie is not looked at.
 * Returns 0, -EINVAL (NULL, a size too small), -E2BIG, -ENOENT.
 */
int iommunest_vtd_iq_forget(struct iommunest_vtd_iq *iq,
			    const struct iommunest_vtd_target *target);

struct iommunest_vtd_iq_result {
	size_t size;
	/* IQH_REG: the slot after the last descriptor that is done. */
	uint64_t iqh;
	/*
	 * IQERCD_REG: with IQE, IQEI in bits 3:0, or 0 where the status of a
	 * wait could not be written; else 0.  No device is named, because Linux
	 * may then give up another CPU's flush.
	 */
	uint64_t iqercd;
	/* Bits to OR into FSTS_REG: IOMMUNEST_VTD_FSTS_*. */
	uint32_t fsts;
	/* enum iommunest_cause, and the ring index of what failed. */
	uint32_t cause;
	uint32_t index;
	/* Negated errno, or 0. */
	int32_t error;
	/* Descriptors done in this run; the head moved by as many slots. */
	uint32_t descriptors;
	/* ... of which this many were forwarded or covered, */
	uint32_t forwarded;
	/* ... were waits, */
	uint32_t waits;
	/* ... were given to the VMM's `descriptor` function, */
	uint32_t vmm;
	/* ... and were skipped after a host failure. */
	uint32_t skipped;
	/* Entries that the kernel handled, and ioctls made. */
	uint32_t entries;
	uint32_t calls;
	/* The host driver's own code, where the kernel reports one; else 0. */
	uint32_t driver_error;
	/* The cookie of the target that the host failed on, or 0. */
	uint64_t cookie;
};

/*
 * The guest wrote IQT_REG, or the VMM goes on with a run that the budget
 * ended: handles the descriptors from the head up to @iqt (the register's
 * value).  Forwardable ones are gathered, one array per nested HWPT, and
 * submitted before anything that must come after them: a wait's completion, a
 * descriptor for the VMM, the end of the run.  @result is written at every
 * return, unless its size is invalid.
 *
 * What the guest itself did wrong (IQE) halts the queue with the head at the
 * slot; a failure of the host goes by the engine's options.  A halted engine
 * reports the same again, until iommunest_vtd_iq_clear_fault() (the guest
 * cleared FSTS_REG, or the VMM healed the host) or a new base; then it starts
 * again from the head.  The write that clears IQE or ITE runs the queue, to its
 * tail, before it returns to the guest: Linux uses its slots again right after
 * it.
 *
 * Returns 0 (head is at the tail, or the queue is disabled), 1 (the budget
 * ended the run: call again), -EINVAL (NULL, a size too small), -E2BIG (a size
 * above 4096), -EBUSY (within a callback), -EBADMSG (cause GUEST), or the
 * failure's own errno from `read`, `write_status`, `descriptor`, `forwarded`,
 * `device` or iommunest_submit().
 */
int iommunest_vtd_iq_run(struct iommunest_vtd_iq *iq, uint64_t iqt,
			 struct iommunest_vtd_iq_result *result);

/*
 * The guest cleared the fault, or the VMM healed the host: the next run starts
 * at the head.  Within a callback it does nothing.
 */
void iommunest_vtd_iq_clear_fault(struct iommunest_vtd_iq *iq);

/*
 * The guest disabled its queue (GCMD_REG.QIE was 1 and is 0): the head is 0
 * again, and runs remember the tail and do nothing.  A fault stays.  A new
 * engine is disabled, as hardware is.  Returns 0, -EINVAL (NULL), -EBUSY
 * (within a callback).
 */
int iommunest_vtd_iq_disable(struct iommunest_vtd_iq *iq);

/*
 * The guest enabled its queue (GCMD_REG.QIE), whose base has been set: what was
 * in the ring up to the last tail, which some guests write first, is handled as
 * by iommunest_vtd_iq_run().  Returns the same; 0, with nothing done, if it was
 * enabled already.
 */
int iommunest_vtd_iq_enable(struct iommunest_vtd_iq *iq,
			    struct iommunest_vtd_iq_result *result);

/*
 * Back to the state after iommunest_vtd_iq_new(): no base, no scopes, no fault,
 * disabled.  NULL is allowed.  Returns 0, -EBUSY (within a callback).
 */
int iommunest_vtd_iq_reset(struct iommunest_vtd_iq *iq);

/* iommunest_vtd_iq_state::flags. */
#define IOMMUNEST_VTD_IQ_HAS_BASE (1u << 0)
#define IOMMUNEST_VTD_IQ_ENABLED (1u << 1)
/* A failure that the guest has not seen yet aborts the next wait. */
#define IOMMUNEST_VTD_IQ_ABORT (1u << 2)

/*
 * All that an engine knows of its guest between two runs, for live migration.
 * HWPTs and their scopes are not in it: the destination has its own.
 */
struct iommunest_vtd_iq_state {
	size_t size;
	/* IQA_REG, and IQH_REG and IQT_REG as the guest sees them. */
	uint64_t iqa;
	uint64_t iqh;
	uint64_t iqt;
	/* IOMMUNEST_VTD_IQ_*. */
	uint32_t flags;
	/* The fault that it halts at: enum iommunest_cause, or 0. */
	uint32_t cause;
	uint32_t index;
	int32_t error;
	/* Its FSTS_REG bits and IQERCD_REG. */
	uint32_t fsts;
	/* With IOMMUNEST_VTD_IQ_ABORT: the slot that failed ... */
	uint32_t abort_index;
	uint64_t iqercd;
	/* ... and its negated errno. */
	int32_t abort_error;
	/* enum iommunest_vtd_ttm. */
	uint32_t ttm;
};

/*
 * Copies an engine's state, between two runs.  Returns 0, -EINVAL
 * (NULL or a size too small), -E2BIG (above 4096), -EBUSY (within a callback).
 */
int iommunest_vtd_iq_save(const struct iommunest_vtd_iq *iq,
			  struct iommunest_vtd_iq_state *state);

/*
 * Restores a state in an engine, which keeps its scopes.  The state is not
 * trusted, and is checked: on failure the engine is unchanged.  Go on with
 * iommunest_vtd_iq_run() and the state's iqt.  Returns 0, -EINVAL (NULL, a
 * bad size, a state that no engine saves), -E2BIG, -EBUSY (within a callback),
 * -ENOMEM.
 */
int iommunest_vtd_iq_restore(struct iommunest_vtd_iq *iq,
			     const struct iommunest_vtd_iq_state *state);

/* The registers of a queue, where a migration stream has nothing else. */
struct iommunest_vtd_iq_registers {
	size_t size;
	/* IQA_REG, IQH_REG, IQT_REG and IQERCD_REG. */
	uint64_t iqa;
	uint64_t iqh;
	uint64_t iqt;
	uint64_t iqercd;
	/* FSTS_REG; bits that are not the queue's do not matter. */
	uint32_t fsts;
	/* enum iommunest_vtd_ttm, of the root table that was set last. */
	uint32_t ttm;
	/* GSTS_REG.QIES, 0 or 1. */
	uint32_t enabled;
	uint32_t reserved;
};

/*
 * The same from registers alone.  IQE and ITE halt the engine until they are
 * cleared; their cause is known as far as IQERCD_REG says it.  A queue that
 * halted without a bit does not halt: the next run tries again.  A failure that
 * the guest has not seen yet is lost with UNHEALED_ITE: a VMM that shows ITE
 * saves the engine's own state.  Of a disabled queue, only the tail and the
 * mode count: its base is set when it is enabled.  Returns as
 * iommunest_vtd_iq_restore() does.
 */
int iommunest_vtd_iq_restore_registers(
	struct iommunest_vtd_iq *iq,
	const struct iommunest_vtd_iq_registers *registers);

#ifdef __cplusplus
}
#endif

#endif /* IOMMUNEST_VTD_QUEUE_H */
