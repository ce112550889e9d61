/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * QEMU's trace of its VT-d: what happened to the queue.  A slot is announced by
 * its number before it is fetched, and then shown, so that a descriptor which
 * the trace leaves out, or a line that is lost, is noticed.
 */
#include <errno.h>
#include <inttypes.h>

#include "tools/capture/make.h"

/* IQA_REG, and its upper half */
#define REG_IQA 0x90
#define REG_IQA_HIGH 0x94

/* What QEMU allows for. */
#define SLOTS_MIN 128u
#define SLOTS_MAX 32768u

/* QEMU 10.0 accepts these, and does not show them. */
#define PASID_CACHE_ALL UINT64_C(0x37)

static const char guessed_note[] =
	"not in the trace: a PASID-cache descriptor, taken for a global one";

struct trace {
	struct make *make;
	unsigned long line_number;
	/* Anything of a queue has been seen. */
	bool seen;
	/* Slots are announced. */
	bool announced;
	/* IQA, as far as its register was written. */
	bool has_iqa;
	uint64_t iqa;
	/* IQT, as it was written last. */
	uint64_t tail;
	/* There is a ring; what QEMU said of it, and in which line. */
	bool running;
	uint64_t base;
	uint32_t size;
	unsigned long ring_line;
	unsigned long kick_line;
	/* The slot where the ring of the capture begins. */
	uint32_t origin;
	/* From there on: what is fetched next. */
	uint32_t head;
	/* It has been announced, and not shown. */
	bool fetching;
	/* Where a slot was first accepted without being shown, or 0. */
	unsigned long guess_line;
};

static int no_memory(void)
{
	return tool_fail("keep the capture", -ENOMEM);
}

/* ---- The ring of the capture ---- */

/* A slot as the capture counts it. */
static uint32_t from_origin(const struct trace *trace, uint64_t slot)
{
	return ((uint32_t)slot - trace->origin) & (trace->size - 1);
}

static uint64_t to_slot(const struct trace *trace, uint32_t index)
{
	return (index + trace->origin) & (trace->size - 1);
}

static struct capture_kick *last_kick(const struct trace *trace)
{
	return capture_last_kick(&trace->make->capture);
}

static bool has_kicks(const struct trace *trace)
{
	return capture_last_ring(&trace->make->capture)->kick_count > 0;
}

/* The slots of the last kick that were not fetched. */
static uint32_t missing(const struct trace *trace)
{
	if (!has_kicks(trace))
		return 0;
	return (last_kick(trace)->tail - trace->head) & (trace->size - 1);
}

static int add_desc(struct trace *trace, const struct capture_desc *desc)
{
	if (capture_add_desc(&trace->make->capture, desc))
		return no_memory();
	trace->head = (trace->head + 1) & (trace->size - 1);
	return -1;
}

/* The guest wrote IQT while the queue runs. */
static int add_kick(struct trace *trace, uint64_t tail)
{
	uint32_t index = from_origin(trace, tail);

	if (tail >= trace->size)
		return trace_fail(trace->make, trace->line_number,
				  "tail %" PRIu64
				  " is beyond the ring of %u slots",
				  tail, trace->size);
	if (missing(trace) && !trace->announced)
		return trace_fail(
			trace->make, trace->line_number,
			"the kick in line %lu has %u more descriptor%s than "
			"are shown; trace vtd_inv_qi_head, too",
			trace->kick_line, missing(trace),
			missing(trace) == 1 ? "" : "s");
	/* After an error the queue halts, and goes on with all at once. */
	if (missing(trace)) {
		last_kick(trace)->tail = index;
		return -1;
	}
	trace->kick_line = trace->line_number;
	if (capture_add_kick(&trace->make->capture, index))
		return no_memory();
	return -1;
}

static bool is_wide_only(const struct capture_desc *desc)
{
	const uint64_t type = (desc->words[0] & 0xf) | (desc->words[0] >> 9 & 7)
							       << 4;

	return type >= IOMMUNEST_VTD_DESC_PIOTLB &&
	       type <= IOMMUNEST_VTD_DESC_PAGE_RESPONSE;
}

static bool has_wide_only(const struct trace *trace)
{
	const struct capture *capture = &trace->make->capture;
	const struct capture_ring *ring = capture_last_ring(capture);
	size_t i;

	if (!ring->kick_count)
		return false;
	for (i = capture->kicks[ring->first_kick].first;
	     i < capture->desc_count; i++)
		if (is_wide_only(&capture->descs[i]))
			return true;
	return false;
}

/* Bits of a descriptor where the guest's IQA is not known; 0: nobody knows. */
static uint64_t guess_width(const struct trace *trace)
{
	if (trace->size == SLOTS_MIN || has_wide_only(trace))
		return 256;
	if (trace->size == SLOTS_MAX)
		return 128;
	return trace->make->options->width;
}

static uint64_t iqa_of(uint64_t base, uint32_t size, uint64_t width)
{
	uint64_t qs = 0;
	uint32_t slots = width == 256 ? 128 : 256;

	for (; slots < size; slots *= 2)
		qs++;
	return base | qs | (width == 256 ? IOMMUNEST_VTD_IQA_DW : 0);
}

