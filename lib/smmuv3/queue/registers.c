/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What a guest does to the registers of its command queue.  Registers: SMMUv3
 * specification, chapter 6.
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/smmuv3/queue/result.h"

/* ---- Base and CONS ---- */

uint32_t iommunest__smmuv3_slots(const struct iommunest_smmuv3_cmdq *q,
				 uint64_t base)
{
	const uint32_t log2 =
		(uint32_t)(base & IOMMUNEST_SMMUV3_CMDQ_BASE_LOG2SIZE);

	return UINT32_C(1) << (log2 < q->cmdqs ? log2 : q->cmdqs);
}

void iommunest__smmuv3_set_base(struct iommunest_smmuv3_cmdq *q, uint64_t base)
{
	uint64_t size;

	q->base = base & BASE_BITS;
	q->slots = iommunest__smmuv3_slots(q, base);
	size = (uint64_t)q->slots << CMD_SHIFT;
	/* The register has bits of 32 bytes and more only. */
	q->ring = base & IOMMUNEST_SMMUV3_CMDQ_BASE_ADDR & ~(size - 1);
}

/* The guest made its queue anew: what is left of the old one is nobody's. */
static void forget_failures(struct iommunest_smmuv3_cmdq *q)
{
	q->fault = (struct smmu_fault){ 0 };
	q->n_doubt = 0;
}

static int check_change(const struct iommunest_smmuv3_cmdq *q)
{
	if (!q)
		return -EINVAL;
	return q->running || q->enabled ? -EBUSY : 0;
}

EXPORT int iommunest_smmuv3_cmdq_write_base(struct iommunest_smmuv3_cmdq *cmdq,
					    uint64_t base)
{
	int ret = check_change(cmdq);

	if (ret)
		return ret;
	iommunest__smmuv3_set_base(cmdq, base);
	forget_failures(cmdq);
	return 0;
}

EXPORT int iommunest_smmuv3_cmdq_write_cons(struct iommunest_smmuv3_cmdq *cmdq,
					    uint32_t cons)
{
	int ret = check_change(cmdq);

	if (ret)
		return ret;
	cmdq->cons = cons & IOMMUNEST_SMMUV3_CMDQ_POSITION;
	forget_failures(cmdq);
	return 0;
}

EXPORT void
iommunest_smmuv3_cmdq_clear_fault(struct iommunest_smmuv3_cmdq *cmdq)
{
	if (cmdq && !cmdq->running && !cmdq->fault.cerror)
		cmdq->fault = (struct smmu_fault){ 0 };
}

EXPORT int iommunest_smmuv3_cmdq_reset(struct iommunest_smmuv3_cmdq *cmdq)
{
	if (!cmdq)
		return 0;
	if (cmdq->running)
		return -EBUSY;
	iommunest__smmuv3_targets_clear(&cmdq->targets);
	smmu_window_start(cmdq);
	forget_failures(cmdq);
	iommunest__smmuv3_set_base(cmdq, 0);
	cmdq->prod = 0;
	cmdq->cons = 0;
	cmdq->enabled = false;
	cmdq->gerror = 0;
	cmdq->gerrorn = 0;
	return 0;
}

/* ---- What runs the queue ---- */

static int check_result(const struct iommunest_smmuv3_cmdq_result *result)
{
	if (!result)
		return -EINVAL;
	return iommunest_check_size(
		result, END_OF(struct iommunest_smmuv3_cmdq_result, cookie));
}

/* A run that does nothing. */
static COLD int stay(struct iommunest_smmuv3_cmdq *q, int ret,
		     struct iommunest_smmuv3_cmdq_result *result)
{
	struct iommunest_smmuv3_cmdq_result out = { 0 };

	if (q)
		smmu_fill_result(q, &out);
	iommunest_copy_out(result, &out, sizeof(out));
	return ret;
}

static int check_run(struct iommunest_smmuv3_cmdq *q,
		     struct iommunest_smmuv3_cmdq_result *result)
{
	int ret = check_result(result);

	if (ret)
		return ret;
	if (!q)
		return stay(q, -EINVAL, result);
	return q->running ? stay(q, -EBUSY, result) : 0;
}

static inline int run(struct iommunest_smmuv3_cmdq *q,
		      struct iommunest_smmuv3_cmdq_result *result)
{
	q->gerror_before = q->gerror;
	if (!q->enabled)
		return stay(q, 0, result);
	return iommunest__smmuv3_ring_run(q, result);
}

EXPORT int
iommunest_smmuv3_cmdq_write_prod(struct iommunest_smmuv3_cmdq *cmdq,
				 uint32_t prod,
				 struct iommunest_smmuv3_cmdq_result *result)
{
	int ret = check_run(cmdq, result);

	if (ret)
		return ret;
	cmdq->prod = prod & IOMMUNEST_SMMUV3_CMDQ_POSITION;
	if (cmdq->enabled)
		cmdq->prod &= smmu_position_mask(cmdq);
	return run(cmdq, result);
}

EXPORT int
iommunest_smmuv3_cmdq_write_cr0(struct iommunest_smmuv3_cmdq *cmdq,
				uint32_t cr0,
				struct iommunest_smmuv3_cmdq_result *result)
{
	int ret = check_run(cmdq, result);

	if (ret)
		return ret;
	cmdq->enabled = cr0 & IOMMUNEST_SMMUV3_CR0_CMDQEN;
	if (cmdq->enabled) {
		cmdq->prod &= smmu_position_mask(cmdq);
		cmdq->cons &= smmu_position_mask(cmdq);
	}
	return run(cmdq, result);
}

EXPORT int
iommunest_smmuv3_cmdq_write_gerrorn(struct iommunest_smmuv3_cmdq *cmdq,
				    uint32_t gerrorn,
				    struct iommunest_smmuv3_cmdq_result *result)
{
	int ret = check_run(cmdq, result);

	if (ret)
		return ret;
	cmdq->gerrorn = gerrorn & GERROR_BITS;
	if (cmdq->fault.cerror && !smmu_is_erroneous(cmdq))
		cmdq->fault = (struct smmu_fault){ 0 };
	return run(cmdq, result);
}

EXPORT int
iommunest_smmuv3_cmdq_run(struct iommunest_smmuv3_cmdq *cmdq,
			  struct iommunest_smmuv3_cmdq_result *result)
{
	int ret = check_run(cmdq, result);

	return ret ? ret : run(cmdq, result);
}

EXPORT int
iommunest_smmuv3_cmdq_read(const struct iommunest_smmuv3_cmdq *cmdq,
			   struct iommunest_smmuv3_cmdq_registers *regs)
{
	struct iommunest_smmuv3_cmdq_registers out = { 0 };
	int ret;

	if (!cmdq || !regs)
		return -EINVAL;
	ret = iommunest_check_size(
		regs, END_OF(struct iommunest_smmuv3_cmdq_registers, reserved));
	if (ret)
		return ret;
	out.base = cmdq->base;
	out.prod = cmdq->prod;
	out.cons = smmu_cons_register(cmdq);
	out.cr0 = cmdq->enabled ? IOMMUNEST_SMMUV3_CR0_CMDQEN : 0;
	out.gerror = cmdq->gerror;
	out.gerrorn = cmdq->gerrorn;
	iommunest_copy_out(regs, &out, sizeof(out));
	return 0;
}
