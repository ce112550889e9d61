/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <errno.h>
#include <string.h>

#include "iq-model.h"

#define PAGE_SIZE 4096u
#define ALL_PAGES (UINT64_C(1) << 52)
#define FAULT_BITS                                         \
	(IOMMUNEST_VTD_FSTS_IQE | IOMMUNEST_VTD_FSTS_ICE | \
	 IOMMUNEST_VTD_FSTS_ITE)
/* More than any call is tried again in a row. */
#define CALLS_PER_ENTRY 64u

static struct model_slot slots[MODEL_MAX_SLOTS];

struct model_slot *model_slot(const struct model *model, uint32_t index)
{
	fuzz_check(index < model->slots);
	return &slots[index];
}

static uint32_t distance(const struct model *model, uint32_t index)
{
	return (index - model->head) & (model->slots - 1);
}

static struct model_slot *slot_at(const struct model *model, uint32_t at)
{
	return model_slot(model, (model->head + at) & (model->slots - 1));
}

static bool is_wide(const struct model *model)
{
	return model->state.iqa & IOMMUNEST_VTD_IQA_DW;
}

static bool forwards(const struct model *model)
{
	return model->state.ttm != IOMMUNEST_VTD_TTM_LEGACY;
}

void model_set_iqa(struct model *model, uint64_t iqa)
{
	model->state.iqa = iqa;
	model->shift = iqa & IOMMUNEST_VTD_IQA_DW ? 5 : 4;
	model->slots = (PAGE_SIZE >> model->shift)
		       << (iqa & IOMMUNEST_VTD_IQA_QS);
}

/* ---- A run begins ---- */

/* The tail as a slot; a tail beyond the ring gives no window. */
static uint32_t window_of(const struct model *model)
{
	uint64_t tail = model->state.iqt >> model->shift;
	uint32_t window;

	if (model->state.iqt & ((1u << model->shift) - 1) ||
	    tail >= model->slots)
		return 0;
	window = distance(model, (uint32_t)tail);
	if (model->budget && window > model->budget)
		window = model->budget;
	return window;
}

void model_begin(struct model *model)
{
	const struct iommunest_vtd_iq_state *state = &model->state;
	bool runs = model->slots && state->flags & IOMMUNEST_VTD_IQ_ENABLED &&
		    !state->cause;

	model->run++;
	model->head = (uint32_t)(state->iqh >> model->shift);
	model->window = runs ? window_of(model) : 0;
	model->reads = 0;
	model->frozen = model->progress = model->verified = model->event = 0;
	model->at_order = model->had_event = model->event_failed = false;
	model->event_error = model->read_error = 0;
	model->read_failed = false;
	memset(model->calls_to, 0, sizeof(model->calls_to));
	model->failed_hwpts = 0;
	model->calls = model->entries = 0;
}

/* ---- Guest memory ---- */

void model_read(struct model *model, uint64_t gpa, size_t len, int answer)
{
	uint64_t offset = gpa - (model->state.iqa & ~(uint64_t)(PAGE_SIZE - 1));
	uint64_t size = (uint64_t)model->slots << model->shift;
	uint32_t mask = (1u << model->shift) - 1;
	uint32_t at, count;

	fuzz_check(model->window);
	fuzz_check(++model->reads <= 2 * model->window);
	fuzz_check(offset < size && len && len <= size - offset);
	fuzz_check((gpa & (PAGE_SIZE - 1)) + len <= PAGE_SIZE);
	fuzz_check(!(offset & mask) && !(len & mask));
	fuzz_check(!model->event_failed);
	at = distance(model, (uint32_t)(offset >> model->shift));
	count = (uint32_t)(len >> model->shift);
	fuzz_check(at < model->window && count <= model->window - at);
	if (answer >= 0)
		return;
	model->read_failed = count == 1;
	model->unread = (uint32_t)(offset >> model->shift);
	model->read_error = answer;
}

