/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * iommunest-replay: an SMMUv3's command queue.
 *
 *   smmu.c            all of it, and where events go
 *   smmu-streams.c    the streams that a capture names
 *   smmu-host.c       the host: the vIOMMU and its vDEVICEs
 *   smmu-guest.c      the guest's writes, and the queue engine under them
 *   smmu-json.c       events for programs
 *   smmu-text.c       calls and a table, as text
 */
#ifndef SMMU_H
#define SMMU_H

#include "tools/replay/replay.h"

/* Longer than any command in words. */
#define SMMU_TEXT_MAX 256

/* A stream that the capture names, and whose it is. */
struct smmu_stream {
	uint32_t sid;
	/* Where it is named first. */
	size_t seq;
	/* IOMMUNEST_SMMUV3_STREAM_*. */
	int whose;
};

struct smmu_totals {
	uint64_t commands;
	uint64_t forwarded;
	uint64_t entries;
	uint64_t calls;
	uint64_t syncs;
	uint64_t vmm;
	uint64_t dropped;
	/* Writes of PROD. */
	uint64_t kicks;
	uint64_t failed;
	/* What the simulated hardware was given, with its own CMD_SYNCs. */
	uint64_t hardware;
};

struct smmu_replay {
	const struct replay_options *options;
	const struct cmdq_capture *capture;
	struct smmu_stream *streams;
	size_t stream_count;
	struct replay_host host;
	struct iommunest_smmuv3_caps caps;
	uint32_t viommu_id;
	struct iommunest_smmuv3_cmdq *cmdq;
	/* The guest's queue: memory, where it is, */
	unsigned char *memory;
	uint64_t base;
	/* ... and for each slot the `c` line that is in it. */
	size_t *seqs;
	struct cmdq_state state;
	/* The position up to which CMD_SYNCs have been told of. */
	uint32_t told;
	/* Kicks and commands that the engine has not been told of. */
	uint64_t late_kicks;
	uint32_t late_commands;
	uint32_t late_prod;
	/* ioctls seen. */
	uint64_t call_number;
	struct smmu_totals totals;
};

enum smmu_event_kind {
	SMMU_VIOMMU,
	/* The guest queued it; as text only. */
	SMMU_COMMAND,
	SMMU_SUBMIT,
	SMMU_SYNC,
	SMMU_VMM,
	SMMU_DROPPED,
	SMMU_FAILURE,
	SMMU_SUMMARY,
};

/* Members that a kind does not have are 0. */
struct smmu_event {
	enum smmu_event_kind kind;
	/* Ring index. */
	uint32_t index;
	/* submit */
	const struct iommunest_call *call;
	/* vmm */
	uint8_t opcode;
	/* failure: negated errno, enum iommunest_cause */
	int error;
	uint32_t cause;
	/* ... why the guest's command is illegal, */
	uint32_t reason;
	/* ... and what the guest reads, where it sees it. */
	uint32_t cerror;
	uint32_t gerror;
};

/* Returns 0 or -ENOMEM. */
int smmu_streams_find(struct smmu_replay *replay);

/* Sets up a host; errors as of replay_host_start(). */
int smmu_host_open(struct smmu_replay *replay, const char **what);

/* Makes the engine and the guest's memory; errors as above. */
int smmu_guest_open(struct smmu_replay *replay, const char **what);
void smmu_guest_close(struct smmu_replay *replay);

/* Runs all of the capture, up to a failure that stops it.  Returns 0 or it. */
int smmu_guest_run(struct smmu_replay *replay);

/* The `c` line in slot @index, and the command there as text. */
size_t smmu_seq(const struct smmu_replay *replay, uint64_t index);
void smmu_print_command(const struct smmu_replay *replay, uint64_t index,
			char *buf, size_t len);
void smmu_print_words(const uint64_t words[2], char *buf, size_t len);

/* "cfgi-ste" for example. */
void smmu_type_name(uint8_t opcode, char *buf, size_t len);

/* Passes an event to all outputs that the options name. */
void smmu_emit(const struct smmu_replay *replay,
	       const struct smmu_event *event);

void smmu_json_event(FILE *out, const struct smmu_replay *replay,
		     const struct smmu_event *event);
void smmu_text_event(FILE *out, const struct smmu_replay *replay,
		     const struct smmu_event *event);
void smmu_table(FILE *out, const struct smmu_replay *replay);

#endif /* SMMU_H */
