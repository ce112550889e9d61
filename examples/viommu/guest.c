/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A small guest: what it writes to which register and table. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "guest.h"

/* Guest physical addresses. */
#define ROOT_TABLE 0x1000u
#define CONTEXT_TABLE 0x2000u
#define PASID_DIRECTORY 0x3000u
#define PASID_TABLE 0x4000u
#define PAGE_TABLE 0x5000u
#define OTHER_PAGE_TABLE 0x6000u
#define RING 0x8000u
#define STATUS 0x9000u

/* The ring: 128 descriptors of 256 bits. */
#define SLOTS 128u
#define SLOT_BYTES 32u

#define DOMAIN 7u
#define OTHER_DOMAIN 8u

/* ---- What a guest can do ---- */

static uint64_t guest_read(const struct machine *m, uint32_t offset,
			   unsigned int size)
{
	return viommu_read(&m->viommu, offset, size);
}

static int guest_write(struct machine *m, const char *name, uint32_t offset,
		       uint64_t value, unsigned int size)
{
	printf("  guest: %s = 0x%" PRIx64 "\n", name, value);
	return viommu_write(&m->viommu, offset, value, size);
}

static void poke(struct machine *m, uint64_t gpa, uint64_t word)
{
	memcpy(m->memory + gpa, &word, sizeof(word));
}

/* It never has so much queued that the ring is full. */
static void queue_quietly(struct machine *m,
			  const struct iommunest_vtd_desc *desc)
{
	memcpy(m->memory + RING + m->tail * SLOT_BYTES, desc->raw, SLOT_BYTES);
	m->tail = (m->tail + 1) % SLOTS;
}

static void queue(struct machine *m, const struct iommunest_vtd_desc *desc)
{
	char text[128];

	iommunest_vtd_desc_print(desc, text, sizeof(text));
	printf("  guest: slot %u: %s\n", m->tail, text);
	queue_quietly(m, desc);
}

static void build_flush(struct iommunest_vtd_desc *desc, uint64_t addr,
			unsigned int am)
{
	desc->size = sizeof(*desc);
	iommunest_vtd_desc_piotlb(desc, IOMMUNEST_VTD_PIOTLB_PAGES, DOMAIN, 0,
				  addr, am, IOMMUNEST_VTD_DESC_IH);
}

static void queue_flush(struct machine *m, uint64_t addr, unsigned int am)
{
	struct iommunest_vtd_desc desc;

	build_flush(&desc, addr, am);
	queue(m, &desc);
}

/* Returns its number; each has a status word of its own. */
static unsigned int queue_wait(struct machine *m)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	unsigned int wait = m->waits++;

	iommunest_vtd_desc_wait(&desc, IOMMUNEST_VTD_DESC_SW, STATUS + 4 * wait,
				1);
	queue(m, &desc);
	return wait;
}

static void queue_pasid_cache(struct machine *m, uint16_t did)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	iommunest_vtd_desc_pasid_cache(&desc, IOMMUNEST_VTD_PASID_CACHE_PASID,
				       did, 0);
	queue(m, &desc);
}

/* The doorbell. */
static int kick(struct machine *m)
{
	return guest_write(m, "IQT", REG_IQT, m->tail * SLOT_BYTES, 4);
}

static void show_queue(const struct machine *m)
{
	const uint64_t fsts = guest_read(m, REG_FSTS, 4);

	printf("  guest reads: IQH 0x%" PRIx64 ", FSTS 0x%" PRIx64,
	       guest_read(m, REG_IQH, 8), fsts);
	if (fsts)
		printf(", IQERCD 0x%" PRIx64, guest_read(m, REG_IQERCD, 8));
	putchar('\n');
}

static void show_status(const struct machine *m, unsigned int wait)
{
	uint32_t status;

	memcpy(&status, m->memory + STATUS + 4 * wait, sizeof(status));
	printf("  guest reads: wait %u is %s\n", wait,
	       status ? "done" : "not done");
}

static int kick_and_wait(struct machine *m)
{
	unsigned int wait = queue_wait(m);
	int ret = kick(m);

	show_status(m, wait);
	return ret;
}

