/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The kernel that runs, and the simulator of it: random requests to both, and
 * whatever can be seen of them has to be the same: what an ioctl returns, all
 * that it writes, and the descriptors that reach the invalidation queue.
 *
 * IOMMUNEST_TEST_SEED=N replays a seed; IOMMUNEST_COUNT=N makes so many
 * requests.
 */
#include "diff-both.h"
#include "real.h"

#include "tests/harness/support.h"

#include <fcntl.h>
#include <inttypes.h>
#include <libiommunest-sim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Requests of a part of a seed, whose events are read at once. */
#define PER_CHUNK 200u
#define BUFFER_KB 16384u
#define MAX_SEEN (1u << 17)
#define MAX_IDS 128u

/* A descriptor, of the HWPT or device with this number. */
struct seen {
	struct conf_desc desc;
	uint32_t who;
};

/* Those of request @i of a chunk are from start[i] to start[i + 1]. */
struct log {
	struct seen seen[MAX_SEEN];
	uint32_t start[PER_CHUNK + 1];
	uint32_t count;
};

static struct {
	bool open;
	/* What can be seen of both has been the same so far. */
	bool same;
	struct trace *trace;
	struct real real;
	struct iommunest_sim *sim;
	struct conf_env sim_env;
	struct diff_memory memory;
	struct diff_gen gen;
	struct diff_both both;
	struct diff_request chunk[PER_CHUNK];
	struct log kernel;
	struct log simulator;
	/* How many were compared. */
	uint64_t descs;
	/* Whom the kernel's numbers stand for. */
	uint32_t hwpt_of_did[UINT16_MAX + 1];
	uint32_t dev_of_sid[UINT16_MAX + 1];
} t;

/* ---- Both sides ---- */

static void sim_populate(void)
{
	struct conf_env *env = &t.sim_env;

	ck_assert_msg(conf_populate(env), "%s", env->why);
	ck_assert_uint_eq(env->ioas, t.real.env.ioas);
	ck_assert_uint_eq(env->parent, t.real.env.parent);
	ck_assert_uint_eq(env->nested, t.real.env.nested);
	ck_assert_uint_eq(env->unattached, t.real.env.unattached);
	ck_assert_int_eq(
		iommunest_sim_attach(t.sim, env->fd, env->dev, env->nested), 0);
}

static void remember_desc(void *user, const struct iommunest_sim_desc *desc)
{
	struct log *log = &t.simulator;
	struct seen *seen = &log->seen[log->count++];

	(void)user;
	if (log->count == MAX_SEEN)
		diff_mismatch(&t.both, "more descriptors than %u", MAX_SEEN);
	*seen = (struct seen){
		.desc.am = desc->am,
		.desc.addr = desc->addr,
		.desc.ih = desc->ih,
		.who = desc->hwpt_id,
	};
	switch (desc->kind) {
	case IOMMUNEST_SIM_PIOTLB_ALL:
		seen->desc.kind = CONF_PIOTLB_ALL;
		break;
	case IOMMUNEST_SIM_PIOTLB_PAGES:
		seen->desc.kind = CONF_PIOTLB_PAGES;
		break;
	default:
		seen->desc.kind = CONF_DEV_TLB;
		seen->who = desc->dev_id;
		break;
	}
}

static uint32_t profile(const struct conf_env *env)
{
	if (env->kernel == CONF_LINUX_6_12)
		return env->fixed ? IOMMUNEST_SIM_LINUX_6_12_PATCHED
				  : IOMMUNEST_SIM_LINUX_6_12;
	return env->fixed ? IOMMUNEST_SIM_LINUX_7_3_PATCHED
			  : IOMMUNEST_SIM_LINUX_7_3;
}

static void open_sim(void)
{
	struct conf_env *env = &t.sim_env;
	struct iommu_hw_info_vtd vtd = { 0 };
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = t.real.env.dev,
		.data_len = sizeof(vtd),
		.data_uptr = (uintptr_t)&vtd,
	};
	struct iommunest_sim_options options = {
		.size = sizeof(options),
		.profile = profile(&t.real.env),
	};
	uint32_t dev;

	ck_assert(conf_ioctl_is(&t.real.env, IOMMU_GET_HW_INFO, &cmd, 0));
	options.cap = vtd.cap_reg;
	options.ecap = vtd.ecap_reg;
	ck_assert_int_eq(iommunest_sim_new(&t.sim, &options), 0);
	iommunest_sim_on_desc(t.sim, remember_desc, NULL);
	env->sys = iommunest_sim_sys();
	env->sys_data = t.sim;
	env->fd = env->sys->open(t.sim, "/dev/iommu", O_RDWR);
	ck_assert_int_eq(iommunest_sim_bind(t.sim, env->fd, 0, &env->dev), 0);
	ck_assert_int_eq(
		iommunest_sim_bind(t.sim, env->fd, IOMMUNEST_SIM_ATS, &dev), 0);
	ck_assert_uint_eq(env->dev, t.real.dev[0]);
	ck_assert_uint_eq(dev, t.real.dev[1]);
}

