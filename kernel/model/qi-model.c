/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Runs a kernel's qi_submit_sync() against a model of the hardware, and holds
 * what it returns against what the hardware did.  Prints a line for each case:
 * "PASS" or "FAIL", its name, and why.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define MOST_CPUS 4u
#define MOST_EACH 40u

static struct submission subs[MOST_CPUS * MOST_EACH];
static struct run run;
static char why[160];

static bool has_kind(const struct submission *sub, enum model_kind kind)
{
	unsigned int i;

	for (i = 0; i < sub->count; i++)
		if (sub->descs[i].kind == kind)
			return true;
	return false;
}

static bool is_for_gone(const struct model_desc *desc)
{
	return desc->kind == MODEL_DEVICE_TLB && run.devices[desc->sid].is_gone;
}

/* Nothing that its TLB holds is of use to it. */
static bool is_for_blocked(const struct model_desc *desc)
{
	return desc->kind == MODEL_DEVICE_TLB &&
	       run.devices[desc->sid].is_blocked;
}

static bool has_gone(const struct submission *sub)
{
	unsigned int i;

	for (i = 0; i < sub->count; i++)
		if (is_for_gone(&sub->descs[i]))
			return true;
	return false;
}

/* The error that a submission may return; 0: it has to succeed. */
static int allowed_error(const struct submission *sub)
{
	if (run.hw.refuses || has_kind(sub, MODEL_REFUSED))
		return -EINVAL;
	return has_gone(sub) ? -ETIMEDOUT : 0;
}

/*
 * What hardware refused, or has nobody to answer, is not done.  All else of a
 * submission is, whatever it returns: an error is about those.  Where hardware
 * is stuck, an error is about all.
 */
static bool is_done(const struct submission *sub)
{
	unsigned int i;

	if (run.hw.refuses && sub->ret)
		return true;
	for (i = 0; i < sub->count; i++) {
		const struct model_desc *desc = &sub->descs[i];

		if (desc->kind == MODEL_REFUSED || is_for_gone(desc) ||
		    is_for_blocked(desc))
			continue;
		if (!desc->done)
			return false;
	}
	return true;
}

/*
 * The reason is that of something that was refused.  Who finds no room where
 * hardware is stuck has none to tell.
 */
static bool is_reason(const struct submission *sub)
{
	unsigned int reasons = run.hw.refuses ? 1u << run.hw.reason | 1 : 0;
	unsigned int i;

	/* Hardware had any of them. */
	if (run.hw.refuses && !run.hw.reason)
		return true;
	for (i = 0; i < sub->count; i++)
		if (sub->descs[i].kind == MODEL_REFUSED)
			reasons |= 1u << sub->descs[i].reason;
	return !sub->refused || reasons >> sub->reason & 1;
}

/* Exactly what was refused, unless hardware refused all that it saw. */
static bool is_reported(const struct submission *sub)
{
	uint64_t refused = 0, may_be_silent = 0, done = 0;
	unsigned int i;

	for (i = 0; i < sub->count; i++) {
		if (sub->descs[i].kind == MODEL_REFUSED)
			refused |= UINT64_C(1) << i;
		if (is_for_gone(&sub->descs[i]) ||
		    is_for_blocked(&sub->descs[i]))
			may_be_silent |= UINT64_C(1) << i;
		if (sub->descs[i].done)
			done |= UINT64_C(1) << i;
	}
	if (sub->unanswered & ~may_be_silent || !is_reason(sub))
		return false;
	/* What is not reported is done. */
	if ((sub->refused | sub->unanswered | done) + 1 !=
	    UINT64_C(1) << sub->count)
		return false;
	if (!run.hw.refuses)
		return sub->refused == refused;
	if (sub->ret == -EINVAL)
		return sub->refused || sub->count == 0;
	return sub->ret || !sub->refused;
}

/* Only what had begun when something timed out is to be sent again. */
static bool is_sent_too_often(const struct submission *sub)
{
	unsigned int i;

	for (i = 0; i < sub->count; i++)
		if (sub->descs[i].done > 1 + sub->aborted)
			return true;
	return false;
}

