/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What SMMUs have cached of a guest: for each target a context descriptor, a
 * few pages of one ASID, and those pages in its device's TLB.  The devices use
 * all pages all the time.  Each cache is filled from the one before it, so what
 * is dropped in a wrong order comes back as it was.
 *
 * The guest changes its tables, which count their changes; a command is done
 * when no cache that it names holds an older count.
 */
#ifndef TESTS_HARNESS_SMMU_CACHES_H
#define TESTS_HARNESS_SMMU_CACHES_H

#include <stdbool.h>
#include <stdint.h>

#include <libiommunest.h>

#define CACHES_TARGETS 2u
#define CACHES_PAGES 16u
#define CACHES_ASID 3u

/* What a command is about; 0: nothing that is cached. */
enum caches_kind {
	CACHES_NOTHING,
	/* A page of all targets. */
	CACHES_PAGE,
	/* All pages of the ASID, and what their descriptor has changed. */
	CACHES_ASID_ALL,
	/* The descriptor of a target; `addr` is its number. */
	CACHES_CD,
	/* A page of the first target's device. */
	CACHES_ATC,
};

struct caches_entry {
	bool valid;
	uint32_t page;
	uint32_t cd;
};

struct caches_target {
	struct caches_entry cd;
	struct caches_entry tlb[CACHES_PAGES];
	struct caches_entry atc[CACHES_PAGES];
	/* Its device is cut off: it uses nothing. */
	bool cut;
};

struct caches {
	struct caches_target target[CACHES_TARGETS];
	/* The guest's tables. */
	uint32_t page[CACHES_PAGES];
	uint32_t cd;
	/* The first target's device uses ATS. */
	bool ats;
};

/* Stream id of a target's device. */
uint32_t caches_sid(unsigned int target);

/*
 * The command of the kind, and a change of the guest's tables with it, except
 * where a change came with the command before: ATC and ASID_ALL.  Returns the
 * count that nothing may be older than.
 */
uint32_t caches_issue(struct caches *caches, enum caches_kind kind,
		      uint64_t addr, struct iommunest_smmuv3_entry *entry);

/*
 * Hardware has executed them as one group, in which it keeps no order: here
 * from the last to the first, and the devices go on in between.
 */
void caches_execute(struct caches *caches, unsigned int target,
		    const struct iommunest_smmuv3_entry *entries,
		    uint32_t count);

bool caches_are_done(const struct caches *caches, enum caches_kind kind,
		     uint64_t addr, uint32_t need);

/* Its device is detached; and attached again, after all was flushed. */
void caches_cut(struct caches *caches, unsigned int target);
void caches_heal(struct caches *caches, unsigned int target);

#endif /* TESTS_HARNESS_SMMU_CACHES_H */
