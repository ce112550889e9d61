/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The life on a real driver, in which one system call fails: in front of the
 * kernel, with an errno; or within it, at each allocation and each copy from
 * and to user space, one after the other.  Whatever fails, the device is
 * attached to what it was or to nothing, all can be given back, and nothing is
 * lost; and the step that failed can be taken again.
 */
#include "fail-nth.h"
#include "faulty.h"
#include "ledger.h"
#include "life.h"
#include "real.h"

#include "lib/uapi/vfio.h"

#include "tests/harness/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than a life has calls, and the kernel has places that fail in one. */
#define ENDLESS 1000u

static const char *const nodes[REAL_DEVICES] = { "VM_DEVICE",
						 "VM_DEVICE_BEHIND_PORT" };

/* What is done after the fault. */
enum then {
	GIVE_UP,
	TAKE_AGAIN,
	THENS,
};

static struct trace *trace;
static struct life_device device;
/* How often the device was found so, after it could not be attached. */
static struct {
	unsigned int kept;
	unsigned int blocked;
	unsigned int detached;
} found;

static const char *node_of(int nth)
{
	const char *node = getenv(nodes[nth]);

	ck_assert_ptr_nonnull(node);
	return node;
}

/* ---- What a fault leaves ---- */

static const char *story(const struct life *life, const struct faulty *faulty)
{
	static char text[256];

	snprintf(text, sizeof(text), "%s: call %u, ioctl %#lx, %s %d",
		 life_step_name(life), faulty->at, faulty->request,
		 faulty->error ? "errno" : "nth",
		 faulty->error ? -faulty->error : (int)faulty->nth);
	return text;
}

/* VFIO detached it, because it could not write the answer. */
static void check_detached(struct life *life, unsigned int nth, enum then then)
{
	found.detached++;
	if (then != GIVE_UP)
		return;
	ck_assert_int_eq(iommunest_object_destroy(life->ctx, life->stage[nth]),
			 0);
	life->stage[nth] = 0;
	life->attached = 0;
}

/*
 * It is not flushed any more: the device was blocked before the driver looked.
 * iommufd takes it for attached all the same.
 */
static void check_blocked(struct life *life, unsigned int nth)
{
	found.blocked++;
	ck_assert_int_eq(iommunest_object_destroy(life->ctx, life->stage[nth]),
			 -EBUSY);
}

/*
 * Whatever fails, the device is attached to what it was; except where it was to
 * be attached: 6.12 goes back to what was, 7.3 leaves it blocked.
 */
static void check_attached(struct life *life, const struct faulty *faulty,
			   int error, enum then then)
{
	const bool attaching = !faulty->error &&
			       faulty->request == VFIO_DEVICE_ATTACH_IOMMUFD_PT;
	const bool is_new = real_kernel() != CONF_LINUX_6_12;
	unsigned int i;
	int count;

	for (i = 0; i < LIFE_STAGES; i++) {
		if (!life->stage[i])
			continue;
		count = life_flushes(life, life->stage[i], 0);
		if (count == (life->stage[i] == life->attached))
			found.kept += (unsigned int)count;
		else if (count == 0 && attaching && error == -EFAULT)
			check_detached(life, i, then);
		else if (count == 0 && attaching && is_new)
			check_blocked(life, i);
		else
			ck_abort_msg("%s: %d: stage 1 %u has %d flushes",
				     story(life, faulty), error, i, count);
	}
}

/* What is attached to the PASID is known in any case. */
static void check_pasid(struct life *life, const struct faulty *faulty)
{
	int count;

	if (!life->stage[0])
		return;
	count = life_flushes(life, life->stage[0], LIFE_PASID);
	if (count != (life->pasid_attached == life->stage[0]))
		ck_abort_msg("%s: the PASID has %d flushes",
			     story(life, faulty), count);
}

/* One life with one fault; false: it was over before the fault came. */
static bool live_with(struct faulty *faulty, struct life life, enum then then)
{
	int ret;

	life.sys = faulty_sys();
	life.sys_data = faulty;
	life.trace = trace;
	ret = life_go_on(&life);
	if (ret && !faulty->failed)
		ck_abort_msg("%s: %s", story(&life, faulty), strerror(-ret));
	if (!ret)
		return faulty->failed;
	check_attached(&life, faulty, ret, then);
	if (ret == -EFAULT && life_undo_step(&life))
		ck_abort_msg("%s: is not undone", story(&life, faulty));
	check_pasid(&life, faulty);
	ret = then == TAKE_AGAIN ? life_go_on(&life) : life_give_up(&life);
	if (ret)
		ck_abort_msg("%s, then %s: %s", story(&life, faulty),
			     life_step_name(&life), strerror(-ret));
	return true;
}

/* The lowest id that is free: the same, if no object was left. */
static uint32_t next_id(void)
{
	struct iommunest_ctx *ctx;
	uint32_t id = 0;

	ck_assert_int_eq(iommunest_open_fd(&ctx, device.iommu, NULL), 0);
	ck_assert_int_eq(iommunest_ioas_alloc(ctx, &id), 0);
	ck_assert_int_eq(iommunest_object_destroy(ctx, id), 0);
	iommunest_close(ctx);
	return id;
}

static struct life on_device(void)
{
	return (struct life){ .device = device };
}

/* ---- Faults one after the other ---- */

static unsigned int calls_of(struct life life)
{
	struct faulty none = { .at = 0 };

	ck_assert(!live_with(&none, life, GIVE_UP));
	return none.calls;
}

