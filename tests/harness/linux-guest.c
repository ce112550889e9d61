/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/linux-guest.h"
#include "tests/harness/support.h"

#define SHIFT 5u

#define FSTS_IQE IOMMUNEST_VTD_FSTS_IQE
#define FSTS_ICE IOMMUNEST_VTD_FSTS_ICE
#define FSTS_ITE IOMMUNEST_VTD_FSTS_ITE

/* ---- Jobs ---- */

struct linux_flush linux_page(uint16_t did, uint64_t addr, uint32_t targets)
{
	return (struct linux_flush){
		.desc = guest_piotlb_pages(did, 0, addr, 0, false),
		.targets = targets,
		.addr = addr,
		.npages = 1,
	};
}

void linux_add(struct linux_job *job, struct linux_flush flush)
{
	if (job->count == LINUX_FLUSHES)
		ck_abort_msg("too many flushes");
	job->flushes[job->count++] = flush;
}

static struct linux_flush fence(void)
{
	return (struct linux_flush){
		.desc = guest_wait(IOMMUNEST_VTD_DESC_FN, 0, LINUX_DONE),
	};
}

void linux_drain(struct linux_job *job, struct linux_flush iotlb,
		 struct linux_flush dev_tlb)
{
	*job = (struct linux_job){ .drain = true };
	linux_add(job, fence());
	linux_add(job, iotlb);
	linux_add(job, dev_tlb);
}

/* ---- Memory and registers ---- */

static uint64_t read_reg(struct linux_guest *guest, enum linux_reg reg)
{
	return guest->setup.hw.read_reg(guest->setup.hw.data, reg);
}

static void write_reg(struct linux_guest *guest, enum linux_reg reg,
		      uint64_t value)
{
	guest->counts.writes[reg]++;
	guest->setup.hw.write_reg(guest->setup.hw.data, reg, value);
}

static uint32_t wrap(const struct linux_guest *guest, uint32_t slot)
{
	return slot & (guest->setup.slots - 1);
}

static uint64_t status_addr(const struct linux_guest *guest, uint32_t slot)
{
	return guest->setup.status + 4 * (uint64_t)slot;
}

static uint32_t get_status(const struct linux_guest *guest, uint32_t slot)
{
	uint32_t value;

	memcpy(&value, guest->setup.memory + status_addr(guest, slot),
	       sizeof(value));
	return le32toh(value);
}

static void set_status(struct linux_guest *guest, uint32_t slot,
		       enum linux_status status)
{
	uint32_t value = htole32(status);

	memcpy(guest->setup.memory + status_addr(guest, slot), &value,
	       sizeof(value));
}

static unsigned char *slot_at(const struct linux_guest *guest, uint32_t slot)
{
	return guest->setup.memory + guest->setup.ring +
	       ((uint64_t)slot << SHIFT);
}

static void put(struct linux_guest *guest, uint32_t slot,
		struct guest_desc desc)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(desc.words); i++)
		desc.words[i] = htole64(desc.words[i]);
	memcpy(slot_at(guest, slot), desc.words, sizeof(desc.words));
}

/* ---- The judge ---- */

static bool covers(const struct linux_flush *flush, uint64_t addr,
		   uint64_t npages)
{
	uint64_t ahead = flush->addr - addr;

	if (npages == UINT64_MAX)
		return true;
	return flush->addr >= addr && ahead >> 12 < npages &&
	       flush->npages <= npages - (ahead >> 12);
}

void linux_executed(struct linux_guest *guest, uint32_t targets, uint64_t addr,
		    uint64_t npages)
{
	unsigned int i, k;

	for (i = 0; i < guest->setup.cpus; i++) {
		struct linux_cpu *cpu = &guest->cpu[i];

		for (k = 0; k < cpu->job.count; k++)
			if (cpu->state == LINUX_POLLS &&
			    covers(&cpu->job.flushes[k], addr, npages))
				cpu->job.flushes[k].done |= targets;
	}
}

