/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A device's memory accesses: both stages, what is cached, what is dirty. */
#include "tests/harness/sim-guest.h"
#include "tests/harness/support.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE (2ull << 20)
#define HUGE_PAGE (1ull << 30)

static struct sim_guest guest;

static void set_up(void)
{
	sim_guest_open(&guest, IOMMUNEST_SIM_NEWEST, 0);
}

static void tear_down(void)
{
	sim_guest_close(&guest);
}

FIXTURE(set_up, tear_down);

static void restart(uint32_t profile, uint32_t dev_flags)
{
	sim_guest_close(&guest);
	sim_guest_open(&guest, profile, dev_flags);
}

/* Page @page of the device is at DATA + @page pages, and begins with @word. */
static void map_page(unsigned int page, uint32_t word)
{
	sim_guest_map(&guest, page, DATA + page * PAGE, FS_ALL);
	sim_guest_put(&guest, DATA + page * PAGE, word);
}

/* ---- Both stages ---- */

TEST(a_device_reads_and_writes_through_both_stages)
{
	map_page(3, 0xcafe);
	sim_guest_reads(&guest, 3 * PAGE, 0xcafe);
	ck_assert_uint_eq(guest.dma.reason, IOMMUNEST_SIM_DMA_NONE);
	ck_assert_uint_eq(guest.dma.done, 4);
	ck_assert_int_eq(sim_guest_write(&guest, 3 * PAGE + 8, 0xbabe), 0);
	ck_assert_uint_eq(sim_guest_get(&guest, DATA + 3 * PAGE + 8), 0xbabe);
}

TEST(five_levels_are_walked)
{
	sim_guest_nest(&guest, PML5, 57, 0);
	map_page(3, 0xcafe);
	sim_guest_reads(&guest, 3 * PAGE, 0xcafe);
	/* The highest: an index in each table. */
	*sim_guest_entry(&guest, PML5, 511) = PML4 | FS_ALL;
	sim_guest_reads(&guest, -(1ull << 48) + 3 * PAGE, 0xcafe);
}

TEST(large_pages_end_a_walk_early)
{
	*sim_guest_entry(&guest, PD, 1) = LARGE | FS_ALL | FS_LARGE;
	*sim_guest_entry(&guest, PDPT, 1) = FS_ALL | FS_LARGE;
	sim_guest_put(&guest, LARGE + 5 * PAGE, 0x2222);
	sim_guest_reads(&guest, LARGE + 5 * PAGE, 0x2222);
	sim_guest_reads(&guest, HUGE_PAGE + LARGE + 5 * PAGE, 0x2222);
	/* As large as both stages allow. */
	ck_assert_uint_eq(iommunest_sim_cached_count(guest.rig.sim,
						     guest.rig.fd,
						     guest.rig.nested),
			  2);
	ck_assert_uint_eq(rig_cached(&guest.rig, 2 * LARGE - 1), IN_IOTLB);
}

TEST(a_transfer_crosses_pages_and_stops_at_the_first_it_cannot)
{
	uint8_t buf[3 * PAGE];

	map_page(1, 0);
	sim_guest_map(&guest, 2, DATA + 9 * PAGE, FS_ALL);
	memset(guest.memory + DATA + PAGE, 1, PAGE);
	memset(guest.memory + DATA + 9 * PAGE, 2, PAGE);
	guest.dma.size = sizeof(guest.dma);
	guest.dma.dev_id = guest.rig.dev;
	guest.dma.iova = PAGE + 100;
	ck_assert_int_eq(iommunest_sim_dma_read(guest.rig.sim, guest.rig.fd,
						&guest.dma, buf, sizeof(buf)),
			 -EFAULT);
	ck_assert_uint_eq(guest.dma.done, 2 * PAGE - 100);
	ck_assert_uint_eq(guest.dma.reason, IOMMUNEST_SIM_DMA_NOT_PRESENT);
	ck_assert_uint_eq(guest.dma.fault_addr, PT + 3 * 8);
	ck_assert_uint_eq(guest.dma.iova, PAGE + 100);
	ck_assert_int_eq(buf[PAGE - 101], 1);
	ck_assert_int_eq(buf[PAGE - 100], 2);
	ck_assert_int_eq(iommunest_sim_dma_read(guest.rig.sim, guest.rig.fd,
						&guest.dma, NULL, 0),
			 0);
}

TEST(arguments_are_checked)
{
	struct iommunest_sim *sim = guest.rig.sim;
	struct iommunest_sim_dma *dma = &guest.dma;
	const int fd = guest.rig.fd;
	char byte = 0;

	dma->size = sizeof(*dma);
	dma->dev_id = guest.rig.dev;
	ck_assert_int_eq(iommunest_sim_dma_read(NULL, fd, dma, &byte, 1),
			 -EINVAL);
	ck_assert_int_eq(iommunest_sim_dma_read(sim, fd, NULL, &byte, 1),
			 -EINVAL);
	ck_assert_int_eq(iommunest_sim_dma_write(sim, fd, dma, NULL, 1),
			 -EINVAL);
	ck_assert_int_eq(iommunest_sim_dma_write(sim, -1, dma, &byte, 1),
			 -EBADF);
	dma->flags = 2;
	ck_assert_int_eq(iommunest_sim_dma_read(sim, fd, dma, &byte, 1),
			 -EINVAL);
	dma->flags = 0;
	dma->dev_id = guest.rig.ioas;
	ck_assert_int_eq(iommunest_sim_dma_read(sim, fd, dma, &byte, 1),
			 -ENOENT);
	dma->size--;
	ck_assert_int_eq(iommunest_sim_dma_read(sim, fd, dma, &byte, 1),
			 -EINVAL);
	dma->size = 5000;
	ck_assert_int_eq(iommunest_sim_dma_read(sim, fd, dma, &byte, 1),
			 -E2BIG);
}

