/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What an IOAS maps: addresses, memory, files, HWPTs that need them. */
#include "tests/harness/sim-rig.h"
#include "tests/harness/support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RW (IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)
#define FIXED IOMMU_IOAS_MAP_FIXED_IOVA
#define MSI 0xfee00000ull
#define NOBODY 99u

static struct rig rig;
static char *memory;
static size_t memory_size;

static void set_up(void)
{
	rig_open(&rig, IOMMUNEST_SIM_NEWEST, 0, 0);
	memory_size = 16 * PAGE;
	memory = mmap(NULL, memory_size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(memory, MAP_FAILED);
}

static void tear_down(void)
{
	rig_close(&rig);
	munmap(memory, memory_size);
}

FIXTURE(set_up, tear_down);

static void restart(uint32_t profile)
{
	rig_close(&rig);
	rig_open(&rig, profile, 0, 0);
}

static uint32_t new_ioas(void)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };

	ck_assert_int_eq(rig_ioctl(&rig, IOMMU_IOAS_ALLOC, &cmd), 0);
	return cmd.out_ioas_id;
}

static int alloc_hwpt(uint32_t ioas, uint32_t flags, uint32_t *id)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = rig.dev,
		.pt_id = ioas,
	};
	int ret = rig_ioctl(&rig, IOMMU_HWPT_ALLOC, &cmd);

	*id = cmd.out_hwpt_id;
	return ret;
}

static uint32_t new_hwpt(uint32_t ioas, uint32_t flags)
{
	uint32_t id;

	ck_assert_int_eq(alloc_hwpt(ioas, flags, &id), 0);
	return id;
}

static int destroy(uint32_t id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };

	return rig_ioctl(&rig, IOMMU_DESTROY, &cmd);
}

static int map_at(uint32_t ioas, const void *at, uint64_t length, uint64_t iova)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = RW | FIXED,
		.ioas_id = ioas,
		.user_va = (uintptr_t)at,
		.length = length,
		.iova = iova,
	};

	return rig_ioctl(&rig, IOMMU_IOAS_MAP, &cmd);
}

static int unmap(uint32_t ioas, uint64_t iova, uint64_t *length)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = *length,
	};
	int ret = rig_ioctl(&rig, IOMMU_IOAS_UNMAP, &cmd);

	*length = cmd.length;
	return ret;
}

static int unmap_is(uint32_t ioas, uint64_t iova, uint64_t length)
{
	return unmap(ioas, iova, &length);
}

/* ---- Ranges ---- */

static int ranges(uint32_t ioas, struct iommu_iova_range *found,
		  struct iommu_ioas_iova_ranges *cmd, uint32_t room)
{
	memset(cmd, 0, sizeof(*cmd));
	cmd->size = sizeof(*cmd);
	cmd->ioas_id = ioas;
	cmd->num_iovas = room;
	cmd->allowed_iovas = (uintptr_t)found;
	return rig_ioctl(&rig, IOMMU_IOAS_IOVA_RANGES, cmd);
}

TEST(an_ioas_without_an_hwpt_takes_every_address)
{
	struct iommu_ioas_iova_ranges cmd;
	struct iommu_iova_range found[4] = { 0 };

	ck_assert_int_eq(ranges(new_ioas(), found, &cmd, 4), 0);
	ck_assert_uint_eq(cmd.num_iovas, 1);
	ck_assert_uint_eq(cmd.out_iova_alignment, 1);
	ck_assert_uint_eq(found[0].start, 0);
	ck_assert_uint_eq(found[0].last, UINT64_MAX);
}

TEST(hwpts_and_devices_leave_less)
{
	const uint64_t last = (1ull << 57) - 1;
	struct iommu_ioas_iova_ranges cmd;
	struct iommu_iova_range found[4] = { 0 };
	uint32_t ioas = new_ioas();
	uint32_t hwpt = new_hwpt(ioas, IOMMU_HWPT_ALLOC_NEST_PARENT);

	ck_assert_int_eq(ranges(ioas, found, &cmd, 4), 0);
	ck_assert_uint_eq(cmd.num_iovas, 1);
	ck_assert_uint_eq(cmd.out_iova_alignment, PAGE);
	ck_assert_uint_eq(found[0].last, last);
	rig_attach(&rig, rig.dev, hwpt);
	ck_assert_int_eq(ranges(ioas, found, &cmd, 4), 0);
	ck_assert_uint_eq(cmd.num_iovas, 2);
	ck_assert_uint_eq(found[0].last, MSI - 1);
	ck_assert_uint_eq(found[1].start, MSI + 0x100000);
	ck_assert_uint_eq(found[1].last, last);
	rig_attach(&rig, rig.dev, 0);
	ck_assert_int_eq(destroy(hwpt), 0);
	ck_assert_int_eq(ranges(ioas, found, &cmd, 4), 0);
	ck_assert_uint_eq(found[0].last, UINT64_MAX);
	ck_assert_uint_eq(cmd.out_iova_alignment, 1);
}