void linux_executed_slot(struct linux_guest *guest, uint32_t slot,
			 uint32_t targets)
{
	unsigned int i;

	for (i = 0; i < guest->setup.cpus; i++) {
		struct linux_cpu *cpu = &guest->cpu[i];
		uint32_t nth = wrap(guest, slot - cpu->index);

		if (cpu->state == LINUX_POLLS && nth < cpu->job.count)
			cpu->job.flushes[nth].done |= targets;
	}
}

void linux_cut(struct linux_guest *guest, uint32_t targets)
{
	guest->cut |= targets;
	linux_executed(guest, targets, 0, UINT64_MAX);
}

void linux_heal(struct linux_guest *guest, uint32_t targets)
{
	guest->cut &= ~targets;
}

/* From here on an execution counts, and none of before. */
static void note_submitted(struct linux_guest *guest, struct linux_flush *flush)
{
	if (guest->setup.submitted)
		guest->setup.submitted(guest->setup.data, flush);
	flush->done = guest->cut;
}

static bool is_done(const struct linux_guest *guest,
		    const struct linux_flush *flush)
{
	if (guest->setup.is_done)
		return guest->setup.is_done(guest->setup.data, flush);
	return (flush->targets & ~flush->done) == 0;
}

static void note_lost(struct linux_guest *guest,
		      const struct linux_flush *flush)
{
	if (!guest->counts.lost++)
		guest->lost = *flush;
}

/* The callers ignore the error: they take all of it for done. */
static void note_returned(struct linux_guest *guest, struct linux_cpu *cpu,
			  int error)
{
	unsigned int i;

	guest->counts.returned++;
	guest->counts.gave_up += error != 0;
	for (i = 0; i < cpu->job.count; i++)
		if (!is_done(guest, &cpu->job.flushes[i]))
			note_lost(guest, &cpu->job.flushes[i]);
	cpu->state = LINUX_IDLE;
}

/* ---- A submission ---- */

static struct guest_desc wait_of(const struct linux_guest *guest,
				 const struct linux_cpu *cpu)
{
	uint32_t flags = IOMMUNEST_VTD_DESC_SW;

	if (cpu->job.drain)
		flags |= IOMMUNEST_VTD_DESC_PD;
	return guest_wait(flags, status_addr(guest, cpu->wait_index),
			  LINUX_DONE);
}

/* One slot stays free, so that a full ring does not look empty. */
static bool has_room(const struct linux_guest *guest,
		     const struct linux_cpu *cpu)
{
	return guest->free_cnt >= cpu->job.count + 2;
}

/* All before the slot is there. */
static void kick(struct linux_guest *guest, uint32_t slot)
{
	write_reg(guest, LINUX_IQT, (uint64_t)slot << SHIFT);
}

static void submit(struct linux_guest *guest, struct linux_cpu *cpu)
{
	struct linux_job *job = &cpu->job;
	uint32_t i;

	cpu->index = guest->free_head;
	cpu->wait_index = wrap(guest, cpu->index + job->count);
	cpu->state = LINUX_POLLS;
	for (i = 0; i < job->count; i++) {
		uint32_t slot = wrap(guest, cpu->index + i);

		put(guest, slot, job->flushes[i].desc);
		set_status(guest, slot, LINUX_IN_USE);
		note_submitted(guest, &job->flushes[i]);
		if (guest->setup.kicks_each)
			kick(guest, wrap(guest, slot + 1));
	}
	put(guest, cpu->wait_index, wait_of(guest, cpu));
	set_status(guest, cpu->wait_index, LINUX_IN_USE);
	guest->free_head = wrap(guest, cpu->wait_index + 1);
	guest->free_cnt -= job->count + 1;
	guest->counts.submissions++;
	kick(guest, guest->free_head);
}

/* What is free at the tail can be used again, whoever's it was. */
static void reclaim(struct linux_guest *guest)
{
	while (guest->free_tail != guest->free_head &&
	       get_status(guest, guest->free_tail) == LINUX_FREE) {
		guest->free_tail = wrap(guest, guest->free_tail + 1);
		guest->free_cnt++;
	}
}

