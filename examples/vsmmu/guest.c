/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A small guest: what it writes to which register and table. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "guest.h"

/* Guest physical addresses. */
#define L1_TABLE 0x1000u
#define L2_TABLE 0x2000u
#define CONTEXT 0x3000u
#define OTHER_CONTEXT 0x4000u
#define RING 0x6000u
#define EVENTS 0x8000u

/* 2^12 streams, 2^6 of them in a table of the second level. */
#define STRTAB_CFG (1u << 16 | 6u << 6 | 12u)
#define SPAN 7u

/* The ring: 256 commands. */
#define RING_BITS VSMMU_QUEUE_BITS
#define SLOTS (1u << RING_BITS)
#define EVENT_BITS 2u

#define ASID 7u

/* ---- What a guest can do ---- */

static uint32_t guest_read(const struct machine *m, uint32_t offset)
{
	return (uint32_t)vsmmu_read(&m->vsmmu, offset, 4);
}

static int guest_write(struct machine *m, const char *name,
		       uint32_t offset, uint64_t value, unsigned int size)
{
	printf("  guest: %s = 0x%" PRIx64 "\n", name, value);
	return vsmmu_write(&m->vsmmu, offset, value, size);
}

static void poke(struct machine *m, uint64_t gpa, uint64_t word)
{
	word = htole64(word);
	memcpy(m->memory + gpa, &word, sizeof(word));
}

static uint32_t slot_of(uint32_t prod)
{
	return prod & (SLOTS - 1);
}

static void put(struct machine *m, uint32_t slot,
		const struct iommunest_smmuv3_entry *entry)
{
	memcpy(m->memory + RING + slot * sizeof(*entry), entry,
	       sizeof(*entry));
}

/* It never has so much queued that the ring is full.  Returns the slot. */
static uint32_t queue_quietly(struct machine *m,
			      const struct iommunest_smmuv3_entry *entry)
{
	uint32_t slot = slot_of(m->prod);

	put(m, slot, entry);
	m->prod = (m->prod + 1) & (2 * SLOTS - 1);
	return slot;
}

static uint32_t queue(struct machine *m,
		      const struct iommunest_smmuv3_entry *entry)
{
	struct iommunest_smmuv3_cmd cmd =
		IOMMUNEST_INIT(struct iommunest_smmuv3_cmd);
	char text[128];

	iommunest_smmuv3_cmd_decode(&cmd, entry);
	iommunest_smmuv3_cmd_print(&cmd, text, sizeof(text));
	printf("  guest: slot %u: %s\n", slot_of(m->prod), text);
	return queue_quietly(m, entry);
}

static void queue_cmd(struct machine *m,
		      const struct iommunest_smmuv3_cmd *cmd)
{
	struct iommunest_smmuv3_entry entry;

	iommunest_smmuv3_cmd_encode(cmd, &entry);
	queue(m, &entry);
}

static void queue_flush(struct machine *m, uint64_t addr)
{
	struct iommunest_smmuv3_entry entry;

	iommunest_smmuv3_tlbi_nh_va(&entry, ASID, addr, true);
	queue(m, &entry);
}

static void build_sync(struct iommunest_smmuv3_entry *entry, uint64_t addr,
		       uint32_t data)
{
	const struct iommunest_smmuv3_cmd cmd = {
		.size = sizeof(cmd),
		.opcode = IOMMUNEST_SMMUV3_SYNC,
		.signal = IOMMUNEST_SMMUV3_SIGNAL_IRQ,
		.addr = addr,
		.msi_data = data,
	};

	iommunest_smmuv3_cmd_encode(&cmd, entry);
}

/* As Linux has it: its MSI overwrites the command itself.  Returns the
 * slot. */
static uint32_t queue_sync(struct machine *m)
{
	struct iommunest_smmuv3_entry entry;

	build_sync(&entry,
		   RING + (uint64_t)slot_of(m->prod) * sizeof(entry), 0);
	return queue(m, &entry);
}