TEST(a_device_that_is_not_attached_is_blocked)
{
	rig_attach(&guest.rig, guest.rig.dev, 0);
	sim_guest_cannot_read(&guest, 0x123, IOMMUNEST_SIM_DMA_BLOCKED);
	ck_assert_uint_eq(guest.dma.fault_addr, 0x123);
}

/* ---- What stage 1 refuses ---- */

TEST(what_is_not_present_is_not_read)
{
	sim_guest_cannot_read(&guest, 0, IOMMUNEST_SIM_DMA_NOT_PRESENT);
	ck_assert_uint_eq(guest.dma.fault_addr, PT);
	sim_guest_cannot_read(&guest, LARGE, IOMMUNEST_SIM_DMA_NOT_PRESENT);
	ck_assert_uint_eq(guest.dma.fault_addr, PD + 8);
	/* It is looked at again each time. */
	map_page(0, 7);
	sim_guest_reads(&guest, 0, 7);
}

/* Either the leaf or an entry above it. */
TEST_LOOP(every_level_has_to_allow_a_write, 4)
{
	static const uint64_t tables[] = { PT, PD, PDPT, PML4 };

	map_page(0, 7);
	*sim_guest_entry(&guest, tables[_i], 0) &= ~FS_WRITE;
	sim_guest_reads(&guest, 0, 7);
	sim_guest_cannot_write(&guest, 0, IOMMUNEST_SIM_DMA_PERMISSION);
	ck_assert_uint_eq(guest.dma.fault_addr, PT);
	/* More rights count without a flush, where they are the leaf's. */
	*sim_guest_entry(&guest, tables[_i], 0) |= FS_WRITE;
	if (_i == 0)
		ck_assert_int_eq(sim_guest_write(&guest, 0, 8), 0);
	rig_flush(&guest.rig, 0, ALL, 0);
	ck_assert_int_eq(sim_guest_write(&guest, 0, 8), 0);
}

TEST_LOOP(every_level_has_to_allow_a_user, 4)
{
	static const uint64_t tables[] = { PT, PD, PDPT, PML4 };

	map_page(0, 7);
	*sim_guest_entry(&guest, tables[_i], 0) &= ~FS_USER;
	sim_guest_cannot_read(&guest, 0, IOMMUNEST_SIM_DMA_PERMISSION);
}

TEST(privileged_requests_need_sre)
{
	map_page(0, 7);
	*sim_guest_entry(&guest, PT, 0) &= ~FS_USER;
	guest.flags = IOMMUNEST_SIM_DMA_PRIVILEGED;
	sim_guest_cannot_read(&guest, 0, IOMMUNEST_SIM_DMA_PRIVILEGE);
	sim_guest_nest(&guest, PML4, 48, IOMMU_VTD_S1_SRE);
	sim_guest_reads(&guest, 0, 7);
	/* What a privileged request has cached is not for others. */
	guest.flags = 0;
	sim_guest_cannot_read(&guest, 0, IOMMUNEST_SIM_DMA_PERMISSION);
}

TEST(wpe_keeps_privileged_requests_from_writing)
{
	guest.flags = IOMMUNEST_SIM_DMA_PRIVILEGED;
	map_page(0, 7);
	*sim_guest_entry(&guest, PT, 0) &= ~FS_WRITE;
	sim_guest_nest(&guest, PML4, 48, IOMMU_VTD_S1_SRE);
	ck_assert_int_eq(sim_guest_write(&guest, 0, 9), 0);
	sim_guest_nest(&guest, PML4, 48, IOMMU_VTD_S1_SRE | IOMMU_VTD_S1_WPE);
	sim_guest_cannot_write(&guest, 0, IOMMUNEST_SIM_DMA_PERMISSION);
}

TEST(reserved_bits_are_refused)
{
	static const struct {
		uint64_t table;
		uint64_t entry;
	} rows[] = {
		{ PML4, PDPT | FS_ALL | FS_LARGE },
		{ PDPT, PAGE << 1 | FS_ALL | FS_LARGE },
		{ PDPT, LARGE | FS_ALL | FS_LARGE },
		{ PD, PAGE << 1 | FS_ALL | FS_LARGE },
		{ PD, LARGE / 2 | FS_ALL | FS_LARGE },
	};
	uint64_t was;
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t *entry = sim_guest_entry(&guest, rows[i].table, 0);

		was = *entry;
		*entry = rows[i].entry;
		rig_flush(&guest.rig, 0, ALL, 0);
		sim_guest_cannot_read(&guest, 0,
				      IOMMUNEST_SIM_DMA_RESERVED_BITS);
		ck_assert_uint_eq(guest.dma.fault_addr, rows[i].table);
		*entry = was;
	}
	/* The bit of the memory type is none. */
	*sim_guest_entry(&guest, PD, 0) = PAGE | FS_ALL | FS_LARGE;
	sim_guest_put(&guest, 0, 0x77);
	sim_guest_reads(&guest, 0, 0x77);
}

