/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The hardware, the CPUs, and the kernel's functions between them. */
#include "model.h"

#include <stdio.h>
#include <ucontext.h>

#include "kernel.h"
/* The kernel's text, by extract.sh. */
#include "qi-text.h"

/* Fields of descriptors (VT-d specification, chapter 6.5.2). */
#define TYPE(qw0) ((qw0)&0xf)
#define TYPE_DEVICE_TLB 3u
#define TYPE_WAIT 5u
#define TYPE_IOTLB 6u
#define TYPE_DEVICE_TLB_PASID 8u
#define TYPE_RESERVED 0xfu
#define WAIT_WRITES (1ull << 5)
#define WAIT_DRAINS (1ull << 7)
#define WAIT_DATA(qw0) ((uint32_t)((qw0) >> 32))

#define FSTS_IQE (1u << 4)
#define FSTS_ICE (1u << 5)
#define FSTS_ITE (1u << 6)

#define SLOTS 256u
/* Of the hardware: how long it waits for a device. */
#define TIMEOUT_STEPS 40u
/* An error is read so often, and not cleared: it never will be. */
#define IGNORED_READS 8u
/* Nobody gets on for so long: they never will. */
#define HANG_STEPS 400000u

/* What is under way: a descriptor that was fetched and is not done. */
struct flight {
	bool used;
	uint64_t order;
	struct model_desc *desc;
	unsigned int age;
	/* A wait. */
	bool is_wait;
	uint64_t address;
	uint64_t qw0;
};

#define MOST_FLIGHTS 512u

static struct hw {
	struct hw_options opts;
	struct device_options devices[DEVICES + 1];
	uint8_t *ring;
	unsigned int shift;
	unsigned int head;
	unsigned int tail;
	uint32_t fsts;
	uint64_t iqer;
	/* How often FSTS has been read with an ICE. */
	unsigned int ignored;
	/* No fetch before the tail is written. */
	bool sleeps;
	/* All that there are, and the one that drains. */
	struct submission *subs, *subs_end;
	struct submission *drains;
	uint64_t order;
	struct flight flights[MOST_FLIGHTS];
	/* None from here on is used. */
	unsigned int flights_end;
} hw;

unsigned int model_warnings;
/* Why the run does not end as it has to. */
static const char *failure;

/* ---- Random numbers ---- */

static uint64_t random_state;

void model_seed(uint64_t seed)
{
	random_state = seed * 0x9e3779b97f4a7c15ull + 1;
}

unsigned int model_random(unsigned int limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned int)((random_state >> 11) % limit);
}

/* ---- The hardware ---- */

static struct qi_desc *slot_at(unsigned int slot)
{
	return (struct qi_desc *)(hw.ring + ((size_t)slot << hw.shift));
}

/* A pointer is in the last word that there is. */
static struct model_desc *desc_of(const struct qi_desc *words)
{
	u64 at = hw.opts.is_narrow ? words->qw1 : words->qw3;

	return (struct model_desc *)(uintptr_t)at;
}

static void set_desc(struct qi_desc *words, struct model_desc *desc)
{
	u64 *at = hw.opts.is_narrow ? &words->qw1 : &words->qw3;

	*at = (uintptr_t)desc;
}

static bool has_ended(void)
{
	return hw.fsts & (FSTS_IQE | FSTS_ITE) || hw.sleeps;
}

static struct flight *take_off(void)
{
	unsigned int i;

	for (i = 0; i < MOST_FLIGHTS; i++) {
		struct flight *flight = &hw.flights[i];

		if (flight->used)
			continue;
		memset(flight, 0, sizeof(*flight));
		flight->used = true;
		flight->order = hw.order++;
		if (i >= hw.flights_end)
			hw.flights_end = i + 1;
		return flight;
	}
	/* It has passed the tail. */
	failure = "hardware fetches what is not in the queue";
	return &hw.flights[0];
}