static void show_sync(const struct machine *m, uint32_t slot)
{
	uint32_t word;

	memcpy(&word, m->memory + RING + slot * 16, sizeof(word));
	printf("  guest reads: the sync in slot %u is %s\n", slot,
	       word ? "not done" : "done");
}

static void show_queue(const struct machine *m)
{
	printf("  guest reads: CMDQ_CONS 0x%x, GERROR 0x%x\n",
	       guest_read(m, REG_CMDQ_CONS), guest_read(m, REG_GERROR));
}

/* The doorbell. */
static int kick(struct machine *m)
{
	return guest_write(m, "CMDQ_PROD", REG_CMDQ_PROD, m->prod, 4);
}

static int kick_and_sync(struct machine *m)
{
	uint32_t slot = queue_sync(m);
	int ret = kick(m);

	show_sync(m, slot);
	return ret;
}

/* As its driver does after the interrupt. */
static int read_events(struct machine *m)
{
	const uint32_t mask = (2u << EVENT_BITS) - 1;
	const uint32_t prod = guest_read(m, REG_PAGE1 + REG_EVENTQ_PROD);
	uint32_t cons = guest_read(m, REG_PAGE1 + REG_EVENTQ_CONS);
	uint64_t word;

	for (; (cons ^ prod) & mask; cons = (cons + 1) & mask) {
		memcpy(&word,
		       m->memory + EVENTS +
			       (cons & (mask >> 1)) *
				       IOMMUNEST_SMMUV3_EVENT_LEN,
		       sizeof(word));
		word = le64toh(word);
		printf("  guest reads: %s of stream 0x%x\n",
		       iommunest_smmuv3_event_name(word & 0xff),
		       (unsigned int)(word >> 32));
	}
	return guest_write(m, "EVENTQ_CONS", REG_PAGE1 + REG_EVENTQ_CONS,
			   cons | (prod & EVENTQ_OVERFLOW), 4);
}

/* ---- Its stream table ---- */

static void queue_ste(struct machine *m)
{
	const struct iommunest_smmuv3_cmd cmd = {
		.size = sizeof(cmd),
		.opcode = IOMMUNEST_SMMUV3_CFGI_STE,
		.flags = IOMMUNEST_SMMUV3_CMD_LEAF,
		.sid = VSMMU_SID,
	};

	queue_cmd(m, &cmd);
}

/* In an order in which the entry becomes valid last. */
static int set_ste(struct machine *m, unsigned int config,
		   uint64_t context)
{
	const uint32_t ste = L2_TABLE + VSMMU_SID * 64;

	poke(m, ste, 0);
	/* No STALL; EATS is 0. */
	poke(m, ste + 8, 0);
	poke(m, ste, context | config << 1 | 1);
	printf("  guest: stream table entry: config %u, context "
	       "descriptor "
	       "0x%" PRIx64 "\n",
	       config, context);
	queue_ste(m);
	return kick_and_sync(m);
}

/* ---- What it does ---- */

static int look_around(struct machine *m)
{
	printf("  guest reads: IDR0 0x%x, IDR1 0x%x, IDR3 0x%x, IDR5 "
	       "0x%x\n",
	       guest_read(m, REG_IDR0), guest_read(m, REG_IDR1),
	       guest_read(m, REG_IDR3), guest_read(m, REG_IDR5));
	return 0;
}

/* What its device does before it has a stream table: nothing. */
static int block_dma(struct machine *m)
{
	int ret;

	ret = guest_write(m, "CR0", REG_CR0, 0, 4);
	if (!ret)
		ret = guest_write(m, "GBPA", REG_GBPA,
				  GBPA_UPDATE | GBPA_ABORT, 4);
	return ret;
}

static void queue_all_stes(struct machine *m)
{
	const struct iommunest_smmuv3_cmd cmd = {
		.size = sizeof(cmd),
		.opcode = IOMMUNEST_SMMUV3_CFGI_STE_RANGE,
		.log2 = 31,
	};

	queue_cmd(m, &cmd);
}