static unsigned int fail_in_front(unsigned int at, int error, enum then then)
{
	const uint32_t id = next_id();
	struct faulty faulty = { .at = at, .error = error };

	live_with(&faulty, on_device(), then);
	ck_assert(faulty.failed);
	ck_assert_uint_eq(next_id(), id);
	return 1;
}

/* Until the call gets by; returns how many places there were. */
static unsigned int fail_within(unsigned int at, enum then then)
{
	const uint32_t id = next_id();
	unsigned int n;

	for (n = 1; n < ENDLESS; n++) {
		struct faulty faulty = { .at = at, .nth = n };

		live_with(&faulty, on_device(), then);
		if (next_id() != id)
			ck_abort_msg("call %u, nth %u: an object is left", at,
				     n);
		if (!faulty.failed)
			return n - 1;
	}
	ck_abort_msg("call %u: no end", at);
}

static void tell(const char *what, unsigned int faults)
{
	printf("# %s: %u faults; the device was kept %u times, blocked %u, "
	       "detached %u\n",
	       what, faults, found.kept, found.blocked, found.detached);
}

/*
 * The kernel's threads come and go, and a CPU takes some dozens of objects to
 * have one: what one fault loses, kmemleak tells.
 */
static void check_nothing_lost(const struct ledger *before)
{
	static const struct ledger_slack slack = {
		.heap = 512,
		.rss = 256,
		.memory = 256,
		.objects = 256,
	};
	long lost;

	ck_assert(ledger_holds(before, &slack));
	lost = ledger_lost_blocks();
	if (lost < 0)
		printf("# without kmemleak=on, not all that is lost is seen\n");
	ck_assert_int_le(lost, 0);
}

static void open_all(int nth)
{
	ck_assert_int_eq(life_open_device(&device, node_of(nth)), 0);
	trace = trace_open(256);
	ck_assert_ptr_nonnull(trace);
}

static void close_all(void)
{
	trace_close(trace);
	life_close_device(&device);
}

TEST_LOOP(each_call_fails_in_front_of_the_kernel, (REAL_DEVICES * THENS))
{
	static const int errors[] = { -ENOMEM, -EINTR, -EIO, -EBUSY };
	const enum then then = (enum then)(_i % THENS);
	static struct ledger before;
	unsigned int at, calls, i, faults = 0;

	open_all(_i / THENS);
	calls = calls_of(on_device());
	ledger_take(&before);
	for (at = 1; at <= calls; at++) {
		for (i = 0; i < ARRAY_LEN(errors); i++)
			faults += fail_in_front(at, errors[i], then);
	}
	tell("in front", faults);
	check_nothing_lost(&before);
	close_all();
}

TEST_LOOP(each_call_fails_within_the_kernel, (REAL_DEVICES * THENS))
{
	const enum then then = (enum then)(_i % THENS);
	static struct ledger before;
	unsigned int at, calls, faults = 0;

	open_all(_i / THENS);
	if (!fail_nth_open())
		ck_abort_msg("fail-nth: %s", strerror(errno));
	calls = calls_of(on_device());
	ledger_take(&before);
	for (at = 1; at <= calls; at++)
		faults += fail_within(at, then);
	tell("within", faults);
	ck_assert_uint_gt(faults, calls);
	check_nothing_lost(&before);
	fail_nth_close();
	close_all();
}

static void write_to(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

/*
 * A PCI device that is enabled asks the firmware for its interrupt, and the
 * interpreter of that does not survive a failing allocation.  So it is enabled
 * before VFIO's driver has it.
 */
static void enable(int nth)
{
	static const char *const names[] = { "0000:00:02.0", "0000:01:00.0" };
	char path[128];

	write_to("/sys/bus/pci/drivers/vfio-pci/unbind", names[nth]);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/enable",
		 names[nth]);
	write_to(path, "1");
	write_to("/sys/bus/pci/drivers_probe", names[nth]);
}

/* The calls that open the nodes and bind: with a reset, which takes a while. */
#define OPENING 3u

static void fail_opening(unsigned int at, const char *node,
			 unsigned int *faults)
{
	struct faulty faulty = { .failed = true };
	unsigned int n;

	for (n = 1; faulty.failed; n++) {
		const struct life life = { .node = node, .device.fd = -1 };

		ck_assert_uint_lt(n, ENDLESS);
		faulty = (struct faulty){ .at = at, .nth = n };
		live_with(&faulty, life, (enum then)(n % THENS));
		*faults += faulty.failed;
	}
}

TEST_LOOP(opening_fails_within_the_kernel, REAL_DEVICES)
{
	static struct ledger before;
	unsigned int at, faults = 0;

	enable(_i);
	trace = trace_open(256);
	ck_assert_ptr_nonnull(trace);
	if (!fail_nth_open())
		ck_abort_msg("fail-nth: %s", strerror(errno));
	ledger_take(&before);
	for (at = 1; at <= OPENING; at++)
		fail_opening(at, node_of(_i), &faults);
	tell("opening", faults);
	check_nothing_lost(&before);
	fail_nth_close();
	trace_close(trace);
}

int main(int argc, char **argv)
{
	ledger_start(argv);
	if (!getenv(nodes[0])) {
		printf("no device belongs to VFIO\n");
		return 77;
	}
	/* What others have lost. */
	ledger_lost_blocks();
	return support_run(argc, argv);
}