/*
 * Writes the PASID-table entry, in an order in which it becomes present last,
 * and tells the IOMMU.  Four levels.
 */
static int set_entry(struct machine *m, unsigned int pgtt, uint16_t did,
		     uint64_t root)
{
	poke(m, PASID_TABLE, 0);
	poke(m, PASID_TABLE + 16, root);
	poke(m, PASID_TABLE + 8, did);
	poke(m, PASID_TABLE, (uint64_t)pgtt << 6 | 1);
	printf("  guest: PASID-table entry: type %u, domain id %u, root "
	       "0x%" PRIx64 "\n",
	       pgtt, did, root);
	queue_pasid_cache(m, did);
	return kick_and_wait(m);
}

/* As its driver does after the fault event: reads it, and clears it. */
static int read_fault(struct machine *m)
{
	printf("  guest reads: FSTS 0x%" PRIx64 ", fault reason 0x%" PRIx64
	       ", source id 0x%" PRIx64 "\n",
	       guest_read(m, REG_FSTS, 4),
	       guest_read(m, REG_FRCD + 12, 4) & 0xff,
	       guest_read(m, REG_FRCD + 8, 4) & 0xffff);
	return guest_write(m, "FRCD", REG_FRCD + 12, FRCD_F, 4);
}

/* ---- What it does ---- */

static int look_around(struct machine *m)
{
	printf("  guest reads: VER 0x%" PRIx64 ", CAP 0x%" PRIx64
	       ", ECAP 0x%" PRIx64 "\n",
	       guest_read(m, REG_VER, 4), guest_read(m, REG_CAP, 8),
	       guest_read(m, REG_ECAP, 8));
	return 0;
}

/* As Linux does it. */
static int set_up_queue(struct machine *m)
{
	int ret;

	ret = guest_write(m, "IQT", REG_IQT, 0, 4);
	if (!ret)
		ret = guest_write(m, "IQA", REG_IQA,
				  RING | IOMMUNEST_VTD_IQA_DW, 8);
	if (!ret)
		ret = guest_write(m, "GCMD", REG_GCMD, GCMD_QIE, 4);
	printf("  guest reads: GSTS 0x%" PRIx64 "\n",
	       guest_read(m, REG_GSTS, 4));
	return ret;
}

/* Caches are flushed after SRTP; there is no PASID-table entry yet. */
static int set_root_table(struct machine *m)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	int ret;

	poke(m, ROOT_TABLE, CONTEXT_TABLE | 1);
	poke(m, CONTEXT_TABLE + VIOMMU_SID * 32, PASID_DIRECTORY | 1);
	poke(m, PASID_DIRECTORY, PASID_TABLE | 1);
	ret = guest_write(m, "RTADDR", REG_RTADDR,
			  ROOT_TABLE | RTADDR_TTM_SCALABLE, 8);
	if (!ret)
		ret = guest_write(m, "GCMD", REG_GCMD, GCMD_QIE | GCMD_SRTP, 4);
	if (ret)
		return ret;
	iommunest_vtd_desc_context_cache(&desc, IOMMUNEST_VTD_CONTEXT_GLOBAL, 0,
					 0, 0);
	queue(m, &desc);
	iommunest_vtd_desc_pasid_cache(&desc, IOMMUNEST_VTD_PASID_CACHE_GLOBAL,
				       0, 0);
	queue(m, &desc);
	iommunest_vtd_desc_iotlb(&desc, IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0, 0);
	queue(m, &desc);
	ret = kick_and_wait(m);
	if (!ret)
		ret = guest_write(m, "GCMD", REG_GCMD, GCMD_QIE | GCMD_TE, 4);
	printf("  guest reads: GSTS 0x%" PRIx64 "\n",
	       guest_read(m, REG_GSTS, 4));
	return ret;
}

static int attach_device(struct machine *m)
{
	return set_entry(m, IOMMUNEST_VTD_PGTT_FIRST_STAGE, DOMAIN, PAGE_TABLE);
}

