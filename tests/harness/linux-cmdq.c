/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <stdio.h>
#include <string.h>

#include "tests/harness/linux-cmdq.h"
#include "tests/harness/support.h"

#define COMMAND_BYTES 16u

/* ---- Jobs ---- */

struct cmdq_list *cmdq_add_list(struct cmdq_job *job)
{
	if (job->count == CMDQ_LISTS)
		ck_abort_msg("too many lists");
	return &job->lists[job->count++];
}

struct cmdq_command *cmdq_add(struct cmdq_list *list, unsigned int kind,
			      uint64_t addr)
{
	struct cmdq_command *command;

	if (list->count == CMDQ_COMMANDS)
		ck_abort_msg("too many commands");
	command = &list->commands[list->count++];
	*command = (struct cmdq_command){ .kind = kind, .addr = addr };
	return command;
}

/* ---- Positions: a slot and, above it, the wrap bit ---- */

static uint32_t slots_of(const struct cmdq_guest *guest)
{
	return 1u << guest->setup.log2size;
}

static uint32_t slot_of(const struct cmdq_guest *guest, uint32_t position)
{
	return position & (slots_of(guest) - 1);
}

static bool lap_of(const struct cmdq_guest *guest, uint32_t position)
{
	return position & slots_of(guest);
}

static uint32_t next(const struct cmdq_guest *guest, uint32_t position,
		     uint32_t n)
{
	return (position + n) & (2 * slots_of(guest) - 1);
}

/* Linux's arithmetic, which takes CONS for a position that is at most a lap
 * behind.
 */
static bool has_space(const struct cmdq_guest *guest, uint32_t n)
{
	const uint32_t prod = slot_of(guest, guest->prod);
	const uint32_t cons = slot_of(guest, guest->cons);

	if (lap_of(guest, guest->prod) == lap_of(guest, guest->cons))
		return slots_of(guest) - (prod - cons) >= n;
	return cons - prod >= n;
}

static bool is_consumed(const struct cmdq_guest *guest, uint32_t position,
			uint32_t cons)
{
	const uint32_t slot = slot_of(guest, position);

	if (lap_of(guest, position) == lap_of(guest, cons))
		return slot_of(guest, cons) > slot;
	return slot_of(guest, cons) <= slot;
}

/* ---- Memory and registers ---- */

static uint32_t read_reg(const struct cmdq_guest *guest, enum cmdq_reg reg)
{
	return guest->setup.read_reg(guest->setup.data, reg);
}

static void write_reg(struct cmdq_guest *guest, enum cmdq_reg reg,
		      uint32_t value)
{
	guest->setup.write_reg(guest->setup.data, reg, value);
}

static uint32_t read_cons(const struct cmdq_guest *guest)
{
	return read_reg(guest, CMDQ_REG_CONS) & (2 * slots_of(guest) - 1);
}

static uint64_t gpa_of(const struct cmdq_guest *guest, uint32_t position)
{
	return guest->setup.ring +
	       (uint64_t)slot_of(guest, position) * COMMAND_BYTES;
}

static void put(struct cmdq_guest *guest, uint32_t position,
		const struct iommunest_smmuv3_entry *entry)
{
	memcpy(guest->setup.memory + gpa_of(guest, position), entry,
	       sizeof(*entry));
}

static bool msi_is_written(const struct cmdq_guest *guest, uint32_t position)
{
	uint32_t word;

	memcpy(&word, guest->setup.memory + gpa_of(guest, position),
	       sizeof(word));
	return word == 0;
}

static struct iommunest_smmuv3_entry sync_at(const struct cmdq_guest *guest,
					     uint32_t position, bool msi)
{
	const struct iommunest_smmuv3_cmd cmd = {
		.size = sizeof(cmd),
		.opcode = IOMMUNEST_SMMUV3_SYNC,
		.signal = msi ? IOMMUNEST_SMMUV3_SIGNAL_IRQ
			      : IOMMUNEST_SMMUV3_SIGNAL_SEV,
		.addr = msi ? gpa_of(guest, position) : 0,
	};
	struct iommunest_smmuv3_entry entry;

	ck_assert_int_eq(iommunest_smmuv3_cmd_encode(&cmd, &entry), 0);
	return entry;
}

static void mark_written(struct cmdq_guest *guest, uint32_t position)
{
	guest->written[slot_of(guest, position)] = !lap_of(guest, position);
}

static bool is_written(const struct cmdq_guest *guest, uint32_t position)
{
	return guest->written[slot_of(guest, position)] !=
	       lap_of(guest, position);
}

/* ---- A list ---- */

static struct cmdq_list *list_of(struct cmdq_cpu *cpu)
{
	return &cpu->job.lists[cpu->list];
}

static uint32_t length(const struct cmdq_list *list)
{
	return list->count + !list->no_sync;
}