/* 7.3 uses the first stage, which has no negative addresses here. */
TEST(a_plain_hwpt_has_half_of_the_addresses_in_7_3)
{
	static const uint32_t profiles[] = { IOMMUNEST_SIM_LINUX_6_12,
					     IOMMUNEST_SIM_LINUX_7_3 };
	static const unsigned int widths[] = { 57, 56 };
	struct iommu_ioas_iova_ranges cmd;
	struct iommu_iova_range found[4] = { 0 };
	uint32_t ioas;
	size_t i;

	for (i = 0; i < 2; i++) {
		restart(profiles[i]);
		ioas = new_ioas();
		new_hwpt(ioas, 0);
		ck_assert_int_eq(ranges(ioas, found, &cmd, 4), 0);
		ck_assert_uint_eq(found[0].last, (1ull << widths[i]) - 1);
	}
}

TEST(ranges_without_room_are_counted)
{
	struct iommu_ioas_iova_ranges cmd;
	struct iommu_iova_range found[2] = { { 1, 2 }, { 3, 4 } };

	ck_assert_int_eq(ranges(rig.ioas, found, &cmd, 1), -EMSGSIZE);
	ck_assert_uint_eq(cmd.num_iovas, 2);
	ck_assert_uint_eq(found[0].last, MSI - 1);
	ck_assert_uint_eq(found[1].start, 3);
	ck_assert_int_eq(ranges(rig.ioas, NULL, &cmd, 0), -EMSGSIZE);
	ck_assert_uint_eq(cmd.num_iovas, 2);
	ck_assert_int_eq(ranges(rig.ioas, NULL, &cmd, 2), -EFAULT);
	ck_assert_uint_eq(cmd.num_iovas, 2);
	ck_assert_int_eq(ranges(rig.dev, found, &cmd, 2), -ENOENT);
}

static int allow(uint32_t ioas, const struct iommu_iova_range *all,
		 uint32_t count)
{
	struct iommu_ioas_allow_iovas cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.num_iovas = count,
		.allowed_iovas = (uintptr_t)all,
	};

	return rig_ioctl(&rig, IOMMU_IOAS_ALLOW_IOVAS, &cmd);
}

TEST(allowed_addresses_are_checked)
{
	const struct iommu_iova_range one = { 5, 5 };
	const struct iommu_iova_range twice[] = { { 1, 9 }, { 9, 12 } };
	const struct iommu_iova_range msi = { 0, MSI };
	const struct iommu_iova_range good = { 0, MSI - 1 };

	ck_assert_int_eq(allow(NOBODY, &good, 1), -ENOENT);
	ck_assert_int_eq(allow(rig.ioas, NULL, 1), -EFAULT);
	ck_assert_int_eq(allow(rig.ioas, &one, 1), -EINVAL);
	ck_assert_int_eq(allow(rig.ioas, twice, 2), -EINVAL);
	ck_assert_int_eq(allow(rig.ioas, &msi, 1), -EADDRINUSE);
	ck_assert_int_eq(allow(rig.ioas, &good, 1), 0);
	ck_assert_int_eq(allow(rig.ioas, NULL, 0), 0);
}

TEST(an_attach_takes_no_allowed_address_away)
{
	const struct iommu_iova_range all = { 0, MSI };
	uint32_t ioas = new_ioas();
	uint32_t hwpt = new_hwpt(ioas, 0);

	ck_assert_int_eq(allow(ioas, &all, 1), 0);
	ck_assert_int_eq(iommunest_sim_attach(rig.sim, rig.fd, rig.dev, hwpt),
			 -EADDRINUSE);
	/* Still attached to what it was. */
	ck_assert_int_eq(destroy(rig.nested), -EBUSY);
}

/* ---- Mapping ---- */

