/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The kernel that runs, with an SMMUv3, and the simulator of it: random
 * requests to both, and whatever can be seen of them has to be the same: what
 * an ioctl returns, all that it writes, the commands that reach the SMMU's
 * queue, what event queues have, and that a device's access faults.
 *
 * IOMMUNEST_TEST_SEED=N replays a seed; IOMMUNEST_COUNT=N makes so many
 * requests.
 */
#include "diff-both.h"
#include "diff-smmu.h"
#include "smmu-edu.h"
#include "smmu-env.h"
#include "tests/conformance/sim-env.h"

#include "tests/harness/support.h"

#include <endian.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_COMMANDS SIM_ENV_COMMANDS
#define EVENTS_LEN 128u
#define EVENT_MS 30000

/* A guest's memory: a context descriptor, and a table without an entry. */
#define RAM_AT 0x40000000ull
#define RAM_SIZE 0x2000u
#define TABLE_AT (RAM_AT + 0x1000)
/* 39 bits, no TTB1, valid, 44 bits, AArch64, record and abort, ASID 9. */
#define CD_WORD                                                      \
	(25ull | 1ull << 30 | 1ull << 31 | 4ull << 32 | 1ull << 41 | \
	 3ull << 45 | 9ull << 48)

/* An event queue that is open on both sides. */
struct queue {
	uint32_t id;
	int kernel;
	int simulator;
};

static struct {
	bool open;
	/* What can be seen of both has been the same so far. */
	bool same;
	struct smmu_env real;
	struct sim_env sim;
	struct edu edu;
	struct diff_both both;
	struct diff_memory memory;
	struct diff_gen gen;
	uint64_t *ram;
	/* A nested HWPT whose stage 1 is in there, and its vIOMMU's events. */
	uint32_t faulting;
	struct queue events;
	struct queue queues[DIFF_IDS];
	unsigned int queue_count;
	/* Which of the simulator's numbers the kernel's stand for. */
	uint32_t vmids[UINT16_MAX + 1];
	uint32_t sids[UINT16_MAX + 1];
	uint64_t commands;
	uint64_t records;
} t;

/* ---- Both sides ---- */

static struct conf_env *kernel(void)
{
	return &t.real.real.env;
}

static struct conf_env *simulator(void)
{
	return &t.sim.env;
}

static void open_sim(void)
{
	struct iommunest_sim_options options = {
		.size = sizeof(options),
		.profile = kernel()->smmu_count == CONF_SMMU_EXACT
				   ? IOMMUNEST_SIM_SMMUV3_7_3_PATCHED
				   : IOMMUNEST_SIM_SMMUV3_7_3,
	};
	struct smmu_hw_info info;

	ck_assert_msg(smmu_hw_info(kernel(), &info), "%s", kernel()->why);
	memcpy(options.idr, info.idr, sizeof(options.idr));
	ck_assert_msg(sim_env_open_smmu(&t.sim, &options) == 0, "%s",
		      simulator()->why);
}

static void map_ram(struct conf_env *env)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = env->ioas,
		.user_va = (uintptr_t)t.ram,
		.length = RAM_SIZE,
		.iova = RAM_AT,
	};

	ck_assert_msg(conf_ioctl_is(env, IOMMU_IOAS_MAP, &cmd, 0), "%s",
		      env->why);
}

static uint32_t make_faulting(struct conf_env *env)
{
	const uint64_t ste[2] = { STE_V | STE_S1 | RAM_AT, STE_S1_CACHEABLE };
	const uint32_t id = smmu_alloc_nested(env, ste);

	ck_assert_msg(id, "%s", env->why);
	return id;
}

static int open_events(struct conf_env *env, uint32_t *id)
{
	struct veventq_alloc cmd = { .size = sizeof(cmd),
				     .viommu_id = env->viommu,
				     .type = SMMU_TYPE_VEVENTQ,
				     .depth = 4 };

	ck_assert_msg(conf_ioctl_is(env, VEVENTQ_ALLOC, &cmd, 0), "%s",
		      env->why);
	*id = cmd.out_veventq_id;
	return (int)cmd.out_veventq_fd;
}

/* Objects that there always are, with the same ids. */
static void make_objects(void)
{
	uint32_t id;

	map_ram(kernel());
	map_ram(simulator());
	t.faulting = make_faulting(kernel());
	ck_assert_uint_eq(make_faulting(simulator()), t.faulting);
	t.events.kernel = open_events(kernel(), &t.events.id);
	t.events.simulator = open_events(simulator(), &id);
	ck_assert_uint_eq(id, t.events.id);
}

static void close_both(void)
{
	if (!t.open)
		return;
	close(t.events.kernel);
	edu_close(&t.edu);
	simulator()->sys->close(t.sim.sim, t.events.simulator);
	real_close(&t.real.real);
	smmu_hw_close(t.real.hw);
	sim_env_close(&t.sim);
	t.open = false;
}

