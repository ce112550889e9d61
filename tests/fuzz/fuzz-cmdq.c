/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The engine of an SMMUv3's command queue: the input is the guest, the VMM, the
 * host's failures, and whoever hands over a state of live migration.  What its
 * caches hold is judged in tests/cmdq/test-cmdq-random.c; here, that any input
 * leaves registers, results and states as the header says, that nothing is sent
 * that the kernel would refuse, and that reads stay within the ring.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "cmdq-input.h"
#include "fuzz.h"

/* IOMMU_HWPT_INVALIDATE and its struct, and a file descriptor. */
#define HWPT_INVALIDATE 0x3b8dul
#define FD 42

struct invalidate {
	uint32_t size;
	uint32_t id;
	uint64_t data_uptr;
	uint32_t data_type;
	uint32_t entry_len;
	uint32_t entry_num;
	uint32_t flags;
};

/* Commands that an input may run over, so that none takes long. */
#define MOST_WORK 4096u
#define TARGETS 3u
#define FIRST_VIOMMU 70u
#define GROUP 63u
#define CMDS_MAX 64u
#define POSITION IOMMUNEST_SMMUV3_CMDQ_POSITION
#define GERROR_BITS \
	(IOMMUNEST_SMMUV3_GERROR_CMDQ | IOMMUNEST_SMMUV3_GERROR_MSI_CMDQ_ABT)

struct vmm {
	struct fuzz_input in;
	struct iommunest_ctx *ctx;
	struct iommunest_smmuv3_cmdq *q;
	struct iommunest_smmuv3_cmdq_ops ops;
	struct iommunest_smmuv3_cmdq_options options;
	struct iommunest_smmuv3_caps caps;
	uint32_t work;

	/* The ring holds these again and again. */
	uint64_t cmds[CMDS_MAX][2];
	uint32_t n_cmds;
	/* Memory changes with each read. */
	bool changes;
	uint64_t reads;
	uint32_t bad_every;
	uint32_t bad_first;

	/* The nth call fails so often, with an error and a count. */
	uint32_t fails_in;
	uint32_t fails;
	int host_error;
	uint32_t host_count;
	/* The nth callback that may fail does, with this. */
	uint32_t vmm_fails_in;
	int vmm_error;
	bool removes;

	struct iommunest_smmuv3_cmdq_result result;
	/* Since the run began. */
	uint32_t calls;
	uint32_t given;
	uint32_t dropped;
	uint32_t forwarded;
	bool isolated[TARGETS];
};

static int an_error(unsigned int nth)
{
	static const int errors[] = { -EIO,    -ETIMEDOUT, -ENOMEM,
				      -EINTR,  -EAGAIN,	   -EFAULT,
				      -EINVAL, -ENOENT,	   -EBADMSG };

	return errors[nth % (sizeof(errors) / sizeof(errors[0]))];
}

/* ---- The host ---- */

/* Whatever the guest wrote: the kernel would take it. */
static void check_entries(const struct vmm *vmm, const struct invalidate *cmd)
{
	const struct iommunest_smmuv3_entry *entries =
		(const void *)(uintptr_t)cmd->data_uptr;
	struct iommunest_smmuv3_cmd decoded =
		IOMMUNEST_INIT(struct iommunest_smmuv3_cmd);
	uint32_t i;

	for (i = 0; i < cmd->entry_num; i++) {
		fuzz_check(!iommunest_smmuv3_cmd_decode(&decoded, &entries[i]));
		fuzz_check(!iommunest_smmuv3_cmd_check(&decoded, &vmm->caps,
						       NULL));
	}
}

static int host_open(void *data, const char *path, int flags)
{
	(void)data;
	(void)path;
	(void)flags;
	return FD;
}

static int host_close(void *data, int fd)
{
	(void)data;
	(void)fd;
	return 0;
}

