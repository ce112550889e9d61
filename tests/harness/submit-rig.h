/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A script, a context and a batch to submit. */
#ifndef TESTS_UNIT_SUBMIT_RIG_H
#define TESTS_UNIT_SUBMIT_RIG_H

#include "tests/harness/script.h"
#include "tests/harness/support.h"

#define RIG_SKIPPED_MAX 16u

struct rig {
	struct script script;
	struct iommunest_ctx *ctx;
	struct iommunest_batch *batch;
	struct iommunest_submit_options options;
	struct iommunest_report report;
	struct iommunest_failure skipped[RIG_SKIPPED_MAX];
};

/* The "all" entry of VT-d. */
extern const struct iommunest_vtd_entry rig_all;

/* The cookie of the entry that was added as so many. */
uint64_t rig_cookie(uint32_t index);

/* So many entries that differ, in a batch that is full with them. */
void rig_start(struct rig *rig, const struct iommunest_inv_type *type,
	       const struct script_row *rows, size_t n_rows, uint32_t entries);
void rig_add_entries(struct iommunest_batch *batch, uint32_t entry_len,
		     uint32_t count);

#define RIG_START(rig, rows, entries) \
	rig_start(rig, iommunest_vtd_s1_type(), rows, ARRAY_LEN(rows), entries)
#define RIG_START_NO_CALLS(rig, entries) \
	rig_start(rig, iommunest_vtd_s1_type(), NULL, 0, entries)

/* All of the script was used. */
void rig_finish(struct rig *rig);

/* With the rig's options, and into its report. */
int rig_submit(struct rig *rig);
int rig_submit_with(struct rig *rig, enum iommunest_policy policy);

/* Another script for what is still pending. */
void rig_next_script(struct rig *rig, const struct script_row *rows,
		     size_t n_rows);
/* Changes an entry in the batch, and what the script expects to be sent. */
void rig_fix(struct rig *rig, uint32_t index);

/* Of an expected report: exactly this entry failed. */
#define RIG_BLAMES(index_, error_)                                            \
	.blame = IOMMUNEST_BLAME_ENTRY, .error = (error_), .index = (index_), \
	.cookie = rig_cookie(index_), .exact = true

/* Every member that the library writes. */
void rig_check_report(const struct rig *rig, struct iommunest_report report);
/* The @at-th record of an entry that was skipped. */
void rig_check_skipped(const struct rig *rig, uint32_t at, uint32_t index,
		       int error, uint32_t attempt);

/* A type that is not VT-d's: 5 bytes, and no "all". */
struct iommunest_inv_type rig_short_type(void);

/* Fails the test. */
enum iommunest_answer rig_must_not_ask(void *user,
				       const struct iommunest_failure *failure,
				       void *entry);

#endif /* TESTS_UNIT_SUBMIT_RIG_H */
