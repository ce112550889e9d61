/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Random guests on random hosts; cmdq-judge.h says what has to hold.
 *
 * IOMMUNEST_TEST_SEED is the first guest's seed, and each further guest's is
 * one more; IOMMUNEST_COUNT says how many commands there are in all, at least.
 * A failure names the seed of its guest; with that one, and a count of 1, this
 * program does the same again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <libiommunest.h>

#include "tests/cmdq/cmdq-judge.h"
#include "tests/harness/script.h"
#include "tests/harness/support.h"
#include "tests/smmuv3/cmd-rows.h"

#define COMMANDS_PER_GUEST 1000u
#define DEFAULT_COUNT 200000u
#define SLOTS_MAX 256u
#define FIRST_VIOMMU 70u
#define GROUP 63u
#define NEVER 0u

static uint64_t first_seed;
/* What all the guests' processes have done together. */
static uint64_t *handled;
static struct support_rng rng;

enum meaning {
	COUNTS_CHECKED,
	COUNTS_GROUPS,
	COUNTS_DONE,
	MEANINGS,
};

/* What calls to one target failed with, in this run. */
#define FAILED_MAX 8192u
/* It was in an array of which another entry was refused. */
#define WITH_REFUSED 0

struct failed {
	uint32_t target;
	int error;
	uint64_t words[2];
};

static struct {
	struct judge judge;
	struct iommunest_ctx *ctx[2];
	struct iommunest_smmuv3_cmdq *q;
	struct iommunest_smmuv3_cmdq_ops ops;
	struct iommunest_smmuv3_cmdq_options options;
	struct iommunest_smmuv3_caps caps;

	/* The guest. */
	uint64_t base;
	unsigned int log2;
	uint64_t ring[SLOTS_MAX][2];
	uint32_t bad_first;
	uint32_t bad_count;
	bool enabled;

	/* The host. */
	enum meaning meaning;
	/* A call fails at random, once in so many; or NEVER. */
	uint32_t fail_one_in;
	/* A target whose calls all fail with this, or 0. */
	int dead[JUDGE_TARGETS];
	/* A target whose device TLBs do not answer. */
	bool silent[JUDGE_TARGETS];
	/* Streams whose commands are refused. */
	uint32_t refused_sids;
	struct failed failed[FAILED_MAX];
	uint32_t n_failed;
	uint32_t calls;
	uint32_t traced;
	/* Of the last call, for the trace. */
	int last_ret;

	/* The VMM's functions fail, once in so many. */
	uint32_t vmm_fails_one_in;
	/* What one returned in this run. */
	int vmm_error;
	uint32_t skips;
	uint32_t last_skip;
	struct iommunest_smmuv3_cmdq_result result;
	int ret;
	/* The last command that PROD has told of. */
	uint64_t kicked;
	uint64_t done;
} world;

/* ---- Chance ---- */

static uint32_t below(uint32_t n)
{
	return support_rng_below(&rng, n);
}

static bool one_in(uint32_t n)
{
	return n != NEVER && below(n) == 0;
}

static void broken(const char *what)
{
	ck_abort_msg("%s; again: " SUPPORT_SEED "=%#llx", what,
		     (unsigned long long)rng.seed);
}