static const char *judge(const struct submission *sub)
{
	static const char *const words[] = { "iotlb", "devtlb", "refused" };
	size_t len = 0;
	unsigned int i;

	if (sub->ret && sub->ret != allowed_error(sub) &&
	    !(sub->ret == -ETIMEDOUT && has_gone(sub)))
		len = (size_t)snprintf(why, sizeof(why),
				       "returned %d:", sub->ret);
	else if (!sub->ret && has_kind(sub, MODEL_REFUSED))
		len = (size_t)snprintf(why, sizeof(why),
				       "refused, returned 0:");
	else if (!is_done(sub))
		len = (size_t)snprintf(
			why, sizeof(why),
			"returned %d, and is not done:", sub->ret);
	else if (is_sent_too_often(sub))
		len = (size_t)snprintf(why, sizeof(why),
				       "aborted %u times:", sub->aborted);
	else if (sub->drains && !sub->ret && !sub->has_drained)
		len = (size_t)snprintf(why, sizeof(why), "has not drained:");
	else if (sub->reports && !is_reported(sub))
		len = (size_t)snprintf(why, sizeof(why), "reported %#llx:",
				       (unsigned long long)sub->refused);
	if (!len)
		return NULL;
	for (i = 0; i < sub->count && len + 12 < sizeof(why); i++)
		len += (size_t)snprintf(why + len, sizeof(why) - len, " %s*%u",
					words[sub->descs[i].kind],
					sub->descs[i].done);
	return why;
}

/* But those at whom it is stuck have. */
static bool nobody_tells_reason(void)
{
	bool refused = false;
	unsigned int i;

	for (i = 0; i < run.cpus * run.each; i++) {
		refused |= subs[i].reports && subs[i].refused;
		if (subs[i].refused && subs[i].reason == run.hw.reason)
			return false;
	}
	return refused;
}

/* ---- Devices ---- */

static unsigned int commands_to(unsigned int sid)
{
	unsigned int count = 0;
	unsigned int i, k;

	for (i = 0; i < run.cpus * run.each; i++)
		for (k = 0; k < subs[i].count; k++)
			count += subs[i].descs[k].kind == MODEL_DEVICE_TLB &&
				 subs[i].descs[k].sid == sid;
	return count;
}

static unsigned int silent_devices(void)
{
	unsigned int count = 0;
	unsigned int i;

	for (i = 1; i <= DEVICES; i++)
		count += run.devices[i].timeouts > 0;
	return count;
}

/*
 * So often each command to a silent device is sent: twice if hardware says who
 * it was, and thrice if it does not.  Where it names others, rightly or not,
 * these come first: once, and twice more until it is not believed.
 */
static unsigned int most_timeouts(unsigned int sid)
{
	unsigned int each = 2;

	if (run.hw.names_other || (run.hw.names_device && silent_devices() > 1))
		each = 5;
	else if (!run.hw.names_device)
		each = 3;
	return each * commands_to(sid);
}

static const char *judge_device(unsigned int sid)
{
	const struct device_options *device = &run.devices[sid];

	/* Hardware's word is believed, even if it is wrong twice. */
	if (device->is_blocked && device->timeouts < 2 && device->named < 2)
		return "a device is blocked that timed out once";
	if (device->is_blocked && !commands_to(sid))
		return "a device is blocked that was sent nothing";
	if (device->is_blocked && device->timeouts > most_timeouts(sid))
		return "a device times out too often before it is blocked";
	return NULL;
}

/* Not all for the same reason. */
static void set_reasons(struct submission *sub)
{
	unsigned int i;

	for (i = 0; i < sub->count; i++)
		sub->descs[i].reason =
			run.hw.refuses ? run.hw.reason : 1 + model_random(15);
}

/* Runs what is in @run and @subs. */
static const char *verdict(void)
{
	const char *fault;
	unsigned int i;

	run.submissions = subs;
	for (i = 0; i < run.cpus * run.each; i++)
		set_reasons(&subs[i]);
	fault = model_run(&run);
	if (!fault && model_warnings && !run.hw.refuses)
		fault = "the kernel warns, and hardware is not stuck";
	for (i = 1; i <= DEVICES && !fault; i++)
		fault = judge_device(i);
	for (i = 0; i < run.cpus * run.each && !fault; i++)
		fault = judge(&subs[i]);
	if (!fault && run.hw.refuses && run.hw.reason && nobody_tells_reason())
		fault = "nobody is told why hardware is stuck";
	return fault;
}

