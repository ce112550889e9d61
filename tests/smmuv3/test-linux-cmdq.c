/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Failures that Linux's driver has to survive: over both ways in which it waits
 * for a CMD_SYNC, speeds of its CPUs, places in the ring, budgets, times at
 * which the engine runs, and with and without a migration before each run.
 */
#include <errno.h>
#include <malloc.h>

#include "tests/harness/support.h"
#include "tests/smmuv3/cmdq-vmm.h"

#define LOG2SIZE 5u
#define SLOTS (1u << LOG2SIZE)
#define CPUS 3u
#define PATIENCE 200u

/* The page that failures are about. */
#define BAD_ADDR 0x5000u

static struct vmm vmm;
static struct cmdq_guest guest;

/* ---- What the CPUs issue ---- */

/* What the CPU in the middle issues first. */
enum job {
	/* A few pages, the bad one in the middle. */
	PAGES,
	/* The page, and then the device's TLB of it. */
	PAGE_AND_ATC,
	/* The descriptors of both, and then their ASID. */
	DESCRIPTORS,
	/* The same with a CMD_SYNC between, which Linux would wait for. */
	DESCRIPTORS_AT_ONCE,
	/* A list that the next one waits for. */
	NO_SYNC,
	/* A stream table entry, between pages. */
	STE,
	/* A command that there is not for this guest. */
	ILLEGAL,
	JOBS
};

static unsigned int issued[CMDQ_CPUS];

static void add_pages(struct cmdq_list *list, uint64_t addr, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		cmdq_add(list, CACHES_PAGE, addr + ((uint64_t)i << 12));
}

static void fill(struct cmdq_job *job, enum job kind)
{
	struct cmdq_list *list = cmdq_add_list(job);

	switch (kind) {
	case PAGES:
		add_pages(list, 0x4000, 3);
		break;
	case PAGE_AND_ATC:
		cmdq_add(list, CACHES_PAGE, BAD_ADDR);
		cmdq_add(cmdq_add_list(job), CACHES_ATC, BAD_ADDR);
		break;
	case DESCRIPTORS:
		cmdq_add(list, CACHES_CD, 0);
		cmdq_add(list, CACHES_CD, 1);
		cmdq_add(cmdq_add_list(job), CACHES_ASID_ALL, 0);
		break;
	case DESCRIPTORS_AT_ONCE:
		cmdq_add(list, CACHES_CD, 0);
		cmdq_add(list, CACHES_CD, 1);
		cmdq_add(list, VMM_SYNC, 0);
		cmdq_add(list, CACHES_ASID_ALL, 0);
		break;
	case NO_SYNC:
		list->no_sync = true;
		add_pages(list, 0x4000, 4);
		cmdq_add(cmdq_add_list(job), CACHES_PAGE, BAD_ADDR);
		break;
	case STE:
		cmdq_add(list, CACHES_PAGE, 0x4000);
		cmdq_add(list, VMM_STE, 0);
		cmdq_add(list, CACHES_PAGE, BAD_ADDR);
		break;
	default:
		cmdq_add(list, CACHES_PAGE, 0x4000);
		cmdq_add(list, VMM_ILLEGAL, 0);
		cmdq_add(list, CACHES_PAGE, BAD_ADDR);
	}
}

/* The others are well, and have pages of their own. */
static bool next_job(void *data, unsigned int cpu, struct cmdq_job *job)
{
	const enum job kind = ((const struct vmm *)data)->job;
	const unsigned int nth = issued[cpu]++;

	if (nth >= 3)
		return false;
	if (cpu == 1)
		fill(job, nth == 0 ? kind : nth == 1 ? PAGES : STE);
	else
		add_pages(cmdq_add_list(job), cpu ? 0x8000 : 0, 1 + nth);
	return true;
}

/* ---- Where and when ---- */

static const unsigned int places[] = { 0, 1, 20, 26, 29, 30, 31 };
static const unsigned int budgets[] = { 0, 1, 3 };
static const unsigned int speeds[][CMDQ_CPUS] = {
	{ 1, 1, 1 },
	{ 4, 1, 2 },
	{ 1, 6, 1 },
	{ 2, 3, 6 },
};

/* A number from 0 to VARIANTS - 1 says all of it. */
#define VARIANTS \
	(2 * 2 * 2 * ARRAY_LEN(places) * ARRAY_LEN(budgets) * ARRAY_LEN(speeds))

/*
 * Not all of them: 11 has no factor with what they are made of, so that each
 * choice comes with each other one.
 */
