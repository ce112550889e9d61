/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Repeats a scenario with its 1st, 2nd ... nth allocation failing.  Each time,
 * the step returns -ENOMEM, loses nothing, and succeeds when tried again.
 * Linked with --wrap, and with the simulator's objects.
 */
#include "tests/harness/sim-rig.h"
#include "tests/harness/support.h"

#include <fcntl.h>
#include <stdlib.h>

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

/* 0: all succeed. */
static unsigned int fail_at;
static unsigned int allocations;
static bool failed;

static bool fails_now(void)
{
	if (fail_at == 0 || ++allocations != fail_at)
		return false;
	failed = true;
	return true;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return fails_now() ? NULL : __real_reallocarray(old, count, size);
}

struct state {
	struct iommunest_sim *sim;
	int fd;
	uint32_t dev;
	uint32_t ioas;
	uint32_t parent;
	uint32_t nested;
	uint64_t mapped;
};

/* Each step returns 0 or an error, and may be tried again. */
static int make(struct state *state)
{
	return iommunest_sim_new(&state->sim, NULL);
}

static int open_fd(struct state *state)
{
	state->fd = iommunest_sim_sys()->open(state->sim, "/dev/iommu", O_RDWR);
	return state->fd < 0 ? state->fd : 0;
}

static int bind_dev(struct state *state)
{
	return iommunest_sim_bind(state->sim, state->fd, IOMMUNEST_SIM_ATS,
				  &state->dev);
}

static int call(struct state *state, unsigned long request, void *cmd)
{
	return iommunest_sim_sys()->ioctl(state->sim, state->fd, request, cmd);
}

static int alloc_ioas(struct state *state)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	int ret = call(state, IOMMU_IOAS_ALLOC, &cmd);

	state->ioas = cmd.out_ioas_id;
	return ret;
}

static int alloc_parent(struct state *state)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT |
			 IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
		.dev_id = state->dev,
		.pt_id = state->ioas,
	};
	int ret = call(state, IOMMU_HWPT_ALLOC, &cmd);

	state->parent = cmd.out_hwpt_id;
	return ret;
}

static int alloc_nested(struct state *state)
{
	struct iommu_hwpt_vtd_s1 s1 = { .addr_width = 48 };
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = state->dev,
		.pt_id = state->parent,
		.data_type = IOMMU_HWPT_DATA_VTD_S1,
		.data_len = sizeof(s1),
		.data_uptr = (uintptr_t)&s1,
	};
	int ret = call(state, IOMMU_HWPT_ALLOC, &cmd);

	state->nested = cmd.out_hwpt_id;
	return ret;
}

/* More than the table of ids first has room for. */
static int alloc_many(struct state *state)
{
	uint32_t last = state->ioas;
	int ret = 0;

	while (!ret && state->ioas < 40)
		ret = alloc_ioas(state);
	state->ioas = last;
	return ret;
}

static int attach(struct state *state)
{
	return iommunest_sim_attach(state->sim, state->fd, state->dev,
				    state->nested);
}

/* Caches a translation in all caches or in none. */
static int translate(struct state *state)
{
	const uint32_t nested = state->nested;
	int ret = iommunest_sim_translate(state->sim, state->fd, nested, 0, 0);
	unsigned int cached =
		iommunest_sim_cached(state->sim, state->fd, nested, 0);

	ck_assert_uint_eq(cached,
			  ret ? 0 : IN_IOTLB | IOMMUNEST_SIM_CACHED_DEV_TLB);
	return ret;
}

/* Allocates nothing. */
static int flush(struct state *state)
{
	struct iommu_hwpt_vtd_s1_invalidate one = { .npages = 1 };
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = state->nested,
		.data_uptr = (uintptr_t)&one,
		.entry_len = sizeof(one),
		.entry_num = 1,
	};

	return call(state, IOMMU_HWPT_INVALIDATE, &cmd);
}

/* A table of all levels, and what they map. */
static uint64_t page[512] __attribute__((aligned(4096)));

/* Many maps, so that the IOAS needs more room. */
static int map(struct state *state)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = state->ioas,
		.user_va = (uintptr_t)page,
		.length = PAGE,
		.iova = state->mapped,
	};
	int ret = 0;

	for (; !ret && cmd.iova < 10 * PAGE; cmd.iova += PAGE) {
		ret = call(state, IOMMU_IOAS_MAP, &cmd);
		if (!ret)
			state->mapped = cmd.iova + PAGE;
	}
	return ret;
}

static int copy(struct state *state)
{
	struct iommu_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_FIXED_IOVA,
		.dst_ioas_id = state->ioas,
		.src_ioas_id = state->ioas,
		.length = 10 * PAGE,
		.dst_iova = 32 * PAGE,
	};

	return call(state, IOMMU_IOAS_COPY, &cmd);
}

static int allow(struct state *state)
{
	const struct iommu_iova_range ranges[] = {
		{ 0, 1 }, { 2, 3 }, { 4, 5 }, { 6, 7 }, { 8, 9 },
	};
	struct iommu_ioas_allow_iovas cmd = {
		.size = sizeof(cmd),
		.ioas_id = state->ioas,
		.num_iovas = 5,
		.allowed_iovas = (uintptr_t)ranges,
	};

	return call(state, IOMMU_IOAS_ALLOW_IOVAS, &cmd);
}

static int track(struct state *state)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
		.hwpt_id = state->parent,
	};

	return call(state, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);
}

static int dma(struct state *state)
{
	struct iommunest_sim_dma dma = {
		.size = sizeof(dma),
		.dev_id = state->dev,
		.iova = 8,
	};
	const uint64_t word = 5;
	int ret = iommunest_sim_dma_write(state->sim, state->fd, &dma, &word,
					  sizeof(word));

	ck_assert_uint_eq(dma.done, ret ? 0 : sizeof(word));
	return ret;
}

/* The device has an HWPT already, or has none. */
static int attach_ioas(struct state *state)
{
	return iommunest_sim_attach(state->sim, state->fd, state->dev,
				    state->ioas);
}

static int detach(struct state *state)
{
	return iommunest_sim_attach(state->sim, state->fd, state->dev, 0);
}

static int (*const steps[])(struct state *) = {
	make,	      open_fd,	   bind_dev, alloc_ioas,   map,
	alloc_parent, copy,	   allow,    alloc_nested, alloc_many,
	attach,	      translate,   flush,    track,	   dma,
	flush,	      attach_ioas, detach,   attach_ioas,
};

/* Returns whether an allocation failed. */
static bool run(unsigned int nth)
{
	struct state state = { 0 };
	size_t i;
	int ret;

	/* Present, writable, a user's. */
	page[0] = 7;

	fail_at = nth;
	allocations = 0;
	failed = false;
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		bool before = failed;

		ret = steps[i](&state);
		ck_assert_int_eq(ret, failed && !before ? -ENOMEM : 0);
		if (ret)
			ck_assert_int_eq(steps[i](&state), 0);
	}
	fail_at = 0;
	iommunest_sim_free(state.sim);
	return failed;
}

TEST(each_failing_allocation_is_enomem_and_can_be_tried_again)
{
	unsigned int nth = 1;

	while (run(nth))
		nth++;
	/* A simulator, the table of files, a file, objects, sets. */
	ck_assert_uint_gt(nth, 40);
}
