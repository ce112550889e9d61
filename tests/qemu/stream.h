/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * One stream of events, in the order in which they happened: what the kernel's
 * VT-d driver put into the hardware's queue, and what QEMU did with the
 * guest's, which it writes to tracefs's trace_marker.  For one device.
 */
#ifndef STREAM_H
#define STREAM_H

#include "tests/vm/real.h"

/* Flushes between two calls of stream_restart(), at most. */
#define STREAM_MAX 4096u

/* A PASID-based IOTLB descriptor of the guest. */
struct stream_flush {
	struct conf_desc desc;
	unsigned int did;
};

struct stream {
	struct trace *trace;
	/* The device has a TLB of its own, which has to be told, too. */
	bool device_tlb;
	/* What arrived since QEMU's queue began to run. */
	struct conf_desc arrived[STREAM_MAX];
	size_t arrived_count;
	/* What QEMU found in the guest's queue, in its order. */
	struct stream_flush flushes[STREAM_MAX];
	size_t flush_count;
	/* The domain that the device is nested in. */
	bool nested;
	unsigned int did;
	/* QEMU cuts the device off; and the driver has done so. */
	bool isolating;
	bool cut_off;
	/* The last wait that was done. */
	bool waited;
	unsigned int wait;
	/* Those that the device had no use for: it was not in their domain. */
	unsigned int idle;
	/* Those that were not done by then. */
	unsigned int missing;
	/* Since the start. */
	unsigned int waits;
	unsigned int calls;
	unsigned int failed_calls;
	unsigned int heals;
	unsigned int isolations;
	unsigned int failed_attaches;
	/* Neither of them: something that must not happen here. */
	unsigned int errors;
	unsigned int halts;
};

void stream_start(struct stream *stream, struct trace *trace);
/* Forgets the flushes. */
void stream_restart(struct stream *stream);
/* All that there is now.  What is wrong with it is printed. */
void stream_read(struct stream *stream);

/* The descriptor of a VT-d driver's trace.  False: it is something else. */
bool stream_decode(uint64_t qw0, uint64_t qw1, struct stream_flush *flush);
bool stream_same(const struct stream_flush *one,
		 const struct stream_flush *other);

#endif /* STREAM_H */