void model_delivers(struct model *model, uint32_t index, const uint64_t *words)
{
	struct model_slot *slot = model_slot(model, index);
	int ret;

	fuzz_check(slot->run != model->run);
	memset(slot, 0, sizeof(*slot));
	slot->run = model->run;
	slot->desc.size = sizeof(slot->desc);
	ret = iommunest_vtd_desc_decode(&slot->desc, words, 8u << model->shift,
					model->state.ttm);
	fuzz_check(ret == 0 || ret == -EBADMSG);
	slot->refused = ret != 0;
	fuzz_check(slot->refused == (slot->desc.iqei != 0));
}

/* ---- What a descriptor asks for ---- */

static bool is_target(const struct model_scope *scope,
		      const struct iommunest_vtd_desc *desc)
{
	switch (desc->type) {
	case IOMMUNEST_VTD_DESC_PIOTLB:
		return !scope->device && scope->id == desc->did &&
		       scope->pasid == desc->pasid;
	case IOMMUNEST_VTD_DESC_IOTLB:
		return !scope->device &&
		       (desc->granularity == IOMMUNEST_VTD_IOTLB_GLOBAL ||
			scope->id == desc->did);
	case IOMMUNEST_VTD_DESC_DEV_TLB:
		return scope->device && scope->id == desc->sid &&
		       scope->pasid == IOMMUNEST_VTD_NO_PASID;
	case IOMMUNEST_VTD_DESC_PASID_DEV_TLB:
		return scope->device && scope->id == desc->sid &&
		       (desc->granularity == IOMMUNEST_VTD_DEV_TLB_GLOBAL ||
			scope->pasid == desc->pasid);
	default:
		return false;
	}
}

static bool is_device_tlb(const struct iommunest_vtd_desc *desc)
{
	return desc->type == IOMMUNEST_VTD_DESC_DEV_TLB ||
	       desc->type == IOMMUNEST_VTD_DESC_PASID_DEV_TLB;
}

static void set_range(struct model_slot *slot)
{
	const struct iommunest_vtd_desc *desc = &slot->desc;
	bool ranged = is_device_tlb(desc) ||
		      (desc->type == IOMMUNEST_VTD_DESC_PIOTLB &&
		       desc->granularity == IOMMUNEST_VTD_PIOTLB_PAGES);

	slot->pages = ALL_PAGES;
	if (ranged && desc->am < 52) {
		slot->pages = UINT64_C(1) << desc->am;
		slot->first_page = desc->addr >> 12 & ~(slot->pages - 1);
	}
	slot->leaf_only = is_device_tlb(desc) ||
			  (ranged && desc->flags & IOMMUNEST_VTD_DESC_IH);
}

/* By the scopes that there are now. */
static void classify(const struct model *model, struct model_slot *slot)
{
	const struct iommunest_vtd_desc *desc = &slot->desc;
	uint32_t i;

	if (slot->refused)
		return;
	if (desc->type == IOMMUNEST_VTD_DESC_WAIT) {
		/* It is drained first. */
		slot->vmm = desc->flags & IOMMUNEST_VTD_DESC_PD;
		return;
	}
	for (i = 0; forwards(model) && i < model->n_scopes; i++) {
		if (is_target(&model->scopes[i], desc))
			slot->targets |= (uint8_t)(1u << model->scopes[i].hwpt);
	}
	slot->vmm = !slot->targets;
	set_range(slot);
}

/*
 * Up to the next ordering point, and no farther than what was read: this is
 * what a call may carry.
 */
static void freeze(struct model *model)
{
	while (!model->at_order && model->frozen < model->window) {
		struct model_slot *slot = slot_at(model, model->frozen);

		if (slot->run != model->run)
			return;
		classify(model, slot);
		model->at_order = slot->refused || slot->vmm;
		model->frozen += !model->at_order;
	}
}

/* ---- Host calls ---- */

static unsigned int hwpt_index(const struct model *model, uint32_t hwpt_id)
{
	unsigned int i = 0;

	while (i < MODEL_HWPTS && model->hwpt_ids[i] != hwpt_id)
		i++;
	fuzz_check(i < MODEL_HWPTS);
	return i;
}