static int host_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct invalidate *cmd = arg;
	struct vmm *vmm = data;

	fuzz_check(fd == FD);
	fuzz_check(request == HWPT_INVALIDATE);
	fuzz_check(cmd->id - FIRST_VIOMMU < TARGETS);
	fuzz_check(!vmm->isolated[cmd->id - FIRST_VIOMMU]);
	fuzz_check(cmd->entry_num && cmd->entry_num <= GROUP);
	fuzz_check(cmd->entry_len == 16);
	check_entries(vmm, cmd);
	vmm->calls++;
	if (vmm->fails_in > 1) {
		vmm->fails_in--;
		return 0;
	}
	if (!vmm->fails_in || !vmm->fails)
		return 0;
	vmm->fails--;
	if (vmm->host_count <= GROUP)
		cmd->entry_num = vmm->host_count % (cmd->entry_num + 1);
	return vmm->host_error;
}

static const struct iommunest_sys host_sys = {
	.size = sizeof(host_sys),
	.open = host_open,
	.close = host_close,
	.ioctl = host_ioctl,
};

/* ---- The VMM ---- */

static struct iommunest_smmuv3_target target_at(const struct vmm *vmm,
						uint32_t nth)
{
	return (struct iommunest_smmuv3_target){
		.size = sizeof(struct iommunest_smmuv3_target),
		.ctx = vmm->ctx,
		.viommu_id = FIRST_VIOMMU + nth,
		.cookie = nth,
	};
}

/* What would pull the ring from under the run is refused. */
static void check_busy(struct vmm *vmm)
{
	struct iommunest_smmuv3_cmdq_state state = { .size = sizeof(state) };
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(result) };

	fuzz_check(iommunest_smmuv3_cmdq_write_base(vmm->q, 0) == -EBUSY);
	fuzz_check(iommunest_smmuv3_cmdq_save(vmm->q, &state) == -EBUSY);
	fuzz_check(iommunest_smmuv3_cmdq_run(vmm->q, &result) == -EBUSY);
	fuzz_check(iommunest_smmuv3_cmdq_reset(vmm->q) == -EBUSY);
	iommunest_smmuv3_cmdq_clear_fault(vmm->q);
	iommunest_smmuv3_cmdq_free(vmm->q);
}

static int answer(struct vmm *vmm)
{
	if (!vmm->vmm_fails_in || --vmm->vmm_fails_in)
		return 0;
	check_busy(vmm);
	return vmm->vmm_error;
}

static struct iommunest_smmuv3_cmdq_registers
registers_of(const struct vmm *vmm)
{
	struct iommunest_smmuv3_cmdq_registers regs = { .size = sizeof(regs) };

	fuzz_check(!iommunest_smmuv3_cmdq_read(vmm->q, &regs));
	return regs;
}

static uint32_t slots_of(const struct vmm *vmm, uint64_t base)
{
	uint32_t log2 = (uint32_t)(base & 0x1f);

	if (log2 > vmm->options.cmdqs)
		log2 = vmm->options.cmdqs;
	return 1u << log2;
}

static int vmm_read(void *user, uint64_t gpa, void *buf, size_t len)
{
	struct vmm *vmm = user;
	const uint64_t base = registers_of(vmm).base;
	const uint64_t size = (uint64_t)slots_of(vmm, base) * 16;
	const uint64_t first =
		base & UINT64_C(0x000fffffffffffe0) & ~(size - 1);
	uint64_t *words = buf;
	size_t i;

	fuzz_check(len && len <= 1024 && len % 16 == 0);
	fuzz_check(gpa / 4096 == (gpa + len - 1) / 4096);
	fuzz_check(gpa >= first && gpa - first + len <= size);
	for (i = 0; i < len / 16; i++) {
		const uint64_t slot = (gpa - first) / 16 + i;

		if (vmm->bad_every && slot % vmm->bad_every == vmm->bad_first)
			return -EFAULT;
		memcpy(words + i * 2, vmm->cmds[slot % vmm->n_cmds], 16);
		if (vmm->changes)
			words[i * 2] ^= vmm->reads++ % 7;
	}
	return 0;
}

