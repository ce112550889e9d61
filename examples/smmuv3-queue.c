/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A guest's command queue on two vIOMMUs, one of which fails.  Build it
 * with the simulator: -liommunest-sim.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <libiommunest-sim.h>
#include <libiommunest.h>

#define LOG2SIZE 4
#define SLOTS (1 << LOG2SIZE)

/* Stream ids of the guest's devices, and one that nobody has. */
#define FIRST 0x10
#define SECOND 0x11
#define NOBODY 0x30

/* Guest memory: nothing but the ring. */
struct vmm {
	struct iommunest_smmuv3_entry ring[SLOTS];
};

static int vmm_read(void *data, uint64_t gpa, void *buf, size_t len)
{
	struct vmm *vmm = data;

	if (gpa > sizeof(*vmm) || len > sizeof(*vmm) - gpa)
		return -EFAULT;
	memcpy(buf, (char *)vmm->ring + gpa, len);
	return 0;
}

static int vmm_write_msi(void *data, uint32_t index, uint64_t gpa,
			 uint32_t value)
{
	struct vmm *vmm = data;

	if (gpa > sizeof(*vmm) - 4 || gpa % 4)
		return -EFAULT;
	__atomic_store_n((uint32_t *)vmm->ring + gpa / 4, value,
			 __ATOMIC_RELEASE);
	printf("slot %" PRIu32 ": CMD_SYNC completes\n", index);
	return 0;
}

static void vmm_interrupt(void *data, uint32_t index)
{
	(void)data, (void)index;
}

/* Reads the guest's stream table; here, nothing has changed. */
static int vmm_command(void *data, uint32_t index,
		       const struct iommunest_smmuv3_cmd *cmd)
{
	char text[128];

	(void)data;
	iommunest_smmuv3_cmd_print(cmd, text, sizeof(text));
	printf("slot %" PRIu32 ": for the VMM: %s\n", index, text);
	return 0;
}

static void vmm_dropped(void *data, uint32_t index,
			const struct iommunest_smmuv3_cmd *cmd)
{
	(void)data, (void)cmd;
	printf("slot %" PRIu32 ": dropped\n", index);
}

static void vmm_healed(void *data, uint64_t cookie, uint32_t index,
		       int error, uint32_t code)
{
	(void)data, (void)cookie, (void)error, (void)code;
	printf("slot %" PRIu32 ": healed\n", index);
}

/* Detaches the target's devices; here, nothing can. */
static int vmm_isolate(void *data, uint64_t cookie, uint32_t index,
		       int error, uint32_t code)
{
	(void)data, (void)cookie, (void)index, (void)error, (void)code;
	return -ENODEV;
}

static void vmm_trace(void *data, uint64_t cookie,
		      const struct iommunest_call *call)
{
	uint32_t i;

	(void)data;
	printf("ioctl: target %" PRIu64 ", slots", cookie);
	for (i = 0; i < call->count; i++)
		printf(" %" PRIu64, call->cookies[i]);
	printf(": %s\n", call->error ? "fails" : "done");
}