struct map_row {
	uint32_t flags;
	uint32_t reserved;
	uint32_t ioas;
	uint64_t va;
	uint64_t length;
	uint64_t iova;
	int ret;
};

/* From the first check to the last; va 1: the memory. */
static const struct map_row map_rows[] = {
	{ 8, 0, NOBODY, 0, ALL, ALL, -EOPNOTSUPP },
	{ 0, 1, NOBODY, 0, ALL, ALL, -EOPNOTSUPP },
	{ 0, 0, NOBODY, 0, ALL, 0, -EOVERFLOW },
	{ 0, 0, NOBODY, 0, 0, ALL, -EOVERFLOW },
	{ FIXED, 0, NOBODY, 0, 0, 0, -EINVAL },
	{ RW, 0, NOBODY, 0, 0, 0, -ENOENT },
	{ RW, 0, 0, 0, 0, 0, -EINVAL },
	{ RW, 0, 0, ALL, 4096, 0, -EOVERFLOW },
	{ RW | FIXED, 0, 0, 1, 4095, 1, -EINVAL },
	{ RW | FIXED, 0, 0, 1, 4096, 1, -EINVAL },
	{ RW | FIXED, 0, 0, 1, 8192, ALL - 4095, -EOVERFLOW },
	{ RW | FIXED, 0, 0, 1, 4096, 1ull << 57, -EINVAL },
	{ RW | FIXED, 0, 0, 1, 4096, MSI, -EINVAL },
	{ RW, 0, 0, 1, ALL - 1, 0, -EOVERFLOW },
	{ RW | FIXED, 0, 0, 4096, 4096, 0, -EFAULT },
	{ RW | FIXED, 0, 0, ALL - 8191, 4096, 0, -EFAULT },
	{ IOMMU_IOAS_MAP_READABLE | FIXED, 0, 0, 1, 4096, 0, -EINVAL },
	{ RW | FIXED, 0, 0, 1, 4096, 0, 0 },
	{ RW | FIXED, 0, 0, 1, 4096, 0, -EEXIST },
	{ RW | FIXED, 0, 0, 4096, 4096, 0, -EEXIST },
};

TEST(maps_are_checked_in_order)
{
	size_t i;

	for (i = 0; i < sizeof(map_rows) / sizeof(*map_rows); i++) {
		const struct map_row *row = &map_rows[i];
		struct iommu_ioas_map cmd = {
			.size = sizeof(cmd),
			.flags = row->flags,
			.__reserved = row->reserved,
			.ioas_id = row->ioas ? row->ioas : rig.ioas,
			.user_va = row->va == 1 ? (uintptr_t)memory : row->va,
			.length = row->length,
			.iova = row->iova,
		};
		int ret = rig_ioctl(&rig, IOMMU_IOAS_MAP, &cmd);

		ck_assert_msg(ret == row->ret, "row %zu: %d", i, ret);
	}
}

TEST(only_6_12_looks_at_the_length_before_an_overflow)
{
	ck_assert_int_eq(map_at(rig.ioas, (void *)~0ull, ALL - 1, 0),
			 -EOVERFLOW);
	restart(IOMMUNEST_SIM_LINUX_6_12);
	ck_assert_int_eq(map_at(rig.ioas, (void *)~0ull, ALL - 1, 0), -EINVAL);
}

TEST(memory_is_looked_at_when_an_hwpt_needs_it)
{
	uint32_t ioas = new_ioas(), hwpt;

	ck_assert_int_eq(map_at(ioas, NULL, PAGE, 0), 0);
	ck_assert_int_eq(alloc_hwpt(ioas, 0, &hwpt), -EFAULT);
	ck_assert_int_eq(unmap_is(ioas, 0, PAGE), 0);
	ck_assert_int_eq(map_at(ioas, memory, PAGE, 0), 0);
	ck_assert_int_eq(alloc_hwpt(ioas, 0, &hwpt), 0);
}

TEST(what_is_mapped_to_write_can_be_written)
{
	mprotect(memory, PAGE, PROT_READ);
	ck_assert_int_eq(map_at(rig.ioas, memory, 2 * PAGE, 0), -EFAULT);
	ck_assert_int_eq(map_at(rig.ioas, memory + PAGE, PAGE, 0), 0);
	munmap(memory + 4 * PAGE, PAGE);
	ck_assert_int_eq(map_at(rig.ioas, memory + 3 * PAGE, 2 * PAGE,
				16 * PAGE),
			 -EFAULT);
	ck_assert_int_eq(map_at(rig.ioas, memory + 3 * PAGE, PAGE, 16 * PAGE),
			 0);
}

