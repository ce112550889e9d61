/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * An engine with a trace, and one without: whatever the host does, the guest,
 * the VMM and the result see the same of both, and the trace shows each call as
 * it was made and answered.
 */
#include <errno.h>
#include <string.h>

#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"
#include "tests/harness/target.h"

#define DEVICE 0x100u
#define EVENTS_MAX 64u
#define CALLS_MAX 64u

struct setup {
	uint32_t policy;
	bool coalesces;
	/* fault 0 without an error: none. */
	struct host_rule rule;
};

/* All that can be seen, call by call and event by event. */
struct outcome {
	int64_t result[16];
	int64_t events[EVENTS_MAX][4];
	int64_t calls[CALLS_MAX][4];
	struct iommunest_vtd_entry entries[CALLS_MAX];
};

static void see_result(struct outcome *out, int ret,
		       const struct iommunest_vtd_iq_result *result)
{
	const int64_t seen[] = {
		ret,
		(int64_t)result->iqh,
		(int64_t)result->iqercd,
		result->fsts,
		result->cause,
		result->index,
		result->error,
		result->descriptors,
		result->forwarded,
		result->waits,
		result->vmm,
		result->skipped,
		result->entries,
		result->calls,
		result->driver_error,
		(int64_t)result->cookie,
	};

	_Static_assert(sizeof(seen) == sizeof(out->result), "all of it");
	memcpy(out->result, seen, sizeof(seen));
}

static void see_events(struct outcome *out, const struct guest *guest)
{
	uint32_t seen = 0;
	uint32_t i;

	for (i = 0; i < guest->n_events; i++) {
		const struct guest_event *event = &guest->events[i];
		const int64_t is[] = { event->kind, event->index,
				       event->hwpt_id, event->error };

		if (event->kind == GUEST_CALL)
			continue;
		ck_assert_uint_lt(seen, EVENTS_MAX);
		memcpy(out->events[seen++], is, sizeof(is));
	}
}

static void see_calls(struct outcome *out, const struct host *host)
{
	uint32_t i;

	ck_assert_uint_le(host->n_calls, CALLS_MAX);
	ck_assert_uint_le(host->n_entries, CALLS_MAX);
	for (i = 0; i < host->n_calls; i++) {
		const struct host_call *call = &host->calls[i];
		const int64_t is[] = { call->hwpt_id, call->count,
				       call->handled, call->error };

		memcpy(out->calls[i], is, sizeof(is));
	}
	memcpy(out->entries, host->entries,
	       host->n_entries * sizeof(*host->entries));
}

/* What the trace showed in this run. */
static uint32_t traces;

/* It is shown right after the call, which the host recorded last. */
static void trace(void *vmm, uint64_t cookie, const struct iommunest_call *call)
{
	const struct rig *rig =
		(void *)((char *)vmm - offsetof(struct rig, guest));
	const struct host_call *made = &rig->host.calls[traces];
	uint32_t i;

	traces++;
	ck_assert_uint_eq(rig->host.n_calls, traces);
	ck_assert_uint_eq(cookie, made->hwpt_id);
	ck_assert_uint_eq(call->id, made->hwpt_id);
	ck_assert_uint_eq(call->count, made->count);
	ck_assert_uint_eq(call->handled, made->handled);
	ck_assert_int_eq(call->error, made->error);
	ck_assert_uint_eq(call->driver_error, 0);
	if (!call->count)
		return;
	ck_assert(!memcmp(call->entries, host_entries(&rig->host, traces - 1),
			  call->count * sizeof(struct iommunest_vtd_entry)));
	for (i = 0; i < call->count; i++)
		ck_assert_uint_lt(call->cookies[i], rig->guest.tail);
}

static struct iommunest_vtd_iq *
make_engine(struct rig *rig, const struct setup *setup, bool traced)
{
	const struct iommunest_vtd_limits limits = {
		.size = sizeof(limits),
		.flags = setup->coalesces ? IOMMUNEST_VTD_COALESCE : 0,
	};
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.policy = setup->policy,
		.limits = &limits,
	};
	struct iommunest_vtd_iq_ops ops = guest_ops;
	struct iommunest_vtd_iq *iq;

	ops.trace = traced ? trace : NULL;
	ck_assert_int_eq(iommunest_vtd_iq_new(&iq, &ops, &rig->guest, &options),
			 0);
	return iq;
}

/* The usual rig, and an engine in place of its own. */
static void open_rig(struct rig *rig, const struct setup *setup, bool traced)
{
	rig_open(rig, NULL);
	iommunest_vtd_iq_free(rig->iq);
	rig->iq = make_engine(rig, setup, traced);
	rig_set_base(rig, RIG_BASE, 0);
	rig_add(rig, 1, 0, 10);
	rig_add(rig, 1, 5, 11);
	rig_add(rig, 2, 0, 12);
	rig_add_device(rig, DEVICE, IOMMUNEST_VTD_NO_PASID, 10);
	/* The first question would otherwise be a call of one of them only. */
	ck_assert_int_eq(iommunest_reports_errors(rig->ctx, 10,
						  iommunest_vtd_s1_type()),
			 0);
	if (setup->rule.error || setup->rule.fault)
		host_fail(&rig->host, setup->rule);
}

