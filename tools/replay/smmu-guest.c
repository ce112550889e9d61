/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The guest's writes, and the queue engine that a VMM runs under them. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* htole64 */
#endif

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/replay/smmu.h"

#define COMMAND_BYTES sizeof(struct cmdq_command)

static uint32_t index_of(const struct smmu_replay *replay, uint32_t position)
{
	return position & (replay->state.size - 1);
}

static uint32_t next_position(const struct smmu_replay *replay,
			      uint32_t position)
{
	return (position + 1) & (replay->state.size * 2 - 1);
}

size_t smmu_seq(const struct smmu_replay *replay, uint64_t index)
{
	return replay->seqs[index % CMDQ_SLOTS_MAX];
}

static const struct cmdq_command *command_in(const struct smmu_replay *replay,
					     uint64_t index)
{
	return &replay->capture->commands[smmu_seq(replay, index)];
}

void smmu_print_command(const struct smmu_replay *replay, uint64_t index,
			char *buf, size_t len)
{
	smmu_print_words(command_in(replay, index)->words, buf, len);
}

/* ---- What the engine tells the VMM ---- */

static bool is_sync(const struct cmdq_command *command)
{
	return (uint8_t)command->words[0] == IOMMUNEST_SMMUV3_SYNC;
}

static void tell_slot(struct smmu_replay *replay)
{
	const struct smmu_event event = {
		.kind = SMMU_SYNC,
		.index = index_of(replay, replay->told),
	};

	replay->told = next_position(replay, replay->told);
	if (is_sync(command_in(replay, event.index)))
		smmu_emit(replay, &event);
}

/*
 * CMD_SYNCs that no interrupt tells of are done when CONS is after them, or the
 * VMM is given a command that is.
 */
static void tell_before(struct smmu_replay *replay, uint32_t index)
{
	while (index_of(replay, replay->told) != index)
		tell_slot(replay);
}

static void guest_publish(void *vmm, uint32_t cons, uint32_t gerror)
{
	struct smmu_replay *replay = vmm;
	const uint32_t done = cons & (replay->state.size * 2 - 1);

	(void)gerror;
	while (replay->told != done)
		tell_slot(replay);
}

static int guest_read(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	const struct smmu_replay *replay = vmm;
	size_t bytes = replay->state.size * COMMAND_BYTES;
	uint64_t offset = gpa - replay->base;

	if (offset >= bytes || len > bytes - offset)
		return -EFAULT;
	memcpy(buf, replay->memory + offset, len);
	return 0;
}

/* guest_publish() tells of it. */
static int guest_write_msi(void *vmm, uint32_t index, uint64_t gpa,
			   uint32_t data)
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

static int vmm_command(void *vmm, uint32_t index,
		       const struct iommunest_smmuv3_cmd *cmd)
{
	const struct smmu_event event = {
		.kind = SMMU_VMM,
		.index = index,
		.opcode = cmd->opcode,
	};

	tell_before(vmm, index);
	smmu_emit(vmm, &event);
	return 0;
}

static void vmm_dropped(void *vmm, uint32_t index,
			const struct iommunest_smmuv3_cmd *cmd)
{
	const struct smmu_event event = {
		.kind = SMMU_DROPPED,
		.index = index,
	};

	(void)cmd;
	tell_before(vmm, index);
	smmu_emit(vmm, &event);
}

static void vmm_skipped(void *vmm, uint32_t index, uint64_t cookie, int error)
{
	const struct smmu_event event = {
		.kind = SMMU_FAILURE,
		.index = index,
		.error = error,
		.cause = IOMMUNEST_CAUSE_HOST,
	};

	(void)cookie;
	tell_before(vmm, index);
	smmu_emit(vmm, &event);
}

static void vmm_trace(void *vmm, uint64_t cookie,
		      const struct iommunest_call *call)
{
	struct smmu_replay *replay = vmm;
	const struct smmu_event event = {
		.kind = SMMU_SUBMIT,
		.call = call,
	};

	(void)cookie;
	replay->call_number++;
	smmu_emit(replay, &event);
}

/* ---- Life cycle ---- */

/* `flush` heals; there is nobody who could isolate. */
static uint32_t engine_policy(uint32_t policy)
{
	if (policy == IOMMUNEST_POLICY_SKIP)
		return IOMMUNEST_SMMUV3_CMDQ_SKIP;
	if (policy == IOMMUNEST_POLICY_FLUSH_ALL)
		return IOMMUNEST_SMMUV3_CMDQ_HEAL;
	return IOMMUNEST_SMMUV3_CMDQ_STOP;
}

