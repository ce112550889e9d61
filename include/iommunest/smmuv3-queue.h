/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * ARM SMMUv3: a guest's command queue and the engine that runs it.  Programs
 * include <libiommunest.h>.
 */
#ifndef IOMMUNEST_SMMUV3_QUEUE_H
#define IOMMUNEST_SMMUV3_QUEUE_H

#include <iommunest/smmuv3.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------
 * Registers (SMMUv3 specification, chapter 6; 3.5 for queues, 7.1 for errors)
 */

/* SMMU_CR0: the command queue is enabled. */
#define IOMMUNEST_SMMUV3_CR0_CMDQEN (1u << 3)

/* SMMU_GERROR and SMMU_GERRORN: the bits that the engine keeps. */
#define IOMMUNEST_SMMUV3_GERROR_CMDQ (1u << 0)
/* The MSI of a CMD_SYNC could not be written. */
#define IOMMUNEST_SMMUV3_GERROR_MSI_CMDQ_ABT (1u << 4)

/* SMMU_CMDQ_BASE */
#define IOMMUNEST_SMMUV3_CMDQ_BASE_LOG2SIZE UINT64_C(0x1f)
#define IOMMUNEST_SMMUV3_CMDQ_BASE_ADDR UINT64_C(0x000fffffffffffe0)

/* SMMU_CMDQ_PROD and SMMU_CMDQ_CONS: a slot and, above it, the wrap bit. */
#define IOMMUNEST_SMMUV3_CMDQ_POSITION 0xfffffu
/* SMMU_CMDQ_CONS.ERR: enum iommunest_smmuv3_cerror. */
#define IOMMUNEST_SMMUV3_CMDQ_CONS_ERR 0x7f000000u
#define IOMMUNEST_SMMUV3_CMDQ_CONS_ERR_SHIFT 24

enum iommunest_smmuv3_cerror {
	IOMMUNEST_SMMUV3_CERROR_NONE = 0,
	/* The guest's own fault.  Linux drops the command. */
	IOMMUNEST_SMMUV3_CERROR_ILL = 1,
	/* It could not be fetched.  Linux has it fetched again. */
	IOMMUNEST_SMMUV3_CERROR_ABT = 2,
	/* At a CMD_SYNC: a device TLB has not answered.  Linux syncs again. */
	IOMMUNEST_SMMUV3_CERROR_ATC_INV_SYNC = 3,
};

/* "CERROR_ILL" for example; "unknown".  Static.  Any thread. */
const char *iommunest_smmuv3_cerror_name(unsigned int cerror);

/* ------------------------------------------------------------------------
 * The engine
 */

struct iommunest_smmuv3_cmdq;

/* Where commands go: a vIOMMU of a context. */
struct iommunest_smmuv3_target {
	size_t size;
	/* Borrowed: it outlives the target. */
	struct iommunest_ctx *ctx;
	uint32_t viommu_id;
	uint32_t reserved;
	/*
	 * The VMM's own name for it, which callbacks and results carry.  A
	 * target is the same one where context and vIOMMU are.
	 */
	uint64_t cookie;
};

/* What `stream` answers: whose a stream is. */
#define IOMMUNEST_SMMUV3_STREAM_NOBODY 0
#define IOMMUNEST_SMMUV3_STREAM_TARGET 1
#define IOMMUNEST_SMMUV3_STREAM_VMM 2

/*
 * What the engine asks of the VMM: `read`, `interrupt` and `command` are
 * required.  Each function gets `vmm` first, runs within a function that runs
 * the queue, and may add and remove targets and streams; what would pull the
 * ring from under the run is -EBUSY.
 */
