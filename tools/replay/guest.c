/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The guest's ring in memory, and the queue engine that a VMM runs on it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/replay/replay.h"

/* The largest rings: 2^15 slots of 128 bits, or 2^14 of 256. */
#define RING_SLOTS_MAX ((size_t)1 << 15)
#define RING_BYTES_MAX (RING_SLOTS_MAX * 16)

/* A descriptor that was not recorded: PASID cache, global. */
#define PASID_CACHE_ALL UINT64_C(0x37)

static size_t slot_bytes(const struct capture_ring *ring)
{
	return ring->width / 8;
}

size_t replay_seq(const struct replay *replay, uint64_t index)
{
	return replay->seqs[index % RING_SLOTS_MAX];
}

/* A ring of 256-bit descriptors is one in scalable mode. */
static enum iommunest_vtd_ttm ttm_of(const struct capture_ring *ring)
{
	return ring->width == 256 ? IOMMUNEST_VTD_TTM_SCALABLE
				  : IOMMUNEST_VTD_TTM_LEGACY;
}

static void decode_slot(const struct replay *replay, uint64_t index,
			struct iommunest_vtd_desc *desc)
{
	const struct capture_ring *ring = replay->ring;
	uint64_t words[4] = { 0 };

	memcpy(words, replay->memory + index * slot_bytes(ring),
	       slot_bytes(ring));
	iommunest_vtd_desc_decode(desc, words, ring->width, ttm_of(ring));
}

void replay_print_desc(const struct replay *replay, uint64_t index, char *buf,
		       size_t len)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	decode_slot(replay, index, &desc);
	iommunest_vtd_desc_print(&desc, buf, len);
}

/* ---- What the engine asks of the VMM ---- */

static int guest_read(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	const struct replay *replay = vmm;
	const struct capture_ring *ring = replay->ring;
	size_t bytes = ring->size * slot_bytes(ring);
	uint64_t offset = gpa - ring->base;

	if (offset >= bytes || len > bytes - offset)
		return -EFAULT;
	memcpy(buf, replay->memory + offset, len);
	return 0;
}

static int guest_write_status(void *vmm, uint32_t index, uint64_t gpa,
			      uint32_t data)
{
	const struct replay_event event = {
		.kind = REPLAY_WAIT,
		.index = index,
		.addr = gpa,
		.data = data,
	};

	replay_emit(vmm, &event);
	return 0;
}

/* Nothing waits for it here. */
static void guest_interrupt(void *vmm, uint32_t index)
{
	(void)vmm;
	(void)index;
}

static int vmm_descriptor(void *vmm, uint32_t index,
			  const struct iommunest_vtd_desc *desc)
{
	struct replay *replay = vmm;
	const struct replay_event event = {
		.kind = REPLAY_VMM,
		.index = index,
		.type = desc->type,
	};

	/* The capture has no line for it. */
	if (replay_seq(replay, index) == REPLAY_NO_SEQ)
		replay->unseen++;
	else
		replay_emit(replay, &event);
	return 0;
}

/*
 * What is the second stage's of an IOTLB descriptor is the VMM's; all else that
 * is forwarded has nothing more in it.
 */
static int vmm_forwarded(void *vmm, uint32_t index,
			 const struct iommunest_vtd_desc *desc)
{
	if (desc->type != IOMMUNEST_VTD_DESC_IOTLB)
		return 0;
	return vmm_descriptor(vmm, index, desc);
}

static void vmm_covered(void *vmm, uint32_t index, uint64_t cookie)
{
	struct replay *replay = vmm;
	struct replay_event event = {
		.kind = REPLAY_COVERED,
		.index = index,
		.hwpt_id = (uint32_t)cookie,
	};
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	decode_slot(replay, index, &desc);
	event.type = desc.type;
	replay->totals.covered++;
	replay_emit(replay, &event);
}

static void vmm_skipped(void *vmm, uint32_t index, uint64_t cookie, int error)
{
	const struct replay_event event = {
		.kind = REPLAY_FAILURE,
		.index = index,
		.hwpt_id = (uint32_t)cookie,
		.error = error,
		.cause = IOMMUNEST_CAUSE_HOST,
	};

	replay_emit(vmm, &event);
}

static void vmm_trace(void *vmm, uint64_t cookie,
		      const struct iommunest_call *call)
{
	struct replay *replay = vmm;
	const struct replay_event event = {
		.kind = REPLAY_SUBMIT,
		.call = call,
	};

	(void)cookie;
	replay->call_number++;
	replay_emit(replay, &event);
}

