/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A host kernel that records what it is given: IOMMU_HWPT_INVALIDATE and
 * nothing else, behind the system call table.  Any HWPT exists.  Rules say
 * which entries and calls fail.
 */
#ifndef TEST_HOST_H
#define TEST_HOST_H

#include <libiommunest.h>

/* One call, as it was made and answered. */
struct host_call {
	uint32_t hwpt_id;
	uint32_t count;
	uint32_t handled;
	int error;
	/* The first of its entries in host::entries. */
	uint32_t first;
};

#define HOST_ANY_HWPT UINT32_MAX
#define HOST_ANY_ADDR UINT64_MAX

enum host_fault {
	/* The entry fails, and those before it in its call are done. */
	HOST_FAIL_ENTRY,
	/* The call fails before it does anything; its count is 0. */
	HOST_FAIL_CALL,
	/* The same, and its count stays as it was. */
	HOST_FAIL_UNTOUCHED,
	/* One more than was sent is reported; otherwise all is well. */
	HOST_OVERSTATE,
	/* Entries are done up to this one, which is not, and it succeeds. */
	HOST_SHORT,
};

/* The first rule that fits is the one that counts. */
struct host_rule {
	enum host_fault fault;
	int error;
	/* HOST_ANY_HWPT and HOST_ANY_ADDR fit all. */
	uint32_t hwpt_id;
	uint64_t addr;
	/* Fits entries of so many pages only; 0: of any. */
	uint64_t npages;
	/* How often it applies; 0: always. */
	unsigned int times;
	bool spent;
};

#define HOST_RULES 8

struct host {
	struct host_call *calls;
	uint32_t n_calls;
	struct iommunest_vtd_entry *entries;
	uint32_t n_entries;
	struct host_rule rules[HOST_RULES];
	unsigned int n_rules;
	/* Entries that were not as the library promises them. */
	unsigned int bad_entries;
};

extern const struct iommunest_sys host_sys;

void host_init(struct host *host);
void host_free(struct host *host);

/* A context on it. */
struct iommunest_ctx *host_open(struct host *host);

/* Forgets the calls made so far. */
void host_forget(struct host *host);

void host_fail(struct host *host, struct host_rule rule);
void host_heal(struct host *host);

/* How many calls went to an HWPT, the empty ones left out. */
unsigned int host_calls_to(const struct host *host, uint32_t hwpt_id);

/* The entries of a call. */
const struct iommunest_vtd_entry *host_entries(const struct host *host,
					       uint32_t call);

#endif /* TEST_HOST_H */
