/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The engine of a guest's invalidation queue: making one, and what it knows of
 * HWPTs.
 */
#include <config.h>

#include <stdlib.h>

#include "lib/abi.h"
#include "lib/batch.h"
#include "lib/vtd/queue/queue-regs.h"
#include "lib/vtd/queue/queue.h"

#define PASID_MAX 0xfffffu

/* ---- Making one ---- */

static int copy_ops(struct iommunest_vtd_iq_ops *to,
		    const struct iommunest_vtd_iq_ops *from)
{
	int ret;

	ret = iommunest_copy_in(to, sizeof(*to), from,
				END_OF(struct iommunest_vtd_iq_ops, device));
	if (ret)
		return ret;
	if (!to->read || !to->write_status || !to->interrupt || !to->descriptor)
		return -EINVAL;
	return 0;
}

static int copy_options(struct iommunest_vtd_iq_options *to,
			const struct iommunest_vtd_iq_options *from)
{
	int ret;

	memset(to, 0, sizeof(*to));
	if (from) {
		ret = iommunest_copy_in(to, sizeof(*to), from,
					END_OF(struct iommunest_vtd_iq_options,
					       flags));
		if (ret)
			return ret;
	}
	if (to->policy > IOMMUNEST_VTD_IQ_SKIP ||
	    to->unhealed > IOMMUNEST_VTD_UNHEALED_ITE)
		return -EINVAL;
	if (to->flags & ~IOMMUNEST_VTD_IQ_NO_ALL)
		return -EOPNOTSUPP;
	return 0;
}

static int new_batch(struct iommunest_batch **batch,
		     const struct iommunest_vtd_limits *limits, uint32_t room)
{
	int ret;

	ret = iommunest_batch_new(batch, iommunest_vtd_s1_type(), room);
	if (ret)
		return ret;
	ret = iommunest_vtd_batch_set_limits(*batch, limits);
	if (ret) {
		iommunest_batch_free(*batch);
		*batch = NULL;
	}
	return ret;
}

/* The first batch is there to check the limits; a base brings a larger one. */
static int set_limits(struct iommunest_vtd_iq *iq,
		      const struct iommunest_vtd_limits *limits)
{
	int ret;

	iq->limits.size = sizeof(iq->limits);
	ret = new_batch(&iq->batch, limits ? limits : &iq->limits, 1);
	if (ret)
		return ret;
	if (limits)
		iommunest_copy_in(&iq->limits, sizeof(iq->limits), limits, 0);
	iq->limits.size = sizeof(iq->limits);
	return 0;
}

/* What becomes of a failure is never left to chance. */
static int check_ops(const struct iommunest_vtd_iq *iq)
{
	if (iq->policy == IOMMUNEST_VTD_IQ_SKIP && !iq->ops.skipped)
		return -EINVAL;
	if (iq->policy == IOMMUNEST_VTD_IQ_HEAL && !iq->ops.isolate &&
	    iq->unhealed == IOMMUNEST_VTD_UNHEALED_DEFAULT)
		return -EINVAL;
	/* Shown after healing was tried; the other policies try nothing. */
	if (iq->policy != IOMMUNEST_VTD_IQ_HEAL &&
	    iq->unhealed == IOMMUNEST_VTD_UNHEALED_ITE)
		return -EINVAL;
	return 0;
}