static bool is_pending_wait(void)
{
	unsigned int i;

	for (i = 0; i < hw.flights_end; i++)
		if (hw.flights[i].used && hw.flights[i].is_wait)
			return true;
	return false;
}

static bool is_busy(void)
{
	unsigned int count = 0;
	unsigned int i;

	for (i = 0; i < hw.flights_end; i++)
		count += hw.flights[i].used;
	return hw.opts.most_under_way && count >= hw.opts.most_under_way;
}

static void refuse(unsigned int reason)
{
	hw.fsts |= FSTS_IQE;
	hw.iqer = (hw.iqer & ~0xfull) | reason;
}

/* NULL: what the kernel has never put there. */
static void refuse_desc(struct model_desc *desc)
{
	if (desc)
		desc->is_fetched = true;
	refuse(desc ? desc->reason : 1);
}

static void fetch(void)
{
	struct qi_desc desc;
	struct flight *flight;

	if (has_ended() || hw.head == hw.tail || is_busy())
		return;
	/* Its head stays at a wait until that is done. */
	if (hw.opts.head_at_wait && is_pending_wait())
		return;
	memset(&desc, 0, sizeof(desc));
	memcpy(&desc, slot_at(hw.head), (size_t)1 << hw.shift);
	if (hw.opts.accepts) {
		hw.opts.accepts--;
	} else if (hw.opts.refuses) {
		hw.opts.refuses--;
		refuse(hw.opts.reason ? hw.opts.reason
				      : 1 + hw.opts.refuses % 15);
		return;
	}
	switch (TYPE(desc.qw0)) {
	case TYPE_WAIT:
		flight = take_off();
		flight->is_wait = true;
		flight->qw0 = desc.qw0;
		flight->address = desc.qw1;
		if (hw.opts.head_at_wait)
			return;
		break;
	case TYPE_IOTLB:
	case TYPE_DEVICE_TLB:
	case TYPE_DEVICE_TLB_PASID:
		flight = take_off();
		flight->desc = desc_of(&desc);
		flight->desc->is_fetched = true;
		break;
	default:
		refuse_desc(desc_of(&desc));
		return;
	}
	hw.head = (hw.head + 1) % SLOTS;
}

/* Whether anything that came before a wait is still under way. */
static bool waits_for_others(const struct flight *wait)
{
	unsigned int i;

	for (i = 0; i < hw.flights_end; i++)
		if (hw.flights[i].used && !hw.flights[i].is_wait &&
		    hw.flights[i].order < wait->order)
			return true;
	return false;
}

static bool is_silent(const struct model_desc *desc)
{
	const struct device_options *device = &hw.devices[desc->sid];

	return desc->kind == MODEL_DEVICE_TLB &&
	       (device->is_gone || device->silent);
}

/* Nothing can come of it any more. */
static bool has_settled(const struct model_desc *desc)
{
	return desc->done || desc->kind == MODEL_REFUSED || is_silent(desc) ||
	       (desc->kind == MODEL_DEVICE_TLB &&
		hw.devices[desc->sid].is_blocked);
}

/* All of the submission that drains came before that. */
static void drain(void)
{
	unsigned int i;

	for (i = 0; i < hw.drains->count; i++)
		if (!has_settled(&hw.drains->descs[i]))
			return;
	hw.drains->has_drained = true;
}

static void end_wait(struct flight *wait)
{
	if (waits_for_others(wait))
		return;
	wait->used = false;
	if (wait->qw0 & WAIT_DRAINS) {
		if (hw.drains)
			drain();
		else
			failure = "a wait drains that was not to";
	}
	if (wait->qw0 & WAIT_WRITES)
		*(volatile uint32_t *)(uintptr_t)wait->address =
			WAIT_DATA(wait->qw0);
	if (hw.opts.head_at_wait)
		hw.head = (hw.head + 1) % SLOTS;
}