static int vmm_write_msi(void *user, uint32_t index, uint64_t gpa,
			 uint32_t data)
{
	struct vmm *vmm = user;

	(void)data;
	fuzz_check(vmm->options.flags & IOMMUNEST_SMMUV3_CMDQ_MSI);
	fuzz_check(gpa && !(gpa & ~UINT64_C(0x000ffffffffffffc)));
	fuzz_check(index < slots_of(vmm, registers_of(vmm).base));
	return answer(vmm);
}

static void vmm_interrupt(void *user, uint32_t index)
{
	struct vmm *vmm = user;

	fuzz_check(index < slots_of(vmm, registers_of(vmm).base));
}

static void vmm_publish(void *user, uint32_t cons, uint32_t gerror)
{
	const struct iommunest_smmuv3_cmdq_registers regs = registers_of(user);

	fuzz_check(regs.cons == cons && regs.gerror == gerror);
}

static void change_targets(struct vmm *vmm)
{
	const struct iommunest_smmuv3_target target = target_at(vmm, 0);

	if (!vmm->removes)
		return;
	vmm->removes = false;
	if (!iommunest_smmuv3_cmdq_remove_target(vmm->q, &target))
		vmm->isolated[0] = false;
}

static int vmm_command(void *user, uint32_t index,
		       const struct iommunest_smmuv3_cmd *cmd)
{
	struct vmm *vmm = user;
	int ret;

	(void)index;
	fuzz_check(cmd->size == sizeof(*cmd));
	change_targets(vmm);
	ret = answer(vmm);
	vmm->given += !ret;
	return ret;
}

static void vmm_dropped(void *user, uint32_t index,
			const struct iommunest_smmuv3_cmd *cmd)
{
	struct vmm *vmm = user;

	(void)index;
	(void)cmd;
	vmm->dropped++;
}

static void vmm_skipped(void *user, uint32_t index, uint64_t cookie, int error)
{
	(void)user;
	(void)index;
	fuzz_check(cookie < TARGETS && error < 0);
}

static void vmm_healed(void *user, uint64_t cookie, uint32_t index, int error,
		       uint32_t code)
{
	(void)user;
	(void)index;
	fuzz_check(cookie < TARGETS && error < 0 && !code);
}

static int vmm_isolate(void *user, uint64_t cookie, uint32_t index, int error,
		       uint32_t code)
{
	struct vmm *vmm = user;
	int ret;

	(void)index;
	fuzz_check(cookie < TARGETS && error < 0 && !code);
	ret = answer(vmm);
	if (!ret)
		vmm->isolated[cookie] = true;
	change_targets(vmm);
	return ret;
}

static int vmm_forwarded(void *user, uint32_t index,
			 const struct iommunest_smmuv3_cmd *cmd)
{
	struct vmm *vmm = user;
	int ret = answer(vmm);

	(void)index;
	(void)cmd;
	vmm->forwarded += !ret;
	return ret;
}

static int vmm_stream(void *user, uint32_t sid,
		      struct iommunest_smmuv3_target *target)
{
	struct vmm *vmm = user;
	const int ret = answer(vmm);

	if (ret)
		return ret;
	if (sid % 5 >= TARGETS)
		return sid % 5 == 3 ? IOMMUNEST_SMMUV3_STREAM_VMM
				    : IOMMUNEST_SMMUV3_STREAM_NOBODY;
	*target = target_at(vmm, sid % 5);
	return IOMMUNEST_SMMUV3_STREAM_TARGET;
}

static const struct iommunest_smmuv3_cmdq_ops all_ops = {
	.size = sizeof(all_ops),
	.read = vmm_read,
	.write_msi = vmm_write_msi,
	.interrupt = vmm_interrupt,
	.publish = vmm_publish,
	.command = vmm_command,
	.dropped = vmm_dropped,
	.skipped = vmm_skipped,
	.healed = vmm_healed,
	.isolate = vmm_isolate,
	.forwarded = vmm_forwarded,
	.stream = vmm_stream,
};

/* ---- Making an engine ---- */

