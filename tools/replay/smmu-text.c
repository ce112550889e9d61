/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Calls and a table, as text. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* le64toh */
#endif

#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "tools/replay/smmu.h"

/* Commands of a call that a line shows. */
#define SHOWN_COMMANDS 3u

void smmu_print_words(const uint64_t words[2], char *buf, size_t len)
{
	const struct iommunest_smmuv3_entry entry = {
		{ htole64(words[0]), htole64(words[1]) },
	};
	struct iommunest_smmuv3_cmd cmd = { .size = sizeof(cmd) };

	if (iommunest_smmuv3_cmd_decode(&cmd, &entry))
		snprintf(buf, len, "0x%" PRIx64 " 0x%" PRIx64, words[0],
			 words[1]);
	else
		iommunest_smmuv3_cmd_print(&cmd, buf, len);
}

/* ---- Events ---- */

static void print_call(FILE *out, const struct smmu_replay *replay,
		       const struct iommunest_call *call)
{
	const struct iommunest_smmuv3_entry *entries = call->entries;
	uint32_t i;

	fprintf(out, "call %" PRIu64 ": viommu %u, %u of %u handled",
		replay->call_number, call->id, call->handled, call->count);
	for (i = 0; i < call->count && i < SHOWN_COMMANDS; i++) {
		const uint64_t words[2] = { le64toh(entries[i].cmd[0]),
					    le64toh(entries[i].cmd[1]) };
		char text[SMMU_TEXT_MAX];

		smmu_print_words(words, text, sizeof(text));
		fprintf(out, "%s #%zu %s", i ? "," : ":",
			smmu_seq(replay, call->cookies[i]), text);
	}
	if (call->count > SHOWN_COMMANDS)
		fprintf(out, " and %u more", call->count - SHOWN_COMMANDS);
	if (call->error)
		fprintf(out, ": %s", strerror(-call->error));
	putc('\n', out);
}

static void print_command(FILE *out, const struct smmu_replay *replay,
			  uint32_t index)
{
	char text[SMMU_TEXT_MAX];

	smmu_print_command(replay, index, text, sizeof(text));
	fprintf(out, "#%zu slot %u: %s\n", smmu_seq(replay, index), index,
		text);
}

static void print_failure(FILE *out, const struct smmu_replay *replay,
			  const struct smmu_event *event)
{
	char text[SMMU_TEXT_MAX];

	fprintf(out, "command #%zu in slot %u failed (%s): %s",
		smmu_seq(replay, event->index), event->index,
		replay_cause_name(event->cause), strerror(-event->error));
	if (event->reason)
		fprintf(out, ": %s",
			iommunest_smmuv3_cmd_reason_text(event->reason));
	smmu_print_command(replay, event->index, text, sizeof(text));
	fprintf(out, "\n  %s\n", text);
	if (event->cerror)
		fprintf(out, "  the guest reads %s, GERROR 0x%x\n",
			iommunest_smmuv3_cerror_name(event->cerror),
			event->gerror);
}

void smmu_text_event(FILE *out, const struct smmu_replay *replay,
		     const struct smmu_event *event)
{
	if (event->kind == SMMU_COMMAND)
		print_command(out, replay, event->index);
	if (event->kind == SMMU_SUBMIT)
		print_call(out, replay, event->call);
	if (event->kind == SMMU_FAILURE)
		print_failure(out, replay, event);
}

/* ---- Table ---- */

static void row(FILE *out, const char *name, uint64_t number)
{
	fprintf(out, "  %-28s%12" PRIu64 "\n", name, number);
}

static void print_queues(FILE *out, const struct cmdq_capture *capture)
{
	struct cmdq_state state = { .size = 1 };
	size_t i;

	for (i = 0; i < capture->write_count; i++) {
		const struct cmdq_write *write = &capture->writes[i];

		cmdq_apply(&state, write);
		if (write->reg == CMDQ_BASE)
			fprintf(out, "queue at 0x%" PRIx64 ": %u slot%s\n",
				cmdq_address(write->value), state.size,
				state.size == 1 ? "" : "s");
	}
}

static void print_streams(FILE *out, const struct smmu_replay *replay)
{
	size_t i;

	for (i = 0; i < replay->stream_count; i++) {
		const struct smmu_stream *stream = &replay->streams[i];

		fprintf(out, "stream 0x%x: ", stream->sid);
		if (stream->whose == IOMMUNEST_SMMUV3_STREAM_TARGET)
			fprintf(out, "viommu %u\n", replay->viommu_id);
		else if (stream->whose == IOMMUNEST_SMMUV3_STREAM_VMM)
			fputs("the VMM\n", out);
		else
			fputs("nobody\n", out);
	}
}

/* By opcode; what is unknown together. */
static void print_opcodes(FILE *out, const struct cmdq_capture *capture)
{
	static const char unknown[] = "unknown";
	uint64_t counts[256] = { 0 }, others = 0;
	unsigned int opcode;
	char name[40];
	size_t i;

	for (i = 0; i < capture->command_count; i++)
		counts[(uint8_t)capture->commands[i].words[0]]++;
	for (opcode = 0; opcode < 256; opcode++) {
		const char *text = iommunest_smmuv3_cmd_name(opcode);

		snprintf(name, sizeof(name), "    %s", text);
		if (!strcmp(text, unknown))
			others += counts[opcode];
		else if (counts[opcode])
			row(out, name, counts[opcode]);
	}
	if (others)
		row(out, "    unknown", others);
}

static void print_guest(FILE *out, const struct smmu_replay *replay)
{
	const struct smmu_totals *totals = &replay->totals;

	fputs("\nguest\n", out);
	row(out, "kicks", totals->kicks);
	row(out, "commands done", totals->commands);
	row(out, "  of the capture's", replay->capture->command_count);
	print_opcodes(out, replay->capture);
	row(out, "CMD_SYNCs done", totals->syncs);
	row(out, "for the VMM", totals->vmm);
	row(out, "for nobody", totals->dropped);
}

static void print_host(FILE *out, const struct smmu_replay *replay)
{
	const struct smmu_totals *totals = &replay->totals;

	fputs("\nhost\n", out);
	row(out, "commands forwarded", totals->forwarded);
	row(out, "entries handled", totals->entries);
	row(out, "ioctls", totals->calls);
	if (totals->calls)
		fprintf(out, "  %-28s%15.2f\n", "entries per ioctl",
			(double)totals->entries / (double)totals->calls);
	if (replay->host.sim)
		row(out, "hardware commands", totals->hardware);
	row(out, "failed", totals->failed);
}

void smmu_table(FILE *out, const struct smmu_replay *replay)
{
	const char *path = replay->options->path;

	fprintf(out, "%s\n", strcmp(path, "-") ? path : "<stdin>");
	if (!replay->totals.kicks && !replay->capture->command_count)
		fputs("nothing was captured: no command\n", out);
	print_queues(out, replay->capture);
	print_streams(out, replay);
	print_guest(out, replay);
	print_host(out, replay);
}