/* ---- Cases: each gets a number, and sets up @run and @subs ---- */

static void fill(struct submission *sub, unsigned int count)
{
	unsigned int i;

	memset(sub, 0, sizeof(*sub));
	sub->count = count;
	for (i = 0; i < count; i++)
		sub->descs[i].kind = MODEL_IOTLB;
}

static void device_tlb(struct model_desc *desc, uint16_t sid)
{
	desc->kind = MODEL_DEVICE_TLB;
	desc->sid = sid;
}

static void start(unsigned int n, unsigned int cpus, unsigned int each)
{
	unsigned int i;

	memset(&run, 0, sizeof(run));
	run.seed = n + 1;
	run.cpus = cpus;
	run.each = each;
	run.hw.head_at_wait = n & 1;
	run.hw.needs_tail = n & 2;
	run.hw.names_device = true;
	run.hw.reason = 1 + n % 15;
	model_seed(n + 77);
	run.hw.is_narrow = model_random(3) == 0;
	if (model_random(2))
		run.hw.most_under_way = 1 + model_random(24);
	for (i = 0; i < cpus * each; i++)
		fill(&subs[i], model_random(MOST_DESCS + 1));
}

/* Refused at every place of submissions of every length. */
static void refused_first(unsigned int n)
{
	start(n, 1, 4);
	fill(&subs[1], 1 + n % MOST_DESCS);
	subs[1].descs[0].kind = MODEL_REFUSED;
}

static void refused_anywhere(unsigned int n)
{
	unsigned int count = 1 + model_random(MOST_DESCS);

	start(n, 2, 4);
	fill(&subs[1], count);
	subs[1].descs[n % count].kind = MODEL_REFUSED;
}

static void refused_several(unsigned int n)
{
	unsigned int i;

	start(n, 3, 4);
	for (i = 0; i < 12; i += 1 + model_random(3))
		if (subs[i].count)
			subs[i].descs[model_random(subs[i].count)].kind =
				MODEL_REFUSED;
}

/* Refuses so many in a row, waits included, and goes on then. */
static void stuck(unsigned int n)
{
	start(n, 3, 4);
	run.hw.refuses = 1 + n % 40;
}

/* What takes a descriptor's place is refused for another reason. */
static void stuck_for_reasons(unsigned int n)
{
	stuck(n);
	run.hw.reason = 0;
}

/* Where something is refused for itself, too. */
static void stuck_and_refused(unsigned int n)
{
	refused_several(n);
	run.hw.accepts = model_random(60);
	run.hw.refuses = 1 + n % 40;
}

/* For longer than it takes to come round the queue. */
static void stuck_for_ever(unsigned int n)
{
	start(n, 3, MOST_EACH);
	run.hw.accepts = n % 3 ? model_random(300) : 0;
	run.hw.refuses = ~0u;
}

static void stuck_for_ever_for_reasons(unsigned int n)
{
	stuck_for_ever(n);
	run.hw.reason = 0;
}

static void stuck_for_rounds(unsigned int n)
{
	stuck_for_ever(n);
	run.hw.refuses = 100 + model_random(400);
}

static void put_device(unsigned int sub, uint16_t sid)
{
	struct submission *to = &subs[sub];

	if (!to->count)
		fill(to, 1);
	device_tlb(&to->descs[model_random(to->count)], sid);
}

/* One device does not answer at first, on its own CPU or beside others. */
static void slow_alone(unsigned int n)
{
	start(n, 1, 4);
	run.devices[1].silent = 1 + n % 3;
	put_device(1, 1);
}

static void slow_among_others(unsigned int n)
{
	start(n, 4, 6);
	run.devices[1].silent = 1 + n % 3;
	put_device(0, 1);
	put_device(7, 1);
}

