/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the library costs: a ring full of PASID-based IOTLB descriptors, run
 * against a kernel that does nothing.
 *
 *   bench-iq QS DESCRIPTORS [HWPTS]
 *
 * Count instructions, not seconds: `make bench` runs it under callgrind.
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

static const struct iommunest_sys null_sys = {
	.size = sizeof(null_sys),
	.open = null_open,
	.close = null_close,
	.ioctl = null_ioctl,
	.read = null_read,
	.write = null_write,
};

static const struct iommunest_vtd_iq_ops ops = {
	.size = sizeof(ops),
	.read = guest_read,
	.write_status = guest_status,
	.interrupt = guest_interrupt,
	.descriptor = guest_descriptor,
};

static void fill(struct machine *machine, uint32_t hwpts)
{
	uint32_t i;

	for (i = 0; i < machine->slots; i++) {
		uint64_t *words = &machine->ring[(size_t)i * 4];

		/* Page-selective in PASID 0 of one domain after another. */
		words[0] = 6 | 3u << 4 | (uint64_t)(1 + i % hwpts) << 16;
		words[1] = (uint64_t)i << 16 | 1u << 6;
	}
}

static uint64_t run(struct iommunest_vtd_iq *iq, struct machine *machine,
		    uint64_t descriptors)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	uint64_t calls = 0;
	uint32_t tail = 0;

	while (descriptors) {
		uint32_t kick = machine->slots - 1;

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

int main(int argc, char **argv)
{
	static const struct iommunest_vtd_iq_options halting = {
		.size = sizeof(halting),
		.unhealed = IOMMUNEST_VTD_UNHEALED_HALT,
	};
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &null_sys,
	};
	struct iommunest_vtd_iq *iq;
	struct iommunest_ctx *ctx;
	struct machine machine;
	uint64_t descriptors;
	uint32_t qs, hwpts, i;

	if (argc < 3) {
		fprintf(stderr, "usage: %s QS DESCRIPTORS [HWPTS]\n", argv[0]);
		return 2;
	}
	qs = (uint32_t)strtoul(argv[1], NULL, 0) & 7;
	descriptors = strtoull(argv[2], NULL, 0);
	hwpts = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 0) : 1;
	machine.slots = 128u << qs;
	machine.ring = calloc(machine.slots, 32);
	if (!machine.ring || hwpts == 0 || iommunest_open(&ctx, &options) < 0 ||
	    iommunest_vtd_iq_new(&iq, &ops, &machine, &halting) < 0 ||
	    iommunest_vtd_iq_set_base(iq, IOMMUNEST_VTD_IQA_DW | qs, true) < 0)
		return 1;
	fill(&machine, hwpts);
	for (i = 0; i < hwpts; i++)
		if (iommunest_vtd_iq_add_scope(iq, (uint16_t)(1 + i), 0,
					       TARGET(ctx, i + 1)))
			return 1;
	printf("descriptors %llu calls %llu\n", (unsigned long long)descriptors,
	       (unsigned long long)run(iq, &machine, descriptors));
	iommunest_vtd_iq_free(iq);
	iommunest_close(ctx);
	free(machine.ring);
	return 0;
}
