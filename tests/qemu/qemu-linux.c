/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A real guest: Linux on the QEMU of integrations/qemu, with a device of this
 * machine's.  What its VT-d driver invalidates arrives in the hardware's queue
 * before the guest is told so; where the host fails, all is invalidated instead
 * or the device is cut off, and the guest goes on.
 *
 * A boot takes minutes.  IOMMUNEST_BOOTS=1 leaves the second one out.
 */
#include "boot.h"

#include "tests/harness/support.h"
#include "tests/vm/inject.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The device behind a port: it has ATS. */
#define HOST_DEVICE "0000:01:00.0"
#define HOST_SID UINT16_C(0x0100)
#define KERNEL "/tests/linux-guest.bzImage"
/* Without a fix that it would need if it were shown time-outs. */
#define KERNEL_UNFIXED "/tests/linux-guest-unfixed.bzImage"

#define ROUNDS 25u
/* Those with errors of the host. */
#define BAD_ROUNDS 40u
#define UNMAPS 8u
/* The host's descriptors in a round, or some less. */
#define NTH 40u

static struct trace *trace;

/* ---- Rounds ---- */

struct run {
	struct boot *boot;
	struct stream stream;
	struct boot_round round;
	struct support_rng rng;
	unsigned int unmaps;
	unsigned int flushes;
};

static bool run_start(struct run *run, const char *kernel)
{
	memset(run, 0, sizeof(*run));
	support_rng_start(&run->rng, "rounds");
	stream_start(&run->stream, trace);
	run->stream.device_tlb = true;
	run->boot = boot_start(kernel, HOST_DEVICE, &run->stream);
	stream_restart(&run->stream);
	return run->boot;
}

static void show_flush(const char *whose, const struct stream_flush *flush)
{
	printf("# %s: kind %d did %u addr %#llx am %u ih %d\n", whose,
	       flush->desc.kind, flush->did,
	       (unsigned long long)flush->desc.addr, flush->desc.am,
	       flush->desc.ih);
}

/* What the guest's kernel queued is what QEMU found, all of it, in order. */
static void check_queue(const struct run *run)
{
	const struct boot_round *round = &run->round;
	const struct stream *stream = &run->stream;
	size_t i;

	for (i = 0; i < round->flush_count && i < stream->flush_count; i++) {
		if (stream_same(&round->flushes[i], &stream->flushes[i]))
			continue;
		show_flush("the guest", &round->flushes[i]);
		show_flush("QEMU", &stream->flushes[i]);
		ck_abort_msg("flush %zu of the guest is another in QEMU", i);
	}
	ck_assert_uint_eq(stream->flush_count, round->flush_count);
}

/* False: too slow. */
static bool run_round(struct run *run, unsigned int unmaps)
{
	struct boot_round *round = &run->round;

	if (!boot_round(run->boot, support_rng_next(&run->rng), unmaps, round))
		return false;
	ck_assert_uint_eq(round->unmaps, unmaps);
	ck_assert_uint_eq(round->failed, 0);
	ck_assert_uint_ge(round->flush_count, unmaps);
	check_queue(run);
	ck_assert_uint_eq(run->stream.missing, 0);
	run->unmaps += unmaps;
	run->flushes += (unsigned int)round->flush_count;
	stream_restart(&run->stream);
	return true;
}

static void run_end(struct run *run)
{
	const struct stream *stream = &run->stream;

	printf("# %u unmaps, %u flushes, %u of them idle, %u waits, %u calls, "
	       "%u of them failed\n"
	       "# %u times healed, %u times cut off, %u times not attached\n",
	       run->unmaps, run->flushes, stream->idle, stream->waits,
	       stream->calls, stream->failed_calls, stream->heals,
	       stream->isolations, stream->failed_attaches);
	fflush(stdout);
	ck_assert_uint_ge(stream->waits, run->unmaps);
	ck_assert_uint_eq(stream->errors, 0);
	ck_assert_uint_eq(stream->halts, 0);
	boot_end(run->boot);
}

/* ---- A host that works ---- */

static int if_stock(int loops)
{
	return inject_is_there() ? 0 : loops;
}

/* False: too slow. */
static bool run_good_host(struct run *run)
{
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		if (!run_round(run, UNMAPS))
			return false;
	}
	ck_assert_uint_ge(run->stream.calls, run->unmaps);
	ck_assert_uint_eq(run->stream.failed_calls, 0);
	ck_assert_uint_eq(run->stream.heals, 0);
	return true;
}