static void take_caps(struct vmm *vmm, uint8_t bits)
{
	vmm->caps = (struct iommunest_smmuv3_caps){
		.size = sizeof(vmm->caps),
		.asid_bits = bits & CMDQ_CAPS_ASID16 ? 16 : 8,
		.ats = bits & CMDQ_CAPS_ATS,
		.sid_bits = 32,
		.ssid_bits = bits & CMDQ_CAPS_SSID ? 20 : 0,
		.ril = bits & CMDQ_CAPS_RIL,
		.gran4k = true,
		.gran16k = bits & CMDQ_CAPS_16K,
		.ds = bits & CMDQ_CAPS_DS,
	};
}

static void take_options(struct vmm *vmm)
{
	struct iommunest_smmuv3_cmdq_options *options = &vmm->options;
	uint8_t bytes[CMDQ_OPTIONS];

	fuzz_take(&vmm->in, bytes, sizeof(bytes));
	take_caps(vmm, bytes[CMDQ_CAPS]);
	options->size = sizeof(*options);
	options->caps = &vmm->caps;
	options->policy = bytes[CMDQ_POLICY] & 3;
	options->unhealed = bytes[CMDQ_POLICY] >> 2 & 3;
	options->budget = 1u + bytes[CMDQ_BUDGET];
	options->cmdqs = 1 + bytes[CMDQ_SLOTS] % 19;
	if (!(bytes[CMDQ_FLAGS] & CMDQ_NO_MSI))
		options->flags = IOMMUNEST_SMMUV3_CMDQ_MSI;
	vmm->changes = bytes[CMDQ_FLAGS] & CMDQ_CHANGES;
	vmm->ops = all_ops;
	if (bytes[CMDQ_FLAGS] & CMDQ_NO_ISOLATE)
		vmm->ops.isolate = NULL;
	if (bytes[CMDQ_FLAGS] & CMDQ_NO_FORWARDED)
		vmm->ops.forwarded = NULL;
	if (!(bytes[CMDQ_FLAGS] & CMDQ_ASKS_STREAMS))
		vmm->ops.stream = NULL;
}

static bool options_are_good(const struct vmm *vmm)
{
	const struct iommunest_smmuv3_cmdq_options *options = &vmm->options;

	if (options->policy > IOMMUNEST_SMMUV3_CMDQ_SKIP ||
	    options->unhealed > IOMMUNEST_SMMUV3_UNHEALED_ABT)
		return false;
	if (options->policy != IOMMUNEST_SMMUV3_CMDQ_HEAL)
		return options->unhealed != IOMMUNEST_SMMUV3_UNHEALED_ABT;
	return options->unhealed || vmm->ops.isolate;
}

static struct iommunest_smmuv3_cmdq *new_engine(struct vmm *vmm)
{
	struct iommunest_smmuv3_cmdq *q;
	int ret = iommunest_smmuv3_cmdq_new(&q, &vmm->ops, vmm, &vmm->options);

	fuzz_check(ret == (options_are_good(vmm) ? 0 : -EINVAL));
	fuzz_check(!ret == !!q);
	return q;
}

/* ---- What a run leaves ---- */

static struct iommunest_smmuv3_cmdq_state state_of(const struct vmm *vmm)
{
	struct iommunest_smmuv3_cmdq_state state;

	memset(&state, 0, sizeof(state));
	state.size = sizeof(state);
	fuzz_check(!iommunest_smmuv3_cmdq_save(vmm->q, &state));
	return state;
}

static void check_counts(const struct vmm *vmm)
{
	const struct iommunest_smmuv3_cmdq_result *result = &vmm->result;

	fuzz_check(result->commands <= vmm->options.budget);
	fuzz_check((uint64_t)result->forwarded + result->syncs + result->vmm +
			   result->dropped + result->skipped <=
		   result->commands);
	fuzz_check(result->calls == vmm->calls);
	fuzz_check(result->vmm == vmm->given);
	fuzz_check(result->dropped == vmm->dropped);
	if (vmm->ops.forwarded)
		fuzz_check(result->forwarded + result->skipped ==
			   vmm->forwarded);
}