static int set_up_queues(struct machine *m)
{
	struct iommunest_smmuv3_entry entry;
	int ret;

	poke(m, L1_TABLE, L2_TABLE | SPAN);
	ret = guest_write(m, "STRTAB_BASE", REG_STRTAB_BASE, L1_TABLE, 8);
	if (!ret)
		ret = guest_write(m, "STRTAB_BASE_CFG",
				  REG_STRTAB_BASE_CFG, STRTAB_CFG, 4);
	if (!ret)
		ret = guest_write(m, "CMDQ_BASE", REG_CMDQ_BASE,
				  RING | RING_BITS, 8);
	if (!ret)
		ret = guest_write(m, "CMDQ_PROD", REG_CMDQ_PROD, 0, 4);
	if (!ret)
		ret = guest_write(m, "CMDQ_CONS", REG_CMDQ_CONS, 0, 4);
	if (!ret)
		ret = guest_write(m, "CR0", REG_CR0, CR0_CMDQEN, 4);
	if (ret)
		return ret;
	queue_all_stes(m);
	ret = kick_and_sync(m);
	iommunest_smmuv3_tlbi_nsnh_all(&entry);
	queue(m, &entry);
	return ret ? ret : kick_and_sync(m);
}

static int set_up_events(struct machine *m)
{
	int ret;

	ret = guest_write(m, "EVENTQ_BASE", REG_EVENTQ_BASE,
			  EVENTS | EVENT_BITS, 8);
	if (!ret)
		ret = guest_write(m, "EVENTQ_IRQ_CFG0",
				  REG_EVENTQ_IRQ_CFG0, DOORBELL, 8);
	if (!ret)
		ret = guest_write(m, "EVENTQ_IRQ_CFG1",
				  REG_EVENTQ_IRQ_CFG1, 1, 4);
	if (!ret)
		ret = guest_write(m, "GERROR_IRQ_CFG0",
				  REG_GERROR_IRQ_CFG0, DOORBELL, 8);
	if (!ret)
		ret = guest_write(m, "GERROR_IRQ_CFG1",
				  REG_GERROR_IRQ_CFG1, 2, 4);
	if (!ret)
		ret = guest_write(m, "IRQ_CTRL", REG_IRQ_CTRL,
				  IRQ_CTRL_GERROR | IRQ_CTRL_EVENTQ, 4);
	if (!ret)
		ret = guest_write(m, "CR0", REG_CR0,
				  CR0_CMDQEN | CR0_EVENTQEN, 4);
	return ret;
}

static int turn_on(struct machine *m)
{
	int ret;

	ret = guest_write(m, "CR0", REG_CR0,
			  CR0_CMDQEN | CR0_EVENTQEN | CR0_SMMUEN, 4);
	printf("  guest reads: CR0ACK 0x%x\n", guest_read(m, REG_CR0ACK));
	return ret;
}

/* As Linux does it: the descriptor first, of a stream that nobody has yet.
 */
static int attach_device(struct machine *m)
{
	struct iommunest_smmuv3_entry entry;

	iommunest_smmuv3_cfgi_cd(&entry, VSMMU_SID, 0, true);
	queue(m, &entry);
	return set_ste(m, IOMMUNEST_SMMUV3_CONFIG_S1, CONTEXT);
}

/* Flushes of several CPUs, each with its sync: one ioctl. */
static int flush(struct machine *m)
{
	uint32_t first;
	int ret;

	queue_flush(m, 0x200000);
	first = queue_sync(m);
	queue_flush(m, 0x40000000);
	ret = kick_and_sync(m);
	show_sync(m, first);
	show_queue(m);
	return ret;
}

/* Within one array the order is the hardware's, so these are two. */
static int change_descriptor(struct machine *m)
{
	struct iommunest_smmuv3_entry entry;
	uint32_t first;
	int ret;

	iommunest_smmuv3_cfgi_cd(&entry, VSMMU_SID, 0, true);
	queue(m, &entry);
	first = queue_sync(m);
	iommunest_smmuv3_tlbi_nh_asid(&entry, ASID);
	queue(m, &entry);
	ret = kick_and_sync(m);
	show_sync(m, first);
	return ret;
}