TEST(addresses_are_canonical)
{
	sim_guest_cannot_read(&guest, 1ull << 47,
			      IOMMUNEST_SIM_DMA_NOT_CANONICAL);
	sim_guest_cannot_read(&guest, 1ull << 63,
			      IOMMUNEST_SIM_DMA_NOT_CANONICAL);
	*sim_guest_entry(&guest, PML4, 511) = PDPT | FS_ALL;
	map_page(2, 5);
	sim_guest_reads(&guest, 0xffffff8000000000 + 2 * PAGE, 5);
	sim_guest_nest(&guest, PML5, 57, 0);
	sim_guest_cannot_read(&guest, 1ull << 56,
			      IOMMUNEST_SIM_DMA_NOT_CANONICAL);
}

TEST(tables_may_point_anywhere)
{
	const uint64_t nowhere = GUEST_SIZE;

	/* To themselves. */
	*sim_guest_entry(&guest, PML4, 1) = PML4 | FS_ALL;
	*sim_guest_entry(&guest, PML4, 0) = PML4 | FS_ALL;
	ck_assert_int_eq(sim_guest_write(&guest, 8, 0), 0);
	/* To what stage 2 does not map. */
	*sim_guest_entry(&guest, PML4, 2) = nowhere | FS_ALL;
	sim_guest_cannot_read(&guest, 2ull << 39,
			      IOMMUNEST_SIM_DMA_S2_NOT_MAPPED);
	ck_assert_uint_eq(guest.dma.fault_addr, nowhere);
	*sim_guest_entry(&guest, PML4, 3) = 0x000ffffffffff000 | FS_ALL;
	sim_guest_cannot_read(&guest, 3ull << 39,
			      IOMMUNEST_SIM_DMA_S2_NOT_MAPPED);
	sim_guest_nest(&guest, ALL, 48, 0);
	sim_guest_cannot_read(&guest, 0, IOMMUNEST_SIM_DMA_S2_NOT_MAPPED);
}

/* ---- Bits that hardware sets ---- */

TEST(accessed_and_dirty_bits_are_set)
{
	map_page(0, 7);
	sim_guest_reads(&guest, 0, 7);
	ck_assert_uint_eq(*sim_guest_entry(&guest, PML4, 0),
			  PDPT | FS_ALL | FS_A);
	ck_assert_uint_eq(*sim_guest_entry(&guest, PD, 0), PT | FS_ALL | FS_A);
	ck_assert_uint_eq(*sim_guest_entry(&guest, PT, 0),
			  DATA | FS_ALL | FS_A);
	ck_assert_int_eq(sim_guest_write(&guest, 0, 8), 0);
	ck_assert_uint_eq(*sim_guest_entry(&guest, PT, 0),
			  DATA | FS_ALL | FS_A | FS_D);
	ck_assert_uint_eq(*sim_guest_entry(&guest, PD, 0), PT | FS_ALL | FS_A);
}

TEST(the_extended_bit_is_set_with_eafe)
{
	map_page(0, 7);
	sim_guest_nest(&guest, PML4, 48, IOMMU_VTD_S1_EAFE);
	sim_guest_reads(&guest, 0, 7);
	ck_assert_uint_eq(*sim_guest_entry(&guest, PT, 0),
			  DATA | FS_ALL | FS_A | FS_EA);
	ck_assert_uint_eq(*sim_guest_entry(&guest, PML4, 0),
			  PDPT | FS_ALL | FS_A | FS_EA);
}

TEST(an_access_that_is_refused_leaves_the_leaf_as_it_was)
{
	map_page(0, 7);
	*sim_guest_entry(&guest, PT, 0) &= ~FS_WRITE;
	sim_guest_cannot_write(&guest, 0, IOMMUNEST_SIM_DMA_PERMISSION);
	ck_assert_uint_eq(*sim_guest_entry(&guest, PT, 0),
			  DATA | FS_P | FS_USER);
}

/* ---- Page requests ---- */

/* The device goes to a stage 1 with a fault queue, whose file is returned. */
static int nest_with_queue(void)
{
	struct iommu_fault_alloc queue = { .size = sizeof(queue) };
	struct iommu_hwpt_vtd_s1 s1 = {
		.pgtbl_addr = PML4,
		.addr_width = 48,
	};
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_FAULT_ID_VALID,
		.dev_id = guest.rig.dev,
		.pt_id = guest.rig.parent,
		.data_type = IOMMU_HWPT_DATA_VTD_S1,
		.data_len = sizeof(s1),
		.data_uptr = (uintptr_t)&s1,
	};

	ck_assert_int_eq(rig_ioctl(&guest.rig, IOMMU_FAULT_QUEUE_ALLOC, &queue),
			 0);
	cmd.fault_id = queue.out_fault_id;
	ck_assert_int_eq(rig_ioctl(&guest.rig, IOMMU_HWPT_ALLOC, &cmd), 0);
	guest.rig.nested = cmd.out_hwpt_id;
	rig_attach(&guest.rig, guest.rig.dev, guest.rig.nested);
	return (int)queue.out_fault_fd;
}