static void close_both(void)
{
	if (!t.open)
		return;
	real_close(&t.real);
	t.sim_env.sys->close(t.sim, t.sim_env.fd);
	iommunest_sim_free(t.sim);
	t.open = false;
}

static void open_both(void)
{
	/* After a mismatch the two do not have the same objects. */
	if (!t.same)
		close_both();
	t.same = false;
	if (t.open)
		return;
	ck_assert_int_eq(real_open(&t.real, 0, t.trace), 0);
	ck_assert_int_eq(real_bind(&t.real, 1), 0);
	ck_assert_msg(real_populate(&t.real) == 0, "%s", t.real.env.why);
	open_sim();
	sim_populate();
	t.open = true;
	t.both.kernel = &t.real.env;
	t.both.simulator = &t.sim_env;
	t.both.memory = &t.memory;
	t.gen = (struct diff_gen){
		.memory = &t.memory,
		.kernel = t.real.env.kernel,
		.dev = { t.real.dev[0], t.real.dev[1] },
		.ioas = t.real.env.ioas,
		.parent = t.real.env.parent,
		.nested = t.real.env.nested,
		.unattached = t.real.env.unattached,
	};
}
FIXTURE(open_both, NULL);

static void attach_both(unsigned int device, uint32_t hwpt_id)
{
	int real = real_attach(&t.real, device, hwpt_id);
	int sim = iommunest_sim_attach(t.sim, t.sim_env.fd, t.real.dev[device],
				       hwpt_id);

	if (real != sim)
		diff_mismatch(
			&t.both,
			"attach of device %u to %u: kernel %d, simulator %d",
			t.real.dev[device], hwpt_id, real, sim);
}

/* The IOAS that there always is, with nothing in it. */
static void empty_ioas(void)
{
	const struct iommu_ioas_allow_iovas allow = {
		.size = sizeof(allow),
		.ioas_id = t.gen.ioas,
	};
	const struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = t.gen.ioas,
		.length = UINT64_MAX,
	};
	const struct iommu_option huge = {
		.size = sizeof(huge),
		.option_id = IOMMU_OPTION_HUGE_PAGES,
		.op = IOMMU_OPTION_OP_SET,
		.object_id = t.gen.ioas,
		.val64 = 1,
	};

	diff_both_are(&t.both, IOMMU_IOAS_ALLOW_IOVAS, &allow, sizeof(allow));
	diff_both_are(&t.both, IOMMU_IOAS_UNMAP, &unmap, sizeof(unmap));
	diff_both_are(&t.both, IOMMU_OPTION, &huge, sizeof(huge));
}

/* As it was at the start: the ids are the same again. */
static void tidy_up(void)
{
	empty_ioas();
	attach_both(0, t.gen.nested);
	attach_both(1, 0);
	diff_destroy_made(&t.both, &t.gen);
}

/* ---- One request ---- */

static void make_both(const struct diff_request *request)
{
	struct diff_result kernel, simulator;

	if (request->kind == DIFF_ATTACH) {
		attach_both(request->device, request->hwpt_id);
		return;
	}
	diff_make_both(&t.both, request, &kernel, &simulator);
	diff_compare(&t.both, request, &kernel, &simulator);
	if (kernel.ret == 0)
		diff_gen_learn(&t.gen, request, kernel.arg);
}

/* ---- What reached the queue ---- */

static uint32_t who(const struct trace_event *event)
{
	switch (event->qw0 & 0xf) {
	case 3:
		return event->qw0 >> 32 & 0xffff;
	default:
		return event->qw0 >> 16 & 0xffff;
	}
}

/* Sorts the events of a chunk by the marks before each of its requests. */
static void read_events(uint32_t first, uint32_t count)
{
	struct log *log = &t.kernel;
	struct trace_event event;
	struct seen seen;
	uint32_t next = 0;

	log->count = 0;
	while (trace_next(t.trace, &event)) {
		if (event.kind == TRACE_MARK) {
			if (event.mark != first + next)
				diff_mismatch(&t.both, "mark %u and not %u",
					      event.mark, first + next);
			log->start[next++] = log->count;
		} else if (real_decode(&event, &seen.desc)) {
			seen.who = who(&event);
			if (log->count == MAX_SEEN)
				diff_mismatch(&t.both,
					      "more descriptors than %u",
					      MAX_SEEN);
			log->seen[log->count++] = seen;
		}
	}
	if (next != count)
		diff_mismatch(&t.both, "%u marks and not %u", next, count);
	log->start[count] = log->count;
}