static uint64_t entry_pages(const struct iommunest_vtd_entry *entry)
{
	return entry->npages == UINT64_MAX ? ALL_PAGES : entry->npages;
}

static bool entry_holds(const struct iommunest_vtd_entry *entry,
			const struct model_slot *slot)
{
	uint64_t first = entry->addr >> 12;

	if (entry->flags & IOMMUNEST_VTD_LEAF && !slot->leaf_only)
		return false;
	return first <= slot->first_page &&
	       slot->first_page + slot->pages <= first + entry_pages(entry);
}

static void check_entry(const struct iommunest_vtd_entry *entry)
{
	bool all = entry->npages == UINT64_MAX;

	fuzz_check(!(entry->addr & (PAGE_SIZE - 1)) && !entry->reserved);
	fuzz_check(!(entry->flags & ~IOMMUNEST_VTD_LEAF));
	if (all) {
		fuzz_check(!entry->addr && !entry->flags);
		return;
	}
	fuzz_check(entry->npages && !(entry->npages & (entry->npages - 1)));
	fuzz_check(entry->npages < ALL_PAGES);
	fuzz_check(!(entry->addr >> 12 & (entry->npages - 1)));
}

/* How many entries of a call are done; as for the library's submission. */
static uint32_t entries_done(const struct iommunest_call *call)
{
	if (call->handled > call->count)
		return 0;
	if (call->error && call->handled == call->count)
		return 0;
	return call->handled;
}

/* Where the @nth entry's slot is; in ring order, and within what was read. */
static uint32_t entry_at(const struct model *model,
			 const struct iommunest_call *call, uint32_t nth)
{
	uint32_t at;

	fuzz_check(call->cookies[nth] < model->slots);
	at = distance(model, (uint32_t)call->cookies[nth]);
	fuzz_check(at >= model->progress && at < model->frozen);
	return at;
}

/* From the entry that is named last of those up to the slot, backwards. */
static bool any_holds(const struct iommunest_call *call, uint32_t last,
		      const struct model_slot *slot)
{
	const struct iommunest_vtd_entry *entries = call->entries;

	for (;; last--) {
		if (entry_holds(&entries[last], slot))
			return true;
		if (!last)
			return false;
	}
}

/* A slot before it is done, and holds its range. */
static bool is_piggybacked(const struct model *model, uint32_t at, uint8_t bit)
{
	const struct model_slot *slot = slot_at(model, at);

	while (at-- > model->progress) {
		const struct model_slot *other = slot_at(model, at);

		if (other->done & bit && other->leaf_only <= slot->leaf_only &&
		    other->first_page <= slot->first_page &&
		    slot->first_page + slot->pages <=
			    other->first_page + other->pages)
			return true;
	}
	return false;
}

/* An entry stands for its own slot, and for any after it that it holds. */
static void take_done(const struct model *model,
		      const struct iommunest_call *call, unsigned int hwpt,
		      uint32_t done)
{
	const uint8_t bit = (uint8_t)(1u << hwpt);
	uint32_t at, last = 0;

	for (at = entry_at(model, call, 0); at < model->frozen; at++) {
		struct model_slot *slot = slot_at(model, at);

		while (last + 1 < done && entry_at(model, call, last + 1) <= at)
			last++;
		if (slot->targets & bit && !(slot->done & bit) &&
		    (any_holds(call, last, slot) ||
		     is_piggybacked(model, at, bit)))
			slot->done |= bit;
	}
}

/* After the entry that gave the flush its name. */
static void take_flush(const struct model *model,
		       const struct iommunest_call *call, uint8_t bit)
{
	uint32_t at = entry_at(model, call, 0) + 1;

	for (; model->tells_covered && at < model->frozen; at++)
		slot_at(model, at)->flushed |=
			slot_at(model, at)->targets & bit;
}