static bool next_request(int fd, struct iommu_hwpt_pgfault *request)
{
	return iommunest_sim_sys()->read(guest.rig.sim, fd, request,
					 sizeof(*request)) == sizeof(*request);
}

TEST(a_device_asks_for_a_page_that_is_not_there)
{
	struct iommu_hwpt_pgfault request;
	struct iommu_hwpt_page_response answer = { 0 };
	int fd;

	restart(IOMMUNEST_SIM_LINUX_7_3, IOMMUNEST_SIM_ATS | IOMMUNEST_SIM_PRI);
	fd = nest_with_queue();
	sim_guest_cannot_write(&guest, 2 * PAGE + 8,
			       IOMMUNEST_SIM_DMA_NOT_PRESENT);
	ck_assert(next_request(fd, &request));
	ck_assert_uint_eq(request.flags, IOMMU_PGFAULT_FLAGS_LAST_PAGE);
	ck_assert_uint_eq(request.dev_id, guest.rig.dev);
	ck_assert_uint_eq(request.addr, 2 * PAGE);
	ck_assert_uint_eq(request.perm, IOMMU_PGFAULT_PERM_WRITE);
	map_page(2, 1);
	answer.cookie = request.cookie;
	ck_assert_int_eq(iommunest_sim_sys()->write(guest.rig.sim, fd, &answer,
						    sizeof(answer)),
			 sizeof(answer));
	ck_assert_int_eq(sim_guest_write(&guest, 2 * PAGE + 8, 1), 0);
	ck_assert(!next_request(fd, &request));
	/* What no table can change is not asked for. */
	sim_guest_cannot_read(&guest, 1ull << 60,
			      IOMMUNEST_SIM_DMA_NOT_CANONICAL);
	ck_assert(!next_request(fd, &request));
	iommunest_sim_sys()->close(guest.rig.sim, fd);
}

/* ---- Stale until invalidated ---- */

TEST(the_old_page_is_read_until_its_flush)
{
	map_page(0, 0x01d);
	sim_guest_put(&guest, DATA + 8 * PAGE, 0x2e3);
	sim_guest_reads(&guest, 0, 0x01d);
	sim_guest_map(&guest, 0, DATA + 8 * PAGE, FS_ALL);
	sim_guest_reads(&guest, 0, 0x01d);
	rig_flush(&guest.rig, PAGE, 1, 0);
	sim_guest_reads(&guest, 0, 0x01d);
	rig_flush(&guest.rig, 0, 1, LEAF);
	sim_guest_reads(&guest, 0, 0x2e3);
}

TEST(an_old_page_is_even_written_to)
{
	map_page(0, 1);
	ck_assert_int_eq(sim_guest_write(&guest, 0, 1), 0);
	sim_guest_map(&guest, 0, 0, 0);
	ck_assert_int_eq(sim_guest_write(&guest, 0, 2), 0);
	ck_assert_uint_eq(sim_guest_get(&guest, DATA), 2);
	rig_flush(&guest.rig, 0, 1, LEAF);
	sim_guest_cannot_write(&guest, 0, IOMMUNEST_SIM_DMA_NOT_PRESENT);
}

/* The page was never read.  A flush of all is one of more than leaves. */
TEST(the_old_table_is_walked_until_a_flush_of_more_than_leaves)
{
	const uint64_t other = DATA + 20 * PAGE;

	map_page(0, 0);
	map_page(1, 0x01d);
	sim_guest_put(&guest, DATA + 8 * PAGE, 0x2e3);
	*sim_guest_entry(&guest, other, 1) = (DATA + 8 * PAGE) | FS_ALL;
	sim_guest_reads(&guest, 0, 0);
	*sim_guest_entry(&guest, PD, 0) = other | FS_ALL;
	sim_guest_reads(&guest, PAGE, 0x01d);
	rig_flush(&guest.rig, 0, ALL, LEAF);
	sim_guest_reads(&guest, PAGE, 0x2e3);
}

TEST(a_flush_of_leaves_alone_keeps_the_old_table)
{
	const uint64_t other = DATA + 20 * PAGE;

	map_page(1, 0x01d);
	sim_guest_put(&guest, DATA + 8 * PAGE, 0x2e3);
	*sim_guest_entry(&guest, other, 1) = (DATA + 8 * PAGE) | FS_ALL;
	sim_guest_reads(&guest, PAGE, 0x01d);
	*sim_guest_entry(&guest, PD, 0) = other | FS_ALL;
	rig_flush(&guest.rig, 0, 512, LEAF);
	sim_guest_reads(&guest, PAGE, 0x01d);
	rig_flush(&guest.rig, 0, 512, 0);
	sim_guest_reads(&guest, PAGE, 0x2e3);
}