/* What is left when the write returns is the main loop's. */
static int queue_much(struct machine *m)
{
	struct iommunest_smmuv3_entry entry;
	uint32_t first = slot_of(m->prod);
	unsigned int i;

	for (i = 0; i < VSMMU_BUDGET; i++) {
		iommunest_smmuv3_tlbi_nh_va(&entry, ASID,
					    (uint64_t)i << 12, true);
		queue_quietly(m, &entry);
	}
	printf("  guest: slots %u to %u: flushes\n", first,
	       slot_of(m->prod) - 1);
	return kick_and_sync(m);
}

static int look_again(struct machine *m)
{
	show_sync(m, slot_of(m->prod) - 1);
	return 0;
}

/* As Linux's handler does: a sync takes the place of what is illegal. */
static int fix_mistake(struct machine *m, uint32_t slot)
{
	const struct iommunest_smmuv3_cmd sync = {
		.size = sizeof(sync),
		.opcode = IOMMUNEST_SMMUV3_SYNC,
	};
	struct iommunest_smmuv3_entry entry;

	iommunest_smmuv3_cmd_encode(&sync, &entry);
	put(m, slot, &entry);
	printf("  guest: slot %u: SYNC\n", slot);
	return guest_write(m, "GERRORN", REG_GERRORN,
			   guest_read(m, REG_GERROR), 4);
}

/* The sync before the mistake completes, the one after it does not. */
static int make_a_mistake(struct machine *m)
{
	const struct iommunest_smmuv3_cmd wrong = {
		.size = sizeof(wrong),
		.opcode = IOMMUNEST_SMMUV3_TLBI_EL2_ALL,
	};
	uint32_t before, bad, after;
	int ret;

	queue_flush(m, 0x201000);
	before = queue_sync(m);
	bad = slot_of(m->prod);
	queue_cmd(m, &wrong);
	after = queue_sync(m);
	ret = kick(m);
	show_queue(m);
	show_sync(m, before);
	show_sync(m, after);
	if (!ret)
		ret = fix_mistake(m, bad);
	show_queue(m);
	show_sync(m, after);
	return ret;
}

/* The second entry from now on fails, also alone: the guest need not know.
 */
static int survive_host_failure(struct machine *m)
{
	const struct iommunest_sim_fault fault = {
		.size = sizeof(fault),
		.kind = IOMMUNEST_SIM_FAIL_ENTRY,
		.error = -EIO,
		.nth = 2,
		.repeat = 2,
	};
	uint32_t first;
	int ret;

	ret = iommunest_sim_inject(m->sim, &fault);
	if (ret)
		return ret;
	queue_flush(m, 0x300000);
	first = queue_sync(m);
	queue_flush(m, 0x301000);
	ret = kick_and_sync(m);
	show_sync(m, first);
	show_queue(m);
	return ret;
}

/* Whatever it is asked for, until it can again. */
static int lose_the_device(struct machine *m)
{
	const struct iommunest_sim_fault fault = {
		.size = sizeof(fault),
		.kind = IOMMUNEST_SIM_FAIL_CALL,
		.error = -ETIMEDOUT,
		.nth = 1,
		.repeat = 1000,
	};
	int ret;

	ret = iommunest_sim_inject(m->sim, &fault);
	if (ret)
		return ret;
	queue_flush(m, 0x600000);
	ret = kick_and_sync(m);
	iommunest_sim_clear_faults(m->sim);
	return ret ? ret : read_events(m);
}

static int get_it_back(struct machine *m)
{
	queue_ste(m);
	return kick_and_sync(m);
}

/* It has no valid context descriptor, which its SMMU on the host finds
 * out. */