static void put_work(struct rig *rig)
{
	rig_page(rig, 0x1000);
	rig_page(rig, 0x2000);
	rig_page(rig, 0x3000);
	rig_page_of(rig, 11, 0x2000);
	rig_put(rig, guest_dev_tlb(DEVICE, 0x3000, 0));
	rig_wait(rig);
	rig_page_of(rig, 12, 0x1000);
	rig_put(rig, guest_piotlb_all(1, 5));
	rig_vmm(rig);
	rig_page(rig, 0x5000);
	rig_wait(rig);
}

static struct outcome run(const struct setup *setup, bool traced)
{
	struct outcome out;
	struct rig rig;
	int ret;

	memset(&out, 0, sizeof(out));
	traces = 0;
	open_rig(&rig, setup, traced);
	put_work(&rig);
	ret = rig_kick(&rig);
	ck_assert_uint_eq(rig.result.calls, rig.host.n_calls);
	ck_assert_uint_eq(traces, traced ? rig.host.n_calls : 0);
	see_result(&out, ret, &rig.result);
	see_events(&out, &rig.guest);
	see_calls(&out, &rig.host);
	rig_close(&rig);
	return out;
}

static void compare(const struct setup *setup)
{
	const struct outcome traced = run(setup, true);
	const struct outcome untraced = run(setup, false);

	ck_assert_msg(!memcmp(&traced, &untraced, sizeof(traced)),
		      "policy %u, coalesces %d, fault %d at HWPT %u, address "
		      "%#llx",
		      setup->policy, setup->coalesces, setup->rule.fault,
		      setup->rule.hwpt_id,
		      (unsigned long long)setup->rule.addr);
}

static void compare_all(struct setup setup)
{
	for (setup.policy = IOMMUNEST_VTD_IQ_HEAL;
	     setup.policy <= IOMMUNEST_VTD_IQ_SKIP; setup.policy++) {
		setup.coalesces = false;
		compare(&setup);
		setup.coalesces = true;
		compare(&setup);
	}
}

TEST(what_goes_well_is_the_same_with_and_without_a_trace)
{
	compare_all((struct setup){ .policy = 0 });
}

/* Each way to fail, at each HWPT and entry, once and for ever. */
TEST_LOOP(a_failure_is_the_same_with_and_without_a_trace, 5)
{
	static const uint64_t addrs[] = { 0x1000, 0x2000, 0x3000, 0x5000,
					  HOST_ANY_ADDR };
	struct setup setup = {
		.rule = { .fault = (enum host_fault)_i, .error = -EIO },
	};
	uint32_t hwpt, i;

	for (hwpt = 10; hwpt <= 12; hwpt++) {
		setup.rule.hwpt_id = hwpt;
		for (i = 0; i < ARRAY_LEN(addrs); i++) {
			setup.rule.addr = addrs[i];
			setup.rule.times = 0;
			compare_all(setup);
			setup.rule.times = 1;
			compare_all(setup);
		}
	}
}

/* Said once more without a comparison. */
TEST(a_call_that_handles_all_is_counted)
{
	const struct setup setup = { .policy = IOMMUNEST_VTD_IQ_STOP };
	struct rig rig;

	open_rig(&rig, &setup, false);
	put_work(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 11,
				 .forwarded = 8,
				 .waits = 2,
				 .vmm = 1,
				 .entries = 7,
				 .calls = 4,
			 });
	rig_close(&rig);
}

/* From the start it is on; a run is shown whole, or not at all. */
TEST(a_trace_is_turned_off_and_on_between_runs)
{
	const struct setup setup = { .policy = IOMMUNEST_VTD_IQ_STOP };
	struct rig rig;
	int round;

	open_rig(&rig, &setup, true);
	for (round = 0; round < 4; round++) {
		bool on = round % 2 == 0;

		traces = 0;
		ck_assert_int_eq(iommunest_vtd_iq_set_trace(rig.iq, on), 0);
		put_work(&rig);
		ck_assert_int_eq(rig_kick(&rig), 0);
		rig_is_done(&rig);
		ck_assert_uint_gt(rig.host.n_calls, 0);
		ck_assert_uint_eq(traces, on ? rig.host.n_calls : 0);
	}
	rig_close(&rig);
}

TEST(a_trace_that_is_not_there_cannot_be_turned_on)
{
	const struct setup setup = { .policy = IOMMUNEST_VTD_IQ_STOP };
	struct rig rig;

	open_rig(&rig, &setup, false);
	ck_assert_int_eq(iommunest_vtd_iq_set_trace(rig.iq, true), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_set_trace(rig.iq, false), 0);
	rig_close(&rig);
}