TEST(mapping_does_not_change_memory)
{
	memset(memory, 0x5a, 2 * PAGE);
	ck_assert_int_eq(map_at(rig.ioas, memory, 2 * PAGE, 0), 0);
	ck_assert_int_eq(memory[0], 0x5a);
	ck_assert_int_eq(memory[2 * PAGE - 1], 0x5a);
}

TEST(a_parent_takes_nothing_that_is_read_only)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_READABLE | FIXED,
		.ioas_id = new_ioas(),
		.user_va = (uintptr_t)memory,
		.length = PAGE,
	};
	uint32_t hwpt;

	ck_assert_int_eq(rig_ioctl(&rig, IOMMU_IOAS_MAP, &cmd), 0);
	ck_assert_int_eq(alloc_hwpt(cmd.ioas_id, IOMMU_HWPT_ALLOC_NEST_PARENT,
				    &hwpt),
			 -EINVAL);
	ck_assert_int_eq(alloc_hwpt(cmd.ioas_id, 0, &hwpt), 0);
}

TEST(without_an_hwpt_bytes_are_mapped)
{
	uint32_t ioas = new_ioas(), hwpt;

	ck_assert_int_eq(map_at(ioas, memory + 5, 7, 3), 0);
	ck_assert_int_eq(map_at(ioas, memory + 5, 7, 10), 0);
	ck_assert_int_eq(map_at(ioas, memory + 5, 7, 9), -EEXIST);
	ck_assert_int_eq(alloc_hwpt(ioas, 0, &hwpt), -EADDRINUSE);
}

/* ---- Addresses that are chosen ---- */

static int map_somewhere(uint32_t ioas, const void *at, uint64_t length,
			 uint64_t *iova)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = RW,
		.ioas_id = ioas,
		.user_va = (uintptr_t)at,
		.length = length,
		.iova = 0xdead000,
	};
	int ret = rig_ioctl(&rig, IOMMU_IOAS_MAP, &cmd);

	*iova = cmd.iova;
	return ret;
}

TEST(the_lowest_address_is_chosen_except_page_0)
{
	uint64_t iova;

	ck_assert_int_eq(map_somewhere(rig.ioas, memory, PAGE, &iova), 0);
	ck_assert_uint_eq(iova, PAGE);
	ck_assert_int_eq(map_at(rig.ioas, memory, PAGE, 3 * PAGE), 0);
	ck_assert_int_eq(map_somewhere(rig.ioas, memory, 2 * PAGE, &iova), 0);
	ck_assert_uint_eq(iova, 4 * PAGE);
	ck_assert_int_eq(map_somewhere(rig.ioas, memory, PAGE, &iova), 0);
	ck_assert_uint_eq(iova, 2 * PAGE);
}

TEST(an_address_that_is_chosen_is_allowed)
{
	const struct iommu_iova_range some[] = {
		{ 16 * PAGE, 18 * PAGE - 1 },
		{ 18 * PAGE, 20 * PAGE - 1 },
		{ 64 * PAGE, 65 * PAGE },
	};
	uint64_t iova;

	ck_assert_int_eq(allow(rig.ioas, some, 3), 0);
	ck_assert_int_eq(map_somewhere(rig.ioas, memory, 3 * PAGE, &iova), 0);
	ck_assert_uint_eq(iova, 16 * PAGE);
	ck_assert_int_eq(map_somewhere(rig.ioas, memory, 2 * PAGE, &iova),
			 -ENOSPC);
	ck_assert_int_eq(map_somewhere(rig.ioas, memory, PAGE, &iova), 0);
	ck_assert_uint_eq(iova, 19 * PAGE);
	ck_assert_int_eq(map_somewhere(rig.ioas, memory, PAGE, &iova), 0);
	ck_assert_uint_eq(iova, 64 * PAGE);
	ck_assert_int_eq(map_somewhere(rig.ioas, memory, PAGE, &iova), -ENOSPC);
	/* A fixed address may be anywhere. */
	ck_assert_int_eq(map_at(rig.ioas, memory, PAGE, 0), 0);
}