TEST_LOOP(each_flush_of_linux_arrives_before_its_wait_is_done, if_stock(1))
{
	static struct run run;

	if (run_start(&run, KERNEL) && run_good_host(&run))
		run_end(&run);
}

/* ---- A host that fails ---- */

static int if_patched(int loops)
{
	return inject_is_there() ? loops : 0;
}

/* What is refused has a device that is as it was. */
static void refuse_at_random(struct support_rng *rng)
{
	inject_set("refuse_more", support_rng_below(rng, 6));
	inject_set("refuse", 1 + support_rng_below(rng, NTH));
}

/*
 * Once, which the driver tries again; or from then on, or from the start, until
 * the driver has cut the device off, and it has no TLB any more.
 */
static void time_out_at_random(struct support_rng *rng, unsigned int kind)
{
	const uint16_t sid = HOST_SID;

	inject_set("reports_sid", support_rng_below(rng, 2));
	if (kind == 2) {
		inject_sid("silent_sid", sid);
		return;
	}
	inject_list("timeout_sid", &sid, support_rng_below(rng, 2));
	inject_set("timeout_more", kind ? UINT32_MAX : 0);
	inject_set("timeout", 1 + support_rng_below(rng, NTH / 2));
}

/* Each unmap has a submission. */
static void misanswer_at_random(struct support_rng *rng)
{
	inject_set("completion_sid", HOST_SID);
	inject_set("completion", 1 + support_rng_below(rng, UNMAPS));
}

/* Each kind in turn, so that none is left out. */
static void fail_at_random(struct run *run, unsigned int nth)
{
	struct support_rng *rng = &run->rng;

	switch (nth % 4) {
	case 0:
	case 1:
		refuse_at_random(rng);
		break;
	case 2:
		time_out_at_random(rng, nth / 4 % 3);
		run->stream.device_tlb = false;
		break;
	default:
		misanswer_at_random(rng);
	}
}

/* The guest's reset brings back what the kernel has cut off. */
static bool recover(struct run *run)
{
	inject_clear();
	if (run->stream.device_tlb)
		return true;
	if (!boot_reset(run->boot))
		return false;
	stream_restart(&run->stream);
	run->stream.device_tlb = true;
	return true;
}

static bool run_bad_host(struct run *run)
{
	const uint64_t timed_out = inject_get("timed_out");
	const uint64_t completed = inject_get("completed");
	const uint64_t blocked = inject_get("blocked");
	unsigned int i;

	for (i = 0; i < BAD_ROUNDS; i++) {
		fail_at_random(run, i);
		if (!run_round(run, UNMAPS) || !recover(run))
			return false;
	}
	printf("# %" PRIu64 " time-outs, %" PRIu64 " blocks, %" PRIu64
	       " completion errors\n",
	       inject_get("timed_out") - timed_out,
	       inject_get("blocked") - blocked,
	       inject_get("completed") - completed);
	ck_assert_uint_gt(inject_get("blocked"), blocked);
	ck_assert_uint_gt(inject_get("completed"), completed);
	/* What was cut off came back. */
	ck_assert_uint_eq(run->stream.failed_attaches, 0);
	ck_assert_uint_gt(run->stream.failed_calls, 0);
	ck_assert_uint_gt(run->stream.heals, 0);
	ck_assert_uint_gt(run->stream.isolations, 0);
	return true;
}

/* In one boot: first as in the test above. */
TEST_LOOP(each_flush_of_linux_arrives_and_it_survives_a_host_that_fails,
	  if_patched(1))
{
	static struct run run;

	inject_clear();
	if (run_start(&run, KERNEL) && run_good_host(&run) &&
	    run_bad_host(&run))
		run_end(&run);
}

static int if_twice(int loops)
{
	return support_number("IOMMUNEST_BOOTS", 2) > 1 ? loops : 0;
}

TEST_LOOP(linux_without_its_fix_survives_a_host_that_fails,
	  if_twice(if_patched(1)))
{
	static struct run run;

	inject_clear();
	if (run_start(&run, KERNEL_UNFIXED) && run_bad_host(&run))
		run_end(&run);
}

int main(int argc, char **argv)
{
	int ret;

	trace = trace_open(16384);
	if (!trace) {
		printf("no trace events of a VT-d: %s\n", strerror(errno));
		return 77;
	}
	/* boot.h's seconds are what ends it. */
	setenv("CK_TIMEOUT_MULTIPLIER", "100", 1);
	ret = support_run(argc, argv);
	trace_close(trace);
	if (!ret && boot_is_late()) {
		printf("skipped: this machine is too slow\n");
		return 77;
	}
	return ret;
}
