/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the library costs on what guests do, against a kernel that does nothing.
 *
 *   bench-iq QS DESCRIPTORS [SCOPES [PAIRS [TOLD]]]
 *
 * Without PAIRS, the guest fills its ring with flushes (PASID-based IOTLB
 * descriptors) of one scope after another before each kick.  With them, a kick
 * is that many flushes, each with a wait after it, as from guests that wait for
 * what they flush.  With TOLD, the VMM is told of each call and of what was
 * forwarded, as one that has caches of its own.  With SCOPES 0, the same by
 * hand: a loop without checks, and an ioctl for each flush.
 *
 * Count instructions, not seconds: count.sh runs it under callgrind.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "tests/harness/target.h"

#define SHIFT_256 5

struct machine {
	uint64_t *ring;
	uint32_t slots;
};

static int null_open(void *data, const char *path, int flags)
{
	(void)data;
	(void)path;
	(void)flags;
	return 3;
}

static int null_close(void *data, int fd)
{
	(void)data;
	(void)fd;
	return 0;
}

/* A kernel that handles every entry: the count stays as it was sent. */
static int null_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	(void)data;
	(void)fd;
	(void)request;
	(void)arg;
	return 0;
}

static ssize_t null_read(void *data, int fd, void *buf, size_t len)
{
	(void)data;
	(void)fd;
	(void)buf;
	(void)len;
	return 0;
}

static ssize_t null_write(void *data, int fd, const void *buf, size_t len)
{
	(void)data;
	(void)fd;
	(void)buf;
	return (ssize_t)len;
}

static int guest_read(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	struct machine *machine = vmm;

	memcpy(buf, (char *)machine->ring + gpa, len);
	return 0;
}

static int guest_status(void *vmm, uint32_t index, uint64_t gpa, uint32_t data)
{
	(void)vmm;
	(void)index;
	(void)gpa;
	(void)data;
	return 0;
}

static void guest_interrupt(void *vmm, uint32_t index)
{
	(void)vmm;
	(void)index;
}

static int guest_descriptor(void *vmm, uint32_t index,
			    const struct iommunest_vtd_desc *desc)
{
	(void)vmm;
	(void)index;
	(void)desc;
	return -EINVAL;
}

static void guest_trace(void *vmm, uint64_t cookie,
			const struct iommunest_call *call)
{
	(void)vmm;
	(void)cookie;
	(void)call;
}

static int guest_forwarded(void *vmm, uint32_t index,
			   const struct iommunest_vtd_desc *desc)
{
	(void)vmm;
	(void)index;
	(void)desc;
	return 0;
}

static const struct iommunest_sys null_sys = {
	.size = sizeof(null_sys),
	.open = null_open,
	.close = null_close,
	.ioctl = null_ioctl,
	.read = null_read,
	.write = null_write,
};

static struct iommunest_vtd_iq_ops ops = {
	.size = sizeof(ops),
	.read = guest_read,
	.write_status = guest_status,
	.interrupt = guest_interrupt,
	.descriptor = guest_descriptor,
};

static void fill(struct machine *machine, uint32_t scopes, uint32_t pairs)
{
	uint32_t flushes = 0;
	uint32_t i;

	for (i = 0; i < machine->slots; i++) {
		uint64_t *words = &machine->ring[(size_t)i * 4];

		if (pairs && i % 2) {
			/* A wait with a status write. */
			words[0] = 5 | 1u << 5 | UINT64_C(1) << 32;
			words[1] = 0x1000;
			continue;
		}
		/* Page-selective in PASID 0 of one domain after another. */
		words[0] = 6 | 3u << 4 | (uint64_t)(1 + flushes % scopes) << 16;
		words[1] = (uint64_t)flushes << 16 | 1u << 6;
		flushes++;
	}
}

/* One kick after the other, of @kick descriptors each. */
static uint64_t run(struct iommunest_vtd_iq *iq, struct machine *machine,
		    uint64_t descriptors, uint32_t kick)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	uint64_t calls = 0;
	uint32_t tail = 0;

	while (descriptors) {
		if (kick > descriptors)
			kick = (uint32_t)descriptors;
		tail = (tail + kick) & (machine->slots - 1);
		if (iommunest_vtd_iq_run(iq, (uint64_t)tail << SHIFT_256,
					 &result) != 0)
			abort();
		descriptors -= kick;
		calls += result.calls;
	}
	return calls;
}