static void open_both(void)
{
	struct conf_env *env = kernel();
	int ret;

	/* After a mismatch the two do not have the same objects. */
	if (!t.same)
		close_both();
	t.same = false;
	if (t.open)
		return;
	ret = smmu_env_open(&t.real);
	ck_assert_msg(ret == 0, "%d: %s", ret, env->why);
	ck_assert_int_eq(edu_open(&t.edu, t.real.real.device[0]), 0);
	open_sim();
	ck_assert_uint_eq(simulator()->unattached, env->unattached);
	make_objects();
	t.open = true;
	t.queue_count = 0;
	t.both.kernel = kernel();
	t.both.simulator = simulator();
	t.both.memory = &t.memory;
	t.gen = (struct diff_gen){
		.memory = &t.memory,
		.kernel = env->kernel,
		.dev = { t.real.real.dev[0], t.real.real.dev[1] },
		.ioas = env->ioas,
		.parent = env->parent,
		.nested = env->nested,
		.unattached = env->unattached,
		.viommu = env->viommu,
		.vdevice = env->vdevice,
		.kept = { t.faulting, t.events.id },
	};
}
FIXTURE(open_both, NULL);

static int attach_both(unsigned int device, uint32_t hwpt_id)
{
	int real = real_attach(&t.real.real, device, hwpt_id);
	int sim = iommunest_sim_attach(t.sim.sim, simulator()->fd,
				       t.gen.dev[device], hwpt_id);

	if (real != sim)
		diff_mismatch(&t.both,
			      "attach of device %u to %u: kernel %d, "
			      "simulator %d",
			      t.gen.dev[device], hwpt_id, real, sim);
	return real;
}

/* ---- Event queues ---- */

static struct queue *find_queue(uint32_t id)
{
	unsigned int i;

	for (i = 0; i < t.queue_count; i++)
		if (t.queues[i].id == id)
			return &t.queues[i];
	return NULL;
}

/* Numbers of files are everybody's own: they are taken out of the answers. */
static void add_queue(struct diff_result *real, struct diff_result *sim)
{
	struct veventq_alloc ours, theirs;

	memcpy(&theirs, real->arg, sizeof(theirs));
	memcpy(&ours, sim->arg, sizeof(ours));
	if (!real->ret && !sim->ret)
		t.queues[t.queue_count++] = (struct queue){
			.id = theirs.out_veventq_id,
			.kernel = (int)theirs.out_veventq_fd,
			.simulator = (int)ours.out_veventq_fd,
		};
	theirs.out_veventq_fd = 0;
	ours.out_veventq_fd = 0;
	memcpy(real->arg, &theirs, sizeof(theirs));
	memcpy(sim->arg, &ours, sizeof(ours));
}

static void close_queue(struct queue *queue)
{
	int real = kernel()->sys->close(kernel()->sys_data, queue->kernel);
	int sim = simulator()->sys->close(simulator()->sys_data,
					  queue->simulator);

	if (real != sim)
		diff_mismatch(&t.both, "close: kernel %d, simulator %d", real,
			      sim);
	*queue = t.queues[--t.queue_count];
}

static ssize_t read_queue(const struct queue *queue, size_t len)
{
	unsigned char theirs[EVENTS_LEN], ours[EVENTS_LEN];
	ssize_t real, sim;

	memset(theirs, 0xa5, sizeof(theirs));
	memset(ours, 0xa5, sizeof(ours));
	real = kernel()->sys->read(kernel()->sys_data, queue->kernel, theirs,
				   len);
	sim = simulator()->sys->read(simulator()->sys_data, queue->simulator,
				     ours, len);
	if (real != sim || memcmp(theirs, ours, sizeof(ours)))
		diff_mismatch(&t.both,
			      "read of %zu bytes: kernel %zd, simulator %zd, "
			      "event %#" PRIx64 " and %#" PRIx64,
			      len, real, sim, *(uint64_t *)(theirs + 8),
			      *(uint64_t *)(ours + 8));
	return real;
}

/* ---- A device's access ---- */

static void wait_for_event(const struct conf_env *env, int fd)
{
	struct pollfd poll = { .fd = fd, .events = POLLIN };

	/* It comes in no time, unless the two differ. */
	if (env->sys->poll(env->sys_data, &poll, 1, EVENT_MS) != 1)
		diff_mismatch(&t.both, "no event of %s",
			      env == kernel() ? "the kernel" : "the simulator");
}

/* The table is empty: each access is an event, of which all is read. */
static void access_both(const struct diff_request *request)
{
	const uint64_t iova = request->iova;
	struct iommunest_sim_dma dma = {
		.size = sizeof(dma),
		.dev_id = t.gen.dev[0],
		.iova = iova,
	};
	uint32_t word;

	ck_assert_int_eq(attach_both(0, t.faulting), 0);
	edu_start_read(&t.edu, iova, sizeof(word));
	edu_wait(&t.edu);
	ck_assert_int_eq(iommunest_sim_dma_read(t.sim.sim, simulator()->fd,
						&dma, &word, sizeof(word)),
			 -EFAULT);
	wait_for_event(simulator(), t.events.simulator);
	wait_for_event(kernel(), t.events.kernel);
	read_queue(&t.events, request->read_len);
	while (read_queue(&t.events, EVENTS_LEN) > 0)
		;
	t.records++;
}

/* ---- What reached the queue ---- */