static void check_failure(const struct vmm *vmm,
			  const struct iommunest_smmuv3_cmdq_state *state,
			  int ret)
{
	const struct iommunest_smmuv3_cmdq_result *result = &vmm->result;

	fuzz_check(state->cause == result->cause && state->error == ret);
	fuzz_check(state->index == result->index && result->error == ret);
	fuzz_check(result->index ==
		   (state->cons & (slots_of(vmm, state->base) - 1)));
	fuzz_check((result->cons >> 24 != 0) <=
		   ((state->gerror ^ state->gerrorn) & 1));
	fuzz_check(!result->reason || result->cause == IOMMUNEST_CAUSE_GUEST);
	fuzz_check((result->cons >> 24 == 1) ==
		   (result->cause == IOMMUNEST_CAUSE_GUEST));
}

static void after_run(struct vmm *vmm,
		      const struct iommunest_smmuv3_cmdq_state *before, int ret)
{
	const struct iommunest_smmuv3_cmdq_result *result = &vmm->result;
	const struct iommunest_smmuv3_cmdq_state state = state_of(vmm);
	const uint32_t mask = slots_of(vmm, state.base) * 2 - 1;
	const bool enabled = state.cr0;
	const bool done = (state.cons & POSITION) == state.prod;

	vmm->work += 1 + result->commands;
	fuzz_check(result->cons == state.cons);
	fuzz_check(result->gerror == state.gerror);
	fuzz_check(result->gerror_changed == (before->gerror ^ state.gerror));
	check_counts(vmm);
	if (!enabled) {
		fuzz_check(!result->commands && !ret);
		return;
	}
	fuzz_check(!(state.prod & ~mask) && !(state.cons & POSITION & ~mask));
	fuzz_check((((state.cons - before->cons) & mask)) ==
		   (result->commands & mask));
	if (ret < 0) {
		check_failure(vmm, &state, ret);
		return;
	}
	fuzz_check(!state.cause && !result->cause && !result->error);
	fuzz_check(!(state.cons & ~POSITION));
	/* An error that the guest itself made active halts it, too. */
	if ((state.gerror ^ state.gerrorn) & IOMMUNEST_SMMUV3_GERROR_CMDQ)
		fuzz_check(!ret && !result->commands);
	else
		fuzz_check(ret == !done);
}

static struct iommunest_smmuv3_cmdq_state before_run(struct vmm *vmm)
{
	vmm->result = (struct iommunest_smmuv3_cmdq_result){
		.size = sizeof(vmm->result),
	};
	vmm->calls = vmm->given = vmm->dropped = vmm->forwarded = 0;
	return state_of(vmm);
}

/* ---- Operations ---- */

static void write_prod(struct vmm *vmm, uint32_t prod)
{
	const struct iommunest_smmuv3_cmdq_state before = before_run(vmm);

	after_run(vmm, &before,
		  iommunest_smmuv3_cmdq_write_prod(vmm->q, prod, &vmm->result));
}

static void op_run(struct vmm *vmm)
{
	const struct iommunest_smmuv3_cmdq_state before = before_run(vmm);

	after_run(vmm, &before,
		  iommunest_smmuv3_cmdq_run(vmm->q, &vmm->result));
}

static void write_cr0(struct vmm *vmm, uint32_t cr0)
{
	const struct iommunest_smmuv3_cmdq_state before = before_run(vmm);

	after_run(vmm, &before,
		  iommunest_smmuv3_cmdq_write_cr0(vmm->q, cr0, &vmm->result));
}

static void write_gerrorn(struct vmm *vmm, uint32_t gerrorn)
{
	const struct iommunest_smmuv3_cmdq_state before = before_run(vmm);

	after_run(vmm, &before,
		  iommunest_smmuv3_cmdq_write_gerrorn(vmm->q, gerrorn,
						      &vmm->result));
}

static void op_base(struct vmm *vmm)
{
	const bool enabled = registers_of(vmm).cr0;

	fuzz_check(iommunest_smmuv3_cmdq_write_base(vmm->q,
						    fuzz_shaped(&vmm->in)) ==
		   (enabled ? -EBUSY : 0));
}