TEST(an_address_keeps_the_offset_in_the_page)
{
	uint32_t ioas = new_ioas();
	uint64_t iova;

	ck_assert_int_eq(map_somewhere(ioas, memory + 0x800, 0x800, &iova), 0);
	ck_assert_uint_eq(iova, PAGE + 0x800);
	/* Where whole pages are needed, memory has to begin with one. */
	ck_assert_int_eq(map_somewhere(rig.ioas, memory + 0x800, PAGE, &iova),
			 -EINVAL);
}

/* ---- Unmapping ---- */

TEST(only_whole_maps_are_unmapped)
{
	uint64_t length;

	ck_assert_int_eq(map_at(rig.ioas, memory, 4 * PAGE, 0), 0);
	ck_assert_int_eq(map_at(rig.ioas, memory, 4 * PAGE, 8 * PAGE), 0);
	ck_assert_int_eq(unmap_is(rig.ioas, 0, PAGE), -ENOENT);
	ck_assert_int_eq(unmap_is(rig.ioas, PAGE, 3 * PAGE), -ENOENT);
	ck_assert_int_eq(unmap_is(rig.ioas, 4 * PAGE, 4 * PAGE), -ENOENT);
	ck_assert_int_eq(unmap_is(rig.ioas, 0, 0), -EINVAL);
	ck_assert_int_eq(unmap_is(rig.ioas, 1, ALL), -EOVERFLOW);
	ck_assert_int_eq(unmap_is(rig.ioas, ALL, 1), -EOVERFLOW);
	ck_assert_int_eq(unmap_is(rig.ioas, ALL - 1, 8), -EOVERFLOW);
	ck_assert_int_eq(unmap_is(NOBODY, 0, 0), -ENOENT);
	length = 64 * PAGE;
	ck_assert_int_eq(unmap(rig.ioas, 0, &length), 0);
	ck_assert_uint_eq(length, 8 * PAGE);
}

/* The kernel goes on until the map that it would have to cut. */
TEST(maps_before_one_that_is_cut_are_gone)
{
	ck_assert_int_eq(map_at(rig.ioas, memory, PAGE, 0), 0);
	ck_assert_int_eq(map_at(rig.ioas, memory, 4 * PAGE, 8 * PAGE), 0);
	ck_assert_int_eq(unmap_is(rig.ioas, 0, 9 * PAGE), -ENOENT);
	ck_assert_int_eq(map_at(rig.ioas, memory, PAGE, 0), 0);
	ck_assert_int_eq(map_at(rig.ioas, memory, PAGE, 8 * PAGE), -EEXIST);
}

TEST(everything_is_unmapped_even_where_there_is_nothing)
{
	uint64_t length = ALL;

	ck_assert_int_eq(unmap(rig.ioas, 0, &length), 0);
	ck_assert_uint_eq(length, 0);
	ck_assert_int_eq(map_at(rig.ioas, memory, PAGE, 0), 0);
	length = ALL;
	ck_assert_int_eq(unmap(rig.ioas, 0, &length), 0);
	ck_assert_uint_eq(length, PAGE);
}

/* ---- Copying ---- */

static int copy(uint32_t from, uint64_t iova, uint64_t length, uint32_t to,
		uint32_t flags)
{
	struct iommu_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dst_ioas_id = to,
		.src_ioas_id = from,
		.length = length,
		.dst_iova = 64 * PAGE,
		.src_iova = iova,
	};

	return rig_ioctl(&rig, IOMMU_IOAS_COPY, &cmd);
}

TEST(copies_are_checked_in_order)
{
	uint32_t to = new_ioas();

	ck_assert_int_eq(copy(NOBODY, ALL, ALL, NOBODY, 8), -EOPNOTSUPP);
	ck_assert_int_eq(copy(NOBODY, ALL, 0, NOBODY, 0), -EOVERFLOW);
	ck_assert_int_eq(copy(NOBODY, 0, 0, NOBODY, FIXED), -EINVAL);
	ck_assert_int_eq(copy(NOBODY, 0, 0, NOBODY, RW), -ENOENT);
	ck_assert_int_eq(copy(rig.ioas, 0, 0, NOBODY, RW), -EINVAL);
	ck_assert_int_eq(copy(rig.ioas, ALL - 1, 8, NOBODY, RW), -EOVERFLOW);
	ck_assert_int_eq(copy(rig.ioas, 0, PAGE, to, RW), -ENOENT);
	ck_assert_int_eq(map_at(rig.ioas, memory, 2 * PAGE, 0), 0);
	ck_assert_int_eq(copy(rig.ioas, 0, PAGE, NOBODY, RW), -ENOENT);
	ck_assert_int_eq(copy(rig.ioas, PAGE, 2 * PAGE, to, RW), -ENOENT);
	ck_assert_int_eq(copy(rig.ioas, PAGE, PAGE, to, RW | FIXED), 0);
	ck_assert_int_eq(copy(rig.ioas, PAGE, PAGE, to, RW | FIXED), -EEXIST);
}