#define must(what)                     \
	do {                           \
		if (!(what))           \
			broken(#what); \
	} while (0)

/* ---- Commands ---- */

struct choice {
	uint64_t words[2];
	enum judge_kind kind;
};

static uint32_t last_sid;
static uint64_t last_page;
static uint32_t last_asid;

static uint64_t any_sid(void)
{
	if (one_in(3))
		last_sid = below(JUDGE_SIDS);
	return (uint64_t)last_sid << 32;
}

static uint64_t any_asid(void)
{
	if (one_in(3))
		last_asid = below(JUDGE_ASIDS);
	return (uint64_t)last_asid << 48;
}

static uint64_t any_page(void)
{
	if (one_in(2))
		last_page = below(JUDGE_PAGES);
	return last_page << 12;
}

static uint64_t any_vmid(void)
{
	return one_in(4) ? (uint64_t)below(65536) << 32 : 0;
}

/* A range in place of a page. */
static void make_range(uint64_t words[2])
{
	if (!world.caps.ril || !one_in(3))
		return;
	words[0] |= (uint64_t)(1 + below(31)) << 12;
	words[0] |= (uint64_t)below(2) << 20;
	words[1] |= UINT64_C(1) << 10;
}

static struct choice any_tlbi(void)
{
	struct choice choice = { .kind = JUDGE_TLBI };

	switch (below(12)) {
	case 0:
		choice.words[0] = 0x10 | any_vmid();
		break;
	case 1:
		choice.words[0] = 0x30;
		break;
	case 2:
	case 3:
		choice.words[0] = 0x11 | any_vmid() | any_asid();
		break;
	case 4:
	case 5:
		choice.words[0] = 0x13 | any_vmid();
		choice.words[1] = any_page() | below(2);
		make_range(choice.words);
		break;
	default:
		choice.words[0] = 0x12 | any_vmid() | any_asid();
		choice.words[1] = any_page() | below(2);
		make_range(choice.words);
		break;
	}
	return choice;
}

static uint64_t any_ssid(void)
{
	return world.caps.ssid_bits && one_in(4) ? (uint64_t)below(3) << 12 : 0;
}

static struct choice any_cfgi(void)
{
	struct choice choice = { .kind = JUDGE_CFGI };

	if (one_in(3)) {
		choice.words[0] = 0x06 | any_sid();
	} else {
		choice.words[0] = 0x05 | any_sid() | any_ssid();
		choice.words[1] = below(2);
	}
	return choice;
}

static struct choice any_atc(void)
{
	struct choice choice = { .kind = JUDGE_ATC };
	uint64_t ssid;

	if (!world.caps.ats)
		return any_tlbi();
	choice.words[0] = 0x40 | any_sid();
	choice.words[1] = any_page() | (one_in(4) ? 52 : below(5));
	ssid = any_ssid();
	if (ssid)
		choice.words[0] |= ssid | 1 << 11;
	return choice;
}

static struct choice any_sync(uint32_t slot)
{
	struct choice choice = { .kind = JUDGE_SYNC };
	const uint64_t signal = below(3);

	choice.words[0] = 0x46 | signal << 12;
	if (signal != 1 || one_in(3))
		return choice;
	if (one_in(2)) {
		choice.words[1] = world.base + (uint64_t)slot * 16;
	} else {
		choice.words[0] |= (uint64_t)below(1000) << 32;
		choice.words[1] = 0x1000 + below(64) * 4;
	}
	return choice;
}

static struct choice any_for_vmm(void)
{
	static const uint8_t opcodes[] = { 0x03, 0x03, 0x03, 0x04,
					   0x41, 0x44, 0x45 };
	const uint8_t opcode = opcodes[below(sizeof(opcodes))];
	struct choice choice = { .kind = JUDGE_FOR_VMM };

	choice.words[0] = opcode | any_sid();
	if (opcode == 0x04)
		choice.words[1] = 31;
	return choice;
}

static struct choice any_prefetch(void)
{
	return (struct choice){ { (1 + below(2)) | any_sid(), 0 },
				JUDGE_PREFETCH };
}

/* Each breaks one rule. */
static struct choice any_illegal(void)
{
	static const uint8_t opcodes[] = { 0x00, 0x07, 0x18, 0x1a, 0x20, 0x21,
					   0x22, 0x28, 0x2a, 0x50, 0x47, 0xff };
	struct choice choice;

	switch (below(11)) {
	case 0:
		choice = any_cfgi();
		choice.words[0] |= 1 << 10;
		break;
	case 1:
		choice = any_for_vmm();
		choice.words[0] |= 1 << 10;
		break;
	case 2:
		choice = any_prefetch();
		choice.words[0] |= 1 << 10;
		break;
	case 3:
		choice.words[0] = 0x12 | any_asid();
		choice.words[1] = any_page() | 1 << (1 + below(7));
		break;
	case 4:
		choice.words[0] = 0x06 | any_sid();
		choice.words[1] = 1;
		break;
	case 5:
		choice.words[0] = 0x40 | any_sid();
		choice.words[1] = 53 + below(11);
		break;
	case 6:
		choice.words[0] = 0x30 | UINT64_C(1) << (32 + below(32));
		choice.words[1] = 0;
		break;
	case 7:
		choice.words[0] = 0x13 | UINT64_C(1) << (48 + below(16));
		choice.words[1] = any_page();
		break;
	case 8:
		choice = any_sync(0);
		choice.words[0] |= 3 << 12;
		break;
	case 9:
		choice.words[0] = 0x12 | any_asid() | 2 << 12;
		choice.words[1] = any_page();
		break;
	default:
		choice.words[0] = opcodes[below(sizeof(opcodes))];
		choice.words[1] = 0;
		break;
	}
	choice.kind = JUDGE_ILLEGAL;
	return choice;
}

/* Often a guest sends commands of one class, and a CMD_SYNC now and then. */
static unsigned int mood;

/* Guests whose device TLBs do not answer, and who see that. */
static bool has_doubts;

static struct choice any_command(uint32_t slot)
{
	const uint32_t n = below(100);

	if (mood < 4 && n < 95) {
		if (n < 25)
			return any_sync(slot);
		if (mood == 0)
			return any_tlbi();
		return mood == 1 ? any_cfgi() : any_atc();
	}
	if (n < 35)
		return any_tlbi();
	if (n < 45)
		return any_cfgi();
	if (n < 62)
		return any_atc();
	if (n < 92 || world.judge.calm)
		return any_sync(slot);
	if (n < 95)
		return any_prefetch();
	if (n < 99)
		return any_for_vmm();
	return any_illegal();
}

/* ---- The host ---- */

static uint32_t target_of(uint32_t viommu)
{
	must(viommu >= FIRST_VIOMMU && viommu < FIRST_VIOMMU + JUDGE_TARGETS);
	return viommu - FIRST_VIOMMU;
}

static void words_of(const void *entries, uint32_t i, uint64_t words[2])
{
	const unsigned char *bytes = (const unsigned char *)entries + i * 16;
	unsigned int k;

	words[0] = words[1] = 0;
	for (k = 0; k < 16; k++)
		words[k / 8] |= (uint64_t)bytes[k] << k % 8 * 8;
}

static void note_failed(uint32_t target, int error, const uint64_t words[2])
{
	must(world.n_failed < FAILED_MAX);
	world.failed[world.n_failed++] =
		(struct failed){ target, error, { words[0], words[1] } };
}

/* The whole call failed. */
static int fail_call(struct script_invalidate *cmd, int error)
{
	const void *entries = (const void *)(uintptr_t)cmd->data_uptr;
	const uint32_t target = target_of(cmd->hwpt_id);
	uint64_t words[2];
	uint32_t i;

	for (i = 0; i < cmd->entry_num; i++) {
		words_of(entries, i, words);
		note_failed(target, error, words);
	}
	if (error == -ETIMEDOUT && world.meaning == COUNTS_CHECKED)
		cmd->entry_num--;
	else if (error != -ENOMEM || world.meaning == COUNTS_DONE)
		cmd->entry_num = 0;
	return error;
}

/* Backwards, or in any order: hardware has none. */
static void execute(const struct script_invalidate *cmd, uint32_t count)
{
	const void *entries = (const void *)(uintptr_t)cmd->data_uptr;
	const uint32_t target = target_of(cmd->hwpt_id);
	const uint32_t first = below(count + 1);
	uint64_t words[2];
	uint32_t i, sid;

	for (i = 0; i < count; i++) {
		words_of(entries, (first + count - 1 - i) % count, words);
		if (judge_is_stream(words, &sid))
			must(world.judge.owner[sid] == (int)target);
		judge_execute(&world.judge, target, words);
	}
}

static int refuse(struct script_invalidate *cmd, uint32_t bad)
{
	const void *entries = (const void *)(uintptr_t)cmd->data_uptr;
	uint64_t words[2];
	uint32_t i;

	for (i = 0; i < cmd->entry_num; i++) {
		words_of(entries, i, words);
		note_failed(target_of(cmd->hwpt_id),
			    i == bad ? -EIO : WITH_REFUSED, words);
	}
	if (world.meaning == COUNTS_DONE && bad)
		execute(cmd, bad);
	cmd->entry_num = world.meaning == COUNTS_GROUPS ? 0 : bad;
	return -EIO;
}

static int any_call_error(void)
{
	static const int errors[] = { -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT,
				      -ENOMEM,	  -EINTR,     -EFAULT,
				      -ENOENT,	  -EINVAL };

	return errors[below(ARRAY_LEN(errors))];
}

static int answer(struct script_invalidate *cmd)
{
	const void *entries = (const void *)(uintptr_t)cmd->data_uptr;
	const uint32_t target = target_of(cmd->hwpt_id);
	bool silent = false;
	uint64_t words[2];
	uint32_t i, sid;

	if (world.dead[target])
		return fail_call(cmd, world.dead[target]);
	for (i = 0; i < cmd->entry_num; i++) {
		words_of(entries, i, words);
		if (judge_is_stream(words, &sid) &&
		    world.refused_sids >> sid & 1)
			return refuse(cmd, i);
		silent |= (uint8_t)words[0] == 0x40 && world.silent[target];
	}
	if (silent)
		return fail_call(cmd, -ETIMEDOUT);
	if (one_in(world.fail_one_in)) {
		if (one_in(2))
			return refuse(cmd, below(cmd->entry_num));
		return fail_call(cmd, any_call_error());
	}
	execute(cmd, cmd->entry_num);
	return 0;
}

static int host_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct script_invalidate *cmd = arg;

	(void)data;
	must(fd == SCRIPT_FD && request == SCRIPT_HWPT_INVALIDATE);
	must(cmd->size == sizeof(*cmd) && cmd->data_type == 1 && !cmd->flags);
	must(cmd->entry_len == 16 && cmd->entry_num && cmd->entry_num <= GROUP);
	must(world.judge.there[target_of(cmd->hwpt_id)]);
	must(!world.judge.isolated[target_of(cmd->hwpt_id)]);
	world.calls++;
	world.last_ret = answer(cmd);
	return world.last_ret;
}