/* The CPU that finds no room looks at CONS, if nobody waits for a CMD_SYNC. */
static void reserve(struct cmdq_guest *guest, struct cmdq_cpu *cpu)
{
	const uint32_t n = length(list_of(cpu));

	if (!has_space(guest, n)) {
		if (!guest->sharers)
			guest->cons = read_cons(guest);
		return;
	}
	cpu->prod = guest->prod;
	cpu->owner = !guest->owned;
	guest->counts.gathered += !cpu->owner;
	guest->prod = next(guest, guest->prod, n);
	guest->owned = true;
	cpu->state = CMDQ_WRITES;
}

/* Whoever waits for a CMD_SYNC holds the lock before its slots are valid. */
static void write_list(struct cmdq_guest *guest, struct cmdq_cpu *cpu)
{
	struct cmdq_list *list = list_of(cpu);
	struct iommunest_smmuv3_entry sync;
	uint32_t i;

	for (i = 0; i < list->count; i++) {
		guest->setup.issued(guest->setup.data, &list->commands[i]);
		put(guest, next(guest, cpu->prod, i), &list->commands[i].entry);
	}
	if (!list->no_sync) {
		cpu->end = next(guest, cpu->prod, i);
		sync = sync_at(guest, cpu->end, guest->setup.msipoll);
		put(guest, cpu->end, &sync);
		guest->sharers++;
	}
	for (i = 0; i < length(list); i++)
		mark_written(guest, next(guest, cpu->prod, i));
	guest->counts.lists++;
	cpu->polls = 0;
	cpu->state = cpu->owner ? CMDQ_OWNS : CMDQ_POLLS;
}

static bool all_written(const struct cmdq_guest *guest, uint32_t from,
			uint32_t to)
{
	for (; from != to; from = next(guest, from, 1))
		if (!is_written(guest, from))
			return false;
	return true;
}

/* Once the owner before has kicked, nobody joins this one any more. */
static void stop_gathering(struct cmdq_guest *guest, struct cmdq_cpu *cpu)
{
	if (guest->owner_prod != cpu->prod)
		return;
	guest->owned = false;
	cpu->gathered = guest->prod;
	cpu->state = CMDQ_KICKS;
}

static void kick(struct cmdq_guest *guest, struct cmdq_cpu *cpu)
{
	if (!all_written(guest, cpu->prod, cpu->gathered))
		return;
	guest->counts.kicks++;
	guest->owner_prod = cpu->gathered;
	cpu->state = CMDQ_POLLS;
	write_reg(guest, CMDQ_REG_PROD, cpu->gathered);
}

/* ---- Waiting ---- */

/*
 * The last that waits takes over up to where it knows the ring to be free.  A
 * CPU that polls for an MSI takes its CMD_SYNC for consumed when it gives up,
 * too.
 */
static void stop_waiting(struct cmdq_guest *guest, struct cmdq_cpu *cpu)
{
	if (--guest->sharers)
		return;
	guest->cons = guest->setup.msipoll ? next(guest, cpu->end, 1)
					   : read_cons(guest);
}

static void judge(struct cmdq_guest *guest, const struct cmdq_list *list)
{
	unsigned int i;

	for (i = 0; i < list->count; i++) {
		const struct cmdq_command *command = &list->commands[i];

		if (!command->kind ||
		    guest->setup.is_done(guest->setup.data, command))
			continue;
		if (!guest->counts.lost++)
			guest->lost = *command;
	}
}

/* A list with a CMD_SYNC waits for those before it that have none, too. */
static void return_list(struct cmdq_guest *guest, struct cmdq_cpu *cpu)
{
	unsigned int i = cpu->list;

	if (!list_of(cpu)->no_sync) {
		judge(guest, &cpu->job.lists[i]);
		while (i > 0 && cpu->job.lists[i - 1].no_sync)
			judge(guest, &cpu->job.lists[--i]);
	}
	cpu->list++;
	cpu->state = cpu->list < cpu->job.count ? CMDQ_RESERVES : CMDQ_IDLE;
}

static void poll_sync(struct cmdq_guest *guest, struct cmdq_cpu *cpu)
{
	bool done;

	if (list_of(cpu)->no_sync) {
		return_list(guest, cpu);
		return;
	}
	done = guest->setup.msipoll
		       ? msi_is_written(guest, cpu->end)
		       : is_consumed(guest, cpu->end, read_cons(guest));
	if (!done && ++cpu->polls < guest->setup.patience)
		return;
	guest->counts.gave_up += !done;
	stop_waiting(guest, cpu);
	return_list(guest, cpu);
}

/* ---- GERROR ---- */

