/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The layout of the pages is that of the kernel's Documentation/trace/
 * ring-buffer-design.rst and of tracefs's events/header_page, header_event and
 * the events' own "format".
 */
#include <config.h>

#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRACEFS "/sys/kernel/tracing/"
#define QI_SUBMIT "events/intel_iommu/qi_submit/"

#define PAGE 4096u
/* Timestamp and count of bytes, with flags. */
#define PAGE_HEADER 16u
#define BYTES_MASK 0xfffffu
#define MISSED (1u << 31)

/* Low 5 bits of an event's first word. */
#define TYPE_MASK 0x1fu
#define TYPE_LONG 0u
#define TYPE_PADDING 29u
#define TYPE_EXTEND 30u
#define TYPE_STAMP 31u

struct trace {
	int raw;
	int marker;
	uint16_t desc_id;
	uint16_t mark_id;
	uint16_t text_id;
	unsigned int qw0;
	unsigned int qw1;
	unsigned int mark;
	unsigned int text;
	unsigned int at;
	unsigned int end;
	unsigned char page[PAGE];
	/* Nobody misses an event that was lost. */
	bool is_discarding;
};

static void die(const char *what)
{
	printf("# tracing: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	abort();
}

static int open_file(const char *name, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), TRACEFS "%s", name);
	return open(path, flags | O_CLOEXEC);
}

