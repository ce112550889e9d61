/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * iommunest-replay: a captured guest's queue, run on a simulated host or on a
 * real one.
 *
 *   options.c         the command line
 *   host.c            the host: iommufd, devices, nest parent
 *
 * A VT-d's invalidation queue:
 *   vtd.c             all of it, and where events go
 *   scan.c            what is in a capture
 *   nest.c            its nested HWPTs
 *   guest.c           the guest's ring, and the queue engine over it
 *   json.c            events for programs
 *   text.c            calls and a table, as text
 *
 * An SMMUv3's command queue: smmu.h.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <libiommunest-sim.h>

#include "tools/capture.h"
#include "tools/tool.h"

#define REPLAY_DEVICES_MAX 8u
#define REPLAY_STREAMS_MAX 64u

struct replay_options {
	/* "-" is standard input. */
	const char *path;
	bool json;
	bool stats;
	bool verbose;
	bool descriptors;
	bool coalesce;
	bool per_descriptor;
	uint64_t batch_kicks;
	/* enum iommunest_policy. */
	uint32_t policy;
	/* On the real iommufd, with these devices; otherwise simulated. */
	bool vfio;
	const char *devices[REPLAY_DEVICES_MAX];
	size_t device_count;
	/* NULL: the default; and, once the capture is known, what it is. */
	const char *profile_name;
	/* enum iommunest_sim_profile. */
	uint32_t profile;
	struct tool_faults faults;
	/* SMMUv3: streams of the VMM's, and of nobody. */
	uint32_t vmm_streams[REPLAY_STREAMS_MAX];
	size_t vmm_stream_count;
	uint32_t no_streams[REPLAY_STREAMS_MAX];
	size_t no_stream_count;
};

/* A (domain id, PASID) that the capture names, and its nested HWPT. */
struct replay_scope {
	uint16_t did;
	uint32_t pasid;
	uint32_t hwpt_id;
	/* Where it is named first. */
	size_t seq;
};

/*
 * A device with a TLB, and one of its PASIDs or IOMMUNEST_VTD_NO_PASID.  A
 * capture does not say which HWPT it goes through.  The first flush of its TLB
 * follows the flush of a scope: it goes through that scope's.
 */
struct replay_device {
	uint16_t sid;
	uint32_t pasid;
	/* Where its TLB is flushed first, and the scope that is before it. */
	size_t seq;
	uint16_t did;
	uint32_t scope_pasid;
	/* Index of that in the scan's. */
	size_t scope;
};

/* A slot with a descriptor that the capture does not have. */
#define REPLAY_NO_SEQ SIZE_MAX

/* Descriptor types, and at 0 what does not decode. */
#define REPLAY_KINDS 10

struct replay_scan {
	struct replay_scope *scopes;
	size_t scope_count;
	struct replay_device *devices;
	size_t device_count;
	size_t kinds[REPLAY_KINDS];
};

struct replay_host {
	/* NULL with VFIO devices. */
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;
	int devices[REPLAY_DEVICES_MAX];
	uint32_t device_ids[REPLAY_DEVICES_MAX];
	size_t device_count;
	uint32_t parent_id;
};

struct replay_totals {
	uint64_t descriptors;
	uint64_t forwarded;
	/* Of them, once for each HWPT: without an entry of their own. */
	uint64_t covered;
	uint64_t entries;
	uint64_t calls;
	uint64_t waits;
	uint64_t kicks;
	uint64_t failed;
	/* Done, but not lines of the capture; in none of the above. */
	uint64_t unseen;
};

struct replay {
	const struct replay_options *options;
	const struct capture *capture;
	struct replay_scan scan;
	struct replay_host host;
	struct iommunest_vtd_iq *iq;
	/* The ring that the guest uses now, its memory, */
	const struct capture_ring *ring;
	unsigned char *memory;
	/* ... and for each slot the `d` line that is in it. */
	size_t *seqs;
	/* Kicks and descriptors that the engine has not been told of. */
	uint64_t late_kicks;
	uint32_t late_descs;
	/* Descriptors of a run that are not lines of the capture. */
	uint32_t unseen;
	/* ioctls seen. */
	uint64_t call_number;
	struct replay_totals totals;
};

