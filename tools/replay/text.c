/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Calls and a table, as text. */
#include <inttypes.h>
#include <string.h>

#include "tools/replay/replay.h"

/* Entries of a call that a line shows. */
#define SHOWN_ENTRIES 4u

/* Longer than any descriptor in words. */
#define DESC_MAX 256

const char *replay_cause_name(uint32_t cause)
{
	switch (cause) {
	case IOMMUNEST_CAUSE_GUEST:
		return "guest";
	case IOMMUNEST_CAUSE_FETCH:
		return "fetch";
	default:
		return "host";
	}
}

/* Bus, device and function, as lspci(8) has them. */
static void print_sid(FILE *out, uint16_t sid)
{
	fprintf(out, "%02x:%02x.%x", sid >> 8, sid >> 3 & 0x1f, sid & 7);
}

/* ---- Events ---- */

static void print_entry(FILE *out, const struct replay *replay,
			const struct iommunest_vtd_entry *entry,
			uint64_t cookie)
{
	fprintf(out, " #%zu", replay_seq(replay, cookie));
	if (entry->npages == UINT64_MAX)
		fputs(" all", out);
	else
		fprintf(out, " 0x%" PRIx64 "+%" PRIu64, entry->addr,
			entry->npages);
	if (entry->flags & IOMMUNEST_VTD_LEAF)
		fputs(" leaf", out);
}

static void print_call(FILE *out, const struct replay *replay,
		       const struct iommunest_call *call)
{
	const struct iommunest_vtd_entry *entries = call->entries;
	uint32_t i;

	fprintf(out, "call %" PRIu64 ": hwpt %u, %u of %u handled",
		replay->call_number, call->id, call->handled, call->count);
	for (i = 0; i < call->count && i < SHOWN_ENTRIES; i++) {
		putc(i ? ',' : ':', out);
		print_entry(out, replay, &entries[i], call->cookies[i]);
	}
	if (call->count > SHOWN_ENTRIES)
		fprintf(out, " and %u more", call->count - SHOWN_ENTRIES);
	if (call->error)
		fprintf(out, ": %s", strerror(-call->error));
	putc('\n', out);
}

static void print_desc(FILE *out, const struct replay *replay, uint32_t index)
{
	size_t seq = replay_seq(replay, index);
	char text[DESC_MAX];

	replay_print_desc(replay, index, text, sizeof(text));
	if (seq == REPLAY_NO_SEQ)
		fprintf(out, "slot %u, not recorded: %s\n", index, text);
	else
		fprintf(out, "#%zu slot %u: %s\n", seq, index, text);
}

static void print_failure(FILE *out, const struct replay *replay,
			  const struct replay_event *event)
{
	char text[DESC_MAX];

	fprintf(out, "descriptor #%zu in slot %u failed",
		replay_seq(replay, event->index), event->index);
	if (event->hwpt_id)
		fprintf(out, " on hwpt %u", event->hwpt_id);
	fprintf(out, " (%s): %s\n", replay_cause_name(event->cause),
		strerror(-event->error));
	replay_print_desc(replay, event->index, text, sizeof(text));
	fprintf(out, "  %s\n", text);
	if (event->fsts)
		fprintf(out,
			"  the guest reads FSTS 0x%x, IQERCD 0x%" PRIx64 "\n",
			event->fsts, event->iqercd);
}

void replay_text_event(FILE *out, const struct replay *replay,
		       const struct replay_event *event)
{
	if (event->kind == REPLAY_DESC)
		print_desc(out, replay, event->index);
	if (event->kind == REPLAY_SUBMIT)
		print_call(out, replay, event->call);
	if (event->kind == REPLAY_FAILURE)
		print_failure(out, replay, event);
}

/* ---- Table ---- */

static void row(FILE *out, const char *name, uint64_t number)
{
	fprintf(out, "  %-28s%12" PRIu64 "\n", name, number);
}

static void print_rings(FILE *out, const struct capture *capture)
{
	size_t i;

	for (i = 0; i < capture->ring_count; i++) {
		const struct capture_ring *ring = &capture->rings[i];

		fprintf(out, "ring at 0x%" PRIx64 ": %u slots of %u bits, %s\n",
			ring->base, ring->size, ring->width,
			ring->width == 256 ? "scalable mode" : "legacy mode");
	}
}

static void print_scopes(FILE *out, const struct replay_scan *scan)
{
	size_t i;

	for (i = 0; i < scan->scope_count; i++)
		fprintf(out, "hwpt %u: domain id %u, PASID %u\n",
			scan->scopes[i].hwpt_id, scan->scopes[i].did,
			scan->scopes[i].pasid);
}

static void print_devices(FILE *out, const struct replay_scan *scan)
{
	size_t i;

	for (i = 0; i < scan->device_count; i++) {
		const struct replay_device *device = &scan->devices[i];

		fputs("device ", out);
		print_sid(out, device->sid);
		if (device->pasid != IOMMUNEST_VTD_NO_PASID)
			fprintf(out, ", PASID %u", device->pasid);
		fprintf(out, ": hwpt %u\n",
			scan->scopes[device->scope].hwpt_id);
	}
}

static void print_guest(FILE *out, const struct replay *replay)
{
	unsigned int type;
	char name[40];

	fputs("\nguest\n", out);
	row(out, "kicks", replay->totals.kicks);
	row(out, "descriptors done", replay->totals.descriptors);
	row(out, "  of the capture's", replay->capture->desc_count);
	for (type = 1; type < REPLAY_KINDS; type++) {
		snprintf(name, sizeof(name), "    %s",
			 iommunest_vtd_desc_name(type));
		if (replay->scan.kinds[type])
			row(out, name, replay->scan.kinds[type]);
	}
	if (replay->scan.kinds[0])
		row(out, "    malformed", replay->scan.kinds[0]);
	if (replay->totals.unseen)
		row(out, "not recorded", replay->totals.unseen);
	row(out, "waits done", replay->totals.waits);
}

/* A real host does not count them; it has trace events. */
static void print_hardware(FILE *out, const struct iommunest_sim *sim)
{
	struct iommunest_sim_stats stats = { .size = sizeof(stats) };

	iommunest_sim_stats(sim, &stats);
	row(out, "hardware descriptors", stats.descs);
}

static void print_host(FILE *out, const struct replay *replay)
{
	const struct replay_totals *totals = &replay->totals;

	fputs("\nhost\n", out);
	row(out, "descriptors forwarded", totals->forwarded);
	if (totals->covered)
		row(out, "  covered by others", totals->covered);
	row(out, "entries handled", totals->entries);
	row(out, "ioctls", totals->calls);
	if (totals->calls)
		fprintf(out, "  %-28s%15.2f\n", "entries per ioctl",
			(double)totals->entries / (double)totals->calls);
	if (replay->host.sim)
		print_hardware(out, replay->host.sim);
	row(out, "failed", totals->failed);
}

void replay_table(FILE *out, const struct replay *replay)
{
	const char *path = replay->options->path;

	fprintf(out, "%s\n", strcmp(path, "-") ? path : "<stdin>");
	if (!replay->capture->kick_count)
		fputs("nothing was captured: no kick\n", out);
	print_rings(out, replay->capture);
	print_scopes(out, &replay->scan);
	print_devices(out, &replay->scan);
	print_guest(out, replay);
	print_host(out, replay);
}