static int set_iqa(struct trace *trace)
{
	struct capture_ring *ring = capture_last_ring(&trace->make->capture);
	uint64_t width;

	if (trace->has_iqa)
		return -1;
	width = guess_width(trace);
	if (!width)
		return trace_fail(
			trace->make, trace->ring_line,
			"nothing says whether descriptors have 128 or "
			"256 bits; trace vtd_reg_write, too, or give "
			"--width");
	capture_set_iqa(ring, iqa_of(trace->base, trace->size, width));
	return -1;
}

static void drop_kick(struct trace *trace)
{
	struct capture *capture = &trace->make->capture;

	capture->kick_count--;
	capture_last_ring(capture)->kick_count--;
}

/* What was never fetched is not in the capture. */
static void cut_kick(struct trace *trace)
{
	if (!missing(trace))
		return;
	last_kick(trace)->tail = trace->head;
	if (!last_kick(trace)->count)
		drop_kick(trace);
}

/* A ring of 128-bit descriptors has no PASID-cache descriptors. */
static int check_guesses(const struct trace *trace)
{
	if (!trace->guess_line ||
	    capture_last_ring(&trace->make->capture)->width == 256)
		return -1;
	return trace_fail(trace->make, trace->guess_line,
			  "the slot before this one is not shown: lines are "
			  "missing, or vtd_inv_desc was not traced");
}

static int end_ring(struct trace *trace)
{
	int status;

	if (!trace->running)
		return -1;
	/* Whether it was accepted is not known. */
	trace->fetching = false;
	cut_kick(trace);
	trace->running = false;
	status = set_iqa(trace);
	return status >= 0 ? status : check_guesses(trace);
}

static int start_ring(struct trace *trace, uint64_t base, uint32_t size,
		      uint32_t origin)
{
	if (capture_add_ring(&trace->make->capture, trace->iqa))
		return no_memory();
	trace->running = true;
	trace->ring_line = trace->line_number;
	trace->base = base;
	trace->size = size;
	trace->origin = origin;
	trace->head = 0;
	trace->guess_line = 0;
	return -1;
}

/* ---- Events ---- */

static int on_register(struct trace *trace, const struct event *event)
{
	uint64_t addr = event->values[0], value = event->values[2];
	bool half = event->values[1] == 4;

	if (addr == REG_IQA && half)
		trace->iqa = (trace->iqa >> 32 << 32) | (uint32_t)value;
	else if (addr == REG_IQA)
		trace->iqa = value;
	else if (addr == REG_IQA_HIGH)
		trace->iqa = value << 32 | (uint32_t)trace->iqa;
	else
		return -1;
	trace->has_iqa = true;
	return -1;
}

/* What the guest wrote, and what QEMU made of it. */
static bool agree(uint64_t iqa, uint64_t base, uint64_t size)
{
	struct capture_ring ring;

	capture_set_iqa(&ring, iqa);
	/* QEMU keeps as many bits of the base as addresses have. */
	return !(iqa & 0x7f8) && ring.size == size &&
	       (ring.base & base) == base;
}

static int on_setup(struct trace *trace, const struct event *event)
{
	uint64_t base = event->values[0], size = event->values[1];
	int status = end_ring(trace);

	if (status >= 0)
		return status;
	if (base & 0xfff || size < SLOTS_MIN || size > SLOTS_MAX ||
	    size & (size - 1))
		return trace_fail(trace->make, trace->line_number,
				  "no queue has this base and size");
	if (trace->has_iqa && !agree(trace->iqa, base, size))
		return trace_fail(trace->make, trace->line_number,
				  "the queue is not the one of IQA 0x%" PRIx64,
				  trace->iqa);
	status = start_ring(trace, base, (uint32_t)size, 0);
	if (status >= 0 || !trace->tail)
		return status;
	/* Some guests write the tail first. */
	return add_kick(trace, trace->tail);
}

static int on_enable(struct trace *trace, const struct event *event)
{
	return event->values[0] ? -1 : end_ring(trace);
}

static int on_tail(struct trace *trace, const struct event *event)
{
	trace->tail = event->values[0];
	return trace->running ? add_kick(trace, trace->tail) : -1;
}

/* The trace begins in the middle: the ring is turned to begin here, too. */
static int join(struct trace *trace, uint64_t slot)
{
	const struct make_options *options = trace->make->options;
	struct capture_ring ring;
	int status;

	if (!options->has_iqa)
		return trace_fail(
			trace->make, trace->line_number,
			"the queue was set up before the trace began; "
			"give --iqa");
	capture_set_iqa(&ring, options->iqa);
	trace->iqa = options->iqa;
	trace->has_iqa = true;
	if (slot >= ring.size)
		return trace_fail(trace->make, trace->line_number,
				  "slot %" PRIu64
				  " is beyond the ring of %u slots of --iqa",
				  slot, ring.size);
	status = start_ring(trace, ring.base, ring.size, (uint32_t)slot);
	return status >= 0 ? status : add_kick(trace, trace->tail);
}

