/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Dirty tracking of iommufd's mock, whose pages become dirty when they are told
 * to: what the library reads of it, and what the kernel does not say.
 */
#include "mock-uapi.h"
#include "real.h"

#include "tests/harness/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u
/* Of the mock's hardware: two to a page. */
#define MOCK_PAGE 2048u
#define PAGES 64u
#define LENGTH (PAGES * PAGE)
/* The mock maps from 16 MiB on. */
#define IOVA UINT64_C(0x2000000)
/* The second mapping, after a hole as large. */
#define SECOND (IOVA + 2 * LENGTH)

/* Of one test. */
static int fd;
static struct iommunest_ctx *ctx;
static uint32_t hwpt;
static void *memory;

static void map_at(uint32_t ioas, uint64_t iova)
{
	ck_assert_int_eq(iommunest_ioas_map(ctx, ioas, memory, LENGTH,
					    IOMMUNEST_MAP_FIXED |
						    IOMMUNEST_MAP_READ |
						    IOMMUNEST_MAP_WRITE,
					    &iova),
			 0);
}

static void set_up(void)
{
	const struct iommunest_paging_hwpt paging = {
		.size = sizeof(paging),
		.flags = IOMMUNEST_HWPT_NEST_PARENT |
			 IOMMUNEST_HWPT_DIRTY_TRACKING,
	};
	struct vm_mock_cmd cmd = { .size = sizeof(cmd), .op = VM_MOCK_DEVICE };

	memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(memory != MAP_FAILED);
	fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(iommunest_open_fd(&ctx, fd, NULL), 0);
	ck_assert_int_eq(iommunest_ioas_alloc(ctx, &cmd.id), 0);
	/* A huge page is dirty as a whole. */
	ck_assert_int_eq(iommunest_option_set(ctx, IOMMUNEST_OPTION_HUGE_PAGES,
					      cmd.id, 0),
			 0);
	map_at(cmd.id, IOVA);
	map_at(cmd.id, SECOND);
	ck_assert_int_eq(iommunest_ioctl(ctx, VM_MOCK_CMD, &cmd), 0);
	ck_assert_int_eq(iommunest_hwpt_alloc_paging(ctx, cmd.device.out_dev_id,
						     cmd.id, &paging, &hwpt),
			 0);
	ck_assert_int_eq(iommunest_dirty_set(ctx, hwpt, true), 0);
}

static void tear_down(void)
{
	iommunest_close(ctx);
	close(fd);
	munmap(memory, LENGTH);
}
FIXTURE(set_up, tear_down);

/* Bit 2n and the next of what bit n is of @pages. */
static void expand(uint64_t pages, uint64_t halves[2])
{
	unsigned int bit;

	halves[0] = halves[1] = 0;
	for (bit = 0; bit < PAGES; bit++) {
		if (pages >> bit & 1)
			halves[bit / 32] |= UINT64_C(3) << bit % 32 * 2;
	}
}

/* A device writes to the pages of a mapping. */
static void write_to(uint64_t iova, uint64_t pages)
{
	uint64_t halves[2];
	struct vm_mock_cmd cmd = {
		.size = sizeof(cmd),
		.op = VM_MOCK_DIRTY,
		.id = hwpt,
		.dirty = {
			.iova = iova,
			.length = LENGTH,
			.page_size = MOCK_PAGE,
			.bitmap = (uintptr_t)halves,
		},
	};

	expand(pages, halves);
	ck_assert_int_eq(iommunest_ioctl(ctx, VM_MOCK_CMD, &cmd), 0);
}

static struct iommunest_dirty request(uint64_t *bitmap, uint64_t iova,
				      uint64_t length)
{
	return (struct iommunest_dirty){
		.size = sizeof(struct iommunest_dirty),
		.iova = iova,
		.length = length,
		.page_size = PAGE,
		.bitmap = bitmap,
		.bitmap_len = length / PAGE / 8,
	};
}

static uint64_t dirty_of(uint64_t iova, uint32_t flags)
{
	uint64_t bitmap = 0;
	struct iommunest_dirty dirty = request(&bitmap, iova, LENGTH);

	dirty.flags = flags;
	ck_assert_int_eq(iommunest_dirty_get(ctx, hwpt, &dirty), 0);
	return bitmap;
}