/* 6.18 has a fault: what it sends is not PASID-based. */
TEST(a_kernel_with_a_fault_leaves_the_old_page)
{
	restart(IOMMUNEST_SIM_LINUX_6_18, 0);
	map_page(0, 0x01d);
	sim_guest_reads(&guest, 0, 0x01d);
	sim_guest_map(&guest, 0, DATA + 8 * PAGE, FS_ALL);
	rig_flush(&guest.rig, 0, ALL, 0);
	sim_guest_reads(&guest, 0, 0x01d);
}

TEST(a_device_with_a_tlb_asks_that_first)
{
	const unsigned int in_dev_tlb = IOMMUNEST_SIM_CACHED_DEV_TLB;

	restart(IOMMUNEST_SIM_LINUX_7_3, IOMMUNEST_SIM_ATS);
	map_page(0, 0x01d);
	sim_guest_reads(&guest, 0, 0x01d);
	ck_assert_uint_eq(rig_cached(&guest.rig, 0), IN_IOTLB | in_dev_tlb);
	sim_guest_map(&guest, 0, DATA + 8 * PAGE, FS_ALL);
	sim_guest_put(&guest, DATA + 8 * PAGE, 0x2e3);
	rig_flush(&guest.rig, 0, 1, 0);
	sim_guest_reads(&guest, 0, 0x2e3);
}

/* 6.12 leaves ATS off in nested mode. */
TEST(a_device_tlb_is_not_used_where_ats_is_off)
{
	restart(IOMMUNEST_SIM_LINUX_6_12, IOMMUNEST_SIM_ATS);
	map_page(0, 1);
	sim_guest_reads(&guest, 0, 1);
	ck_assert_uint_eq(rig_cached(&guest.rig, 0), IN_IOTLB);
}

/* They say that something is cached, and not what. */
TEST(cached_translations_without_tables_are_walked)
{
	map_page(0, 3);
	rig_translate(&guest.rig, guest.rig.nested, 0, 0);
	sim_guest_reads(&guest, 0, 3);
	rig_translate(&guest.rig, guest.rig.nested, 0, 0);
	sim_guest_map(&guest, 0, 0, 0);
	sim_guest_reads(&guest, 0, 3);
}

/* ---- Stage 2 ---- */

static int map_at(uint64_t iova, const void *at, uint64_t length, uint32_t ioas,
		  uint32_t flags)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = flags | IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = ioas,
		.user_va = (uintptr_t)at,
		.length = length,
		.iova = iova,
	};

	return rig_ioctl(&guest.rig, IOMMU_IOAS_MAP, &cmd);
}

#define RW (IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)

static void unmap(uint32_t ioas, uint64_t iova, uint64_t length)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = length,
	};

	guest.rig.desc_count = 0;
	ck_assert_int_eq(rig_ioctl(&guest.rig, IOMMU_IOAS_UNMAP, &cmd), 0);
}

TEST_LOOP(nothing_that_is_unmapped_stays_cached, 2)
{
	static uint8_t more[2 * PAGE] __attribute__((aligned(4096)));
	const uint32_t dev_flags = _i ? IOMMUNEST_SIM_ATS : 0;
	const uint32_t ioas = guest.rig.ioas;

	restart(IOMMUNEST_SIM_LINUX_7_3, dev_flags);
	more[0] = 5;
	more[PAGE] = 6;
	ck_assert_int_eq(map_at(GUEST_SIZE, more, PAGE, ioas, RW), 0);
	sim_guest_map(&guest, 0, GUEST_SIZE, FS_ALL);
	map_page(1, 9);
	sim_guest_reads(&guest, 0, 5);
	sim_guest_reads(&guest, PAGE, 9);
	unmap(ioas, GUEST_SIZE, PAGE);
	ck_assert_uint_eq(guest.rig.desc_count, _i ? 2 : 1);
	ck_assert_uint_eq(guest.rig.descs[0].kind, IOMMUNEST_SIM_IOTLB);
	ck_assert_uint_eq(guest.rig.descs[0].addr, GUEST_SIZE);
	sim_guest_cannot_read(&guest, 0, IOMMUNEST_SIM_DMA_S2_NOT_MAPPED);
	ck_assert_uint_eq(guest.dma.fault_addr, GUEST_SIZE);
	/* Others stay. */
	sim_guest_map(&guest, 1, 0, 0);
	sim_guest_reads(&guest, PAGE, 9);
	ck_assert_int_eq(map_at(GUEST_SIZE, more + PAGE, PAGE, ioas, RW), 0);
	sim_guest_reads(&guest, 0, 6);
}

TEST(a_table_that_is_unmapped_is_not_walked)
{
	const uint32_t ioas = guest.rig.ioas;
	uint64_t *table = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_int_eq(map_at(GUEST_SIZE, table, PAGE, ioas, RW), 0);
	table[0] = DATA | FS_ALL;
	table[1] = DATA | FS_ALL;
	*sim_guest_entry(&guest, PD, 0) = GUEST_SIZE | FS_ALL;
	sim_guest_reads(&guest, 0, 0);
	unmap(ioas, GUEST_SIZE, PAGE);
	munmap(table, PAGE);
	sim_guest_reads(&guest, 0, 0);
	sim_guest_cannot_read(&guest, PAGE, IOMMUNEST_SIM_DMA_S2_NOT_MAPPED);
	ck_assert_uint_eq(guest.dma.fault_addr, GUEST_SIZE + 8);
}