static void slow_unnamed(unsigned int n)
{
	slow_among_others(n);
	run.hw.names_device = false;
}

static void slow_misnamed(unsigned int n)
{
	slow_among_others(n);
	run.hw.names_other = NOBODY;
}

static void two_are_slow(unsigned int n)
{
	slow_among_others(n);
	run.devices[2].silent = 1 + n % 3;
	run.hw.drops_all = n & 4;
	put_device(7, 2);
	put_device(14, 2);
}

/* One device is gone; the others' commands are not its own. */
static void gone_alone(unsigned int n)
{
	start(n, 1, 4);
	run.devices[1].is_gone = true;
	put_device(1, 1);
}

static void gone_among_others(unsigned int n)
{
	start(n, 4, 6);
	run.devices[1].is_gone = true;
	put_device(0, 1);
	put_device(7, 1);
	put_device(7, 2);
	put_device(14, 2);
}

static void gone_unnamed(unsigned int n)
{
	gone_among_others(n);
	run.hw.names_device = false;
}

/* And hardware is stuck while it waits for them. */
static void stuck_and_slow(unsigned int n)
{
	two_are_slow(n);
	run.hw.accepts = model_random(60);
	run.hw.refuses = n % 4 ? 1 + model_random(80) : ~0u;
}

static void stuck_and_gone(unsigned int n)
{
	gone_among_others(n);
	run.hw.names_device = n & 4;
	run.hw.accepts = model_random(60);
	run.hw.refuses = n % 4 ? 1 + model_random(80) : ~0u;
}

/* One device never answers; with one, or with two, others may be slow. */
static void silent_for_ever(unsigned int n)
{
	slow_among_others(n);
	run.devices[1].silent = FOR_EVER;
	put_device(14, 2);
}

static void silent_unnamed(unsigned int n)
{
	silent_for_ever(n);
	run.hw.names_device = false;
}

static void silent_misnamed(unsigned int n)
{
	silent_for_ever(n);
	run.hw.names_other = NOBODY;
}

static void two_are_silent(unsigned int n)
{
	two_are_slow(n);
	run.devices[1].silent = FOR_EVER;
	run.devices[2].silent = FOR_EVER;
}

static void stuck_and_silent(unsigned int n)
{
	two_are_silent(n);
	run.hw.names_device = n & 4;
	run.hw.accepts = model_random(60);
	run.hw.refuses = n % 4 ? 1 + model_random(80) : ~0u;
}

static void two_are_silent_misnamed(unsigned int n)
{
	two_are_silent(n);
	run.hw.names_other = NOBODY;
}

static void two_are_silent_unnamed(unsigned int n)
{
	two_are_silent(n);
	run.hw.names_device = false;
}

/*
 * Hardware names another device, which answers: one that is as busy, or one
 * that has nothing to do.
 */
#define BUSY 2u
#define IDLE 4u

static void be_busy(void)
{
	unsigned int i;

	for (i = 0; i < run.cpus * run.each; i++)
		if (model_random(3))
			put_device(i, BUSY);
	/* It may have taken the place. */
	put_device(0, 1);
	put_device(7, 1);
}

static void slow_for_busy(unsigned int n)
{
	slow_among_others(n);
	be_busy();
	run.hw.names_other = BUSY;
}

static void slow_for_idle(unsigned int n)
{
	slow_among_others(n);
	run.hw.names_other = IDLE;
}

static void silent_for_busy(unsigned int n)
{
	silent_for_ever(n);
	be_busy();
	run.hw.names_other = BUSY;
}

static void silent_for_idle(unsigned int n)
{
	silent_for_ever(n);
	run.hw.names_other = IDLE;
}

/* A completion error stops nobody. */
static void completed_wrongly(unsigned int n)
{
	slow_among_others(n);
	run.hw.completes_wrongly = true;
	put_device(3, 2);
}

/* The wait that drains is sent again, and at the end. */
static void drains(unsigned int n)
{
	slow_among_others(n);
	subs[n % 3 ? 0 : model_random(24)].drains = true;
}

