/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the engine of an SMMUv3's command queue costs on what guests do, against
 * a kernel that does nothing.
 *
 *   bench-cmdq LOG2SIZE COMMANDS [TARGETS [PAIRS [TOLD [ATC]]]]
 *
 * Without PAIRS, a kick is 63 flushes (TLBI_NH_VA with a range) and a CMD_SYNC.
 * With them, it is that many flushes, each with a CMD_SYNC after it, which
 * completes by an MSI.  With TOLD, the VMM is told of each call, of what was
 * forwarded and where CONS is.  With ATC, flushes are ATC_INV, of 64 streams.
 *
 * Count instructions, not seconds: count.sh runs it under callgrind.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#define STREAMS 64u

struct machine {
	uint64_t (*ring)[2];
	uint32_t log2;
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

static int guest_read(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	struct machine *machine = vmm;

	memcpy(buf, (char *)machine->ring + gpa, len);
	return 0;
}

static int guest_msi(void *vmm, uint32_t index, uint64_t gpa, uint32_t data)
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
	abort();
}

static int guest_command(void *vmm, uint32_t index,
			 const struct iommunest_smmuv3_cmd *cmd)
{
	(void)vmm;
	(void)index;
	(void)cmd;
	abort();
}

static void guest_publish(void *vmm, uint32_t cons, uint32_t gerror)
{
	(void)vmm;
	(void)cons;
	(void)gerror;
}

static void guest_trace(void *vmm, uint64_t cookie,
			const struct iommunest_call *call)
{
	(void)vmm;
	(void)cookie;
	(void)call;
}

static int guest_forwarded(void *vmm, uint32_t index,
			   const struct iommunest_smmuv3_cmd *cmd)
{
	(void)vmm;
	(void)index;
	(void)cmd;
	return 0;
}

static const struct iommunest_sys null_sys = {
	.size = sizeof(null_sys),
	.open = null_open,
	.close = null_close,
	.ioctl = null_ioctl,
};

static struct iommunest_smmuv3_cmdq_ops ops = {
	.size = sizeof(ops),
	.read = guest_read,
	.write_msi = guest_msi,
	.interrupt = guest_interrupt,
	.command = guest_command,
};

static void flush(uint64_t words[2], uint32_t number, bool atc)
{
	const uint64_t addr = (uint64_t)number << 16;

	if (atc) {
		words[0] = 0x40 | (uint64_t)(number % STREAMS) << 32;
		words[1] = addr | 4;
	} else {
		/* 16 pages of 4 KiB; the last level. */
		words[0] = 0x12 | 15u << 12 | UINT64_C(1) << 48;
		words[1] = addr | 1u << 10 | 3u << 8 | 1;
	}
}

/* A CMD_SYNC after each @flushes flushes. */
static void fill(const struct machine *machine, uint32_t flushes, bool atc)
{
	uint32_t number = 0;
	uint32_t i;

	for (i = 0; i < machine->slots; i++) {
		uint64_t *words = machine->ring[i];

		if (i % (flushes + 1) < flushes) {
			flush(words, number++, atc);
			continue;
		}
		/* Linux's: the MSI clears the slot's own first word. */
		words[0] = 0x46 | 1u << 12;
		words[1] = 0x1000;
	}
}

static struct iommunest_smmuv3_cmdq *make_engine(struct machine *machine,
						 struct iommunest_ctx *ctx,
						 uint32_t targets)
{
	const struct iommunest_smmuv3_caps caps = {
		.size = sizeof(caps),
		.asid_bits = 16,
		.ats = true,
		.ril = true,
		.sid_bits = 16,
	};
	const struct iommunest_smmuv3_cmdq_options options = {
		.size = sizeof(options),
		.caps = &caps,
		.unhealed = IOMMUNEST_SMMUV3_UNHEALED_HALT,
		.flags = IOMMUNEST_SMMUV3_CMDQ_MSI,
	};
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(result) };
	struct iommunest_smmuv3_target target = {
		.size = sizeof(target),
		.ctx = ctx,
	};
	struct iommunest_smmuv3_cmdq *cmdq;
	uint32_t i;

	if (iommunest_smmuv3_cmdq_new(&cmdq, &ops, machine, &options) ||
	    iommunest_smmuv3_cmdq_write_base(cmdq, machine->log2) ||
	    iommunest_smmuv3_cmdq_write_cr0(cmdq, IOMMUNEST_SMMUV3_CR0_CMDQEN,
					    &result))
		abort();
	for (i = 0; i < targets; i++) {
		target.viommu_id = i + 1;
		if (iommunest_smmuv3_cmdq_add_target(cmdq, &target))
			abort();
	}
	for (i = 0; i < STREAMS; i++) {
		target.viommu_id = i % targets + 1;
		if (iommunest_smmuv3_cmdq_add_stream(cmdq, i, &target))
			abort();
	}
	return cmdq;
}

/* One kick after the other, of @kick commands each. */
static uint64_t run(struct iommunest_smmuv3_cmdq *cmdq,
		    const struct machine *machine, uint32_t commands,
		    uint32_t kick)
{
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(result) };
	uint64_t calls = 0;
	uint32_t prod = 0;

	while (commands) {
		if (kick > commands)
			kick = commands;
		prod = (prod + kick) & (machine->slots * 2 - 1);
		if (iommunest_smmuv3_cmdq_write_prod(cmdq, prod, &result))
			abort();
		commands -= kick;
		calls += result.calls;
	}
	return calls;
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
	struct machine machine = { .log2 = number(argc, argv, 1, 0) & 15 };
	uint32_t commands = number(argc, argv, 2, 0);
	uint32_t targets = number(argc, argv, 3, 1);
	uint32_t pairs = number(argc, argv, 4, 0);
	struct iommunest_smmuv3_cmdq *cmdq;
	struct iommunest_ctx *ctx;
	uint64_t calls;

	if (argc < 3 || !targets) {
		fprintf(stderr,
			"usage: %s LOG2SIZE COMMANDS [TARGETS [PAIRS [TOLD "
			"[ATC]]]]\n",
			argv[0]);
		return 2;
	}
	machine.slots = 1u << machine.log2;
	machine.ring = calloc(machine.slots, sizeof(*machine.ring));
	if (!machine.ring || iommunest_open(&ctx, &options) < 0)
		return 1;
	fill(&machine, pairs ? 1 : 63, number(argc, argv, 6, 0));
	if (number(argc, argv, 5, 0)) {
		ops.trace = guest_trace;
		ops.forwarded = guest_forwarded;
		ops.publish = guest_publish;
	}
	cmdq = make_engine(&machine, ctx, targets);
	calls = run(cmdq, &machine, commands, pairs ? 2 * pairs : 64);
	printf("commands %lu calls %llu\n", (unsigned long)commands,
	       (unsigned long long)calls);
	iommunest_smmuv3_cmdq_free(cmdq);
	iommunest_close(ctx);
	free(machine.ring);
	return 0;
}
