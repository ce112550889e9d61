/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Threads on one simulator: they share a device and its HWPT, and each has
 * pages, files and objects of its own.  Says most when it is built with
 * ThreadSanitizer; what comes out has to be right in any case.
 *
 * Threads assert nothing by themselves, for libcheck is one thread's: they note
 * the first thing that was wrong, and it is looked at when they have ended.
 */
#include "tests/harness/sim-guest.h"
#include "tests/harness/support.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#define THREADS 4u
#define ROUNDS 200u

struct worker {
	struct sim_guest *guest;
	unsigned int number;
	/* Line of the first thing that was wrong; 0: nothing. */
	int wrong;
	uint8_t *more;
};

#define HOLD(worker, expr)                          \
	do {                                        \
		if (!(expr) && !(worker)->wrong)    \
			(worker)->wrong = __LINE__; \
	} while (0)

static int call(const struct worker *worker, int fd, unsigned long request,
		void *cmd)
{
	return iommunest_sim_sys()->ioctl(worker->guest->rig.sim, fd, request,
					  cmd);
}

static int on_rig(const struct worker *worker, unsigned long request, void *cmd)
{
	return call(worker, worker->guest->rig.fd, request, cmd);
}

static int flush(const struct worker *worker, uint64_t iova)
{
	struct iommu_hwpt_vtd_s1_invalidate one = { .addr = iova, .npages = 1 };
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = worker->guest->rig.nested,
		.data_uptr = (uintptr_t)&one,
		.entry_len = sizeof(one),
		.entry_num = 1,
	};

	return on_rig(worker, IOMMU_HWPT_INVALIDATE, &cmd);
}

static int dma(const struct worker *worker, uint64_t iova, uint32_t *word,
	       bool write)
{
	const struct rig *rig = &worker->guest->rig;
	struct iommunest_sim_dma dma = {
		.size = sizeof(dma),
		.dev_id = rig->dev,
		.iova = iova,
	};

	return write ? iommunest_sim_dma_write(rig->sim, rig->fd, &dma, word,
					       sizeof(*word))
		     : iommunest_sim_dma_read(rig->sim, rig->fd, &dma, word,
					      sizeof(*word));
}

/* The device may set bits in the entry's neighbours meanwhile. */
static void set_entry(const struct worker *worker, unsigned int page,
		      uint64_t value)
{
	__atomic_store_n(sim_guest_entry(worker->guest, PT, page), value,
			 __ATOMIC_SEQ_CST);
}

/* After a flush, the device sees the new page. */
static void change_page(struct worker *worker, unsigned int round)
{
	const unsigned int page = worker->number;
	const uint64_t addr = DATA + (2 * page + round % 2) * PAGE;
	const struct rig *rig = &worker->guest->rig;
	uint32_t word = 0;

	sim_guest_put(worker->guest, addr, round);
	set_entry(worker, page, addr | FS_ALL);
	HOLD(worker, flush(worker, page * PAGE) == 0);
	HOLD(worker, dma(worker, page * PAGE, &word, false) == 0);
	HOLD(worker, word == round);
	word = ~round;
	HOLD(worker, dma(worker, page * PAGE, &word, true) == 0);
	HOLD(worker, sim_guest_get(worker->guest, addr) == ~round);
	/* Others flush the entries above it, and device TLBs. */
	HOLD(worker,
	     iommunest_sim_cached(rig->sim, rig->fd, rig->nested, page * PAGE) &
		     IOMMUNEST_SIM_CACHED_LEAF);
}