static int new_engine(struct smmu_replay *replay)
{
	static const struct iommunest_smmuv3_cmdq_ops ops = {
		.size = sizeof(ops),
		.read = guest_read,
		.write_msi = guest_write_msi,
		.interrupt = guest_interrupt,
		.publish = guest_publish,
		.command = vmm_command,
		.dropped = vmm_dropped,
		.skipped = vmm_skipped,
		.trace = vmm_trace,
	};
	const struct replay_options *options = replay->options;
	const struct iommunest_smmuv3_cmdq_options cmdq_options = {
		.size = sizeof(cmdq_options),
		.caps = &replay->caps,
		.policy = engine_policy(options->policy),
		.unhealed = IOMMUNEST_SMMUV3_UNHEALED_HALT,
		.budget = options->per_descriptor
				  ? 1
				  : IOMMUNEST_SMMUV3_CMDQ_NO_BUDGET,
		.flags = IOMMUNEST_SMMUV3_CMDQ_MSI,
	};

	return iommunest_smmuv3_cmdq_new(&replay->cmdq, &ops, replay,
					 &cmdq_options);
}

static int add_streams(struct smmu_replay *replay,
		       const struct iommunest_smmuv3_target *target)
{
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < replay->stream_count; i++) {
		const struct smmu_stream *stream = &replay->streams[i];

		if (stream->whose == IOMMUNEST_SMMUV3_STREAM_TARGET)
			ret = iommunest_smmuv3_cmdq_add_stream(
				replay->cmdq, stream->sid, target);
		if (stream->whose == IOMMUNEST_SMMUV3_STREAM_VMM)
			ret = iommunest_smmuv3_cmdq_add_stream(
				replay->cmdq, stream->sid, NULL);
	}
	return ret;
}

static int set_up_engine(struct smmu_replay *replay, const char **what)
{
	const struct iommunest_smmuv3_target target = {
		.size = sizeof(target),
		.ctx = replay->host.ctx,
		.viommu_id = replay->viommu_id,
		.cookie = replay->viommu_id,
	};
	int ret;

	*what = "make a queue engine";
	ret = new_engine(replay);
	if (ret)
		return ret;
	*what = "add the vIOMMU to the queue engine";
	ret = iommunest_smmuv3_cmdq_add_target(replay->cmdq, &target);
	if (ret)
		return ret;
	*what = "add a stream to the queue engine";
	return add_streams(replay, &target);
}

int smmu_guest_open(struct smmu_replay *replay, const char **what)
{
	int ret = -ENOMEM;

	/* Until there is a base. */
	replay->state.size = 1;
	*what = "allocate the guest's memory";
	replay->memory = calloc(CMDQ_SLOTS_MAX, COMMAND_BYTES);
	replay->seqs = calloc(CMDQ_SLOTS_MAX, sizeof(*replay->seqs));
	if (replay->memory && replay->seqs)
		ret = set_up_engine(replay, what);
	if (ret)
		smmu_guest_close(replay);
	return ret;
}

void smmu_guest_close(struct smmu_replay *replay)
{
	iommunest_smmuv3_cmdq_free(replay->cmdq);
	free(replay->seqs);
	free(replay->memory);
	replay->cmdq = NULL;
	replay->seqs = NULL;
	replay->memory = NULL;
}

/* ---- Runs of the engine ---- */

static void add_result(struct smmu_totals *totals,
		       const struct iommunest_smmuv3_cmdq_result *result)
{
	totals->commands += result->commands;
	totals->forwarded += result->forwarded;
	totals->entries += result->entries;
	totals->calls += result->calls;
	totals->syncs += result->syncs;
	totals->vmm += result->vmm;
	totals->dropped += result->dropped;
	totals->failed += result->skipped;
}

static void emit_stop(struct smmu_replay *replay,
		      const struct iommunest_smmuv3_cmdq_result *result)
{
	const struct smmu_event event = {
		.kind = SMMU_FAILURE,
		.index = result->index,
		.error = result->error,
		.cause = result->cause,
		.reason = result->reason,
		.cerror = (result->cons & IOMMUNEST_SMMUV3_CMDQ_CONS_ERR) >>
			  IOMMUNEST_SMMUV3_CMDQ_CONS_ERR_SHIFT,
		.gerror = result->gerror,
	};

	replay->totals.failed++;
	smmu_emit(replay, &event);
}

/*
 * After a write that runs the queue, up to its end.  What the guest sees is the
 * guest's: its next writes are in the capture.  What halts the queue without
 * that is the VMM's, which ends the replay.
 */
static int finish_run(struct smmu_replay *replay, int ret,
		      struct iommunest_smmuv3_cmdq_result *result)
{
	add_result(&replay->totals, result);
	while (ret == 1) {
		ret = iommunest_smmuv3_cmdq_run(replay->cmdq, result);
		add_result(&replay->totals, result);
	}
	if (ret >= 0)
		return 0;
	/* GERROR alone does not say it: each error toggles its bit. */
	if (!(result->cons & IOMMUNEST_SMMUV3_CMDQ_CONS_ERR)) {
		emit_stop(replay, result);
		return ret;
	}
	/* Otherwise it halted before, and does still. */
	if (result->gerror_changed & IOMMUNEST_SMMUV3_GERROR_CMDQ)
		emit_stop(replay, result);
	return 0;
}