EXPORT int iommunest_vtd_iq_new(struct iommunest_vtd_iq **iq,
				const struct iommunest_vtd_iq_ops *ops,
				void *vmm,
				const struct iommunest_vtd_iq_options *options)
{
	struct iommunest_vtd_iq_options opts;
	struct iommunest_vtd_iq *new;
	int ret;

	if (!iq)
		return -EINVAL;
	*iq = NULL;
	if (!ops)
		return -EINVAL;
	ret = copy_options(&opts, options);
	if (ret)
		return ret;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->vmm = vmm;
	new->policy = opts.policy;
	new->unhealed = opts.unhealed;
	new->flags = opts.flags;
	new->budget =
		opts.budget ? opts.budget : IOMMUNEST_VTD_IQ_DEFAULT_BUDGET;
	new->touched = VTD_NONE;
	ret = copy_ops(&new->ops, ops);
	if (!ret)
		ret = check_ops(new);
	new->trace = new->ops.trace;
	if (!ret)
		ret = set_limits(new, opts.limits);
	if (!ret)
		ret = iommunest__vtd_scopes_init(&new->scopes);
	if (!ret)
		ret = iommunest_batch_new(&new->all, iommunest_vtd_s1_type(),
					  1);
	if (ret) {
		iommunest_vtd_iq_free(new);
		return ret;
	}
	*iq = new;
	return 0;
}

EXPORT int iommunest_vtd_iq_set_trace(struct iommunest_vtd_iq *iq, bool on)
{
	if (!iq || (on && !iq->ops.trace))
		return -EINVAL;
	if (iq->running)
		return -EBUSY;
	iq->trace = on ? iq->ops.trace : NULL;
	return 0;
}

EXPORT void iommunest_vtd_iq_free(struct iommunest_vtd_iq *iq)
{
	/* Freed within a callback it would be used after that. */
	if (!iq || iq->running)
		return;
	iommunest__vtd_scopes_free(&iq->scopes);
	iommunest_batch_free(iq->batch);
	iommunest_batch_free(iq->all);
	free(iq->items);
	free(iq->copies);
	free(iq);
}

/* ---- Room ---- */

/* A callback may add scopes while something is gathered. */
static void keep_gathered(const struct iommunest_vtd_iq *iq,
			  struct vtd_item *items, uint32_t max)
{
	uint32_t waits = iq->n_waits;

	if (iq->n_items)
		memcpy(items, iq->items, iq->n_items * sizeof(*items));
	if (waits)
		memcpy(&items[max - waits], &iq->items[iq->max_items - waits],
		       waits * sizeof(*items));
}

static int new_items(struct iommunest_vtd_iq *iq, uint32_t slots)
{
	/* Wide descriptors may go to every HWPT, and so may one more. */
	uint64_t most = (uint64_t)slots * iq->scopes.fan_out +
			vtd_wide_room(iq->scopes.room) + iq->scopes.room;
	struct vtd_item *items;

	if (slots == iq->slots && most <= iq->max_items)
		return 0;
	if (most >= VTD_NO_ITEM)
		return -ENOMEM;
	items = calloc((size_t)most, sizeof(*items));
	if (!items)
		return -ENOMEM;
	keep_gathered(iq, items, (uint32_t)most);
	free(iq->items);
	iq->items = items;
	iq->max_items = (uint32_t)most;
	return 0;
}

/* NULL also where there is nobody to tell of what was forwarded. */
static int new_copies(const struct iommunest_vtd_iq *iq, uint32_t slots,
		      uint64_t **copies)
{
	*copies = NULL;
	if (!iq->ops.forwarded)
		return 0;
	/* In the wider form. */
	*copies = calloc(slots, (size_t)1 << SHIFT_256);
	return *copies ? 0 : -ENOMEM;
}

int iommunest__vtd_make_room(struct iommunest_vtd_iq *iq, uint32_t slots)
{
	struct iommunest_batch *batch = NULL;
	uint64_t *copies = NULL;
	int ret;

	if (slots == iq->slots)
		return new_items(iq, slots);
	ret = new_batch(&batch, &iq->limits, slots);
	if (!ret)
		ret = new_copies(iq, slots, &copies);
	if (!ret)
		ret = new_items(iq, slots);
	if (ret) {
		iommunest_batch_free(batch);
		free(copies);
		return ret;
	}
	iommunest_batch_free(iq->batch);
	free(iq->copies);
	iq->batch = batch;
	iq->copies = copies;
	return 0;
}

/* ---- Scopes ---- */