static void finish(struct linux_guest *guest, struct linux_cpu *cpu, int error)
{
	uint32_t i;

	for (i = 0; i <= cpu->job.count; i++)
		set_status(guest, wrap(guest, cpu->index + i), LINUX_FREE);
	reclaim(guest);
	if (error != -EAGAIN) {
		note_returned(guest, cpu, error);
		return;
	}
	guest->counts.restarts++;
	cpu->state = LINUX_SUBMITS;
}

/* ---- What FSTS_REG says ---- */

/*
 * Only where the head is at its own first slot: its wait goes there, so that
 * hardware gets over it.
 */
static bool fix_queue_error(struct linux_guest *guest, struct linux_cpu *cpu)
{
	if (read_reg(guest, LINUX_IQH) >> SHIFT != cpu->index)
		return false;
	memcpy(slot_at(guest, cpu->index), slot_at(guest, cpu->wait_index),
	       1u << SHIFT);
	write_reg(guest, LINUX_FSTS, FSTS_IQE);
	return true;
}

/*
 * From the slot before the head down to the tail, all around the ring.  By two,
 * and from an odd slot, that ends only where the one after the tail is even.
 */
static void abort_fetched(struct linux_guest *guest, uint32_t head,
			  uint32_t tail)
{
	bool by_two = guest->setup.form == LINUX_BY_TWO;
	uint32_t slot = wrap(guest, head - 1) | (by_two ? 1 : 0);
	uint32_t last = wrap(guest, tail - 1);
	uint32_t visited = 0;

	do {
		if (get_status(guest, slot) == LINUX_IN_USE)
			set_status(guest, slot, LINUX_ABORT);
		slot = wrap(guest, slot - (by_two ? 2 : 1));
		visited++;
	} while (slot != last && visited <= guest->setup.slots);
	guest->locked_up = slot != last;
}

/* 0 is a source id that hardware does not tell. */
static bool is_gone(const struct linux_guest *guest, uint16_t sid)
{
	unsigned int i;

	for (i = 0; sid && i < guest->n_gone; i++)
		if (guest->gone[i] == sid)
			return true;
	return false;
}

/* Whose time-out it was is not asked, except for the device. */
static int act_on_time_out(struct linux_guest *guest, struct linux_cpu *cpu)
{
	uint32_t head = (uint32_t)(read_reg(guest, LINUX_IQH) >> SHIFT);
	uint32_t tail = (uint32_t)(read_reg(guest, LINUX_IQT) >> SHIFT);
	uint64_t why = read_reg(guest, LINUX_IQERCD);

	write_reg(guest, LINUX_FSTS, FSTS_ITE);
	abort_fetched(guest, head, tail);
	if (is_gone(guest, (uint16_t)(why >> 32)))
		return -ETIMEDOUT;
	if (get_status(guest, cpu->wait_index) == LINUX_ABORT)
		return -EAGAIN;
	return 0;
}

static int check_fault(struct linux_guest *guest, struct linux_cpu *cpu)
{
	uint64_t fsts;
	int ret = 0;

	if (get_status(guest, cpu->wait_index) == LINUX_ABORT)
		return -EAGAIN;
	fsts = read_reg(guest, LINUX_FSTS);
	if (fsts & FSTS_IQE && fix_queue_error(guest, cpu))
		return -EINVAL;
	if (fsts & FSTS_ITE)
		ret = act_on_time_out(guest, cpu);
	if (!ret && fsts & FSTS_ICE)
		write_reg(guest, LINUX_FSTS, FSTS_ICE);
	return ret;
}

static void poll_status(struct linux_guest *guest, struct linux_cpu *cpu)
{
	int ret = 0;

	if (get_status(guest, cpu->wait_index) != LINUX_DONE) {
		ret = check_fault(guest, cpu);
		if (!ret || guest->locked_up)
			return;
	}
	finish(guest, cpu, ret);
}

