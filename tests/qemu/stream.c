/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <config.h>

#include "stream.h"

#include "tests/harness/support.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The slots of Linux's ring. */
#define RING 256u

void stream_start(struct stream *stream, struct trace *trace)
{
	memset(stream, 0, sizeof(*stream));
	stream->trace = trace;
	trace_discard(trace);
}

void stream_restart(struct stream *stream)
{
	stream->flush_count = 0;
}

static uint64_t size_of(const struct conf_desc *desc)
{
	return UINT64_C(0x1000) << desc->am;
}

bool stream_decode(uint64_t qw0, uint64_t qw1, struct stream_flush *flush)
{
	const struct trace_event event = {
		.kind = TRACE_DESC,
		.qw0 = qw0,
		.qw1 = qw1,
	};

	if (!real_decode(&event, &flush->desc))
		return false;
	flush->did = qw0 >> 16 & 0xffff;
	return true;
}

bool stream_same(const struct stream_flush *one,
		 const struct stream_flush *other)
{
	return one->did == other->did && one->desc.kind == other->desc.kind &&
	       one->desc.addr == other->desc.addr &&
	       one->desc.am == other->desc.am && one->desc.ih == other->desc.ih;
}

/* ---- What arrived ---- */

/* The driver's last act when it takes a device off a page table. */
static bool is_pasid_cache(uint64_t qw0)
{
	return (qw0 & 0xe0f) == 7;
}

/* What the hardware refuses has another type, and is not there. */
static void take_desc(struct stream *stream, const struct trace_event *event)
{
	struct stream_flush flush;

	stream->cut_off |= stream->isolating && is_pasid_cache(event->qw0);
	if (!stream_decode(event->qw0, event->qw1, &flush))
		return;
	ck_assert_uint_lt(stream->arrived_count, STREAM_MAX);
	stream->arrived[stream->arrived_count++] = flush.desc;
}

static bool is_all(const struct conf_desc *desc)
{
	return desc->kind == CONF_PIOTLB_ALL ||
	       (desc->kind == CONF_DEV_TLB && desc->am >= 52);
}

static bool covers(const struct conf_desc *arrived,
		   const struct conf_desc *wanted)
{
	if (is_all(arrived))
		return true;
	return !is_all(wanted) && (!arrived->ih || wanted->ih) &&
	       arrived->addr <= wanted->addr &&
	       arrived->addr + size_of(arrived) - 1 >=
		       wanted->addr + size_of(wanted) - 1;
}

static bool is_there(const struct stream *stream,
		     const struct conf_desc *wanted, bool device_tlb)
{
	const struct conf_desc *arrived = stream->arrived;
	size_t i;

	for (i = 0; i < stream->arrived_count; i++) {
		if ((arrived[i].kind == CONF_DEV_TLB) == device_tlb &&
		    covers(&arrived[i], wanted))
			return true;
	}
	return false;
}

static bool is_done(const struct stream *stream, const struct conf_desc *wanted)
{
	return is_there(stream, wanted, false) &&
	       (!stream->device_tlb || is_there(stream, wanted, true));
}

/* ---- What QEMU did ---- */

static bool is_late(const struct stream *stream, unsigned int slot)
{
	return stream->waited && (slot - stream->wait - 1) % RING >= RING / 2;
}

static void take_flush(struct stream *stream, unsigned int slot,
		       const struct stream_flush *flush)
{
	ck_assert_uint_lt(stream->flush_count, STREAM_MAX);
	stream->flushes[stream->flush_count++] = *flush;
	if (!stream->nested || flush->did != stream->did) {
		stream->idle++;
		return;
	}
	if (is_done(stream, &flush->desc) && !is_late(stream, slot))
		return;
	stream->missing++;
	printf("# slot %u did %u addr %#" PRIx64 " am %u: %s\n", slot,
	       flush->did, flush->desc.addr, flush->desc.am,
	       is_late(stream, slot) ? "its wait was done before"
				     : "it has not arrived");
}

/* As iommunest_vtd_desc_print() writes it. */
static void take_guests(struct stream *stream, const char *text)
{
	struct stream_flush flush = { .desc.kind = CONF_PIOTLB_ALL };
	unsigned int slot, pasid;
	char kind[16];

	if (sscanf(text,
		   "slot %u: piotlb %15s did %u pasid %x addr %" SCNx64
		   " am %u",
		   &slot, kind, &flush.did, &pasid, &flush.desc.addr,
		   &flush.desc.am) < 4)
		return;
	if (!strcmp(kind, "pages")) {
		flush.desc.kind = CONF_PIOTLB_PAGES;
		flush.desc.ih = strstr(text, " ih") != NULL;
	}
	take_flush(stream, slot, &flush);
}

static const char *after(const char *text, const char *event)
{
	const char *at = strstr(text, event);

	return at ? at + strlen(event) : NULL;
}

static void take_call(struct stream *stream, const char *text)
{
	const char *error = strrchr(text, ':');

	stream->calls++;
	stream->failed_calls += error && strcmp(error, ": 0");
}

static void take_attach(struct stream *stream, const char *text)
{
	const char *did = after(text, " is domain ");

	ck_assert_ptr_nonnull(did);
	stream->nested = sscanf(did, "%x", &stream->did) == 1;
}

static void take_error(struct stream *stream, const char *text)
{
	printf("# %s\n", text);
	if (strstr(text, ": invalidate: ")) {
		stream->isolations++;
		stream->isolating = true;
		stream->cut_off = false;
		stream->nested = false;
	} else if (strstr(text, ": attach: ")) {
		stream->failed_attaches++;
		stream->nested = false;
	} else {
		stream->errors++;
	}
}

/* Whatever QEMU does next, the device has to be cut off by then. */
static void end_isolation(struct stream *stream)
{
	if (stream->isolating && !stream->cut_off) {
		stream->missing++;
		printf("# the device was not cut off\n");
	}
	stream->isolating = false;
}

static void take_text(struct stream *stream, const char *text)
{
	const char *rest;

	end_isolation(stream);
	if ((rest = after(text, "vtd_nest_desc "))) {
		take_guests(stream, rest);
	} else if ((rest = after(text, "vtd_nest_wait "))) {
		stream->waits++;
		stream->waited = sscanf(rest, "slot %u", &stream->wait) == 1;
	} else if (after(text, "vtd_nest_run ")) {
		stream->arrived_count = 0;
	} else if ((rest = after(text, "vtd_nest_call "))) {
		take_call(stream, rest);
	} else if ((rest = after(text, "vtd_nest_attach "))) {
		take_attach(stream, rest);
	} else if (after(text, "vtd_nest_parent ")) {
		stream->nested = false;
	} else if (after(text, "vtd_nest_block ")) {
		stream->nested = false;
	} else if (after(text, "vtd_nest_heal ")) {
		stream->heals++;
	} else if (after(text, "vtd_nest_error ")) {
		take_error(stream, text);
	} else if (after(text, "vtd_nest_halt ")) {
		stream->halts++;
		printf("# %s\n", text);
	}
}

void stream_read(struct stream *stream)
{
	struct trace_event event;

	while (trace_next(stream->trace, &event)) {
		if (event.kind == TRACE_DESC)
			take_desc(stream, &event);
		else if (event.kind == TRACE_TEXT)
			take_text(stream, event.text);
	}
}