static void check_call(const struct model *model,
		       const struct iommunest_call *call, unsigned int hwpt)
{
	const struct iommunest_vtd_entry *entries = call->entries;
	uint32_t i, at, last = 0;

	fuzz_check(model->window && !model->event_failed);
	fuzz_check(model->host_fails || model->calls_to[hwpt] == 1);
	fuzz_check(model->calls_to[hwpt] <=
		   (model->slots + 2) * CALLS_PER_ENTRY);
	for (i = 0; i < call->count; i++, last = at) {
		check_entry(&entries[i]);
		at = entry_at(model, call, i);
		fuzz_check(!i || at > last);
		fuzz_check(slot_at(model, at)->targets >> hwpt & 1);
	}
	fuzz_check(!call->flush_all ||
		   (call->count == 1 &&
		    model->policy == IOMMUNEST_POLICY_FLUSH_ALL));
}

void model_called(struct model *model, const struct iommunest_call *call)
{
	unsigned int hwpt = hwpt_index(model, call->id);
	uint32_t done = entries_done(call);

	freeze(model);
	model->calls++;
	model->calls_to[hwpt]++;
	check_call(model, call, hwpt);
	if (call->error || done < call->count)
		model->failed_hwpts |= (uint8_t)(1u << hwpt);
	model->entries += done;
	if (done)
		take_done(model, call, hwpt, done);
	if (done && call->flush_all)
		take_flush(model, call, (uint8_t)(1u << hwpt));
}

/* ---- Order ---- */

/* All before @to has had what it needs. */
static void verify(struct model *model, uint32_t to)
{
	freeze(model);
	for (; model->verified < to; model->verified++) {
		const struct model_slot *slot = slot_at(model, model->verified);
		const uint32_t flags = slot->desc.flags;

		fuzz_check(slot->run == model->run && !slot->refused);
		fuzz_check(!(slot->targets & ~(slot->done | slot->skipped)));
		fuzz_check(!(slot->flushed & ~slot->covered));
		fuzz_check(slot->given == slot->vmm);
		fuzz_check(slot->told ==
			   (slot->targets && model->tells_forwarded));
		fuzz_check(slot->wrote == !!(flags & IOMMUNEST_VTD_DESC_SW));
		fuzz_check(slot->interrupted ==
			   !!(flags & IOMMUNEST_VTD_DESC_IF));
	}
}

static struct model_slot *note_event(struct model *model, uint32_t index)
{
	struct model_slot *slot = model_slot(model, index);
	uint32_t at = distance(model, index);

	fuzz_check(at < model->window && slot->run == model->run);
	fuzz_check(at >= model->event && !model->event_failed);
	model->event = at;
	model->had_event = true;
	verify(model, at);
	fuzz_check(!slot->refused);
	return slot;
}

static void note_answer(struct model *model, int answer)
{
	model->event_failed = answer < 0;
	model->event_error = answer;
}

void model_wrote(struct model *model, uint32_t index, uint64_t gpa,
		 uint32_t data, int answer)
{
	struct model_slot *slot = note_event(model, index);

	fuzz_check(slot->desc.flags & IOMMUNEST_VTD_DESC_SW);
	fuzz_check(slot->desc.addr == gpa && slot->desc.status_data == data);
	fuzz_check(!slot->wrote && !slot->interrupted);
	fuzz_check(slot->given == slot->vmm);
	slot->wrote = answer >= 0;
	note_answer(model, answer);
}

void model_interrupted(struct model *model, uint32_t index)
{
	struct model_slot *slot = note_event(model, index);

	fuzz_check(slot->desc.flags & IOMMUNEST_VTD_DESC_IF);
	fuzz_check(slot->wrote == !!(slot->desc.flags & IOMMUNEST_VTD_DESC_SW));
	fuzz_check(!slot->interrupted);
	slot->interrupted = true;
}

void model_given(struct model *model, uint32_t index,
		 const struct iommunest_vtd_desc *desc, int answer)
{
	struct model_slot *slot = note_event(model, index);

	fuzz_check(slot->vmm && !slot->given);
	fuzz_check(!(slot->targets & ~(slot->done | slot->skipped)));
	fuzz_check(!memcmp(desc, &slot->desc, sizeof(*desc)));
	slot->given = answer >= 0;
	note_answer(model, answer);
}