/* ---- Life cycle ---- */

/* `flush` heals; there is nobody who could isolate. */
static uint32_t engine_policy(uint32_t policy)
{
	if (policy == IOMMUNEST_POLICY_SKIP)
		return IOMMUNEST_VTD_IQ_SKIP;
	if (policy == IOMMUNEST_POLICY_FLUSH_ALL)
		return IOMMUNEST_VTD_IQ_HEAL;
	return IOMMUNEST_VTD_IQ_STOP;
}

static int new_engine(struct replay *replay)
{
	static const struct iommunest_vtd_iq_ops ops = {
		.size = sizeof(ops),
		.read = guest_read,
		.write_status = guest_write_status,
		.interrupt = guest_interrupt,
		.descriptor = vmm_descriptor,
		.covered = vmm_covered,
		.skipped = vmm_skipped,
		.trace = vmm_trace,
		.forwarded = vmm_forwarded,
	};
	const struct replay_options *options = replay->options;
	const struct iommunest_vtd_limits limits = {
		.size = sizeof(limits),
		.flags = options->coalesce ? IOMMUNEST_VTD_COALESCE : 0,
	};
	const struct iommunest_vtd_iq_options iq_options = {
		.size = sizeof(iq_options),
		.policy = engine_policy(options->policy),
		.unhealed = IOMMUNEST_VTD_UNHEALED_HALT,
		.budget = options->per_descriptor ? 1
						  : IOMMUNEST_VTD_IQ_NO_BUDGET,
		.limits = &limits,
	};

	return iommunest_vtd_iq_new(&replay->iq, &ops, replay, &iq_options);
}

/* Events name a target by its HWPT. */
static struct iommunest_vtd_target target_of(const struct replay *replay,
					     uint32_t hwpt_id)
{
	return (struct iommunest_vtd_target){
		.size = sizeof(struct iommunest_vtd_target),
		.ctx = replay->host.ctx,
		.hwpt_id = hwpt_id,
		.cookie = hwpt_id,
	};
}

static int add_hwpts(struct replay *replay)
{
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < replay->scan.scope_count; i++) {
		const struct replay_scope *scope = &replay->scan.scopes[i];
		const struct iommunest_vtd_target target =
			target_of(replay, scope->hwpt_id);

		ret = iommunest_vtd_iq_add_scope(replay->iq, scope->did,
						 scope->pasid, &target);
	}
	return ret;
}

static int add_devices(struct replay *replay)
{
	const struct replay_scan *scan = &replay->scan;
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < scan->device_count; i++) {
		const struct replay_device *device = &scan->devices[i];
		const struct iommunest_vtd_target target =
			target_of(replay, scan->scopes[device->scope].hwpt_id);

		ret = iommunest_vtd_iq_add_device(replay->iq, device->sid,
						  device->pasid, &target);
	}
	return ret;
}

int replay_guest_open(struct replay *replay, const char **what)
{
	int ret;

	*what = "allocate the guest's memory";
	replay->memory = calloc(1, RING_BYTES_MAX);
	replay->seqs = calloc(RING_SLOTS_MAX, sizeof(*replay->seqs));
	ret = replay->memory && replay->seqs ? 0 : -ENOMEM;
	if (!ret) {
		*what = "make a queue engine";
		ret = new_engine(replay);
	}
	if (!ret) {
		*what = "add a scope to the queue engine";
		ret = add_hwpts(replay);
	}
	if (!ret) {
		*what = "add a device to the queue engine";
		ret = add_devices(replay);
	}
	if (ret)
		replay_guest_close(replay);
	return ret;
}

void replay_guest_close(struct replay *replay)
{
	iommunest_vtd_iq_free(replay->iq);
	free(replay->seqs);
	free(replay->memory);
	replay->iq = NULL;
	replay->seqs = NULL;
	replay->memory = NULL;
}

/* ---- Running it ---- */

static void add_result(struct replay_totals *totals,
		       const struct iommunest_vtd_iq_result *result)
{
	totals->descriptors += result->descriptors;
	totals->forwarded += result->forwarded;
	totals->entries += result->entries;
	totals->calls += result->calls;
	totals->waits += result->waits;
	totals->failed += result->skipped;
}

