/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A queue as the VT-d specification has it (chapter 6, "Queued Invalidation
 * Interface"), as small as Linux's algorithm needs it: what that algorithm does
 * is tested on this one, and not on ours.
 */
#ifndef TESTS_QUEUE_LINUX_MODEL_H
#define TESTS_QUEUE_LINUX_MODEL_H

#include "tests/harness/linux-guest.h"

enum model_fault {
	MODEL_NONE,
	/* The descriptor is refused: IQE, and the head is at it. */
	MODEL_REFUSED,
	/* A device does not answer: the next wait is aborted, with ITE. */
	MODEL_TIMES_OUT,
	/* A device answers wrongly: ICE, and the queue goes on. */
	MODEL_ANSWERS_WRONGLY,
};

struct model_rule {
	enum model_fault fault;
	/* Of the flush whose second word has this address. */
	uint64_t addr;
	/* How often; 0: always. */
	unsigned int times;
	uint16_t sid;
};

struct linux_model {
	/* Set by the test. */
	struct model_rule rule;
	/* All is done when the guest writes a register, not in between. */
	bool at_once;
	/* Of two readings of the specification: ITE leaves the head there. */
	bool head_at_aborted_wait;
	/* The write that clears IQE or ITE runs what is there. */
	bool runs_on_clear;
	/* It halts, and shows nothing; somebody else may be told. */
	bool dead;
	bool tells_that_it_is;

	struct linux_guest guest;
	unsigned char memory[0x3000];
	uint32_t head;
	uint32_t tail;
	uint32_t fsts;
	uint64_t iqercd;
	bool aborts;
};

#define MODEL_SLOTS 128u
#define MODEL_RING 0x1000u
#define MODEL_STATUS 0x2000u

/* A guest on it; the caller fills in form, cpus and jobs. */
void model_init(struct linux_model *model, const struct linux_setup *setup);

#endif /* TESTS_QUEUE_LINUX_MODEL_H */
