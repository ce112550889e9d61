/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The engine of a guest's command queue: making one, and what it knows of
 * targets and streams.
 */
#include <config.h>

#include <stdlib.h>

#include "lib/abi.h"
#include "lib/batch.h"
#include "lib/smmuv3/caps.h"
#include "lib/smmuv3/queue/queue.h"

/* ---- Making one ---- */

static int copy_ops(struct iommunest_smmuv3_cmdq_ops *to,
		    const struct iommunest_smmuv3_cmdq_ops *from)
{
	int ret;

	if (!from)
		return -EINVAL;
	ret = iommunest_copy_in(to, sizeof(*to), from,
				END_OF(struct iommunest_smmuv3_cmdq_ops,
				       stream));
	if (ret)
		return ret;
	return to->read && to->interrupt && to->command ? 0 : -EINVAL;
}

static int copy_options(struct iommunest_smmuv3_cmdq_options *to,
			const struct iommunest_smmuv3_cmdq_options *from)
{
	int ret;

	if (!from)
		return -EINVAL;
	ret = iommunest_copy_in(to, sizeof(*to), from,
				END_OF(struct iommunest_smmuv3_cmdq_options,
				       reserved));
	if (ret)
		return ret;
	if (to->policy > IOMMUNEST_SMMUV3_CMDQ_SKIP ||
	    to->unhealed > IOMMUNEST_SMMUV3_UNHEALED_ABT ||
	    to->cmdqs > IOMMUNEST_SMMUV3_CMDQS_MAX || to->reserved)
		return -EINVAL;
	if (to->flags & ~IOMMUNEST_SMMUV3_CMDQ_MSI)
		return -EOPNOTSUPP;
	if (!to->budget)
		to->budget = IOMMUNEST_SMMUV3_CMDQ_DEFAULT_BUDGET;
	if (!to->cmdqs)
		to->cmdqs = IOMMUNEST_SMMUV3_CMDQS_MAX;
	return 0;
}

/* What becomes of a failure is never left to chance. */
static int check_ops(const struct iommunest_smmuv3_cmdq_ops *ops,
		     const struct iommunest_smmuv3_cmdq_options *options)
{
	if (options->flags & IOMMUNEST_SMMUV3_CMDQ_MSI && !ops->write_msi)
		return -EINVAL;
	if (options->policy == IOMMUNEST_SMMUV3_CMDQ_SKIP && !ops->skipped)
		return -EINVAL;
	if (options->policy == IOMMUNEST_SMMUV3_CMDQ_HEAL && !ops->isolate &&
	    options->unhealed == IOMMUNEST_SMMUV3_UNHEALED_DEFAULT)
		return -EINVAL;
	/* Shown after healing was tried; the other policies try nothing. */
	if (options->policy != IOMMUNEST_SMMUV3_CMDQ_HEAL &&
	    options->unhealed == IOMMUNEST_SMMUV3_UNHEALED_ABT)
		return -EINVAL;
	return 0;
}

static int new_skips(struct iommunest_smmuv3_cmdq *q)
{
	if (q->policy != IOMMUNEST_SMMUV3_CMDQ_SKIP)
		return 0;
	q->skips = calloc(SMMU_TARGETS * SMMU_GROUP, sizeof(*q->skips));
	return q->skips ? 0 : -ENOMEM;
}

static int make_room(struct iommunest_smmuv3_cmdq *q)
{
	struct iommunest_inv_type type =
		IOMMUNEST_INIT(struct iommunest_inv_type);
	int ret;

	ret = iommunest_smmuv3_type(&type, &q->caps, NULL);
	if (!ret)
		ret = iommunest_batch_new(&q->batch, &type, SMMU_GROUP);
	if (!ret)
		ret = iommunest_batch_new(&q->all, &type, SMMU_GROUP);
	if (!ret)
		ret = iommunest__smmuv3_targets_init(&q->targets);
	return ret ? ret : new_skips(q);
}

EXPORT int
iommunest_smmuv3_cmdq_new(struct iommunest_smmuv3_cmdq **cmdq,
			  const struct iommunest_smmuv3_cmdq_ops *ops,
			  void *vmm,
			  const struct iommunest_smmuv3_cmdq_options *options)
{
	struct iommunest_smmuv3_cmdq_options opts;
	struct iommunest_smmuv3_cmdq_ops functions;
	struct iommunest_smmuv3_caps caps;
	struct iommunest_smmuv3_cmdq *new;
	int ret;

	if (!cmdq)
		return -EINVAL;
	*cmdq = NULL;
	ret = copy_ops(&functions, ops);
	if (!ret)
		ret = copy_options(&opts, options);
	if (!ret)
		ret = check_ops(&functions, &opts);
	if (!ret)
		ret = iommunest__smmuv3_copy_caps(&caps, opts.caps);
	if (ret)
		return ret;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->vmm = vmm;
	new->ops = functions;
	new->trace = functions.trace;
	new->policy = opts.policy;
	new->unhealed = opts.unhealed;
	new->budget = opts.budget;
	new->flags = opts.flags;
	new->cmdqs = opts.cmdqs;
	new->caps = caps;
	new->caps.size = sizeof(new->caps);
	new->slots = 1;
	iommunest__smmuv3_rules_init(new->rules, &new->caps);
	ret = make_room(new);
	if (ret) {
		iommunest_smmuv3_cmdq_free(new);
		return ret;
	}
	*cmdq = new;
	return 0;
}