enum replay_event_kind {
	REPLAY_HWPT,
	REPLAY_DEVICE,
	/* The guest queued it; as text only. */
	REPLAY_DESC,
	REPLAY_SUBMIT,
	REPLAY_WAIT,
	REPLAY_VMM,
	REPLAY_COVERED,
	REPLAY_FAILURE,
	REPLAY_SUMMARY,
};

/* Members that a kind does not have are 0. */
struct replay_event {
	enum replay_event_kind kind;
	/* Ring index. */
	uint32_t index;
	uint32_t hwpt_id;
	/* hwpt */
	uint16_t did;
	/* hwpt, device */
	uint32_t pasid;
	/* device */
	uint16_t sid;
	/* submit */
	const struct iommunest_call *call;
	/* wait */
	uint64_t addr;
	uint32_t data;
	/* vmm, covered: enum iommunest_vtd_desc_type */
	unsigned int type;
	/* failure: negated errno, enum iommunest_cause */
	int error;
	uint32_t cause;
	/* ... and what the guest reads, where it stopped the queue. */
	uint32_t fsts;
	uint64_t iqercd;
};

/* With --json, text goes to standard error. */
static inline FILE *replay_text_stream(const struct replay_options *options)
{
	return options->json ? stderr : stdout;
}

/* Each returns -1 to go on, or the exit status. */
int replay_options_parse(struct replay_options *options, int argc,
			 char *argv[]);
/* What only means something with one kind of capture. */
int replay_options_check(struct replay_options *options,
			 enum capture_format format);

/* Each runs a capture, and returns the exit status. */
int replay_vtd(const struct replay_options *options,
	       const struct capture *capture);
int replay_smmu(const struct replay_options *options,
		const struct cmdq_capture *capture);

/*
 * Opens a host, with *@sim_options if it is simulated, binds what devices there
 * are, or one with @flags, and makes a nest parent.  Returns 0, or a negated
 * errno and in *@what the step that failed; replay_host_close() ends it in any
 * case.
 */
int replay_host_start(struct replay_host *host,
		      const struct replay_options *options,
		      const struct iommunest_sim_options *sim_options,
		      uint32_t flags, uint32_t *dev_id, const char **what);
void replay_host_close(struct replay_host *host);

/* Returns 0 or -ENOMEM. */
int replay_scan(struct replay_scan *scan, const struct capture *capture);
void replay_scan_free(struct replay_scan *scan);

/*
 * Sets up a host and a nested HWPT for each scope, whose id it writes; errors
 * as above.
 */
int replay_nest(struct replay_host *host, const struct replay_options *options,
		struct replay_scan *scan, const char **what);

/* Makes the engine and the guest's memory; errors as above. */
int replay_guest_open(struct replay *replay, const char **what);
void replay_guest_close(struct replay *replay);

/* Runs all kicks, up to a failure that stops it.  Returns 0 or it. */
int replay_guest_run(struct replay *replay);

/* The `d` line in slot @index of the ring. */
size_t replay_seq(const struct replay *replay, uint64_t index);

/* The descriptor in slot @index of the ring, as text. */
void replay_print_desc(const struct replay *replay, uint64_t index, char *buf,
		       size_t len);

/* Passes an event to all outputs that the options name. */
void replay_emit(const struct replay *replay, const struct replay_event *event);

void replay_json_event(FILE *out, const struct replay *replay,
		       const struct replay_event *event);
void replay_text_event(FILE *out, const struct replay *replay,
		       const struct replay_event *event);
void replay_table(FILE *out, const struct replay *replay);

/* Of enum iommunest_cause. */
const char *replay_cause_name(uint32_t cause);

#endif /* REPLAY_H */