static void op_cons(struct vmm *vmm)
{
	const bool enabled = registers_of(vmm).cr0;

	fuzz_check(iommunest_smmuv3_cmdq_write_cons(
			   vmm->q, (uint32_t)fuzz_shaped(&vmm->in)) ==
		   (enabled ? -EBUSY : 0));
}

/* Opcodes that do something, and fields that are mostly legal. */
static void take_cmd(struct vmm *vmm, uint64_t words[2])
{
	static const uint8_t opcodes[] = { 0x10, 0x11, 0x12, 0x13, 0x30, 0x05,
					   0x06, 0x40, 0x46, 0x46, 0x03, 0x01,
					   0x04, 0x41, 0x44, 0x45 };
	const uint8_t shape = fuzz_u8(&vmm->in);
	const uint8_t low = fuzz_u8(&vmm->in);

	if (shape & CMDQ_CMD_ANY) {
		words[0] = fuzz_u64(&vmm->in);
		words[1] = fuzz_u64(&vmm->in);
		return;
	}
	words[0] = opcodes[shape & 15];
	words[1] = 0;
	switch (words[0]) {
	case 0x05:
	case 0x06:
	case 0x40:
	case 0x03:
	case 0x01:
		words[0] |= (uint64_t)low << 32;
		break;
	case 0x46:
		words[0] |= (uint64_t)(low & 3) << 12;
		words[1] = (uint64_t)(low >> 2) << 8;
		break;
	case 0x11:
		words[0] |= (uint64_t)low << 48;
		break;
	default:
		break;
	}
	if (shape & CMDQ_CMD_XOR)
		words[fuzz_u8(&vmm->in) & 1] ^= fuzz_shaped(&vmm->in);
}

static void op_cmds(struct vmm *vmm)
{
	uint32_t i;

	vmm->n_cmds = 1 + fuzz_below(&vmm->in, CMDS_MAX);
	for (i = 0; i < vmm->n_cmds; i++)
		take_cmd(vmm, vmm->cmds[i]);
}

static void op_targets(struct vmm *vmm)
{
	const uint8_t bits = fuzz_u8(&vmm->in);
	const uint32_t nth = (bits & 15) % TARGETS;
	const struct iommunest_smmuv3_target target = target_at(vmm, nth);
	int ret;

	if (bits & CMDQ_REMOVES) {
		ret = iommunest_smmuv3_cmdq_remove_target(vmm->q, &target);
		fuzz_check(!ret || ret == -ENOENT);
	} else {
		ret = iommunest_smmuv3_cmdq_add_target(vmm->q, &target);
		fuzz_check(!ret || ret == -EEXIST);
	}
	if (!ret)
		vmm->isolated[nth] = false;
}

static void op_streams(struct vmm *vmm)
{
	const uint8_t bits = fuzz_u8(&vmm->in);
	const uint32_t nth = (bits & 15) % (TARGETS + 1);
	const struct iommunest_smmuv3_target target = target_at(vmm, nth);
	const uint32_t sid = fuzz_u8(&vmm->in);
	int ret;

	if (bits & CMDQ_REMOVES) {
		ret = iommunest_smmuv3_cmdq_remove_stream(vmm->q, sid);
		fuzz_check(!ret || ret == -ENOENT);
		return;
	}
	ret = iommunest_smmuv3_cmdq_add_stream(vmm->q, sid,
					       nth == TARGETS ? NULL : &target);
	fuzz_check(!ret || ret == -ENOENT || ret == -EEXIST ||
		   (ret == -EINVAL && vmm->ops.stream));
}

static void op_reset(struct vmm *vmm)
{
	struct iommunest_smmuv3_cmdq_state state;

	fuzz_check(!iommunest_smmuv3_cmdq_reset(vmm->q));
	state = state_of(vmm);
	state.size = 0;
	fuzz_check(!state.base && !state.prod && !state.cons && !state.cr0);
	fuzz_check(!state.cause && !state.doubt_count && !state.gerror);
	memset(vmm->isolated, 0, sizeof(vmm->isolated));
}