TEST(memory_that_the_process_took_away_is_a_fault)
{
	map_page(0, 1);
	sim_guest_reads(&guest, 0, 1);
	mprotect(guest.memory + DATA, PAGE, PROT_READ);
	sim_guest_cannot_write(&guest, 0, IOMMUNEST_SIM_DMA_HOST_MEMORY);
	sim_guest_reads(&guest, 0, 1);
	mprotect(guest.memory + DATA, PAGE, PROT_NONE);
	sim_guest_cannot_read(&guest, 0, IOMMUNEST_SIM_DMA_HOST_MEMORY);
	ck_assert_uint_eq(guest.dma.fault_addr, DATA);
}

TEST(tables_that_the_process_took_away_are_a_fault)
{
	map_page(0, 1);
	mprotect(guest.memory + PT, PAGE, PROT_READ);
	/* The accessed bit cannot be set. */
	sim_guest_cannot_read(&guest, 0, IOMMUNEST_SIM_DMA_HOST_MEMORY);
	mprotect(guest.memory + PT, PAGE, PROT_NONE);
	sim_guest_cannot_read(&guest, 0, IOMMUNEST_SIM_DMA_HOST_MEMORY);
	ck_assert_uint_eq(guest.dma.fault_addr, PT);
}

static uint32_t new_ioas(void)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };

	ck_assert_int_eq(rig_ioctl(&guest.rig, IOMMU_IOAS_ALLOC, &cmd), 0);
	return cmd.out_ioas_id;
}

TEST_RANGE(an_ioas_is_one_stage, 1, 3)
{
	uint32_t ioas;

	restart((uint32_t)_i, 0);
	ioas = new_ioas();
	ck_assert_int_eq(map_at(PAGE, guest.memory, LARGE, ioas, RW), 0);
	ck_assert_int_eq(map_at(2 * LARGE, guest.memory, PAGE, ioas,
				IOMMU_IOAS_MAP_READABLE),
			 0);
	rig_attach(&guest.rig, guest.rig.dev, ioas);
	sim_guest_put(&guest, 4 * PAGE, 0x44);
	sim_guest_reads(&guest, 5 * PAGE, 0x44);
	sim_guest_cannot_read(&guest, 0, IOMMUNEST_SIM_DMA_S2_NOT_MAPPED);
	sim_guest_cannot_write(&guest, 2 * LARGE,
			       IOMMUNEST_SIM_DMA_S2_PERMISSION);
	unmap(ioas, PAGE, LARGE);
	ck_assert_uint_eq(guest.rig.desc_count, 1);
	ck_assert_uint_eq(guest.rig.descs[0].kind,
			  _i == IOMMUNEST_SIM_LINUX_6_12
				  ? IOMMUNEST_SIM_IOTLB
				  : IOMMUNEST_SIM_PIOTLB_PAGES);
	sim_guest_cannot_read(&guest, 5 * PAGE,
			      IOMMUNEST_SIM_DMA_S2_NOT_MAPPED);
}

/* The first stage has no way to say so. */
TEST_RANGE(what_can_only_be_written_can_be_read_in_7_3, 1, 3)
{
	uint32_t ioas, word = 0;
	int ret;

	restart((uint32_t)_i, 0);
	ioas = new_ioas();
	ck_assert_int_eq(map_at(0, guest.memory, PAGE, ioas,
				IOMMU_IOAS_MAP_WRITEABLE),
			 0);
	rig_attach(&guest.rig, guest.rig.dev, ioas);
	ck_assert_int_eq(sim_guest_write(&guest, 0, 5), 0);
	ret = sim_guest_read(&guest, 0, &word);
	ck_assert_int_eq(ret, _i == IOMMUNEST_SIM_LINUX_6_12 ? -EFAULT : 0);
}

TEST(a_file_is_memory_of_a_guest)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = RW | IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = guest.rig.ioas,
		.fd = memfd_create("guest", MFD_CLOEXEC),
		.start = PAGE,
		.length = PAGE,
		.iova = GUEST_SIZE,
	};
	uint32_t *shared;

	ck_assert_int_ge(cmd.fd, 0);
	ck_assert_int_eq(ftruncate(cmd.fd, 2 * PAGE), 0);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, cmd.fd,
		      PAGE);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	ck_assert_int_eq(rig_ioctl(&guest.rig, IOMMU_IOAS_MAP_FILE, &cmd), 0);
	close(cmd.fd);
	sim_guest_map(&guest, 0, GUEST_SIZE, FS_ALL);
	shared[0] = 0x31;
	sim_guest_reads(&guest, 0, 0x31);
	ck_assert_int_eq(sim_guest_write(&guest, 0, 0x32), 0);
	ck_assert_uint_eq(shared[0], 0x32);
	munmap(shared, PAGE);
	sim_guest_reads(&guest, 0, 0x32);
}