/* Was that so, in this run? */
static bool did_fail(uint32_t target, int error, const uint64_t words[2])
{
	uint32_t i;

	for (i = 0; i < world.n_failed; i++) {
		if (world.failed[i].target == target &&
		    world.failed[i].error == error &&
		    (!words || !memcmp(world.failed[i].words, words, 16)))
			return true;
	}
	return false;
}

/* ---- The VMM ---- */

static uint64_t cookie_of(uint32_t target)
{
	return UINT64_C(0xc00c1e0000) + target;
}

static uint32_t target_named(uint64_t cookie)
{
	must(cookie >= cookie_of(0) && cookie < cookie_of(JUDGE_TARGETS));
	return (uint32_t)(cookie - cookie_of(0));
}

static struct iommunest_smmuv3_target target_at(uint32_t target)
{
	return (struct iommunest_smmuv3_target){
		.size = sizeof(struct iommunest_smmuv3_target),
		.ctx = world.ctx[target & 1],
		.viommu_id = FIRST_VIOMMU + target,
		.cookie = cookie_of(target),
	};
}

static int vmm_read(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	const uint64_t offset = gpa - world.base;
	const uint32_t first = (uint32_t)(offset / 16);
	const uint32_t count = (uint32_t)(len / 16);

	(void)vmm;
	must(gpa >= world.base && len && len % 16 == 0 && len <= 1024);
	must(offset + len <= UINT64_C(16) << world.log2);
	must(gpa / 4096 == (gpa + len - 1) / 4096);
	if (first < world.bad_first + world.bad_count &&
	    world.bad_first < first + count)
		return -EFAULT;
	memcpy(buf, world.ring[first], len);
	return 0;
}

