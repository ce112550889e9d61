/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "tests/harness/sim-guest.h"

#include <check.h>
#include <string.h>
#include <sys/mman.h>

/* Begins where a page of 2 MiB can. */
static uint8_t *new_memory(void)
{
	const uintptr_t large = 2u << 20;
	uint8_t *memory = mmap(NULL, GUEST_SIZE + large, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	ck_assert_ptr_ne(memory, MAP_FAILED);
	before = (size_t)(-(uintptr_t)memory & (large - 1));
	if (before > 0)
		munmap(memory, before);
	munmap(memory + before + GUEST_SIZE, large - before);
	return memory + before;
}

static void map_memory(const struct sim_guest *guest)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = guest->rig.ioas,
		.user_va = (uintptr_t)guest->memory,
		.length = GUEST_SIZE,
	};

	ck_assert_int_eq(rig_ioctl(&guest->rig, IOMMU_IOAS_MAP, &cmd), 0);
}

void sim_guest_nest(struct sim_guest *guest, uint64_t pgtbl_addr,
		    uint32_t addr_width, uint64_t flags)
{
	struct rig *rig = &guest->rig;
	struct iommu_hwpt_vtd_s1 s1 = {
		.flags = flags,
		.pgtbl_addr = pgtbl_addr,
		.addr_width = addr_width,
	};
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = rig->dev,
		.pt_id = rig->parent,
		.data_type = IOMMU_HWPT_DATA_VTD_S1,
		.data_len = sizeof(s1),
		.data_uptr = (uintptr_t)&s1,
	};

	ck_assert_int_eq(rig_ioctl(rig, IOMMU_HWPT_ALLOC, &cmd), 0);
	rig->nested = cmd.out_hwpt_id;
	rig_attach(rig, rig->dev, rig->nested);
}

void sim_guest_open(struct sim_guest *guest, uint32_t profile,
		    uint32_t dev_flags)
{
	memset(guest, 0, sizeof(*guest));
	rig_open(&guest->rig, profile, 0, dev_flags);
	guest->memory = new_memory();
	map_memory(guest);
	*sim_guest_entry(guest, PML5, 0) = PML4 | FS_ALL;
	*sim_guest_entry(guest, PML4, 0) = PDPT | FS_ALL;
	*sim_guest_entry(guest, PDPT, 0) = PD | FS_ALL;
	*sim_guest_entry(guest, PD, 0) = PT | FS_ALL;
	sim_guest_nest(guest, PML4, 48, 0);
}

void sim_guest_close(struct sim_guest *guest)
{
	rig_close(&guest->rig);
	munmap(guest->memory, GUEST_SIZE);
}

uint64_t *sim_guest_entry(const struct sim_guest *guest, uint64_t table,
			  unsigned int index)
{
	return (uint64_t *)(void *)(guest->memory + table) + index;
}

void sim_guest_map(const struct sim_guest *guest, unsigned int page,
		   uint64_t addr, uint64_t bits)
{
	*sim_guest_entry(guest, PT, page) = addr | bits;
}

void sim_guest_put(const struct sim_guest *guest, uint64_t addr, uint32_t word)
{
	memcpy(guest->memory + addr, &word, sizeof(word));
}

uint32_t sim_guest_get(const struct sim_guest *guest, uint64_t addr)
{
	uint32_t word;

	memcpy(&word, guest->memory + addr, sizeof(word));
	return word;
}

static void prepare(struct sim_guest *guest, uint64_t iova)
{
	memset(&guest->dma, 0, sizeof(guest->dma));
	guest->dma.size = sizeof(guest->dma);
	guest->dma.dev_id = guest->rig.dev;
	guest->dma.flags = guest->flags;
	guest->dma.iova = iova;
}

int sim_guest_read(struct sim_guest *guest, uint64_t iova, uint32_t *word)
{
	prepare(guest, iova);
	return iommunest_sim_dma_read(guest->rig.sim, guest->rig.fd,
				      &guest->dma, word, sizeof(*word));
}

int sim_guest_write(struct sim_guest *guest, uint64_t iova, uint32_t word)
{
	prepare(guest, iova);
	return iommunest_sim_dma_write(guest->rig.sim, guest->rig.fd,
				       &guest->dma, &word, sizeof(word));
}

void sim_guest_reads(struct sim_guest *guest, uint64_t iova, uint32_t word)
{
	uint32_t got = 0;
	int ret = sim_guest_read(guest, iova, &got);

	ck_assert_msg(ret == 0, "%d, reason %u", ret, guest->dma.reason);
	ck_assert_uint_eq(got, word);
}

void sim_guest_cannot_read(struct sim_guest *guest, uint64_t iova,
			   uint32_t reason)
{
	uint32_t word;

	ck_assert_int_eq(sim_guest_read(guest, iova, &word), -EFAULT);
	ck_assert_uint_eq(guest->dma.reason, reason);
	ck_assert_uint_eq(guest->dma.done, 0);
}

void sim_guest_cannot_write(struct sim_guest *guest, uint64_t iova,
			    uint32_t reason)
{
	ck_assert_int_eq(sim_guest_write(guest, iova, 1), -EFAULT);
	ck_assert_uint_eq(guest->dma.reason, reason);
	ck_assert_uint_eq(guest->dma.done, 0);
}