static int use_device(struct machine *m)
{
	struct iommunest_sim_dma dma = {
		.size = sizeof(dma),
		.dev_id = m->device.dev_id,
		.iova = 0x200000,
	};
	char byte;
	int ret;

	ret = iommunest_sim_dma_read(m->sim, iommunest_fd(m->ctx), &dma,
				     &byte, sizeof(byte));
	printf("  device: reads 0x%" PRIx64 ": %s\n", dma.iova,
	       ret ? strerror(-ret) : "ok");
	/* A main loop waits for its file descriptor. */
	ret = vsmmu_read_events(&m->vsmmu);
	return ret ? ret : read_events(m);
}

/* Of the second nothing takes it, and the sync is done all the same. */
static int wait_for_interrupts(struct machine *m)
{
	struct iommunest_smmuv3_entry entry;
	int ret;

	build_sync(&entry, DOORBELL, 3);
	queue(m, &entry);
	build_sync(&entry, DOORBELL + 0x1000, 4);
	queue(m, &entry);
	ret = kick(m);
	show_queue(m);
	if (!ret)
		ret = guest_write(m, "GERRORN", REG_GERRORN,
				  guest_read(m, REG_GERROR), 4);
	return ret;
}

static int change_in_place(struct machine *m)
{
	return set_ste(m, IOMMUNEST_SMMUV3_CONFIG_S1, OTHER_CONTEXT);
}

static int bypass(struct machine *m)
{
	return set_ste(m, IOMMUNEST_SMMUV3_CONFIG_BYPASS, 0);
}

/* A second stage, which it was not shown. */
static int ask_too_much(struct machine *m)
{
	int ret = set_ste(m, 7, CONTEXT);

	return ret ? ret : read_events(m);
}

static int attach_again(struct machine *m)
{
	return set_ste(m, IOMMUNEST_SMMUV3_CONFIG_S1, CONTEXT);
}

static int unplug_device(struct machine *m)
{
	int ret;

	ret = machine_unplug(m);
	if (ret)
		return ret;
	queue_flush(m, 0x700000);
	return kick_and_sync(m);
}

static int abort_dma(struct machine *m)
{
	return set_ste(m, IOMMUNEST_SMMUV3_CONFIG_ABORT, 0);
}

/* GBPA still says that it blocks. */
static int turn_off(struct machine *m)
{
	int ret;

	ret = guest_write(m, "CR0", REG_CR0, 0, 4);
	return ret ? ret
		   : guest_write(m, "GBPA", REG_GBPA, GBPA_UPDATE, 4);
}

const struct guest_step guest_steps[] = {
	{ "A device is plugged in", machine_plug },
	{ "The guest looks at what it has", look_around },
	{ "It blocks its device until it has a table", block_dma },
	{ "It sets up its stream table and command queue", set_up_queues },
	{ "It sets up its event queue and interrupts", set_up_events },
	{ "It turns its SMMU on", turn_on },
	{ "It gives its device a context descriptor", attach_device },
	{ "Two of its CPUs invalidate, and wait", flush },
	{ "It changes the context descriptor", change_descriptor },
	{ "It queues more than a vCPU's write handles", queue_much },
	{ "It looks again", look_again },
	{ "It makes a mistake, and fixes it", make_a_mistake },
	{ "The host fails, and the guest notices nothing",
	  survive_host_failure },
	{ "The host keeps failing, and the device is cut off",
	  lose_the_device },
	{ "It invalidates the entry, and has its device back",
	  get_it_back },
	{ "The device uses it, and the host has an event", use_device },
	{ "It has its syncs send interrupts", wait_for_interrupts },
	{ "It changes its entry in place", change_in_place },
	{ "It asks for bypass", bypass },
	{ "It asks for what it was not shown", ask_too_much },
	{ "It gives its device a context descriptor again", attach_again },
	{ "The device is unplugged", unplug_device },
	{ "It is plugged in again", machine_plug },
	{ "It has its device's DMA aborted", abort_dma },
	{ "It turns its SMMU off", turn_off },
};
const size_t n_guest_steps = sizeof(guest_steps) / sizeof(guest_steps[0]);
