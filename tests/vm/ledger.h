/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What this process and the kernel hold, so that a test can say that nothing
 * was kept.  Taken before and after some work, and compared.
 */
#ifndef VM_LEDGER_H
#define VM_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

#define LEDGER_CACHES 256u

/* A cache of the kernel's allocator, and the objects that are in use. */
struct ledger_cache {
	char name[32];
	long objects;
};

struct ledger {
	/* Of this process: descriptors, and bytes that malloc() has given. */
	long fds;
	long heap;
	/* Pages of it that are pinned for devices, as the kernel accounts. */
	long pinned;
	/* Resident pages. */
	long rss;
	/* Domain ids that VT-d units use. */
	long domains;
	/* Pages of the IOMMU's own tables. */
	long iommu_pages;
	/* Pages of anybody that are pinned. */
	long pins;
	/* Pages that somebody has. */
	long used;
	unsigned int n_caches;
	struct ledger_cache caches[LEDGER_CACHES];
};

/*
 * How much more there may be afterwards of what others also use.  The rest has
 * to be the same.
 */
struct ledger_slack {
	/* In bytes. */
	long heap;
	/* In pages. */
	long rss;
	long memory;
	/* In each cache. */
	long objects;
};

/*
 * Before anything else in main(): starts the program again, if need be, so that
 * libc keeps no freed blocks that count as used.
 */
void ledger_start(char **argv);

/* Empties the caches' lists of free objects first, so that it is exact. */
void ledger_take(struct ledger *ledger);

/*
 * Takes it again until nothing is missing, for some seconds: the kernel frees
 * much after a grace period.  False: something is; a line for each.
 */
bool ledger_holds(const struct ledger *before,
		  const struct ledger_slack *slack);

/*
 * Memory of the kernel that no pointer leads to any more, since it was asked
 * last; for a kernel with kmemleak=on.  Returns how many blocks, and prints
 * them; -1: it is not on.
 */
long ledger_lost_blocks(void);

#endif /* VM_LEDGER_H */
