/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The same guest in front of QEMU with integrations/qemu, and of a QEMU that
 * has a nested VT-d of its own.  What arrived in the hardware's queue of each,
 * and what that took, is shown; of the other one nothing is asserted.
 */
#include "guest.h"

#include "tests/harness/support.h"
#include "tests/vm/real.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KICKS 200u
#define DESCS_MAX 8192u
#define DOMAIN 7u
#define TABLE UINT64_C(0x1000000)
#define SLOT 4u

struct run {
	const char *name;
	const char *qemu;
	const char *viommu;
	/* The line of QEMU's log that is one ioctl. */
	const char *call;
	unsigned int flushes;
	unsigned int calls;
	double seconds;
	struct conf_desc descs[DESCS_MAX];
	unsigned int count;
};

static struct trace *trace;

static struct run ours = {
	.name = "ours",
	.qemu = QTEST_OURS,
	.viommu = "intel-iommu,x-scalable-mode=on,x-flts=on,caching-mode=on,"
		  "intremap=on,fs1gp=off,x-nest=on,x-nest-check=off",
	.call = "vtd_nest_call ",
};

static struct run peer = {
	.name = "peer",
	.qemu = QTEST_PEER,
	.viommu = "intel-iommu,scalable-mode=on,fsts=on,caching-mode=on,"
		  "intremap=on,fs1gp=off",
	.call = "iommufd_backend_invalidate_cache ",
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void take_arrived(struct run *run)
{
	struct trace_event event;
	struct conf_desc desc;

	while (trace_next(trace, &event)) {
		if (!real_decode(&event, &desc) || desc.kind == CONF_DEV_TLB)
			continue;
		ck_assert_uint_lt(run->count, DESCS_MAX);
		run->descs[run->count++] = desc;
	}
}

static unsigned int flush_at_random(struct guest *guest,
				    struct support_rng *rng)
{
	unsigned int i, count = 1 + support_rng_below(rng, 16);

	for (i = 0; i < count; i++)
		guest_queue_piotlb(
			guest, DOMAIN,
			support_rng_next(rng) & UINT64_C(0x7ffffffff000),
			support_rng_below(rng, 19), support_rng_below(rng, 2));
	return count;
}

/* With the random numbers from the beginning. */
static void play(struct run *run, struct support_rng rng)
{
	const char *const argv[] = {
		"-object",
		"iommufd,id=iommufd0",
		"-device",
		run->viommu,
		"-device",
		"vfio-pci,host=0000:00:02.0,iommufd=iommufd0,addr=4.0",
		"-trace",
		"vtd_nest_call",
		"-trace",
		"iommufd_backend_invalidate_cache",
		NULL,
	};
	struct guest guest;
	unsigned int kicks;

	guest_init(&guest, qtest_start_other(run->qemu, argv), 1);
	guest_translate(&guest, true);
	guest_set_entry(&guest, SLOT, DOMAIN, TABLE);
	guest_queue_pasid_cache(&guest, DOMAIN);
	ck_assert(guest_kick(&guest));
	trace_discard(trace);
	run->seconds = -now();
	for (kicks = 0; kicks < KICKS; kicks++) {
		run->flushes += flush_at_random(&guest, &rng);
		ck_assert(guest_kick(&guest));
	}
	run->seconds += now();
	take_arrived(run);
	run->calls = qtest_count(run->call);
	printf("# %s: %u kicks, %u descriptors in hardware, %u ioctls, %.1f "
	       "s\n",
	       run->name, kicks, run->count, run->calls, run->seconds);
	guest_end(&guest);
}

static bool is_same(void)
{
	return ours.count == peer.count &&
	       !memcmp(ours.descs, peer.descs,
		       ours.count * sizeof(*ours.descs));
}

TEST(a_kick_is_one_call)
{
	struct support_rng rng;

	support_rng_start(&rng, "flushes");
	play(&ours, rng);
	play(&peer, rng);
	printf("# %s\n", is_same() ? "the same descriptors in the same order"
				   : "not the same descriptors");
	support_assert(&rng, ours.calls == KICKS);
	support_assert(&rng, ours.count == ours.flushes);
}

int main(int argc, char **argv)
{
	int ret;

	if (access(QTEST_PEER, X_OK)) {
		printf("there is no other QEMU to compare with\n");
		return 77;
	}
	trace = trace_open(8192);
	if (!trace) {
		printf("no trace events of a VT-d: %s\n", strerror(errno));
		return 77;
	}
	ret = support_run(argc, argv);
	trace_close(trace);
	return ret;
}