void model_told(struct model *model, uint32_t index,
		const struct iommunest_vtd_desc *desc, int answer)
{
	struct model_slot *slot = note_event(model, index);

	fuzz_check(slot->targets && !slot->told);
	fuzz_check(!memcmp(desc, &slot->desc, sizeof(*desc)));
	slot->told = answer >= 0;
	note_answer(model, answer);
}

void model_after_given(struct model *model)
{
	model->progress = model->frozen = model->event + 1;
	model->at_order = false;
	memset(model->calls_to, 0, sizeof(model->calls_to));
}

void model_covered(struct model *model, uint32_t index, uint32_t hwpt_id)
{
	struct model_slot *slot = note_event(model, index);
	uint8_t bit = (uint8_t)(1u << hwpt_index(model, hwpt_id));

	fuzz_check(slot->targets & bit);
	fuzz_check(!((slot->skipped | slot->covered) & bit));
	slot->covered |= bit;
}

void model_skipped(struct model *model, uint32_t index, uint32_t hwpt_id,
		   int error)
{
	struct model_slot *slot = note_event(model, index);
	uint8_t bit = (uint8_t)(1u << hwpt_index(model, hwpt_id));

	fuzz_check(model->policy == IOMMUNEST_POLICY_SKIP && error < 0);
	fuzz_check(slot->targets & bit && model->failed_hwpts & bit);
	fuzz_check(!((slot->skipped | slot->covered) & bit));
	slot->skipped |= bit;
}

/* ---- A run has ended ---- */

static void check_counts(const struct model *model, uint32_t passed,
			 const struct iommunest_vtd_iq_result *result)
{
	uint32_t waits = 0, vmm = 0, forwarded = 0, skipped = 0;
	uint32_t at;

	for (at = 0; at < passed; at++) {
		const struct model_slot *slot = slot_at(model, at);

		waits += slot->desc.type == IOMMUNEST_VTD_DESC_WAIT;
		vmm += slot->given;
		forwarded += slot->targets && !slot->skipped;
		skipped += slot->skipped != 0;
	}
	fuzz_check(result->descriptors == passed);
	fuzz_check(result->waits == waits && result->vmm == vmm);
	fuzz_check(result->forwarded == forwarded);
	fuzz_check(result->skipped == skipped);
	fuzz_check(result->calls == model->calls);
	fuzz_check(result->entries == model->entries);
}

static uint64_t refusal(const struct model *model, uint32_t index)
{
	const struct model_slot *slot = model_slot(model, index);
	uint64_t iqt = model->state.iqt;

	if (is_wide(model) && iqt & 0x10)
		return IOMMUNEST_VTD_IQEI_TAIL_ALIGN;
	if (iqt >> model->shift >= model->slots)
		return IOMMUNEST_VTD_IQEI_TAIL;
	return slot->run == model->run ? slot->desc.iqei : 0;
}

static void check_guest_cause(const struct model *model,
			      const struct iommunest_vtd_iq_result *result)
{
	fuzz_check(result->error == -EBADMSG && !model->event_failed);
	fuzz_check(result->iqercd &&
		   result->iqercd == refusal(model, result->index));
	fuzz_check(result->fsts == IOMMUNEST_VTD_FSTS_IQE);
}

static void check_fetch_cause(const struct model *model,
			      const struct iommunest_vtd_iq_result *result)
{
	if (result->iqercd == IOMMUNEST_VTD_IQEI_FETCH) {
		fuzz_check(model->read_failed &&
			   model->unread == result->index &&
			   model->read_error == result->error);
		fuzz_check(result->fsts == IOMMUNEST_VTD_FSTS_IQE);
		return;
	}
	fuzz_check(!result->iqercd && model->event_failed);
	fuzz_check(model_slot(model, result->index)->desc.flags &
		   IOMMUNEST_VTD_DESC_SW);
	fuzz_check(model->event_error == result->error);
}