/* The slot before this one was accepted. */
static int end_fetch(struct trace *trace)
{
	const struct capture_desc desc = {
		.words = { PASID_CACHE_ALL },
		.note = guessed_note,
	};

	if (!trace->fetching)
		return -1;
	trace->fetching = false;
	trace->make->guessed++;
	if (!trace->guess_line)
		trace->guess_line = trace->line_number;
	return add_desc(trace, &desc);
}

/*
 * The queue halted at the slot, and goes on with what the guest has put there:
 * what was refused is not in the capture.
 */
static void take_back(struct trace *trace)
{
	struct capture *capture = &trace->make->capture;

	trace->make->replaced++;
	if (trace->fetching) {
		trace->fetching = false;
		return;
	}
	/* The guest wrote the tail while the queue was halted. */
	while (!last_kick(trace)->count) {
		drop_kick(trace);
		last_kick(trace)->tail = from_origin(trace, trace->tail);
	}
	capture->desc_count--;
	last_kick(trace)->count--;
	trace->head = (trace->head - 1) & (trace->size - 1);
}

static bool has_descs(const struct trace *trace)
{
	const struct capture *capture = &trace->make->capture;
	const struct capture_ring *ring = capture_last_ring(capture);

	return ring->kick_count &&
	       capture->kicks[ring->first_kick].first < capture->desc_count;
}

/* Is it the slot that was fetched last? */
static bool is_again(const struct trace *trace, uint64_t slot)
{
	if (trace->fetching)
		return slot == to_slot(trace, trace->head);
	return has_descs(trace) && slot == to_slot(trace, trace->head - 1);
}

static int on_head(struct trace *trace, const struct event *event)
{
	uint64_t slot = event->values[0];
	int status = -1;

	trace->announced = true;
	if (!trace->running)
		status = join(trace, slot);
	else if (is_again(trace, slot))
		take_back(trace);
	else
		status = end_fetch(trace);
	if (status >= 0)
		return status;
	if (slot != to_slot(trace, trace->head))
		return trace_fail(trace->make, trace->line_number,
				  "slot %" PRIu64
				  " is fetched, and not %" PRIu64
				  ": lines are missing before this one",
				  slot, to_slot(trace, trace->head));
	if (!missing(trace))
		return trace_fail(trace->make, trace->line_number,
				  "slot %" PRIu64
				  " is fetched before the tail is beyond it; "
				  "trace vtd_inv_qi_tail, too",
				  slot);
	trace->fetching = true;
	return -1;
}

static int on_desc(struct trace *trace, const struct event *event)
{
	const struct capture_desc desc = {
		.words = { event->values[1], event->values[0] },
	};

	if (!trace->running)
		return trace_fail(
			trace->make, trace->line_number,
			"a descriptor of a queue that was not set up; "
			"trace vtd_inv_qi_setup, too");
	if (trace->announced ? !trace->fetching : !missing(trace))
		return trace_fail(trace->make, trace->line_number,
				  "a descriptor that the guest did not queue: "
				  "lines are missing before this one");
	trace->fetching = false;
	return add_desc(trace, &desc);
}

static int on_line(struct trace *trace, const char *line)
{
	struct event event;

	event_parse(&event, line);
	if (event.kind != EVENT_OTHER && event.kind != EVENT_REGISTER &&
	    event.kind != EVENT_SMMU)
		trace->seen = true;
	switch (event.kind) {
	case EVENT_OTHER:
		return -1;
	case EVENT_MALFORMED:
		return trace_fail(trace->make, trace->line_number,
				  "not as QEMU prints this event");
	case EVENT_REGISTER:
		return on_register(trace, &event);
	case EVENT_ENABLE:
		return on_enable(trace, &event);
	case EVENT_SETUP:
		return on_setup(trace, &event);
	case EVENT_TAIL:
		return on_tail(trace, &event);
	case EVENT_HEAD:
		return on_head(trace, &event);
	case EVENT_DESC:
		return on_desc(trace, &event);
	case EVENT_SMMU:
		return -1;
	}
	return -1;
}

/* ---- Lines ---- */

static int end_of_input(struct trace *trace)
{
	int status;

	if (!trace->seen)
		return trace_fail(trace->make, trace->line_number,
				  "no trace of QEMU's vtd_inv* events");
	trace->make->cut_off = trace->running && missing(trace);
	status = end_ring(trace);
	if (status >= 0)
		return status;
	if (!trace->make->capture.desc_count)
		return trace_fail(trace->make, trace->line_number,
				  "no descriptor was fetched");
	return -1;
}

static int take_line(void *user, const char *line, unsigned long number)
{
	struct trace *trace = user;

	trace->line_number = number;
	return line ? on_line(trace, line) : end_of_input(trace);
}

int make_from_trace(struct make *make, FILE *in)
{
	struct trace trace = { .make = make };

	return trace_lines(make, in, take_line, &trace);
}