/* What a function returns, where it may fail. */
static int vmm_answer(void)
{
	static const int errors[] = { -EIO, -ENOMEM, -ETIMEDOUT };

	if (!one_in(world.vmm_fails_one_in))
		return 0;
	world.vmm_error = errors[below(ARRAY_LEN(errors))];
	return world.vmm_error;
}

static int vmm_write_msi(void *vmm, uint32_t index, uint64_t gpa, uint32_t data)
{
	const uint64_t *words = judge_at(&world.judge, index)->words;
	const uint64_t offset = gpa - world.base;

	(void)vmm;
	must(world.options.flags & IOMMUNEST_SMMUV3_CMDQ_MSI);
	must(gpa == (words[1] & UINT64_C(0x000ffffffffffffc)) && gpa);
	must(data == words[0] >> 32);
	judge_event(&world.judge, JUDGE_COMPLETED, index);
	if (gpa >= world.base && offset < UINT64_C(16) << world.log2)
		memcpy(&world.ring[offset / 16][offset / 8 % 2], &data, 4);
	return one_in(world.vmm_fails_one_in) ? -EFAULT : 0;
}

static void vmm_interrupt(void *vmm, uint32_t index)
{
	const struct judge_cmd *cmd = judge_at(&world.judge, index);

	(void)vmm;
	must(!cmd->words[1] ||
	     !(world.options.flags & IOMMUNEST_SMMUV3_CMDQ_MSI));
	judge_event(&world.judge, JUDGE_COMPLETED, index);
}

static void vmm_publish(void *vmm, uint32_t cons, uint32_t gerror)
{
	struct iommunest_smmuv3_cmdq_registers regs = { .size = sizeof(regs) };

	(void)vmm;
	must(!iommunest_smmuv3_cmdq_read(world.q, &regs));
	must(regs.cons == cons && regs.gerror == gerror);
	judge_publish(&world.judge, cons & IOMMUNEST_SMMUV3_CMDQ_POSITION);
}

static void own(uint32_t sid, int owner)
{
	struct iommunest_smmuv3_target target;
	struct judge *judge = &world.judge;

	if (owner < (int)JUDGE_TARGETS && !judge->there[owner])
		owner = JUDGE_NOBODY;
	if (!world.ops.stream) {
		if (judge->owner[sid] != JUDGE_NOBODY)
			must(!iommunest_smmuv3_cmdq_remove_stream(world.q,
								  sid));
		if (owner < (int)JUDGE_TARGETS) {
			target = target_at((uint32_t)owner);
			must(!iommunest_smmuv3_cmdq_add_stream(world.q, sid,
							       &target));
		} else if (owner == JUDGE_VMM) {
			must(!iommunest_smmuv3_cmdq_add_stream(world.q, sid,
							       NULL));
		}
	}
	judge_own(judge, sid, owner);
}

static int any_owner(void)
{
	switch (below(8)) {
	case 0:
		return JUDGE_NOBODY;
	case 1:
		return JUDGE_VMM;
	default:
		return (int)below(JUDGE_TARGETS);
	}
}

static void add(uint32_t number)
{
	const struct iommunest_smmuv3_target target = target_at(number);

	must(!iommunest_smmuv3_cmdq_add_target(world.q, &target));
	judge_add(&world.judge, number);
}

static void remove_target(uint32_t number)
{
	const struct iommunest_smmuv3_target target = target_at(number);

	must(!iommunest_smmuv3_cmdq_remove_target(world.q, &target));
	judge_remove(&world.judge, number);
}

static void add_another(uint32_t than)
{
	unsigned int i;

	for (i = 0; i < JUDGE_TARGETS; i++) {
		if (i != than && !world.judge.there[i]) {
			add(i);
			return;
		}
	}
}

static int vmm_command(void *vmm, uint32_t index,
		       const struct iommunest_smmuv3_cmd *cmd)
{
	const struct judge_cmd *is = judge_at(&world.judge, index);
	int ret;

	(void)vmm;
	must(cmd->opcode == (uint8_t)is->words[0]);
	judge_reach(&world.judge, index);
	ret = vmm_answer();
	if (ret)
		return ret;
	judge_event(&world.judge, JUDGE_GIVEN, index);
	/* It may be given while others are gathered, unless it is that. */
	if (cmd->opcode == 0x03 && one_in(2))
		own(cmd->sid, any_owner());
	if (cmd->opcode == 0x03 && one_in(8))
		add_another(JUDGE_TARGETS);
	return 0;
}