static void check_host_cause(const struct model *model,
			     const struct iommunest_vtd_iq_result *result)
{
	const struct model_slot *slot = model_slot(model, result->index);
	uint8_t bit;

	fuzz_check(slot->run == model->run);
	fuzz_check(!result->fsts && !result->iqercd);
	if (!result->cookie) {
		fuzz_check(model->event_failed && !slot->given && !slot->told);
		fuzz_check(slot->vmm ||
			   (slot->targets && model->tells_forwarded));
		fuzz_check(model->event_error == result->error);
		return;
	}
	bit = (uint8_t)(1u << hwpt_index(model, (uint32_t)result->cookie));
	fuzz_check(!result->iqercd && !model->event_failed);
	fuzz_check(slot->targets & bit && model->failed_hwpts & bit);
}

static void check_cause(const struct model *model,
			const struct iommunest_vtd_iq_result *result)
{
	switch (result->cause) {
	case IOMMUNEST_CAUSE_GUEST:
		check_guest_cause(model, result);
		break;
	case IOMMUNEST_CAUSE_FETCH:
		check_fetch_cause(model, result);
		break;
	default:
		fuzz_check(result->cause == IOMMUNEST_CAUSE_HOST);
		check_host_cause(model, result);
		break;
	}
}

static void take_fault(struct model *model,
		       const struct iommunest_vtd_iq_result *result)
{
	struct iommunest_vtd_iq_state *state = &model->state;

	state->cause = result->cause;
	state->index = result->index;
	state->error = result->error;
	state->fsts = result->fsts;
	state->iqercd = result->iqercd;
	model->fault_hwpt = (uint32_t)result->cookie;
}

/* The same fault as before, or none. */
static void check_fault_stays(const struct model *model,
			      const struct iommunest_vtd_iq_result *result)
{
	const struct iommunest_vtd_iq_state *state = &model->state;

	fuzz_check(result->cause == state->cause);
	fuzz_check(result->index == state->index);
	fuzz_check(result->error == state->error);
	fuzz_check(result->fsts == state->fsts);
	fuzz_check(result->iqercd == state->iqercd);
	fuzz_check(result->cookie == model->fault_hwpt);
}

/* Without a queue, a base or a change; or a fault halts it. */
static void check_idle(const struct model *model, int ret,
		       const struct iommunest_vtd_iq_result *result)
{
	bool enabled = model->state.flags & IOMMUNEST_VTD_IQ_ENABLED;

	fuzz_check(ret == (enabled ? model->state.error : 0));
	fuzz_check(result->iqh == model->state.iqh);
	fuzz_check(!model->reads && !model->had_event && !model->calls);
	check_counts(model, 0, result);
	check_fault_stays(model, result);
}

static void check_stop(struct model *model, uint32_t passed,
		       const struct iommunest_vtd_iq_result *result)
{
	fuzz_check(result->error < 0);
	fuzz_check(result->index == result->iqh >> model->shift);
	fuzz_check(!result->fsts == (result->cause == IOMMUNEST_CAUSE_HOST));
	check_cause(model, result);
	/* After the failing slot nothing has happened. */
	if (model->had_event)
		fuzz_check(model->event < passed ||
			   (model->event == passed && model->event_failed));
	take_fault(model, result);
}

void model_end(struct model *model, int ret,
	       const struct iommunest_vtd_iq_result *result)
{
	const struct iommunest_vtd_iq_state *state = &model->state;
	uint32_t passed;

	fuzz_check(result->size == sizeof(*result));
	if (!model->slots || !(state->flags & IOMMUNEST_VTD_IQ_ENABLED) ||
	    state->cause) {
		check_idle(model, ret, result);
		return;
	}
	fuzz_check(!(result->iqh & ((1u << model->shift) - 1)));
	fuzz_check(result->iqh >> model->shift < model->slots);
	passed = distance(model, (uint32_t)(result->iqh >> model->shift));
	fuzz_check(passed <= model->window);
	verify(model, passed);
	check_counts(model, passed, result);
	model->state.iqh = result->iqh;
	fuzz_check(ret == result->error || ret == 1);
	if (ret < 0) {
		check_stop(model, passed, result);
		return;
	}
	check_fault_stays(model, result);
	fuzz_check(!model->event_failed && passed == model->window);
	fuzz_check(ret == (result->iqh != state->iqt));
}