/* ---- Running it ---- */

void linux_init(struct linux_guest *guest, const struct linux_setup *setup)
{
	uint32_t i;

	ck_assert_uint_le(setup->cpus, LINUX_CPUS);
	*guest = (struct linux_guest){
		.setup = *setup,
		.free_cnt = setup->slots,
	};
	for (i = 0; i < setup->slots; i++)
		set_status(guest, i, LINUX_FREE);
}

/* The lock is held from the submission to the end of the first poll. */
bool linux_step(struct linux_guest *guest, unsigned int nth)
{
	struct linux_cpu *cpu = &guest->cpu[nth];

	if (cpu->state == LINUX_IDLE) {
		cpu->job = (struct linux_job){ 0 };
		if (!guest->setup.next_job(guest->setup.data, nth, &cpu->job))
			return false;
		cpu->state = LINUX_SUBMITS;
	}
	if (cpu->state == LINUX_SUBMITS) {
		if (!has_room(guest, cpu))
			return true;
		submit(guest, cpu);
	}
	poll_status(guest, cpu);
	return true;
}

static void hardware_works(struct linux_guest *guest)
{
	if (guest->setup.hw.work)
		guest->setup.hw.work(guest->setup.hw.data);
}

void linux_advance(struct linux_guest *guest, uint32_t slots)
{
	struct linux_cpu *cpu = &guest->cpu[0];
	unsigned int patience = 2 * guest->setup.slots;

	for (; slots; slots -= cpu->job.count + 1) {
		cpu->job = (struct linux_job){ 0 };
		while (cpu->job.count + 1 < slots &&
		       cpu->job.count < LINUX_FLUSHES)
			linux_add(&cpu->job, fence());
		submit(guest, cpu);
		while (cpu->state == LINUX_POLLS && patience--) {
			hardware_works(guest);
			poll_status(guest, cpu);
		}
		if (cpu->state != LINUX_IDLE)
			ck_abort_msg("a wait does not complete");
	}
	guest->counts = (struct linux_counts){ 0 };
}

static bool is_halted(const struct linux_guest *guest)
{
	const struct linux_hw *hw = &guest->setup.hw;

	return hw->is_halted && hw->is_halted(hw->data);
}

/* 0: it goes on. */
static unsigned int step_all(struct linux_guest *guest, unsigned int first)
{
	unsigned int busy = 0;
	unsigned int i;

	for (i = 0; i < guest->setup.cpus; i++) {
		busy += linux_step(guest, (first + i) % guest->setup.cpus);
		if (guest->locked_up)
			return LINUX_LOCKUP;
	}
	hardware_works(guest);
	if (is_halted(guest))
		return LINUX_HALTED;
	return busy ? 0 : LINUX_ALL_DONE;
}

unsigned int linux_run(struct linux_guest *guest, unsigned int first)
{
	unsigned int patience = guest->setup.patience;
	unsigned int outcome = 0;
	unsigned int idle = 0;

	if (!patience)
		patience = 2 * guest->setup.slots + 64;
	while (!outcome) {
		unsigned int returned = guest->counts.returned;

		outcome = step_all(guest, first);
		idle = guest->counts.returned == returned ? idle + 1 : 0;
		if (!outcome && idle > patience)
			outcome = LINUX_FOREVER;
	}
	if (!guest->counts.lost)
		return outcome;
	return (outcome & ~(unsigned int)LINUX_ALL_DONE) | LINUX_LOST;
}

const char *linux_outcome_text(unsigned int outcomes)
{
	static const char *const names[] = { "all done", "lost flush",
					     "polls forever", "lockup",
					     "halted" };
	static char text[80];
	size_t len = 0;
	size_t i;

	text[0] = '\0';
	for (i = 0; i < ARRAY_LEN(names); i++)
		if (outcomes & 1u << i)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						"%s%s", len ? ", " : "",
						names[i]);
	return text;
}