/* All of it together. */
static void anything(unsigned int n)
{
	unsigned int i;

	start(n, 4, 6);
	run.hw.names_device = n & 4;
	run.hw.drops_all = n & 8;
	run.hw.completes_wrongly = model_random(2);
	if (model_random(3) == 0)
		run.hw.names_other = (uint16_t)(1 + model_random(NOBODY));
	for (i = 1; i <= DEVICES; i++) {
		run.devices[i].silent = model_random(4);
		if (model_blocks() && model_random(4) == 0)
			run.devices[i].silent = FOR_EVER;
		run.devices[i].is_gone = model_random(4) == 0;
	}
	for (i = 0; i < 24; i++) {
		while (model_random(2))
			put_device(i, (uint16_t)(1 + model_random(DEVICES)));
		if (subs[i].count && model_random(6) == 0)
			subs[i].descs[model_random(subs[i].count)].kind =
				MODEL_REFUSED;
	}
}

static const struct {
	const char *name;
	void (*set)(unsigned int n);
	/* Only with a kernel that cuts such devices off: else it never ends. */
	bool needs_block;
} cases[] = {
	{ "refused-first", refused_first },
	{ "refused-anywhere", refused_anywhere },
	{ "refused-several", refused_several },
	{ "stuck", stuck },
	{ "stuck-for-reasons", stuck_for_reasons },
	{ "stuck-and-refused", stuck_and_refused },
	{ "stuck-for-ever", stuck_for_ever },
	{ "stuck-for-ever-for-reasons", stuck_for_ever_for_reasons },
	{ "stuck-for-rounds", stuck_for_rounds },
	{ "stuck-and-slow", stuck_and_slow },
	{ "stuck-and-gone", stuck_and_gone },
	{ "slow-alone", slow_alone },
	{ "slow-among-others", slow_among_others },
	{ "slow-unnamed", slow_unnamed },
	{ "slow-misnamed", slow_misnamed },
	{ "slow-for-busy", slow_for_busy },
	{ "slow-for-idle", slow_for_idle },
	{ "two-are-slow", two_are_slow },
	{ "gone-alone", gone_alone },
	{ "gone-among-others", gone_among_others },
	{ "gone-unnamed", gone_unnamed },
	{ "silent-for-ever", silent_for_ever, true },
	{ "silent-unnamed", silent_unnamed, true },
	{ "silent-misnamed", silent_misnamed, true },
	{ "silent-for-busy", silent_for_busy, true },
	{ "silent-for-idle", silent_for_idle, true },
	{ "two-are-silent", two_are_silent, true },
	{ "stuck-and-silent", stuck_and_silent, true },
	{ "two-are-silent-misnamed", two_are_silent_misnamed, true },
	{ "two-are-silent-unnamed", two_are_silent_unnamed, true },
	{ "completed-wrongly", completed_wrongly },
	{ "drains", drains },
	{ "anything", anything },
};

static bool try_case(unsigned int i, unsigned int rounds)
{
	unsigned int failed = 0, first = 0, n;
	char first_why[sizeof(why)] = "";

	if (cases[i].needs_block && !model_blocks()) {
		printf("SKIP %s: this kernel waits for ever\n", cases[i].name);
		return true;
	}
	for (n = 0; n < rounds; n++) {
		const char *fault;

		cases[i].set(n);
		fault = verdict();
		if (!fault || failed++)
			continue;
		first = n;
		snprintf(first_why, sizeof(first_why), "%s", fault);
	}
	if (failed)
		printf("FAIL %s: %u of %u; %u: %s\n", cases[i].name, failed,
		       rounds, first, first_why);
	else
		printf("PASS %s: %u\n", cases[i].name, rounds);
	fflush(stdout);
	return !failed;
}

int main(int argc, char **argv)
{
	unsigned int rounds = 400;
	bool ok = true;
	unsigned int i;

	if (argc > 1)
		rounds = (unsigned int)strtoul(argv[1], NULL, 0);
	if (argc > 3 || rounds == 0) {
		fprintf(stderr, "Usage: qi-model [ROUNDS [CASE]]\n");
		return 2;
	}
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (argc < 3 || !strcmp(argv[2], cases[i].name))
			ok &= try_case(i, rounds);
	return !ok;
}