#define STRIDE 11u

static unsigned int pick(unsigned int *variant, size_t n)
{
	unsigned int choice = *variant % (unsigned int)n;

	*variant /= (unsigned int)n;
	return choice;
}

static unsigned int play(const struct vmm_options *from, enum job kind,
			 unsigned int irq_cpu, unsigned int variant)
{
	struct vmm_options options = *from;
	struct cmdq_setup setup = {
		.next_job = next_job,
		.data = &vmm,
		.log2size = LOG2SIZE,
		.cpus = CPUS,
		.irq_cpu = irq_cpu,
		.patience = PATIENCE,
	};
	const unsigned int *steps;
	unsigned int place, outcome, i;

	setup.msipoll = pick(&variant, 2);
	options.defers = pick(&variant, 2);
	options.migrates = pick(&variant, 2);
	steps = speeds[pick(&variant, ARRAY_LEN(speeds))];
	options.budget = budgets[pick(&variant, ARRAY_LEN(budgets))];
	place = places[pick(&variant, ARRAY_LEN(places))];
	for (i = 0; i < CPUS; i++)
		issued[i] = 0;
	vmm_start(&vmm, &options, LOG2SIZE);
	vmm_set_up(&vmm, &setup);
	vmm.job = kind;
	cmdq_init(&guest, &setup);
	cmdq_advance(&guest, place);
	outcome = cmdq_run(&guest, steps);
	vmm_finish(&vmm);
	return outcome;
}

/* ---- What fails, and how the VMM has it ---- */

struct failure {
	const char *name;
	struct vmm_rule rules[VMM_RULES];
	enum {
		/* A flush of all heals it. */
		HEALS,
		/* It fails, too, at first. */
		PASSES,
		/* It fails always. */
		LASTS,
	} how;
};

#define TLBI_VA IOMMUNEST_SMMUV3_TLBI_NH_VA
#define ENTRY(target_, times_)                                         \
	{                                                              \
		.error = -EIO, .target = (target_), .opcode = TLBI_VA, \
		.addr = BAD_ADDR, .times = (times_)                    \
	}
#define CALL(target_, error_, times_)                                 \
	{                                                             \
		.call = true, .error = (error_), .target = (target_), \
		.times = (times_)                                     \
	}
#define OPCODE(opcode_, error_, times_)                                    \
	{                                                                  \
		.call = true, .error = (error_), .target = CACHES_TARGETS, \
		.opcode = (opcode_), .times = (times_)                     \
	}
#define BOTH CACHES_TARGETS

static const struct failure failures[] = {
	{ .name = "nothing" },
	{ .name = "EIO once", .rules = { ENTRY(0, 1) } },
	{ .name = "EIO twice", .rules = { ENTRY(1, 2) } },
	{ .name = "EIO at both", .rules = { ENTRY(BOTH, 6) } },
	{ .name = "EIO always", .rules = { ENTRY(0, 0) } },
	{ .name = "EIO at the entry, and at all",
	  .rules = { ENTRY(0, 0),
		     OPCODE(IOMMUNEST_SMMUV3_TLBI_NSNH_ALL, -EIO, 0) },
	  .how = LASTS },
	{ .name = "ENOMEM once", .rules = { CALL(0, -ENOMEM, 1) } },
	{ .name = "ENOMEM for a while",
	  .rules = { CALL(1, -ENOMEM, 12) },
	  .how = PASSES },
	{ .name = "ENOMEM always",
	  .rules = { CALL(BOTH, -ENOMEM, 0) },
	  .how = LASTS },
	{ .name = "ETIMEDOUT once", .rules = { CALL(1, -ETIMEDOUT, 1) } },
	{ .name = "ETIMEDOUT for a while",
	  .rules = { CALL(0, -ETIMEDOUT, 7) },
	  .how = PASSES },
	{ .name = "ETIMEDOUT at both",
	  .rules = { CALL(BOTH, -ETIMEDOUT, 5) },
	  .how = PASSES },
	{ .name = "ETIMEDOUT always at one",
	  .rules = { CALL(1, -ETIMEDOUT, 0) },
	  .how = LASTS },
	{ .name = "ETIMEDOUT always",
	  .rules = { CALL(BOTH, -ETIMEDOUT, 0) },
	  .how = LASTS },
	{ .name = "ETIMEDOUT of a device, for a while",
	  .rules = { OPCODE(IOMMUNEST_SMMUV3_ATC_INV, -ETIMEDOUT, 5) },
	  .how = PASSES },
	{ .name = "ETIMEDOUT of a device, always",
	  .rules = { OPCODE(IOMMUNEST_SMMUV3_ATC_INV, -ETIMEDOUT, 0) },
	  .how = LASTS },
	{ .name = "EIO of a descriptor, for a while",
	  .rules = { OPCODE(IOMMUNEST_SMMUV3_CFGI_CD, -EIO, 4) } },
	{ .name = "EINTR for a while",
	  .rules = { CALL(0, -EINTR, 40) },
	  .how = PASSES },
};