/* What Linux does for each CONS.ERR: nothing, except for ILL. */
static void skip_error(struct cmdq_guest *guest)
{
	const uint32_t cons = read_reg(guest, CMDQ_REG_CONS);
	const uint32_t error = (cons & IOMMUNEST_SMMUV3_CMDQ_CONS_ERR) >>
			       IOMMUNEST_SMMUV3_CMDQ_CONS_ERR_SHIFT;
	struct iommunest_smmuv3_entry sync;

	guest->counts.errors[error & 3]++;
	if (error == IOMMUNEST_SMMUV3_CERROR_NONE ||
	    error == IOMMUNEST_SMMUV3_CERROR_ABT ||
	    error == IOMMUNEST_SMMUV3_CERROR_ATC_INV_SYNC)
		return;
	sync = sync_at(guest, cons, false);
	put(guest, cons, &sync);
}

bool cmdq_interrupt(struct cmdq_guest *guest)
{
	const unsigned int cpu = guest->setup.irq_cpu;
	uint32_t gerror, active;

	if (cpu < guest->setup.cpus && guest->cpu[cpu].state != CMDQ_IDLE &&
	    guest->cpu[cpu].state != CMDQ_RESERVES)
		return false;
	gerror = read_reg(guest, CMDQ_REG_GERROR);
	active = gerror ^ read_reg(guest, CMDQ_REG_GERRORN);
	if (!active)
		return false;
	if (active & IOMMUNEST_SMMUV3_GERROR_CMDQ)
		skip_error(guest);
	write_reg(guest, CMDQ_REG_GERRORN, gerror);
	return true;
}

/* ---- Running it ---- */

void cmdq_init(struct cmdq_guest *guest, const struct cmdq_setup *setup)
{
	ck_assert_uint_le(setup->cpus, CMDQ_CPUS);
	ck_assert_uint_le(1u << setup->log2size, CMDQ_SLOTS_MAX);
	*guest = (struct cmdq_guest){ .setup = *setup };
}

bool cmdq_step(struct cmdq_guest *guest, unsigned int nth)
{
	struct cmdq_cpu *cpu = &guest->cpu[nth];

	switch (cpu->state) {
	case CMDQ_IDLE:
		cpu->job = (struct cmdq_job){ 0 };
		cpu->list = 0;
		if (!guest->setup.next_job(guest->setup.data, nth, &cpu->job))
			return false;
		cpu->state = CMDQ_RESERVES;
		return true;
	case CMDQ_RESERVES:
		reserve(guest, cpu);
		return true;
	case CMDQ_WRITES:
		write_list(guest, cpu);
		return true;
	case CMDQ_OWNS:
		stop_gathering(guest, cpu);
		return true;
	case CMDQ_KICKS:
		kick(guest, cpu);
		return true;
	default:
		poll_sync(guest, cpu);
		return true;
	}
}

void cmdq_advance(struct cmdq_guest *guest, uint32_t slots)
{
	struct iommunest_smmuv3_entry sync;

	for (; slots; slots--) {
		sync = sync_at(guest, guest->prod, false);
		put(guest, guest->prod, &sync);
		mark_written(guest, guest->prod);
		guest->prod = next(guest, guest->prod, 1);
		write_reg(guest, CMDQ_REG_PROD, guest->prod);
		guest->setup.work(guest->setup.data);
		ck_assert_uint_eq(read_cons(guest), guest->prod);
	}
	guest->cons = guest->prod;
	guest->owner_prod = guest->prod;
}

static bool step_all(struct cmdq_guest *guest, const unsigned int *steps)
{
	unsigned int cpu, i;
	bool busy = false;

	for (cpu = 0; cpu < guest->setup.cpus; cpu++)
		for (i = 0; i < steps[cpu]; i++)
			busy |= cmdq_step(guest, cpu);
	return busy;
}

static unsigned int outcome_of(const struct cmdq_guest *guest,
			       unsigned int ended)
{
	if (guest->counts.gave_up)
		ended |= CMDQ_GAVE_UP;
	if (guest->counts.lost)
		ended |= CMDQ_LOST;
	if (ended & (CMDQ_GAVE_UP | CMDQ_LOST))
		ended &= ~(unsigned int)CMDQ_ALL_DONE;
	return ended;
}

/* More rounds than any of these tests takes. */
#define ROUNDS 100000u

unsigned int cmdq_run(struct cmdq_guest *guest, const unsigned int *steps)
{
	const struct cmdq_setup *setup = &guest->setup;
	unsigned int round;

	for (round = 0; round < ROUNDS; round++) {
		if (!step_all(guest, steps))
			return outcome_of(guest, CMDQ_ALL_DONE);
		if (setup->is_halted && setup->is_halted(setup->data))
			return outcome_of(guest, CMDQ_HALTED);
		cmdq_interrupt(guest);
		setup->work(setup->data);
	}
	return outcome_of(guest, CMDQ_FOREVER);
}

const char *cmdq_outcome_text(unsigned int outcomes)
{
	static const char *const names[] = { "all done", "lost", "gave up",
					     "forever", "halted" };
	static char text[64];
	size_t i, len = 0;

	text[0] = '\0';
	for (i = 0; i < ARRAY_LEN(names); i++)
		if (outcomes >> i & 1)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						"%s%s", len ? ", " : "",
						names[i]);
	return text;
}