static int copy_target(struct iommunest_vtd_target *to,
		       const struct iommunest_vtd_target *from)
{
	int ret;

	if (!from)
		return -EINVAL;
	ret = iommunest_copy_in(to, sizeof(*to), from,
				END_OF(struct iommunest_vtd_target, cookie));
	if (ret)
		return ret;
	return to->ctx && !to->reserved ? 0 : -EINVAL;
}

/* Where something is gathered, settling does that. */
static void free_slots(struct iommunest_vtd_iq *iq)
{
	if (!iq->n_items)
		vtd_scopes_unpin(&iq->scopes);
}

static int add(struct iommunest_vtd_iq *iq, uint64_t key,
	       const struct iommunest_vtd_target *target)
{
	struct iommunest_vtd_target copy;
	uint16_t fan_out = iq->scopes.fan_out;
	int ret;

	ret = copy_target(&copy, target);
	if (!ret)
		ret = iommunest__vtd_scopes_reserve(&iq->scopes);
	if (!ret)
		ret = iommunest__vtd_scopes_add(&iq->scopes, key, &copy);
	if (ret)
		return ret;
	ret = iommunest__vtd_make_room(iq, iq->slots);
	if (ret) {
		iommunest__vtd_scopes_remove(&iq->scopes, key, &copy);
		free_slots(iq);
		iq->scopes.fan_out = fan_out;
		return ret;
	}
	iommunest__vtd_scopes_readmit(&iq->scopes);
	return 0;
}

static int remove_from(struct iommunest_vtd_iq *iq, uint64_t key,
		       const struct iommunest_vtd_target *target)
{
	struct iommunest_vtd_target copy;
	int ret = copy_target(&copy, target);

	if (ret)
		return ret;
	ret = iommunest__vtd_scopes_remove(&iq->scopes, key, &copy);
	free_slots(iq);
	return ret;
}

EXPORT int iommunest_vtd_iq_add_scope(struct iommunest_vtd_iq *iq, uint16_t did,
				      uint32_t pasid,
				      const struct iommunest_vtd_target *target)
{
	if (!iq || pasid > PASID_MAX)
		return -EINVAL;
	return add(iq, vtd_scope_key(did, pasid), target);
}

static bool is_pasid_or_none(uint32_t pasid)
{
	return pasid <= PASID_MAX || pasid == IOMMUNEST_VTD_NO_PASID;
}

EXPORT int
iommunest_vtd_iq_add_device(struct iommunest_vtd_iq *iq, uint16_t sid,
			    uint32_t pasid,
			    const struct iommunest_vtd_target *target)
{
	if (!iq || !is_pasid_or_none(pasid) || iq->ops.device)
		return -EINVAL;
	return add(iq, vtd_device_key(sid, pasid), target);
}

EXPORT int
iommunest_vtd_iq_remove_scope(struct iommunest_vtd_iq *iq, uint16_t did,
			      uint32_t pasid,
			      const struct iommunest_vtd_target *target)
{
	if (!iq || pasid > PASID_MAX)
		return -EINVAL;
	return remove_from(iq, vtd_scope_key(did, pasid), target);
}

EXPORT int
iommunest_vtd_iq_remove_device(struct iommunest_vtd_iq *iq, uint16_t sid,
			       uint32_t pasid,
			       const struct iommunest_vtd_target *target)
{
	if (!iq || !is_pasid_or_none(pasid))
		return -EINVAL;
	return remove_from(iq, vtd_device_key(sid, pasid), target);
}

EXPORT int iommunest_vtd_iq_forget(struct iommunest_vtd_iq *iq,
				   const struct iommunest_vtd_target *target)
{
	struct iommunest_vtd_target copy;
	int ret;

	if (!iq)
		return -EINVAL;
	ret = copy_target(&copy, target);
	if (ret)
		return ret;
	ret = iommunest__vtd_scopes_forget(&iq->scopes, &copy);
	free_slots(iq);
	return ret;
}