EXPORT void iommunest_smmuv3_cmdq_free(struct iommunest_smmuv3_cmdq *cmdq)
{
	/* Freed within a callback it would be used after that. */
	if (!cmdq || cmdq->running)
		return;
	iommunest__smmuv3_targets_free(&cmdq->targets);
	iommunest_batch_free(cmdq->batch);
	iommunest_batch_free(cmdq->all);
	free(cmdq->skips);
	free(cmdq);
}

EXPORT int iommunest_smmuv3_cmdq_set_trace(struct iommunest_smmuv3_cmdq *cmdq,
					   bool on)
{
	if (!cmdq || (on && !cmdq->ops.trace))
		return -EINVAL;
	if (cmdq->running)
		return -EBUSY;
	cmdq->trace = on ? cmdq->ops.trace : NULL;
	return 0;
}

/* ---- Targets and streams ---- */

static int copy_target(struct iommunest_smmuv3_target *to,
		       const struct iommunest_smmuv3_target *from)
{
	int ret;

	if (!from)
		return -EINVAL;
	ret = iommunest_copy_in(to, sizeof(*to), from,
				END_OF(struct iommunest_smmuv3_target, cookie));
	if (ret)
		return ret;
	return to->ctx && !to->reserved ? 0 : -EINVAL;
}

/* What is gathered may be in the array of the one target that there was. */
static void targets_changed(struct iommunest_smmuv3_cmdq *q)
{
	if (q->running)
		q->window.sole = false;
	else
		smmu_window_start(q);
}

/* The slot of a target of the caller's goes to *@slot. */
static int find(const struct iommunest_smmuv3_cmdq *q,
		const struct iommunest_smmuv3_target *target, uint8_t *slot)
{
	struct iommunest_smmuv3_target copy;
	int ret = copy_target(&copy, target);

	if (ret)
		return ret;
	*slot = iommunest__smmuv3_targets_find(&q->targets, copy.ctx,
					       copy.viommu_id);
	return *slot == OWNER_NOBODY ? -ENOENT : 0;
}

EXPORT int
iommunest_smmuv3_cmdq_add_target(struct iommunest_smmuv3_cmdq *cmdq,
				 const struct iommunest_smmuv3_target *target)
{
	struct iommunest_smmuv3_target copy;
	int ret;

	if (!cmdq)
		return -EINVAL;
	ret = copy_target(&copy, target);
	if (!ret)
		ret = iommunest__smmuv3_targets_add(&cmdq->targets, &copy);
	if (!ret)
		targets_changed(cmdq);
	return ret;
}

EXPORT int iommunest_smmuv3_cmdq_remove_target(
	struct iommunest_smmuv3_cmdq *cmdq,
	const struct iommunest_smmuv3_target *target)
{
	struct smmu_window *window;
	uint32_t at;
	uint8_t slot;
	int ret;

	if (!cmdq)
		return -EINVAL;
	ret = find(cmdq, target, &slot);
	if (ret)
		return ret;
	iommunest__smmuv3_targets_remove(&cmdq->targets, slot);
	/* Another target may have the slot before what is gathered is sent. */
	targets_changed(cmdq);
	window = &cmdq->window;
	for (at = window->first; at < window->end; at++) {
		if (window->owner[at] == slot)
			window->owner[at] = OWNER_GONE;
	}
	for (at = 0; at < cmdq->n_doubt; at++) {
		if (cmdq->doubt_owner[at] == slot)
			cmdq->doubt_owner[at] = OWNER_GONE;
	}
	return 0;
}

EXPORT int
iommunest_smmuv3_cmdq_add_stream(struct iommunest_smmuv3_cmdq *cmdq,
				 uint32_t sid,
				 const struct iommunest_smmuv3_target *target)
{
	uint8_t owner = OWNER_VMM;
	int ret = 0;

	if (!cmdq || cmdq->ops.stream)
		return -EINVAL;
	if (target)
		ret = find(cmdq, target, &owner);
	if (ret)
		return ret;
	return iommunest__smmuv3_streams_add(&cmdq->targets, sid, owner);
}

EXPORT int
iommunest_smmuv3_cmdq_remove_stream(struct iommunest_smmuv3_cmdq *cmdq,
				    uint32_t sid)
{
	if (!cmdq)
		return -EINVAL;
	return iommunest__smmuv3_streams_remove(&cmdq->targets, sid);
}
