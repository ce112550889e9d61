/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <errno.h>
#include <check.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/guest.h"
#include "tests/harness/hold.h"

#define PAGE_SIZE 4096u

#define TYPE(number) (((number)&15ull) | ((number)&0x70ull) << 5)

/* ---- Descriptors ---- */

struct guest_desc guest_typed(unsigned int type)
{
	return (struct guest_desc){ { TYPE(type) } };
}

static uint64_t range(uint64_t addr, unsigned int am, bool ih)
{
	return (addr & ~0xfffull) | (ih ? 1ull << 6 : 0) | (am & 63u);
}

struct guest_desc guest_piotlb_all(uint16_t did, uint32_t pasid)
{
	struct guest_desc desc = guest_typed(IOMMUNEST_VTD_DESC_PIOTLB);

	desc.words[0] |=
		2ull << 4 | (uint64_t)did << 16 | (uint64_t)pasid << 32;
	return desc;
}

struct guest_desc guest_piotlb_pages(uint16_t did, uint32_t pasid,
				     uint64_t addr, unsigned int am, bool ih)
{
	struct guest_desc desc = guest_piotlb_all(did, pasid);

	desc.words[0] |= 3ull << 4;
	desc.words[1] = range(addr, am, ih);
	return desc;
}

struct guest_desc guest_iotlb(unsigned int granularity, uint16_t did,
			      uint64_t addr, unsigned int am)
{
	struct guest_desc desc = guest_typed(IOMMUNEST_VTD_DESC_IOTLB);

	desc.words[0] |= (uint64_t)granularity << 4 | (uint64_t)did << 16;
	desc.words[1] = range(addr, am, false);
	return desc;
}

struct guest_desc guest_wait(uint32_t flags, uint64_t addr, uint32_t data)
{
	struct guest_desc desc = guest_typed(IOMMUNEST_VTD_DESC_WAIT);

	if (flags & IOMMUNEST_VTD_DESC_IF)
		desc.words[0] |= 1u << 4;
	if (flags & IOMMUNEST_VTD_DESC_SW)
		desc.words[0] |= 1u << 5;
	if (flags & IOMMUNEST_VTD_DESC_FN)
		desc.words[0] |= 1u << 6;
	if (flags & IOMMUNEST_VTD_DESC_PD)
		desc.words[0] |= 1u << 7;
	desc.words[0] |= (uint64_t)data << 32;
	desc.words[1] = addr;
	return desc;
}

/* ADDR and S, which is the bit @s, as PCIe's ATS has them. */
static uint64_t sized(uint64_t addr, unsigned int am, uint64_t s)
{
	unsigned int bit;

	if (am == 0)
		return addr & ~0xfffull;
	addr |= s | 0xfff;
	for (bit = 12; bit < 12 + am - 1; bit++)
		addr |= 1ull << bit;
	if (am < 52)
		addr &= ~(1ull << bit);
	else
		addr |= 1ull << 63;
	return (addr & ~0xfffull) | s;
}

struct guest_desc guest_dev_tlb(uint16_t sid, uint64_t addr, unsigned int am)
{
	struct guest_desc desc = guest_typed(IOMMUNEST_VTD_DESC_DEV_TLB);

	desc.words[0] |= (uint64_t)sid << 32;
	desc.words[1] = sized(addr, am, 1);
	return desc;
}

struct guest_desc guest_pasid_dev_tlb(uint16_t sid, uint32_t pasid,
				      uint64_t addr, unsigned int am)
{
	struct guest_desc desc = guest_typed(IOMMUNEST_VTD_DESC_PASID_DEV_TLB);

	desc.words[0] |= (uint64_t)sid << 16 | (uint64_t)pasid << 32;
	desc.words[1] = sized(addr, am, 1u << 11);
	return desc;
}

struct guest_desc guest_pasids_dev_tlb(uint16_t sid, uint64_t addr,
				       unsigned int am)
{
	struct guest_desc desc = guest_pasid_dev_tlb(sid, 0, addr, am);

	desc.words[1] |= 1;
	return desc;
}

struct guest_desc guest_vmms(unsigned int nth)
{
	static const struct guest_desc descs[GUEST_VMMS] = {
		/* Context cache: global, and of a device. */
		{ { 0x11 } },
		{ { 0x31 | 7ull << 16 | 0x1234ull << 32 } },
		/* Interrupt entry cache. */
		{ { 0x14 | 3ull << 27 | 0x40ull << 32 } },
		/* PASID cache: global, and of one PASID. */
		{ { 0x37 } },
		{ { 0x17 | 7ull << 16 | 0xabcdeull << 32 } },
		/* Page group response. */
		{ { 0x19 | 0x1234ull << 16 | 5ull << 32, 0x1f8 } },
	};

	return descs[nth];
}

/* ---- Recording ---- */

static int note(struct guest *guest, const struct guest_event *event)
{
	if (guest->n_events == guest->room) {
		guest->room = guest->room * 2 + 64;
		guest->events = realloc(guest->events,
					guest->room * sizeof(*guest->events));
		hold(guest->events);
	}
	guest->events[guest->n_events++] = *event;
	return guest->hook ? guest->hook(guest, event) : 0;
}