static void check(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

/* As Linux does it: the MSI overwrites the command itself. */
static void put_sync(struct vmm *vmm, unsigned int slot)
{
	const struct iommunest_smmuv3_cmd cmd = {
		.size = sizeof(cmd),
		.opcode = IOMMUNEST_SMMUV3_SYNC,
		.signal = IOMMUNEST_SMMUV3_SIGNAL_IRQ,
		.addr = slot * sizeof(vmm->ring[0]),
	};

	iommunest_smmuv3_cmd_encode(&cmd, &vmm->ring[slot]);
}

/* What the guest queues. */
static void fill_ring(struct vmm *vmm)
{
	const struct iommunest_smmuv3_cmd ste = {
		.size = sizeof(ste),
		.opcode = IOMMUNEST_SMMUV3_CFGI_STE,
		.sid = SECOND,
	};

	iommunest_smmuv3_tlbi_nh_va(&vmm->ring[0], 1, 0x1000, true);
	put_sync(vmm, 1);
	iommunest_smmuv3_tlbi_nh_va(&vmm->ring[2], 1, 0x2000, true);
	put_sync(vmm, 3);
	iommunest_smmuv3_cfgi_cd(&vmm->ring[4], FIRST, 0, true);
	iommunest_smmuv3_cfgi_cd(&vmm->ring[5], NOBODY, 0, true);
	put_sync(vmm, 6);
	iommunest_smmuv3_cmd_encode(&ste, &vmm->ring[7]);
}

/* A device behind an SMMU of its own, which the engine gets to know. */
static void add(struct iommunest_smmuv3_cmdq *cmdq,
		struct iommunest_sim *sim,
		struct iommunest_smmuv3_target *target, uint32_t sid)
{
	struct iommunest_ctx *ctx = target->ctx;
	const int fd = iommunest_fd(ctx);
	struct iommunest_smmuv3_ste ste = { .size = sizeof(ste) };
	const uint64_t words[2] = { 0x4000 | 5 << 1 | 1, 0 };
	struct iommunest_smmuv3_caps caps = { .size = sizeof(caps) };
	struct iommunest_hw_info info = { .size = sizeof(info) };
	struct iommunest_smmuv3_s1 s1;
	uint32_t dev, ioas, parent, id, vdev, hwpt;

	check(iommunest_sim_bind(sim, fd, 0, &dev), "bind");
	check(iommunest_hw_info(ctx, dev, &info), "hardware");
	check(iommunest_smmuv3_caps_decode(&caps, &info), "an SMMUv3");
	check(iommunest_ioas_alloc(ctx, &ioas), "IOAS");
	check(iommunest_hwpt_alloc_parent(ctx, dev, ioas, &parent),
	      "stage 2");
	check(iommunest_smmuv3_viommu_alloc(ctx, dev, parent, &id),
	      "vIOMMU");
	check(iommunest_smmuv3_vdevice_alloc(ctx, id, dev, sid, 16, &vdev),
	      "vDEVICE");
	check(iommunest_smmuv3_ste_decode(&ste, words), "STE");
	check(iommunest_smmuv3_ste_to_s1(&ste, &caps, 40, &s1, NULL),
	      "stage 1");
	check(iommunest_smmuv3_hwpt_alloc(ctx, dev, id, &s1, &hwpt),
	      "HWPT");
	target->viommu_id = id;
	check(iommunest_smmuv3_cmdq_add_target(cmdq, target), "target");
	check(iommunest_smmuv3_cmdq_add_stream(cmdq, sid, target),
	      "stream");
	check(iommunest_sim_attach(sim, fd, dev, hwpt), "attach");
}

static struct iommunest_smmuv3_cmdq *make_engine(struct vmm *vmm)
{
	const struct iommunest_smmuv3_cmdq_ops ops = {
		.size = sizeof(ops),
		.read = vmm_read,
		.write_msi = vmm_write_msi,
		.interrupt = vmm_interrupt,
		.command = vmm_command,
		.dropped = vmm_dropped,
		.healed = vmm_healed,
		.isolate = vmm_isolate,
		.trace = vmm_trace,
	};
	/* What the guest was shown. */
	const struct iommunest_smmuv3_caps caps = {
		.size = sizeof(caps),
		.asid_bits = 16,
		.sid_bits = 16,
		.gran4k = true,
	};
	const struct iommunest_smmuv3_cmdq_options options = {
		.size = sizeof(options),
		.caps = &caps,
		.flags = IOMMUNEST_SMMUV3_CMDQ_MSI,
		.cmdqs = LOG2SIZE,
	};
	struct iommunest_smmuv3_cmdq *cmdq;

	check(iommunest_smmuv3_cmdq_new(&cmdq, &ops, vmm, &options),
	      "engine");
	return cmdq;
}

static void show(const struct iommunest_smmuv3_cmdq_result *result)
{
	printf("CMDQ_CONS 0x%" PRIx32 ", GERROR 0x%" PRIx32
	       ", commands %" PRIu32 ", ioctls %" PRIu32 "\n",
	       result->cons, result->gerror, result->commands,
	       result->calls);
}

int main(void)
{
	/* The fourth entry that the driver looks at, also alone. */
	const struct iommunest_sim_fault fault = {
		.size = sizeof(fault),
		.kind = IOMMUNEST_SIM_FAIL_ENTRY,
		.error = -EIO,
		.nth = 4,
		.repeat = 2,
	};
	const struct iommunest_sim_options machine = {
		.size = sizeof(machine),
		.profile = IOMMUNEST_SIM_SMMUV3_7_3,
	};
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
	};
	struct iommunest_smmuv3_cmdq_result result = {
		.size = sizeof(result),
	};
	struct iommunest_smmuv3_target targets[] = {
		{ .size = sizeof(targets[0]), .cookie = 1 },
		{ .size = sizeof(targets[0]), .cookie = 2 },
	};
	static struct vmm vmm;
	struct iommunest_smmuv3_cmdq *cmdq;
	struct iommunest_sim *sim;
	struct iommunest_ctx *ctx;

	check(iommunest_sim_new(&sim, &machine), "simulator");
	options.sys_data = sim;
	check(iommunest_open(&ctx, &options), "open");
	cmdq = make_engine(&vmm);
	targets[0].ctx = targets[1].ctx = ctx;
	add(cmdq, sim, &targets[0], FIRST);
	add(cmdq, sim, &targets[1], SECOND);
	check(iommunest_sim_inject(sim, &fault), "fault");

	/* The guest writes CMDQ_BASE, CR0, and at last CMDQ_PROD. */
	check(iommunest_smmuv3_cmdq_write_base(cmdq, LOG2SIZE), "base");
	check(iommunest_smmuv3_cmdq_write_cr0(
		      cmdq, IOMMUNEST_SMMUV3_CR0_CMDQEN, &result),
	      "CMDQEN");
	fill_ring(&vmm);
	check(iommunest_smmuv3_cmdq_write_prod(cmdq, 8, &result), "run");
	show(&result);

	iommunest_smmuv3_cmdq_free(cmdq);
	iommunest_close(ctx);
	iommunest_sim_free(sim);
	return result.cons == 8 ? 0 : 1;
}