static struct vmm_options options_of(const struct failure *failure)
{
	struct vmm_options options = { 0 };
	unsigned int i;

	for (i = 0; i < VMM_RULES; i++)
		options.rules[i] = failure->rules[i];
	return options;
}

static void expect(const char *name, enum job kind, unsigned int variant,
		   unsigned int outcome, unsigned int allowed)
{
	if (outcome & ~allowed)
		ck_abort_msg("%s, job %d, variant %u: %s", name, kind, variant,
			     cmdq_outcome_text(outcome));
}

/* All outcomes that there were, none of them another than @allowed. */
static unsigned int sweep(const struct failure *failure,
			  const struct vmm_options *options,
			  unsigned int irq_cpu, unsigned int allowed)
{
	unsigned int variant, outcome, seen = 0;
	enum job kind;

	for (kind = 0; kind < JOBS; kind++)
		for (variant = kind; variant < VARIANTS; variant += STRIDE) {
			outcome = play(options, kind, irq_cpu, variant);
			expect(failure->name, kind, variant, outcome, allowed);
			seen |= outcome;
		}
	return seen;
}

/* The room of an engine is not to go back to the system after each run. */
static void keep_memory(void)
{
#ifdef M_TRIM_THRESHOLD
	mallopt(M_MMAP_THRESHOLD, 1 << 24);
	mallopt(M_TRIM_THRESHOLD, 1 << 24);
#endif
}

FIXTURE(keep_memory, NULL);

/* ---- Tests ---- */

static bool fails(const struct failure *failure)
{
	return failure->rules[0].error != 0;
}

/* Healed, or cut off: whatever the host does, the guest does not notice. */
TEST_LOOP(what_is_healed_or_cut_off_loses_nothing, ARRAY_LEN(failures))
{
	struct vmm_options options = options_of(&failures[_i]);

	options.isolate = VMM_ISOLATES;
	sweep(&failures[_i], &options, CMDQ_OTHER_CPU, CMDQ_ALL_DONE);
}

/* There is nothing to see, so it does not matter who would. */
TEST_LOOP(it_does_not_depend_on_who_takes_interrupts, ARRAY_LEN(failures))
{
	struct vmm_options options = options_of(&failures[_i]);
	unsigned int variant;

	options.isolate = VMM_ISOLATES;
	for (variant = 0; variant < VARIANTS; variant += STRIDE) {
		expect(failures[_i].name, PAGE_AND_ATC, variant,
		       play(&options, PAGE_AND_ATC, variant % CPUS, variant),
		       CMDQ_ALL_DONE);
		ck_assert_uint_eq(vmm.gerror, 0);
	}
}

/* The VMM is told, and stops the guest before it believes anything. */
TEST_LOOP(what_cannot_be_cut_off_halts_and_is_not_shown, ARRAY_LEN(failures))
{
	struct vmm_options options = options_of(&failures[_i]);
	unsigned int seen;

	options.isolate = VMM_CANNOT_ISOLATE;
	seen = sweep(&failures[_i], &options, CMDQ_OTHER_CPU,
		     failures[_i].how == HEALS ? CMDQ_ALL_DONE
					       : CMDQ_ALL_DONE | CMDQ_HALTED);
	ck_assert_uint_eq(!(seen & CMDQ_HALTED), failures[_i].how == HEALS);
}

/* Linux has it fetched again until it succeeds. */
TEST_LOOP(abt_gets_over_what_does_not_last, ARRAY_LEN(failures))
{
	struct vmm_options options = options_of(&failures[_i]);

	options.unhealed = IOMMUNEST_SMMUV3_UNHEALED_ABT;
	if (failures[_i].how != LASTS)
		sweep(&failures[_i], &options, CMDQ_OTHER_CPU, CMDQ_ALL_DONE);
}

