/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Rows of what fails while Linux's algorithm submits, and of what becomes of
 * it: over whoever polls first, places in the ring, budgets, the times at which
 * the engine runs, and whether it is migrated meanwhile.
 */
#ifndef TESTS_QUEUE_LINUX_ROWS_H
#define TESTS_QUEUE_LINUX_ROWS_H

#include "tests/queue/linux-vmm.h"

/* What a CPU submits. */
enum linux_kind {
	LINUX_END,
	/* A page of the row's domain. */
	PAGE,
	/* The page that the rules may be about. */
	BAD,
	/* A page of another domain. */
	OTHER,
	/* A wait with FN only; as the first one, it makes the job a drain. */
	FENCE,
	IOTLB,
	DEV_TLB,
	/* Of an emulated device. */
	FOREIGN,
	PASID_CACHE,
	/* A page of VMM_PASID_A; domain 5's other pages are of VMM_PASID_B. */
	PAGE_A,
	/* No descriptor at all. */
	WRONG,
};

#define LINUX_KINDS 5u
#define LINUX_RULES 4u

struct linux_row {
	const char *name;
	/* What the CPU in the middle submits, and of which domain. */
	enum linux_kind job[LINUX_KINDS];
	unsigned int did;
	/* Of the hosts: hwpt_id is a target's number (linux-vmm.h). */
	struct host_rule rules[LINUX_RULES];
	struct linux_answer answer;
	struct linux_attach attach;
	uint32_t policy;
	enum linux_isolate isolate;
	enum iommunest_vtd_iq_unhealed unhealed;
	bool readmits;
	bool contains;
	bool kicks_each;
	/*
	 * All outcomes there are to be, of all variants; enum linux_outcome.
	 * Nothing is promised to the old form where the VMM asked for ITE.
	 */
	unsigned int wanted;
	/*
	 * Where @told: all FSTS_REG bits that the guest saw, and the targets
	 * that `healed` and `isolate` were told of, once each, as masks.
	 */
	bool told;
	uint32_t shown;
	uint32_t healed;
	uint32_t isolated;
};

#define LINUX_BAD_ADDR UINT64_C(0x7000)

#define LINUX_ENTRY(number_, error_, times_)                               \
	{                                                                  \
		.fault = HOST_FAIL_ENTRY, .error = (error_),               \
		.hwpt_id = (number_), .addr = LINUX_BAD_ADDR, .npages = 1, \
		.times = (times_)                                          \
	}
/* Its "all", too. */
#define LINUX_ANY_ENTRY(number_, error_, times_)                               \
	{                                                                      \
		.fault = HOST_FAIL_ENTRY, .error = (error_),                   \
		.hwpt_id = (number_), .addr = HOST_ANY_ADDR, .times = (times_) \
	}
/* Just "all". */
#define LINUX_ALL(number_, error_, times_)                             \
	{                                                              \
		.fault = HOST_FAIL_ENTRY, .error = (error_),           \
		.hwpt_id = (number_), .addr = 0, .npages = UINT64_MAX, \
		.times = (times_)                                      \
	}
#define LINUX_CALL(fault_, number_, error_, times_)                         \
	{                                                                   \
		.fault = (fault_), .error = (error_), .hwpt_id = (number_), \
		.times = (times_)                                           \
	}

/* Ends the test if an outcome is not as wanted. */
void linux_expect(const char *what, unsigned int outcomes, unsigned int wanted);

/* All variants of a row, with one form of the driver. */
void linux_row_run(const struct linux_row *row, enum linux_form form);

#endif /* TESTS_QUEUE_LINUX_ROWS_H */
