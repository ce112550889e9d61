/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "tests/cmdq/cmdq-judge.h"

#include <string.h>

#define must(judge, what)                     \
	do {                                  \
		if (!(what))                  \
			(judge)->fail(#what); \
	} while (0)

static uint64_t bits(uint64_t word, unsigned int high, unsigned int low)
{
	return word >> low & ((UINT64_C(2) << (high - low)) - 1);
}

void judge_start(struct judge *judge, uint32_t slots,
		 void (*fail)(const char *what))
{
	unsigned int i;

	memset(judge, 0, sizeof(*judge));
	judge->fail = fail;
	judge->slots = slots;
	for (i = 0; i < JUDGE_SIDS; i++)
		judge->owner[i] = judge->was[i] = JUDGE_NOBODY;
}

/* ---- The ring ---- */

static struct judge_cmd *numbered(struct judge *judge, uint64_t number)
{
	return &judge->log[number % JUDGE_LOG];
}

uint32_t judge_room(const struct judge *judge)
{
	return judge->slots - (uint32_t)(judge->put - judge->told);
}

uint32_t judge_put(struct judge *judge, const uint64_t words[2],
		   enum judge_kind kind)
{
	const uint32_t slot = judge->prod & (judge->slots - 1);

	must(judge, judge_room(judge) > 0);
	judge->put++;
	*numbered(judge, judge->put) = (struct judge_cmd){
		.words = { words[0], words[1] },
		.kind = kind,
	};
	judge->prod = (judge->prod + 1) & (judge->slots * 2 - 1);
	return slot;
}

struct judge_cmd *judge_head(struct judge *judge)
{
	must(judge, judge->told < judge->put);
	return numbered(judge, judge->told + 1);
}

void judge_replace(struct judge *judge, const uint64_t words[2],
		   enum judge_kind kind)
{
	struct judge_cmd *cmd = judge_head(judge);

	memset(cmd, 0, sizeof(*cmd));
	memcpy(cmd->words, words, sizeof(cmd->words));
	cmd->kind = kind;
}

void judge_restart(struct judge *judge, uint32_t slots, uint32_t position)
{
	judge->slots = slots;
	judge->told = judge->put;
	judge->prod = judge->cons = position & (slots * 2 - 1);
	judge_forget_atcs(judge);
}

/* Its number. */
static uint64_t number_of(struct judge *judge, uint32_t slot)
{
	const uint32_t distance = (slot - judge->cons) & (judge->slots - 1);

	must(judge, slot < judge->slots);
	must(judge, distance < judge->put - judge->told);
	return judge->told + 1 + distance;
}

struct judge_cmd *judge_at(struct judge *judge, uint32_t slot)
{
	return numbered(judge, number_of(judge, slot));
}

/* ---- What commands cover ---- */

struct cover {
	bool is_tlbi;
	bool is_cfgi;
	bool is_atc;
	uint32_t sid;
	/* -1: all of them. */
	int asid;
	uint64_t first;
	uint64_t last;
};

/* Range invalidation: 4.4.1 of the specification. */
static void cover_addresses(struct cover *cover, const uint64_t words[2])
{
	const unsigned int tg = (unsigned int)bits(words[1], 11, 10);
	uint64_t size = 1;

	cover->first = words[1] & ~UINT64_C(0xfff);
	if (tg)
		size = (bits(words[0], 16, 12) + 1)
		       << (5 * bits(words[0], 24, 20));
	size <<= tg ? 10 + 2 * tg : 12;
	cover->last = cover->first + size - 1;
}

static struct cover cover_of(const uint64_t words[2])
{
	struct cover cover = { .asid = -1, .last = UINT64_MAX };
	const uint64_t atc_size = bits(words[1], 5, 0);

	cover.sid = (uint32_t)(words[0] >> 32);
	switch (words[0] & 0xff) {
	case 0x12:
		cover_addresses(&cover, words);
		/* fall through */
	case 0x11:
		cover.asid = (int)bits(words[0], 63, 48);
		cover.is_tlbi = true;
		break;
	case 0x13:
		cover_addresses(&cover, words);
		/* fall through */
	case 0x10:
	case 0x30:
		cover.is_tlbi = true;
		break;
	case 0x05:
	case 0x06:
		/* CFGI_CD of another substream says nothing of this one. */
		cover.is_cfgi =
			(words[0] & 0xff) == 0x06 || !bits(words[0], 31, 12);
		break;
	case 0x40:
		/* The same. */
		cover.is_atc = !(words[0] & 1 << 11) || words[0] & 1 << 9;
		if (atc_size < 52) {
			cover.first = words[1] & ~UINT64_C(0xfff) << atc_size;
			cover.last = cover.first +
				     (UINT64_C(0x1000) << atc_size) - 1;
		}
		break;
	default:
		break;
	}
	return cover;
}

static bool covers_page(const struct cover *cover, unsigned int page)
{
	return cover->first <= page * UINT64_C(0x1000) &&
	       page * UINT64_C(0x1000) <= cover->last;
}

static bool covers_asid(const struct cover *cover, unsigned int asid)
{
	return cover->asid < 0 || cover->asid == (int)asid;
}

/* Each stream has one address space. */
static unsigned int asid_of(uint32_t sid)
{
	return sid % JUDGE_ASIDS;
}

bool judge_is_stream(const uint64_t words[2], uint32_t *sid)
{
	const uint8_t opcode = (uint8_t)words[0];

	*sid = (uint32_t)(words[0] >> 32);
	return opcode == 0x05 || opcode == 0x06 || opcode == 0x40 ||
	       opcode == 0x01 || opcode == 0x02;
}

/* ---- Caches ---- */

static void fill_tlb(struct judge *judge, unsigned int target,
		     unsigned int asid, unsigned int page)
{
	unsigned int sid;

	judge->tlb[target][asid][page] = judge->put;
	for (sid = asid; sid < JUDGE_SIDS; sid += JUDGE_ASIDS)
		judge->tlb_cd[target][sid][page] =
			judge->owner[sid] == (int)target ? judge->cd[sid]
							 : judge->put;
}

static void fill_atc(struct judge *judge, uint32_t sid, unsigned int page)
{
	const int target = judge->owner[sid];

	judge->atc[sid][page] = judge->put;
	judge->atc_tlb[sid][page] =
		target < (int)JUDGE_TARGETS
			? judge->tlb[target][asid_of(sid)][page]
			: judge->put;
}

void judge_execute(struct judge *judge, uint32_t target,
		   const uint64_t words[2])
{
	const struct cover cover = cover_of(words);
	unsigned int asid, page;

	if (cover.is_cfgi)
		judge->cd[cover.sid] = judge->put;
	for (page = 0; page < JUDGE_PAGES; page++) {
		if (!covers_page(&cover, page))
			continue;
		if (cover.is_atc)
			fill_atc(judge, cover.sid, page);
		for (asid = 0; cover.is_tlbi && asid < JUDGE_ASIDS; asid++) {
			if (covers_asid(&cover, asid))
				fill_tlb(judge, target, asid, page);
		}
	}
}

/* ---- What the VMM does ---- */

/* A device that was detached has nothing cached. */
static void empty_stream(struct judge *judge, uint32_t sid)
{
	unsigned int page;

	judge->cd[sid] = judge->put;
	for (page = 0; page < JUDGE_PAGES; page++) {
		judge->atc[sid][page] = judge->put;
		judge->atc_tlb[sid][page] = judge->put;
		/* It is filled from another target's TLB from now on. */
		judge->want_atc_tlb[sid][page] = 0;
	}
}

void judge_own(struct judge *judge, uint32_t sid, int owner)
{
	judge->owner[sid] = owner;
	judge->was[sid] = owner;
	empty_stream(judge, sid);
}

void judge_add(struct judge *judge, uint32_t target)
{
	unsigned int asid, page, sid;

	judge->there[target] = true;
	judge->isolated[target] = false;
	for (sid = 0; sid < JUDGE_SIDS; sid++) {
		if (judge->owner[sid] == (int)target)
			empty_stream(judge, sid);
	}
	for (asid = 0; asid < JUDGE_ASIDS; asid++) {
		for (page = 0; page < JUDGE_PAGES; page++)
			fill_tlb(judge, target, asid, page);
	}
}

void judge_remove(struct judge *judge, uint32_t target)
{
	unsigned int sid;

	judge->there[target] = false;
	judge->loose = true;
	for (sid = 0; sid < JUDGE_SIDS; sid++) {
		if (judge->owner[sid] != (int)target)
			continue;
		judge->owner[sid] = JUDGE_NOBODY;
		empty_stream(judge, sid);
	}
}

void judge_isolate(struct judge *judge, uint32_t target)
{
	judge->isolated[target] = true;
}

void judge_flush_atcs(struct judge *judge)
{
	unsigned int sid, page;

	for (sid = 0; sid < JUDGE_SIDS; sid++) {
		for (page = 0; page < JUDGE_PAGES; page++)
			fill_atc(judge, sid, page);
	}
}

void judge_forget_atcs(struct judge *judge)
{
	memset(judge->want_atc, 0, sizeof(judge->want_atc));
	memset(judge->want_atc_tlb, 0, sizeof(judge->want_atc_tlb));
}

/* ---- A command is done ---- */

static void raise(uint64_t *value, uint64_t to)
{
	if (*value < to)
		*value = to;
}

static void want_tlb(struct judge *judge, const struct cover *cover,
		     uint64_t number, unsigned int target)
{
	unsigned int asid, page, sid;

	for (page = 0; page < JUDGE_PAGES; page++) {
		if (!covers_page(cover, page))
			continue;
		for (asid = 0; asid < JUDGE_ASIDS; asid++) {
			if (covers_asid(cover, asid))
				raise(&judge->want_tlb[target][asid][page],
				      number);
		}
		for (sid = 0; sid < JUDGE_SIDS; sid++) {
			if (judge->owner[sid] == (int)target &&
			    covers_asid(cover, asid_of(sid)))
				raise(&judge->want_tlb_cd[target][sid][page],
				      judge->synced_cd[sid]);
		}
	}
}

static void want_stream(struct judge *judge, const struct cover *cover,
			uint64_t number)
{
	const uint32_t sid = cover->sid;
	const int target = judge->owner[sid];
	unsigned int page;

	if (cover->is_cfgi)
		raise(&judge->want_cd[sid], number);
	for (page = 0; cover->is_atc && page < JUDGE_PAGES; page++) {
		if (!covers_page(cover, page))
			continue;
		raise(&judge->want_atc[sid][page], number);
		raise(&judge->want_atc_tlb[sid][page],
		      judge->synced_tlb[target][asid_of(sid)][page]);
	}
}

static void want(struct judge *judge, const struct judge_cmd *cmd,
		 uint64_t number)
{
	const struct cover cover = cover_of(cmd->words);
	unsigned int target;
	int owner;

	for (target = 0; cover.is_tlbi && target < JUDGE_TARGETS; target++) {
		if (judge->there[target] && !judge->isolated[target] &&
		    !(cmd->skipped >> target & 1))
			want_tlb(judge, &cover, number, target);
	}
	if (!cover.is_cfgi && !cover.is_atc)
		return;
	owner = judge->owner[cover.sid];
	if (owner < (int)JUDGE_TARGETS && !judge->isolated[owner] &&
	    !(cmd->skipped >> owner & 1))
		want_stream(judge, &cover, number);
}

/* In a calm world each went once to each target that is meant. */
static void was_sent_once(struct judge *judge, const struct judge_cmd *cmd)
{
	unsigned int target;
	uint32_t sid;

	if (!judge->calm || judge->loose)
		return;
	for (target = 0; target < JUDGE_TARGETS; target++) {
		const bool meant =
			cmd->kind == JUDGE_TLBI
				? judge->there[target]
				: judge_is_stream(cmd->words, &sid) &&
					  judge->owner[sid] == (int)target;

		must(judge, cmd->done[target] == meant);
	}
}

/* All that was invalidated is gone. */
static void judge_caches(struct judge *judge)
{
	unsigned int target, asid, page, sid;

	judge->judged++;
	for (target = 0; target < JUDGE_TARGETS; target++) {
		if (!judge->there[target] || judge->isolated[target])
			continue;
		for (asid = 0; asid < JUDGE_ASIDS; asid++) {
			for (page = 0; page < JUDGE_PAGES; page++)
				must(judge,
				     judge->tlb[target][asid][page] >=
					     judge->want_tlb[target][asid]
							    [page]);
		}
	}
	for (sid = 0; sid < JUDGE_SIDS; sid++) {
		const int owner = judge->owner[sid];

		if (owner >= (int)JUDGE_TARGETS || judge->isolated[owner])
			continue;
		must(judge, judge->cd[sid] >= judge->want_cd[sid]);
		for (page = 0; page < JUDGE_PAGES; page++) {
			must(judge,
			     judge->tlb_cd[owner][sid][page] >=
				     judge->want_tlb_cd[owner][sid][page]);
			must(judge, judge->atc[sid][page] >=
					    judge->want_atc[sid][page]);
			must(judge, judge->atc_tlb[sid][page] >=
					    judge->want_atc_tlb[sid][page]);
		}
	}
}

/* What comes after it may rely on what was before it. */
static void sync(struct judge *judge)
{
	judge_caches(judge);
	memcpy(judge->synced_cd, judge->want_cd, sizeof(judge->synced_cd));
	memcpy(judge->synced_tlb, judge->want_tlb, sizeof(judge->synced_tlb));
}

/* The head is done. */
static void pass(struct judge *judge)
{
	const struct judge_cmd *cmd = judge_head(judge);

	must(judge, cmd->kind != JUDGE_ILLEGAL);
	if (cmd->kind == JUDGE_SYNC)
		sync(judge);
	else
		want(judge, cmd, judge->told + 1);
	judge->told++;
	judge->cons = (judge->cons + 1) & (judge->slots * 2 - 1);
}

/* Nobody hears of it. */
static bool is_silent(const struct judge *judge, const struct judge_cmd *cmd)
{
	const uint32_t sid = (uint32_t)(cmd->words[0] >> 32);

	switch (cmd->kind) {
	case JUDGE_SYNC:
		return bits(cmd->words[0], 13, 12) != 1;
	case JUDGE_PREFETCH:
		return judge->owner[sid] < (int)JUDGE_TARGETS ||
		       judge->was[sid] < (int)JUDGE_TARGETS;
	case JUDGE_TLBI:
	case JUDGE_CFGI:
	case JUDGE_ATC:
		return !judge->tells_forwarded;
	default:
		return false;
	}
}

void judge_reach(struct judge *judge, uint32_t slot)
{
	const uint64_t number = number_of(judge, slot);

	while (judge->told + 1 < number) {
		must(judge, is_silent(judge, judge_head(judge)));
		if (judge->calm)
			was_sent_once(judge, judge_head(judge));
		pass(judge);
	}
}

static bool owns(const struct judge *judge, uint32_t sid, int from, int to)
{
	return (judge->owner[sid] >= from && judge->owner[sid] <= to) ||
	       (judge->loose && judge->was[sid] >= from &&
		judge->was[sid] <= to);
}

static bool is_allowed(const struct judge *judge, const struct judge_cmd *cmd,
		       enum judge_event event)
{
	const bool targets =
		judge->there[0] || judge->there[1] || judge->there[2];
	uint32_t sid;

	if (event == JUDGE_COMPLETED)
		return cmd->kind == JUDGE_SYNC &&
		       bits(cmd->words[0], 13, 12) == 1;
	if (cmd->kind == JUDGE_FOR_VMM)
		return event == JUDGE_GIVEN;
	if (cmd->kind == JUDGE_TLBI)
		return event == JUDGE_FORWARDED
			       ? targets || judge->loose
			       : event == JUDGE_GIVEN && !targets;
	if (!judge_is_stream(cmd->words, &sid))
		return false;
	switch (event) {
	case JUDGE_FORWARDED:
		return cmd->kind != JUDGE_PREFETCH &&
		       owns(judge, sid, 0, JUDGE_TARGETS - 1);
	case JUDGE_GIVEN:
		return owns(judge, sid, JUDGE_VMM, JUDGE_VMM);
	default:
		return owns(judge, sid, JUDGE_NOBODY, JUDGE_NOBODY);
	}
}

void judge_event(struct judge *judge, enum judge_event event, uint32_t slot)
{
	bool is_order;

	judge_reach(judge, slot);
	must(judge, is_allowed(judge, judge_head(judge), event));
	if (event == JUDGE_FORWARDED || event == JUDGE_GIVEN)
		was_sent_once(judge, judge_head(judge));
	judge->n_events[event]++;
	is_order = judge_head(judge)->kind == JUDGE_FOR_VMM;
	pass(judge);
	/* Nothing is gathered any more. */
	if (is_order) {
		judge->loose = false;
		memcpy(judge->was, judge->owner, sizeof(judge->was));
	}
}

void judge_publish(struct judge *judge, uint32_t cons)
{
	const uint32_t mask = judge->slots * 2 - 1;
	const uint32_t done = (cons - judge->cons) & mask;
	uint32_t i;

	must(judge, !(cons & ~mask));
	must(judge, done <= judge->put - judge->told);
	for (i = 0; i < done; i++) {
		must(judge, is_silent(judge, judge_head(judge)));
		was_sent_once(judge, judge_head(judge));
		pass(judge);
	}
}

void judge_begin(struct judge *judge)
{
	judge->loose = false;
	memcpy(judge->was, judge->owner, sizeof(judge->was));
	memset(judge->n_events, 0, sizeof(judge->n_events));
}

/* ---- An ioctl ---- */

/* ATC_INVs in doubt are named after the CMD_SYNC that waits for them. */
static bool is_doubt(struct judge *judge, uint32_t count,
		     const uint64_t (*words)[2], const uint64_t *cookies)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		if ((uint8_t)words[i][0] != 0x40 ||
		    number_of(judge, (uint32_t)cookies[i]) != judge->told + 1)
			return false;
	}
	/* The guest may have put something else in its place. */
	return memcmp(judge_head(judge)->words, words[0], 16) != 0;
}

