/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Events for programs: one JSON object a line. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* le64toh */
#endif

#include <endian.h>

#include "tools/json.h"
#include "tools/replay/smmu.h"

static void put_slot(FILE *out, const struct smmu_replay *replay,
		     uint32_t index)
{
	json_put_number(out, "seq", smmu_seq(replay, index));
	json_put_number(out, "index", index);
}

static void put_command(FILE *out, const struct smmu_replay *replay,
			const struct iommunest_smmuv3_entry *entry,
			uint64_t cookie)
{
	fprintf(out, "{\"seq\":%zu", smmu_seq(replay, cookie));
	json_put_number(out, "index", cookie);
	json_put_hex(out, "w0", le64toh(entry->cmd[0]));
	json_put_hex(out, "w1", le64toh(entry->cmd[1]));
	putc('}', out);
}

static void put_call(FILE *out, const struct smmu_replay *replay,
		     const struct iommunest_call *call)
{
	const struct iommunest_smmuv3_entry *entries = call->entries;
	uint32_t i;

	json_put_number(out, "id", call->id);
	fputs(",\"commands\":[", out);
	for (i = 0; i < call->count; i++) {
		if (i)
			putc(',', out);
		put_command(out, replay, &entries[i], call->cookies[i]);
	}
	putc(']', out);
	json_put_number(out, "handled", call->handled);
	json_put_number(out, "errno", (uint64_t) - (int64_t)call->error);
}

static void put_type(FILE *out, uint8_t opcode)
{
	char name[SMMU_TEXT_MAX];

	smmu_type_name(opcode, name, sizeof(name));
	json_put_text(out, "type", name);
}

static void put_failure(FILE *out, const struct smmu_replay *replay,
			const struct smmu_event *event)
{
	put_slot(out, replay, event->index);
	json_put_number(out, "errno", (uint64_t) - (int64_t)event->error);
	json_put_text(out, "cause", replay_cause_name(event->cause));
	json_put_text(out, "reason",
		      event->reason
			      ? iommunest_smmuv3_cmd_reason_text(event->reason)
			      : NULL);
	json_put_number(out, "cerror", event->cerror);
	json_put_hex(out, "gerror", event->gerror);
}

static void put_totals(FILE *out, const struct smmu_totals *totals)
{
	json_put_number(out, "commands", totals->commands);
	json_put_number(out, "forwarded", totals->forwarded);
	json_put_number(out, "calls", totals->calls);
	json_put_number(out, "syncs", totals->syncs);
	json_put_number(out, "kicks", totals->kicks);
	json_put_number(out, "failed", totals->failed);
}

static void put_members(FILE *out, const struct smmu_replay *replay,
			const struct smmu_event *event)
{
	switch (event->kind) {
	case SMMU_VIOMMU:
		json_put_number(out, "id", replay->viommu_id);
		break;
	case SMMU_SUBMIT:
		put_call(out, replay, event->call);
		break;
	case SMMU_SYNC:
	case SMMU_DROPPED:
		put_slot(out, replay, event->index);
		break;
	case SMMU_VMM:
		put_slot(out, replay, event->index);
		put_type(out, event->opcode);
		break;
	case SMMU_FAILURE:
		put_failure(out, replay, event);
		break;
	case SMMU_SUMMARY:
		put_totals(out, &replay->totals);
		break;
	case SMMU_COMMAND:
		break;
	}
}

void smmu_json_event(FILE *out, const struct smmu_replay *replay,
		     const struct smmu_event *event)
{
	static const char *const names[] = {
		[SMMU_VIOMMU] = "viommu",   [SMMU_SUBMIT] = "submit",
		[SMMU_SYNC] = "sync",	    [SMMU_VMM] = "vmm",
		[SMMU_DROPPED] = "dropped", [SMMU_FAILURE] = "failure",
		[SMMU_SUMMARY] = "summary",
	};

	fprintf(out, "{\"event\":\"%s\"", names[event->kind]);
	put_members(out, replay, event);
	fputs("}\n", out);
}