/* Two blocks of pages, and the device TLB of each: one ioctl. */
static int flush(struct machine *m)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	int ret;

	queue_flush(m, 0x200000, 0);
	iommunest_vtd_desc_dev_tlb(&desc, VIOMMU_SID, 0, 0, 0x200000, 0);
	queue(m, &desc);
	queue_flush(m, 0x40000000, 9);
	ret = kick_and_wait(m);
	show_queue(m);
	return ret;
}

/* What is left when the write returns is the main loop's. */
static int queue_much(struct machine *m)
{
	struct iommunest_vtd_desc desc;
	uint32_t first = m->tail;
	unsigned int i;

	for (i = 0; i < VIOMMU_BUDGET; i++) {
		build_flush(&desc, (uint64_t)i << 12, 0);
		queue_quietly(m, &desc);
	}
	printf("  guest: slots %u to %u: flushes\n", first, m->tail - 1);
	return kick_and_wait(m);
}

static int look_again(struct machine *m)
{
	show_status(m, m->waits - 1);
	return 0;
}

/* The wait before the mistake completes, the one after it does not. */
static int make_a_mistake(struct machine *m)
{
	const uint64_t words[4] = { 0xf, 0, 0, 0 };
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	unsigned int before, after;
	uint32_t bad;
	int ret;

	queue_flush(m, 0x201000, 0);
	before = queue_wait(m);
	bad = m->tail;
	iommunest_vtd_desc_decode(&desc, words, 256,
				  IOMMUNEST_VTD_TTM_SCALABLE);
	queue(m, &desc);
	after = queue_wait(m);
	ret = kick(m);
	show_queue(m);
	show_status(m, before);
	show_status(m, after);
	if (ret)
		return ret;
	iommunest_vtd_desc_piotlb(&desc, IOMMUNEST_VTD_PIOTLB_ALL, DOMAIN, 0, 0,
				  0, 0);
	memcpy(m->memory + RING + bad * SLOT_BYTES, desc.raw, SLOT_BYTES);
	ret = guest_write(m, "FSTS", REG_FSTS, IOMMUNEST_VTD_FSTS_IQE, 4);
	show_queue(m);
	show_status(m, after);
	return ret;
}

/* The second entry from now on fails once: the guest need not know. */
static int survive_host_failure(struct machine *m)
{
	const struct iommunest_sim_fault fault = {
		.size = sizeof(fault),
		.kind = IOMMUNEST_SIM_FAIL_ENTRY,
		.error = -EIO,
		.nth = 2,
	};
	unsigned int first, second;
	int ret;

	ret = iommunest_sim_inject(m->sim, &fault);
	if (ret)
		return ret;
	queue_flush(m, 0x300000, 0);
	first = queue_wait(m);
	queue_flush(m, 0x301000, 0);
	second = queue_wait(m);
	ret = kick(m);
	show_queue(m);
	show_status(m, first);
	show_status(m, second);
	return ret;
}

/* It is pending while it is masked. */
static int wait_for_an_interrupt(struct machine *m)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	int ret;

	ret = guest_write(m, "IEADDR", REG_IEADDR, 0xfee00000, 8);
	if (!ret)
		ret = guest_write(m, "IEDATA", REG_IEDATA, 0x31, 4);
	if (ret)
		return ret;
	queue_flush(m, 0x400000, 0);
	iommunest_vtd_desc_wait(&desc, IOMMUNEST_VTD_DESC_IF, 0, 0);
	queue(m, &desc);
	ret = kick(m);
	printf("  guest reads: ICS 0x%" PRIx64 ", IECTL 0x%" PRIx64 "\n",
	       guest_read(m, REG_ICS, 4), guest_read(m, REG_IECTL, 4));
	if (!ret)
		ret = guest_write(m, "IECTL", REG_IECTL, 0, 4);
	if (!ret)
		ret = guest_write(m, "ICS", REG_ICS, ICS_IWC, 4);
	return ret;
}