/* struct iommu_hwpt_invalidate, and an entry of it. */
struct by_hand {
	uint32_t size, id;
	uint64_t entries;
	uint32_t type, len, count, reserved;
	struct iommunest_vtd_entry entry;
};

/* What a VMM would write that checks nothing. */
static uint64_t run_by_hand(struct machine *machine, uint64_t descriptors)
{
	struct by_hand call = { .size = 32, .id = 1, .len = 24, .count = 1 };
	uint64_t calls = 0;
	uint64_t words[4];
	uint32_t head;

	call.entries = (uint64_t)(uintptr_t)&call.entry;
	for (head = 0; descriptors; descriptors--) {
		guest_read(machine, (uint64_t)head << SHIFT_256, words,
			   sizeof(words));
		if ((words[0] & 0xf) == 6) {
			call.entry.addr = words[1] & ~UINT64_C(0xfff);
			call.entry.npages = UINT64_C(1) << (words[1] & 0x3f);
			call.entry.flags = words[1] >> 6 & 1;
			null_ioctl(NULL, 3, 0x3b8d, &call);
			calls++;
		} else {
			guest_status(machine, head, words[1],
				     (uint32_t)(words[0] >> 32));
		}
		head = (head + 1) & (machine->slots - 1);
	}
	return calls;
}

/* A full ring goes in one run. */
static struct iommunest_vtd_iq *make_engine(struct machine *machine,
					    struct iommunest_ctx *ctx,
					    uint32_t qs, uint32_t scopes)
{
	static const struct iommunest_vtd_iq_options halting = {
		.size = sizeof(halting),
		.unhealed = IOMMUNEST_VTD_UNHEALED_HALT,
		.budget = IOMMUNEST_VTD_IQ_NO_BUDGET,
	};
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	struct iommunest_vtd_iq *iq;
	uint32_t i;

	if (iommunest_vtd_iq_new(&iq, &ops, machine, &halting) < 0 ||
	    iommunest_vtd_iq_set_base(iq, IOMMUNEST_VTD_IQA_DW | qs,
				      IOMMUNEST_VTD_TTM_SCALABLE) < 0 ||
	    iommunest_vtd_iq_enable(iq, &result) < 0)
		abort();
	for (i = 0; i < scopes; i++)
		if (iommunest_vtd_iq_add_scope(iq, (uint16_t)(1 + i), 0,
					       TARGET(ctx, i + 1)))
			abort();
	return iq;
}

static uint32_t number(int argc, char **argv, int nth, uint32_t otherwise)
{
	return argc > nth ? (uint32_t)strtoul(argv[nth], NULL, 0) : otherwise;
}

int main(int argc, char **argv)
{
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &null_sys,
	};
	uint32_t qs = number(argc, argv, 1, 0) & 7;
	uint32_t descriptors = number(argc, argv, 2, 0);
	uint32_t scopes = number(argc, argv, 3, 1);
	uint32_t pairs = number(argc, argv, 4, 0);
	struct machine machine = { .slots = 128u << qs };
	struct iommunest_ctx *ctx;
	uint64_t calls;

	if (argc < 3) {
		fprintf(stderr,
			"usage: %s QS DESCRIPTORS [SCOPES [PAIRS [TOLD]]]\n",
			argv[0]);
		return 2;
	}
	machine.ring = calloc(machine.slots, 32);
	if (!machine.ring || iommunest_open(&ctx, &options) < 0)
		return 1;
	fill(&machine, scopes ? scopes : 1, pairs);
	if (number(argc, argv, 5, 0)) {
		ops.trace = guest_trace;
		ops.forwarded = guest_forwarded;
	}
	if (scopes) {
		struct iommunest_vtd_iq *iq =
			make_engine(&machine, ctx, qs, scopes);

		calls = run(iq, &machine, descriptors,
			    pairs ? 2 * pairs : machine.slots - 1);
		iommunest_vtd_iq_free(iq);
	} else {
		calls = run_by_hand(&machine, descriptors);
	}
	printf("descriptors %lu calls %llu\n", (unsigned long)descriptors,
	       (unsigned long long)calls);
	iommunest_close(ctx);
	free(machine.ring);
	return 0;
}