/* ---- Dirty pages ---- */

/* The device goes to a stage 1 on a parent that tracks. */
static void track(void)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT |
			 IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
		.dev_id = guest.rig.dev,
		.pt_id = guest.rig.ioas,
	};

	ck_assert_int_eq(rig_ioctl(&guest.rig, IOMMU_HWPT_ALLOC, &cmd), 0);
	guest.rig.parent = cmd.out_hwpt_id;
	sim_guest_nest(&guest, PML4, 48, 0);
}

static void set_tracking(uint32_t flags)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.hwpt_id = guest.rig.parent,
	};

	ck_assert_int_eq(
		rig_ioctl(&guest.rig, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd), 0);
}

/* The first 64 pages from @iova on. */
static uint64_t dirty(uint64_t iova, uint32_t flags)
{
	uint64_t bits = 0;
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.hwpt_id = guest.rig.parent,
		.iova = iova,
		.length = 64 * PAGE,
		.page_size = PAGE,
		.data = (uintptr_t)&bits,
	};

	ck_assert_int_eq(
		rig_ioctl(&guest.rig, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd), 0);
	return bits;
}

#define KEEP IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR
/* Where the tables have their accessed bits. */
#define TABLES (1ull << 2 | 1ull << 3 | 1ull << 4 | 1ull << 5)

TEST(writes_are_dirty_and_so_are_tables_that_are_walked)
{
	track();
	map_page(0, 1);
	map_page(4, 1);
	set_tracking(1);
	ck_assert_uint_eq(dirty(0, 0), 0);
	sim_guest_reads(&guest, 0, 1);
	ck_assert_uint_eq(dirty(0, KEEP), TABLES);
	ck_assert_int_eq(sim_guest_write(&guest, 4 * PAGE, 2), 0);
	ck_assert_uint_eq(dirty(0, KEEP), TABLES | 1ull << 20);
	ck_assert_uint_eq(dirty(0, 0), TABLES | 1ull << 20);
	ck_assert_uint_eq(dirty(0, 0), 0);
	/* Through what is cached, too. */
	ck_assert_int_eq(sim_guest_write(&guest, 4 * PAGE, 3), 0);
	ck_assert_uint_eq(dirty(16 * PAGE, 0), 1ull << 4);
}

TEST(nothing_is_dirty_before_tracking_and_after_a_new_start)
{
	track();
	map_page(0, 1);
	ck_assert_int_eq(sim_guest_write(&guest, 0, 2), 0);
	set_tracking(1);
	ck_assert_uint_eq(dirty(0, KEEP), 0);
	ck_assert_int_eq(sim_guest_write(&guest, 0, 2), 0);
	set_tracking(1);
	ck_assert_uint_eq(dirty(0, KEEP), 0);
}

/* 6.12 reads nothing where nothing is tracked, and says that all is well. */
TEST_RANGE(what_was_dirty_can_be_read_after_the_end_in_7_3, 1, 3)
{
	restart((uint32_t)_i, 0);
	track();
	map_page(0, 1);
	set_tracking(1);
	ck_assert_int_eq(sim_guest_write(&guest, 0, 2), 0);
	set_tracking(0);
	ck_assert_uint_eq(dirty(16 * PAGE, 0),
			  _i == IOMMUNEST_SIM_LINUX_6_12 ? 0 : 1);
}

TEST(a_bit_can_stand_for_many_pages)
{
	uint32_t bits = 0;
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd),
		.flags = KEEP,
		.length = GUEST_SIZE,
		.page_size = LARGE,
		.data = (uintptr_t)&bits,
	};

	track();
	cmd.hwpt_id = guest.rig.parent;
	set_tracking(1);
	sim_guest_map(&guest, 0, 3 * LARGE + PAGE, FS_ALL);
	ck_assert_int_eq(sim_guest_write(&guest, 0, 2), 0);
	ck_assert_int_eq(
		rig_ioctl(&guest.rig, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd), 0);
	ck_assert_uint_eq(bits, 1 | 1 << 3);
	/* A bitmap that cannot be written is no error. */
	cmd.data = 8;
	ck_assert_int_eq(
		rig_ioctl(&guest.rig, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd), 0);
}

TEST(dirty_pages_after_a_hole_are_not_read)
{
	static uint8_t more[PAGE] __attribute__((aligned(4096)));
	uint64_t far = GUEST_SIZE + 8 * PAGE;

	track();
	set_tracking(1);
	ck_assert_int_eq(map_at(far, more, PAGE, guest.rig.ioas, RW), 0);
	sim_guest_map(&guest, 0, far, FS_ALL);
	ck_assert_int_eq(sim_guest_write(&guest, 0, 2), 0);
	ck_assert_uint_eq(dirty(GUEST_SIZE - 8 * PAGE, 0), 0);
	ck_assert_uint_eq(dirty(GUEST_SIZE, 0), 0);
	ck_assert_uint_eq(dirty(far, KEEP), 1);
	/* What is mapped there anew is clean. */
	unmap(guest.rig.ioas, far, PAGE);
	ck_assert_int_eq(map_at(far, more, PAGE, guest.rig.ioas, RW), 0);
	ck_assert_uint_eq(dirty(far, KEEP), 0);
}