static void vmm_dropped(void *vmm, uint32_t index,
			const struct iommunest_smmuv3_cmd *cmd)
{
	(void)vmm;
	must(cmd->opcode == (uint8_t)judge_at(&world.judge, index)->words[0]);
	judge_event(&world.judge, JUDGE_DROPPED, index);
}

static void vmm_skipped(void *vmm, uint32_t index, uint64_t cookie, int error)
{
	struct judge_cmd *cmd = judge_at(&world.judge, index);
	const uint32_t target = target_named(cookie);

	(void)vmm;
	must(world.options.policy == IOMMUNEST_SMMUV3_CMDQ_SKIP);
	must(did_fail(target, error, cmd->words));
	if (index != world.last_skip)
		world.skips++;
	world.last_skip = index;
	cmd->skipped |= 1u << target;
}

static void vmm_healed(void *vmm, uint64_t cookie, uint32_t index, int error,
		       uint32_t code)
{
	const struct judge_cmd *cmd = judge_at(&world.judge, index);

	(void)vmm;
	must(!code);
	must(world.options.policy == IOMMUNEST_SMMUV3_CMDQ_HEAL);
	must(did_fail(target_named(cookie), error, NULL));
	/*
	 * What is in doubt is named after the CMD_SYNC that waits for it, or
	 * after that at which `forwarded` failed before.
	 */
	must(cmd->kind == JUDGE_SYNC || world.vmm_fails_one_in ||
	     did_fail(target_named(cookie), error, cmd->words) ||
	     (error != -EIO &&
	      did_fail(target_named(cookie), WITH_REFUSED, cmd->words)));
}

static int vmm_isolate(void *vmm, uint64_t cookie, uint32_t index, int error,
		       uint32_t code)
{
	const uint32_t target = target_named(cookie);
	const uint32_t other = below(JUDGE_TARGETS);
	int ret;

	vmm_healed(vmm, cookie, index, error, code);
	ret = one_in(3) ? -EBUSY : 0;
	if (ret)
		return ret;
	judge_isolate(&world.judge, target);
	world.dead[target] = 0;
	world.silent[target] = false;
	if (one_in(3)) {
		add(target);
	} else if (one_in(2) && world.judge.there[other]) {
		remove_target(other);
		/* It may take the place of that one. */
		add_another(other);
	}
	return 0;
}

static void vmm_trace(void *vmm, uint64_t cookie,
		      const struct iommunest_call *call)
{
	uint64_t words[GROUP][2];
	uint32_t i;

	(void)vmm;
	world.traced++;
	must(call->id == FIRST_VIOMMU + target_named(cookie));
	must(call->count && call->count <= GROUP);
	must(call->error == world.last_ret);
	if (call->flush_all)
		return;
	for (i = 0; i < call->count; i++)
		words_of(call->entries, i, words[i]);
	judge_call(&world.judge, target_named(cookie), call->count,
		   (const uint64_t(*)[2])words, call->cookies, !call->error);
}

static int vmm_forwarded(void *vmm, uint32_t index,
			 const struct iommunest_smmuv3_cmd *cmd)
{
	int ret;

	(void)vmm;
	must(cmd->opcode == (uint8_t)judge_at(&world.judge, index)->words[0]);
	judge_reach(&world.judge, index);
	ret = vmm_answer();
	if (ret)
		return ret;
	judge_event(&world.judge, JUDGE_FORWARDED, index);
	return 0;
}

static int vmm_stream(void *vmm, uint32_t sid,
		      struct iommunest_smmuv3_target *target)
{
	const int owner = world.judge.owner[sid];
	const int ret = one_in(4) ? vmm_answer() : 0;

	(void)vmm;
	if (ret)
		return ret;
	if (!world.judge.calm && one_in(50))
		add_another(JUDGE_TARGETS);
	if (owner == JUDGE_NOBODY)
		return IOMMUNEST_SMMUV3_STREAM_NOBODY;
	if (owner == JUDGE_VMM)
		return IOMMUNEST_SMMUV3_STREAM_VMM;
	*target = target_at((uint32_t)owner);
	return IOMMUNEST_SMMUV3_STREAM_TARGET;
}

/* ---- A world ---- */

static void choose_ops(void)
{
	world.ops = (struct iommunest_smmuv3_cmdq_ops){
		.size = sizeof(world.ops),
		.read = vmm_read,
		.write_msi = vmm_write_msi,
		.interrupt = vmm_interrupt,
		.publish = one_in(4) ? NULL : vmm_publish,
		.command = vmm_command,
		.dropped = vmm_dropped,
		.skipped = vmm_skipped,
		.healed = vmm_healed,
		.isolate = vmm_isolate,
		.trace = vmm_trace,
		.forwarded = one_in(4) ? NULL : vmm_forwarded,
		.stream = one_in(3) ? vmm_stream : NULL,
	};
	world.judge.tells_forwarded = world.ops.forwarded;
}