TEST(a_copy_joins_maps_and_outlives_them)
{
	uint32_t to = new_ioas();

	ck_assert_int_eq(map_at(rig.ioas, memory, PAGE, 0), 0);
	ck_assert_int_eq(map_at(rig.ioas, memory + 8 * PAGE, PAGE, PAGE), 0);
	ck_assert_int_eq(copy(rig.ioas, 0, 2 * PAGE, to, RW | FIXED), 0);
	ck_assert_int_eq(unmap_is(rig.ioas, 0, ALL), 0);
	new_hwpt(to, 0);
	ck_assert_int_eq(unmap_is(to, 64 * PAGE, 2 * PAGE), 0);
}

TEST(a_copy_cannot_add_the_right_to_write)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_READABLE | FIXED,
		.ioas_id = new_ioas(),
		.user_va = (uintptr_t)memory,
		.length = PAGE,
	};

	ck_assert_int_eq(rig_ioctl(&rig, IOMMU_IOAS_MAP, &cmd), 0);
	ck_assert_int_eq(copy(cmd.ioas_id, 0, PAGE, cmd.ioas_id, RW | FIXED),
			 -EPERM);
	ck_assert_int_eq(copy(cmd.ioas_id, 0, PAGE, cmd.ioas_id,
			      IOMMU_IOAS_MAP_READABLE | FIXED),
			 0);
}

/* ---- Files, and the process ---- */

static int map_file(int fd, uint64_t start, uint64_t length)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = RW | FIXED,
		.ioas_id = rig.ioas,
		.fd = fd,
		.start = start,
		.length = length,
	};

	return rig_ioctl(&rig, IOMMU_IOAS_MAP_FILE, &cmd);
}

static int change_process(void)
{
	struct iommu_ioas_change_process cmd = { .size = sizeof(cmd) };

	return rig_ioctl(&rig, IOMMU_IOAS_CHANGE_PROCESS, &cmd);
}

TEST(a_memfd_is_mapped_and_may_be_closed)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 4 * PAGE), 0);
	ck_assert_int_eq(map_file(fd, 0, 0), -EINVAL);
	ck_assert_int_eq(map_file(fd, ALL, 2), -EOVERFLOW);
	ck_assert_int_eq(map_file(-1, 0, PAGE), -EBADF);
	ck_assert_int_eq(map_file(fd, 3 * PAGE, 2 * PAGE), -EINVAL);
	ck_assert_int_eq(map_file(fd, PAGE, 2 * PAGE), 0);
	close(fd);
	ck_assert_int_eq(change_process(), 0);
	ck_assert_int_eq(unmap_is(rig.ioas, 0, 2 * PAGE), 0);
}

TEST(another_file_is_no_memory)
{
	int fd = open("/dev/null", O_RDWR);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(map_file(fd, 0, PAGE), -EINVAL);
	close(fd);
	restart(IOMMUNEST_SIM_LINUX_6_12);
	ck_assert_int_eq(map_file(-1, 0, PAGE), -ENOTTY);
	ck_assert_int_eq(change_process(), -ENOTTY);
}

TEST(memory_of_a_process_stays_with_it)
{
	struct iommu_ioas_change_process cmd = { .size = sizeof(cmd),
						 .__reserved = 1 };

	ck_assert_int_eq(rig_ioctl(&rig, IOMMU_IOAS_CHANGE_PROCESS, &cmd),
			 -EOPNOTSUPP);
	ck_assert_int_eq(change_process(), 0);
	ck_assert_int_eq(map_at(rig.ioas, memory, PAGE, 0), 0);
	ck_assert_int_eq(change_process(), -EINVAL);
}

/* ---- Options ---- */

static int option(uint32_t id, uint16_t op, uint32_t object, uint64_t *value)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.option_id = id,
		.op = op,
		.object_id = object,
		.val64 = *value,
	};
	int ret = rig_ioctl(&rig, IOMMU_OPTION, &cmd);

	*value = cmd.val64;
	return ret;
}