static bool is_bad(const struct guest *guest, uint32_t slot, uint32_t count)
{
	return guest->bad_count && slot < guest->bad_first + guest->bad_count &&
	       guest->bad_first < slot + count;
}

static int guest_read(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	struct guest *guest = vmm;
	uint64_t offset = gpa - guest->base;
	uint64_t size = (uint64_t)guest->slots << guest->shift;
	uint32_t slot = (uint32_t)(offset >> guest->shift);
	uint32_t count = (uint32_t)(len >> guest->shift);
	uint32_t i;

	hold(len > 0);
	hold(offset < size && len <= size - offset);
	hold(gpa / PAGE_SIZE == (gpa + len - 1) / PAGE_SIZE);
	hold((offset & ((1u << guest->shift) - 1)) == 0);
	hold((len & ((1u << guest->shift) - 1)) == 0);
	if (is_bad(guest, slot, count))
		return guest->read_error;
	for (i = 0; i < count; i++)
		guest->reads[slot + i]++;
	memcpy(buf, guest->ring + offset, len);
	return 0;
}

static int guest_write_status(void *vmm, uint32_t index, uint64_t gpa,
			      uint32_t data)
{
	struct guest *guest = vmm;
	const struct guest_event event = {
		.kind = GUEST_STATUS,
		.index = index,
		.addr = gpa,
		.data = data,
	};

	if (guest->write_error && gpa == guest->bad_status)
		return guest->write_error;
	return note(guest, &event);
}

static void guest_interrupt(void *vmm, uint32_t index)
{
	const struct guest_event event = {
		.kind = GUEST_INTERRUPT,
		.index = index,
	};

	note(vmm, &event);
}

static int guest_descriptor(void *vmm, uint32_t index,
			    const struct iommunest_vtd_desc *desc)
{
	const struct guest_event event = {
		.kind = GUEST_DESCRIPTOR,
		.index = index,
		.desc = *desc,
	};

	return note(vmm, &event);
}

static int guest_forwarded(void *vmm, uint32_t index,
			   const struct iommunest_vtd_desc *desc)
{
	const struct guest_event event = {
		.kind = GUEST_FORWARDED,
		.index = index,
		.desc = *desc,
	};

	return note(vmm, &event);
}

static void guest_covered(void *vmm, uint32_t index, uint64_t cookie)
{
	const struct guest_event event = {
		.kind = GUEST_COVERED,
		.index = index,
		.hwpt_id = (uint32_t)cookie,
	};

	note(vmm, &event);
}

static void guest_skipped(void *vmm, uint32_t index, uint64_t cookie, int error)
{
	const struct guest_event event = {
		.kind = GUEST_SKIPPED,
		.index = index,
		.hwpt_id = (uint32_t)cookie,
		.error = error,
	};

	note(vmm, &event);
}

static void guest_trace(void *vmm, uint64_t cookie,
			const struct iommunest_call *call)
{
	const struct guest_event event = {
		.kind = GUEST_CALL,
		.hwpt_id = cookie == call->id ? call->id : 0,
		.error = call->error,
		.count = call->count,
		.cookie = call->count ? call->cookies[0] : 0,
		.flush_all = call->flush_all,
	};

	note(vmm, &event);
}

/* This VMM cannot. */
static int guest_isolate(void *vmm, uint64_t cookie, uint32_t index, int error,
			 uint32_t code)
{
	(void)vmm, (void)cookie, (void)index, (void)error, (void)code;
	return -EPERM;
}

#define GUEST_OPS                                                         \
	.size = sizeof(struct iommunest_vtd_iq_ops), .read = guest_read,  \
	.write_status = guest_write_status, .interrupt = guest_interrupt, \
	.descriptor = guest_descriptor, .covered = guest_covered,         \
	.skipped = guest_skipped, .isolate = guest_isolate,               \
	.trace = guest_trace

const struct iommunest_vtd_iq_ops guest_ops = { GUEST_OPS };

const struct iommunest_vtd_iq_ops caching_guest_ops = {
	GUEST_OPS,
	.forwarded = guest_forwarded,
};

/* ---- The guest ---- */

uint64_t guest_iqa(uint64_t base, unsigned int qs, bool wide)
{
	return base | (wide ? 1u << 11 : 0) | qs;
}

void guest_init(struct guest *guest, uint64_t iqa)
{
	memset(guest, 0, sizeof(*guest));
	guest_set_base(guest, iqa);
}

void guest_set_base(struct guest *guest, uint64_t iqa)
{
	free(guest->ring);
	free(guest->reads);
	guest->base = iqa & ~0xfffull;
	guest->wide = iqa & (1u << 11);
	guest->slots = (guest->wide ? 128u : 256u) << (iqa & 7);
	guest->shift = guest->wide ? 5 : 4;
	guest->tail = 0;
	guest->ring = calloc(guest->slots, 1u << guest->shift);
	guest->reads = calloc(guest->slots, sizeof(*guest->reads));
	hold(guest->ring && guest->reads);
}

void guest_free(struct guest *guest)
{
	free(guest->ring);
	free(guest->reads);
	free(guest->events);
	free(guest->story);
}

