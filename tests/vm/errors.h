/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the files of vm-errors share: the devices, and calls with entries. */
#ifndef VM_ERRORS_H
#define VM_ERRORS_H

#include "inject.h"
#include "real.h"

#include "tests/harness/support.h"

#include "lib/uapi/invalidate.h"

/*
 * Two tenants: one whose device has no ATS, so that each entry is one
 * descriptor; and one with two devices that have it, of which the first is
 * attached.
 */
extern struct trace *errors_trace;
extern struct real errors_plain, errors_ats;
#define ERRORS_FIRST 1u
#define ERRORS_SECOND REAL_SECOND_PORT

/* Source ids of the two. */
#define ERRORS_SID UINT16_C(0x0100)
#define ERRORS_SECOND_SID UINT16_C(0x0200)
/* Nobody's. */
#define ERRORS_OTHER_SID UINT16_C(0x7f08)

#define ERRORS_LONGEST 4000u
/* Descriptors of a submission, and so entries of one where there is no ATS. */
#define ERRORS_SHARED 16u

struct errors_answer {
	int ret;
	uint32_t num;
	uint32_t last;
	uint32_t code;
};

/* Entry i is the page i + 1 of every other one. */
void errors_put_pages(uint32_t count);
struct iommu_hwpt_vtd_s1_invalidate *errors_entries(void);

/* Invalidates for an HWPT; @report: with the flag. */
struct errors_answer errors_ask(struct real *on, uint32_t hwpt, uint32_t count,
				bool report);
/* For the one that the device is attached to. */
struct errors_answer errors_call(struct real *on, uint32_t count);
struct errors_answer errors_report(struct real *on, uint32_t count);

/* A page that the second tenant's devices may access, and its end. */
void errors_map(void);
int errors_unmap(void);

void errors_is_done(struct errors_answer answer, uint32_t count);

/* The fixture of each file: nothing is injected, and nothing was seen. */
void errors_begin(void);

/* The kernel has the series, and the knobs. */
bool errors_injects(void);
/* An entry that hardware has refused fails: 7.3 with the series. */
bool errors_tells(void);
/* The same as numbers of loops. */
int errors_if_injects(int loops);
int errors_if_tells(int loops);

#endif /* VM_ERRORS_H */
