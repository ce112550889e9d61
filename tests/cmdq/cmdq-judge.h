/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What has to hold of a guest's command queue, written from the specification
 * and Linux's uAPI and not from the engine.  The guest's commands are numbered;
 * each says that what it names was changed just before.  A vIOMMU's caches are
 * a model: each entry remembers the number of the last command that there was
 * when it was filled, and all entries are filled again as soon as they are
 * gone, from what the cache above then has.  So a stale entry is one whose
 * number is too low.
 *
 * Hardware orders nothing within a submission: the caller says in which order
 * it is executed.
 */
#ifndef TESTS_CMDQ_CMDQ_JUDGE_H
#define TESTS_CMDQ_CMDQ_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#define JUDGE_TARGETS 3u
#define JUDGE_SIDS 12u
#define JUDGE_ASIDS 4u
#define JUDGE_PAGES 16u
/* No ring is longer. */
#define JUDGE_LOG 512u

/* Whose a stream is, besides a target's number. */
#define JUDGE_VMM 100
#define JUDGE_NOBODY 101

enum judge_kind {
	JUDGE_TLBI,
	JUDGE_CFGI,
	JUDGE_ATC,
	JUDGE_SYNC,
	JUDGE_FOR_VMM,
	JUDGE_PREFETCH,
	JUDGE_ILLEGAL,
};

struct judge_cmd {
	uint64_t words[2];
	enum judge_kind kind;
	/* By target: it was skipped there, and the VMM knows. */
	uint32_t skipped;
	/* How often each target did it. */
	uint32_t done[JUDGE_TARGETS];
};

/* What a callback says of a slot. */
enum judge_event {
	JUDGE_FORWARDED,
	JUDGE_GIVEN,
	JUDGE_DROPPED,
	JUDGE_COMPLETED,
};

struct judge {
	/* Ends the test; @what is static. */
	void (*fail)(const char *what);
	uint32_t slots;
	/* The guest's PROD, and the engine's CONS, with their wrap bits. */
	uint32_t prod;
	uint32_t cons;
	/* Numbers of the last command in the ring, and of the last done. */
	uint64_t put;
	uint64_t told;
	struct judge_cmd log[JUDGE_LOG];
	/* Nothing fails in this world: each is sent once. */
	bool calm;
	/* ops.forwarded is there. */
	bool tells_forwarded;

	/* Whose streams are, and were when what is gathered was. */
	int owner[JUDGE_SIDS];
	int was[JUDGE_SIDS];
	bool there[JUDGE_TARGETS];
	bool isolated[JUDGE_TARGETS];
	/* A callback of this run removed a target. */
	bool loose;

	/* Caches, and what has to be in them at least. */
	uint64_t tlb[JUDGE_TARGETS][JUDGE_ASIDS][JUDGE_PAGES];
	uint64_t want_tlb[JUDGE_TARGETS][JUDGE_ASIDS][JUDGE_PAGES];
	/* Through which context descriptor it was filled. */
	uint64_t tlb_cd[JUDGE_TARGETS][JUDGE_SIDS][JUDGE_PAGES];
	uint64_t want_tlb_cd[JUDGE_TARGETS][JUDGE_SIDS][JUDGE_PAGES];
	uint64_t cd[JUDGE_SIDS];
	uint64_t want_cd[JUDGE_SIDS];
	uint64_t atc[JUDGE_SIDS][JUDGE_PAGES];
	uint64_t want_atc[JUDGE_SIDS][JUDGE_PAGES];
	/* ... from which state of the TLB. */
	uint64_t atc_tlb[JUDGE_SIDS][JUDGE_PAGES];
	uint64_t want_atc_tlb[JUDGE_SIDS][JUDGE_PAGES];
	/* CFGI and TLBI before the last CMD_SYNC that is done. */
	uint64_t synced_cd[JUDGE_SIDS];
	uint64_t synced_tlb[JUDGE_TARGETS][JUDGE_ASIDS][JUDGE_PAGES];

	/* Since judge_begin(). */
	uint32_t n_events[4];
	uint64_t judged;
};

void judge_start(struct judge *judge, uint32_t slots,
		 void (*fail)(const char *what));

/* ---- The guest ---- */

/* Room in the ring, as the guest knows it. */
uint32_t judge_room(const struct judge *judge);
/* At PROD, which moves on; returns the slot. */
uint32_t judge_put(struct judge *judge, const uint64_t words[2],
		   enum judge_kind kind);
/* The guest overwrites the command that the queue halts at. */
void judge_replace(struct judge *judge, const uint64_t words[2],
		   enum judge_kind kind);
/* A new queue, at this position; what was in the ring is gone. */
void judge_restart(struct judge *judge, uint32_t slots, uint32_t position);
/* The command in a slot that is not done; fails if there is none. */
struct judge_cmd *judge_at(struct judge *judge, uint32_t slot);
/* The next that is not done; there is one. */
struct judge_cmd *judge_head(struct judge *judge);

/* ---- The VMM ---- */

void judge_own(struct judge *judge, uint32_t sid, int owner);
void judge_add(struct judge *judge, uint32_t target);
void judge_remove(struct judge *judge, uint32_t target);
void judge_isolate(struct judge *judge, uint32_t target);
/* All device TLBs are flushed. */
void judge_flush_atcs(struct judge *judge);
/* The guest dropped ATC_INVs in doubt, with its queue. */
void judge_forget_atcs(struct judge *judge);

/* ---- The host ---- */

/* One command of a submission that succeeds. */
void judge_execute(struct judge *judge, uint32_t target,
		   const uint64_t words[2]);
bool judge_is_stream(const uint64_t words[2], uint32_t *sid);

/* ---- The engine ---- */

/* A run begins. */
void judge_begin(struct judge *judge);
/* A callback is called about a slot. */
void judge_event(struct judge *judge, enum judge_event event, uint32_t slot);
/* The same, before what it returns is known; judge_event() follows. */
void judge_reach(struct judge *judge, uint32_t slot);
/* CONS was published, or read. */
void judge_publish(struct judge *judge, uint32_t cons);
/* An ioctl that is no flush of all: entries, and their slots. */
void judge_call(struct judge *judge, uint32_t target, uint32_t count,
		const uint64_t (*words)[2], const uint64_t *cookies,
		bool succeeded);

#endif /* TESTS_CMDQ_CMDQ_JUDGE_H */
