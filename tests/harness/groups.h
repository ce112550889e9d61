/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A kernel that takes commands of 16 bytes in groups, as that of SMMUv3 does,
 * and the truth about each: whether it was ever issued and waited for.  Three
 * kernels give the count of a failed call three meanings.
 */
#ifndef TESTS_HARNESS_GROUPS_H
#define TESTS_HARNESS_GROUPS_H

#include "tests/harness/script.h"
#include "tests/harness/support.h"

#define GROUPS_TYPE 0x6a0u
#define GROUPS_SIZE 63u

enum groups_meaning {
	/*
	 * Linux 7.3: the index of the illegal command.  Nothing of its group
	 * is issued, and all groups before it are.
	 */
	GROUPS_COUNTS_CHECKED,
	/* Later: the first index of its group, of which nothing is issued. */
	GROUPS_COUNTS_GROUPS,
	/* Patched: its index, and all before it are issued. */
	GROUPS_COUNTS_DONE,
	GROUPS_MEANINGS,
};

/* What a call may meet besides illegal commands, by chance. */
enum groups_chance {
	GROUPS_WELL,
	/* No answer to the first group; of Linux 7.3 its last index. */
	GROUPS_TIMEOUT,
	/* -ENOMEM; the count is left alone, or 0 with the patches. */
	GROUPS_NO_MEMORY,
	/* -EINTR, with nothing done. */
	GROUPS_INTERRUPTED,
	/* -EFAULT, with nothing done. */
	GROUPS_UNREADABLE,
	GROUPS_CHANCES,
};

struct groups_command {
	/* From 0; of an "all", its class and GROUPS_ALL. */
	uint32_t number;
	uint32_t illegal;
	uint64_t operand;
};

#define GROUPS_ALL 0x80000000u
#define GROUPS_CLASSES 3u

struct groups {
	enum groups_meaning meaning;
	/* More in one call: -ENOMEM, as by chance. */
	uint32_t memory;
	/* Chances; NULL: none. */
	struct support_choices *choices;

	struct iommunest_ctx *ctx;
	/* How often each was issued and waited for, and how many there are. */
	uint32_t *done;
	uint32_t commands;
	/* "All" commands of each class, issued and waited for. */
	uint32_t all[GROUPS_CLASSES];
	/* The same, in order. */
	uint32_t last_all;
	bool all_out_of_order;

	/* Of what was called: */
	uint32_t calls;
	uint32_t empty_calls;
	uint32_t longest;
	/* Commands that were refused in calls of their own. */
	uint32_t refused_alone;
	uint32_t last_refused;
};

/*
 * Of Linux 7.3: GROUP, -EIO refuses, and empty calls, which only the others
 * take, say nothing.
 */
struct iommunest_inv_type groups_type(void);

/* Commands numbered from 0, each with rig_cookie() of its number. */
void groups_start(struct groups *groups, enum groups_meaning meaning,
		  uint32_t commands);
struct iommunest_batch *groups_batch(const struct groups *groups,
				     const struct iommunest_inv_type *type);
void groups_finish(struct groups *groups);

struct groups_command *groups_command(struct iommunest_batch *batch,
				      uint32_t index);

#endif /* TESTS_HARNESS_GROUPS_H */