/* Says who did not answer: so, or wrongly, or not at all. */
static void name(uint16_t sid)
{
	if (hw.opts.names_other)
		sid = hw.opts.names_other;
	else if (!hw.opts.names_device)
		sid = 0;
	if (sid && sid <= DEVICES)
		hw.devices[sid].named++;
	hw.iqer &= 0xffff0000ffffffffull;
	hw.iqer |= (uint64_t)sid << 32;
}

static bool has_begun(const struct submission *sub)
{
	unsigned int i;

	for (i = 0; i < sub->count; i++)
		if (sub->descs[i].is_fetched)
			return true;
	return false;
}

static void abort_all(void)
{
	struct submission *sub;

	for (sub = hw.subs; sub < hw.subs_end; sub++)
		sub->aborted += !sub->is_over && has_begun(sub);
}

static void time_out(struct flight *late)
{
	struct device_options *device = &hw.devices[late->desc->sid];
	unsigned int i;

	/* One at a time: its record is one, too. */
	if (hw.fsts & FSTS_ITE)
		return;
	device->timeouts++;
	if (device->silent && device->silent != FOR_EVER)
		device->silent--;
	late->used = false;
	hw.fsts |= FSTS_ITE;
	name(late->desc->sid);
	abort_all();
	for (i = 0; i < hw.flights_end; i++) {
		struct flight *flight = &hw.flights[i];

		if (!flight->used)
			continue;
		if (flight->is_wait ||
		    (hw.opts.drops_all && is_silent(flight->desc)))
			flight->used = false;
	}
}

static void go_on(struct flight *flight)
{
	if (flight->is_wait) {
		end_wait(flight);
		return;
	}
	if (!is_silent(flight->desc)) {
		flight->used = false;
		flight->desc->done++;
		if (hw.opts.completes_wrongly && model_random(4) == 0)
			hw.fsts |= FSTS_ICE;
		return;
	}
	if (++flight->age >= TIMEOUT_STEPS)
		time_out(flight);
}

static void step(void)
{
	unsigned int i;

	if (model_random(3) == 0) {
		fetch();
		return;
	}
	i = model_random(MOST_FLIGHTS);
	/* Most are not used: find the next that is. */
	while (i < hw.flights_end && !hw.flights[i].used)
		i++;
	if (i < hw.flights_end)
		go_on(&hw.flights[i]);
	while (hw.flights_end && !hw.flights[hw.flights_end - 1].used)
		hw.flights_end--;
}

u64 model_read(u64 reg)
{
	if (model_random(2))
		step();
	switch (reg) {
	case DMAR_FSTS_REG:
		if (hw.fsts & FSTS_ICE && hw.ignored++ > IGNORED_READS)
			failure = "a completion error is not cleared";
		return hw.fsts;
	case DMAR_IQH_REG:
		return (u64)hw.head << hw.shift;
	case DMAR_IQT_REG:
		return (u64)hw.tail << hw.shift;
	case DMAR_IQER_REG:
		return hw.iqer;
	default:
		abort();
	}
}

void model_write(u64 reg, u64 value)
{
	switch (reg) {
	case DMAR_FSTS_REG:
		if (hw.opts.needs_tail && hw.fsts & value & FSTS_IQE)
			hw.sleeps = true;
		if (value & FSTS_ICE)
			hw.ignored = 0;
		hw.fsts &= ~(uint32_t)value;
		break;
	case DMAR_IQT_REG:
		hw.tail = (unsigned int)(value >> hw.shift) % SLOTS;
		hw.sleeps = false;
		break;
	default:
		abort();
	}
	while (model_random(3))
		step();
}

/* ---- Devices ---- */

static struct pci_dev pci_devices[DEVICES + 1];

struct device *device_rbtree_find(struct intel_iommu *iommu, u16 sid)
{
	(void)iommu;
	if (sid == 0 || sid > DEVICES)
		return NULL;
	pci_devices[sid].dev.is_present = !hw.devices[sid].is_gone;
	return &pci_devices[sid].dev;
}

bool device_rid_is_gone(struct intel_iommu *iommu, u16 sid)
{
	struct device *dev = device_rbtree_find(iommu, sid);

	return !dev || !dev->is_present;
}