static void choose_options(void)
{
	static const uint32_t budgets[] = {
		1, 3, 17, 64, 200, 0, IOMMUNEST_SMMUV3_CMDQ_NO_BUDGET
	};
	struct iommunest_smmuv3_cmdq_options *options = &world.options;

	*options = (struct iommunest_smmuv3_cmdq_options){
		.size = sizeof(*options),
		.caps = &world.caps,
		.policy = one_in(2) ? 0 : below(3),
		.budget = budgets[below(ARRAY_LEN(budgets))],
		.flags = one_in(4) ? 0 : IOMMUNEST_SMMUV3_CMDQ_MSI,
	};
	if (options->policy == IOMMUNEST_SMMUV3_CMDQ_HEAL)
		options->unhealed = below(3);
	else
		options->unhealed = below(2);
	if (has_doubts) {
		options->policy = IOMMUNEST_SMMUV3_CMDQ_HEAL;
		options->unhealed = IOMMUNEST_SMMUV3_UNHEALED_ABT;
	}
	if (options->unhealed && one_in(2))
		world.ops.isolate = NULL;
}

static void choose_hardware(void)
{
	world.caps = cmd_full_caps();
	world.caps.ril = !one_in(3);
	world.caps.ats = !one_in(4);
	if (one_in(2))
		world.caps.ssid_bits = 0;
}

static void choose_host(void)
{
	static const uint32_t rates[] = { NEVER, 3, 10, 100 };

	world.meaning = (enum meaning)below(MEANINGS);
	if (world.judge.calm)
		return;
	world.fail_one_in = rates[below(ARRAY_LEN(rates))];
	world.vmm_fails_one_in = one_in(2) ? NEVER : 20 + below(200);
}

static void open_contexts(void)
{
	static struct iommunest_sys sys;
	struct iommunest_open_options options = { .size = sizeof(options),
						  .sys = &sys };
	unsigned int i;

	sys = script_sys;
	sys.ioctl = host_ioctl;
	for (i = 0; i < ARRAY_LEN(world.ctx); i++)
		must(!iommunest_open_fd(&world.ctx[i], SCRIPT_FD, &options));
}

static void begin_run(void)
{
	judge_begin(&world.judge);
	world.n_failed = 0;
	world.calls = 0;
	world.traced = 0;
	world.skips = 0;
	world.last_skip = UINT32_MAX;
	world.vmm_error = 0;
	world.result = (struct iommunest_smmuv3_cmdq_result){
		.size = sizeof(world.result),
	};
}

static void check_failure(uint32_t cause)
{
	const struct iommunest_smmuv3_cmdq_result *result = &world.result;

	must(result->error == world.ret && result->error < 0);
	must(result->index == (world.judge.cons & (world.judge.slots - 1)));
	switch (cause) {
	case IOMMUNEST_CAUSE_GUEST:
		must(world.ret == -EBADMSG && result->cons >> 24 == 1);
		must(judge_head(&world.judge)->kind == JUDGE_ILLEGAL);
		break;
	case IOMMUNEST_CAUSE_FETCH:
		must(world.ret == -EFAULT && result->cons >> 24 == 2);
		break;
	default:
		must(cause == IOMMUNEST_CAUSE_HOST);
		must((result->cons >> 24 != 0) ==
		     (world.options.unhealed == IOMMUNEST_SMMUV3_UNHEALED_ABT));
		must(result->cons >> 24 != 1);
		/* Unless `forwarded` failed between. */
		if (result->cons >> 24 == 3 && !world.vmm_fails_one_in)
			must(judge_head(&world.judge)->kind == JUDGE_SYNC);
		break;
	}
}

/* Of a run that has just failed, and not of one that stays so. */
static void check_blame(void)
{
	const struct iommunest_smmuv3_cmdq_result *result = &world.result;

	if (result->cause == IOMMUNEST_CAUSE_FETCH)
		must(result->index - world.bad_first < world.bad_count);
	if (result->cause != IOMMUNEST_CAUSE_HOST)
		return;
	if (result->cookie)
		must(did_fail(target_named(result->cookie), result->error,
			      NULL));
	else
		must(result->error == world.vmm_error);
}

/* After a run: @before is told as it was. */
static void end_run(int ret, uint64_t before, bool halted)
{
	const struct iommunest_smmuv3_cmdq_result *result = &world.result;
	struct judge *judge = &world.judge;

	world.ret = ret;
	judge_publish(judge, result->cons & IOMMUNEST_SMMUV3_CMDQ_POSITION);
	world.done += judge->told - before;
	must(result->commands == judge->told - before);
	if (world.options.budget)
		must(result->commands <= world.options.budget);
	must(result->calls == world.calls && world.traced == world.calls);
	must(result->vmm == judge->n_events[JUDGE_GIVEN]);
	must(result->dropped == judge->n_events[JUDGE_DROPPED]);
	must(result->skipped == world.skips || ret < 0);
	if (judge->tells_forwarded)
		must(result->forwarded + result->skipped ==
		     judge->n_events[JUDGE_FORWARDED]);
	if (ret < 0) {
		check_failure(result->cause);
		if (!halted)
			check_blame();
		return;
	}
	must(!result->cause && !result->error && !(result->cons >> 24));
	must(!world.enabled || (judge->told == world.kicked) == !ret);
	if (judge->calm && !ret)
		must(!result->skipped);
}

