/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <config.h>

#include "guest.h"

#include "tests/harness/support.h"
#include "tests/vm/real.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VTD UINT64_C(0xfed90000)

/* Guest physical addresses. */
#define ROOT UINT64_C(0x100000)
#define CONTEXTS UINT64_C(0x101000)
#define STATUS UINT64_C(0x102000)
#define CONTEXTS_BEHIND_PORT UINT64_C(0x103000)
#define RING UINT64_C(0x200000)
/* Of a device: a directory of two tables, and the first; the second one. */
#define PASIDS UINT64_C(0x300000)
#define MORE_PASIDS UINT64_C(0x380000)
#define TABLE_ENTRIES 64u

/* Where the kernel was asked to say so, and can. */
bool guest_host_has_pasids(void)
{
	char line[1024] = "";
	FILE *file = fopen("/proc/cmdline", "r");

	if (!file)
		return false;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	return real_kernel() != CONF_LINUX_6_12 &&
	       strstr(line, "pci_test_pasid=0000:00:02.0");
}

uint64_t guest_reg(struct guest *guest, uint32_t reg, unsigned int size)
{
	return qtest_read(guest->qtest, size, VTD + reg);
}

void guest_set_reg(struct guest *guest, uint32_t reg, unsigned int size,
		   uint64_t value)
{
	qtest_write(guest->qtest, size, VTD + reg, value);
}

void guest_end(struct guest *guest)
{
	free(guest->ring);
	qtest_end(guest->qtest);
}

static void command(struct guest *guest, uint32_t bit)
{
	guest_set_reg(guest, GUEST_REG_GCMD, 4, guest->status | bit);
	guest->status |= bit & ~GUEST_SRTP;
	ck_assert(guest_reg(guest, GUEST_REG_GSTS, 4) & bit);
}

static uint64_t directory_of(unsigned int slot)
{
	return PASIDS + slot * UINT64_C(0x2000);
}

static void flip(struct guest *guest, uint64_t at, uint64_t bits)
{
	qtest_write(guest->qtest, 8, at,
		    qtest_read(guest->qtest, 8, at) ^ bits);
}

void guest_flip_root(struct guest *guest, uint64_t bits)
{
	flip(guest, ROOT, bits);
}

static uint64_t context_of(unsigned int slot)
{
	return slot == GUEST_BEHIND_PORT ? CONTEXTS_BEHIND_PORT
					 : CONTEXTS + slot * UINT64_C(8 * 32);
}

void guest_flip_context(struct guest *guest, unsigned int slot, uint64_t word0,
			uint64_t word1)
{
	flip(guest, context_of(slot), word0);
	flip(guest, context_of(slot) + 8, word1);
}

static uint64_t second_table_of(unsigned int slot)
{
	return MORE_PASIDS + slot * UINT64_C(0x1000);
}

void guest_set_raw_pasid(struct guest *guest, unsigned int slot, uint32_t pasid,
			 const uint64_t words[3])
{
	const uint64_t entry[8] = { words[0], words[1], words[2] };
	uint64_t table = pasid < TABLE_ENTRIES ? directory_of(slot) + 0x1000
					       : second_table_of(slot);

	ck_assert_uint_lt(pasid, GUEST_PASIDS);
	qtest_write_memory(guest->qtest,
			   table + pasid % TABLE_ENTRIES * sizeof(entry), entry,
			   sizeof(entry));
}

void guest_set_pasid(struct guest *guest, unsigned int slot, uint32_t pasid,
		     uint16_t did, uint64_t root)
{
	const uint64_t words[3] = {
		did ? IOMMUNEST_VTD_PGTT_FIRST_STAGE << 6 | 1 : 0, did, root
	};

	guest_set_raw_pasid(guest, slot, pasid, words);
}

void guest_set_raw_entry(struct guest *guest, unsigned int slot, uint64_t word0,
			 uint64_t word1, uint64_t word2)
{
	const uint64_t words[3] = { word0, word1, word2 };

	guest_set_raw_pasid(guest, slot, 0, words);
}

void guest_set_entry(struct guest *guest, unsigned int slot, uint16_t did,
		     uint64_t root)
{
	guest_set_pasid(guest, slot, 0, did, root);
}

static void set_context(struct guest *guest, unsigned int slot)
{
	const uint64_t entry[4] = { directory_of(slot) | 1 };
	const uint64_t tables[2] = { (directory_of(slot) + 0x1000) | 1,
				     second_table_of(slot) | 1 };

	qtest_write_memory(guest->qtest, context_of(slot), entry,
			   sizeof(entry));
	qtest_write_memory(guest->qtest, directory_of(slot), tables,
			   sizeof(tables));
}

void guest_repeat_table(struct guest *guest, unsigned int slot,
			unsigned int count)
{
	while (count--)
		qtest_write(guest->qtest, 8, directory_of(slot) + count * 8,
			    (directory_of(slot) + 0x1000) | 1);
}

static void disable_queue(struct guest *guest)
{
	guest->status &= ~GUEST_QIE;
	guest_set_reg(guest, GUEST_REG_GCMD, 4, guest->status);
	ck_assert(!(guest_reg(guest, GUEST_REG_GSTS, 4) & GUEST_QIE));
}