enum device_rid_state device_rid_state(struct intel_iommu *iommu, u16 sid)
{
	if (device_rid_is_gone(iommu, sid))
		return DEVICE_RID_GONE;
	return hw.devices[sid].is_blocked ? DEVICE_RID_BLOCKED
					  : DEVICE_RID_PRESENT;
}

/* The context entry is no part of the model, the commands that go with it are.
 */
void intel_iommu_block_device(struct intel_iommu *iommu, u16 sid)
{
	static struct model_desc desc = { .kind = MODEL_IOTLB };
	struct qi_desc words = { .qw0 = TYPE_IOTLB };

	set_desc(&words, &desc);
	if (hw.devices[sid].is_blocked)
		return;
	qi_submit_sync(iommu, &words, 1, 0);
	hw.devices[sid].is_blocked = true;
}

bool model_blocks(void)
{
#ifdef QI_OPT_ALONE
	return true;
#else
	return false;
#endif
}

/* ---- CPUs ---- */

#define MOST_CPUS 8u
#define STACK_BYTES (256u << 10)

static struct cpu {
	ucontext_t context;
	char *stack;
	bool is_running;
	struct submission *next;
	struct submission *end;
} cpus[MOST_CPUS];

static ucontext_t scheduler;
static unsigned int cpu_now;
static struct intel_iommu iommu;
static unsigned int idle_steps;

void model_lock(raw_spinlock_t *lock)
{
	if (lock->held)
		abort();
	lock->held = true;
}

void model_unlock(raw_spinlock_t *lock)
{
	if (!lock->held)
		abort();
	lock->held = false;
}

void model_relax(void)
{
	swapcontext(&cpus[cpu_now].context, &scheduler);
}

static void to_words(struct qi_desc *words, struct model_desc *desc)
{
	memset(words, 0, sizeof(*words));
	set_desc(words, desc);
	switch (desc->kind) {
	case MODEL_IOTLB:
		words->qw0 = TYPE_IOTLB;
		break;
	case MODEL_DEVICE_TLB:
		words->qw0 = desc->sid % 2
				     ? TYPE_DEVICE_TLB | (u64)desc->sid << 32
				     : TYPE_DEVICE_TLB_PASID | (u64)desc->sid
								       << 16;
		break;
	case MODEL_REFUSED:
		words->qw0 = TYPE_RESERVED;
		break;
	}
}

static void submit(struct submission *sub)
{
	struct qi_desc words[MOST_DESCS + 1];
	unsigned long options = sub->drains ? QI_OPT_WAIT_DRAIN : 0;
	unsigned int i;

	memset(words, 0, sizeof(words));
	for (i = 0; i < sub->count; i++)
		to_words(&words[i], &sub->descs[i]);
#ifdef QI_MODEL_REPORTS
	struct qi_report report = { 0 };

	sub->ret =
		qi_submit_report(&iommu, words, sub->count, options, &report);
	sub->reports = true;
	sub->refused = report.refused;
	sub->unanswered = report.unanswered;
	sub->reason = report.iqei;
#else
	sub->ret = qi_submit_sync(&iommu, words, sub->count, options);
#endif
}

static void cpu_main(void)
{
	struct cpu *cpu = &cpus[cpu_now];

	while (cpu->next < cpu->end) {
		submit(cpu->next);
		cpu->next->is_over = true;
		cpu->next++;
		idle_steps = 0;
		model_relax();
	}
	cpu->is_running = false;
	model_relax();
}

static void schedule(unsigned int count)
{
	unsigned int running = count;
	unsigned int steps;

	while (running && !failure) {
		cpu_now = model_random(count);
		for (steps = model_random(8); steps; steps--)
			step();
		if (!cpus[cpu_now].is_running)
			continue;
		swapcontext(&scheduler, &cpus[cpu_now].context);
		if (!cpus[cpu_now].is_running)
			running--;
		if (++idle_steps > HANG_STEPS)
			failure = "somebody waits for ever";
	}
}