/* Two that a CMD_SYNC stands between are of one class. */
struct sharing {
	bool before[JUDGE_ATC + 1];
	bool synced[JUDGE_ATC + 1];
};

static void go_past(struct judge *judge, struct sharing *sharing,
		    uint64_t number)
{
	const enum judge_kind kind = numbered(judge, number)->kind;

	must(judge, kind != JUDGE_FOR_VMM && kind != JUDGE_ILLEGAL);
	if (kind == JUDGE_SYNC)
		memcpy(sharing->synced, sharing->before,
		       sizeof(sharing->synced));
}

static void share(struct judge *judge, struct sharing *sharing,
		  enum judge_kind kind)
{
	unsigned int k;

	for (k = 0; k <= JUDGE_ATC; k++)
		must(judge, k == (unsigned int)kind || !sharing->synced[k]);
	sharing->before[kind] = true;
}

void judge_call(struct judge *judge, uint32_t target, uint32_t count,
		const uint64_t (*words)[2], const uint64_t *cookies,
		bool succeeded)
{
	struct sharing sharing = { { false }, { false } };
	uint64_t last = 0, number, k;
	struct judge_cmd *cmd;
	uint32_t i;

	must(judge, count > 0);
	if (is_doubt(judge, count, words, cookies))
		return;
	for (i = 0; i < count; i++) {
		number = number_of(judge, (uint32_t)cookies[i]);
		cmd = numbered(judge, number);
		must(judge, number > last);
		must(judge, !memcmp(cmd->words, words[i], 16));
		must(judge, cmd->kind <= JUDGE_ATC);
		for (k = last ? last + 1 : number; k < number; k++)
			go_past(judge, &sharing, k);
		share(judge, &sharing, cmd->kind);
		if (succeeded)
			cmd->done[target]++;
		last = number;
	}
}
