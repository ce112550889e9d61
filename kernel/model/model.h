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
	/*
	 * Fetches no more while so many are under way; 0: it fetches all that
	 * there is, so that it is in the middle of nothing when it times out.
	 */
	unsigned int most_under_way;
	/* IQERCD_REG has the source ID of who did not answer. */
	bool names_device;
	/* It has this one instead, whoever it was. */
	uint16_t names_other;
	/* Descriptors have 128 bits, as without scalable mode. */
	bool is_narrow;
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
	/* Why: as IQERCD_REG has it; 0: for one reason after the other. */
	unsigned int reason;
	/* A device answers now and then what nobody has asked (ICE). */
	bool completes_wrongly;
};

/* Devices have the source IDs 1 to DEVICES. */
#define DEVICES 4u
/* None has this one. */
#define NOBODY (DEVICES + 1)

struct device_options {
	/* Does not answer so often; then it does. */
	unsigned int silent;
	/* Is not there, and never answers. */
	bool is_gone;
	/*
	 * Set by the model: how often it did not answer, and how often hardware
	 * has named it, before ...
	 */
	unsigned int timeouts;
	unsigned int named;
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
	/* MODEL_REFUSED: why, as hardware has it. */
	unsigned int reason;
	/* Set by the model: how often it was executed, and fetched at all. */
	unsigned int done;
	bool is_fetched;
};

struct submission {
	struct model_desc descs[MOST_DESCS];
	unsigned int count;
	/* Its wait is to drain page requests, too. */
	bool drains;
	/* Set by the model: such a wait was executed after all of them. */
	bool has_drained;
	/* How often hardware timed out when it had begun with it. */
	unsigned int aborted;
	/* What the kernel's function returned, when it had. */
	int ret;
	bool is_over;
	/* Descriptors that it reported, as far as it does. */
	bool reports;
	uint64_t refused;
	uint64_t unanswered;
	unsigned int reason;
};

/* ---- A run ---- */

struct run {
	struct hw_options hw;
	struct device_options devices[DEVICES + 1];
	/* CPUs, and how many submissions each makes. */
	unsigned int cpus;
	unsigned int each;
	uint64_t seed;
	/* The submissions, CPU by CPU; no more than one of them drains. */
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