static bool is_halted(void)
{
	return world.ret < 0;
}

static void run(void)
{
	const uint64_t before = world.judge.told;
	const bool halted = is_halted();

	begin_run();
	end_run(iommunest_smmuv3_cmdq_run(world.q, &world.result), before,
		halted);
}

static void kick(void)
{
	const uint64_t before = world.judge.told;
	const bool halted = is_halted();

	begin_run();
	world.kicked = world.judge.put;
	end_run(iommunest_smmuv3_cmdq_write_prod(world.q, world.judge.prod,
						 &world.result),
		before, halted);
}

static void enable(bool on)
{
	const uint64_t before = world.judge.told;
	const bool halted = is_halted();

	begin_run();
	world.enabled = on;
	end_run(iommunest_smmuv3_cmdq_write_cr0(
			world.q, on ? IOMMUNEST_SMMUV3_CR0_CMDQEN : 0,
			&world.result),
		before, halted);
}

static void new_queue(void)
{
	world.log2 = 1 + below(8);
	if (one_in(3))
		world.log2 = 5 + below(4);
	world.base = (UINT64_C(0xabc) + below(16)) << 20;
	must(!iommunest_smmuv3_cmdq_write_base(world.q,
					       world.base | world.log2));
	judge_restart(&world.judge, 1u << world.log2, below(1024));
	world.bad_count = 0;
	must(!iommunest_smmuv3_cmdq_write_cons(world.q, world.judge.cons));
	kick();
}

static void make_engine(void)
{
	must(!iommunest_smmuv3_cmdq_new(&world.q, &world.ops, NULL,
					&world.options));
}

static void close_world(void)
{
	iommunest_smmuv3_cmdq_free(world.q);
	iommunest_close(world.ctx[0]);
	iommunest_close(world.ctx[1]);
}

static void open_world(void)
{
	unsigned int i;

	memset(&world, 0, sizeof(world));
	judge_start(&world.judge, 1, broken);
	world.judge.calm = one_in(4);
	has_doubts = !world.judge.calm && one_in(4);
	choose_hardware();
	choose_ops();
	choose_options();
	choose_host();
	open_contexts();
	make_engine();
	new_queue();
	for (i = 0; i < 1 + below(JUDGE_TARGETS); i++)
		add(i);
	for (i = 0; i < JUDGE_SIDS; i++) {
		if (!one_in(6))
			own(i, any_owner());
	}
	enable(true);
}

/* ---- What happens ---- */

static void put(void)
{
	uint32_t room = judge_room(&world.judge);
	uint32_t slot, count;
	struct choice choice;

	mood = has_doubts && !one_in(3) ? 3 : below(8);
	if (!one_in(5))
		room = room < 12 ? room : 12;
	for (count = below(room + 1); count; count--) {
		slot = world.judge.prod & (world.judge.slots - 1);
		choice = any_command(slot);
		must(judge_put(&world.judge, choice.words, choice.kind) ==
		     slot);
		memcpy(world.ring[slot], choice.words, 16);
	}
}

/* Linux overwrites it with a CMD_SYNC. */
static void replace_head(void)
{
	const uint32_t slot = world.judge.cons & (world.judge.slots - 1);
	struct choice choice = any_sync(slot);

	if (one_in(4))
		choice = any_command(slot);
	judge_replace(&world.judge, choice.words, choice.kind);
	memcpy(world.ring[slot], choice.words, 16);
}

static void acknowledge(void)
{
	struct iommunest_smmuv3_cmdq_registers regs = { .size = sizeof(regs) };
	const uint64_t before = world.judge.told;

	must(!iommunest_smmuv3_cmdq_read(world.q, &regs));
	begin_run();
	end_run(iommunest_smmuv3_cmdq_write_gerrorn(world.q, regs.gerror,
						    &world.result),
		before, false);
}

static void heal_host(void)
{
	memset(world.dead, 0, sizeof(world.dead));
	memset(world.silent, 0, sizeof(world.silent));
	world.refused_sids = 0;
	world.bad_count = 0;
}

static void recover(void)
{
	const uint32_t cerror = world.result.cons >> 24;

	if (!one_in(5))
		heal_host();
	if (cerror == 1 && !one_in(6))
		replace_head();
	if (cerror) {
		acknowledge();
		return;
	}
	iommunest_smmuv3_cmdq_clear_fault(world.q);
	world.ret = 0;
	run();
}