/* As Windows does it: the tail is there before the queue is enabled. */
static int restart_queue(struct machine *m)
{
	unsigned int wait;
	int ret;

	ret = guest_write(m, "GCMD", REG_GCMD, GCMD_TE, 4);
	m->tail = 0;
	queue_flush(m, 0x500000, 0);
	wait = queue_wait(m);
	if (!ret)
		ret = kick(m);
	show_status(m, wait);
	if (!ret)
		ret = guest_write(m, "GCMD", REG_GCMD, GCMD_TE | GCMD_QIE, 4);
	show_queue(m);
	show_status(m, wait);
	return ret;
}

/*
 * Another domain id, and another page table: its flushes go to another HWPT
 * from here on.
 */
static int change_in_place(struct machine *m)
{
	return set_entry(m, IOMMUNEST_VTD_PGTT_FIRST_STAGE, OTHER_DOMAIN,
			 OTHER_PAGE_TABLE);
}

static int pass_through(struct machine *m)
{
	return set_entry(m, IOMMUNEST_VTD_PGTT_PASS_THROUGH, DOMAIN, 0);
}

/* It has no second stage, as it was told. */
static int ask_too_much(struct machine *m)
{
	int ret;

	ret = set_entry(m, IOMMUNEST_VTD_PGTT_NESTED, DOMAIN, PAGE_TABLE);
	return ret ? ret : read_fault(m);
}

static int attach_again(struct machine *m)
{
	return set_entry(m, IOMMUNEST_VTD_PGTT_FIRST_STAGE, DOMAIN, PAGE_TABLE);
}

/* Neither the entry nor all in its place, and then it can again. */
static int lose_the_device(struct machine *m)
{
	const struct iommunest_sim_fault fault = {
		.size = sizeof(fault),
		.kind = IOMMUNEST_SIM_FAIL_ENTRY,
		.error = -EIO,
		.nth = 1,
		.repeat = 2,
	};
	int ret;

	ret = iommunest_sim_inject(m->sim, &fault);
	if (ret)
		return ret;
	queue_flush(m, 0x600000, 0);
	ret = kick_and_wait(m);
	return ret ? ret : read_fault(m);
}

static int get_it_back(struct machine *m)
{
	queue_pasid_cache(m, DOMAIN);
	return kick_and_wait(m);
}

static int unplug_device(struct machine *m)
{
	int ret;

	ret = machine_unplug(m);
	if (ret)
		return ret;
	queue_flush(m, 0x700000, 0);
	return kick_and_wait(m);
}

static int detach_device(struct machine *m)
{
	poke(m, PASID_TABLE, 0);
	queue_pasid_cache(m, DOMAIN);
	return kick_and_wait(m);
}

static int turn_translation_off(struct machine *m)
{
	return guest_write(m, "GCMD", REG_GCMD, GCMD_QIE, 4);
}

const struct guest_step guest_steps[] = {
	{ "A device is plugged in", machine_plug },
	{ "The guest looks at what it has", look_around },
	{ "It sets up its queue", set_up_queue },
	{ "It sets its root table, and turns translation on", set_root_table },
	{ "It gives its device a page table", attach_device },
	{ "It invalidates, and waits", flush },
	{ "It queues more than a vCPU's write handles", queue_much },
	{ "It looks again", look_again },
	{ "It makes a mistake, and fixes it", make_a_mistake },
	{ "The host fails, and the guest notices nothing",
	  survive_host_failure },
	{ "It waits for an interrupt", wait_for_an_interrupt },
	{ "It changes its entry in place", change_in_place },
	{ "It asks for pass-through", pass_through },
	{ "It asks for what it was not shown", ask_too_much },
	{ "It gives its device a page table again", attach_again },
	{ "The host keeps failing, and the device is cut off",
	  lose_the_device },
	{ "It invalidates the entry, and has its device back", get_it_back },
	{ "The device is unplugged", unplug_device },
	{ "It is plugged in again", machine_plug },
	{ "The guest starts its queue anew, with the tail first",
	  restart_queue },
	{ "It takes the page table away again", detach_device },
	{ "It turns translation off", turn_translation_off },
};
const size_t n_guest_steps = sizeof(guest_steps) / sizeof(guest_steps[0]);