static int set_huge(uint32_t ioas, uint64_t value)
{
	return option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_SET, ioas,
		      &value);
}

TEST(huge_pages_are_chosen_while_nothing_is_mapped)
{
	uint64_t value = 7;

	ck_assert_int_eq(set_huge(NOBODY, 9), -ENOENT);
	ck_assert_int_eq(set_huge(rig.ioas, 2), -EINVAL);
	ck_assert_int_eq(option(IOMMU_OPTION_HUGE_PAGES, 2, rig.ioas, &value),
			 -EOPNOTSUPP);
	ck_assert_int_eq(option(2, 0, rig.ioas, &value), -EOPNOTSUPP);
	ck_assert_int_eq(option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_GET,
				rig.ioas, &value),
			 0);
	ck_assert_uint_eq(value, 1);
	ck_assert_int_eq(map_at(rig.ioas, memory, PAGE, 0), 0);
	ck_assert_int_eq(set_huge(rig.ioas, 0), -EINVAL);
	ck_assert_int_eq(unmap_is(rig.ioas, 0, PAGE), 0);
	ck_assert_int_eq(set_huge(rig.ioas, 0), 0);
	ck_assert_int_eq(map_at(rig.ioas, memory, PAGE, 0), 0);
	/* Nothing changes. */
	ck_assert_int_eq(set_huge(rig.ioas, 0), 0);
	ck_assert_int_eq(set_huge(rig.ioas, 1), 0);
}

TEST(small_pages_need_whole_pages)
{
	uint32_t ioas = new_ioas();

	ck_assert_int_eq(map_at(ioas, memory, 7, 0), 0);
	ck_assert_int_eq(set_huge(ioas, 0), -EADDRINUSE);
	ck_assert_int_eq(unmap_is(ioas, 0, 7), 0);
	ck_assert_int_eq(set_huge(ioas, 0), 0);
	ck_assert_int_eq(map_at(ioas, memory, 7, 0), -EINVAL);
	ck_assert_int_eq(set_huge(ioas, 1), 0);
	ck_assert_int_eq(map_at(ioas, memory, 7, 0), 0);
}

static int set_rlimit_mode(int fd, uint64_t value)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_OPTION_OP_SET,
		.val64 = value,
	};

	return iommunest_sim_sys()->ioctl(rig.sim, fd, IOMMU_OPTION, &cmd);
}

TEST(memory_is_counted_by_process_from_the_start_or_never)
{
	int fd = iommunest_sim_sys()->open(rig.sim, "/dev/iommu", O_RDWR);
	uint64_t value = 9;

	ck_assert_int_eq(set_rlimit_mode(rig.fd, 1), -EBUSY);
	ck_assert_int_eq(option(IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_GET,
				1, &value),
			 -EOPNOTSUPP);
	ck_assert_int_eq(option(IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_GET,
				0, &value),
			 0);
	ck_assert_uint_eq(value, 0);
	ck_assert_int_eq(set_rlimit_mode(fd, 2), -EINVAL);
	ck_assert_int_eq(set_rlimit_mode(fd, 1), 0);
	iommunest_sim_sys()->close(rig.sim, fd);
}

/* ---- Attaching a device to an IOAS ---- */

TEST(an_ioas_gets_an_hwpt_that_goes_with_its_last_device)
{
	uint32_t ioas = new_ioas();
	uint32_t other = rig_bind(&rig, 0);
	uint32_t automatic = other + 1;

	rig_attach(&rig, rig.dev, ioas);
	rig_attach(&rig, other, ioas);
	ck_assert_int_eq(destroy(automatic), -EBUSY);
	ck_assert_int_eq(destroy(automatic + 1), -ENOENT);
	ck_assert_int_eq(destroy(ioas), -EBUSY);
	rig_attach(&rig, rig.dev, 0);
	ck_assert_int_eq(destroy(automatic), -EBUSY);
	rig_attach(&rig, other, rig.nested);
	ck_assert_int_eq(destroy(automatic), -ENOENT);
	ck_assert_int_eq(destroy(ioas), 0);
}

TEST(an_hwpt_that_somebody_made_is_not_picked)
{
	uint32_t ioas = new_ioas();
	uint32_t own = new_hwpt(ioas, 0);

	rig_attach(&rig, rig.dev, ioas);
	ck_assert_int_eq(destroy(own), 0);
	ck_assert_int_eq(destroy(own + 1), -EBUSY);
}