/* What the VMM is late with. */
static int catch_up(struct smmu_replay *replay)
{
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(result) };
	int ret;

	if (!replay->late_kicks)
		return 0;
	replay->late_kicks = 0;
	replay->late_commands = 0;
	ret = iommunest_smmuv3_cmdq_write_prod(replay->cmdq, replay->late_prod,
					       &result);
	return finish_run(replay, ret, &result);
}

/* ---- The guest's writes ---- */

static void write_commands(struct smmu_replay *replay,
			   const struct cmdq_write *write)
{
	uint32_t first = (uint32_t)write->value - write->count;
	uint32_t i;

	for (i = 0; i < write->count; i++) {
		const struct smmu_event event = {
			.kind = SMMU_COMMAND,
			.index = index_of(replay, first + i),
		};
		const uint64_t *words =
			replay->capture->commands[write->first + i].words;
		const uint64_t bytes[2] = { htole64(words[0]),
					    htole64(words[1]) };

		memcpy(replay->memory + event.index * COMMAND_BYTES, bytes,
		       COMMAND_BYTES);
		replay->seqs[event.index] = write->first + i;
		smmu_emit(replay, &event);
	}
}

static int write_prod(struct smmu_replay *replay,
		      const struct cmdq_write *write)
{
	int ret = 0;

	/* A VMM that is slow sees no more than the guest can have queued. */
	if (replay->late_commands + write->count > replay->state.size)
		ret = catch_up(replay);
	if (ret)
		return ret;
	write_commands(replay, write);
	replay->totals.kicks++;
	replay->late_kicks++;
	replay->late_commands += write->count;
	replay->late_prod = (uint32_t)write->value;
	if (replay->state.enabled &&
	    replay->late_kicks < replay->options->batch_kicks)
		return 0;
	return catch_up(replay);
}

/* Where CONS is now, CMD_SYNCs are told of from there. */
static int tell_from_cons(struct smmu_replay *replay)
{
	struct iommunest_smmuv3_cmdq_registers regs = { .size = sizeof(regs) };
	int ret = iommunest_smmuv3_cmdq_read(replay->cmdq, &regs);

	replay->told = regs.cons & (replay->state.size * 2 - 1);
	return ret;
}

static int write_cr0(struct smmu_replay *replay, uint32_t cr0)
{
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(result) };
	int ret = 0;

	if (!replay->state.enabled && cmdq_enables(cr0))
		ret = tell_from_cons(replay);
	if (ret)
		return ret;
	ret = iommunest_smmuv3_cmdq_write_cr0(replay->cmdq, cr0, &result);
	return finish_run(replay, ret, &result);
}

/*
 * An error that the captured machine had, and this one has not, is not
 * acknowledged: what that would do, hardware leaves open.
 */
static int write_gerrorn(struct smmu_replay *replay, uint32_t gerrorn)
{
	struct iommunest_smmuv3_cmdq_registers regs = { .size = sizeof(regs) };
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(result) };
	int ret = iommunest_smmuv3_cmdq_read(replay->cmdq, &regs);

	if (ret)
		return ret;
	regs.gerrorn ^= (gerrorn ^ regs.gerrorn) & (regs.gerror ^ regs.gerrorn);
	ret = iommunest_smmuv3_cmdq_write_gerrorn(replay->cmdq, regs.gerrorn,
						  &result);
	return finish_run(replay, ret, &result);
}

static int write_register(struct smmu_replay *replay,
			  const struct cmdq_write *write)
{
	int ret = catch_up(replay);

	if (ret)
		return ret;
	switch (write->reg) {
	case CMDQ_CR0:
		return write_cr0(replay, (uint32_t)write->value);
	case CMDQ_BASE:
		replay->base = cmdq_address(write->value);
		return iommunest_smmuv3_cmdq_write_base(replay->cmdq,
							write->value);
	case CMDQ_CONS:
		return iommunest_smmuv3_cmdq_write_cons(replay->cmdq,
							(uint32_t)write->value);
	default:
		return write_gerrorn(replay, (uint32_t)write->value);
	}
}

int smmu_guest_run(struct smmu_replay *replay)
{
	const struct cmdq_capture *capture = replay->capture;
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < capture->write_count; i++) {
		const struct cmdq_write *write = &capture->writes[i];

		ret = write->reg == CMDQ_PROD ? write_prod(replay, write)
					      : write_register(replay, write);
		cmdq_apply(&replay->state, write);
	}
	return ret ? ret : catch_up(replay);
}