struct iommunest_smmuv3_cmdq_ops {
	size_t size;
	/*
	 * Copies @len bytes of guest memory as they are, which is
	 * little-endian; never across a 4 KiB border.
	 */
	int (*read)(void *vmm, uint64_t gpa, void *buf, size_t len);
	/*
	 * The CMD_SYNC in slot @index is done, and completes by an MSI: writes
	 * the 32 bits @data, little-endian, at @gpa, as one access that vCPUs
	 * see whole.  It may be the slot itself.  A negative return is shown to
	 * the guest as GERROR.MSI_CMDQ_ABT_ERR; the queue goes on.  Required
	 * with IOMMUNEST_SMMUV3_CMDQ_MSI.
	 */
	int (*write_msi)(void *vmm, uint32_t index, uint64_t gpa,
			 uint32_t data);
	/* The same with a wired interrupt. */
	void (*interrupt)(void *vmm, uint32_t index);
	/*
	 * Optional, for a VMM whose vCPUs read registers while another thread
	 * runs the queue: SMMU_CMDQ_CONS with its error, and the engine's bits
	 * of SMMU_GERROR, changed.  Both are to be seen together, and after
	 * what the callbacks before it wrote.
	 */
	void (*publish)(void *vmm, uint32_t cons, uint32_t gerror);
	/*
	 * Takes a command that is the VMM's: CFGI_STE, CFGI_STE_RANGE, RESUME,
	 * STALL_TERM, PRI_RESP; CFGI_CD, CFGI_CD_ALL, ATC_INV and PREFETCH_* of
	 * a stream that is the VMM's own; a TLBI where there is no target.  All
	 * that precedes it in the ring has been submitted.  A PREFETCH_* is
	 * given when the next array is, as nobody waits for it.
	 *
	 * It should not fail: what the host cannot do for a CFGI_STE cuts the
	 * device off (0).  -EBADMSG: the command is illegal for this guest,
	 * which reads CERROR_ILL.  Any other error goes by options->unhealed.
	 */
	int (*command)(void *vmm, uint32_t index,
		       const struct iommunest_smmuv3_cmd *cmd);
	/*
	 * Optional: a command of a stream that nobody has, which is done.
	 * Linux sends CFGI_CD before its first CFGI_STE.
	 */
	void (*dropped)(void *vmm, uint32_t index,
			const struct iommunest_smmuv3_cmd *cmd);
	/*
	 * Required for the policy SKIP.  The host failed on the command in slot
	 * @index, and the engine goes on after it.
	 */
	void (*skipped)(void *vmm, uint32_t index, uint64_t cookie, int error);
	/*
	 * Optional.  The host failed on the command in slot @index, and a flush
	 * of all that could be meant took its place.  Once for each target and
	 * submission.
	 */
	void (*healed)(void *vmm, uint64_t cookie, uint32_t index, int error,
		       uint32_t code);
	/*
	 * That flush failed, too.  Cuts the target off: returns 0 only when
	 * every device that is attached to a nested HWPT of the vIOMMU is
	 * detached or blocked.  All that the guest asks of the target counts as
	 * done then, and is not sent, until the VMM adds it again.  Required
	 * for the policy HEAL, unless options->unhealed is set.
	 */
	int (*isolate)(void *vmm, uint64_t cookie, uint32_t index, int error,
		       uint32_t code);
	/* Optional: each ioctl; the cookies of its entries are ring indices. */
	void (*trace)(void *vmm, uint64_t cookie,
		      const struct iommunest_call *call);
	/*
	 * Optional, for a VMM that has caches of its own, of emulated devices
	 * behind the same vSMMU.  The command in slot @index had at least one
	 * target.  Exactly once for each such slot that is consumed, whatever
	 * the host answered: after the submission, in the order of the ring,
	 * before a later command is given to `command` and before the next
	 * CMD_SYNC completes.  A negative return goes by options->unhealed.
	 */
	int (*forwarded)(void *vmm, uint32_t index,
			 const struct iommunest_smmuv3_cmd *cmd);
	/*
	 * Optional, in place of iommunest_smmuv3_cmdq_add_stream(): whose is
	 * stream @sid?  Returns IOMMUNEST_SMMUV3_STREAM_*, with TARGET the ctx
	 * and viommu_id of a target that has been added; or a negated errno,
	 * which goes by options->unhealed, as does a target that was not added
	 * (-ENOENT).
	 */
	int (*stream)(void *vmm, uint32_t sid,
		      struct iommunest_smmuv3_target *target);
};

/* What the engine does when the host fails on an entry or a call. */
enum iommunest_smmuv3_cmdq_policy {
	/*
	 * In its place, flush all that the array can have meant: the context
	 * descriptors of its streams, all translations, their device TLBs
	 * (`healed`); else cut the target off (`isolate`), else go by
	 * `unhealed`.
	 */
	IOMMUNEST_SMMUV3_CMDQ_HEAL = 0,
	/* The queue halts at the slot, and the guest sees nothing of it. */
	IOMMUNEST_SMMUV3_CMDQ_STOP = 1,
	/* Tell `skipped` of the entry, and go on; a call that fails halts. */
	IOMMUNEST_SMMUV3_CMDQ_SKIP = 2,
};

