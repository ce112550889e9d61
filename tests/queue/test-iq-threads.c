/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Four engines on two contexts in four threads: contexts are shared, an engine
 * is its thread's.  Says most when it is built with ThreadSanitizer; what comes
 * out has to be right in any case.
 *
 * Threads assert nothing by themselves, for libcheck is one thread's: they note
 * what was wrong, and it is looked at when they have ended.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <libiommunest-sim.h>

#include "tests/harness/guest.h"
#include "tests/harness/script.h"
#include "tests/harness/support.h"

#define THREADS 4u
#define CONTEXTS 2u
#define ROUNDS 100u
#define ROUNDS_TOGETHER 10u
#define SLOTS 128u
#define SLOT_BYTES 32u

/* Both contexts have the thread's HWPTs in this scope, one each. */
#define DID 1u
/* The HWPT of the first context that all threads have. */
#define SHARED_DID 2u

static struct iommunest_ctx *contexts[CONTEXTS];

/* ---- A simulator that takes one thread at a time ---- */

static struct iommunest_sim *sim;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Of each context, and of all threads. */
static uint32_t devs[CONTEXTS];
static uint32_t parents[CONTEXTS];
static uint32_t shared;

static int locked_open(void *data, const char *path, int flags)
{
	int ret;

	pthread_mutex_lock(&lock);
	ret = iommunest_sim_sys()->open(data, path, flags);
	pthread_mutex_unlock(&lock);
	return ret;
}

static int locked_close(void *data, int fd)
{
	int ret;

	pthread_mutex_lock(&lock);
	ret = iommunest_sim_sys()->close(data, fd);
	pthread_mutex_unlock(&lock);
	return ret;
}

/* Of the second context, nobody ever learns whether it reports errors. */
static bool is_unanswered(int fd, unsigned long request, const void *arg)
{
	return contexts[1] && fd == iommunest_fd(contexts[1]) &&
	       script_is_question(request, arg);
}

static int locked_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	int ret;

	if (is_unanswered(fd, request, arg))
		return -EPERM;
	pthread_mutex_lock(&lock);
	ret = iommunest_sim_sys()->ioctl(data, fd, request, arg);
	pthread_mutex_unlock(&lock);
	return ret;
}

static void bind_device(unsigned int i)
{
	int fd = iommunest_fd(contexts[i]);
	uint32_t ioas;

	ck_assert_int_eq(iommunest_sim_bind(sim, fd, 0, &devs[i]), 0);
	ck_assert_int_eq(iommunest_ioas_alloc(contexts[i], &ioas), 0);
	ck_assert_int_eq(iommunest_hwpt_alloc_parent(contexts[i], devs[i], ioas,
						     &parents[i]),
			 0);
}

static int alloc_hwpt(unsigned int i, uint32_t *id)
{
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.addr_width = 48,
	};

	return iommunest_vtd_hwpt_alloc(contexts[i], devs[i], parents[i], &s1,
					id);
}

/* Attaches a device that nobody else has. */
static int attach_own(unsigned int i, uint32_t hwpt)
{
	int fd = iommunest_fd(contexts[i]);
	uint32_t dev;
	int ret;

	pthread_mutex_lock(&lock);
	ret = iommunest_sim_bind(sim, fd, 0, &dev);
	if (!ret)
		ret = iommunest_sim_attach(sim, fd, dev, hwpt);
	pthread_mutex_unlock(&lock);
	return ret;
}

static int cache(unsigned int i, uint32_t hwpt, uint64_t addr)
{
	int ret;

	pthread_mutex_lock(&lock);
	ret = iommunest_sim_translate(sim, iommunest_fd(contexts[i]), hwpt,
				      addr, 0);
	pthread_mutex_unlock(&lock);
	return ret;
}

static bool is_cached(unsigned int i, uint32_t hwpt, uint64_t addr)
{
	unsigned int cached;

	pthread_mutex_lock(&lock);
	cached = iommunest_sim_cached(sim, iommunest_fd(contexts[i]), hwpt,
				      addr);
	pthread_mutex_unlock(&lock);
	return cached & IOMMUNEST_SIM_CACHED_LEAF;
}

/* ---- A kernel without a lock, that takes everything ---- */

static int quiet_open(void *data, const char *path, int flags)
{
	(void)data;
	(void)path;
	(void)flags;
	return 3;
}

static int quiet_close(void *data, int fd)
{
	(void)data;
	(void)fd;
	return 0;
}