static void start_cpu(unsigned int i, struct submission *from,
		      unsigned int each)
{
	struct cpu *cpu = &cpus[i];

	cpu->stack = malloc(STACK_BYTES);
	cpu->is_running = true;
	cpu->next = from;
	cpu->end = from + each;
	getcontext(&cpu->context);
	cpu->context.uc_stack.ss_sp = cpu->stack;
	cpu->context.uc_stack.ss_size = STACK_BYTES;
	makecontext(&cpu->context, cpu_main, 0);
}

/* ---- A run ---- */

static void make_queue(struct q_inval *qi)
{
	memset(qi, 0, sizeof(*qi));
	qi->desc = aligned_alloc(4096, SLOTS << hw.shift);
	memset(qi->desc, 0, SLOTS << hw.shift);
	qi->desc_status = calloc(SLOTS + 1, sizeof(int));
	qi->free_cnt = SLOTS;
	/* Some way from its end, so that most come round. */
	hw.head = SLOTS - 1 - model_random(80);
	hw.tail = hw.head;
	qi->free_head = (int)hw.head;
	qi->free_tail = (int)hw.head;
	hw.ring = qi->desc;
	iommu.qi = qi;
	iommu.ecap = (u64)!hw.opts.is_narrow << 43;
	iommu.name = "model";
}

/* What is still under way writes its status. */
static void settle(void)
{
	unsigned int i;

	for (i = 0; i < 100000 && !failure; i++)
		step();
}

/*
 * When hardware has got over what was wrong with it, it is found to be well,
 * however full the queue is: who looks first may still see the error.
 */
static void try_again(void)
{
	static struct submission subs[3];

	memset(subs, 0, sizeof(subs));
	subs[0].count = subs[1].count = subs[2].count = 1;
	hw.opts.refuses = 0;
	start_cpu(0, subs, 3);
	idle_steps = 0;
	schedule(1);
	free(cpus[0].stack);
	if (!failure && (subs[2].ret || !subs[2].descs[0].done))
		failure = "what was stuck does not get on";
	settle();
}

/* All is given back once somebody submits: nothing keeps a slot. */
static const char *look_at(struct q_inval *qi)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		if (qi->desc_status[i] != QI_FREE)
			return "a slot is never given back";
	if (qi->free_cnt != (int)SLOTS)
		return "the count of free slots is wrong";
#ifdef QI_MODEL_COUNTS_REFUSED
	if (qi->refused)
		return "the count of refused slots is wrong";
#endif
	return NULL;
}

const char *model_run(struct run *run)
{
	struct q_inval qi;
	unsigned int i;

	memset(&hw, 0, sizeof(hw));
	memset(cpus, 0, sizeof(cpus));
	hw.opts = run->hw;
	memcpy(hw.devices, run->devices, sizeof(hw.devices));
	hw.shift = hw.opts.is_narrow ? 4 : 5;
	failure = NULL;
	idle_steps = 0;
	model_warnings = 0;
	model_seed(run->seed);
	make_queue(&qi);
	hw.subs = run->submissions;
	hw.subs_end = hw.subs + (size_t)run->cpus * run->each;
	for (i = 0; i < run->cpus * run->each; i++)
		if (hw.subs[i].drains)
			hw.drains = &hw.subs[i];
	for (i = 0; i < run->cpus; i++)
		start_cpu(i, run->submissions + (size_t)i * run->each,
			  run->each);
	schedule(run->cpus);
	settle();
	for (i = 0; i < run->cpus; i++)
		free(cpus[i].stack);
	/* The first finds out, the second sees what is given back. */
	for (i = 0; i < 2 && !failure; i++)
		try_again();
	if (!failure)
		failure = look_at(&qi);
	free(qi.desc);
	free(qi.desc_status);
	memcpy(run->devices, hw.devices, sizeof(hw.devices));
	return failure;
}