/* What is left where nothing healed a failure, or a function failed. */
enum iommunest_smmuv3_cmdq_unhealed {
	/* Not set: HALT, and `isolate` is required. */
	IOMMUNEST_SMMUV3_UNHEALED_DEFAULT = 0,
	/*
	 * The queue halts at the slot, and the guest sees nothing of it: the
	 * VMM stops the guest, or heals, clears the fault and runs again.
	 * Linux waits for a second, and then believes that it is done.
	 */
	IOMMUNEST_SMMUV3_UNHEALED_HALT = 1,
	/*
	 * The guest reads CERROR_ABT at the slot, and Linux has it fetched
	 * again, as often as it fails; where device TLBs timed out,
	 * CERROR_ATC_INV_SYNC at the CMD_SYNC, and what is in doubt is sent
	 * again before that completes.
	 */
	IOMMUNEST_SMMUV3_UNHEALED_ABT = 2,
};

/*
 * iommunest_smmuv3_cmdq_options::flags: the guest was shown IDR0.MSI, so that
 * a CMD_SYNC may complete by an MSI.
 */
#define IOMMUNEST_SMMUV3_CMDQ_MSI (1u << 0)

/* iommunest_smmuv3_cmdq_options::budget. */
#define IOMMUNEST_SMMUV3_CMDQ_DEFAULT_BUDGET 1024u
#define IOMMUNEST_SMMUV3_CMDQ_NO_BUDGET UINT32_MAX

/* The largest IDR1.CMDQS: 2^19 slots. */
#define IOMMUNEST_SMMUV3_CMDQS_MAX 19u

struct iommunest_smmuv3_cmdq_options {
	size_t size;
	/*
	 * What the guest was shown, and what each host behind it can: what is
	 * not there is illegal for the guest.  Required; copied.  Its flags are
	 * all those that one of the hosts has.
	 */
	const struct iommunest_smmuv3_caps *caps;
	/* enum iommunest_smmuv3_cmdq_policy. */
	uint32_t policy;
	/* enum iommunest_smmuv3_cmdq_unhealed; ABT with HEAL only. */
	uint32_t unhealed;
	/* Commands that one run handles at most; 0: the default. */
	uint32_t budget;
	/* IOMMUNEST_SMMUV3_CMDQ_MSI. */
	uint32_t flags;
	/* IDR1.CMDQS that the guest was shown, 1 to 19; 0: 19. */
	uint32_t cmdqs;
	uint32_t reserved;
};

/*
 * Makes an engine: one for each emulated SMMU.  @vmm is borrowed; @ops and
 * @options are copied.  It is disabled, as hardware is.  The caller owns
 * *@cmdq; on failure it is NULL.  Returns 0, -EINVAL (a NULL, a required
 * function missing, a bad option), -E2BIG, -EOPNOTSUPP (unknown flags),
 * -ENOMEM.  All functions of an engine: one thread at a time.
 */
int iommunest_smmuv3_cmdq_new(
	struct iommunest_smmuv3_cmdq **cmdq,
	const struct iommunest_smmuv3_cmdq_ops *ops, void *vmm,
	const struct iommunest_smmuv3_cmdq_options *options);

/* NULL is allowed.  Not within a callback, where it does nothing. */
void iommunest_smmuv3_cmdq_free(struct iommunest_smmuv3_cmdq *cmdq);

/*
 * Whether ops->trace is called from the next run on, as it is at first.
 * Returns 0, -EINVAL (NULL; @on, and there is no ops->trace), -EBUSY.
 */
int iommunest_smmuv3_cmdq_set_trace(struct iommunest_smmuv3_cmdq *cmdq,
				    bool on);

/* ---- Targets and streams ---- */

/*
 * A vIOMMU of the guest's SMMU: each TLBI goes to all of them.  *@target is
 * copied.  Adding one again that was isolated takes it back.  Before it is
 * added, and a device attached to what translates, the VMM itself sends it a
 * TLBI_NSNH_ALL: the guest's commands did not reach it, and translations stay
 * cached under its VMID.  Allocates.  May be called within a callback.  Returns
 * 0, -EINVAL (NULL, a size too small, reserved not 0, no ctx), -E2BIG, -EEXIST
 * (it is there, and not isolated), -ENOSPC (64 are there), -ENOMEM.
 */
int iommunest_smmuv3_cmdq_add_target(
	struct iommunest_smmuv3_cmdq *cmdq,
	const struct iommunest_smmuv3_target *target);

/*
 * Removes it with its streams.  Its cookie is not looked at.  What is gathered
 * for it and not sent counts as done: its devices are detached.  Returns 0,
 * -EINVAL, -E2BIG, -ENOENT.
 */
int iommunest_smmuv3_cmdq_remove_target(
	struct iommunest_smmuv3_cmdq *cmdq,
	const struct iommunest_smmuv3_target *target);