/* Of the second context, as above. */
static int quiet_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	bool is_second = data == &contexts[1];

	(void)fd;
	return is_second && script_is_question(request, arg) ? -EPERM : 0;
}

static ssize_t no_read(void *data, int fd, void *buf, size_t len)
{
	(void)data;
	(void)fd;
	(void)buf;
	(void)len;
	return -ENOSYS;
}

static ssize_t no_write(void *data, int fd, const void *buf, size_t len)
{
	(void)data;
	(void)fd;
	(void)buf;
	(void)len;
	return -ENOSYS;
}

static const struct iommunest_sys locked_sys = {
	.size = sizeof(locked_sys),
	.open = locked_open,
	.close = locked_close,
	.ioctl = locked_ioctl,
	.read = no_read,
	.write = no_write,
};

static const struct iommunest_sys quiet_sys = {
	.size = sizeof(quiet_sys),
	.open = quiet_open,
	.close = quiet_close,
	.ioctl = quiet_ioctl,
	.read = no_read,
	.write = no_write,
};

/* ---- A thread: a guest, its VMM and its engine ---- */

struct worker {
	pthread_t thread;
	bool on_sim;
	struct iommunest_vtd_iq *iq;
	unsigned char ring[SLOTS * SLOT_BYTES];
	uint32_t tail;
	uint32_t hwpt[CONTEXTS];
	/* What was not as it has to be. */
	unsigned int wrong;
	unsigned int waits;
};

static struct worker workers[THREADS];
static pthread_barrier_t together;

static int worker_read(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	const struct worker *worker = vmm;

	memcpy(buf, worker->ring + gpa, len);
	return 0;
}

static int worker_write(void *vmm, uint32_t index, uint64_t gpa, uint32_t data)
{
	struct worker *worker = vmm;

	(void)gpa;
	worker->waits++;
	worker->wrong += data != index;
	return 0;
}

static void worker_interrupt(void *vmm, uint32_t index)
{
	struct worker *worker = vmm;

	(void)index;
	worker->wrong++;
}

static int worker_descriptor(void *vmm, uint32_t index,
			     const struct iommunest_vtd_desc *desc)
{
	struct worker *worker = vmm;

	(void)index;
	(void)desc;
	worker->wrong++;
	return 0;
}

static int worker_isolate(void *vmm, uint64_t cookie, uint32_t index, int error,
			  uint32_t code)
{
	struct worker *worker = vmm;

	(void)cookie;
	(void)index;
	(void)error;
	(void)code;
	worker->wrong++;
	return 0;
}

static const struct iommunest_vtd_iq_ops ops = {
	.size = sizeof(ops),
	.read = worker_read,
	.write_status = worker_write,
	.interrupt = worker_interrupt,
	.descriptor = worker_descriptor,
	.isolate = worker_isolate,
};

static int add_scope(struct worker *worker, unsigned int context, uint16_t did,
		     uint32_t hwpt)
{
	const struct iommunest_vtd_target target = {
		.size = sizeof(target),
		.ctx = contexts[context],
		.hwpt_id = hwpt,
		.cookie = hwpt,
	};

	return iommunest_vtd_iq_add_scope(worker->iq, did, 0, &target);
}

/* Ids are used again by other threads at once, for these come and go. */
static int make_hwpts(struct worker *worker)
{
	unsigned int i;
	uint32_t id;
	int ret = 0;

	for (i = 0; !ret && i < CONTEXTS; i++) {
		ret = alloc_hwpt(i, &id);
		if (!ret)
			ret = alloc_hwpt(i, &worker->hwpt[i]);
		if (!ret)
			ret = iommunest_object_destroy(contexts[i], id);
		if (!ret)
			ret = attach_own(i, worker->hwpt[i]);
	}
	return ret;
}

static int make_engine(struct worker *worker)
{
	struct iommunest_vtd_iq_result result =
		IOMMUNEST_INIT(struct iommunest_vtd_iq_result);
	unsigned int i;
	int ret;

	ret = iommunest_vtd_iq_new(&worker->iq, &ops, worker, NULL);
	if (!ret)
		ret = iommunest_vtd_iq_set_base(worker->iq,
						guest_iqa(0, 0, true),
						IOMMUNEST_VTD_TTM_SCALABLE);
	if (!ret)
		ret = iommunest_vtd_iq_enable(worker->iq, &result);
	for (i = 0; !ret && i < CONTEXTS; i++)
		ret = add_scope(worker, i, DID, worker->hwpt[i]);
	return ret ? ret : add_scope(worker, 0, SHARED_DID, shared);
}

