/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/submit-rig.h"

const struct iommunest_vtd_entry rig_all = { .npages = UINT64_MAX };

uint64_t rig_cookie(uint32_t index)
{
	return UINT64_C(0xc000000000000000) + index;
}

/* Entries that differ in every byte that may. */
void rig_add_entries(struct iommunest_batch *batch, uint32_t entry_len,
		     uint32_t count)
{
	unsigned char entry[4096];
	uint32_t i, j;

	ck_assert(entry_len <= sizeof(entry));
	for (i = 0; i < count; i++) {
		for (j = 0; j < entry_len; j++)
			entry[j] = (unsigned char)((i + 1) >> (j % 4 * 8));
		entry[entry_len - 1] = 0x5a;
		if (iommunest_batch_add(batch, entry, rig_cookie(i)))
			ck_abort_msg("entry %u was not added", i);
	}
}

void rig_start(struct rig *rig, const struct iommunest_inv_type *type,
	       const struct script_row *rows, size_t n_rows, uint32_t entries)
{
	size_t len = (size_t)entries * type->entry_len;

	memset(rig, 0, sizeof(*rig));
	rig->ctx = script_open(&rig->script, rows, n_rows);
	rig->script.data_type = type->data_type;
	rig->script.entry_len = type->entry_len;
	ck_assert_int_eq(iommunest_batch_new(&rig->batch, type,
					     entries ? entries : 1),
			 0);
	rig_add_entries(rig->batch, type->entry_len, entries);
	rig->options.size = sizeof(rig->options);
	rig->report.size = sizeof(rig->report);
	rig->skipped[0].size = sizeof(rig->skipped[0]);
	rig->report.skipped = rig->skipped;
	rig->report.skipped_max = RIG_SKIPPED_MAX;
	if (!entries)
		return;
	rig->script.entries = malloc(len);
	ck_assert_ptr_nonnull(rig->script.entries);
	memcpy(rig->script.entries, iommunest_batch_entry(rig->batch, 0), len);
}

void rig_finish(struct rig *rig)
{
	script_done(&rig->script);
	iommunest_batch_free(rig->batch);
	iommunest_close(rig->ctx);
	free(rig->script.entries);
}

int rig_submit(struct rig *rig)
{
	return iommunest_submit(rig->ctx, SCRIPT_HWPT, rig->batch,
				&rig->options, &rig->report);
}

int rig_submit_with(struct rig *rig, enum iommunest_policy policy)
{
	rig->options.policy = policy;
	return rig_submit(rig);
}

void rig_next_script(struct rig *rig, const struct script_row *rows,
		     size_t n_rows)
{
	script_done(&rig->script);
	rig->script.rows = rows;
	rig->script.count = n_rows;
	rig->script.next = 0;
}

void rig_fix(struct rig *rig, uint32_t index)
{
	unsigned char *entry = iommunest_batch_entry(rig->batch, index);

	entry[0] ^= 0xff;
	memcpy(rig->script.entries + (size_t)index * rig->script.entry_len,
	       entry, rig->script.entry_len);
}

#define CHECK_FIELD(rig, expected, field)                       \
	ck_assert_msg((rig)->report.field == (expected)->field, \
		      "report." #field " is %lld, not %lld",    \
		      (long long)(rig)->report.field,           \
		      (long long)(expected)->field)

void rig_check_report(const struct rig *rig, struct iommunest_report report)
{
	const struct iommunest_report *expected = &report;

	CHECK_FIELD(rig, expected, skipped_count);
	CHECK_FIELD(rig, expected, sent);
	CHECK_FIELD(rig, expected, handled);
	CHECK_FIELD(rig, expected, flushed);
	CHECK_FIELD(rig, expected, pending);
	CHECK_FIELD(rig, expected, calls);
	CHECK_FIELD(rig, expected, resumes);
	CHECK_FIELD(rig, expected, blame);
	CHECK_FIELD(rig, expected, error);
	CHECK_FIELD(rig, expected, index);
	CHECK_FIELD(rig, expected, driver_error);
	CHECK_FIELD(rig, expected, cookie);
	CHECK_FIELD(rig, expected, exact);
	ck_assert_uint_eq(rig->report.size, sizeof(rig->report));
	ck_assert_uint_eq(iommunest_batch_count(rig->batch) -
				  iommunest_batch_cursor(rig->batch),
			  report.pending);
}

void rig_check_skipped(const struct rig *rig, uint32_t at, uint32_t index,
		       int error, uint32_t attempt)
{
	const struct iommunest_failure *failure = &rig->skipped[at];

	ck_assert_uint_eq(failure->index, index);
	ck_assert_int_eq(failure->error, error);
	ck_assert_uint_eq(failure->cookie, rig_cookie(index));
	ck_assert_uint_eq(failure->driver_error, 0);
	ck_assert_uint_eq(failure->attempt, attempt);
}

struct iommunest_inv_type rig_short_type(void)
{
	return (struct iommunest_inv_type){
		.size = sizeof(struct iommunest_inv_type),
		.name = "short",
		.data_type = 0xdeadbeef,
		.entry_len = 5,
	};
}

enum iommunest_answer rig_must_not_ask(void *user,
				       const struct iommunest_failure *failure,
				       void *entry)
{
	(void)user;
	(void)entry;
	ck_abort_msg("asked for entry %u", failure->index);
	return IOMMUNEST_ANSWER_STOP;
}
