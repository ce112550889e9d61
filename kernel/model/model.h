/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A VT-d's invalidation queue, the devices behind it, and CPUs that submit to
 * it with the kernel's own functions.
 */
#ifndef QI_MODEL_MODEL_H
#define QI_MODEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

/* ---- The hardware ---- */

struct hw_options {
	/*
	 * When a wait is aborted, the head is at it, not after it.  The
	 * specification can be read both ways.
	 */
	bool head_at_wait;
	/* IQERCD_REG has the source ID of who did not answer. */
	bool names_device;
	/* It has one that nobody has. */
	bool names_nobody;
	/* Fetches again after an error only when the tail is written. */
	bool needs_tail;
	/* What else was under way to silent devices ends with the time-out. */
	bool drops_all;
	/*
	 * This many descriptors in a row are refused, whatever they are, after
	 * so many that are not.
	 */
	unsigned int refuses;
	unsigned int accepts;
};

/* Devices have the source IDs 1 to DEVICES. */
#define DEVICES 4u

struct device_options {
	/* Does not answer so often; then it does. */
	unsigned int silent;
	/* Is not there, and never answers. */
	bool is_gone;
	/* Set by the model: how often it did not answer, before ... */
	unsigned int timeouts;
	/* ... the kernel blocked it. */
	bool is_blocked;
};

/* Of device_options::silent. */
#define FOR_EVER (~0u)

/* ---- What is submitted ---- */

#define MOST_DESCS 16u

enum model_kind { MODEL_IOTLB, MODEL_DEVICE_TLB, MODEL_REFUSED };

struct model_desc {
	enum model_kind kind;
	/* MODEL_DEVICE_TLB. */
	uint16_t sid;
	/* Set by the model: how often it was executed. */
	unsigned int done;
};

struct submission {
	struct model_desc descs[MOST_DESCS];
	unsigned int count;
	/* What the kernel's function returned. */
	int ret;
	/* Descriptors that it reported, as far as it does. */
	bool reports;
	uint64_t refused;
	uint64_t unanswered;
};

/* ---- A run ---- */

struct run {
	struct hw_options hw;
	struct device_options devices[DEVICES + 1];
	/* CPUs, and how many submissions each makes. */
	unsigned int cpus;
	unsigned int each;
	uint64_t seed;
	/* The submissions, CPU by CPU. */
	struct submission *submissions;
};

/*
 * Returns NULL, or why the run did not end as it has to: somebody waits for
 * ever, or the queue is left in a state in which nothing can be submitted.
 */
const char *model_run(struct run *run);

/* Whether the kernel's text blocks devices. */
bool model_blocks(void);

/* WARN_ONCE()s of the last run. */
extern unsigned int model_warnings;

/* A random number below @limit, of the run that is going on. */
unsigned int model_random(unsigned int limit);
void model_seed(uint64_t seed);

#endif /* QI_MODEL_MODEL_H */
