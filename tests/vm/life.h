/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The whole life of nesting, step by step, as a VMM lives it: from /dev/iommu
 * and a device to a stage 1 out of a guest's PASID-table entry, invalidations,
 * another stage 1, a PASID, and back.  A step that failed can be taken again,
 * or all that there is can be given back.
 */
#ifndef VM_LIFE_H
#define VM_LIFE_H

#include "tests/conformance/conformance.h"
#include "trace.h"

#include "tests/harness/guest.h"

#define LIFE_STAGES 2u
/* Of PASIDs that are attached; any but 0. */
#define LIFE_PASID 5u

/* A device that stays open, for lives that are not to reset it. */
struct life_device {
	int iommu;
	int fd;
	uint32_t dev;
	/* It has PASIDs, and the kernel attaches them; out. */
	bool pasids;
};

struct life {
	/* The kernel, or what stands before it. */
	const struct iommunest_sys *sys;
	void *sys_data;
	/* The node to open; NULL: `device` is used, and left open. */
	const char *node;
	struct life_device device;
	/* Who sees what is flushed; may be NULL. */
	struct trace *trace;

	/* The step that comes next, and what there is by now. */
	unsigned int step;
	struct iommunest_ctx *ctx;
	struct iommunest_hw_info info;
	void *memory;
	bool mapped;
	uint32_t ioas;
	uint32_t parent;
	uint32_t stage[LIFE_STAGES];
	/* What the device, and its PASID, are attached to; 0: nothing. */
	uint32_t attached;
	uint32_t pasid_attached;
	/* Of the steps that invalidate. */
	struct iommunest_batch *batch;
	struct iommunest_vtd_iq *engine;
	struct guest guest;
};

/* Opens a device for lives on it.  0 or a negated errno. */
int life_open_device(struct life_device *device, const char *node);
void life_close_device(struct life_device *device);

/*
 * Takes the steps from life->step on.  0: the life is over, and nothing is
 * left.  A negated errno: the step at life->step failed, and can be taken again
 * by another call.
 */
int life_go_on(struct life *life);
/* What the step does, for messages. */
const char *life_step_name(const struct life *life);

/*
 * After -EFAULT of the kernel's own: the answer could not be written, and the
 * step may have been taken.  Makes it as if it had not been, where the kernel
 * does not.  0 or a negated errno.
 */
int life_undo_step(struct life *life);

/*
 * Gives back all that there is, in the order in which a VMM that gives up does.
 * 0, or the errno of what could not be given back.
 */
int life_give_up(struct life *life);

/*
 * Invalidates one page of an HWPT: how many IOTLB descriptors with the PASID
 * reach the hardware; or a negated errno.
 */
int life_flushes(struct life *life, uint32_t hwpt, uint32_t pasid);

#endif /* VM_LIFE_H */