static void put(struct worker *worker, struct guest_desc desc)
{
	memcpy(worker->ring + (size_t)worker->tail * SLOT_BYTES, desc.words,
	       SLOT_BYTES);
	worker->tail = (worker->tail + 1) % SLOTS;
}

static void put_flushes(struct worker *worker, uint64_t addr)
{
	put(worker, guest_piotlb_pages(DID, 0, addr, 0, false));
	put(worker, guest_piotlb_pages(SHARED_DID, 0, addr, 0, false));
	put(worker, guest_wait(IOMMUNEST_VTD_DESC_SW, 0, worker->tail));
}

static int kick(struct worker *worker)
{
	struct iommunest_vtd_iq_result result =
		IOMMUNEST_INIT(struct iommunest_vtd_iq_result);

	return iommunest_vtd_iq_run(
		worker->iq, (uint64_t)worker->tail * SLOT_BYTES, &result);
}

/* What it asked to be flushed is not cached any more. */
static void work(struct worker *worker, uint64_t addr)
{
	unsigned int i;

	for (i = 0; worker->on_sim && i < CONTEXTS; i++)
		worker->wrong += cache(i, worker->hwpt[i], addr) != 0;
	put_flushes(worker, addr);
	worker->wrong += kick(worker) != 0;
	for (i = 0; worker->on_sim && i < CONTEXTS; i++)
		worker->wrong += is_cached(i, worker->hwpt[i], addr);
	worker->wrong += iommunest_reports_errors(contexts[0], shared,
						  iommunest_vtd_s1_type()) < 0;
}

/*
 * What a context finds out about its kernel it does in the first rounds, which
 * therefore begin together.
 */
static void *run_worker(void *user)
{
	struct worker *worker = user;
	unsigned int round;
	int ret;

	ret = worker->on_sim ? make_hwpts(worker) : 0;
	if (!ret)
		ret = make_engine(worker);
	worker->wrong += ret != 0;
	for (round = 0; round < ROUNDS; round++) {
		if (round < ROUNDS_TOGETHER)
			pthread_barrier_wait(&together);
		if (!ret)
			work(worker, (uint64_t)(round % 16 + 1) << 12);
	}
	iommunest_vtd_iq_free(worker->iq);
	return NULL;
}

static void run_threads(bool on_sim)
{
	unsigned int i;

	memset(workers, 0, sizeof(workers));
	ck_assert_int_eq(pthread_barrier_init(&together, NULL, THREADS), 0);
	for (i = 0; i < THREADS; i++) {
		workers[i].on_sim = on_sim;
		workers[i].hwpt[0] = workers[i].hwpt[1] = 100 + i;
		ck_assert_int_eq(pthread_create(&workers[i].thread, NULL,
						run_worker, &workers[i]),
				 0);
	}
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
	pthread_barrier_destroy(&together);
	for (i = 0; i < THREADS; i++) {
		ck_assert_uint_eq(workers[i].wrong, 0);
		ck_assert_uint_eq(workers[i].waits, ROUNDS);
	}
}

/* ---- The cases ---- */

static void open_contexts(const struct iommunest_sys *sys)
{
	unsigned int i;

	for (i = 0; i < CONTEXTS; i++) {
		const struct iommunest_open_options options = {
			.size = sizeof(options),
			.sys = sys,
			.sys_data = sim ? (void *)sim : &contexts[i],
		};

		ck_assert_int_eq(iommunest_open(&contexts[i], &options), 0);
	}
}

static void close_contexts(void)
{
	unsigned int i;

	for (i = 0; i < CONTEXTS; i++) {
		iommunest_close(contexts[i]);
		contexts[i] = NULL;
	}
}

TEST(four_engines_on_two_contexts_flush_what_they_are_asked)
{
	unsigned int i;

	ck_assert_int_eq(iommunest_sim_new(&sim, NULL), 0);
	open_contexts(&locked_sys);
	for (i = 0; i < CONTEXTS; i++)
		bind_device(i);
	ck_assert_int_eq(alloc_hwpt(0, &shared), 0);
	run_threads(true);
	close_contexts();
	ck_assert_uint_eq(iommunest_sim_open_fds(sim), 0);
	iommunest_sim_free(sim);
	sim = NULL;
}

/* Where no lock of a kernel's orders what the threads do. */
TEST(the_library_needs_no_lock_of_the_kernels)
{
	shared = 7;
	open_contexts(&quiet_sys);
	run_threads(false);
	close_contexts();
}