/*
 * Says which target has the guest's stream @sid, which has a vDEVICE there;
 * @target NULL: it is the VMM's, an emulated device.  Streams that are not
 * added are nobody's.  Allocates.  May be called within a callback.  Returns 0,
 * -EINVAL (NULL, ops has `stream`, a bad target), -E2BIG, -ENOENT (no such
 * target), -EEXIST (the stream is there), -ENOMEM.
 */
int iommunest_smmuv3_cmdq_add_stream(
	struct iommunest_smmuv3_cmdq *cmdq, uint32_t sid,
	const struct iommunest_smmuv3_target *target);

/* Returns 0, -EINVAL (NULL), -ENOENT. */
int iommunest_smmuv3_cmdq_remove_stream(struct iommunest_smmuv3_cmdq *cmdq,
					uint32_t sid);

/* ---- What a guest writes ---- */

struct iommunest_smmuv3_cmdq_result {
	size_t size;
	/* SMMU_CMDQ_CONS, with its error, and the engine's bits of GERROR. */
	uint32_t cons;
	uint32_t gerror;
	/* A bit of gerror was toggled by this call: interrupt, if enabled. */
	uint32_t gerror_changed;
	/* enum iommunest_cause, and the ring index of what failed. */
	uint32_t cause;
	uint32_t index;
	/* Negated errno, or 0. */
	int32_t error;
	/* Commands done in this run; CONS moved by as many slots. */
	uint32_t commands;
	/* ... of which this many had a target, */
	uint32_t forwarded;
	/* ... were CMD_SYNC, */
	uint32_t syncs;
	/* ... were given to `command`, */
	uint32_t vmm;
	/* ... were of streams that nobody has, */
	uint32_t dropped;
	/* ... and were skipped after a host failure. */
	uint32_t skipped;
	/* Entries that the kernel handled, and ioctls made. */
	uint32_t entries;
	uint32_t calls;
	/* The host driver's own code, where the kernel reports one; else 0. */
	uint32_t driver_error;
	/* Why a guest's command is illegal: iommunest_smmuv3_cmd_reason. */
	uint32_t reason;
	/* The cookie of the target that the host failed on, or 0. */
	uint64_t cookie;
};

/*
 * The guest wrote SMMU_CMDQ_BASE.  LOG2SIZE above the guest's CMDQS is taken as
 * CMDQS, and the address is aligned down to the queue's size, as hardware does.
 * A guest may do so only while the queue is disabled; what it halts at is
 * forgotten, and what is in doubt.  Returns 0, -EINVAL (NULL), -EBUSY (enabled,
 * or within a callback; nothing changes).
 */
int iommunest_smmuv3_cmdq_write_base(struct iommunest_smmuv3_cmdq *cmdq,
				     uint64_t base);

/*
 * The guest wrote SMMU_CMDQ_CONS; the error in it goes, and as much is
 * forgotten as with a new base.  Returns as iommunest_smmuv3_cmdq_write_base()
 * does.
 */
int iommunest_smmuv3_cmdq_write_cons(struct iommunest_smmuv3_cmdq *cmdq,
				     uint32_t cons);

/*
 * The guest wrote SMMU_CMDQ_PROD: handles the commands up to there, if the
 * queue is enabled and no error halts it.  Forwardable ones are gathered, one
 * array per target, and submitted before anything that must come after them: a
 * CMD_SYNC's completion, unless what comes after it is of the same class; a
 * command for the VMM; the end of the run.
 *
 * What the guest itself did wrong halts the queue with CERROR_ILL; a failure of
 * the host goes by the engine's options.  @result is written at every return,
 * unless its size is invalid.
 *
 * Returns 0 (CONS is at PROD, the queue is disabled, or the guest holds it by
 * an error in SMMU_GERRORN that never was), 1 (the budget, or 4096 ioctls,
 * ended the run: call iommunest_smmuv3_cmdq_run()), -EINVAL (NULL, a size too
 * small), -E2BIG, -EBUSY (within a callback), -EBADMSG (cause GUEST), or the
 * failure's own errno from `read`, `command`, `forwarded`, `stream` or the
 * submission.
 */
int iommunest_smmuv3_cmdq_write_prod(
	struct iommunest_smmuv3_cmdq *cmdq, uint32_t prod,
	struct iommunest_smmuv3_cmdq_result *result);

/*
 * The guest wrote SMMU_CR0, of which only CMDQEN is looked at.  Where it was 0
 * and is 1, what is in the ring up to PROD is handled.  Returns as
 * iommunest_smmuv3_cmdq_write_prod() does.
 */
int iommunest_smmuv3_cmdq_write_cr0(
	struct iommunest_smmuv3_cmdq *cmdq, uint32_t cr0,
	struct iommunest_smmuv3_cmdq_result *result);