static void compare_number(uint32_t *known, uint32_t theirs, uint32_t ours,
			   const char *what)
{
	if (!known[theirs & 0xffff])
		known[theirs & 0xffff] = ours;
	if (known[theirs & 0xffff] != ours)
		diff_mismatch(&t.both,
			      "the kernel's %s %#x stood for %#x, and now "
			      "for %#x",
			      what, theirs, known[theirs & 0xffff], ours);
}

static void compare_command(uint32_t index, const struct conf_command *theirs,
			    const struct conf_command *ours)
{
	uint64_t real[2] = { smmu_word(theirs, 0), smmu_word(theirs, 1) };
	uint64_t sim[2] = { smmu_word(ours, 0), smmu_word(ours, 1) };
	const uint64_t op = real[0] & SMMU_OP;
	const bool has_stream = op == SMMU_CFGI_CD || op == SMMU_CFGI_CD_ALL;
	const uint64_t number =
		has_stream ? SMMU_SID(UINT32_MAX) : SMMU_VMID(UINT16_MAX);

	/* The driver's own says more. */
	if (op == SMMU_SYNC && (sim[0] & SMMU_OP) == SMMU_SYNC)
		return;
	compare_number(has_stream ? t.sids : t.vmids,
		       (uint32_t)((real[0] & number) >> 32),
		       (uint32_t)((sim[0] & number) >> 32),
		       has_stream ? "stream" : "VMID");
	if ((real[0] ^ sim[0]) & ~number || real[1] != sim[1])
		diff_mismatch(&t.both,
			      "command %u: kernel %#" PRIx64 " %#" PRIx64
			      ", simulator %#" PRIx64 " %#" PRIx64,
			      index, real[0], real[1], sim[0], sim[1]);
}

static void compare_commands(void)
{
	static struct conf_command theirs[MAX_COMMANDS], ours[MAX_COMMANDS];
	const size_t real = kernel()->commands(kernel(), theirs, MAX_COMMANDS);
	const size_t sim =
		simulator()->commands(simulator(), ours, MAX_COMMANDS);
	uint32_t i;

	if (real != sim)
		diff_mismatch(&t.both, "kernel %zu commands, simulator %zu",
			      real, sim);
	for (i = 0; i < real && i < MAX_COMMANDS; i++)
		compare_command(i, &theirs[i], &ours[i]);
	t.commands += real;
}

/* ---- One request ---- */

static void make_both(const struct diff_request *request)
{
	struct diff_result real, sim;
	const bool invalidates = request->kind == DIFF_INVALIDATE;

	if (invalidates) {
		kernel()->record(kernel());
		simulator()->record(simulator());
	}
	diff_make_both(&t.both, request, &real, &sim);
	if (request->kind == DIFF_VEVENTQ_ALLOC)
		add_queue(&real, &sim);
	diff_compare(&t.both, request, &real, &sim);
	if (invalidates)
		compare_commands();
	/* A number may be another's from now on. */
	if (request->kind == DIFF_DESTROY)
		memset(t.vmids, 0, sizeof(t.vmids));
	if (real.ret == 0)
		diff_smmu_learn(&t.gen, request, real.arg);
}

static void run_one(const struct diff_request *request)
{
	struct queue *queue = find_queue(request->hwpt_id);

	switch (request->kind) {
	case DIFF_ATTACH:
		attach_both(request->device, request->hwpt_id);
		break;
	case DIFF_READ:
		read_queue(queue ? queue : &t.events, request->read_len);
		break;
	case DIFF_CLOSE:
		if (queue)
			close_queue(queue);
		break;
	case DIFF_DMA:
		access_both(request);
		break;
	default:
		make_both(request);
		break;
	}
}

/* As it was at the start: the ids are the same again. */
static void tidy_up(void)
{
	attach_both(0, t.gen.nested);
	attach_both(1, 0);
	while (t.queue_count)
		close_queue(&t.queues[0]);
	diff_destroy_made(&t.both, &t.gen);
}

TEST_RANGE(kernel_and_simulator_cannot_be_told_apart, diff_first_seed(),
	   diff_end_seed())
{
	struct diff_request request;

	t.both.seed = (uint64_t)_i;
	diff_gen_start(&t.gen, t.both.seed);
	memset(t.vmids, 0, sizeof(t.vmids));
	for (t.both.step = 0; t.both.step < DIFF_PER_SEED; t.both.step++) {
		diff_smmu_next(&t.gen, &request);
		run_one(&request);
	}
	tidy_up();
	t.same = true;
}

int main(int argc, char **argv)
{
	int ret;

	t.memory = diff_memory_new();
	t.ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t.ram == MAP_FAILED)
		return EXIT_FAILURE;
	t.ram[0] = htole64(CD_WORD);
	t.ram[1] = htole64(TABLE_AT);
	/* The kernel's objects stay from one seed to the next; so do ours. */
	setenv("CK_FORK", "no", 1);
	ret = support_run(argc, argv);
	close_both();
	diff_print(&t.both);
	printf("; %" PRIu64 " commands, %" PRIu64 " events\n", t.commands,
	       t.records);
	return ret;
}
