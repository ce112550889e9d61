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

static void start(struct run *run, struct guest *guest)
{
	const char *const argv[] = {
		"-object",
		"iommufd,id=iommufd0",
		"-device",
		run->viommu,
		"-device",
		"vfio-pci,host=0000:00:02.0,iommufd=iommufd0,addr=4.0",
		"-trace",
		"vtd_nest_*",
		"-trace",
		"iommufd_backend_invalidate_cache",
		NULL,
	};

	run->count = 0;
	guest_init(guest, qtest_start_other(run->qemu, argv), 1);
}

static void give_table(struct guest *guest)
{
	guest_set_entry(guest, SLOT, DOMAIN, TABLE);
	guest_queue_pasid_cache(guest, DOMAIN);
	ck_assert(guest_kick(guest));
	trace_discard(trace);
}

/* With the random numbers from the beginning. */
static void play(struct run *run, struct support_rng rng)
{
	struct guest guest;
	unsigned int kicks;

	start(run, &guest);
	guest_translate(&guest, true);
	give_table(&guest);
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

/*
 * ---- What the other one does otherwise ----
 * Its side of each row is printed, and nothing more: it may have learned.
 */

struct saw {
	bool done;
	uint32_t fsts;
	uint32_t iqei;
	uint64_t fault;
	/* PASID-cache descriptors: the device was moved. */
	unsigned int moves;
};

/* Empties the trace, too. */
static void look(struct run *run, struct guest *guest, bool done,
		 struct saw *saw)
{
	struct trace_event event;
	struct conf_desc desc;

	*saw = (struct saw){
		.done = done,
		.fsts = (uint32_t)guest_reg(guest, GUEST_REG_FSTS, 4),
		.iqei = (uint32_t)guest_reg(guest, GUEST_REG_IQERCD, 8) & 0xf,
		.fault = guest_take_fault(guest),
	};
	run->count = 0;
	while (trace_next(trace, &event)) {
		saw->moves +=
			event.kind == TRACE_DESC && (event.qw0 & 0xf) == 7;
		if (real_decode(&event, &desc) && desc.kind != CONF_DEV_TLB &&
		    run->count < DESCS_MAX)
			run->descs[run->count++] = desc;
	}
	printf("# %s: wait %s, FSTS %#x, IQEI %u, fault %#x, device %s, "
	       "%u arrived\n",
	       run->name, done ? "done" : "not done", saw->fsts, saw->iqei,
	       (unsigned int)GUEST_FAULT_REASON(saw->fault),
	       saw->moves ? "moved" : "left", run->count);
}

/* Does a flush of the domain that the device was in reach the hardware? */
static void flush_and_look(struct run *run, struct guest *guest,
			   struct saw *saw)
{
	guest_queue_piotlb(guest, DOMAIN, 0x5000, 0, true);
	look(run, guest, guest_kick(guest), saw);
}

static void flush_at_the_top(struct run *run, struct saw *saw)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	struct guest guest;

	start(run, &guest);
	guest_translate(&guest, true);
	give_table(&guest);
	iommunest_vtd_desc_piotlb(&desc, IOMMUNEST_VTD_PIOTLB_PAGES, DOMAIN, 0,
				  0, 1, 0);
	/* Of two pages, bit 12 says nothing. */
	desc.raw[1] |= UINT64_C(0xfffffffffffff000);
	guest_queue(&guest, &desc);
	look(run, &guest, guest_kick(&guest), saw);
	if (run->count)
		printf("# %s: address %#llx AM %u\n", run->name,
		       (unsigned long long)run->descs[0].addr,
		       run->descs[0].am);
	guest_end(&guest);
}

TEST(two_pages_that_end_at_the_top_arrive_aligned)
{
	struct saw saw;

	flush_at_the_top(&peer, &saw);
	flush_at_the_top(&ours, &saw);
	ck_assert(saw.done);
	ck_assert_uint_eq(ours.count, 1);
	ck_assert_int_eq(ours.descs[0].kind, CONF_PIOTLB_PAGES);
	ck_assert_uint_eq(ours.descs[0].addr, UINT64_C(0xffffffffffffe000));
	ck_assert_uint_eq(ours.descs[0].am, 1);
	ck_assert_uint_eq(saw.fsts, 0);
}