/* Guest memory is little-endian, whatever this machine is. */
static struct guest_desc in_memory(struct guest_desc desc)
{
	size_t i;

	for (i = 0; i < sizeof(desc.words) / sizeof(desc.words[0]); i++)
		desc.words[i] = htole64(desc.words[i]);
	return desc;
}

void guest_set(struct guest *guest, uint32_t slot, struct guest_desc desc)
{
	hold(slot < guest->slots);
	desc = in_memory(desc);
	memcpy(guest->ring + ((size_t)slot << guest->shift), desc.words,
	       1u << guest->shift);
}

uint32_t guest_put(struct guest *guest, struct guest_desc desc)
{
	uint32_t slot = guest->tail;

	guest_set(guest, slot, desc);
	guest->tail = (slot + 1) & (guest->slots - 1);
	return slot;
}

struct guest_desc guest_get(const struct guest *guest, uint32_t slot)
{
	struct guest_desc desc = { { 0 } };

	memcpy(desc.words, guest->ring + ((size_t)slot << guest->shift),
	       1u << guest->shift);
	return in_memory(desc);
}

uint64_t guest_iqt(const struct guest *guest)
{
	return (uint64_t)guest->tail << guest->shift;
}

static void check_reads(const struct guest *guest)
{
	uint32_t i = 0;

	while (i < guest->slots && guest->reads[i] <= 1)
		i++;
	if (i < guest->slots)
		ck_abort_msg("slot %u read again", i);
}

static void expect_run(struct guest *guest,
		       struct iommunest_vtd_iq_result *result)
{
	memset(guest->reads, 0, guest->slots * sizeof(*guest->reads));
	memset(result, 0, sizeof(*result));
	result->size = sizeof(*result);
}

int guest_kick_at(struct guest *guest, struct iommunest_vtd_iq *iq,
		  uint64_t iqt, struct iommunest_vtd_iq_result *result)
{
	int ret;

	expect_run(guest, result);
	ret = iommunest_vtd_iq_run(iq, iqt, result);
	check_reads(guest);
	return ret;
}

int guest_kick(struct guest *guest, struct iommunest_vtd_iq *iq,
	       struct iommunest_vtd_iq_result *result)
{
	return guest_kick_at(guest, iq, guest_iqt(guest), result);
}

void enable_engine(struct iommunest_vtd_iq *iq)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };

	ck_assert_int_eq(iommunest_vtd_iq_enable(iq, &result), 0);
}

int guest_enable(struct guest *guest, struct iommunest_vtd_iq *iq,
		 struct iommunest_vtd_iq_result *result)
{
	int ret;

	expect_run(guest, result);
	ret = iommunest_vtd_iq_enable(iq, result);
	check_reads(guest);
	return ret;
}

/* ---- What happened ---- */

void guest_forget(struct guest *guest)
{
	guest->n_events = 0;
}

uint32_t guest_count(const struct guest *guest, enum guest_event_kind kind)
{
	uint32_t n = 0;
	uint32_t i;

	for (i = 0; i < guest->n_events; i++)
		n += guest->events[i].kind == kind;
	return n;
}

const struct guest_event *guest_nth(const struct guest *guest,
				    enum guest_event_kind kind, uint32_t nth)
{
	uint32_t i;

	for (i = 0; i < guest->n_events; i++) {
		if (guest->events[i].kind == kind && nth-- == 0)
			return &guest->events[i];
	}
	ck_abort_msg("too few events of kind %d", kind);
	return NULL;
}

static int tell(char *to, size_t room, const struct guest_event *event)
{
	static const char *const names[] = {
		[GUEST_STATUS] = "status",   [GUEST_INTERRUPT] = "interrupt",
		[GUEST_DESCRIPTOR] = "vmm",  [GUEST_COVERED] = "covered",
		[GUEST_SKIPPED] = "skipped", [GUEST_FORWARDED] = "forwarded",
	};

	switch (event->kind) {
	case GUEST_CALL:
		if (event->flush_all)
			return snprintf(to, room, "all %u", event->hwpt_id);
		if (!event->count)
			return snprintf(to, room, "empty %u", event->hwpt_id);
		return snprintf(to, room, "call %ux%u", event->hwpt_id,
				event->count);
	case GUEST_COVERED:
	case GUEST_SKIPPED:
		return snprintf(to, room, "%s %u@%u", names[event->kind],
				event->index, event->hwpt_id);
	default:
		return snprintf(to, room, "%s %u", names[event->kind],
				event->index);
	}
}

const char *guest_story(struct guest *guest)
{
	const size_t per_event = 40;
	size_t room = guest->n_events * per_event + 1;
	size_t len = 0;
	uint32_t i;

	free(guest->story);
	guest->story = calloc(1, room);
	ck_assert_ptr_nonnull(guest->story);
	for (i = 0; i < guest->n_events; i++) {
		if (i)
			len += (size_t)snprintf(guest->story + len, room - len,
						", ");
		len += (size_t)tell(guest->story + len, room - len,
				    &guest->events[i]);
	}
	return guest->story;
}