/* Targets and streams come anew; what was isolated is back. */
static void put_engine(struct vmm *vmm, struct iommunest_smmuv3_cmdq *q)
{
	struct iommunest_smmuv3_target target;
	uint32_t i;

	iommunest_smmuv3_cmdq_free(vmm->q);
	vmm->q = q;
	memset(vmm->isolated, 0, sizeof(vmm->isolated));
	for (i = 0; i < TARGETS - 1; i++) {
		target = target_at(vmm, i);
		fuzz_check(!iommunest_smmuv3_cmdq_add_target(q, &target));
		if (!vmm->ops.stream)
			fuzz_check(!iommunest_smmuv3_cmdq_add_stream(q, i,
								     &target));
	}
}

/* What one engine saves, another restores. */
static void op_migrate(struct vmm *vmm)
{
	const struct iommunest_smmuv3_cmdq_state state = state_of(vmm);
	struct iommunest_smmuv3_cmdq_state again;

	put_engine(vmm, new_engine(vmm));
	fuzz_check(!iommunest_smmuv3_cmdq_restore(vmm->q, &state));
	again = state_of(vmm);
	fuzz_check(!memcmp(&state, &again, sizeof(state)));
}

/* What is not refused is what is saved again. */
static void op_restore(struct vmm *vmm)
{
	const struct iommunest_smmuv3_cmdq_state before = state_of(vmm);
	struct iommunest_smmuv3_cmdq_state state = before, after;
	unsigned int count = fuzz_below(&vmm->in, 8);
	unsigned char *bytes = (unsigned char *)&state;
	int ret;

	while (count--) {
		const size_t at = sizeof(state.size) +
				  fuzz_u16(&vmm->in) %
					  (sizeof(state) - sizeof(state.size));

		bytes[at] ^= fuzz_u8(&vmm->in);
	}
	ret = iommunest_smmuv3_cmdq_restore(vmm->q, &state);
	fuzz_check(!ret || ret == -EINVAL);
	after = state_of(vmm);
	fuzz_check(!memcmp(ret ? &before : &state, &after, sizeof(after)));
}

/* ATC_INVs before CONS, as far as registers say it. */
static bool may_be_in_doubt(const struct vmm *vmm, uint32_t cons)
{
	const uint32_t cerror = cons >> 24;

	if (vmm->options.unhealed != IOMMUNEST_SMMUV3_UNHEALED_ABT ||
	    !vmm->caps.ats)
		return cerror == IOMMUNEST_SMMUV3_CERROR_ATC_INV_SYNC;
	return cerror != IOMMUNEST_SMMUV3_CERROR_NONE;
}

static void op_restore_registers(struct vmm *vmm)
{
	const struct iommunest_smmuv3_cmdq_state before = state_of(vmm);
	struct iommunest_smmuv3_cmdq_registers regs = registers_of(vmm);
	struct iommunest_smmuv3_cmdq_state after;
	int ret;

	regs.base ^= fuzz_shaped(&vmm->in);
	regs.prod ^= (uint32_t)fuzz_shaped(&vmm->in);
	regs.cons ^= (uint32_t)fuzz_shaped(&vmm->in);
	regs.cr0 ^= fuzz_u8(&vmm->in);
	regs.gerror ^= fuzz_u8(&vmm->in);
	regs.gerrorn ^= fuzz_u8(&vmm->in);
	ret = iommunest_smmuv3_cmdq_restore_registers(vmm->q, &regs);
	fuzz_check(ret == 0 || ret == 1 || ret == -EINVAL);
	after = state_of(vmm);
	if (ret < 0) {
		fuzz_check(!memcmp(&before, &after, sizeof(after)));
		return;
	}
	fuzz_check((ret == 1) == may_be_in_doubt(vmm, after.cons));
	fuzz_check(after.gerror == (regs.gerror & GERROR_BITS));
	fuzz_check(!after.doubt_count);
}

