/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the queue engine promises, held against what it does, whatever guest
 * memory, the host and the VMM do to it:
 * - it reads within its ring and its tail, and no slot twice in a run;
 * - before a wait completes, the VMM gets a descriptor, or the head passes a
 *   slot, each descriptor before it has had its events, and each nested HWPT
 *   that it is about has had an entry that holds its range, or was reported as
 *   skipped;
 * - what a flush of the whole HWPT stood for is told as covered;
 * - nothing happens to slots after the head, and the head only moves as far as
 *   the tail and the budget allow;
 * - a nested HWPT gets one call between two ordering points, unless the host
 *   fails;
 * - the result is what happened, and what stopped it is the cause.
 */
#ifndef TESTS_FUZZ_IQ_MODEL_H
#define TESTS_FUZZ_IQ_MODEL_H

#include <libiommunest.h>

#include "fuzz.h"

/* The last one does not exist in the host. */
#define MODEL_HWPTS 4u
#define MODEL_SCOPES 64u
#define MODEL_MAX_SLOTS (1u << 15)

struct model_scope {
	bool device;
	uint16_t id;
	uint32_t pasid;
	unsigned int hwpt;
};

/* What is known of a slot that was read in the present run. */
struct model_slot {
	uint32_t run;
	/* Hardware would refuse it. */
	bool refused;
	/* Sets of HWPTs. */
	uint8_t targets;
	uint8_t done;
	uint8_t skipped;
	uint8_t covered;
	/* One entry for the whole HWPT was sent in its place. */
	uint8_t flushed;
	bool vmm;
	bool leaf_only;
	/* Its events. */
	bool wrote;
	bool interrupted;
	bool given;
	bool told;
	uint64_t first_page;
	uint64_t pages;
	struct iommunest_vtd_desc desc;
};

struct model {
	/* What the engine was told. */
	uint32_t policy;
	uint32_t budget;
	bool tells_covered;
	bool tells_forwarded;
	uint32_t hwpt_ids[MODEL_HWPTS];
	struct model_scope scopes[MODEL_SCOPES];
	uint32_t n_scopes;
	/* Something was done that makes host calls fail. */
	bool host_fails;

	/* As the registers have it. */
	struct iommunest_vtd_iq_state state;
	/* A fault's, which is not migrated. */
	uint32_t fault_hwpt;
	uint32_t slots;
	unsigned int shift;

	/* The present run; distances are from the head before it. */
	uint32_t run;
	uint32_t head;
	uint32_t window;
	uint32_t reads;
	/* Looked at, done with, verified; the next ordering point. */
	uint32_t frozen;
	uint32_t progress;
	uint32_t verified;
	bool at_order;
	/* The last event, and whether it failed. */
	uint32_t event;
	bool had_event;
	bool event_failed;
	int event_error;
	/* The single slot that could not be read. */
	bool read_failed;
	uint32_t unread;
	int read_error;
	uint32_t calls_to[MODEL_HWPTS];
	uint8_t failed_hwpts;
	uint32_t calls;
	uint32_t entries;
};

/* IQA_REG has been written, or restored. */
void model_set_iqa(struct model *model, uint64_t iqa);

struct model_slot *model_slot(const struct model *model, uint32_t index);

void model_begin(struct model *model);

/* Callbacks: each is told before it answers. */
void model_read(struct model *model, uint64_t gpa, size_t len, int answer);
void model_delivers(struct model *model, uint32_t index, const uint64_t *words);
void model_wrote(struct model *model, uint32_t index, uint64_t gpa,
		 uint32_t data, int answer);
void model_interrupted(struct model *model, uint32_t index);
void model_given(struct model *model, uint32_t index,
		 const struct iommunest_vtd_desc *desc, int answer);
void model_told(struct model *model, uint32_t index,
		const struct iommunest_vtd_desc *desc, int answer);
/* After it was given one, scopes may have changed. */
void model_after_given(struct model *model);
void model_covered(struct model *model, uint32_t index, uint32_t hwpt_id);
void model_skipped(struct model *model, uint32_t index, uint32_t hwpt_id,
		   int error);
void model_called(struct model *model, const struct iommunest_call *call);

/* What iommunest_vtd_iq_run() and _enable() returned. */
void model_end(struct model *model, int ret,
	       const struct iommunest_vtd_iq_result *result);

#endif /* TESTS_FUZZ_IQ_MODEL_H */