/* ---- Any tables ---- */

#define ADDR 0x000ffffffffff000ull

/* Mostly addresses of the first pages, which all are tables. */
static uint64_t random_entry(struct support_rng *rng)
{
	uint64_t addr = support_rng_below(rng, 16) * PAGE;
	uint64_t bits = support_rng_next(rng) & 0xe62;

	if (support_rng_below(rng, 64) == 0)
		return support_rng_next(rng);
	if (support_rng_below(rng, 8) == 0)
		addr = support_rng_next(rng) % (2 * GUEST_SIZE) & ADDR;
	if (support_rng_below(rng, 4) == 0)
		bits |= FS_LARGE;
	if (support_rng_below(rng, 16) > 0)
		bits |= FS_P;
	if (support_rng_below(rng, 4) > 0)
		bits |= FS_USER;
	return addr | bits;
}

static uint64_t random_iova(struct support_rng *rng, bool five)
{
	uint64_t iova = support_rng_below(rng, 1024) * 4;
	unsigned int level;

	for (level = 0; level < (five ? 5 : 4); level++)
		iova |= (uint64_t)support_rng_below(rng, 16)
			<< (12 + 9 * level);
	if (support_rng_below(rng, 8) == 0)
		return support_rng_next(rng) & ~3ull;
	return iova;
}

struct request {
	uint64_t iova;
	bool write;
	bool privileged;
	bool wpe;
	bool five;
};

/* What the tables say: the address after stage 1, or ALL. */
static uint64_t expected(const struct request *request)
{
	uint64_t table = request->five ? PML5 : PML4, entry;
	int level = request->five ? 5 : 4;
	bool user = true, write = true;
	uint64_t mask, sign = ~0ull << (request->five ? 56 : 47);

	if ((request->iova & sign) != 0 && (request->iova & sign) != sign)
		return ALL;
	for (;; level--) {
		unsigned int shift = 12 + 9 * (unsigned int)(level - 1);
		unsigned int index = request->iova >> shift & 511;

		if (table >= GUEST_SIZE)
			return ALL;
		entry = *sim_guest_entry(&guest, table, index);
		mask = (1ull << shift) - 1;
		if (!(entry & FS_P))
			return ALL;
		user = user && entry & FS_USER;
		write = write && entry & FS_WRITE;
		if (level > 1 && entry & FS_LARGE &&
		    (level > 3 || entry & mask & ~0x1fffull))
			return ALL;
		if (level == 1 || entry & FS_LARGE)
			break;
		table = entry & ADDR;
	}
	if (!request->privileged && !user)
		return ALL;
	if (request->write && !write && (!request->privileged || request->wpe))
		return ALL;
	entry = (entry & ADDR & ~mask) | (request->iova & mask);
	return entry < GUEST_SIZE ? entry : ALL;
}

static bool check_access(struct support_rng *rng, const struct request *request)
{
	const uint64_t addr = expected(request);
	const uint32_t value = (uint32_t)support_rng_next(rng);
	uint32_t word = 0;
	int ret;

	guest.flags = request->privileged ? IOMMUNEST_SIM_DMA_PRIVILEGED : 0;
	if (request->write)
		ret = sim_guest_write(&guest, request->iova, value);
	else
		ret = sim_guest_read(&guest, request->iova, &word);
	support_assert(rng, ret == (addr == ALL ? -EFAULT : 0));
	support_assert(rng, !ret == (guest.dma.reason == 0));
	if (!ret)
		support_assert(rng, sim_guest_get(&guest, addr) ==
					    (request->write ? value : word));
	return !ret;
}

static void fill_tables(struct support_rng *rng)
{
	unsigned int page, i;

	for (page = 0; page < 16; page++) {
		for (i = 0; i < 16; i++)
			*sim_guest_entry(&guest, page * PAGE, i) =
				random_entry(rng);
	}
}

TEST(random_tables_translate_as_they_say)
{
	const uint64_t rounds = support_number("IOMMUNEST_COUNT", 400);
	struct support_rng rng;
	struct request request;
	unsigned int passed = 0;
	uint64_t round;
	int i;

	support_rng_start(&rng, "sim-dma");
	for (round = 0; round < rounds; round++) {
		request.five = support_rng_below(&rng, 2);
		request.wpe = support_rng_below(&rng, 2);
		sim_guest_nest(&guest, request.five ? PML5 : PML4,
			       request.five ? 57 : 48,
			       (request.wpe ? IOMMU_VTD_S1_WPE : 0) |
				       IOMMU_VTD_S1_SRE);
		fill_tables(&rng);
		for (i = 0; i < 20; i++) {
			request.iova = random_iova(&rng, request.five);
			request.write = support_rng_below(&rng, 2);
			request.privileged = support_rng_below(&rng, 2);
			passed += check_access(&rng, &request);
			rig_flush(&guest.rig, 0, ALL, 0);
		}
	}
	/* The tables are good enough to test anything. */
	support_assert(&rng, passed > rounds);
}