/* Of words 0, 1 and 2 of a PASID-table entry. */
static const struct entry_row {
	const char *what;
	uint64_t words[3];
} entry_rows[] = {
	/* The host's driver fails to attach it. */
	{ "EAFE", { 0, 0, 1 << 7 } },
	{ "ERE", { 0, 0, 1 << 1 } },
	{ "EMTE", { 0, UINT64_C(1) << 26, 0 } },
	{ "CD", { 0, UINT64_C(1) << 25, 0 } },
};

/* In place of an entry that is good. */
static void replace_entry(struct run *run, const struct entry_row *row,
			  struct saw *replaced, struct saw *flushed)
{
	struct guest guest;

	printf("# %s\n", row->what);
	start(run, &guest);
	guest_translate(&guest, true);
	give_table(&guest);
	guest_set_raw_entry(
		&guest, SLOT,
		row->words[0] | IOMMUNEST_VTD_PGTT_FIRST_STAGE << 6 | 1,
		row->words[1] | DOMAIN, row->words[2] | (TABLE + 0x1000));
	guest_queue_pasid_cache(&guest, DOMAIN);
	look(run, &guest, guest_kick(&guest), replaced);
	flush_and_look(run, &guest, flushed);
	guest_end(&guest);
}

TEST_LOOP(an_entry_that_cannot_be_carried_is_refused_and_told,
	  ARRAY_LEN(entry_rows))
{
	const struct entry_row *row = &entry_rows[_i];
	struct saw replaced, flushed;

	replace_entry(&peer, row, &replaced, &flushed);
	replace_entry(&ours, row, &replaced, &flushed);
	ck_assert(replaced.done && flushed.done);
	ck_assert_uint_gt(replaced.moves, 0);
	ck_assert_uint_eq(GUEST_FAULT_REASON(replaced.fault),
			  GUEST_FAULT_ENTRY_RESERVED);
	ck_assert_uint_eq(GUEST_FAULT_SID(replaced.fault), SLOT << 3);
	/* The old table is not there any more. */
	ck_assert_uint_eq(ours.count, 0);
	ck_assert_uint_eq(qtest_count("vtd_nest_block "), 2);
	ck_assert_uint_eq(qtest_count("vtd_nest_error "), 0);
}

static void translate_without_entry(struct run *run, struct saw *saw)
{
	struct guest guest;

	start(run, &guest);
	trace_discard(trace);
	guest_translate(&guest, true);
	look(run, &guest, true, saw);
	guest_end(&guest);
}

TEST(without_an_entry_the_device_is_blocked)
{
	struct saw saw;

	translate_without_entry(&peer, &saw);
	translate_without_entry(&ours, &saw);
	ck_assert_uint_gt(saw.moves, 0);
	ck_assert_uint_eq(qtest_count("vtd_nest_block "), 1);
}

static void use_narrow_ring(struct run *run, struct saw *saw)
{
	struct guest guest;

	start(run, &guest);
	/* QEMU's own queue can be disabled after a wait, and not before. */
	ck_assert(guest_kick(&guest));
	guest_set_ring(&guest, 0);
	trace_discard(trace);
	look(run, &guest, guest_kick(&guest), saw);
	guest_end(&guest);
}

TEST(a_narrow_ring_is_refused_in_scalable_mode)
{
	struct saw saw;

	use_narrow_ring(&peer, &saw);
	use_narrow_ring(&ours, &saw);
	ck_assert(!saw.done);
	ck_assert_uint_eq(saw.fsts, IOMMUNEST_VTD_FSTS_IQE);
	ck_assert_uint_eq(saw.iqei, IOMMUNEST_VTD_IQEI_WIDTH);
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