#define SOME UINT64_C(0x8000000100010003)

TEST(what_was_written_to_is_dirty_once)
{
	ck_assert_uint_eq(dirty_of(IOVA, 0), 0);
	write_to(IOVA, SOME);
	ck_assert_uint_eq(dirty_of(SECOND, 0), 0);
	ck_assert_uint_eq(dirty_of(IOVA, 0), SOME);
	ck_assert_uint_eq(dirty_of(IOVA, 0), 0);
	write_to(SECOND, 1);
	ck_assert_uint_eq(dirty_of(SECOND, 0), 1);
}

TEST(it_stays_dirty_where_that_is_asked_for)
{
	write_to(IOVA, SOME);
	ck_assert_uint_eq(dirty_of(IOVA, IOMMUNEST_DIRTY_NO_CLEAR), SOME);
	ck_assert_uint_eq(dirty_of(IOVA, 0), SOME);
	ck_assert_uint_eq(dirty_of(IOVA, 0), 0);
}

TEST(bits_are_added_to_the_bitmap)
{
	uint64_t bitmap = 4;
	const struct iommunest_dirty dirty = request(&bitmap, IOVA, LENGTH);

	write_to(IOVA, SOME);
	ck_assert_int_eq(iommunest_dirty_get(ctx, hwpt, &dirty), 0);
	ck_assert_uint_eq(bitmap, SOME | 4);
}

TEST(a_bit_may_stand_for_several_pages)
{
	uint64_t bitmap = 0;
	struct iommunest_dirty dirty = request(&bitmap, IOVA, LENGTH);

	write_to(IOVA, SOME);
	dirty.page_size = 16 * PAGE;
	dirty.bitmap_len = 1;
	ck_assert_int_eq(iommunest_dirty_get(ctx, hwpt, &dirty), 0);
	ck_assert_uint_eq(bitmap, 0xf);
}

TEST(to_begin_again_makes_clean)
{
	write_to(IOVA, SOME);
	ck_assert_int_eq(iommunest_dirty_set(ctx, hwpt, true), 0);
	ck_assert_uint_eq(dirty_of(IOVA, 0), 0);
}

/* ---- What the kernel does not say ---- */

TEST(what_follows_a_hole_is_not_told_of)
{
	uint64_t bitmap[3] = { 0 };
	const struct iommunest_dirty dirty = request(bitmap, IOVA, 3 * LENGTH);

	write_to(IOVA, SOME);
	write_to(SECOND, SOME);
	ck_assert_int_eq(iommunest_dirty_get(ctx, hwpt, &dirty), 0);
	ck_assert_uint_eq(bitmap[0], SOME);
	ck_assert_uint_eq(bitmap[2], 0);
	ck_assert_uint_eq(dirty_of(SECOND, 0), SOME);
}

/* This is what the library's checks are for. */
TEST(without_a_bitmap_the_kernel_forgets)
{
	struct iommu_hwpt_get_dirty_bitmap raw = {
		.size = sizeof(raw),
		.hwpt_id = hwpt,
		.iova = IOVA,
		.length = LENGTH,
		.page_size = PAGE,
	};
	const struct iommunest_dirty dirty = request(NULL, IOVA, LENGTH);

	write_to(IOVA, SOME);
	ck_assert_int_eq(iommunest_dirty_get(ctx, hwpt, &dirty), -EINVAL);
	ck_assert_uint_eq(dirty_of(IOVA, IOMMUNEST_DIRTY_NO_CLEAR), SOME);
	ck_assert_int_eq(
		iommunest_ioctl(ctx, IOMMU_HWPT_GET_DIRTY_BITMAP, &raw), 0);
	ck_assert_uint_eq(dirty_of(IOVA, 0), 0);
}

TEST(a_bitmap_too_short_is_refused_and_forgets_nothing)
{
	uint64_t bitmap = 0;
	struct iommunest_dirty dirty = request(&bitmap, IOVA, LENGTH);

	write_to(IOVA, SOME);
	dirty.bitmap_len = 7;
	ck_assert_int_eq(iommunest_dirty_get(ctx, hwpt, &dirty), -EMSGSIZE);
	ck_assert_uint_eq(bitmap, 0);
	ck_assert_uint_eq(dirty_of(IOVA, 0), SOME);
}