void guest_set_ring(struct guest *guest, uint64_t iqa)
{
	bool wide = iqa & IOMMUNEST_VTD_IQA_DW;

	ck_assert_uint_eq(guest->pending, 0);
	if (guest->status & GUEST_QIE)
		disable_queue(guest);
	guest->slots = (wide ? 128u : 256u) << (iqa & IOMMUNEST_VTD_IQA_QS);
	guest->slot_bytes = wide ? 32 : 16;
	guest->tail = 0;
	free(guest->ring);
	guest->ring = calloc(guest->slots, guest->slot_bytes);
	ck_assert_ptr_nonnull(guest->ring);
	guest_set_reg(guest, GUEST_REG_IQT, 8, 0);
	guest_set_reg(guest, GUEST_REG_IQA, 8, RING | iqa);
	command(guest, GUEST_QIE);
}

void guest_init(struct guest *guest, struct qtest *qtest, unsigned int qs)
{
	/* Of two buses, the lower half of each. */
	const uint64_t root[3] = { CONTEXTS | 1, 0, CONTEXTS_BEHIND_PORT | 1 };
	unsigned int slot;

	*guest = (struct guest){ .qtest = qtest };
	qtest_write_memory(qtest, ROOT, root, sizeof(root));
	for (slot = 0; slot < 16; slot++)
		set_context(guest, slot);
	set_context(guest, GUEST_BEHIND_PORT);
	guest_set_ring(guest, IOMMUNEST_VTD_IQA_DW | qs);
	guest_set_root(guest, 1);
}

void guest_set_root(struct guest *guest, unsigned int ttm)
{
	guest_set_reg(guest, GUEST_REG_RTADDR, 8, ROOT | ttm << 10);
	command(guest, GUEST_SRTP);
}

void guest_translate(struct guest *guest, bool on)
{
	if (on) {
		command(guest, GUEST_TE);
		return;
	}
	guest->status &= ~GUEST_TE;
	guest_set_reg(guest, GUEST_REG_GCMD, 4, guest->status);
	ck_assert(!(guest_reg(guest, GUEST_REG_GSTS, 4) & GUEST_TE));
}

uint64_t guest_take_fault(struct guest *guest)
{
	const uint64_t f = UINT64_C(1) << 63;
	uint64_t cap = guest_reg(guest, GUEST_REG_CAP, 8);
	uint32_t at = (uint32_t)(cap >> 24 & 0x3ff) * 16 + 8;
	uint64_t high = guest_reg(guest, at, 8);

	if (!(high & f))
		return 0;
	guest_set_reg(guest, at, 8, f);
	return high;
}

void guest_queue(struct guest *guest, const struct iommunest_vtd_desc *desc)
{
	/* A full ring looks like an empty one. */
	ck_assert_uint_lt(++guest->pending, guest->slots);
	memcpy(&guest->ring[guest->tail * guest->slot_bytes], desc->raw,
	       guest->slot_bytes);
	guest->tail = (guest->tail + 1) % guest->slots;
}

/* Up to the end of the ring, and the rest from its beginning. */
void guest_write_queue(struct guest *guest)
{
	uint32_t count, first;

	while (guest->pending) {
		first = (guest->tail + guest->slots - guest->pending) %
			guest->slots;
		count = guest->slots - first;
		if (count > guest->pending)
			count = guest->pending;
		qtest_write_memory(guest->qtest,
				   RING + first * guest->slot_bytes,
				   &guest->ring[first * guest->slot_bytes],
				   count * guest->slot_bytes);
		guest->pending -= count;
	}
}

void guest_queue_piotlb(struct guest *guest, uint16_t did, uint64_t addr,
			unsigned int am, bool leaf)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	ck_assert_int_eq(iommunest_vtd_desc_piotlb(
				 &desc, IOMMUNEST_VTD_PIOTLB_PAGES, did, 0,
				 addr, am, leaf ? IOMMUNEST_VTD_DESC_IH : 0),
			 0);
	guest_queue(guest, &desc);
}

void guest_queue_pasid_flush(struct guest *guest, uint16_t did, uint32_t pasid,
			     uint64_t addr)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	ck_assert_int_eq(iommunest_vtd_desc_piotlb(&desc,
						   IOMMUNEST_VTD_PIOTLB_PAGES,
						   did, pasid, addr, 0, 0),
			 0);
	guest_queue(guest, &desc);
}

void guest_queue_pasid_cache_of(struct guest *guest, uint16_t did,
				uint32_t pasid)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	ck_assert_int_eq(iommunest_vtd_desc_pasid_cache(
				 &desc, IOMMUNEST_VTD_PASID_CACHE_PASID, did,
				 pasid),
			 0);
	guest_queue(guest, &desc);
}

void guest_queue_pasid_cache(struct guest *guest, uint16_t did)
{
	guest_queue_pasid_cache_of(guest, did, 0);
}

bool guest_is_done(struct guest *guest)
{
	return qtest_read(guest->qtest, 4, STATUS) == guest->waits;
}

void guest_ring_doorbell(struct guest *guest)
{
	guest_write_queue(guest);
	guest_set_reg(guest, GUEST_REG_IQT, 8,
		      (uint64_t)guest->tail * guest->slot_bytes);
}

bool guest_kick(struct guest *guest)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	unsigned int tries;

	iommunest_vtd_desc_wait(&desc, IOMMUNEST_VTD_DESC_SW, STATUS,
				++guest->waits);
	guest_queue(guest, &desc);
	guest_ring_doorbell(guest);
	/* What is left of a long queue is done beside the guest. */
	for (tries = 0; tries < 1000; tries++) {
		if (guest_is_done(guest))
			return true;
		if (guest_reg(guest, GUEST_REG_FSTS, 4))
			return false;
	}
	return false;
}