static void set(const char *name, const char *value)
{
	int fd = open_file(name, O_WRONLY | O_TRUNC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		die(name);
	close(fd);
}

/* ---- Where things are in an event ---- */

static bool read_format(const char *event, char *text, size_t size)
{
	char name[128];
	ssize_t len;
	int fd;

	snprintf(name, sizeof(name), "%sformat", event);
	fd = open_file(name, O_RDONLY);
	if (fd < 0)
		return false;
	len = read(fd, text, size - 1);
	close(fd);
	text[len < 0 ? 0 : len] = '\0';
	return len > 0;
}

static bool number_after(const char *text, const char *what,
			 unsigned int *number)
{
	const char *at = strstr(text, what);

	return at && sscanf(at + strlen(what), "%u", number) == 1;
}

static bool offset_of(const char *text, const char *field, unsigned int *offset)
{
	const char *at = strstr(text, field);

	return at && number_after(at, "offset:", offset);
}

static bool learn_formats(struct trace *trace)
{
	unsigned int desc_id, mark_id, text_id;
	char text[4096];

	if (!read_format(QI_SUBMIT, text, sizeof(text)) ||
	    !number_after(text, "ID:", &desc_id) ||
	    !offset_of(text, " qw0;", &trace->qw0) ||
	    !offset_of(text, " qw1;", &trace->qw1))
		return false;
	if (!read_format("events/ftrace/raw_data/", text, sizeof(text)) ||
	    !number_after(text, "ID:", &mark_id) ||
	    !offset_of(text, " id;", &trace->mark))
		return false;
	if (!read_format("events/ftrace/print/", text, sizeof(text)) ||
	    !number_after(text, "ID:", &text_id) ||
	    !offset_of(text, " buf", &trace->text))
		return false;
	trace->desc_id = (uint16_t)desc_id;
	trace->mark_id = (uint16_t)mark_id;
	trace->text_id = (uint16_t)text_id;
	return true;
}

/* ---- Life ---- */

/* On the CPU it is on, so that there is one order of events. */
static int stay_here(void)
{
	int cpu = sched_getcpu();
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((size_t)cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("affinity");
	return cpu;
}

struct trace *trace_open(unsigned int kilobytes)
{
	struct trace *trace = calloc(1, sizeof(*trace));
	char name[64], value[32];

	if (!trace || !learn_formats(trace)) {
		free(trace);
		return NULL;
	}
	snprintf(value, sizeof(value), "%u", kilobytes);
	set("buffer_size_kb", value);
	/* What another program has left would count as lost. */
	set("trace", "\n");
	snprintf(name, sizeof(name), "per_cpu/cpu%d/trace_pipe_raw",
		 stay_here());
	trace->raw = open_file(name, O_RDONLY | O_NONBLOCK);
	trace->marker = open_file("trace_marker_raw", O_WRONLY);
	if (trace->raw < 0 || trace->marker < 0)
		die(name);
	set("tracing_on", "1");
	set(QI_SUBMIT "enable", "1");
	return trace;
}

void trace_close(struct trace *trace)
{
	set(QI_SUBMIT "enable", "0");
	close(trace->raw);
	close(trace->marker);
	free(trace);
}

void trace_mark(struct trace *trace, uint32_t mark)
{
	if (write(trace->marker, &mark, sizeof(mark)) != sizeof(mark))
		die("mark");
}

/* ---- Reading ---- */

static uint32_t word_at(const struct trace *trace, unsigned int at)
{
	uint32_t word;

	memcpy(&word, trace->page + at, sizeof(word));
	return word;
}

static uint64_t quad_at(const struct trace *trace, unsigned int at)
{
	uint64_t quad;

	memcpy(&quad, trace->page + at, sizeof(quad));
	return quad;
}

static bool next_page(struct trace *trace)
{
	ssize_t len = read(trace->raw, trace->page, PAGE);
	uint32_t commit;

	if (len < 0 && errno != EAGAIN)
		die("read");
	if (len < (ssize_t)PAGE_HEADER)
		return false;
	commit = word_at(trace, 8);
	if (commit & MISSED && !trace->is_discarding) {
		errno = EOVERFLOW;
		die("events were lost");
	}
	trace->at = PAGE_HEADER;
	trace->end = PAGE_HEADER + (commit & BYTES_MASK);
	return trace->end <= PAGE;
}

/* The kernel ends it with a newline and a zero. */
static const char *text_at(struct trace *trace, unsigned int at)
{
	char *text = (char *)trace->page + at;

	text[strcspn(text, "\n")] = '\0';
	return text;
}

static bool decode(struct trace *trace, unsigned int at,
		   struct trace_event *event)
{
	uint16_t id = (uint16_t)word_at(trace, at);

	*event = (struct trace_event){ 0 };
	if (id == trace->desc_id) {
		event->kind = TRACE_DESC;
		event->qw0 = quad_at(trace, at + trace->qw0);
		event->qw1 = quad_at(trace, at + trace->qw1);
		return true;
	}
	if (id == trace->text_id) {
		event->kind = TRACE_TEXT;
		event->text = text_at(trace, at + trace->text);
		return true;
	}
	if (id != trace->mark_id)
		return false;
	event->kind = TRACE_MARK;
	event->mark = word_at(trace, at + trace->mark);
	return true;
}

/* Steps over what is at trace->at; true: it was an event of ours. */
static bool step(struct trace *trace, struct trace_event *event)
{
	uint32_t type = word_at(trace, trace->at) & TYPE_MASK;
	unsigned int at = trace->at + 4, len;

	switch (type) {
	case TYPE_EXTEND:
	case TYPE_STAMP:
		trace->at += 8;
		return false;
	case TYPE_PADDING:
		trace->at += 4 + word_at(trace, at);
		return false;
	case TYPE_LONG:
		len = word_at(trace, at);
		trace->at += 4 + len;
		return decode(trace, at + 4, event);
	default:
		trace->at += 4 + 4 * type;
		return decode(trace, at, event);
	}
}

bool trace_next(struct trace *trace, struct trace_event *event)
{
	do {
		while (trace->at < trace->end) {
			if (step(trace, event))
				return true;
		}
	} while (next_page(trace));
	return false;
}

void trace_discard(struct trace *trace)
{
	struct trace_event event;

	trace->is_discarding = true;
	while (trace_next(trace, &event))
		;
	trace->is_discarding = false;
}