/* What lasts for a second Linux gives up, and believes that it is done. */
TEST_LOOP(abt_is_no_answer_to_what_lasts, ARRAY_LEN(failures))
{
	struct vmm_options options = options_of(&failures[_i]);
	unsigned int variant, seen = 0;

	if (failures[_i].how != LASTS)
		return;
	options.unhealed = IOMMUNEST_SMMUV3_UNHEALED_ABT;
	for (variant = 0; variant < VARIANTS; variant += 61)
		seen |= play(&options, PAGE_AND_ATC, CMDQ_OTHER_CPU, variant);
	ck_assert_uint_ne(seen & CMDQ_GAVE_UP, 0);
	ck_assert_uint_ne(seen & CMDQ_LOST, 0);
	ck_assert_uint_eq(seen & CMDQ_HALTED, 0);
}

TEST_LOOP(stop_halts_and_loses_nothing, ARRAY_LEN(failures))
{
	struct vmm_options options = options_of(&failures[_i]);
	unsigned int seen;

	options.policy = IOMMUNEST_SMMUV3_CMDQ_STOP;
	seen = sweep(&failures[_i], &options, CMDQ_OTHER_CPU,
		     CMDQ_ALL_DONE | CMDQ_HALTED);
	if (!fails(&failures[_i]))
		ck_assert_uint_eq(seen, CMDQ_ALL_DONE);
}

/* The judge takes what the VMM was told of for done. */
TEST_LOOP(skip_tells_of_all_that_is_lost, ARRAY_LEN(failures))
{
	struct vmm_options options = options_of(&failures[_i]);

	options.policy = IOMMUNEST_SMMUV3_CMDQ_SKIP;
	sweep(&failures[_i], &options, CMDQ_OTHER_CPU,
	      CMDQ_ALL_DONE | CMDQ_HALTED);
}

/* Of the illegal command Linux makes a CMD_SYNC, once, and the rest is done. */
TEST(only_what_is_illegal_is_called_so)
{
	const struct vmm_options options = { .isolate = VMM_ISOLATES };
	unsigned int variant;

	for (variant = 0; variant < VARIANTS; variant += STRIDE) {
		expect("nothing", ILLEGAL, variant,
		       play(&options, ILLEGAL, CMDQ_OTHER_CPU, variant),
		       CMDQ_ALL_DONE);
		ck_assert_uint_eq(
			guest.counts.errors[IOMMUNEST_SMMUV3_CERROR_ILL], 1);
		ck_assert_uint_eq(
			guest.counts.errors[IOMMUNEST_SMMUV3_CERROR_ABT], 0);
	}
}

/* What is in doubt is sent again before the CMD_SYNC completes. */
TEST(device_tlbs_that_time_out_are_synced_again)
{
	const struct vmm_options options = {
		.unhealed = IOMMUNEST_SMMUV3_UNHEALED_ABT,
		.rules = { OPCODE(IOMMUNEST_SMMUV3_ATC_INV, -ETIMEDOUT, 9) },
	};
	unsigned int variant, synced = 0;

	for (variant = 0; variant < VARIANTS; variant += STRIDE) {
		expect("ETIMEDOUT", PAGE_AND_ATC, variant,
		       play(&options, PAGE_AND_ATC, CMDQ_OTHER_CPU, variant),
		       CMDQ_ALL_DONE);
		synced += guest.counts
				  .errors[IOMMUNEST_SMMUV3_CERROR_ATC_INV_SYNC];
	}
	ck_assert_uint_gt(synced, 0);
}

/* ---- The VMM's own commands ---- */

static const struct command_row {
	uint32_t unhealed;
	unsigned int fails;
	int error;
	unsigned int allowed;
	/* It is called illegal. */
	bool illegal;
} command_rows[] = {
	{ 0, 1, -ENOMEM, CMDQ_HALTED, false },
	{ IOMMUNEST_SMMUV3_UNHEALED_ABT, 1, -ENOMEM, CMDQ_ALL_DONE, false },
	{ IOMMUNEST_SMMUV3_UNHEALED_ABT, 5, -EIO, CMDQ_ALL_DONE, false },
	{ 0, 1, -EBADMSG, CMDQ_ALL_DONE, true },
	{ IOMMUNEST_SMMUV3_UNHEALED_ABT, 1, -EBADMSG, CMDQ_ALL_DONE, true },
};

