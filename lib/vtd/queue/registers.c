/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What a guest does to the registers of its invalidation queue.  Registers:
 * VT-d specification, chapter 11.
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/vtd/desc.h"
#include "lib/vtd/queue/queue-regs.h"
#include "lib/vtd/queue/result.h"

/* ---- Base and mode ---- */

static void set_mode(struct iommunest_vtd_iq *iq, enum iommunest_vtd_ttm ttm)
{
	iq->ttm = ttm;
	/* What else the reserved mode and narrow rings forbid is refused. */
	iq->forwards = iq->iqa & IOMMUNEST_VTD_IQA_DW &&
		       (ttm == IOMMUNEST_VTD_TTM_SCALABLE ||
			ttm == IOMMUNEST_VTD_TTM_ABORT);
}

static void forget_failures(struct iommunest_vtd_iq *iq)
{
	iq->fault = (struct vtd_fault){ 0 };
	iq->abort = (struct vtd_fault){ 0 };
}

EXPORT int iommunest_vtd_iq_set_base(struct iommunest_vtd_iq *iq, uint64_t iqa,
				     enum iommunest_vtd_ttm ttm)
{
	uint32_t slots;
	int ret;

	if (!iq || iqa & IQA_RESERVED || !vtd_is_ttm(ttm))
		return -EINVAL;
	if (iq->running)
		return -EBUSY;
	slots = vtd_iqa_slots(iqa);
	ret = iommunest__vtd_make_room(iq, slots);
	if (ret)
		return ret;
	iq->iqa = iqa;
	iq->slots = slots;
	iq->desc_shift = vtd_iqa_shift(iqa);
	iq->head = 0;
	/* Some guests write the tail first, and then the base. */
	if (iq->enabled)
		iq->iqt = 0;
	set_mode(iq, ttm);
	forget_failures(iq);
	return 0;
}

EXPORT int iommunest_vtd_iq_set_mode(struct iommunest_vtd_iq *iq,
				     enum iommunest_vtd_ttm ttm)
{
	if (!iq || !vtd_is_ttm(ttm))
		return -EINVAL;
	if (iq->running)
		return -EBUSY;
	set_mode(iq, ttm);
	return 0;
}

EXPORT void iommunest_vtd_iq_clear_fault(struct iommunest_vtd_iq *iq)
{
	if (iq && !iq->running)
		iq->fault = (struct vtd_fault){ 0 };
}

EXPORT int iommunest_vtd_iq_reset(struct iommunest_vtd_iq *iq)
{
	if (!iq)
		return 0;
	if (iq->running)
		return -EBUSY;
	iommunest__vtd_scopes_clear(&iq->scopes);
	forget_failures(iq);
	iq->iqa = 0;
	iq->slots = 0;
	iq->head = 0;
	iq->iqt = 0;
	iq->enabled = false;
	set_mode(iq, IOMMUNEST_VTD_TTM_LEGACY);
	return 0;
}

/* ---- Enabled, disabled, kicked ---- */

static int check_result(const struct iommunest_vtd_iq_result *result)
{
	if (!result)
		return -EINVAL;
	return iommunest_check_size(
		result, END_OF(struct iommunest_vtd_iq_result, calls));
}

/* A run that does nothing. */
static COLD int stay(const struct iommunest_vtd_iq *iq, int ret,
		     struct iommunest_vtd_iq_result *result)
{
	struct iommunest_vtd_iq_result out = { 0 };

	if (iq)
		vtd_give_result(iq, &out, result);
	else
		iommunest_copy_out(result, &out, sizeof(out));
	return ret;
}

EXPORT int iommunest_vtd_iq_run(struct iommunest_vtd_iq *iq, uint64_t iqt,
				struct iommunest_vtd_iq_result *result)
{
	int ret = check_result(result);

	if (ret)
		return ret;
	if (!iq)
		return stay(iq, -EINVAL, result);
	if (iq->running)
		return stay(iq, -EBUSY, result);
	iq->iqt = iqt & IOMMUNEST_VTD_IQT_OFFSET;
	if (!iq->enabled)
		return stay(iq, 0, result);
	return iommunest__vtd_ring_run(iq, result);
}

EXPORT int iommunest_vtd_iq_disable(struct iommunest_vtd_iq *iq)
{
	if (!iq)
		return -EINVAL;
	if (iq->running)
		return -EBUSY;
	iq->enabled = false;
	iq->head = 0;
	return 0;
}

EXPORT int iommunest_vtd_iq_enable(struct iommunest_vtd_iq *iq,
				   struct iommunest_vtd_iq_result *result)
{
	int ret = check_result(result);

	if (ret)
		return ret;
	if (!iq)
		return stay(iq, -EINVAL, result);
	if (iq->running)
		return stay(iq, -EBUSY, result);
	if (iq->enabled)
		return stay(iq, 0, result);
	if (!iq->slots)
		return stay(iq, -EINVAL, result);
	iq->enabled = true;
	return iommunest__vtd_ring_run(iq, result);
}