static void compare_who(const struct seen *kernel, const struct seen *simulator)
{
	uint32_t *known = kernel->desc.kind == CONF_DEV_TLB
				  ? &t.dev_of_sid[kernel->who]
				  : &t.hwpt_of_did[kernel->who];

	if (*known == 0)
		*known = simulator->who;
	if (*known != simulator->who)
		diff_mismatch(&t.both,
			      "kernel's %#x stood for %u, and now for %u",
			      kernel->who, *known, simulator->who);
}

static void compare_desc(uint32_t index, const struct seen *kernel,
			 const struct seen *simulator)
{
	const struct conf_desc *real = &kernel->desc, *sim = &simulator->desc;

	if (real->kind != sim->kind || real->am != sim->am ||
	    real->addr != sim->addr || real->ih != sim->ih)
		diff_mismatch(
			&t.both,
			"descriptor %u: kernel kind %d addr %#" PRIx64
			" am %u ih %d (%#x), simulator kind %d addr %#" PRIx64
			" am %u ih %d (%u)",
			index, real->kind, real->addr, real->am, real->ih,
			kernel->who, sim->kind, sim->addr, sim->am, sim->ih,
			simulator->who);
	compare_who(kernel, simulator);
}

static void compare_descs(uint32_t index)
{
	const struct seen *kernel = t.kernel.seen + t.kernel.start[index];
	const struct seen *sim = t.simulator.seen + t.simulator.start[index];
	uint32_t count = t.kernel.start[index + 1] - t.kernel.start[index];
	uint32_t expected =
		t.simulator.start[index + 1] - t.simulator.start[index];
	uint32_t i;

	for (i = 0; i < count && i < expected; i++)
		compare_desc(i, &kernel[i], &sim[i]);
	if (count != expected)
		diff_mismatch(&t.both,
			      "%s: kernel %u descriptors, simulator %u",
			      diff_name(t.chunk[index].kind), count, expected);
	t.descs += count;
}

/* The driver flushes for its own reasons, too. */
static bool flushes_otherwise(enum diff_kind kind)
{
	return kind == DIFF_ATTACH || kind == DIFF_HWPT_ALLOC ||
	       kind == DIFF_DESTROY || kind == DIFF_IOAS;
}

static void run_chunk(uint32_t first)
{
	uint32_t i;

	t.simulator.count = 0;
	trace_discard(t.trace);
	for (i = 0; i < PER_CHUNK; i++) {
		t.both.step = first + i;
		t.simulator.start[i] = t.simulator.count;
		diff_gen_next(&t.gen, &t.chunk[i]);
		trace_mark(t.trace, t.both.step);
		make_both(&t.chunk[i]);
	}
	t.simulator.start[PER_CHUNK] = t.simulator.count;
	read_events(first, PER_CHUNK);
	for (i = 0; i < PER_CHUNK; i++) {
		t.both.step = first + i;
		/* An attached HWPT gets a number, and gives it up later. */
		if (t.chunk[i].kind == DIFF_ATTACH)
			memset(t.hwpt_of_did, 0, sizeof(t.hwpt_of_did));
		if (!flushes_otherwise(t.chunk[i].kind))
			compare_descs(i);
	}
}

TEST_RANGE(kernel_and_simulator_cannot_be_told_apart, diff_first_seed(),
	   diff_end_seed())
{
	uint32_t at;

	t.both.seed = (uint64_t)_i;
	diff_gen_start(&t.gen, t.both.seed);
	memset(t.hwpt_of_did, 0, sizeof(t.hwpt_of_did));
	attach_both(1, t.both.seed % 3 == 0
			       ? 0
			       : (t.both.seed % 3 == 1 ? t.gen.nested
						       : t.gen.unattached));
	for (at = 0; at < DIFF_PER_SEED; at += PER_CHUNK)
		run_chunk(at);
	tidy_up();
	t.same = true;
}

int main(int argc, char **argv)
{
	int ret;

	t.trace = trace_open(BUFFER_KB);
	if (!t.trace) {
		printf("no trace events of a VT-d: %s\n", strerror(errno));
		return 77;
	}
	t.memory = diff_memory_new();
	/* The kernel's objects stay from one seed to the next; so do ours. */
	setenv("CK_FORK", "no", 1);
	ret = support_run(argc, argv);
	close_both();
	trace_close(t.trace);
	diff_print(&t.both);
	printf("; %" PRIu64 " descriptors\n", t.descs);
	return ret;
}