TEST_LOOP(a_command_that_the_vmm_fails, ARRAY_LEN(command_rows))
{
	const struct command_row *row = &command_rows[_i];
	const struct vmm_options options = {
		.unhealed = row->unhealed,
		.isolate = VMM_ISOLATES,
		.command_fails = row->fails,
		.command_error = row->error,
	};
	unsigned int variant;

	for (variant = 0; variant < VARIANTS; variant += STRIDE) {
		expect("command", STE, variant,
		       play(&options, STE, CMDQ_OTHER_CPU, variant),
		       row->allowed);
		ck_assert_uint_eq(
			guest.counts.errors[IOMMUNEST_SMMUV3_CERROR_ILL],
			row->illegal);
	}
}

/* ---- At random ---- */

static struct support_rng rng;

#define RANDOM_JOBS 100u

static bool random_job(void *data, unsigned int cpu, struct cmdq_job *job)
{
	const uint64_t base = (uint64_t)cpu << 14;
	struct cmdq_list *list = cmdq_add_list(job);

	(void)data;
	if (issued[cpu]++ >= RANDOM_JOBS)
		return false;
	switch (support_rng_below(&rng, cpu ? 4 : 6)) {
	case 0:
		cmdq_add(list, CACHES_PAGE, base);
		cmdq_add(cmdq_add_list(job), CACHES_ATC, base);
		break;
	case 1:
		list->no_sync = true;
		add_pages(list, base, 3);
		add_pages(cmdq_add_list(job), base, 1);
		break;
	case 2:
		cmdq_add(list, VMM_ILLEGAL, 0);
		break;
	case 4:
		cmdq_add(list, CACHES_CD, 0);
		cmdq_add(list, CACHES_CD, 1);
		cmdq_add(cmdq_add_list(job), CACHES_ASID_ALL, 0);
		break;
	case 5:
		cmdq_add(list, VMM_STE, 0);
		break;
	default:
		add_pages(list, base, 1 + support_rng_below(&rng, 4));
	}
	return true;
}

static struct vmm_rule random_rule(void)
{
	static const int errors[] = { -ENOMEM, -ETIMEDOUT, -EINTR, -EFAULT };
	static const unsigned int opcodes[] = {
		0,
		0,
		TLBI_VA,
		IOMMUNEST_SMMUV3_TLBI_NSNH_ALL,
		IOMMUNEST_SMMUV3_CFGI_CD,
		IOMMUNEST_SMMUV3_ATC_INV,
	};
	struct vmm_rule rule = {
		.call = support_rng_below(&rng, 2),
		.error = -EIO,
		.target = support_rng_below(&rng, CACHES_TARGETS + 1),
		.opcode = opcodes[support_rng_below(&rng, ARRAY_LEN(opcodes))],
		.times = 1 + support_rng_below(&rng, 30),
	};

	if (rule.call)
		rule.error = errors[support_rng_below(&rng, ARRAY_LEN(errors))];
	return rule;
}

TEST(a_random_guest_on_a_random_host_loses_nothing)
{
	struct vmm_options options = { .isolate = VMM_ISOLATES };
	struct cmdq_setup setup = {
		.next_job = random_job,
		.data = &vmm,
		.log2size = LOG2SIZE,
		.cpus = CMDQ_CPUS,
		.irq_cpu = CMDQ_OTHER_CPU,
		.patience = PATIENCE,
	};
	unsigned int steps[CMDQ_CPUS], round, i, outcome;

	support_rng_start(&rng, "linux-cmdq");
	for (round = 0; round < 200; round++) {
		for (i = 0; i < CMDQ_CPUS; i++) {
			issued[i] = 0;
			steps[i] = 1 + support_rng_below(&rng, 5);
		}
		for (i = 0; i < VMM_RULES; i++)
			options.rules[i] = random_rule();
		options.defers = support_rng_below(&rng, 2);
		options.migrates = support_rng_below(&rng, 2);
		options.budget = support_rng_below(&rng, 8);
		setup.msipoll = support_rng_below(&rng, 2);
		vmm_start(&vmm, &options, LOG2SIZE);
		vmm_set_up(&vmm, &setup);
		cmdq_init(&guest, &setup);
		cmdq_advance(&guest, support_rng_below(&rng, SLOTS));
		outcome = cmdq_run(&guest, steps);
		if (outcome != CMDQ_ALL_DONE)
			ck_abort_msg("round %u: %s; again: " SUPPORT_SEED
				     "=%#llx",
				     round, cmdq_outcome_text(outcome),
				     (unsigned long long)rng.seed);
		vmm_finish(&vmm);
	}
}