/*
 * The guest wrote SMMU_GERRORN, of which the engine's bits are looked at.  If
 * that acknowledges CMDQ_ERR, the queue goes on at CONS, up to PROD, before the
 * write returns to the guest.  Returns as iommunest_smmuv3_cmdq_write_prod()
 * does.
 */
int iommunest_smmuv3_cmdq_write_gerrorn(
	struct iommunest_smmuv3_cmdq *cmdq, uint32_t gerrorn,
	struct iommunest_smmuv3_cmdq_result *result);

/* Goes on after a run that the budget ended, or that halted.  Returns so, too.
 */
int iommunest_smmuv3_cmdq_run(struct iommunest_smmuv3_cmdq *cmdq,
			      struct iommunest_smmuv3_cmdq_result *result);

/*
 * The VMM healed the host: a queue that halted without an error that the guest
 * sees starts again at CONS with the next run.  What the guest sees, only its
 * GERRORN clears.  Within a callback it does nothing.
 */
void iommunest_smmuv3_cmdq_clear_fault(struct iommunest_smmuv3_cmdq *cmdq);

/*
 * Back to the state after iommunest_smmuv3_cmdq_new(): no targets, no streams,
 * registers 0.  NULL is allowed.  Returns 0, -EBUSY (within a callback).
 */
int iommunest_smmuv3_cmdq_reset(struct iommunest_smmuv3_cmdq *cmdq);

/* ---- Registers, and live migration ---- */

struct iommunest_smmuv3_cmdq_registers {
	size_t size;
	uint64_t base;
	uint32_t prod;
	uint32_t cons;
	/* CMDQEN alone. */
	uint32_t cr0;
	/* The engine's bits alone. */
	uint32_t gerror;
	uint32_t gerrorn;
	uint32_t reserved;
};

/*
 * What a guest reads.  Also within a callback.  Returns 0, -EINVAL (NULL, a
 * size too small), -E2BIG.
 */
int iommunest_smmuv3_cmdq_read(const struct iommunest_smmuv3_cmdq *cmdq,
			       struct iommunest_smmuv3_cmdq_registers *regs);

/* Device-TLB commands in doubt: as many as one array has. */
#define IOMMUNEST_SMMUV3_CMDQ_DOUBT_MAX 63u

/*
 * All that an engine knows of its guest between two runs.  Targets and streams
 * are not in it: the destination has its own.
 */
struct iommunest_smmuv3_cmdq_state {
	size_t size;
	uint64_t base;
	uint32_t prod;
	uint32_t cons;
	uint32_t cr0;
	uint32_t gerror;
	uint32_t gerrorn;
	/* The fault that it halts at: enum iommunest_cause, or 0. */
	uint32_t cause;
	uint32_t index;
	int32_t error;
	uint32_t reason;
	/* With CERROR_ATC_INV_SYNC, what is sent again. */
	uint32_t doubt_count;
	struct iommunest_smmuv3_entry doubt[IOMMUNEST_SMMUV3_CMDQ_DOUBT_MAX];
};

/*
 * Copies an engine's state, between two runs.  Returns 0, -EINVAL (NULL or a
 * size too small), -E2BIG (above 4096), -EBUSY (within a callback).
 */
int iommunest_smmuv3_cmdq_save(const struct iommunest_smmuv3_cmdq *cmdq,
			       struct iommunest_smmuv3_cmdq_state *state);

/*
 * Restores a state in an engine, which keeps its targets and streams.  The
 * state is not trusted, and is checked: on failure the engine is unchanged.  Go
 * on with iommunest_smmuv3_cmdq_run().  Returns 0, -EINVAL (NULL, a bad size, a
 * state that no engine saves), -E2BIG, -EBUSY (within a callback).
 */
int iommunest_smmuv3_cmdq_restore(
	struct iommunest_smmuv3_cmdq *cmdq,
	const struct iommunest_smmuv3_cmdq_state *state);

/*
 * The same from registers alone, where a migration stream has nothing else.  A
 * queue that halted without an error does not halt: the next run tries again.
 * Returns as iommunest_smmuv3_cmdq_restore() does, or 1: the guest is shown
 * CERROR_ATC_INV_SYNC, or with IOMMUNEST_SMMUV3_UNHEALED_ABT and ATS another
 * error, and what is in doubt is not known; the VMM invalidates all device TLBs
 * before it goes on.
 */
int iommunest_smmuv3_cmdq_restore_registers(
	struct iommunest_smmuv3_cmdq *cmdq,
	const struct iommunest_smmuv3_cmdq_registers *regs);

#ifdef __cplusplus
}
#endif

#endif /* IOMMUNEST_SMMUV3_QUEUE_H */