static void emit_stop(const struct replay *replay,
		      const struct iommunest_vtd_iq_result *result)
{
	const struct replay_event event = {
		.kind = REPLAY_FAILURE,
		.index = result->index,
		.hwpt_id = (uint32_t)result->cookie,
		.error = result->error,
		.cause = result->cause,
		.fsts = result->fsts,
		.iqercd = result->iqercd,
	};

	replay_emit(replay, &event);
}

/* The guest wrote IQT: all that is in the ring up to @tail. */
static int run_engine(struct replay *replay, uint32_t tail)
{
	uint64_t iqt = tail * slot_bytes(replay->ring);
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	int ret;

	replay->totals.kicks += replay->late_kicks;
	replay->late_kicks = 0;
	replay->late_descs = 0;
	do {
		ret = iommunest_vtd_iq_run(replay->iq, iqt, &result);
		add_result(&replay->totals, &result);
	} while (ret == 1);
	replay->totals.descriptors -= replay->unseen;
	replay->totals.unseen += replay->unseen;
	replay->unseen = 0;
	if (!ret)
		return 0;
	replay->totals.failed++;
	emit_stop(replay, &result);
	return ret;
}

static void write_slot(struct replay *replay, uint32_t slot,
		       const uint64_t *words, size_t seq)
{
	size_t bytes = slot_bytes(replay->ring);
	const struct replay_event event = {
		.kind = REPLAY_DESC,
		.index = slot & (replay->ring->size - 1),
	};

	memcpy(replay->memory + event.index * bytes, words, bytes);
	replay->seqs[event.index] = seq;
	replay_emit(replay, &event);
}

/* The guest writes its descriptors; @head is the tail before this kick. */
static void write_kick(struct replay *replay, const struct capture_kick *kick,
		       uint32_t head)
{
	static const uint64_t unseen[4] = { PASID_CACHE_ALL };
	const struct capture *capture = replay->capture;
	size_t seq = kick->first;
	uint32_t i;

	for (i = 0; i < kick->unseen; i++)
		write_slot(replay, head++, unseen, REPLAY_NO_SEQ);
	for (i = 0; i < kick->count; i++, seq++)
		write_slot(replay, head++, capture->descs[seq].words, seq);
	replay->late_kicks++;
	replay->late_descs += kick->unseen + kick->count;
}

/*
 * A VMM that is slow sees several kicks at once, but never more than the guest
 * can have in the ring: one slot stays free.
 */
static bool fits(const struct replay *replay, const struct capture_kick *kick)
{
	return replay->late_descs + kick->unseen + kick->count <
	       replay->ring->size;
}

static int run_kick(struct replay *replay, const struct capture_kick *kick,
		    uint32_t head)
{
	int ret = 0;

	if (!fits(replay, kick))
		ret = run_engine(replay, head);
	if (ret)
		return ret;
	write_kick(replay, kick, head);
	if (replay->late_kicks < replay->options->batch_kicks)
		return 0;
	return run_engine(replay, kick->tail);
}

static int run_kicks(struct replay *replay)
{
	const struct capture_ring *ring = replay->ring;
	uint32_t head = 0;
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < ring->kick_count; i++) {
		const struct capture_kick *kick =
			&replay->capture->kicks[ring->first_kick + i];

		ret = run_kick(replay, kick, head);
		head = kick->tail;
	}
	if (!ret && replay->late_kicks)
		ret = run_engine(replay, head);
	return ret;
}

/* As guests do it: IQT 0, IQA, and all that with the queue disabled. */
static int start_ring(struct replay *replay, const struct capture_ring *ring)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	int ret;

	ret = iommunest_vtd_iq_disable(replay->iq);
	if (!ret)
		ret = iommunest_vtd_iq_run(replay->iq, 0, &result);
	if (!ret)
		ret = iommunest_vtd_iq_set_base(replay->iq, ring->iqa,
						ttm_of(ring));
	if (!ret)
		ret = iommunest_vtd_iq_enable(replay->iq, &result);
	return ret;
}

static int run_ring(struct replay *replay, const struct capture_ring *ring)
{
	int ret;

	replay->ring = ring;
	memset(replay->memory, 0, ring->size * slot_bytes(ring));
	ret = start_ring(replay, ring);
	if (ret) {
		replay->totals.failed++;
		tool_fail("set the base of the ring", ret);
		return ret;
	}
	return run_kicks(replay);
}

int replay_guest_run(struct replay *replay)
{
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < replay->capture->ring_count; i++)
		ret = run_ring(replay, &replay->capture->rings[i]);
	return ret;
}