TEST(memory_that_is_not_there_lets_no_device_in)
{
	uint32_t ioas = new_ioas();
	uint32_t lone = rig_bind(&rig, 0);

	ck_assert_int_eq(map_at(ioas, NULL, PAGE, 0), 0);
	ck_assert_int_eq(iommunest_sim_attach(rig.sim, rig.fd, lone, ioas),
			 -EFAULT);
	ck_assert_int_eq(iommunest_sim_attach(rig.sim, rig.fd, rig.dev, ioas),
			 -EFAULT);
	ck_assert_int_eq(destroy(rig.nested), -EBUSY);
	ck_assert_int_eq(destroy(ioas), 0);
}

/*
 * The kernel gives the window up in the new HWPT's IOAS, which is that of the
 * old HWPT, too.
 */
TEST(an_attach_that_is_refused_opens_the_interrupt_window)
{
	uint32_t bad = rig_alloc_nested(&rig, 40);

	ck_assert_int_eq(map_at(rig.ioas, memory, PAGE, MSI), -EINVAL);
	ck_assert_int_eq(iommunest_sim_attach(rig.sim, rig.fd, rig.dev, bad),
			 -EINVAL);
	ck_assert_int_eq(map_at(rig.ioas, memory, PAGE, MSI), 0);
}

/* ---- Dirty pages ---- */

static int set_dirty(uint32_t hwpt, uint32_t flags)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.hwpt_id = hwpt,
	};

	return rig_ioctl(&rig, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);
}

TEST(only_hwpts_that_were_made_for_it_track_dirty_pages)
{
	uint32_t tracks =
		new_hwpt(rig.ioas, IOMMU_HWPT_ALLOC_NEST_PARENT |
					   IOMMU_HWPT_ALLOC_DIRTY_TRACKING);

	ck_assert_int_eq(set_dirty(NOBODY, 2), -EOPNOTSUPP);
	ck_assert_int_eq(set_dirty(NOBODY, 1), -ENOENT);
	ck_assert_int_eq(set_dirty(rig.nested, 1), -ENOENT);
	ck_assert_int_eq(set_dirty(rig.parent, 1), -EOPNOTSUPP);
	ck_assert_int_eq(set_dirty(tracks, 1), 0);
	ck_assert_int_eq(set_dirty(tracks, 1), 0);
	ck_assert_int_eq(set_dirty(tracks, 0), 0);
}

struct dirty_row {
	uint32_t flags;
	uint32_t reserved;
	uint64_t iova;
	uint64_t length;
	uint64_t page_size;
	int ret;
};

/* The ranges are checked before the HWPT. */
static const struct dirty_row dirty_rows[] = {
	{ 2, 0, 0, 0, 0, -EOPNOTSUPP },
	{ 0, 1, 0, 0, 0, -EOPNOTSUPP },
	{ 0, 0, 0, 0, 4096, -EINVAL },
	{ 0, 0, ALL, 2, 4096, -EOVERFLOW },
	{ 0, 0, 1, 4095, 4096, -EINVAL },
	{ 0, 0, 0, 4095, 4096, -EINVAL },
	{ 0, 0, 0, 4096, 0, -EINVAL },
	{ 0, 0, 4096, 8192, 8192, -EINVAL },
	{ 0, 0, 8192, 4096, 8192, -EINVAL },
	{ 0, 0, 4096, 4096, 4096, -EOPNOTSUPP },
};

TEST(reading_dirty_pages_is_checked_in_order)
{
	size_t i;

	for (i = 0; i < sizeof(dirty_rows) / sizeof(*dirty_rows); i++) {
		const struct dirty_row *row = &dirty_rows[i];
		struct iommu_hwpt_get_dirty_bitmap cmd = {
			.size = sizeof(cmd),
			.hwpt_id = rig.parent,
			.flags = row->flags,
			.__reserved = row->reserved,
			.iova = row->iova,
			.length = row->length,
			.page_size = row->page_size,
		};
		int ret = rig_ioctl(&rig, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd);

		ck_assert_msg(ret == row->ret, "row %zu: %d", i, ret);
		cmd.hwpt_id = NOBODY;
		if (ret != -EOPNOTSUPP)
			ck_assert_int_eq(rig_ioctl(&rig,
						   IOMMU_HWPT_GET_DIRTY_BITMAP,
						   &cmd),
					 -ENOENT);
	}
}