static void remake_targets(void)
{
	struct judge *judge = &world.judge;
	struct iommunest_smmuv3_target target;
	unsigned int i;

	for (i = 0; i < JUDGE_TARGETS; i++) {
		target = target_at(i);
		if (!judge->there[i])
			continue;
		must(!iommunest_smmuv3_cmdq_add_target(world.q, &target));
		judge_add(judge, i);
	}
	for (i = 0; i < JUDGE_SIDS && !world.ops.stream; i++) {
		if (judge->owner[i] == JUDGE_NOBODY)
			continue;
		target = target_at((uint32_t)judge->owner[i]);
		must(!iommunest_smmuv3_cmdq_add_stream(
			world.q, i,
			judge->owner[i] == JUDGE_VMM ? NULL : &target));
	}
}

/* ATC_INVs, as far as registers say it. */
static bool may_have_doubt(const struct iommunest_smmuv3_cmdq_registers *regs)
{
	const uint32_t cerror = regs->cons >> 24;

	if (world.options.unhealed != IOMMUNEST_SMMUV3_UNHEALED_ABT)
		return cerror == 3;
	return cerror == 3 || (cerror && world.caps.ats);
}

/* The destination has the same host, and caches that stay. */
static void migrate(void)
{
	struct iommunest_smmuv3_cmdq_state state = { .size = sizeof(state) };
	struct iommunest_smmuv3_cmdq_registers regs = { .size = sizeof(regs) };
	const struct judge before = world.judge;
	struct iommunest_smmuv3_cmdq *old = world.q;
	int ret;

	must(!iommunest_smmuv3_cmdq_save(old, &state));
	must(!iommunest_smmuv3_cmdq_read(old, &regs));
	make_engine();
	remake_targets();
	/* What is isolated comes back empty; nothing else does. */
	if (!memcmp(before.isolated, world.judge.isolated,
		    sizeof(before.isolated)))
		world.judge = before;
	if (one_in(2)) {
		must(!iommunest_smmuv3_cmdq_restore(world.q, &state));
	} else {
		ret = iommunest_smmuv3_cmdq_restore_registers(world.q, &regs);
		must(ret == may_have_doubt(&regs));
		if (ret)
			judge_flush_atcs(&world.judge);
		if (!(regs.cons >> 24))
			world.ret = 0;
	}
	iommunest_smmuv3_cmdq_free(old);
	run();
}

static void change_vmm(void)
{
	const uint32_t target = below(JUDGE_TARGETS);
	struct judge *judge = &world.judge;

	if (!one_in(4)) {
		own(below(JUDGE_SIDS), any_owner());
		return;
	}
	if (!judge->there[target] || judge->isolated[target])
		add(target);
	else if (one_in(3))
		remove_target(target);
}

static void fail_something(void)
{
	switch (has_doubts ? 4 : below(5)) {
	case 4:
		world.silent[below(JUDGE_TARGETS)] = true;
		break;
	case 0:
		world.dead[below(JUDGE_TARGETS)] =
			one_in(2) ? -ETIMEDOUT : -ENODEV;
		break;
	case 1:
		world.refused_sids |= 1u << below(JUDGE_SIDS);
		break;
	case 2:
		world.bad_first = below(world.judge.slots);
		world.bad_count = 1 + below(3);
		break;
	default:
		heal_host();
		break;
	}
}

static void change_queue(void)
{
	enable(false);
	if (one_in(2)) {
		world.ret = 0;
		new_queue();
	}
	enable(true);
}

static void live(void)
{
	put();
	if (one_in(8) && !world.judge.calm)
		change_vmm();
	if (one_in(10) && !world.judge.calm && world.fail_one_in)
		fail_something();
	if (one_in(60) && !is_halted())
		change_queue();
	kick();
	while (world.ret == 1 && !one_in(10))
		run();
	if (one_in(40) || (world.result.cons >> 24 == 3 && one_in(4)))
		migrate();
	if (is_halted() && !one_in(4))
		recover();
}

static uint64_t worlds(void)
{
	const uint64_t count = support_number("IOMMUNEST_COUNT", DEFAULT_COUNT);

	return (count + COMMANDS_PER_GUEST - 1) / COMMANDS_PER_GUEST;
}

TEST_LOOP(no_invalidation_is_lost_or_reported_done_too_early, worlds())
{
	unsigned int rounds = 0;

	rng.seed = rng.state = first_seed + (uint64_t)_i;
	open_world();
	for (; world.done < COMMANDS_PER_GUEST; rounds++) {
		must(rounds < 100 * COMMANDS_PER_GUEST);
		live();
	}
	must(world.judge.judged > 0);
	__atomic_add_fetch(handled, world.done, __ATOMIC_RELAXED);
	close_world();
}

int main(int argc, char **argv)
{
	int ret;

	handled = mmap(NULL, sizeof(*handled), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (handled == MAP_FAILED)
		return EXIT_FAILURE;
	first_seed = support_number(SUPPORT_SEED, 1);
	ret = support_run(argc, argv);
	printf("%llu commands, seeds %llu to %llu\n",
	       (unsigned long long)*handled, (unsigned long long)first_seed,
	       (unsigned long long)(first_seed + worlds() - 1));
	return ret;
}