/* Memory that comes and goes below stage 1. */
static void remap(struct worker *worker)
{
	const unsigned int page = 64 + worker->number;
	const uint64_t addr = GUEST_SIZE + worker->number * PAGE;
	const uint32_t ioas = worker->guest->rig.ioas;
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = ioas,
		.user_va = (uintptr_t)worker->more,
		.length = PAGE,
		.iova = addr,
	};
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = ioas,
		.iova = addr,
		.length = PAGE,
	};
	uint32_t word = 0;

	HOLD(worker, on_rig(worker, IOMMU_IOAS_MAP, &map) == 0);
	set_entry(worker, page, addr | FS_ALL);
	HOLD(worker, dma(worker, page * PAGE, &word, false) == 0);
	HOLD(worker, word == worker->number);
	HOLD(worker, on_rig(worker, IOMMU_IOAS_UNMAP, &unmap) == 0);
	HOLD(worker, dma(worker, page * PAGE, &word, false) == -EFAULT);
}

static void use_own_file(struct worker *worker)
{
	struct iommunest_sim *sim = worker->guest->rig.sim;
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	int fd = iommunest_sim_sys()->open(sim, "/dev/iommu", O_RDWR);
	struct iommunest_sim_stats stats = { .size = sizeof(stats) };
	uint32_t dev = 0;

	HOLD(worker, fd >= 0);
	HOLD(worker, call(worker, fd, IOMMU_IOAS_ALLOC, &ioas) == 0);
	HOLD(worker, iommunest_sim_bind(sim, fd, 0, &dev) == 0);
	HOLD(worker, iommunest_sim_attach(sim, fd, dev, ioas.out_ioas_id) == 0);
	HOLD(worker, iommunest_sim_stats(sim, &stats) == 0);
	HOLD(worker, iommunest_sim_open_fds(sim) > 1);
	HOLD(worker, iommunest_sim_sys()->close(sim, fd) == 0);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	unsigned int round;

	for (round = 0; round < ROUNDS; round++) {
		change_page(worker, round);
		remap(worker);
		use_own_file(worker);
	}
	return NULL;
}

TEST(threads_share_a_simulator)
{
	static uint8_t more[THREADS][PAGE] __attribute__((aligned(4096)));
	struct worker workers[THREADS];
	struct iommunest_sim_stats stats;
	pthread_t threads[THREADS];
	struct sim_guest guest;
	unsigned int i;

	sim_guest_open(&guest, IOMMUNEST_SIM_NEWEST, IOMMUNEST_SIM_ATS);
	iommunest_sim_on_desc(guest.rig.sim, NULL, NULL);
	for (i = 0; i < THREADS; i++) {
		memcpy(more[i], &i, sizeof(i));
		workers[i] = (struct worker){ &guest, i, 0, more[i] };
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work,
						&workers[i]),
				 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < THREADS; i++)
		ck_assert_msg(!workers[i].wrong, "thread %u, line %d", i,
			      workers[i].wrong);
	stats = rig_stats(&guest.rig);
	ck_assert_uint_eq(stats.calls, THREADS * ROUNDS);
	sim_guest_close(&guest);
}

/* ---- What a user is told of ---- */

struct told {
	struct rig *rig;
	unsigned int count;
	uint64_t calls;
	unsigned int cached;
};

static void ask(void *user, const struct iommunest_sim_desc *desc)
{
	struct told *told = user;
	struct iommunest_sim_stats stats = { .size = sizeof(stats) };

	(void)desc;
	told->count++;
	told->cached = rig_cached(told->rig, 0);
	ck_assert_int_eq(iommunest_sim_stats(told->rig->sim, &stats), 0);
	told->calls = stats.calls;
}

TEST(who_is_told_of_a_descriptor_may_ask_the_simulator)
{
	struct told told = { 0 };
	struct rig rig;

	rig_open(&rig, IOMMUNEST_SIM_NEWEST, 0, 0);
	told.rig = &rig;
	iommunest_sim_on_desc(rig.sim, ask, &told);
	rig_translate(&rig, rig.nested, 0, 0);
	rig_flush(&rig, 0, 1, 0);
	ck_assert_uint_eq(told.count, 1);
	ck_assert_uint_eq(told.calls, 1);
	ck_assert_uint_eq(told.cached, 0);
	rig_close(&rig);
}