static void op_host_fault(struct vmm *vmm)
{
	vmm->fails_in = 1u + fuzz_below(&vmm->in, 8);
	vmm->fails = fuzz_u8(&vmm->in);
	vmm->host_error = an_error(fuzz_u8(&vmm->in));
	vmm->host_count = fuzz_u8(&vmm->in);
}

static void op_vmm_fault(struct vmm *vmm)
{
	vmm->vmm_fails_in = 1u + fuzz_below(&vmm->in, 16);
	vmm->vmm_error = an_error(fuzz_u8(&vmm->in));
}

static void op_bad_memory(struct vmm *vmm)
{
	vmm->bad_every = fuzz_u8(&vmm->in);
	vmm->bad_first = fuzz_u8(&vmm->in);
}

static void operate(struct vmm *vmm)
{
	switch (fuzz_below(&vmm->in, CMDQ_OPS)) {
	case CMDQ_OP_RUN_BY:
		write_prod(vmm, registers_of(vmm).cons + fuzz_u8(&vmm->in));
		break;
	case CMDQ_OP_RUN_TO:
		write_prod(vmm, (uint32_t)fuzz_shaped(&vmm->in));
		break;
	case CMDQ_OP_RUN:
		op_run(vmm);
		break;
	case CMDQ_OP_CMDS:
		op_cmds(vmm);
		break;
	case CMDQ_OP_CR0:
		write_cr0(vmm, fuzz_u8(&vmm->in));
		break;
	case CMDQ_OP_GERRORN:
		write_gerrorn(vmm, fuzz_u8(&vmm->in));
		break;
	case CMDQ_OP_ACKNOWLEDGE:
		write_gerrorn(vmm, registers_of(vmm).gerror);
		break;
	case CMDQ_OP_BASE:
		op_base(vmm);
		break;
	case CMDQ_OP_CONS:
		op_cons(vmm);
		break;
	case CMDQ_OP_TARGETS:
		op_targets(vmm);
		break;
	case CMDQ_OP_STREAMS:
		op_streams(vmm);
		break;
	case CMDQ_OP_RESET:
		op_reset(vmm);
		break;
	case CMDQ_OP_CLEAR_FAULT:
		iommunest_smmuv3_cmdq_clear_fault(vmm->q);
		break;
	case CMDQ_OP_MIGRATE:
		op_migrate(vmm);
		break;
	case CMDQ_OP_RESTORE:
		op_restore(vmm);
		break;
	case CMDQ_OP_RESTORE_REGISTERS:
		op_restore_registers(vmm);
		break;
	case CMDQ_OP_HOST_FAULT:
		op_host_fault(vmm);
		break;
	case CMDQ_OP_VMM_FAULT:
		op_vmm_fault(vmm);
		break;
	case CMDQ_OP_VMM_REMOVES:
		vmm->removes = true;
		break;
	default:
		op_bad_memory(vmm);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vmm vmm;
	struct iommunest_open_options options = { .size = sizeof(options),
						  .sys = &host_sys,
						  .sys_data = &vmm };

	memset(&vmm, 0, sizeof(vmm));
	vmm.in = (struct fuzz_input){ data, size };
	vmm.n_cmds = 1;
	vmm.cmds[0][0] = 0x46;
	take_options(&vmm);
	vmm.q = new_engine(&vmm);
	if (!vmm.q)
		return 0;
	/* It has no targets yet, which need a context. */
	fuzz_check(!iommunest_open_fd(&vmm.ctx, FD, &options));
	put_engine(&vmm, new_engine(&vmm));
	fuzz_check(!iommunest_smmuv3_cmdq_write_base(
		vmm.q, 0x000ffffffff00000 | (size ? data[0] >> 4 : 0)));
	write_cr0(&vmm, IOMMUNEST_SMMUV3_CR0_CMDQEN);
	while (fuzz_more(&vmm.in) && vmm.work < MOST_WORK)
		operate(&vmm);
	iommunest_smmuv3_cmdq_free(vmm.q);
	iommunest_close(vmm.ctx);
	return 0;
}
