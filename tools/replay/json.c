/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Events for programs: one JSON object a line. */
#include "tools/json.h"
#include "tools/replay/replay.h"

static void put_slot(FILE *out, const struct replay *replay, uint32_t index)
{
	json_put_number(out, "seq", replay_seq(replay, index));
	json_put_number(out, "index", index);
}

static void put_entry(FILE *out, const struct replay *replay,
		      const struct iommunest_vtd_entry *entry, uint64_t cookie)
{
	fprintf(out, "{\"seq\":%zu", replay_seq(replay, cookie));
	json_put_number(out, "index", cookie);
	json_put_hex(out, "addr", entry->addr);
	json_put_hex(out, "npages", entry->npages);
	fprintf(out, ",\"leaf\":%s}",
		entry->flags & IOMMUNEST_VTD_LEAF ? "true" : "false");
}

static void put_call(FILE *out, const struct replay *replay,
		     const struct iommunest_call *call)
{
	const struct iommunest_vtd_entry *entries = call->entries;
	uint32_t i;

	json_put_number(out, "hwpt", call->id);
	fputs(",\"entries\":[", out);
	for (i = 0; i < call->count; i++) {
		if (i)
			putc(',', out);
		put_entry(out, replay, &entries[i], call->cookies[i]);
	}
	putc(']', out);
	json_put_number(out, "handled", call->handled);
	json_put_number(out, "errno", (uint64_t) - (int64_t)call->error);
}

static void put_totals(FILE *out, const struct replay_totals *totals)
{
	json_put_number(out, "descriptors", totals->descriptors);
	json_put_number(out, "forwarded", totals->forwarded);
	json_put_number(out, "entries", totals->entries);
	json_put_number(out, "calls", totals->calls);
	json_put_number(out, "waits", totals->waits);
	json_put_number(out, "kicks", totals->kicks);
	json_put_number(out, "failed", totals->failed);
}

static void put_failure(FILE *out, const struct replay *replay,
			const struct replay_event *event)
{
	put_slot(out, replay, event->index);
	json_put_number(out, "hwpt", event->hwpt_id);
	json_put_number(out, "errno", (uint64_t) - (int64_t)event->error);
	json_put_text(out, "cause", replay_cause_name(event->cause));
	json_put_hex(out, "fsts", event->fsts);
	json_put_hex(out, "iqercd", event->iqercd);
}

static void put_device(FILE *out, const struct replay_event *event)
{
	json_put_number(out, "hwpt", event->hwpt_id);
	json_put_number(out, "sid", event->sid);
	if (event->pasid == IOMMUNEST_VTD_NO_PASID)
		fputs(",\"pasid\":null", out);
	else
		json_put_number(out, "pasid", event->pasid);
}

static void put_members(FILE *out, const struct replay *replay,
			const struct replay_event *event)
{
	switch (event->kind) {
	case REPLAY_HWPT:
		json_put_number(out, "hwpt", event->hwpt_id);
		json_put_number(out, "did", event->did);
		json_put_number(out, "pasid", event->pasid);
		break;
	case REPLAY_DEVICE:
		put_device(out, event);
		break;
	case REPLAY_SUBMIT:
		put_call(out, replay, event->call);
		break;
	case REPLAY_WAIT:
		put_slot(out, replay, event->index);
		json_put_hex(out, "addr", event->addr);
		json_put_number(out, "data", event->data);
		break;
	case REPLAY_COVERED:
		json_put_number(out, "hwpt", event->hwpt_id);
		/* fall through */
	case REPLAY_VMM:
		put_slot(out, replay, event->index);
		json_put_text(out, "type",
			      iommunest_vtd_desc_name(event->type));
		break;
	case REPLAY_FAILURE:
		put_failure(out, replay, event);
		break;
	case REPLAY_SUMMARY:
		put_totals(out, &replay->totals);
		break;
	case REPLAY_DESC:
		break;
	}
}

void replay_json_event(FILE *out, const struct replay *replay,
		       const struct replay_event *event)
{
	static const char *const names[] = {
		[REPLAY_HWPT] = "hwpt",	      [REPLAY_DEVICE] = "device",
		[REPLAY_SUBMIT] = "submit",   [REPLAY_WAIT] = "wait",
		[REPLAY_VMM] = "vmm",	      [REPLAY_COVERED] = "covered",
		[REPLAY_FAILURE] = "failure", [REPLAY_SUMMARY] = "summary",
	};

	fprintf(out, "{\"event\":\"%s\"", names[event->kind]);
	put_members(out, replay, event);
	fputs("}\n", out);
}
