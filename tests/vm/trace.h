/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the VT-d driver puts into the invalidation queue, from the kernel's
 * event intel_iommu:qi_submit.  The events are read as the kernel stores
 * them, because there are millions.
 */
#ifndef VM_TRACE_H
#define VM_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trace_kind {
	/* A descriptor, as two of its words. */
	TRACE_DESC,
	/* What trace_mark() wrote. */
	TRACE_MARK,
	/* What anybody wrote to tracefs's trace_marker. */
	TRACE_TEXT,
};

struct trace_event {
	enum trace_kind kind;
	uint64_t qw0;
	uint64_t qw1;
	uint32_t mark;
	/* Until the next call; without its last newline. */
	const char *text;
};

/* A program that writes its log to it has it in order among the events. */
#define TRACE_MARKER "/sys/kernel/tracing/trace_marker"

struct trace;

/*
 * Ties the process to one CPU, whose buffer gets @kilobytes, and records from
 * then on.  NULL: there is no such event here, and errno says why.
 */
struct trace *trace_open(unsigned int kilobytes);
void trace_close(struct trace *trace);

/* Puts a number among the events. */
void trace_mark(struct trace *trace, uint32_t mark);

/*
 * Takes the next event; false: there is none now.  Events that were lost end
 * the process: nothing can be said then.
 */
bool trace_next(struct trace *trace, struct trace_event *event);
/* All that there is now, and what was lost. */
void trace_discard(struct trace *trace);

#endif /* VM_TRACE_H */
